// See work.hpp. Shapes are small numbers in a file and large ones in memory. Counted for every node: 1024 multiplications for each entry of its result (256
// for a constant) and 64 bytes; 128 and 16 bytes for each entry of each window; the products of Gemm, MatMul and convolutions. Everything is an
// unbounded integer, so no hostile size wraps around.
#include "verifier/graph/work.hpp"

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"

namespace lipverify {

namespace {

Integer entries(const Graph& graph, ValueId id) { return id == kAbsent ? Integer(0) : Integer(element_count(graph.values[id].shape)); }

/// Dimension `axis` of an input, `last` counted from the end; 1 where there is none.
Integer dimension(const Graph& graph, const Node& node, std::size_t input, std::size_t axis, bool last = false) {
  if (input >= node.inputs.size() || node.inputs[input] == kAbsent) return 1;
  const Shape& shape = graph.values[node.inputs[input]].shape;
  if (axis >= shape.size()) return 1;
  return Integer(shape[last ? shape.size() - 1 - axis : axis]);
}

Integer window(const Node& node) {
  Integer out = 1;
  if (const auto kernel = node.attributes.find("kernel_shape"); kernel != node.attributes.end())
    for (const std::int64_t size : kernel->second.integers) out *= size;
  return out;
}

std::string in_units(const Integer& value, unsigned bits) { return Integer((value >> bits) + 1).str(); }

}  // namespace

void check_work(const Graph& graph, const Budget& given) {
  const Budget budget = settled(given);
  Integer work = 0;
  Integer bytes = 0;
  Integer most = -1;
  std::size_t dearest = 0;
  for (std::size_t k = 0; k < graph.nodes.size(); ++k) {
    const Node& node = graph.nodes[k];
    Integer in = 0;
    Integer out = 0;
    bool constant = true;
    for (const ValueId id : node.inputs) in += entries(graph, id);
    for (const ValueId id : node.outputs) {
      out += entries(graph, id);
      constant = constant && (id == kAbsent || graph.values[id].constant);
    }
    Integer own = out * (constant ? 256 : 1024) + in;
    bytes += out * 64;
    switch (node.op) {
      case Op::conv: own += out * entries(graph, node.inputs.at(1)) / dimension(graph, node, 1, 0); break;
      case Op::conv_transpose: own += entries(graph, node.inputs.at(0)) * entries(graph, node.inputs.at(1)) / dimension(graph, node, 1, 0); break;
      case Op::gemm: own += out * dimension(graph, node, 0, node.attributes.at("transA").integer != 0 ? 0 : 1); break;
      case Op::matmul: own += out * dimension(graph, node, 0, 0, true); break;
      case Op::max_pool:
      case Op::average_pool:
      case Op::lp_pool:
        own += 128 * out * window(node);
        bytes += 16 * out * window(node);
        break;
      default: break;
    }
    work += own;
    if (own > most) {
      most = own;
      dearest = k;
    }
  }
  const std::string what = "the model, most of all " + printable(graph.nodes.empty() ? std::string("nothing") : graph.label(dearest)) + ",";
  if (work > Integer(budget.work))
    exhausted(what + " would cost about " + in_units(work, 30) + " * 2^30 multiplications, more than the " + std::to_string(budget.work >> 30) +
              " of --max-work; allow that many if the sizes are meant");
  if (bytes > Integer(budget.memory))
    exhausted(what + " would take about " + in_units(bytes, 20) + " MiB of memory, more than the " + std::to_string(budget.memory >> 20) +
              " of --max-memory; allow that much if the sizes are meant");
}

}  // namespace lipverify
