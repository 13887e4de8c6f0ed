#include "formats/encoding/merkle.hpp"

#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert {

namespace {

std::string leaf_digest(const std::string& entry) {
  return sha256(std::string(1, '\0') + entry);
}
std::string node_digest(const std::string& left, const std::string& right) {
  return sha256(std::string(1, '\1') + left + right);
}

/// Root of the subtree over [first, first + count); when `index` lies in it, `path` receives the siblings from the leaf upwards.
std::string subtree(std::uint64_t first, std::uint64_t count, std::uint64_t index, const std::function<std::string(std::uint64_t)>& entry,
                    std::vector<std::string>& path) {
  if (count == 1) return leaf_digest(entry(first));
  std::uint64_t left = 1;
  while (left * 2 < count) left *= 2;
  const std::string a = subtree(first, left, index, entry, path);
  const std::string b = subtree(first + left, count - left, index, entry, path);
  if (index >= first && index < first + count) path.push_back(index < first + left ? b : a);
  return node_digest(a, b);
}

}  // namespace

void MerkleTree::add(const std::string& entry) {
  Subtree next{0, leaf_digest(entry)};
  while (!subtrees_.empty() && subtrees_.back().height == next.height) {
    next = {next.height + 1, node_digest(subtrees_.back().digest, next.digest)};
    subtrees_.pop_back();
  }
  subtrees_.push_back(std::move(next));
  ++leaves_;
}

std::string MerkleTree::root() const {
  if (subtrees_.empty()) return sha256("");
  std::string digest = subtrees_.back().digest;
  for (std::size_t i = subtrees_.size() - 1; i-- > 0;) digest = node_digest(subtrees_[i].digest, digest);
  return digest;
}

std::vector<std::string> inclusion_proof(std::uint64_t index, std::uint64_t leaves,
                                         const std::function<std::string(std::uint64_t)>& entry) {
  if (index >= leaves) throw Error(ExitCode::internal, "An inclusion proof was asked for a leaf that does not exist.");
  std::vector<std::string> path;
  (void)subtree(0, leaves, index, entry, path);
  return path;
}

bool verify_inclusion(const std::string& entry, std::uint64_t index, std::uint64_t leaves, const std::vector<std::string>& proof,
                      const std::string& root) {
  if (index >= leaves) return false;
  std::uint64_t at = index;
  std::uint64_t last = leaves - 1;
  std::string digest = leaf_digest(entry);
  for (const std::string& sibling : proof) {
    if (last == 0 || sibling.size() != 32) return false;
    if ((at & 1) != 0 || at == last) {
      digest = node_digest(sibling, digest);
      while ((at & 1) == 0 && at != 0) {
        at >>= 1;
        last >>= 1;
      }
    } else {
      digest = node_digest(digest, sibling);
    }
    at >>= 1;
    last >>= 1;
  }
  return last == 0 && digest == root;
}

}  // namespace lipcert
