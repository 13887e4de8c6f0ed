// See vsa.hpp: the statement, its bundle, and the check of somebody else's.
#include "verifier/outputs/vsa.hpp"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/base/json.hpp"
#include "verifier/envelope/envelope.hpp"
#include "verifier/outputs/report.hpp"
#include "verifier/policy/demands.hpp"

namespace lipverify {

namespace {

using nlohmann::ordered_json;

constexpr const char* kPredicate = "https://slsa.dev/verification_summary/v1";
constexpr std::uint64_t kBundleCap = std::uint64_t{16} << 20;
constexpr std::uint64_t kKeyCap = 65536;
constexpr std::uint64_t kModelCap = 2147483647;
constexpr const char* kWord = "this is the word of whoever holds the key: no claim was recomputed";

std::string bytes_of(const Document& document, std::uint64_t cap, const std::string& what) {
  return document.bytes ? *document.bytes : read_file(document.name, cap, what);
}

std::string base_name(const std::string& path) {
  return path.substr(path.find_last_of('/') + 1);
}

std::vector<std::string> texts(const Json& list, const std::string& place) {
  std::vector<std::string> out;
  for (const Json& item : list.array(place)) out.push_back(item.text(place));
  return out;
}

/// {"sha256": hex} among other digests.
std::string sha256_of(const Json& object, const std::string& place) {
  const std::string& text = object.member("digest", place).member("sha256", place + ".digest").text(place + ".digest.sha256");
  if (!is_sha256_hex(text)) reject(place + ".digest.sha256 is not a SHA-256 in lower-case hexadecimal");
  return text;
}

}  // namespace

std::string vsa_bundle(const Gate& gate, const std::vector<VsaSubject>& given, const std::string& verifier_id, const VsaKey& key) {
  bool all = !gate.judgements.empty();
  bool part = !gate.policy_sha256.empty();
  for (const Judgement& j : gate.judgements) {
    const bool whole = j.outcome == Outcome::accepted && j.report.outcome == Outcome::accepted;
    all = all && whole;
    part = part && holds(j.outcome) && holds(j.report.outcome);
  }
  const bool passed = all || part;
  std::map<std::string, std::string> subjects;  // digest to name: every model once, in an order that does not depend on the threads
  if (passed)
    for (const Judgement& j : gate.judgements) subjects.emplace(j.report.model_sha256, base_name(j.report.model_path));
  else
    for (const VsaSubject& s : given) subjects.emplace(s.sha256, base_name(s.name));
  if (subjects.empty()) unreadable("no verification summary was written: no model could be read that it could be about");
  if (gate.policy_sha256.empty()) unreadable("no verification summary was written: the policy that it would name could not be read");

  ordered_json statement;
  statement["_type"] = "https://in-toto.io/Statement/v1";
  statement["subject"] = ordered_json::array();
  std::string digests;
  for (const auto& [digest, name] : subjects) {
    statement["subject"].push_back({{"name", printable_line(name)}, {"digest", {{"sha256", digest}}}});
    digests += digest + "\n";
  }
  statement["predicateType"] = kPredicate;
  ordered_json& predicate = statement["predicate"];
  predicate["verifier"] = {{"id", verifier_id}, {"version", {{"lipverify", kVersion}}}};
  predicate["timeVerified"] = gate.checked_at;
  predicate["resourceUri"] =
      subjects.size() == 1 ? relative_uri(subjects.begin()->second) : "urn:lipcert:models:sha256:" + sha256_hex(digests);
  predicate["policy"] = {{"uri", relative_uri(gate.policy_name)}, {"digest", {{"sha256", gate.policy_sha256}}}};
  predicate["inputAttestations"] = ordered_json::array();
  for (const Judgement& j : gate.judgements)  // a certificate's identity is the digest of its payload, whatever its file looks like
    if (!j.report.payload_sha256.empty())
      predicate["inputAttestations"].push_back({{"uri", relative_uri(j.certificate)}, {"digest", {{"sha256", j.report.payload_sha256}}}});
  predicate["verificationResult"] = passed ? "PASSED" : "FAILED";
  predicate["verifiedLevels"] = ordered_json::array();
  if (passed) predicate["verifiedLevels"].push_back(all ? kVsaLevelAll : kVsaLevelPart);
  const std::string payload = statement.dump(-1, ' ', false, ordered_json::error_handler_t::replace);

  const PublicKey identity(key.public_pem());
  ordered_json bundle;
  bundle["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.3+json";
  bundle["verificationMaterial"] = {{"publicKey", {{"hint", identity.hint()}}}, {"tlogEntries", ordered_json::array()}};
  bundle["dsseEnvelope"] = {{"payload", base64_encode(payload)}, {"payloadType", "application/vnd.in-toto+json"}};
  const std::string signature = base64_encode(key.sign(pre_authentication_encoding(payload)));
  bundle["dsseEnvelope"]["signatures"] = ordered_json::array({{{"keyid", identity.fingerprint()}, {"sig", signature}}});
  return bundle.dump() + "\n";
}

static void check(const VsaRequest& request, VsaReport& report) {
  const PublicKey key(bytes_of(request.public_key, kKeyCap, "the public key"));
  report.fingerprint = key.fingerprint();
  Envelope envelope = open_envelope(bytes_of(request.vsa, kBundleCap, "the verification summary"));
  check_signature(envelope, key);
  report.payload_sha256 = sha256_hex(envelope.payload);

  const Json statement = Json::parse(envelope.payload, "the verification summary");
  const std::string type = statement.member("predicateType", "statement").text("statement.predicateType");
  if (statement.member("_type", "statement").text("statement._type") != "https://in-toto.io/Statement/v1" || type != kPredicate)
    reject("what was signed is not a verification summary but '" + printable(type) + "'; a certificate is checked without --check-vsa");
  std::vector<std::string> digests;
  for (const Json& subject : statement.member("subject", "statement").array("statement.subject")) {
    digests.push_back(sha256_of(subject, "statement.subject"));
    report.subjects.push_back(digests.back());
  }
  const Json& predicate = statement.member("predicate", "statement");
  const std::string place = "statement.predicate";
  report.verifier = predicate.member("verifier", place).member("id", place + ".verifier").text(place + ".verifier.id");
  report.time = predicate.member("timeVerified", place).text(place + ".timeVerified");
  if (!is_time(report.time)) reject(place + ".timeVerified is not a time YYYY-MM-DDThh:mm:ssZ");
  const Json& policy = predicate.member("policy", place);
  report.policy_uri = policy.member("uri", place + ".policy").text(place + ".policy.uri");
  report.policy_sha256 = sha256_of(policy, place + ".policy");
  report.levels = texts(predicate.member("verifiedLevels", place), place + ".verifiedLevels");
  report.result = predicate.member("verificationResult", place).text(place + ".verificationResult");

  if (report.result != "PASSED")
    reject("the summary says " + printable(report.result) + ": the models did not pass; read the gate's own output");
  if (!request.time.empty() && report.time > one_day_later(request.time))
    reject("the summary was made at " + report.time + ", more than a day after the time of this check, " + request.time);
  // The format has no field for an end: how long a summary counts is for whoever relies on it to say.
  if (request.max_age_days != 0 && (request.time.empty() || seconds_between(report.time, request.time) > std::int64_t{86400} * request.max_age_days))
    reject("the summary was made at " + report.time + ", more than " + std::to_string(request.max_age_days) +
           (request.max_age_days == 1 ? " day" : " days") + " before " + request.time + "; run the gate again and have a new one signed");
  for (const Document& model : request.models) {
    const std::string digest = sha256_hex(bytes_of(model, kModelCap, "the model"));
    if (std::find(digests.begin(), digests.end(), digest) == digests.end())
      reject("the summary is not about the model '" + printable(model.name) + "': its SHA-256 " + digest +
             " is none of the subjects; check the model itself with its certificate");
  }
  for (const Document& given : request.policies)
    if (const std::string digest = sha256_hex(bytes_of(given, kBundleCap, "the policy")); digest != report.policy_sha256)
      reject("the summary was made under another policy: it names the SHA-256 " + report.policy_sha256 + ", '" + printable(given.name) +
             "' has " + digest);
  if (request.models.empty()) report.not_checked.emplace_back("which models: none was given with --model");
  if (request.policies.empty()) report.not_checked.emplace_back("which policy: none was given with --policy");
  report.not_checked.push_back(request.max_age_days == 0
                                   ? "its age: it was made at " + report.time +
                                         " and does not run out by itself, also when a key or a certificate is revoked later; --max-age sets a limit"
                                   : "whether a key or a certificate was revoked since " + report.time);
  if (digests.empty()) reject("the summary is about no model");
  const bool whole = report.levels == std::vector<std::string>{kVsaLevelAll};
  if (!whole && report.levels != std::vector<std::string>{kVsaLevelPart})
    reject(std::string("the summary's level is neither ") + kVsaLevelAll + " nor " + kVsaLevelPart +
           ": it says nothing about Lipschitz certificates");
  report.outcome = whole ? Outcome::accepted : Outcome::accepted_in_part;
}

VsaReport check_vsa(const VsaRequest& request) {
  VsaReport report;
  report.not_checked = {kWord};
  try {
    check(request, report);
  } catch (const Failure& failure) {
    report.outcome = failure.outcome();
    report.error = failure.what();
  } catch (const std::exception& error) {
    report.outcome = Outcome::internal;
    report.error = std::string("internal error: ") + error.what();
  }
  return report;
}

/// "attested", not "accepted": that word is kept for claims that were recomputed.
static std::string word_of(const VsaReport& report) {
  if (report.outcome == Outcome::accepted) return "attested";
  if (report.outcome == Outcome::accepted_in_part) return "attested in part";
  return report.outcome == Outcome::rejected ? "rejected" : "error";
}

std::string vsa_text(const VsaReport& report) {
  std::string out = word_of(report) + "  ";
  if (!holds(report.outcome)) return out + printable_line(report.error) + "\n";
  out += std::to_string(report.subjects.size()) + (report.subjects.size() == 1 ? " model" : " models") + " passed policy " +
         report.policy_sha256 + "  at " + report.time + "  by " + printable_line(report.verifier) + "  key " + report.fingerprint + "\n";
  for (const std::string& subject : report.subjects) out += "model       " + subject + "\n";
  for (const std::string& level : report.levels) out += "level       " + printable_line(level) + "\n";
  for (const std::string& text : report.not_checked) out += "not checked " + printable_line(text) + "\n";
  return out;
}

std::string vsa_json(const VsaReport& report) {
  const auto or_null = [](const std::string& text) { return text.empty() ? ordered_json(nullptr) : ordered_json(text); };
  const ordered_json out = {{"verdict", word_of(report)},
                            {"exitCode", static_cast<int>(report.outcome)},
                            {"error", or_null(report.error)},
                            {"checker", {{"name", "lipverify"}, {"version", kVersion}}},
                            {"key", {{"fingerprint", or_null(report.fingerprint)}}},
                            {"payloadSha256", or_null(report.payload_sha256)},
                            {"verifier", or_null(report.verifier)},
                            {"policy", {{"uri", or_null(report.policy_uri)}, {"sha256", or_null(report.policy_sha256)}}},
                            {"timeVerified", or_null(report.time)},
                            {"verificationResult", or_null(report.result)},
                            {"verifiedLevels", report.levels},
                            {"models", report.subjects},
                            {"notChecked", report.not_checked}};
  return out.dump(2, ' ', true, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace lipverify
