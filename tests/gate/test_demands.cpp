// Every demand at exact equality and one unit beyond it, on reports made by hand; and that nothing is met where a check has not ended well.
#include <ctime>
#include <random>

#include "tests/gate/support.hpp"
#include "verifier/policy/demands.hpp"

using namespace lipverify;
using namespace gate_test;
using verifier_test::Key;

namespace {

const std::string kType = "https://lipcert.github.io/attestation/lipschitz-certificate/v1";

/// Three outputs, 1000 samples, all rechecked.
Report report() {
  Report r;
  r.outcome = Outcome::accepted;
  r.has_statement = true;
  r.model_sha256 = std::string(64, 'a');
  r.function.known = true;
  r.function.input = "x";
  r.function.input_shape = {1, 4};
  r.global_upper = "1.5";
  r.global_upper_exact = "3/2";
  r.pair_classes = 3;
  r.pair_upper_exact = {"1/1", "2/1", "3/1"};  // (0,1), (0,2), (1,2)
  r.pair_largest = "3";
  r.pair_largest_exact = "3/1";
  r.issued_at = "2026-01-01T00:00:00Z";
  r.checked_at = "2026-04-01T00:00:00Z";  // 90 days later
  r.tool = "lipcert 1.10.0";
  r.tool_version = "1.10.0";
  r.predicate_type = kType;
  r.arithmetic = "real";
  r.requirement_ids = {"REQ-7", "REQ-8"};
  SampleSummary& s = r.samples;
  s.claimed = s.labelled = true;
  s.depth = SampleSummary::Depth::all;
  s.total = s.rechecked = 1000;
  s.correct = 980;
  s.eps_unit = "scaled pixel";
  s.scale = "1/255";
  s.data_sha256 = std::string(64, 'd');
  s.labels_sha256 = std::string(64, 'e');
  s.counts = {{"36/255", 950, 930}, {"0.3", 900, 880}};
  return r;
}

/// The one requirement with this id that the policy leads to.
Requirement asked(const std::string& id, const Tree& value, const Report& r = report()) {
  static const Key key;
  Tree policy = policy_of(key);
  policy[id] = value;
  const std::vector<Requirement> all = demands(read(policy), r);
  std::vector<Requirement> found;
  for (const Requirement& requirement : all) {
    CHECK(requirement.met == requirement.remedy.empty());
    CHECK_FALSE(requirement.found.empty());
    if (requirement.id == id) found.push_back(requirement);
  }
  REQUIRE(found.size() == 1);
  return found[0];
}

bool met(const std::string& id, const Tree& value, const Report& r = report()) {
  return asked(id, value, r).met;
}

Tree constant(const Tree& what, const std::string& max) {
  Tree item = what.is_array() ? Tree{{"pair", what}} : Tree{{"output", what}};
  item["max"] = max;
  return Tree::array({item});
}

Tree accuracy(const Tree& changes = Tree::object()) {
  Tree item = {{"epsilon", "36/255"},
               {"unit", "scaled pixel"},
               {"min", "0.93"},
               {"scale", "1/255"},
               {"datasetSha256", std::string(64, 'd')},
               {"labelsSha256", std::string(64, 'e')},
               {"minSamples", 1000}};
  item.update(changes);
  return Tree::array({item});
}

}  // namespace

TEST_CASE("Lipschitz constants: exactly equal passes, the next number does not") {
  CHECK(met("lipschitz", constant("all", "1.5")));
  CHECK(met("lipschitz", constant("all", "3/2")));
  CHECK_FALSE(met("lipschitz", constant("all", "1.4999999999999999999999999999999999999999")));
  Report r = report();
  r.global_upper_exact = "9007199254740993/9007199254740992";  // 1 + 2^-53, which no double tells from 1
  CHECK_FALSE(met("lipschitz", constant("all", "1"), r));
  CHECK(met("lipschitz", constant("all", "9007199254740993/9007199254740992"), r));
  // The decimal that people read decides nothing.
  r = report();
  r.global_upper = "0.1";
  CHECK_FALSE(met("lipschitz", constant("all", "1.4"), r));

  CHECK(met("lipschitz", constant("pairs", "3")));
  CHECK_FALSE(met("lipschitz", constant("pairs", "2.9999999999999999")));
  CHECK(met("lipschitz", constant(Tree{0, 1}, "1")));
  CHECK_FALSE(met("lipschitz", constant(Tree{0, 1}, "0.9999999999999999")));
  CHECK(met("lipschitz", constant(Tree{2, 0}, "2")));
  CHECK_FALSE(met("lipschitz", constant(Tree{0, 2}, "1.9")));
  CHECK(met("lipschitz", constant(Tree{1, 2}, "3")));
  CHECK_FALSE(met("lipschitz", constant(Tree{2, 1}, "2.9")));
  CHECK(has(asked("lipschitz", constant(Tree{1, 3}, "100")).remedy, "name two outputs that the model has"));
  CHECK(asked("lipschitz", constant("all", "1")).found == "L <= 1.5");
}

