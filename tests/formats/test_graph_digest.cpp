// The canonical graph digest against vectors that a program of another language wrote from the specification (tests/vectors), and its
// sensitivity: everything that changes the function changes the digest, nothing else does.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "formats/encoding/files.hpp"
#include "formats/network/graph_digest.hpp"
#include "formats/encoding/json.hpp"
#include "formats/onnx/reader.hpp"
#include "tests/support/onnx_cases.hpp"

using namespace lipcert;
namespace ob = onnx_builder;
namespace oc = onnx_cases;

namespace {

constexpr std::uint64_t cap = 1U << 20U;
const std::string vectors = std::string(LIPCERT_SOURCE_DIR) + "/tests/vectors/";

std::string digest(const std::string& bytes) {
  return graph_digest(read_onnx(bytes, {}));
}

std::string changed(const std::function<void(ob::Model&)>& change, std::int64_t opset = 13) {
  return digest(oc::changed(change, opset));
}

}  // namespace

TEST_CASE("digest: the vectors of the specification") {
  const Json document = parse_json(read_file(vectors + "graph_digest.json", cap), "graph_digest.json");
  REQUIRE(document["vectors"].size() >= 10);
  std::size_t spelled_out = 0;
  for (const Json& vector : document["vectors"]) {
    const auto model = vector["model"].get<std::string>();
    INFO(model);
    OnnxOptions options{.file = model};
    if (vector.contains("inputShape")) options.function.input_shape = vector["inputShape"].get<Shape>();
    const Network network = read_onnx(read_file(vectors + model, cap), options);
    REQUIRE(network.refusals.empty());
    if (vector.contains("canonical")) {
      ++spelled_out;
      CHECK(to_hex(canonical_bytes(network)) == vector["canonical"].get<std::string>());
    }
    CHECK(graph_digest(network) == vector["digest"].get<std::string>());
  }
  CHECK(spelled_out >= 1);
}

TEST_CASE("digest: another encoding of the same graph has the same digest") {
  const std::string base = digest(oc::base().bytes());
  const auto same = [&](const std::function<void(ob::Model&)>& change) { return changed(change) == base; };
  CHECK(same([](ob::Model& m) { m.graph_name = "another"; }));
  CHECK(same([](ob::Model& m) {
    m.ir_version = 3;
    m.input("W", {2, 3}).input("b", {3});
  }));
  CHECK(same([](ob::Model& m) { m.model_extra = ob::bytes_field(6, "doc"); }));
  CHECK(same([](ob::Model& m) { m.opsets.push_back({"z", 1}); }));
  CHECK(same([](ob::Model& m) { m.opsets = {{"ai.onnx", 13}}; }));
  CHECK(same([](ob::Model& m) { m.initialisers[1] = ob::tensor("b", ob::FLOAT, {3}, ob::float_data({0.5F, -0.25F, 0})); }));
  CHECK(same([](ob::Model& m) { m.nodes[1] = ob::node("Relu", {"h"}, {"y"}, {}, "renamed"); }));
  CHECK(same([](ob::Model& m) {
    m.initialisers[1] = ob::floats("c", {3}, {0.5F, -0.25F, 0});
    m.nodes[0] = ob::node("Gemm", {"x", "W", "c"}, {"h2"}, {ob::attribute("transB", 0), ob::attribute("alpha", 1.0F)});
    m.nodes[1] = ob::node("Relu", {"h2"}, {"y"});
  }));
}

TEST_CASE("digest: whatever changes the graph changes the digest") {
  std::set<std::string> digests = {digest(oc::base().bytes())};
  const auto differs = [&](const std::function<void(ob::Model&)>& change, std::int64_t opset = 13) {
    return digests.insert(changed(change, opset)).second;
  };
  CHECK(differs([](ob::Model&) {}, 14));                                                                  // opset
  CHECK(differs([](ob::Model& m) { m.initialisers[1] = ob::floats("b", {3}, {0.5F, -0.25F, -0.0F}); }));  // one bit of a weight
  CHECK(differs([](ob::Model& m) { m.initialisers[1] = ob::floats("b", {1, 3}, {0.5F, -0.25F, 0}); }));   // a weight's shape
  CHECK(differs([](ob::Model& m) { std::swap(m.initialisers[0], m.initialisers[1]); }));                  // order of weights
  CHECK(differs([](ob::Model& m) { m.initialiser(ob::floats("unused", {1}, {0})); }));                    // one more weight
  CHECK(differs([](ob::Model& m) {
    m.initialiser(ob::tensor("unused", ob::INT32, {1}, ob::raw_data(std::string(4, '\0'))));
  }));                                                                               // the same bits, another type
  CHECK(differs([](ob::Model& m) { m.nodes[1] = ob::node("Abs", {"h"}, {"y"}); }));  // operator
  CHECK(differs([](ob::Model& m) { m.nodes[0] = ob::node("Gemm", {"x", "W", "b"}, {"h"}, {ob::attribute("alpha", 2.0F)}); }));  // attribute
  CHECK(differs([](ob::Model& m) { m.nodes[0] = ob::node("Gemm", {"x", "W", "b"}, {"h"}, {ob::attribute("beta", 2.0F)}); }));   // its name
  CHECK(differs([](ob::Model& m) { m.inputs[0] = ob::value_info("x", ob::FLOAT, {"N", 2}); }));  // symbolic dimension
  CHECK(differs([](ob::Model& m) { m.nodes[1] = ob::node("Add", {"h", "b"}, {"y"}); }));
  CHECK(differs([](ob::Model& m) { m.nodes[1] = ob::node("Add", {"b", "h"}, {"y"}); }));  // order of inputs
  CHECK(differs([](ob::Model& m) { m.node("Abs", {"W"}, {"unused"}); }));                 // one more node
  CHECK(differs([](ob::Model& m) { m.node("Relu", {"y"}, {"z"}).outputs[0] = ob::value_info("z", ob::FLOAT, {1, 3}); }));
}
