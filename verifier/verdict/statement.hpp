// The statement that was signed, as typed data (formats/SPEC.md, sections 2 to 5). Parsing checks form: members, types, spellings. What the numbers
// say is checked in blocks.cpp and verify.cpp. A kind or theorem that this version does not know is refused here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "verifier/base/json.hpp"
#include "verifier/graph/onnx.hpp"
#include "verifier/theorems/block.hpp"
#include "verifier/verdict/sentences.hpp"

namespace lipverify {

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
  bool nnet = false;  // else ONNX
  std::uint64_t model_bytes = 0;
  std::string graph_digest;
  std::vector<ExternalFile> external_files;
  std::string input_name, output_name;
  Shape input_shape, output_shape;
  std::vector<std::uint64_t> symbolic, given;             // positions of dimensions
  std::vector<std::string> fixed_inputs;                  // empty: none
  std::optional<std::vector<std::string>> other_outputs;  // absent: the output was not chosen
  // the rest of the predicate
  std::optional<GlobalClaim> global;
  std::optional<PairClaim> pairs;
  std::optional<Json> samples;  // taken apart in verifier/samples
  std::vector<BlockClaim> blocks;
  std::vector<std::size_t> constant_nodes;
  std::vector<std::string> not_covered;
  std::vector<Assumption> assumptions;
  std::string issuer, issued_at;
  std::optional<std::string> not_after;
  std::string tool, tool_version;  // name and version, as claimed
  std::string predicate_type, arithmetic;
  std::vector<std::string> requirements;  // ids
  std::vector<std::string> warnings;
};

[[nodiscard]] Statement parse_statement(const std::string& payload);

}  // namespace lipverify
