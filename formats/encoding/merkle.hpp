// The Merkle tree of RFC 6962, section 2.1 (Certificate Transparency): leaf SHA-256(0x00 || entry), node SHA-256(0x01 || left || right),
// the tree over n > 1 leaves split at the largest power of two below n. The root of no leaves is SHA-256 of nothing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace lipcert {

/// Builds the root while leaves arrive, with one digest per bit of their number in memory. Digests are 32 raw bytes.
class MerkleTree {
 public:
  void add(const std::string& entry);
  [[nodiscard]] std::uint64_t leaves() const { return leaves_; }
  [[nodiscard]] std::string root() const;

 private:
  struct Subtree {
    unsigned height = 0;
    std::string digest;
  };
  std::vector<Subtree> subtrees_;  // complete, of decreasing height
  std::uint64_t leaves_ = 0;
};

/// Audit path (RFC 6962, section 2.1.1) of leaf `index` among `leaves`; `entry(i)` gives the i-th entry and is called once for each. Throws
/// `Error` (internal) when index >= leaves.
[[nodiscard]] std::vector<std::string> inclusion_proof(std::uint64_t index, std::uint64_t leaves,
                                                       const std::function<std::string(std::uint64_t)>& entry);

/// Whether `proof` shows that `entry` is leaf `index` of the tree with this root (RFC 9162, section 2.1.3.2).
[[nodiscard]] bool verify_inclusion(const std::string& entry, std::uint64_t index, std::uint64_t leaves,
                                    const std::vector<std::string>& proof, const std::string& root);

}  // namespace lipcert
