// Functions of a real number on enclosures: roots, exponentials, and the smooth activations with their slopes. Integers only; each series has
// its remainder proved where it is summed.
#pragma once

#include "verifier/base/interval.hpp"

namespace lipverify {

/// -1, 0, 1 as a 2^ea is below, equal to, above b 2^eb; exact.
[[nodiscard]] int compare(const Wide& a, std::int64_t ea, const Wide& b, std::int64_t eb);

/// The enclosures of max(x, y) and min(x, y).
[[nodiscard]] Interval maximum(const Interval& x, const Interval& y);
[[nodiscard]] Interval minimum(const Interval& x, const Interval& y);
[[nodiscard]] bool meets(const Interval& x, const Interval& y);  // they have a number in common

/// {x in the enclosure} cut at 0; the enclosure may be on one side altogether (then the result is [0, 0]).
[[nodiscard]] Interval not_positive(const Interval& x);
[[nodiscard]] Interval not_negative(const Interval& x);

[[nodiscard]] Interval integer(std::int64_t value);
[[nodiscard]] Interval fraction(std::int64_t numerator, std::int64_t denominator);  // denominator > 0

[[nodiscard]] Interval squared(const Interval& x);
[[nodiscard]] Interval square_root(const Interval& x);       // x >= 0
[[nodiscard]] Interval exponential_below(const Interval& x);  // exp(x) for x <= 0
[[nodiscard]] Interval softplus(const Interval& x);           // log(1 + exp(x))
[[nodiscard]] Interval exponential(const Interval& x);        // |x| below 2^11
[[nodiscard]] Interval logarithm(const Interval& x);          // x > 0

/// sin and cos; [-1, 1] where |x| reaches 2^64.
[[nodiscard]] Interval sine(const Interval& x);
[[nodiscard]] Interval cosine(const Interval& x);

/// Distribution function and density of the standard normal distribution.
[[nodiscard]] Interval normal_distribution(const Interval& x);
[[nodiscard]] Interval normal_density(const Interval& x);

/// The error function 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x, and its slope.
[[nodiscard]] Interval error_function(const Interval& x);
[[nodiscard]] Interval error_function_slope(const Interval& x);

/// x Phi(x), and x sigmoid(2 sqrt(2 / pi) (x + 0.044715 x^3)), which ONNX calls "tanh".
[[nodiscard]] Interval gelu(const Interval& x, bool by_tanh);
[[nodiscard]] Interval gelu_slope(const Interval& x, bool by_tanh);

/// x tanh(softplus(x))
[[nodiscard]] Interval mish(const Interval& x);
[[nodiscard]] Interval mish_slope(const Interval& x);

}  // namespace lipverify
