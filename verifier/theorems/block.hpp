// A block: what the certificate claims of it (formats/SPEC.md, section 5), and its place in the graph. That the claims have the right form is checked in
// verifier/verdict/statement.cpp, that the blocks are a partition of the graph in verifier/verdict/partition.cpp.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "verifier/base/bytes.hpp"
#include "verifier/graph/evaluate.hpp"
#include "verifier/theorems/convolution.hpp"
#include "verifier/theorems/spectral.hpp"

namespace lipverify {

/// A rigorous number whose decimal has been found on the safe side.
struct Number {
  Rational exact = 0;
  std::string decimal;
};

/// Why a block's constant is at least `lower`.
struct LowerEvidence {
  enum class Theorem { zero, attained, diagonal_entry, gram_entry, operator_witness };
  Theorem theorem = Theorem::zero;
  std::uint64_t index = 0;  // diagonal_entry, gram_entry
  IntegerVector vector;     // operator_witness
};

/// Evidence of `sll-psd` besides that for the norm of A: the grids of B = A' diag(d), and what is missing to a positive semidefinite matrix.
struct SllEvidence {
  int sA = 0;
  int sR = 0;
  Number delta;
};

struct BlockClaim {
  std::string id;
  std::string op;  // the operators of section 5
  std::vector<std::size_t> nodes;
  std::vector<std::string> inputs;
  std::string theorem;
  Number upper, lower;
  std::optional<GramEvidence> gram;  // dense-gram-psd, explicit-gram-psd, and W of sll-psd; of diagonal-gram its side alone
  ConvEvidence convolution;          // conv-frequency-grid, conv-bernstein, conv-reshape (`gram` in it)
  SllEvidence sll;                   // sll-psd
  std::string tensor;                // disjoint-slices
  LowerEvidence lower_evidence;
};

/// A block, placed in the graph.
struct Block {
  const BlockClaim* claim = nullptr;
  std::vector<ValueId> inputs;   // the tensors that it reads, each once
  std::vector<ValueId> outputs;  // what may be read outside: one tensor, or those of a Split

  [[nodiscard]] const std::vector<std::size_t>& nodes() const { return claim->nodes; }
  [[nodiscard]] ValueId input() const { return inputs[0]; }
  [[nodiscard]] ValueId output() const { return outputs[0]; }
};

[[nodiscard]] inline std::string name_of(const BlockClaim& block) { return "block '" + printable(block.id) + "'"; }

/// add, concat and max-min join several tensors; all other operators read one.
[[nodiscard]] inline bool is_join(const std::string& op) { return op == "add" || op == "concat" || op == "max-min"; }

}  // namespace lipverify
