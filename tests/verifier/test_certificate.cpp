// Whole certificates: what is accepted, and that no mutation is accepted that says more than was proved.
//
// The oracle of the mutation tests knows nothing of the checker: `weaker` compares the mutated statement with the original, whose claims are true.
// An accepted statement must be about the same network in the same sense and claim at most what the original claims.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <set>

#include "tests/support/onnx_builder.hpp"
#include "tests/verifier/support.hpp"
#include "verifier/program/command_line.hpp"
#include "verifier/hint/cholesky.hpp"
#include "verifier/hint/hints.hpp"
#include "verifier/outputs/report.hpp"
#include "verifier/base/bytes.hpp"
#include "verifier/envelope/signature.hpp"

using namespace lipverify;
using verifier_test::Example;
using verifier_test::Key;
using OrderedJson = verifier_test::Json;
namespace ob = onnx_builder;

namespace {

const Key& trusted() {
  static const Key key("ed25519");  // fast to sign with
  return key;
}

Report check(const OrderedJson& statement, const std::string& model) {
  return verifier_test::verify(verifier_test::bundle(statement.dump(), trusted()).dump(), model, trusted().public_pem());
}

double number(const OrderedJson& exact) { return std::strtod(exact.get<std::string>().c_str(), nullptr); }

/// Paths whose content is the signer's word: another string, list or time (of validity) may stand there.
bool free_text(const std::string& path) {
  static const std::vector<std::string> free = {"/subject/0/name",           "/predicate/generator",           "/predicate/settings",
                                                "/predicate/issuance/issuer", "/predicate/issuance/issuedAt", "/predicate/issuance/notAfter", "/predicate/issuance/requirements"};
  for (const std::string& prefix : free)
    if (path.compare(0, prefix.size(), prefix) == 0) return true;
  return false;
}

/// What a statement says, without what people are told beside it and without the evidence, which is not a claim: kind, numbers, model, semantics.
OrderedJson meaning(const OrderedJson& statement) {
  const OrderedJson& p = statement.at("predicate");
  OrderedJson out = {{"type", statement.at("_type")}, {"predicateType", statement.at("predicateType")}, {"subject", statement.at("subject").at(0).at("digest").at("sha256")}};
  out["version"] = p.at("formatVersion");
  out["model"] = p.at("model");
  for (const char* key : {"arithmetic", "inputNorm", "outputNorm", "domain", "units"}) out["semantics"][key] = p.at("semantics").at(key);
  return out;
}

/// True when everything that `mutated` claims follows from what `original` claims.
bool weaker(const OrderedJson& mutated, const OrderedJson& original) {
  if (meaning(mutated) != meaning(original)) return false;
  const auto claim = [](const OrderedJson& s, const std::string& kind) -> const OrderedJson* {
    for (const OrderedJson& c : s.at("predicate").at("claims"))
      if (c.at("kind") == kind) return &c;
    return nullptr;
  };
  if (mutated["predicate"]["claims"].empty()) return false;
  for (const OrderedJson& c : mutated["predicate"]["claims"]) {
    const OrderedJson* o = claim(original, c.at("kind"));
    if (o == nullptr || c.at("id") != o->at("id") || c.at("formula") != o->at("formula")) return false;
    if (c.at("kind") == "global-lipschitz") {
      if (number(c["upper"]["exact"]) < number((*o)["upper"]["exact"]) || number(c["lower"]["exact"]) > number((*o)["lower"]["exact"])) return false;
    } else {
      if (c["classes"] != (*o)["classes"] || c["upper"]["exact"].size() != (*o)["upper"]["exact"].size()) return false;
      for (std::size_t k = 0; k < c["upper"]["exact"].size(); ++k)
        if (number(c["upper"]["exact"][k]) < number((*o)["upper"]["exact"][k])) return false;
    }
  }
  // Blocks: the same partition, and no end sharper than the original's.
  const OrderedJson& blocks = mutated["predicate"]["blocks"];
  const OrderedJson& others = original["predicate"]["blocks"];
  if (blocks.size() != others.size()) return false;
  for (std::size_t k = 0; k < blocks.size(); ++k) {
    for (const char* key : {"id", "operator", "nodes", "inputs", "method"})
      if (blocks[k].at(key) != others[k].at(key)) return false;
    if (number(blocks[k]["upper"]["exact"]) < number(others[k]["upper"]["exact"]) || number(blocks[k]["lower"]["exact"]) > number(others[k]["lower"]["exact"])) return false;
  }
  return mutated["predicate"]["constantNodes"] == original["predicate"]["constantNodes"];
}

struct Tally {
  std::size_t rejected = 0;
  std::set<std::string> accepted;  // paths
};

void try_mutation(const OrderedJson& mutated, const OrderedJson& original, const std::string& model, const std::string& path, Tally& tally) {
  if (mutated == original) return;
  const Report report = check(mutated, model);
  CAPTURE(path);
  CAPTURE(report.error);
  if (report.outcome != Outcome::accepted) {
    ++tally.rejected;
    REQUIRE(report.outcome == Outcome::rejected);
    REQUIRE_FALSE(report.error.empty());
    return;
  }
  tally.accepted.insert(path);
  bool fine = false;
  try {
    fine = weaker(mutated, original);
  } catch (const std::exception&) {
    fine = false;
  }
  REQUIRE(fine);
}

std::vector<OrderedJson> scalar_mutations(const OrderedJson& leaf) {
  std::vector<OrderedJson> out = {nullptr, true, OrderedJson::array(), OrderedJson::object(), -1, 0, 1, 9007199254740992, 1.5, "", "x", "zero", std::string(64, 'f')};
  if (leaf.is_string()) {
    const std::string text = leaf;
    out.push_back(text + "x");
    out.push_back(text + " ");
    out.push_back("-" + text);
    out.push_back(text + "0");
    if (!text.empty()) {
      std::string changed = text;
      changed.back() = changed.back() == '0' ? '1' : '0';
      out.push_back(changed);
      out.push_back(text.substr(0, text.size() - 1));
      changed = text;
      changed[0] = static_cast<char>(changed[0] ^ 1);
      out.push_back(changed);
      if (std::isdigit(static_cast<unsigned char>(text.back())) != 0) {
        for (const int step : {1, -1}) {
          changed = text;
          changed.back() = static_cast<char>('0' + (changed.back() - '0' + 10 + step) % 10);
          out.push_back(changed);
        }
      }
    }
    if (text.compare(0, 2, "0x") == 0) {
      const double value = std::strtod(text.c_str(), nullptr);
      for (const double v : {std::nextafter(value, 0.0), std::nextafter(value, INFINITY), -value, value * 2, value / 2, 0.0, 1e-300, 1e300})
        out.push_back(verifier_test::hex_float(v));
      for (const char* v : {"nan", "inf", "1e400", "0x1p+5000", "1/1", "1000000000/1", "1/1000000000"}) out.push_back(v);
    }
  } else if (leaf.is_number_integer()) {
    const std::int64_t value = leaf;
    for (const std::int64_t v : {value + 1, value - 1, -value, 2 * value, value + 1000}) out.push_back(v);
    out.push_back(static_cast<double>(value));
    out.push_back(std::to_string(value));
  }
  return out;
}

void mutate(const OrderedJson& original, const std::string& model, Tally& tally) {
  const std::function<void(const std::string&)> visit = [&](const std::string& path) {
    const OrderedJson::json_pointer at(path);
    const OrderedJson& here = original.at(at);
    const auto with = [&](const OrderedJson& value, const std::string& label) {
      OrderedJson mutated = original;
      mutated.at(at) = value;
      try_mutation(mutated, original, model, path + label, tally);
    };
    if (here.is_object()) {
      for (const auto& [key, value] : here.items()) {
        OrderedJson less = here;
        less.erase(key);
        with(less, "(without " + key + ")");
        OrderedJson renamed = less;
        renamed[key + "x"] = value;
        with(renamed, "(renamed " + key + ")");
      }
      OrderedJson more = here;
      more["surprise"] = 1;
      with(more, "(one more member)");
      with(nullptr, "");
      with(OrderedJson::array(), "");
      for (const auto& [key, value] : here.items()) visit(path + "/" + key);
    } else if (here.is_array()) {
      for (std::size_t k = 0; k < here.size(); ++k) {
        OrderedJson less = here;
        less.erase(k);
        with(less, "(without " + std::to_string(k) + ")");
        OrderedJson twice = here;
        twice.insert(twice.begin() + static_cast<std::ptrdiff_t>(k), here[k]);
        with(twice, "(twice " + std::to_string(k) + ")");
        if (k + 1 < here.size()) {
          OrderedJson swapped = here;
          std::swap(swapped[k], swapped[k + 1]);
          with(swapped, "(swapped " + std::to_string(k) + ")");
        }
      }
      with(OrderedJson::array(), "(empty)");
      OrderedJson reversed = here;
      std::reverse(reversed.begin(), reversed.end());
      with(reversed, "(reversed)");
      with(nullptr, "");
      for (std::size_t k = 0; k < here.size(); ++k) visit(path + "/" + std::to_string(k));
    } else {
      for (const OrderedJson& value : scalar_mutations(here)) with(value, " = " + value.dump());
    }
  };
  visit("");
}

/// Replaces a rigorous number consistently (decimal and all), so that only the mathematics can object.
void set_number(OrderedJson& object, double value, bool upper) { object = upper ? verifier_test::upper_number(value) : verifier_test::lower_number(value); }

}  // namespace

