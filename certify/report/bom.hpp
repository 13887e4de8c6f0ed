// The model's entry for a bill of materials, CycloneDX 1.6, with what was recomputed about it.
#pragma once

#include <string>

#include "certify/report/facts.hpp"

namespace lipcert::report {

/// JSON, of an accepted certificate only. Figures about samples are left out where not all of them were recomputed.
[[nodiscard]] std::string bill_of_materials(const Facts& facts);

}  // namespace lipcert::report
