#include "certify/report/markup.hpp"

#include "certify/report/plain_text.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert::report {
namespace {

constexpr std::size_t longest_text = 8192;  // of a name or a sentence

}  // namespace

std::string escape(std::string_view text, std::size_t most) {
  std::string out;
  for (const char c : printable(text, most)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out.push_back(c);
    }
  }
  return out;
}

void Markup::start(std::string_view tag, Attributes attributes) {
  out_ += '<';
  out_ += tag;
  for (const auto& [name, value] : attributes) {
    out_ += ' ';
    out_ += name;
    out_ += "=\"";
    // A picture is base64 of our own making and longer than any text.
    out_ += value.starts_with("data:image/png;base64,") ? value : escape(value);
    out_ += '"';
  }
}

Markup& Markup::open(std::string_view tag, Attributes attributes) {
  start(tag, attributes);
  out_ += ">";
  open_.emplace_back(tag);
  return *this;
}

Markup& Markup::close() {
  if (open_.empty()) throw Error(ExitCode::internal, "Internal error: an element of the report is closed twice.");
  const std::string& tag = open_.back();
  out_ += "</" + tag + ">";
  if (tag != "span" && tag != "a" && tag != "strong" && tag != "code" && tag != "b" && tag != "text" && tag != "td") out_ += '\n';
  open_.pop_back();
  return *this;
}

Markup& Markup::text(std::string_view text) {
  out_ += escape(text, longest_text);
  return *this;
}

Markup& Markup::element(std::string_view tag, std::string_view text, Attributes attributes) {
  open(tag, attributes);
  out_ += escape(text, longest_text);
  return close();
}

Markup& Markup::empty(std::string_view tag, Attributes attributes) {
  start(tag, attributes);
  out_ += "/>\n";
  return *this;
}

Markup& Markup::add(const Markup& other) {
  out_ += other.finish();
  return *this;
}

Markup& Markup::constant(const char* text) {
  out_ += text;
  return *this;
}

Markup& Markup::row(const std::vector<std::string>& cells, bool head) {
  open("tr");
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (head) {
      element("th", cells[i], {{"scope", "col"}});
    } else if (i == 0) {
      element("th", cells[i], {{"scope", "row"}});
    } else {
      element("td", cells[i]);
    }
  }
  return close();
}

std::string Markup::finish() const {
  if (!open_.empty()) throw Error(ExitCode::internal, "Internal error: the element " + open_.back() + " of the report stays open.");
  return out_;
}

}  // namespace lipcert::report
