#include "certify/report/chart.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "certify/report/plain_text.hpp"

namespace lipcert::report {
namespace {

constexpr double width = 720;
constexpr double height = 320;
constexpr double left = 52;
constexpr double right = 16;
constexpr double top = 30;
constexpr double bottom = 48;

std::string px(double value) {
  return fmt::format("{:.1f}", value);
}

double x_of(double x, double end) {
  return left + (width - left - right) * x / end;
}

double y_of(double share) {
  return top + (height - top - bottom) * (1 - share);
}

void open_chart(Markup& page, const std::string& id, const std::string& title) {
  page.open("svg", {{"viewBox", fmt::format("0 0 {:.0f} {:.0f}", width, height)},
                    {"role", "img"},
                    {"aria-labelledby", id + "-title"},
                    {"class", "chart"}});
  page.element("title", title, {{"id", id + "-title"}});
}

void label(Markup& page, double x, double y, const std::string& anchor, const std::string& text, const std::string& kind = "tick") {
  page.element("text", text, {{"x", px(x)}, {"y", px(y)}, {"text-anchor", anchor}, {"class", kind}});
}

void x_axis(Markup& page, double end, const std::string& text) {
  page.empty("line", {{"x1", px(left)}, {"x2", px(width - right)}, {"y1", px(y_of(0))}, {"y2", px(y_of(0))}, {"class", "axis"}});
  const double step = round_step(end, 8);
  for (int k = 0; k * step <= end * 1.0001; ++k) label(page, x_of(k * step, end), y_of(0) + 18, "middle", short_number(k * step, 3));
  label(page, (left + width - right) / 2, height - 8, "middle", text, "axis-name");
}

void upright(Markup& page, const Mark& mark, double end, int row) {
  const double x = x_of(mark.x, end);
  page.empty("line", {{"x1", px(x)}, {"x2", px(x)}, {"y1", px(top - 6)}, {"y2", px(y_of(0))}, {"class", "mark"}});
  const bool near_end = mark.x > 0.85 * end;
  label(page, near_end ? x - 5 : x + 5, top - 12 + 13 * row, near_end ? "end" : "start", mark.label, "mark-name");
}

}  // namespace

double round_step(double range, int count) {
  const double rough = range / count;
  const double power = std::pow(10, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) return factor * power;
  }
  return 10 * power;
}

void share_chart(Markup& page, const std::string& id, const std::string& title, const std::string& x_label, double end,
                 const std::vector<Series>& series, const std::vector<Mark>& marks) {
  open_chart(page, id, title);
  for (int tenth = 0; tenth <= 10; tenth += 2) {
    const double y = y_of(tenth / 10.0);
    page.empty("line", {{"x1", px(left)}, {"x2", px(width - right)}, {"y1", px(y)}, {"y2", px(y)}, {"class", "grid"}});
    label(page, left - 8, y + 4, "end", fmt::format("{} %", tenth * 10));
  }
  x_axis(page, end, x_label);
  for (const Series& line : series) {
    std::string path;
    double before = 0;
    for (const auto& [x, share] : line.points) {
      const double at = x_of(std::min(x, end), end);
      if (path.empty()) {
        path = fmt::format("M{} {}", px(at), px(y_of(share)));
      } else if (share != before) {
        path += fmt::format("H{}V{}", px(at), px(y_of(share)));
      }
      before = share;
    }
    path += fmt::format("H{}", px(x_of(std::min(line.points.empty() ? end : line.points.back().first, end), end)));
    if (line.kind == "certified") page.empty("path", {{"d", path + fmt::format("V{}H{}Z", px(y_of(0)), px(left))}, {"class", "area"}});
    page.empty("path", {{"d", path}, {"class", "line " + line.kind}});
  }
  int row = 0;
  double last = -end;
  for (const Mark& mark : marks) {
    row = mark.x - last < 0.22 * end ? 1 - row : 0;
    last = mark.x;
    upright(page, mark, end, row);
    page.empty("circle", {{"cx", px(x_of(mark.x, end))}, {"cy", px(y_of(mark.y))}, {"r", "4.5"}, {"class", "dot"}});
  }
  page.close();
  page.open("ul", {{"class", "legend"}});
  for (const Series& line : series) page.open("li").element("span", "", {{"class", "key " + line.kind}}).text(line.name).close();
  page.close();
}

void histogram(Markup& page, const std::string& id, const std::string& title, const std::string& x_label, double end,
               const std::vector<std::uint64_t>& bins, const std::vector<Mark>& marks) {
  open_chart(page, id, title);
  const std::uint64_t most = std::max<std::uint64_t>(1, *std::max_element(bins.begin(), bins.end()));
  const double step = std::max(1.0, round_step(static_cast<double>(most), 5));
  for (double k = 0; k <= static_cast<double>(most) * 1.0001; k += step) {
    const double y = y_of(k / static_cast<double>(most));
    page.empty("line", {{"x1", px(left)}, {"x2", px(width - right)}, {"y1", px(y)}, {"y2", px(y)}, {"class", "grid"}});
    label(page, left - 8, y + 4, "end", grouped(static_cast<std::uint64_t>(k)));
  }
  x_axis(page, end, x_label);
  const double each = (width - left - right) / static_cast<double>(bins.size());
  for (std::size_t i = 0; i < bins.size(); ++i) {
    const double share = static_cast<double>(bins[i]) / static_cast<double>(most);
    if (bins[i] == 0) continue;
    page.empty("rect", {{"x", px(left + each * static_cast<double>(i) + 1)},
                        {"y", px(y_of(share))},
                        {"width", px(each - 2)},
                        {"height", px(y_of(0) - y_of(share))},
                        {"class", "bar"}});
  }
  int row = 0;
  double last = -end;
  for (const Mark& mark : marks) {
    row = mark.x - last < 0.16 * end ? 1 - row : 0;
    last = mark.x;
    upright(page, mark, end, row);
  }
  page.close();
}

}  // namespace lipcert::report
