// See chain.hpp. Real arithmetic throughout: a float type changes no value, Cast and Dropout (inference) are identities.

#include "certify/chain.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>
#include <utility>

#include "certify/constants.hpp"

namespace lipcert {
namespace {

/// Largest order of a Gram matrix that is formed: two of them take 4 GiB. Most entries of a matrix: what the checker takes, too.
constexpr std::size_t largest_order = 16384;
constexpr std::size_t most_entries = std::size_t{1} << 27;

class Builder {
 public:
  Builder(const Network& network, WorkerPool& pool) : network_(network), constants_(network, pool) {}

  Chain build() {
    chain_.refusals = network_.refusals;
    if (!chain_.refusals.empty()) {
      return std::move(chain_);
    }
    chain_.input_size = element_count(network_.values[network_.input].shape);
    ValueId current = network_.input;
    std::optional<std::size_t> writer;  // of the output
    for (std::size_t i = 0; i < network_.nodes.size(); ++i) {
      const Node& node = network_.nodes[i];
      if (is_constant(node)) {
        chain_.constant_nodes.push_back(i);
        continue;
      }
      try {
        check_position(i, current, writer);
        Step step = build_step(i);
        if (unbounded(step)) {
          throw refuse(network_, i, "has constants whose combination is not finite in double precision; rescale the weights.");
        }
        chain_.steps.push_back(std::move(step));
      } catch (const Refused& refused) {
        chain_.refusals.push_back(refused.refusal);
      }
      current = node.outputs.at(0);
      if (current == network_.output) {
        writer = i;
      }
    }
    if (!writer && chain_.refusals.empty()) {
      const std::string name = network_.output < network_.values.size() ? network_.values[network_.output].name : std::string("output");
      chain_.refusals.push_back({name, "",
                                 network_.output == network_.input
                                     ? "is the graph's input itself; a network without a node has nothing to certify."
                                     : "does not depend on the graph's input; a constant has nothing to certify."});
    }
    return std::move(chain_);
  }

 private:
  [[nodiscard]] bool constant(ValueId id) const { return network_.values[id].constant; }

  [[nodiscard]] bool is_constant(const Node& node) const {
    return std::all_of(node.inputs.begin(), node.inputs.end(), [this](ValueId id) { return id == no_value || constant(id); });
  }

  [[nodiscard]] std::uint64_t size(ValueId id) const { return element_count(network_.values[id].shape); }

  /// Position of the data among the inputs; the chain must lead to it.
  void check_position(std::size_t index, ValueId current, const std::optional<std::size_t>& writer) const {
    const Node& node = network_.nodes[index];
    if (writer) {
      throw refuse(network_, index, "does not lead to the graph's output; remove the node.");
    }
    std::size_t data = 0;
    bool reads_current = true;
    for (const ValueId id : node.inputs) {
      if (id != no_value && !constant(id)) {
        ++data;
        reads_current = reads_current && id == current;
      }
    }
    const bool product = node.op == Operator::mul || node.op == Operator::div || node.op == Operator::matmul || node.op == Operator::gemm;
    if (data > 1 && product) {
      throw refuse(network_, index,
                   "combines two tensors that both depend on the input; such a product has no global Lipschitz constant, so certify a "
                   "network without it.");
    }
    if (data > 1) {
      throw refuse(network_, index,
                   "joins two branches that depend on the input; this version bounds chains only, so certify the branches one by one.");
    }
    if (!reads_current) {
      throw refuse(network_, index,
                   "reads a tensor that another node reads too; this version bounds chains only, so certify the branches one by one.");
    }
    for (std::size_t i = 1; i < node.outputs.size(); ++i) {
      if (node.outputs[i] == no_value) {
        continue;
      }
      for (const Node& other : network_.nodes) {
        if (std::find(other.inputs.begin(), other.inputs.end(), node.outputs[i]) != other.inputs.end()) {
          throw refuse(network_, index, "has a second output that is used; export the network for inference.");
        }
      }
    }
  }

