// The end of training, in float64: from weights that are orthogonal up to some 1e-7 (or less: any constraint leaves the norm above or below
// 1) to float32 matrices whose norm is at most 1, so that `lipcert` proves L <= 1.
//
//   1. Dense: Bjorck's iteration to convergence in float64 (the polar factor), or division by the largest singular value.
//      Convolution: then division by the largest norm of its symbol W(z) = sum_j W_j z^j over |z_1| = |z_2| = 1, which bounds the
//      convolution with zero padding for images of any size (polyphase components for a stride). The factor 1/ceil(k/s) of training is far
//      from that: what is gained multiplies all logits, and with them every radius.
//   2. Times 1 - 2^-24 r with r the Frobenius norm over the spectral norm, at least sqrt(rank): rounding a matrix of norm 1 to float32
//   changes it
//      by at most 2^-24 times its Frobenius norm.
//   3. Rounding to float32, and verifying the stored numbers: eigenvalues in float64. They are no proof; `lipcert` proves it afterwards.
//
// Gains scale a layer, and the biases after it, by one factor: all activations are positively homogeneous, so decisions stay as they are.
#pragma once

#include <utility>

#include "examples/trainer/layer.hpp"

namespace liptrain {

/// `w` as trained; `stored` is what goes into the file.
void finish_dense(const Matrix<double>& w, const WeightOptions& options, bool may_scale, Matrix<float>& stored, FinishedLayer& line);
/// `w` is the kernel as a channels x (input channels * k * k) matrix, before the factor.
void finish_convolution(const Matrix<double>& w, const WeightOptions& options, double factor, Index input_channels,
                        const ConvolutionOptions& shape, bool may_scale, Matrix<float>& stored, FinishedLayer& line);

/// Largest singular value (an estimate: the eigenvalues of the smaller Gram matrix).
[[nodiscard]] double largest_singular_value(const Matrix<double>& w);
/// Supremum over the torus of the spectral norm of a convolution's symbol (an estimate: a grid, then refinement around its best points).
[[nodiscard]] double symbol_norm(const Matrix<double>& kernel, Index input_channels, const ConvolutionOptions& shape);

/// (v, w) as float32, shortened until v^2 + w^2 <= 1 exactly.
[[nodiscard]] std::pair<float, float> short_unit_vector(double v, double w);
/// The largest float32 b with a + b <= 1 exactly.
[[nodiscard]] float complement(float a);

}  // namespace liptrain
