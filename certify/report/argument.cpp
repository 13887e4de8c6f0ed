// A fragment of a safety argument in Goal Structuring Notation, with identifiers that stay the same from report to report: G goals, S
// strategies, C contexts, A assumptions, Sn solutions.
#include <fmt/format.h>

#include <vector>

#include "certify/report/plain_text.hpp"
#include "certify/report/sections.hpp"

namespace lipcert::report {
namespace {

enum class Shape { goal, strategy, context, assumption, solution };

struct Element {
  std::string id;
  Shape shape;
  std::string text;
  double x, y;  // middle
};

struct Link {
  std::string from, to;
  bool context;  // in the context of, else supported by
};

struct Argument {
  std::vector<Element> elements;
  std::vector<Link> links;
  double height = 0;
};

constexpr double box_width = 220;
constexpr double box_height = 104;
constexpr double total_width = 800;

std::string decimal(const Verdict& verdict, const char* claim, const char* name) {
  const Json* found = verdict.claim(claim);
  return found == nullptr ? "-" : found->value(name, std::string("-"));
}

Argument argument_of(const Facts& facts) {
  Argument out;
  const Json& verdict = facts.verdict.json;
  const std::string model = verdict.at("model").at("sha256").get<std::string>();
  const std::string payload = verdict.at("payloadSha256").get<std::string>();
  const bool samples = facts.samples != nullptr && !facts.sample_claim->at("counts").empty();
  const double left = 140;
  const double middle = 400;
  const double right = 660;
  const auto add = [&](const std::string& id, Shape shape, const std::string& text, double x, double y) {
    out.elements.push_back({id, shape, text, x, y});
  };
  const auto link = [&](const std::string& from, const std::string& to, bool context = false) { out.links.push_back({from, to, context}); };
  double y = 70;
  if (samples) {
    const Json& count = facts.sample_claim->at("counts")[0];
    add("G1", Shape::goal,
        fmt::format("Within {} the decision on {} of {} selected samples does not change{}", count.at("eps").get<std::string>(),
                    count.at("certified").get<std::uint64_t>(), facts.number("total"), facts.samples_proved ? "" : " (not all recomputed)"),
        middle, y);
  } else {
    add("G1", Shape::goal, "Small changes of the input change the outputs little", middle, y);
  }
  add("C1", Shape::context, "Model file with SHA-256 " + model.substr(0, 16) + "\u2026; exact real arithmetic", left, y);
  link("G1", "C1", true);
  if (samples) {
    add("C2", Shape::context,
        fmt::format("{} samples of {} in {}", facts.number("total"),
                    facts.samples->claim.at("data").at("files")[0].at("name").get<std::string>(), facts.unit()),
        right, y);
    link("G1", "C2", true);
  }
  y += 150;
  add("S1", Shape::strategy,
      samples ? "Argue from the margin between outputs and how fast it can shrink" : "Argue from the constant of the whole network", middle,
      y);
  add("A1", Shape::assumption, "The deployed network is the file with this digest", right, y);
  link("G1", "S1");
  link("S1", "A1", true);
  add("A2", Shape::assumption, "Operators mean what ONNX specifies; no claim about rounding at run time", left, y);
  link("S1", "A2", true);
  y += 150;
  add("G2", Shape::goal, "The network is L-Lipschitz with L \u2264 " + decimal(facts.verdict, "lipschitz-global", "upper"),
      samples ? 270 : middle, y);
  link("S1", "G2");
  if (samples) {
    add("G3", Shape::goal, "Each radius is at most the margin over the constant of its pair of outputs", 530, y);
    link("S1", "G3");
  }
  y += 150;
  add("S2", Shape::strategy, fmt::format("Argue over {} blocks: their norms multiply along the graph", verdict.at("blocks").size()),
      samples ? 270 : middle, y);
  link("G2", "S2");
  if (samples) {
    add("Sn2", Shape::solution,
        fmt::format("{} samples recomputed by lipverify", facts.sample_claim->value("samplesRechecked", std::uint64_t{0})), 530, y + 20);
    link("G3", "Sn2");
  }
  y += 160;
  add("Sn1", Shape::solution,
      fmt::format("{} checks of lipverify, certificate {}\u2026", verdict.at("checks").size(), payload.substr(0, 12)),
      samples ? 270 : middle, y + 10);
  link("S2", "Sn1");
  out.height = y + 90;
  return out;
}

/// Lines of at most `most` characters, the fourth of which ends with an ellipsis where more would follow.
std::vector<std::string> wrapped(const std::string& text, std::size_t most) {
  std::vector<std::string> lines(1);
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t end = text.find(' ', at);
    if (end == std::string::npos) end = text.size();
    std::string word = text.substr(at, end - at);
    if (word.size() > most) word = word.substr(0, most - 3) + "\u2026";
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > most) {
      if (lines.size() == 4) {
        lines.back() += "\u2026";
        break;
      }
      lines.emplace_back();
    }
    lines.back() += (lines.back().empty() ? "" : " ") + word;
    at = end + 1;
  }
  return lines;
}

