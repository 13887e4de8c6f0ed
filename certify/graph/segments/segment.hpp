// Steps that are bounded together: what a partition is made of, before it is described as blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "certify/graph/block.hpp"
#include "certify/norms/conv_norm.hpp"

namespace lipcert {

/// y = x - A' diag(d) relu(A x + b): A is the matrix of the steps `before` the Relu; d is known up to a radius, entry by entry.
struct SllParts {
  std::vector<std::size_t> before;
  std::vector<double> d;
  std::vector<double> radius;
};

/// Affine steps with one input, before it is decided with which others they are bounded.
struct Unit {
  std::vector<std::size_t> steps;  // ascending
  std::size_t input = 0;           // value
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

/// The flop model's limits: what a matrix may take that is multiplied out (formats/SPEC.md section 5). Its entries fit in memory besides
/// (linear_map.hpp).
inline constexpr std::uint64_t largest_folded_side = 8192;
inline constexpr double affordable_bounding_flops = 0x1p37;  // an order of 4096
inline constexpr double affordable_terms = 0x1p26;

}  // namespace lipcert
