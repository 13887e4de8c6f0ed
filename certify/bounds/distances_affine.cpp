// The numbers of distances.hpp and its affine steps: integer weights times integer entries, summed exactly in 128 bits.

#include <algorithm>
#include <bit>
#include <utility>

#include "certify/bounds/distances_parts.hpp"

namespace lipcert::by_distance {
namespace {

constexpr int sum_bits = 125;  // sums of products stay below 2^124

/// floor((x + 2^(k - 1)) / 2^k), |x| < 2^126.
Int128 shifted(Int128 x, int k) {
  if (k <= 0) {
    return x;
  }
  return k > 126 ? 0 : (x + (Int128{1} << (k - 1))) >> k;
}

/// Reals as integers times 2^exponent, nearest.
struct Grid {
  std::vector<std::int64_t> entries;
  int exponent = 0;
};

/// At most 2^digits each, digits <= 62. lost(i, e): what entry i leaves out is at most e units.
template <class Number, class Lost>
Grid on_grid(std::size_t n, int digits, const Number& number, const Lost& lost) {
  double largest = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double x = std::fabs(number(i));
    largest = std::isfinite(x) ? std::max(largest, x) : HUGE_VAL;
  }
  int top = 0;
  static_cast<void>(std::frexp(largest, &top));
  if (!std::isfinite(largest)) {
    throw OutOfRange{};
  }
  Grid out;
  out.exponent = largest == 0 ? 0 : top - digits;
  out.entries.resize(n);
  for (std::size_t i = 0; i < n; ++i) {
    // Exact, or far below half a unit; from 2^53 on every double is an integer.
    const double x = std::ldexp(number(i), -out.exponent);
    out.entries[i] = std::llrint(x);
    const double rest = std::fabs(x) < 0x1p53 ? std::fabs(x - static_cast<double>(out.entries[i])) : 0;
    if (rest != 0 || (x == 0 && number(i) != 0)) {
      lost(i, rest + 0x1p-900);
    }
  }
  return out;
}

Upper length_of(const Fixed& x) {
  std::vector<double> m(x.m.begin(), x.m.end());
  return norm_above(m.data(), m.size()) * Upper::exact(1 + 0x1p-52) * unit(x.exponent);
}

/// Integer weights of a linear map that applies a matrix of constants in several places. Both its norm and that of what the integers leave out are at
/// most `times` the Frobenius norms of the matrices.
struct Weights {
  Grid grid;
  Upper left_out;  // spectral norm of the map's error, radii included
  Upper norm;

