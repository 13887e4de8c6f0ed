// See graph.hpp: exact values of tensors.
#include "verifier/graph/graph.hpp"

#include "verifier/base/bytes.hpp"

namespace lipverify {

std::uint64_t element_count(const Shape& shape) {
  std::uint64_t n = 1;
  for (const std::uint64_t d : shape) n *= d;
  return n;
}

std::string text_of(const Shape& shape) {
  std::string text;
  for (const std::uint64_t d : shape) text += (text.empty() ? "" : " x ") + std::to_string(d);
  return text;
}

bool is_floating(std::uint32_t type) { return type == kFloat32 || type == kFloat64 || type == kFloat16 || type == kBfloat16; }

bool is_enclosed(std::uint32_t type) { return is_floating(type) || type == kBool; }

std::uint64_t byte_size(std::uint32_t type) {
  switch (type) {
    case kFloat64:
    case kInt64: return 8;
    case kFloat32:
    case kInt32: return 4;
    case kFloat16:
    case kBfloat16: return 2;
    case kBool:
    case kInt8:
    case kUint8: return 1;
    default: return 0;
  }
}

namespace {

struct Format {
  int fraction_bits;
  int exponent_bits;
};

Format format_of(std::uint32_t type) {
  switch (type) {
    case kFloat64: return {52, 11};
    case kFloat16: return {10, 5};
    case kBfloat16: return {7, 8};
    default: return {23, 8};
  }
}

/// IEEE 754 interchange format: (-1)^s 2^(max(e,1) - bias - fraction_bits) (fraction + 2^fraction_bits [e > 0]).
Dyadic dyadic_of(std::uint64_t bits, const Format& f) {
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << f.fraction_bits) - 1);
  const std::uint64_t e = bits >> f.fraction_bits & ((std::uint64_t{1} << f.exponent_bits) - 1);
  const bool negative = (bits >> (f.fraction_bits + f.exponent_bits) & 1) != 0;
  const int bias = (1 << (f.exponent_bits - 1)) - 1;
  const auto magnitude = static_cast<std::int64_t>(e == 0 ? fraction : fraction | std::uint64_t{1} << f.fraction_bits);
  const int exponent = static_cast<int>(e == 0 ? 1 : e) - bias - f.fraction_bits;
  return {negative ? -magnitude : magnitude, magnitude == 0 ? 0 : exponent};
}

std::uint64_t element(const Tensor& tensor, std::uint64_t i) {
  const std::uint64_t size = byte_size(tensor.type);
  std::uint64_t word = 0;
  for (std::uint64_t k = size; k-- > 0;) word = word << 8 | static_cast<unsigned char>(tensor.bits[i * size + k]);
  return word;
}

}  // namespace

Dyadic Tensor::real(std::uint64_t i) const { return is_floating(type) ? dyadic_of(element(*this, i), format_of(type)) : Dyadic{integer(i), 0}; }

std::int64_t Tensor::integer(std::uint64_t i) const {
  const std::uint64_t word = element(*this, i);
  if (type == kInt8) return static_cast<std::int8_t>(static_cast<std::uint8_t>(word));
  return type == kInt32 ? static_cast<std::int32_t>(static_cast<std::uint32_t>(word)) : static_cast<std::int64_t>(word);
}

Dyadic dyadic_of_binary32(std::uint32_t bits) { return dyadic_of(bits, format_of(kFloat32)); }

bool is_finite(std::uint32_t type, std::uint64_t bits) {
  const Format f = format_of(type);
  const std::uint64_t ones = (std::uint64_t{1} << f.exponent_bits) - 1;
  return (bits >> f.fraction_bits & ones) != ones;
}

std::string Graph::symbol_of(std::uint64_t dimension) const {
  for (std::size_t k = 0; k < symbolic.size(); ++k)
    if (symbolic[k] == dimension) return symbols[k];
  return "";
}

std::string Graph::label(std::size_t node) const {
  const Node& n = nodes[node];
  const std::string out = n.outputs.empty() || n.outputs[0] == kAbsent ? "" : " -> " + printable(values[n.outputs[0]].name);
  return "node " + std::to_string(node) + " (" + printable(n.type) + out + ")";
}

/// A Shape reads only what is known of its input.
std::vector<ValueId> data_inputs(const Graph& graph, std::size_t node) {
  std::vector<ValueId> out;
  if (graph.nodes[node].op == Op::shape) return out;
  for (const ValueId id : graph.nodes[node].inputs)
    if (id != kAbsent && !graph.values[id].constant) out.push_back(id);
  return out;
}

}  // namespace lipverify
