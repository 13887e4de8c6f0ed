// Every step of the checker's fast evaluation against exact rationals, at inputs whose true values lie as far from the integers as the
// distance allows and in the direction that the step stretches most: an error that is not charged shows as a result outside its distance.
#include <doctest/doctest.h>

#include <random>

#include "tests/support/onnx_builder.hpp"
#include "verifier/samples/fixed_network.hpp"
#include "verifier/graph/onnx.hpp"

using namespace lipverify;
namespace ob = onnx_builder;

namespace {

std::mt19937_64 generator(20240811);

constexpr std::int64_t kTop = std::int64_t{1} << 57;

/// Integers of full length.
FixedTensor random_tensor(std::size_t entries, std::int64_t exponent) {
  FixedTensor x;
  x.exponent = exponent;
  for (std::size_t i = 0; i < entries; ++i)
    x.centre.push_back(static_cast<std::int64_t>(generator() % (2 * static_cast<std::uint64_t>(kTop))) - kTop);
  return x;
}

/// The true values: the centre, moved by `by` units; the tensor's distance becomes exactly that.
std::vector<Rational> moved(FixedTensor& x, const std::vector<std::int64_t>& by) {
  std::vector<Rational> truth;
  Integer squares = 0;
  for (std::size_t i = 0; i < by.size(); ++i) {
    truth.push_back(scaled(Integer(x.centre[i]) + by[i], x.exponent));
    squares += Integer(by[i]) * by[i];
  }
  x.distance = sqrt_ceiling(squares);
  return truth;
}
std::vector<Rational> still(FixedTensor& x) {
  return moved(x, std::vector<std::int64_t>(x.centre.size(), 0));
}

/// ||centre 2^e - truth|| <= distance 2^e, exactly; and the distance is below 2^(digits) units of the largest entry's last place.
void check(const FixedTensor& y, const std::vector<Rational>& truth, int digits) {
  REQUIRE(y.centre.size() == truth.size());
  Rational squares = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    squares += square(scaled(Integer(y.centre[i]), y.exponent) - truth[i]);
    CHECK(y.centre[i] <= kTop);
    CHECK(y.centre[i] >= -kTop);
  }
  CHECK(squares <= square(scaled(y.distance, y.exponent)));
  CHECK(y.distance <= (Integer(1) << static_cast<unsigned>(digits)));
}

Interval interval(std::int64_t mantissa, std::int64_t exponent) {
  return {Wide(mantissa), Wide(mantissa), exponent};
}
/// An enclosure of a third, and a third.
const Rational kThird(1, 3);
Interval third() {
  return quotient(interval(1, 0), interval(3, 0));
}

using Sets = std::vector<std::vector<std::uint32_t>>;

}  // namespace

TEST_CASE("a product: rounding, the distance of the input, the offset") {
  for (int turn = 0; turn < 20; ++turn) {
    EnclosedMatrix a{2, 3, {}, 0};
    for (int k = 0; k < 6; ++k) a.centre.push_back({static_cast<std::int64_t>(generator() % 2000001) - 1000000, -20});
    if (turn % 4 == 1) a.centre = {{1, 0}, {1, 0}, {1, 0}, {0, 0}, {0, 0}, {0, 0}};  // its norm is its Frobenius norm
    FixedTensor x = random_tensor(3, -60);
    const std::vector<Rational> truth =
        turn % 4 == 1 ? moved(x, {std::int64_t{1} << 40, std::int64_t{1} << 40, std::int64_t{1} << 40}) : still(x);
    IntervalTensor offset(2);
    std::vector<Rational> b(2);
    if (turn % 4 == 2) offset = {third(), third()}, b = {kThird, kThird};
    if (turn % 4 == 3) offset[0] = interval(3, 200), b[0] = scaled(Integer(3), 200);
    std::vector<Rational> y = b;
    for (std::size_t i = 0; i < 2; ++i)
      for (std::size_t k = 0; k < 3; ++k) y[i] += rational_of(a.centre[3 * i + k]) * truth[k];
    check((*dense_step(a, 1, 1, offset))({&x}), y, turn % 4 == 1 ? 48 : 5);
  }
}

