// See average.hpp.

#include "certify/graph/operators/average.hpp"

#include <cstdint>
#include <vector>

#include "certify/graph/operators/sparse_rows.hpp"
#include "certify/graph/operators/windows.hpp"

namespace lipcert {

void average_step(StepContext& context, Step& step, const Node& node) {
  SparseRows rows(step);
  const auto row = [&](const std::vector<std::uint32_t>& columns, std::size_t offset, Ball weight) {
    for (const std::uint32_t c : columns) {
      rows.term(offset + c, weight);
    }
    rows.end_row();
  };
  const auto one_over = [](std::size_t n) { return divide({1, 0}, {static_cast<double>(n), 0}); };
  if (node.op == Operator::reduce_mean || node.op == Operator::reduce_sum) {
    check_listed(context, step, static_cast<double>(step.input_size));
    for (const std::vector<std::uint32_t>& entries : reduced_entries(context, step.node)) {
      row(entries, 0, node.op == Operator::reduce_sum ? Ball{1, 0} : one_over(entries.size()));
    }
  } else {
    const Windows windows = windows_of(context, step.node);
    const std::size_t channels = step.input_size / windows.input_positions;
    check_terms(context, step, windows.terms() * static_cast<double>(channels));
    for (std::size_t c = 0; c < channels; ++c) {
      for (std::size_t p = 0; p < windows.entries.size(); ++p) {
        row(windows.entries[p], c * windows.input_positions, one_over(windows.elements[p]));
      }
    }
  }
  rows.finish();
}

}  // namespace lipcert
