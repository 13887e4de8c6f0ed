// Entry maps against vectors that numpy made (tests/vectors/make_entry_maps.py), and the parameters of windows against a count of the
// windows one by one.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "formats/operators/entry_map.hpp"
#include "formats/encoding/files.hpp"
#include "formats/encoding/json.hpp"
#include "formats/onnx/reader.hpp"
#include "formats/operators/parameters.hpp"
#include "tests/support/onnx_builder.hpp"

using namespace lipcert;
namespace ob = onnx_builder;

namespace {

using Integers = std::vector<std::int64_t>;

ob::Attribute attribute_of(const std::string& name, const Json& value) {
  if (value.is_string()) return ob::string_attribute(name, value.get<std::string>());
  if (value.is_array()) return ob::ints_attribute(name, value.get<Integers>());
  return ob::attribute(name, value.get<std::int64_t>());
}

std::vector<ob::Dim> dims_of(const Integers& shape) {
  return {shape.begin(), shape.end()};
}

// x -> the node of the vector -> sum of all outputs' sums -> y: so every output leads to the graph's output.
Network network_of(const Json& vector) {
  const auto opset = vector["opset"].get<std::int64_t>();
  ob::Model model(opset);
  model.input("x", dims_of(vector["shape"].get<Integers>()));
  std::vector<ob::Attribute> attributes;
  for (const auto& [name, value] : vector["attributes"].items()) attributes.push_back(attribute_of(name, value));
  std::vector<std::string> inputs = {"x"};
  for (const Json& input : vector["further"]) {
    std::string name = "c" + std::to_string(inputs.size());
    if (input.is_null()) name.clear();
    if (input.is_string()) name = input.get<std::string>();
    if (input.is_object() && input.contains("ints")) {
      const auto values = input["ints"].get<Integers>();
      model.initialiser(ob::int64s(
          name, input.contains("dims") ? input["dims"].get<Integers>() : Integers{static_cast<std::int64_t>(values.size())}, values));
    }
    if (input.is_object() && input.contains("real")) {
      const auto shape = input["real"].get<Integers>();
      std::int64_t count = 1;
      for (const std::int64_t dimension : shape) count *= dimension;
      model.initialiser(ob::floats(name, shape, std::vector<float>(static_cast<std::size_t>(count), 1)));
    }
    inputs.push_back(name);
  }
  std::vector<std::string> outputs;
  for (std::size_t k = 0; k < vector["outputs"].size(); ++k) outputs.push_back("o" + std::to_string(k));
  model.node(vector["operator"].get<std::string>(), inputs, outputs, attributes);
  std::string sum;
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const std::string term = "s" + std::to_string(k);
    model.node("ReduceMean", {outputs[k]}, {term}, {ob::attribute("keepdims", 0)});
    if (k > 0) model.node("Add", {sum, term}, {"a" + std::to_string(k)});
    sum = k > 0 ? "a" + std::to_string(k) : term;
  }
  model.output(sum, {}, vector["operator"].get<std::string>() == "Cast" ? ob::DOUBLE : ob::FLOAT);
  return read_onnx(model.bytes(), {});
}

}  // namespace

TEST_CASE("entry maps are those of numpy") {
  const Json document =
      parse_json(read_file(std::string(LIPCERT_SOURCE_DIR) + "/tests/vectors/entry_maps.json", 1U << 22U), "entry_maps.json");
  std::map<std::string, std::size_t> seen;
  for (const Json& vector : document["vectors"]) {
    INFO(vector.dump());
    const Network network = network_of(vector);
    for (const Refusal& refusal : network.refusals) FAIL_CHECK(refusal.reason);
    REQUIRE(network.refusals.empty());
    ++seen[vector["operator"].get<std::string>()];
    CHECK(moves_entries(network.nodes[0].op));
    for (std::size_t output = 0; output < vector["outputs"].size(); ++output) {
      const Json& expected = vector["outputs"][output];
      CHECK(network.values[network.nodes[0].outputs[output]].shape == expected["shape"].get<Shape>());
      Integers sources;
      for (const EntrySource& source : entry_sources(network, 0, output)) {
        if (source.input == no_source) {
          sources.push_back(-1);
        } else {
          const bool constant = network.values[network.nodes[0].inputs[source.input]].constant;
          sources.push_back(constant ? -2 - std::int64_t{source.index} : std::int64_t{source.index});
        }
      }
      CHECK(sources == expected["sources"].get<Integers>());
    }
  }
  CHECK(seen.size() == 15);  // every operator that moves entries
  CHECK(seen["Slice"] >= 14);
}

