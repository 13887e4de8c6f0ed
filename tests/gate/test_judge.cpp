// Judgements over whole certificates: whose signatures count, revocation, thresholds, how deep samples are rechecked, and the policy that a
// certificate just meets.
#include <cstdlib>

#include "tests/gate/support.hpp"
#include "verifier/base/bytes.hpp"
#include "verifier/envelope/envelope.hpp"
#include "verifier/policy/judge.hpp"

using namespace lipverify;
using namespace gate_test;
using verifier_test::Folder;
using verifier_test::Key;

namespace {

constexpr const char* kListType = "application/vnd.lipcert.revocation-list+json";

const verifier_test::Example& network() {
  static const verifier_test::Example example = verifier_test::digits_like();
  return example;
}

/// Issued 2025-01-01, valid until 2030, serves REQ-1, three outputs with pairs, no samples.
const std::string& payload() {
  static const std::string text = verifier_test::statement(network().model, network().plan).dump();
  return text;
}

std::string signed_by(const std::string& signed_payload, const Key& key, const std::string& type = kStatementType) {
  Tree out = verifier_test::bundle(signed_payload, key);
  Tree& envelope = out["dsseEnvelope"];
  envelope["payloadType"] = type;
  envelope["signatures"][0]["sig"] = verifier_test::base64(key.sign(pre_authentication_encoding(signed_payload, type)));
  return out.dump();
}

std::string fingerprint(const Key& key) {
  return PublicKey(key.public_pem()).fingerprint();
}

Request request(const std::string& time = "2026-01-01T00:00:00Z") {
  Request out;
  out.models = {Document("model.onnx", network().model)};
  out.time = time;
  out.threads = 1;
  return out;
}

Judgement judged(const Tree& policy, const std::vector<std::string>& bundles, const Request& how = request()) {
  std::vector<Document> documents;
  for (const std::string& bytes : bundles) documents.emplace_back("cert" + std::to_string(documents.size()) + ".json", bytes);
  const Judgement out = judge(read(policy), documents, how);
  const bool accepted = out.outcome == Outcome::accepted || out.outcome == Outcome::accepted_in_part;
  CHECK(accepted == out.error.empty());
  if (accepted) CHECK(out.outcome == out.report.outcome);
  for (const Requirement& r : out.requirements) {
    CHECK(r.met == r.remedy.empty());
    if (accepted) CHECK(r.met);
    if (!r.met) CHECK_FALSE(accepted);
  }
  return out;
}

const Key& team() {
  static const Key key;
  return key;
}
const Key& board() {
  static const Key key("ed25519");
  return key;
}
const Key& other() {
  static const Key key;
  return key;
}

Tree issuer(const std::string& name, const Key& key, const Tree& more = Tree::object()) {
  Tree out = {{"name", name}, {"publicKey", key.public_pem()}};
  out.update(more);
  return out;
}

Tree policy_with(const Tree& issuers, const Tree& more = Tree::object()) {
  Tree out = {{"formatVersion", 1}, {"issuers", issuers}};
  out.update(more);
  return out;
}

bool rejected_with(const Judgement& judgement, const std::string& part) {
  INFO(judgement.error);
  CHECK(judgement.outcome == Outcome::rejected);
  CHECK(has(judgement.error, part));
  return judgement.outcome == Outcome::rejected && has(judgement.error, part);
}

std::string issued_at(const std::string& time) {
  Tree statement = Tree::parse(payload());
  statement["predicate"]["issuance"]["issuedAt"] = time;
  return statement.dump();
}

}  // namespace

TEST_CASE("a trusted signature and no further demand") {
  const Judgement good = judged(policy_of(team()), {signed_by(payload(), team())});
  INFO(good.error);
  CHECK(good.outcome == Outcome::accepted);
  CHECK(good.certificate == "cert0.json");
  REQUIRE(good.signers.size() == 1);
  CHECK(good.signers[0].issuer == "Model team");
  CHECK(good.signers[0].fingerprint == fingerprint(team()));
  CHECK(good.report.payload_sha256 == sha256_hex(payload()));

  const Judgement stranger = judged(policy_of(team()), {signed_by(payload(), other())});
  rejected_with(stranger, "/issuers is not met");
  CHECK(has(stranger.error, "'cert0.json' is signed by none of the policy's keys (it names " + fingerprint(other()) + ")"));
  CHECK(stranger.report.checks.empty());  // nothing of it was read
  // The bundle names a trusted key that did not sign it.
  Tree lie = Tree::parse(signed_by(payload(), other()));
  lie["dsseEnvelope"]["signatures"][0]["keyid"] = fingerprint(team());
  rejected_with(judged(policy_of(team()), {lie.dump()}), "/issuers is not met");
  // What was signed was changed afterwards.
  Tree changed = Tree::parse(signed_by(payload(), team()));
  changed["dsseEnvelope"]["payload"] = verifier_test::base64(issued_at("2025-06-01T00:00:00Z"));
  rejected_with(judged(policy_of(team()), {changed.dump()}), "/issuers is not met");
}

