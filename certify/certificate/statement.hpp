// Analysis -> the payload of a certificate: an in-toto statement, byte for byte as formats/SPEC.md sections 2 to 5 fix it.
//
// The bytes depend on the arguments only: no clock, path, host name or environment is read here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "certify/bounds/analysis.hpp"
#include "certify/graph/model.hpp"
#include "certify/samples/sample_claim.hpp"
#include "formats/encoding/json.hpp"
#include "formats/network/network.hpp"

namespace lipcert {

/// The program that made the statement.
struct Generator {
  std::string version;
  std::string commit;
  std::string binary_sha256;
  std::vector<std::pair<std::string, std::string>> libraries;  // name, version
  std::string cpu_kernel;                                      // of the BLAS: the floating-point search depends on it
};

struct Issuance {
  std::string issuer;          // who vouches; may be empty
  std::int64_t issued_at = 0;  // seconds since 1970
  std::optional<std::int64_t> not_after;
  std::vector<std::string> requirements;  // ids of the requirements that the certificate serves
};

/// The member `model`: which file, and which function of it.
[[nodiscard]] Json model_member(const Network& network, const ModelFile& model);

/// The payload. Throws `Error` (internal) when a number of the analysis is not finite or a text is not UTF-8.
[[nodiscard]] std::string statement(const Network& network, const Analysis& analysis, const ModelFile& model,
                                    const AnalysisOptions& settings, const Generator& generator, const Issuance& issuance,
                                    const std::optional<SampleClaim>& samples = std::nullopt);

/// Seconds since 1970 <-> "YYYY-MM-DDThh:mm:ssZ", years 1970 to 9999. Reading throws `Error` (usage) for anything else; `what` names the
/// source of the text.
[[nodiscard]] std::string format_time(std::int64_t seconds);
[[nodiscard]] std::int64_t parse_time(const std::string& text, const std::string& what);

/// The time that a statement carries: SOURCE_DATE_EPOCH (decimal seconds) when it is set, so that the same bytes can be made again, else
/// now. Throws `Error` (usage) when the variable is set to anything else.
[[nodiscard]] std::int64_t issue_time();

}  // namespace lipcert
