// The one-sided derivative of a deep or large network at a point, enclosed by a Euclidean distance.
//
// Entry by entry (evaluate.hpp) an enclosure grows in every layer by the row sums of magnitudes, which random signs make tens of times larger than
// what the layer does to a vector: after twenty layers nothing is left of a double's digits. Here a tensor is 2^e (m + d) with 58-bit integers m and
// one bound of ||d||_2. A block whose constant is at most L (the blocks' bounds are proved before) is taken at m exactly, and what was off before it
// is off by L times as much after it:
//   ||B(x) - y|| <= ||B(x) - B(2^e m)|| + ||B(2^e m) - y|| <= L 2^e ||d|| + (what is rounded inside the block).
// The same holds for derivatives along t, because t -> B'(x; t) has the constant L for every x (a limit of difference quotients). Where x is not known
// exactly, B'(x; t) may be any one-sided derivative at a point within the distance of m: at a kink closer than that the slope is chosen, and what
// another choice would change is added to the distance. Sums of branches add distances.
//
// Cost: two 64 x 64 -> 128 bit multiply-adds for each weight and place (value and derivative), on all threads; the sums are exact.
#pragma once

#include <optional>
#include <vector>

#include "certify/graph/block.hpp"
#include "certify/graph/segments/segment.hpp"
#include "certify/graph/steps.hpp"
#include "certify/numbers/integer_vector.hpp"
#include "certify/numbers/parallel.hpp"
#include "certify/numbers/rounding.hpp"

namespace lipcert {

struct DerivativeByDistance {
  std::vector<double> centre;
  Upper distance;  // of f'(point; direction) from the centre
};

/// `blocks`: bounded, one for each segment, in their order. Nothing where numbers leave the range.
[[nodiscard]] std::optional<DerivativeByDistance> differentiate_by_distance(const StepGraph& graph, const std::vector<Segment>& segments,
                                                                            const std::vector<Block>& blocks, const IntegerVector& point,
                                                                            const IntegerVector& direction, WorkerPool& pool);

}  // namespace lipcert
