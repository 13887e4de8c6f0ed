// The text of a plain problem (proofs/FORMAT.md): numbers, networks and evidence.
#pragma once

#include <cstdint>
#include <string>

#include "proofs/front/exact.hpp"
#include "proofs/front/layers.hpp"

namespace lipcert::proofs {

void append(std::string& out, std::uint64_t value);
void append(std::string& out, const Fraction& f);

/// "m e" with odd m; f = num / den is dyadic.
[[nodiscard]] std::string dyadic(const Integer& num, const Integer& den);

/// What the chain computes, and what proves its bound. An empty chain is the identity.
void append_network(std::string& out, const Chain& chain);
void append_evidence(std::string& out, const Chain& chain);

}  // namespace lipcert::proofs
