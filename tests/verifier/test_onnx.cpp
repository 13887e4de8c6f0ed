// The checker's reader: the cases that both readers share, the digest's vectors, and files whose bytes are damaged.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>

#include "tests/support/onnx_cases.hpp"
#include "tests/verifier/support.hpp"
#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/graph/onnx.hpp"

using namespace lipverify;
namespace ob = onnx_builder;

namespace {

std::string slurp(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  std::ostringstream out;
  out << file.rdbuf();
  return out.str();
}

/// "" when the bytes are read, else the message of a refusal with the right exit code.
std::string refusal(const std::string& bytes, const OnnxOptions& options = {}) {
  std::vector<ExternalFile> external;
  try {
    const Graph graph = read_onnx(bytes, options, external);
    (void)graph_digest(graph);
    return "";
  } catch (const Failure& failure) {
    return failure.outcome() == Outcome::input ? std::string("refused: ") + failure.what() : std::string("wrong exit code: ") + failure.what();
  }
}

}  // namespace

TEST_CASE("files that both readers read") {
  for (const onnx_cases::Case& item : onnx_cases::read()) {
    CAPTURE(item.name);
    CHECK(refusal(item.bytes) == "");
  }
}

TEST_CASE("files that both readers refuse") {
  for (const onnx_cases::Case& item : onnx_cases::refused()) {
    CAPTURE(item.name);
    CHECK(refusal(item.bytes).substr(0, 8) == "refused:");
  }
}

TEST_CASE("what a file leaves open, said or not; and what contradicts it") {
  const auto outcome = [](const std::string& bytes, const onnx_cases::Choice& choice) {
    std::vector<ExternalFile> external;
    try {
      (void)read_onnx(bytes, {false, "", choice.input_shape, choice.fixed_inputs, choice.output}, external);
      return Outcome::accepted;
    } catch (const Failure& failure) {
      return failure.outcome();
    }
  };
  for (const onnx_cases::ChosenCase& item : onnx_cases::chosen_read()) CHECK_MESSAGE(outcome(item.bytes, item.choice) == Outcome::accepted, item.name);
  for (const onnx_cases::ChosenCase& item : onnx_cases::chosen_refused()) {
    const Outcome found = outcome(item.bytes, item.choice);
    CHECK_MESSAGE((found == Outcome::input || found == Outcome::rejected), item.name);
  }
  // A choice comes from a certificate: one that the file contradicts is the certificate's fault.
  using Sizes = std::vector<std::uint64_t>;
  const std::string fixed = onnx_cases::base().bytes();
  CHECK(outcome(fixed, {.input_shape = Sizes{1, 2}}) == Outcome::accepted);
  for (const Sizes& sizes : {Sizes{1, 3}, Sizes{2, 2}, Sizes{2}, Sizes{1, 2, 1}}) CHECK(outcome(fixed, {.input_shape = sizes}) == Outcome::rejected);
  const std::string open = onnx_cases::changed([](ob::Model& m) { m.inputs[0] = ob::value_info("x", ob::FLOAT, {"N", "n"}); });
  CHECK(outcome(open, {.input_shape = Sizes{1, 2}}) == Outcome::accepted);
  for (const Sizes& sizes : {Sizes{1, 0}, Sizes{2, 2}, Sizes{2}}) CHECK(outcome(open, {.input_shape = sizes}) == Outcome::rejected);
  CHECK(outcome(open, {}) == Outcome::input);
  CHECK(outcome(fixed, {.output = "h"}) == Outcome::rejected);
}

TEST_CASE("graph digests of the test vectors") {
  const std::string folder = std::string(LIPCERT_SOURCE_DIR) + "/tests/vectors/";
  const auto vectors = nlohmann::json::parse(slurp(folder + "graph_digest.json"));
  REQUIRE(vectors["vectors"].size() >= 10);
  for (const auto& item : vectors["vectors"]) {
    CAPTURE(item["model"].get<std::string>());
    std::vector<ExternalFile> external;
    OnnxOptions options;
    if (item.contains("inputShape")) options.input_shape = item["inputShape"].get<Shape>();
    CHECK(graph_digest(read_onnx(slurp(folder + item["model"].get<std::string>()), options, external)) == item["digest"].get<std::string>());
  }
}