TEST_CASE("the examples are accepted, with both algorithms, and everything is reported") {
  for (const Example& e : verifier_test::examples()) {
    CAPTURE(e.name);
    const OrderedJson statement = verifier_test::statement(e.model, e.plan);
    for (const char* algorithm : {"p256", "ed25519"}) {
      const Key key(algorithm);
      const Report report = verifier_test::verify(verifier_test::bundle(statement.dump(), key).dump(), e.model, key.public_pem());
      CHECK(report.error == "");
      REQUIRE(report.outcome == Outcome::accepted);
      CHECK(report.payload_sha256 == sha256_hex(statement.dump()));
      CHECK(report.key_fingerprint == PublicKey(key.public_pem()).fingerprint());
      CHECK(report.global_upper == statement["predicate"]["claims"][0]["upper"]["decimal"]);
      CHECK(report.not_covered.size() == 5);
      CHECK(report.assumptions.size() == 4);
      CHECK(report.claims_not_rechecked.empty());
      CHECK_FALSE(report.not_checked.empty());
      CHECK(report.checks.size() > 15);
      for (const Check& c : report.checks) CHECK(c.passed);
    }
  }
}

TEST_CASE("every field of a certificate mutated and signed again: nothing false is accepted") {
  const std::vector<Example> all = verifier_test::examples();
  for (const std::size_t index : {0U, 1U, 3U}) {
    const Example& e = all[index];
    CAPTURE(e.name);
    const OrderedJson original = verifier_test::statement(e.model, e.plan);
    REQUIRE(check(original, e.model).outcome == Outcome::accepted);
    Tally tally;
    mutate(original, e.model, tally);
    CHECK(tally.rejected > (index == 0 ? 3000U : 800U));
    // What was accepted, by reason. Everything else must have been rejected, and `weaker` has been asked about each of these.
    for (const std::string& path : tally.accepted) {
      const bool number_field = path.find("/upper") != std::string::npos || path.find("/lower") != std::string::npos;
      const bool evidence = path.find("vidence") != std::string::npos;  // evidence and lowerEvidence: other evidence that proves the same numbers
      const bool dropped_claim = path.compare(0, 17, "/predicate/claims") == 0 && path.find("without") != std::string::npos;
      const bool reordered_claims = path.compare(0, 18, "/predicate/claims(") == 0;
      const bool unknown_member = path.find("(one more member)") != std::string::npos;  // outside claims, blocks and model: a warning
      const bool not_read = free_text(path);
      CAPTURE(path);
      CHECK((number_field || evidence || dropped_claim || reordered_claims || unknown_member || not_read));
      if (unknown_member) {
        CHECK(path.find("/claims/") == std::string::npos);
        CHECK(path.find("/blocks/") == std::string::npos);
        CHECK(path.find("/model") == std::string::npos);
        CHECK(path.find("/semantics") == std::string::npos);
        CHECK(path.find("/assumptions") == std::string::npos);
      }
    }
    MESSAGE(e.name << ": " << tally.rejected << " mutations rejected, " << tally.accepted.size() << " paths accepted as weaker or free text");
  }
}

TEST_CASE("each number one unit in the last place on the wrong side of the tight value, decimal and all") {
  for (const Example& e : verifier_test::examples()) {
    CAPTURE(e.name);
    const OrderedJson original = verifier_test::statement(e.model, e.plan);
    const auto rejected = [&](const std::string& what, const std::function<void(OrderedJson&)>& change, const char* check_id) {
      OrderedJson mutated = original;
      change(mutated["predicate"]);
      const Report report = check(mutated, e.model);
      CAPTURE(what);
      CAPTURE(report.error);
      CHECK(report.outcome == Outcome::rejected);
      bool named = false;
      for (const Check& c : report.checks) named = named || (!c.passed && c.id == check_id);
      CHECK(named);
    };
    const auto nudge = [](OrderedJson& object, bool upper) {
      const double value = number(object["exact"]);
      set_number(object, std::nextafter(value, upper ? 0.0 : INFINITY), upper);
    };
    const OrderedJson& blocks = original["predicate"]["blocks"];
    for (std::size_t k = 0; k < blocks.size(); ++k) {
      if (number(blocks[k]["upper"]["exact"]) != 0)
        rejected("block " + std::to_string(k) + " upper", [&](OrderedJson& p) { nudge(p["blocks"][k]["upper"], true); }, "block-upper");
      rejected("block " + std::to_string(k) + " lower", [&](OrderedJson& p) { nudge(p["blocks"][k]["lower"], false); }, "block-lower");
    }
    if (number(original["predicate"]["claims"][0]["upper"]["exact"]) != 0)
      rejected("global upper", [&](OrderedJson& p) { nudge(p["claims"][0]["upper"], true); }, "global-upper");
    rejected("global lower", [&](OrderedJson& p) { nudge(p["claims"][0]["lower"], false); }, "global-lower");
    if (original["predicate"]["claims"].size() > 1) {
      const std::size_t pairs = original["predicate"]["claims"][1]["upper"]["exact"].size();
      for (std::size_t k = 0; k < pairs; ++k)
        rejected("pair " + std::to_string(k),
                 [&](OrderedJson& p) {
                   OrderedJson& upper = p["claims"][1]["upper"];
                   OrderedJson item = verifier_test::upper_number(std::nextafter(number(upper["exact"][k]), 0.0));
                   upper["exact"][k] = item["exact"];
                   upper["decimal"][k] = item["decimal"];
                 },
                 "pair-upper");
    }
  }
}

