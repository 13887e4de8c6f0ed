// See gram_hint.hpp. With B the integer matrix on the grid (one side at most the other), d = grid_norm^2 and delta a fraction of the slack
// that the generator left below the claimed bound: R'R = (d - delta) I - B B' in floating point, rounded to integers. Then d I - B B' - R'R
// is delta I up to rounding, and delta = 2 n t pays for off-diagonal entries up to t.

#include "proofs/front/gram_hint.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

#include "proofs/front/members.hpp"

// Debian's OpenBLAS has no lapacke.h: Fortran's names, column-major.
extern "C" {
void dsyrk_(const char* uplo, const char* trans, const int* n, const int* k, const double* alpha, const double* a, const int* lda,
            const double* beta, double* c, const int* ldc);
void dpotrf_(const char* uplo, const int* n, double* a, const int* lda, int* info);
}

namespace lipcert::proofs {
namespace {

/// The claimed norm is about 2^norm_bits grid steps, and the factor leaves d (order_slack order^2 + 2^-38) / 2 of the square d of the norm.
/// The first is for claims with the slack of formats/SPEC.md for dense blocks, on which it is fastest; the second for those with the slack
/// of a band, which is so small that the factor must be rounded to a finer grid.
struct Attempt {
  int norm_bits;
  double order_slack;
};
constexpr Attempt attempts[] = {{50, 0x1p-52}, {58, 0}};

void append(std::string& out, const Integer& value) {
  out += value.str();
  out += ' ';
}

void append(std::string& out, std::int64_t value) {
  out += std::to_string(value);
  out += ' ';
}

/// Lower factor of (d - delta) I - B B', row-major lower triangle, or empty when the matrix is not positive definite in floating point.
std::vector<double> cholesky(const std::vector<double>& b, int order, int inner, double d, double delta) {
  const auto n = static_cast<std::size_t>(order);
  std::vector<double> m(n * n, 0.0);
  // b is order x inner, row-major: as a column-major matrix it is inner x order, so b'b there is B B'.
  const double minus_one = -1;
  const double zero = 0;
  dsyrk_("U", "T", &order, &inner, &minus_one, b.data(), &inner, &zero, m.data(), &order);
  for (std::size_t i = 0; i < n; ++i) {
    m[i * n + i] += d - delta;
  }
  int info = 0;
  dpotrf_("U", &order, m.data(), &order, &info);
  const bool finite = std::all_of(m.begin(), m.end(), [](double x) { return std::isfinite(x) && std::fabs(x) < 0x1p62; });
  if (info != 0 || !finite) {
    return {};
  }
  return m;  // column j of the upper factor is row j of the lower one
}

/// At most one entry in each row (of the columns, with `columns`) is not zero.
bool single_entries(const RealMatrix& matrix, bool columns) {
  std::vector<bool> seen(columns ? matrix.columns : matrix.rows, false);
  for (std::size_t i = 0; i < matrix.rows; ++i) {
    for (std::size_t j = 0; j < matrix.columns; ++j) {
      if (matrix.entries[i * matrix.columns + j] != 0) {
        if (seen[columns ? j : i]) {
          return false;
        }
        seen[columns ? j : i] = true;
      }
    }
  }
  return true;
}

/// Without a factor: rows (columns) that do not meet are orthogonal. On a grid fine enough for every entry and, where it is a double, for
/// the bound.
bool append_orthogonal_hint(std::string& out, const RealMatrix& matrix, const Fraction& bound) {
  const bool by_rows = single_entries(matrix, true);  // no two rows have an entry in one column
  if (!by_rows && !single_entries(matrix, false)) {
    return false;
  }
  constexpr int finest = 3000;
  int scale = 120;
  for (const double entry : matrix.entries) {
    if (entry != 0) {
      scale = std::max(scale, -(std::ilogb(entry) - 52));
    }
  }
  scale = std::max(scale, static_cast<int>(msb(bound.den)) + 64);
  if (scale > finest) {
    return false;
  }
  const Integer grid_norm = floor_scaled(bound, scale);
  append(out, std::int64_t{by_rows ? 0 : 1});
  append(out, std::int64_t{scale});
  append(out, std::int64_t{0});
  append(out, grid_norm);
  append(out, std::int64_t{0});
  append(out, static_cast<std::int64_t>(grid_norm == 0 ? 2 : 2 * msb(grid_norm) + 5));
  append(out, std::int64_t{5});
  const std::size_t n = by_rows ? matrix.rows : matrix.columns;
  append(out, static_cast<std::int64_t>(n));
  out += '\n';
  for (std::size_t i = 0; i < n; ++i) {
    out += "0\n";
  }
  return true;
}

/// Appends the numbers of one attempt; with `last` also when there is no factor, so that the checker says no.
bool append_attempt(std::string& out, const RealMatrix& matrix, const Fraction& bound, Entries entries, const Attempt& attempt, bool last) {
  const std::size_t rows = matrix.rows;
  const std::size_t columns = matrix.columns;
  const bool transposed = columns < rows;
  const std::size_t order = std::min(rows, columns);
  const std::size_t inner = std::max(rows, columns);

  int magnitude = 0;
  (void)std::frexp(approximate(bound), &magnitude);
  const int scale = bound.num == 0 ? 0 : attempt.norm_bits - magnitude;

  // The rounded matrix, smaller side first, and how many weights are off the grid.
  std::vector<double> grid(order * inner);
  std::uint64_t off_grid = 0;
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      const double scaled = std::ldexp(matrix.entries[i * columns + j], scale);
      const double rounded = std::floor(scaled);
      // ldexp may underflow to zero: then the weight is off the grid too.
      const bool near_only = entries == Entries::approximate || (entries == Entries::rounded && scaled != 0);
      if (near_only || rounded != scaled || (scaled == 0 && matrix.entries[i * columns + j] != 0)) {
        ++off_grid;
      }
      grid[transposed ? j * inner + i : i * inner + j] = rounded;
    }
  }
  auto spread = static_cast<std::int64_t>(std::ceil(std::sqrt(static_cast<double>(off_grid))));
  while (spread > 0 && static_cast<std::uint64_t>((spread - 1) * (spread - 1)) >= off_grid) {
    --spread;
  }
  Integer grid_norm = floor_scaled(bound, scale);
  grid_norm -= spread;
  if (grid_norm < 0) {
    grid_norm = 0;
  }
  const Integer square = grid_norm * grid_norm;

