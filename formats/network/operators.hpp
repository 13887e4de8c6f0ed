// The table of operators: one row for each, with all that is known about it before any shape. ONNX's name, the family that says how its
// result's shape follows, the first opset in which it is read, how many inputs and outputs it takes, and its attributes with what holds
// when they are left out (formats/SPEC.md, section 7).
//
// Another entrywise activation is a value of `Operator` (formats/network/network.hpp) and a row here; the compiler refuses the one without
// the other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <variant>

#include "formats/network/network.hpp"

namespace lipcert {

/// Operators with one rule for their results: formats/operators/ has one file or one function for each of them.
enum class Family {
  broadcast,      // entry by entry of several tensors, which are broadcast to one shape
  activation,     // entry by entry of one tensor: what a network has between its linear layers; further inputs are constant
  function,       // the same for what stands in weights or in an L2 pooling
  condition,      // entry by entry of constants: comparisons, logic, choices, quantised weights
  product,        // matrix products
  window,         // convolutions and poolings
  normalisation,  // an affine map for each channel
  reduction,      // along axes
  resampling,     // images made larger or smaller, axis by axis
  move,           // entries moved, left out, repeated or filled in; types changed
  constant        // known whatever the input
};

/// ONNX's numbers (AttributeProto.AttributeType). `reals` (Constant, Upsample) are read as a tensor.
enum class AttributeKind : std::int32_t { real = 1, integer = 2, text = 3, tensor = 4, reals = 6, integers = 7 };

struct Required {};
struct FromShapes {};  // filled in when the operands' shapes are known, or meaningless when it is absent
struct NotWritten {};  // read and left out of the digest
using Default = std::variant<Required, FromShapes, NotWritten, float, std::int64_t, const char*>;

/// The versions of the operators that are read.
inline constexpr std::uint64_t first_opset = 8;
inline constexpr std::uint64_t last_opset = 23;

struct AttributeRow {
  const char* name = nullptr;
  AttributeKind kind = AttributeKind::integer;
  Default otherwise = Required{};
  std::uint64_t since = 0;  // opsets in which the attribute exists
  std::uint64_t until = last_opset;

  [[nodiscard]] constexpr bool in(std::uint64_t opset) const { return opset >= since && opset <= until; }
};

/// How many inputs, from an opset on. `complete`: none may be left out.
struct Inputs {
  std::uint64_t since = 0;
  std::size_t fewest = 1;
  std::size_t most = 1;
  bool complete = false;
};

struct OperatorRow {
  Operator op;
  const char* name;  // ONNX's
  Family family;
  std::uint64_t since = 0;          // first opset that has it, among those that are read
  Inputs inputs[3] = {};            // ascending; unused places say nothing
  std::size_t outputs = 1;          // most of them
  AttributeRow attributes[9] = {};  // by name; unused places have no name

  [[nodiscard]] const Inputs& inputs_in(std::uint64_t opset) const;
  /// The attribute of that name, if the opset has it.
  [[nodiscard]] const AttributeRow* attribute(const std::string& key, std::uint64_t opset) const;
};

/// Every operator, in the order of `Operator`.
[[nodiscard]] std::span<const OperatorRow> operator_rows();
[[nodiscard]] const OperatorRow& row_of(Operator op);

/// The operator of that name, if formats/onnx.md has it; `OperatorRow::since` says whether an opset has it too.
[[nodiscard]] std::optional<Operator> find_operator(const std::string& name);

/// Applied to every entry alone, with constant parameters: ReLU and its like.
[[nodiscard]] bool is_activation(Operator op);

}  // namespace lipcert