TEST_CASE("upper ends may be raised and lower ends lowered; decimals must stay on the safe side") {
  const Example e = verifier_test::digits_like();
  const OrderedJson original = verifier_test::statement(e.model, e.plan);
  const auto outcome = [&](const std::function<void(OrderedJson&)>& change) {
    OrderedJson mutated = original;
    change(mutated["predicate"]);
    return check(mutated, e.model).outcome;
  };
  OrderedJson claim = original["predicate"]["claims"][0];
  CHECK(outcome([&](OrderedJson& p) { set_number(p["claims"][0]["upper"], number(claim["upper"]["exact"]) * 2, true); }) == Outcome::accepted);
  CHECK(outcome([&](OrderedJson& p) { set_number(p["claims"][0]["lower"], number(claim["lower"]["exact"]) / 2, false); }) == Outcome::accepted);
  CHECK(outcome([&](OrderedJson& p) { p["claims"][0]["upper"]["decimal"] = "1e30"; }) == Outcome::accepted);
  CHECK(outcome([&](OrderedJson& p) { p["claims"][0]["lower"]["decimal"] = "0"; }) == Outcome::accepted);
  CHECK(outcome([&](OrderedJson& p) { p["claims"][0]["upper"]["decimal"] = p["claims"][0]["lower"]["decimal"]; }) == Outcome::rejected);
  CHECK(outcome([&](OrderedJson& p) { p["claims"][0]["lower"]["decimal"] = p["claims"][0]["upper"]["decimal"]; }) == Outcome::rejected);
  // The last digit of an outward decimal, turned inward.
  CHECK(outcome([&](OrderedJson& p) {
          const Rational exact = parse_exact(claim["upper"]["exact"].get<std::string>(), "x");
          p["claims"][0]["upper"]["decimal"] = decimal_text(exact - scaled(Integer(1), -60), Toward::below);
        }) == Outcome::rejected);
  // An upper end of an isometry or an activation is exact: 1 is 1.
  CHECK(outcome([](OrderedJson& p) { set_number(p["blocks"][1]["upper"], 1.5, true); }) == Outcome::rejected);
  CHECK(outcome([](OrderedJson& p) { set_number(p["blocks"][3]["upper"], 1.5, true); }) == Outcome::rejected);
  // A fraction is as good as a hexadecimal float.
  CHECK(outcome([](OrderedJson& p) { p["blocks"][1]["upper"] = {{"exact", "7/7"}, {"decimal", "1"}}; }) == Outcome::accepted);
}

TEST_CASE("structure: theorems, operators and evidence exchanged, blocks merged and split") {
  const Example e = verifier_test::digits_like();
  const OrderedJson original = verifier_test::statement(e.model, e.plan);
  const auto rejected = [&](const std::function<void(OrderedJson&)>& change) {
    OrderedJson mutated = original;
    change(mutated["predicate"]);
    REQUIRE(mutated != original);
    const Report report = check(mutated, e.model);
    CHECK(report.outcome == Outcome::rejected);
    return report.error;
  };
  for (const char* theorem : {"isometry", "diagonal-max", "dense-gram-psd", "zero-operator", "elementwise-slope", "conv-frequency-grid", "multipliers-psd", "softmax-half", "sum"})
    for (std::size_t k = 0; k < original["predicate"]["blocks"].size(); ++k)
      if (original["predicate"]["blocks"][k]["method"]["theorem"] != theorem) rejected([&](OrderedJson& p) { p["blocks"][k]["method"]["theorem"] = theorem; });
  for (const char* op : {"isometry", "scale", "dense", "activation", "convolution", "add", "sort"})
    for (std::size_t k = 0; k < original["predicate"]["blocks"].size(); ++k)
      if (original["predicate"]["blocks"][k]["operator"] != op) rejected([&](OrderedJson& p) { p["blocks"][k]["operator"] = op; });
  for (std::size_t i = 0; i < original["predicate"]["blocks"].size(); ++i)
    for (std::size_t j = 0; j < original["predicate"]["blocks"].size(); ++j) {
      if (i == j) continue;
      rejected([&](OrderedJson& p) { std::swap(p["blocks"][i], p["blocks"][j]); });
      rejected([&](OrderedJson& p) { p["blocks"][i] = original["predicate"]["blocks"][j]; });
      const OrderedJson& a = original["predicate"]["blocks"][i];
      const OrderedJson& b = original["predicate"]["blocks"][j];
      if (a["lowerEvidence"] != b["lowerEvidence"]) rejected([&](OrderedJson& p) { p["blocks"][i]["lowerEvidence"] = b["lowerEvidence"]; });
      if (a["evidence"] != b["evidence"]) rejected([&](OrderedJson& p) { p["blocks"][i]["evidence"] = b["evidence"]; });
    }
  // A node in two blocks, in none, in constantNodes.
  rejected([](OrderedJson& p) { p["blocks"][0]["nodes"] = {0}; });
  rejected([](OrderedJson& p) { p["blocks"][1]["nodes"] = {1, 2}; });
  rejected([](OrderedJson& p) { p["constantNodes"] = {3, 5}; });
  rejected([](OrderedJson& p) { p["constantNodes"] = OrderedJson::array(); });
  rejected([](OrderedJson& p) { p["constantNodes"] = {3, 3}; });
  rejected([](OrderedJson& p) { p["constantNodes"] = {3, 99}; });
  rejected([](OrderedJson& p) { p["blocks"][4]["nodes"] = {7, 6}; });
  rejected([](OrderedJson& p) { p["blocks"][4]["inputs"] = {""}; });
  rejected([](OrderedJson& p) { p["blocks"][4]["inputs"] = {"y"}; });
  rejected([](OrderedJson& p) { p["blocks"][4]["inputs"] = {"a1", "a1"}; });
  rejected([](OrderedJson& p) { p["blocks"][4]["inputs"] = OrderedJson::array(); });
  rejected([](OrderedJson& p) { p["blocks"][4]["id"] = "m2"; });
  // Side files, unknown claims, other semantics.
  rejected([](OrderedJson& p) { p["blocks"][2]["lowerEvidence"]["vector"] = {{"file", "v.bin"}, {"bytes", 24}, {"sha256", std::string(64, '0')}}; });
  rejected([](OrderedJson& p) { p["claims"][0]["kind"] = "sample-radii"; });
  rejected([](OrderedJson& p) { p["claims"][0]["evidence"]["theorem"] = "multipliers-psd"; });
  for (const char* arithmetic : {"binary32", "binary32-ftz"}) rejected([&](OrderedJson& p) { p["semantics"]["arithmetic"] = arithmetic; });
  rejected([](OrderedJson& p) { p["semantics"]["inputNorm"] = "linf"; });
  rejected([](OrderedJson& p) { p["semantics"]["domain"] = "[0,1]^n"; });
  // Errors name the block and both numbers.
  OrderedJson mutated = original;
  set_number(mutated["predicate"]["blocks"][2]["upper"], number(original["predicate"]["blocks"][2]["upper"]["exact"]) * 0.5, true);
  const std::string error = check(mutated, e.model).error;
  CHECK(error.find("block-upper of z1") != std::string::npos);
  CHECK(error.find("claimed constant <= ") != std::string::npos);
  CHECK(error.find("recomputed constant <= ") != std::string::npos);
}

