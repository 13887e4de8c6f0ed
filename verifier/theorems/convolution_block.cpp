// See convolution_block.hpp.
//
// Every tensor before the convolution is, entry by entry, b_c * x[c, pi_1(i_1), ..., pi_d(i_d)] or a constant, with maps pi_l that are the same for all
// channels. The sources are followed entry by entry through the padding nodes; then the maps are read off, and every entry is compared with them, so
// that nothing rests on how a node says what it does. Channel factors commute with such maps. Constants move the block's output by a constant.
//
// Zero padding, l >= 0 zeros in front: x~[i] = x[i - l], so position s i + dil j - p of x~ is position s i + dil j - (p + l) of x. Cropping is l < 0, or a
// map that ends early: what is cropped is never read, and zeroes in its place (a window of the convolution's own padding) only take entries out of
// the matrix, which is the convolution of the kept part; conditions of convolution.cpp that hold for the longer axis hold for the shorter one.
// Copies: the map T from x to x~ has at most c ones in a column of axis l and at most one in a row, so ||T|| <= prod sqrt(c_l).
//
// A ConvTranspose is the adjoint of the Conv with the same weight and parameters from its result to its data: same norm, rows (the data's
// channels) with the factors before, columns (the result's channels) with those after. Padding before it acts on the rows' side: whatever selects
// entries has norm at most prod sqrt(c_l) there too, which is the kind `copies`.
//
// Cost: 8 bytes and a few operations for each entry of the tensors before the convolution.
#include "verifier/theorems/convolution_block.hpp"

#include <algorithm>
#include <map>

#include "verifier/base/failure.hpp"
#include "verifier/graph/parameters.hpp"
#include "verifier/theorems/linear_map.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kTaps = std::uint64_t{1} << 25;
constexpr std::uint32_t kNothing = 0xFFFFFFFF;

struct Padded {
  std::vector<std::uint32_t> source;  // of each entry: entry of the block's input, or kNothing
  IntervalTensor factors;             // for each channel
};

/// The factor of a channelwise node for each channel; Failure (rejected) when it depends on anything else, or the tensor is enlarged.
IntervalTensor channel_factors(const Graph& graph, Evaluator& evaluator, std::size_t index, ValueId data) {
  const Node& node = graph.nodes[index];
  const Shape& shape = graph.values[node.outputs[0]].shape;
  const Interval one(Dyadic{1, 0});
  const auto fail = [&](const std::string& reason) { reject(graph.label(index) + " does not belong in a convolution block: " + reason); };
  if (shape != graph.values[data].shape) fail("it changes the shape of the tensor");
  const std::uint64_t channels = shape[1];
  if (node.op == Op::neg) return IntervalTensor(channels, negated(one));
  if (node.op == Op::batch_normalization) return batch_factors(graph, evaluator, index);
  if (node.op == Op::identity || node.op == Op::dropout || node.op == Op::cast) return IntervalTensor(channels, one);
  const std::size_t place = node.inputs[0] == data ? 0 : 1;
  if (node.op == Op::add || node.op == Op::sub) return IntervalTensor(channels, node.op == Op::sub && place == 1 ? negated(one) : one);
  if (node.op == Op::div && place == 1) fail("it divides by data");
  if (node.op != Op::mul && node.op != Op::div) fail("it is not channelwise");
  const Operand& constant = evaluator.constant(node.inputs[1 - place]);
  const Broadcast at(constant.shape, shape);
  std::uint64_t inner = 1;
  for (std::size_t k = 2; k < shape.size(); ++k) inner *= shape[k];
  IntervalTensor out;
  for (std::uint64_t c = 0; c < channels; ++c) {
    const Interval x = constant.at(at.index(c * inner));
    if (node.op == Op::div && x.has_zero()) fail("it divides by 0, or by a constant that cannot be told from 0");
    out.push_back(node.op == Op::div ? quotient(one, x) : x);
  }
  if (constant.size() > 1)
    for (std::uint64_t e = 0; e < channels * inner; ++e)
      if (at.index(e) != at.index(e / inner * inner) && !(constant.at(at.index(e)) == constant.at(at.index(e / inner * inner))))
        fail("its factors are not the same in all positions of a channel");
  return out;
}

IntervalTensor times(const IntervalTensor& x, const IntervalTensor& y) {
  IntervalTensor out;
  for (std::size_t c = 0; c < x.size(); ++c) out.push_back(x[c] * y[c]);
  return out;
}

