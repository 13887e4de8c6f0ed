// Explicit matrices of linear nodes and convolution blocks, against loops written here from the definitions of the operators, in doubles (weights
// are short dyadics, so that the loops are exact except for averages), and their norms against singular values.
#include <doctest/doctest.h>

#include <Eigen/Core>
#include <cmath>
#include <functional>

#include "tests/verifier_layers/certificates.hpp"
#include "verifier/hint/hints.hpp"
#include "verifier/theorems/convolution_block.hpp"
#include "verifier/theorems/linear_map.hpp"
#include "verifier/base/failure.hpp"
#include "tests/support/decompositions.hpp"

using namespace lipverify;
using layers_test::above;
using layers_test::below;
using layers_test::block;
using layers_test::graph_of;
using layers_test::less;
using layers_test::verdict;
using layers_test::weights;
namespace ob = onnx_builder;

namespace {

using JsonBlock = layers_test::Json;
using Vector = std::vector<double>;
using Matrix = Eigen::MatrixXd;
using Map = std::function<Vector(const Vector&)>;
const std::string kAccepted = "accepted";

bool rejected(const std::string& verdict) { return verdict.compare(0, 9, "rejected:") == 0; }

ob::Model net(const std::vector<ob::Dim>& in, const std::vector<ob::Dim>& out, std::int64_t opset = 13) {
  ob::Model m(opset);
  m.input("x", in).output("y", out);
  return m;
}

/// The matrix of an affine map.
Matrix matrix_of(const Map& f, std::size_t n) {
  const Vector zero = f(Vector(n, 0.0));
  Matrix out(static_cast<Eigen::Index>(zero.size()), static_cast<Eigen::Index>(n));
  for (std::size_t j = 0; j < n; ++j) {
    Vector e(n, 0.0);
    e[j] = 1;
    const Vector image = f(e);
    for (std::size_t i = 0; i < image.size(); ++i) out(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) = image[i] - zero[i];
  }
  return out;
}

double sigma(const Matrix& a) { return decompositions::largest_singular_value(a); }

std::vector<std::size_t> all_nodes(const Graph& g) {
  std::vector<std::size_t> out;
  for (std::size_t i = 0; i < g.nodes.size(); ++i)
    if (!g.values[g.nodes[i].outputs[0]].constant) out.push_back(i);
  return out;
}

EnclosedMatrix dense(const SparseMatrix& a) {
  EnclosedMatrix out{a.rows, a.columns, std::vector<Dyadic>(a.rows * a.columns), a.radius};
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) out.centre[i * a.columns + a.column[k]] = a.centre[k];
  return out;
}

double value(const Dyadic& d) { return std::ldexp(static_cast<double>(d.mantissa), d.exponent); }

/// The checker's matrix is that of the reference; exact: radius 0 and equal bits.
void same_matrix(const ob::Model& m, const Map& reference, bool exact = true) {
  const Graph g = graph_of(m.bytes());
  Evaluator evaluator(g, Engine());
  const SparseMatrix a = linear_map(g, evaluator, all_nodes(g), 0, g.output);
  const Matrix b = matrix_of(reference, element_count(g.input().shape));
  REQUIRE(static_cast<Eigen::Index>(a.rows) == b.rows());
  REQUIRE(static_cast<Eigen::Index>(a.columns) == b.cols());
  CHECK((a.radius == 0) == exact);
  CHECK(a.radius < Rational(1, Integer(1) << 45));
  double worst = 0;
  const EnclosedMatrix d = dense(a);
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t j = 0; j < a.columns; ++j)
      worst = std::max(worst, std::fabs(value(d.centre[i * a.columns + j]) - b(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j))));
  if (exact)
    CHECK(worst == 0);
  else
    CHECK(worst < 1e-14);
  // An image without a matrix is the same.
  IntegerVector v;
  v.exponent = -3;
  for (std::size_t j = 0; j < a.columns; ++j) v.mantissas.push_back(static_cast<std::int32_t>(j * j % 17) - 8);
  const Rational direct = squared_norm_below(linear_image(g, evaluator, all_nodes(g), 0, g.output, v, Engine()));
  const Rational by_matrix = squared_image_below(a, v);
  const Rational gap = direct < by_matrix ? Rational(by_matrix - direct) : Rational(direct - by_matrix);
  CHECK(gap <= (exact ? Rational(0) : Rational(by_matrix / (Integer(1) << 40))));
}

/// Convolution by its definition, two axes: y[o, i] = sum w[o, c, j] x[c, s i + dil j - p].
struct Conv2 {
  int channels, height, width, outputs, groups, kh, kw, sh, sw, dh, dw, top, left, bottom, right;
  std::vector<float> w;
  [[nodiscard]] int out_h() const { return (height + top + bottom - dh * (kh - 1) - 1) / sh + 1; }
  [[nodiscard]] int out_w() const { return (width + left + right - dw * (kw - 1) - 1) / sw + 1; }
  [[nodiscard]] Vector operator()(const Vector& x) const {
    Vector y(static_cast<std::size_t>(outputs * out_h() * out_w()), 0.0);
    const int cg = channels / groups;
    const int og = outputs / groups;
    for (int o = 0; o < outputs; ++o)
      for (int i = 0; i < out_h(); ++i)
        for (int j = 0; j < out_w(); ++j)
          for (int c = 0; c < cg; ++c)
            for (int a = 0; a < kh; ++a)
              for (int b = 0; b < kw; ++b) {
                const int p = sh * i + dh * a - top;
                const int q = sw * j + dw * b - left;
                if (p < 0 || p >= height || q < 0 || q >= width) continue;
                y[static_cast<std::size_t>((o * out_h() + i) * out_w() + j)] += static_cast<double>(w[static_cast<std::size_t>(((o * cg + c) * kh + a) * kw + b)]) *
                                                                                x[static_cast<std::size_t>(((o / og * cg + c) * height + p) * width + q)];
              }
    return y;
  }
  [[nodiscard]] std::vector<ob::Attribute> attributes() const {
    return {ob::attribute("group", groups), ob::ints_attribute("strides", {sh, sw}), ob::ints_attribute("dilations", {dh, dw}), ob::ints_attribute("pads", {top, left, bottom, right})};
  }
  [[nodiscard]] std::string weight() const { return ob::floats("w", {outputs, channels / groups, kh, kw}, w); }
};

Conv2 conv2(int channels, int height, int width, int outputs, int groups, int k, int s, int d, int p, unsigned seed) {
  Conv2 out{channels, height, width, outputs, groups, k, k, s, s, d, d, p, p, p, p, {}};
  out.w = weights(static_cast<std::size_t>(outputs * channels / groups * k * k), seed);
  return out;
}

JsonBlock evidence_of(const GramEvidence& g) { return {{"side", g.at_a ? "AtA" : "AAt"}, {"sA", g.sA}, {"sR", g.sR}, {"C2", g.C2.str()}}; }

JsonBlock witness_of(const Matrix& a) {
  const decompositions::Svd svd = decompositions::thin_svd(a);
  IntegerVector v;
  v.exponent = -20;
  for (Eigen::Index j = 0; j < a.cols(); ++j) v.mantissas.push_back(static_cast<std::int32_t>(std::lrint(std::ldexp(svd.v(j, 0), 20))));
  return {{"theorem", "operator-witness"}, {"vector", verifier_test::vector_json(v)}};
}

}  // namespace

