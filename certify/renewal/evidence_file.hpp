// The file beside a certificate of a manifest from which the next renewal takes what it knows of unchanged blocks: <certificate>.evidence.
// It may be deleted at any time, and is never needed: what is missing is computed.
//
// Reuse is only of results of the same program (version, commit, binary, libraries, processor's kernel) for the same digest of a block's
// exact inputs. The file is
// signed with the certificate's key, and ignored where that does not hold: evidence that somebody has loosened would still be true, and
// lipverify would accept it, but it would not be what this program finds.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "certify/bounds/block_evidence.hpp"
#include "certify/certificate/statement.hpp"

namespace lipcert {

[[nodiscard]] std::string evidence_path(const std::string& certificate);

/// Whether a signature over a message holds; and the signature of one.
using EvidenceVerifier = std::function<bool(std::string_view message, std::string_view signature)>;
using EvidenceSigner = std::function<std::string(std::string_view message)>;

/// Offers what the file holds. A file that is missing, damaged, signed with another key, of another program or larger than 256 MiB offers
/// nothing.
void read_evidence(const std::string& path, const Generator& generator, const EvidenceVerifier& verifies, EvidenceStore& store);

/// Writes what the store has used, whole or not at all. Failure is no error: it costs the next renewal time.
void write_evidence(const std::string& path, const Generator& generator, const EvidenceSigner& sign, const EvidenceStore& store);

}  // namespace lipcert
