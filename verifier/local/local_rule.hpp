// The theorem `layer-dual` for the claim about samples: whether a radius of one sample follows. See layer_dual.hpp.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "verifier/samples/network_at_samples.hpp"
#include "verifier/samples/scaling.hpp"

namespace lipverify {

class LocalRule {
 public:
  /// `blocks`: all of them, in order, with bounds that have been verified. The graph must outlive this object. What has no rule makes every `refute` say so.
  LocalRule(const Graph& graph, const std::vector<VerifiedBlock>& blocks);
  ~LocalRule();

  /// Nothing: for every y with ||y - x|| <= radius (the closed ball; with `range`: low <= y <= high in every entry, in units of the graph's input) it is
  /// proved that f_predicted(y) > f_j(y) for each j of `rivals`. One output: that f(y) has the sign of the class, rivals = {0}. Else: one sentence that says why
  /// not. `evidence`: the bytes of formats/SPEC.md, section 9. Thread-safe.
  [[nodiscard]] std::optional<std::string> refute(const Sample& sample, const Scaling& scaling, const InputBox* range, std::size_t predicted,
                                                  const std::vector<std::size_t>& rivals, const Rational& radius, std::string_view evidence) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lipverify
