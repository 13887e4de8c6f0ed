// See attributes.hpp. Defaults that depend on shapes (kernel_shape, perm, split, ...) need the node's inputs, which stand in the graph already.
#include "verifier/graph/attributes.hpp"

#include <algorithm>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/graph/activations.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kElements = std::uint64_t{1} << 28;

class Filling {
 public:
  Filling(const Graph& graph, Node& node, std::map<std::string, Attribute> given, std::size_t outputs, const std::string& what)
      : graph_(graph), node_(node), given_(std::move(given)), outputs_(outputs), what_(what) {}

  void run() {
    fill();
    if (!given_.empty()) refuse("has the attribute '" + printable(given_.begin()->first) + "', which is not supported");
  }

 private:
  [[noreturn]] void refuse(const std::string& reason) const { unreadable("the model is refused: " + what_ + reason); }

  bool take(const std::string& name, std::uint32_t kind, Attribute& out) {
    const auto found = given_.find(name);
    if (found == given_.end()) return false;
    if (found->second.kind != kind) refuse("has the attribute '" + name + "' of another kind");
    out = std::move(found->second);
    given_.erase(found);
    return true;
  }
  Attribute& place(const std::string& name, std::uint32_t kind, bool required) {
    Attribute value;
    value.kind = kind;
    const bool there = take(name, kind, value);
    if (!there && required) refuse("lacks the attribute '" + name + "'");
    filled_ = !there;
    return node_.attributes[name] = std::move(value);
  }
  void real(const std::string& name, std::uint32_t bits) {
    Attribute& value = place(name, 1, false);
    if (filled_) value.real = bits;
  }
  void integer(const std::string& name, std::int64_t number, bool required = false) {
    Attribute& value = place(name, 2, required);
    if (filled_) value.integer = number;
  }
  void text(const std::string& name, const std::string& otherwise) {
    Attribute& value = place(name, 3, false);
    if (filled_) value.text = otherwise;
  }
  void integers(const std::string& name, const std::vector<std::int64_t>& otherwise, bool required = false) {
    Attribute& value = place(name, 7, required);
    if (filled_) value.integers = otherwise;
  }

  /// Shape of an input; the defaults that need it cannot be filled in without it.
  [[nodiscard]] const Shape& shape(std::size_t i) const {
    if (i >= node_.inputs.size() || node_.inputs[i] == kAbsent) refuse("lacks input " + std::to_string(i));
    return graph_.values[node_.inputs[i]].shape;
  }
  [[nodiscard]] std::size_t spatial() const {
    const Shape& data = shape(0);
    if (data.size() < 3) refuse("needs data of at least 3 dimensions");
    return data.size() - 2;
  }
  static std::vector<std::int64_t> repeated(std::size_t count, std::int64_t value) { return std::vector<std::int64_t>(count, value); }
  static std::vector<std::int64_t> counted(std::size_t count) {
    std::vector<std::int64_t> out;
    for (std::size_t k = 0; k < count; ++k) out.push_back(static_cast<std::int64_t>(k));
    return out;
  }

  void convolution() {
    text("auto_pad", "NOTSET");
    integers("dilations", repeated(spatial(), 1));
    integer("group", 1);
    const Shape& weight = shape(1);
    std::vector<std::int64_t> kernel;
    for (std::size_t k = 2; k < weight.size(); ++k) kernel.push_back(static_cast<std::int64_t>(weight[k]));
    integers("kernel_shape", kernel);
    if (node_.op == Op::conv_transpose) integers("output_padding", repeated(spatial(), 0));
    integers("pads", repeated(2 * spatial(), 0));
    integers("strides", repeated(spatial(), 1));
    if (node_.op == Op::conv_transpose && given_.count("output_shape") != 0) integers("output_shape", {}, true);
  }

  void pool() {
    text("auto_pad", "NOTSET");
    integers("kernel_shape", {}, true);
    integers("pads", repeated(2 * spatial(), 0));
    integers("strides", repeated(spatial(), 1));
    if (graph_.opset >= (node_.op == Op::lp_pool ? 18U : 10U)) integer("ceil_mode", 0);
    if (node_.op == Op::max_pool) integer("storage_order", 0);
    if (node_.op == Op::average_pool) integer("count_include_pad", 0);
    if (node_.op == Op::lp_pool) integer("p", 2);
    if (graph_.opset >= (node_.op == Op::max_pool ? 10U : node_.op == Op::lp_pool ? 18U : 19U)) integers("dilations", repeated(spatial(), 1));
  }

