// The tree of RFC 6962 against the vectors of the Certificate Transparency reference implementation, and proofs against their own
// verification and against every forgery of one digest.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "formats/encoding/files.hpp"
#include "formats/encoding/merkle.hpp"

using namespace lipcert;

namespace {

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

// certificate-transparency's merkle tree tests: inputs and the roots of the trees over the first 1, ..., 8 of them.
const std::vector<std::string> inputs = {
    "", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"};
const std::vector<std::string> roots = {
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4", "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c", "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

/// Section 2.1 as it is written, recursively.
std::string root_by_definition(const std::vector<std::string>& entries) {
  if (entries.empty()) return sha256("");
  if (entries.size() == 1) return sha256(std::string(1, '\0') + entries[0]);
  std::size_t k = 1;
  while (2 * k < entries.size()) k *= 2;
  const auto middle = entries.begin() + static_cast<std::ptrdiff_t>(k);
  return sha256(std::string(1, '\1') + root_by_definition({entries.begin(), middle}) + root_by_definition({middle, entries.end()}));
}

}  // namespace

TEST_CASE("roots of the known vectors") {
  MerkleTree tree;
  CHECK(to_hex(tree.root()) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    tree.add(from_hex(inputs[i]));
    CHECK(to_hex(tree.root()) == roots[i]);
    CHECK(tree.leaves() == i + 1);
  }
}

TEST_CASE("the audit path of RFC 6962, section 2.1.3") {
  // The RFC's example: the path of leaf d0 in a tree of seven leaves is [b, h, l], here by their definitions.
  std::vector<std::string> d;
  for (std::size_t i = 0; i < 7; ++i) d.push_back(from_hex(inputs[i]));
  const auto proof = inclusion_proof(0, 7, [&](std::uint64_t i) { return d[i]; });
  REQUIRE(proof.size() == 3);
  CHECK(proof[0] == sha256(std::string(1, '\0') + d[1]));
  CHECK(proof[1] == root_by_definition({d[2], d[3]}));
  CHECK(proof[2] == root_by_definition({d[4], d[5], d[6]}));
}

TEST_CASE("incremental root, definition and proofs agree, and no altered proof passes") {
  std::vector<std::string> entries;
  MerkleTree tree;
  for (std::size_t n = 1; n <= 37; ++n) {
    entries.push_back("entry " + std::to_string(n * n));
    tree.add(entries.back());
    const std::string root = tree.root();
    REQUIRE(root == root_by_definition(entries));
    const auto entry = [&](std::uint64_t i) { return entries[i]; };
    for (std::uint64_t i = 0; i < n; ++i) {
      std::vector<std::string> proof = inclusion_proof(i, n, entry);
      REQUIRE(verify_inclusion(entries[i], i, n, proof, root));
      CHECK_FALSE(verify_inclusion(entries[i] + "x", i, n, proof, root));
      if (n > 1) CHECK_FALSE(verify_inclusion(entries[i], (i + 1) % n, n, proof, root));
      CHECK_FALSE(verify_inclusion(entries[i], n, n, proof, root));
      for (std::string& digest : proof) {
        digest[5] = static_cast<char>(digest[5] ^ 1);
        CHECK_FALSE(verify_inclusion(entries[i], i, n, proof, root));
        digest[5] = static_cast<char>(digest[5] ^ 1);
      }
      proof.push_back(root);
      CHECK_FALSE(verify_inclusion(entries[i], i, n, proof, root));
      proof.pop_back();
      if (!proof.empty()) {
        proof.pop_back();
        CHECK_FALSE(verify_inclusion(entries[i], i, n, proof, root));
      }
    }
  }
}
