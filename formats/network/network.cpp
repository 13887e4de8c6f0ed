// The network graph: sizes, names and exact values of its tensors.
//
// Every floating element type that is read (binary16, bfloat16, binary32, binary64) embeds in binary64, so `Tensor::real` is exact; it
// decodes the bits itself, byte by byte, and therefore does not depend on the machine's byte order or alignment.
#include "formats/network/network.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include "formats/encoding/error.hpp"

namespace lipcert {

namespace {

[[noreturn]] void defect(const std::string& sentence) {
  throw Error(ExitCode::internal, sentence);
}

std::uint64_t little_endian(const unsigned char* bytes, std::size_t count) {
  std::uint64_t value = 0;
  for (std::size_t k = count; k-- > 0;) value = (value << 8U) | bytes[k];
  return value;
}

// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits.
double from_binary16(std::uint64_t bits) {
  const bool negative = (bits & 0x8000U) != 0;
  const int exponent = static_cast<int>((bits >> 10U) & 0x1FU);
  const auto fraction = static_cast<double>(bits & 0x3FFU);
  double magnitude = 0;
  if (exponent == 31) {
    magnitude = fraction == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == 0) {
    magnitude = std::ldexp(fraction, -24);
  } else {
    magnitude = std::ldexp(1024.0 + fraction, exponent - 25);
  }
  return negative ? -magnitude : magnitude;
}

}  // namespace

std::size_t byte_size(ElementType type) {
  switch (type) {
    case ElementType::boolean:
    case ElementType::int8:
    case ElementType::uint8:
      return 1;
    case ElementType::float16:
    case ElementType::bfloat16:
      return 2;
    case ElementType::float32:
    case ElementType::int32:
      return 4;
    case ElementType::float64:
    case ElementType::int64:
      return 8;
  }
  defect("An element type outside the list of formats/network/network.hpp was used.");
}

bool is_floating(ElementType type) {
  return type == ElementType::float16 || type == ElementType::bfloat16 || type == ElementType::float32 || type == ElementType::float64;
}

const char* name_of(ElementType type) {
  switch (type) {
    case ElementType::float32:
      return "FLOAT";
    case ElementType::uint8:
      return "UINT8";
    case ElementType::int8:
      return "INT8";
    case ElementType::int32:
      return "INT32";
    case ElementType::int64:
      return "INT64";
    case ElementType::boolean:
      return "BOOL";
    case ElementType::float16:
      return "FLOAT16";
    case ElementType::float64:
      return "DOUBLE";
    case ElementType::bfloat16:
      return "BFLOAT16";
  }
  defect("An element type outside the list of formats/network/network.hpp was used.");
}

std::uint64_t element_count(const Shape& shape) {
  std::uint64_t count = 1;
  for (const std::uint64_t dimension : shape) {
    if (dimension != 0 && count > std::numeric_limits<std::uint64_t>::max() / dimension)
      defect("The number of entries of a tensor does not fit into 64 bits; readers must refuse such shapes.");
    count *= dimension;
  }
  return count;
}

double Tensor::real(std::uint64_t i) const {
  const std::size_t width = byte_size(type);
  if (i >= bits.size() / width) defect("A tensor was read beyond its end.");
  const std::uint64_t word = little_endian(bits.data() + static_cast<std::size_t>(i) * width, width);
  switch (type) {
    case ElementType::float16:
      return from_binary16(word);
    case ElementType::bfloat16:
      return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(word << 16U)));
    case ElementType::float32:
      return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(word)));
    case ElementType::float64:
      return std::bit_cast<double>(word);
    case ElementType::uint8:
    case ElementType::int8:
    case ElementType::int32:
    case ElementType::int64:
    case ElementType::boolean:
      break;
  }
  defect("A tensor of integers was read as real numbers.");
}

std::int64_t Tensor::integer(std::uint64_t i) const {
  const std::size_t width = byte_size(type);
  if (i >= bits.size() / width) defect("A tensor was read beyond its end.");
  const std::uint64_t word = little_endian(bits.data() + static_cast<std::size_t>(i) * width, width);
  switch (type) {
    case ElementType::int8:
      return static_cast<std::int8_t>(static_cast<std::uint8_t>(word));
    case ElementType::int32:
      return std::bit_cast<std::int32_t>(static_cast<std::uint32_t>(word));
    case ElementType::int64:
      return std::bit_cast<std::int64_t>(word);
    case ElementType::uint8:
    case ElementType::boolean:
      return static_cast<std::int64_t>(word);
    case ElementType::float16:
    case ElementType::bfloat16:
    case ElementType::float32:
    case ElementType::float64:
      break;
  }
  defect("A tensor of real numbers was read as integers.");
}

float Node::real_attribute(const std::string& key) const {
  const auto found = attributes.find(key);
  if (found == attributes.end() || !std::holds_alternative<float>(found->second))
    defect(std::string("A node of ") + name_of(op) + " has no real attribute " + key + ".");
  return std::get<float>(found->second);
}

std::int64_t Node::integer_attribute(const std::string& key) const {
  const auto found = attributes.find(key);
  if (found == attributes.end() || !std::holds_alternative<std::int64_t>(found->second))
    defect(std::string("A node of ") + name_of(op) + " has no integer attribute " + key + ".");
  return std::get<std::int64_t>(found->second);
}

const Tensor* Network::known(ValueId id) const {
  while (id < values.size()) {
    const Value& value = values[id];
    if (value.kind == Value::Kind::initialiser) return &initialisers.at(value.initialiser);
    if (value.kind == Value::Kind::input) return nullptr;
    if (const auto found = computed.find(id); found != computed.end()) return &found->second;
    if (!value.constant) return nullptr;  // found at once, however long the chain of Identity nodes is
    const Node& node = nodes.at(value.producer);
    if (node.op == Operator::constant) return &std::get<Tensor>(node.attributes.at("value"));
    const bool passes = node.op == Operator::identity || (node.op == Operator::cast && values.at(node.inputs.at(0)).type == value.type);
    if (!passes) return nullptr;
    id = node.inputs.at(0);  // defined earlier: the loop ends
  }
  return nullptr;
}

std::string Network::label(std::size_t node) const {
  if (node >= nodes.size()) defect("A node index beyond the end of the graph was used.");
  if (!nodes[node].name.empty()) return nodes[node].name;
  for (const ValueId output_id : nodes[node].outputs)
    if (output_id < values.size() && !values[output_id].name.empty()) return values[output_id].name;
  return "node " + std::to_string(node);
}

}  // namespace lipcert