TEST_CASE("an offset alone, with digits beyond the grid") {
  // All products are 0, so that only the offset is left: 1/3 does not fit any grid, and 2^-200 none that holds the products.
  FixedTensor x;
  x.centre = {kTop, 0};
  x.exponent = -57;
  const EnclosedMatrix zero{1, 2, {{0, 0}, {1, 0}}, 0};
  check((*dense_step(zero, 1, 1, {third()}))({&x}), {kThird}, 5);
  const EnclosedMatrix one{1, 2, {{1, 0}, {0, 0}}, 0};
  check((*dense_step(one, 1, 1, {interval(3, -300)}))({&x}), {Rational(1) + scaled(Integer(3), -300)}, 5);
  const EnclosedMatrix far{1, 2, {{1, 62}, {1, 1}}, 0};
  x.centre = {0, 1};
  x.exponent = 0;
  check((*dense_step(far, 1, 1, {interval(3, -300)}))({&x}), {Rational(2) + scaled(Integer(3), -300)}, 1);
  x.centre = {kTop, 0};
  x.exponent = -57;
  check((*diagonal_step({interval(1, 0)}, {third()}, 2, 2))({&x}), {Rational(1) + kThird, kThird}, 5);
}

TEST_CASE("what an offset leaves out is charged beside the rounding of the sum") {
  // Product 1023/1024 and offset (2^69 - 1) / 1024: both roundings leave out nearly as much as they can, 1.25 units of the result.
  const Interval offset(Wide(Integer((Integer(1) << 69U) - 1)), Wide(Integer((Integer(1) << 69U) - 1)), -10);
  const Rational truth = scaled((Integer(1) << 69U) + 1022, -10);
  FixedTensor x;
  x.exponent = -10;
  x.centre = {0, 1023};
  const EnclosedMatrix a{1, 2, {{1, 12}, {1, 0}}, 0};
  check((*dense_step(a, 1, 1, {offset}))({&x}), {truth}, 3);
  FixedConvolution c;
  c.inputs = 2;
  c.size = 400;
  for (std::uint32_t p = 0; p < 400; ++p) c.taps.push_back({{0, p}});
  c.weights = a;
  c.offset = {offset};
  x.centre.assign(400, 0);
  x.centre.resize(800, 1023);
  check((*convolution_step(c))({&x}), std::vector<Rational>(400, truth), 6);
}

TEST_CASE("weights that do not fit the grid are charged, in a convolution for every kernel position") {
  // All weights leave out nearly half a unit of the grid, on the same side, and all entries are the largest.
  const std::size_t kernel = 5000;
  const Dyadic w{(std::int64_t{1} << 61) + 63, -61};  // 54 bits fit: the last 7 are below half a unit
  FixedTensor x;
  x.exponent = -57;
  {
    x.centre.assign(kernel, kTop);
    const EnclosedMatrix a{1, kernel, std::vector<Dyadic>(kernel, w), 0};
    check((*dense_step(a, 1, 1, IntervalTensor(1)))({&x}), {rational_of(w) * kernel}, 12);
  }
  {
    const std::size_t places = 1001;
    FixedConvolution c;
    c.kernel = kernel;
    c.size = kernel + places - 1;
    x.centre.assign(c.size, kTop);
    for (std::size_t p = 0; p < places; ++p) {
      c.taps.emplace_back();
      for (std::size_t k = 0; k < kernel; ++k) c.taps.back().push_back({static_cast<std::uint32_t>(k), static_cast<std::uint32_t>(p + k)});
    }
    c.weights = {1, kernel, std::vector<Dyadic>(kernel, w), 0};
    c.offset = IntervalTensor(1);
    check((*convolution_step(c))({&x}), std::vector<Rational>(places, rational_of(w) * kernel), 20);
  }
}

