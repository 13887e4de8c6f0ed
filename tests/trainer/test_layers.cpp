// Layers compute what they say, and none expands a distance.
#include <doctest/doctest.h>

#include <cmath>
#include <complex>
#include <numbers>

#include "examples/trainer/finish.hpp"
#include "formats/encoding/error.hpp"
#include "tests/trainer/support.hpp"

namespace trainer_test {
namespace {

Matrix<double> apply(const Network<double>& network, const Matrix<double>& x) {
  Memory<double> memory;
  network.chain().prepare(memory);
  return network.chain().forward(x, memory);
}

Matrix<double> row(std::initializer_list<double> values) {
  Matrix<double> m(1, static_cast<Index>(values.size()));
  Index i = 0;
  for (const double v : values) {
    m(0, i++) = v;
  }
  return m;
}

Network<double> fixed(const Shape& in, const std::string& text) {
  Network<double> network(in, text, weights(Mode::project));
  network.start(1);
  return network;
}

TEST_CASE("activations") {
  const Matrix<double> x = row({3, -1, 2, 5});
  CHECK(apply(fixed(Shape{4}, "groupsort2"), x) == row({3, 5, 2, -1}));
  CHECK(apply(fixed(Shape{4}, "fullsort"), x) == row({-1, 2, 3, 5}));
  CHECK(apply(fixed(Shape{4}, "maxmin"), x) == row({3, 0, 2, 5, 0, 1, 0, 0}));
  CHECK(apply(fixed(Shape{4}, "relu"), x) == row({3, 0, 2, 5}));
  // Two channels of 1 x 2: positions are sorted on their own.
  CHECK(apply(fixed(image(2, 1, 2), "fullsort, flatten"), row({3, 1, 2, 5})) == row({2, 1, 3, 5}));
  // A right angle: v = (1, -1) / sqrt(2), the reflection swaps where a < b, like GroupSort2.
  const Matrix<double> folded = apply(fixed(Shape{4}, "householder"), x);
  CHECK((folded - row({3, 5, 2, -1})).norm() < 1e-14);
}

TEST_CASE("pooling") {
  const Matrix<double> x = row({1, 2, 3, 4});
  CHECK(apply(fixed(image(1, 2, 2), "avgpool 2, flatten"), x)(0, 0) == 5);
  CHECK(apply(fixed(image(1, 2, 2), "global-avgpool, flatten"), x)(0, 0) == 5);
  CHECK(apply(fixed(image(1, 2, 2), "l2pool 2, flatten"), x)(0, 0) == doctest::Approx(std::sqrt(30.0)));
  CHECK(apply(fixed(image(1, 2, 2), "downsample 2, flatten"), x) == x);
  CHECK(apply(fixed(image(1, 2, 4), "downsample 2, flatten"), row({1, 2, 3, 4, 5, 6, 7, 8})) == row({1, 3, 2, 4, 5, 7, 6, 8}));
}

/// The convolution as its definition says, as a matrix: out(o, i) = sum W(o, c, j) x(c, s i + j - p).
Matrix<double> toeplitz(const Matrix<double>& kernel, const Shape& in, const ConvolutionOptions& o) {
  const Index rows = (in.rows + 2 * o.padding - o.kernel) / o.stride + 1, columns = (in.columns + 2 * o.padding - o.kernel) / o.stride + 1;
  Matrix<double> t = Matrix<double>::Zero(o.channels * rows * columns, in.size());
  for (Index out = 0; out < o.channels; ++out) {
    for (Index i = 0; i < rows; ++i) {
      for (Index j = 0; j < columns; ++j) {
        for (Index c = 0; c < in.channels; ++c) {
          for (Index a = 0; a < o.kernel; ++a) {
            for (Index b = 0; b < o.kernel; ++b) {
              const Index y = o.stride * i + a - o.padding, x = o.stride * j + b - o.padding;
              if (y >= 0 && y < in.rows && x >= 0 && x < in.columns) {
                t((out * rows + i) * columns + j, (c * in.rows + y) * in.columns + x) += kernel(out, (c * o.kernel + a) * o.kernel + b);
              }
            }
          }
        }
      }
    }
  }
  return t;
}

TEST_CASE("convolution: definition, factor and norm of the symbol") {
  struct Case {
    Shape in;
    ConvolutionOptions options;
  };
  const Case cases[] = {{image(1, 9, 9), {4, 3, 1, 1}},   {image(3, 8, 7), {5, 3, 1, 1}}, {image(2, 9, 8), {3, 3, 2, 1}},
                        {image(2, 10, 10), {4, 5, 1, 2}}, {image(2, 9, 9), {6, 5, 3, 2}}, {image(4, 6, 6), {3, 1, 1, 0}},
                        {image(2, 8, 8), {4, 2, 2, 0}},   {image(3, 7, 7), {2, 4, 2, 1}}};
  Random random(5);
  for (const auto& c : cases) {
    const std::string text = "conv " + std::to_string(c.options.channels) + " " + std::to_string(c.options.kernel) + " stride " +
                             std::to_string(c.options.stride) + " padding " + std::to_string(c.options.padding) + ", flatten";
    CAPTURE(text);
    Network<double> network = fixed(c.in, text);
    auto* const kernel = network.parameters()[0];
    const double factor = 1.0 / static_cast<double>((c.options.kernel + c.options.stride - 1) / c.options.stride);
    const Matrix<double> operation = toeplitz(kernel->value * factor, c.in, c.options);
    const Matrix<double> x = random_matrix(2, c.in.size(), random);
    CHECK((apply(network, x) - x * operation.transpose()).norm() < 1e-12);
    // The factor keeps the operator at 1; the symbol bounds it, and is not far off.
    const double norm = largest_singular_value(operation);
    const double symbol = symbol_norm(kernel->value * factor, c.in.channels, c.options);
    CHECK(norm <= 1 + 1e-12);
    CHECK(norm <= symbol * (1 + 1e-12));
    CHECK(norm >= 0.8 * symbol);
    // Also where nothing is normalised.
    const Matrix<double> any = random_matrix(kernel->value.rows(), kernel->value.cols(), random);
    const double free_norm = largest_singular_value(toeplitz(any, c.in, c.options));
    CHECK(free_norm <= symbol_norm(any, c.in.channels, c.options) * (1 + 1e-12));
  }
}

TEST_CASE("the symbol's norm at every frequency of a fine grid is below what the refinement finds") {
  Random random(6);
  for (int trial = 0; trial < 4; ++trial) {
    ConvolutionOptions options{3, 3, 1, 1};
    const Matrix<double> kernel = random_matrix(3, 18, random);
    const double norm = symbol_norm(kernel, 2, options);
    // Large images come near it from below.
    double before = 0;
    for (const Index n : {4, 8, 12}) {
      const double sigma = largest_singular_value(toeplitz(kernel, image(2, n, n), options));
      CHECK(sigma <= norm);
      CHECK(sigma >= before);
      before = sigma;
    }
    CHECK(before >= 0.9 * norm);
  }
}

TEST_CASE("the refinement finds hills between the points of its grid") {
  // One channel: the symbol is a number, so a grid twenty times as fine costs little. Between its points the symbol rises by less than 1e-5
  // of its height.
  Random random(7);
  const Index n = 1000;
  for (int trial = 0; trial < 6; ++trial) {
    const Matrix<double> kernel = random_matrix(1, 9, random);
    double highest = 0;
    for (Index i = 0; i <= n / 2; ++i) {
      for (Index j = 0; j < n; ++j) {
        const double first = 2 * std::numbers::pi * static_cast<double>(i) / n, second = 2 * std::numbers::pi * static_cast<double>(j) / n;
        std::complex<double> sum = 0;
        for (Index a = 0; a < 3; ++a) {
          const std::complex<double> row =
              kernel(0, 3 * a) + kernel(0, 3 * a + 1) * std::polar(1.0, second) + kernel(0, 3 * a + 2) * std::polar(1.0, 2 * second);
          sum += row * std::polar(1.0, first * static_cast<double>(a));
        }
        highest = std::max(highest, std::abs(sum));
      }
    }
    const double norm = symbol_norm(kernel, 1, {1, 3, 1, 1});
    CHECK(norm >= highest * (1 - 1e-12));
    CHECK(norm <= highest * (1 + 3e-5));
  }
}

TEST_CASE("Bjorck's iteration gives orthonormal rows or columns") {
  Random random(2);
  for (const auto& [rows, columns] : {std::pair<Index, Index>{5, 9}, {9, 5}, {6, 6}, {1, 4}}) {
    Matrix<double> w = 10 * random_matrix(rows, columns, random);
    bjorck(w, 60);
    const Matrix<double> gram = rows <= columns ? Matrix<double>(w * w.transpose()) : Matrix<double>(w.transpose() * w);
    CHECK((gram - Matrix<double>::Identity(gram.rows(), gram.cols())).norm() < 1e-9);
  }
}

TEST_CASE("no layer expands a distance") {
  Random random(8);
  const std::string wide =
      "conv 6 3, groupsort2, avgpool 2, residual(conv 6 3, householder), conv 8 3 stride 2, fullsort, l2pool 2, flatten, dense 12, maxmin, "
      "dense 6, relu, dense 3";
  for (const Mode mode : {Mode::project, Mode::differentiate}) {
    for (const int iterations : {0, 15}) {
      Network<double> network(image(2, 16, 16), wide, weights(mode, iterations));
      network.start(4);
      network.project(true);
      network.compute();
      for (int trial = 0; trial < 20; ++trial) {
        const Matrix<double> x = random_matrix(1, 512, random), y = x + std::pow(10.0, -trial % 4) * random_matrix(1, 512, random);
        CHECK((apply(network, x) - apply(network, y)).norm() <= (x - y).norm() * (1 + 1e-9));
      }
    }
  }
}

TEST_CASE("networks that do not fit are refused in one sentence") {
  const auto refused = [](const Shape& in, const std::string& text, const std::string& words) {
    CAPTURE(text);
    try {
      const Network<double> network(in, text, weights(Mode::project));
      FAIL("accepted");
    } catch (const lipcert::Error& error) {
      CHECK(error.code() == lipcert::ExitCode::usage);
      CHECK(std::string(error.what()).find(words) != std::string::npos);
    }
  };
  refused(Shape{4}, "conv 3 3", "needs an image");
  refused(image(1, 4, 4), "dense 3", "flatten");
  refused(image(1, 5, 4), "avgpool 2, flatten", "multiples of the window");
  refused(Shape{5}, "groupsort2", "pairs channels");
  refused(Shape{5}, "dense", "whole number");
  refused(Shape{5}, "dense 3 spectrum", "spectrum");
  refused(Shape{5}, "dense 4 unit-rows, dense 2", "only the last layer");
  refused(Shape{5}, "residual(dense 4)", "must have that shape");
  refused(Shape{5}, "residual(dense 5", "parenthesis");
  refused(Shape{5}, "dense 5), dense 3", "parenthesis");
  refused(Shape{5}, "softmax", "is not a layer");
  refused(image(1, 2, 2), "conv 3 7 padding 1, flatten", "larger than the padded image");
  refused(image(2, 4, 4), "conv 3 3", "ends in images");
}

}  // namespace
}  // namespace trainer_test
