// What the checks of norms are told by searches that nobody trusts. A wrong answer can only make a check fail (verifier/hint makes them).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "verifier/theorems/band.hpp"
#include "verifier/theorems/spectral.hpp"

namespace lipverify {

/// An order of the columns of a sparse matrix with `columns` columns, rows start[i] to start[i + 1] - 1 of `column`: the k-th column in the
/// new order is result[k]. Good when columns that share a row stand close together.
using OrderHint = std::function<std::vector<std::uint32_t>(std::size_t columns, const std::vector<std::size_t>& start,
                                                           const std::vector<std::uint32_t>& column)>;

/// An upper triangular R with R'R 2^(2 drop) near M, within the skyline of M; empty: none was found.
using BandFactorHint = std::function<BandFactor(const BandSum& m, unsigned drop, unsigned threads)>;

/// re + i im, in units of 2^-60.
struct Root {
  std::int64_t re = 0;
  std::int64_t im = 0;
};

/// The n-th roots of unity zeta^0, zeta^1, ..., zeta^(n - 1), rounded.
using RootHint = std::function<std::vector<Root>(std::uint64_t n)>;

struct Hints {
  FactorHint factor;
  OrderHint order;
  BandFactorHint band;
  RootHint roots;
  HermitianHint hermitian;
};

}  // namespace lipverify
