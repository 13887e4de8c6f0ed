// See evidence.hpp.

#include "certify/local/evidence.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "formats/encoding/error.hpp"

namespace lipcert::local {
namespace {

constexpr std::uint32_t input_node = 0xFFFFFFFF;

void put(std::string& bytes, std::uint64_t value, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    bytes += static_cast<char>((value >> (8 * i)) & 0xff);
  }
}

/// One part; nothing where it would say nothing. Returns the number of parts.
unsigned put_part(std::string& bytes, std::uint32_t node, const Multiplier& lambda, const std::vector<std::uint32_t>& position,
                  const std::vector<std::int16_t>& slope) {
  std::string slopes;
  std::size_t at = 0;
  for (std::size_t i = 0; i < slope.size(); ++i) {
    if (slope[i] == no_slope) {
      continue;
    }
    for (; position[i] - at >= 255; at += 255) {
      put(slopes, 255, 1);
    }
    put(slopes, position[i] - at, 1);
    put(slopes, static_cast<std::uint16_t>(slope[i]), 2);
    at = position[i] + 1;
  }
  if (lambda.fixed() && slopes.empty()) {
    return 0;
  }
  put(bytes, node, 4);
  put(bytes, lambda.m, 1);
  put(bytes, static_cast<std::uint16_t>(lambda.e), 2);
  put(bytes, slopes.size(), 4);
  bytes += slopes;
  return 1;
}

class Reader {
 public:
  explicit Reader(const std::string& bytes) : bytes_(bytes) {}
  [[nodiscard]] bool done() const { return at_ == bytes_.size(); }
  [[nodiscard]] std::size_t at() const { return at_; }
  std::uint64_t get(unsigned count) {
    if (bytes_.size() - at_ < count) {
      throw Error(ExitCode::internal, "Evidence of a local radius ends too early; please report this.");
    }
    std::uint64_t value = 0;
    for (unsigned i = 0; i < count; ++i) {
      value |= std::uint64_t{static_cast<unsigned char>(bytes_[at_++])} << (8 * i);
    }
    return value;
  }

 private:
  const std::string& bytes_;
  std::size_t at_ = 0;
};

void read_slopes(Reader& in, std::size_t length, const std::vector<std::uint32_t>& position, std::vector<std::int16_t>& slope) {
  const std::size_t end = in.at() + length;
  std::uint64_t at = 0;
  while (in.at() < end) {
    const std::uint64_t gap = in.get(1);
    at += gap;
    if (gap == 255) {
      continue;
    }
    const auto value = static_cast<std::int16_t>(in.get(2));
    const auto found = std::lower_bound(position.begin(), position.end(), at);
    if (found != position.end() && *found == at) {  // slopes of closed entries are ignored
      slope[static_cast<std::size_t>(found - position.begin())] = value;
    }
    ++at;
  }
}

}  // namespace

double Multiplier::value() const {
  return fixed() ? by_rule : std::ldexp(static_cast<double>(m), e);
}

Multiplier nearest_multiplier(double lambda) {
  if (!(lambda > 0x1p-1000)) {
    return {0, 0};
  }
  int exponent = 0;
  int m = static_cast<int>(std::nearbyint(std::frexp(lambda, &exponent) * 256));
  exponent -= 8;
  if (m > 254) {
    m = 128;
    ++exponent;
  }
  return {static_cast<std::uint8_t>(m), static_cast<std::int16_t>(exponent)};
}

Given quantised(const Openings& open, const Parameters& parameters, std::size_t j, bool range, double left_to_rule) {
  Given given;
  if (range) {
    given.input = nearest_multiplier(parameters.input_lambda[j]);
  }
  for (std::size_t k = 0; k < open.nodes.size(); ++k) {
    const Opening& node = open.nodes[k];
    Given::Node& out = given.nodes.emplace_back();
    const std::size_t m = node.position.size();
    out.slope.assign(m, no_slope);
    if (m == 0) {
      continue;
    }
    out.lambda = nearest_multiplier(parameters.nodes[k].lambda[j]);
    for (std::size_t i = 0; i < m; ++i) {
      const double slope = parameters.nodes[k].slope[j * m + i];
      if (std::fabs(slope - node.fixed[i]) > left_to_rule) {
        out.slope[i] = static_cast<std::int16_t>(std::clamp(std::nearbyint(slope * 0x1p14), -32767.0, 32767.0));
      }
    }
  }
  return given;
}

Parameters parameters_of(const Openings& open, const std::vector<const Given*>& given) {
  Parameters parameters = fixed_rule(open, given.size(), by_rule);
  for (std::size_t j = 0; j < given.size(); ++j) {
    if (given[j] == nullptr) {
      continue;
    }
    parameters.input_lambda[j] = given[j]->input.value();
    for (std::size_t k = 0; k < open.nodes.size(); ++k) {
      const Given::Node& node = given[j]->nodes[k];
      parameters.nodes[k].lambda[j] = node.lambda.value();
      for (std::size_t i = 0; i < node.slope.size(); ++i) {
        if (node.slope[i] != no_slope) {
          parameters.nodes[k].slope[j * node.slope.size() + i] = node.slope[i] * 0x1p-14;
        }
      }
    }
  }
  return parameters;
}

std::string encode(const Plan& plan, const Openings& open, const std::vector<RivalEvidence>& rivals) {
  std::string bytes;
  for (const RivalEvidence& rival : rivals) {
    std::string parts;
    unsigned count = 0;
    for (std::size_t k = 0; k < plan.nodes.size(); ++k) {
      const Given::Node& node = rival.given.nodes[k];
      count += put_part(parts, static_cast<std::uint32_t>(plan.nodes[k].step->node), node.lambda, open.nodes[k].position, node.slope);
    }
    count += put_part(parts, input_node, rival.given.input, {}, {});
    if (count != 0) {
      put(bytes, rival.rival, 4);
      put(bytes, count, 2);
      bytes += parts;
    }
  }
  return bytes;
}

std::vector<RivalEvidence> decode(const Plan& plan, const Openings& open, const std::string& bytes) {
  std::map<std::uint32_t, std::size_t> places;
  for (std::size_t k = 0; k < plan.nodes.size(); ++k) {
    if (!open.nodes[k].position.empty()) {
      places[static_cast<std::uint32_t>(plan.nodes[k].step->node)] = k;
    }
  }
  std::vector<RivalEvidence> rivals;
  Reader in(bytes);
  while (!in.done()) {
    RivalEvidence& rival = rivals.emplace_back();
    rival.rival = static_cast<std::uint32_t>(in.get(4));
    rival.given.nodes.resize(plan.nodes.size());
    for (std::size_t k = 0; k < plan.nodes.size(); ++k) {
      rival.given.nodes[k].slope.assign(open.nodes[k].position.size(), no_slope);
    }
    for (std::uint64_t part = in.get(2); part > 0; --part) {
      const auto node = static_cast<std::uint32_t>(in.get(4));
      Multiplier lambda;
      lambda.m = static_cast<std::uint8_t>(in.get(1));
      lambda.e = static_cast<std::int16_t>(in.get(2));
      const auto length = static_cast<std::size_t>(in.get(4));
      const auto place = places.find(node);
      if (node == input_node) {
        rival.given.input = lambda;
      } else if (place == places.end()) {
        throw Error(ExitCode::internal, "Evidence of a local radius names a node without open entries; please report this.");
      } else {
        rival.given.nodes[place->second].lambda = lambda;
        read_slopes(in, length, open.nodes[place->second].position, rival.given.nodes[place->second].slope);
      }
    }
  }
  return rivals;
}

}  // namespace lipcert::local