std::string px(double value) {
  return fmt::format("{:.0f}", value);
}

void draw(Markup& out, const Element& e) {
  const double w = box_width / 2;
  const double h = box_height / 2;
  out.open("g", {{"id", "gsn-" + e.id}, {"class", "gsn"}});
  if (e.shape == Shape::strategy) {
    out.empty("polygon", {{"points", fmt::format("{:.0f},{:.0f} {:.0f},{:.0f} {:.0f},{:.0f} {:.0f},{:.0f}", e.x - w + 16, e.y - h, e.x + w,
                                                 e.y - h, e.x + w - 16, e.y + h, e.x - w, e.y + h)},
                          {"class", "strategy"}});
  } else if (e.shape == Shape::assumption) {
    out.empty("ellipse", {{"cx", px(e.x)}, {"cy", px(e.y)}, {"rx", px(w)}, {"ry", px(h)}, {"class", "assumption"}});
  } else if (e.shape == Shape::solution) {
    out.empty("circle", {{"cx", px(e.x)}, {"cy", px(e.y)}, {"r", "66"}, {"class", "solution"}});
  } else {
    out.empty("rect", {{"x", px(e.x - w)},
                       {"y", px(e.y - h)},
                       {"width", px(box_width)},
                       {"height", px(box_height)},
                       {"rx", e.shape == Shape::context ? "40" : "2"},
                       {"class", e.shape == Shape::context ? "context" : "goal"}});
  }
  const bool narrow = e.shape == Shape::solution || e.shape == Shape::assumption;
  const std::vector<std::string> lines = wrapped(printable(e.text, 160), narrow ? 20 : 30);
  double y = e.y - 8.0 * static_cast<double>(lines.size());
  out.element("text", e.id, {{"x", px(e.x)}, {"y", px(y)}, {"text-anchor", "middle"}, {"class", "gsn-id"}});
  for (const std::string& line : lines)
    out.element("text", line, {{"x", px(e.x)}, {"y", px(y += 16)}, {"text-anchor", "middle"}, {"class", "gsn-text"}});
  out.close();
}

const Element& find(const Argument& argument, const std::string& id) {
  for (const Element& e : argument.elements) {
    if (e.id == id) return e;
  }
  return argument.elements.front();
}

constexpr const char* own_style =
    "<style>text{font:12px "
    "sans-serif;fill:#1c2330}.gsn-id{font-weight:bold}.goal,.strategy,.context,.assumption,.solution{fill:#fff;stroke:#3a4a63;"
    "stroke-width:1.4}.gsn-link{stroke:#3a4a63;stroke-width:1.4;fill:none}.arrow{fill:#3a4a63;stroke:#3a4a63}.arrow.open{fill:#fff}</"
    "style>";

