// For the tests of sample claims: a folder that goes away, data and records files, a claim as JSON, and exact evaluation of small networks.
#pragma once

#include <bit>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <vector>

#include "verifier/samples/samples.hpp"
#include "verifier/base/bytes.hpp"

namespace sample_support {

using lipverify::Integer;
using lipverify::Rational;
using lipverify::Record;

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "lipverify-samples-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline void write_file(const std::string& path, const std::string& bytes) {
  std::ofstream out(path, std::ios::binary);
  out << bytes;
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
}

inline std::string idx_bytes(const std::vector<std::uint32_t>& dims, const std::vector<std::uint8_t>& data) {
  std::string bytes{'\0', '\0', '\x08', static_cast<char>(dims.size())};
  for (const std::uint32_t d : dims)
    for (int k = 3; k >= 0; --k) bytes.push_back(static_cast<char>(d >> (8 * k) & 0xFF));
  bytes.append(data.begin(), data.end());
  return bytes;
}

/// Bits of the largest double at or below a nonnegative rational: by its definition, from the bits of double arithmetic in the test.
inline std::uint64_t bits_below(const Rational& value) {
  std::uint64_t low = 0, high = lipverify::kInfinityBits;
  while (high - low > 1) {
    const std::uint64_t middle = (low + high) / 2;
    const double d = std::bit_cast<double>(middle);
    (Rational(d) <= value ? low : high) = middle;
  }
  return low;
}

/// Merkle root by the definition of RFC 6962.
inline std::string merkle_root(const std::vector<std::string>& leaves, std::size_t from, std::size_t to) {
  const auto sha = [](const std::string& bytes) {
    lipverify::Sha256 hash;
    hash.update(bytes);
    return hash.raw_digest();
  };
  if (to - from == 1) return sha(std::string(1, '\0') + leaves[from]);
  std::size_t k = 1;
  while (2 * k < to - from) k *= 2;
  return sha("\x01" + merkle_root(leaves, from, from + k) + merkle_root(leaves, from + k, to));
}

/// Records as a file, and everything in a claim that follows from them.
inline std::string records_bytes(const std::vector<Record>& records) {
  std::string bytes;
  for (const Record& record : records) bytes += record.bytes();
  return bytes;
}

inline void fill_in(nlohmann::ordered_json& claim, const std::vector<Record>& records) {
  std::vector<std::string> leaves;
  std::uint64_t correct = 0, undecided = 0;
  for (const Record& record : records) {
    leaves.push_back(record.bytes());
    if (record.predicted == lipverify::kNone) ++undecided;
    if (record.predicted != lipverify::kNone && record.predicted == record.label) ++correct;
  }
  const std::string bytes = records_bytes(records);
  const std::string sha = lipverify::sha256_hex(bytes);
  claim["selection"]["count"] = records.size();
  claim["total"] = records.size();
  claim["correct"] = correct;
  claim["undecided"] = undecided;
  for (auto& item : claim["counts"]) {
    const Rational eps = lipverify::parse_ratio(item["eps"].get<std::string>()).value();
    std::uint64_t certified = 0, both = 0;
    for (const Record& record : records) {
      const double radius = std::bit_cast<double>(record.radius);
      const bool beyond = record.radius == lipverify::kInfinityBits || (record.radius < lipverify::kInfinityBits && Rational(radius) > eps);
      if (beyond) ++certified;
      if (beyond && record.predicted == record.label) ++both;
    }
    item["certified"] = certified;
    item["certifiedCorrect"] = both;
  }
  claim["records"] = {{"file", sha + ".lipcert.records"},
                      {"bytes", bytes.size()},
                      {"sha256", sha},
                      {"merkleRoot", lipverify::hex(merkle_root(leaves, 0, leaves.size()))}};
}

}  // namespace sample_support
