// See gated_product.hpp.
//
// Every tensor of the block has the shape of its input x and every constant one element, so that all of it happens entry by entry: each value is a
// function of one real number, followed here as a polynomial of degree at most 3, as a + b g(x), or as x (a + b g(x)). The block's output is of the last
// form. It is locally Lipschitz, and where it is differentiable its slope is a + b h, h = (x g)' = g + x g'; so its constant is the largest |a + b h| over
// the closure of the values of h, whose ends m and M are approached (mean value theorem; theorem elementwise-slope).
//
// With u = p x, p not 0, g + x g' depends on p x alone: the ends are those for p = 1.
//   sigmoid: h = s + x s (1 - s), h' = s (1 - s) (2 + x (1 - 2 s)), zero where x tanh(x/2) = 2, that is at +-x0, x0 = 2.39935728... (x tanh(x/2) increases
//     for x > 0). h -> 0, 1 at the ends and h(-x) = 1 - h(x), so the ends are 1 - S and S = h(x0). There 2 s - 1 = tanh(x0/2) = 2/x0,
//     s (1 - s) = (1 - 4/x0^2)/4, and S = 1/2 + 1/x0 + x0 (1 - 4/x0^2)/4 = 1/2 + x0/4. From x tanh(x/2) - 2 < 0 at 2.39932 and > 0 at 2.39936:
//     1.09983 < S < 1.09984.
//   tanh(x) = 2 sigmoid(2 x) - 1: h = 2 h_sigmoid(2 x) - 1.
//   erf: h = erf(x) + 2/sqrt(pi) x exp(-x^2), h' = 4/sqrt(pi) (1 - x^2) exp(-x^2): odd, with limits +-1 and extremes at +-1,
//     E = erf(1) + 2/(e sqrt(pi)) = 0.84270079... + 0.41510749... = 1.25780829...
//   tanh(softplus(x)): h is the slope of Mish: proved by subdivision (verifier/graph/activations.cpp).
//   min(max(v, low), high), v = p x + q: h is low or high outside, and 2 p x + q = 2 v - q inside, where v runs from low to high (p not 0, low < high).
//   1 / (c + s |x|): h = c / (c + s |x|)^2, from 1/c down to 0.
// With u = p x + r x^3, h depends on p x and k = r / p^3 alone: tanh(y + k y^3) has |h| <= K with 1.25798 < K < 1.25800 for all k within 2^-17 of
// 0.0702381, and sigmoid(u) = (1 + tanh(u / 2)) / 2. tests/verifier_layers ("the constants of the table") proves S, E, K and Mish by
// subdivision with directed rounding.
#include "verifier/theorems/gated_product.hpp"

#include <algorithm>
#include <array>
#include <map>

#include "verifier/base/failure.hpp"
#include "verifier/graph/functions.hpp"

namespace lipverify {

namespace {

enum class Gate { sigmoid, tanh, erf, tanh_softplus, clamp, inverse, softplus, absolute };

struct Form {
  enum class Kind { polynomial, gate, product } kind = Kind::polynomial;
  std::array<Interval, 4> p;  // polynomial: its coefficients
  Gate gate = Gate::sigmoid;  // a + b g(x), times x for a product
  Interval a, b, linear, cubic, offset, low, high;
};

bool is_one(const Interval& x) { return x == integer(1); }
bool positive(const Interval& x) { return x.low > 0; }

/// A number between two, both ends exact.
struct Ends {
  Rational low, high;
};
/// A number between n and n + 1 units of the fifth decimal.
Ends decimals(std::int64_t n) { return {Rational(n, 100000), Rational(n + 1, 100000)}; }
Ends ends_of(const Interval& x) { return {lower_end(x), upper_end(x)}; }
Ends operator+(const Ends& x, const Ends& y) { return {x.low + y.low, x.high + y.high}; }
Ends operator-(const Ends& x) { return {-x.high, -x.low}; }
Ends operator*(const Ends& x, const Ends& y) {
  const auto [low, high] = std::minmax({Rational(x.low * y.low), Rational(x.low * y.high), Rational(x.high * y.low), Rational(x.high * y.high)});
  return {low, high};
}

/// m and M.
struct Turned {
  Ends least, most;
};

class Follower {
 public:
  Follower(const Graph& graph, Evaluator& evaluator, const Block& block) : graph_(graph), evaluator_(evaluator), block_(block) {
    Form x;
    x.p[1] = integer(1);
    forms_[block.input()] = x;
  }

  Constant run() {
    const Shape& shape = graph_.values[block_.input()].shape;
    for (const std::size_t i : block_.nodes()) {
      at_ = i;
      const Node& node = graph_.nodes[i];
      if (graph_.values[node.outputs[0]].shape != shape) fail("its result has another shape than the block's input");
      forms_[node.outputs[0]] = form_of(node);
    }
    const Form& f = forms_.at(block_.output());
    if (f.kind != Form::Kind::product) fail("it does not end in a product of x and a gate");
    const Turned h = turned(f);
    Constant out;
    for (const Ends& slope : {ends_of(f.a) + ends_of(f.b) * h.least, ends_of(f.a) + ends_of(f.b) * h.most}) {
      out.upper = std::max({out.upper, slope.high, Rational(-slope.low)});
      out.lower = std::max({out.lower, slope.low, Rational(-slope.high)});
    }
    return out;
  }

