// A network at a point, fast: 64-bit integers on a common power of two for each tensor, and one bound of the Euclidean distance to the true
// values.
//
// A tensor is x = 2^e (c + d) with integers |c_i| <= 2^57 and ||d||_2 <= delta. A block B with one input and ||B(x) - B(y)|| <= L ||x - y||
// (the bound that the certificate claims for it and this checker has verified) is evaluated at 2^e c, which is known exactly, node by node:
//   ||B(x) - y|| <= ||B(x) - B(2^e c)|| + ||B(2^e c) - y|| <= L 2^e delta + (the distance that comes up inside the block),
// so from block to block the distance grows by verified constants, and only what rounding adds inside a block grows by the coarser bounds
// of single nodes below. A join (Add, Sub, Concat, Max, Min of tensors) is one node and takes the distances of its inputs as they are.
//
// Derivatives likewise: t -> B'(x; t) has the constant L for every x, as a limit of difference quotients. So B'(x; t) is taken at the centre of t, for
// all x within the distance of its own centre at once, and the distance of t is multiplied by L. Where such x lie on both sides of a kink, one
// side is chosen, and what the other would give is charged.
//
// Bit lengths: every sum of products stays below 2^125, so that an offset can be added in 128 bits. Whatever does not fit is Unavailable.
// Cost: one 64 x 64 -> 128 bit multiply-add for each weight of a dense node, and for each weight and place of a convolution.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "verifier/base/matrix.hpp"
#include "verifier/graph/operators.hpp"
#include "verifier/samples/fixed_numbers.hpp"
#include "verifier/samples/samples.hpp"
#include "verifier/samples/scaling.hpp"

namespace lipverify {

/// What a node is to a bound around one sample (verifier/local/): which of the members below it has.
struct StepForm {
  enum class Kind { other, affine, diagonal, average, moving, sum, difference, kink, activation, extreme, order, larger, smaller };
  Kind kind = Kind::other;
  const std::vector<Source>* sources = nullptr;  // moving
  Dyadic left = {};                              // kink at 0: the slope on the left of it; on the right it is 1
  const Node* node = nullptr;                    // activation
  bool shifts = false;                           // diagonal: adds constants and does nothing else
  const std::vector<std::uint64_t>* divisors = nullptr;  // average: of the sums of the sets below
  // extreme, average: set i holds entries[start[i]] ... entries[start[i + 1] - 1]; order: entry i is number ranks[i] of lines[line[i]]
  const std::vector<std::size_t>* start = nullptr;
  const std::vector<std::uint32_t>* entries = nullptr;
  bool smallest = false;
  const std::vector<std::vector<std::uint32_t>>* lines = nullptr;
  const std::vector<std::uint32_t>*line = nullptr, *ranks = nullptr;
};

/// Sums of products on a grid: A'c = 2^exponent sums, up to an error of at most `error` in Euclidean length (same units).
struct AdjointSums {
  std::vector<Int128> sums;
  Integer error = 0;
};

/// Norms of rows, from above, in units 2^exponent, below 2^62.
struct RowNorms {
  std::vector<std::uint64_t> norms;
  std::int64_t exponent = 0;
};

/// How far the entries of A x move where those of x move by at most e_i units: at least the norm of each row over the places with e_i > 0, in the units of
/// `row_norms`, and at least sum |w_ki| e_i, in those units times that of e.
struct RowReach {
  std::vector<std::uint64_t> norms;
  std::vector<UInt128> sums;
};

/// Slopes of an activation within a box around every entry: low[i] <= slope <= high[i], units 2^-kSlopeBits; one[i]: it is one number.
struct SlopeBounds {
  std::vector<std::int64_t> low, high;
  std::vector<bool> one;
};
inline constexpr int kSlopeBits = 24;

/// One node: its output from those of its inputs that are data, in the node's order; and its one-sided derivative at any point within the distances of
/// `at`, along `along`. A linear node is its own derivative, wherever that is. Thread-safe.
class FixedStep {
 public:
  FixedStep() = default;
  FixedStep(const FixedStep&) = delete;
  FixedStep& operator=(const FixedStep&) = delete;
  virtual ~FixedStep() = default;
  [[nodiscard]] virtual FixedTensor operator()(const std::vector<const FixedTensor*>& in) const = 0;
  [[nodiscard]] virtual bool linear() const { return true; }
  [[nodiscard]] virtual FixedTensor derivative(const std::vector<const FixedTensor*>& /*at*/, const std::vector<const FixedTensor*>& along) const {
    return (*this)(along);
  }

