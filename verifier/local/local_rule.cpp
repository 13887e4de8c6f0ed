// See local_rule.hpp.
#include "verifier/local/local_rule.hpp"

#include "verifier/local/layer_dual.hpp"

namespace lipverify {

struct LocalRule::State {
  State(const Graph& g, const std::vector<VerifiedBlock>& blocks) : graph(g), network(g, blocks) {}
  const Graph& graph;
  NetworkAtSamples network;
  std::optional<local::LayerDual> dual;
};

LocalRule::LocalRule(const Graph& graph, const std::vector<VerifiedBlock>& blocks) : state_(std::make_unique<State>(graph, blocks)) {
  std::vector<std::uint64_t> sizes;
  for (const Value& value : graph.values) sizes.push_back(element_count(value.shape));
  try {
    if (const FixedNetwork* network = state_->network.by_nodes()) state_->dual.emplace(*network, sizes, graph.output);
  } catch (const Unavailable&) {
    state_->dual.reset();
  }
}

LocalRule::~LocalRule() = default;

std::optional<std::string> LocalRule::refute(const Sample& sample, const Scaling& scaling, const InputBox* range, std::size_t predicted,
                                             const std::vector<std::size_t>& rivals, const Rational& radius, std::string_view evidence) const {
  const std::uint64_t outputs = element_count(state_->graph.values[state_->graph.output].shape);
  const std::optional<local::Evidence> parsed = local::parse_evidence(evidence, outputs, state_->graph.nodes.size());
  if (!parsed) return "the evidence of the sample is not of the form of the theorem layer-dual";
  if (rivals.empty()) return std::nullopt;
  if (!state_->dual) return "the network has a node that the theorem layer-dual cannot be checked for";
  if (radius < 0) return "the radius is negative";
  const GridPoint point = scaling.enclose(sample);
  const FixedTensor input{point.lower, point.exponent, sqrt_ceiling(Integer(point.inexact))};
  std::vector<std::uint32_t> wanted;
  for (const std::size_t rival : rivals) {
    if (rival >= outputs || predicted >= std::max<std::uint64_t>(outputs, 2) || (outputs > 1 && rival == predicted))
      return "class " + std::to_string(rival) + " is no rival of class " + std::to_string(predicted);
    wanted.push_back(static_cast<std::uint32_t>(rival));
  }
  const auto bounds = state_->dual->bounds(input, radius, static_cast<std::uint32_t>(predicted), wanted, *parsed, range);
  if (bounds.size() != wanted.size()) return "not every rival has been checked";
  for (const local::LayerDual::Bound& bound : bounds) {
    const std::string rival = outputs == 1 ? "0" : "class " + std::to_string(bound.rival);
    if (!bound.difference) return "the bound over " + rival + " needs numbers that are outside of the range of this checker";
    if (*bound.difference <= 0)
      return "the difference to " + rival + " is only known to be above " + decimal_text(*bound.difference, Toward::below) + " in the ball";
  }
  return std::nullopt;
}

}  // namespace lipverify
