// See enclosed.hpp.

#include "certify/numbers/enclosed.hpp"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "certify/numbers/tiles.hpp"

namespace lipcert {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr Ball unbounded{0, infinity};

// Below this magnitude the residual of a product may not be a double any more (see rounding.cpp).
constexpr double residual_is_exact_from = 0x1p-960;

double finite_or_infinite(Upper radius) { return radius.value(); }

/// |a b - p|, exactly when it is a double, otherwise from above.
Upper product_error(double a, double b, double p) {
  if (a == 0 || b == 0) {
    return {};
  }
  if (std::fabs(p) >= residual_is_exact_from) {
    return Upper::exact(std::fma(a, b, -p));
  }
  // p may be subnormal or zero: repeat with the mantissas alone. p 2^-(ea+eb) is a double, and the residual vanishes if and only if the
  // product was exact.
  int ea = 0;
  int eb = 0;
  const double fa = std::frexp(a, &ea);
  const double fb = std::frexp(b, &eb);
  const double residual = std::fma(fa, fb, -std::ldexp(p, -(ea + eb)));
  return residual == 0 ? Upper() : Upper::exact(next_up(std::fabs(residual))).scaled(ea + eb);
}

}  // namespace

Ball add(Ball a, Ball b) {
  const double sum = a.centre + b.centre;
  if (!std::isfinite(sum)) {
    return unbounded;
  }
  const double b_part = sum - a.centre;
  const double error = (a.centre - (sum - b_part)) + (b.centre - b_part);  // two-sum: exactly the rounding error
  if (error == 0 && a.radius == 0 && b.radius == 0) {
    return {sum, 0};
  }
  return {sum, finite_or_infinite(Upper::exact(error) + Upper::exact(a.radius) + Upper::exact(b.radius))};
}

Ball subtract(Ball a, Ball b) { return add(a, {-b.centre, b.radius}); }

Ball multiply(Ball a, Ball b) {
  const double p = a.centre * b.centre;
  if (!std::isfinite(p)) {
    return unbounded;
  }
  Upper radius = product_error(a.centre, b.centre, p);
  if (a.radius != 0 || b.radius != 0) {
    const Upper ra = Upper::exact(a.radius);
    const Upper rb = Upper::exact(b.radius);
    radius = radius + Upper::exact(a.centre) * rb + ra * Upper::exact(b.centre) + ra * rb;
  }
  return {p, radius.value()};
}

Ball divide(Ball a, Ball b) {
  const Lower divisor = minus(Lower::exact(b.centre), Upper::exact(b.radius));  // |true divisor| is at least this
  const double q = a.centre / b.centre;
  if (!(divisor.value() > 0) || !std::isfinite(q)) {
    return unbounded;
  }
  // a'/b' - q = (a' - a) / b' + (a - q b) / b' + q (b - b') / b'.
  // |a - q b| by the mantissas, as in product_error: with q = 0 (underflow) it is |a|.
  Upper residual;
  if (q == 0) {
    residual = Upper::exact(a.centre);
  } else {
    int ea = 0;
    int eb = 0;
    const double fa = std::frexp(a.centre, &ea);
    const double fb = std::frexp(b.centre, &eb);
    const double rest = std::fma(std::ldexp(q, eb - ea), fb, -fa);  // q 2^(eb-ea) lies in [1/2, 2] or is a subnormal q scaled up: exact
    if (rest != 0) {
      residual = Upper::exact(next_up(std::fabs(rest))).scaled(ea);
    }
  }
  const Upper numerator = residual + Upper::exact(a.radius) + Upper::exact(q) * Upper::exact(b.radius);
  return {q, (numerator / divisor).value()};
}

Ball hull(double low, double high) {
  const double centre = low + (high - low) / 2;
  // |true - centre| <= max(high - centre, centre - low), each difference rounded up.
  const Ball above = subtract({high, 0}, {centre, 0});
  const Ball below = subtract({centre, 0}, {low, 0});
  const Upper a = Upper::exact(above.centre) + Upper::exact(above.radius);
  const Upper b = Upper::exact(below.centre) + Upper::exact(below.radius);
  return {centre, max(a, b).value()};
}