TEST_CASE("damaged files are refused or read, and nothing else happens") {
  const std::string good = verifier_test::digits_like().model;
  REQUIRE(refusal(good) == "");
  for (std::size_t cut = 0; cut < good.size(); ++cut) CHECK(refusal(good.substr(0, cut)) != "");
  std::mt19937 random(1);
  std::size_t read = 0;
  for (int k = 0; k < 4000; ++k) {
    std::string bytes = good;
    for (auto edits = 1 + random() % 3; edits > 0; --edits) bytes[random() % bytes.size()] = static_cast<char>(random());
    const std::string outcome = refusal(bytes);
    CHECK(outcome.substr(0, 5) != "wrong");
    read += outcome.empty() ? 1U : 0U;
  }
  CHECK(read > 0);  // a changed weight is another network, and a fine one
}

TEST_CASE("exact values of all element types") {
  ob::Model model;
  model.input("x", {1}).output("y", {1});
  model.node("Relu", {"x"}, {"y"});
  model.initialiser(ob::floats("f", {4}, {1.5F, -0.0F, 1.401298464e-45F, -3.4028234664e38F}));
  model.initialiser(ob::doubles("d", {3}, {0.1, 4.9406564584124654e-324, -1.7976931348623157e308}));
  model.initialiser(ob::halves("h", ob::FLOAT16, {5}, {0x3C00, 0x0001, 0x8400, 0x7BFF, 0x3555}));
  model.initialiser(ob::halves("b", ob::BFLOAT16, {4}, {0x3F80, 0x0001, 0xFF7F, 0x3DCD}));
  model.initialiser(ob::tensor("typed", ob::FLOAT16, {2}, ob::int32_data({0x3C00, 0x8400})));
  model.initialiser(ob::tensor("i", ob::INT32, {2}, ob::int32_data({-1, 2147483647})));
  std::vector<ExternalFile> external;
  const Graph g = read_onnx(model.bytes(), {}, external);
  const auto real = [&](std::size_t tensor, std::uint64_t i) { return rational_of(g.initialisers[tensor].real(i)); };
  CHECK(real(0, 0) == Rational(3, 2));
  CHECK(real(0, 1) == 0);
  CHECK(real(0, 2) == scaled(Integer(1), -149));
  CHECK(real(0, 3) == -scaled((Integer(1) << 24) - 1, 104));
  CHECK(real(1, 0) == scaled(Integer(3602879701896397), -55));
  CHECK(real(1, 1) == scaled(Integer(1), -1074));
  CHECK(real(1, 2) == -scaled((Integer(1) << 53) - 1, 971));
  CHECK(real(2, 0) == 1);
  CHECK(real(2, 1) == scaled(Integer(1), -24));
  CHECK(real(2, 2) == -scaled(Integer(1), -14));
  CHECK(real(2, 3) == 65504);
  CHECK(real(2, 4) == scaled(Integer(1365), -12));
  CHECK(real(3, 0) == 1);
  CHECK(real(3, 1) == scaled(Integer(1), -133));
  CHECK(real(3, 2) == -scaled(Integer(255), 120));
  CHECK(real(3, 3) == scaled(Integer(205), -11));
  CHECK(real(4, 1) == -scaled(Integer(1), -14));
  CHECK(g.initialisers[5].integer(0) == -1);
  CHECK(g.initialisers[5].integer(1) == 2147483647);
}

