// The steps of a network put together into blocks, with what is needed to bound each of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "certify/graph/block.hpp"
#include "certify/norms/conv_norm.hpp"
#include "certify/numbers/enclosed.hpp"
#include "certify/numbers/parallel.hpp"
#include "certify/norms/sparse_norm.hpp"
#include "certify/graph/steps.hpp"

namespace lipcert {

/// y = x - A' diag(d) relu(A x + b): A is the matrix of the steps `before` the Relu.
struct SllParts {
  std::vector<std::size_t> before;
  std::vector<double> d;
};

/// Steps that are bounded together.
struct Segment {
  BlockOperator op = BlockOperator::isometry;
  std::vector<std::size_t> steps;   // ascending; the last one writes the output (split: the first output is that of the first step)
  std::vector<std::size_t> inputs;  // values; more than one: a join
  std::uint64_t rows = 0;           // dense: shape of the folded matrix
  std::uint64_t columns = 0;
  std::uint64_t copies = 1;
  std::optional<Convolution> convolution;  // channel factors folded in
  std::optional<SllParts> sll;
  std::string slices_of;  // concat: the tensor whose disjoint slices its inputs come from
  bool disjoint = false;  // slices_of is meant (it is empty for the graph's input)
  double flops = 0;       // that bounding it takes
};

struct Segments {
  std::vector<Segment> segments;  // topological order
  std::vector<Refusal> refusals;  // what cannot be bounded; when not empty, segments are missing
};

/// Puts the steps together. Where several ways are possible, the one with the smaller bound is taken as far as it pays (flops are counted,
/// nothing is timed: the partition depends on the network alone):
/// - residual blocks x - A' diag(d) relu(A x + b) have a theorem of their own (sll_norm.hpp), whose bound is always below that of a join;
/// - rearrangements (segments/rearrangement.hpp), poolings and activations stand alone;
/// - affine steps that join again what one tensor was split into are one explicit matrix, where that is affordable; otherwise they are
/// joins, whose
///   bounds add up;
/// - a convolution takes up the padding and the channelwise steps before it and the channelwise steps after it;
/// - dense steps are folded as far as SPEC.md section 5 allows. Entrywise factors always join a neighbouring dense step. Two dense steps
/// are
///   multiplied out when the product takes no more flops than the bounds do, and bounding it takes at most twice what bounding the two
///   apart takes, or at most 2^37 flops (an order of 4096); the sides of the product are at most 8192;
/// - other affine blocks in a row are multiplied out on the same terms, unless one of them is a multiple of an isometry (or of its
/// transpose): then
///   the product of the norms is the norm of the product.
[[nodiscard]] Segments cut(const Network& network, const StepGraph& graph);

/// The linear part of a dense segment: its norm is that of the matrix.
struct FoldedMatrix {
  EnclosedMatrix matrix;
  Upper reserve;                 // what another program's own rounding of the same products may cost, in Frobenius norm
  std::size_t linear_parts = 0;  // steps with a linear part other than the identity
};
[[nodiscard]] FoldedMatrix fold(const StepGraph& graph, const Segment& segment, WorkerPool& pool);

/// The factors of a scale segment, entry by entry (one number when all are one-number factors).
[[nodiscard]] std::vector<Ball> fold_factors(const StepGraph& graph, const Segment& segment);

/// The explicit matrix of a linear segment, and the reserve as above.
struct FoldedSparse {
  SparseMatrix matrix;
  Upper reserve;
};
[[nodiscard]] FoldedSparse fold_linear(const StepGraph& graph, const Segment& segment);

/// The blocks as they appear in a certificate, without bounds.
[[nodiscard]] std::vector<Block> describe(const Network& network, const StepGraph& graph, const std::vector<Segment>& segments);

}  // namespace lipcert
