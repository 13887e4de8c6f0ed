// Weights as bits, as they stand in the file: what the proved checker decodes itself, so that nothing is rounded on the way.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "formats/network/network.hpp"
#include "proofs/front/exact.hpp"

namespace lipcert::proofs {

enum class Encoding { f32, f64 };

[[nodiscard]] const char* name(Encoding encoding);

struct Bits {
  Encoding encoding = Encoding::f32;
  std::vector<std::uint64_t> words;

  [[nodiscard]] double real(std::size_t i) const;
  void negate();
};

/// bits of 1 or -1
[[nodiscard]] Bits ones(std::size_t n, bool negative);

/// A constant as it stands in the file, with the shape that it has where it is used. Throws `NotCovered` for one that the model computes.
[[nodiscard]] std::pair<Bits, Shape> constant_of(const Network& network, ValueId id);

/// One entry for each entry of a tensor of shape `to`, by the rules of broadcasting.
[[nodiscard]] Bits broadcast(const Bits& from, const Shape& shape, const Shape& to);

/// rows x columns, row-major, to columns x rows
[[nodiscard]] Bits transposed(const Bits& from, std::size_t rows, std::size_t columns);

/// Turns factors m_i 2^(e_i) into (D / m_i) 2^(-e_i), exactly, and returns the common divisor D.
[[nodiscard]] Integer invert(Bits& factors);

}  // namespace lipcert::proofs