TEST_CASE("the radius of a matrix, and its norm, are charged as often as a convolution applies it") {
  const std::size_t size = 400;
  FixedConvolution c;
  c.kernel = 4;
  c.size = size;
  for (std::size_t p = 0; p + 3 < size; ++p) {
    c.taps.emplace_back();
    for (std::uint32_t k = 0; k < 4; ++k) c.taps.back().push_back({k, static_cast<std::uint32_t>(p) + k});
  }
  c.weights = {1, 4, std::vector<Dyadic>(4, Dyadic{1, 0}), Rational(0)};
  c.offset = IntervalTensor(1);
  FixedTensor x;
  x.exponent = -57;
  x.centre.assign(size, kTop);
  SUBCASE("radius") {
    c.weights.radius = scaled(Integer(1), -29);  // the true kernel is larger by 2^-30 everywhere
    check((*convolution_step(c))({&x}), std::vector<Rational>(c.taps.size(), 4 * (Rational(1) + scaled(Integer(1), -30))), 40);
    const EnclosedMatrix a{1, 4, c.weights.centre, c.weights.radius};
    x.centre.assign(4, kTop);
    check((*dense_step(a, 1, 1, IntervalTensor(1)))({&x}), {4 * (Rational(1) + scaled(Integer(1), -30))}, 40);
  }
  SUBCASE("norm") {
    const std::int64_t far = std::int64_t{1} << 30;
    const std::vector<Rational> truth = moved(x, std::vector<std::int64_t>(size, -far));
    check((*convolution_step(c))({&x}), std::vector<Rational>(c.taps.size(), 4 * truth[0]), 40);
  }
}

TEST_CASE("a diagonal: factors that do not fit, and the distance of the input") {
  FixedTensor x;
  x.exponent = -57;
  x.centre.assign(100, kTop);
  x.centre[0] = 0;
  // A factor of 1/3 beside one of 2^40, which leaves it 20 bits.
  IntervalTensor d(100, third());
  d[0] = interval(1, 40);
  std::vector<Rational> y(100, kThird);
  y[0] = 0;
  check((*diagonal_step(d, IntervalTensor(100), 1, 100))({&x}), y, 46);
  x.centre[0] = kTop;
  std::vector<std::int64_t> by(100, 0);
  by[0] = -(std::int64_t{1} << 30);
  const std::vector<Rational> truth = moved(x, by);
  y[0] = scaled(Integer(1), 40) * truth[0];
  check((*diagonal_step(d, IntervalTensor(100), 1, 100))({&x}), y, 48);
}

TEST_CASE("averages: what the division leaves over, long sums, entries in several sets") {
  FixedTensor x = random_tensor(3, 4);
  std::vector<Rational> truth = still(x);
  check((*average_step({{0, 1, 2}, {0}, {1, 2}}, {3, 7, 2}))({&x}),
        {(truth[0] + truth[1] + truth[2]) / 3, truth[0] / 7, (truth[1] + truth[2]) / 2}, 4);
  // Small numbers: nothing is rounded but the quotient.
  x.centre = {1, 1, 2};
  truth = still(x);
  check((*average_step({{0, 1}, {2}}, {3, 7}))({&x}), {(truth[0] + truth[1]) / 3, truth[2] / 7}, 4);
  const std::int64_t far = std::int64_t{1} << 30;
  x = random_tensor(9, 0);
  truth = moved(x, std::vector<std::int64_t>(9, far));
  Rational sum = 0;
  for (const Rational& t : truth) sum += t;
  check((*average_step({{0, 1, 2, 3, 4, 5, 6, 7, 8}}, {1}))({&x}), {sum}, 40);
  truth = moved(x, {far, 0, 0, 0, 0, 0, 0, 0, 0});
  check((*average_step(Sets(9, {0}), std::vector<std::uint64_t>(9, 1)))({&x}), std::vector<Rational>(9, truth[0]), 40);
}