TEST_CASE("witnesses that are zero, of the wrong length, or overflowing") {
  const Example e = verifier_test::digits_like();
  const OrderedJson original = verifier_test::statement(e.model, e.plan);
  const auto outcome = [&](const std::function<void(OrderedJson&)>& change) {
    OrderedJson mutated = original;
    change(mutated["predicate"]);
    return check(mutated, e.model).outcome;
  };
  const auto vector = [](std::size_t n, std::int32_t value, int exponent) {
    return verifier_test::vector_json({exponent, std::vector<std::int32_t>(n, value)});
  };
  CHECK(outcome([&](OrderedJson& p) { p["blocks"][2]["lowerEvidence"]["vector"] = vector(6, 0, 0); }) == Outcome::rejected);
  CHECK(outcome([&](OrderedJson& p) { p["blocks"][2]["lowerEvidence"]["vector"] = vector(5, 1, 0); }) == Outcome::rejected);
  CHECK(outcome([&](OrderedJson& p) { p["claims"][0]["lowerEvidence"]["direction"] = vector(6, 0, 0); }) == Outcome::rejected);
  CHECK(outcome([&](OrderedJson& p) { p["claims"][0]["lowerEvidence"]["direction"] = vector(7, 1, 0); }) == Outcome::rejected);
  CHECK(outcome([&](OrderedJson& p) { p["claims"][0]["lowerEvidence"]["point"] = vector(1, 1, 0); }) == Outcome::rejected);
  CHECK(outcome([&](OrderedJson& p) { p["claims"][0]["lowerEvidence"]["point"]["exponent"] = 1201; }) == Outcome::rejected);
  CHECK(outcome([&](OrderedJson& p) { p["claims"][0]["lowerEvidence"]["point"]["count"] = 5; }) == Outcome::rejected);
  // A direction may have any length: the quotient does not see it.
  CHECK(outcome([&](OrderedJson& p) { p["claims"][0]["lowerEvidence"]["direction"]["exponent"] = 1000; }) == Outcome::accepted);
  CHECK(outcome([&](OrderedJson& p) { p["claims"][0]["lowerEvidence"]["direction"]["exponent"] = -1200; }) == Outcome::accepted);
  // Without evidence there is no lower end but 0.
  CHECK(outcome([&](OrderedJson& p) { p["claims"][0]["lowerEvidence"] = {{"theorem", "zero"}}; }) == Outcome::rejected);
  CHECK(outcome([&](OrderedJson& p) {
          p["claims"][0]["lowerEvidence"] = {{"theorem", "zero"}};
          set_number(p["claims"][0]["lower"], 0, false);
        }) == Outcome::accepted);
  for (std::size_t k = 0; k < original["predicate"]["blocks"].size(); ++k) {
    CHECK(outcome([&](OrderedJson& p) { p["blocks"][k]["lowerEvidence"] = {{"theorem", "zero"}}; }) == Outcome::rejected);
    CHECK(outcome([&](OrderedJson& p) {
            p["blocks"][k]["lowerEvidence"] = {{"theorem", "zero"}};
            set_number(p["blocks"][k]["lower"], 0, false);
          }) == Outcome::accepted);
  }
}

TEST_CASE("pairs: by rows, by sqrt 2, and which claims they need") {
  const Example e = verifier_test::digits_like();
  const OrderedJson original = verifier_test::statement(e.model, e.plan);
  const auto report = [&](const std::function<void(OrderedJson&)>& change) {
    OrderedJson mutated = original;
    change(mutated["predicate"]);
    return check(mutated, e.model);
  };
  // The same numbers are not proved by the weaker theorem, larger ones are.
  CHECK(report([](OrderedJson& p) { p["claims"][1]["evidence"]["theorem"] = "pair-sqrt2"; }).outcome == Outcome::rejected);
  const double global = number(original["predicate"]["claims"][0]["upper"]["exact"]);
  const auto all = [&](double value) {
    return [value](OrderedJson& p) {
      p["claims"][1]["evidence"]["theorem"] = "pair-sqrt2";
      const OrderedJson item = verifier_test::upper_number(value);
      for (std::size_t k = 0; k < 3; ++k) {
        p["claims"][1]["upper"]["exact"][k] = item["exact"];
        p["claims"][1]["upper"]["decimal"][k] = item["decimal"];
      }
    };
  };
  const double root = verifier_test::double_above(sqrt_above(2 * square(parse_exact(verifier_test::hex_float(global), "x"))));
  CHECK(report(all(root)).outcome == Outcome::accepted);
  CHECK(report(all(std::nextafter(root, 0))).outcome == Outcome::rejected);
  CHECK(report([](OrderedJson& p) { p["claims"][1]["classes"] = 2; }).outcome == Outcome::rejected);
  CHECK(report([](OrderedJson& p) {
          p["claims"][1]["classes"] = 2;
          p["claims"][1]["upper"]["exact"] = {"0x1p+900"};
          p["claims"][1]["upper"]["decimal"] = {"1e300"};
        }).outcome == Outcome::rejected);
  // Alone, it stands.
  CHECK(report([](OrderedJson& p) { p["claims"].erase(0); }).outcome == Outcome::accepted);
  CHECK(report([](OrderedJson& p) { p["claims"].erase(1); }).outcome == Outcome::accepted);
  CHECK(report([](OrderedJson& p) { p["claims"] = OrderedJson::array(); }).outcome == Outcome::rejected);
  // Rows need a dense block at the end.
  const Example folded = verifier_test::examples()[1];
  OrderedJson statement = verifier_test::statement(folded.model, folded.plan);
  statement["predicate"]["claims"][1]["evidence"]["theorem"] = "pair-row-difference";
  CHECK(check(statement, folded.model).outcome == Outcome::rejected);
}

