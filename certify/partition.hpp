// The chain of a network cut into blocks, with what is needed to bound each of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "certify/analysis.hpp"
#include "certify/chain.hpp"
#include "certify/enclosed.hpp"
#include "certify/parallel.hpp"

namespace lipcert {

/// Steps [begin, end) of the chain, bounded together.
struct Segment {
  BlockOperator op = BlockOperator::isometry;
  std::size_t begin = 0;
  std::size_t end = 0;
  std::uint64_t rows = 0;  // dense: shape of the folded matrix
  std::uint64_t columns = 0;
  std::uint64_t copies = 1;
};

/// Cuts the chain: activations stand alone; the affine steps between two of them are folded as far as SPEC.md section 5 allows and as it pays.
/// Entrywise factors always join a neighbouring dense step. Two dense steps are multiplied out when the product takes no more flops than the
/// bounds do, and bounding it takes at most twice what bounding the two apart takes, or at most 2^37 flops (an order of 4096); the sides of the
/// product are at most 8192. Flops are counted, nothing is timed: the partition depends on the network alone.
[[nodiscard]] std::vector<Segment> cut(const Chain& chain);

/// The linear part of a dense segment: its norm is that of the matrix.
struct FoldedMatrix {
  EnclosedMatrix matrix;
  Upper reserve;                 // what another program's own rounding of the same products may cost, in Frobenius norm
  std::size_t linear_parts = 0;  // steps with a linear part other than the identity
};
[[nodiscard]] FoldedMatrix fold(const Chain& chain, const Segment& segment, WorkerPool& pool);

/// The factors of a scale segment, entry by entry (one number when all are one-number factors).
[[nodiscard]] std::vector<Ball> fold_factors(const Chain& chain, const Segment& segment);

/// The blocks as they appear in a certificate, without bounds.
[[nodiscard]] std::vector<Block> describe(const Network& network, const Chain& chain, const std::vector<Segment>& segments);

}  // namespace lipcert
