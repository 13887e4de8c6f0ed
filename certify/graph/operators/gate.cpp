// See gate.hpp. From a product or quotient of two tensors backwards to the one tensor that all of it is computed from; from there forwards,
// node by node, with the form of each value. What is exactly or certainly so is decided on enclosures, as the checker does.

#include "certify/graph/operators/gate.hpp"

#include <array>
#include <cmath>
#include <optional>
#include <utility>
#include <variant>

#include "certify/graph/balls.hpp"

namespace lipcert {
namespace {

constexpr std::size_t most_nodes = 32;

/// A function of the tensor x: a polynomial, a + b g(x), or x (a + b g(x)).
struct Polynomial {
  std::array<Ball, 4> p{};
};
struct Product {
  Gate gate;
};
using Form = std::variant<Polynomial, Gate, Product>;
using Maybe = std::optional<Form>;

bool is_zero(Ball b) {
  return b.centre == 0 && b.radius == 0;
}
bool is_one(Ball b) {
  return b.centre == 1 && b.radius == 0;
}
bool is_positive(Ball b) {
  return sign_of(b) == Sign::positive;
}
bool may_be_zero(Ball b) {
  return sign_of(b) == Sign::zero || sign_of(b) == Sign::open;
}

/// p1 x alone.
bool is_multiple(const Polynomial& f) {
  return is_zero(f.p[0]) && is_zero(f.p[2]) && is_zero(f.p[3]);
}

/// The form after `change` of the numbers that are linear in it.
template <class Change>
Form changed(Form f, Change change) {
  if (auto* const polynomial = std::get_if<Polynomial>(&f)) {
    for (Ball& p : polynomial->p) {
      p = change(p);
    }
    return f;
  }
  Gate& gate = std::holds_alternative<Gate>(f) ? std::get<Gate>(f) : std::get<Product>(f).gate;
  gate.a = change(gate.a);
  gate.b = change(gate.b);
  return f;
}
Form times(const Form& f, Ball c) {
  return changed(f, [c](Ball b) { return multiply(b, c); });
}

Maybe plus(Form f, Ball c) {
  if (auto* const polynomial = std::get_if<Polynomial>(&f)) {
    polynomial->p[0] = add(polynomial->p[0], c);
    return f;
  }
  if (auto* const gate = std::get_if<Gate>(&f)) {
    gate->a = add(gate->a, c);
    return f;
  }
  return std::nullopt;
}

Maybe sum(const Form& f, const Form& g) {
  const auto* const a = std::get_if<Polynomial>(&f);
  const auto* const b = std::get_if<Polynomial>(&g);
  if (a == nullptr || b == nullptr) {
    return std::nullopt;
  }
  Polynomial result;
  for (std::size_t k = 0; k < 4; ++k) {
    result.p[k] = add(a->p[k], b->p[k]);
  }
  return result;
}

Maybe product(const Form& f, const Form& g) {
  const auto* const a = std::get_if<Polynomial>(&f);
  const auto* const b = std::get_if<Polynomial>(&g);
  if (a != nullptr && b != nullptr) {
    Polynomial result;
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t k = 0; k < 4; ++k) {
        if (is_zero(a->p[i]) || is_zero(b->p[k])) {
          continue;
        }
        if (i + k > 3) {
          return std::nullopt;
        }
        result.p[i + k] = add(result.p[i + k], multiply(a->p[i], b->p[k]));
      }
    }
    return result;
  }
  if (b != nullptr) {
    return product(g, f);
  }
  const auto* const gate = std::get_if<Gate>(&g);
  if (a == nullptr || gate == nullptr || !is_multiple(*a)) {
    return std::nullopt;
  }
  return Product{std::get<Gate>(times(*gate, a->p[1]))};
}

Maybe reciprocal(const Form& f) {
  const auto* const gate = std::get_if<Gate>(&f);
  if (gate == nullptr || gate->kind != Gate::Kind::absolute) {
    return std::nullopt;
  }
  Gate result;
  result.kind = Gate::Kind::inverse;
  result.offset = gate->a;
  result.linear = multiply(gate->b, gate->linear);
  return is_positive(result.offset) && is_positive(result.linear) ? Maybe(result) : std::nullopt;
}

/// The cubic term is GELU's: k = 0.0702381 up to half of what the checker allows.
bool is_gelu(const Gate& gate, double times) {
  const Ball third = divide({1, 0}, multiply(gate.linear, multiply(gate.linear, gate.linear)));
  const Ball k = multiply(multiply(gate.cubic, third), {times, 0});
  const Ball far = subtract(k, {0.0702381, 0x1p-50});
  return bounded(far) && std::fabs(far.centre) + far.radius <= 0x1p-18;
}

