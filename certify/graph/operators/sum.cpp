// See sum.hpp.

#include "certify/graph/operators/sum.hpp"

#include <cstdint>
#include <utility>
#include <vector>

namespace lipcert {

void sum_step(StepContext& context, Step& step, const Node& node) {
  step.kind = Step::Kind::sum;
  const Shape& shape = context.shape_of(step.value);
  for (std::size_t i = 0; i < 2; ++i) {
    step.signs.push_back(i == 1 && node.op == Operator::sub ? -1 : 1);
    std::vector<std::uint32_t> map;
    if (context.size(node.inputs[i]) != step.output_size) {
      for (const std::size_t at : broadcast_index(context.shape_of(node.inputs[i]), shape)) {
        map.push_back(static_cast<std::uint32_t>(at));
      }
    }
    step.maps.push_back(std::move(map));
  }
}

}  // namespace lipcert