  [[nodiscard]] Step build_step(std::size_t index) {
    const Node& node = network_.nodes[index];
    Step step;
    step.node = index;
    step.output_size = size(node.outputs.at(0));
    switch (node.op) {
      case Operator::add:
      case Operator::sub:
      case Operator::mul:
      case Operator::div:
        entrywise_step(step, node);
        break;
      case Operator::matmul:
        matmul_step(step, node);
        break;
      case Operator::gemm:
        gemm_step(step, node);
        break;
      case Operator::relu:
      case Operator::leaky_relu:
      case Operator::abs:
      case Operator::sigmoid:
      case Operator::tanh:
        step.kind = Step::Kind::activation;
        step.op = node.op;
        step.input_size = size(node.inputs.at(0));
        if (node.op == Operator::leaky_relu) {
          step.alpha = node.real_attribute("alpha");
        }
        break;
      case Operator::flatten:
      case Operator::reshape:
      case Operator::identity:
      case Operator::dropout:
      case Operator::cast:
        if (constant(node.inputs.at(0)) || !is_floating(network_.values[node.outputs[0]].type)) {
          throw refuse(network_, index, "turns data into something that is not a tensor of real numbers; export the network without it.");
        }
        step.input_size = size(node.inputs.at(0));
        break;
      case Operator::constant:
        throw refuse(network_, index, "is a Constant that depends on the input; the file is damaged.");
      default:
        throw refuse(network_, index, "is of an operator that this version does not bound.");
    }
    return step;
  }

  void entrywise_step(Step& step, const Node& node) {
    const bool data_first = !constant(node.inputs.at(0));
    const ValueId data = node.inputs.at(data_first ? 0 : 1);
    const ValueId other = node.inputs.at(data_first ? 1 : 0);
    step.input_size = size(data);
    const Shape& shape = network_.values[node.outputs[0]].shape;
    if (step.input_size != step.output_size) {
      throw refuse(network_, step.node,
                   "repeats the data to the shape of a larger constant; this version needs a constant that fits into the data's shape.");
    }
    if (node.op == Operator::div && !data_first) {
      throw refuse(network_, step.node, "divides by a tensor that depends on the input; such a quotient has no global Lipschitz constant.");
    }
    const EnclosedTensor constants = constants_.value(other);
    const bool scales = node.op == Operator::mul || node.op == Operator::div;
    std::vector<Ball> values;
    if (scales && constants.centre.size() == 1) {
      values.push_back({constants.centre[0], constants.radius_at(0)});
    } else {
      for (const std::size_t i : broadcast_index(constants.shape, shape)) {
        values.push_back({constants.centre[i], constants.radius_at(i)});
      }
    }
    if (node.op == Operator::div) {
      for (Ball& value : values) {
        if (std::fabs(value.centre) <= value.radius) {
          throw refuse(network_, step.node, "divides by a constant that is zero (or too close to zero to tell); repair the weights.");
        }
        value = divide({1, 0}, value);
      }
    }
    if (scales) {
      step.kind = Step::Kind::diagonal;
      step.factors = std::move(values);
      return;
    }
    step.kind = Step::Kind::isometry;
    if (node.op == Operator::sub && data_first) {
      for (Ball& value : values) {
        value.centre = -value.centre;
      }
    }
    step.sign = node.op == Operator::sub && !data_first ? -1 : 1;
    step.bias = std::move(values);
  }

  void check_order(const Step& step) const {
    if (std::min(step.matrix.rows, step.matrix.columns) > largest_order) {
      throw refuse(network_, step.node,
                   "has a matrix whose smaller side exceeds " + std::to_string(largest_order) + "; split the layer into smaller ones.");
    }
    if (step.matrix.centre.size() > most_entries) {
      throw refuse(network_, step.node,
                   "has a matrix with more than " + std::to_string(most_entries) + " entries; split the layer into smaller ones.");
    }
  }