TEST_CASE("explicit matrices: convolutions") {
  for (const auto& [stride, dilation, pad, groups] : std::vector<std::tuple<int, int, int, int>>{{1, 1, 1, 1}, {2, 1, 1, 2}, {1, 2, 2, 1}, {3, 2, 0, 2}}) {
    Conv2 c = conv2(4, 7, 6, 6, groups, 3, stride, dilation, pad, 5);
    c.bottom += 1;  // not symmetric
    ob::Model m = net({1, 4, 7, 6}, {1, 6, c.out_h(), c.out_w()});
    m.initialiser(c.weight()).initialiser(ob::floats("b", {6}, weights(6, 2))).node("Conv", {"x", "w", "b"}, {"y"}, c.attributes());
    same_matrix(m, c);
    // its adjoint: a ConvTranspose whose result has the length that the convolution reads (output_padding makes up for what a stride leaves)
    const int ph = c.height - (c.sh * (c.out_h() - 1) + c.dh * (c.kh - 1) + 1 - c.top - c.bottom);
    const int pw = c.width - (c.sw * (c.out_w() - 1) + c.dw * (c.kw - 1) + 1 - c.left - c.right);
    ob::Model t = net({1, 6, c.out_h(), c.out_w()}, {1, 4, 7, 6});
    std::vector<ob::Attribute> attributes = c.attributes();
    attributes.push_back(ob::ints_attribute("output_padding", {ph, pw}));
    t.initialiser(c.weight()).node("ConvTranspose", {"x", "w"}, {"y"}, attributes);
    const Matrix adjoint = matrix_of(c, 4 * 7 * 6).transpose();
    same_matrix(t, [adjoint](const Vector& x) {
      const Eigen::VectorXd y = adjoint * Eigen::Map<const Eigen::VectorXd>(x.data(), static_cast<Eigen::Index>(x.size()));
      return Vector(y.data(), y.data() + y.size());
    });
  }
}

TEST_CASE("explicit matrices: averages, sums, factors and products") {
  // AveragePool on 5 entries, window 2, stride 2: with ceil_mode the last window has one entry, which is divided by 1.
  const auto average = [](int n, int k, int s, int p, bool ceil, bool include) {
    const int room = n + 2 * p - k;
    const int out = (ceil ? (room + s - 1) / s : room / s) + 1;
    ob::Model m = net({1, 2, n}, {1, 2, out});
    m.node("AveragePool", {"x"}, {"y"},
           {ob::ints_attribute("kernel_shape", {k}), ob::ints_attribute("strides", {s}), ob::ints_attribute("pads", {p, p}), ob::attribute("ceil_mode", ceil ? 1 : 0),
            ob::attribute("count_include_pad", include ? 1 : 0)});
    same_matrix(
        m,
        [=](const Vector& x) {
          Vector y;
          for (int c = 0; c < 2; ++c)
            for (int o = 0; o < out; ++o) {
              double sum = 0;
              int count = 0;
              for (int j = 0; j < k; ++j) {
                const int at = s * o + j - p;
                if (at < 0 || at >= n) continue;
                sum += x[static_cast<std::size_t>(c * n + at)];
                ++count;
              }
              y.push_back(sum / (include ? k : count));
            }
          return y;
        },
        k != 3);
  };
  average(5, 2, 2, 0, true, false);
  average(5, 2, 1, 1, false, true);
  average(5, 2, 1, 1, false, false);
  average(7, 3, 2, 1, false, false);

  ob::Model m = net({2, 3, 4}, {2, 4});
  m.node("ReduceMean", {"x"}, {"y"}, {ob::ints_attribute("axes", {1}), ob::attribute("keepdims", 0)});
  same_matrix(
      m,
      [](const Vector& x) {
        Vector y(8, 0.0);
        for (std::size_t e = 0; e < 24; ++e) y[e / 12 * 4 + e % 4] += x[e] / 3;
        return y;
      },
      false);
  m = net({2, 3, 4}, {1, 3, 1});
  m.initialiser(ob::int64s("ax", {2}, {0, 2})).node("ReduceSum", {"x", "ax"}, {"y"});
  same_matrix(m, [](const Vector& x) {
    Vector y(3, 0.0);
    for (std::size_t e = 0; e < 24; ++e) y[e / 4 % 3] += x[e];
    return y;
  });

  // BatchNormalization: scale / sqrt(var + eps), eps 0.25: 2/2 and 3/sqrt(2.5)
  m = net({1, 2, 3}, {1, 2, 3});
  m.initialiser(ob::floats("s", {2}, {2, 3})).initialiser(ob::floats("b", {2}, {1, 1})).initialiser(ob::floats("mean", {2}, {4, 5})).initialiser(ob::floats("var", {2}, {3.75F, 2.25F}));
  m.node("BatchNormalization", {"x", "s", "b", "mean", "var"}, {"y"}, {ob::attribute("epsilon", 0.25F)});
  same_matrix(
      m,
      [](const Vector& x) {
        Vector y = x;
        for (std::size_t e = 0; e < 6; ++e) y[e] *= e < 3 ? 1 : 3 / std::sqrt(2.5);
        return y;
      },
      false);

  // Gemm with data in A and in B, transposed; MatMul from both sides, stacked; factors that enlarge
  const std::vector<float> w = weights(12, 3);
  m = net({4, 2}, {2, 3});
  m.initialiser(ob::floats("w", {3, 4}, w)).initialiser(ob::floats("c", {3}, {1, 2, 3}));
  m.node("Gemm", {"x", "w", "c"}, {"y"}, {ob::attribute("transA", 1), ob::attribute("transB", 1), ob::attribute("alpha", 0.5F), ob::attribute("beta", 3.0F)});
  same_matrix(m, [w](const Vector& x) {
    Vector y(6, 0.0);
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t j = 0; j < 3; ++j)
        for (std::size_t k = 0; k < 4; ++k) y[i * 3 + j] += 0.5 * x[k * 2 + i] * static_cast<double>(w[j * 4 + k]);
    return y;
  });
  m = net({4, 2}, {3, 2});
  m.initialiser(ob::floats("w", {3, 4}, w)).node("Gemm", {"w", "x"}, {"y"});
  same_matrix(m, [w](const Vector& x) {
    Vector y(6, 0.0);
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 2; ++j)
        for (std::size_t k = 0; k < 4; ++k) y[i * 2 + j] += static_cast<double>(w[i * 4 + k]) * x[k * 2 + j];
    return y;
  });
  // Gemm with data in C: beside data in A (the same), and alone, repeated
  m = net({2, 2}, {2, 2});
  m.initialiser(ob::floats("w", {2, 2}, {1, 2, 3, 4})).node("Gemm", {"x", "w", "x"}, {"y"}, {ob::attribute("alpha", 2.0F), ob::attribute("beta", -0.5F)});
  same_matrix(m, [](const Vector& x) {
    Vector y;
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t j = 0; j < 2; ++j) y.push_back(2 * (x[2 * i] * static_cast<double>(1 + j) + x[2 * i + 1] * static_cast<double>(3 + j)) - 0.5 * x[2 * i + j]);
    return y;
  });
  m = net({1, 2}, {2, 2});
  m.initialiser(ob::floats("w", {2, 2}, {1, 2, 3, 4})).node("Gemm", {"w", "w", "x"}, {"y"}, {ob::attribute("beta", 3.0F)});
  same_matrix(m, [](const Vector& x) { return Vector{3 * x[0], 3 * x[1], 3 * x[0], 3 * x[1]}; });
  m = net({2, 1, 3, 2}, {2, 2, 3, 3});  // data 2 x 1 x (3 x 2), constants 2 x (2 x 3): every data matrix meets both
  m.initialiser(ob::floats("w", {2, 2, 3}, w)).node("MatMul", {"x", "w"}, {"y"});
  same_matrix(m, [w](const Vector& x) {
    Vector y;
    for (std::size_t a = 0; a < 2; ++a)
      for (std::size_t b = 0; b < 2; ++b)
        for (std::size_t i = 0; i < 3; ++i)
          for (std::size_t j = 0; j < 3; ++j) {
            double sum = 0;
            for (std::size_t k = 0; k < 2; ++k) sum += x[(a * 3 + i) * 2 + k] * static_cast<double>(w[(b * 2 + k) * 3 + j]);
            y.push_back(sum);
          }
    return y;
  });
  m = net({2, 1}, {2, 3});
  m.initialiser(ob::floats("c", {3}, {2, -4, 0.5F})).node("Mul", {"x", "c"}, {"p"}).node("Div", {"p", "c"}, {"q"}).node("Sub", {"q", "p"}, {"y"});
  same_matrix(m, [](const Vector& x) {
    Vector y;
    for (std::size_t i = 0; i < 2; ++i)
      for (const double c : {2.0, -4.0, 0.5}) y.push_back(x[i] - c * x[i]);
    return y;
  });
  // a sum of two tensors that broadcasts, a cancelled sum, a selection with repetitions, a constant in a Concat
  m = net({2, 3}, {2, 8});
  m.initialiser(ob::int64s("i", {4}, {0, 2, 2, 1})).initialiser(ob::floats("k", {2, 1}, {7, 8}));
  m.node("ReduceSum", {"x"}, {"s"}, {ob::attribute("keepdims", 1)}).node("Sub", {"x", "x"}, {"z"}).node("Add", {"z", "s"}, {"t"}).node("Gather", {"x", "i"}, {"g"}, {ob::attribute("axis", 1)});
  m.node("Concat", {"t", "k", "g"}, {"y"}, {ob::attribute("axis", 1)});
  same_matrix(m, [](const Vector& x) {
    double sum = 0;
    for (const double e : x) sum += e;
    Vector y;
    for (std::size_t i = 0; i < 2; ++i) {
      for (int k = 0; k < 3; ++k) y.push_back(sum);
      y.push_back(7 + static_cast<double>(i));
      for (const std::size_t j : {0U, 2U, 2U, 1U}) y.push_back(x[3 * i + j]);
    }
    return y;
  });
  // convolution, normalisation, and a residual sum
  const Conv2 c = conv2(2, 4, 4, 2, 1, 3, 1, 1, 1, 9);
  m = net({1, 2, 4, 4}, {1, 2, 4, 4});
  m.initialiser(c.weight()).initialiser(ob::floats("d", {2, 1, 1}, {0.5F, 3}));
  m.node("Mul", {"x", "d"}, {"a"}).node("Conv", {"a", "w"}, {"b"}, c.attributes()).node("Add", {"b", "x"}, {"y"});
  same_matrix(m, [c](const Vector& x) {
    Vector a = x;
    for (std::size_t e = 0; e < 32; ++e) a[e] *= e < 16 ? 0.5 : 3;
    Vector y = c(a);
    for (std::size_t e = 0; e < 32; ++e) y[e] += x[e];
    return y;
  });
}

