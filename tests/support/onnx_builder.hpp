// Writes ONNX files for tests, well-formed or not: every part is a byte string, so that a test can append, repeat or cut whatever it likes.
//
// Written with protozero and the field numbers of the ONNX specification; includes nothing of formats/, certify/ or verifier/, because the
// tests of all of them use it.
//
//   namespace ob = onnx_builder;
//   ob::Model model;                                            // IR version 8, opset 13
//   model.input("x", {1, 4}).output("y", {1, 3});
//   model.initialiser(ob::floats("W", {3, 4}, weights)).initialiser(ob::floats("b", {3}, bias));
//   model.node("Gemm", {"x", "W", "b"}, {"y"}, {ob::attribute("transB", 1)});
//   const std::string bytes = model.bytes();
#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <protozero/pbf_writer.hpp>
#include <string>
#include <utility>
#include <vector>

namespace onnx_builder {

// TensorProto.DataType
enum Type : std::int32_t {
  FLOAT = 1,
  UINT8 = 2,
  INT8 = 3,
  INT32 = 6,
  INT64 = 7,
  STRING = 8,
  BOOL = 9,
  FLOAT16 = 10,
  DOUBLE = 11,
  COMPLEX64 = 14,
  BFLOAT16 = 16
};

// ---------------------------------------------------------------------------------------------------------------- little-endian bytes

template <typename Word>
std::string little_endian(const std::vector<Word>& words) {
  std::string bytes;
  bytes.reserve(words.size() * sizeof(Word));
  for (const Word word : words)
    for (std::size_t k = 0; k < sizeof(Word); ++k)
      bytes.push_back(static_cast<char>((static_cast<std::uint64_t>(word) >> (8 * k)) & 0xFFU));
  return bytes;
}

inline std::string raw_bytes(const std::vector<float>& values) {
  std::vector<std::uint32_t> words;
  for (const float value : values) words.push_back(std::bit_cast<std::uint32_t>(value));
  return little_endian(words);
}

inline std::string raw_bytes(const std::vector<double>& values) {
  std::vector<std::uint64_t> words;
  for (const double value : values) words.push_back(std::bit_cast<std::uint64_t>(value));
  return little_endian(words);
}

inline std::string raw_bytes(const std::vector<std::int64_t>& values) {
  return little_endian(values);
}
inline std::string raw_bytes(const std::vector<std::int32_t>& values) {
  return little_endian(values);
}

// ------------------------------------------------------------------------------------------------------------------------ any message

/// Raw fields: for what no helper below writes.
inline std::string varint_field(std::uint32_t field, std::uint64_t value) {
  std::string bytes;
  protozero::pbf_writer(bytes).add_uint64(field, value);
  return bytes;
}

inline std::string bytes_field(std::uint32_t field, const std::string& value) {
  std::string bytes;
  protozero::pbf_writer(bytes).add_bytes(field, value);
  return bytes;
}

inline std::string float_field(std::uint32_t field, float value) {
  std::string bytes;
  protozero::pbf_writer(bytes).add_float(field, value);
  return bytes;
}

/// StringStringEntryProto
inline std::string key_value(const std::string& key, const std::string& value) {
  return bytes_field(1, key) + bytes_field(2, value);
}

// ---------------------------------------------------------------------------------------------------------------------------- tensors

/// TensorProto. `payload` is any concatenation of data fields (see the *_data functions).
inline std::string tensor(const std::string& name, std::int32_t type, const std::vector<std::int64_t>& dims, const std::string& payload) {
  std::string bytes;
  protozero::pbf_writer writer(bytes);
  writer.add_packed_int64(1, dims.begin(), dims.end());
  writer.add_int32(2, type);
  if (!name.empty()) writer.add_string(8, name);
  bytes += payload;
  return bytes;
}

inline std::string raw_data(const std::string& raw) {
  return bytes_field(9, raw);
}

inline std::string float_data(const std::vector<float>& values) {
  std::string bytes;
  protozero::pbf_writer(bytes).add_packed_float(4, values.begin(), values.end());
  return bytes;
}

inline std::string int32_data(const std::vector<std::int32_t>& values) {
  std::string bytes;
  protozero::pbf_writer(bytes).add_packed_int32(5, values.begin(), values.end());
  return bytes;
}

inline std::string int64_data(const std::vector<std::int64_t>& values) {
  std::string bytes;
  protozero::pbf_writer(bytes).add_packed_int64(7, values.begin(), values.end());
  return bytes;
}

inline std::string double_data(const std::vector<double>& values) {
  std::string bytes;
  protozero::pbf_writer(bytes).add_packed_double(10, values.begin(), values.end());
  return bytes;
}

/// external_data entries and data_location = EXTERNAL.
inline std::string external_data(const std::vector<std::pair<std::string, std::string>>& entries) {
  std::string bytes;
  for (const auto& [key, value] : entries) bytes += bytes_field(13, key_value(key, value));
  return bytes + varint_field(14, 1);
}

/// The usual encodings.
inline std::string floats(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<float>& values) {
  return tensor(name, FLOAT, dims, raw_data(raw_bytes(values)));
}
inline std::string doubles(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<double>& values) {
  return tensor(name, DOUBLE, dims, raw_data(raw_bytes(values)));
}
inline std::string int64s(const std::string& name, const std::vector<std::int64_t>& dims, const std::vector<std::int64_t>& values) {
  return tensor(name, INT64, dims, raw_data(raw_bytes(values)));
}
/// FLOAT16 or BFLOAT16 from their bits.
inline std::string halves(const std::string& name, Type type, const std::vector<std::int64_t>& dims,
                          const std::vector<std::uint16_t>& bits) {
  return tensor(name, type, dims, raw_data(little_endian(bits)));
}

// ------------------------------------------------------------------------------------------------------------------------- attributes

/// AttributeProto. The type field is written as IR version 2 and later want it; `untyped` leaves it out.
struct Attribute {
  std::string bytes;
};

inline Attribute make_attribute(const std::string& name, std::int32_t kind, const std::string& payload, bool untyped = false) {
  return {bytes_field(1, name) + payload + (untyped ? std::string() : varint_field(20, static_cast<std::uint64_t>(kind)))};
}
inline Attribute attribute(const std::string& name, float value) {
  return make_attribute(name, 1, float_field(2, value));
}
inline Attribute attribute(const std::string& name, std::int64_t value) {
  return make_attribute(name, 2, varint_field(3, static_cast<std::uint64_t>(value)));
}
inline Attribute attribute(const std::string& name, int value) {
  return attribute(name, static_cast<std::int64_t>(value));
}
inline Attribute string_attribute(const std::string& name, const std::string& value) {
  return make_attribute(name, 3, bytes_field(4, value));
}
/// `value` is a TensorProto.
inline Attribute tensor_attribute(const std::string& name, const std::string& value) {
  return make_attribute(name, 4, bytes_field(5, value));
}
inline Attribute floats_attribute(const std::string& name, const std::vector<float>& values) {
  std::string payload;
  for (const float value : values) payload += float_field(7, value);
  return make_attribute(name, 6, payload);
}
inline Attribute ints_attribute(const std::string& name, const std::vector<std::int64_t>& values) {
  std::string payload;
  for (const std::int64_t value : values) payload += varint_field(8, static_cast<std::uint64_t>(value));
  return make_attribute(name, 7, payload);
}
/// `graph` is a GraphProto.
inline Attribute graph_attribute(const std::string& name, const std::string& graph) {
  return make_attribute(name, 5, bytes_field(6, graph));
}

// ------------------------------------------------------------------------------------------------------------------ nodes and values

/// NodeProto
inline std::string node(const std::string& op, const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
                        const std::vector<Attribute>& attributes = {}, const std::string& name = "", const std::string& domain = "") {
  std::string bytes;
  for (const std::string& input : inputs) bytes += bytes_field(1, input);
  for (const std::string& output : outputs) bytes += bytes_field(2, output);
  if (!name.empty()) bytes += bytes_field(3, name);
  bytes += bytes_field(4, op);
  for (const Attribute& item : attributes) bytes += bytes_field(5, item.bytes);
  if (!domain.empty()) bytes += bytes_field(7, domain);
  return bytes;
}

/// A dimension: a number, or a name (symbolic), or neither (unknown).
struct Dim {
  std::optional<std::int64_t> value;
  std::string symbol;
  Dim(std::int64_t number) : value(number) {}  // NOLINT: implicit on purpose, lists of dimensions read better
  Dim(int number) : value(number) {}           // NOLINT
  Dim(const char* name) : symbol(name) {}      // NOLINT
  [[nodiscard]] std::string bytes() const {
    if (value) return varint_field(1, static_cast<std::uint64_t>(*value));
    return symbol.empty() ? std::string() : bytes_field(2, symbol);
  }
};

/// ValueInfoProto of a tensor.
inline std::string value_info(const std::string& name, std::int32_t type, const std::vector<Dim>& dims) {
  std::string shape;
  for (const Dim& dim : dims) shape += bytes_field(1, dim.bytes());
  const std::string tensor_type = varint_field(1, static_cast<std::uint64_t>(type)) + bytes_field(2, shape);
  return bytes_field(1, name) + bytes_field(2, bytes_field(1, tensor_type));
}

// ----------------------------------------------------------------------------------------------------------------------------- models

/// OperatorSetIdProto
inline std::string opset_id(const std::string& domain, std::int64_t version) {
  return (domain.empty() ? std::string() : bytes_field(1, domain)) + varint_field(2, static_cast<std::uint64_t>(version));
}

struct Model {
  std::optional<std::int64_t> ir_version = 8;
  std::vector<std::pair<std::string, std::int64_t>> opsets = {{"", 13}};
  std::string graph_name = "g";
  std::vector<std::string> nodes, initialisers, inputs, outputs, value_infos;  // encoded messages
  std::string graph_extra;                                                     // raw fields appended to GraphProto
  std::string model_extra;                                                     // raw fields appended to ModelProto