/// g(u) of a polynomial u = p1 x + p3 x^3.
Maybe gate_of(Gate::Kind kind, const Form& f) {
  const auto* const u = std::get_if<Polynomial>(&f);
  if (u == nullptr || !is_zero(u->p[0]) || !is_zero(u->p[2]) || may_be_zero(u->p[1])) {
    return std::nullopt;
  }
  Gate gate;
  gate.kind = kind;
  gate.linear = u->p[1];
  gate.cubic = u->p[3];
  const bool cubic = kind == Gate::Kind::tanh || kind == Gate::Kind::sigmoid;
  if (!is_zero(gate.cubic) && !(cubic && is_gelu(gate, kind == Gate::Kind::sigmoid ? 4 : 1))) {
    return std::nullopt;
  }
  return gate;
}

/// min(max(alpha u + beta, low), high).
Maybe clamp_of(const Form& f, Ball alpha, Ball beta, Ball low, Ball high) {
  const auto* const u = std::get_if<Polynomial>(&f);
  if (u == nullptr || !is_zero(u->p[2]) || !is_zero(u->p[3])) {
    return std::nullopt;
  }
  Gate gate;
  gate.kind = Gate::Kind::clamp;
  gate.linear = multiply(alpha, u->p[1]);
  gate.offset = add(multiply(alpha, u->p[0]), beta);
  gate.low = low;
  gate.high = high;
  return may_be_zero(gate.linear) || !bounded(gate.offset) || !(high_end(low) < low_end(high)) ? std::nullopt : Maybe(gate);
}

class Follower {
 public:
  Follower(StepContext& context, ValueId input) : context_(context) { forms_[input] = Polynomial{{Ball{}, Ball{1, 0}, Ball{}, Ball{}}}; }

  /// The form of what the node puts out; false where it has none.
  bool follow(const Node& node) {
    Maybe form = form_of(node);
    if (!form) {
      return false;
    }
    forms_[node.outputs[0]] = std::move(*form);
    return true;
  }
  [[nodiscard]] const Form& at(ValueId id) const { return forms_.at(id); }

 private:
  [[nodiscard]] std::optional<Ball> number(const Node& node, std::size_t input) {
    if (input >= node.inputs.size() || node.inputs[input] == no_value || !context_.constant(node.inputs[input]) ||
        context_.size(node.inputs[input]) != 1) {
      return std::nullopt;
    }
    const EnclosedTensor tensor = context_.constants.value(node.inputs[input]);
    return Ball{tensor.centre[0], tensor.radius_at(0)};
  }

  Maybe arithmetic(const Node& node) {
    const bool data[] = {!context_.constant(node.inputs[0]), !context_.constant(node.inputs[1])};
    const std::size_t k = data[0] ? 0 : 1;
    const Form& f = forms_.at(node.inputs[k]);
    if (data[0] && data[1]) {
      const Form& g = forms_.at(node.inputs[1]);
      switch (node.op) {
        case Operator::add:
          return sum(f, g);
        case Operator::sub:
          return sum(f, times(g, {-1, 0}));
        case Operator::mul:
          return product(f, g);
        default:
          break;
      }
      const Maybe inverse = reciprocal(g);
      return inverse ? product(f, *inverse) : std::nullopt;
    }
    const std::optional<Ball> c = number(node, 1 - k);
    if (!c) {
      return std::nullopt;
    }
    switch (node.op) {
      case Operator::add:
        return plus(f, *c);
      case Operator::sub:
        return k == 0 ? plus(f, {-c->centre, c->radius}) : plus(times(f, {-1, 0}), *c);
      case Operator::mul:
        return times(f, *c);
      default:
        break;
    }
    if (k == 1) {
      const Maybe inverse = reciprocal(f);
      return inverse ? Maybe(times(*inverse, *c)) : std::nullopt;
    }
    return may_be_zero(*c) ? std::nullopt : Maybe(changed(f, [&](Ball b) { return divide(b, *c); }));
  }

