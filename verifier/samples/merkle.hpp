// Merkle tree of RFC 6962 (section 2.1) over a stream of leaves: SHA-256, leaf hash over 0x00 || data, node hash over 0x01 || left ||
// right, the left part of n leaves being the largest power of two below n.
//
// The root and the inclusion proofs of chosen leaves come out of one pass in memory O(log n) for the tree and O(log n) for each proof: a
// stack holds the roots of complete subtrees in falling order of size, as the binary digits of the number of leaves so far.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace lipverify {

/// Inclusion proof: the sibling hashes (32 raw bytes each) from the leaf up.
struct InclusionProof {
  std::uint64_t index = 0;
  std::vector<std::string> path;
};

class MerkleTree {
 public:
  /// `proofs_for`: ascending, different indices of leaves whose proofs are wanted.
  explicit MerkleTree(std::vector<std::uint64_t> proofs_for = {});
  void add(std::string_view leaf);
  [[nodiscard]] std::uint64_t leaves() const { return leaves_; }
  /// Ends the tree: its root, 32 raw bytes (no leaves: the hash of nothing). Call once.
  [[nodiscard]] std::string root();
  /// After `root`: in the order of `proofs_for`.
  [[nodiscard]] const std::vector<InclusionProof>& proofs() const { return proofs_; }

 private:
  struct Subtree {
    std::uint64_t first, count;
    std::string hash;
  };
  void merge_last_two();
  void extend(const Subtree& subtree, const std::string& sibling);

  std::uint64_t leaves_ = 0;
  std::vector<Subtree> stack_;
  std::vector<InclusionProof> proofs_;
};

/// The root that a proof gives for its leaf in a tree of `leaves` leaves (RFC 9162, section 2.1.3.2); empty when the proof does not fit.
[[nodiscard]] std::string root_of_proof(const InclusionProof& proof, std::uint64_t leaves, std::string_view leaf);

}  // namespace lipverify
