// See fixed_network.hpp.
#include "verifier/samples/fixed_network.hpp"

#include <algorithm>

#include "verifier/base/failure.hpp"

namespace lipverify {

void FixedNetwork::begin_block(ValueId input, const Rational& upper) {
  blocks_.emplace_back();
  blocks_.back().input = input;
  blocks_.back().bound = UpperBound(upper);
}

void FixedNetwork::begin_join() { blocks_.emplace_back(); }

void FixedNetwork::add(std::unique_ptr<FixedStep> step, std::vector<ValueId> inputs, ValueId output) {
  blocks_.back().steps.push_back({std::move(step), std::move(inputs), output});
}

void FixedNetwork::end_block(std::vector<ValueId> outputs) { blocks_.back().outputs = std::move(outputs); }

void FixedNetwork::run(const Block& block, std::map<ValueId, FixedTensor>& tensors) {
  const auto tensor = [&](ValueId id) -> FixedTensor& {
    const auto found = tensors.find(id);
    if (found == tensors.end()) throw Unavailable{};  // of another block, and not its output
    return found->second;
  };
  Integer before = 0;
  if (block.input) std::swap(before, tensor(*block.input).distance);  // the block at the centre of its input
  for (const Placed& placed : block.steps) {
    std::vector<const FixedTensor*> in;
    for (const ValueId id : placed.inputs) in.push_back(&tensor(id));
    tensors[placed.output] = (*placed.step)(in);
  }
  for (const Placed& placed : block.steps)
    if (std::find(block.outputs.begin(), block.outputs.end(), placed.output) == block.outputs.end()) tensors.erase(placed.output);
  if (!block.input) return;
  FixedTensor& x = tensor(*block.input);
  for (const ValueId id : block.outputs) {
    FixedTensor& y = tensor(id);
    y.distance += block.bound.times(before, x.exponent, y.exponent);
    if (y.distance >= (Integer(1) << FixedTensor::kBits)) throw Unavailable{};
  }
  x.distance = before;
}

std::optional<EnclosedOutput> FixedNetwork::evaluate(const GridPoint& input, ValueId output) const {
  std::map<ValueId, FixedTensor> tensors;
  tensors[0] = {input.lower, input.exponent, sqrt_ceiling(Integer(input.inexact))};
  try {
    for (const Block& block : blocks_) run(block, tensors);
  } catch (const Unavailable&) {
    return std::nullopt;
  } catch (const Failure&) {  // an enclosure that is not defined, such as the root of an interval that goes below 0
    return std::nullopt;
  }
  const FixedTensor& y = tensors.at(output);
  EnclosedOutput out;
  out.exponent = y.exponent;
  for (const std::int64_t c : y.centre) {
    out.lower.push_back(Integer(c) - y.distance);
    out.upper.push_back(Integer(c) + y.distance);
  }
  return out;
}

}  // namespace lipverify
