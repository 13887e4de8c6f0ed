// From a job to a certificate at its place: made, signed, checked by the lipverify beside this program, and only then written, whole or not
// at all. `certify`, `merge` and `renew` publish in this one way.
#pragma once

#include <functional>
#include <string>

#include "certify/commands/command.hpp"
#include "certify/commands/recheck.hpp"

namespace lipcert {

/// A certificate can be made again, so an older one is replaced without asking: a script renews hundreds. Anything else that stands at the
/// output's place was probably not meant: throws `Error` (usage), as for a folder that cannot be written to.
void check_output(const CertifyOptions& options);

/// Whether the file begins as our certificates do, or is empty: it may then be replaced although it cannot be read any more.
[[nodiscard]] bool is_certificate_or_empty(const std::string& path);

struct Published {
  Certified made;
  Recheck recheck;
  std::string payload_sha256;
  std::string fingerprint;
  KeyAlgorithm algorithm = KeyAlgorithm::p256;
  double seconds = 0;  // without the recheck
};

/// Of `options`, only the model, the data, the output, the threads and whether to recheck are looked at. `report` is called with a fraction
/// in [0, 1] and a few words, by one thread at a time. Throws `Error`; then nothing is left behind.
[[nodiscard]] Published publish(const CertifyOptions& options, const CertifyJob& job, const SigningKey& key,
                                const std::function<void(double, const std::string&)>& report);

}  // namespace lipcert
