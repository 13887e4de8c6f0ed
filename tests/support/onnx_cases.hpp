// ONNX files that both readers must read, and files that both must refuse (formats/onnx.md), one per rule, for the tests of formats/ and of
// verifier/. Every refused case is one change away from a file that is read, so that nothing but the named rule can be the reason.
//
// `says` is a part of the generator's message; the checker's tests need not look at it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/onnx_builder.hpp"

namespace onnx_cases {

namespace ob = onnx_builder;

struct Case {
  std::string name;
  std::string bytes;
  std::string says;  // empty for files that are read
};

/// What the caller says about a file that leaves it open.
struct Choice {
  std::optional<std::vector<std::uint64_t>> input_shape = {};
  bool fixed_inputs = false;
  std::optional<std::string> output = {};
};

struct ChosenCase {
  std::string name;
  std::string bytes;
  std::string says;
  Choice choice;
};

/// x [1,2] -> Gemm -> Relu -> y [1,3].
ob::Model base(std::int64_t opset = 13);
std::string weights();  // "W" [2,3]
std::string bias();     // "b" [3]

/// The bytes of `base` after a change.
std::string changed(const std::function<void(ob::Model&)>& change, std::int64_t opset = 13);

/// x of shape `in` -> one node `op` -> y of shape `out`.
std::string one_node(const std::string& op, const std::vector<ob::Dim>& in, const std::vector<ob::Dim>& out,
                     const std::vector<std::string>& inputs, const std::vector<ob::Attribute>& attributes,
                     const std::vector<std::string>& initialisers = {}, std::int64_t opset = 13,
                     const std::vector<std::string>& outputs = {"y"}, std::int32_t type_in = ob::FLOAT, std::int32_t type_out = ob::FLOAT);

std::vector<Case> read();
std::vector<Case> refused();

// What files leave open, said or not (onnx_choice_cases.cpp).
std::vector<ChosenCase> chosen_read();
std::vector<ChosenCase> chosen_refused();

// The operators of graphs (onnx_graph_cases.cpp); part of `read` and `refused`.
void read_graph_nodes(std::vector<Case>& cases);
void refused_graph_nodes(std::vector<Case>& cases);

}  // namespace onnx_cases
