// See records.hpp.
#include "verifier/samples/records.hpp"

#include <algorithm>
#include <array>

#include "verifier/base/failure.hpp"

namespace lipverify {

namespace {

constexpr std::size_t kRecordBytes = 32;
constexpr std::size_t kLongRecordBytes = 40;
constexpr std::uint32_t kMostEvidence = std::uint32_t{1} << 20;  // bytes of one sample

std::uint64_t little_endian(const char* at, std::size_t size) {
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(at[i]);
  return value;
}

void append(std::string& bytes, std::uint64_t value, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) bytes.push_back(static_cast<char>(value >> (8 * i) & 0xFF));
}

}  // namespace

std::string Record::bytes() const {
  std::string out;
  append(out, index, 8);
  append(out, predicted, 4);
  append(out, label, 4);
  append(out, margin, 8);
  append(out, radius, 8);
  if (long_form) {
    append(out, rule, 4);
    append(out, evidence, 4);
  }
  return out;
}

Rational value_of_bits(std::uint64_t bits) {
  const std::uint64_t exponent = bits >> 52;
  const std::uint64_t fraction = bits & ((std::uint64_t{1} << 52) - 1);
  if (exponent >= 0x7FF) exhausted("the value of an infinite number was asked for: a fault of the checker");
  if (exponent == 0) return scaled(Integer(fraction), -1074);
  return scaled(Integer(fraction | std::uint64_t{1} << 52), static_cast<std::int64_t>(exponent) - 1075);
}

std::uint64_t floor_bits(const Rational& value) {
  std::uint64_t low = 0, high = kInfinityBits;  // value_of_bits(low) <= value; high is above it, or infinite
  while (high - low > 1) {
    const std::uint64_t middle = low + (high - low) / 2;
    (value_of_bits(middle) <= value ? low : high) = middle;
  }
  return low;
}

RecordStream::RecordStream(const std::string& path, std::uint64_t first, std::uint64_t count, std::uint64_t classes, bool labelled,
                           bool long_form)
    : stream_(path, "records file", ByteStream::Gzip::plain),
      first_(first),
      count_(count),
      classes_(std::max<std::uint64_t>(classes, 2)),
      labelled_(labelled),
      long_form_(long_form) {}

bool RecordStream::next(Record& record) {
  std::array<char, kLongRecordBytes> bytes{};
  const std::size_t size = long_form_ ? kLongRecordBytes : kRecordBytes;
  const std::size_t got = stream_.read(bytes.data(), size);
  if (done_ == count_) {
    if (got != 0) reject(stream_.name() + " holds more than the " + std::to_string(count_) + " records of the claim");
    return false;
  }
  if (got != size) reject(stream_.name() + " ends after " + std::to_string(done_) + " of " + std::to_string(count_) + " records");
  record.index = little_endian(bytes.data(), 8);
  record.predicted = static_cast<std::uint32_t>(little_endian(bytes.data() + 8, 4));
  record.label = static_cast<std::uint32_t>(little_endian(bytes.data() + 12, 4));
  record.margin = little_endian(bytes.data() + 16, 8);
  record.radius = little_endian(bytes.data() + 24, 8);
  const auto wrong = [&](const std::string& what) { reject(stream_.name() + ", record " + std::to_string(done_) + ": " + what); };
  if (record.index != first_ + done_)
    wrong("it is about sample " + std::to_string(record.index) + ", not " + std::to_string(first_ + done_));
  if (record.predicted != kNone && record.predicted >= classes_) wrong("class " + std::to_string(record.predicted) + " does not exist");
  if (labelled_ ? record.label >= classes_ : record.label != kNone)
    wrong(labelled_ ? "label " + std::to_string(record.label) + " does not exist" : "it has a label, the claim has none");
  if (record.margin >= kInfinityBits) wrong("the margin is negative, infinite or not a number");
  if (record.radius > kInfinityBits) wrong("the radius is negative or not a number");
  if (record.predicted == kNone && (record.margin != 0 || record.radius != 0)) wrong("it has no class, but a margin or a radius");
  record.long_form = long_form_;
  record.rule = record.evidence = 0;
  if (long_form_) {
    record.rule = static_cast<std::uint32_t>(little_endian(bytes.data() + 32, 4));
    record.evidence = static_cast<std::uint32_t>(little_endian(bytes.data() + 36, 4));
    if (record.rule > 1) wrong("rule " + std::to_string(record.rule) + " does not exist");
    if (record.rule == 1 && (record.predicted == kNone || record.radius == kInfinityBits || record.radius == 0))
      wrong("it has rule 1 without a class, or with a radius that is zero or infinite");
    if (record.evidence > kMostEvidence || (record.rule == 0 && record.evidence != 0)) wrong("it has evidence that its rule does not have, or too much");
  }
  ++done_;
  return true;
}

std::string RecordStream::sha256() {
  stream_.finish();
  return stream_.sha256();
}

EvidenceStream::EvidenceStream(const std::optional<std::string>& path) {
  if (path) stream_ = std::make_unique<ByteStream>(*path, "evidence file", ByteStream::Gzip::plain);
}

std::string EvidenceStream::next(const Record& record) {
  std::string out(record.evidence, '\0');
  if (out.empty()) return out;
  if (!stream_) reject("record of sample " + std::to_string(record.index) + ": it has evidence, and the claim names no file of evidence");
  if (stream_->read(out.data(), out.size()) != out.size())
    reject(stream_->name() + " ends before the evidence of sample " + std::to_string(record.index));
  done_ += out.size();
  return out;
}

std::string EvidenceStream::sha256() {
  if (!stream_) return Sha256().hex_digest();
  if (stream_->peek() >= 0) reject(stream_->name() + " holds more than the evidence that the records announce");
  stream_->finish();
  return stream_->sha256();
}

RecordSummary summarise(RecordStream& records, EvidenceStream& evidence, const std::vector<Rational>& eps, const std::vector<std::uint64_t>& proofs_for) {
  RecordSummary summary;
  RecordCounts& counts = summary.counts;
  counts.certified.resize(eps.size());
  counts.certified_correct.resize(eps.size());
  std::vector<std::uint64_t> thresholds;
  for (const Rational& value : eps) thresholds.push_back(floor_bits(value));
  MerkleTree tree(proofs_for);
  MerkleTree proofs_tree;
  std::size_t next_proof = 0;
  Record record;
  while (records.next(record)) {
    const std::string bytes = record.bytes();
    if (next_proof < proofs_for.size() && proofs_for[next_proof] == tree.leaves()) {
      summary.proof_leaves.push_back(bytes);
      ++next_proof;
    }
    tree.add(bytes);
    proofs_tree.add(evidence.next(record));
    ++counts.total;
    counts.local += record.rule;
    const bool decided = record.predicted != kNone;
    const bool right = decided && record.predicted == record.label;
    counts.undecided += decided ? 0 : 1;
    counts.correct += right ? 1 : 0;
    for (std::size_t i = 0; i < eps.size(); ++i) {
      const bool certified = record.radius > thresholds[i];
      counts.certified[i] += certified ? 1 : 0;
      counts.certified_correct[i] += certified && right ? 1 : 0;
    }
  }
  summary.sha256 = records.sha256();
  summary.merkle_root = hex(tree.root());
  summary.proofs = tree.proofs();
  summary.evidence_sha256 = evidence.sha256();
  summary.evidence_root = hex(proofs_tree.root());
  summary.evidence_bytes = evidence.bytes();
  return summary;
}

}  // namespace lipverify
