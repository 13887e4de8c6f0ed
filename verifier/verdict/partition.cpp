// See partition.hpp. A Shape node's result is constant: it lies in `constantNodes` and reads no data.
#include "verifier/verdict/partition.hpp"

#include <algorithm>
#include <map>
#include <set>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/graph/activations.hpp"
#include "verifier/theorems/linear.hpp"

namespace lipverify {

namespace {

// --------------------------------------------------------------------------------------------------- the nodes that an operator allows

bool is_scale(Op op) { return op == Op::mul || op == Op::div; }
bool is_dense(Op op) { return op == Op::gemm || op == Op::matmul; }

/// Max and Min with constants too.
bool is_entrywise(Op op) { return is_activation(op) || op == Op::max || op == Op::min; }

/// The same entries in the same shape.
bool is_copy(Op op) { return op == Op::identity || op == Op::dropout || op == Op::cast; }
bool is_channelwise(Op op) { return is_copy(op) || op == Op::neg || op == Op::add || op == Op::sub || is_scale(op) || op == Op::batch_normalization; }
bool is_padding(Op op) { return is_copy(op) || op == Op::pad || op == Op::slice || op == Op::concat; }
bool is_convolution(Op op) { return op == Op::conv || op == Op::conv_transpose; }

bool is_rearranging(Op op) {
  switch (op) {
    case Op::neg:
    case Op::relu:
    case Op::max:
    case Op::min:
    case Op::reduce_max:
    case Op::reduce_min:
    case Op::top_k: return true;
    default: return moves_entries(op) && op != Op::pad;
  }
}

/// The nodes that a block's operator allows. What they compute, and that it is what the operator says, the block's theorem looks at.
void check_operator(const Graph& graph, Evaluator& evaluator, const Block& block) {
  const std::string& op = block.claim->op;
  const std::vector<std::size_t>& nodes = block.nodes();
  const auto fail = [&](const std::string& reason) { reject(name_of(*block.claim) + " claims the operator " + op + ", but " + reason); };
  const auto count = [&](bool (*kind)(Op)) {
    return std::count_if(nodes.begin(), nodes.end(), [&](std::size_t i) { return kind(graph.nodes[i].op); });
  };
  const auto all = [&](const auto& allowed) {
    for (const std::size_t i : nodes)
      if (!allowed(graph.nodes[i].op)) fail("it holds " + graph.label(i) + ", which such a block may not hold");
  };
  const auto alone = [&](std::initializer_list<Op> ops) {
    if (nodes.size() != 1 || std::find(ops.begin(), ops.end(), graph.nodes[nodes[0]].op) == ops.end())
      fail("it is not one node of its kind: it holds " + graph.label(nodes[0]) + (nodes.size() == 1 ? "" : " and others"));
  };

  if (op == "isometry" || op == "scale" || op == "dense") {
    all(is_foldable);
    const std::string kind = count(is_dense) > 0 ? "dense" : count(is_scale) > 0 ? "scale" : "isometry";
    if (kind != op) fail("its nodes are " + kind);
    ValueId current = block.input();
    for (const std::size_t i : nodes) {
      if (evaluator.data_input(i) != current) fail("its nodes are not a chain: " + graph.label(i) + " reads something else than what stands before it");
      current = graph.nodes[i].outputs[0];
    }
  } else if (op == "linear") {
    all(is_linear_op);
  } else if (op == "convolution") {
    all([](Op o) { return is_channelwise(o) || is_padding(o) || is_convolution(o); });
    if (count(is_convolution) != 1) fail("it does not hold exactly one convolution");
  } else if (op == "activation") {
    if (nodes.size() == 1) {  // several nodes: verifier/theorems/gated_product.cpp
      if (count(is_entrywise) != 1) fail("its node is no activation");
      if (data_inputs(graph, nodes[0]).size() != 1) fail(graph.label(nodes[0]) + " does not have exactly one tensor of data");
    }
  } else if (op == "softmax") {
    alone({Op::softmax});
  } else if (op == "pool-max") {
    alone({Op::max_pool, Op::global_max_pool, Op::reduce_max, Op::reduce_min});
  } else if (op == "pool-l2") {
    if (nodes.size() > 1 || (graph.nodes[nodes[0]].op != Op::reduce_l2 && graph.nodes[nodes[0]].op != Op::lp_pool))
      all([](Op o) { return is_linear_op(o) || o == Op::pow || o == Op::sqrt || o == Op::sign || o == Op::relu || o == Op::abs; });
  } else if (op == "sort") {
    all(is_rearranging);
  } else if (op == "split") {
    alone({Op::split});
  } else if (op == "sll") {
    all([](Op o) { return is_linear_op(o) || o == Op::relu; });
  } else if (op == "add" || op == "concat" || op == "max-min") {
    if (op == "add") alone({Op::add, Op::sub});
    if (op == "concat") alone({Op::concat});
    if (op == "max-min") alone({Op::max, Op::min});
    const std::vector<ValueId> read = data_inputs(graph, nodes[0]);
    if (read.size() < 2 || read.size() != graph.nodes[nodes[0]].inputs.size()) fail(graph.label(nodes[0]) + " does not join tensors of data");
    for (const ValueId id : read)
      if (op != "concat" && graph.values[id].shape != graph.values[read[0]].shape) fail("the tensors that it joins are not of one shape");
  } else {
    fail("this version of the checker does not know it");
  }
}

}  // namespace

// --------------------------------------------------------------------------------------------------------------------------- partition

std::vector<Block> check_partition(const Graph& graph, Evaluator& evaluator, const Statement& statement) {
  constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
  std::vector<std::size_t> place(graph.nodes.size(), nowhere);
  std::vector<bool> constant(graph.nodes.size(), false);
  for (std::size_t k = 0; k < statement.constant_nodes.size(); ++k) {
    const std::size_t i = statement.constant_nodes[k];
    if (i >= graph.nodes.size()) reject("constantNodes names node " + std::to_string(i) + ", but the graph has " + std::to_string(graph.nodes.size()));
    if (k > 0 && statement.constant_nodes[k - 1] >= i) reject("constantNodes is not ascending");
    constant[i] = true;
  }
  std::vector<std::vector<std::size_t>> readers(graph.values.size());
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    const bool is_constant = graph.values[graph.nodes[i].outputs[0]].constant;
    if (is_constant != constant[i])
      reject(graph.label(i) + (is_constant ? " does not depend on the input, but is not in constantNodes" : " depends on the input, but is in constantNodes"));
    for (const ValueId id : data_inputs(graph, i)) readers[id].push_back(i);
  }
  if (statement.blocks.empty()) reject("the certificate has no blocks");