TEST_CASE("explicit matrices: resampled images") {
  // Twice as long, between entries: 1/4 and 3/4 of neighbours, the ends repeated.
  ob::Model m = net({1, 3}, {1, 6});
  m.initialiser(ob::floats("s", {2}, {1, 2})).node("Resize", {"x", "", "s"}, {"y"}, {ob::string_attribute("mode", "linear")});
  same_matrix(m, [](const Vector& x) {
    return Vector{x[0], 0.75 * x[0] + 0.25 * x[1], 0.25 * x[0] + 0.75 * x[1], 0.75 * x[1] + 0.25 * x[2], 0.25 * x[1] + 0.75 * x[2], x[2]};
  });
  // Two axes with aligned corners: thirds along the first, halves along the second.
  m = net({2, 2}, {4, 3});
  m.initialiser(ob::int64s("l", {2}, {4, 3}));
  m.node("Resize", {"x", "", "", "l"}, {"y"}, {ob::string_attribute("mode", "linear"), ob::string_attribute("coordinate_transformation_mode", "align_corners")});
  same_matrix(
      m,
      [](const Vector& x) {
        Vector y;
        for (int i = 0; i < 4; ++i)
          for (int j = 0; j < 3; ++j) {
            const double v = i / 3.0;
            const double h = j / 2.0;
            y.push_back((1 - v) * ((1 - h) * x[0] + h * x[1]) + v * ((1 - h) * x[2] + h * x[3]));
          }
        return y;
      },
      false);
  // Nearest, half a pixel: ties go down, or up when asked.
  for (const bool up : {false, true}) {
    m = net({4}, {2});
    m.initialiser(ob::floats("s", {1}, {0.5F}));
    m.node("Resize", {"x", "", "s"}, {"y"}, {ob::string_attribute("nearest_mode", up ? "round_prefer_ceil" : "round_prefer_floor")});
    same_matrix(m, [up](const Vector& x) { return up ? Vector{x[1], x[3]} : Vector{x[0], x[2]}; });
  }
  m = net({1, 1, 2, 2}, {1, 1, 4, 3}, 9);
  m.initialiser(ob::floats("s", {4}, {1, 1, 2, 1.5F})).node("Upsample", {"x", "s"}, {"y"});
  same_matrix(m, [](const Vector& x) { return Vector{x[0], x[0], x[1], x[0], x[0], x[1], x[2], x[2], x[3], x[2], x[2], x[3]}; });
}

/// Thirds of numbers are no short dyadics: x times a third of `before`, then W x, then times a third of `after`, all column vectors of two entries; and the
/// square of the Frobenius distance between the checker's centre and the true matrix, which `radius` has to hold.
SparseMatrix thirds(const std::vector<float>& before, const std::vector<float>& w, const std::vector<float>& after, Rational& squared_distance) {
  ob::Model m = net({2, 1}, {2, 1});
  m.initialiser(ob::floats("b", {2, 1}, before)).initialiser(ob::floats("w", {2, 2}, w)).initialiser(ob::floats("a", {2, 1}, after)).initialiser(ob::floats("three", {}, {3}));
  m.node("Div", {"b", "three"}, {"b3"}).node("Div", {"a", "three"}, {"a3"});
  m.node("Mul", {"x", "b3"}, {"bx"}).node("MatMul", {"w", "bx"}, {"wbx"}).node("Mul", {"a3", "wbx"}, {"y"});
  const Graph g = graph_of(m.bytes());
  Evaluator evaluator(g, Engine());
  SparseMatrix a = linear_map(g, evaluator, all_nodes(g), 0, g.output);
  const auto power = [](std::int64_t n, int e) { return e >= 0 ? Rational(Integer(n) << static_cast<unsigned>(e)) : Rational(Integer(n), Integer(1) << static_cast<unsigned>(-e)); };
  const auto exact = [&](float x) {
    int e = 0;
    const float f = std::frexp(x, &e);
    return power(static_cast<std::int64_t>(std::ldexp(f, 24)), e - 24);
  };
  const EnclosedMatrix d = dense(a);
  squared_distance = 0;
  for (std::size_t i = 0; i < 2; ++i)
    for (std::size_t j = 0; j < 2; ++j) {
      const Rational truth = exact(after[i]) * exact(w[2 * i + j]) * exact(before[j]) / 9;
      const Dyadic& c = d.centre[2 * i + j];
      const Rational off = power(c.mantissa, static_cast<int>(c.exponent)) - truth;
      squared_distance += off * off;
    }
  return a;
}

