// Cases for what a file leaves open and the caller says (formats/onnx.md, section 4): sizes, fixed inputs, the output; and for the order of
// nodes.
#include <limits>
#include <utility>

#include "tests/support/onnx_cases.hpp"

namespace onnx_cases {

namespace {

using Sizes = std::vector<std::uint64_t>;

/// x of this shape -> Relu -> y.
std::string open(const std::vector<ob::Dim>& shape) {
  ob::Model m;
  m.input("x", shape).output("y", shape).node("Relu", {"x"}, {"y"});
  return m.bytes();
}

/// A chain of which the second half is a branch of its own: h = Gemm(x), y = Relu(h), aside = `op`(h) with `attributes`.
ob::Model two_outputs(const std::string& op = "Tanh", const std::vector<ob::Attribute>& attributes = {}) {
  ob::Model m = base();
  m.output("aside", {1, 3}).node(op, {"h"}, {"aside"}, attributes);
  return m;
}

std::string weights_as_inputs(std::int64_t version) {
  return changed([&](ob::Model& m) {
    m.ir_version = version;
    m.input("b", {3}).input("W", {"rows", 3});
  });
}

Choice shape(const Sizes& sizes) {
  return {.input_shape = sizes};
}
Choice fixed() {
  return {.fixed_inputs = true};
}
Choice output(const std::string& name) {
  return {.output = name};
}

}  // namespace

std::vector<ChosenCase> chosen_read() {
  std::vector<ChosenCase> cases;
  const auto add = [&](const std::string& name, const std::string& bytes, const Choice& choice) {
    cases.push_back({name, bytes, "", choice});
  };
  add("sizes of height and width", open({"N", 3, "height", "width"}), shape({1, 3, 4, 5}));
  add("sizes of dimensions without a name", open({"", 3, "", ""}), shape({1, 3, 4, 5}));
  add("size of a symbolic vector", open({"n"}), shape({7}));
  add("sizes of dimensions of one name", open({"N", "S", "S"}), shape({1, 6, 6}));
  add("a first dimension named as others of size 1", open({"N", "N", 2}), shape({1, 1, 2}));
  add("sizes that the file fixes", open({2, 3}), shape({2, 3}));
  add("a symbolic first dimension given as 1", open({"N", 3}), shape({1, 3}));
  add("no size for a scalar", open({}), shape({}));
  for (const std::int64_t version : {3, 4, 8})
    add("weights as inputs, IR version " + std::to_string(version), weights_as_inputs(version), fixed());
  add("no weight to fix", base().bytes(), fixed());
  add("the only output by its name", base().bytes(), output("y"));
  add("the first of two outputs", two_outputs().bytes(), output("y"));
  add("the second of two outputs", two_outputs().bytes(), output("aside"));
  add("an output in the middle", changed([](ob::Model& m) { m.output("h", {1, 3}); }), output("h"));
  add("an idle node left out", changed([](ob::Model& m) { m.node("Relu", {"x"}, {"idle"}); }), output("y"));
  add("an unknown operator left out", two_outputs("Acos").bytes(), output("y"));
  add("an unknown attribute left out", two_outputs("Relu", {ob::attribute("alpha", 1)}).bytes(), output("y"));
  add(
      "an operator of another domain left out",
      [] {
        ob::Model m = base();
        m.output("aside", {1, 3}).node("Sort", {"h"}, {"aside", "second"}, {}, "", "com.example");
        return m.bytes();
      }(),
      output("y"));
  add(
      "an output of integers left out",
      [] {
        ob::Model m = base();
        m.output("class", {1}, ob::INT64).node("ArgMax", {"h"}, {"class"}, {ob::attribute("axis", 1)});
        return m.bytes();
      }(),
      output("y"));
  add(
      "a shape that leads to the output",
      [] {
        ob::Model m;
        m.input("x", {1, 6})
            .output("y", {1, 6})
            .output("z", {1, 6})
            .node("Shape", {"x"}, {"s"})
            .node("Reshape", {"x", "s"}, {"y"})
            .node("Relu", {"y"}, {"z"});
        return m.bytes();
      }(),
      output("y"));
  add(
      "an input that leads to the other output",
      [] {
        ob::Model m = base();
        m.input("z", {"n"}, ob::INT64).output("aside", {1}).node("Cast", {"z"}, {"aside"}, {ob::attribute("to", 1)});
        return m.bytes();
      }(),
      output("y"));
  add("everything at once",
      [] {
        ob::Model m = two_outputs();
        m.inputs[0] = ob::value_info("x", ob::FLOAT, {"N", "features"});
        m.input("W", {2, 3});
        std::swap(m.nodes[0], m.nodes[2]);
        return m.bytes();
      }(),
      {.input_shape = Sizes{1, 2}, .fixed_inputs = true, .output = "aside"});
  return cases;
}

std::vector<ChosenCase> chosen_refused() {
  std::vector<ChosenCase> cases;
  const auto add = [&](const std::string& name, const std::string& bytes, const Choice& choice, const std::string& says) {
    cases.push_back({name, bytes, says, choice});
  };
  add("no size for height and width", open({"N", 3, "height", "width"}), {}, "2 'height', 3 'width'");
  add("no size for a dimension without a name", open({"N", ""}), {}, "1 (without a name)");
  add("no size for a symbolic vector", open({"n"}), {}, "0 'n'");
  add("sizes of another rank", open({"N", 3, "height", "width"}), shape({3, 4, 5}), "has 3 dimensions");
  add("size 0", open({"N", "n"}), shape({1, 0}), "dimension 0");
  add("a size beyond 2^28", open({"N", "n"}), shape({1, (1ULL << 28U) + 1}), "2^28");
  add("a size of 2^64 - 1", open({"N", "n", "m"}), shape({1, ~0ULL, ~0ULL}), "2^28");
  add("two sizes for one name", open({"N", "S", "S"}), shape({1, 6, 5}), "sizes 6 and 5");
  add("another size for the name of the first dimension", open({"N", "N"}), shape({1, 2}), "sizes 1 and 2");
  for (const std::int64_t version : {4, 8})
    add("weights as inputs, not fixed, IR version " + std::to_string(version), weights_as_inputs(version), {}, "--fixed-inputs");
  add("a fixed weight of another shape", changed([](ob::Model& m) { m.input("W", {3, 2}); }), fixed(), "another type or shape");
  add("two inputs, both data", changed([](ob::Model& m) { m.input("z", {1}); }), fixed(), "2 inputs ('x', 'z')");
  add("two outputs, none chosen", two_outputs().bytes(), {}, "--output");
  add("an output that is not there", two_outputs().bytes(), output("z"), "no output 'z'; choose one of 'y', 'aside'");
  add("an output that is a tensor inside", two_outputs().bytes(), output("h"), "no output 'h'");
  add("an unknown operator before the output", two_outputs("Acos").bytes(), output("aside"), "Acos");
  add("left out: an attribute that is a graph", two_outputs("If", {ob::graph_attribute("then_branch", base().graph())}).bytes(),
      output("y"), "'then_branch'");
  add("left out: an attribute that is not finite",
      two_outputs("Scale", {ob::attribute("by", std::numeric_limits<float>::infinity())}).bytes(), output("y"), "not finite");
  add("left out: a list that is not finite",
      two_outputs("Scale", {ob::floats_attribute("by", {1, std::numeric_limits<float>::quiet_NaN()})}).bytes(), output("y"), "not finite");
  add("left out: a tensor that is not finite",
      two_outputs("Scale", {ob::tensor_attribute("by", ob::floats("", {1}, {std::numeric_limits<float>::infinity()}))}).bytes(),
      output("y"), "aside");
  add("left out: a tensor of texts",
      two_outputs("Scale", {ob::tensor_attribute("by", ob::tensor("", ob::STRING, {1}, ob::bytes_field(6, "a")))}).bytes(), output("y"),
      "aside");
  add("left out: an attribute twice", two_outputs("Scale", {ob::attribute("by", 1), ob::attribute("by", 1)}).bytes(), output("y"),
      "'by' twice");
  add("left out: a name that nothing defines", changed([](ob::Model& m) { m.node("Relu", {"nowhere"}, {"aside"}); }), output("y"),
      "nothing defines");
  add("left out: nodes in a circle", changed([](ob::Model& m) { m.node("Relu", {"b1"}, {"b2"}).node("Relu", {"b2"}, {"b1"}); }),
      output("y"), "circle");
  add("left out: a name defined twice", changed([](ob::Model& m) { m.node("Relu", {"x"}, {"h"}); }), output("y"), "defined twice");
  add(
      "data that only a Shape reads, output chosen",
      [] {
        ob::Model m;
        m.input("x", {1, 6}).output("y", {1, 6}).node("Relu", {"x"}, {"r"}).node("Shape", {"r"}, {"s"}).node("Reshape", {"x", "s"}, {"y"});
        return m.bytes();
      }(),
      output("y"), "does not reach");
  return cases;
}

}  // namespace onnx_cases
