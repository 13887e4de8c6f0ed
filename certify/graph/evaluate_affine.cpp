// Affine steps of evaluate.hpp: inner products of balls, with every rounding error charged to the radius.

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "certify/graph/evaluate_parts.hpp"
#include "certify/numbers/rounding.hpp"

namespace lipcert::enclosures {
namespace {

/// Four partial sums of n terms: fixed order, and the compiler may vectorise them.
template <class Term>
double sum_of(std::size_t n, Term term) {
  std::array<double, 4> s{};
  std::size_t k = 0;
  for (; k + 4 <= n; k += 4) {
    for (std::size_t l = 0; l < 4; ++l) {
      s[l] += term(k + l);
    }
  }
  for (; k < n; ++k) {
    s[0] += term(k);
  }
  return (s[0] + s[1]) + (s[2] + s[3]);
}

/// Inner products of rows of constants with selected entries of a vector of balls.
///
/// The centre is a sum of n rounded products: |fl - sum| <= gamma_n sum |a_k x_k|, and the computed sum of magnitudes is at least (1 -
/// gamma_n) times the true one. The data's radius adds sum |a_k| r_k, the matrix's adds sum ra_k (|x_k| + r_k): sums of nonnegative terms,
/// inflated by gamma. An underflowing product loses at most 2^-1074; where every product has a factor that is zero, nothing is lost and
/// zero stays exact.
class RowProduct {
 public:
  /// At most n terms in a row.
  RowProduct(std::size_t n, const State& in)
      : in_(in),
        data_exact_(std::all_of(in.radius.begin(), in.radius.end(), [](double r) { return r == 0; })),
        g_(gamma(n + 8)),
        underflow_(Upper::exact(static_cast<double>(n) * 0x1p-1074)),
        gathered_(2 * n) {}

  /// The vector is x[first], x[first + stride], ..., n entries.
  void select(std::size_t first, std::size_t stride, std::size_t n) {
    x_ = in_.centre.data() + first;
    r_ = in_.radius.data() + first;
    n_ = n;
    if (stride != 1) {
      begin_gathering();
      for (std::size_t k = 0; k < n; ++k) {
        gather(first + k * stride);
      }
    }
  }

  /// The vector is what the next calls of `gather` name.
  void begin_gathering() {
    n_ = 0;
    x_ = gathered_.data();
    r_ = gathered_.data() + gathered_.size() / 2;
  }
  void gather(std::size_t index) {
    gathered_[n_] = in_.centre[index];
    gathered_[gathered_.size() / 2 + n_++] = in_.radius[index];
  }
  void gather_zero() {
    gathered_[n_] = 0;
    gathered_[gathered_.size() / 2 + n_++] = 0;
  }

  /// `ra` may be null: the row is exact.
  void apply(const double* a, const double* ra, State& out, std::size_t at) const {
    const std::size_t n = n_;
    const double* x = x_;
    const double* r = r_;
    const double centre = sum_of(n, [&](std::size_t k) { return a[k] * x[k]; });
    const double magnitude = sum_of(n, [&](std::size_t k) { return std::fabs(a[k] * x[k]); });
    Upper radius = charged(magnitude, [&](std::size_t k) { return a[k] != 0 && x[k] != 0; }) * g_;
    if (radius.value() > 0) {
      radius = radius + underflow_;
    }
    if (!data_exact_) {
      const double spread = sum_of(n, [&](std::size_t k) { return std::fabs(a[k]) * r[k]; });
      radius = radius + charged(spread, [&](std::size_t k) { return a[k] != 0 && r[k] != 0; });
    }
    if (ra != nullptr) {
      const double spread = sum_of(n, [&](std::size_t k) { return ra[k] * (std::fabs(x[k]) + r[k]); });
      radius = radius + charged(spread, [&](std::size_t k) { return ra[k] != 0 && (x[k] != 0 || r[k] != 0); });
    }
    out.set(at, {centre, radius.value()});
    out.magnitude[at] = magnitude;
  }

 private:
  /// The true value of a sum of nonnegative products from the computed one. A computed zero is true only if no product has two factors that
  /// are not zero.
  template <class Nonzero>
  [[nodiscard]] Upper charged(double sum, Nonzero nonzero) const {
    if (sum == 0) {
      bool zero = true;
      for (std::size_t k = 0; k < n_ && zero; ++k) {
        zero = !nonzero(k);
      }
      if (zero) {
        return {};
      }
    }
    return (Upper::exact(sum) + underflow_) * (Upper::exact(1) + g_);
  }

