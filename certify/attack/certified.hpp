// What a certificate says about samples, read for the falsifier. The signature is not checked: a forged certificate is attacked like any
// other.
#pragma once

#include <string>

#include "certify/attack/search.hpp"
#include "certify/samples/samples.hpp"
#include "formats/data/data_set.hpp"
#include "formats/data/scaling.hpp"
#include "formats/encoding/json.hpp"

namespace lipcert::attack {

struct CertifiedSamples {
  std::string model_sha256;
  Json data;  // SPEC.md section 8
  ScalingTexts scaling;
  Unit eps_unit = Unit::graph_input;
  std::optional<std::int64_t> label_column;
  SampleRange selection;
  RadiusTheorem theorem = RadiusTheorem::margin_over_lipschitz;
  std::string records;  // bytes, `record_bytes(theorem)` each
  std::optional<StatedRange> range;
};

/// Throws `Error` (input) when the certificate has no claim about samples, or its records file is missing or another.
[[nodiscard]] CertifiedSamples read_certified_samples(const std::string& certificate);

}  // namespace lipcert::attack