double low_end(Ball b) {
  const Ball end = subtract({b.centre, 0}, {b.radius, 0});
  return end.radius == 0 ? end.centre : std::nextafter(end.centre, -HUGE_VAL);
}
double high_end(Ball b) {
  const Ball end = add({b.centre, 0}, {b.radius, 0});
  return end.radius == 0 ? end.centre : std::nextafter(end.centre, HUGE_VAL);
}

EnclosedTensor enclose(const Tensor& tensor) {
  EnclosedTensor result;
  result.shape = tensor.shape;
  const std::uint64_t n = tensor.size();
  result.centre.resize(n);
  if (is_floating(tensor.type)) {
    for (std::uint64_t i = 0; i < n; ++i) {
      result.centre[i] = tensor.real(i);
    }
    return result;
  }
  for (std::uint64_t i = 0; i < n; ++i) {
    const std::int64_t value = tensor.integer(i);
    result.centre[i] = static_cast<double>(value);
    if (value > (std::int64_t{1} << 53) || value < -(std::int64_t{1} << 53)) {
      result.radius.resize(n);
      result.radius[i] = 0x1p10;  // half an ulp at most of a number up to 2^63
    }
  }
  return result;
}

std::vector<std::size_t> broadcast_index(const Shape& from, const Shape& to) {
  const std::uint64_t n = element_count(to);
  std::vector<std::size_t> stride(to.size(), 0);
  std::size_t step = 1;
  for (std::size_t back = 0; back < from.size(); ++back) {
    const std::size_t axis = from.size() - 1 - back;
    if (back < to.size()) {
      stride[to.size() - 1 - back] = from[axis] == 1 ? 0 : step;
    }
    step *= from[axis];
  }
  std::vector<std::size_t> index(n);
  std::vector<std::uint64_t> position(to.size(), 0);
  std::size_t offset = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    index[i] = offset;
    for (std::size_t axis = to.size(); axis-- > 0;) {
      offset += stride[axis];
      if (++position[axis] < to[axis]) {
        break;
      }
      offset -= stride[axis] * to[axis];
      position[axis] = 0;
    }
  }
  return index;
}

namespace {

/// Keeps the empty radius of a result that stayed exact.
void drop_zero_radius(std::vector<double>& radius) {
  if (std::all_of(radius.begin(), radius.end(), [](double r) { return r == 0; })) {
    radius.clear();
    radius.shrink_to_fit();
  }
}

}  // namespace

EnclosedTensor entrywise(Ball (*operation)(Ball, Ball), const EnclosedTensor& a, const EnclosedTensor& b, const Shape& shape) {
  const std::vector<std::size_t> ia = broadcast_index(a.shape, shape);
  const std::vector<std::size_t> ib = broadcast_index(b.shape, shape);
  EnclosedTensor result;
  result.shape = shape;
  result.centre.resize(ia.size());
  result.radius.resize(ia.size());
  for (std::size_t i = 0; i < ia.size(); ++i) {
    const Ball ball = operation({a.centre[ia[i]], a.radius_at(ia[i])}, {b.centre[ib[i]], b.radius_at(ib[i])});
    result.centre[i] = ball.centre;
    result.radius[i] = ball.radius;
  }
  drop_zero_radius(result.radius);
  return result;
}

// relu and abs move two numbers no further apart: the radius stays.
EnclosedTensor relu(EnclosedTensor a) {
  for (double& x : a.centre) {
    x = std::max(x, 0.0);
  }
  return a;
}

EnclosedTensor abs(EnclosedTensor a) {
  for (double& x : a.centre) {
    x = std::fabs(x);
  }
  return a;
}

EnclosedTensor leaky_relu(EnclosedTensor a, double alpha) {
  // x -> max(1, |alpha|)-Lipschitz, and the product alpha * centre has its own rounding error.
  const Upper slope = max(Upper::exact(1), Upper::exact(alpha));
  std::vector<double> radius(a.centre.size());
  for (std::size_t i = 0; i < a.centre.size(); ++i) {
    Upper r = a.radius_at(i) == 0 ? Upper() : slope * Upper::exact(a.radius_at(i));
    if (a.centre[i] < 0) {
      const Ball p = multiply({a.centre[i], 0}, {alpha, 0});
      a.centre[i] = p.centre;
      r = r + Upper::exact(p.radius);
    }
    radius[i] = r.value();
  }
  drop_zero_radius(radius);
  a.radius = std::move(radius);
  return a;
}

