// Which entries meet: windows of convolutions and pools (see parameters.hpp and operators.hpp).
#include <algorithm>

#include "verifier/base/bytes.hpp"
#include "verifier/graph/operators/family.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kTaps = std::uint64_t{1} << 26;
constexpr std::int64_t kLarge = std::int64_t{1} << 31;

/// An output length: at least 1 and not beyond what a tensor may have.
std::uint64_t length_of(const NodeRules& at, std::int64_t value) {
  if (value < 1 || value > static_cast<std::int64_t>(kElements)) at.fail("an output length is " + std::to_string(value));
  return static_cast<std::uint64_t>(value);
}

/// auto_pad: NOTSET, VALID, SAME_UPPER or SAME_LOWER.
std::string padding_rule(const NodeRules& at) {
  const Attribute* found = at.find("auto_pad");
  const std::string rule = found == nullptr || found->text.empty() ? "NOTSET" : found->text;
  if (rule != "NOTSET" && rule != "VALID" && rule != "SAME_UPPER" && rule != "SAME_LOWER") at.fail("auto_pad '" + printable(rule) + "' is not known");
  return rule;
}

/// Every window of a pool must meet the data. Cost: the output length.
void every_window_meets(const NodeRules& at, const WindowAxis& a) {
  for (std::uint64_t i = 0; i < a.output; ++i) {
    const std::int64_t start = static_cast<std::int64_t>(a.stride * i) - a.begin;
    const auto step = static_cast<std::int64_t>(a.dilation);
    const std::int64_t first = start >= 0 ? 0 : (-start + step - 1) / step;  // first tap that is not before the data
    if (first >= static_cast<std::int64_t>(a.kernel) || start + first * step >= static_cast<std::int64_t>(a.input))
      at.fail("a window contains no element of the data");
  }
}

void pooling_rules(const NodeRules& at, WindowAxis& a, bool ceil_mode, bool same) {
  const auto extent = static_cast<std::int64_t>(a.dilation * (a.kernel - 1) + 1);
  const auto n = static_cast<std::int64_t>(a.input);
  const auto s = static_cast<std::int64_t>(a.stride);
  if (a.begin >= static_cast<std::int64_t>(a.kernel) || a.end >= static_cast<std::int64_t>(a.kernel)) at.fail("padding must be smaller than the kernel");
  if (!same) {
    const std::int64_t room = n + a.begin + a.end - extent;
    if (room < 0) at.fail("its window is larger than the padded data");
    a.output = length_of(at, (room + (ceil_mode ? s - 1 : 0)) / s + 1);
  }
  const std::int64_t last = static_cast<std::int64_t>(a.output - 1) * s;
  if (ceil_mode && last >= n + a.begin) at.fail("with ceil_mode 1 a window begins behind the data");
  if (ceil_mode && at.node().op == Op::average_pool && at.integer("count_include_pad") == 1 && last + extent > n + a.begin + a.end)
    at.fail("with ceil_mode 1 and count_include_pad 1 a window ends behind the padding");
  every_window_meets(at, a);
}

std::vector<std::uint64_t> per_axis_or_none(const NodeRules& at, const char* name, std::size_t count) {
  return count == 0 ? std::vector<std::uint64_t>() : at.per_axis(name, count, 1, 1);
}

Window global_window(const NodeRules& at) {
  const Shape& shape = at.in(0).shape;
  if (shape.size() < 3) at.fail("its data must have at least 3 dimensions");
  Window out;
  for (std::size_t k = 2; k < shape.size(); ++k) out.axes.push_back({shape[k], 1, shape[k], 1, 1, 0, 0});
  return out;
}

}  // namespace

