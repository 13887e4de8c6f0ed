// The network at a sample: the fast evaluation (fixed_network.hpp) where its numbers fit, and else the wide one (graph/evaluate.hpp, 160
// bits, node by node). Both enclose the same real numbers.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "verifier/graph/evaluate.hpp"
#include "verifier/graph/graph.hpp"
#include "verifier/samples/samples.hpp"

namespace lipverify {

class FixedNetwork;

/// A block of the certificate whose bound has been verified.
struct VerifiedBlock {
  std::vector<std::size_t> nodes;
  bool join = false;  // one Add, Sub, Concat, Max or Min of tensors of data: `upper` is the constant from the graph's input to its output
  Rational upper;     // else: the Lipschitz constant from its one input to its output is at most this
};

class NetworkAtSamples {
 public:
  /// `blocks`: all of them, in order. The graph must outlive this object.
  NetworkAtSamples(const Graph& graph, const std::vector<VerifiedBlock>& blocks);
  ~NetworkAtSamples();
  [[nodiscard]] bool has_fast() const;
  /// Nodes that the fast evaluation has no integers for: it encloses them as the wide one does.
  [[nodiscard]] std::size_t enclosed() const;
  /// The network with a step for every node, for bounds around samples; null where a block has no such form. It lives as long as this object.
  [[nodiscard]] const FixedNetwork* by_nodes();
  /// Thread-safe. Without `wide` the fast evaluation is taken when there is one.
  [[nodiscard]] EnclosedOutput operator()(const Sample& sample, const Scaling& scaling, bool wide) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// A number that is at most ||f'(x; v)||_2, f' the one-sided directional derivative of the network, by the same arithmetic and in little memory:
/// block after block. Nothing where its numbers do not fit. x, v: of the input's size. `blocks` as above.
[[nodiscard]] std::optional<Rational> derivative_norm_below(const Graph& graph, Evaluator& evaluator, const std::vector<VerifiedBlock>& blocks,
                                                            const IntegerVector& x, const IntegerVector& v, unsigned threads);

}  // namespace lipverify
