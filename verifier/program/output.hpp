// What the checker prints: one verdict line and what it means, or one JSON object.
#pragma once

#include <string>

#include "verifier/lipverify.hpp"

namespace lipverify {

inline constexpr const char* kVersion = LIPVERIFY_VERSION;

[[nodiscard]] std::string text_report(const Report& report, bool verbose);
[[nodiscard]] std::string json_report(const Report& report);

/// Control characters and broken UTF-8 replaced, so that no name in a file can forge a line of output.
[[nodiscard]] std::string printable_line(const std::string& text);

}  // namespace lipverify
