// What `lipcert attack --json` found, read back: flips are facts about the network as the falsifier computes it, never part of a proof.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "certify/report/certificate_view.hpp"

namespace lipcert::report {

struct Flip {
  std::uint64_t index = 0;
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  double distance = 0;  // in the unit of the certificate's eps
  std::size_t row = 0;  // among those that the file lists
};

struct AttackResult {
  std::uint64_t attacked = 0;
  std::uint64_t flipped = 0;
  std::uint64_t refuted = 0;            // flipped inside the certified radius
  std::map<std::uint64_t, Flip> flips;  // those that the file lists, by sample
  std::string inputs;                   // path of the NPY file with the flipped inputs, in the order of the list; empty: none
  std::string inputs_sha256;
};

/// Throws `Error` (input) when the file is no such result, or not about these samples: another unit, a sample that the certificate does not
/// have, a class or radius that is not the one recorded.
[[nodiscard]] AttackResult read_attack(const std::string& path, const SampleView& samples);

}  // namespace lipcert::report