  void resize() {
    text("mode", "nearest");
    if (graph_.opset < 11) return;
    text("coordinate_transformation_mode", "half_pixel");
    text("nearest_mode", "round_prefer_floor");
    real("cubic_coeff_a", 0xBF400000);  // -0.75
    real("extrapolation_value", 0);
    integer("exclude_outside", 0);
    if (graph_.opset < 18) return;
    integer("antialias", 0);
    text("keep_aspect_ratio_policy", "stretch");
    integers("axes", counted(shape(0).size()));
  }

  void upsample() {
    text("mode", "nearest");
    if (graph_.opset >= 9) return;
    Attribute list;
    if (!take("scales", 6, list)) refuse("lacks the attribute 'scales'");
    node_.attributes["scales"] = tensor_of(list);
  }

  /// A list of numbers as the FLOAT tensor that the digest has.
  static Attribute tensor_of(const Attribute& list) {
    Attribute out;
    out.kind = 4;
    out.tensor.shape = {list.reals.size()};
    for (const std::uint32_t word : list.reals)
      for (std::size_t k = 0; k < 4; ++k) out.tensor.bits.push_back(static_cast<char>(word >> (8 * k) & 0xFF));
    return out;
  }

  void reduce(std::uint64_t axes_are_input) {
    integer("keepdims", 1);
    if (graph_.opset < axes_are_input)
      integers("axes", counted(shape(0).size()));
    else
      integer("noop_with_empty_axes", 0);
  }

  void squeeze() {
    std::vector<std::int64_t> ones;
    const Shape& data = shape(0);
    for (std::size_t k = 0; k < data.size(); ++k)
      if (data[k] == 1) ones.push_back(static_cast<std::int64_t>(k));
    integers("axes", ones);
    if (!filled_ && node_.attributes.at("axes").integers.empty()) refuse("has an empty list of axes");
  }

  void split() {
    integer("axis", 0);
    if (graph_.opset >= 18) integer("num_outputs", 0);
    if (graph_.opset >= 13) return;
    const Shape& data = shape(0);
    std::int64_t axis = node_.attributes.at("axis").integer;
    const auto rank = static_cast<std::int64_t>(data.size());
    if (axis < -rank || axis >= rank) refuse("has an axis out of range");
    if (axis < 0) axis += rank;
    const std::uint64_t length = data[static_cast<std::size_t>(axis)];
    const bool equal = outputs_ != 0 && length % outputs_ == 0;
    if (!equal && given_.count("split") == 0) refuse("cannot be divided into equal parts");
    integers("split", equal ? repeated(outputs_, static_cast<std::int64_t>(length / outputs_)) : repeated(0, 0));
  }

