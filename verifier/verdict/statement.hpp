// The statement that was signed, as typed data (formats/SPEC.md, sections 2 to 5). Parsing checks form: members, types, spellings. What the numbers
// say is checked in blocks.cpp and verify.cpp. A kind or theorem that this version does not know is refused here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "verifier/theorems/convolution.hpp"
#include "verifier/graph/evaluate.hpp"
#include "verifier/base/json.hpp"
#include "verifier/base/numbers.hpp"
#include "verifier/graph/onnx.hpp"
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

struct GlobalClaim {
  std::string formula;
  Number upper, lower;
  bool lower_is_zero = true;  // else directional-derivative
  IntegerVector point, direction;
};

struct PairClaim {
  std::string formula;
  std::uint64_t classes = 0;
  bool by_rows = false;  // pair-row-difference, else pair-sqrt2
  std::vector<Number> upper;
};

struct Statement {
  std::string subject_name, subject_sha256;
  // predicate.model
  std::uint64_t model_bytes = 0;
  std::string graph_digest;
  std::vector<ExternalFile> external_files;
  std::string input_name, output_name;
  Shape input_shape, output_shape;
  std::vector<std::uint64_t> symbolic;
  // the rest of the predicate
  std::optional<GlobalClaim> global;
  std::optional<PairClaim> pairs;
  std::optional<Json> samples;  // taken apart in verifier/samples
  std::vector<BlockClaim> blocks;
  std::vector<std::size_t> constant_nodes;
  std::vector<std::string> not_covered;
  std::vector<std::string> assumptions;  // "id: text"
  std::string issuer, issued_at;
  std::optional<std::string> not_after;
  std::string tool;  // name and version, as claimed
  std::vector<std::string> warnings;
};

[[nodiscard]] Statement parse_statement(const std::string& payload);

}  // namespace lipverify