  Model() = default;
  explicit Model(std::int64_t opset) : opsets{{"", opset}} {}

  Model& input(const std::string& name, const std::vector<Dim>& dims, std::int32_t type = FLOAT) {
    inputs.push_back(value_info(name, type, dims));
    return *this;
  }
  Model& output(const std::string& name, const std::vector<Dim>& dims, std::int32_t type = FLOAT) {
    outputs.push_back(value_info(name, type, dims));
    return *this;
  }
  Model& initialiser(const std::string& tensor_bytes) {
    initialisers.push_back(tensor_bytes);
    return *this;
  }
  Model& node(const std::string& op, const std::vector<std::string>& in, const std::vector<std::string>& out,
              const std::vector<Attribute>& attributes = {}, const std::string& name = "", const std::string& domain = "") {
    nodes.push_back(onnx_builder::node(op, in, out, attributes, name, domain));
    return *this;
  }

  [[nodiscard]] std::string graph() const {
    std::string bytes;
    for (const std::string& item : nodes) bytes += bytes_field(1, item);
    if (!graph_name.empty()) bytes += bytes_field(2, graph_name);
    for (const std::string& item : initialisers) bytes += bytes_field(5, item);
    for (const std::string& item : inputs) bytes += bytes_field(11, item);
    for (const std::string& item : outputs) bytes += bytes_field(12, item);
    for (const std::string& item : value_infos) bytes += bytes_field(13, item);
    return bytes + graph_extra;
  }

  [[nodiscard]] std::string bytes() const {
    std::string bytes;
    if (ir_version) bytes += varint_field(1, static_cast<std::uint64_t>(*ir_version));
    for (const auto& [domain, version] : opsets) bytes += bytes_field(8, opset_id(domain, version));
    bytes += bytes_field(7, graph());
    return bytes + model_extra;
  }
};

}  // namespace onnx_builder
