// What bounding a block found, kept under the digest of everything that it depends on: the exact matrix (or kernel) with its radii, the
// reserve and the seed. A later run of the same program that meets the same digest takes the result instead of computing it again, and
// writes the same bytes.
//
// A store that was filled from a file is a guess like any other file: its bounds are only worth what lipverify finds, which rechecks every
// block from the model. Whoever fills a store must have the certificate checked before it is published.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "certify/graph/block.hpp"
#include "certify/norms/conv_norm.hpp"
#include "certify/numbers/enclosed.hpp"
#include "certify/numbers/rounding.hpp"
#include "certify/numbers/sparse_matrix.hpp"

namespace lipcert {

/// The members of an affine block that bounding it sets.
struct BlockEvidence {
  BlockOperator op = BlockOperator::dense;  // dense, linear or convolution
  std::string theorem;
  double upper = 0;
  double lower = 0;
  std::optional<GramEvidence> gram;
  std::optional<std::uint64_t> diagonal_index;
  std::optional<IntegerVector> witness;
  std::vector<std::uint64_t> grid;
  std::vector<std::uint64_t> shift;
  std::vector<std::string> axes;
  std::vector<std::uint64_t> row_axes;
};
[[nodiscard]] BlockEvidence evidence_of_block(const Block& block);
void apply(const BlockEvidence& evidence, Block& block);

/// Hexadecimal SHA-256; two inputs of different kinds never have the same one.
[[nodiscard]] std::string evidence_key(const EnclosedMatrix& matrix, Upper reserve, std::uint64_t seed);
[[nodiscard]] std::string evidence_key(const SparseMatrix& matrix, Upper reserve, std::uint64_t seed);
[[nodiscard]] std::string evidence_key(const Convolution& convolution, Upper reserve, std::uint64_t seed);

/// May be used by several threads.
class EvidenceStore {
 public:
  /// Puts what an earlier run found under its key.
  void offer(const std::string& key, BlockEvidence evidence);
  /// What was offered under the key, counted as reused.
  [[nodiscard]] std::optional<BlockEvidence> find(const std::string& key);
  /// What was computed, counted as such.
  void keep(const std::string& key, BlockEvidence evidence);

  /// Everything that was found or kept, for the next run: what no block of today has is left out.
  [[nodiscard]] std::map<std::string, BlockEvidence> used() const;
  [[nodiscard]] std::size_t reused() const;
  [[nodiscard]] std::size_t computed() const;

 private:
  mutable std::mutex mutex_;
  std::map<std::string, BlockEvidence> offered_;
  std::map<std::string, BlockEvidence> used_;
  std::size_t reused_ = 0;
  std::size_t computed_ = 0;
};

}  // namespace lipcert