TEST_CASE("pairs of a matrix that two 52-bit grids do not hold: charged, never below the truth") {
  EnclosedMatrix a{3, 2, {{1, 0}, {1, -300}, {1, 0}, {-1, -300}, {3, -1}, {(std::int64_t{1} << 61) + 1, -62}}, Rational(0)};
  const RowDistances rows(a, Engine());
  for (std::size_t i = 0; i < 3; ++i)
    for (std::size_t j = 0; j < 3; ++j) {
      Rational exact = 0;
      for (std::size_t k = 0; k < 2; ++k) exact += square(rational_of(a.centre[2 * i + k]) - rational_of(a.centre[2 * j + k]));
      const Rational bound = sqrt_above(rows.squared(i, j)) + rows.error(i, j);
      CHECK(square(bound) >= exact);
      CHECK(bound <= sqrt_above(exact) + scaled(Integer(1), -90));
    }
  CHECK(rows.error(0, 1) > 0);
  a.centre[1] = a.centre[3] = {1, -60};
  CHECK(RowDistances(a, Engine()).error(0, 1) == 0);
  a.radius = Rational(1, 1024);
  CHECK(square(RowDistances(a, Engine()).error(0, 1)) >= 2 * square(a.radius));
}

TEST_CASE("pairs: rows of very different size do not blur each other") {
  const EnclosedMatrix a{4, 2, {{5, 400}, {-3, 399}, {7, -3}, {1, -2}, {5, -3}, {1, -1}, {0, 0}, {1, -700}}, Rational(0)};
  const RowDistances rows(a, Engine());
  for (std::size_t i = 0; i < 4; ++i)
    for (std::size_t j = 0; j < 4; ++j) {
      Rational exact = 0, lengths = 0;
      for (std::size_t k = 0; k < 2; ++k) {
        exact += square(rational_of(a.centre[2 * i + k]) - rational_of(a.centre[2 * j + k]));
        lengths += square(rational_of(a.centre[2 * i + k])) + square(rational_of(a.centre[2 * j + k]));
      }
      CHECK(rows.error(i, j) == 0);
      CHECK(rows.squared(i, j) == exact);
      CHECK(rows.squared(i, j, true) == lengths);
    }
}

TEST_CASE("the envelope") {
  const Example e = verifier_test::digits_like();
  const std::string payload = verifier_test::statement(e.model, e.plan).dump();
  const Key key;
  const OrderedJson good = verifier_test::bundle(payload, key);
  const auto outcome = [&](const std::string& bytes) { return verifier_test::verify(bytes, e.model, key.public_pem()); };
  REQUIRE(outcome(good.dump()).outcome == Outcome::accepted);
  CHECK(outcome(good.dump(4)).outcome == Outcome::accepted);
  CHECK(outcome(good.dump(4)).payload_sha256 == outcome(good.dump()).payload_sha256);
  const auto rejected = [&](const std::function<void(OrderedJson&)>& change) {
    OrderedJson bundle = good;
    change(bundle);
    const Report report = outcome(bundle.dump());
    CAPTURE(bundle.dump().substr(0, 300));
    CHECK(report.outcome == Outcome::rejected);
    CHECK_FALSE(report.error.empty());
  };
  const std::string text = good["dsseEnvelope"]["payload"];
  const std::string sig = good["dsseEnvelope"]["signatures"][0]["sig"];
  rejected([](OrderedJson& b) { b["mediaType"] = "application/vnd.dev.sigstore.bundle.v0.2+json"; });
  rejected([](OrderedJson& b) { b.erase("mediaType"); });
  rejected([](OrderedJson& b) { b.erase("verificationMaterial"); });
  rejected([](OrderedJson& b) { b["verificationMaterial"].erase("publicKey"); });
  rejected([](OrderedJson& b) { b["dsseEnvelope"]["payloadType"] = "text/plain"; });
  rejected([](OrderedJson& b) { b["dsseEnvelope"]["payloadType"] = "application/vnd.in-toto+json "; });
  rejected([](OrderedJson& b) { b["dsseEnvelope"]["signatures"] = OrderedJson::array(); });
  rejected([](OrderedJson& b) { b["dsseEnvelope"]["signatures"].push_back(b["dsseEnvelope"]["signatures"][0]); });
  rejected([](OrderedJson& b) { b["dsseEnvelope"]["signatures"][0]["sig"] = ""; });
  rejected([&](OrderedJson& b) { b["dsseEnvelope"]["payload"] = text.substr(0, text.size() - 1); });
  rejected([&](OrderedJson& b) { b["dsseEnvelope"]["payload"] = text.substr(0, text.size() - 4); });
  rejected([&](OrderedJson& b) { b["dsseEnvelope"]["payload"] = text + "\n"; });
  rejected([&](OrderedJson& b) { b["dsseEnvelope"]["payload"] = " " + text; });
  rejected([&](OrderedJson& b) { b["dsseEnvelope"]["payload"] = text.substr(0, 40) + "*" + text.substr(41); });
  rejected([&](OrderedJson& b) { b["dsseEnvelope"]["payload"] = text + "===="; });
  rejected([&](OrderedJson& b) { b["dsseEnvelope"]["payload"] = verifier_test::base64(payload + " "); });
  rejected([&](OrderedJson& b) { b["dsseEnvelope"]["signatures"][0]["sig"] = sig + "AAAA"; });
  // One bit of the payload after signing, everywhere.
  for (std::size_t i = 0; i < payload.size(); i += 97) {
    std::string changed = payload;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    rejected([&](OrderedJson& b) { b["dsseEnvelope"]["payload"] = verifier_test::base64(changed); });
  }
  // The sentence tells a changed content from another key, whichever way the bundle names the key.
  const auto reason = [&](const std::function<void(OrderedJson&)>& change, const Key& checked) {
    OrderedJson bundle = good;
    bundle["dsseEnvelope"]["payload"] = verifier_test::base64(payload + " ");
    change(bundle);
    const Report report = verifier_test::verify(bundle.dump(), e.model, checked.public_pem());
    CHECK(report.outcome == Outcome::rejected);
    const Check& check = report.checks.at(0);
    CHECK_FALSE(check.passed);
    CHECK(check.claimed != check.recomputed);
    return report.error;
  };
  const auto unnamed = [](OrderedJson& b) { b["dsseEnvelope"]["signatures"][0]["keyid"] = ""; };
  CHECK(reason([](OrderedJson&) {}, key).find("content and signature disagree") == 0);
  CHECK(reason(unnamed, key).find("content and signature disagree") == 0);
  CHECK(reason([](OrderedJson&) {}, Key()).find("the signature is not the trusted key's: the bundle names the key SHA256:") == 0);
  CHECK(reason(unnamed, Key()).find("the signature is not the trusted key's: the bundle names no key") == 0);
  // URL-safe base64 is the same bytes.
  OrderedJson url = good;
  for (OrderedJson* field : {&url["dsseEnvelope"]["payload"], &url["dsseEnvelope"]["signatures"][0]["sig"]}) {
    std::string value = *field;
    for (char& c : value) c = c == '+' ? '-' : c == '/' ? '_' : c;
    *field = value;
  }
  CHECK(outcome(url.dump()).outcome == Outcome::accepted);
  // Hints are optional in DSSE and in the bundle: without them nothing is named and nothing contradicts.
  for (const std::function<void(OrderedJson&)>& change : std::vector<std::function<void(OrderedJson&)>>{
           unnamed, [](OrderedJson& b) { b["dsseEnvelope"]["signatures"][0].erase("keyid"); },
           [](OrderedJson& b) { b["verificationMaterial"]["publicKey"]["hint"] = ""; }, [](OrderedJson& b) { b["verificationMaterial"]["publicKey"].erase("hint"); }}) {
    OrderedJson bundle = good;
    change(bundle);
    const Report report = outcome(bundle.dump());
    CHECK(report.outcome == Outcome::accepted);
    CHECK(report.warnings.empty());
  }
  // Hints name another key, unknown members, log entries: accepted with a warning, because the signature decides.
  for (const std::function<void(OrderedJson&)>& change : std::vector<std::function<void(OrderedJson&)>>{
           [](OrderedJson& b) { b["dsseEnvelope"]["signatures"][0]["keyid"] = "SHA256:somebody"; }, [](OrderedJson& b) { b["extra"] = 1; },
           [](OrderedJson& b) { b["verificationMaterial"]["tlogEntries"] = {{{"logIndex", "1"}}}; }, [](OrderedJson& b) { b["dsseEnvelope"]["note"] = "x"; }}) {
    OrderedJson bundle = good;
    change(bundle);
    const Report report = outcome(bundle.dump());
    CHECK(report.outcome == Outcome::accepted);
    CHECK(report.warnings.size() == 1);
  }
  // The file as text.
  const std::string file = good.dump();
  for (const std::string& bad :
       {std::string(), std::string("\xEF\xBB\xBF") + file, file + file, file.substr(0, file.size() - 1), std::string("[]"), std::string("null"), std::string(100000, '['),
        "{\"mediaType\":\"\"," + file.substr(1), std::string("NaN"), std::string("1e400"), file + std::string(1, '\0')})
    CHECK(outcome(bad).outcome == Outcome::rejected);
  // Another key; another algorithm; a key that is none.
  CHECK(verifier_test::verify(file, e.model, Key().public_pem()).outcome == Outcome::rejected);
  CHECK(verifier_test::verify(file, e.model, Key("ed25519").public_pem()).outcome == Outcome::rejected);
  CHECK(verifier_test::verify(file, e.model, "no key").outcome == Outcome::input);
  CHECK(verifier_test::verify(file, e.model, key.private_pem()).outcome == Outcome::input);
}

