// The frame of every page: head with the rules for browsers and the style sheet, title, foot.
#pragma once

#include <string>

#include "certify/report/markup.hpp"

namespace lipcert::report {

/// Opens html, body and main.
void open_page(Markup& page, const std::string& title);
/// Closes them. `foot` is the last line.
void close_page(Markup& page, const std::string& foot);

extern const char* const style_sheet;

}  // namespace lipcert::report
