// What made a certificate: this program, its libraries and the kernel that its BLAS has chosen for the processor.
#pragma once

#include <string>

#include "certify/certificate/statement.hpp"

namespace lipcert {

/// Reads the program's own file to take its digest. Throws `Error` when that fails.
[[nodiscard]] Generator build_info();

/// Name, version, commit and libraries, several lines.
[[nodiscard]] std::string version_text();

}  // namespace lipcert
