// Merkle tree against the definition of RFC 6962 written out recursively, its published vectors, and the proof algorithm of RFC 9162.
#include "verifier/samples/merkle.hpp"

#include <doctest/doctest.h>

#include "verifier/base/bytes.hpp"

using namespace lipverify;

namespace {

std::string sha(const std::string& bytes) {
  Sha256 hash;
  hash.update(bytes);
  return hash.raw_digest();
}

/// MTH of RFC 6962, section 2.1.
std::string definition(const std::vector<std::string>& leaves, std::size_t from, std::size_t to) {
  if (from == to) return sha("");
  if (to - from == 1) return sha(std::string(1, '\0') + leaves[from]);
  std::size_t k = 1;
  while (2 * k < to - from) k *= 2;
  return sha("\x01" + definition(leaves, from, from + k) + definition(leaves, from + k, to));
}

std::vector<std::string> leaves_of(std::size_t count) {
  std::vector<std::string> leaves;
  for (std::size_t i = 0; i < count; ++i) leaves.push_back("leaf " + std::to_string(i));
  return leaves;
}

}  // namespace

TEST_CASE("published roots") {
  // Test vectors of the Certificate Transparency project: eight leaves.
  const std::vector<std::string> leaves = {std::string(),
                                           std::string(1, '\0'),
                                           "\x10",
                                           "\x20\x21",
                                           "\x30\x31",
                                           "\x40\x41\x42\x43",
                                           "\x50\x51\x52\x53\x54\x55\x56\x57",
                                           "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"};
  const std::vector<std::string> roots = {"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                                          "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                                          "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                                          "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                                          "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                                          "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                                          "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                                          "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                                          "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  for (std::size_t n = 0; n < roots.size(); ++n) {
    MerkleTree tree;
    for (std::size_t i = 0; i < n; ++i) tree.add(leaves[i]);
    CHECK(hex(tree.root()) == roots[n]);
  }
}

TEST_CASE("roots and inclusion proofs of every size") {
  for (std::size_t count = 0; count <= 70; ++count) {
    const std::vector<std::string> leaves = leaves_of(count);
    std::vector<std::uint64_t> wanted;
    for (std::size_t i = 0; i < count; ++i)
      if (count < 20 || i % 3 == count % 3) wanted.push_back(i);
    MerkleTree tree(wanted);
    for (const std::string& leaf : leaves) tree.add(leaf);
    const std::string root = tree.root();
    CHECK(root == definition(leaves, 0, count));
    REQUIRE(tree.proofs().size() == wanted.size());
    for (const InclusionProof& proof : tree.proofs()) {
      CHECK(root_of_proof(proof, count, leaves[proof.index]) == root);
      CHECK(root_of_proof(proof, count, "another leaf") != root);
      InclusionProof moved = proof;
      moved.index = (proof.index + 1) % count;
      if (count > 1) CHECK(root_of_proof(moved, count, leaves[proof.index]) != root);
      InclusionProof shorter = proof;
      if (!shorter.path.empty()) {
        shorter.path.pop_back();
        CHECK(root_of_proof(shorter, count, leaves[proof.index]) != root);
      }
      InclusionProof longer = proof;
      longer.path.push_back(root);
      CHECK(root_of_proof(longer, count, leaves[proof.index]) != root);
    }
  }
}