std::string dot_text(const std::string& text) {
  std::string out;
  for (const char c : printable(text, 400)) {
    if (c == '"' || c == '\\') out.push_back('\\');
    out.push_back(c);
  }
  return out;
}

}  // namespace

std::string argument_svg(const Facts& facts, bool standalone) {
  const Argument argument = argument_of(facts);
  Markup out;
  const std::string box = fmt::format("0 0 {:.0f} {:.0f}", total_width, argument.height);
  if (standalone) {
    out.open("svg",
             {{"xmlns", "http://www.w3.org/2000/svg"}, {"viewBox", box}, {"width", px(total_width)}, {"height", px(argument.height)}})
        .constant(own_style);
  } else {
    out.open("svg", {{"viewBox", box}, {"role", "img"}, {"aria-labelledby", "gsn-title"}, {"class", "argument"}});
  }
  out.element("title", "Goal structure of the argument", {{"id", "gsn-title"}});
  for (const Link& link : argument.links) {
    const Element& from = find(argument, link.from);
    const Element& to = find(argument, link.to);
    double x1 = from.x;
    double y1 = from.y + box_height / 2;
    double x2 = to.x;
    double y2 = to.y - (to.shape == Shape::solution ? 66 : box_height / 2) - 8;
    std::string head = fmt::format("{:.0f},{:.0f} {:.0f},{:.0f} {:.0f},{:.0f}", x2 - 5, y2 - 1, x2 + 5, y2 - 1, x2, y2 + 8);
    if (link.context) {
      const double side = to.x < from.x ? -1 : 1;
      x1 = from.x + side * box_width / 2;
      y1 = from.y;
      x2 = to.x - side * (box_width / 2 + 8);
      y2 = to.y;
      head = fmt::format("{:.0f},{:.0f} {:.0f},{:.0f} {:.0f},{:.0f}", x2 - side, y2 - 5, x2 - side, y2 + 5, x2 + side * 8, y2);
    }
    out.empty("path", {{"d", fmt::format("M{:.0f} {:.0f}L{:.0f} {:.0f}", x1, y1, x2, y2)}, {"class", "gsn-link"}});
    out.empty("polygon", {{"points", head}, {"class", link.context ? "arrow open" : "arrow"}});
  }
  for (const Element& e : argument.elements) draw(out, e);
  out.close();
  return out.finish();
}

std::string argument_dot(const Facts& facts) {
  const Argument argument = argument_of(facts);
  std::string out = "digraph argument {\n  node [fontname=\"sans-serif\", fontsize=11, width=2.4, margin=0.12];\n";
  for (const Element& e : argument.elements) {
    const char* shape = e.shape == Shape::goal         ? "box"
                        : e.shape == Shape::strategy   ? "parallelogram"
                        : e.shape == Shape::context    ? "box"
                        : e.shape == Shape::assumption ? "ellipse"
                                                       : "circle";
    out += fmt::format("  {} [shape={}{}, label=\"{}\\n{}\"];\n", e.id, shape, e.shape == Shape::context ? ", style=rounded" : "", e.id,
                       dot_text(e.text));
  }
  for (const Link& link : argument.links)
    out += fmt::format("  {} -> {}{};\n", link.from, link.to, link.context ? " [arrowhead=empty]" : "");
  return out + "}\n";
}

void argument_section(Markup& page, const Facts& facts) {
  if (!facts.verdict.proves()) return;
  open_section(page, "argument", "A fragment for a safety argument");
  page.element("p",
               "Goal Structuring Notation: goals, strategies, contexts, assumptions and solutions, with identifiers that stay the same "
               "from report to report. What the goals support is for the safety case to say.");
  page.open("div", {{"class", "wide"}, {"tabindex", "0"}, {"role", "region"}, {"aria-label", "Goal structure"}});
  page.constant(argument_svg(facts, false).c_str());
  page.close().close();
}

}  // namespace lipcert::report
