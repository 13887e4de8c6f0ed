// Resize and Upsample: every entry of the result is a weighted mean of entries of the data, axis by axis.
#pragma once

#include "certify/graph/operators/context.hpp"

namespace lipcert {

void resampling_step(StepContext& context, Step& step);

}  // namespace lipcert
