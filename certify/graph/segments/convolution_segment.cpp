// See convolution_segment.hpp.

#include "certify/graph/segments/convolution_segment.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>

#include "certify/graph/linear_map.hpp"
#include "formats/operators/parameters.hpp"

namespace lipcert {
namespace {

/// The factor of each channel, for one step that treats every entry of a channel alike.
std::optional<std::vector<Ball>> channel_factors(const Wiring& wiring, const Unit& unit, std::size_t channels) {
  if (unit.steps.size() != 1) {
    return std::nullopt;
  }
  const Step& step = wiring.graph.steps[unit.steps.front()];
  switch (wiring.operator_of(unit.steps[0])) {
    case Operator::identity:
    case Operator::dropout:
    case Operator::cast:
    case Operator::neg:
    case Operator::add:
    case Operator::sub:
    case Operator::mul:
    case Operator::div:
    case Operator::batch_normalization:
      break;
    default:
      return std::nullopt;
  }
  if (step.kind == Step::Kind::isometry) {
    return std::vector<Ball>(channels, Ball{step.sign, 0});
  }
  if (step.kind != Step::Kind::diagonal) {
    return std::nullopt;
  }
  if (step.factors.size() == 1) {
    return std::vector<Ball>(channels, step.factors[0]);
  }
  std::vector<Ball> result;
  const std::size_t period = step.factors.size() / channels;
  for (std::size_t i = 0; i < step.factors.size(); ++i) {
    if (i % period == 0) {
      result.push_back(step.factors[i]);
    } else if (step.factors[i] != result.back()) {
      return std::nullopt;
    }
  }
  return result;
}

/// For each spatial axis, where every position of the unit's output comes from (-1: a constant), when the unit only pads, crops or
/// repeats, axis by axis and all channels alike.
std::optional<std::vector<std::vector<std::int64_t>>> padding_of(const Wiring& wiring, const Unit& unit) {
  for (const std::size_t s : unit.steps) {
    switch (wiring.operator_of(s)) {
      case Operator::pad:
      case Operator::slice:
      case Operator::concat:
      case Operator::identity:
      case Operator::dropout:
      case Operator::cast:
        break;
      default:
        return std::nullopt;
    }
  }
  const Shape& in = wiring.shape_of(unit.input);
  const Shape& out = wiring.shape_of(unit.steps.back() + 1);
  if (in.size() != out.size() || in.size() < 3 || in.size() > 5 || in[0] != 1 || out[0] != 1 || in[1] != out[1] ||
      composition_cost(wiring.graph, unit.steps, unit.input) > affordable_terms) {
    return std::nullopt;
  }
  const SparseMatrix selection = matrix_of(wiring.graph, unit.steps, unit.input);
  const std::size_t axes = in.size() - 2;
  const auto position_of = [axes](const Shape& shape, std::size_t flat) {
    std::vector<std::uint64_t> at(axes + 1);
    for (std::size_t a = axes + 1; a-- > 0;) {
      at[a] = flat % shape[a + 1];
      flat /= shape[a + 1];
    }
    return at;
  };
  std::vector<std::vector<std::int64_t>> maps(axes);
  for (std::size_t a = 0; a < axes; ++a) {
    maps[a].assign(out[a + 2], -1);
  }
  for (std::size_t o = 0; o < selection.rows; ++o) {
    const std::size_t terms = selection.start[o + 1] - selection.start[o];
    if (terms > 1) {
      return std::nullopt;
    }
    if (terms == 1) {
      const std::vector<std::uint64_t> to = position_of(out, o);
      const std::vector<std::uint64_t> from = position_of(in, selection.column[selection.start[o]]);
      for (std::size_t a = 0; a < axes; ++a) {
        maps[a][to[a + 1]] = static_cast<std::int64_t>(from[a + 1]);
      }
    }
  }
  for (std::size_t o = 0; o < selection.rows; ++o) {
    const std::vector<std::uint64_t> to = position_of(out, o);
    std::size_t expected = to[0];
    bool inside = true;
    for (std::size_t a = 0; a < axes; ++a) {
      const std::int64_t from = maps[a][to[a + 1]];
      inside = inside && from >= 0;
      expected = expected * in[a + 2] + static_cast<std::size_t>(std::max<std::int64_t>(from, 0));
    }
    const bool has = selection.start[o + 1] > selection.start[o];
    if (has != inside || (has && (selection.column[selection.start[o]] != expected || selection.centre[selection.start[o]] != 1))) {
      return std::nullopt;
    }
  }
  return maps;
}

}  // namespace

Segment convolution_segment(const Wiring& wiring, const std::vector<Unit>& chain, std::size_t least, std::size_t& begin, std::size_t& end,
                            std::vector<Refusal>& refusals) {
  const Step& step = wiring.graph.steps[chain[begin].steps.front()];
  const ConvolutionMap& map = step.convolution;
  const bool transposed = wiring.operator_of(chain[begin].steps[0]) == Operator::conv_transpose;
  const WindowParameters parameters = window_parameters(wiring.network, step.node);
  const std::size_t in_channels = map.groups * map.inputs;
  const std::size_t out_channels = map.groups * map.outputs;
  std::vector<Ball> before(in_channels, Ball{1, 0});
  std::vector<Ball> after(out_channels, Ball{1, 0});
  std::vector<std::vector<std::int64_t>> sources(parameters.axes.size());  // empty: identity
  const std::size_t at = begin;
  while (begin > least) {
    if (const auto factors = channel_factors(wiring, chain[begin - 1], in_channels)) {
      for (std::size_t c = 0; c < in_channels; ++c) {
        before[c] = multiply(before[c], (*factors)[c]);
      }
    } else if (const auto maps = transposed ? std::nullopt : padding_of(wiring, chain[begin - 1])) {
      for (std::size_t a = 0; a < sources.size(); ++a) {
        if (sources[a].empty()) {
          sources[a] = (*maps)[a];
        } else {
          for (std::int64_t& s : sources[a]) {
            s = s < 0 ? -1 : (*maps)[a][static_cast<std::size_t>(s)];
          }
        }
      }
    } else {
      break;
    }
    --begin;
  }
  while (end < chain.size()) {
    const auto factors = channel_factors(wiring, chain[end], out_channels);
    if (!factors) {
      break;
    }
    for (std::size_t c = 0; c < out_channels; ++c) {
      after[c] = multiply(after[c], (*factors)[c]);
    }
    ++end;
  }
  Segment segment;
  segment.op = BlockOperator::convolution;
  for (std::size_t u = begin; u < end; ++u) {
    segment.steps.insert(segment.steps.end(), chain[u].steps.begin(), chain[u].steps.end());
  }
  Convolution c;
  c.transposed = transposed;
  c.groups = map.groups;
  c.outputs = transposed ? map.inputs : map.outputs;
  c.inputs = transposed ? map.outputs : map.inputs;
  const Shape& read = wiring.shape_of(chain[begin].input);
  for (std::size_t a = 0; a < parameters.axes.size(); ++a) {
    const WindowAxis& w = parameters.axes[a];
    ConvolutionAxis axis;
    axis.padded = transposed ? w.output : w.input;
    axis.input = transposed ? w.output : read[a + 2];
    axis.output = transposed ? w.input : w.output;
    axis.kernel = w.kernel;
    axis.stride = w.stride;
    axis.dilation = w.dilation;
    axis.begin = w.begin;
    axis.source = sources[a];
    bool identity = axis.source.size() == axis.input;
    for (std::size_t i = 0; identity && i < axis.source.size(); ++i) {
      identity = axis.source[i] == static_cast<std::int64_t>(i);
    }
    if (identity) {
      axis.source.clear();
    }
    c.axes.push_back(std::move(axis));
  }
  c.kernel.shape = {c.groups * c.outputs, c.inputs};
  for (const WindowAxis& w : parameters.axes) {
    c.kernel.shape.push_back(w.kernel);
  }
  const std::size_t taps = map.taps;
  c.kernel.centre.resize(map.kernel.centre.size());
  c.kernel.radius.resize(map.kernel.centre.size());
  bool exact = true;
  for (std::size_t o = 0; o < out_channels; ++o) {
    for (std::size_t i = 0; i < map.inputs; ++i) {
      const std::size_t group = o / map.outputs;
      const std::size_t in_channel = group * map.inputs + i;
      for (std::size_t t = 0; t < taps; ++t) {
        const std::size_t from = o * map.kernel.columns + i * taps + t;
        const std::size_t to = transposed ? (in_channel * c.inputs + o % map.outputs) * taps + t : from;
        Ball w{map.kernel.centre[from], map.kernel.exact() ? 0 : map.kernel.radius[from]};
        w = multiply(multiply(w, before[in_channel]), after[o]);
        c.kernel.centre[to] = w.centre;
        c.kernel.radius[to] = w.radius;
        exact = exact && w.radius == 0;
      }
    }
  }
  if (exact) {
    c.kernel.radius.clear();
  }
  if (first_unbounded(c.kernel.centre, c.kernel.radius) != c.kernel.centre.size()) {
    refusals.push_back(
        wiring.refusal(chain[at].steps[0], "has constants whose combination is not finite in double precision; rescale the weights."));
  } else {
    segment.flops = convolution_flops(c);
  }
  segment.convolution = std::move(c);
  return segment;
}

}  // namespace lipcert
