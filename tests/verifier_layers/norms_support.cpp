#include "tests/verifier_layers/norms_support.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <numbers>
#include <numeric>

#include "tests/support/decompositions.hpp"

namespace norms_test {

using namespace lipverify;

std::int64_t pick(Random& random, std::int64_t low, std::int64_t high) {
  return low + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(high - low + 1));
}

Dyadic dyadic(double value) {
  int exponent = 0;
  const double mantissa = std::frexp(value, &exponent);
  return value == 0 ? Dyadic{} : Dyadic{static_cast<std::int64_t>(std::ldexp(mantissa, 53)), exponent - 53};
}

SparseMatrix sparse(const Eigen::MatrixXd& a) {
  SparseMatrix out;
  out.rows = static_cast<std::size_t>(a.rows());
  out.columns = static_cast<std::size_t>(a.cols());
  out.start.push_back(0);
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    for (Eigen::Index j = 0; j < a.cols(); ++j)
      if (a(i, j) != 0) {
        out.column.push_back(static_cast<std::uint32_t>(j));
        out.centre.push_back(dyadic(a(i, j)));
      }
    out.start.push_back(out.column.size());
  }
  return out;
}

GramEvidence evidence_for(double sigma, double largest, bool at_a) {
  GramEvidence out;
  out.at_a = at_a;
  if (!(sigma > 0)) return out;
  int top = 0;
  std::frexp(largest, &top);
  int size = 0;
  std::frexp(std::ldexp(sigma, -top), &size);
  out.sA = std::min(51, 60 - size) - top;
  out.sR = std::min(out.sA, 51 - size - top);
  out.C2 = Integer(static_cast<Int128>(std::ldexp(sigma * sigma * (1 + std::ldexp(1.0, -42)), 2 * out.sA)));
  return out;
}

namespace {

/// Top eigenvector of the smaller Gram matrix, and the squared norm.
Eigen::VectorXd top_vector(const Eigen::MatrixXd& a, double& squared) {
  const bool wide = a.cols() > a.rows();
  const Eigen::MatrixXd gram = wide ? Eigen::MatrixXd(a * a.transpose()) : Eigen::MatrixXd(a.transpose() * a);
  const decompositions::SymmetricEigen eigen = decompositions::symmetric_eigen(gram);
  squared = std::max(0.0, eigen.values(gram.rows() - 1));
  const Eigen::VectorXd u = eigen.vectors.col(gram.rows() - 1);
  return wide ? Eigen::VectorXd(a.transpose() * u) : u;
}

}  // namespace

double norm_of(const Eigen::MatrixXd& a) {
  double squared = 0;
  top_vector(a, squared);
  return std::sqrt(squared);
}

Rational squared_norm_below(const Eigen::MatrixXd& a) {
  double squared = 0;
  const Eigen::VectorXd top = top_vector(a, squared);
  const double largest = top.cwiseAbs().maxCoeff();
  if (!(largest > 0)) return 0;
  std::vector<std::int64_t> v;
  Integer norm = 0;
  for (Eigen::Index j = 0; j < top.size(); ++j) {
    v.push_back(static_cast<std::int64_t>(std::nearbyint(top(j) / largest * 0x1p26)));
    norm += Integer(v.back()) * v.back();
  }
  Integer image = 0;
  for (Eigen::Index i = 0; i < a.rows(); ++i) {
    std::int64_t sum = 0;
    for (Eigen::Index j = 0; j < a.cols(); ++j) sum += static_cast<std::int64_t>(a(i, j)) * v[static_cast<std::size_t>(j)];
    image += Integer(sum) * sum;
  }
  return Rational(image, norm);
}

double as_double(const Rational& value) {
  return value.convert_to<double>();
}

ConvKernel Problem::kernel() const {
  ConvKernel out;
  out.groups = groups;
  out.outputs = outputs;
  out.inputs = inputs;
  std::size_t count = 1;
  for (const Axis& axis : axes) {
    out.axes.push_back(axis.axis);
    count *= axis.axis.kernel;
  }
  out.taps.rows = groups * outputs;
  out.taps.columns = inputs * count;
  for (const double tap : taps) out.taps.centre.push_back(dyadic(tap));
  return out;
}