TEST_CASE("explicit matrices: what meets a dead row adds nothing to the radius, and the radius holds the distance") {
  constexpr float kLarge = 0x1p40F;
  constexpr float kSmall = 0x1p-40F;
  const Rational tiny(1, Integer(1) << 90);
  Rational distance;
  // A dead row of W before a large factor; a dead column of W behind one; both: the matrix is zero, exactly.
  CHECK(thirds({kSmall, kSmall}, {0, 0, 1, -1}, {kLarge, 1}, distance).radius < tiny);
  CHECK(thirds({kLarge, kSmall}, {0, 1, 0, 1}, {1, 1}, distance).radius < tiny);
  const SparseMatrix zero = thirds({kLarge, 1}, {0, 1, 0, 0}, {0, kLarge}, distance);
  CHECK(zero.radius == 0);
  CHECK(zero.column.empty());
  CHECK(distance == 0);
  int far = 0;
  for (unsigned seed = 1; seed <= 200; ++seed) {
    unsigned state = seed;
    const auto entry = [&] {
      state = state * 1664525U + 1013904223U;
      const int kind = static_cast<int>(state >> 24) % 4;
      return kind == 0 ? 0.0F : std::ldexp(static_cast<float>(static_cast<int>(state >> 8) % 2001 - 1000) / 1024, kind == 1 ? 20 : kind == 2 ? -8 : 0);
    };
    std::vector<float> values(8);
    for (float& x : values) x = entry();
    const SparseMatrix a = thirds({values[0], values[1]}, {values[2], values[3], values[4], values[5]}, {values[6], values[7]}, distance);
    CHECK(distance <= a.radius * a.radius);
    far += distance > a.radius * a.radius / 4096 ? 1 : 0;
  }
  CHECK(far > 100);  // and is no more than 64 times as large, mostly
}

TEST_CASE("what is not linear has no matrix") {
  const auto refuse = [](const ob::Model& m) {
    const Graph g = graph_of(m.bytes());
    Evaluator evaluator(g, Engine());
    CHECK_THROWS_AS((void)linear_map(g, evaluator, all_nodes(g), 0, g.output), Failure);
  };
  const auto start = [] {
    ob::Model m = net({2, 2}, {2, 2});
    m.initialiser(ob::floats("zero", {2}, {1, 0})).initialiser(ob::floats("w", {2, 2}, {1, 2, 3, 4}));
    return m;
  };
  refuse(start().node("Mul", {"x", "x"}, {"y"}));
  refuse(start().node("MatMul", {"x", "x"}, {"y"}));
  refuse(start().node("Div", {"w", "x"}, {"y"}));
  refuse(start().node("Div", {"x", "zero"}, {"y"}));
  refuse(start().node("Gemm", {"x", "x", "w"}, {"y"}));
  refuse(start().node("Relu", {"x"}, {"y"}));
}

TEST_CASE("linear blocks: tight numbers accepted, sharper ones refused, both sides and theorems") {
  const Conv2 c = conv2(2, 5, 4, 3, 1, 3, 1, 1, 1, 4);
  ob::Model m = net({1, 2, 5, 4}, {1, 3, 5, 4});
  m.initialiser(c.weight()).node("Conv", {"x", "w"}, {"y"}, c.attributes());
  const Matrix a = matrix_of(c, 40);
  const double s = sigma(a);
  const Graph g = graph_of(m.bytes());
  Evaluator evaluator(g, Engine());
  const SparseMatrix sparse = linear_map(g, evaluator, {0}, 0, g.output);
  const GramEvidence evidence = verifier_test::gram_evidence(dense(sparse));
  const double upper = verifier_test::double_above(explicit_gram_bound(sparse, evidence, hints(), Engine()));
  CHECK(upper >= s * (1 - 1e-15));
  CHECK(upper <= s * (1 + 1e-9));
  JsonBlock good = block("y", "linear", "explicit-gram-psd", {0}, {""}, verifier_test::hex_float(upper));
  good["evidence"] = evidence_of(evidence);
  good["lower"] = below(s * (1 - 1e-9));
  good["lowerEvidence"] = witness_of(a);
  CHECK(verdict(m, good) == kAccepted);
  const auto broken = [&](const std::function<void(JsonBlock&)>& change) {
    JsonBlock bad = good;
    change(bad);
    return rejected(verdict(m, bad));
  };
  CHECK(broken([&](JsonBlock& b) { b["upper"] = above(std::nextafter(upper, 0.0)); }));
  CHECK(broken([&](JsonBlock& b) { b["upper"] = above(s * (1 - 1e-9)), b["evidence"]["C2"] = Integer(Integer(evidence.C2) * 99 / 100).str(); }));
  CHECK(broken([&](JsonBlock& b) { b["lower"] = below(s * (1 + 1e-9)); }));
  CHECK(broken([&](JsonBlock& b) { b["lowerEvidence"] = {{"theorem", "attained"}}; }));
  CHECK(broken([&](JsonBlock& b) { b["lowerEvidence"] = {{"theorem", "gram-entry"}, {"index", 0}}; }));
  CHECK(broken([&](JsonBlock& b) { b["lowerEvidence"]["vector"]["count"] = 39; }));
  CHECK(broken([&](JsonBlock& b) { b["method"]["theorem"] = "diagonal-gram", b["evidence"] = {{"side", "AtA"}}; }));
  CHECK(broken([&](JsonBlock& b) { b["method"]["theorem"] = "zero-operator", b["evidence"] = JsonBlock::object(), b["upper"] = above(0.0); }));
  CHECK(broken([&](JsonBlock& b) { b["method"]["theorem"] = "dense-gram-psd"; }));
  CHECK(broken([&](JsonBlock& b) { b["operator"] = "dense", b["method"]["theorem"] = "dense-gram-psd"; }));
  CHECK(broken([&](JsonBlock& b) { b["operator"] = "isometry", b["method"]["theorem"] = "isometry", b["evidence"] = JsonBlock::object(); }));
  CHECK(broken([&](JsonBlock& b) { b["evidence"].erase("sR"); }));
  CHECK(broken([&](JsonBlock& b) { b["evidence"]["grid"] = {1}; }));

  // The average over a ragged edge, times 2: the entry that stands alone keeps its factor.
  ob::Model ragged = net({1, 1, 5}, {1, 1, 3});
  ragged.initialiser(ob::floats("two", {}, {2})).node("AveragePool", {"x"}, {"a"}, {ob::ints_attribute("kernel_shape", {2}), ob::ints_attribute("strides", {2}), ob::attribute("ceil_mode", 1)});
  ragged.node("Mul", {"a", "two"}, {"y"});
  JsonBlock two = block("y", "linear", "diagonal-gram", {0, 1}, {""}, "0x1p+1");
  two["evidence"] = {{"side", "AAt"}};
  two["lower"] = below(2.0);
  two["lowerEvidence"] = {{"theorem", "gram-entry"}, {"index", 2}};
  CHECK(verdict(ragged, two) == kAccepted);
  JsonBlock bad = two;
  bad["upper"] = above(std::nextafter(2.0, 0.0));
  CHECK(rejected(verdict(ragged, bad)));
  bad["upper"] = above(std::nextafter(std::sqrt(2.0), 2.0));  // what the whole windows have
  CHECK(rejected(verdict(ragged, bad)));
  bad = two;
  bad["lowerEvidence"]["index"] = 1;
  CHECK(rejected(verdict(ragged, bad)));
  bad["lowerEvidence"]["index"] = 3;
  CHECK(rejected(verdict(ragged, bad)));
  bad = two;
  bad["evidence"] = {{"side", "AtA"}};
  CHECK(rejected(verdict(ragged, bad)));
  bad = two;
  bad["lower"] = below(std::nextafter(2.0, 3.0));
  CHECK(rejected(verdict(ragged, bad)));

  // A selection that repeats an entry three times has norm sqrt 3.
  ob::Model gather = net({1, 4}, {1, 4});
  gather.initialiser(ob::int64s("i", {4}, {1, 1, 3, 1})).node("Gather", {"x", "i"}, {"y"}, {ob::attribute("axis", 1)});
  JsonBlock three = block("y", "linear", "diagonal-gram", {0}, {""}, "0x1.bb67ae8584cabp+0");
  three["evidence"] = {{"side", "AtA"}};
  CHECK(verdict(gather, three) == kAccepted);
  bad = three;
  bad["upper"] = above(1.0);
  CHECK(rejected(verdict(gather, bad)));
  bad = three;
  bad["upper"] = above("0x1.bb67ae8584caap+0");
  CHECK(rejected(verdict(gather, bad)));
  // x - x is zero, x + x is not
  for (const char* op : {"Sub", "Add"}) {
    ob::Model z = net({1, 4}, {1, 4});
    z.node("Identity", {"x"}, {"a"}).node(op, {"a", "a"}, {"y"});
    CHECK((verdict(z, block("y", "linear", "zero-operator", {0, 1}, {""}, "0x0p+0")) == kAccepted) == (std::string(op) == "Sub"));
  }
  // An average of nine: entries that are no dyadics, the norm 1/3 from above
  ob::Model nine = net({1, 1, 6, 6}, {1, 1, 2, 2});
  nine.node("AveragePool", {"x"}, {"y"}, {ob::ints_attribute("kernel_shape", {3, 3}), ob::ints_attribute("strides", {3, 3})});
  JsonBlock third = block("y", "linear", "diagonal-gram", {0}, {""}, verifier_test::hex_float(std::nextafter(1.0 / 3, 1.0)));
  third["evidence"] = {{"side", "AAt"}};
  third["lower"] = below(std::nextafter(1.0 / 3, 0.0));
  third["lowerEvidence"] = {{"theorem", "gram-entry"}, {"index", 3}};
  CHECK(verdict(nine, third) == kAccepted);
  bad = third;
  bad["upper"] = above(1.0 / 3);  // the double below 1/3
  CHECK(rejected(verdict(nine, bad)));
}

