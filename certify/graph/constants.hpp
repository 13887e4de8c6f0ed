// Values of the constant tensors of a network: initialisers, Constant nodes, and expressions of them, exact or enclosed.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "certify/numbers/enclosed.hpp"
#include "certify/numbers/parallel.hpp"
#include "formats/network/network.hpp"

namespace lipcert {

/// A refusal on its way to the list of refusals.
struct Refused {
  Refusal refusal;
};

/// The refusal of a node, with its name and operator.
[[nodiscard]] Refused refuse(const Network& network, std::size_t node, const std::string& reason);

/// Values of constants, computed in real arithmetic: the operators that computers round are enclosed. Supported: Add, Sub, Mul, Div,
/// MatMul, Gemm, Neg, Sign, Sqrt, Reciprocal, Pow (whole numbers and halves), Exp, Log, Max, Min, every activation, ReduceSum, ReduceMean,
/// ReduceMax, ReduceMin, ReduceL2, what moves entries, Cast (where it changes no value), comparisons and logic (where they are certain),
/// Where, DequantizeLinear, shapes, Constant.
class Constants {
 public:
  /// Keeps references to both.
  Constants(const Network& network, WorkerPool& pool) : network_(network), pool_(pool) {}

  /// The value of a constant tensor; every node on the way is computed once. Throws `Refused` when an operator is not supported on constants, a
  /// divisor may be zero, or a value is not finite. At most 2^26 entries per computed tensor.
  [[nodiscard]] EnclosedTensor value(ValueId id);

 private:
  void compute(std::size_t node);
  [[nodiscard]] EnclosedTensor moved(std::size_t node, std::size_t output) const;
  [[nodiscard]] EnclosedTensor reduced(std::size_t node) const;
  [[nodiscard]] Ball root_of(std::size_t node, Ball a) const;
  // constant_conditions.cpp
  [[nodiscard]] EnclosedTensor condition(std::size_t node) const;
  [[nodiscard]] EnclosedTensor activated(std::size_t node) const;
  [[nodiscard]] Ball exp_or_log(std::size_t node, Ball a) const;
  [[nodiscard]] Ball power_of(std::size_t node, Ball a, Ball exponent) const;
  [[nodiscard]] EnclosedTensor stored(ValueId id) const;

  const Network& network_;
  WorkerPool& pool_;
  std::map<ValueId, EnclosedTensor> computed_;
};

/// BatchNormalization as x -> factor x + offset, channel by channel.
struct ChannelFactors {
  std::vector<Ball> factor;
  std::vector<Ball> offset;
};
[[nodiscard]] ChannelFactors normalization(Constants& constants, const Network& network, std::size_t node);

/// The tensor as a matrix: its last two dimensions, all others 1; a vector becomes one row. Throws `Refused` on behalf of `node` otherwise.
[[nodiscard]] EnclosedMatrix as_matrix(const Network& network, std::size_t node, EnclosedTensor tensor);

}  // namespace lipcert
