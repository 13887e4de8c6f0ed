// From the certificate's blocks to one chain of layers and joins.
#pragma once

#include "formats/network/network.hpp"
#include "proofs/front/claimed_blocks.hpp"
#include "proofs/front/layers.hpp"

namespace lipcert::proofs {

struct Tree {
  Chain chain;
  bool rational_values = true;  // the network has rational values at rational points
};

/// Throws `NotCovered` for what has no proof or cannot be written as a tree; `Error` (rejected) for a block that is not what it says.
[[nodiscard]] Tree tree_of(const Network& network, const ClaimedBlocks& claimed);

}  // namespace lipcert::proofs
