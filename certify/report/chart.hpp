// Diagrams as SVG: axes with round numbers, steps and bars. Colours are classes of the page's style sheet.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "certify/report/markup.hpp"

namespace lipcert::report {

struct Series {
  std::string kind;                               // class of the line: "certified", "attack", ...
  std::string name;                               // in the legend
  std::vector<std::pair<double, double>> points;  // x ascending, y in [0, 1]
};

struct Mark {
  double x = 0;
  double y = 0;
  std::string label;
};

/// Shares (0 to 100 %) over x from 0 to `end`, as steps, with points that are marked. `id` names the diagram's title and description.
void share_chart(Markup& page, const std::string& id, const std::string& title, const std::string& x_label, double end,
                 const std::vector<Series>& series, const std::vector<Mark>& marks);

/// Counts in bins of equal width from 0 to `end`; vertical lines at `marks` (y is not used).
void histogram(Markup& page, const std::string& id, const std::string& title, const std::string& x_label, double end,
               const std::vector<std::uint64_t>& bins, const std::vector<Mark>& marks);

/// A step of 1, 2 or 5 times a power of ten, of which about `count` fit into `range`.
[[nodiscard]] double round_step(double range, int count);

}  // namespace lipcert::report
