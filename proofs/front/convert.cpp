// See convert.hpp. The certificate's blocks are read (claimed_blocks.hpp) and become one chain of layers (tree.hpp); the chain is written
// out (problem_text.hpp), and after it the claims (claims.hpp).

#include "proofs/front/convert.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "proofs/front/bounds.hpp"
#include "proofs/front/claimed_blocks.hpp"
#include "proofs/front/claims.hpp"
#include "proofs/front/members.hpp"
#include "proofs/front/problem_text.hpp"
#include "proofs/front/tree.hpp"

namespace lipcert::proofs {
namespace {

/// Bits of a layer's values at a sample: they stay in one machine word, and the error that rounding adds is far below the part by which
/// the generator reduces a margin (its own error radius, which is one of double precision, 32 times).
constexpr int precision = 60;
/// What lipproof-check reads (proofs/FORMAT.md).
constexpr std::size_t deepest_problem = 1990;

void check_semantics(const Json& predicate) {
  const Json& semantics = member(predicate, "semantics");
  if (text(member(semantics, "arithmetic"), "arithmetic") != "real") {
    throw NotCovered("the certificate is about floating-point arithmetic; the proofs are about real arithmetic");
  }
  if (text(member(semantics, "inputNorm"), "input norm") != "l2" || text(member(semantics, "outputNorm"), "output norm") != "l2") {
    throw NotCovered("the certificate is about another norm than l2");
  }
  if (text(member(semantics, "domain"), "domain") != "all") {
    throw NotCovered("the certificate is about a part of the input space");
  }
}

/// The last block is matrices and factors alone.
bool has_rows(const Chain& chain) {
  const auto is_linear = [](const Layer& layer) { return layer.kind != Layer::Kind::plain || layer.word == "identity"; };
  return !chain.empty() && chain.back().kind == Part::Kind::block &&
         std::all_of(chain.back().block.layers.begin(), chain.back().block.layers.end(), is_linear);
}

/// All of the problem but its claims.
std::string problem_without_claims(const Network& network, const Chain& chain) {
  std::string out = "lipcert-problem 1\n";
  out += "input " + std::to_string(element_count(network.values.at(network.input).shape)) + "\n";
  // The whole is Compose body last.
  const Chain body(chain.begin(), chain.end() - (chain.empty() ? 0 : 1));
  const Chain last(chain.end() - (chain.empty() ? 0 : 1), chain.end());
  out += "body\n";
  append_network(out, body);
  out += "last\n";
  append_network(out, last);
  out += "body-evidence\n";
  append_evidence(out, body);
  out += "last-evidence\n";
  append_evidence(out, last);
  out += "precision " + std::to_string(precision) + "\n";
  return out;
}

}  // namespace

Conversion convert(const Network& network, const Json& predicate, const std::optional<SampleRequest>& samples) {
  check_semantics(predicate);
  const ClaimedBlocks claimed = read_claimed_blocks(network, predicate);
  const Tree tree = tree_of(network, claimed);
  if (depth_of(tree.chain) > deepest_problem) {
    throw NotCovered("a network of so many layers one after another that the proved checker does not read it");
  }
  Conversion result;
  result.not_covered = {
      "signature, issuer and validity",
      "lower ends of the intervals (witnesses)",
      "the certificate's own evidence integers: the claimed numbers are proved from a factor found here",
      "that the problem is the model's graph: the conversion is not proved (read the problem file to check it)",
  };
  std::string out = problem_without_claims(network, tree.chain);
  Claims claims = claims_of(network, predicate, claimed, has_rows(tree.chain), tree.rational_values, samples);
  result.not_covered.insert(result.not_covered.end(), claims.not_covered.begin(), claims.not_covered.end());
  result.samples = std::move(claims.samples);
  result.problem = std::move(out) + claims.text + "end\n";
  return result;
}

}  // namespace lipcert::proofs
