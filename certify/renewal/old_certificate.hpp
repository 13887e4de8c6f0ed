// A certificate that exists, taken apart as far as making it again needs: what it is about, and what `lipcert certify` must be told so that
// the same is claimed of the model of today.
//
// Nothing in such a file is trusted, and nothing that is read here becomes a claim: bounds are computed anew from the model, and lipverify
// judges the result. Names in it are plain names; a caller decides in which folder they may be looked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "certify/certificate/certify.hpp"
#include "formats/encoding/json.hpp"

namespace lipcert {

struct OldCertificate {
  std::string path;       // for messages
  std::string payload;    // the bytes that were signed
  std::string signature;  // over `pre_authentication_encoding(payload)`
  std::string key_id;     // a hint
  Json statement;
  std::string model_sha256;
  std::string version;  // of the program that made it, with its commit
  std::string commit;
  std::int64_t issued_at = 0;
  std::optional<std::int64_t> not_after;
};

/// Throws `Error` (input) for a file that is no certificate of this format, with what is wrong in it.
[[nodiscard]] OldCertificate read_certificate(const std::string& path);

/// The job that made it, with plain names in the places of the paths of model, samples and labels, and with its times. `samples` takes as
/// many samples as it did, or all where it took all. Throws `Error` (input) for settings that no `lipcert certify` writes.
[[nodiscard]] CertifyJob job_of(const OldCertificate& certificate);

/// The claim about samples in it, or none.
[[nodiscard]] const Json* sample_claim_of(const OldCertificate& certificate);

/// Text out of a file, for a line on a terminal: `report::printable`, cut short.
[[nodiscard]] std::string in_short(const std::string& text, std::size_t longest = 120);

}  // namespace lipcert