TEST_CASE("the payload as text: what a signer with the key might still write") {
  const Example e = verifier_test::digits_like();
  const std::string payload = verifier_test::statement(e.model, e.plan).dump();
  const auto outcome = [&](const std::string& text) {
    return verifier_test::verify(verifier_test::bundle(text, trusted()).dump(), e.model, trusted().public_pem()).outcome;
  };
  REQUIRE(outcome(payload) == Outcome::accepted);
  const auto replaced = [&](const std::string& from, const std::string& to) {
    const std::size_t at = payload.find(from);
    REQUIRE(at != std::string::npos);
    return payload.substr(0, at) + to + payload.substr(at + from.size());
  };
  for (const std::string& bad :
       {"\xEF\xBB\xBF" + payload, replaced("\"formatVersion\":1", "\"formatVersion\":1,\"formatVersion\":1"), replaced("\"formatVersion\":1", "\"formatVersion\":1.0"),
        replaced("\"formatVersion\":1", "\"formatVersion\":1e0"), replaced("\"formatVersion\":1", "\"formatVersion\":NaN"),
        replaced("\"formatVersion\":1", "\"formatVersion\":1e400"), replaced("\"formatVersion\":1", "\"formatVersion\":18446744073709551617"),
        replaced("\"seed\":1", "\"seed\":0.5"), replaced("\"seed\":1", "\"seed\":" + std::string(100000, '[')),
        replaced("\"seed\":1", "\"seed\":[1]"), replaced("\"claims\":[", "\"claims\":[],\"claims\":["), replaced("\"id\":\"lipschitz-global\"", "\"id\":\"lipschitz-global\",\"\\u0069d\":\"x\""),
        payload + "{}", payload + "\n\n1", payload.substr(0, payload.size() - 1), std::string("{}"), std::string("null"), std::string("")})
    CHECK(outcome(bad) == Outcome::rejected);
  CHECK(outcome(" " + payload + "\n") == Outcome::accepted);
}

TEST_CASE("time of validity") {
  const Example e = verifier_test::digits_like();
  const OrderedJson statement = verifier_test::statement(e.model, e.plan);  // 2025-01-01 to 2030-01-01
  const std::string file = verifier_test::bundle(statement.dump(), trusted()).dump();
  const auto at = [&](const std::string& time) { return verifier_test::verify(file, e.model, trusted().public_pem(), time); };
  CHECK(at("2029-12-31T23:59:59Z").outcome == Outcome::accepted);
  CHECK(at("2030-01-01T00:00:00Z").outcome == Outcome::accepted);
  CHECK(at("2030-01-01T00:00:01Z").outcome == Outcome::rejected);
  CHECK(at("2030-01-01T00:00:01Z").error.find("expired") != std::string::npos);
  // Issued after the check: a day is left to clocks that differ.
  CHECK(at("2025-01-01T00:00:00Z").warnings.empty());
  for (const char* early : {"2024-12-31T23:59:59Z", "2024-12-31T00:00:00Z"}) {
    CHECK(at(early).outcome == Outcome::accepted);
    CHECK(at(early).warnings.size() == 1);
  }
  CHECK(at("2024-12-30T23:59:59Z").outcome == Outcome::rejected);
  CHECK(at("2024-12-30T23:59:59Z").error.find("2025-01-01T00:00:00Z") != std::string::npos);
  CHECK(at("2024-12-30T23:59:59Z").error.find("2024-12-30T23:59:59Z") != std::string::npos);
  CHECK_FALSE(at("2029-12-31T23:59:59Z").by_clock);
  for (const auto& [time, next] : std::vector<std::pair<std::string, std::string>>{{"2025-01-01T01:02:03Z", "2025-01-02T01:02:03Z"},
                                                                                  {"2024-02-28T00:00:00Z", "2024-02-29T00:00:00Z"},
                                                                                  {"2023-02-28T00:00:00Z", "2023-03-01T00:00:00Z"},
                                                                                  {"2025-09-30T23:59:59Z", "2025-10-01T23:59:59Z"},
                                                                                  {"2025-10-09T00:00:00Z", "2025-10-10T00:00:00Z"},
                                                                                  {"2099-12-31T12:00:00Z", "2100-01-01T12:00:00Z"},
                                                                                  {"0009-12-31T12:00:00Z", "0010-01-01T12:00:00Z"},
                                                                                  {"9999-12-31T12:00:00Z", "9999-12-31T23:59:59Z"}})
    CHECK(one_day_later(time) == next);
  // A library's caller may hand over any text; as text it would compare as later or earlier than the end of validity.
  for (const char* odd : {"", "2029", "2029-13-01T00:00:00Z", "2029-12-31 23:59:59"}) CHECK(at(odd).outcome == Outcome::usage);
  OrderedJson forever = statement;
  forever["predicate"]["issuance"]["notAfter"] = nullptr;
  CHECK(verifier_test::verify(verifier_test::bundle(forever.dump(), trusted()).dump(), e.model, trusted().public_pem(), "2999-01-01T00:00:00Z").outcome ==
        Outcome::accepted);
}

