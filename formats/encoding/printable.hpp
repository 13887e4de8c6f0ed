// Names that come from files, as a terminal may see them.
#pragma once

#include <string>
#include <string_view>

namespace lipcert {

/// The text with '?' for what a terminal would obey and for what would make it look like another text: control characters (line breaks and
/// U+0080 to U+009F among them), marks that turn the direction of writing, invisible characters, and bytes that are not UTF-8.
[[nodiscard]] std::string printable(std::string_view text);

}  // namespace lipcert
