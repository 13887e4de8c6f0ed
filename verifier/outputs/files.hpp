// Output files: whole or not at all.
#pragma once

#include <string>

namespace lipverify {

/// Writes the text to a temporary file in the folder of `path`, flushes it to the disk and renames it, so that a reader meets the old file
/// or the new one. A link is followed; a device or a pipe is written to directly; "-" is standard output. Empty when done, else one
/// sentence.
[[nodiscard]] std::string write_whole(const std::string& path, const std::string& text);

/// True when both exist and are one file (links and mounts included).
[[nodiscard]] bool same_file(const std::string& a, const std::string& b);

}  // namespace lipverify
