// Texts of a certificate are hostile: what a reader sees must be what stands there, in one line, in the order in which it stands.
#pragma once

#include <string>
#include <string_view>

namespace lipcert::report {

/// UTF-8 without anything that acts on the text around it: broken sequences become U+FFFD; control characters, line and paragraph
/// separators, invisible and bidirectional marks become visible, as `<U+202E>`. At most `most` bytes of the text are shown, then an
/// ellipsis.
[[nodiscard]] std::string printable(std::string_view text, std::size_t most = 4096);

/// 1234567 -> "1 234 567", with a no-break space that is narrow.
[[nodiscard]] std::string grouped(std::uint64_t number);

/// "93.80 %"; of nothing: "-". Rounded down, so that a share that is claimed is never flattered.
[[nodiscard]] std::string percent(std::uint64_t part, std::uint64_t whole);

/// A double with `digits` significant digits, for people; "infinite" where it is.
[[nodiscard]] std::string short_number(double value, int digits = 4);

}  // namespace lipcert::report