TEST_CASE("moving: copies, padding, inputs on different grids") {
  const std::int64_t far = std::int64_t{1} << 30;
  FixedTensor x = random_tensor(3, 2);
  std::vector<Rational> t = moved(x, {far, 1, 0});
  check((*moving_step({{0, 0}, {0, 0}, {kPadding, 0}, {0, 1}, {0, 0}}))({&x}), {t[0], t[0], 0, t[1], t[0]}, 32);
  FixedTensor z = random_tensor(2, -7);
  std::vector<Rational> s = moved(z, {0, far});
  check((*moving_step({{0, 0}, {1, 1}, {0, 0}, {1, 1}}))({&x, &z}), {t[0], s[1], t[0], s[1]}, 36);
  z.exponent = -70;  // its digits are beyond the grid
  x.centre = {0, 0, 0};
  t = still(x);
  s = still(z);
  check((*moving_step({{0, 0}, {1, 1}, {1, 0}}))({&x, &z}), {t[0], s[1], s[0]}, 3);
}

TEST_CASE("largest and smallest entries, order") {
  const std::int64_t far = std::int64_t{1} << 30;
  FixedTensor x = random_tensor(5, 0);
  x.centre[0] = kTop - 5;
  std::vector<Rational> t = moved(x, {-far, 0, 0, 0, 0});
  check((*extreme_step({{0, 1}, {2, 0}, {3, 0}, {0, 4}}, false))({&x}), std::vector<Rational>(4, t[0]), 32);
  x.centre[0] = -kTop + 5;
  t = moved(x, {far, 0, 0, 0, 0});
  check((*extreme_step({{0, 1}, {2, 0}, {3, 0}, {0, 4}}, true))({&x}), std::vector<Rational>(4, t[0]), 32);
  x.centre = {5, -7, 9, 2, 4};
  t = moved(x, {1, 2, -3, 1, 0});  // 6 -5 6 3 4
  check((*order_step({{0, 1}, {2, 3, 4}}, {1, 0, 1, 0}, {0, 0, 2, 1}, false))({&x}), {t[2], t[0], t[3], t[1]}, 4);
  check((*order_step({{0, 1}, {2, 3, 4}}, {1, 0, 1, 0}, {0, 0, 2, 1}, true))({&x}), {t[3], t[1], t[2], t[0]}, 4);
}

TEST_CASE("joins: distances add up in a sum, and their squares in a maximum; tensors on different grids") {
  const std::int64_t far = std::int64_t{1} << 30;
  FixedTensor x = random_tensor(2, 0), z = random_tensor(2, 0);
  std::vector<Rational> t = moved(x, {far, 0}), s = moved(z, {far, 0});
  check((*joining_step(Joining::sum))({&x, &z}), {t[0] + s[0], t[1] + s[1]}, 32);
  s = moved(z, {-far, 0});
  check((*joining_step(Joining::difference))({&x, &z}), {t[0] - s[0], t[1] - s[1]}, 32);
  x.centre = {kTop / 2, -kTop / 2};
  z.centre = {-kTop / 2, kTop / 2};
  t = moved(x, {-far, -far});
  s = moved(z, {-far, -far});
  check((*joining_step(Joining::maximum))({&x, &z}), {t[0], s[1]}, 32);
  check((*joining_step(Joining::minimum))({&x, &z}), {s[0], t[1]}, 32);
  t = moved(x, {far, 0});
  s = moved(z, {0, far});
  check((*joining_step(Joining::maximum))({&x, &z}), {t[0], s[1]}, 32);
  for (const std::int64_t exponent : {-30, -59, -61, -75, -200}) {
    x = random_tensor(2, 0);
    z = random_tensor(2, exponent);
    x.centre = {1, -1};
    t = still(x);
    s = still(z);
    check((*joining_step(Joining::sum))({&x, &z}), {t[0] + s[0], t[1] + s[1]}, 3);
    check((*joining_step(Joining::difference))({&z, &x}), {s[0] - t[0], s[1] - t[1]}, 3);
  }
}

