// The convolution as a linear map, and a lower end of its norm: the top singular vector by Lanczos on the map itself, with all its paddings,
// strides and groups, rounded to short integers and evaluated with rigorous rounding.
// Cost: two applications (one matrix product each) in each of at most 120 steps.

#include <cblas.h>

#include <algorithm>
#include <cmath>

#include "certify/norms/conv_parts.hpp"
#include "certify/numbers/integer_vector.hpp"
#include "certify/norms/lanczos.hpp"
#include "certify/numbers/tiles.hpp"

namespace lipcert {
namespace {

constexpr std::size_t most_entries = 65536;

/// x -> A x with A the convolution or its adjoint. Vectors hold all channels of a position together.
class Map {
 public:
  /// `weights`: the kernel, any scale, in its own order.
  Map(const Convolution& c, const std::vector<double>& weights, bool adjoint)
      : map_(adjoint ? TapMap(c).inverted() : TapMap(c)), groups_(c.groups), in_(adjoint ? c.outputs : c.inputs), out_(adjoint ? c.inputs : c.outputs) {
    // [group][tap, in][out]
    weights_.resize(weights.size());
    for (std::size_t g = 0; g < groups_; ++g) {
      for (std::size_t o = 0; o < c.outputs; ++o) {
        for (std::size_t i = 0; i < c.inputs; ++i) {
          for (std::size_t tap = 0; tap < map_.taps(); ++tap) {
            const std::size_t row = adjoint ? o : i;
            const std::size_t column = adjoint ? i : o;
            weights_[((g * map_.taps() + tap) * in_ + row) * out_ + column] = weights[((g * c.outputs + o) * c.inputs + i) * map_.taps() + tap];
          }
        }
      }
    }
  }

  [[nodiscard]] std::size_t input_size() const { return groups_ * in_ * map_.inputs(); }
  [[nodiscard]] std::size_t output_size() const { return groups_ * out_ * map_.outputs(); }
  [[nodiscard]] std::size_t input_channels() const { return groups_ * in_; }
  [[nodiscard]] std::size_t terms() const { return in_ * map_.taps(); }
  [[nodiscard]] double flops() const {
    return 2 * static_cast<double>(groups_ * in_ * out_) * static_cast<double>(map_.taps()) * static_cast<double>(map_.outputs());
  }

  /// Chunks of positions, fixed by the sizes: the result does not depend on the number of threads. An entry of y is a sum of at most terms() products of a
  /// weight with a sum of entries of x (several where a padding copies).
  void operator()(const double* x, double* y, WorkerPool& pool) const {
    const std::size_t inner = terms();
    const std::size_t chunk = std::clamp<std::size_t>((std::size_t{1} << 18) / std::max<std::size_t>(1, inner), 8, 512);
    const std::size_t chunks = (map_.outputs() + chunk - 1) / chunk;
    for_each(pool, chunks, flops(), [&](std::size_t number) {
      const std::size_t from = number * chunk;
      const std::size_t count = std::min(chunk, map_.outputs() - from);
      std::vector<double> gathered(count * inner);
      for (std::size_t g = 0; g < groups_; ++g) {
        std::fill(gathered.begin(), gathered.end(), 0.0);
        for (std::size_t k = 0; k < count; ++k) {
          for (const TapMap::Read* read = map_.begin(from + k); read != map_.end(from + k); ++read) {
            const double* source = x + (read->position * groups_ + g) * in_;
            double* target = &gathered[k * inner + read->tap * in_];
            for (std::size_t i = 0; i < in_; ++i) {
              target[i] += source[i];
            }
          }
        }
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, blas_int(count), blas_int(out_), blas_int(inner), 1, gathered.data(), blas_int(inner),
                    &weights_[g * inner * out_], blas_int(out_), 0, y + (from * groups_ + g) * out_, blas_int(groups_ * out_));
      }
    });
  }

