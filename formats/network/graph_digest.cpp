// The canonical byte string of formats/SPEC.md, section 7, written in one pass over the network. Memory: one copy of the weights.
#include "formats/network/graph_digest.hpp"

#include <bit>
#include <cstdint>
#include <vector>

#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert {

namespace {

class Writer {
 public:
  void number(std::uint64_t value) {
    for (unsigned k = 0; k < 8; ++k) bytes_.push_back(static_cast<char>((value >> (8 * k)) & 0xFFU));
  }
  void reserve(std::size_t bytes) { bytes_.reserve(bytes); }
  void raw(const char* text) { bytes_ += text; }
  void string(const std::string& text) {
    number(text.size());
    bytes_ += text;
  }
  void dimensions(const Shape& shape) {
    number(shape.size());
    for (const std::uint64_t dimension : shape) number(dimension);
  }
  void tensor(const Tensor& value) {
    number(static_cast<std::uint64_t>(value.type));
    dimensions(value.shape);
    number(value.bits.size());
    bytes_.append(reinterpret_cast<const char*>(value.bits.data()), value.bits.size());
  }
  void attribute(const Attribute& value) {
    if (const auto* real = std::get_if<float>(&value)) {
      number(1);
      number(std::bit_cast<std::uint32_t>(*real));
    } else if (const auto* integer = std::get_if<std::int64_t>(&value)) {
      number(2);
      number(static_cast<std::uint64_t>(*integer));
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      number(3);
      string(*text);
    } else if (const auto* constant = std::get_if<Tensor>(&value)) {
      number(4);
      tensor(*constant);
    } else {
      const auto& integers = std::get<std::vector<std::int64_t>>(value);
      number(7);
      number(integers.size());
      for (const std::int64_t entry : integers) number(static_cast<std::uint64_t>(entry));
    }
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// Values stand in the order input, initialisers, node outputs, so a reference is the index plus one; 0 is absent.
std::uint64_t reference(ValueId id) {
  return id == no_value ? 0 : static_cast<std::uint64_t>(id) + 1;
}

}  // namespace

std::string canonical_bytes(const Network& network) {
  if (!network.refusals.empty() || network.output == no_value)
    throw Error(ExitCode::internal, "The digest of a graph was asked for although parts of the graph are refused.");
  std::size_t weights = 0;
  for (const Tensor& tensor : network.initialisers) weights += tensor.bits.size() + 64;
  Writer writer;
  writer.reserve(weights + 256 * network.nodes.size() + 256);
  writer.raw("lipcert-graph-v1\n");
  writer.number(network.opset);
  writer.number(network.initialisers.size());
  for (const Tensor& tensor : network.initialisers) writer.tensor(tensor);
  const Value& input = network.values[network.input];
  writer.dimensions(input.shape);
  writer.dimensions(network.symbolic);
  writer.number(static_cast<std::uint64_t>(input.type));
  writer.number(network.nodes.size());
  for (const Node& node : network.nodes) {
    writer.string(name_of(node.op));
    writer.number(node.attributes.size());
    for (const auto& [name, value] : node.attributes) {  // std::map: bytewise order of names
      writer.string(name);
      writer.attribute(value);
    }
    writer.number(node.inputs.size());
    for (const ValueId id : node.inputs) writer.number(reference(id));
    writer.number(node.outputs.size());
    for (const ValueId id : node.outputs) {
      if (id == no_value) {
        writer.dimensions({});
        writer.number(0);
        continue;
      }
      writer.dimensions(network.values[id].shape);
      writer.number(static_cast<std::uint64_t>(network.values[id].type));
    }
  }
  writer.number(reference(network.output));
  return writer.take();
}

std::string graph_digest(const Network& network) {
  return sha256_hex(canonical_bytes(network));
}

}  // namespace lipcert
