// See judge.hpp.
//
// Order: the bundles, capped, which must hold one payload; the signatures, each under every key of the policy; revocation; only when a key
// is left that may count is the payload read and the certificate rechecked (`verify`, under that key); then the times of the keys, the
// threshold and the demands. A key or a certificate that is revoked, and a list of revocations that is stale, end it before anything of the
// payload is believed.
#include "verifier/policy/judge.hpp"

#include <algorithm>
#include <random>
#include <set>

#include "verifier/base/bytes.hpp"
#include "verifier/envelope/envelope.hpp"
#include "verifier/policy/demands.hpp"
#include "verifier/policy/reader.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kCertificateCap = std::uint64_t{256} << 20;

bool contains(const std::vector<std::string>& texts, const std::string& text) {
  return std::find(texts.begin(), texts.end(), text) != texts.end();
}

std::uint64_t random_seed() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

/// A signature of a key of the policy that stands under the payload.
struct Signature {
  const PolicyIssuer* issuer = nullptr;
  std::size_t bundle = 0;
};

class Judge {
 public:
  Judge(const Policy& policy, const std::vector<Document>& bundles, const Request& request, Judgement& out)
      : policy_(policy), bundles_(bundles), request_(request), out_(out) {}

  void run() {
    read_bundles();
    out_.report.payload_sha256 = payload_sha256_;
    find_signatures();
    const bool revocation_known = check_revocation();
    std::vector<Signature> candidates;
    for (const Signature& signature : signatures_)
      if (const std::string reason = revoked(*signature.issuer); reason.empty())
        candidates.push_back(signature);
      else
        ignored_.push_back(reason);
    if (!revocation_known || candidates.empty()) {
      out_.report.outcome = Outcome::rejected;
      out_.report.error = "nothing was rechecked: no signature that the policy trusts is left";
    } else {
      recheck(candidates[0]);
    }
    count(candidates);
    signer_demands();
    for (Requirement& r : demands(policy_, out_.report)) out_.requirements.push_back(std::move(r));
    conclude();
  }

 private:
  void read_bundles() {
    if (bundles_.empty()) throw Failure(Outcome::usage, "no certificate was given to judge");
    for (const Document& document : bundles_) {
      bytes_.push_back(document_bytes(document, kCertificateCap, "the certificate"));
      envelopes_.push_back(open_envelope(bytes_.back()));
      if (envelopes_.back().payload != envelopes_[0].payload)
        reject("'" + printable(document.name) + "' signs another payload than '" + printable(bundles_[0].name) +
               "'; signatures are counted over one payload only");
    }
    payload_sha256_ = sha256_hex(envelopes_[0].payload);
  }

  void find_signatures() {
    const std::string message = pre_authentication_encoding(envelopes_[0].payload);
    for (std::size_t k = 0; k < envelopes_.size(); ++k) {
      const std::size_t before = signatures_.size();
      for (const PolicyIssuer& issuer : policy_.issuers)
        if (issuer.key.verifies(message, envelopes_[k].signature)) signatures_.push_back({&issuer, k});
      if (signatures_.size() == before)
        ignored_.push_back("'" + printable(bundles_[k].name) + "' is signed by none of the policy's keys" +
                           (envelopes_[k].key_id.empty() ? "" : " (it names " + printable(envelopes_[k].key_id) + ")"));
    }
  }

  [[nodiscard]] bool lists_key(const std::string& fingerprint) const {
    return contains(policy_.revoked.keys, fingerprint) || (policy_.list && contains(policy_.list->revoked.keys, fingerprint));
  }

  /// Why a key counts for nothing whatever it signed, or nothing. That a certificate is older than the revocation is the word of whoever
  /// has the key.
  [[nodiscard]] std::string revoked(const PolicyIssuer& issuer) const {
    const std::string who = "the key " + issuer.key.fingerprint() + " of '" + printable(issuer.name) + "' ";
    if (lists_key(issuer.key.fingerprint())) return who + "is in a list of revoked keys";
    if (issuer.revoked_at && !issuer.earlier_counts) return who + "was revoked at " + *issuer.revoked_at;
    return "";
  }

