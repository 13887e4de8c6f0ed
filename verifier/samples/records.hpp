// The side files of a claim about samples, read as streams: the records (formats/SPEC.md, section 8; 32 bytes for each sample, 40 with the theorem
// layer-dual, section 9) with their counts, digest and Merkle root, and the evidence of local radii. Margin and radius are kept as the bits of nonnegative IEEE binary64 numbers, whose order is that of the bits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "verifier/base/numbers.hpp"
#include "verifier/samples/byte_stream.hpp"
#include "verifier/samples/merkle.hpp"

namespace lipverify {

inline constexpr std::uint32_t kNone = 0xFFFFFFFF;                          // undecided, or no label
inline constexpr std::uint64_t kInfinityBits = std::uint64_t{0x7FF} << 52;  // of a radius

struct Record {
  std::uint64_t index = 0;  // in the data file
  std::uint32_t predicted = kNone;
  std::uint32_t label = kNone;
  std::uint64_t margin = 0;  // bits
  std::uint64_t radius = 0;  // bits
  bool long_form = false;      // 40 bytes: with the two that follow
  std::uint32_t rule = 0;      // 1: the radius follows by layer-dual
  std::uint32_t evidence = 0;  // bytes of the sample's evidence
  [[nodiscard]] std::string bytes() const;
};

/// Value of the bits of a finite nonnegative binary64.
[[nodiscard]] Rational value_of_bits(std::uint64_t bits);
/// Bits of the largest finite binary64 at or below a nonnegative number: r > value exactly when bits(r) > floor_bits(value).
[[nodiscard]] std::uint64_t floor_bits(const Rational& value);

class RecordStream {
 public:
  /// `first`, `count`: the selection; `classes`: outputs of the network (one output: classes 0 and 1); `labelled`: whether labels are
  /// claimed; `long_form`: records of layer-dual.
  RecordStream(const std::string& path, std::uint64_t first, std::uint64_t count, std::uint64_t classes, bool labelled, bool long_form);

  /// The next record, false after the last one. One that no claim can contain (order, class, label, sign, NaN, rule), and a file of another
  /// length: Failure (rejected).
  [[nodiscard]] bool next(Record& record);
  /// After the last one: digest (hex) of the file.
  [[nodiscard]] std::string sha256();

 private:
  ByteStream stream_;
  std::uint64_t first_, count_, classes_, done_ = 0;
  bool labelled_, long_form_;
};

/// The evidence of local radii: the samples' bytes one after the other, as long as their records say. Without a path: of no sample.
class EvidenceStream {
 public:
  explicit EvidenceStream(const std::optional<std::string>& path);
  /// The next sample's; a file that ends before: Failure (rejected).
  [[nodiscard]] std::string next(const Record& record);
  /// After the last sample: digest (hex) and length of the file; one that goes on: Failure (rejected).
  [[nodiscard]] std::string sha256();
  [[nodiscard]] std::uint64_t bytes() const { return done_; }

 private:
  std::unique_ptr<ByteStream> stream_;
  std::uint64_t done_ = 0;
};

struct RecordCounts {
  std::uint64_t total = 0, correct = 0, undecided = 0;
  std::uint64_t local = 0;                                  // records of rule 1
  std::vector<std::uint64_t> certified, certified_correct;  // for each eps
};

struct RecordSummary {
  std::string sha256;       // hex
  std::string merkle_root;  // hex
  std::string evidence_sha256, evidence_root;  // hex, of all evidence
  std::uint64_t evidence_bytes = 0;
  RecordCounts counts;
  std::vector<InclusionProof> proofs;
  std::vector<std::string> proof_leaves;  // the records themselves, 32 or 40 bytes each
};

/// One pass: everything that follows from the side files alone. `proofs_for`: ascending positions (from 0) in the file.
[[nodiscard]] RecordSummary summarise(RecordStream& records, EvidenceStream& evidence, const std::vector<Rational>& eps,
                                      const std::vector<std::uint64_t>& proofs_for);

}  // namespace lipverify
