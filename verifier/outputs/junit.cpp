// JUnit's XML as Ant writes it, the dialect that Jenkins, GitLab, GitHub and Azure read (tests/outputs/junit.xsd): one suite for each
// certificate; in it one case for the check itself and one for each demand of the policy. A certificate that is accepted in part is a
// skipped case: it has not failed, and it does not count as passed.
#include <unistd.h>

#include <array>
#include <numeric>

#include "verifier/outputs/gate.hpp"
#include "verifier/outputs/report.hpp"

namespace lipverify {

namespace {

/// Text of an attribute or an element: printable already, so that only what XML gives a meaning is left to escape. XML 1.0 has no U+FFFE
/// and U+FFFF.
std::string xml(const std::string& text) {
  std::string out;
  const std::string clean = printable_line(text);
  for (std::size_t i = 0; i < clean.size(); ++i) {
    switch (clean[i]) {
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&apos;";
        break;
      case '\xEF':
        if (clean.compare(i, 3, "\xEF\xBF\xBE") == 0 || clean.compare(i, 3, "\xEF\xBF\xBF") == 0) {
          out += '?';
          i += 2;
          break;
        }
        [[fallthrough]];
      default:
        if (const std::string_view escaped = entity(clean[i]); !escaped.empty())
          out += escaped;
        else
          out += clean[i];
    }
  }
  return out;
}

std::string seconds(std::uint64_t milliseconds) {
  std::string rest = std::to_string(milliseconds % 1000);
  return std::to_string(milliseconds / 1000) + "." + std::string(3 - rest.size(), '0') + rest;
}

std::string host() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 && name[0] != '\0' ? name.data() : "localhost";
}

std::string element(const std::string& name, const std::string& type, const std::string& message) {
  return "      <" + name + " type=\"" + xml(type) + "\" message=\"" + xml(message) + "\">" + xml(message) + "</" + name + ">\n";
}

struct Suite {
  std::string cases;
  int tests = 0, failures = 0, errors = 0, skipped = 0;

  void add(const std::string& certificate, const std::string& name, std::uint64_t time, const std::string& inside) {
    ++tests;
    cases += "    <testcase name=\"" + xml(name) + "\" classname=\"" + xml(certificate) + "\" time=\"" + seconds(time) + "\"";
    cases += inside.empty() ? "/>\n" : ">\n" + inside + "    </testcase>\n";
  }
};

Suite suite_of(const Judgement& judgement, std::uint64_t time) {
  Suite suite;
  // The first finding that is not a demand of the policy belongs to the check.
  std::string inside;
  for (const Finding& f : findings(judgement)) {
    if (f.rule.rfind("policy-", 0) == 0) continue;
    if (f.warning) {
      inside = "      <skipped message=\"" + xml(f.message) + "\"/>\n";
      ++suite.skipped;
    } else if (judgement.outcome == Outcome::rejected) {
      inside = element("failure", f.rule, f.message);
      ++suite.failures;
    } else {
      inside = element("error", f.rule, f.message);
      ++suite.errors;
    }
    break;
  }
  suite.add(judgement.certificate, "recheck", time, inside);
  for (const Requirement& r : judgement.requirements) {
    if (!r.met) ++suite.failures;
    suite.add(judgement.certificate, "policy " + r.id + " " + r.pointer, 0,
              r.met ? ""
                    : element("failure", "policy-" + r.id,
                              "wanted " + r.wanted + ", found " + r.found + (r.remedy.empty() ? "" : "; " + r.remedy)));
  }
  return suite;
}

}  // namespace

std::string gate_junit(const Gate& gate) {
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
  const std::string where = xml(host());
  for (std::size_t k = 0; k < gate.judgements.size(); ++k) {
    const Judgement& j = gate.judgements[k];
    const std::uint64_t time = k < gate.milliseconds.size() ? gate.milliseconds[k] : 0;
    const Suite suite = suite_of(j, time);
    out += "  <testsuite name=\"" + xml(j.certificate.empty() ? "lipverify" : j.certificate) + "\" package=\"lipverify\" id=\"" +
           std::to_string(k) + "\" timestamp=\"" + gate.checked_at.substr(0, 19) + "\" hostname=\"" + where + "\" tests=\"" +
           std::to_string(suite.tests) + "\" failures=\"" + std::to_string(suite.failures) + "\" errors=\"" + std::to_string(suite.errors) +
           "\" skipped=\"" + std::to_string(suite.skipped) + "\" time=\"" + seconds(time) + "\">\n    <properties>\n";
    const auto property = [&](const char* name, const std::string& value) {
      if (!value.empty()) out += std::string("      <property name=\"") + name + "\" value=\"" + xml(value) + "\"/>\n";
    };
    property("verdict", verdict_word(j.outcome));
    property("exitCode", std::to_string(static_cast<int>(j.outcome)));
    property("payloadSha256", j.report.payload_sha256);
    property("modelSha256", j.report.model_sha256);
    property("policySha256", gate.policy_sha256);
    out += "    </properties>\n" + suite.cases + "    <system-out>" +
           xml(std::string(verdict_word(j.outcome)) + (holds(j.outcome) ? "  " + headline(j.report) : "")) +
           "</system-out>\n    <system-err>" + xml(j.error) + "</system-err>\n  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

}  // namespace lipverify