TEST_CASE("a claim that is wanted and not there is not met, and nothing is derived") {
  Report r = report();
  r.global_upper.clear();
  r.global_upper_exact.clear();
  CHECK(asked("lipschitz", constant("all", "1000000"), r).found == "nothing");
  CHECK_FALSE(met("lipschitz", constant("all", "1000000"), r));
  r = report();
  r.pair_classes = 0;
  r.pair_upper_exact.clear();
  r.pair_largest_exact.clear();
  CHECK_FALSE(met("lipschitz", constant("pairs", "1000000"), r));
  CHECK_FALSE(met("lipschitz", constant(Tree{0, 1}, "1000000"), r));
  r = report();
  r.samples = SampleSummary();
  const Requirement missing = asked("certifiedAccuracy", accuracy({{"min", "0"}}), r);
  CHECK_FALSE(missing.met);
  CHECK(missing.found == "nothing");
  CHECK(has(missing.remedy, "certify with --data FILE --labels FILE --scale 1/255 --eps 36/255"));
}

TEST_CASE("certified accuracy: share, radius, unit, data") {
  CHECK(met("certifiedAccuracy", accuracy()));
  CHECK(met("certifiedAccuracy", accuracy({{"min", "930/1000"}})));
  CHECK_FALSE(met("certifiedAccuracy", accuracy({{"min", "931/1000"}})));
  CHECK_FALSE(met("certifiedAccuracy", accuracy({{"min", "0.93000000000000000000000000000001"}})));
  Report r = report();
  r.samples.counts[0].certified_correct = 929;
  CHECK_FALSE(met("certifiedAccuracy", accuracy(), r));
  // A radius above a larger eps is above a smaller one, never the other way round.
  CHECK(met("certifiedAccuracy", accuracy({{"epsilon", "0.1"}})));
  CHECK(met("certifiedAccuracy", accuracy({{"epsilon", "12/85"}})));
  CHECK_FALSE(met("certifiedAccuracy", accuracy({{"epsilon", "37/255"}})));
  CHECK(met("certifiedAccuracy", accuracy({{"epsilon", "37/255"}, {"min", "0.88"}})));
  CHECK(met("certifiedAccuracy", accuracy({{"epsilon", "0.3"}, {"min", "0.88"}})));
  CHECK_FALSE(met("certifiedAccuracy", accuracy({{"epsilon", "0.30000000000000000001"}, {"min", "0"}})));
  CHECK_FALSE(met("certifiedAccuracy", accuracy({{"unit", "graph input"}})));
  CHECK_FALSE(met("certifiedAccuracy", accuracy({{"scale", "1/256"}})));
  CHECK(met("certifiedAccuracy", accuracy({{"scale", "2/510"}})));
  CHECK_FALSE(met("certifiedAccuracy", accuracy({{"datasetSha256", std::string(64, 'e')}})));
  CHECK_FALSE(met("certifiedAccuracy", accuracy({{"labelsSha256", std::string(64, 'd')}})));
  CHECK_FALSE(met("certifiedAccuracy", accuracy({{"minSamples", 1001}})));
  r = report();
  r.samples.labelled = false;
  CHECK_FALSE(met("certifiedAccuracy", accuracy({{"min", "0"}}), r));
  r = report();
  r.samples.labels_sha256.clear();
  CHECK_FALSE(met("certifiedAccuracy", accuracy(), r));
}

