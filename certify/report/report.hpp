// The auditor's report: one HTML file that needs no scripts and no network, made from what lipverify has rechecked (facts.hpp says what
// that is).
#pragma once

#include <string>

#include "certify/report/compare.hpp"
#include "certify/report/facts.hpp"

namespace lipcert::report {

struct Report {
  std::string html;
  std::string gsn_svg;  // empty where the certificate was rejected: there is no argument
  std::string gsn_dot;
  std::string cyclonedx;  // empty likewise
};

/// Throws `Error` as `gather` does. The same job gives the same bytes.
[[nodiscard]] Report make_report(const ReportJob& job);

struct CompareJob {
  const CertificateView& before;
  const CertificateView& after;
  std::string verdict_before;  // lipverify's word, or empty: it was not asked
  std::string verdict_after;
  std::int64_t made_at = 0;
};
[[nodiscard]] std::string make_compare_page(const CompareJob& job, const Difference& difference);

/// Whether these bytes begin as a page of this program does: such a file may be replaced.
[[nodiscard]] bool is_report(const std::string& bytes);
[[nodiscard]] bool is_bill_of_materials(const std::string& bytes);

}  // namespace lipcert::report