/// The map of axis `axis` (from 0) of a tensor of shape `to`: for each position a position of the input of shape `from`, or -1.
std::vector<std::vector<std::int64_t>> axis_maps(const std::vector<std::uint32_t>& source, const Shape& from, const Shape& to) {
  const std::size_t d = from.size() - 2;
  const auto place = [d](const Shape& shape, std::uint64_t e, std::vector<std::uint64_t>& at) {  // channel, then axes
    for (std::size_t k = d + 2; k-- > 1; e /= shape[k]) at[k - 1] = e % shape[k];
  };
  std::vector<std::vector<std::int64_t>> maps;
  for (std::size_t l = 0; l < d; ++l) maps.emplace_back(to[l + 2], -1);
  std::vector<std::uint64_t> here(d + 1);
  std::vector<std::uint64_t> there(d + 1);
  for (std::uint64_t e = 0; e < source.size(); ++e) {
    if (source[e] == kNothing) continue;
    place(to, e, here);
    place(from, source[e], there);
    for (std::size_t l = 0; l < d; ++l) maps[l][here[l + 1]] = static_cast<std::int64_t>(there[l + 1]);
  }
  for (std::uint64_t e = 0; e < source.size(); ++e) {
    place(to, e, here);
    std::uint64_t expected = here[0];
    bool nothing = false;
    for (std::size_t l = 0; l < d; ++l) {
      const std::int64_t p = maps[l][here[l + 1]];
      nothing = nothing || p < 0;
      expected = expected * from[l + 2] + (p < 0 ? 0 : static_cast<std::uint64_t>(p));
    }
    if (nothing ? source[e] != kNothing : source[e] != expected) reject("its padding nodes are not one map of positions for each axis");
  }
  return maps;
}

/// True when the map is i -> i - l inside [0, n) and nothing outside.
bool is_shift(const std::vector<std::int64_t>& map, std::uint64_t n, std::int64_t& l) {
  const auto first = std::find_if(map.begin(), map.end(), [](std::int64_t p) { return p >= 0; });
  if (first == map.end()) return false;
  l = (first - map.begin()) - *first;
  for (std::size_t i = 0; i < map.size(); ++i) {
    const std::int64_t p = static_cast<std::int64_t>(i) - l;
    if (map[i] != (p >= 0 && p < static_cast<std::int64_t>(n) ? p : -1)) return false;
  }
  return true;
}

/// True when the map is i -> (i - l) mod n.
bool is_circular(const std::vector<std::int64_t>& map, std::uint64_t n) {
  if (map.empty() || map[0] < 0) return false;
  for (std::size_t i = 0; i < map.size(); ++i)
    if (map[i] != static_cast<std::int64_t>((static_cast<std::uint64_t>(map[0]) + i) % n)) return false;
  return true;
}

std::uint64_t most_copies(const std::vector<std::int64_t>& map, std::uint64_t n) {
  std::vector<std::uint64_t> count(n, 0);
  for (const std::int64_t p : map)
    if (p >= 0) ++count[static_cast<std::size_t>(p)];
  return std::max<std::uint64_t>(1, *std::max_element(count.begin(), count.end()));
}

/// The tensors before the convolution, from the block's input on.
class Padding {
 public:
  Padding(const Graph& graph, Evaluator& evaluator, const Block& block) : graph_(graph), evaluator_(evaluator) {
    const Shape& shape = graph.values[block.input()].shape;
    Padded input;
    input.source.resize(element_count(shape));
    for (std::size_t e = 0; e < input.source.size(); ++e) input.source[e] = static_cast<std::uint32_t>(e);
    input.factors.assign(shape[1], Interval(Dyadic{1, 0}));
    tensors_[block.input()] = std::move(input);
  }

  [[nodiscard]] const Padded& at(ValueId id) const {
    const auto found = tensors_.find(id);
    if (found == tensors_.end()) reject("its convolution reads something that padding and channelwise nodes do not make of the block's input");
    return found->second;
  }

  void apply(std::size_t i) {
    const Node& node = graph_.nodes[i];
    const Shape& shape = graph_.values[node.outputs[0]].shape;
    const std::vector<ValueId> data = data_inputs(graph_, i);
    if (shape.size() != graph_.values[data.at(0)].shape.size() || shape[0] != 1) reject(graph_.label(i) + " changes the rank of the tensor, or has more than one image");
    Padded out;
    if (node.op == Op::pad || node.op == Op::slice || node.op == Op::concat) {
      const Padded* first = nullptr;
      for (const ValueId id : data) {
        const Padded& part = at(id);
        if (first == nullptr) first = &part;
        if (!(part.factors == first->factors)) reject(graph_.label(i) + " joins tensors with different channel factors");
      }
      out.factors = first->factors;
      if (shape[1] != out.factors.size()) reject(graph_.label(i) + " changes the number of channels");
      for (const Source& source : sources_of(graph_, i, 0)) {
        const bool constant = source.input == kPadding || graph_.values[node.inputs[source.input]].constant;
        out.source.push_back(constant ? kNothing : at(node.inputs[source.input]).source.at(source.index));
      }
    } else {
      if (data.size() != 1) reject(graph_.label(i) + " does not have exactly one tensor of data");
      const Padded& before = at(data[0]);
      out.source = before.source;
      out.factors = times(before.factors, channel_factors(graph_, evaluator_, i, data[0]));
    }
    tensors_[node.outputs[0]] = std::move(out);
  }

 private:
  const Graph& graph_;
  Evaluator& evaluator_;
  std::map<ValueId, Padded> tensors_;
};

}  // namespace

