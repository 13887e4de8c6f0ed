#include "certify/report/facts.hpp"

#include <algorithm>
#include <utility>

#include "certify/report/pictures.hpp"
#include "certify/report/plain_text.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert::report {
namespace {

Error not_understood(const std::string& what) {
  return {ExitCode::internal,
          "The answer of the lipverify beside this program cannot be understood (" + what + "); install both from the same release."};
}

/// Counts over the records are compared with the verdict's: a page must not show two truths.
void compare_counts(const SampleView& samples, const Json& claim) {
  SampleCounts counts(samples.eps, samples.unit, samples.smallest_std);
  for (const SampleRecord& record : samples.records) counts.add(record);
  bool equal = counts.total == claim.at("total").get<std::uint64_t>() && counts.undecided == claim.at("undecided").get<std::uint64_t>() &&
               counts.correct == claim.at("correct").get<std::uint64_t>() && counts.eps.size() == claim.at("counts").size();
  for (std::size_t i = 0; equal && i < counts.eps.size(); ++i) {
    const Json& told = claim.at("counts")[i];
    equal = told.at("eps") == counts.eps[i].text && told.at("certified").get<std::uint64_t>() == counts.eps[i].certified &&
            told.at("certifiedCorrect").get<std::uint64_t>() == counts.eps[i].certified_correct;
  }
  if (!equal) throw not_understood("it counts other samples than the records hold");
}

/// Under a policy lipverify answers for a list of certificates, here of one. What counts is the judgement: the check may hold and the policy not be met.
Json of_one_certificate(Json answer) {
  if (!answer.is_object() || !answer.contains("judgements")) return answer;
  if (answer.at("judgements").size() != 1) throw not_understood("it judges another number of certificates than one");
  const Json& judgement = answer.at("judgements")[0];
  Json out = judgement.at("report");
  for (const char* member : {"verdict", "exitCode", "error", "requirements", "signers"}) out[member] = judgement.at(member);
  out["policy"] = answer.at("policy");
  if (answer.at("verdict") != out.at("verdict") || answer.at("exitCode") != out.at("exitCode"))
    throw not_understood("the verdict about one certificate is not that about all");
  const bool accepts = out.at("exitCode") == 0 || out.at("exitCode") == 5;
  for (const Json& requirement : out.at("requirements")) {
    if (accepts && requirement.at("met") != true) throw not_understood("it accepts although a demand of the policy is not met");
  }
  const Json& recheck = judgement.at("report").at("recheck");
  if (accepts && recheck != (out.at("exitCode") == 0 ? "holds" : "holds in part")) throw not_understood("it accepts what its own check does not");
  return out;
}

bool records_compared(const Verdict& verdict, const std::string& sha256) {
  return std::any_of(verdict.json.at("checks").begin(), verdict.json.at("checks").end(), [&](const Json& check) {
    return check.at("id") == "records digest" && check.at("passed") == true && check.at("recomputed") == sha256;
  });
}

}  // namespace

const Json* Verdict::claim(const std::string& id) const {
  if (!proves() || !json.contains("claims")) return nullptr;
  for (const Json& claim : json.at("claims")) {
    if (claim.at("id") == id) return &claim;
  }
  return nullptr;
}

Verdict read_verdict(const std::string& text, int exit_code) {
  Verdict out;
  out.json = Json::parse(text, nullptr, false);
  try {
    if (out.json.is_discarded()) throw not_understood("it ended with exit code " + std::to_string(exit_code) + " and without JSON");
    out.json = of_one_certificate(std::move(out.json));
    out.word = out.json.at("verdict").get<std::string>();
    out.exit_code = exit_code;
    if (out.json.contains("error") && out.json.at("error").is_string()) out.error = out.json.at("error").get<std::string>();
    if (out.word == "error" && exit_code >= 2 && exit_code <= 4) {
      std::string sentence = printable(out.error);
      if (!sentence.ends_with('.')) sentence += '.';
      throw Error(static_cast<ExitCode>(exit_code), "There is no verdict to report on: " + sentence);
    }
    const int expected = out.word == "accepted" ? 0 : out.word == "rejected" ? 1 : out.word == "accepted in part" ? 5 : -1;
    if (expected != exit_code || out.json.at("exitCode") != exit_code) throw not_understood("verdict and exit code contradict each other");
    for (const char* list : {"claims", "checks", "blocks", "notCovered", "assumptions", "notChecked"}) {
      if (!out.json.at(list).is_array()) throw not_understood(std::string("no list ") + list);
    }
    // An acceptance with a failed check would be none.
    for (const Json& check : out.json.at("checks")) {
      if (out.proves() && check.at("passed") != true) throw not_understood("it accepts although a check failed");
    }
  } catch (const Json::exception&) {
    throw not_understood("a member is missing");
  }
  return out;
}

const GalleryPicture* Facts::picture(std::uint64_t index) const {
  const auto found = std::find_if(gallery.begin(), gallery.end(), [&](const GalleryPicture& p) { return p.index == index; });
  return found == gallery.end() ? nullptr : &*found;
}

std::string Facts::unit() const {
  return samples != nullptr && samples->unit == Unit::scaled_pixel ? "scaled pixels" : "units of the graph's input";
}

std::uint64_t Facts::number(const char* member) const {
  return sample_claim->at(member).get<std::uint64_t>();
}

Facts gather(const ReportJob& job) {
  Facts facts{job, job.verdict, nullptr, nullptr, false, std::nullopt, {}, false};
  if (!job.verdict.proves()) return facts;
  try {
    const CertificateView& view = job.certificate;
    if (job.verdict.json.at("payloadSha256") != view.payload_sha256)
      throw input_error(printable(view.path) + ": is no longer the certificate that was rechecked; leave it alone while a report is made.");
    facts.sample_claim = job.verdict.claim("sample-radii");
    if (facts.sample_claim == nullptr || !view.samples) {
      if (!job.attack.empty()) throw input_error(printable(view.path) + ": says nothing about samples; leave out --attack.");
      return facts;
    }
    const SampleView& samples = *view.samples;
    if (!samples.records_missing.empty() || !records_compared(job.verdict, samples.claim.at("records").at("sha256").get<std::string>()))
      throw input_error("The records of " + printable(view.path) +
                        " are not those that were rechecked; leave the files alone while a report is made.");
    facts.samples = &samples;
    facts.samples_proved = job.verdict.accepted() && facts.sample_claim->at("rechecked") == "all";
    compare_counts(samples, *facts.sample_claim);
    if (!job.attack.empty()) facts.attack = read_attack(job.attack, samples);
    if (job.data) load_pictures(facts, *job.data);
  } catch (const Json::exception&) {
    throw not_understood("a member is missing");
  }
  return facts;
}

std::vector<double> sorted_radii(const SampleView& samples, bool correct_only) {
  std::vector<double> out;
  for (const SampleRecord& record : samples.records) {
    if (!correct_only || (record.predicted != no_class && record.predicted == record.label)) out.push_back(samples.radius(record));
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace lipcert::report