std::size_t first_unbounded(const std::vector<double>& centre, const std::vector<double>& radius) {
  for (std::size_t i = 0; i < centre.size(); ++i) {
    if (!std::isfinite(centre[i]) || (!radius.empty() && !std::isfinite(radius[i]))) {
      return i;
    }
  }
  return centre.size();
}

namespace {

std::vector<double> transposed(const std::vector<double>& a, std::size_t rows, std::size_t columns) {
  std::vector<double> t(a.size());
  constexpr std::size_t block = 32;
  for (std::size_t i0 = 0; i0 < rows; i0 += block) {
    for (std::size_t j0 = 0; j0 < columns; j0 += block) {
      for (std::size_t i = i0; i < std::min(rows, i0 + block); ++i) {
        for (std::size_t j = j0; j < std::min(columns, j0 + block); ++j) {
          t[j * rows + i] = a[i * columns + j];
        }
      }
    }
  }
  return t;
}

}  // namespace

EnclosedMatrix transposed(const EnclosedMatrix& a) {
  EnclosedMatrix t;
  t.rows = a.columns;
  t.columns = a.rows;
  t.centre = transposed(a.centre, a.rows, a.columns);
  if (!a.radius.empty()) {
    t.radius = transposed(a.radius, a.rows, a.columns);
  }
  return t;
}

namespace {

template <class Factor>
EnclosedMatrix scaled_by(EnclosedMatrix a, Factor factor) {
  const bool was_exact = a.radius.empty();
  if (was_exact) {
    a.radius.resize(a.centre.size());
  }
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t j = 0; j < a.columns; ++j) {
      const std::size_t k = i * a.columns + j;
      const Ball p = multiply({a.centre[k], a.radius[k]}, factor(i, j));
      a.centre[k] = p.centre;
      a.radius[k] = p.radius;
    }
  }
  drop_zero_radius(a.radius);
  return a;
}

}  // namespace

EnclosedMatrix scaled(EnclosedMatrix a, Ball factor) {
  if (factor.centre == 1 && factor.radius == 0) {
    return a;
  }
  return scaled_by(std::move(a), [factor](std::size_t, std::size_t) { return factor; });
}

EnclosedMatrix scaled_rows(EnclosedMatrix a, const std::vector<Ball>& d) {
  return scaled_by(std::move(a), [&d](std::size_t i, std::size_t) { return d[i]; });
}

EnclosedMatrix scaled_columns(EnclosedMatrix a, const std::vector<Ball>& d) {
  return scaled_by(std::move(a), [&d](std::size_t, std::size_t j) { return d[j]; });
}

namespace {

/// Norms of the rows (of an m x k row-major array) from above.
std::vector<Upper> row_norms(const std::vector<double>& a, std::size_t rows, std::size_t columns) {
  std::vector<Upper> norms(rows);
  if (!a.empty()) {
    for (std::size_t i = 0; i < rows; ++i) {
      norms[i] = norm_above(&a[i * columns], columns);
    }
  }
  return norms;
}

std::vector<Upper> column_norms(const std::vector<double>& b, std::size_t rows, std::size_t columns) {
  return b.empty() ? std::vector<Upper>(columns) : row_norms(transposed(b, rows, columns), columns, rows);
}

/// One entry by compensated accumulation. Every product and every partial sum is split exactly into its rounded value and its error; the errors
/// are summed in plain arithmetic: 2 k of them, each rounded at most 2 k + 1 times, so gamma_{2k+2} of the sum of their magnitudes.
struct CompensatedDot {
  double sum = 0;
  double correction = 0;
  double magnitude = 0;  // sum of |errors|
  Upper underflow;