  Maybe form_of(const Node& node) {
    switch (node.op) {
      case Operator::add:
      case Operator::sub:
      case Operator::mul:
      case Operator::div:
        return arithmetic(node);
      default:
        break;
    }
    const auto found = forms_.find(node.inputs.at(0));
    if (found == forms_.end()) {
      return std::nullopt;
    }
    const Form& f = found->second;
    switch (node.op) {
      case Operator::identity:
      case Operator::dropout:
      case Operator::cast:
        return f;
      case Operator::neg:
        return times(f, {-1, 0});
      case Operator::reciprocal:
        return reciprocal(f);
      case Operator::pow: {
        const std::optional<Ball> n = number(node, 1);
        if (!std::holds_alternative<Polynomial>(f) || !n || n->radius != 0 || (n->centre != 2 && n->centre != 3)) {
          return std::nullopt;
        }
        const Maybe square = product(f, f);
        return n->centre == 2 || !square ? square : product(*square, f);
      }
      case Operator::sigmoid:
        return gate_of(Gate::Kind::sigmoid, f);
      case Operator::erf:
        return gate_of(Gate::Kind::erf, f);
      case Operator::softplus:
        return gate_of(Gate::Kind::softplus, f);
      case Operator::tanh: {
        const auto* const inner = std::get_if<Gate>(&f);
        if (inner == nullptr) {
          return gate_of(Gate::Kind::tanh, f);
        }
        if (inner->kind != Gate::Kind::softplus || !is_zero(inner->a) || !is_one(inner->b)) {
          return std::nullopt;
        }
        Gate gate = *inner;
        gate.kind = Gate::Kind::tanh_softplus;
        return gate;
      }
      case Operator::abs: {
        const auto* const u = std::get_if<Polynomial>(&f);
        if (u == nullptr || !is_multiple(*u) || may_be_zero(u->p[1])) {
          return std::nullopt;
        }
        Gate gate;
        gate.kind = Gate::Kind::absolute;
        gate.linear = {std::fabs(u->p[1].centre), u->p[1].radius};
        return gate;
      }
      case Operator::hard_sigmoid:
        return clamp_of(f, {node.real_attribute("alpha"), 0}, {node.real_attribute("beta"), 0}, {0, 0}, {1, 0});
      case Operator::clip: {
        if (node.attributes.count("min") != 0) {
          return clamp_of(f, {1, 0}, {0, 0}, {node.real_attribute("min"), 0}, {node.real_attribute("max"), 0});
        }
        const std::optional<Ball> low = number(node, 1);
        const std::optional<Ball> high = number(node, 2);
        return low && high ? clamp_of(f, {1, 0}, {0, 0}, *low, *high) : std::nullopt;
      }
      default:
        return std::nullopt;
    }
  }

  StepContext& context_;
  std::map<ValueId, Form> forms_;
};

std::optional<GatedProduct> gated_product_at(StepContext& context, std::size_t last, const std::set<std::size_t>& taken) {
  const Network& network = context.network;
  const Shape& shape = context.shape_of(network.nodes[last].outputs[0]);
  std::set<std::size_t> inside{last};
  std::set<ValueId> open;  // values are numbered in the order in which they are made
  const auto reads = [&](std::size_t index) {
    for (const std::size_t k : context.data_inputs(network.nodes[index])) {
      open.insert(network.nodes[index].inputs[k]);
    }
  };
  reads(last);
  while (open.size() > 1) {
    const ValueId id = *open.rbegin();
    const Value& value = network.values[id];
    if (value.kind != Value::Kind::node_output || taken.count(value.producer) != 0 || inside.size() == most_nodes || value.shape != shape ||
        id == network.output || network.nodes[value.producer].outputs.size() != 1) {
      return std::nullopt;
    }
    open.erase(id);
    inside.insert(value.producer);
    reads(value.producer);
  }
  const ValueId input = *open.begin();
  if (context.shape_of(input) != shape) {
    return std::nullopt;
  }
  for (const std::size_t index : inside) {
    for (const std::size_t reader : context.readers[network.nodes[index].outputs[0]]) {
      if (index != last && inside.count(reader) == 0) {
        return std::nullopt;
      }
    }
  }
  Follower follower(context, input);
  for (const std::size_t index : inside) {
    if (!follower.follow(network.nodes[index])) {
      return std::nullopt;
    }
  }
  const auto* const product = std::get_if<Product>(&follower.at(network.nodes[last].outputs[0]));
  if (product == nullptr || product->gate.kind == Gate::Kind::softplus || product->gate.kind == Gate::Kind::absolute ||
      !bounded(product->gate.a) || !bounded(product->gate.b)) {
    return std::nullopt;
  }
  GatedProduct found;
  found.input = input;
  found.step.kind = Step::Kind::activation;
  found.step.op = network.nodes[last].op;
  found.step.gate = product->gate;
  found.step.node = last;
  found.step.nodes.assign(inside.begin(), inside.end());
  found.step.value = network.nodes[last].outputs[0];
  found.step.input_size = found.step.output_size = element_count(shape);
  return found;
}

}  // namespace

std::map<std::size_t, GatedProduct> find_gated_products(StepContext& context, const std::set<std::size_t>& taken) {
  std::map<std::size_t, GatedProduct> found;
  std::set<std::size_t> all = taken;
  for (std::size_t i = 0; i < context.network.nodes.size(); ++i) {
    const Node& node = context.network.nodes[i];
    if ((node.op != Operator::mul && node.op != Operator::div) || taken.count(i) != 0 || context.data_inputs(node).size() != 2) {
      continue;
    }
    try {
      if (std::optional<GatedProduct> product = gated_product_at(context, i, all)) {
        all.insert(product->step.nodes.begin(), product->step.nodes.end());
        found[i] = std::move(*product);
      }
    } catch (const Refused&) {
      // A constant that cannot be computed: its node is refused, with its own reason.
    }
  }
  return found;
}

}  // namespace lipcert