 private:
  TapMap map_;
  std::size_t groups_;
  std::size_t in_;
  std::size_t out_;
  std::vector<double> weights_;
};

/// Channels first (as tensors are) to channels last.
std::vector<double> channels_last(const std::vector<double>& x, std::size_t channels) {
  const std::size_t positions = x.size() / channels;
  std::vector<double> y(x.size());
  for (std::size_t c = 0; c < channels; ++c) {
    for (std::size_t p = 0; p < positions; ++p) {
      y[p * channels + c] = x[c * positions + p];
    }
  }
  return y;
}

std::vector<double> channels_first(const std::vector<double>& x, std::size_t channels) { return channels_last(x, x.size() / channels); }

/// Weights times 2^-exponent, largest in [1/2, 1).
std::vector<double> scaled_weights(const Convolution& c, int& exponent) {
  double largest = 0;
  for (const double w : c.kernel.centre) {
    largest = std::max(largest, std::fabs(w));
  }
  static_cast<void>(std::frexp(largest, &exponent));
  std::vector<double> weights = c.kernel.centre;
  for (double& w : weights) {
    w = std::ldexp(w, -exponent);
  }
  return weights;
}

}  // namespace

Lower witness_ratio(const Convolution& c, const IntegerVector& v, WorkerPool& pool) {
  int e = 0;
  std::vector<double> weights = scaled_weights(c, e);
  const Map map(c, weights, c.transposed);
  if (v.mantissas.size() != map.input_size()) {
    return {};
  }
  std::vector<double> x = channels_last(std::vector<double>(v.mantissas.begin(), v.mantissas.end()), map.input_channels());
  std::vector<double> image(map.output_size());
  map(x.data(), image.data(), pool);
  for (double& w : weights) {
    w = std::fabs(w);
  }
  for (double& entry : x) {
    entry = std::fabs(entry);
  }
  std::vector<double> magnitudes(map.output_size());
  Map(c, weights, c.transposed)(x.data(), magnitudes.data(), pool);
  // Sums of fewer than 2^28 integers of 24 bits are exact, so that an entry of A v is a sum of `terms` rounded products: |fl(sum) - sum| <= gamma
  // sum|terms|, and the computed sum of magnitudes is at most gamma below the true one. 2^-900 covers underflow, here and in the scaling.
  const Upper g = gamma(map.terms() + 8);
  const Upper error = g * (Upper::exact(1) + g) * norm_above(magnitudes.data(), magnitudes.size()) + Upper::exact(0x1p-900);
  const Lower norm = minus(norm_below(image.data(), image.size()), error);
  return (norm / norm_above(x.data(), x.size())).scaled(e);
}

OperatorWitness search_witness(const Convolution& c, WorkerPool& pool, std::uint64_t seed) {
  OperatorWitness result;
  int e = 0;
  const std::vector<double> weights = scaled_weights(c, e);
  const Map forward(c, weights, c.transposed);
  const Map adjoint(c, weights, !c.transposed);
  if (forward.input_size() > most_entries || forward.output_size() == 0) {
    return result;
  }
  // Lanczos on the smaller of A'A and AA'.
  const bool rows = forward.output_size() < forward.input_size();
  const Map& first = rows ? adjoint : forward;
  const Map& second = rows ? forward : adjoint;
  std::vector<double> between(first.output_size());
  const auto steps = static_cast<std::size_t>(std::clamp(0x1p36 / (forward.flops() + adjoint.flops()), 12.0, 120.0));
  const std::size_t n = first.input_size();
  const RitzPair ritz = lanczos(n, n <= 128 ? n : steps, seed, [&](const double* x, double* y) {
    first(x, between.data(), pool);
    second(between.data(), y, pool);
  });
  std::vector<double> v = ritz.vector;
  if (rows) {
    v.resize(adjoint.output_size());
    adjoint(ritz.vector.data(), v.data(), pool);
  }
  result.vector = to_integers(channels_first(v, forward.input_channels()));
  result.vector.exponent = 0;  // only its direction matters
  if (!result.vector.mantissas.empty()) {
    result.norm = witness_ratio(c, result.vector, pool);
  }
  if (!(result.norm.value() > 0)) {
    result.vector = {};
  }
  return result;
}

}  // namespace lipcert
