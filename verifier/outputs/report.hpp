// What the checker prints about one certificate: one verdict line and what it means, or one JSON object.
#pragma once

#include <string>

#include "verifier/lipverify.hpp"

namespace lipverify {

inline constexpr const char* kVersion = LIPVERIFY_VERSION;

/// "accepted", "accepted in part", "rejected" or "error".
[[nodiscard]] const char* verdict_word(Outcome outcome);
[[nodiscard]] inline bool holds(Outcome outcome) { return outcome == Outcome::accepted || outcome == Outcome::accepted_in_part; }

/// What stands behind the word of the verdict on its line: the claim with its digests, or the reason why there is none.
[[nodiscard]] std::string headline(const Report& report);

[[nodiscard]] std::string text_report(const Report& report, bool verbose);
[[nodiscard]] std::string json_report(const Report& report);

/// Control characters and broken UTF-8 replaced, so that no name in a file can forge a line of output.
[[nodiscard]] std::string printable_line(const std::string& text);
/// What XML and Markdown write in the place of &, < and >; empty for every other character.
[[nodiscard]] std::string_view entity(char c);

}  // namespace lipverify
