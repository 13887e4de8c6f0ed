// The network at a sample: the fast evaluation (fixed_chain.hpp) where the network is a chain that fits it, and the wide one
// (trusted/evaluate.hpp, 160 bits, node by node) for every other graph. Both enclose the same real numbers.
#pragma once

#include <memory>
#include <vector>

#include "verifier/samples/samples.hpp"
#include "verifier/trusted/graph.hpp"

namespace lipverify {

/// A block of the certificate whose bound has been verified.
struct VerifiedBlock {
  std::vector<std::size_t> nodes;
  bool activation = false;  // one activation node; else affine
  Rational upper;           // its Lipschitz constant is at most this
};

class NetworkAtSamples {
 public:
  /// `blocks`: all of them, in order. The graph must outlive this object.
  NetworkAtSamples(const Graph& graph, const std::vector<VerifiedBlock>& blocks);
  ~NetworkAtSamples();
  [[nodiscard]] bool has_fast() const;
  /// Thread-safe. Without `wide` the fast evaluation is taken when there is one.
  [[nodiscard]] EnclosedOutput operator()(const Sample& sample, const Scaling& scaling, bool wide) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lipverify
