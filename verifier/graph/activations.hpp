// The activations: one row for each in the table of activations.cpp, where everything that the checker knows of one of them stands together.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "verifier/graph/operators.hpp"

namespace lipverify {

class NodeRules;

/// Ends of a constant; equal where it is known exactly. `computed`: they come from constants that the graph computes, of which another program may know
/// less, so that its upper end may be larger.
struct Constant {
  Rational lower = 0, upper = 0;
  bool computed = false;
};

/// An attribute, with its value where the file does not give it: a binary32 number, or a text.
struct ActivationAttribute {
  const char* name = nullptr;
  std::uint32_t real = 0;
  const char* text = nullptr;
  std::uint64_t before = ~std::uint64_t{0};  // it exists in versions of the operator set before this one
};

/// A node at one entry of its data.
struct Place {
  const NodeInputs& inputs;
  Interval parameter;  // rows with `per_entry`: the entry of input 1 that belongs to this one

  [[nodiscard]] Interval real(const char* name) const;  // an attribute
  [[nodiscard]] const std::string& text(const char* name) const;
};

/// g, entry by entry; z encloses the entry. One-sided derivative: lim_{h -> 0+} (g(z + h d) - g(z)) / h.
struct Activation {
  Op op;
  const char* name;     // ONNX's
  std::uint64_t since;  // the version of the operator set in which it came
  std::array<ActivationAttribute, 2> attributes;
  void (*inputs)(const NodeRules& at);  // Failure (input) unless its inputs are as they should; the data stand in front
  Constant (*slope)(const Graph& graph, Evaluator& evaluator, const Node& node);  // theorem `elementwise-slope`: sup |g'|
  Interval (*value)(const Place& at, const Interval& z);
  Interval (*derivative)(const Place& at, const Interval& z, const Interval& d);
  bool per_entry = false;  // it reads an entry of input 1 with every entry of its data
};

[[nodiscard]] std::span<const Activation> activations();
[[nodiscard]] bool is_activation(Op op);  // has a row
[[nodiscard]] const Activation& activation_of(Op op);
[[nodiscard]] bool find_activation(const std::string& name, Op& op);

// The rules that all of them have in common, for the table of operators.
Shape activation_shape(const NodeRules& at, Value& out);
Operand activation_value(const NodeInputs& inputs, std::size_t output, const Shape& shape, bool linear);
Operand activation_derivative(const NodeInputs& inputs, const std::vector<const Operand*>& derivatives, const Operand& value);

}  // namespace lipverify
