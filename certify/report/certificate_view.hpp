// A certificate as it lies on disk, taken apart for people. Nothing is checked here: whatever a page shows as proved it takes from the
// verdict of lipverify (verdict.hpp), or from records whose digest lipverify has compared.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "certify/samples/samples.hpp"
#include "formats/data/scaling.hpp"
#include "formats/encoding/json.hpp"

namespace lipcert::report {

/// The claim `sample-radii` with its records.
struct SampleView {
  Json claim;
  RadiusTheorem theorem = RadiusTheorem::margin_over_lipschitz;
  ScalingTexts scaling;
  Unit unit = Unit::graph_input;  // of eps
  Rational smallest_std{1};
  std::vector<std::string> eps;
  /// The records, in order, of exactly the digest that the claim names; empty, with the reason, where they are not there.
  std::vector<SampleRecord> records;
  std::string records_missing;

  [[nodiscard]] bool labelled() const;
  /// The claim's `inputRange`, or nullptr.
  [[nodiscard]] const Json* range() const;
  /// A record's radius in the unit of eps, rounded down; may be infinite.
  [[nodiscard]] double radius(const SampleRecord& record) const;
};

struct CertificateView {
  std::string path;
  std::string bytes;  // of the file, as it was read once
  std::string payload_sha256;
  Json statement;
  std::optional<SampleView> samples;

  [[nodiscard]] const Json& predicate() const { return statement.at("predicate"); }
  /// The claim of this kind, or nullptr.
  [[nodiscard]] const Json* claim(const std::string& kind) const;
  [[nodiscard]] std::string model_sha256() const;
};

/// Reads the file at `path` (at most 256 MiB) and the records beside it, or at `records` where that is not empty. Throws `Error` (input)
/// when the file is not built like a certificate; missing records are no error, others than the certificate's own are taken as missing.
[[nodiscard]] CertificateView read_certificate(const std::string& path, const std::string& records = "");
/// The same from bytes; `path` is for messages and tells the folder.
[[nodiscard]] CertificateView view_certificate(std::string bytes, const std::string& path, const std::string& records = "");

}  // namespace lipcert::report
