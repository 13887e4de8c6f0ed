// Every rule of formats/onnx.md on files built for it: what is read, and what is refused with a sentence that names the reason.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "formats/encoding/error.hpp"
#include "formats/network/graph_digest.hpp"
#include "formats/onnx/reader.hpp"
#include "tests/support/onnx_cases.hpp"

using namespace lipcert;

namespace {

// All reasons of a refusal, or "" when the file is read.
std::string reasons(const std::string& bytes, const OnnxOptions& options = {.file = "model.onnx"}) {
  try {
    const Network network = read_onnx(bytes, options);
    std::string text;
    for (const Refusal& refusal : network.refusals) {
      CHECK(!refusal.node.empty());
      CHECK(!refusal.reason.empty());
      CHECK(refusal.reason.back() == '.');
      text += refusal.node + "|" + refusal.op + "|" + refusal.reason + "\n";
    }
    return text;
  } catch (const Error& error) {
    CHECK((error.code() == ExitCode::input ||
           ((options.function.input_shape || options.function.output) && error.code() == ExitCode::usage)));
    const std::string text = error.what();
    CHECK(text.rfind("model.onnx: ", 0) == 0);
    CHECK(text.back() == '.');
    CHECK(text.find('\n') == std::string::npos);
    return text;
  }
}

}  // namespace

TEST_CASE("onnx: files that are read") {
  std::set<std::string> names;
  for (const onnx_cases::Case& item : onnx_cases::read()) {
    INFO(item.name);
    CHECK(names.insert(item.name).second);
    CHECK(reasons(item.bytes) == "");
    CHECK(graph_digest(read_onnx(item.bytes, {})).size() == 64);
  }
}

TEST_CASE("onnx: files that are refused, each for its own reason") {
  std::set<std::string> names;
  for (const onnx_cases::Case& item : onnx_cases::refused()) {
    INFO(item.name);
    CHECK(names.insert(item.name).second);
    const std::string text = reasons(item.bytes);
    INFO(text);
    CHECK(!text.empty());
    CHECK(text.find(item.says) != std::string::npos);
  }
}

TEST_CASE("onnx: what a file leaves open, said or not") {
  const auto options = [](const onnx_cases::Choice& choice) {
    return OnnxOptions{.file = "model.onnx", .function = {choice.input_shape, choice.fixed_inputs, choice.output}};
  };
  for (const onnx_cases::ChosenCase& item : onnx_cases::chosen_read()) {
    INFO(item.name);
    CHECK(reasons(item.bytes, options(item.choice)) == "");
  }
  for (const onnx_cases::ChosenCase& item : onnx_cases::chosen_refused()) {
    INFO(item.name);
    const std::string text = reasons(item.bytes, options(item.choice));
    INFO(text);
    CHECK(!text.empty());
    CHECK(text.find(item.says) != std::string::npos);
  }
  // Sizes that contradict the file are a fault of the caller; the checker takes its own there, and compares.
  const std::string bytes = onnx_cases::base().bytes();
  CHECK(reasons(bytes, options({.input_shape = std::vector<std::uint64_t>{1, 3}})).find("fixes it to 2") != std::string::npos);
  CHECK(reasons(bytes, options({.input_shape = std::vector<std::uint64_t>{1, 2, 1}})).find("has 3 dimensions") != std::string::npos);
}

TEST_CASE("onnx: a lower size cap") {
  const std::string bytes = onnx_cases::base().bytes();
  CHECK(reasons(bytes, {.file = "model.onnx", .size_cap = bytes.size()}) == "");
  CHECK(reasons(bytes, {.file = "model.onnx", .size_cap = bytes.size() - 1}).find("larger than the limit") != std::string::npos);
}

TEST_CASE("onnx: every unsupported part is listed, not only the first") {
  onnx_builder::Model model;
  model.input("x", {1, 2}).output("y", {1, 2});
  model.node("Acos", {"x"}, {"a"}, {}, "one")
      .node("Relu", {"a"}, {"b"})
      .node("Acos", {"b"}, {"c"})
      .node("Round", {"x"}, {"y"}, {}, "three");
  const Network network = read_onnx(model.bytes(), {});
  REQUIRE(network.refusals.size() == 3);
  CHECK(network.refusals[0].node == "one");
  CHECK(network.refusals[0].op == "Acos");
  CHECK(network.refusals[1].node == "c");  // without a name, the first output stands for the node
  CHECK(network.refusals[2].op == "Round");
  CHECK_THROWS_AS(static_cast<void>(graph_digest(network)), Error);
}
