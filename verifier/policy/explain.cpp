// A policy in words, for whoever has to approve it: no demand without its sentence, and no default that is not said.
#include <set>

#include "verifier/base/bytes.hpp"
#include "verifier/policy/demands.hpp"
#include "verifier/policy/policy.hpp"

namespace lipverify {

namespace {

class Explanation {
 public:
  explicit Explanation(const Policy& policy) : policy_(policy) {}

  std::string run() {
    out_ = "Policy '" + printable(policy_.name) + "', SHA-256 " + policy_.sha256 + "\n";
    if (!policy_.description.empty()) out_ += "  " + printable(policy_.description) + (policy_.description.size() > 200 ? "...\n" : "\n");
    out_ += "A certificate passes when it holds (signature, digests and mathematics, as without a policy) and all of this is met:\n";
    issuers();
    demand("/predicateTypes", policy_.predicate_types.empty() ? "Any kind of certificate that this checker knows (default)."
                                                              : "The predicate type is one of " + list_of(policy_.predicate_types) + ".");
    demand("/models", policy_.models
                          ? "The model has one of the SHA-256 digests " + list_of(*policy_.models) + "."
                          : "The model is the file that is given on the command line, whichever that is (\"given\", the default).");
    demand("/maximumAge", policy_.maximum_age_days ? "It was issued at most " + std::to_string(*policy_.maximum_age_days) +
                                                         " days (of 86400 seconds) before the check. When, is the signer's word."
                                                   : "Any age passes (default); its own end of validity counts as always.");
    demand("/minimumToolVersion", policy_.minimum_tool_version
                                      ? "It was made with version " + *policy_.minimum_tool_version + " or later, in the signer's word."
                                      : "Any version of the generator passes (default).");
    recheck();
    demand("/arithmetic", "Its claims are about one of these kinds of arithmetic: " + list_of(policy_.arithmetic) +
                              (policy_.arithmetic == std::vector<std::string>{"real"}
                                   ? " (exact real arithmetic; rounding errors of a runtime are not covered)."
                                   : "."));
    if (policy_.input)
      demand("/input", "The model's input " + (policy_.input->name ? "is '" + printable(*policy_.input->name) + "' and " : "") +
                           "has the shape " + shape_of(policy_.input->shape) + ".");
    else
      demand("/input", "Any name and shape of the input passes (default), but no size that the file leaves open and the issuer chose.");
    demand("/output", policy_.output ? "It is about the output '" + printable(*policy_.output) + "' of the model, and says nothing about others."
                                     : "It is about the model's output; one that the issuer chose among several does not pass (default).");
    demand("/fixedInputs", policy_.fixed_inputs.empty() ? "No input is fixed by the issuer to the values in the file (default)."
                                                        : "The issuer may have fixed these inputs to the values in the file: " + list_of(policy_.fixed_inputs) + ".");
    for (std::size_t k = 0; k < policy_.lipschitz.size(); ++k)
      demand("/lipschitz/" + std::to_string(k) + "/max",
             "It proves " + wanted_text(policy_.lipschitz[k]) + " (Euclidean norms, per unit of the graph's input), compared exactly.");
    if (policy_.lipschitz.empty()) demand("/lipschitz", "No Lipschitz constant is demanded (default).");
    accuracies();
    for (std::size_t k = 0; k < policy_.requirements.size(); ++k)
      demand("/requirements/" + std::to_string(k), "It names the requirement '" + printable(policy_.requirements[k]) + "' as served.");
    if (policy_.requirements.empty()) demand("/requirements", "No requirement has to be served (default).");
    revocation();
    out_ += "Exit codes: 0 when all is met and every claim was recomputed; ";
    out_ += policy_.recheck == Policy::Recheck::all ? "1 when a demand is not met.\n"
                                                    : "5 ('accepted in part') when all is met and samples were left to the signer's word, "
                                                      "as /recheck allows; 1 when a demand is not met.\n";
    return out_;
  }

 private:
  void demand(const std::string& pointer, const std::string& sentence) {
    out_ += std::to_string(++number_) + ". " + pointer + ": " + sentence + "\n";
  }
  void detail(const std::string& sentence) { out_ += "   - " + sentence + "\n"; }

