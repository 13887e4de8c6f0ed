// See shapes.hpp. One rule per operator, in the words of formats/onnx.md section 5.
#include "verifier/graph/shapes.hpp"

#include <algorithm>

#include "verifier/graph/parameters.hpp"
#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"

namespace lipverify {

namespace {

constexpr std::size_t kRank = 16;
constexpr std::uint64_t kElements = std::uint64_t{1} << 28;
constexpr std::uint64_t kKnown = std::uint64_t{1} << 20;  // entries of a known value that is computed
constexpr std::uint64_t kAllKnown = std::uint64_t{1} << 24;  // of all of them

/// The rules for one node; `fail` names it.
class Inference {
 public:
  Inference(const Graph& graph, std::size_t node) : graph_(graph), node_(graph.nodes[node]), index_(node) {}

  [[noreturn]] void fail(const std::string& reason) const { refuse_node(graph_, index_, reason); }

  [[nodiscard]] bool has_input(std::size_t i) const { return i < node_.inputs.size() && node_.inputs[i] != kAbsent; }
  [[nodiscard]] const Value& in(std::size_t i) const {
    if (!has_input(i)) fail("input " + std::to_string(i) + " is missing");
    return graph_.values[node_.inputs[i]];
  }
  [[nodiscard]] std::int64_t integer(const char* name) const { return node_.attributes.at(name).integer; }
  [[nodiscard]] bool flag(const char* name) const {
    const auto found = node_.attributes.find(name);
    if (found == node_.attributes.end()) return false;
    if (found->second.integer < 0 || found->second.integer > 1) fail(std::string(name) + " must be 0 or 1");
    return found->second.integer == 1;
  }
  [[nodiscard]] bool before(std::uint64_t opset) const { return graph_.opset < opset; }

  void count_inputs(std::size_t least, std::size_t most) const {
    if (node_.inputs.size() < least || node_.inputs.size() > most) fail("it has " + std::to_string(node_.inputs.size()) + " inputs");
    for (std::size_t i = 0; i < least; ++i) (void)in(i);
  }

  void floating() const {
    if (!is_floating(in(0).type)) fail("its input is not floating-point");
  }
  void same_floating_type() const {
    for (const ValueId id : node_.inputs)
      if (id != kAbsent && (!is_floating(graph_.values[id].type) || graph_.values[id].type != in(0).type))
        fail("its inputs are not of one floating-point type");
  }
  /// Input i is a constant of the data's type with one element (of rank 0).
  void constant_scalar(std::size_t i, bool rank_zero) const {
    if (!has_input(i)) return;
    const Value& value = in(i);
    if (!value.constant || value.type != in(0).type || element_count(value.shape) != 1 || (rank_zero && !value.shape.empty()))
      fail("input " + std::to_string(i) + " must be one constant of the type of the data");
  }

  [[nodiscard]] Shape broadcast(const Shape& a, const Shape& b) const {
    Shape out(std::max(a.size(), b.size()));
    for (std::size_t k = 0; k < out.size(); ++k) {
      const std::uint64_t x = k < a.size() ? a[a.size() - 1 - k] : 1;
      const std::uint64_t y = k < b.size() ? b[b.size() - 1 - k] : 1;
      if (x != y && x != 1 && y != 1) fail("shapes " + text_of(a) + " and " + text_of(b) + " do not broadcast");
      out[out.size() - 1 - k] = std::max(x, y);
    }
    return out;
  }

  [[nodiscard]] Shape broadcast_all() const {
    Shape out = in(0).shape;
    for (std::size_t i = 1; i < node_.inputs.size(); ++i) out = broadcast(out, in(i).shape);
    return out;
  }

  /// Add, Sub, Mul, Div: floating-point, or integers that are known.
  void arithmetic() const {
    count_inputs(2, 2);
    const bool integers = in(0).type == kInt64 || in(0).type == kInt32;
    if (!integers) return same_floating_type();
    if (in(1).type != in(0).type || in(0).known == nullptr || in(1).known == nullptr) fail("its integers are not known, or not of one type");
  }