TEST_CASE("how deep was rechecked") {
  using Depth = SampleSummary::Depth;
  const auto at = [](Depth depth, std::uint64_t rechecked) {
    Report r = report();
    r.outcome = Outcome::accepted_in_part;
    r.claims_not_rechecked = {"sample-radii"};
    r.samples.depth = depth;
    r.samples.rechecked = rechecked;
    return r;
  };
  const Tree audit = {{"audit", 100}};
  CHECK(met("recheck", "all"));
  CHECK(met("recheck", audit));
  CHECK(met("recheck", "none"));
  CHECK_FALSE(met("recheck", "all", at(Depth::audit, 999)));
  CHECK_FALSE(met("recheck", "all", at(Depth::records, 0)));
  CHECK(met("recheck", audit, at(Depth::audit, 100)));
  CHECK_FALSE(met("recheck", audit, at(Depth::audit, 99)));
  CHECK_FALSE(met("recheck", audit, at(Depth::records, 0)));
  CHECK(met("recheck", "none", at(Depth::records, 0)));
  CHECK(met("recheck", "none", at(Depth::audit, 1)));
  // A count that was not rechecked as deep as wanted meets nothing; one that was is said to be the signer's word.
  CHECK_FALSE(met("certifiedAccuracy", accuracy(), at(Depth::audit, 100)));
  static const Key key;
  Tree policy = policy_of(key);
  policy["recheck"] = "none";
  policy["certifiedAccuracy"] = accuracy();
  for (const Requirement& r : demands(read(policy), at(Depth::records, 0))) {
    CHECK(r.met);
    if (r.id == "certifiedAccuracy") CHECK(has(r.found, "the signer's word"));
  }
  // Without samples every claim is recomputed; a report that says otherwise is not believed.
  Report plain = report();
  plain.samples = SampleSummary();
  CHECK(met("recheck", "all", plain));
  plain.claims_not_rechecked = {"lipschitz-global"};
  CHECK_FALSE(met("recheck", "all", plain));
}

TEST_CASE("age, to the second, in the calendar") {
  CHECK(met("maximumAge", "90d"));
  CHECK_FALSE(met("maximumAge", "89d"));
  Report r = report();
  r.checked_at = "2026-04-01T00:00:01Z";
  CHECK_FALSE(met("maximumAge", "90d", r));
  CHECK(met("maximumAge", "91d", r));
  r.issued_at.clear();
  CHECK_FALSE(met("maximumAge", "99999d", r));
  std::mt19937 random(1);
  for (int i = 0; i < 2000; ++i) {
    const auto draw = [&] { return static_cast<std::time_t>(static_cast<std::int64_t>(random()) * 55 - 62000000000); };  // years 5 to 9000
    const auto text = [](std::time_t t) {
      std::tm parts{};
      gmtime_r(&t, &parts);
      char out[40];
      (void)std::snprintf(out, sizeof out, "%04d-%02d-%02dT%02d:%02d:%02dZ", parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday,
                          parts.tm_hour, parts.tm_min, parts.tm_sec);
      return std::string(out);
    };
    const std::time_t a = draw(), b = draw();
    REQUIRE(is_time(text(a)));
    REQUIRE(seconds_between(text(a), text(b)) == b - a);
  }
}

TEST_CASE("names and versions") {
  CHECK(met("minimumToolVersion", "1.10.0"));
  CHECK(met("minimumToolVersion", "1.9.9"));
  CHECK_FALSE(met("minimumToolVersion", "1.10.0.1"));
  CHECK_FALSE(met("minimumToolVersion", "2"));
  Report r = report();
  r.tool_version = "9.0-beta";
  CHECK_FALSE(met("minimumToolVersion", "1", r));
  CHECK(met("models", "given"));
  CHECK(met("models", Tree{std::string(64, 'b'), std::string(64, 'a')}));
  CHECK_FALSE(met("models", Tree::array({std::string(64, 'b')})));
  CHECK(met("predicateTypes", Tree::array({kType})));
  CHECK_FALSE(met("predicateTypes", Tree{kType.substr(0, kType.size() - 1) + "2"}));
  CHECK(met("arithmetic", Tree{"binary32", "real"}));
  CHECK_FALSE(met("arithmetic", Tree::array({"binary32"})));
  CHECK(met("input", {{"shape", {1, 4}}}));
  CHECK(met("input", {{"name", "x"}, {"shape", {1, 4}}}));
  CHECK_FALSE(met("input", {{"name", "y"}, {"shape", {1, 4}}}));
  CHECK_FALSE(met("input", {{"shape", {4, 1}}}));
  CHECK_FALSE(met("input", {{"shape", {1, 4, 1}}}));
  CHECK(met("requirements", Tree::array({"REQ-8"})));
  CHECK_FALSE(met("requirements", Tree::array({"REQ-"})));
}

TEST_CASE("nothing is met where the check has not ended well") {
  Tree policy = vectors("policy.json");
  for (const Outcome outcome : {Outcome::rejected, Outcome::usage, Outcome::input, Outcome::internal}) {
    Report r = report();
    r.outcome = outcome;
    const std::vector<Requirement> all = demands(read(policy), r);
    CHECK(all.size() >= 11);
    for (const Requirement& requirement : all) CHECK_FALSE(requirement.met);
  }
}
