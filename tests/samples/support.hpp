// Networks for the tests of samples, and their exact evaluation in fractions, which shares nothing with the enclosures.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "formats/data/rational.hpp"
#include "formats/network/network.hpp"
#include "formats/onnx/reader.hpp"
#include "tests/support/onnx_builder.hpp"

namespace sample_tests {

/// Dense layers with ReLU between them; weights[l] is rows x columns, row-major.
struct Dense {
  std::vector<std::size_t> widths;
  std::vector<std::vector<float>> weights;
  std::vector<std::vector<float>> biases;
};

inline Dense random_dense(std::vector<std::size_t> widths, std::uint64_t seed) {
  Dense net;
  net.widths = std::move(widths);
  std::mt19937_64 random(seed);
  std::normal_distribution<float> normal;
  for (std::size_t l = 0; l + 1 < net.widths.size(); ++l) {
    std::vector<float> w(net.widths[l + 1] * net.widths[l]);
    std::vector<float> b(net.widths[l + 1]);
    for (float& x : w) x = normal(random) * 0.5F;
    for (float& x : b) x = normal(random) * 0.2F;
    net.weights.push_back(w);
    net.biases.push_back(b);
  }
  return net;
}

inline std::string onnx(const Dense& net) {
  namespace ob = onnx_builder;
  ob::Model model;
  const auto size = [&](std::size_t l) { return static_cast<std::int64_t>(net.widths[l]); };
  model.input("x", {1, size(0)}).output("y", {1, size(net.widths.size() - 1)});
  std::string from = "x";
  for (std::size_t l = 0; l < net.weights.size(); ++l) {
    const std::string n = std::to_string(l);
    const bool last = l + 1 == net.weights.size();
    model.initialiser(ob::floats("W" + n, {size(l + 1), size(l)}, net.weights[l]))
        .initialiser(ob::floats("b" + n, {size(l + 1)}, net.biases[l]));
    model.node("Gemm", {from, "W" + n, "b" + n}, {last ? "y" : "z" + n}, {ob::attribute("transB", 1)});
    if (!last) model.node("Relu", {"z" + n}, {"h" + n});
    from = "h" + n;
  }
  return model.bytes();
}

inline lipcert::Network network(const Dense& net) {
  lipcert::OnnxOptions options;
  options.file = "test.onnx";
  return lipcert::read_onnx(onnx(net), options);
}

inline std::vector<lipcert::Rational> exact(const Dense& net, std::vector<lipcert::Rational> x) {
  using lipcert::Rational;
  for (std::size_t l = 0; l < net.weights.size(); ++l) {
    std::vector<Rational> z;
    for (std::size_t i = 0; i < net.widths[l + 1]; ++i) {
      Rational sum = Rational::exact(static_cast<double>(net.biases[l][i]));
      for (std::size_t k = 0; k < net.widths[l]; ++k)
        sum = sum + Rational::exact(static_cast<double>(net.weights[l][i * net.widths[l] + k])) * x[k];
      z.push_back(l + 1 < net.weights.size() && sum.sign() < 0 ? Rational() : sum);
    }
    x = std::move(z);
  }
  return x;
}

}  // namespace sample_tests