TEST_CASE("what is not covered and what is assumed follows from the claims") {
  const Example e = verifier_test::digits_like();
  const OrderedJson original = verifier_test::statement(e.model, e.plan);
  const auto error = [&](const std::function<void(OrderedJson&)>& change) {
    OrderedJson mutated = original;
    change(mutated["predicate"]);
    const Report report = check(mutated, e.model);
    CHECK(report.outcome == Outcome::rejected);
    return report.error;
  };
  for (std::size_t k = 0; k < original["predicate"]["notCovered"].size(); ++k) {
    CHECK(error([&](OrderedJson& p) { p["notCovered"].erase(k); }).find("notCovered[" + std::to_string(k) + "]") == 0);
    CHECK(error([&](OrderedJson& p) { p["notCovered"][k] = p["notCovered"][k].get<std::string>() + " "; }).find("notCovered[" + std::to_string(k) + "]") == 0);
  }
  CHECK(error([](OrderedJson& p) { p["notCovered"] = OrderedJson::array(); }).find("the certificate says nothing") != std::string::npos);
  CHECK(error([](OrderedJson& p) { p["notCovered"].push_back("Everything else is covered."); }).find("wanted is nothing") != std::string::npos);
  // The sentence of a certificate with samples.
  (void)error([](OrderedJson& p) { p["notCovered"][4] = sentences_not_covered(true, false)[4]; });
  for (std::size_t k = 0; k < original["predicate"]["assumptions"].size(); ++k) {
    CHECK(error([&](OrderedJson& p) { p["assumptions"].erase(k); }).find("assumptions[" + std::to_string(k) + "]") == 0);
    for (const char* member : {"id", "text", "dischargedBy"}) (void)error([&](OrderedJson& p) { p["assumptions"][k][member] = "nobody"; });
  }
  (void)error([](OrderedJson& p) { p["assumptions"].push_back({{"id", "x"}, {"text", "The weights are small."}, {"dischargedBy", "the user"}}); });
  (void)error([](OrderedJson& p) { p["assumptions"][0]["note"] = 1; });
  (void)error([](OrderedJson& p) { p["semantics"]["note"] = 1; });
  (void)error([](OrderedJson& p) { p["semantics"].erase("units"); });
}

TEST_CASE("models: another one, one changed bit, several, unreadable") {
  const Example e = verifier_test::digits_like();
  const Example other = verifier_test::examples()[1];
  const std::string file = verifier_test::bundle(verifier_test::statement(e.model, e.plan).dump(), trusted()).dump();
  CHECK(verifier_test::verify(file, other.model, trusted().public_pem()).outcome == Outcome::rejected);
  for (std::size_t i = 0; i < e.model.size(); i += 31) {
    std::string changed = e.model;
    changed[i] = static_cast<char>(changed[i] ^ 4);
    const Report report = verifier_test::verify(file, changed, trusted().public_pem());
    CHECK(report.outcome == Outcome::rejected);
    CHECK(report.checks.back().id == "model-digest");
  }
  const verifier_test::Folder folder;
  Request request;
  request.certificate = folder.write("c.json", file);
  request.public_key = folder.write("k.pem", trusted().public_pem());
  request.time = "2026-01-01T00:00:00Z";
  request.models = {folder.write("other.onnx", other.model), folder.write("right.onnx", e.model)};
  CHECK(verify(request).outcome == Outcome::accepted);
  CHECK(verify(request).model_path == folder.path("right.onnx"));
  request.models = {folder.path("missing.onnx")};
  CHECK(verify(request).outcome == Outcome::input);
  request.models = {folder.path("")};
  CHECK(verify(request).outcome == Outcome::input);
  request.models.clear();
  CHECK(verify(request).outcome == Outcome::rejected);
  request.models = {folder.path("right.onnx")};
  request.certificate = folder.path("missing");
  CHECK(verify(request).outcome == Outcome::input);
  // A model that the statement names by its digest, but that this checker does not read.
  ob::Model unsupported;
  unsupported.input("x", {1}).output("y", {1}).node("Round", {"x"}, {"y"});
  OrderedJson statement = verifier_test::statement(e.model, e.plan);
  statement["subject"][0]["digest"]["sha256"] = sha256_hex(unsupported.bytes());
  statement["predicate"]["model"]["bytes"] = unsupported.bytes().size();
  statement["predicate"]["model"]["input"]["shape"] = {1};
  const Report report = check(statement, unsupported.bytes());
  CHECK(report.outcome == Outcome::input);
  CHECK(report.error.find("Round") != std::string::npos);
}

TEST_CASE("a statement for one network does not fit another with the same file digest fields replaced") {
  // The forger signs the flat network's bounds for the steep one: digests are right, the mathematics is not.
  const auto net = [](float w) {
    ob::Model m;
    m.input("x", {1, 1}).output("y", {1, 1}).initialiser(ob::floats("W", {1, 1}, {w})).node("MatMul", {"x", "W"}, {"y"});
    return m.bytes();
  };
  verifier_test::Plan plan;
  plan.blocks = {{"dense", {0}}};
  const OrderedJson flat = verifier_test::statement(net(1.0F), plan);
  const OrderedJson steep = verifier_test::statement(net(1.5F), plan);
  OrderedJson forged = flat;
  forged["subject"] = steep["subject"];
  forged["predicate"]["model"] = steep["predicate"]["model"];
  CHECK(check(steep, net(1.5F)).outcome == Outcome::accepted);
  const Report report = check(forged, net(1.5F));
  CHECK(report.outcome == Outcome::rejected);
  CHECK(report.error.find("block") != std::string::npos);
}

TEST_CASE("networks that are not a chain of known blocks are refused") {
  const auto statement_for = [](const ob::Model& m) {
    // Borrow a statement and make the identities fit, so that only the graph's structure can be the reason.
    const Example e = verifier_test::digits_like();
    OrderedJson s = verifier_test::statement(e.model, e.plan);
    const std::string bytes = m.bytes();
    std::vector<ExternalFile> external;
    const Graph g = read_onnx(bytes, {}, external);
    s["subject"][0]["digest"]["sha256"] = sha256_hex(bytes);
    s["predicate"]["model"]["bytes"] = bytes.size();
    s["predicate"]["model"]["graphDigest"] = graph_digest(g);
    s["predicate"]["model"]["input"] = {{"name", "x"}, {"shape", {2}}, {"symbolic", OrderedJson::array()}};
    s["predicate"]["model"]["output"] = {{"name", "y"}, {"shape", {2}}};
    s["predicate"]["constantNodes"] = OrderedJson::array();
    s["predicate"]["claims"].erase(1);
    s["predicate"]["claims"][0]["formula"] = "for all x, y in R^(2): ||f(x) - f(y)||_2 <= L ||x - y||_2";
    OrderedJson block = s["predicate"]["blocks"][1];
    block["inputs"] = {""};
    s["predicate"]["blocks"] = OrderedJson::array({block});
    return s;
  };
  const auto rejected = [&](const ob::Model& m, const std::string& id, const std::vector<std::size_t>& nodes) {
    OrderedJson s = statement_for(m);
    s["predicate"]["blocks"][0]["id"] = id;
    s["predicate"]["blocks"][0]["nodes"] = nodes;
    const Report report = check(s, m.bytes());
    CAPTURE(report.error);
    CHECK(report.outcome == Outcome::rejected);
  };
  ob::Model residual;
  residual.input("x", {2}).output("y", {2}).node("Identity", {"x"}, {"a"}).node("Add", {"a", "x"}, {"y"});
  rejected(residual, "y", {0, 1});
  ob::Model product;
  product.input("x", {2}).output("y", {2}).node("Mul", {"x", "x"}, {"y"});
  rejected(product, "y", {0});
  ob::Model twice;
  twice.input("x", {2}).output("y", {2}).node("Identity", {"x"}, {"a"}).node("Add", {"a", "a"}, {"y"});
  rejected(twice, "y", {0, 1});
}