TEST_CASE("a demand that is met exactly, and one that is not") {
  const Report report = judged(policy_of(team()), {signed_by(payload(), team())}).report;
  Tree policy = policy_of(team());
  policy["lipschitz"] = Tree::array({{{"output", "all"}, {"max", report.global_upper_exact}}});
  CHECK(judged(policy, {signed_by(payload(), team())}).outcome == Outcome::accepted);
  const Rational less = parse_exact(report.global_upper_exact, "L") - Rational(Integer(1), Integer("1000000000000000000000000000000"));
  policy["lipschitz"][0]["max"] = boost::multiprecision::numerator(less).str() + "/" + boost::multiprecision::denominator(less).str();
  rejected_with(judged(policy, {signed_by(payload(), team())}), "/lipschitz/0/max is not met: wanted L <= ");
  policy["requirements"] = Tree::array({"REQ-9"});
  rejected_with(judged(policy, {signed_by(payload(), team())}), "(1 more demand is not met)");
}

TEST_CASE("what is wrong with the certificate itself comes first") {
  Request how = request();
  how.models[0].bytes->back() ^= 1;  // a model changed by one bit
  rejected_with(judged(policy_of(team()), {signed_by(payload(), team())}, how), "the certificate is for another model");
  Tree statement = Tree::parse(payload());
  statement["predicate"]["claims"][0]["upper"] = verifier_test::upper_number(0.125);
  Judgement false_claim = judged(policy_of(team()), {signed_by(statement.dump(), team())});
  rejected_with(false_claim, "global-upper");
  for (const Requirement& r : false_claim.requirements)
    if (r.id == "models") CHECK_FALSE(r.met);
  CHECK(judged(policy_of(team()), {signed_by("{}", team())}).outcome == Outcome::rejected);
  CHECK(judged(policy_of(team()), {"not a bundle"}).outcome == Outcome::rejected);
  CHECK(judge(read(policy_of(team())), {Document("no such file")}, request()).outcome == Outcome::input);
  CHECK(judge(read(policy_of(team())), {}, request()).outcome == Outcome::usage);
  how = request();
  how.models = {Document("no such model")};
  CHECK(judged(policy_of(team()), {signed_by(payload(), team())}, how).outcome == Outcome::input);
  CHECK(judged(policy_of(team()), {signed_by(payload(), team())}, request("yesterday")).outcome == Outcome::usage);
}

TEST_CASE("the times of a key hold for issue and check both") {
  const std::string team_bundle = signed_by(payload(), team());  // issued 2025-01-01
  const auto with = [&](const Tree& times, const std::string& time = "2026-01-01T00:00:00Z") {
    return judged(policy_with(Tree::array({issuer("Model team", team(), times)})), {team_bundle}, request(time));
  };
  CHECK(with({{"notBefore", "2025-01-01T00:00:00Z"}, {"notAfter", "2026-01-01T00:00:00Z"}}).outcome == Outcome::accepted);
  rejected_with(with({{"notBefore", "2025-01-01T00:00:01Z"}}), "counts from 2025-01-01T00:00:01Z on only");
  rejected_with(with({{"notAfter", "2025-12-31T23:59:59Z"}}), "has expired: it counts until 2025-12-31T23:59:59Z");
  CHECK(with({{"notAfter", "2025-12-31T23:59:59Z"}}, "2025-12-31T23:59:59Z").outcome == Outcome::accepted);
  // Dated back into the window does not help once the key has run out; dated past it does not either.
  rejected_with(judged(policy_with(Tree::array({issuer("Model team", team(), {{"notAfter", "2026-01-01T00:00:00Z"}})})),
                       {signed_by(issued_at("2026-01-01T12:00:00Z"), team())}),
                "has expired");
}

