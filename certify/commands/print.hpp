// How the commands write: names out of files cannot steer the terminal, and a reader that has gone away ends nothing halfway.
//
// Every text among the values is made harmless first (`printable`), so a name with a line break stays in its line. Failures are kept in the stream:
// main.cpp asks standard output at the end; standard error has nobody to be told.
#pragma once

#include <fmt/format.h>

#include <cstdio>
#include <string>
#include <string_view>
#include <type_traits>

#include "certify/lipcert.hpp"

namespace lipcert {

template <class T>
auto shown(const T& value) {
  if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return printable(std::string_view(value));
  } else {
    return value;
  }
}

inline void write_text(std::FILE* out, const std::string& text) {
  static_cast<void>(std::fwrite(text.data(), 1, text.size(), out));
}

template <class... T>
void print(std::FILE* out, fmt::format_string<decltype(shown(std::declval<const T&>()))...> text, const T&... values) {
  write_text(out, fmt::format(text, shown(values)...));
}
template <class... T>
void print(fmt::format_string<decltype(shown(std::declval<const T&>()))...> text, const T&... values) {
  write_text(stdout, fmt::format(text, shown(values)...));
}

/// One line of ASCII: whatever a name holds is escaped, and bytes that are not UTF-8 (of a path) are replaced.
inline void print_json_line(const Json& json) {
  write_text(stdout, json.dump(-1, ' ', true, Json::error_handler_t::replace) + "\n");
}

}  // namespace lipcert