ConvKernel convolution_kernel(const Graph& graph, Evaluator& evaluator, const Block& block, const std::vector<std::string>& claimed) {
  const Shape& from = graph.values[block.input()].shape;
  if (from.size() < 3 || from.size() > 5 || from[0] != 1) reject("its input is not one image with one to three spatial axes");
  Padding padding(graph, evaluator, block);
  std::size_t k = 0;
  const std::vector<std::size_t>& nodes = block.nodes();
  for (; k < nodes.size() && graph.nodes[nodes[k]].op != Op::conv && graph.nodes[nodes[k]].op != Op::conv_transpose; ++k) padding.apply(nodes[k]);
  if (k == nodes.size()) reject("it holds no convolution");
  const std::size_t index = nodes[k];
  const Node& node = graph.nodes[index];
  const bool transposed = node.op == Op::conv_transpose;
  if (data_inputs(graph, index).size() != 1 || graph.values[node.inputs[0]].constant) reject(graph.label(index) + " does not have exactly its data as data");
  const Padded& padded = padding.at(node.inputs[0]);
  const Shape& to = graph.values[node.inputs[0]].shape;
  IntervalTensor after(graph.values[node.outputs[0]].shape[1], Interval(Dyadic{1, 0}));
  ValueId current = node.outputs[0];
  for (++k; k < nodes.size(); ++k) {
    const std::vector<ValueId> data = data_inputs(graph, nodes[k]);
    if (data != std::vector<ValueId>{current}) reject("the nodes behind its convolution are not a chain of channelwise nodes");
    after = times(after, channel_factors(graph, evaluator, nodes[k], current));
    current = graph.nodes[nodes[k]].outputs[0];
  }

  const Window window = window_of(graph, index);
  const Operand& weight = evaluator.constant(node.inputs[1]);
  ConvKernel out;
  out.groups = window.groups;
  out.outputs = weight.shape[0] / window.groups;
  out.inputs = weight.shape[1];
  std::uint64_t taps = 1;
  for (const WindowAxis& a : window.axes) taps *= a.kernel;
  out.taps.rows = weight.shape[0];
  out.taps.columns = out.inputs * taps;
  if (out.taps.rows > kTaps / out.taps.columns) exhausted("a kernel has more than 33554432 entries; this checker does not take larger ones");
  // Rows: output channels of the Conv, which are the data's channels of a ConvTranspose.
  const IntervalTensor& row_factors = transposed ? padded.factors : after;
  const IntervalTensor& column_factors = transposed ? after : padded.factors;
  const Interval one(Dyadic{1, 0});
  SquareSum rest;
  out.taps.centre.reserve(out.taps.rows * out.taps.columns);
  for (std::uint64_t o = 0; o < out.taps.rows; ++o)
    for (std::uint64_t c = 0; c < out.inputs; ++c) {
      const Interval factor = row_factors.at(o) * column_factors.at(o / out.outputs * out.inputs + c);
      for (std::uint64_t t = 0; t < taps; ++t) {
        const std::uint64_t e = (o * out.inputs + c) * taps + t;
        if (weight.raw != nullptr && factor == one) {
          out.taps.centre.push_back(weight.raw->real(e));
          continue;
        }
        const Coefficient x = coefficient_of(weight.at(e) * factor);
        out.taps.centre.push_back(x.centre);
        if (x.error.mantissa != 0) rest.add(Integer(x.error.mantissa), x.error.exponent);
      }
    }
  out.taps.radius = rest.root();

  if (claimed.size() != window.axes.size()) reject("its evidence names " + std::to_string(claimed.size()) + " axes, but the convolution has " + std::to_string(window.axes.size()));
  const std::vector<std::vector<std::int64_t>> maps = axis_maps(padded.source, from, to);
  for (std::size_t l = 0; l < window.axes.size(); ++l) {
    const WindowAxis& a = window.axes[l];
    const std::uint64_t n = from[l + 2];
    ConvAxis axis;
    axis.kernel = a.kernel;
    axis.stride = a.stride;
    axis.dilation = a.dilation;
    axis.input = transposed ? a.output : n;
    axis.padded = transposed ? a.output : a.input;
    axis.output = transposed ? a.input : a.output;
    axis.pad = a.begin;
    std::int64_t shift = 0;
    const bool plain = is_shift(maps[l], n, shift);
    const auto wrong = [&] { reject("axis " + std::to_string(l) + " of its convolution is not of the kind " + claimed[l]); };
    if (claimed[l] == "zero") {
      if (!plain || (transposed && (shift != 0 || a.input != n))) wrong();
      axis.kind = ConvAxis::Kind::zero;
      axis.pad += shift;
    } else if (claimed[l] == "circular") {
      if (transposed || !is_circular(maps[l], n) || a.begin != 0 || a.end != 0 || n % a.stride != 0 || a.output != n / a.stride) wrong();
      axis.kind = ConvAxis::Kind::circular;
    } else if (claimed[l] == "copies") {
      axis.kind = ConvAxis::Kind::copies;
      axis.copies = most_copies(maps[l], n);
    } else {
      wrong();
    }
    out.axes.push_back(axis);
  }
  return out;
}

}  // namespace lipverify
