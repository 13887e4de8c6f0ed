// The canonical graph digest (formats/SPEC.md, section 7): identity of the graph as read, before folding.
#include "verifier/base/bytes.hpp"
#include "verifier/graph/graph.hpp"

namespace lipverify {

namespace {

class Writer {
 public:
  void u64(std::uint64_t value) {
    std::string bytes;
    for (int k = 0; k < 8; ++k) bytes.push_back(static_cast<char>(value >> (8 * k) & 0xFF));
    hash_.update(bytes);
  }
  void i64(std::int64_t value) { u64(static_cast<std::uint64_t>(value)); }
  void raw(std::string_view bytes) { hash_.update(bytes); }
  void string(std::string_view bytes) {
    u64(bytes.size());
    raw(bytes);
  }
  void list(const std::vector<std::uint64_t>& numbers) {
    u64(numbers.size());
    for (const std::uint64_t n : numbers) u64(n);
  }
  void tensor(const Tensor& tensor) {
    u64(tensor.type);
    list(tensor.shape);
    string(tensor.bits);
  }
  void attribute(const Attribute& attribute) {
    u64(attribute.kind);
    switch (attribute.kind) {
      case 1: u64(attribute.real); break;
      case 2: i64(attribute.integer); break;
      case 3: string(attribute.text); break;
      case 4: tensor(attribute.tensor); break;
      default:
        u64(attribute.integers.size());
        for (const std::int64_t n : attribute.integers) i64(n);
    }
  }
  void reference(ValueId id) { u64(id == kAbsent ? 0 : id + 1); }
  std::string digest() { return hash_.hex_digest(); }

 private:
  Sha256 hash_;
};

}  // namespace

std::string graph_digest(const Graph& graph) {
  Writer out;
  out.raw("lipcert-graph-v1\n");
  out.u64(graph.opset);
  out.u64(graph.initialisers.size());
  for (const Tensor& tensor : graph.initialisers) out.tensor(tensor);
  out.list(graph.input().shape);
  out.list(graph.symbolic);
  out.u64(graph.input().type);
  out.u64(graph.nodes.size());
  for (const Node& node : graph.nodes) {
    out.string(node.type);
    out.u64(node.attributes.size());
    for (const auto& [name, attribute] : node.attributes) {  // a map is sorted bytewise
      out.string(name);
      out.attribute(attribute);
    }
    out.u64(node.inputs.size());
    for (const ValueId id : node.inputs) out.reference(id);
    out.u64(node.outputs.size());
    for (const ValueId id : node.outputs) {
      out.list(id == kAbsent ? Shape() : graph.values[id].shape);
      out.u64(id == kAbsent ? 0 : graph.values[id].type);
    }
  }
  out.reference(graph.output);
  return out.digest();
}

}  // namespace lipverify