  const State& in_;
  bool data_exact_;
  Upper g_;
  Upper underflow_;
  std::size_t n_ = 0;
  const double* x_ = nullptr;
  const double* r_ = nullptr;
  std::vector<double> gathered_;
};

const double* row_of(const std::vector<double>& radius, std::size_t at) {
  return radius.empty() ? nullptr : &radius[at];
}

void dense(const Step& step, const State& in, State& out) {
  const EnclosedMatrix& m = step.matrix;
  RowProduct product(m.columns, in);
  const bool right = step.kind == Step::Kind::right;
  for (std::size_t copy = 0; copy < step.copies; ++copy) {
    product.select(right ? copy * m.columns : copy, right ? 1 : step.copies, m.columns);
    for (std::size_t i = 0; i < m.rows; ++i) {
      product.apply(&m.centre[i * m.columns], row_of(m.radius, i * m.columns), out, right ? copy * m.rows + i : i * step.copies + copy);
    }
  }
}

void sparse(const SparseMatrix& m, const State& in, State& out) {
  std::size_t longest = 0;
  for (std::size_t i = 0; i < m.rows; ++i) {
    longest = std::max(longest, m.start[i + 1] - m.start[i]);
  }
  RowProduct product(longest, in);
  for (std::size_t i = 0; i < m.rows; ++i) {
    product.begin_gathering();
    for (std::size_t k = m.start[i]; k < m.start[i + 1]; ++k) {
      product.gather(m.column[k]);
    }
    product.apply(m.centre.data() + m.start[i], m.radius.empty() ? nullptr : m.radius.data() + m.start[i], out, i);
  }
}

/// The entries of the inputs, one input after the other.
State side_by_side(const Inputs& inputs) {
  State all(0);
  for (const State* input : inputs) {
    all.centre.insert(all.centre.end(), input->centre.begin(), input->centre.end());
    all.radius.insert(all.radius.end(), input->radius.begin(), input->radius.end());
    all.magnitude.insert(all.magnitude.end(), input->magnitude.begin(), input->magnitude.end());
  }
  return all;
}

void convolve(const ConvolutionMap& c, const State& in, State& out) {
  RowProduct product(c.kernel.columns, in);
  for (std::size_t g = 0; g < c.groups; ++g) {
    for (std::size_t p = 0; p < c.output_positions; ++p) {
      product.begin_gathering();
      for (std::size_t i = 0; i < c.inputs; ++i) {
        for (std::size_t t = 0; t < c.taps; ++t) {
          const std::int32_t from = c.source[t * c.output_positions + p];
          if (from < 0) {
            product.gather_zero();
          } else {
            product.gather((g * c.inputs + i) * c.input_positions + static_cast<std::size_t>(from));
          }
        }
      }
      for (std::size_t o = g * c.outputs; o < (g + 1) * c.outputs; ++o) {
        product.apply(&c.kernel.centre[o * c.kernel.columns], row_of(c.kernel.radius, o * c.kernel.columns), out,
                      o * c.output_positions + p);
      }
    }
  }
}

}  // namespace

State affine(const Step& step, State* reusable, const Inputs& inputs, bool derivative) {
  const bool bias = !derivative && !step.bias.empty();
  State out(0);
  if (step.kind == Step::Kind::isometry || step.kind == Step::Kind::diagonal) {
    out = reusable != nullptr ? std::move(*reusable) : *inputs[0];
    for (std::size_t i = 0; i < out.centre.size(); ++i) {
      if (step.kind == Step::Kind::diagonal) {
        const Ball factor = step.factors[step.factors.size() == 1 ? 0 : i];
        out.set(i, multiply(out.at(i), factor));
        out.magnitude[i] *= std::fabs(factor.centre);
      } else if (step.sign < 0) {
        out.centre[i] = -out.centre[i];
      }
    }
  } else {
    out = State(step.output_size);
    switch (step.kind) {
      case Step::Kind::right:
      case Step::Kind::left:
        dense(step, *inputs[0], out);
        break;
      case Step::Kind::sparse:
        sparse(step.weights, inputs.size() == 1 ? *inputs[0] : side_by_side(inputs), out);
        break;
      case Step::Kind::convolution:
        convolve(step.convolution, *inputs[0], out);
        break;
      case Step::Kind::move:
        for (std::size_t i = 0; i < step.output_size; ++i) {
          const EntryAt& from = step.source[i];
          if (from.input != Step::no_input) {
            out.set(i, inputs[from.input]->at(from.index));
            out.magnitude[i] = inputs[from.input]->magnitude[from.index];
          }
        }
        break;
      default:
        for (std::size_t k = 0; k < inputs.size(); ++k) {  // sum
          for (std::size_t i = 0; i < step.output_size; ++i) {
            const std::size_t from = step.maps[k].empty() ? i : step.maps[k][i];
            const Ball term = inputs[k]->at(from);
            out.set(i, add(out.at(i), {step.signs[k] * term.centre, term.radius}));
            out.magnitude[i] += inputs[k]->magnitude[from];
          }
        }
        break;
    }
  }
  for (std::size_t i = 0; bias && i < out.centre.size(); ++i) {
    out.set(i, add(out.at(i), step.bias[i]));
    out.magnitude[i] += std::fabs(step.bias[i].centre);
  }
  return out;
}

}  // namespace lipcert::enclosures