  Weights(const std::vector<double>& centre, const std::vector<double>& radius, std::size_t terms, Upper times) {
    const int digits = std::min(62, sum_bits - bits - static_cast<int>(std::bit_width(terms)));
    Upper squares;
    grid = on_grid(centre.size(), digits, [&](std::size_t i) { return centre[i]; },
                   [&](std::size_t, double error) { squares = squares + Upper::exact(error) * Upper::exact(error); });
    const Upper r = norm_above(radius.data(), radius.size());
    left_out = times * (sqrt(squares) * unit(grid.exponent) + r);
    norm = times * (norm_above(centre.data(), centre.size()) + r);
  }
  [[nodiscard]] Upper distance(const Fixed& x) const {
    return left_out * length_of(x) + (x.distance.value() == 0 ? Upper() : norm * x.distance);
  }
};

/// Positions at a time: their entries are gathered, and every row of weights is read once for all of them.
constexpr std::size_t together = 4;

/// sums[place(i, q)] = row i of w times column q of the gathered entries, q < together.
template <class Place>
void multiply(const std::int64_t* w, std::size_t rows, std::size_t columns, const std::int64_t* gathered, std::size_t count,
              std::vector<Int128>& sums, const Place& place) {
  for (std::size_t i = 0; i < rows; ++i, w += columns) {
    Int128 s0 = 0;
    Int128 s1 = 0;
    Int128 s2 = 0;
    Int128 s3 = 0;
    const std::int64_t* x = gathered;
    for (std::size_t k = 0; k < columns; ++k, x += together) {
      const Int128 a = w[k];
      s0 += a * x[0];
      s1 += a * x[1];
      s2 += a * x[2];
      s3 += a * x[3];
    }
    const Int128 all[together] = {s0, s1, s2, s3};
    for (std::size_t q = 0; q < count; ++q) {
      sums[place(i, q)] = all[q];
    }
  }
}

Fixed dense(const Step& step, const Fixed& x, std::vector<Int128>& sums, WorkerPool& pool) {
  const EnclosedMatrix& a = step.matrix;
  const Weights w(a.centre, a.radius, a.columns, Upper::exact(1));  // copies of the matrix on different entries: its own norm
  const bool right = step.kind == Step::Kind::right;
  const std::size_t copies = step.copies;
  sums.resize(step.output_size);
  for_each(pool, (copies + together - 1) / together, 4.0 * static_cast<double>(a.centre.size()) * static_cast<double>(copies),
           [&](std::size_t part) {
             const std::size_t from = part * together;
             const std::size_t count = std::min(together, copies - from);
             std::vector<std::int64_t> gathered(a.columns * together, 0);
             for (std::size_t q = 0; q < count; ++q) {
               for (std::size_t k = 0; k < a.columns; ++k) {
                 gathered[k * together + q] = x.m[right ? (from + q) * a.columns + k : k * copies + from + q];
               }
             }
             multiply(w.grid.entries.data(), a.rows, a.columns, gathered.data(), count, sums,
                      [&](std::size_t i, std::size_t q) { return right ? (from + q) * a.rows + i : i * copies + from + q; });
           });
  return {{}, x.exponent + w.grid.exponent, w.distance(x)};
}

/// The map is the sum over the taps t of P_t (x) W_t, P_t a matrix of zeros and ones with at most one entry in a row and at most `meets` in a column: its
/// norm is at most sqrt(meets) sum_t ||W_t||_F <= sqrt(meets taps) ||W||_F (Cauchy and Schwarz).
Fixed convolve(const Step& step, const Fixed& x, std::vector<Int128>& sums, WorkerPool& pool) {
  const ConvolutionMap& c = step.convolution;
  std::uint32_t meets = 1;
  for (std::size_t t = 0; t < c.taps; ++t) {
    std::vector<std::uint32_t> count(c.input_positions, 0);
    for (std::size_t p = 0; p < c.output_positions; ++p) {
      const std::int32_t from = c.source[t * c.output_positions + p];
      if (from >= 0) {
        meets = std::max(meets, ++count[static_cast<std::size_t>(from)]);
      }
    }
  }
  const std::size_t inner = c.kernel.columns;
  const Weights w(c.kernel.centre, c.kernel.radius, inner, root_of(c.taps * meets));
  sums.resize(step.output_size);
  for_each(pool, (c.output_positions + together - 1) / together, 2 * c.flops(), [&](std::size_t part) {
    const std::size_t from = part * together;
    const std::size_t count = std::min(together, c.output_positions - from);
    std::vector<std::int64_t> gathered(inner * together, 0);
    for (std::size_t g = 0; g < c.groups; ++g) {
      for (std::size_t i = 0; i < c.inputs; ++i) {
        const std::int64_t* const channel = &x.m[(g * c.inputs + i) * c.input_positions];
        for (std::size_t t = 0; t < c.taps; ++t) {
          for (std::size_t q = 0; q < count; ++q) {
            const std::int32_t source = c.source[t * c.output_positions + from + q];
            gathered[(i * c.taps + t) * together + q] = source < 0 ? 0 : channel[source];
          }
        }
      }
      multiply(&w.grid.entries[g * c.outputs * inner], c.outputs, inner, gathered.data(), count, sums,
               [&](std::size_t o, std::size_t q) { return (g * c.outputs + o) * c.output_positions + from + q; });
    }
  });
  return {{}, x.exponent + w.grid.exponent, w.distance(x)};
}

Fixed sparse(const Step& step, const Fixed& x, std::vector<Int128>& sums) {
  const SparseMatrix& a = step.weights;
  std::size_t longest = 1;
  for (std::size_t i = 0; i < a.rows; ++i) {
    longest = std::max(longest, a.start[i + 1] - a.start[i]);
  }
  const Weights w(a.centre, a.radius, longest, Upper::exact(1));
  sums.resize(a.rows);
  for (std::size_t i = 0; i < a.rows; ++i) {
    for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) {
      sums[i] += static_cast<Int128>(w.grid.entries[k]) * x.m[a.column[k]];
    }
  }
  return {{}, x.exponent + w.grid.exponent, w.distance(x)};
}