// --------------------------------------------------------------------------------------------------------------------- convolutions

namespace {

/// A convolution block as it stands in a statement, with the sharpest upper end that its evidence proves; C2 is sought from the norm up.
struct Proved {
  JsonBlock block;
  double upper = 0;
};

Proved prove(const ob::Model& m, const std::string& theorem, const std::vector<std::string>& axes, const std::vector<std::uint64_t>& list, double norm) {
  const Graph g = graph_of(m.bytes());
  Evaluator evaluator(g, Engine());
  const std::vector<std::size_t> nodes = all_nodes(g);
  JsonBlock claim = block(g.values[g.output].name, "convolution", theorem, nodes, {""}, "0x1p+0");
  lipverify::BlockClaim parsed;
  parsed.id = "y";
  parsed.nodes = nodes;
  Block placed;
  placed.claim = &parsed;
  placed.inputs = {0};
  placed.outputs = {g.output};
  const ConvKernel kernel = convolution_kernel(g, evaluator, placed, axes);
  ConvEvidence evidence;
  (theorem == "conv-reshape" ? evidence.rows : evidence.grid) = list;
  for (const std::string& axis : axes) evidence.shift.push_back(axis == "circular" ? 0U : 1U);
  evidence.axes = axes;
  evidence.gram.at_a = kernel.inputs <= kernel.outputs;
  evidence.gram.sA = 40;
  evidence.gram.sR = 35;
  Proved out;
  for (double size = norm / 8; size < norm * 16; size *= 1.02) {
    evidence.gram.C2 = Integer(static_cast<Int128>(size * size * std::ldexp(1.0, 80)));
    try {
      out.upper = verifier_test::double_above(convolution_bound(kernel, theorem, evidence, hints(), Engine()));
      break;
    } catch (const Failure& failure) {
      if (failure.outcome() != Outcome::rejected) throw;
    }
  }
  claim["upper"] = above(out.upper);
  claim["evidence"] = {{theorem == "conv-reshape" ? "rows" : "grid", list}, {"axes", axes}, {"side", evidence.gram.at_a ? "AtA" : "AAt"}, {"sA", 40}, {"sR", 35}, {"C2", evidence.gram.C2.str()}};
  if (theorem != "conv-reshape") claim["evidence"]["shift"] = evidence.shift;
  out.block = claim;
  return out;
}

}  // namespace