  void fill() {
    constexpr std::uint32_t one = 0x3F800000;
    constexpr std::uint32_t half = 0x3F000000;
    const std::uint64_t opset = graph_.opset;
    if (is_activation(node_.op)) {
      for (const ActivationAttribute& attribute : activation_of(node_.op).attributes) {
        if (attribute.name == nullptr || opset >= attribute.before) continue;
        attribute.text == nullptr ? real(attribute.name, attribute.real) : text(attribute.name, attribute.text);
      }
      return;
    }
    switch (node_.op) {
      case Op::gemm:
        real("alpha", one);
        real("beta", one);
        integer("transA", 0);
        integer("transB", 0);
        break;
      case Op::conv:
      case Op::conv_transpose: convolution(); break;
      case Op::max_pool:
      case Op::average_pool:
      case Op::lp_pool: pool(); break;
      case Op::resize: resize(); break;
      case Op::upsample: upsample(); break;
      case Op::batch_normalization:
        real("epsilon", 0x3727C5AC);   // 1e-5 in binary32
        real("momentum", 0x3F666666);  // 0.9
        if (opset < 9) integer("spatial", 1);
        if (opset >= 14) integer("training_mode", 0);
        break;
      case Op::softmax: integer("axis", opset < 13 ? 1 : -1); break;
      case Op::flatten: integer("axis", 1); break;
      case Op::reshape:
        if (opset >= 14) integer("allowzero", 0);
        break;
      case Op::transpose: {
        std::vector<std::int64_t> reversed = counted(shape(0).size());
        std::reverse(reversed.begin(), reversed.end());
        integers("perm", reversed);
        break;
      }
      case Op::squeeze:
        if (opset < 13) squeeze();
        break;
      case Op::unsqueeze:
        if (opset < 13) integers("axes", {}, true);
        break;
      case Op::concat: integer("axis", 0, true); break;
      case Op::split: split(); break;
      case Op::slice:
        if (opset < 10) {
          integers("starts", {}, true);
          integers("ends", {}, true);
          integers("axes", counted(node_.attributes.at("starts").integers.size()));
        }
        break;
      case Op::gather: integer("axis", 0); break;
      case Op::pad:
        text("mode", "constant");
        if (opset < 11) {
          integers("pads", {}, true);
          real("value", 0);
        }
        break;
      case Op::depth_to_space:
        integer("blocksize", 0, true);
        if (opset >= 11) text("mode", "DCR");
        break;
      case Op::space_to_depth: integer("blocksize", 0, true); break;
      case Op::reduce_mean:
      case Op::reduce_max:
      case Op::reduce_min:
      case Op::reduce_l2: reduce(18); break;
      case Op::reduce_sum: reduce(13); break;
      case Op::top_k:
        integer("axis", -1);
        if (opset < 10) integer("k", 0, true);
        if (opset >= 11) {
          integer("largest", 1);
          integer("sorted", 1);
        }
        break;
      case Op::shape:
        if (opset >= 15) {
          integer("start", 0);
          integer("end", static_cast<std::int64_t>(shape(0).size()));
        }
        break;
      case Op::constant_of_shape: {
        Attribute& value = place("value", 4, false);
        if (filled_) {
          value.tensor.shape = {1};
          value.tensor.bits = std::string(4, '\0');
        }
        break;
      }
      case Op::cast:
        integer("to", 0, true);
        if (opset >= 19) integer("saturate", 1);
        break;
      case Op::dequantize_linear:
        if (opset >= 13) integer("axis", 1);
        break;
      case Op::dropout:
        if (opset < 12) {
          real("ratio", half);
        } else {
          Attribute seed;
          (void)take("seed", 2, seed);
        }
        break;
      case Op::constant:
        if (given_.size() != 1) refuse("must have exactly one value");
        constant();
        break;
      default: break;
    }
  }

  void constant() {
    const std::string name = given_.begin()->first;
    Attribute value = std::move(given_.begin()->second);
    given_.clear();
    Attribute out;
    out.kind = 4;
    const auto little_endian = [&](std::uint64_t word, std::size_t width) {
      for (std::size_t k = 0; k < width; ++k) out.tensor.bits.push_back(static_cast<char>(word >> (8 * k) & 0xFF));
    };
    const bool modern = graph_.opset >= 12;
    if (name == "value" && value.kind == 4) {
      out.tensor = std::move(value.tensor);
    } else if (modern && name == "value_float" && value.kind == 1) {
      out.tensor.type = kFloat32;
      little_endian(value.real, 4);
    } else if (modern && name == "value_floats" && value.kind == 6 && value.reals.size() <= kElements) {
      out = tensor_of(value);
    } else if (modern && name == "value_int" && value.kind == 2) {
      out.tensor.type = kInt64;
      little_endian(static_cast<std::uint64_t>(value.integer), 8);
    } else if (modern && name == "value_ints" && value.kind == 7 && value.integers.size() <= kElements) {
      out.tensor.type = kInt64;
      out.tensor.shape = {value.integers.size()};
      for (const std::int64_t word : value.integers) little_endian(static_cast<std::uint64_t>(word), 8);
    } else {
      refuse("has a value '" + printable(name) + "' that is not supported");
    }
    node_.attributes["value"] = std::move(out);
  }

  const Graph& graph_;
  Node& node_;
  std::map<std::string, Attribute> given_;
  std::size_t outputs_;
  const std::string& what_;
  bool filled_ = false;  // the last attribute was not in the file
};

}  // namespace

void fill_attributes(const Graph& graph, Node& node, std::map<std::string, Attribute> given, std::size_t outputs, const std::string& what) {
  Filling(graph, node, std::move(given), outputs, what).run();
}

}  // namespace lipverify
