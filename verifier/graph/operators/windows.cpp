// Which entries meet: windows of convolutions and pools, groups of reductions (see operators.hpp).
#include <algorithm>

#include "verifier/graph/operators.hpp"
#include "verifier/base/failure.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kTaps = std::uint64_t{1} << 26;

/// For each output position of one axis: pairs (tap, position of the data).
std::vector<std::vector<Tap>> axis_taps(const WindowAxis& a, bool transposed) {
  std::vector<std::vector<Tap>> out(a.output);
  const auto s = static_cast<std::int64_t>(a.stride);
  const auto dil = static_cast<std::int64_t>(a.dilation);
  for (std::int64_t o = 0; o < static_cast<std::int64_t>(a.output); ++o)
    for (std::int64_t j = 0; j < static_cast<std::int64_t>(a.kernel); ++j) {
      std::int64_t i = s * o + dil * j - a.begin;
      if (transposed) {  // o = s i + dil j - begin
        i = o + a.begin - dil * j;
        if (i < 0) break;
        if (i % s != 0) continue;
        i /= s;
      } else if (i >= static_cast<std::int64_t>(a.input)) {
        break;
      }
      if (i >= 0 && i < static_cast<std::int64_t>(a.input)) out[static_cast<std::size_t>(o)].push_back({static_cast<std::uint32_t>(j), static_cast<std::uint32_t>(i)});
    }
  return out;
}

}  // namespace

std::vector<std::vector<Tap>> taps_of(const Window& window, bool transposed) {
  std::vector<std::vector<Tap>> out = {{{0, 0}}};
  std::uint64_t total = 1;
  for (const WindowAxis& a : window.axes) {
    if (a.output * a.kernel > kTaps) exhausted("a window has more than 67108864 taps; this checker does not take larger ones");
    const std::vector<std::vector<Tap>> along = axis_taps(a, transposed);
    std::uint64_t mine = 0;
    for (const auto& taps : along) mine += taps.size();
    total *= mine;
    if (total > kTaps) exhausted("a window has more than 67108864 taps; this checker does not take larger ones");
    std::vector<std::vector<Tap>> next;
    next.reserve(out.size() * along.size());
    for (const auto& before : out)
      for (const auto& here : along) {
        next.emplace_back();
        next.back().reserve(before.size() * here.size());
        for (const Tap& x : before)
          for (const Tap& y : here)
            next.back().push_back({static_cast<std::uint32_t>(x.kernel * a.kernel + y.kernel), static_cast<std::uint32_t>(x.data * a.input + y.data)});
      }
    out = std::move(next);
  }
  return out;
}

std::uint64_t average_divisor(const Window& window, std::size_t taps) {
  if (!window.count_include_pad) return taps;
  std::uint64_t all = 1;
  for (const WindowAxis& a : window.axes) all *= a.kernel;
  return all;
}

std::vector<std::vector<std::uint32_t>> groups_of(const Graph& graph, std::size_t index) {
  const Node& node = graph.nodes[index];
  const Shape& shape = graph.values[node.inputs[0]].shape;
  std::vector<std::uint64_t> axes = axes_of(graph, index);
  if (node.op == Op::softmax && graph.opset < 13)  // a vector is everything from the axis on
    for (std::uint64_t k = axes[0] + 1; k < shape.size(); ++k) axes.push_back(k);
  std::uint64_t size = 1;
  Shape group_stride(shape.size(), 0);  // of the kept axes
  std::uint64_t groups = 1;
  for (std::size_t k = shape.size(); k-- > 0;) {
    if (std::binary_search(axes.begin(), axes.end(), k)) {
      size *= shape[k];
    } else {
      group_stride[k] = groups;
      groups *= shape[k];
    }
  }
  std::vector<std::vector<std::uint32_t>> out(groups);
  for (auto& group : out) group.reserve(size);
  const std::uint64_t count = element_count(shape);
  for (std::uint64_t e = 0; e < count; ++e) {
    std::uint64_t rest = e;
    std::uint64_t at = 0;
    for (std::size_t k = shape.size(); k-- > 0; rest /= shape[k]) at += rest % shape[k] * group_stride[k];
    out[at].push_back(static_cast<std::uint32_t>(e));
  }
  return out;
}

}  // namespace lipverify