TEST_CASE("a revoked key counts for nothing, whatever time a certificate names") {
  const std::string team_bundle = signed_by(payload(), team());
  const auto with = [&](const Tree& more, const std::string& what) {
    return judged(policy_with(Tree::array({issuer("Model team", team(), more)})), {what});
  };
  const Judgement revoked = with({{"revokedAt", "2025-06-01T00:00:00Z"}}, team_bundle);
  rejected_with(revoked, "was revoked at 2025-06-01T00:00:00Z");
  CHECK(revoked.report.checks.empty());
  rejected_with(with({{"revokedAt", "2029-06-01T00:00:00Z"}}, team_bundle), "was revoked at 2029");
  rejected_with(with({{"revokedAt", "2025-06-01T00:00:00Z"}, {"acceptIssuedBeforeRevocation", false}}, team_bundle), "was revoked");
  const Tree earlier = {{"revokedAt", "2025-06-01T00:00:00Z"}, {"acceptIssuedBeforeRevocation", true}};
  CHECK(with(earlier, team_bundle).outcome == Outcome::accepted);
  CHECK(with(earlier, signed_by(issued_at("2025-05-31T23:59:59Z"), team())).outcome == Outcome::accepted);
  rejected_with(with(earlier, signed_by(issued_at("2025-06-01T00:00:00Z"), team())),
                "was revoked at 2025-06-01T00:00:00Z, and the certificate was issued at 2025-06-01T00:00:00Z");
  // Revoked by fingerprint: no exception.
  const auto listed = [&](const Tree& revocation) {
    return judged(policy_with(Tree::array({issuer("Model team", team(), earlier)}), {{"revoked", revocation}}), {team_bundle});
  };
  rejected_with(listed({{"keys", Tree::array({fingerprint(team())})}}), "is in a list of revoked keys");
  CHECK(listed({{"keys", Tree::array({fingerprint(other())})}}).outcome == Outcome::accepted);
  const Judgement certificate = listed({{"certificates", Tree::array({sha256_hex(payload())})}});
  rejected_with(certificate, "/revoked/certificates is not met");
  CHECK(certificate.report.checks.empty());
  CHECK(listed({{"certificates", Tree::array({std::string(64, '0')})}}).outcome == Outcome::accepted);
}

TEST_CASE("a threshold counts different issuers over one payload") {
  const Key second;
  const Tree two =
      policy_with(Tree::array({issuer("Model team", team()), issuer("Model team", second), issuer("Board", board())}), {{"threshold", 2}});
  const std::string a = signed_by(payload(), team()), b = signed_by(payload(), second), c = signed_by(payload(), board());
  CHECK(judged(two, {a, c}).outcome == Outcome::accepted);
  CHECK(judged(two, {c, b}).signers.size() == 2);
  rejected_with(judged(two, {a}), "/threshold is not met: wanted signed by at least 2 different issuers; found 1");
  rejected_with(judged(two, {a, b}), "/threshold is not met");
  rejected_with(judged(two, {a, a}), "/threshold is not met");
  rejected_with(judged(two, {a, signed_by(payload(), other())}), "/threshold is not met");
  rejected_with(judged(two, {a, signed_by(issued_at("2025-02-01T00:00:00Z"), board())}),
                "'cert1.json' signs another payload than 'cert0.json'");
  Tree expired = two;
  expired["issuers"][2]["notAfter"] = "2025-12-31T00:00:00Z";
  rejected_with(judged(expired, {a, c}), "has expired");
  Tree revoked = two;
  revoked["revoked"] = {{"keys", Tree::array({fingerprint(board())})}};
  rejected_with(judged(revoked, {c, a}), "is in a list of revoked keys");
  // A signature that does not count takes nothing away from one that does.
  Tree one = two;
  one["threshold"] = 1;
  const Judgement beside = judged(one, {signed_by(payload(), other()), a});
  CHECK(beside.outcome == Outcome::accepted);
  REQUIRE_FALSE(beside.report.warnings.empty());
  CHECK(has(beside.report.warnings.back(), "'cert0.json' is signed by none of the policy's keys"));
}

