// The table of operators: complete, without contradictions, and what formats/SPEC.md says about attributes; every activation is read in the
// opsets of its row and in no other.
#include <doctest/doctest.h>

#include <algorithm>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "formats/network/operators.hpp"
#include "formats/onnx/reader.hpp"
#include "tests/support/onnx_builder.hpp"

using namespace lipcert;
namespace ob = onnx_builder;

namespace {

// The rows of the table of attributes in section 7: which operators it names.
std::set<std::string> operators_of_specification() {
  std::istringstream lines(read_file(LIPCERT_SOURCE_DIR "/formats/SPEC.md", 1 << 20));
  std::set<std::string> names;
  bool inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (line.rfind("| operator | attributes written |", 0) == 0) {
      inside = true;
    } else if (inside && line.rfind("| ", 0) != 0 && line.rfind("|-", 0) != 0) {
      break;
    } else if (inside && line.rfind("| ", 0) == 0) {
      const std::string cell = line.substr(2, line.find(" |") - 2);
      std::istringstream words(cell.substr(0, cell.find(" (")));
      for (std::string name; std::getline(words, name, ',');) CHECK(names.insert(name.substr(name.find_first_not_of(' '))).second);
    }
  }
  return names;
}

}  // namespace

TEST_CASE("operators: every operator has one row and is found again by its name") {
  std::set<std::string> names;
  std::size_t place = 0;
  for (const OperatorRow& row : operator_rows()) {
    INFO(row.name);
    CHECK(static_cast<std::size_t>(row.op) == place++);
    CHECK(names.insert(row.name).second);
    CHECK(find_operator(row.name) == row.op);
    CHECK(std::string(name_of(row.op)) == row.name);
    CHECK(&row_of(row.op) == &row);
    CHECK(is_activation(row.op) == (row.family == Family::activation));
  }
  CHECK(operator_rows().back().op == Operator::constant);
  CHECK(place == static_cast<std::size_t>(Operator::constant) + 1);
  CHECK_FALSE(find_operator("relu"));
  CHECK_FALSE(find_operator(""));
  CHECK_THROWS_AS(static_cast<void>(row_of(static_cast<Operator>(place))), Error);
}

TEST_CASE("operators: numbers of inputs, outputs and versions make sense in every opset") {
  for (const OperatorRow& row : operator_rows()) {
    INFO(row.name);
    CHECK(row.outputs >= 1);
    CHECK((row.since == 0 || (row.since > first_opset && row.since <= last_opset)));
    for (std::uint64_t opset = first_opset; opset <= last_opset; ++opset) {
      const Inputs& inputs = row.inputs_in(opset);
      CHECK(inputs.since <= opset);
      CHECK(inputs.fewest <= inputs.most);
      CHECK((inputs.fewest >= 1 || row.op == Operator::constant));
      if (is_activation(row.op)) CHECK(inputs.fewest <= 2);
    }
    CHECK(row.inputs[0].since == 0);
  }
}

TEST_CASE("operators: an attribute has at most one meaning in an opset") {
  for (const OperatorRow& row : operator_rows()) {
    INFO(row.name);
    for (std::uint64_t opset = first_opset; opset <= last_opset; ++opset) {
      std::set<std::string> names;
      for (const AttributeRow& attribute : row.attributes) {
        if (attribute.name == nullptr || !attribute.in(opset)) continue;
        CHECK(names.insert(attribute.name).second);
        CHECK(row.attribute(attribute.name, opset) == &attribute);
      }
      CHECK(row.attribute("no attribute", opset) == nullptr);
    }
  }
  CHECK(std::get<std::int64_t>(row_of(Operator::softmax).attribute("axis", 12)->otherwise) == 1);
  CHECK(std::get<std::int64_t>(row_of(Operator::softmax).attribute("axis", 13)->otherwise) == -1);
  CHECK(row_of(Operator::clip).attribute("max", 11) == nullptr);
}

TEST_CASE("operators: the table and the specification name the same operators") {
  std::set<std::string> rows;
  for (const OperatorRow& row : operator_rows()) rows.insert(row.name);
  CHECK(operators_of_specification() == rows);
}

TEST_CASE("operators: an activation keeps the shape of its data, in the opsets of its row and in no other") {
  for (const OperatorRow& row : operator_rows()) {
    if (!is_activation(row.op)) continue;
    for (std::uint64_t opset = first_opset; opset <= last_opset; ++opset) {
      INFO(row.name, " in opset ", opset);
      const bool slope = row.inputs_in(opset).fewest == 2;
      ob::Model model(static_cast<std::int64_t>(opset));
      model.input("x", {2, 3}).output("y", {2, 3});
      if (slope) model.initialiser(ob::floats("s", {3}, {0.5F, 0.25F, 0}));
      model.node(row.name, slope ? std::vector<std::string>{"x", "s"} : std::vector<std::string>{"x"}, {"y"});
      const Network network = read_onnx(model.bytes(), {});
      if (opset < row.since) {
        REQUIRE(network.refusals.size() == 1);
        CHECK(network.refusals[0].reason.find("does not exist in opset") != std::string::npos);
        continue;
      }
      REQUIRE(network.refusals.empty());
      REQUIRE(network.nodes.size() == 1);
      CHECK(network.nodes[0].op == row.op);
      CHECK(network.values[network.output].shape == Shape{2, 3});
      const auto attributes = std::count_if(std::begin(row.attributes), std::end(row.attributes), [&](const AttributeRow& attribute) {
        return attribute.name != nullptr && attribute.in(opset);
      });
      CHECK(network.nodes[0].attributes.size() == static_cast<std::size_t>(attributes));
    }
  }
}