 private:
  [[noreturn]] void fail(const std::string& reason) const { reject(graph_.label(at_) + " does not belong in a gated product: " + reason); }

  [[nodiscard]] bool is_data(ValueId id) const { return id != kAbsent && !graph_.values[id].constant; }
  const Form& form(ValueId id) const {
    const auto found = forms_.find(id);
    if (found == forms_.end()) fail("it reads something that is not computed from the block's input alone");
    return found->second;
  }
  /// The constant with one element that is input k.
  Interval number(const Node& node, std::size_t k) {
    if (k >= node.inputs.size() || node.inputs[k] == kAbsent || is_data(node.inputs[k]) || element_count(graph_.values[node.inputs[k]].shape) != 1)
      fail("it lacks a constant with one element");
    const Value& value = graph_.values[node.inputs[k]];
    if (!is_floating(value.type)) return value.known == nullptr ? Interval() : integer(value.known->integer(0));
    return evaluator_.constant(node.inputs[k]).at(0);
  }
  void need(bool condition, const char* reason) const {
    if (!condition) fail(reason);
  }

  [[nodiscard]] static bool multiple(const Form& f) {
    return f.kind == Form::Kind::polynomial && f.p[0].is_zero() && f.p[2].is_zero() && f.p[3].is_zero();
  }
  static Form times(Form f, const Interval& c) {
    for (Interval& p : f.p) p = p * c;
    f.a = f.a * c;
    f.b = f.b * c;
    return f;
  }
  Form plus(Form f, const Interval& c) const {
    need(f.kind != Form::Kind::product, "it adds a constant to the product");
    Interval& constant = f.kind == Form::Kind::polynomial ? f.p[0] : f.a;
    constant = constant + c;
    return f;
  }
  Form sum(Form f, const Form& g) const {
    need(f.kind == Form::Kind::polynomial && g.kind == Form::Kind::polynomial, "it adds something else than two polynomials");
    for (std::size_t k = 0; k < 4; ++k) f.p[k] = f.p[k] + g.p[k];
    return f;
  }
  Form product(const Form& f, const Form& g) const {
    if (f.kind == Form::Kind::polynomial && g.kind == Form::Kind::polynomial) {
      Form out;
      for (std::size_t i = 0; i < 4; ++i)
        for (std::size_t k = 0; k < 4; ++k) {
          if (f.p[i].is_zero() || g.p[k].is_zero()) continue;
          need(i + k < 4, "it makes a polynomial of a degree above 3");
          out.p[i + k] = out.p[i + k] + f.p[i] * g.p[k];
        }
      return out;
    }
    if (f.kind == Form::Kind::gate) {
      need(g.kind == Form::Kind::polynomial, "it multiplies two gates");
      return product(g, f);
    }
    need(multiple(f) && g.kind == Form::Kind::gate, "it multiplies something else than a multiple of x and a gate");
    Form out = times(g, f.p[1]);
    out.kind = Form::Kind::product;
    return out;
  }
  Form reciprocal(const Form& f) const {
    need(f.kind == Form::Kind::gate && f.gate == Gate::absolute, "it divides by something else than c + s |x|");
    Form out = gate_form(Gate::inverse);
    out.offset = f.a;
    out.linear = f.b * f.linear;
    need(positive(out.offset) && positive(out.linear), "its divisor is not known to be positive");
    return out;
  }
  static Form gate_form(Gate gate) {
    Form out;
    out.kind = Form::Kind::gate;
    out.gate = gate;
    out.b = integer(1);
    return out;
  }
  /// g(u), u = p1 x + p3 x^3.
  Form gated(Gate gate, const Form& u) const {
    need(u.kind == Form::Kind::polynomial && u.p[0].is_zero() && u.p[2].is_zero() && !u.p[1].has_zero(), "it is applied to something else than p x + q x^3");
    Form out = gate_form(gate);
    out.linear = u.p[1];
    out.cubic = u.p[3];
    if (out.cubic.is_zero()) return out;
    need(gate == Gate::tanh || gate == Gate::sigmoid, "it is applied to a polynomial with a cubic term");
    const Interval k = quotient(integer(gate == Gate::tanh ? 1 : 4) * out.cubic, out.linear * squared(out.linear));
    const Rational centre(702381, 10000000);
    const Rational reach(1, 1 << 17);
    need(lower_end(k) >= centre - reach && upper_end(k) <= centre + reach, "its cubic term is not that of GELU");
    return out;
  }
  Form clamped(const Form& u, const Interval& alpha, const Interval& beta, const Interval& low, const Interval& high) const {
    need(u.kind == Form::Kind::polynomial && u.p[2].is_zero() && u.p[3].is_zero(), "it is applied to something else than p x + q");
    Form out = gate_form(Gate::clamp);
    out.linear = alpha * u.p[1];
    out.offset = alpha * u.p[0] + beta;
    out.low = low;
    out.high = high;
    need(!out.linear.has_zero() && upper_end(low) < lower_end(high), "its limits leave nothing between them, or its factor is 0");
    return out;
  }