TEST_CASE("bundles are grouped by payload") {
  const std::string later = issued_at("2025-02-01T00:00:00Z");
  const std::vector<Document> all = {{"a", signed_by(payload(), team())},
                                     {"b", "broken"},
                                     {"c", signed_by(later, team())},
                                     {"d", signed_by(payload(), board())},
                                     {"e", "broken"}};
  const std::vector<BundleGroup> groups = group_by_payload(all);
  REQUIRE(groups.size() == 4);
  CHECK(groups[0].payload_sha256 == sha256_hex(payload()));
  REQUIRE(groups[0].bundles.size() == 2);
  CHECK(groups[0].bundles[1].name == "d");
  CHECK(groups[1].payload_sha256.empty());
  CHECK(groups[2].payload_sha256 == sha256_hex(later));
  CHECK(groups[3].bundles[0].name == "e");
}

TEST_CASE("a signed list of revocations") {
  const Folder folder;
  const Tree list = {{"formatVersion", 1},
                     {"issuedAt", "2025-12-01T00:00:00Z"},
                     {"notAfter", "2026-01-01T00:00:00Z"},
                     {"keys", Tree::array()},
                     {"certificates", Tree::array()}};
  const auto document = [&](const std::string& bytes, const Tree& more = Tree::object()) {
    (void)folder.write("revoked.json", bytes);
    Tree policy = policy_of(team());
    policy["revocationList"] = "revoked.json";
    policy["revocationIssuers"] = Tree::array({issuer("Key office", board())});
    policy["revocationIssuers"][0].update(more);
    return Document(folder.write("gate.json", policy.dump()));
  };
  const auto with = [&](const Tree& content, const std::string& time = "2026-01-01T00:00:00Z", const Tree& more = Tree::object()) {
    return judge(read_policy(document(signed_by(content.dump(), board(), kListType), more)),
                 {Document("cert.json", signed_by(payload(), team()))}, request(time));
  };
  CHECK(with(list).outcome == Outcome::accepted);
  rejected_with(with(list, "2026-01-01T00:00:01Z"), "/revocationList is not met: wanted a list of revocations that has not run out");
  CHECK(with(list, "2026-01-01T00:00:01Z").report.checks.empty());
  rejected_with(with(list, "2026-01-01T00:00:00Z", {{"notAfter", "2025-12-31T00:00:00Z"}}), "whose key does not count at");
  rejected_with(with(list, "2026-01-01T00:00:00Z", {{"notBefore", "2026-02-01T00:00:00Z"}}), "whose key does not count at");
  Tree changed = list;
  changed["keys"] = Tree::array({fingerprint(team())});
  rejected_with(with(changed), "is in a list of revoked keys");
  changed = list;
  changed["certificates"] = Tree::array({sha256_hex(payload())});
  rejected_with(with(changed), "listed as revoked");
  // Lists that cannot be used make the policy unusable.
  CHECK(refusal(document(signed_by(list.dump(), board(), kListType))) == "");
  CHECK(has(refusal(document(signed_by(list.dump(), team(), kListType))),
            "/revocationList: the list is not signed by one of revocationIssuers; it names the key " + fingerprint(team())));
  CHECK(has(refusal(document(signed_by(list.dump(), board()))),
            "the payload type is 'application/vnd.in-toto+json', not application/vnd.lipcert.revocation-list+json"));
  CHECK(has(refusal(document("{}")), "/revocationList: the revocation list cannot be used: "));
  Tree relabelled = Tree::parse(signed_by(list.dump(), board()));  // signed as a statement, presented as a list
  relabelled["dsseEnvelope"]["payloadType"] = kListType;
  CHECK(has(refusal(document(relabelled.dump())), "not signed by one of revocationIssuers"));
  for (const char* key : {"formatVersion", "issuedAt", "notAfter", "keys", "certificates"}) {
    changed = list;
    changed.erase(key);
    CHECK(has(refusal(document(signed_by(changed.dump(), board(), kListType))),
              std::string("the revocation list 'revoked.json', the whole document: '") + key + "' is missing"));
  }
  changed = list;
  changed["certs"] = Tree::array();
  CHECK(has(refusal(document(signed_by(changed.dump(), board(), kListType))), "/certs: 'certs' is no key that is known here"));
  Tree policy = Tree::parse(file_text(document(signed_by(list.dump(), board(), kListType)).name));
  policy["revoked"] = {{"keys", Tree::array({fingerprint(board())})}};
  CHECK(has(refusal(Document(folder.write("gate.json", policy.dump()))), "which the policy itself revokes"));
  policy.erase("revoked");
  policy["revocationIssuers"][0]["revokedAt"] = "2025-01-01T00:00:00Z";
  CHECK(has(refusal(Document(folder.write("gate.json", policy.dump()))), "/revocationIssuers/0/revokedAt"));
  // A list is no certificate.
  CHECK(judged(policy_of(board()), {signed_by(list.dump(), board(), kListType)}).outcome == Outcome::rejected);
}