Fixed diagonal(const Step& step, const Fixed& x, std::vector<Int128>& sums) {
  const std::vector<Ball>& d = step.factors;
  std::vector<double> errors(d.size(), 0.0);
  const Grid grid = on_grid(d.size(), 62, [&](std::size_t i) { return d[i].centre; }, [&](std::size_t i, double error) { errors[i] = error; });
  sums.resize(x.m.size());
  std::vector<double> off(x.m.size());
  Upper largest;
  for (std::size_t i = 0; i < d.size(); ++i) {
    largest = max(largest, Upper::exact(d[i].centre) + Upper::exact(d[i].radius));
  }
  for (std::size_t i = 0; i < sums.size(); ++i) {
    const std::size_t k = d.size() == 1 ? 0 : i;
    sums[i] = static_cast<Int128>(grid.entries[k]) * x.m[i];
    const Upper error = Upper::exact(errors[k]) * unit(grid.exponent) + Upper::exact(d[k].radius);
    off[i] = (error * Upper::exact(static_cast<double>(x.m[i])) * Upper::exact(1 + 0x1p-52)).value();
  }
  return {{}, x.exponent + grid.exponent,
          norm_above(off.data(), off.size()) * unit(x.exponent) + (x.distance.value() == 0 ? Upper() : largest * x.distance)};
}

Fixed moved(const Step& step, const Inputs& in, std::vector<Int128>& sums) {
  const Aligned all(in);
  std::vector<std::size_t> first(in.size() + 1, 0);
  for (std::size_t k = 0; k < in.size(); ++k) {
    first[k + 1] = first[k] + in[k]->m.size();
  }
  std::vector<std::uint32_t> copies(first.back(), 0);
  std::uint32_t most = 1;
  sums.resize(step.output_size);
  for (std::size_t i = 0; i < sums.size(); ++i) {
    if (step.source[i].input != Step::no_input) {
      const std::size_t from = first[step.source[i].input] + step.source[i].index;
      sums[i] = all.entries[from];
      most = std::max(most, ++copies[from]);
    }
  }
  return {{}, all.exponent, most == 1 ? all.distance : root_of(most) * all.distance};
}

Fixed summed(const Step& step, const Inputs& in, std::vector<Int128>& sums) {
  const Aligned all(in);
  sums.resize(step.output_size);
  std::size_t first = 0;
  Upper distance;
  for (std::size_t k = 0; k < in.size(); ++k) {
    std::vector<std::uint32_t> copies(in[k]->m.size(), 0);
    std::uint32_t most = 1;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const std::size_t from = step.maps[k].empty() ? i : step.maps[k][i];
      sums[i] += step.signs[k] < 0 ? -all.entries[first + from] : all.entries[first + from];
      most = std::max(most, ++copies[from]);
    }
    const Upper aligned = in[k]->exponent < all.exponent ? root_of(in[k]->m.size()) * unit(all.exponent) : Upper();
    distance = distance + root_of(most) * (in[k]->distance + aligned);
    first += in[k]->m.size();
  }
  return {{}, all.exponent, distance};
}

/// Adds the bias; the sums give way where their grid is too fine to hold it.
void add_bias(const std::vector<Ball>& bias, std::vector<Int128>& sums, Fixed& out) {
  const Grid grid = on_grid(bias.size(), 60, [&](std::size_t i) { return bias[i].centre; }, [](std::size_t, double) {});  // below a unit
  if (const int drop = grid.exponent - out.exponent - 62; drop > 0) {
    for (Int128& sum : sums) {
      sum = shifted(sum, drop);
    }
    out.exponent += drop;
    out.distance = out.distance + root_of(sums.size()) * unit(out.exponent);
  }
  const int lift = grid.exponent - out.exponent;
  std::vector<double> radius(bias.size());
  for (std::size_t i = 0; i < bias.size(); ++i) {
    sums[i] += lift >= 0 ? static_cast<Int128>(grid.entries[i]) << lift : shifted(grid.entries[i], -lift);
    radius[i] = bias[i].radius;
  }
  const Upper roundings = root_of(sums.size()) * (unit(grid.exponent) + (lift < 0 ? unit(out.exponent) : Upper()));
  out.distance = out.distance + norm_above(radius.data(), radius.size()) + roundings;
}

}  // namespace