TEST_CASE("external data: only on request, only a plain regular file beside the model") {
  const verifier_test::Folder folder;
  const auto model = [](const std::vector<std::pair<std::string, std::string>>& entries) {
    ob::Model m;
    m.input("x", {1, 2}).output("y", {1, 2});
    m.initialiser(ob::tensor("W", ob::FLOAT, {2, 2}, ob::external_data(entries)));
    m.node("MatMul", {"x", "W"}, {"y"});
    return m.bytes();
  };
  const std::string weights = ob::raw_bytes(std::vector<float>{1, 2, 3, 4});
  folder.write("w.bin", "PREFIX--" + weights);
  folder.write("exact.bin", weights);
  folder.write("nan.bin", ob::raw_bytes(std::vector<float>{1, 2, 3, std::numeric_limits<float>::quiet_NaN()}));
  ::mkdir(folder.path("sub").c_str(), 0700);
  folder.write("sub/w.bin", weights);
  REQUIRE(::symlink(folder.path("exact.bin").c_str(), folder.path("soft.bin").c_str()) == 0);
  folder.write("first.bin", weights);
  REQUIRE(::link(folder.path("first.bin").c_str(), folder.path("hard.bin").c_str()) == 0);
  REQUIRE(::mkfifo(folder.path("pipe.bin").c_str(), 0600) == 0);
  OnnxOptions allowed;
  allowed.allow_external_data = true;
  allowed.folder = folder.path("");
  CHECK(refusal(model({{"location", "exact.bin"}})).find("--allow-external-data") != std::string::npos);
  CHECK(refusal(model({{"location", "exact.bin"}}), allowed) == "");
  CHECK(refusal(model({{"location", "w.bin"}, {"offset", "8"}}), allowed) == "");
  CHECK(refusal(model({{"location", "w.bin"}, {"offset", "8"}, {"length", "16"}, {"checksum", "abc"}}), allowed) == "");
  using Entries = std::vector<std::pair<std::string, std::string>>;
  for (const Entries& bad : std::vector<Entries>{{{"location", "w.bin"}},
                                                 {{"location", "w.bin"}, {"offset", "9"}, {"length", "16"}},
                                                 {{"location", "w.bin"}, {"offset", "8"}, {"length", "17"}},
                                                 {{"location", "w.bin"}, {"offset", "08"}},
                                                 {{"location", "w.bin"}, {"offset", "-8"}},
                                                 {{"location", "w.bin"}, {"offset", "18446744073709551608"}, {"length", "16"}},
                                                 {{"location", "exact.bin"}, {"location", "exact.bin"}},
                                                 {{"location", "exact.bin"}, {"other", "1"}},
                                                 {{"offset", "0"}},
                                                 {{"location", "missing.bin"}},
                                                 {{"location", "sub/w.bin"}},
                                                 {{"location", "a/../../secret.bin"}},
                                                 {{"location", "../exact.bin"}},
                                                 {{"location", folder.path("exact.bin")}},
                                                 {{"location", "sub\\w.bin"}},
                                                 {{"location", ".."}},
                                                 {{"location", "."}},
                                                 {{"location", ""}},
                                                 {{"location", "sub"}},
                                                 {{"location", "soft.bin"}},
                                                 {{"location", "hard.bin"}},
                                                 {{"location", "first.bin"}},
                                                 {{"location", "pipe.bin"}},
                                                 {{"location", "nan.bin"}}}) {
    CAPTURE(bad[0].second);
    CHECK(refusal(model(bad), allowed).substr(0, 8) == "refused:");
  }
  std::vector<ExternalFile> external;
  (void)read_onnx(model({{"location", "exact.bin"}}), allowed, external);
  REQUIRE(external.size() == 1);
  CHECK(external[0].sha256 == sha256_hex(weights));
  CHECK(external[0].bytes == 16);
}

TEST_CASE("every public network that the generator reads, if the corpus is there") {
  const char* corpus = std::getenv("LIPCERT_CORPUS");
  if (corpus == nullptr) return;
  std::size_t read = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(corpus))
    if (entry.path().extension() == ".onnx") {
      const std::string outcome = refusal(slurp(entry.path().string()));
      CHECK(outcome.substr(0, 5) != "wrong");
      read += outcome.empty() ? 1U : 0U;
    }
  CHECK(read >= 50);
}