TEST_CASE("entry maps: asked by mistake") {
  ob::Model model(13);
  model.input("x", {2}).output("y", {2}).node("Dropout", {"x"}, {"d", "mask"}).node("Relu", {"d"}, {"y"});
  const Network network = read_onnx(model.bytes(), {});
  CHECK(entry_sources(network, 0, 0).size() == 2);
  CHECK_THROWS(static_cast<void>(entry_sources(network, 0, 1)));
  CHECK_THROWS(static_cast<void>(entry_sources(network, 1, 0)));
  CHECK_THROWS(static_cast<void>(entry_sources(network, 2, 0)));
  CHECK_THROWS(static_cast<void>(axes_of(network, 0)));
  CHECK_THROWS(static_cast<void>(window_parameters(network, 1)));
  CHECK(!moves_entries(Operator::relu));
}

namespace {

struct Window {
  std::int64_t n, k, s, d, p, q;
  bool ceil_mode;
  std::string mode;
};

// The outputs that this one-axis pool or convolution has, counted window by window; 0: it has none, or is refused.
std::int64_t counted(const Window& w, bool pool, std::int64_t& begin, std::int64_t& end) {
  const std::int64_t extent = w.d * (w.k - 1) + 1;
  begin = w.p;
  end = w.q;
  if (w.mode == "SAME_UPPER" || w.mode == "SAME_LOWER") {
    if (w.d != 1) return 0;
    std::int64_t count = 0;
    while (count * w.s < w.n) ++count;
    std::int64_t total = 0;
    while ((count - 1) * w.s + extent > w.n + total) ++total;
    for (begin = 0, end = 0; begin + end < total;) (begin == end) == (w.mode == "SAME_UPPER") ? ++end : ++begin;
    if ((count - 1) * w.s + extent < w.n - (pool ? 0 : 1)) return 0;
    if (total == 0) return count;
  }
  if (w.n + begin + end < extent) return 0;
  std::int64_t count = 0;
  // A further window, as long as it fits; with ceil_mode as long as the one before did not reach the end.
  while (w.ceil_mode ? count == 0 || (count - 1) * w.s + extent < w.n + begin + end : count * w.s + extent <= w.n + begin + end) ++count;
  if (pool) {
    if (begin >= w.k || end >= w.k) return 0;
    if (w.ceil_mode && (count - 1) * w.s >= w.n + begin) return 0;
    for (std::int64_t i = 0; i < count; ++i) {
      bool meets = false;
      for (std::int64_t j = 0; j < w.k; ++j) meets = meets || (i * w.s + w.d * j >= begin && i * w.s + w.d * j < begin + w.n);
      if (!meets) return 0;
    }
  }
  return count;
}

}  // namespace