  Form arithmetic(const Node& node) {
    const bool left = is_data(node.inputs[0]);
    const Form& f = form(node.inputs[left ? 0 : 1]);
    if (left && is_data(node.inputs[1])) {
      const Form& g = form(node.inputs[1]);
      if (node.op == Op::add) return sum(f, g);
      if (node.op == Op::sub) return sum(f, times(g, integer(-1)));
      return product(f, node.op == Op::mul ? g : reciprocal(g));
    }
    const Interval c = number(node, left ? 1 : 0);
    if (node.op == Op::add) return plus(f, c);
    if (node.op == Op::sub) return left ? plus(f, negated(c)) : plus(times(f, integer(-1)), c);
    if (node.op == Op::mul) return times(f, c);
    if (!left) return times(reciprocal(f), c);
    need(!c.has_zero(), "it divides by 0, or by a number that cannot be told from 0");
    Form out = f;
    for (Interval& p : out.p) p = quotient(p, c);
    out.a = quotient(out.a, c);
    out.b = quotient(out.b, c);
    return out;
  }

  Form form_of(const Node& node) {
    if (node.op == Op::add || node.op == Op::sub || node.op == Op::mul || node.op == Op::div) return arithmetic(node);
    const Form& f = form(node.inputs[0]);
    const auto real = [&](const char* name) { return Interval(dyadic_of_binary32(node.attributes.at(name).real)); };
    switch (node.op) {
      case Op::identity:
      case Op::dropout:
      case Op::cast: return f;
      case Op::neg: return times(f, integer(-1));
      case Op::reciprocal: return reciprocal(f);
      case Op::pow: {
        const Interval n = number(node, 1);
        need(f.kind == Form::Kind::polynomial && (n == integer(2) || n == integer(3)), "it is no square or cube of a polynomial");
        return n == integer(2) ? product(f, f) : product(product(f, f), f);
      }
      case Op::sigmoid: return gated(Gate::sigmoid, f);
      case Op::erf: return gated(Gate::erf, f);
      case Op::softplus: return gated(Gate::softplus, f);
      case Op::tanh: {
        if (f.kind != Form::Kind::gate) return gated(Gate::tanh, f);
        need(f.gate == Gate::softplus && f.a.is_zero() && is_one(f.b), "it is applied to something else than a polynomial or Softplus");
        Form out = f;
        out.gate = Gate::tanh_softplus;
        return out;
      }
      case Op::abs: {
        need(multiple(f) && !f.p[1].has_zero(), "it is applied to something else than a multiple of x");
        Form out = gate_form(Gate::absolute);
        out.linear = absolute(f.p[1]);
        return out;
      }
      case Op::hard_sigmoid: return clamped(f, real("alpha"), real("beta"), Interval(), integer(1));
      case Op::clip:
        if (graph_.opset < 11) return clamped(f, integer(1), Interval(), real("min"), real("max"));
        return clamped(f, integer(1), Interval(), number(node, 1), number(node, 2));
      default: fail("it is none of its operators");
    }
  }

  [[nodiscard]] Turned turned(const Form& f) const {
    const Ends one{Rational(1), Rational(1)};
    const Ends two{Rational(2), Rational(2)};
    const Ends silu = decimals(109983);
    const Ends tanh_gelu = {Rational(125798, 100000), Rational(125800, 100000)};
    const Ends half{Rational(1, 2), Rational(1, 2)};
    switch (f.gate) {
      case Gate::sigmoid: {
        const Ends most = f.cubic.is_zero() ? silu : half * (one + tanh_gelu);
        return {one + -most, most};
      }
      case Gate::tanh: {
        const Ends most = f.cubic.is_zero() ? two * silu + -one : tanh_gelu;
        return {-most, most};
      }
      case Gate::erf: {
        const Ends most = decimals(125780);
        return {-most, most};
      }
      case Gate::tanh_softplus: return {decimals(-11253), decimals(108849)};
      case Gate::clamp: {
        const Ends low = ends_of(f.low), high = ends_of(f.high), offset = ends_of(f.offset);
        const std::array<Ends, 4> at = {low, high, two * low + -offset, two * high + -offset};
        Turned out{at[0], at[0]};
        for (const Ends& e : at) {
          out.least = {std::min(out.least.low, e.low), std::min(out.least.high, e.high)};
          out.most = {std::max(out.most.low, e.low), std::max(out.most.high, e.high)};
        }
        return out;
      }
      case Gate::inverse: return {{}, ends_of(quotient(integer(1), f.offset))};
      default: fail("its gate has no product with x of bounded slope in the table");
    }
  }

  const Graph& graph_;
  Evaluator& evaluator_;
  const Block& block_;
  std::map<ValueId, Form> forms_;
  std::size_t at_ = 0;  // the node that is looked at
};

}  // namespace

Constant gated_product_slope(const Graph& graph, Evaluator& evaluator, const Block& block) { return Follower(graph, evaluator, block).run(); }

}  // namespace lipverify
