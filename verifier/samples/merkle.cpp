// See merkle.hpp.
#include "verifier/samples/merkle.hpp"

#include <algorithm>
#include <utility>

#include "verifier/base/bytes.hpp"

namespace lipverify {

namespace {
std::string leaf_hash(std::string_view leaf) {
  Sha256 hash;
  hash.update(std::string_view("\0", 1));
  hash.update(leaf);
  return hash.raw_digest();
}

std::string node_hash(const std::string& left, const std::string& right) {
  Sha256 hash;
  hash.update("\x01");
  hash.update(left);
  hash.update(right);
  return hash.raw_digest();
}
}  // namespace

MerkleTree::MerkleTree(std::vector<std::uint64_t> proofs_for) {
  for (const std::uint64_t index : proofs_for) proofs_.push_back({index, {}});
}

void MerkleTree::extend(const Subtree& subtree, const std::string& sibling) {
  auto proof = std::lower_bound(proofs_.begin(), proofs_.end(), subtree.first,
                                [](const InclusionProof& p, std::uint64_t first) { return p.index < first; });
  for (; proof != proofs_.end() && proof->index - subtree.first < subtree.count; ++proof) proof->path.push_back(sibling);
}

void MerkleTree::merge_last_two() {
  const Subtree right = std::move(stack_.back());
  stack_.pop_back();
  Subtree& left = stack_.back();
  extend(left, right.hash);
  extend(right, left.hash);
  left.hash = node_hash(left.hash, right.hash);
  left.count += right.count;
}

void MerkleTree::add(std::string_view leaf) {
  stack_.push_back({leaves_, 1, leaf_hash(leaf)});
  // Subtrees of equal size merge: one merge for every trailing 1 of the number of leaves before this one.
  for (std::uint64_t digits = leaves_; (digits & 1) != 0; digits >>= 1) merge_last_two();
  ++leaves_;
}

std::string MerkleTree::root() {
  if (stack_.empty()) return Sha256().raw_digest();
  while (stack_.size() > 1) merge_last_two();
  return stack_.front().hash;
}

std::string root_of_proof(const InclusionProof& proof, std::uint64_t leaves, std::string_view leaf) {
  if (proof.index >= leaves) return {};
  std::uint64_t node = proof.index;
  std::uint64_t last = leaves - 1;
  std::string hash = leaf_hash(leaf);
  for (const std::string& sibling : proof.path) {
    if (last == 0) return {};
    if ((node & 1) != 0 || node == last) {
      hash = node_hash(sibling, hash);
      while ((node & 1) == 0 && node != 0) {
        node >>= 1;
        last >>= 1;
      }
    } else {
      hash = node_hash(hash, sibling);
    }
    node >>= 1;
    last >>= 1;
  }
  return last == 0 ? hash : std::string();
}

}  // namespace lipverify