TEST_CASE("convolution blocks: every theorem and kind of axis, above the true norm, and refused with a wrong kind") {
  struct Case {
    std::string name;
    ob::Model model;
    Matrix matrix;
    std::vector<std::string> kinds;
    std::vector<std::vector<std::string>> wrong;
    std::vector<std::uint64_t> grid;
  };
  std::vector<Case> cases;
  const auto at = [](std::size_t c, std::size_t i, std::size_t j, std::size_t h, std::size_t w) { return (c * h + i) * w + j; };
  {
    const Conv2 c = conv2(2, 6, 5, 3, 1, 3, 1, 1, 1, 11);
    ob::Model m = net({1, 2, 6, 5}, {1, 3, 6, 5});
    m.initialiser(c.weight()).initialiser(ob::floats("b", {3}, {1, 2, 3})).node("Conv", {"x", "w", "b"}, {"y"}, c.attributes());
    cases.push_back({"zero", m, matrix_of(c, 60), {"zero", "zero"}, {{"circular", "zero"}, {"zero", "circular"}, {"zero"}, {"zero", "zero", "zero"}}, {8, 8}});
  }
  {
    Conv2 c = conv2(4, 8, 8, 4, 2, 3, 2, 1, 0, 12);
    ob::Model m = net({1, 4, 6, 6}, {1, 4, 3, 3});
    // zeros around by a Pad node, another constant, channel factors before and after
    m.initialiser(c.weight()).initialiser(ob::int64s("pads", {8}, {0, 0, 1, 1, 0, 0, 1, 1})).initialiser(ob::floats("v", {}, {5})).initialiser(ob::floats("d", {4, 1, 1}, {1, 0.5F, -2, 3}));
    m.initialiser(ob::floats("e", {1, 4, 1, 1}, {2, 1, -1, 0.25F}));
    m.node("Mul", {"x", "d"}, {"a"}).node("Pad", {"a", "pads", "v"}, {"p"}).node("Conv", {"p", "w"}, {"q"}, c.attributes()).node("Neg", {"q"}, {"n"}).node("Div", {"n", "e"}, {"y"});
    const Map f = [c, at](const Vector& x) {
      Vector p(4 * 64, 0.0);
      const double d[] = {1, 0.5, -2, 3};
      const double e[] = {2, 1, -1, 0.25};
      for (std::size_t k = 0; k < 4; ++k)
        for (std::size_t i = 0; i < 6; ++i)
          for (std::size_t j = 0; j < 6; ++j) p[at(k, i + 1, j + 1, 8, 8)] = d[k] * x[at(k, i, j, 6, 6)];
      Vector y = c(p);
      for (std::size_t k = 0; k < y.size(); ++k) y[k] /= -e[k / 9];
      return y;
    };
    cases.push_back({"padded, strided, grouped", m, matrix_of(f, 4 * 36), {"zero", "zero"}, {{"circular", "circular"}}, {4, 4}});
  }
  {
    Conv2 c = conv2(1, 8, 6, 2, 1, 3, 1, 1, 0, 13);
    ob::Model m = net({1, 1, 6, 6}, {1, 2, 6, 4});
    m.initialiser(c.weight()).initialiser(ob::int64s("pads", {8}, {0, 0, 1, 0, 0, 0, 1, 0})).node("Pad", {"x", "pads"}, {"p"}, {ob::string_attribute("mode", "wrap")});
    m.opsets = {{"", 19}};
    m.node("Conv", {"p", "w"}, {"y"}, c.attributes());
    const Map f = [c, at](const Vector& x) {
      Vector p(48);
      for (std::size_t i = 0; i < 8; ++i)
        for (std::size_t j = 0; j < 6; ++j) p[at(0, i, j, 8, 6)] = x[at(0, (i + 5) % 6, j, 6, 6)];
      return c(p);
    };
    cases.push_back({"circular", m, matrix_of(f, 36), {"circular", "zero"}, {{"zero", "zero"}, {"circular", "circular"}}, {6, 8}});
    cases.push_back({"circular as copies", m, matrix_of(f, 36), {"copies", "zero"}, {}, {10, 8}});
  }
  {
    Conv2 c = conv2(1, 6, 6, 1, 1, 3, 1, 1, 0, 14);
    c.w.assign(9, 0.25F);
    ob::Model m = net({1, 1, 4, 4}, {1, 1, 4, 4});
    m.initialiser(c.weight()).initialiser(ob::int64s("pads", {8}, {0, 0, 1, 1, 0, 0, 1, 1})).node("Pad", {"x", "pads"}, {"p"}, {ob::string_attribute("mode", "reflect")});
    m.node("Conv", {"p", "w"}, {"y"}, c.attributes());
    const Map f = [c, at](const Vector& x) {
      const std::size_t mirror[] = {1, 0, 1, 2, 3, 2};
      Vector p(36);
      for (std::size_t i = 0; i < 6; ++i)
        for (std::size_t j = 0; j < 6; ++j) p[at(0, i, j, 6, 6)] = x[at(0, mirror[i], mirror[j], 4, 4)];
      return c(p);
    };
    cases.push_back({"reflected", m, matrix_of(f, 16), {"copies", "copies"}, {{"zero", "zero"}, {"circular", "circular"}, {"copies", "zero"}}, {8, 8}});
  }
  {
    Conv2 c = conv2(2, 5, 5, 3, 1, 3, 2, 1, 1, 15);
    ob::Model m = net({1, 3, 3, 3}, {1, 2, 5, 5});
    m.initialiser(c.weight()).initialiser(ob::floats("e", {2, 1, 1}, {2, 1})).node("ConvTranspose", {"x", "w"}, {"q"}, c.attributes()).node("Mul", {"q", "e"}, {"y"});
    Matrix a = matrix_of(c, 50).transpose();
    a.topRows(25) *= 2;
    cases.push_back({"transposed", m, a, {"zero", "zero"}, {{"circular", "zero"}}, {4, 4}});
  }
  {
    Conv2 c = conv2(1, 3, 4, 1, 1, 2, 1, 1, 1, 16);
    ob::Model m = net({1, 1, 5, 4}, {1, 1, 4, 5});  // cropped, then padded by the convolution itself
    m.initialiser(c.weight()).initialiser(ob::int64s("s", {1}, {1})).initialiser(ob::int64s("t", {1}, {4})).initialiser(ob::int64s("ax", {1}, {2}));
    m.node("Slice", {"x", "s", "t", "ax"}, {"p"}).node("Conv", {"p", "w"}, {"y"}, c.attributes());
    const Map f = [c](const Vector& x) { return c(Vector(x.begin() + 4, x.begin() + 16)); };
    cases.push_back({"cropped", m, matrix_of(f, 20), {"zero", "zero"}, {{"circular", "zero"}}, {7, 7}});
  }
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const double norm = sigma(c.matrix);
    same_matrix(c.model, [&c](const Vector& x) {
      const Eigen::VectorXd y = c.matrix * Eigen::Map<const Eigen::VectorXd>(x.data(), static_cast<Eigen::Index>(x.size()));
      return Vector(y.data(), y.data() + y.size());
    });
    for (const char* theorem : {"conv-frequency-grid", "conv-bernstein", "conv-reshape"}) {
      CAPTURE(theorem);
      const bool reshape = std::string(theorem) == "conv-reshape";
      if (reshape && c.kinds[0] == "circular") continue;
      const Proved good = prove(c.model, theorem, c.kinds, reshape ? std::vector<std::uint64_t>{0} : c.grid, norm);
      CHECK(good.upper >= norm * (1 - 1e-12));
      CHECK(good.upper <= norm * 6);
      JsonBlock b = good.block;
      b["lower"] = below(norm * (1 - 1e-6));
      b["lowerEvidence"] = witness_of(c.matrix);
      CHECK(verdict(c.model, b) == kAccepted);
      JsonBlock bad = b;
      bad["upper"] = above(std::nextafter(good.upper, 0.0));
      CHECK(rejected(verdict(c.model, bad)));
      bad = b;
      bad["lower"] = below(norm * (1 + 1e-6));
      CHECK(rejected(verdict(c.model, bad)));
      for (const std::vector<std::string>& kinds : c.wrong) {
        bad = b;
        bad["evidence"]["axes"] = kinds;
        CHECK(rejected(verdict(c.model, bad)));
      }
      bad = b;
      bad["evidence"]["axes"] = {"zero", "periodic"};
      CHECK(rejected(verdict(c.model, bad)));
      bad = b;
      bad["evidence"].erase(reshape ? "rows" : "grid");
      CHECK(rejected(verdict(c.model, bad)));
      bad = b;
      if (reshape) {
        bad["evidence"]["shift"] = {0, 0};
        CHECK(rejected(verdict(c.model, bad)));
      } else {
        bad["evidence"].erase("shift");
        CHECK(rejected(verdict(c.model, bad)));
        for (const JsonBlock& shift : {JsonBlock(2), JsonBlock(-1), JsonBlock(true), JsonBlock("1"), JsonBlock(nullptr), JsonBlock::array({1})}) {
          bad["evidence"]["shift"] = b["evidence"]["shift"];
          bad["evidence"]["shift"][1] = shift;
          CHECK(rejected(verdict(c.model, bad)));
        }
        bad["evidence"]["shift"] = 1;
        CHECK(rejected(verdict(c.model, bad)));
        bad["evidence"]["shift"] = JsonBlock::array({0});
        CHECK(rejected(verdict(c.model, bad)));
        if (c.kinds[0] == "circular") {
          bad["evidence"]["shift"] = {1, 0};
          CHECK(rejected(verdict(c.model, bad)));
        }
      }
      bad = b;
      bad["operator"] = "linear";
      CHECK(rejected(verdict(c.model, bad)));
      if (std::string(theorem) == "conv-frequency-grid" && c.kinds[0] == "zero" && c.name != "cropped") {  // N = n / s is not enough
        bad = b;
        bad["evidence"]["grid"][0] = c.grid[0] / 2;
        CHECK(rejected(verdict(c.model, bad)));
      }
    }
  }
}

