// See evidence.hpp.
#include "verifier/local/evidence.hpp"

namespace lipverify::local {

namespace {

class Reader {
 public:
  explicit Reader(std::string_view bytes) : rest_(bytes) {}
  [[nodiscard]] bool done() const { return rest_.empty(); }
  /// Little-endian; false behind the end.
  [[nodiscard]] bool read(std::size_t size, std::uint64_t& value) {
    if (rest_.size() < size) return false;
    value = 0;
    for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(rest_[i]);
    rest_.remove_prefix(size);
    return true;
  }
  [[nodiscard]] bool part(std::uint64_t size, Reader& out) {
    if (rest_.size() < size) return false;
    out = Reader(rest_.substr(0, static_cast<std::size_t>(size)));
    rest_.remove_prefix(static_cast<std::size_t>(size));
    return true;
  }

 private:
  std::string_view rest_;
};

bool read_slopes(Reader in, Part& part) {
  std::uint64_t position = 0, gap = 0, slope = 0;
  while (!in.done()) {
    if (!in.read(1, gap)) return false;
    position += gap;  // at most 255 for each of 2^20 bytes
    if (gap == 255) {
      if (in.done()) return false;  // a gap that leads nowhere
      continue;
    }
    if (!in.read(2, slope)) return false;
    part.positions.push_back(static_cast<std::uint32_t>(position));
    part.slopes.push_back(static_cast<std::int16_t>(static_cast<std::uint16_t>(slope)));
    ++position;
  }
  return true;
}

}  // namespace

std::optional<Evidence> parse_evidence(std::string_view bytes, std::uint64_t rivals, std::uint64_t nodes) {
  if (bytes.size() > kMostEvidence) return std::nullopt;
  Evidence out;
  Reader in(bytes);
  while (!in.done()) {
    std::uint64_t rival = 0, parts = 0;
    if (!in.read(4, rival) || !in.read(2, parts) || rival >= rivals || parts == 0) return std::nullopt;
    if (!out.empty() && out.rbegin()->first >= rival) return std::nullopt;
    auto& of_rival = out[static_cast<std::uint32_t>(rival)];
    for (; parts > 0; --parts) {
      std::uint64_t node = 0, m = 0, e = 0, size = 0;
      Reader slopes({});
      if (!in.read(4, node) || !in.read(1, m) || !in.read(2, e) || !in.read(4, size) || !in.part(size, slopes)) return std::nullopt;
      if (node >= nodes && node != kInputNode) return std::nullopt;
      if (!of_rival.empty() && of_rival.rbegin()->first >= node) return std::nullopt;
      Part& part = of_rival[static_cast<std::uint32_t>(node)];
      const auto exponent = static_cast<std::int16_t>(static_cast<std::uint16_t>(e));
      if (m != 255 || exponent != -32768) part.lambda = Multiplier{static_cast<std::int64_t>(m), exponent};
      if (!read_slopes(slopes, part)) return std::nullopt;
    }
  }
  return out;
}

}  // namespace lipverify::local
