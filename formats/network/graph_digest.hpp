// The canonical byte string of a network and its SHA-256 (formats/SPEC.md, section 7): the identity of a graph whatever file carries it.
#pragma once

#include <string>

#include "formats/network/network.hpp"

namespace lipcert {

/// The byte string of SPEC.md section 7. Throws `Error` when the network has refusals: an incomplete graph has no identity.
[[nodiscard]] std::string canonical_bytes(const Network& network);

/// SHA-256 of `canonical_bytes`, lower-case hex.
[[nodiscard]] std::string graph_digest(const Network& network);

}  // namespace lipcert
