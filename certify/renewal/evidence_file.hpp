// The file beside a certificate of a manifest from which the next renewal takes what it knows of unchanged blocks: <certificate>.evidence.
// It may be deleted at any time, and is never needed: what is missing is computed.
//
// Reuse is only of results of the same program (version, commit, binary, libraries, processor's kernel) for the same digest of a block's
// exact inputs. A file that somebody has changed can make a certificate that lipverify refuses; then it is computed without the file.
#pragma once

#include <string>

#include "certify/bounds/block_evidence.hpp"
#include "certify/certificate/statement.hpp"

namespace lipcert {

[[nodiscard]] std::string evidence_path(const std::string& certificate);

/// Offers what the file holds. A file that is missing, damaged, of another program or larger than 256 MiB offers nothing.
void read_evidence(const std::string& path, const Generator& generator, EvidenceStore& store);

/// Writes what the store has used, whole or not at all. Failure is no error: it costs the next renewal time.
void write_evidence(const std::string& path, const Generator& generator, const EvidenceStore& store);

}  // namespace lipcert