  void issuers() {
    std::set<std::string> names;
    for (const PolicyIssuer& issuer : policy_.issuers) names.insert(issuer.name);
    demand("/issuers", "It is signed with one of these keys:");
    for (const PolicyIssuer& i : policy_.issuers) {
      std::string text = "'" + printable(i.name) + "', key " + i.key.fingerprint() + " (" + i.key.algorithm() + ", " + i.pointer + "): ";
      if (i.revoked_at && !i.earlier_counts)
        text += "revoked at " + *i.revoked_at +
                ", counts for nothing, whatever time a certificate names (default: who has the key can date back)";
      else
        text += "counts " + (i.not_before ? "from " + *i.not_before : std::string("from always (default)")) + " " +
                (i.not_after ? "until " + *i.not_after : std::string("without end (default)")) +
                (i.not_before || i.not_after ? ", at the time of the check and of the issue both" : "") +
                (i.revoked_at ? "; revoked at " + *i.revoked_at +
                                    ", but certificates that name an earlier time of issue count, although who has the key can date back"
                              : "");
      detail(text + ".");
    }
    demand("/threshold", std::to_string(policy_.threshold) + " of " + std::to_string(names.size()) +
                             (names.size() == 1 ? " issuer has" : " different issuers have") + " to sign the same payload" +
                             (policy_.states_threshold ? "" : " (default)") + "; two keys of one issuer count once.");
  }

  void recheck() {
    const std::string lead = policy_.recheck == Policy::Recheck::all ? "Every claim is recomputed, samples all of them, on their data"
                                                                     : "This is rechecked: " + wanted_recheck(policy_);
    demand("/recheck", lead + (policy_.recheck == Policy::Recheck::all ? " (\"all\", the default)."
                                                                       : ". The verdict then reads 'accepted in part', never 'accepted'."));
  }

  void accuracies() {
    for (std::size_t k = 0; k < policy_.certified_accuracy.size(); ++k) {
      const AccuracyDemand& a = policy_.certified_accuracy[k];
      demand("/certifiedAccuracy/" + std::to_string(k),
             "It claims " + wanted_text(a) + ", compared exactly; a count at a larger eps will do.");
      if (!a.dataset_sha256) detail("The data may be any that the issuer chose (default): pin them with datasetSha256.");
      if (!a.labels_sha256)
        detail(
            "A label file may be any that the issuer chose (default): pin it with labelsSha256, unless the labels stand in the data file.");
      if (!a.scale) detail("The data may be scaled as the issuer chose (default): pin it with scale.");
      if (a.mean.empty() && a.std.empty()) detail("No mean is subtracted, and the std is 1 (default).");
      if (!a.label_column) detail("Labels inside rows stand in the last column (default).");
      if (a.first == 0) detail("The first sample of the data is the first that was selected (default).");
      detail("The order in which rows and images are read (layout) is the issuer's choice.");
      if (!a.input_range) detail("The radii hold for all inputs, not for a stated range of them (default).");
      if (a.min_samples == 0) detail("The issuer may have selected any number of the samples (default): pin it with minSamples.");
    }
    if (policy_.certified_accuracy.empty()) demand("/certifiedAccuracy", "No certified accuracy is demanded (default).");
  }

  void revocation() {
    if (policy_.revoked.keys.empty() && policy_.revoked.certificates.empty())
      demand("/revoked", "The policy itself revokes nothing more (default).");
    if (!policy_.revoked.keys.empty())
      demand("/revoked/keys", "Signatures of these keys count for nothing: " + list_of(policy_.revoked.keys) + ".");
    if (!policy_.revoked.certificates.empty())
      demand("/revoked/certificates", "Certificates with these payloads are rejected: " + list_of(policy_.revoked.certificates) + ".");
    if (!policy_.list) {
      demand("/revocationList", "There is no list of revocations beside the policy (default).");
      return;
    }
    const RevocationList& list = *policy_.list;
    demand("/revocationList", "The list '" + printable(list.name) + "' of " + list.issued_at + ", signed by '" + printable(list.signer) +
                                  "' (" + list.fingerprint + "), counts until " + list.not_after + "; later nothing passes.");
    detail("It revokes the keys: " + (list.revoked.keys.empty() ? "none" : list_of(list.revoked.keys)) + ".");
    detail("It revokes the certificates: " + (list.revoked.certificates.empty() ? "none" : list_of(list.revoked.certificates)) + ".");
  }

  const Policy& policy_;
  std::string out_;
  std::size_t number_ = 0;
};

}  // namespace

std::string explain(const Policy& policy) {
  return Explanation(policy).run();
}

}  // namespace lipverify