  std::vector<Block> out;
  std::map<std::string, ValueId> outputs = {{"", 0}};  // what blocks put out so far; "" is the graph's input
  for (std::size_t b = 0; b < statement.blocks.size(); ++b) {
    const BlockClaim& claim = statement.blocks[b];
    const std::string name = name_of(claim);
    Block block;
    block.claim = &claim;
    if (claim.nodes.empty()) reject(name + " holds no nodes");
    if (claim.inputs.empty() || (claim.inputs.size() != 1 && !is_join(claim.op)))
      reject(name + " has " + std::to_string(claim.inputs.size()) + " inputs; its operator has " + (is_join(claim.op) ? "at least one" : "one"));
    std::set<ValueId> named;
    for (const std::string& input : claim.inputs) {
      const auto source = outputs.find(input);
      if (source == outputs.end()) reject(name + " reads '" + printable(input) + "', which is no output of a block before it");
      if (!named.insert(source->second).second) reject(name + " names its input '" + printable(input) + "' twice");
      block.inputs.push_back(source->second);
    }
    for (std::size_t k = 0; k < claim.nodes.size(); ++k) {
      const std::size_t i = claim.nodes[k];
      if (i >= graph.nodes.size()) reject(name + " holds node " + std::to_string(i) + ", but the graph has " + std::to_string(graph.nodes.size()));
      if (constant[i]) reject(name + " holds " + graph.label(i) + ", which does not depend on the input");
      if (place[i] != nowhere) reject(graph.label(i) + " lies in two blocks");
      if (k > 0 && claim.nodes[k - 1] >= i) reject("the nodes of " + name + " are not ascending");
      place[i] = b;
    }
    std::set<ValueId> read;
    for (const std::size_t i : claim.nodes)
      for (const ValueId id : data_inputs(graph, i)) {
        const bool inside = graph.values[id].kind == Value::Kind::node_output && place[graph.values[id].producer] == b;
        if (!inside && named.count(id) == 0)
          reject(graph.label(i) + " of " + name + " reads '" + printable(graph.values[id].name) + "', which is neither an input of the block nor computed in it");
        if (!inside) read.insert(id);
      }
    if (read.size() != named.size()) reject(name + " names an input that it does not read");

    const std::vector<ValueId>& last = graph.nodes[claim.nodes.back()].outputs;
    if (graph.values[last[0]].name != claim.id) reject(name + " is not named after its output '" + printable(graph.values[last[0]].name) + "'");
    if (claim.op == "split")
      block.outputs = last;
    else
      block.outputs = {last[0]};
    for (const std::size_t i : claim.nodes)
      for (const ValueId id : graph.nodes[i].outputs) {
        if (id == kAbsent || std::find(block.outputs.begin(), block.outputs.end(), id) != block.outputs.end()) continue;
        bool inside = id != graph.output;
        for (const std::size_t reader : readers[id]) inside = inside && place[reader] == b;
        if (!inside) reject("'" + printable(graph.values[id].name) + "' is computed inside " + name + " and read outside");
      }
    check_operator(graph, evaluator, block);
    for (const ValueId id : block.outputs)
      if (!outputs.emplace(graph.values[id].name, id).second) reject("two blocks put out '" + printable(graph.values[id].name) + "'");
    out.push_back(std::move(block));
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (!constant[i] && place[i] == nowhere) reject(graph.label(i) + " lies in no block");
  const std::vector<ValueId>& last = out.back().outputs;
  if (std::find(last.begin(), last.end(), graph.output) == last.end()) reject("the last block is not the one that computes the graph's output");
  return out;
}

}  // namespace lipverify
