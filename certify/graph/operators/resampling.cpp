// See resampling.hpp.

#include "certify/graph/operators/resampling.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "certify/graph/operators/sparse_rows.hpp"
#include "formats/operators/parameters.hpp"

namespace lipcert {

void resampling_step(StepContext& context, Step& step) {
  const std::vector<ResampledAxis> axes = resampled_axes(context.network, step.node);
  double most = static_cast<double>(step.output_size);
  for (const ResampledAxis& axis : axes) {
    most *= std::any_of(axis.entries.begin(), axis.entries.end(), [](const ResampledEntry& e) { return e.numerator != 0; }) ? 2 : 1;
  }
  check_terms(context, step, most);
  SparseRows rows(step);
  std::vector<std::pair<std::size_t, Ball>> terms;
  for (std::size_t i = 0; i < step.output_size; ++i) {
    terms.assign(1, {0, Ball{1, 0}});
    std::size_t rest = i;
    std::size_t stride = 1;
    for (std::size_t a = axes.size(); a-- > 0;) {
      const ResampledAxis& axis = axes[a];
      const std::size_t at = rest % axis.output;
      rest /= axis.output;
      const ResampledEntry entry = axis.entries.empty() ? ResampledEntry{static_cast<std::uint32_t>(at), 0, 1} : axis.entries[at];
      const std::size_t count = terms.size();
      for (std::size_t t = 0; t < count; ++t) {
        terms[t].first += entry.first * stride;
        if (entry.numerator != 0) {
          const auto share = [&](std::int64_t over) {
            return divide({static_cast<double>(over), 0}, {static_cast<double>(entry.denominator), 0});
          };
          terms.emplace_back(terms[t].first + stride, multiply(terms[t].second, share(entry.numerator)));
          terms[t].second = multiply(terms[t].second, share(entry.denominator - entry.numerator));
        }
      }
      stride *= axis.input;
    }
    for (const auto& [column, weight] : terms) {
      rows.term(column, weight);
    }
    rows.end_row();
  }
  rows.finish();
}

}  // namespace lipcert
