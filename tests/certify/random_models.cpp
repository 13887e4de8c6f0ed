// Writes random ONNX models of the operators of this version: random_models FOLDER COUNT SEED. What they have in common is that they must be
// certified, and that the checker must accept what is certified (test_random_models.py).
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include "tests/support/onnx_builder.hpp"

namespace ob = onnx_builder;

namespace {

class Writer {
 public:
  explicit Writer(std::uint64_t seed) : engine_(seed) {
    rows_ = pick({1, 1, 1, 2, 3});
    width_ = static_cast<std::int64_t>(1 + below(12));
    type_ = pick({ob::FLOAT, ob::FLOAT, ob::FLOAT, ob::DOUBLE, ob::FLOAT16, ob::BFLOAT16});
    // Some models are huge or tiny throughout; half precision has no room for that.
    scale_ = type_ == ob::FLOAT || type_ == ob::DOUBLE ? std::pow(10.0, pick({0, 0, 0, 0, -9, 7, -4})) : 1;
    model_.input("x", {rows_, width_}, type_);
  }

  std::string write() {
    const std::size_t layers = 1 + below(4);
    for (std::size_t layer = 0; layer < layers; ++layer) {
      entrywise();
      dense();
      entrywise();
      if (below(4) == 0) {
        dense();
        entrywise();
      }
      if (layer + 1 < layers || below(4) == 0) {
        activation();
      }
    }
    if (nodes_ == 0) {
      activation();
    }
    model_.output(data_, {rows_, width_}, type_);
    return model_.bytes();
  }

 private:
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
  template <class T>
  T pick(std::initializer_list<T> from) {
    return *(from.begin() + below(from.size()));
  }
  double normal() { return normal_(engine_); }

  /// One entry: ordinary, or zero, or a number of few bits.
  double entry(double scale) {
    switch (below(8)) {
      case 0:
        return 0;
      case 1:
        return scale * std::nearbyint(4 * normal()) / 4;
      default:
        return scale * normal();
    }
  }

  std::string tensor(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<double>& values) {
    if (type_ == ob::DOUBLE) {
      return ob::doubles(name, dims, values);
    }
    if (type_ == ob::FLOAT) {
      return ob::floats(name, dims, {values.begin(), values.end()});
    }
    std::vector<std::uint16_t> bits;
    for (const double v : values) {
      const std::uint32_t single = std::bit_cast<std::uint32_t>(static_cast<float>(v));
      if (type_ == ob::BFLOAT16) {
        bits.push_back(static_cast<std::uint16_t>(single >> 16));
      } else {
        // Half precision by truncation; too small becomes zero, too large the largest.
        const int exponent = static_cast<int>((single >> 23) & 0xFF) - 127;
        const auto sign = static_cast<std::uint16_t>((single >> 16) & 0x8000);
        bits.push_back(exponent < -14 ? sign
                                      : static_cast<std::uint16_t>(sign | (exponent > 15 ? 0x7BFF
                                                                                         : (static_cast<unsigned>(exponent + 15) << 10 |
                                                                                            ((single >> 13) & 0x3FF)))));
      }
    }
    return ob::halves(name, static_cast<ob::Type>(type_), dims, bits);
  }

  /// A weight as an initialiser, a Constant node, or an expression of constants.
  std::string weight(const std::vector<std::int64_t>& dims, double scale, bool nonzero = false) {
    std::int64_t n = 1;
    for (const std::int64_t d : dims) {
      n *= d;
    }
    std::vector<double> values;
    for (std::int64_t i = 0; i < n; ++i) {
      double v = entry(scale);
      while (nonzero && std::fabs(v) < 0.05 * scale) {
        v = entry(scale);
      }
      values.push_back(v);
    }
    const std::string name = "w" + std::to_string(weights_++);
    switch (below(6)) {
      case 0:
        model_.node("Constant", {}, {name}, {ob::tensor_attribute("value", tensor("", dims, values))});
        return name;
      case 1: {
        // (w * a) / b, where a and b are numbers.
        model_.initialiser(tensor(name, dims, values));
        model_.initialiser(tensor(name + "a", {1}, {1.25}));
        model_.initialiser(tensor(name + "b", {1}, {type_ == ob::FLOAT ? 1.3 : 1.375}));
        model_.node("Mul", {name, name + "a"}, {name + "m"});
        model_.node("Div", {name + "m", name + "b"}, {name + "d"});
        return name + "d";
      }
      default:
        model_.initialiser(tensor(name, dims, values));
        return name;
    }
  }

