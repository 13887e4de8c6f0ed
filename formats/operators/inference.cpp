// From a node to its results, family by family (formats/operators/inference.hpp). What a single operator asks for stands in the file of its
// family.
#include "formats/operators/inference.hpp"

#include "formats/network/operators.hpp"
#include "formats/operators/rules.hpp"

namespace lipcert {

namespace {

void check_size(const Shape& shape) {
  if (shape.size() > rank_cap) throw Unsupported{"Its result would have more than 16 dimensions, which is more than this reader takes."};
  if (!bounded_count(shape))
    throw Unsupported{"Its result of shape " + text_of(shape) +
                      " would have more than 2^28 entries, which is more than this reader takes."};
}

std::vector<Result> infer_family(const NodeView& node) {
  switch (row_of(node.op).family) {
    case Family::broadcast:
      return infer_broadcast(node);
    case Family::activation:
      return infer_activation(node);
    case Family::function:
      return infer_function(node);
    case Family::condition:
      return infer_condition(node);
    case Family::product:
      return infer_product(node);
    case Family::window:
      return infer_window(node);
    case Family::normalisation:
      return infer_normalisation(node);
    case Family::reduction:
      return infer_reduction(node);
    case Family::resampling:
      return infer_resampling(node);
    case Family::move:
      return infer_move(node);
    case Family::constant:
      return infer_constant(node);
  }
  defect("An operator's row in formats/network/operators.cpp has a family that does not exist.");
}

}  // namespace

void check_arity(Operator op, std::uint64_t opset, const std::vector<Operand>& operands, std::size_t outputs) {
  const OperatorRow& row = row_of(op);
  const auto& [since, fewest, most, all] = row.inputs_in(opset);
  bool complete = operands.size() >= fewest && operands.size() <= most;
  for (std::size_t k = 0; k < (all ? operands.size() : fewest) && complete; ++k) complete = operands[k].present;
  if (!complete)
    throw Unsupported{std::string(row.name) + " in opset " + std::to_string(opset) + " takes " + std::to_string(fewest) +
                      (most == fewest ? std::string() : " to " + std::to_string(most)) + " inputs, and this node has " +
                      std::to_string(operands.size()) + " or leaves one out."};
  if (op == Operator::batch_normalization && outputs > 1)
    throw Unsupported{"It was exported in training mode (it has " + std::to_string(outputs) +
                      " outputs), where its result depends on the batch; call model.eval() before the export (Keras: training=False)."};
  // An empty list says that Resize is told its result by another input; everywhere else it is no tensor.
  for (std::size_t k = 0; k < operands.size(); ++k)
    if (operands[k].present && element_count(operands[k].shape) == 0 && !(op == Operator::resize && k > 0))
      throw Unsupported{"It reads a tensor without entries; export the model with constants folded."};
  if (outputs < 1 || outputs > row.outputs)
    throw Unsupported{std::string(row.name) + " does not have " + std::to_string(outputs) + " outputs, or lipcert does not read them."};
}

void fill_in_from_shapes(Attributes& attributes, const NodeView& node) {
  if (node.operands.empty()) return;
  switch (row_of(node.op).family) {
    case Family::window:
      fill_in_window(attributes, node);
      break;
    case Family::reduction:
      fill_in_reduction(attributes, node);
      break;
    case Family::resampling:
      fill_in_resampling(attributes, node);
      break;
    case Family::move:
      fill_in_move(attributes, node);
      break;
    case Family::constant:
      fill_in_constant(attributes, node);
      break;
    default:  // nothing depends on shapes
      break;
  }
}

std::vector<Result> infer(const NodeView& node) {
  std::vector<Result> results = infer_family(node);
  check_size(results.front().shape);
  for (const Result& item : results)
    if (is_computed(node, item) && element_count(item.shape) > known_cap)
      throw Unsupported{"Its result of shape " + text_of(item.shape) +
                        " is computed from constants and has more than 2^20 entries; write it out as a weight."};
  return results;
}

}  // namespace lipcert
