// A network as steps, each a known map of flattened tensors, with the constants that it uses enclosed.
//
// Steps read and write numbered values: value 0 is the graph's input, value k the output of step k - 1; a value may be read by several
// steps. A node makes one step (Split: one for each output); an L2 pooling and a gated product are several nodes and one step. What is not
// understood is refused with the node's name and a remedy. Tensors are vectors in row-major order; real arithmetic throughout.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "certify/graph/gate.hpp"
#include "certify/numbers/enclosed.hpp"
#include "certify/numbers/parallel.hpp"
#include "certify/numbers/sparse_matrix.hpp"
#include "formats/network/network.hpp"

namespace lipcert {

/// Flat index `index` of input number `input` of a step.
struct EntryAt {
  std::uint32_t input = 0;
  std::uint32_t index = 0;
};

/// A convolution, or the transpose of one, in one form: y[m, p] = sum over c, t of kernel[m, (c, t)] x[c, source[t][p]], where channel m
/// reads the channels of its group. A negative source is padding.
struct ConvolutionMap {
  std::size_t groups = 1;
  std::size_t outputs = 1;  // channels per group
  std::size_t inputs = 1;
  std::size_t taps = 1;
  std::size_t input_positions = 1;
  std::size_t output_positions = 1;
  EnclosedMatrix kernel;             // groups * outputs x inputs * taps
  std::vector<std::int32_t> source;  // taps x output_positions

  [[nodiscard]] double flops() const {
    return 2 * static_cast<double>(kernel.rows) * static_cast<double>(kernel.columns) * static_cast<double>(output_positions);
  }
};

struct Step {
  enum class Kind {
    isometry,     // x -> sign x + bias
    diagonal,     // x -> d * x + bias entrywise
    right,        // x -> (I_copies (x) matrix) x + bias: the constant matrix stands to the right of the data (last axis)
    left,         // x -> (matrix (x) I_copies) x: it stands to the left (axis before the last)
    move,         // every entry of the result is an entry of an input, or (without source) 0, plus bias
    sparse,       // x -> weights x + bias, x one input or two of them, one after the other
    convolution,  // bias by entry
    sum,          // +-x +- y of two inputs, each with its own broadcasting
    activation,   // entrywise; `op`
    order,        // entries of the result are order statistics of sets of entries of the inputs
    softmax,      // of disjoint sets of entries
    pool_l2,      // square roots of nonnegative combinations (weights) of squares
  };
  Kind kind = Kind::isometry;
  std::size_t node = 0;             // the last of its nodes
  std::vector<std::size_t> nodes;   // ascending
  std::vector<std::size_t> inputs;  // values
  ValueId value = no_value;         // of the network: what it writes
  std::uint64_t input_size = 0;     // entries of the inputs, all together
  std::uint64_t first_size = 0;     // of the first input
  std::uint64_t output_size = 0;

  double sign = 1;            // isometry: 1 or -1
  std::vector<Ball> factors;  // diagonal: one number, or one for each entry
  EnclosedMatrix matrix;      // right, left: from columns to rows
  std::uint64_t copies = 1;
  std::vector<Ball> bias;       // empty, or one for each entry of the output
  std::vector<EntryAt> source;  // move: for each entry of the result; `no_input` where there is none
  SparseMatrix weights;         // sparse, pool_l2
  ConvolutionMap convolution;
  std::vector<std::vector<std::uint32_t>> maps;  // sum: for each input, the entry that is read; empty: the same
  std::vector<double> signs;                     // sum: 1 or -1

  Operator op = Operator::relu;  // activation
  std::optional<Gate> gate;      // activation: a gated product, whatever `op` is
  double alpha = 0;              // LeakyRelu, Elu, Selu, HardSigmoid
  double gamma = 0;              // Selu; beta of HardSigmoid
  bool tanh_form = false;        // Gelu
  std::vector<Ball> slopes;      // PRelu: one number, or one for each entry
  std::vector<Ball> low;         // Clip, Max with constants: empty, one number, or one for each entry
  std::vector<Ball> high;        // Clip, Min with constants

  // order, softmax: sets of entries of the inputs, one input after the other; order: entry i of the result is the (rank[i] + 1)-th smallest
  // of set[i].
  std::vector<std::size_t> set_start;
  std::vector<std::uint32_t> set_entry;
  std::vector<std::uint32_t> set;
  std::vector<std::uint32_t> rank;

  static constexpr std::uint32_t no_input = 0xFFFFFFFF;

  [[nodiscard]] bool dense() const { return kind == Kind::right || kind == Kind::left; }
  /// x -> A x + b, of one input or several.
  [[nodiscard]] bool affine() const {
    return kind != Kind::activation && kind != Kind::order && kind != Kind::softmax && kind != Kind::pool_l2;
  }
  /// The step has a linear part other than the identity.
  [[nodiscard]] bool linear_part() const { return kind != Kind::isometry || sign < 0; }
};

struct StepGraph {
  std::uint64_t input_size = 0;
  std::vector<Step> steps;                  // file order
  std::size_t output = 0;                   // value
  std::vector<std::size_t> constant_nodes;  // ascending
  std::vector<Refusal> refusals;            // the network's and those found here; when not empty, steps may be missing

  [[nodiscard]] std::uint64_t size_of(std::size_t value) const { return value == 0 ? input_size : steps[value - 1].output_size; }
  /// How often each value is read; the graph's output counts as read once more.
  [[nodiscard]] std::vector<std::size_t> readers() const;
};

/// Never throws for an unsupported network.
[[nodiscard]] StepGraph build_steps(const Network& network, WorkerPool& pool);

}  // namespace lipcert
