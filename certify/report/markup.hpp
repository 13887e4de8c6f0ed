// HTML and SVG as text: everything that is put in is escaped, and what is opened is closed. A page built with it needs no scripts and no
// network.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace lipcert::report {

/// Text or attribute value: printable (plain_text.hpp), with & < > " ' as entities.
[[nodiscard]] std::string escape(std::string_view text, std::size_t most = std::string_view::npos);

using Attributes = std::initializer_list<std::pair<std::string_view, std::string>>;

class Markup {
 public:
  Markup& open(std::string_view tag, Attributes attributes = {});
  Markup& close();
  Markup& text(std::string_view text);
  /// An element that holds text.
  Markup& element(std::string_view tag, std::string_view text, Attributes attributes = {});
  /// An element that holds nothing, as HTML and SVG both read it.
  Markup& empty(std::string_view tag, Attributes attributes = {});
  /// What another Markup has made.
  Markup& add(const Markup& other);
  /// Constant text of this program, as it is: style sheets and doctypes.
  Markup& constant(const char* text);
  /// A row of table cells, the first of which may head the row.
  Markup& row(const std::vector<std::string>& cells, bool head = false);

  /// Throws `Error` (internal) while an element is open.
  [[nodiscard]] std::string finish() const;
  [[nodiscard]] const std::string& so_far() const { return out_; }

 private:
  void start(std::string_view tag, Attributes attributes);

  std::string out_;
  std::vector<std::string> open_;
};

}  // namespace lipcert::report