  // Half of the generator's slack (on the square: 2 (2^-52 n^2 + 2^-38)) goes to delta, the rest covers the generator's own gap.
  const auto n = static_cast<double>(order);
  const double d = square.convert_to<double>();
  const double delta = d * (attempt.order_slack * n * n + 0x1p-38) / 2;
  const Integer off_diagonal(std::floor(delta / (2 * n)));
  const std::vector<double> factor = cholesky(grid, static_cast<int>(order), static_cast<int>(inner), d, delta);
  if (factor.empty() && !last) {
    return false;
  }

  const auto slot_width = static_cast<std::int64_t>(square == 0 ? 2 : msb(square) + 3);
  // Measured: packing 32 rows is fastest up to about 700 columns, 64 above; beyond 2^11 words the packed numbers leave the nursery of
  // OCaml's collector.
  const std::int64_t depth = inner > 700 && order > 300 ? 6 : 5;
  append(out, std::int64_t{transposed ? 1 : 0});
  append(out, std::int64_t{scale});
  append(out, spread);
  append(out, grid_norm);
  append(out, off_diagonal);
  append(out, slot_width);
  append(out, depth);
  append(out, static_cast<std::int64_t>(order));
  out += '\n';
  for (std::size_t i = 0; i < order; ++i) {
    const std::size_t length = factor.empty() ? 0 : i + 1;
    append(out, static_cast<std::int64_t>(length));
    for (std::size_t j = 0; j < length; ++j) {
      append(out, static_cast<std::int64_t>(std::llrint(factor[i * order + j])));
    }
    out += '\n';
  }
  return true;
}

}  // namespace

void append_gram_hint(std::string& out, const RealMatrix& matrix, const Fraction& bound, Entries entries) {
  if (!std::isfinite(approximate(bound))) {
    throw NotCovered("a bound beyond the doubles");
  }
  if (entries == Entries::exact && append_orthogonal_hint(out, matrix, bound)) {
    return;
  }
  for (const Attempt& attempt : attempts) {
    if (append_attempt(out, matrix, bound, entries, attempt, &attempt == std::end(attempts) - 1)) {
      return;
    }
  }
}

}  // namespace lipcert::proofs