TEST_CASE("windows: padding and lengths are those that one counts") {
  std::mt19937_64 random(11);
  const auto upto = [&](std::int64_t least, std::int64_t last) {
    return least + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(last - least + 1));
  };
  std::size_t read = 0;
  std::size_t refused = 0;
  for (int round = 0; round < 6000; ++round) {
    const bool pool = round % 2 == 0;
    Window w = {upto(1, 9), upto(1, 4), upto(1, 5), upto(1, 6), upto(0, 6), upto(0, 6), pool && random() % 2 == 0, "NOTSET"};
    if (random() % 3 == 0) {
      w.mode = std::vector<std::string>{"VALID", "SAME_UPPER", "SAME_LOWER"}[random() % 3];
      w.p = w.q = 0;
      w.ceil_mode = false;
    }
    ob::Model model(19);
    std::vector<ob::Attribute> attributes = {ob::ints_attribute("strides", {w.s}), ob::ints_attribute("dilations", {w.d}),
                                             ob::ints_attribute("pads", {w.p, w.q}), ob::string_attribute("auto_pad", w.mode),
                                             ob::ints_attribute("kernel_shape", {w.k})};
    if (pool) attributes.push_back(ob::attribute("ceil_mode", w.ceil_mode ? 1 : 0));
    model.input("x", {1, 1, w.n}).initialiser(ob::floats("w", {1, 1, w.k}, std::vector<float>(static_cast<std::size_t>(w.k), 1)));
    model.outputs.push_back(ob::bytes_field(1, "y") + ob::bytes_field(2, ob::bytes_field(1, ob::varint_field(1, ob::FLOAT))));
    model.node(pool ? "MaxPool" : "Conv", pool ? std::vector<std::string>{"x"} : std::vector<std::string>{"x", "w"}, {"y"}, attributes);
    const Network network = read_onnx(model.bytes(), {});
    std::int64_t begin = 0;
    std::int64_t end = 0;
    const std::int64_t count = counted(w, pool, begin, end);
    INFO(w.mode, " n ", w.n, " k ", w.k, " s ", w.s, " d ", w.d, " p ", w.p, " q ", w.q, " ceil ", w.ceil_mode, " pool ", pool);
    REQUIRE(network.refusals.empty() == (count > 0));
    if (count == 0) {
      ++refused;
      continue;
    }
    ++read;
    const WindowParameters window = window_parameters(network, 0);
    REQUIRE(window.axes.size() == 1);
    const WindowAxis& axis = window.axes[0];
    CHECK(axis.input == static_cast<std::uint64_t>(w.n));
    CHECK(axis.output == static_cast<std::uint64_t>(count));
    CHECK(axis.kernel == static_cast<std::uint64_t>(w.k));
    CHECK(axis.stride == static_cast<std::uint64_t>(w.s));
    CHECK(axis.dilation == static_cast<std::uint64_t>(w.d));
    CHECK(axis.begin == begin);
    CHECK(axis.end == end);
    CHECK(network.values[network.output].shape[2] == static_cast<std::uint64_t>(count));
  }
  CHECK(read > 2000);
  CHECK(refused > 500);
}

TEST_CASE("windows: a transposed convolution reaches as far as its taps") {
  std::mt19937_64 random(12);
  const auto upto = [&](std::int64_t least, std::int64_t last) {
    return least + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(last - least + 1));
  };
  std::size_t read = 0;
  for (int round = 0; round < 1000; ++round) {
    const std::int64_t n = upto(1, 6), k = upto(1, 4), s = upto(1, 4), d = upto(1, 3), p = upto(0, 3), q = upto(0, 3), more = upto(0, 3);
    ob::Model model(13);
    model.input("x", {1, 1, n}).initialiser(ob::floats("w", {1, 1, k}, std::vector<float>(static_cast<std::size_t>(k), 1)));
    model.outputs.push_back(ob::bytes_field(1, "y") + ob::bytes_field(2, ob::bytes_field(1, ob::varint_field(1, ob::FLOAT))));
    model.node("ConvTranspose", {"x", "w"}, {"y"},
               {ob::ints_attribute("strides", {s}), ob::ints_attribute("dilations", {d}), ob::ints_attribute("pads", {p, q}),
                ob::ints_attribute("output_padding", {more})});
    std::int64_t reach = 0;
    for (std::int64_t i = 0; i < n; ++i)
      for (std::int64_t j = 0; j < k; ++j) reach = std::max(reach, s * i + d * j + 1);
    const std::int64_t length = reach + more - p - q;
    const Network network = read_onnx(model.bytes(), {});
    REQUIRE(network.refusals.empty() == (length >= 1 && more < s));
    if (!network.refusals.empty()) continue;
    ++read;
    CHECK(window_parameters(network, 0).axes[0].output == static_cast<std::uint64_t>(length));
    CHECK(network.values[network.output].shape == Shape{1, 1, static_cast<std::uint64_t>(length)});
  }
  CHECK(read > 300);
}
