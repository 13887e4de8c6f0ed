// See describe.hpp.

#include "certify/graph/segments/describe.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "certify/graph/linear_map.hpp"

namespace lipcert {
namespace {

/// Before bounding: what will prove it, as far as that is known.
std::string theorem_of(const StepGraph& graph, const Segment& segment) {
  switch (segment.op) {
    case BlockOperator::isometry:
      return "isometry";
    case BlockOperator::scale:
      return "diagonal-max";
    case BlockOperator::dense:
      return "dense-gram-psd";
    case BlockOperator::linear: {
      const SparseMatrix a = matrix_of(graph, segment.steps, segment.inputs.at(0));
      std::vector<bool> column_seen(a.columns, false);
      bool rows = true;
      bool columns = true;
      for (std::size_t i = 0; i < a.rows; ++i) {
        rows = rows && a.start[i + 1] - a.start[i] <= 1;
        for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) {
          columns = columns && !column_seen[a.column[k]];
          column_seen[a.column[k]] = true;
        }
      }
      return rows || columns ? "diagonal-gram" : "explicit-gram-psd";
    }
    case BlockOperator::convolution:
      return "convolution";
    case BlockOperator::activation:
      return "elementwise-slope";
    case BlockOperator::softmax:
      return "softmax-half";
    case BlockOperator::pool_max:
      return "max-overlap";
    case BlockOperator::pool_l2:
      return "window-sum";
    case BlockOperator::sort:
      return "rearrangement";
    case BlockOperator::split:
      return "slices";
    case BlockOperator::sll:
      return "sll-psd";
    case BlockOperator::add:
      return "sum";
    case BlockOperator::concat:
      return segment.disjoint ? "disjoint-slices" : "root-sum-squares";
    case BlockOperator::max_min:
      return "root-sum-squares";
  }
  return "";
}

}  // namespace

std::vector<Block> describe(const Network& network, const StepGraph& graph, const std::vector<Segment>& segments) {
  std::vector<Block> blocks;
  const auto name_of_value = [&](std::size_t value) {
    return value == 0 ? std::string() : network.values[graph.steps[value - 1].value].name;
  };
  for (const Segment& segment : segments) {
    Block block;
    block.op = segment.op;
    std::set<std::size_t> nodes;
    for (const std::size_t s : segment.steps) {
      nodes.insert(graph.steps[s].nodes.begin(), graph.steps[s].nodes.end());
    }
    block.nodes.assign(nodes.begin(), nodes.end());
    block.id = name_of_value((segment.op == BlockOperator::split ? segment.steps.front() : segment.steps.back()) + 1);
    for (const std::size_t input : segment.inputs) {
      const std::string name = name_of_value(input);
      if (std::find(block.inputs.begin(), block.inputs.end(), name) == block.inputs.end()) {  // each tensor once, however often it is read
        block.inputs.push_back(name);
      }
      block.input_size += graph.size_of(input);
    }
    block.theorem = theorem_of(graph, segment);
    block.output_size = graph.steps[segment.steps.back()].output_size;
    block.rows = segment.rows;
    block.columns = segment.columns;
    block.slices_of = segment.slices_of;
    if (segment.convolution) {
      const Convolution& c = *segment.convolution;
      block.kernel = c.kernel.shape;
      block.groups = c.groups;
    }
    blocks.push_back(std::move(block));
  }
  return blocks;
}

}  // namespace lipcert
