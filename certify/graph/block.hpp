// What a network is split into before it is bounded, and what every later room passes on: blocks, each with one bound, its theorem and its
// evidence (formats/SPEC.md, sections 4 and 5).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "certify/norms/evidence.hpp"
#include "certify/numbers/integer_vector.hpp"
#include "formats/network/network.hpp"

namespace lipcert {

enum class BlockOperator {
  isometry,
  scale,
  dense,
  linear,
  convolution,  // affine
  activation,
  softmax,
  pool_max,
  pool_l2,
  sort,
  split,
  sll,  // one input
  add,
  concat,
  max_min,  // joins
};
[[nodiscard]] const char* name_of(BlockOperator op);
[[nodiscard]] inline bool is_join(BlockOperator op) {
  return op == BlockOperator::add || op == BlockOperator::concat || op == BlockOperator::max_min;
}

/// A part of the network with one bound. Before bounding (see `partition`) upper and lower are unset (upper < lower).
struct Block {
  std::string id;  // name of the output tensor of its last node
  BlockOperator op = BlockOperator::isometry;
  std::vector<std::size_t> nodes;   // ascending indices into Network::nodes
  std::vector<std::string> inputs;  // tensors, "" for the graph's input; several: a join
  std::string theorem;
  std::uint64_t input_size = 0;  // entries of the block's input and output tensors
  std::uint64_t output_size = 0;
  std::uint64_t rows = 0;  // dense: shape of the folded matrix A (0 otherwise)
  std::uint64_t columns = 0;
  std::vector<std::uint64_t> kernel;  // of a convolution: [outputs, inputs per group, lengths]; a ConvTranspose is written as its adjoint
  std::uint64_t groups = 0;

  double upper = -1;  // Lipschitz constant <= upper: proved; of a join: that of everything up to it
  double lower = 0;   // Lipschitz constant >= lower: proved
  std::optional<GramEvidence> gram;
  std::optional<SllEvidence> sll;               // gram is then that of W
  std::optional<std::uint64_t> diagonal_index;  // scale: entry that attains `lower`; theorem diagonal-gram: the row or column
  std::optional<IntegerVector> witness;         // affine: ||A v|| / ||v|| >= lower
  std::vector<std::uint64_t> grid;              // convolution: frequencies per axis, N
  std::vector<std::uint64_t> shift;             // convolution: 0 for z^N = 1, 1 for z^N = -1
  std::vector<std::string> axes;                // convolution: zero, circular or copies
  std::vector<std::uint64_t> row_axes;          // theorem conv-reshape
  std::string slices_of;                        // theorem disjoint-slices
};

/// The blocks of a network without bounds, or the reasons why there are none.
struct Partition {
  std::vector<Block> blocks;                // topological order
  std::vector<std::size_t> constant_nodes;  // nodes that do not depend on the input
  std::vector<Refusal> refusals;            // the network's own refusals and those of the partition
};

/// Splits a network into blocks by a flop model (never by a clock), without bounding them. Never throws for an unsupported network: see
/// `Partition::refusals`.
[[nodiscard]] Partition partition(const Network& network);

}  // namespace lipcert
