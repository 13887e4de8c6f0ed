// Damaged models: flipped bits, cuts, repeated and exchanged pieces of valid files end in an Error or in a Network, never in anything else,
// and what is still read as a network is consistent with itself.
#include <doctest/doctest.h>

#include <ctime>
#include <random>
#include <string>
#include <vector>

#include "formats/encoding/error.hpp"
#include "formats/network/graph_digest.hpp"
#include "formats/onnx/reader.hpp"
#include "tests/support/onnx_cases.hpp"

using namespace lipcert;

namespace {

void check_consistent(const Network& network) {
  if (!network.refusals.empty()) return;
  REQUIRE(network.output < network.values.size());
  REQUIRE(network.values.size() == 1 + network.initialisers.size() + [&] {
    std::size_t outputs = 0;
    for (const Node& node : network.nodes)
      for (const ValueId id : node.outputs) outputs += id == no_value ? 0U : 1U;
    return outputs;
  }());
  for (const Tensor& tensor : network.initialisers) REQUIRE(tensor.bits.size() == tensor.size() * byte_size(tensor.type));
  for (const Value& value : network.values) REQUIRE((element_count(value.shape) >= 1 || (value.constant && value.shape == Shape{0})));  // an empty list
  for (std::size_t k = 0; k < network.nodes.size(); ++k) {
    for (const ValueId id : network.nodes[k].inputs)
      if (id != no_value && network.values[id].kind == Value::Kind::node_output) REQUIRE(network.values[id].producer < k);  // no cycles
    for (const ValueId id : network.nodes[k].outputs)
      if (id != no_value) REQUIRE(network.values[id].producer == k);
  }
  REQUIRE(!network.values[network.output].constant);
  REQUIRE(graph_digest(network).size() == 64);
}

}  // namespace

TEST_CASE("damage: 20000 changed files") {
  std::vector<std::string> files;
  for (int weight = 0; weight < 8; ++weight)  // changes to files that are read go deepest
    for (const onnx_cases::Case& item : onnx_cases::read()) files.push_back(item.bytes);
  for (const onnx_cases::Case& item : onnx_cases::refused())
    if (item.bytes.size() > 20 && item.bytes.size() < 2000) files.push_back(item.bytes);
  std::mt19937_64 random(1);
  std::size_t errors = 0;
  std::size_t refused = 0;
  std::size_t read = 0;
  for (int k = 0; k < 20000; ++k) {
    std::string bytes = files[random() % files.size()];
    for (std::uint64_t changes = 1 + random() % 8 / 7; changes > 0 && !bytes.empty(); --changes) {
      const auto place = static_cast<std::size_t>(random() % bytes.size());
      const auto length = static_cast<std::size_t>(1 + random() % 12);
      switch (random() % 16) {
        case 0:
          bytes.resize(place);
          break;
        case 1:
          bytes[place] = static_cast<char>(random());
          break;
        case 2:
          bytes.erase(place, length);
          break;
        case 3:
          bytes.insert(place, bytes.substr(static_cast<std::size_t>(random() % bytes.size()), length));
          break;
        case 4:
          bytes += bytes.substr(place);
          break;
        default:
          bytes[place] = static_cast<char>(bytes[place] ^ static_cast<char>(1U << (random() % 8)));
      }
    }
    try {
      const Network network = read_onnx(bytes, {});
      check_consistent(network);
      ++(network.refusals.empty() ? read : refused);
    } catch (const Error& error) {
      if (error.code() != ExitCode::input) FAIL("not an input error: ", error.what());
      ++errors;
    }
  }
  // The changes reach all three ends.
  CHECK(errors > 5000);
  CHECK(refused > 1000);
  CHECK(read > 1000);
}

TEST_CASE("damage: every cut and every flipped bit of one file") {
  const std::string good = onnx_cases::base().bytes();
  for (std::size_t cut = 0; cut < good.size(); ++cut) CHECK_THROWS_AS(static_cast<void>(read_onnx(good.substr(0, cut), {})), Error);
  const std::string digest = graph_digest(read_onnx(good, {}));
  for (std::size_t at = 0; at < good.size(); ++at)
    for (unsigned bit = 0; bit < 8; ++bit) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(bytes[at] ^ static_cast<char>(1U << bit));
      try {
        check_consistent(read_onnx(bytes, {}));
      } catch (const Error& error) {
        CHECK(error.code() == ExitCode::input);
      }
    }
}

TEST_CASE("damage: hostile files cost neither time nor memory") {
  namespace ob = onnx_builder;
  const auto seconds = [](const std::string& bytes) {  // of processor time: other work on the machine does not count
    const std::clock_t start = std::clock();
    try {
      static_cast<void>(read_onnx(bytes, {}));
    } catch (const Error&) {
    }
    return static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC;
  };
  // Many attributes, outputs, masks and refusals: quadratic work would take minutes.
  ob::Model attributes = onnx_cases::base();
  std::string node = ob::node("Relu", {"h"}, {"y"});
  for (int k = 0; k < 100000; ++k) node += ob::bytes_field(5, ob::attribute("a" + std::to_string(k), 1).bytes);
  attributes.nodes[1] = node;
  CHECK(seconds(attributes.bytes()) < 10);
  ob::Model outputs = onnx_cases::base();
  std::string many = ob::node("Split", {"x"}, {});
  for (int k = 0; k < 200000; ++k) many += ob::bytes_field(2, "o" + std::to_string(k));
  outputs.nodes.push_back(many);
  CHECK(seconds(outputs.bytes()) < 10);
  ob::Model masks(10);
  masks.input("x", {1}).output("y", {1});
  std::string last = "x";
  for (int k = 0; k < 50000; ++k) {
    masks.node("Dropout", {last}, {"d" + std::to_string(k), "m" + std::to_string(k)});
    last = "d" + std::to_string(k);
  }
  masks.node("Relu", {last}, {"y"});
  CHECK(seconds(masks.bytes()) < 10);
  // Five million empty strings, two bytes each in the file.
  ob::Model empty = onnx_cases::base();
  std::string inputs = ob::node("Relu", {"h"}, {"y"});
  std::string padding;
  for (int k = 0; k < 5000000; ++k) padding += std::string("\x0A\x00", 2);
  empty.nodes[1] = inputs + padding;
  CHECK_THROWS_WITH_AS(static_cast<void>(read_onnx(empty.bytes(), {})), doctest::Contains("4194304"), Error);
}
