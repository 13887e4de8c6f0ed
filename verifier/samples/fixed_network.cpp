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

void FixedNetwork::begin_join(const Rational& upper) {
  blocks_.emplace_back();
  blocks_.back().bound = UpperBound(upper);
}

void FixedNetwork::add(std::unique_ptr<FixedStep> step, std::vector<ValueId> inputs, ValueId output, std::size_t node) {
  blocks_.back().steps.push_back({std::move(step), std::move(inputs), output, node});
}

void FixedNetwork::end_block(std::vector<ValueId> outputs) { blocks_.back().outputs = std::move(outputs); }

namespace {

FixedTensor& tensor(FixedNetwork::Tensors& tensors, ValueId id) {
  const auto found = tensors.find(id);
  if (found == tensors.end()) throw Unavailable{};  // of another block, and not its output
  return found->second;
}

std::vector<const FixedTensor*> all_of(FixedNetwork::Tensors& tensors, const std::vector<ValueId>& ids) {
  std::vector<const FixedTensor*> out;
  for (const ValueId id : ids) out.push_back(&tensor(tensors, id));
  return out;
}

}  // namespace

/// Leaves of the block what may be read later; what was off before it, `before`, is off by the block's constant times as much.
void FixedNetwork::finish(const Block& block, const Integer& before, Tensors& tensors) {
  for (const Placed& placed : block.steps)
    if (std::find(block.outputs.begin(), block.outputs.end(), placed.output) == block.outputs.end()) tensors.erase(placed.output);
  if (!block.input) return;
  FixedTensor& x = tensor(tensors, *block.input);
  for (const ValueId id : block.outputs) {
    FixedTensor& y = tensor(tensors, id);
    y.distance += block.bound.times(before, x.exponent, y.exponent);
    if (y.distance >= (Integer(1) << FixedTensor::kBits)) throw Unavailable{};
  }
  x.distance = before;
}

void FixedNetwork::run(const Block& block, Tensors& tensors) {
  Integer before = 0;
  if (block.input) std::swap(before, tensor(tensors, *block.input).distance);  // the block at the centre of its input
  for (const Placed& placed : block.steps) tensors[placed.output] = (*placed.step)(all_of(tensors, placed.inputs));
  finish(block, before, tensors);
}

void FixedNetwork::differentiate(Tensors& values, Tensors& along) const {
  for (const Block& block : blocks_) {
    const bool linear = std::all_of(block.steps.begin(), block.steps.end(), [](const Placed& placed) { return placed.step->linear(); });
    Integer before = 0;
    if (block.input) std::swap(before, tensor(along, *block.input).distance);
    for (const Placed& placed : block.steps) {
      const std::vector<const FixedTensor*> at = linear ? std::vector<const FixedTensor*>() : all_of(values, placed.inputs);
      along[placed.output] = placed.step->derivative(at, all_of(along, placed.inputs));
      // Inside the block at every point within the distance of its input; what it puts out is computed by `run`.
      if (!linear && &placed != &block.steps.back()) values[placed.output] = (*placed.step)(at);
    }
    finish(block, before, along);
    run(block, values);
  }
}

std::optional<EnclosedOutput> FixedNetwork::evaluate(const GridPoint& input, ValueId output) const {
  Tensors tensors;
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