  [[nodiscard]] Shape matmul() const {
    Shape a = in(0).shape;
    Shape b = in(1).shape;
    if (a.empty() || b.empty()) fail("MatMul of a scalar");
    const bool row = a.size() == 1;
    const bool column = b.size() == 1;
    if (row) a.insert(a.begin(), 1);
    if (column) b.push_back(1);
    if (a.back() != b[b.size() - 2]) fail("inner dimensions " + std::to_string(a.back()) + " and " + std::to_string(b[b.size() - 2]) + " differ");
    Shape out = broadcast(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
    if (!row) out.push_back(a[a.size() - 2]);
    if (!column) out.push_back(b.back());
    return out;
  }

  [[nodiscard]] Shape gemm() const {
    const Shape& a = in(0).shape;
    const Shape& b = in(1).shape;
    if (a.size() != 2 || b.size() != 2) fail("A and B must have rank 2");
    const bool ta = flag("transA");
    const bool tb = flag("transB");
    const Shape out = {a[ta ? 1 : 0], b[tb ? 0 : 1]};
    if (a[ta ? 0 : 1] != b[tb ? 1 : 0]) fail("inner dimensions differ");
    if (node_.inputs.size() == 3) {
      const Shape& c = in(2).shape;
      if (c.size() > 2 || broadcast(out, c) != out) fail("C does not broadcast to the result");
    }
    return out;
  }

  void prelu() const {
    if (!in(1).constant || in(1).shape.size() > in(0).shape.size() || broadcast(in(0).shape, in(1).shape) != in(0).shape)
      fail("its slope must be a constant that broadcasts to the data");
  }

  void power() const {
    const Value& e = in(1);
    if (!e.constant || (!is_floating(e.type) && e.type != kInt32 && e.type != kInt64) || element_count(e.shape) != 1 || e.shape.size() > in(0).shape.size())
      fail("its exponent must be a constant with one element");
  }

  void batch_normalization() const {
    const Shape& x = in(0).shape;
    if (x.size() < 2) fail("its data must have at least 2 dimensions");
    for (std::size_t i = 1; i < 5; ++i)
      if (!in(i).constant || in(i).shape != Shape{x[1]}) fail("input " + std::to_string(i) + " must be a constant vector with one entry per channel");
    if ((before(9) && integer("spatial") != 1) || flag("training_mode")) fail("spatial must be 1 and training_mode 0");
  }

  [[nodiscard]] Shape convolution() const {
    const Window window = window_of(graph_, index_);
    const Shape& weight = in(1).shape;
    const std::uint64_t outputs = node_.op == Op::conv ? weight[0] : weight[1] * window.groups;
    if (has_input(2) && in(2).shape != Shape{outputs}) fail("its bias must be a vector with one entry per output channel");
    Shape out = {in(0).shape[0], outputs};
    for (const WindowAxis& a : window.axes) out.push_back(a.output);
    return out;
  }
  [[nodiscard]] Shape pooled() const {
    Shape out(in(0).shape.begin(), in(0).shape.begin() + std::min<std::ptrdiff_t>(2, std::ssize(in(0).shape)));
    for (const WindowAxis& a : window_of(graph_, index_).axes) out.push_back(a.output);
    return out;
  }

  [[nodiscard]] Shape reduced() const {
    const std::vector<std::uint64_t> axes = axes_of(graph_, index_);
    const bool keep = flag("keepdims");
    (void)flag("noop_with_empty_axes");
    Shape out;
    for (std::size_t k = 0; k < in(0).shape.size(); ++k) {
      const bool reduce = std::binary_search(axes.begin(), axes.end(), k);
      if (!reduce || keep) out.push_back(reduce ? 1 : in(0).shape[k]);
    }
    return out;
  }

  [[nodiscard]] Shape top_k() const {
    Shape out = in(0).shape;
    const std::uint64_t axis = axes_of(graph_, index_)[0];
    out[axis] = top_of(graph_, index_);
    (void)flag("largest");
    if (!before(11) && !flag("sorted")) fail("sorted must be 1");
    return out;
  }

  [[nodiscard]] Shape flatten() const {
    const Shape& x = in(0).shape;
    const auto rank = static_cast<std::int64_t>(x.size());
    std::int64_t axis = integer("axis");
    if (axis > rank || axis < (before(11) ? 0 : -rank)) fail("axis " + std::to_string(axis) + " is out of range");
    if (axis < 0) axis += rank;
    return {element_count(Shape(x.begin(), x.begin() + axis)), element_count(Shape(x.begin() + axis, x.end()))};
  }

  [[nodiscard]] Shape reshape() const {
    const Shape& x = in(0).shape;
    const Value& target = in(1);
    if (target.known == nullptr || target.type != kInt64 || target.shape.size() != 1) fail("the new shape must be a known INT64 vector");
    const bool keep = flag("allowzero");
    if (target.shape[0] > kRank) fail("more than 16 dimensions");
    Shape out;
    std::size_t open = kRank;
    std::uint64_t rest = 1;
    for (std::size_t k = 0; k < target.shape[0]; ++k) {
      std::int64_t d = target.known->integer(k);
      if (d == 0) {
        if (keep || k >= x.size()) fail("a dimension 0 that copies nothing");
        d = static_cast<std::int64_t>(x[k]);
      }
      if (d < -1 || (d == -1 && open != kRank)) fail("bad dimensions in the new shape");
      if (d == -1) {
        open = k;
        out.push_back(1);
      } else {
        out.push_back(static_cast<std::uint64_t>(d));
        if (static_cast<std::uint64_t>(d) > kElements || (rest *= static_cast<std::uint64_t>(d)) > kElements) fail("too many elements");
      }
    }
    const std::uint64_t n = element_count(x);
    if (open != kRank) {
      if (n % rest != 0) fail("the number of elements changes");
      out[open] = n / rest;
    } else if (rest != n) {
      fail("the number of elements changes");
    }
    return out;
  }

  [[nodiscard]] Shape transposed() const {
    const Shape& x = in(0).shape;
    const std::vector<std::int64_t>& perm = node_.attributes.at("perm").integers;
    std::vector<bool> seen(x.size(), false);
    Shape out;
    for (const std::int64_t axis : perm) {
      if (axis < 0 || axis >= std::ssize(x) || seen[static_cast<std::size_t>(axis)]) fail("perm is not a permutation of the axes");
      seen[static_cast<std::size_t>(axis)] = true;
      out.push_back(x[static_cast<std::size_t>(axis)]);
    }
    if (out.size() != x.size()) fail("perm is not a permutation of the axes");
    return out;
  }

  [[nodiscard]] Shape squeezed() const {
    const std::vector<std::uint64_t> axes = axes_of(graph_, index_);
    Shape out;
    for (std::size_t k = 0; k < in(0).shape.size(); ++k)
      if (!std::binary_search(axes.begin(), axes.end(), k)) out.push_back(in(0).shape[k]);
    return out;
  }

  [[nodiscard]] Shape unsqueezed() const {
    Shape out = in(0).shape;
    for (const std::uint64_t axis : axes_of(graph_, index_)) out.insert(out.begin() + static_cast<std::ptrdiff_t>(axis), 1);  // ascending
    return out;
  }

  [[nodiscard]] Shape concatenated() const {
    const std::uint64_t axis = axes_of(graph_, index_)[0];
    Shape out = in(0).shape;
    for (std::size_t i = 1; i < node_.inputs.size(); ++i) {
      Shape other = in(i).shape;
      if (in(i).type != in(0).type || other.size() != out.size()) fail("its inputs differ in type or rank");
      out[axis] += other[axis];
      other[axis] = out[axis];
      if (other != out || out[axis] > kElements) fail("its inputs do not fit together");
    }
    return out;
  }

  [[nodiscard]] Shape sliced() const {
    Shape out;
    for (const SliceAxis& a : slice_of(graph_, index_)) out.push_back(a.length);
    return out;
  }

  [[nodiscard]] Shape gathered() const {
    const Value& indices = in(1);
    if (indices.known == nullptr || (indices.type != kInt64 && indices.type != kInt32)) fail("its indices must be known INT64 or INT32");
    const Shape& x = in(0).shape;
    const std::uint64_t axis = axes_of(graph_, index_)[0];
    const auto n = static_cast<std::int64_t>(x[axis]);
    for (const std::int64_t i : integers_of(*indices.known))
      if (i >= n || i < (before(11) ? 0 : -n)) fail("the index " + std::to_string(i) + " is out of range");
    Shape out(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(axis));
    out.insert(out.end(), indices.shape.begin(), indices.shape.end());
    out.insert(out.end(), x.begin() + static_cast<std::ptrdiff_t>(axis) + 1, x.end());
    return out;
  }

  [[nodiscard]] Shape padded() const {
    Shape out = in(0).shape;
    const std::vector<PadAxis> pads = pads_of(graph_, index_);
    for (std::size_t k = 0; k < out.size(); ++k) out[k] += pads[k].begin + pads[k].end;
    constant_scalar(2, false);
    return out;
  }

  [[nodiscard]] Shape spread(bool to_space) const {
    Shape out = in(0).shape;
    if (out.size() != 4) fail("its data must have 4 dimensions");
    const std::int64_t given = integer("blocksize");
    if (given < 1 || given > std::int64_t{1} << 28) fail("blocksize must be at least 1");
    const auto b = static_cast<std::uint64_t>(given);
    if (to_space) {
      if (!before(11) && node_.attributes.at("mode").text != "DCR" && node_.attributes.at("mode").text != "CRD") fail("mode must be DCR or CRD");
      if (out[1] % (b * b) != 0) fail("blocksize does not divide the channels");
      return {out[0], out[1] / (b * b), out[2] * b, out[3] * b};
    }
    if (out[2] % b != 0 || out[3] % b != 0) fail("blocksize does not divide the data");
    return {out[0], out[1] * b * b, out[2] / b, out[3] / b};
  }

  void dropout() const {
    floating();
    if (has_input(1)) {
      const Value& ratio = in(1);
      if (!ratio.constant || !is_floating(ratio.type) || element_count(ratio.shape) != 1) fail("ratio must be one floating-point constant");
    }
    if (has_input(2)) {
      const Value& mode = in(2);
      if (mode.known == nullptr || mode.type != kBool || element_count(mode.shape) != 1 || mode.known->integer(0) != 0)
        fail("training_mode must be known and false");
    }
  }

  [[nodiscard]] std::uint32_t cast() const {
    (void)flag("saturate");
    const std::int64_t to = integer("to");
    const std::uint32_t from = in(0).type;
    const bool half = from == kFloat16 || from == kBfloat16;
    const auto type = static_cast<std::uint32_t>(to > 0 && to < 100 ? to : 0);
    if (type == from || (half && (type == kFloat32 || type == kFloat64)) || (from == kFloat32 && type == kFloat64)) return type;
    if (is_floating(from) && is_floating(type) && in(0).constant) return type;
    if (!is_floating(from) && in(0).known != nullptr && (is_floating(type) || type == kInt64 || type == kInt32)) return type;
    fail("Cast to type " + std::to_string(to) + " can round; only the same or a wider floating-point type is read");
  }

  [[nodiscard]] Shape shape_vector() const {
    const auto [begin, end] = shape_range();
    if (end <= begin) fail("its result is empty");
    return {static_cast<std::uint64_t>(end - begin)};
  }
  [[nodiscard]] std::pair<std::int64_t, std::int64_t> shape_range() const {
    const std::int64_t rank = std::ssize(in(0).shape);
    const auto clamped = [&](const char* name, std::int64_t otherwise) {
      const auto found = node_.attributes.find(name);
      const std::int64_t value = found == node_.attributes.end() ? otherwise : found->second.integer;
      return std::clamp<std::int64_t>(value < 0 ? value + rank : value, 0, rank);
    };
    return {clamped("start", 0), clamped("end", rank)};
  }

  [[nodiscard]] Shape constant_shape() const {
    const Value& dims = in(0);
    if (dims.known == nullptr || dims.type != kInt64 || dims.shape.size() != 1 || dims.shape[0] > kRank) fail("its dimensions must be a known INT64 vector");
    if (element_count(node_.attributes.at("value").tensor.shape) != 1) fail("value must have one element");
    Shape out;
    std::uint64_t elements = 1;
    for (const std::int64_t d : integers_of(*dims.known)) {
      if (d < 1 || d > static_cast<std::int64_t>(kKnown) || (elements *= static_cast<std::uint64_t>(d)) > kKnown)
        fail("it has a dimension below 1, or more than 2^20 elements");
      out.push_back(static_cast<std::uint64_t>(d));
    }
    return out;
  }

 private:
  const Graph& graph_;
  const Node& node_;
  std::size_t index_;
};

/// Shape of the first output; sets the type where it is not that of the first input.
Shape shape_of_output(const Inference& rules, Op op, std::uint64_t opset, Value& out) {
  const auto unary = [&] {
    rules.count_inputs(1, 1);
    rules.floating();
    return rules.in(0).shape;
  };
  const auto since = [&](std::uint64_t first) {
    if (opset < first) rules.fail("the operator does not exist in this version of the operator set");
  };
  switch (op) {
    case Op::add:
    case Op::sub:
    case Op::mul:
    case Op::div: rules.arithmetic(); return rules.broadcast_all();
    case Op::max:
    case Op::min:
      rules.count_inputs(1, 64);
      rules.same_floating_type();
      return rules.broadcast_all();
    case Op::matmul:
      rules.count_inputs(2, 2);
      rules.same_floating_type();
      return rules.matmul();
    case Op::gemm:
      rules.count_inputs(opset < 11 ? 3 : 2, 3);
      rules.same_floating_type();
      return rules.gemm();
    case Op::prelu:
      rules.count_inputs(2, 2);
      rules.same_floating_type();
      rules.prelu();
      return rules.in(0).shape;
    case Op::pow:
      rules.count_inputs(2, 2);
      rules.floating();
      rules.power();
      return rules.in(0).shape;
    case Op::clip:
      rules.count_inputs(1, opset < 11 ? 1 : 3);
      rules.floating();
      rules.constant_scalar(1, true);
      rules.constant_scalar(2, true);
      return rules.in(0).shape;
    case Op::batch_normalization:
      rules.count_inputs(5, 5);
      rules.same_floating_type();
      rules.batch_normalization();
      return rules.in(0).shape;
    case Op::conv:
    case Op::conv_transpose:
      rules.count_inputs(2, 3);
      rules.same_floating_type();
      return rules.convolution();
    case Op::max_pool:
    case Op::average_pool:
    case Op::global_average_pool:
    case Op::global_max_pool: (void)unary(); return rules.pooled();
    case Op::reduce_mean:
    case Op::reduce_sum:
    case Op::reduce_max:
    case Op::reduce_min:
    case Op::reduce_l2:
      rules.count_inputs(1, opset < (op == Op::reduce_sum ? 13U : 18U) ? 1 : 2);
      rules.floating();
      return rules.reduced();
    case Op::top_k:
      rules.count_inputs(opset < 10 ? 1 : 2, opset < 10 ? 1 : 2);
      rules.floating();
      return rules.top_k();
    case Op::softmax:
      (void)unary();
      return rules.in(0).shape;
    case Op::hard_swish: since(14); return unary();
    case Op::mish: since(18); return unary();
    case Op::gelu: since(20); return unary();
    case Op::flatten: rules.count_inputs(1, 1); return rules.flatten();
    case Op::reshape: rules.count_inputs(2, 2); return rules.reshape();
    case Op::transpose: rules.count_inputs(1, 1); return rules.transposed();
    case Op::squeeze: rules.count_inputs(1, opset < 13 ? 1 : 2); return rules.squeezed();
    case Op::unsqueeze: rules.count_inputs(opset < 13 ? 1 : 2, opset < 13 ? 1 : 2); return rules.unsqueezed();
    case Op::concat: rules.count_inputs(1, 1024); return rules.concatenated();
    case Op::split: rules.count_inputs(1, opset < 13 ? 1 : 2); return rules.in(0).shape;
    case Op::slice: rules.count_inputs(opset < 10 ? 1 : 3, opset < 10 ? 1 : 5); return rules.sliced();
    case Op::gather: rules.count_inputs(2, 2); return rules.gathered();
    case Op::pad:
      rules.count_inputs(opset < 11 ? 1 : 2, opset < 11 ? 1 : opset < 18 ? 3 : 4);
      rules.floating();
      return rules.padded();
    case Op::depth_to_space: (void)unary(); return rules.spread(true);
    case Op::space_to_depth: (void)unary(); return rules.spread(false);
    case Op::identity: rules.count_inputs(1, 1); return rules.in(0).shape;
    case Op::dropout:
      rules.count_inputs(1, opset < 12 ? 1 : 3);
      rules.dropout();
      return rules.in(0).shape;
    case Op::cast:
      rules.count_inputs(1, 1);
      out.type = rules.cast();
      return rules.in(0).shape;
    case Op::shape:
      rules.count_inputs(1, 1);
      out.type = kInt64;
      return rules.shape_vector();
    case Op::constant_of_shape: rules.count_inputs(1, 1); return rules.constant_shape();
    default: return unary();
  }
}

}  // namespace

std::vector<Value> outputs_of(const Graph& graph, std::size_t index, const std::vector<std::string>& output_names) {
  const Node& node = graph.nodes[index];
  const Inference rules(graph, index);
  Value out;
  if (node.op == Op::constant || node.op == Op::constant_of_shape) {
    const Tensor& tensor = node.attributes.at("value").tensor;
    out.type = tensor.type;
    if (node.op == Op::constant) {
      if (!node.inputs.empty()) rules.fail("a Constant has no inputs");
      out.shape = tensor.shape;
      out.known = &tensor;
    }
  } else {
    out.type = rules.in(0).type;
  }
  if (node.op != Op::constant) out.shape = shape_of_output(rules, node.op, graph.opset, out);
  if ((node.op == Op::identity || node.op == Op::cast) && out.type == rules.in(0).type) out.known = rules.in(0).known;
  out.constant = true;
  for (const ValueId id : node.inputs) out.constant = out.constant && (id == kAbsent || graph.values[id].constant);
  if (node.op == Op::shape) out.constant = true;
  if (node.op == Op::gelu && node.attributes.at("approximate").text != "none" && node.attributes.at("approximate").text != "tanh")
    rules.fail("approximate must be none or tanh");
  if (node.op == Op::softmax) (void)axes_of(graph, index);

  std::vector<Value> results;
  if (node.op == Op::split) {
    const std::uint64_t axis = axes_of(graph, index)[0];
    for (const std::uint64_t part : parts_of(graph, index, output_names.size())) {
      results.push_back(out);
      results.back().shape[axis] = part;
    }
    for (const std::string& name : output_names)
      if (name.empty()) rules.fail("one of its outputs has no name");
  } else {
    results.push_back(out);
  }
  if (node.op == Op::dropout || node.op == Op::top_k) {
    out.type = node.op == Op::top_k ? std::uint32_t{kInt64} : graph.opset >= 10 ? std::uint32_t{kBool} : out.type;
    out.known = nullptr;
    out.unusable = true;
    results.push_back(out);
  }
  for (const Value& value : results) {
    if (value.shape.size() > kRank) rules.fail("more than 16 dimensions");
    std::uint64_t elements = 1;
    for (const std::uint64_t d : value.shape)
      if (d == 0 || d > kElements || (elements *= d) > kElements) rules.fail("the result is empty or has more than 2^28 elements");
  }
  return results;
}

// ------------------------------------------------------------------------------------------------------------------------ known values

namespace {

void append_word(std::string& bits, std::uint64_t word, std::uint64_t width) {
  for (std::uint64_t k = 0; k < width; ++k) bits.push_back(static_cast<char>(word >> (8 * k) & 0xFF));
}

/// IEEE bits of an integer; false when it is not exact in the format.
bool bits_of_integer(std::int64_t value, std::uint32_t type, std::uint64_t& word) {
  const int fraction = type == kFloat64 ? 52 : type == kFloat32 ? 23 : type == kFloat16 ? 10 : 7;
  const int exponent_bits = type == kFloat64 ? 11 : type == kFloat16 ? 5 : 8;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const std::uint64_t sign = value < 0 ? std::uint64_t{1} << (fraction + exponent_bits) : 0;
  std::uint64_t size = value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
  word = 0;
  if (size == 0) return true;
  int top = 63;
  while ((size >> top & 1) == 0) --top;
  if (top > bias) return false;
  if (top > fraction) {
    if ((size & ((std::uint64_t{1} << (top - fraction)) - 1)) != 0) return false;
    size >>= top - fraction;
  } else {
    size <<= fraction - top;
  }
  word = sign | static_cast<std::uint64_t>(top + bias) << fraction | (size & ((std::uint64_t{1} << fraction) - 1));
  return true;
}

bool fits(Int128 value, std::uint32_t type) {
  const Int128 half = Int128{1} << (type == kInt32 ? 31 : 63);
  return value >= -half && value < half;
}

/// Add, Sub, Mul, Div of known integers.
std::string arithmetic(const Graph& graph, std::size_t index, const Value& out) {
  const Node& node = graph.nodes[index];
  const Tensor& a = *graph.values[node.inputs[0]].known;
  const Tensor& b = *graph.values[node.inputs[1]].known;
  const auto strides = [&](const Shape& from) {  // 0 along the axes that are broadcast
    Shape stride(out.shape.size(), 0);
    std::uint64_t step = 1;
    for (std::size_t k = 0; k < from.size(); ++k) {
      const std::uint64_t d = from[from.size() - 1 - k];
      if (d != 1) stride[out.shape.size() - 1 - k] = step;
      step *= d;
    }
    return stride;
  };
  const Shape sa = strides(a.shape);
  const Shape sb = strides(b.shape);
  std::string bits;
  for (std::uint64_t e = 0; e < element_count(out.shape); ++e) {
    std::uint64_t i = 0;
    std::uint64_t j = 0;
    std::uint64_t rest = e;
    for (std::size_t k = out.shape.size(); k-- > 0; rest /= out.shape[k]) {
      i += rest % out.shape[k] * sa[k];
      j += rest % out.shape[k] * sb[k];
    }
    const Int128 x = a.integer(i);
    const Int128 y = b.integer(j);
    if (node.op == Op::div && y == 0) refuse_node(graph, index, "it divides an integer by 0");
    const Int128 value = node.op == Op::add ? x + y : node.op == Op::sub ? x - y : node.op == Op::mul ? x * y : x / y;
    if (!fits(value, out.type)) refuse_node(graph, index, "an integer leaves the range of its type");
    append_word(bits, static_cast<std::uint64_t>(value), byte_size(out.type));
  }
  return bits;
}

std::string converted(const Graph& graph, std::size_t index, const Value& out) {
  const Tensor& from = *graph.values[graph.nodes[index].inputs[0]].known;
  std::string bits;
  for (const std::int64_t value : integers_of(from)) {
    std::uint64_t word = static_cast<std::uint64_t>(value);
    const bool exact = is_floating(out.type) ? bits_of_integer(value, out.type, word) : fits(value, out.type);
    if (!exact) refuse_node(graph, index, "the value " + std::to_string(value) + " is not exact in the type that it is cast to");
    append_word(bits, word, byte_size(out.type));
  }
  return bits;
}

std::string moved(const Graph& graph, std::size_t index, std::size_t output, const Value& out) {
  const Node& node = graph.nodes[index];
  const std::uint64_t width = byte_size(out.type);
  std::string bits;
  for (const Source& source : sources_of(graph, index, output))
    bits.append(graph.values[node.inputs[source.input]].known->bits, source.index * width, width);
  return bits;
}

}  // namespace

void compute_known(Graph& graph, std::size_t index) {
  const Node& node = graph.nodes[index];
  for (std::size_t k = 0; k < node.outputs.size(); ++k) {
    if (node.outputs[k] == kAbsent) continue;
    Value& out = graph.values[node.outputs[k]];
    if (out.known != nullptr || out.unusable) continue;
    bool all_known = true;
    for (const ValueId id : node.inputs) all_known = all_known && (id == kAbsent || graph.values[id].known != nullptr);
    if (node.op != Op::shape && (!all_known || is_floating(graph.values[node.inputs[0]].type))) continue;
    if (element_count(out.shape) > kKnown) refuse_node(graph, index, "it computes more than 2^20 integers");
    Tensor tensor{out.type, out.shape, {}};
    switch (node.op) {
      case Op::shape: {
        const auto [begin, end] = Inference(graph, index).shape_range();
        const Shape& shape = graph.values[node.inputs[0]].shape;
        for (std::int64_t i = begin; i < end; ++i) append_word(tensor.bits, shape[static_cast<std::size_t>(i)], 8);
        break;
      }
      case Op::constant_of_shape:
        for (std::uint64_t i = element_count(out.shape); i-- > 0;) tensor.bits += node.attributes.at("value").tensor.bits;
        break;
      case Op::add:
      case Op::sub:
      case Op::mul:
      case Op::div: tensor.bits = arithmetic(graph, index, out); break;
      case Op::cast: tensor.bits = converted(graph, index, out); break;
      default: tensor.bits = moved(graph, index, k, out);
    }
    graph.computed_elements += element_count(out.shape);
    if (graph.computed_elements > kAllKnown) refuse_node(graph, index, "the graph computes more than 2^24 integers");
    graph.computed.push_back(std::move(tensor));
    out.known = &graph.computed.back();
  }
}

}  // namespace lipverify