namespace {

/// Calls visit(indices) for all of [0, lengths).
void each_index(const std::vector<std::uint64_t>& lengths, const std::function<void(const std::vector<std::uint64_t>&)>& visit) {
  std::vector<std::uint64_t> index(lengths.size());
  for (;;) {
    visit(index);
    std::size_t l = lengths.size();
    while (l > 0 && ++index[l - 1] == lengths[l - 1]) index[--l] = 0;
    if (l == 0) return;
  }
}

std::uint64_t flat(const std::vector<std::uint64_t>& index, const std::vector<std::uint64_t>& lengths) {
  std::uint64_t out = 0;
  for (std::size_t l = 0; l < lengths.size(); ++l) out = out * lengths[l] + index[l];
  return out;
}

std::vector<std::uint64_t> lengths_of(const Problem& problem, std::uint64_t ConvAxis::*field) {
  std::vector<std::uint64_t> out;
  for (const Axis& axis : problem.axes) out.push_back(axis.axis.*field);
  return out;
}

std::uint64_t product(const std::vector<std::uint64_t>& lengths) {
  return std::accumulate(lengths.begin(), lengths.end(), std::uint64_t{1}, std::multiplies<>());
}

}  // namespace

Eigen::MatrixXd Problem::matrix() const {
  const auto in = lengths_of(*this, &ConvAxis::input);
  const auto out = lengths_of(*this, &ConvAxis::output);
  const auto taps_shape = lengths_of(*this, &ConvAxis::kernel);
  const std::uint64_t columns = groups * inputs * product(in);
  const std::uint64_t rows = groups * outputs * product(out);
  Eigen::MatrixXd a =
      Eigen::MatrixXd::Zero(static_cast<Eigen::Index>(transposed ? columns : rows), static_cast<Eigen::Index>(transposed ? rows : columns));
  each_index(out, [&](const std::vector<std::uint64_t>& i) {
    each_index(taps_shape, [&](const std::vector<std::uint64_t>& j) {
      std::vector<std::uint64_t> from(axes.size());
      for (std::size_t l = 0; l < axes.size(); ++l) {
        const ConvAxis& axis = axes[l].axis;
        const std::int64_t at = static_cast<std::int64_t>(axis.stride * i[l] + axis.dilation * j[l]) - axes[l].begin;
        if (at < 0 || at >= static_cast<std::int64_t>(axes[l].source.size()) || axes[l].source[static_cast<std::size_t>(at)] < 0) return;
        from[l] = static_cast<std::uint64_t>(axes[l].source[static_cast<std::size_t>(at)]);
      }
      for (std::uint64_t g = 0; g < groups; ++g)
        for (std::uint64_t o = 0; o < outputs; ++o)
          for (std::uint64_t c = 0; c < inputs; ++c) {
            const auto row = static_cast<Eigen::Index>((g * outputs + o) * product(out) + flat(i, out));
            const auto column = static_cast<Eigen::Index>((g * inputs + c) * product(in) + flat(from, in));
            const double w = taps[((g * outputs + o) * inputs + c) * product(taps_shape) + flat(j, taps_shape)];
            (transposed ? a(column, row) : a(row, column)) += w;
          }
    });
  });
  return a;
}

Axis random_axis(Random& random, Kinds kinds, std::int64_t longest) {
  for (;;) {
    Axis out;
    ConvAxis& axis = out.axis;
    if (kinds == Kinds::mixed) kinds = static_cast<Kinds>(pick(random, 0, 2));
    axis.kind = kinds == Kinds::zero ? ConvAxis::Kind::zero : kinds == Kinds::circular ? ConvAxis::Kind::circular : ConvAxis::Kind::copies;
    axis.kernel = static_cast<std::uint64_t>(pick(random, 1, 4));
    axis.stride = static_cast<std::uint64_t>(pick(random, 1, 3));
    axis.dilation = static_cast<std::uint64_t>(pick(random, 1, 3));
    const auto s = static_cast<std::int64_t>(axis.stride);
    const auto window = static_cast<std::int64_t>(axis.dilation * (axis.kernel - 1)) + 1;
    std::int64_t n = pick(random, 1, longest);
    std::int64_t end = 0;
    std::int64_t length = 0;
    if (kinds == Kinds::circular) {
      const std::int64_t outputs = std::max<std::int64_t>(1, n / s);
      n = outputs * s;
      length = s * (outputs - 1) + window + pick(random, 0, s - 1);
      const std::int64_t left = pick(random, 0, 3);
      for (std::int64_t i = 0; i < length; ++i) out.source.push_back((((i - left) % n) + n) % n);
    } else if (kinds == Kinds::zero) {
      const std::int64_t left = pick(random, -2, 3);
      length = n + left + pick(random, -2, 3);
      for (std::int64_t i = 0; i < length; ++i) out.source.push_back(i - left >= 0 && i - left < n ? i - left : -1);
      out.begin = pick(random, 0, 3);
      end = pick(random, 0, 3);
      axis.pad = out.begin + left;
    } else {
      length = n + pick(random, 0, 4);
      const bool reflect = pick(random, 0, 1) == 0;
      const std::int64_t left = pick(random, 0, length - n);
      for (std::int64_t i = 0; i < length; ++i) {
        std::int64_t at = i - left;
        if (reflect && n > 1) {
          while (at < 0 || at >= n) at = at < 0 ? -at : 2 * (n - 1) - at;
        } else {
          at = std::clamp<std::int64_t>(at, 0, n - 1);
        }
        out.source.push_back(pick(random, 0, 9) == 0 ? pick(random, -1, n - 1) : at);
      }
      out.begin = pick(random, 0, 3);
      end = pick(random, 0, 3);
      axis.pad = out.begin;
      for (std::int64_t j = 0; j < n; ++j)
        axis.copies = std::max(axis.copies, static_cast<std::uint64_t>(std::count(out.source.begin(), out.source.end(), j)));
    }
    if (length < 1 || length + out.begin + end < window) continue;
    axis.input = static_cast<std::uint64_t>(n);
    axis.padded = static_cast<std::uint64_t>(length);
    axis.output = static_cast<std::uint64_t>((length + out.begin + end - window) / s + 1);
    return out;
  }
}

