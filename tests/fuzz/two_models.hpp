// Both readers of models on the same bytes: refused by both, each with the outcome for files that cannot be read, or read by both as the same network.
#pragma once

#include <string>
#include <vector>

#include "formats/encoding/error.hpp"
#include "formats/network/graph_digest.hpp"
#include "formats/network/network.hpp"
#include "tests/fuzz/support.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/graph/graph.hpp"

namespace fuzz {

template <typename List>
std::string numbers(const List& list) {
  std::string text;
  for (const auto entry : list) text += std::to_string(entry) + ",";
  return text;
}

/// What a reader saw, as text; empty: refused.
template <typename Read>
std::string seen(const Read& network, const std::string& digest) {
  std::string text = digest + " symbolic " + numbers(network.symbolic) + " output " + std::to_string(network.output);
  for (const auto& value : network.values)
    text += "\n" + value.name + (value.constant ? " constant " : " data ") + std::to_string(static_cast<unsigned>(value.type)) + " " + numbers(value.shape);
  return text;
}

/// `generator`, `checker`: functions of the bytes.
template <typename Generator, typename Checker>
void agree(const std::string& bytes, Generator generator, Checker checker) {
  std::string first, second, why_first, why_second;
  try {
    const lipcert::Network network = generator(bytes);
    if (network.refusals.empty())
      first = seen(network, lipcert::graph_digest(network));
    else
      why_first = network.refusals.front().node + ": " + network.refusals.front().reason;
  } catch (const lipcert::Error& error) {
    why_first = error.what();
    if (error.code() != lipcert::ExitCode::input) broken("the generator refuses a model with another exit code than 3: " + why_first);
  }
  try {
    const lipverify::Graph graph = checker(bytes);
    second = seen(graph, lipverify::graph_digest(graph));
  } catch (const lipverify::Failure& failure) {
    why_second = failure.what();
    if (failure.outcome() != lipverify::Outcome::input) broken("the checker refuses a model with another exit code than 3: " + why_second);
  }
  if (first != second)
    broken("two readers disagree\ngenerator: " + (first.empty() ? "refused, " + why_first : first) + "\nchecker: " +
           (second.empty() ? "refused, " + why_second : second));
}

}  // namespace fuzz