Window window_of(const Graph& graph, std::size_t index) {
  const NodeRules at(graph, index);
  const Op op = at.node().op;
  if (op == Op::global_average_pool || op == Op::global_max_pool) return global_window(at);
  const Shape& data = at.in(0).shape;
  if (data.size() < 3 || data.size() > 5) at.fail("its data must have 3 to 5 dimensions");
  const std::size_t spatial = data.size() - 2;
  const bool pool = op == Op::max_pool || op == Op::average_pool || op == Op::lp_pool;
  Window out;
  out.axes.resize(spatial);
  out.count_include_pad = op == Op::average_pool && at.flag("count_include_pad");
  const std::vector<std::uint64_t> kernel = at.per_axis("kernel_shape", spatial, 1, 0);
  const std::vector<std::uint64_t> strides = at.per_axis("strides", spatial, 1, 1);
  const std::vector<std::uint64_t> dilations = at.per_axis("dilations", spatial, 1, 1);
  const std::vector<std::uint64_t> pads = at.per_axis("pads", 2 * spatial, 0, 0);
  const bool ceil_mode = pool && at.flag("ceil_mode");
  const std::string rule = padding_rule(at);
  const bool same = rule == "SAME_UPPER" || rule == "SAME_LOWER";
  const bool padded = std::any_of(pads.begin(), pads.end(), [](std::uint64_t p) { return p != 0; });
  if (rule != "NOTSET" && padded) at.fail("it has both auto_pad and pads");
  if (rule != "NOTSET" && ceil_mode) at.fail("auto_pad " + rule + " is not supported with ceil_mode 1");
  if (op == Op::max_pool) (void)at.flag("storage_order");
  if (op == Op::lp_pool && at.integer("p") != 2) at.fail("p must be 2");
  const bool told = op == Op::conv_transpose && at.find("output_shape") != nullptr;
  if (told && (padded || rule == "VALID")) at.fail("it has both output_shape and padding");
  const std::vector<std::uint64_t> lengths = per_axis_or_none(at, "output_shape", told ? spatial : 0);
  if (out.count_include_pad)
    for (const std::uint64_t d : dilations)
      if (d != 1) at.fail("dilations with count_include_pad 1 are not supported");
  if (!pool) {
    const Shape& weight = at.in(1).shape;
    if (weight.size() != data.size()) at.fail("its weight does not have the rank of the data");
    const std::int64_t groups = at.integer("group");
    if (groups < 1 || groups > static_cast<std::int64_t>(kElements)) at.fail("group must be at least 1");
    out.groups = static_cast<std::uint64_t>(groups);
    if (data[1] % out.groups != 0 || weight[0] % out.groups != 0) at.fail("channels are not a multiple of group");
    if (op == Op::conv ? weight[1] != data[1] / out.groups : weight[0] != data[1]) at.fail("the channels of weight and data differ");
    for (std::size_t k = 0; k < spatial; ++k)
      if (weight[k + 2] != kernel[k]) at.fail("kernel_shape is not that of the weight");
  }
  for (std::size_t k = 0; k < spatial; ++k) {
    WindowAxis& a = out.axes[k];
    a = {data[k + 2], 1, kernel[k], strides[k], dilations[k], static_cast<std::int64_t>(pads[k]), static_cast<std::int64_t>(pads[spatial + k])};
    const auto n = static_cast<std::int64_t>(a.input);
    const auto s = static_cast<std::int64_t>(a.stride);
    const auto extent = static_cast<std::int64_t>(a.dilation * (a.kernel - 1) + 1);  // below 2^62
    if (op == Op::conv_transpose) {
      const std::uint64_t more = at.per_axis("output_padding", spatial, 0, 0)[k];
      if (more >= a.stride) at.fail("output_padding must be below the stride");
      if (extent > kLarge || s * (n - 1) > std::int64_t{1} << 60) at.fail("its result is too large");
      if (told || same) {  // what is left over is padding, half on each side
        const std::int64_t total = s * (n - 1) + extent - (told ? static_cast<std::int64_t>(lengths[k]) : s * n);
        if (more != 0 || total < 0 || total % 2 != 0) at.fail("its padding is odd or negative, or stands beside an output_padding");
        a.begin = a.end = total / 2;
      }
      a.output = length_of(at, s * (n - 1) + static_cast<std::int64_t>(more) + extent - a.begin - a.end);
      continue;
    }
    if (same) {
      if (a.dilation != 1) at.fail("runtimes disagree on auto_pad " + rule + " with dilations");
      a.output = (a.input + a.stride - 1) / a.stride;
      const std::int64_t beyond = static_cast<std::int64_t>(a.output - 1) * s + extent - n;
      if (beyond < (pool ? 0 : -1)) at.fail("runtimes disagree on auto_pad " + rule + " when windows leave out the end of the data");
      const std::int64_t total = std::max<std::int64_t>(beyond, 0);
      a.begin = rule == "SAME_UPPER" ? total / 2 : total - total / 2;
      a.end = total - a.begin;
    } else if (!pool) {
      const std::int64_t room = n + a.begin + a.end - extent;
      if (room < 0) at.fail("its window is larger than the padded data");
      a.output = length_of(at, room / s + 1);
    }
    if (pool) pooling_rules(at, a, ceil_mode, same);
  }
  return out;
}

std::vector<std::vector<Tap>> axis_taps(const WindowAxis& a, bool transposed) {
  std::vector<std::vector<Tap>> out(a.output);
  const auto s = static_cast<std::int64_t>(a.stride);
  const auto dil = static_cast<std::int64_t>(a.dilation);
  if (transposed) {  // o = s i + dil j - begin; one step for each entry of the data and tap, however long the result is
    for (std::int64_t j = 0; j < static_cast<std::int64_t>(a.kernel); ++j)
      for (std::int64_t i = 0; i < static_cast<std::int64_t>(a.input); ++i) {
        const std::int64_t o = s * i + dil * j - a.begin;
        if (o >= 0 && o < static_cast<std::int64_t>(a.output)) out[static_cast<std::size_t>(o)].push_back({static_cast<std::uint32_t>(j), static_cast<std::uint32_t>(i)});
      }
    return out;
  }
  for (std::int64_t o = 0; o < static_cast<std::int64_t>(a.output); ++o)
    for (std::int64_t j = 0; j < static_cast<std::int64_t>(a.kernel); ++j) {
      const std::int64_t i = s * o + dil * j - a.begin;
      if (i >= static_cast<std::int64_t>(a.input)) break;
      if (i >= 0) out[static_cast<std::size_t>(o)].push_back({static_cast<std::uint32_t>(j), static_cast<std::uint32_t>(i)});
    }
  return out;
}

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

}  // namespace lipverify
