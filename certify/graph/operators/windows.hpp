// Which entries of the data an entry of the result reads: windows of poolings, reductions over axes, vectors along an axis.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "certify/graph/operators/context.hpp"

namespace lipcert {

/// Of data of rank 2 and more, [N, C, n...]: the positions of one channel.
struct Windows {
  std::vector<std::vector<std::uint32_t>> entries;  // for each position of the result, positions of the data
  std::vector<std::size_t> elements;                // of the window, for AveragePool
  std::size_t input_positions = 1;

  /// Of one channel.
  [[nodiscard]] double terms() const;
};

[[nodiscard]] Windows windows_of(const StepContext& context, std::size_t index);

/// For a reduction over some axes: for each entry of the result the entries that it reads, in order.
[[nodiscard]] std::vector<std::vector<std::uint32_t>> reduced_entries(const StepContext& context, std::size_t index);

/// The vectors along one axis (along all axes from it on): for each the entries, in order.
[[nodiscard]] std::vector<std::vector<std::uint32_t>> vectors_along(const Shape& shape, std::size_t axis, bool all_from_it);

}  // namespace lipcert
