// The steps of a network put together into segments, each of which is bounded as one block.
#pragma once

#include <vector>

#include "certify/graph/block.hpp"
#include "certify/graph/segments/segment.hpp"
#include "certify/graph/steps.hpp"

namespace lipcert {

struct Segments {
  std::vector<Segment> segments;  // topological order
  std::vector<Refusal> refusals;  // what cannot be bounded; when not empty, segments are missing
};

/// Puts the steps together. Where several ways are possible, the one with the smaller bound is taken as far as it pays (flops are counted,
/// nothing is timed: the partition depends on the network alone):
/// - residual blocks x - A' diag(d) relu(A x + b) have a theorem of their own (norms/sll_norm.hpp), whose bound is always below that of a
/// join;
/// - rearrangements (segments/rearrangement.hpp), poolings and activations stand alone;
/// - affine steps that join again what one tensor was split into are one explicit matrix, where that is affordable; otherwise they are
/// joins, whose
///   bounds add up;
/// - a convolution takes up the padding and the channelwise steps before it and the channelwise steps after it;
/// - dense steps are folded as far as SPEC.md section 5 allows (segments/dense_run.hpp);
/// - other affine blocks in a row are multiplied out on the same terms, unless one of them is a multiple of an isometry (or of its
/// transpose): then
///   the product of the norms is the norm of the product.
[[nodiscard]] Segments cut(const Network& network, const StepGraph& graph);

}  // namespace lipcert
