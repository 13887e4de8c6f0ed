// After the finish the stored float32 matrices have norm at most 1, measured independently; decisions and file round trips stay as they
// were.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "examples/trainer/finish.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "tests/support/decompositions.hpp"
#include "tests/trainer/support.hpp"

namespace trainer_test {
namespace {

double svd_norm(const Matrix<double>& w) { return decompositions::largest_singular_value(w); }

Matrix<float> random_floats(Index rows, Index columns, Random& random) {
  return random_matrix(rows, columns, random).cast<float>();
}

TEST_CASE("a dense layer of norm 1 and a bit ends at most 1, and as near as float32 allows") {
  Random random(1);
  for (const auto& [rows, columns] : {std::pair<Index, Index>{10, 32}, {32, 100}, {64, 64}, {40, 7}}) {
    Matrix<double> w = random_matrix(rows, columns, random);
    bjorck(w, 40);
    const Matrix<double> trained = (w.cast<float>() * (1 + 2e-7F)).cast<double>();
    REQUIRE(svd_norm(trained) > 1);
    WeightOptions options;
    FinishedLayer line;
    Matrix<float> stored;
    finish_dense(trained, options, true, stored, line);
    const double norm = svd_norm(stored.cast<double>());
    CHECK(norm <= 1);
    CHECK(norm >= 1 - 1e-6);
    CHECK((stored.cast<double>() - w).cwiseAbs().maxCoeff() < 1e-6);
    CHECK(line.gain == 1);
  }
}

TEST_CASE("other constraints are scaled to 1, or left below it") {
  Random random(2);
  for (const bool may_scale : {true, false}) {
    const Matrix<double> w = random_matrix(6, 9, random) / 20;
    WeightOptions options;
    options.constraint = Constraint::frobenius;
    FinishedLayer line;
    Matrix<float> stored;
    finish_dense(w, options, may_scale, stored, line);
    CHECK(svd_norm(stored.cast<double>()) <= 1);
    CHECK(line.gain == doctest::Approx(may_scale ? 1 / svd_norm(w) : 1));
    CHECK((stored.cast<double>() - line.gain * w).norm() < 1e-6);
  }
  const Matrix<double> rows = random_matrix(5, 8, random);
  WeightOptions options;
  options.constraint = Constraint::unit_rows;
  FinishedLayer line;
  Matrix<float> stored;
  finish_dense(rows, options, true, stored, line);
  for (Index i = 0; i < 5; ++i) {
    CHECK(stored.row(i).cast<double>().norm() <= 1);
    CHECK(stored.row(i).cast<double>().norm() >= 1 - 1e-6);
  }
  CHECK(!line.joint);
}

TEST_CASE("a whole network: decisions stay, logits are scaled by one factor, and no distance grows") {
  Random random(3);
  WeightOptions options;
  Network<float> network({1, 12, 12, true},
                         "conv 8 3, groupsort2, avgpool 2, conv 8 3, householder, residual(conv 8 3, groupsort2), l2pool 2, flatten, dense "
                         "16 frobenius, groupsort2, dense 4",
                         options);
  network.start(5);
  for (auto* parameter : network.parameters()) {
    parameter->value += 0.01F * random_floats(parameter->value.rows(), parameter->value.cols(), random);
  }
  network.project(true);
  network.compute();
  const auto apply = [&network](const Matrix<float>& x) {
    Memory<float> memory;
    network.chain().prepare(memory);
    return Matrix<float>(network.chain().forward(x, memory));
  };
  const Matrix<float> x = random_floats(50, 144, random);
  const Matrix<float> before = apply(x);
  const auto report = network.finish();
  const Matrix<float> after = apply(x);
  REQUIRE(report.size() == 5);
  double gain = 1;
  for (const auto& line : report) {
    CHECK(line.after <= 1);
    gain *= line.gain;
  }
  CHECK(gain > 1);
  CHECK((after.cast<double>() - gain * before.cast<double>()).norm() < 1e-3 * after.cast<double>().norm());
  for (int trial = 0; trial < 30; ++trial) {
    const Matrix<float> y = random_floats(1, 144, random), z = y + 0.1F * random_floats(1, 144, random);
    CHECK((apply(y) - apply(z)).cast<double>().norm() <= (y - z).cast<double>().norm() * (1 + 1e-5));
  }
}

TEST_CASE("factors and vectors that must not exceed 1 in exact arithmetic") {
  Random random(4);
  for (int trial = 0; trial < 2000; ++trial) {
    const auto a = static_cast<float>(trial < 1000 ? random.uniform() : std::pow(2.0, -60 * random.uniform()));
    const float b = complement(a);
    // a + b <= 1 without rounding: both are dyadic; 2^-149 divides them, and long double holds sums of nearby ones, others by order.
    CHECK(static_cast<long double>(b) <= 1 - static_cast<long double>(a));
    CHECK(b >= 0);
    CHECK(static_cast<double>(b) >= 1 - static_cast<double>(a) - 0x1p-23);
    const double angle = 6.3 * random.uniform();
    const auto [v, w] = short_unit_vector(std::cos(angle), std::sin(angle));
    const long double squares = static_cast<long double>(v) * v + static_cast<long double>(w) * w;
    CHECK(squares <= 1);
    CHECK(squares >= 1 - 1e-6L);
  }
}

TEST_CASE("weights that are no numbers, or zero, end the finish") {
  WeightOptions options;
  FinishedLayer line;
  Matrix<float> stored;
  Matrix<double> w = Matrix<double>::Identity(3, 5);
  w(1, 1) = std::nan("");
  CHECK_THROWS_AS(finish_dense(w, options, true, stored, line), lipcert::Error);
  w(1, 1) = 0;
  CHECK_THROWS_AS(finish_dense(w, options, true, stored, line), lipcert::Error);
  options.bjorck = 0;
  CHECK_THROWS_AS(finish_dense(Matrix<double>::Zero(3, 5), options, true, stored, line), lipcert::Error);
}

TEST_CASE("saved networks come back bit for bit, and damaged files are refused") {
  const std::string folder = (std::filesystem::temp_directory_path() / "liptrain_test_save").string();
  std::filesystem::create_directories(folder);
  const std::string path = folder + "/net.liptrain";
  WeightOptions options;
  Network<float> network({1, 4, 4, true}, "conv 2 3, groupsort2, flatten, residual(dense 32, relu), dense 3", options);
  network.start(9);
  SavedState state;
  state.settings = "abc";
  state.epoch = 4;
  state.step = 77;
  state.scale_text = "1/255";
  for (const bool finished : {false, true}) {
    if (finished) {
      (void)network.finish();
    }
    save_network(path, network, state, !finished);
    SavedState found;
    const Network<float> copy = load_network(path, found);
    CHECK(found.epoch == 4);
    CHECK(found.step == 77);
    CHECK(found.scale == doctest::Approx(1 / 255.0));
    CHECK(copy.finished() == finished);
    const auto a = network.parameters(), b = copy.parameters();
    for (std::size_t i = 0; i < a.size(); ++i) {
      CHECK(a[i]->value == b[i]->value);
      CHECK((finished || a[i]->first == b[i]->first));
    }
    CHECK(network.write_onnx(1, {}) == copy.write_onnx(1, {}));
  }
  const std::string bytes = lipcert::read_file(path, 1 << 20);
  for (const std::string& broken : {std::string("x"), bytes.substr(0, 30), bytes.substr(0, bytes.size() - 1), bytes + "x"}) {
    lipcert::write_file(path, broken, lipcert::Overwrite::yes);
    SavedState found;
    CHECK_THROWS_AS((void)load_network(path, found), lipcert::Error);
  }
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace trainer_test
