// A small picture as a PNG, for a page that must not refer to other files.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace lipcert::report {

struct Picture {
  std::uint32_t rows = 0;
  std::uint32_t columns = 0;
  std::uint32_t channels = 1;        // 1: grey, 3: red, green, blue
  std::vector<std::uint8_t> pixels;  // row, column, channel
};

/// The bytes of the file. Throws `Error` (internal) when the picture does not have the pixels that it says.
[[nodiscard]] std::string png(const Picture& picture);
/// `data:image/png;base64,...`.
[[nodiscard]] std::string data_uri(const Picture& picture);

}  // namespace lipcert::report