Fixed checked(Fixed x) {
  if (!x.distance.finite() || x.exponent < -900 || x.exponent > 900) {
    throw OutOfRange{};
  }
  return x;
}

Fixed rounded(const std::vector<Int128>& sums, int exponent, Upper distance) {
  Int128 largest = 0;
  for (const Int128 sum : sums) {
    largest = std::max(largest, sum < 0 ? -sum : sum);
  }
  int drop = 0;
  while ((largest >> drop) >= (Int128{1} << (bits - 1))) {
    ++drop;
  }
  Fixed out;
  out.exponent = largest == 0 ? std::clamp(exponent, -900, 900) : exponent + drop;
  out.distance = distance;
  out.m.resize(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    out.m[i] = static_cast<std::int64_t>(shifted(sums[i], drop));
  }
  if (drop > 0) {
    out.distance = out.distance + root_of(sums.size()) * unit(out.exponent - 1);
  }
  return checked(std::move(out));
}

Int128 reach_of(Upper distance, int exponent) {
  const double twice = (Upper::exact(2) * distance).value();
  const double reach = std::ldexp(twice, -exponent) * (1 + 0x1p-50);
  if (!(reach < 0x1p126)) {
    throw OutOfRange{};
  }
  return static_cast<Int128>(reach) + (distance.value() == 0 ? 0 : 1);
}

Aligned::Aligned(const Inputs& inputs) {
  int finest = inputs.at(0)->exponent;
  int coarsest = finest;
  std::size_t size = 0;
  for (const Fixed* x : inputs) {
    finest = std::min(finest, x->exponent);
    coarsest = std::max(coarsest, x->exponent);
    size += x->m.size();
  }
  exponent = std::max(finest, coarsest - 60);
  entries.reserve(size);
  Upper squares;
  for (const Fixed* x : inputs) {
    const int up = x->exponent - exponent;
    for (const std::int64_t m : x->m) {
      entries.push_back(up >= 0 ? static_cast<Int128>(m) << up : shifted(m, -up));
    }
    const Upper d = x->distance + (up < 0 ? root_of(x->m.size()) * unit(exponent) : Upper());
    squares = squares + d * d;
  }
  distance = inputs.size() == 1 ? inputs[0]->distance : sqrt(squares);
}

Fixed affine(const Step& step, const Inputs& in, bool derivative, WorkerPool& pool) {
  std::vector<Int128> sums;
  Fixed out;
  const bool bias = !derivative && !step.bias.empty();
  switch (step.kind) {
    case Step::Kind::isometry: {
      out = *in[0];
      if (step.sign < 0) {
        for (std::int64_t& m : out.m) {
          m = -m;
        }
      }
      if (!bias) {
        return out;
      }
      sums.resize(out.m.size());
      for (std::size_t i = 0; i < sums.size(); ++i) {
        sums[i] = static_cast<Int128>(out.m[i]) << 60;
      }
      out.exponent -= 60;
      break;
    }
    case Step::Kind::diagonal:
      out = diagonal(step, *in[0], sums);
      break;
    case Step::Kind::right:
    case Step::Kind::left:
      out = dense(step, *in[0], sums, pool);
      break;
    case Step::Kind::sparse:
      out = sparse(step, *in[0], sums);
      break;
    case Step::Kind::convolution:
      out = convolve(step, *in[0], sums, pool);
      break;
    case Step::Kind::move:
      out = moved(step, in, sums);
      break;
    default:
      out = summed(step, in, sums);
      break;
  }
  if (bias) {
    add_bias(step.bias, sums, out);
  }
  return rounded(sums, out.exponent, out.distance);
}

}  // namespace lipcert::by_distance