TEST_CASE("the command line: usage, help, verdict line and JSON on every exit") {
  const Example e = verifier_test::digits_like();
  const verifier_test::Folder folder;
  const std::string certificate = folder.write("c.json", verifier_test::bundle(verifier_test::statement(e.model, e.plan).dump(), trusted()).dump());
  const std::string model = folder.write("m.onnx", e.model);
  const std::string key = folder.write("k.pem", trusted().public_pem());
  const auto action = [](const std::vector<std::string>& arguments) { return parse_command_line(arguments).action; };
  using Action = CommandLine::Action;
  CHECK(action({certificate, "--model", model, "--public-key", key}) == Action::verify);
  CHECK(action({"--model", model, "--public-key", key, certificate}) == Action::verify);
  CHECK(action({certificate, "--model", model, "--model", certificate, "--public-key", key, "--json", "-v"}) == Action::verify);
  CHECK(action({"--help"}) == Action::print);
  CHECK(action({"--version"}) == Action::print);
  for (const std::vector<std::string>& bad : std::vector<std::vector<std::string>>{{},
                                                                                 {certificate},
                                                                                 {certificate, "--model", model},
                                                                                 {certificate, "--public-key", key},
                                                                                 {certificate, "--model", model, "--public-key", key, "--unknown"},
                                                                                 {certificate, certificate, "--model", model, "--public-key", key},
                                                                                 {certificate, "--model", model, "--public-key", key, "--threads", "0"},
                                                                                 {certificate, "--model", model, "--public-key", key, "--threads", "x"},
                                                                                 {certificate, "--model", model, "--public-key", key, "--public-key", key},
                                                                                 {certificate, "--model", model, "--public-key", key, "--time", "yesterday"},
                                                                                 {certificate, "--model", model, "--public-key", key, "--time", ""}}) {
    const CommandLine line = parse_command_line(bad);
    CHECK(line.action == Action::usage_error);
    CHECK_FALSE(line.text.empty());
  }
  CHECK(parse_command_line({"--json"}).json);
  CHECK(parse_command_line({"--time", "2026-01-01T00:00:00Z", certificate, "--model", model, "--public-key", key}).request.time == "2026-01-01T00:00:00Z");

  Request request = parse_command_line({certificate, "--model", model, "--public-key", key, "--time", "2026-01-01T00:00:00Z"}).request;
  Report report = verify(request);
  const std::string text = text_report(report, true);
  CHECK(text.substr(0, 14) == "accepted  L <=");
  CHECK(text.find(report.key_fingerprint) < text.find('\n'));
  CHECK(text.find(report.payload_sha256) < text.find('\n'));
  CHECK(text.find(report.model_sha256) < text.find('\n'));
  CHECK(text.find("not covered") != std::string::npos);
  CHECK(text.find("not checked") != std::string::npos);
  OrderedJson json = OrderedJson::parse(json_report(report));
  CHECK(json["verdict"] == "accepted");
  CHECK(json["claimsNotRechecked"].empty());
  CHECK(json["checkedAt"] == "2026-01-01T00:00:00Z");
  CHECK(json["checkedAtFrom"] == "--time");
  CHECK(text.find("checked at  2026-01-01T00:00:00Z") != std::string::npos);
  CHECK(json["exitCode"] == 0);
  CHECK(json["error"].is_null());
  CHECK(json["checks"].size() == report.checks.size());
  for (const char* key_name : {"id", "subject", "claimed", "recomputed", "passed"}) CHECK(json["checks"][0].contains(key_name));
  request.time = "2040-01-01T00:00:00Z";
  report = verify(request);
  json = OrderedJson::parse(json_report(report));
  CHECK(json["verdict"] == "rejected");
  CHECK(json["exitCode"] == 1);
  CHECK(text_report(report, false).substr(0, 10) == "rejected  ");
  request.public_key = folder.path("missing");
  json = OrderedJson::parse(json_report(verify(request)));
  CHECK(json["verdict"] == "error");
  CHECK(json["exitCode"] == 3);
  report = Report();
  report.error = "bad \xFF text\n";
  CHECK(OrderedJson::parse(json_report(report))["exitCode"] == 4);
  CHECK(printable_line("a\nb\x1B[0m") == "a?b?[0m");
  CHECK(printable_line(std::string(500, 'a') + "\xC3\xA4").size() == 502);
}

TEST_CASE("documents in memory give the verdict of files, and nothing is read for them") {
  const Example e = verifier_test::digits_like();
  const std::string file = verifier_test::bundle(verifier_test::statement(e.model, e.plan).dump(), trusted()).dump();
  const verifier_test::Folder folder;
  Request request;
  request.certificate = {folder.path("no such certificate"), file};
  request.models = {{folder.path("no such model"), e.model}};
  request.public_key = {folder.path("no such key"), trusted().public_pem()};
  request.time = "2026-01-01T00:00:00Z";
  CHECK(verify(request).outcome == Outcome::accepted);
  CHECK(verify(request).model_path == folder.path("no such model"));
  (*request.models[0].bytes)[e.model.size() / 2] ^= 1;
  CHECK(verify(request).outcome == Outcome::rejected);
  request.models = {{"model", e.model}};
  request.certificate.bytes->back() = '{';
  CHECK(verify(request).outcome != Outcome::accepted);
  request.certificate = {"certificate", std::string()};
  CHECK(verify(request).outcome != Outcome::accepted);
  request.certificate = {"certificate", file};
  request.public_key = {"key", std::string(65537, ' ')};  // above the cap of a key
  CHECK(verify(request).outcome == Outcome::input);
}

TEST_CASE("verdicts do not depend on threads or kernel") {
  const Example e = verifier_test::examples()[1];
  const verifier_test::Folder folder;
  Request request;
  request.certificate = folder.write("c.json", verifier_test::bundle(verifier_test::statement(e.model, e.plan).dump(), trusted()).dump());
  request.models = {folder.write("m.onnx", e.model)};
  request.public_key = folder.write("k.pem", trusted().public_pem());
  request.time = "2026-01-01T00:00:00Z";
  const std::string reference = json_report(verify(request));
  for (const Kernel kernel : {Kernel::portable, Kernel::avx2, Kernel::avx512})
    for (const unsigned threads : {1U, 2U, 7U}) {
      if (!available(kernel)) continue;
      CHECK(json_report(verify(request, {kernel, threads}, hints())) == reference);
    }
}
