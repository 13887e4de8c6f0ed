// See windows.hpp.

#include "certify/graph/operators/windows.hpp"

#include <utility>

#include "formats/operators/parameters.hpp"

namespace lipcert {

double Windows::terms() const {
  double sum = 0;
  for (const auto& positions : entries) {
    sum += static_cast<double>(positions.size());
  }
  return sum;
}

Windows windows_of(const StepContext& context, std::size_t index) {
  const WindowParameters parameters = window_parameters(context.network, index);
  Windows windows;
  std::size_t positions = 1;
  for (const WindowAxis& axis : parameters.axes) {
    windows.input_positions *= axis.input;
    positions *= axis.output;
  }
  windows.entries.resize(positions);
  windows.elements.resize(positions);
  for (std::size_t p = 0; p < positions; ++p) {
    std::vector<std::uint32_t> at{0};
    std::size_t elements = 1;
    std::size_t rest = p;
    std::vector<std::uint64_t> position(parameters.axes.size());
    for (std::size_t a = parameters.axes.size(); a-- > 0;) {
      position[a] = rest % parameters.axes[a].output;
      rest /= parameters.axes[a].output;
    }
    for (std::size_t a = 0; a < parameters.axes.size(); ++a) {
      const WindowAxis& axis = parameters.axes[a];
      std::vector<std::uint32_t> next;
      std::size_t here = 0;
      std::vector<std::uint32_t> inside;
      for (std::uint64_t j = 0; j < axis.kernel; ++j) {
        const std::int64_t i = static_cast<std::int64_t>(position[a] * axis.stride + axis.dilation * j) - axis.begin;
        if (i >= 0 && i < static_cast<std::int64_t>(axis.input)) {
          inside.push_back(static_cast<std::uint32_t>(i));
        }
        if (i < static_cast<std::int64_t>(axis.input) + axis.end) {
          ++here;  // padding counts, what lies beyond it (ceil_mode) does not
        }
      }
      for (const std::uint32_t outer : at) {
        for (const std::uint32_t i : inside) {
          next.push_back(outer * static_cast<std::uint32_t>(axis.input) + i);
        }
      }
      at = std::move(next);
      elements *= parameters.count_include_pad ? here : inside.size();
    }
    windows.entries[p] = std::move(at);
    windows.elements[p] = elements;
  }
  return windows;
}

std::vector<std::vector<std::uint32_t>> reduced_entries(const StepContext& context, std::size_t index) {
  const Shape& shape = context.shape_of(context.network.nodes[index].inputs.at(0));
  const std::vector<std::uint64_t> axes = axes_of(context.network, index);
  const std::uint64_t n = element_count(shape);
  std::vector<bool> reduced(shape.size(), false);
  for (const std::uint64_t a : axes) {
    reduced.at(a) = true;
  }
  std::uint64_t kept = 1;
  for (std::size_t a = 0; a < shape.size(); ++a) {
    kept *= reduced[a] ? 1 : shape[a];
  }
  std::vector<std::vector<std::uint32_t>> entries(kept);
  for (std::uint64_t i = 0; i < n; ++i) {
    std::uint64_t rest = i;
    std::uint64_t at = 0;
    std::uint64_t stride = 1;
    for (std::size_t a = shape.size(); a-- > 0;) {
      const std::uint64_t position = rest % shape[a];
      rest /= shape[a];
      if (!reduced[a]) {
        at += position * stride;
        stride *= shape[a];
      }
    }
    entries[at].push_back(static_cast<std::uint32_t>(i));
  }
  return entries;
}

std::vector<std::vector<std::uint32_t>> vectors_along(const Shape& shape, std::size_t axis, bool all_from_it) {
  std::size_t outer = 1;
  std::size_t length = 1;
  std::size_t inner = 1;
  for (std::size_t a = 0; a < shape.size(); ++a) {
    (a < axis ? outer : a == axis || all_from_it ? length : inner) *= shape[a];
  }
  std::vector<std::vector<std::uint32_t>> vectors;
  for (std::size_t o = 0; o < outer; ++o) {
    for (std::size_t i = 0; i < inner; ++i) {
      std::vector<std::uint32_t> v;
      for (std::size_t l = 0; l < length; ++l) {
        v.push_back(static_cast<std::uint32_t>((o * length + l) * inner + i));
      }
      vectors.push_back(std::move(v));
    }
  }
  return vectors;
}

}  // namespace lipcert