  /// The certificate itself, and whether the list of revocations says anything at this time. False: nothing is rechecked.
  bool check_revocation() {
    time_ = request_.time ? *request_.time : clock_time();
    if (!is_time(time_))
      throw Failure(Outcome::usage, "'" + printable(time_) + "' is not a time YYYY-MM-DDThh:mm:ssZ; give one, or none for the clock's");
    out_.report.checked_at = time_;
    out_.report.by_clock = !request_.time;
    bool good = true;
    const auto listed = [&](const char* pointer, const Revoked& list) {
      const bool met = !contains(list.certificates, payload_sha256_);
      early_.push_back(
          {"revoked", pointer, "not a revoked certificate",
           met ? "payload " + payload_sha256_ + ", which is not listed" : "payload " + payload_sha256_ + ", which is listed as revoked",
           met, met ? "" : "certify the model again, if it is still to be used"});
      good = good && met;
    };
    if (!policy_.revoked.certificates.empty() || !policy_.revoked.keys.empty()) listed("/revoked/certificates", policy_.revoked);
    if (policy_.list) {
      const RevocationList& list = *policy_.list;
      const bool fresh = time_ <= list.not_after && (!list.signer_not_before || *list.signer_not_before <= time_) &&
                         (!list.signer_not_after || time_ <= *list.signer_not_after);
      early_.push_back({"revocationList", "/revocationList", "a list of revocations that has not run out, by a key that counts",
                        "'" + printable(list.name) + "' of " + list.issued_at + ", valid until " + list.not_after + ", by '" +
                            printable(list.signer) + "'" +
                            (fresh                    ? ""
                             : time_ > list.not_after ? ": stale at " + time_
                                                      : ", whose key does not count at " + time_),
                        fresh, fresh ? "" : "get the current list from its issuer"});
      good = good && fresh;
      listed("/revocationList", list.revoked);
    }
    return good;
  }

  void recheck(const Signature& signature) {
    Request request = request_;
    request.certificate = Document(bundles_[signature.bundle].name, bytes_[signature.bundle]);
    request.public_key = Document("the key of '" + signature.issuer->name + "' in the policy", signature.issuer->pem);
    SampleFiles& samples = request.samples;
    if (!samples.audit && !samples.leave_out) {
      if (policy_.recheck == Policy::Recheck::audit && samples.data) {
        samples.audit = policy_.audit;
        samples.seed = random_seed();
      }
      if (policy_.recheck == Policy::Recheck::none && !samples.data) samples.leave_out = true;
    }
    out_.report = verify(request);
    rechecked_ = true;
    if (holds(out_.report) && out_.report.payload_sha256 != payload_sha256_)
      throw Failure(Outcome::internal, "the recheck saw another payload than the signatures: a fault of the checker");
  }

  /// Whose signatures count, now that the time of issue is known. What cannot be known does not count.
  void count(const std::vector<Signature>& candidates) {
    const std::string issued = out_.report.has_statement ? out_.report.issued_at : "";
    for (const Signature& s : candidates) {
      const PolicyIssuer& issuer = *s.issuer;
      const std::string who = "the key " + issuer.key.fingerprint() + " of '" + printable(issuer.name) + "' ";
      if (!is_time(issued)) {
        ignored_.push_back(who + (rechecked_ ? "signed it, but no time of issue could be read"
                                             : "signed it, but nothing was read of what may be revoked"));
      } else if (issuer.revoked_at && issued >= *issuer.revoked_at) {
        ignored_.push_back(who + "was revoked at " + *issuer.revoked_at + ", and the certificate was issued at " + issued);
      } else if (issuer.not_before && (time_ < *issuer.not_before || issued < *issuer.not_before)) {
        ignored_.push_back(who + "counts from " + *issuer.not_before + " on only (issued at " + issued + ", checked at " + time_ + ")");
      } else if (issuer.not_after && (time_ > *issuer.not_after || issued > *issuer.not_after)) {
        ignored_.push_back(who + "has expired: it counts until " + *issuer.not_after + " (issued at " + issued + ", checked at " + time_ +
                           ")");
      } else {
        out_.signers.push_back({issuer.name, issuer.key.fingerprint(), bundles_[s.bundle].name});
      }
    }
  }

  void signer_demands() {
    std::set<std::string> names, signed_by;
    for (const PolicyIssuer& issuer : policy_.issuers) names.insert(issuer.name);
    for (const Signer& signer : out_.signers) signed_by.insert(signer.issuer);
    const std::vector<std::string> all(names.begin(), names.end()), found(signed_by.begin(), signed_by.end());
    std::string reasons;
    for (const std::string& reason : ignored_) reasons += (reasons.empty() ? "" : "; ") + reason;
    const std::string text =
        (found.empty() ? "no signature that counts" : "signed by " + list_of(found)) + (reasons.empty() ? "" : "; " + reasons);
    const std::string remedy =
        "have it signed with a key that the policy trusts and that has neither expired nor been revoked, or change issuers in the policy "
        "if you trust the key that signed it";
    out_.requirements.push_back({"issuers", "/issuers", "signed by " + std::string(all.size() == 1 ? "" : "one of ") + list_of(all), text,
                                 !found.empty(), found.empty() ? remedy : ""});
    if (policy_.states_threshold) {
      const bool enough = found.size() >= policy_.threshold;
      out_.requirements.push_back(
          {"threshold", "/threshold", "signed by at least " + std::to_string(policy_.threshold) + " different issuers",
           std::to_string(found.size()) + (reasons.empty() ? "" : "; " + reasons), enough,
           enough ? "" : "have more of the policy's issuers sign this payload, and give all their bundles in one call"});
    }
    for (Requirement& r : early_) out_.requirements.push_back(std::move(r));
    if (!found.empty())
      for (const std::string& reason : ignored_) out_.report.warnings.push_back("a signature does not count: " + reason);
  }

