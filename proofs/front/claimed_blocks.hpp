// The certificate's blocks, once they are known to be a partition of the model's nodes and its graph.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "formats/encoding/json.hpp"
#include "formats/network/network.hpp"
#include "proofs/front/exact.hpp"

namespace lipcert::proofs {

/// A block as the certificate states it.
struct ClaimedBlock {
  std::string id;
  std::string op;
  std::vector<std::size_t> nodes;
  std::vector<ValueId> inputs;
  std::vector<ValueId> outputs;  // one, but for a split
  Fraction upper;
};

struct ClaimedBlocks {
  std::vector<ClaimedBlock> blocks;
  std::map<ValueId, std::size_t> maker;  // block that puts a tensor out
  std::map<ValueId, Fraction> bound;     // P of formats/SPEC.md, section 4
  std::map<ValueId, ValueId> dominator;  // the last tensor before it through which every path goes
  std::map<ValueId, std::size_t> depth;  // number of dominators
};

/// Throws `Error` (rejected) where the blocks are no partition or the bound of a join is smaller than its inputs' bounds make it;
/// `NotCovered` for a block without a proof, and for more or larger tensors than this version takes.
[[nodiscard]] ClaimedBlocks read_claimed_blocks(const Network& network, const Json& predicate);

/// A rigorous number's upper end, with its decimal compared.
[[nodiscard]] Fraction upper_end(const Json& number);

}  // namespace lipcert::proofs
