// See steps.hpp. Real arithmetic throughout: a float type changes no value, Cast and Dropout (inference) are identities.
//
// Here is the walk over the nodes; what makes a node of one family a step, and the terms of its matrix, stand together in operators/.

#include "certify/graph/steps.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <utility>

#include "certify/graph/operators/activation.hpp"
#include "certify/graph/operators/context.hpp"
#include "certify/graph/operators/gate.hpp"
#include "certify/graph/operators/l2_pooling.hpp"
#include "certify/graph/operators/move.hpp"
#include "certify/graph/operators/node_step.hpp"

namespace lipcert {

std::vector<std::size_t> StepGraph::readers() const {
  std::vector<std::size_t> count(steps.size() + 1, 0);
  for (const Step& step : steps) {
    for (const std::size_t input : step.inputs) {
      ++count[input];
    }
  }
  ++count[output];
  return count;
}

namespace {

class Builder {
 public:
  Builder(const Network& network, WorkerPool& pool) : network_(network), context_(network, pool) {}

  StepGraph build() {
    graph_.refusals = network_.refusals;
    if (!graph_.refusals.empty()) {
      return std::move(graph_);
    }
    graph_.input_size = context_.size(network_.input);
    context_.count_readers();
    poolings_ = find_l2_poolings(context_);
    for (const auto& [last, pooling] : poolings_) {
      inside_.insert(pooling.step.nodes.begin(), pooling.step.nodes.end());
    }
    products_ = find_gated_products(context_, inside_);
    for (const auto& [last, product] : products_) {
      inside_.insert(product.step.nodes.begin(), product.step.nodes.end());
    }
    context_.numbers[network_.input] = 0;
    for (std::size_t i = 0; i < network_.nodes.size(); ++i) {
      const Node& node = network_.nodes[i];
      if (context_.is_constant(node)) {
        graph_.constant_nodes.push_back(i);
        continue;
      }
      if (inside_.count(i) != 0 && poolings_.count(i) == 0 && products_.count(i) == 0) {
        continue;  // an inner node of a pooling or of a gated product
      }
      try {
        check_outputs(i);
        add_steps(i);
      } catch (const Refused& refused) {
        graph_.refusals.push_back(refused.refusal);
        for (const ValueId id : node.outputs) {
          if (id != no_value) {
            context_.numbers.emplace(id, 0);  // the steps are of no use any more; what follows is looked at all the same
          }
        }
      }
    }
    const auto output = context_.numbers.find(network_.output);
    if (graph_.refusals.empty() && (output == context_.numbers.end() || output->second == 0)) {
      const std::string name = network_.output < network_.values.size() ? network_.values[network_.output].name : std::string("output");
      graph_.refusals.push_back({name, "",
                                 network_.output == network_.input
                                     ? "is the graph's input itself; a network without a node has nothing to certify."
                                     : "does not depend on the graph's input; a constant has nothing to certify."});
    }
    if (graph_.refusals.empty()) {
      graph_.output = output->second;
      check_uses();
    }
    return std::move(graph_);
  }

 private:
  void check_outputs(std::size_t index) const {
    const Node& node = network_.nodes[index];
    for (std::size_t i = 1; i < node.outputs.size() && node.op != Operator::split; ++i) {
      if (node.outputs[i] != no_value && (!context_.readers[node.outputs[i]].empty() || node.outputs[i] == network_.output)) {
        throw refuse(network_, index, "has a second output that is used; export the network for inference.");
      }
    }
  }

  /// Every step must lead to the output.
  void check_uses() {
    std::vector<bool> leads(graph_.steps.size() + 1, false);
    leads[graph_.output] = true;
    for (std::size_t s = graph_.steps.size(); s-- > 0;) {
      if (leads[s + 1]) {
        for (const std::size_t input : graph_.steps[s].inputs) {
          leads[input] = true;
        }
      }
    }
    std::set<std::size_t> useful;  // nodes; of a Split one output is enough
    for (std::size_t s = 0; s < graph_.steps.size(); ++s) {
      if (leads[s + 1]) {
        useful.insert(graph_.steps[s].node);
      }
    }
    for (std::size_t s = 0; s < graph_.steps.size(); ++s) {
      if (useful.count(graph_.steps[s].node) == 0) {
        graph_.refusals.push_back(refuse(network_, graph_.steps[s].node, "does not lead to the graph's output; remove the node.").refusal);
      }
    }
  }

  void push(Step step) {
    if (unbounded(step)) {
      throw refuse(network_, step.node, "has constants whose combination is not finite in double precision; rescale the weights.");
    }
    const ValueId value = step.value;
    graph_.steps.push_back(std::move(step));
    context_.numbers[value] = graph_.steps.size();
  }

  void add_steps(std::size_t index) {
    const Node& node = network_.nodes[index];
    if (const auto pooling = poolings_.find(index); pooling != poolings_.end()) {
      Step step = std::move(pooling->second.step);
      step.inputs = {context_.numbers.at(pooling->second.input)};
      push(std::move(step));
      return;
    }
    if (const auto product = products_.find(index); product != products_.end()) {
      Step step = std::move(product->second.step);
      step.inputs = {context_.numbers.at(product->second.input)};
      push(std::move(step));
      return;
    }
    if (node.op == Operator::split) {
      for (std::size_t o = 0; o < node.outputs.size(); ++o) {
        Step step;
        step.node = index;
        step.nodes = {index};
        move_step(context_, step, o);
        push(std::move(step));
      }
      return;
    }
    push(step_of_node(context_, index));
  }

  [[nodiscard]] static bool unbounded(const Step& step) {
    const auto infinite = [](const Ball& b) { return !std::isfinite(b.centre) || !std::isfinite(b.radius); };
    return std::any_of(step.factors.begin(), step.factors.end(), infinite) || std::any_of(step.bias.begin(), step.bias.end(), infinite) ||
           std::any_of(step.slopes.begin(), step.slopes.end(), infinite) ||
           first_unbounded(step.matrix.centre, step.matrix.radius) != step.matrix.centre.size() ||
           first_unbounded(step.weights.centre, step.weights.radius) != step.weights.centre.size();
  }

  const Network& network_;
  StepContext context_;
  StepGraph graph_;
  std::map<std::size_t, L2Pooling> poolings_;     // by the last node
  std::map<std::size_t, GatedProduct> products_;  // by the last node
  std::set<std::size_t> inside_;                  // nodes of these
};

}  // namespace

StepGraph build_steps(const Network& network, WorkerPool& pool) {
  return Builder(network, pool).build();
}

}  // namespace lipcert