  std::string next() {
    ++nodes_;
    data_ = "t" + std::to_string(nodes_);
    return data_;
  }

  void entrywise() {
    for (std::size_t k = below(3); k > 0; --k) {
      const std::string from = data_;
      const auto dims = [&]() -> std::vector<std::int64_t> {
        switch (below(4)) {
          case 0:
            return {1};
          case 1:
            return {rows_, 1};
          case 2:
            return {rows_, width_};
          default:
            return {width_};
        }
      }();
      switch (below(7)) {
        case 0: {
          const std::string c = weight(dims, 1);
          model_.node("Add", {from, c}, {next()});
          break;
        }
        case 1: {
          const std::string c = weight(dims, 1);
          model_.node("Sub", {from, c}, {next()});
          break;
        }
        case 2: {
          const std::string c = weight(dims, 1);
          model_.node("Sub", {c, from}, {next()});
          break;
        }
        case 3: {
          const std::string c = weight(dims, 1);
          model_.node("Mul", {c, from}, {next()});
          break;
        }
        case 4: {
          const std::string c = weight(dims, 1, true);
          model_.node("Div", {from, c}, {next()});
          break;
        }
        case 5:
          model_.node("Identity", {from}, {next()});
          break;
        default: {
          const std::string shape = "s" + std::to_string(weights_++);
          if (below(2) == 0 && rows_ > 1) {
            width_ *= rows_;
            rows_ = 1;
          } else if (width_ % 2 == 0) {
            width_ /= 2;
            rows_ *= 2;
          }
          model_.initialiser(ob::int64s(shape, {2}, {rows_, width_}));
          model_.node("Reshape", {from, shape}, {next()});
          break;
        }
      }
    }
  }

  void dense() {
    const std::string from = data_;
    const auto out = static_cast<std::int64_t>(1 + below(12));
    const double size = scale_ / std::sqrt(static_cast<double>(width_));
    switch (below(4)) {
      case 0: {
        const bool transposed = below(2) == 0;
        const std::string w = weight(transposed ? std::vector<std::int64_t>{out, width_} : std::vector<std::int64_t>{width_, out}, size);
        std::vector<std::string> inputs{from, w};
        if (below(3) != 0) {
          inputs.push_back(weight({out}, scale_));
        }
        std::vector<ob::Attribute> attributes{ob::attribute("transB", transposed ? 1 : 0)};
        if (below(3) == 0) {
          attributes.push_back(ob::attribute("alpha", 0.7F));
          attributes.push_back(ob::attribute("beta", -1.3F));
        }
        model_.node("Gemm", inputs, {next()}, attributes);
        width_ = out;
        break;
      }
      case 1: {
        const std::string w = weight({out, rows_}, scale_ / std::sqrt(static_cast<double>(rows_)));
        model_.node("MatMul", {w, from}, {next()});
        rows_ = out;
        break;
      }
      default: {
        const std::string w = weight({width_, out}, size);
        model_.node("MatMul", {from, w}, {next()});
        width_ = out;
        break;
      }
    }
  }

  void activation() {
    const std::string from = data_;
    const std::string op = pick<std::string>({"Relu", "Relu", "Relu", "LeakyRelu", "Abs", "Sigmoid", "Tanh"});
    std::vector<ob::Attribute> attributes;
    if (op == "LeakyRelu") {
      attributes.push_back(ob::attribute("alpha", pick({0.1F, -0.5F, 1.7F})));
    }
    model_.node(op, {from}, {next()}, attributes);
  }

  std::mt19937_64 engine_;
  std::normal_distribution<double> normal_;
  ob::Model model_;
  std::string data_ = "x";
  std::int64_t rows_ = 1;
  std::int64_t width_ = 1;
  std::int32_t type_ = ob::FLOAT;
  double scale_ = 1;
  std::size_t nodes_ = 0;
  std::size_t weights_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fputs("usage: random_models FOLDER COUNT SEED\n", stderr);
    return 2;
  }
  const std::uint64_t seed = std::strtoull(argv[3], nullptr, 10);
  for (std::uint64_t i = 0; i < std::strtoull(argv[2], nullptr, 10); ++i) {
    std::ofstream(std::string(argv[1]) + "/random_" + std::to_string(i) + ".onnx", std::ios::binary) << Writer(seed * 1000003 + i).write();
  }
  return 0;
}