  void matmul_step(Step& step, const Node& node) {
    const bool data_first = !constant(node.inputs.at(0));
    const ValueId data = node.inputs.at(data_first ? 0 : 1);
    EnclosedTensor weights = constants_.value(node.inputs.at(data_first ? 1 : 0));
    const Shape& shape = network_.values[data].shape;
    step.input_size = element_count(shape);
    const bool vector = weights.shape.size() == 1;
    EnclosedMatrix w = as_matrix(network_, step.node, std::move(weights));
    if (data_first) {
      // x (.., k) times W (k x n): every row of x is multiplied by W'. A vector W is a column, whose transpose is the row that we have.
      step.kind = Step::Kind::right;
      step.matrix = vector ? std::move(w) : transposed(w);
      step.copies = step.input_size / step.matrix.columns;
    } else {
      // W (m x k) times x (k x q). A vector W is a row.
      step.kind = Step::Kind::left;
      for (std::size_t i = 0; i + 2 < shape.size(); ++i) {
        if (shape[i] != 1) {
          throw refuse(network_, step.node,
                       "multiplies a stack of data matrices from the left; export the layer with the constant to the right of the data.");
        }
      }
      step.matrix = std::move(w);
      step.copies = shape.size() < 2 ? 1 : shape.back();
    }
    if (step.copies * step.matrix.columns != step.input_size || step.copies * step.matrix.rows != step.output_size) {
      throw refuse(network_, step.node, "has operands whose shapes do not belong together; the file is damaged.");
    }
    check_order(step);
  }

  void gemm_step(Step& step, const Node& node) {
    if (constant(node.inputs.at(0))) {
      throw refuse(network_, step.node,
                   constant(node.inputs.at(1)) ? "takes the data as its addend; export the layer as Add."
                                               : "takes the data as its second factor; export the layer with the data as the first one.");
    }
    if (node.integer_attribute("transA") != 0) {
      throw refuse(network_, step.node, "transposes the data (transA = 1); export the layer with transA = 0.");
    }
    step.kind = Step::Kind::right;
    step.input_size = size(node.inputs[0]);
    EnclosedMatrix b = as_matrix(network_, step.node, constants_.value(node.inputs.at(1)));
    if (node.integer_attribute("transB") == 0) {
      b = transposed(b);
    }
    step.matrix = scaled(std::move(b), {node.real_attribute("alpha"), 0});
    step.copies = step.input_size / std::max<std::uint64_t>(1, step.matrix.columns);
    if (step.copies * step.matrix.columns != step.input_size || step.copies * step.matrix.rows != step.output_size) {
      throw refuse(network_, step.node, "has operands whose shapes do not belong together; the file is damaged.");
    }
    if (node.inputs.size() > 2 && node.inputs[2] != no_value) {
      const EnclosedTensor c = constants_.value(node.inputs[2]);
      const Ball beta{node.real_attribute("beta"), 0};
      for (const std::size_t i : broadcast_index(c.shape, network_.values[node.outputs[0]].shape)) {
        step.bias.push_back(multiply({c.centre[i], c.radius_at(i)}, beta));
      }
    }
    check_order(step);
  }

  [[nodiscard]] static bool unbounded(const Step& step) {
    const auto infinite = [](const Ball& b) { return !std::isfinite(b.centre) || !std::isfinite(b.radius); };
    return std::any_of(step.factors.begin(), step.factors.end(), infinite) || std::any_of(step.bias.begin(), step.bias.end(), infinite) ||
           first_unbounded(step.matrix.centre, step.matrix.radius) != step.matrix.centre.size();
  }

  const Network& network_;
  Constants constants_;
  Chain chain_;
};

}  // namespace

Chain build_chain(const Network& network, WorkerPool& pool) { return Builder(network, pool).build(); }

}  // namespace lipcert