TEST_CASE("nodes that do not belong in a convolution block") {
  const Conv2 c = conv2(2, 4, 4, 2, 1, 3, 1, 1, 1, 21);
  const auto attempt = [&](const std::vector<ob::Dim>& out, const std::function<void(ob::Model&)>& body, std::size_t nodes) {
    ob::Model m = net({1, 2, 4, 4}, out);
    m.initialiser(c.weight()).initialiser(ob::floats("grid", {1, 1, 4, 4}, weights(16, 1))).initialiser(ob::floats("flat", {1, 2, 4, 4}, std::vector<float>(32, 2.0F)));
    m.initialiser(ob::floats("zero", {2, 1, 1}, {1, 0}));
    body(m);
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < nodes; ++i) all.push_back(i);
    JsonBlock b = block("y", "convolution", "conv-reshape", all, {""}, "0x1p+22");
    b["evidence"] = {{"rows", {0}}, {"axes", {"zero", "zero"}}, {"side", "AtA"}, {"sA", 20}, {"sR", 18}, {"C2", "1" + std::string(24, '0')}};
    return verdict(m, b);
  };
  const std::vector<ob::Dim> same = {1, 2, 4, 4};
  CHECK(attempt(same, [&](ob::Model& m) { m.node("Conv", {"x", "w"}, {"y"}, c.attributes()); }, 1) == kAccepted);
  CHECK(attempt(same, [&](ob::Model& m) { m.node("Conv", {"x", "w"}, {"a"}, c.attributes()).node("Mul", {"a", "flat"}, {"y"}); }, 2) == kAccepted);
  CHECK(rejected(attempt(same, [&](ob::Model& m) { m.node("Conv", {"x", "w"}, {"a"}, c.attributes()).node("Mul", {"a", "grid"}, {"y"}); }, 2)));
  CHECK(rejected(attempt(same, [&](ob::Model& m) { m.node("Mul", {"x", "grid"}, {"a"}).node("Conv", {"a", "w"}, {"y"}, c.attributes()); }, 2)));
  CHECK(rejected(attempt(same, [&](ob::Model& m) { m.node("Conv", {"x", "w"}, {"a"}, c.attributes()).node("Div", {"a", "zero"}, {"y"}); }, 2)));
  CHECK(rejected(attempt(same, [&](ob::Model& m) { m.node("Conv", {"x", "w"}, {"a"}, c.attributes()).node("Relu", {"a"}, {"y"}); }, 2)));
  CHECK(rejected(attempt(same, [&](ob::Model& m) { m.node("Conv", {"x", "w"}, {"a"}, c.attributes()).node("Add", {"a", "x"}, {"y"}); }, 2)));
  CHECK(rejected(attempt(same, [&](ob::Model& m) { m.node("Conv", {"x", "w"}, {"a"}, c.attributes()).node("Conv", {"a", "w"}, {"y"}, c.attributes()); }, 2)));
  CHECK(rejected(attempt(same, [&](ob::Model& m) { m.node("Mul", {"x", "flat"}, {"y"}); }, 1)));
  CHECK(rejected(attempt(same, [&](ob::Model& m) { m.node("Transpose", {"x"}, {"a"}, {ob::ints_attribute("perm", {0, 1, 3, 2})}).node("Conv", {"a", "w"}, {"y"}, c.attributes()); }, 2)));
  CHECK(rejected(attempt({1, 2, 2, 4}, [&](ob::Model& m) {
    m.node("Conv", {"x", "w"}, {"a"}, c.attributes()).initialiser(ob::int64s("s", {1}, {1})).initialiser(ob::int64s("t", {1}, {3})).initialiser(ob::int64s("ax", {1}, {2})).node("Slice", {"a", "s", "t", "ax"}, {"y"});
  }, 2)));
  // channels exchanged by Slice and Concat; a Concat of tensors with different factors
  const auto halves = [](ob::Model& m) {
    m.initialiser(ob::int64s("i0", {1}, {0})).initialiser(ob::int64s("i1", {1}, {1})).initialiser(ob::int64s("i2", {1}, {2})).initialiser(ob::int64s("ax", {1}, {1}));
  };
  for (const bool exchanged : {false, true}) {
    const std::string v = attempt(same, [&](ob::Model& m) {
      halves(m);
      // the channels one by one are not tensors of the input's channels: refused either way
      m.node("Slice", {"x", "i0", "i1", "ax"}, {"p"}).node("Slice", {"x", "i1", "i2", "ax"}, {"q"}).node("Concat", {exchanged ? "q" : "p", exchanged ? "p" : "q"}, {"a"}, {ob::attribute("axis", 1)});
      m.node("Conv", {"a", "w"}, {"y"}, c.attributes());
    }, 4);
    CHECK(rejected(v));
  }
}

// ------------------------------------------------------------------------------------------------------------------------------- sll

TEST_CASE("sll: what the grid rounds away is charged to every entry of the diagonal") {
  // A = diag(a, 1) or diag(1, a), d = 1/2: 2 d + delta - (d a)^2 is negative for the true a, and positive for a as the grid 2^-10 rounds it.
  const float a = 2 + 15.0F / 16384;
  for (const std::size_t at : {std::size_t{0}, std::size_t{1}}) {
    std::vector<float> w(4, 0);
    w[3 * at] = a;
    w[3 * (1 - at)] = 1;
    ob::Model m = net({1, 2}, {1, 2});
    m.initialiser(ob::floats("w", {2, 2}, w)).initialiser(ob::floats("b", {2}, {0, 0})).initialiser(ob::floats("d", {2}, {0.5F, 0.5F}));
    m.node("Gemm", {"x", "w", "b"}, {"z"}, {ob::attribute("transB", 1)}).node("Relu", {"z"}, {"r"}).node("Mul", {"r", "d"}, {"s"}).node("MatMul", {"s", "w"}, {"v"}).node("Sub", {"x", "v"}, {"y"});
    const auto claim = [&](int grid, const std::string& delta) {
      JsonBlock b = block("y", "sll", "sll-psd", {0, 1, 2, 3, 4}, {""}, "0x1p+1");
      b["evidence"] = {{"W", {{"side", "AAt"}, {"sA", 40}, {"sR", 36}, {"C2", Integer(Integer(5) << 80).str()}}}, {"D", {{"sA", grid}, {"sR", grid}}}, {"delta", above(delta)}};
      return verdict(m, b);
    };
    CHECK(rejected(claim(10, "0x1p-12")));
    CHECK(rejected(claim(30, "0x1p-12")));
    CHECK(claim(30, "0x1p-9") == kAccepted);
  }
}