namespace {

void fill(Problem& problem, Random& random, std::int64_t channels) {
  problem.groups = static_cast<std::uint64_t>(pick(random, 1, channels > 1 ? 2 : 1));
  problem.outputs = static_cast<std::uint64_t>(pick(random, 1, channels));
  problem.inputs = static_cast<std::uint64_t>(pick(random, 1, channels));
  std::uint64_t count = problem.groups * problem.outputs * problem.inputs;
  for (const Axis& axis : problem.axes) count *= axis.axis.kernel;
  const bool positive = pick(random, 0, 2) == 0;  // then the norm is attained near z = 1, and the finite length shows
  for (std::uint64_t k = 0; k < count; ++k) problem.taps.push_back(static_cast<double>(pick(random, positive ? 1 : -9, 9)));
}

std::int64_t longest_of(std::size_t dimensions) {
  return dimensions == 1 ? 12 : dimensions == 2 ? 5 : 3;
}

}  // namespace

Problem random_problem(Random& random, std::size_t dimensions, Kinds kinds) {
  Problem out;
  for (std::size_t l = 0; l < dimensions; ++l) out.axes.push_back(random_axis(random, kinds, longest_of(dimensions)));
  fill(out, random, dimensions == 3 ? 1 : 3);
  return out;
}

Problem random_transposed(Random& random, std::size_t dimensions) {
  Problem out;
  out.transposed = true;
  while (out.axes.size() < dimensions) {
    Axis axis;
    axis.axis.kernel = static_cast<std::uint64_t>(pick(random, 1, 4));
    axis.axis.stride = static_cast<std::uint64_t>(pick(random, 1, 3));
    axis.axis.dilation = static_cast<std::uint64_t>(pick(random, 1, 2));
    const std::int64_t inputs = pick(random, 1, longest_of(dimensions) / 2 + 1);
    axis.begin = pick(random, 0, 2);
    const std::int64_t length = (inputs - 1) * static_cast<std::int64_t>(axis.axis.stride) +
                                static_cast<std::int64_t>(axis.axis.dilation * (axis.axis.kernel - 1)) + 1 - axis.begin -
                                pick(random, 0, 2) +
                                pick(random, 0, static_cast<std::int64_t>(std::max(axis.axis.stride, axis.axis.dilation)) - 1);
    if (length < 1) continue;
    axis.axis.input = axis.axis.padded = static_cast<std::uint64_t>(length);
    axis.axis.output = static_cast<std::uint64_t>(inputs);
    axis.axis.pad = axis.begin;
    axis.source.resize(static_cast<std::size_t>(length));
    std::iota(axis.source.begin(), axis.source.end(), 0);
    out.axes.push_back(axis);
  }
  fill(out, random, dimensions == 3 ? 1 : 3);
  return out;
}

std::vector<std::uint64_t> smallest_grid(const Problem& problem) {
  std::vector<std::uint64_t> grid;
  for (const Axis& item : problem.axes) {
    const ConvAxis& axis = item.axis;
    if (axis.kind == ConvAxis::Kind::circular) {
      grid.push_back(axis.input / axis.stride);
      continue;
    }
    const std::int64_t n = static_cast<std::int64_t>(axis.kind == ConvAxis::Kind::zero ? axis.input : axis.padded);
    const auto s = static_cast<std::int64_t>(axis.stride);
    const std::int64_t reads =
        s * (static_cast<std::int64_t>(axis.output) - 1) + static_cast<std::int64_t>(axis.dilation * (axis.kernel - 1));
    std::int64_t N = 1;
    while (s * N < n + axis.pad || s * N < reads - axis.pad + 1) ++N;
    grid.push_back(static_cast<std::uint64_t>(N));
  }
  return grid;
}