  void conclude() {
    const Requirement* first = nullptr;
    std::size_t unmet = 0;
    const auto about_revocation = [](const Requirement& r) { return r.id == "revoked" || r.id == "revocationList"; };
    for (const Requirement& r : out_.requirements)
      if (!r.met) {
        // What is revoked was not read, and so meets no other demand either: that is the reason to name.
        if (first == nullptr || (about_revocation(r) && !about_revocation(*first))) first = &r;
        ++unmet;
      }
    std::set<std::string> counted;
    for (const Signer& signer : out_.signers) counted.insert(signer.issuer);
    if (rechecked_ && !holds(out_.report)) {  // the check itself says what is wrong
      out_.outcome = out_.report.outcome;
      out_.error = out_.report.error;
    } else if (first != nullptr) {
      out_.outcome = Outcome::rejected;
      out_.error = "the policy's demand " + first->pointer + " is not met: wanted " + first->wanted + "; found " + first->found + "; " +
                   first->remedy;
      if (unmet > 1) out_.error += " (" + std::to_string(unmet - 1) + (unmet == 2 ? " more demand is" : " more demands are") + " not met)";
    } else if (holds(out_.report) && counted.size() >= policy_.threshold) {
      out_.outcome = out_.report.outcome;
    } else {
      throw Failure(Outcome::internal, "every demand is met and the certificate was not accepted: a fault of the checker");
    }
  }

  const Policy& policy_;
  const std::vector<Document>& bundles_;
  const Request& request_;
  Judgement& out_;
  std::vector<std::string> bytes_;
  std::vector<Envelope> envelopes_;
  std::string payload_sha256_, time_;
  std::vector<Signature> signatures_;
  std::vector<std::string> ignored_;  // signatures that do not count, each with the reason
  std::vector<Requirement> early_;    // about revocation
  bool rechecked_ = false;
};

}  // namespace

std::vector<BundleGroup> group_by_payload(const std::vector<Document>& bundles) {
  std::vector<BundleGroup> groups;
  for (const Document& document : bundles) {
    std::string digest;
    try {
      digest = sha256_hex(open_envelope(document_bytes(document, kCertificateCap, "the certificate")).payload);
    } catch (const std::exception&) {
      digest.clear();  // judging it says why
    }
    const auto same = std::find_if(groups.begin(), groups.end(),
                                   [&](const BundleGroup& group) { return !digest.empty() && group.payload_sha256 == digest; });
    if (same != groups.end())
      same->bundles.push_back(document);
    else
      groups.push_back({digest, {document}});
  }
  return groups;
}

Judgement judge(const Policy& policy, const std::vector<Document>& bundles, const Request& request) {
  Judgement out;
  if (!bundles.empty()) out.certificate = bundles[0].name;
  const auto end = [&](Outcome outcome, const std::string& sentence) {
    if (holds(out.report) || out.report.error.empty()) {
      out.report.outcome = outcome;
      out.report.error = sentence;
    }
    out.outcome = outcome;
    out.error = sentence;
  };
  try {
    Judge(policy, bundles, request, out).run();
  } catch (const Failure& failure) {
    end(failure.outcome(), failure.what());
  } catch (const std::bad_alloc&) {
    end(Outcome::internal, "there is not enough memory for this check; allow more with --max-memory, or use a machine that has more");
  } catch (const std::exception& error) {
    end(Outcome::internal, std::string("internal error: ") + error.what());
  }
  const bool accepted = out.outcome == Outcome::accepted || out.outcome == Outcome::accepted_in_part;
  const bool all_met = std::all_of(out.requirements.begin(), out.requirements.end(), [](const Requirement& r) { return r.met; });
  if (accepted && (!all_met || !out.error.empty() || out.requirements.empty()))
    end(Outcome::internal, "a judgement contradicts itself: a fault of the checker");
  return out;
}

Judgement judge_with_key(const Request& request) {
  Judgement out;
  out.certificate = request.certificate.name;
  out.report = verify(request);
  out.outcome = out.report.outcome;
  out.error = out.report.error;
  for (const Check& check : out.report.checks)
    if (check.id == "signature" && check.passed) out.signers.push_back({"", out.report.key_fingerprint, request.certificate.name});
  return out;
}

}  // namespace lipverify
