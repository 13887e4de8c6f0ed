// A node while it is read, and afterwards when its parameters are asked for: what the rules of single operators look at, and what they
// throw. For formats/operators/ and formats/onnx/ only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "formats/network/network.hpp"

namespace lipcert {

/// Well-formed but not supported: the reader turns it into a `Refusal` and goes on.
struct Unsupported {
  std::string reason;  // one sentence with the remedy
};

/// Somebody asked for what a node does not have: an `Error` of kind internal.
[[noreturn]] void defect(const std::string& sentence);

inline constexpr std::uint64_t element_cap = std::uint64_t{1} << 28U;
inline constexpr std::uint64_t known_cap = std::uint64_t{1} << 20U;        // elements of a known value that is computed
inline constexpr std::uint64_t known_total_cap = std::uint64_t{1} << 24U;  // of all of them together
inline constexpr std::size_t rank_cap = 16;

using Attributes = std::map<std::string, Attribute>;
using Integers = std::vector<std::int64_t>;

/// An operand of a node, as far as shape inference needs it.
struct Operand {
  bool present = false;
  ElementType type = ElementType::float32;
  Shape shape;
  bool constant = false;
  const Tensor* known = nullptr;  // its exact content, where formats/onnx.md section 5 calls it known
};

struct Result {
  ElementType type = ElementType::float32;
  Shape shape;
};

struct NodeView {
  Operator op;
  std::uint64_t opset;
  const Attributes& attributes;
  const std::vector<Operand>& operands;
  std::size_t outputs;  // how many

  [[nodiscard]] bool has(std::size_t input) const { return input < operands.size() && operands[input].present; }
};

// ---- attributes ----

[[nodiscard]] bool has_attribute(const NodeView& node, const char* attribute);
[[nodiscard]] std::int64_t integer_of(const NodeView& node, const char* attribute);
[[nodiscard]] const std::string& text_attribute(const NodeView& node, const char* attribute);
[[nodiscard]] const Integers& integers_attribute(const NodeView& node, const char* attribute);
/// An attribute that is 0 or 1.
[[nodiscard]] bool flag_of(const NodeView& node, const char* attribute);

/// Gives the node an attribute that its opset has and that it lacks: a default that depends on shapes. `attributes` are the node's.
void fill_in(Attributes& attributes, const NodeView& node, const char* attribute, const Integers& list);

// ---- operands ----

/// The first `count` operands, as far as they are there, are of one floating type.
void require_floating(const std::vector<Operand>& operands, std::size_t count);

/// One constant with one element; `right_type` says whether its type is one that the operator takes.
void require_single_constant(const Operand& operand, bool right_type, const char* what);

/// A list of integers that stands in an input.
[[nodiscard]] Integers known_list(const NodeView& node, std::size_t input, const char* what, bool allow_int32);

// ---- shapes and axes ----

/// Number of elements if it is at most `element_cap`.
[[nodiscard]] std::optional<std::uint64_t> bounded_count(const Shape& shape);

/// "2x3", or "scalar".
[[nodiscard]] std::string text_of(const Shape& shape);

/// numpy broadcasting of two shapes; nothing when they do not fit.
[[nodiscard]] std::optional<Shape> broadcast(const Shape& a, const Shape& b);

/// From 0 to rank - 1. `shape` is for the message.
[[nodiscard]] std::uint64_t resolve_axis(std::int64_t axis, std::size_t rank, bool allow_negative, const Shape& shape);
/// Not sorted; no axis twice.
[[nodiscard]] std::vector<std::uint64_t> resolve_axes(const Integers& axes, std::size_t rank, bool allow_negative, const Shape& shape);
[[nodiscard]] std::vector<std::uint64_t> all_axes(std::size_t rank);

/// 0, 1, ..., count - 1.
[[nodiscard]] Integers counting(std::size_t count);

// ---- bits ----

/// Appends one entry of the tensor's type, given by its bits.
void put(Tensor& tensor, std::uint64_t word);

}  // namespace lipcert
