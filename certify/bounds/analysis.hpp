// From a network to its bounds: partition into blocks, an interval with both ends proved for every block and for the whole network, and
// the evidence from which an independent checker recomputes them (formats/SPEC.md, sections 4 and 5).
//
// Nothing here knows of keys, files or JSON.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "formats/network/network.hpp"

namespace lipcert {

/// A witness vector: entries mantissas[i] * 2^exponent, exact.
struct IntegerVector {
  int exponent = 0;
  std::vector<std::int32_t> mantissas;
};

enum class BlockOperator {
  isometry, scale, dense, linear, convolution,                            // affine
  activation, softmax, pool_max, pool_l2, sort, split, sll,               // one input
  add, concat, max_min,                                                   // joins
};
[[nodiscard]] const char* name_of(BlockOperator op);

/// Parameters of Lemma P (SPEC.md section 5): a checker needs nothing else.
struct GramEvidence {
  bool at_a = true;  // Gram matrix A'A (true) or AA'
  int sA = 0;
  int sR = 0;
  std::string C2;    // decimal integer
};

/// Parameters of theorem `sll-psd` besides those of its W (SPEC.md section 5).
struct SllEvidence {
  int sA = 0;
  int sR = 0;
  double delta = 0;
};

/// A part of the network with one bound. Before bounding (see `partition`) upper and lower are unset (upper < lower).
struct Block {
  std::string id;                    // name of the output tensor of its last node
  BlockOperator op = BlockOperator::isometry;
  std::vector<std::size_t> nodes;    // ascending indices into Network::nodes
  std::vector<std::string> inputs;   // tensors, "" for the graph's input; several: a join
  std::string theorem;
  std::uint64_t input_size = 0;      // entries of the block's input and output tensors
  std::uint64_t output_size = 0;
  std::uint64_t rows = 0;            // dense: shape of the folded matrix A (0 otherwise)
  std::uint64_t columns = 0;
  std::vector<std::uint64_t> kernel; // of a convolution: [outputs, inputs per group, lengths]; a ConvTranspose is written as its adjoint
  std::uint64_t groups = 0;

  double upper = -1;                 // Lipschitz constant <= upper: proved; of a join: that of everything up to it
  double lower = 0;                  // Lipschitz constant >= lower: proved
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
  std::vector<Block> blocks;                 // topological order
  std::vector<std::size_t> constant_nodes;   // nodes that do not depend on the input
  std::vector<Refusal> refusals;             // the network's own refusals and those of the partition
};

struct AnalysisOptions {
  unsigned threads = 0;          // 0: all cores; the result does not depend on it
  std::uint64_t seed = 1;        // of the searches (Lanczos start, linear regions): bounds are proved whatever they find
  unsigned region_samples = 64;  // linear regions tried for the network's lower end
  std::function<void(double done, const std::string& what)> progress;  // fraction in [0, 1]; called from one thread
};

struct Analysis {
  Partition partition;           // blocks with bounds
  double upper = 0;              // the network's Lipschitz constant, both ends proved
  double lower = 0;
  std::optional<IntegerVector> point;      // lower end: one-sided directional derivative at `point`
  std::optional<IntegerVector> direction;  // in this direction; both absent: lower is 0
  std::uint64_t classes = 0;               // 0: no pair claim
  bool pairs_by_rows = false;              // theorem pair-row-difference (else pair-sqrt2)
  std::vector<double> pairs;               // upper triangle, row-major: f_i - f_j is pairs[k]-Lipschitz
};

/// Splits a network into blocks by a flop model (never by a clock), without bounding them. Never throws for an unsupported network: see
/// `Partition::refusals`.
[[nodiscard]] Partition partition(const Network& network);

/// Bounds every block and the network. Throws `Error` (formats/encoding/error.hpp) when the network has refusals or a weight is not finite.
[[nodiscard]] Analysis analyse(const Network& network, const AnalysisOptions& options);

}  // namespace lipcert