  void accumulate(double a, double b) {
    const double p = a * b;
    double e = 0;
    if (std::fabs(p) >= residual_is_exact_from) {
      e = std::fma(a, b, -p);
    } else {
      underflow = underflow + product_error(a, b, p);
    }
    const double next = sum + p;
    const double part = next - sum;
    const double t = (sum - (next - part)) + (p - part);
    sum = next;
    correction += e;
    correction += t;
    magnitude += std::fabs(e);
    magnitude += std::fabs(t);
  }
};

EnclosedMatrix small_product(const EnclosedMatrix& a, const EnclosedMatrix& b) {
  EnclosedMatrix c;
  c.rows = a.rows;
  c.columns = b.columns;
  c.centre.resize(c.rows * c.columns);
  c.radius.resize(c.centre.size());
  const std::size_t k = a.columns;
  const Upper g = gamma(2 * k + 8);
  for (std::size_t i = 0; i < c.rows; ++i) {
    for (std::size_t j = 0; j < c.columns; ++j) {
      CompensatedDot dot;
      for (std::size_t l = 0; l < k; ++l) {
        dot.accumulate(a.centre[i * k + l], b.centre[l * c.columns + j]);
      }
      const Ball sum = add({dot.sum, 0}, {dot.correction, 0});
      const Upper computed = Upper::exact(dot.magnitude) * (Upper::exact(1) + g) * g;
      c.centre[i * c.columns + j] = sum.centre;
      c.radius[i * c.columns + j] = std::isfinite(dot.sum) ? (Upper::exact(sum.radius) + computed + dot.underflow).value() : infinity;
    }
  }
  return c;
}

/// The leading part of an array by rows (or columns): a = head + tail exactly, head a multiple of 2^(e - bits) with |head| <= 2^e, where 2^e is
/// above every magnitude of the row (or column). Rounding to the multiple by adding and subtracting a large number (Dekker).
struct Split {
  std::vector<double> head;
  std::vector<double> tail;
  std::vector<int> exponent;
  bool tail_is_zero = true;
};

Split split(const std::vector<double>& a, std::size_t rows, std::size_t columns, bool by_rows, int bits) {
  Split s;
  s.exponent.assign(by_rows ? rows : columns, std::numeric_limits<int>::min());
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      const double x = a[i * columns + j];
      if (x != 0) {
        int e = 0;
        static_cast<void>(std::frexp(x, &e));
        int& largest = s.exponent[by_rows ? i : j];
        largest = std::max(largest, e);
      }
    }
  }
  s.head.resize(a.size());
  s.tail.resize(a.size());
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      const std::size_t k = i * columns + j;
      const int e = s.exponent[by_rows ? i : j];
      // Only ranges where neither the large number overflows nor the grid underflows are split; other rows keep everything in the tail.
      if (e < -900 || e > 900) {
        s.tail[k] = a[k];
      } else {
        const double large = std::ldexp(1.5, e - bits + 52);
        s.head[k] = (a[k] + large) - large;
        s.tail[k] = a[k] - s.head[k];
      }
      s.tail_is_zero = s.tail_is_zero && s.tail[k] == 0;
    }
  }
  return s;
}

/// c (m x n) += a (m x k) * b (k x n), row-major, in tiles of fixed size.
void add_product(std::vector<double>& c, const std::vector<double>& a, const std::vector<double>& b, std::size_t m, std::size_t k,
                 std::size_t n, WorkerPool& pool) {
  const std::size_t tile = tile_size(std::max(m, n));
  const std::size_t down = (m + tile - 1) / tile;
  const std::size_t across = (n + tile - 1) / tile;
  pool.for_each(down * across, [&](std::size_t task) {
    const std::size_t i = task / across * tile;
    const std::size_t j = task % across * tile;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, blas_int(std::min(tile, m - i)), blas_int(std::min(tile, n - j)), blas_int(k), 1,
                &a[i * k], blas_int(k), &b[j], blas_int(n), 1, &c[i * n + j], blas_int(n));
  });
}