TEST_CASE("kinks") {
  const std::int64_t far = std::int64_t{1} << 30;
  FixedTensor x = random_tensor(2, 0);
  x.centre = {kTop / 2 + 1, -kTop / 2 - 1};
  std::vector<Rational> t = moved(x, {-far, far});
  check((*kink_step(Kink::relu, {}))({&x}), {t[0], 0}, 32);
  check((*kink_step(Kink::abs, {}))({&x}), {t[0], -t[1]}, 32);
  t = moved(x, {0, far});
  const Dyadic steep{7, -1};
  check((*kink_step(Kink::leaky_relu, steep))({&x}), {t[0], rational_of(steep) * t[1]}, 34);
  t = still(x);
  const Dyadic slope{10737418, -30};
  check((*kink_step(Kink::leaky_relu, slope))({&x}), {t[0], rational_of(slope) * t[1]}, 3);
  x.centre = {1, -kTop + 3};
  t = still(x);
  check((*kink_step(Kink::leaky_relu, slope))({&x}), {t[0], rational_of(slope) * t[1]}, 3);
}

TEST_CASE("enclosed nodes: rounding, and every entry as far off as the distance allows") {
  ob::Model model;
  model.input("x", {1, 2}, ob::DOUBLE).output("y", {1, 2}, ob::DOUBLE).node("Sigmoid", {"x"}, {"y"});
  std::vector<ExternalFile> external;
  const Graph graph = read_onnx(model.bytes(), OnnxOptions{}, external);
  const auto step = enclosing_step(graph, 0, 0, {nullptr});
  for (int turn = 0; turn < 20; ++turn) {
    FixedTensor x = random_tensor(2, -57);
    const bool far = turn % 2 == 1;
    const std::vector<Rational> t = far ? moved(x, {0, std::int64_t{1} << 30}) : still(x);
    std::vector<Rational> y;  // within 2^-140
    for (std::size_t i = 0; i < 2; ++i)
      y.push_back(lower_end(sigmoid(interval(x.centre[i] + (far && i == 1 ? std::int64_t{1} << 30 : 0), -57))));
    check((*step)({&x}), y, far ? 32 : 3);
  }
}

TEST_CASE("a block's constant, and a tensor that two blocks read") {
  // y = relu(x) + x, where the input is off by nearly a whole unit.
  FixedNetwork network;
  network.begin_block(0, 1);
  network.add(kink_step(Kink::relu, {}), {0}, 1);
  network.end_block({1});
  network.begin_join(Rational(1));
  network.add(joining_step(Joining::sum), {1, 0}, 2);
  network.end_block({2});
  GridPoint x;
  x.exponent = -3;
  x.lower = {1000};
  x.inexact = 1;
  const auto check_truth = [&](const FixedNetwork& n, ValueId output, const Rational& truth) {
    const std::optional<EnclosedOutput> y = n.evaluate(x, output);
    REQUIRE(y);
    CHECK(scaled(y->lower[0], y->exponent) <= truth);
    CHECK(truth <= scaled(y->upper[0], y->exponent));
    CHECK(scaled(y->upper[0] - y->lower[0], y->exponent) <= 16);
  };
  const Rational truth = Rational(1001, 8) - scaled(Integer(1), -30);
  check_truth(network, 2, 2 * truth);
  // Twice a block of constant 3.
  FixedNetwork steep;
  for (ValueId k = 0; k < 2; ++k) {
    steep.begin_block(k, 3);
    steep.add(diagonal_step({interval(3, 0)}, {Interval()}, 1, 1), {k}, k + 1);
    steep.end_block({k + 1});
  }
  check_truth(steep, 2, 9 * truth);
  // What a block does not put out cannot be read after it.
  FixedNetwork hidden;
  hidden.begin_block(0, 1);
  hidden.add(kink_step(Kink::relu, {}), {0}, 1);
  hidden.add(kink_step(Kink::relu, {}), {1}, 2);
  hidden.end_block({2});
  hidden.begin_block(1, 1);
  hidden.add(kink_step(Kink::relu, {}), {1}, 3);
  hidden.end_block({3});
  CHECK(!hidden.evaluate(x, 3));
}