std::vector<std::uint64_t> degrees(const Problem& problem) {
  std::vector<std::uint64_t> out;
  for (const Axis& axis : problem.axes) out.push_back(axis.axis.dilation * (axis.axis.kernel - 1) / axis.axis.stride + 1);
  return out;
}

SymbolMaximum symbol_maximum(const Problem& problem, const std::vector<std::uint64_t>& grid, const std::vector<std::uint64_t>& shift) {
  SymbolMaximum out;
  const auto kernel = lengths_of(problem, &ConvAxis::kernel);
  const auto strides = lengths_of(problem, &ConvAxis::stride);
  const std::size_t d = grid.size();
  each_index(grid, [&](const std::vector<std::uint64_t>& frequency) {
    for (std::uint64_t g = 0; g < problem.groups; ++g) {
      Eigen::MatrixXcd z =
          Eigen::MatrixXcd::Zero(static_cast<Eigen::Index>(problem.outputs), static_cast<Eigen::Index>(problem.inputs * product(strides)));
      each_index(kernel, [&](const std::vector<std::uint64_t>& j) {
        std::complex<double> power = 1;
        std::vector<std::uint64_t> phase(d);
        for (std::size_t l = 0; l < d; ++l) {
          const std::uint64_t q = problem.axes[l].axis.dilation * j[l];
          phase[l] = q % strides[l];
          const double half = shift.empty() ? 0 : static_cast<double>(shift[l]) / 2;
          const double angle =
              2 * std::numbers::pi * static_cast<double>(q / strides[l]) * (static_cast<double>(frequency[l]) + half) / static_cast<double>(grid[l]);
          power *= std::polar(1.0, angle);
        }
        for (std::uint64_t o = 0; o < problem.outputs; ++o)
          for (std::uint64_t c = 0; c < problem.inputs; ++c)
            z(static_cast<Eigen::Index>(o), static_cast<Eigen::Index>(c * product(strides) + flat(phase, strides))) +=
                power * problem.taps[((g * problem.outputs + o) * problem.inputs + c) * product(kernel) + flat(j, kernel)];
      });
      const Eigen::MatrixXcd gram = z * z.adjoint();
      out.norm = std::max(out.norm, std::sqrt(std::max(0.0, decompositions::largest_eigenvalue_of_hermitian(gram))));
      out.entry = std::max({out.entry, z.real().cwiseAbs().maxCoeff(), z.imag().cwiseAbs().maxCoeff()});
    }
  });
  return out;
}

namespace {

std::vector<std::string> kinds_of(const Problem& problem) {
  std::vector<std::string> out;
  for (const Axis& axis : problem.axes)
    out.emplace_back(axis.axis.kind == ConvAxis::Kind::zero ? "zero" : axis.axis.kind == ConvAxis::Kind::circular ? "circular" : "copies");
  return out;
}

}  // namespace

std::vector<std::uint64_t> random_shift(Random& random, const Problem& problem) {
  std::vector<std::uint64_t> shift;
  for (const Axis& axis : problem.axes)
    shift.push_back(axis.axis.kind == ConvAxis::Kind::circular ? 0 : static_cast<std::uint64_t>(pick(random, 0, 1)));
  return shift;
}

ConvEvidence frequency_evidence(const Problem& problem, const std::vector<std::uint64_t>& grid, bool at_a, const std::vector<std::uint64_t>& shift) {
  const SymbolMaximum maximum = symbol_maximum(problem, grid, shift);
  ConvEvidence out;
  out.grid = grid;
  out.shift = shift.empty() ? std::vector<std::uint64_t>(grid.size(), 0) : shift;
  out.axes = kinds_of(problem);
  out.gram = evidence_for(maximum.norm, maximum.entry, at_a);
  return out;
}

std::string text(const Problem& problem) {
  std::string out = std::to_string(problem.groups) + " groups, " + std::to_string(problem.inputs) + " to " +
                    std::to_string(problem.outputs) + (problem.transposed ? ", transposed" : "");
  const auto kinds = kinds_of(problem);
  for (std::size_t l = 0; l < problem.axes.size(); ++l) {
    const ConvAxis& axis = problem.axes[l].axis;
    out += "; " + kinds[l] + " n " + std::to_string(axis.input) + " padded " + std::to_string(axis.padded) + " out " +
           std::to_string(axis.output) + " k " + std::to_string(axis.kernel) + " s " + std::to_string(axis.stride) + " dil " +
           std::to_string(axis.dilation) + " p " + std::to_string(axis.pad) + " copies " + std::to_string(axis.copies);
  }
  return out;
}

}  // namespace norms_test