EnclosedMatrix large_product(const EnclosedMatrix& a, const EnclosedMatrix& b, WorkerPool& pool) {
  const std::size_t m = a.rows;
  const std::size_t k = a.columns;
  const std::size_t n = b.columns;
  // Heads are integers of at most `bits` bits times a power of two per row and per column: k of their products sum to less than 2^53 such
  // units when 2 bits + ceil(log2 k) <= 53, so that every partial sum in any order is exact.
  const int log_k = static_cast<int>(std::bit_width(k - 1));
  const int bits = (53 - log_k) / 2;
  const Split sa = split(a.centre, m, k, true, bits);
  const Split sb = split(b.centre, k, n, false, bits);
  std::vector<double> leading(m * n, 0.0);
  add_product(leading, sa.head, sb.head, m, k, n, pool);
  EnclosedMatrix c;
  c.rows = m;
  c.columns = n;
  // Exponents outside this range could lose bits of the leading product below 2^-1074.
  const auto underflows = [&](std::size_t i, std::size_t j) {
    const auto low = [](int e) { return e != std::numeric_limits<int>::min() && (e < -400 || e > 400); };
    return low(sa.exponent[i]) || low(sb.exponent[j]);
  };
  bool in_range = true;
  for (std::size_t i = 0; i < m; ++i) {
    in_range = in_range && !underflows(i, 0);
  }
  for (std::size_t j = 0; j < n; ++j) {
    in_range = in_range && !underflows(0, j);
  }
  if (sa.tail_is_zero && sb.tail_is_zero && in_range) {
    c.centre = std::move(leading);
    return c;
  }
  std::vector<double> rest(m * n, 0.0);
  add_product(rest, sa.head, sb.tail, m, k, n, pool);
  add_product(rest, sa.tail, b.centre, m, k, n, pool);
  // |fl(rest) - rest| <= gamma_{2k+2} (|A1||B2| + |A2||B|), and each entry of |X||Y| is at most ||row|| ||column|| (Cauchy-Schwarz).
  const std::vector<Upper> head_rows = row_norms(sa.head, m, k);
  const std::vector<Upper> tail_rows = row_norms(sa.tail, m, k);
  const std::vector<Upper> tail_columns = column_norms(sb.tail, k, n);
  const std::vector<Upper> all_columns = column_norms(b.centre, k, n);
  const Upper g = gamma(2 * k + 8);
  const Upper underflow = Upper::exact(static_cast<double>(k) * 0x1p-1072);
  c.centre.resize(m * n);
  c.radius.resize(m * n);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < n; ++j) {
      const std::size_t at = i * n + j;
      const Ball sum = add({leading[at], 0}, {rest[at], 0});
      c.centre[at] = sum.centre;
      Upper radius = Upper::exact(sum.radius) + g * (head_rows[i] * tail_columns[j] + tail_rows[i] * all_columns[j]);
      if (!in_range) {
        // Without the guarantee of an exact leading product it is charged like the rest.
        radius = radius + g * head_rows[i] * all_columns[j] * Upper::exact(2) + underflow;
      }
      c.radius[at] = (radius + underflow).value();
    }
  }
  return c;
}

}  // namespace

EnclosedMatrix product(const EnclosedMatrix& a, const EnclosedMatrix& b, WorkerPool& pool) {
  constexpr double small = 0x1p20;
  const bool is_small = static_cast<double>(a.rows) * static_cast<double>(a.columns) * static_cast<double>(b.columns) <= small;
  EnclosedMatrix c = is_small ? small_product(a, b) : large_product(a, b, pool);
  if (!a.exact() || !b.exact()) {
    // (A + dA)(B + dB) - A B: |A||dB| + |dA||B| + |dA||dB|, entries by Cauchy-Schwarz.
    c.radius.resize(c.centre.size());
    const std::vector<Upper> rows = row_norms(a.centre, a.rows, a.columns);
    const std::vector<Upper> row_radii = row_norms(a.radius, a.rows, a.columns);
    const std::vector<Upper> columns = column_norms(b.centre, b.rows, b.columns);
    const std::vector<Upper> column_radii = column_norms(b.radius, b.rows, b.columns);
    for (std::size_t i = 0; i < c.rows; ++i) {
      for (std::size_t j = 0; j < c.columns; ++j) {
        double& r = c.radius[i * c.columns + j];
        r = (Upper::exact(r) + rows[i] * column_radii[j] + row_radii[i] * (columns[j] + column_radii[j])).value();
      }
    }
  }
  drop_zero_radius(c.radius);
  return c;
}

}  // namespace lipcert
