// A network as a chain of steps, each a known map of the flattened tensor, with the constants that it uses enclosed.
//
// Only chains are understood: every node that depends on the input reads what the previous one wrote, and nothing else reads it. Everything
// outside is refused with the node's name and a remedy. Tensors are vectors in row-major order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "certify/enclosed.hpp"
#include "certify/parallel.hpp"
#include "formats/network.hpp"

namespace lipcert {

struct Step {
  enum class Kind {
    isometry,    // x -> sign x + bias
    diagonal,    // x -> d * x entrywise
    right,       // x -> (I_copies (x) matrix) x + bias: the constant matrix stands to the right of the data (last axis)
    left,        // x -> (matrix (x) I_copies) x: it stands to the left (axis before the last)
    activation,  // entrywise; `op`
  };
  Kind kind = Kind::isometry;
  std::size_t node = 0;
  std::uint64_t input_size = 0;
  std::uint64_t output_size = 0;

  double sign = 1;                 // isometry: 1 or -1
  std::vector<Ball> factors;       // diagonal: one number, or one for each entry
  EnclosedMatrix matrix;           // right, left: from columns to rows
  std::uint64_t copies = 1;
  std::vector<Ball> bias;          // empty, or one for each entry of the output
  Operator op = Operator::relu;    // activation
  double alpha = 0;                // LeakyRelu

  [[nodiscard]] bool dense() const { return kind == Kind::right || kind == Kind::left; }
  /// The step has a linear part other than the identity.
  [[nodiscard]] bool linear_part() const { return dense() || kind == Kind::diagonal || sign < 0; }
};

struct Chain {
  std::uint64_t input_size = 0;
  std::vector<Step> steps;                  // file order
  std::vector<std::size_t> constant_nodes;  // ascending
  std::vector<Refusal> refusals;            // the network's and those found here; when not empty, steps may be missing
};

/// Never throws for an unsupported network.
[[nodiscard]] Chain build_chain(const Network& network, WorkerPool& pool);

}  // namespace lipcert
