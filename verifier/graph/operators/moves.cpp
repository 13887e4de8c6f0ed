// Identity, Dropout, Cast, Flatten, Reshape, Squeeze, Unsqueeze, Transpose, Concat, Split, Slice, Gather, Pad, DepthToSpace, SpaceToDepth, Expand: nodes that
// move entries, repeat them, leave some out or put constants between them.
#include <algorithm>

#include "verifier/graph/operators/family.hpp"

namespace lipverify {

Shape moves::same_shape(const NodeRules& at, Value&) {
  at.count_inputs(1, 1);
  return at.in(0).shape;
}

Shape moves::shape_of_dropout(const NodeRules& at, Value&) {
  at.count_inputs(1, at.before(12) ? 1 : 3);
  at.floating();
  if (at.has_input(1)) {
    const Value& ratio = at.in(1);
    if (!ratio.constant || !is_floating(ratio.type) || element_count(ratio.shape) != 1) at.fail("ratio must be one floating-point constant");
  }
  if (at.has_input(2)) {
    const Value& mode = at.in(2);
    if (mode.known == nullptr || mode.type != kBool || element_count(mode.shape) != 1 || mode.known->integer(0) != 0)
      at.fail("training_mode must be known and false");
  }
  return at.in(0).shape;
}

Shape moves::shape_of_cast(const NodeRules& at, Value& out) {
  at.count_inputs(1, 1);
  (void)at.flag("saturate");
  const std::int64_t to = at.integer("to");
  const std::uint32_t from = at.in(0).type;
  const bool half = from == kFloat16 || from == kBfloat16;
  const auto type = static_cast<std::uint32_t>(to > 0 && to < 100 ? to : 0);
  const bool wider = type == from || (half && (type == kFloat32 || type == kFloat64)) || (from == kFloat32 && type == kFloat64);
  const bool constant = (is_floating(from) || from == kBool) && is_floating(type) && at.in(0).constant;
  const bool integer = !is_floating(from) && at.in(0).known != nullptr && (is_floating(type) || type == kInt64 || type == kInt32);
  if (!wider && !constant && !integer) at.fail("Cast to type " + std::to_string(to) + " can round; only the same or a wider floating-point type is read");
  out.type = type;
  return at.in(0).shape;
}

Shape moves::flattened(const NodeRules& at, Value&) {
  at.count_inputs(1, 1);
  const Shape& x = at.in(0).shape;
  const auto rank = static_cast<std::int64_t>(x.size());
  std::int64_t axis = at.integer("axis");
  if (axis > rank || axis < (at.before(11) ? 0 : -rank)) at.fail("axis " + std::to_string(axis) + " is out of range");
  if (axis < 0) axis += rank;
  return {element_count(Shape(x.begin(), x.begin() + axis)), element_count(Shape(x.begin() + axis, x.end()))};
}

Shape moves::reshaped(const NodeRules& at, Value&) {
  at.count_inputs(2, 2);
  const Shape& x = at.in(0).shape;
  const Value& target = at.in(1);
  if (target.known == nullptr || target.type != kInt64 || target.shape.size() != 1) at.fail("the new shape must be a known INT64 vector");
  const bool keep = at.flag("allowzero");
  if (target.shape[0] > kRank) at.fail("more than 16 dimensions");
  Shape out;
  std::size_t open = kRank;
  std::uint64_t rest = 1;
  for (std::size_t k = 0; k < target.shape[0]; ++k) {
    std::int64_t d = target.known->integer(k);
    if (d == 0) {
      if (keep || k >= x.size()) at.fail("a dimension 0 that copies nothing");
      d = static_cast<std::int64_t>(x[k]);
    }
    if (d < -1 || (d == -1 && open != kRank)) at.fail("bad dimensions in the new shape");
    if (d == -1) {
      open = k;
      out.push_back(1);
    } else {
      out.push_back(static_cast<std::uint64_t>(d));
      if (static_cast<std::uint64_t>(d) > kElements || (rest *= static_cast<std::uint64_t>(d)) > kElements) at.fail("too many elements");
    }
  }
  const std::uint64_t n = element_count(x);
  if (open != kRank) {
    if (n % rest != 0) at.fail("the number of elements changes");
    out[open] = n / rest;
  } else if (rest != n) {
    at.fail("the number of elements changes");
  }
  return out;
}

Shape moves::squeezed(const NodeRules& at, Value&) {
  at.count_inputs(1, at.before(13) ? 1 : 2);
  const std::vector<std::uint64_t> axes = axes_of(at.graph(), at.index());
  Shape out;
  for (std::size_t k = 0; k < at.in(0).shape.size(); ++k)
    if (!std::binary_search(axes.begin(), axes.end(), k)) out.push_back(at.in(0).shape[k]);
  return out;
}

Shape moves::unsqueezed(const NodeRules& at, Value&) {
  at.count_inputs(at.before(13) ? 1 : 2, at.before(13) ? 1 : 2);
  Shape out = at.in(0).shape;
  for (const std::uint64_t axis : axes_of(at.graph(), at.index())) out.insert(out.begin() + static_cast<std::ptrdiff_t>(axis), 1);  // ascending
  return out;
}

Shape moves::transposed(const NodeRules& at, Value&) {
  at.count_inputs(1, 1);
  const Shape& x = at.in(0).shape;
  const std::vector<std::int64_t>& perm = at.node().attributes.at("perm").integers;
  std::vector<bool> seen(x.size(), false);
  Shape out;
  for (const std::int64_t axis : perm) {
    if (axis < 0 || axis >= std::ssize(x) || seen[static_cast<std::size_t>(axis)]) at.fail("perm is not a permutation of the axes");
    seen[static_cast<std::size_t>(axis)] = true;
    out.push_back(x[static_cast<std::size_t>(axis)]);
  }
  if (out.size() != x.size()) at.fail("perm is not a permutation of the axes");
  return out;
}

Shape moves::concatenated(const NodeRules& at, Value&) {
  at.count_inputs(1, 1024);
  const std::uint64_t axis = axes_of(at.graph(), at.index())[0];
  Shape out = at.in(0).shape;
  for (std::size_t i = 1; i < at.node().inputs.size(); ++i) {
    Shape other = at.in(i).shape;
    if (at.in(i).type != at.in(0).type || other.size() != out.size()) at.fail("its inputs differ in type or rank");
    out[axis] += other[axis];
    other[axis] = out[axis];
    if (other != out || out[axis] > kElements) at.fail("its inputs do not fit together");
  }
  return out;
}

/// Of the data: each output has its own length along the axis.
Shape moves::shape_of_split(const NodeRules& at, Value&) {
  at.count_inputs(1, at.before(13) ? 1 : 2);
  return at.in(0).shape;
}

Shape moves::sliced(const NodeRules& at, Value&) {
  at.count_inputs(at.before(10) ? 1 : 3, at.before(10) ? 1 : 5);
  Shape out;
  for (const SliceAxis& a : slice_of(at.graph(), at.index())) out.push_back(a.length);
  return out;
}

Shape moves::gathered(const NodeRules& at, Value&) {
  at.count_inputs(2, 2);
  const Value& indices = at.in(1);
  if (indices.known == nullptr || (indices.type != kInt64 && indices.type != kInt32)) at.fail("its indices must be known INT64 or INT32");
  const Shape& x = at.in(0).shape;
  const std::uint64_t axis = axes_of(at.graph(), at.index())[0];
  const auto n = static_cast<std::int64_t>(x[axis]);
  for (const std::int64_t i : integers_of(*indices.known))
    if (i >= n || i < (at.before(11) ? 0 : -n)) at.fail("the index " + std::to_string(i) + " is out of range");
  Shape out(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(axis));
  out.insert(out.end(), indices.shape.begin(), indices.shape.end());
  out.insert(out.end(), x.begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.end());
  return out;
}

Shape moves::padded(const NodeRules& at, Value&) {
  at.count_inputs(at.before(11) ? 1 : 2, at.before(11) ? 1 : at.before(18) ? 3 : 4);
  at.floating();
  Shape out = at.in(0).shape;
  const std::vector<PadAxis> pads = pads_of(at.graph(), at.index());
  for (std::size_t k = 0; k < out.size(); ++k) out[k] += pads[k].begin + pads[k].end;
  at.constant_scalar(2, false);
  return out;
}

Shape moves::expanded(const NodeRules& at, Value&) {
  at.count_inputs(2, 2);
  Shape target;
  for (const std::int64_t d : at.vector(1, "the new shape", false)) {
    if (d < 1 || d > static_cast<std::int64_t>(kElements)) at.fail("the new shape has a dimension below 1, or a large one");
    target.push_back(static_cast<std::uint64_t>(d));
  }
  return at.broadcast(at.in(0).shape, target);
}

Shape moves::spread(const NodeRules& at, Value&) {
  const Shape& out = at.unary();
  if (out.size() != 4) at.fail("its data must have 4 dimensions");
  const std::int64_t given = at.integer("blocksize");
  if (given < 1 || given > std::int64_t{1} << 28) at.fail("blocksize must be at least 1");
  const auto b = static_cast<std::uint64_t>(given);
  if (at.node().op == Op::depth_to_space) {
    if (!at.before(11) && at.node().attributes.at("mode").text != "DCR" && at.node().attributes.at("mode").text != "CRD") at.fail("mode must be DCR or CRD");
    if (out[1] % (b * b) != 0) at.fail("blocksize does not divide the channels");
    return {out[0], out[1] / (b * b), out[2] * b, out[3] * b};
  }
  if (out[2] % b != 0 || out[3] % b != 0) at.fail("blocksize does not divide the data");
  return {out[0], out[1] * b * b, out[2] / b, out[3] / b};
}

namespace {

/// True when `value` is exactly a number of the floating type.
bool is_exact_in(const Interval& value, std::uint32_t type) {
  if (value.is_zero()) return true;
  if (!value.exact()) return false;
  const std::int64_t digits = type == kFloat64 ? 53 : type == kFloat32 ? 24 : type == kFloat16 ? 11 : 8;
  const std::int64_t largest = type == kFloat64 ? 1024 : type == kFloat16 ? 16 : 128;  // every finite number is below 2^largest
  const std::int64_t smallest = type == kFloat64 ? -1074 : type == kFloat32 ? -149 : type == kFloat16 ? -24 : -133;
  const auto bits = static_cast<std::int64_t>(boost::multiprecision::msb(value.low < 0 ? Wide(-value.low) : value.low)) + 1;  // odd mantissa
  return bits <= digits && value.exponent >= smallest && value.exponent + bits <= largest;
}

}  // namespace

Operand moves::same_entries(const NodeInputs& inputs, std::size_t, const Shape& shape, bool) {
  const Node& node = inputs.node();
  Operand out = *inputs.in[0];  // the same numbers
  out.shape = shape;
  if (node.op == Op::cast) {
    const std::uint32_t from = inputs.graph.values[node.inputs[0]].type;
    const std::uint32_t to = inputs.graph.values[node.outputs[0]].type;
    const bool wider = from == to || to == kFloat64 || (to == kFloat32 && from != kFloat64);
    for (std::uint64_t i = 0; !wider && i < out.size(); ++i)
      if (!is_exact_in(out.at(i), to)) reject(inputs.graph.label(inputs.index) + " rounds a weight");
  }
  return out;
}

Operand moves::moved(const NodeInputs& inputs, std::size_t output, const Shape& shape, bool linear) {
  const Node& node = inputs.node();
  const std::vector<Source> sources = sources_of(inputs.graph, inputs.index, output);
  bool raw = !linear && node.op != Op::pad;
  for (std::size_t k = 0; k < node.inputs.size(); ++k) raw = raw && (inputs.in[k]->raw != nullptr || !is_floating(inputs.graph.values[node.inputs[k]].type));
  if (raw) {  // weights stay bits of the file
    auto tensor = std::make_shared<Tensor>();
    tensor->type = inputs.in[0]->raw->type;
    tensor->shape = shape;
    const std::uint64_t width = byte_size(tensor->type);
    for (const Source& s : sources) tensor->bits.append(inputs.in[s.input]->raw->bits, s.index * width, width);
    Operand out;
    out.raw = tensor.get();
    out.held = std::move(tensor);
    out.shape = shape;
    return out;
  }
  check_size(sources.size());
  Interval padding;
  if (node.op == Op::pad && !linear) {
    if (inputs.graph.opset < 11)
      padding = Interval(dyadic_of_binary32(node.attributes.at("value").real));
    else if (inputs.has(2))
      padding = inputs.in[2]->at(0);
  }
  IntervalTensor values(sources.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Source& s = sources[i];
    if (s.input == kPadding)
      values[i] = padding;
    else if (!linear || inputs.is_data(s.input))
      values[i] = inputs.in[s.input]->at(s.index);
  }
  return operand_of(std::move(values), shape);
}

void moves::rows(const Rows& at, std::size_t output, const Shape&) {
  const auto sources = std::make_shared<const std::vector<Source>>(sources_of(at.graph, at.index, output));
  for (std::size_t k = 0; k < at.node.inputs.size(); ++k)
    if (at.node.op == Op::concat && at.given(k) && !at.data(k)) at.out.offset = true;
  if (at.node.op == Op::pad) {
    const auto value = at.node.attributes.find("value");
    if (at.graph.opset < 11 && value != at.node.attributes.end()) at.out.offset = dyadic_of_binary32(value->second.real).mantissa != 0;
    if (at.graph.opset >= 11 && at.given(2)) at.out.offset = !at.constant(2).at(0).is_zero();
    if (at.node.attributes.at("mode").text != "constant") at.out.offset = false;
  }
  for (std::size_t k = 0; k < at.node.inputs.size(); ++k)
    if (at.data(k) && k > 0 && at.node.op != Op::concat) at.refuse("has data where a parameter belongs");
  const std::vector<std::uint32_t> slot = at.slot;
  at.out.row = [sources, slot](std::uint64_t r, std::vector<Term>& terms) {
    const Source& source = (*sources)[r];
    if (source.input == kPadding || slot[source.input] == Rows::kNone) return;
    terms.push_back({slot[source.input], source.index, kOne});
  };
}

}  // namespace lipverify
