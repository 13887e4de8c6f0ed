// A certificate that `lipverify` rejects is of no use to anybody: where that program stands beside `lipcert`, it is asked before the certificate is
// published.
#pragma once

#include <string>

#include "certify/commands/command.hpp"

namespace lipcert {

struct Recheck {
  std::string word;     // of --json: "accepted", "accepted in part", "skipped", "no lipverify beside lipcert"
  std::string verdict;  // the verdict line of lipverify; empty when it did not run
  double seconds = 0;
};

/// Runs the lipverify in the folder of this program on `bundle`, which no file holds yet, at the certificate's own time of issue. Samples: those
/// of --data, all of them or 100 drawn by the payload's digest; those of shards are left out, because their data are not here. Throws `Error`
/// (internal) with its reason when it does not accept.
[[nodiscard]] Recheck recheck(const CertifyOptions& options, const CertifyJob& job, const Certified& made, const std::string& bundle,
                              const SigningKey& key);

/// Whether there is a lipverify beside this program.
[[nodiscard]] bool checker_there();

/// The line for people.
[[nodiscard]] std::string text_of(const Recheck& recheck);

}  // namespace lipcert