  // For bounds around one sample. What a form does not have throws Unavailable.
  [[nodiscard]] virtual StepForm form() const { return {}; }
  /// ||output(x) - output(y)|| <= stretch ||x - y||, inputs taken together as one vector.
  [[nodiscard]] virtual UpperBound stretch() const { throw Unavailable{}; }
  /// affine, diagonal, average: A'c for each of `c`, |c_i| <= 2^31, on the grid of 2^adjoint_exponent() of that of c.
  virtual void adjoint(const std::vector<std::vector<std::int64_t>>& /*c*/, std::vector<AdjointSums>& /*out*/) const { throw Unavailable{}; }
  [[nodiscard]] virtual std::int64_t adjoint_exponent() const { throw Unavailable{}; }
  /// affine, average: ||row i||_2 for every entry of the output; diagonal: |d_i|.
  [[nodiscard]] virtual RowNorms row_norms() const { throw Unavailable{}; }
  /// affine with explicit rows: see RowReach; 0 <= e_i <= 2^42. Else nothing.
  [[nodiscard]] virtual std::optional<RowReach> reach(const std::vector<std::int64_t>& /*e*/) const { return std::nullopt; }
  /// affine: at least ||row i - row j||_2 where both rows meet the data at the same places, in the units of row_norms; else nothing.
  [[nodiscard]] virtual std::optional<std::uint64_t> row_difference(std::size_t /*i*/, std::size_t /*j*/) const { return std::nullopt; }
  /// activation: within `radius` units of the centre of every entry (units 2^exponent).
  [[nodiscard]] virtual SlopeBounds slopes(const FixedTensor& /*centre*/, const std::vector<std::int64_t>& /*radius*/, std::int64_t /*exponent*/) const { throw Unavailable{}; }
};

/// x -> (I_left (x) A (x) I_right) x + offset.
[[nodiscard]] std::unique_ptr<FixedStep> dense_step(const EnclosedMatrix& a, std::uint64_t left, std::uint64_t right,
                                                    const IntervalTensor& offset);

/// A convolution of a tensor (batch, groups * inputs, size) into (batch, groups * outputs, taps.size()).
struct FixedConvolution {
  std::size_t batch = 1, groups = 1, inputs = 1, outputs = 1, kernel = 1, size = 1;
  std::vector<std::vector<Tap>> taps;  // for each place of the result; no kernel position meets an entry of the data at two places
  EnclosedMatrix weights;              // groups * outputs rows, inputs * kernel columns
  IntervalTensor offset;               // one for each output channel, or one zero
  unsigned threads = 1;
};
[[nodiscard]] std::unique_ptr<FixedStep> convolution_step(const FixedConvolution& convolution);

/// x_i -> d_k x_i + offset_k with k = (i / run) mod (number of factors).
[[nodiscard]] std::unique_ptr<FixedStep> diagonal_step(const IntervalTensor& d, const IntervalTensor& offset, std::size_t run,
                                                       std::size_t entries);

/// Entry i is entry source[i].index of data input source[i].input, or 0 where that is kPadding.
[[nodiscard]] std::unique_ptr<FixedStep> moving_step(std::vector<Source> sources);

/// Entry i is the sum of the entries in groups[i], divided by divisors[i] > 0.
[[nodiscard]] std::unique_ptr<FixedStep> average_step(const std::vector<std::vector<std::uint32_t>>& groups,
                                                      std::vector<std::uint64_t> divisors);

/// Entry i is the largest (smallest) of the entries in sets[i].
[[nodiscard]] std::unique_ptr<FixedStep> extreme_step(const std::vector<std::vector<std::uint32_t>>& sets, bool smallest);

/// Entry i is number ranks[i] of the entries in lines[line[i]], counted from the largest (ascending: from the smallest). Different i have
/// different places, and different lines no common entries.
[[nodiscard]] std::unique_ptr<FixedStep> order_step(std::vector<std::vector<std::uint32_t>> lines, std::vector<std::uint32_t> line,
                                                    std::vector<std::uint32_t> ranks, bool ascending);

/// Entry by entry over tensors of one size.
enum class Joining { sum, difference, maximum, minimum };
[[nodiscard]] std::unique_ptr<FixedStep> joining_step(Joining joining);

enum class Kink { relu, abs, leaky_relu };
[[nodiscard]] std::unique_ptr<FixedStep> kink_step(Kink kink, const Dyadic& slope);

/// Any other node: the intervals of graph/operators.hpp, put on a grid. Slow. `inputs`: its constants; null where it reads data.
[[nodiscard]] std::unique_ptr<FixedStep> enclosing_step(const Graph& graph, std::size_t node, std::size_t output,
                                                        std::vector<const Operand*> inputs);

class FixedNetwork {
 public:
  /// The following steps are of a block whose one input is this, and whose constant is at most `upper`.
  void begin_block(ValueId input, const Rational& upper);
  /// The following steps are of a join; `upper`: the constant from the graph's input to its output.
  void begin_join(const Rational& upper);
  void add(std::unique_ptr<FixedStep> step, std::vector<ValueId> inputs, ValueId output, std::size_t node = 0);
  /// `outputs`: what may be read later.
  void end_block(std::vector<ValueId> outputs);

  /// That tensor, from the graph's input, which has the id 0; nothing when numbers leave the range. Thread-safe.
  [[nodiscard]] std::optional<EnclosedOutput> evaluate(const GridPoint& input, ValueId output) const;

  /// Values and one-sided derivatives of what the blocks put out, from those of what they read. Unavailable as above.
  using Tensors = std::map<ValueId, FixedTensor>;
  void differentiate(Tensors& values, Tensors& along) const;

  struct Placed {
    std::unique_ptr<FixedStep> step;
    std::vector<ValueId> inputs;
    ValueId output = kAbsent;
    std::size_t node = 0;  // of the graph; of several that are folded the last
  };
  struct Block {
    std::vector<Placed> steps;
    std::optional<ValueId> input;  // none: a join
    UpperBound bound;              // from this input to the output; of a join from the graph's input
    std::vector<ValueId> outputs;
  };
  [[nodiscard]] const std::vector<Block>& blocks() const { return blocks_; }

 private:
  static void run(const Block& block, Tensors& tensors);
  static void finish(const Block& block, const Integer& before, Tensors& tensors);
  std::vector<Block> blocks_;
};

}  // namespace lipverify
