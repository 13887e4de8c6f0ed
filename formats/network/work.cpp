// Shapes are small numbers in a file and large ones in memory: a MaxPool in 135 bytes compares 10^12 pairs of entries. What is counted is what certify/
// does with a node whatever the rest of the graph is: every entry of a value is enclosed and searched hundreds of times (a thousand multiplications
// each, 48 bytes), a window is listed entry by entry (16 bytes), constants that the graph computes are held as enclosures. What depends on a choice
// (whether a matrix is multiplied out) is counted where it is chosen.
#include "formats/network/work.hpp"

#include <cmath>
#include <cstdint>

#include "formats/encoding/budget.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

constexpr double work_of_entry = 1024;
constexpr double work_of_constant = 256;
constexpr double work_of_window_entry = 128;
constexpr double bytes_of_entry = 48;
constexpr double bytes_of_window_entry = 16;

double count(const Network& network, ValueId id) {
  return id < network.values.size() ? static_cast<double>(element_count(network.values[id].shape)) : 0;
}

/// The dimension `axis`, counted from the end for negative ones, of an input; 1 where there is none.
double dimension(const Network& network, const Node& node, std::size_t input, std::ptrdiff_t axis) {
  if (input >= node.inputs.size() || node.inputs[input] >= network.values.size()) return 1;
  const Shape& shape = network.values[node.inputs[input]].shape;
  const std::ptrdiff_t at = axis < 0 ? static_cast<std::ptrdiff_t>(shape.size()) + axis : axis;
  return at >= 0 && at < static_cast<std::ptrdiff_t>(shape.size()) ? static_cast<double>(shape[static_cast<std::size_t>(at)]) : 1;
}

double window(const Node& node) {
  double entries = 1;
  if (const auto kernel = node.attributes.find("kernel_shape"); kernel != node.attributes.end()) {
    if (const auto* sizes = std::get_if<std::vector<std::int64_t>>(&kernel->second)) {
      for (const std::int64_t size : *sizes) entries *= static_cast<double>(size);
    }
  }
  return entries;
}

std::string in_units(double value, double unit) {
  return std::to_string(static_cast<std::uint64_t>(std::ceil(std::fmin(value / unit, 1e15))));
}

}  // namespace

Work work_of(const Network& network, std::size_t index) {
  const Node& node = network.nodes[index];
  double in = 0;
  double out = 0;
  bool constant = true;
  for (const ValueId id : node.inputs) in += count(network, id);
  for (const ValueId id : node.outputs) {
    out += count(network, id);
    constant = constant && (id >= network.values.size() || network.values[id].constant);
  }
  Work work{out * (constant ? work_of_constant : work_of_entry), out * bytes_of_entry};
  switch (node.op) {
    case Operator::conv:
      work.multiplications += out * count(network, node.inputs.at(1)) / std::fmax(1, dimension(network, node, 1, 0));
      break;
    case Operator::conv_transpose:
      work.multiplications += count(network, node.inputs.at(0)) * count(network, node.inputs.at(1)) / std::fmax(1, dimension(network, node, 1, 0));
      break;
    case Operator::gemm:
      work.multiplications += out * dimension(network, node, 0, node.integer_attribute("transA") != 0 ? 0 : 1);
      break;
    case Operator::matmul:
      work.multiplications += out * dimension(network, node, 0, -1);
      break;
    case Operator::max_pool:
    case Operator::average_pool:
    case Operator::lp_pool:
      work.multiplications += work_of_window_entry * out * window(node);
      work.bytes += bytes_of_window_entry * out * window(node);
      break;
    default:
      work.multiplications += in;
      break;
  }
  return work;
}

void check_work(const Network& network, const std::string& model) {
  Work all;
  Work most;
  std::size_t dearest = 0;
  std::size_t largest = 0;
  for (std::size_t i = 0; i < network.nodes.size(); ++i) {
    const Work work = work_of(network, i);
    all.multiplications += work.multiplications;
    all.bytes += work.bytes;
    if (work.multiplications > most.multiplications) dearest = i;
    if (work.bytes > most.bytes) largest = i;
    most = {std::fmax(most.multiplications, work.multiplications), std::fmax(most.bytes, work.bytes)};
  }
  const auto shown = [&](std::size_t node) { return "node '" + network.label(node) + "' (" + name_of(network.nodes[node].op) + ")"; };
  const Budget& allowed = budget();
  if (all.multiplications > static_cast<double>(allowed.work))
    throw Error(ExitCode::internal, model + ": would cost about " + in_units(all.multiplications, 0x1p30) + " * 2^30 multiplications, most of them for " +
                                        shown(dearest) + ", more than the " + in_units(static_cast<double>(allowed.work), 0x1p30) +
                                        " of --max-work; allow that many if the sizes are meant.");
  if (all.bytes > static_cast<double>(allowed.memory))
    throw Error(ExitCode::internal, model + ": would take about " + in_units(all.bytes, 0x1p20) + " MiB of memory, most of it for " + shown(largest) +
                                        ", more than the " + in_units(static_cast<double>(allowed.memory), 0x1p20) +
                                        " MiB of --max-memory; allow that much if the sizes are meant.");
}

}  // namespace lipcert