TEST_CASE("the shipped script signs lists of revocations") {
  const Folder folder;
  (void)folder.write("cert.json", signed_by(payload(), team()));
  for (const Key* office : {&board(), &other()}) {  // Ed25519 and P-256
    (void)folder.write("office.pem", office->private_pem());
    const auto run = [&](const std::string& options) {
      const std::string command = "/usr/bin/python3 -B '" LIPCERT_SOURCE_DIR "/examples/gates/sign_revocations.py' --key '" +
                                  folder.path("office.pem") + "' --days 2 -o '" + folder.path("list.json") + "' " + options + " > '" +
                                  folder.path("log") + "' 2>&1";
      const int code = std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
      INFO(file_text(folder.path("log")));
      REQUIRE(code == 0);
    };
    Tree policy = policy_of(team());
    policy["revocationList"] = "list.json";
    policy["revocationIssuers"] = Tree::array({issuer("Key office", *office)});
    const Document document(folder.write("gate.json", policy.dump()));
    run("--revoke-key " + fingerprint(office == &board() ? other() : board()));
    Request how = request();
    how.time.reset();
    const std::vector<Document> certificate = {Document(folder.path("cert.json"))};
    CHECK(judge(read_policy(document), certificate, how).outcome == Outcome::accepted);
    run("--from '" + folder.path("list.json") + "' --revoke-certificate '" + folder.path("cert.json") + "'");
    const Policy revoking = read_policy(document);
    REQUIRE(revoking.list);
    CHECK(revoking.list->fingerprint == fingerprint(*office));
    CHECK(revoking.list->revoked.keys.size() == 1);
    rejected_with(judge(revoking, certificate, how), "/revocationList is not met");
  }
}

TEST_CASE("the policy that a certificate just meets") {
  const Document public_key("team.pub.pem", team().public_pem());
  const std::string certificate = signed_by(payload(), team());
  Request how = request();
  how.certificate = Document("cert.json", certificate);
  how.public_key = public_key;
  const Judgement with_key = judge_with_key(how);
  REQUIRE(with_key.outcome == Outcome::accepted);
  REQUIRE(with_key.signers.size() == 1);
  CHECK(with_key.signers[0].fingerprint == fingerprint(team()));
  CHECK(with_key.requirements.empty());
  const Tree policy = Tree::parse(policy_from(with_key.report, public_key));
  CHECK(judged(policy, {certificate}).outcome == Outcome::accepted);
  for (const char* key : {"issuers", "threshold", "predicateTypes", "models", "minimumToolVersion", "recheck", "arithmetic", "input",
                          "lipschitz", "requirements"})
    CHECK(policy.contains(key));
  CHECK(policy["issuers"][0]["name"] == "tests");
  CHECK(policy["lipschitz"].size() == 2);
  for (std::size_t k = 0; k < 2; ++k) {  // just meets: hardly less would not do
    Tree tighter = policy;
    const Rational less =
        parse_decimal(policy["lipschitz"][k]["max"].get<std::string>(), "max") * Rational(999999999999999, 1000000000000000);
    tighter["lipschitz"][k]["max"] = boost::multiprecision::numerator(less).str() + "/" + boost::multiprecision::denominator(less).str();
    rejected_with(judged(tighter, {certificate}), "/lipschitz/" + std::to_string(k) + "/max is not met");
  }
  for (const Outcome outcome : {Outcome::rejected, Outcome::accepted_in_part, Outcome::input}) {
    Report report = with_key.report;
    report.outcome = outcome;
    CHECK_THROWS_WITH_AS((void)policy_from(report, public_key), doctest::Contains("only from a certificate that is accepted"), Failure);
  }
  CHECK_THROWS_AS((void)policy_from(with_key.report, Document("other", other().public_pem())), Failure);
  how.public_key = Document("other", other().public_pem());
  CHECK(judge_with_key(how).outcome == Outcome::rejected);
  CHECK(judge_with_key(how).signers.empty());
}

