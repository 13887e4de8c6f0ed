// See claims.hpp.
#include "proofs/front/claims.hpp"

#include <cstddef>
#include <cstdint>
#include <set>

#include "formats/encoding/error.hpp"
#include "proofs/front/members.hpp"
#include "proofs/front/problem_text.hpp"

namespace lipcert::proofs {

namespace {

class ClaimWriter {
 public:
  ClaimWriter(const Network& network, const Json& predicate, const ClaimedBlocks& claimed, bool last_has_rows, bool rational_values,
              const std::optional<SampleRequest>& samples)
      : network_(network),
        predicate_(predicate),
        claimed_(claimed),
        last_has_rows_(last_has_rows),
        rational_values_(rational_values),
        samples_(samples) {}

  [[nodiscard]] Claims claims() const {
    Claims result;
    std::size_t count = 0;
    std::string list;
    SampleConversion samples;
    bool about_samples = false;
    std::set<std::string> kinds;
    for (const Json& claim : member(predicate_, "claims")) {
      const std::string kind = text(member(claim, "kind"), "claim kind");
      if (!kinds.insert(kind).second) {
        throw rejected("the certificate makes two claims of kind '" + kind + "'.");
      }
      const std::string theorem = text(member(member(claim, "evidence"), "theorem"), "theorem");
      if (kind == "global-lipschitz" && theorem == "graph-propagation") {
        check_formula(claim, "for all x, y in R^(" + input_space() + "): ||f(x) - f(y)||_2 <= L ||x - y||_2");
        list += "global-lipschitz ";
        append(list, upper_end(member(claim, "upper")));
        list += '\n';
        ++count;
      } else if (kind == "pair-lipschitz" && (theorem == "pair-row-difference" || theorem == "pair-sqrt2")) {
        count += pairs(list, claim, theorem);
      } else if (kind == "sample-radii") {
        about_samples = true;
        samples = about(claim, result);
      } else {
        throw NotCovered("claims of kind '" + kind + "' with theorem '" + theorem + "'");
      }
    }
    if (samples_ && !about_samples) {
      throw Error(ExitCode::usage, "data was given, but the certificate makes no claim about samples; leave --data out.");
    }
    if (kinds.empty()) {
      throw rejected("the certificate makes no claim.");
    }
    if (count + samples.claim_count == 0) {
      throw NotCovered("a certificate about samples alone, without a radius to prove");
    }
    result.text = "points " + std::to_string(samples.point_count) + "\n" + samples.points;
    result.text += "claims " + std::to_string(count + samples.claim_count) + "\n" + list + samples.claims;
    return result;
  }

 private:
  [[nodiscard]] const Value& value(ValueId id) const { return network_.values.at(id); }

  SampleConversion about(const Json& claim, Claims& result) const {
    if (!rational_values_) {
      result.not_covered.emplace_back("the claim about samples: values of Sigmoid and Tanh are not rational");
      return {};
    }
    if (!samples_) {
      result.not_covered.emplace_back("the claim about samples (give --data)");
      return {};
    }
    if (claim.contains("inputRange")) {
      result.not_covered.emplace_back("the claim about samples: a stated range of inputs");
      return {};
    }
    std::string formula =
        element_count(value(network_.output).shape) == 1
            ? "for every selected sample x_k with a predicted class and every y with ||y - x_k||_2 < r_k: sign f(y) = sign f(x_k)"
            : "for every selected sample x_k with a predicted class, every y with ||y - x_k||_2 < r_k and every j != c_k: "
              "f_(c_k)(y) > f_j(y)";
    if (claim.contains("epsUnit") && text(claim.at("epsUnit"), "unit of eps") == "scaled pixel") {  // what the counts mean, which are lipverify's
      formula += "; eps in scaled pixels (v * scale): certified where r_k min_c |std_c| > eps";
    }
    check_formula(claim, formula);
    SampleConversion samples = convert_samples(network_, claim, *samples_);
    result.not_covered.insert(result.not_covered.end(), samples.not_covered.begin(), samples.not_covered.end());
    result.samples = samples.summary;
    return samples;
  }

  [[nodiscard]] std::string input_space() const {
    std::string joined;
    for (const std::uint64_t side : value(network_.input).shape) {
      joined += (joined.empty() ? "" : " x ") + std::to_string(side);
    }
    return joined;
  }

  /// People read the formula: it must be the sentence that is proved (formats/SPEC.md, section 4).
  static void check_formula(const Json& claim, const std::string& sentence) {
    if (text(member(claim, "formula"), "formula") != sentence) {
      throw rejected("a claim's formula is not '" + sentence + "'.");
    }
  }

  std::size_t pairs(std::string& list, const Json& claim, const std::string& theorem) const {
    const bool by_rows =
        !claimed_.blocks.empty() && (claimed_.blocks.back().op == "dense" || claimed_.blocks.back().op == "linear") &&
        claimed_.blocks.back().outputs.front() == network_.output;
    if (theorem == "pair-row-difference" && !by_rows) {
      throw rejected("the pair claim speaks of the rows of a last block that has no matrix.");
    }
    if (theorem == "pair-row-difference" && !last_has_rows_) {
      throw NotCovered("pairs of outputs by the rows of a last block that selects entries");
    }
    const std::uint64_t classes = natural(member(claim, "classes"), "number of classes");
    const Json& uppers = member(member(claim, "upper"), "exact");
    const Json& decimals = member(member(claim, "upper"), "decimal");
    check_formula(claim, "for all i < j and all x, y in R^(" + input_space() + "): |(f_i - f_j)(x) - (f_i - f_j)(y)| <= L_ij ||x - y||_2");
    if (classes != element_count(value(network_.output).shape) || !uppers.is_array() || !decimals.is_array() ||
        uppers.size() != classes * (classes - 1) / 2 || decimals.size() != uppers.size()) {
      throw rejected("the pair claim does not have one bound for each pair of outputs.");
    }
    std::size_t k = 0;
    for (std::uint64_t i = 0; i < classes; ++i) {
      for (std::uint64_t j = i + 1; j < classes; ++j) {
        list += "pair-lipschitz ";
        append(list, i);
        append(list, j);
        append(list, parse_upper(text(uppers.at(k), "upper bound"), text(decimals.at(k), "upper bound's decimal")));
        ++k;
        list += '\n';
      }
    }
    return k;
  }

  const Network& network_;
  const Json& predicate_;
  const ClaimedBlocks& claimed_;
  bool last_has_rows_;
  bool rational_values_;
  const std::optional<SampleRequest>& samples_;
};

}  // namespace

Claims claims_of(const Network& network, const Json& predicate, const ClaimedBlocks& claimed, bool last_has_rows, bool rational_values,
                 const std::optional<SampleRequest>& samples) {
  return ClaimWriter(network, predicate, claimed, last_has_rows, rational_values, samples).claims();
}

}  // namespace lipcert::proofs
