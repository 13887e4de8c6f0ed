// Reads a graph node by node into the attacker's network: constants are computed at once, data nodes become steps. The reading of an
// operator stands beside its forward and backward passes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "certify/attack/plain_function.hpp"
#include "certify/attack/plain_network.hpp"
#include "certify/attack/plain_step.hpp"
#include "formats/encoding/error.hpp"
#include "formats/network/network.hpp"
#include "formats/operators/entry_map.hpp"

namespace lipcert::attack {

class PlainCompiler {
 public:
  PlainCompiler(const Network& network, PlainNetwork& plain) : network_(network), plain_(plain) {}

  void compile();

 private:
  struct Constant {
    Shape shape;
    std::vector<double> entries;
  };
  /// Matrix view of a MatMul operand of rank one or two with leading ones.
  struct MatrixShape {
    std::size_t rows = 0;
    std::size_t columns = 0;
  };

  [[nodiscard]] const Value& value(ValueId v) const { return network_.values[v]; }
  [[nodiscard]] bool is_data(ValueId v) const { return slots_.count(v) != 0; }
  [[nodiscard]] const Constant& constant(ValueId v) const;
  [[nodiscard]] Error not_covered() const;
  static Constant read(const Tensor& tensor);
  /// Position in an operand of shape `from` of every entry of the result of shape `to` (numpy broadcasting).
  static std::vector<std::uint32_t> broadcast_map(const Shape& from, const Shape& to);
  static bool is_identity(const std::vector<std::uint32_t>& map, std::size_t size);
  /// Leading dimensions are counted into the rows (operand on the left) or must be one (operand on the right).
  [[nodiscard]] MatrixShape left_shape(const Shape& shape) const;
  [[nodiscard]] MatrixShape right_shape(const Shape& shape) const;
  static std::vector<double> transposed(const std::vector<double>& a, std::size_t rows, std::size_t columns);
  /// The entries that each entry of a reduction reads.
  [[nodiscard]] std::vector<std::vector<std::uint32_t>> reduced() const;

  std::size_t new_slot(std::size_t size);
  /// Appends a step whose result has this size; `last_` is its slot.
  void add(std::unique_ptr<PlainStep> step, std::size_t size);
  void compile_data(const Node& node);

  // plain_constants.cpp
  void compile_constant(const Node& node);
  [[nodiscard]] double moved_constant(const Node& node, const EntrySource& from) const;

  // plain_entrywise.cpp
  void add_affine(std::size_t from, std::vector<std::uint32_t> map, std::vector<double> offset, std::size_t size);
  void compile_elementwise(const Node& node);
  void compile_normalization(const Node& node);
  void compile_function(const Node& node);
  /// The function that a node applies to each entry of a tensor of this shape.
  [[nodiscard]] PlainFunction function_of(const Node& node, const Shape& shape) const;

  // plain_products.cpp
  void transpose(std::size_t rows, std::size_t columns);
  void compile_product(const Node& node);
  void compile_convolution(const Node& node);

  // plain_selections.cpp
  void compile_move(const Node& node, std::size_t output);
  void compile_windows(const Node& node);
  void compile_resampling(const Node& node);
  /// Max and Min of data tensors and constants: constants come as a slot of their own.
  void compile_extreme(const Node& node);
  void compile_vectors(const Node& node);

  const Network& network_;
  PlainNetwork& plain_;
  std::map<ValueId, std::size_t> slots_;
  std::map<ValueId, Constant> constants_;
  std::size_t node_ = 0;
  std::size_t last_ = 0;
};

}  // namespace lipcert::attack
