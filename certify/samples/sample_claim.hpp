// The claim `sample-radii` and its parts as JSON (formats/SPEC.md, section 8), for the statement and for shard files.
#pragma once

#include <cstdint>
#include <string>

#include "certify/samples/records_file.hpp"
#include "certify/samples/samples.hpp"
#include "formats/data/data_set.hpp"
#include "formats/data/scaling.hpp"
#include "formats/encoding/json.hpp"

namespace lipcert {

struct SampleClaim {
  Json data;  // see `data_member`
  bool labelled = false;
  SampleRange selection;
  SampleCounts counts{{}};
  RecordsFile records;
};

/// The member `data`: digests, number of samples, and how a file's numbers become the graph's input.
[[nodiscard]] Json data_member(const DataDescription& description, const ScalingTexts& scaling);

[[nodiscard]] Json sample_claim_member(const SampleClaim& claim, std::uint64_t outputs);

}  // namespace lipcert
