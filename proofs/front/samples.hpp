// The claim about samples (formats/SPEC.md, section 8) as points and claims of a plain problem: for each sample its exact coordinates, and
// that its predicted class keeps its place within the recorded radius. Not trusted, like the rest of the front.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/encoding/json.hpp"
#include "formats/network/network.hpp"

namespace lipcert::proofs {

struct SampleRequest {
  std::string data;
  std::string labels;   // empty: none given
  std::string records;  // empty: the file that the certificate names, beside it
  std::string folder;   // of the certificate
  std::optional<std::uint64_t> audit;
  std::uint64_t seed = 0;
};

struct SampleConversion {
  std::string points;
  std::size_t point_count = 0;
  std::string claims;
  std::size_t claim_count = 0;
  std::string summary;                   // one line for people
  std::vector<std::string> not_covered;
};

/// Throws `NotCovered`; `Error`: rejected when data or records are not what the certificate says, input when they cannot be read.
[[nodiscard]] SampleConversion convert_samples(const Network& network, const Json& claim, const SampleRequest& request);

}  // namespace lipcert::proofs
