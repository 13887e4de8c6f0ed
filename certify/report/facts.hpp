// Everything that a report is written from, and from where each part is known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "certify/report/attack_result.hpp"
#include "certify/report/certificate_view.hpp"
#include "certify/report/png.hpp"
#include "formats/data/data_set.hpp"

namespace lipcert::report {

/// How lipverify judged, from its JSON (README.md, "For scripts").
struct Verdict {
  Json json;
  std::string word;  // "accepted", "accepted in part", "rejected"
  int exit_code = 4;
  std::string error;  // its sentence, where it rejected

  [[nodiscard]] bool accepted() const { return word == "accepted"; }
  [[nodiscard]] bool in_part() const { return word == "accepted in part"; }
  /// Whether anything may be shown as proved.
  [[nodiscard]] bool proves() const { return accepted() || in_part(); }
  /// The claim of this id as it was rechecked, or nullptr: none, or it was not rechecked.
  [[nodiscard]] const Json* claim(const std::string& id) const;
};

/// Reads the JSON of lipverify. Throws `Error`: with lipverify's own sentence and exit code where it gave no verdict (an input that cannot
/// be read), internal where the answer cannot be understood or verdict and exit code contradict each other.
[[nodiscard]] Verdict read_verdict(const std::string& json, int exit_code);

struct GalleryPicture {
  std::uint64_t index = 0;
  Picture picture;
  std::optional<Picture> flipped;  // the nearest input that the attack found, on the same scale of brightness
};

struct ReportJob {
  CertificateView certificate;
  Verdict verdict;
  std::string attack;                // path; empty: none
  std::optional<DataSource> data;    // for the gallery
  std::string trust;                 // "--public-key key.pub.pem" or "--policy policy.json": what the check was made with
  std::vector<std::string> command;  // lipverify's command line for whoever repeats the check, with names without folders
  std::int64_t made_at = 0;          // seconds since 1970
};

/// What all sections are written from. Where the verdict is a rejection, `samples` and `gallery` are empty and the certificate is not to be
/// read.
struct Facts {
  const ReportJob& job;
  const Verdict& verdict;
  const SampleView* samples = nullptr;  // records that lipverify has compared, by digest; nullptr: none
  const Json* sample_claim = nullptr;   // of the verdict
  bool samples_proved = false;          // every radius was recomputed
  std::optional<AttackResult> attack;
  std::vector<GalleryPicture> gallery;
  bool pictures = false;  // the data are images that can be shown

  [[nodiscard]] const GalleryPicture* picture(std::uint64_t index) const;
  /// "proved" or "claimed, not rechecked".
  [[nodiscard]] const char* standing() const { return samples_proved ? "proved" : "claimed by the issuer, not all recomputed"; }
  [[nodiscard]] std::string unit() const;                        // "scaled pixels"
  [[nodiscard]] std::uint64_t number(const char* member) const;  // of the rechecked claim about samples
};

/// Throws `Error`: input where the certificate is no longer the one that lipverify saw, or the attack is about another; internal where
/// records and verdict count differently.
[[nodiscard]] Facts gather(const ReportJob& job);

/// Radii in the unit of eps of all records, ascending.
[[nodiscard]] std::vector<double> sorted_radii(const SampleView& samples, bool correct_only);

}  // namespace lipcert::report