TEST_CASE("sll: 1-Lipschitz residual blocks, and everything that only looks like one") {
  // A of 3 x 4, d_k = 1 / (sum_j |A A'|_kj), a power of two below it: then diag(2 d) - D A A' D is diagonally dominant.
  const std::vector<float> w = {0.5F, -0.25F, 1, 0, 0.75F, 0.5F, 0, -1, 0.25F, 1, 0.5F, 0.5F};
  const auto model = [&](const std::vector<float>& d, const std::function<void(ob::Model&)>& tail) {
    ob::Model m = net({1, 4}, {1, 4});
    std::vector<float> t(12);
    for (std::size_t i = 0; i < 3; ++i)
      for (std::size_t j = 0; j < 4; ++j) t[j * 3 + i] = w[i * 4 + j];
    std::vector<float> off = t;
    off[5] += 0.125F;
    m.initialiser(ob::floats("w", {3, 4}, w)).initialiser(ob::floats("t", {3, 4}, w)).initialiser(ob::floats("wt", {4, 3}, t)).initialiser(ob::floats("off", {4, 3}, off));
    m.initialiser(ob::floats("b", {3}, {1, -1, 2})).initialiser(ob::floats("d", {3}, d)).initialiser(ob::floats("two", {}, {2})).initialiser(ob::floats("sixteen", {}, {16}));
    m.initialiser(ob::floats("minus", {}, {-2})).initialiser(ob::floats("nothing", {}, {0})).initialiser(ob::floats("uneven", {4}, {2, 2, 4, 2}));
    m.node("Gemm", {"x", "w", "b"}, {"z"}, {ob::attribute("transB", 1)});
    tail(m);
    return m;
  };
  const auto usual = [](ob::Model& m) { m.node("Relu", {"z"}, {"r"}).node("Mul", {"r", "d"}, {"s"}).node("MatMul", {"s", "w"}, {"v"}).node("Sub", {"x", "v"}, {"y"}); };
  const std::vector<float> good = {0.25F, 0.25F, 0.25F};
  const auto claim = [&](const ob::Model& m, const std::string& delta = "0x0p+0", const std::string& upper = "0x1p+0", std::size_t nodes = 5) {
    std::vector<std::size_t> all;
    for (std::size_t i = 0; i < nodes; ++i) all.push_back(i);
    JsonBlock b = block("y", "sll", "sll-psd", all, {""}, upper);
    b["evidence"] = {{"W", {{"side", "AAt"}, {"sA", 40}, {"sR", 36}, {"C2", Integer(Integer(5) << 80).str()}}}, {"D", {{"sA", 40}, {"sR", 36}}}, {"delta", above(delta)}};
    return verdict(m, b);
  };
  CHECK(claim(model(good, usual)) == kAccepted);
  CHECK(claim(model(good, [](ob::Model& m) { m.node("Relu", {"z"}, {"r"}).node("Mul", {"r", "d"}, {"s"}).node("MatMul", {"s", "w"}, {"v"}).node("Neg", {"v"}, {"n"}).node("Add", {"n", "x"}, {"y"}); }), "0x0p+0",
              "0x1p+0", 6) == kAccepted);
  CHECK(rejected(claim(model(good, usual), "0x0p+0", less("0x1p+0"))));
  // One number behind the transposed operator (or before it) belongs to d.
  const auto behind = [](const std::string& factor, const std::string& join) {
    return [factor, join](ob::Model& m) {
      m.node("Relu", {"z"}, {"r"}).node("Mul", {"r", "d"}, {"s"}).node("MatMul", {"s", "w"}, {"v"}).node("Mul", {"v", factor}, {"u"}).node(join, {"x", "u"}, {"y"});
    };
  };
  const auto with_factor = [&](const std::vector<float>& d, const std::string& factor, const std::string& join = "Sub") {
    return claim(model(d, behind(factor, join)), "0x0p+0", "0x1p+0", 6);
  };
  CHECK(with_factor({0.125F, 0.125F, 0.125F}, "two") == kAccepted);
  CHECK(with_factor({0.125F, 0.125F, 0.125F}, "minus", "Add") == kAccepted);
  CHECK(rejected(with_factor({0.25F, 0.25F, 0.25F}, "sixteen")));  // too long with the factor, not without it
  CHECK(rejected(with_factor({0.125F, 0.125F, 0.125F}, "minus")));
  CHECK(rejected(with_factor({0.125F, 0.125F, 0.125F}, "two", "Add")));
  CHECK(rejected(with_factor({0.125F, 0.125F, 0.125F}, "uneven")));
  CHECK(rejected(with_factor({0.125F, 0.125F, 0.125F}, "nothing")));
  CHECK(claim(model({0.125F, 0.125F, 0.125F}, [](ob::Model& m) { m.node("Relu", {"z"}, {"r"}).node("Mul", {"r", "d"}, {"s"}).node("Mul", {"s", "two"}, {"q"}).node("MatMul", {"q", "w"}, {"v"}).node("Sub", {"x", "v"}, {"y"}); }),
              "0x0p+0", "0x1p+0", 6) == kAccepted);
  CHECK(rejected(claim(model({4, 4, 4}, usual))));          // steps too long: not 1-Lipschitz
  CHECK(rejected(claim(model({0.25F, 0, 0.25F}, usual))));  // d not positive
  CHECK(rejected(claim(model({0.25F, -0.25F, 0.25F}, usual))));
  // too long by a little: delta makes up for it, and raises the bound
  const auto long_steps = model({1.25F, 1.25F, 1.25F}, usual);
  CHECK(rejected(claim(long_steps)));
  CHECK(rejected(claim(long_steps, "0x1p+1")));            // delta without its price
  CHECK(claim(long_steps, "0x1p+1", "0x1.cp+1") == kAccepted);
  const auto tail = [&](const std::function<void(ob::Model&)>& t, std::size_t nodes = 5) { return rejected(claim(model(good, t), "0x0p+0", "0x1p+0", nodes)); };
  CHECK(tail([](ob::Model& m) { m.node("Relu", {"z"}, {"r"}).node("Mul", {"r", "d"}, {"s"}).node("MatMul", {"s", "w"}, {"v"}).node("Add", {"x", "v"}, {"y"}); }));
  CHECK(tail([](ob::Model& m) { m.node("Relu", {"z"}, {"r"}).node("Mul", {"r", "d"}, {"s"}).node("MatMul", {"s", "w"}, {"v"}).node("Sub", {"v", "x"}, {"y"}); }));
  CHECK(tail([](ob::Model& m) { m.node("Relu", {"z"}, {"r"}).node("Mul", {"r", "d"}, {"s"}).node("Gemm", {"s", "off"}, {"v"}, {ob::attribute("transB", 1)}).node("Sub", {"x", "v"}, {"y"}); }));
  CHECK(claim(model(good, [](ob::Model& m) { m.node("Relu", {"z"}, {"r"}).node("Mul", {"r", "d"}, {"s"}).node("Gemm", {"s", "wt"}, {"v"}, {ob::attribute("transB", 1)}).node("Sub", {"x", "v"}, {"y"}); })) == kAccepted);
  CHECK(tail([](ob::Model& m) { m.node("Relu", {"z"}, {"r"}).node("Mul", {"z", "d"}, {"s"}).node("Add", {"s", "r"}, {"u"}).node("MatMul", {"u", "w"}, {"v"}).node("Sub", {"x", "v"}, {"y"}); }, 6));
  CHECK(tail([](ob::Model& m) { m.node("Relu", {"z"}, {"r"}).node("Mul", {"r", "r"}, {"s"}).node("MatMul", {"s", "w"}, {"v"}).node("Sub", {"x", "v"}, {"y"}); }));
  CHECK(tail([](ob::Model& m) { m.node("Abs", {"z"}, {"r"}).node("Mul", {"r", "d"}, {"s"}).node("MatMul", {"s", "w"}, {"v"}).node("Sub", {"x", "v"}, {"y"}); }));
  CHECK(tail([](ob::Model& m) { m.node("Mul", {"x", "two"}, {"q"}).node("Relu", {"z"}, {"r"}).node("Mul", {"r", "d"}, {"s"}).node("MatMul", {"s", "w"}, {"v"}).node("Sub", {"q", "v"}, {"y"}); }, 6));
}

TEST_CASE("sll: factors that the graph computes are known up to a radius, which is paid for") {
  // d = 1 / t. The first row of A is small, and its factor 2^41 / 3 as large: what is not known of that one is a radius of about 2^-19 for all three.
  const auto claim = [](const std::vector<float>& t, float first, const std::string& delta, const std::string& upper) {
    ob::Model m = net({1, 4}, {1, 4});
    m.initialiser(ob::floats("w", {3, 4}, {0.5F * first, -0.25F * first, first, 0, 0.75F, 0.5F, 0, -1, 0.25F, 1, 0.5F, 0.5F})).initialiser(ob::floats("t", {3}, t));
    m.node("Reciprocal", {"t"}, {"d"}).node("Gemm", {"x", "w"}, {"z"}, {ob::attribute("transB", 1)});
    m.node("Relu", {"z"}, {"r"}).node("Mul", {"r", "d"}, {"s"}).node("MatMul", {"s", "w"}, {"v"}).node("Sub", {"x", "v"}, {"y"});
    JsonBlock b = block("y", "sll", "sll-psd", {1, 2, 3, 4, 5}, {""}, upper);
    b["evidence"] = {{"W", {{"side", "AAt"}, {"sA", 40}, {"sR", 36}, {"C2", Integer(Integer(5) << 80).str()}}}, {"D", {{"sA", 31}, {"sR", 31}}}, {"delta", above(delta)}};
    return verdict(m, b);
  };
  CHECK(claim({3, 4, 4}, 1, "0x0p+0", "0x1p+0") == kAccepted);
  CHECK(claim({3, 0.25F, 4}, 1, "0x0p+0", "0x1p+0").find("positive semidefinite") != std::string::npos);
  // The least eigenvalue of 2 D - D A A' D is about 3/8, and with the radius of the first factor A' D is not known well enough.
  const float large = 3 * std::ldexp(1.0F, -41);
  const float small = std::ldexp(1.0F, -21);
  CHECK(claim({large, 4, 4}, small, "0x0p+0", "0x1p+0").find("positive semidefinite") != std::string::npos);
  CHECK(claim({large, 4, 4}, small, "0x1p+2", "0x1.4p+2") == kAccepted);
  CHECK(claim({large * 4 / 3, 4, 4}, small, "0x0p+0", "0x1p+0") == kAccepted);  // a power of two: exact
  // Within its radius the last factor may be negative.
  CHECK(claim({large, 4, 0x1p+21F}, small, "0x1p+2", "0x1.4p+2").find("not all positive") != std::string::npos);
}