TEST_CASE("samples: as deep as the policy wants, and never called accepted when less") {
  const Folder folder;
  const std::string models = std::string(LIPCERT_SOURCE_DIR) + "/examples/models/";
  (void)folder.write("key.pem", team().private_pem());
  const std::string command = std::string("'") + LIPCERT_PROGRAM + "' certify '" + models + "digits.onnx' --key '" +
                              folder.path("key.pem") + "' -o '" + folder.path("c.json") + "' --data '" + models +
                              "digits_test.csv' --label-column -1 --scale 1 --eps 1/2,1 --limit 40 --no-recheck > '" + folder.path("log") +
                              "' 2>&1";
  const int code = std::system(command.c_str());  // NOLINT(concurrency-mt-unsafe): one thread
  INFO(file_text(folder.path("log")));
  REQUIRE(code == 0);
  Request how;
  how.models = {Document(models + "digits.onnx")};
  how.threads = 1;
  const auto with = [&](const Tree& more, bool data, std::optional<std::uint64_t> audit = std::nullopt, bool leave_out = false) {
    Request asked = how;
    if (data) asked.samples.data = models + "digits_test.csv";
    asked.samples.audit = audit;
    asked.samples.leave_out = leave_out;
    Tree policy = policy_of(team());
    policy.update(more);
    return judge(read(policy), {Document(folder.path("c.json"))}, asked);
  };
  const Tree all = {{"recheck", "all"}}, audit = {{"recheck", {{"audit", 10}}}}, none = {{"recheck", "none"}};
  const Judgement whole = with(all, true);
  INFO(whole.error);
  REQUIRE(whole.outcome == Outcome::accepted);
  CHECK(with(Tree::object(), true).outcome == Outcome::accepted);
  CHECK(with(all, false).outcome == Outcome::usage);  // data are missing
  rejected_with(with(all, true, 39), "/recheck is not met: wanted every claim recomputed; found 39 of 40 samples recomputed");
  rejected_with(with(all, false, std::nullopt, true), "/recheck is not met");
  CHECK(with(all, true, 40).outcome == Outcome::accepted);

  const Judgement audited = with(audit, true);
  CHECK(audited.outcome == Outcome::accepted_in_part);
  CHECK(audited.report.samples.rechecked == 10);
  CHECK(with(audit, true).report.samples.seed != audited.report.samples.seed);  // nobody can know which ones
  CHECK(with(audit, true, 11).report.samples.rechecked == 11);
  rejected_with(with(audit, true, 9), "/recheck is not met");
  rejected_with(with(audit, false, std::nullopt, true), "/recheck is not met");
  CHECK(with(audit, false).outcome == Outcome::usage);
  CHECK(with({{"recheck", {{"audit", 1000}}}}, true).outcome == Outcome::accepted);  // all of them

  CHECK(with(none, false).outcome == Outcome::accepted_in_part);
  CHECK(with(none, true).outcome == Outcome::accepted);

  // The policy that this certificate just meets, and one sample more than it has.
  const Tree policy = Tree::parse(policy_from(whole.report, Document("team", team().public_pem())));
  const Tree demand = policy.at("certifiedAccuracy");
  REQUIRE(demand.size() == 2);
  CHECK(demand[0]["scale"] == "1/1");
  CHECK(demand[0]["datasetSha256"] == sha256_hex(file_text(models + "digits_test.csv")));
  CHECK(demand[0]["minSamples"] == 40);
  CHECK(with({{"certifiedAccuracy", demand}}, true).outcome == Outcome::accepted);
  Tree more = demand;
  const std::uint64_t right = whole.report.samples.counts[1].certified_correct;
  REQUIRE(right < 40);
  REQUIRE(right > 0);
  more[1]["min"] = std::to_string(right + 1) + "/40";
  rejected_with(with({{"certifiedAccuracy", more}}, true),
                "/certifiedAccuracy/1 is not met: wanted a share of at least " + std::to_string(right + 1) + "/40");
  const Judgement in_part = with({{"recheck", "none"}, {"certifiedAccuracy", demand}}, false);
  CHECK(in_part.outcome == Outcome::accepted_in_part);
}
