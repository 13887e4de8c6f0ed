// Which samples are worth looking at, and their pictures from the data.
#pragma once

#include <cstdint>
#include <vector>

#include "certify/report/facts.hpp"

namespace lipcert::report {

/// Positions among the records.
struct Selection {
  std::vector<std::size_t> largest;      // radii
  std::vector<std::size_t> smallest;     // radii that are positive
  std::vector<std::size_t> uncertified;  // not robust at the first eps, classified otherwise than labelled first
  std::vector<std::size_t> flipped;      // by the attack, nearest first
};
[[nodiscard]] Selection choose(const Facts& facts, std::size_t each = 6);

/// Reads the pictures of the chosen samples into `facts.gallery`, where the data are images of one or three channels. Throws `Error`
/// (input) when the data are not, or no longer, those of the certificate.
void load_pictures(Facts& facts, const DataSource& source);

}  // namespace lipcert::report
