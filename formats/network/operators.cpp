// The rows, and what must hold of them (formats/network/operators.hpp). Written from ONNX's operator specification ("Operator Changelog"),
// default domain, opsets 8 to 23; from 21 to 23 the operators that are read here gained types and nothing else.
#include "formats/network/operators.hpp"

#include <limits>
#include <string_view>

#include "formats/encoding/error.hpp"

namespace lipcert {

namespace {

using enum AttributeKind;

// An input row: from this opset on, so many to so many. An attribute row: its name, its kind, what holds when it is left out, and the first
// and the last opset that has it, where not all have it.
// clang-format off
constexpr OperatorRow rows[] = {
    // affine when one operand is constant
    {.op = Operator::add, .name = "Add", .family = Family::broadcast, .inputs = {{0, 2, 2}}},
    {.op = Operator::sub, .name = "Sub", .family = Family::broadcast, .inputs = {{0, 2, 2}}},
    {.op = Operator::mul, .name = "Mul", .family = Family::broadcast, .inputs = {{0, 2, 2}}},
    {.op = Operator::div, .name = "Div", .family = Family::broadcast, .inputs = {{0, 2, 2}}},
    {.op = Operator::gemm, .name = "Gemm", .family = Family::product, .inputs = {{0, 3, 3}, {11, 2, 3}},
     .attributes = {{"alpha", real, 1.0F}, {"beta", real, 1.0F}, {"transA", integer, 0}, {"transB", integer, 0}}},
    {.op = Operator::matmul, .name = "MatMul", .family = Family::product, .inputs = {{0, 2, 2}}},

    // affine
    {.op = Operator::conv, .name = "Conv", .family = Family::window, .inputs = {{0, 2, 3}},
     .attributes = {{"auto_pad", text, "NOTSET"}, {"dilations", integers, FromShapes{}}, {"group", integer, 1},
                    {"kernel_shape", integers, FromShapes{}}, {"pads", integers, FromShapes{}}, {"strides", integers, FromShapes{}}}},
    {.op = Operator::conv_transpose, .name = "ConvTranspose", .family = Family::window, .inputs = {{0, 2, 3}},
     .attributes = {{"auto_pad", text, "NOTSET"}, {"dilations", integers, FromShapes{}}, {"group", integer, 1},
                    {"kernel_shape", integers, FromShapes{}}, {"output_padding", integers, FromShapes{}},
                    {"output_shape", integers, FromShapes{}}, {"pads", integers, FromShapes{}}, {"strides", integers, FromShapes{}}}},
    {.op = Operator::average_pool, .name = "AveragePool", .family = Family::window,
     .attributes = {{"auto_pad", text, "NOTSET"}, {"ceil_mode", integer, 0, 10}, {"count_include_pad", integer, 0},
                    {"dilations", integers, FromShapes{}, 19}, {"kernel_shape", integers, Required{}}, {"pads", integers, FromShapes{}},
                    {"strides", integers, FromShapes{}}}},
    {.op = Operator::global_average_pool, .name = "GlobalAveragePool", .family = Family::window},
    {.op = Operator::batch_normalization, .name = "BatchNormalization", .family = Family::normalisation, .inputs = {{0, 5, 5}},
     .attributes = {{"epsilon", real, 1e-5F}, {"momentum", real, 0.9F}, {"spatial", integer, 1, 0, 8},
                    {"training_mode", integer, 0, 14}}},
    {.op = Operator::reduce_mean, .name = "ReduceMean", .family = Family::reduction, .inputs = {{0, 1, 1}, {18, 1, 2}},
     .attributes = {{"axes", integers, FromShapes{}, 0, 17}, {"keepdims", integer, 1}, {"noop_with_empty_axes", integer, 0, 18}}},
    {.op = Operator::reduce_sum, .name = "ReduceSum", .family = Family::reduction, .inputs = {{0, 1, 1}, {13, 1, 2}},
     .attributes = {{"axes", integers, FromShapes{}, 0, 12}, {"keepdims", integer, 1}, {"noop_with_empty_axes", integer, 0, 13}}},
    {.op = Operator::resize, .name = "Resize", .family = Family::resampling, .since = 10, .inputs = {{0, 2, 2}, {11, 1, 4}},
     .attributes = {{"antialias", integer, 0, 18}, {"axes", integers, FromShapes{}, 18},
                    {"coordinate_transformation_mode", text, "half_pixel", 11}, {"cubic_coeff_a", real, -0.75F, 11},
                    {"exclude_outside", integer, 0, 11}, {"extrapolation_value", real, 0.0F, 11},
                    {"keep_aspect_ratio_policy", text, "stretch", 18}, {"mode", text, "nearest"},
                    {"nearest_mode", text, "round_prefer_floor", 11}}},
    {.op = Operator::upsample, .name = "Upsample", .family = Family::resampling, .inputs = {{0, 1, 1}, {9, 2, 2}},
     .attributes = {{"mode", text, "nearest"}, {"scales", reals, Required{}, 0, 8}}},

    // entrywise activations
    {.op = Operator::relu, .name = "Relu", .family = Family::activation},
    {.op = Operator::leaky_relu, .name = "LeakyRelu", .family = Family::activation, .attributes = {{"alpha", real, 0.01F}}},
    {.op = Operator::prelu, .name = "PRelu", .family = Family::activation, .inputs = {{0, 2, 2}}},
    {.op = Operator::abs, .name = "Abs", .family = Family::activation},
    {.op = Operator::sigmoid, .name = "Sigmoid", .family = Family::activation},
    {.op = Operator::tanh, .name = "Tanh", .family = Family::activation},
    {.op = Operator::elu, .name = "Elu", .family = Family::activation, .attributes = {{"alpha", real, 1.0F}}},
    {.op = Operator::selu, .name = "Selu", .family = Family::activation,
     .attributes = {{"alpha", real, 1.67326319217681884765625F}, {"gamma", real, 1.05070102214813232421875F}}},
    {.op = Operator::softplus, .name = "Softplus", .family = Family::activation},
    {.op = Operator::hard_sigmoid, .name = "HardSigmoid", .family = Family::activation,
     .attributes = {{"alpha", real, 0.2F}, {"beta", real, 0.5F}}},
    {.op = Operator::hard_swish, .name = "HardSwish", .family = Family::activation, .since = 14},
    {.op = Operator::gelu, .name = "Gelu", .family = Family::activation, .since = 20, .attributes = {{"approximate", text, "none", 20}}},
    {.op = Operator::mish, .name = "Mish", .family = Family::activation, .since = 18},
    {.op = Operator::clip, .name = "Clip", .family = Family::activation, .inputs = {{0, 1, 1}, {11, 1, 3}},
     .attributes = {{"max", real, std::numeric_limits<float>::max(), 0, 10}, {"min", real, std::numeric_limits<float>::lowest(), 0, 10}}},
    {.op = Operator::softsign, .name = "Softsign", .family = Family::activation},
    {.op = Operator::celu, .name = "Celu", .family = Family::activation, .since = 12, .attributes = {{"alpha", real, 1.0F, 12}}},
    {.op = Operator::sin, .name = "Sin", .family = Family::activation},
    {.op = Operator::cos, .name = "Cos", .family = Family::activation},
    {.op = Operator::erf, .name = "Erf", .family = Family::activation, .since = 9},

    // order statistics and vectors
    {.op = Operator::max, .name = "Max", .family = Family::broadcast, .inputs = {{0, 1, 64, true}}},
    {.op = Operator::min, .name = "Min", .family = Family::broadcast, .inputs = {{0, 1, 64, true}}},
    {.op = Operator::max_pool, .name = "MaxPool", .family = Family::window,
     .attributes = {{"auto_pad", text, "NOTSET"}, {"ceil_mode", integer, 0, 10}, {"dilations", integers, FromShapes{}, 10},
                    {"kernel_shape", integers, Required{}}, {"pads", integers, FromShapes{}}, {"storage_order", integer, 0},
                    {"strides", integers, FromShapes{}}}},
    {.op = Operator::global_max_pool, .name = "GlobalMaxPool", .family = Family::window},
    {.op = Operator::reduce_max, .name = "ReduceMax", .family = Family::reduction, .inputs = {{0, 1, 1}, {18, 1, 2}},
     .attributes = {{"axes", integers, FromShapes{}, 0, 17}, {"keepdims", integer, 1}, {"noop_with_empty_axes", integer, 0, 18}}},
    {.op = Operator::reduce_min, .name = "ReduceMin", .family = Family::reduction, .inputs = {{0, 1, 1}, {18, 1, 2}},
     .attributes = {{"axes", integers, FromShapes{}, 0, 17}, {"keepdims", integer, 1}, {"noop_with_empty_axes", integer, 0, 18}}},
    {.op = Operator::top_k, .name = "TopK", .family = Family::reduction, .inputs = {{0, 1, 1}, {10, 2, 2}}, .outputs = 2,
     .attributes = {{"axis", integer, -1}, {"k", integer, Required{}, 0, 9}, {"largest", integer, 1, 11}, {"sorted", integer, 1, 11}}},
    {.op = Operator::softmax, .name = "Softmax", .family = Family::reduction,
     .attributes = {{"axis", integer, 1, 0, 12}, {"axis", integer, -1, 13}}},

    // on constants, or Euclidean norms and what they are made of
    {.op = Operator::neg, .name = "Neg", .family = Family::function},
    {.op = Operator::sign, .name = "Sign", .family = Family::function, .since = 9},
    {.op = Operator::sqrt, .name = "Sqrt", .family = Family::function},
    {.op = Operator::reciprocal, .name = "Reciprocal", .family = Family::function},
    {.op = Operator::pow, .name = "Pow", .family = Family::function, .inputs = {{0, 2, 2}}},
    {.op = Operator::exp, .name = "Exp", .family = Family::function},
    {.op = Operator::log, .name = "Log", .family = Family::function},
    {.op = Operator::reduce_l2, .name = "ReduceL2", .family = Family::reduction, .inputs = {{0, 1, 1}, {18, 1, 2}},
     .attributes = {{"axes", integers, FromShapes{}, 0, 17}, {"keepdims", integer, 1}, {"noop_with_empty_axes", integer, 0, 18}}},
    {.op = Operator::lp_pool, .name = "LpPool", .family = Family::window,
     .attributes = {{"auto_pad", text, "NOTSET"}, {"ceil_mode", integer, 0, 18}, {"dilations", integers, FromShapes{}, 18},
                    {"kernel_shape", integers, Required{}}, {"p", integer, 2}, {"pads", integers, FromShapes{}},
                    {"strides", integers, FromShapes{}}}},

    // on constants
    {.op = Operator::equal, .name = "Equal", .family = Family::condition, .inputs = {{0, 2, 2}}},
    {.op = Operator::less, .name = "Less", .family = Family::condition, .inputs = {{0, 2, 2}}},
    {.op = Operator::greater, .name = "Greater", .family = Family::condition, .inputs = {{0, 2, 2}}},
    {.op = Operator::less_or_equal, .name = "LessOrEqual", .family = Family::condition, .since = 12, .inputs = {{0, 2, 2}}},
    {.op = Operator::greater_or_equal, .name = "GreaterOrEqual", .family = Family::condition, .since = 12, .inputs = {{0, 2, 2}}},
    {.op = Operator::logical_not, .name = "Not", .family = Family::condition},
    {.op = Operator::logical_and, .name = "And", .family = Family::condition, .inputs = {{0, 2, 2}}},
    {.op = Operator::logical_or, .name = "Or", .family = Family::condition, .inputs = {{0, 2, 2}}},
    {.op = Operator::where, .name = "Where", .family = Family::condition, .since = 9, .inputs = {{0, 3, 3}}},
    {.op = Operator::dequantize_linear, .name = "DequantizeLinear", .family = Family::condition, .since = 10, .inputs = {{0, 2, 3}},
     .attributes = {{"axis", integer, 1, 13}}},

    // the same numbers in another shape
    {.op = Operator::flatten, .name = "Flatten", .family = Family::move, .attributes = {{"axis", integer, 1}}},
    {.op = Operator::reshape, .name = "Reshape", .family = Family::move, .inputs = {{0, 2, 2}}, .attributes = {{"allowzero", integer, 0, 14}}},
    {.op = Operator::squeeze, .name = "Squeeze", .family = Family::move, .inputs = {{0, 1, 1}, {13, 1, 2}},
     .attributes = {{"axes", integers, FromShapes{}, 0, 12}}},
    {.op = Operator::unsqueeze, .name = "Unsqueeze", .family = Family::move, .inputs = {{0, 1, 1}, {13, 2, 2}},
     .attributes = {{"axes", integers, Required{}, 0, 12}}},
    {.op = Operator::identity, .name = "Identity", .family = Family::move},
    {.op = Operator::dropout, .name = "Dropout", .family = Family::move, .inputs = {{0, 1, 1}, {12, 1, 3}}, .outputs = 2,
     .attributes = {{"ratio", real, 0.5F, 0, 11}, {"seed", integer, NotWritten{}, 12}}},
    {.op = Operator::cast, .name = "Cast", .family = Family::move,
     .attributes = {{"saturate", integer, 1, 19}, {"to", integer, Required{}}}},

    // entries moved, left out, or repeated
    {.op = Operator::transpose, .name = "Transpose", .family = Family::move, .attributes = {{"perm", integers, FromShapes{}}}},
    {.op = Operator::concat, .name = "Concat", .family = Family::move, .inputs = {{0, 1, 1024, true}},
     .attributes = {{"axis", integer, Required{}}}},
    {.op = Operator::split, .name = "Split", .family = Family::move, .inputs = {{0, 1, 1}, {13, 1, 2}}, .outputs = 1024,
     .attributes = {{"axis", integer, 0}, {"num_outputs", integer, 0, 18}, {"split", integers, FromShapes{}, 0, 12}}},
    {.op = Operator::slice, .name = "Slice", .family = Family::move, .inputs = {{0, 1, 1}, {10, 3, 5}},
     .attributes = {{"axes", integers, FromShapes{}, 0, 9}, {"ends", integers, Required{}, 0, 9},
                    {"starts", integers, Required{}, 0, 9}}},
    {.op = Operator::gather, .name = "Gather", .family = Family::move, .inputs = {{0, 2, 2}}, .attributes = {{"axis", integer, 0}}},
    {.op = Operator::pad, .name = "Pad", .family = Family::move, .inputs = {{0, 1, 1}, {11, 2, 3}, {18, 2, 4}},
     .attributes = {{"mode", text, "constant"}, {"pads", integers, Required{}, 0, 10}, {"value", real, 0.0F, 0, 10}}},
    {.op = Operator::depth_to_space, .name = "DepthToSpace", .family = Family::move,
     .attributes = {{"blocksize", integer, Required{}}, {"mode", text, "DCR", 11}}},
    {.op = Operator::space_to_depth, .name = "SpaceToDepth", .family = Family::move, .attributes = {{"blocksize", integer, Required{}}}},
    {.op = Operator::expand, .name = "Expand", .family = Family::move, .inputs = {{0, 2, 2}}},

    // known whatever the input
    {.op = Operator::shape, .name = "Shape", .family = Family::constant,
     .attributes = {{"end", integer, FromShapes{}, 15}, {"start", integer, 0, 15}}},
    {.op = Operator::constant_of_shape, .name = "ConstantOfShape", .family = Family::constant, .since = 9,
     .attributes = {{"value", tensor, FromShapes{}}}},
    {.op = Operator::range, .name = "Range", .family = Family::constant, .since = 11, .inputs = {{0, 3, 3}}},
    {.op = Operator::constant, .name = "Constant", .family = Family::constant, .inputs = {{0, 0, 0}},
     .attributes = {{"value", tensor, FromShapes{}}, {"value_float", real, FromShapes{}, 12}, {"value_floats", reals, FromShapes{}, 12},
                    {"value_int", integer, FromShapes{}, 12}, {"value_ints", integers, FromShapes{}, 12}}},
};
// clang-format on

constexpr std::size_t operator_count = static_cast<std::size_t>(Operator::constant) + 1;  // the last of the list

constexpr bool in_order() {
  for (std::size_t k = 0; k < std::size(rows); ++k)
    if (rows[k].op != static_cast<Operator>(k)) return false;
  return true;
}

constexpr bool names_differ() {
  for (const OperatorRow& a : rows)
    for (const OperatorRow& b : rows)
      if (a.op != b.op && std::string_view(a.name) == b.name) return false;
  return true;
}

constexpr bool fits(const AttributeRow& attribute) {
  if (std::holds_alternative<float>(attribute.otherwise)) return attribute.kind == real;
  if (std::holds_alternative<std::int64_t>(attribute.otherwise)) return attribute.kind == integer;
  if (std::holds_alternative<const char*>(attribute.otherwise)) return attribute.kind == text;
  return true;
}

// Ascending in name and opset, no opset with two rows for one name, and every default of its attribute's kind.
constexpr bool attributes_fit(const OperatorRow& row) {
  const AttributeRow* before = nullptr;
  for (const AttributeRow& attribute : row.attributes) {
    if (attribute.name == nullptr) continue;
    if (attribute.since > attribute.until || attribute.until > last_opset || !fits(attribute)) return false;
    if (before != nullptr) {
      const int order = std::string_view(before->name).compare(attribute.name);
      if (order > 0 || (order == 0 && attribute.since <= before->until)) return false;
    }
    before = &attribute;
  }
  return true;
}

constexpr bool attributes_fit() {
  for (const OperatorRow& row : rows)
    if (!attributes_fit(row)) return false;
  return true;
}

static_assert(std::size(rows) == operator_count, "an operator of formats/network/network.hpp has no row, or a row has no operator");
static_assert(in_order(), "the rows do not stand in the order of formats/network/network.hpp");
static_assert(names_differ(), "two operators have one name");
static_assert(attributes_fit(), "an attribute's row contradicts itself or another one");

}  // namespace

const Inputs& OperatorRow::inputs_in(std::uint64_t opset) const {
  const Inputs* found = &inputs[0];
  for (const Inputs& candidate : inputs)
    if (candidate.since > found->since && candidate.since <= opset) found = &candidate;
  return *found;
}

const AttributeRow* OperatorRow::attribute(const std::string& key, std::uint64_t opset) const {
  for (const AttributeRow& candidate : attributes)
    if (candidate.name != nullptr && key == candidate.name && candidate.in(opset)) return &candidate;
  return nullptr;
}

std::span<const OperatorRow> operator_rows() {
  return rows;
}

const OperatorRow& row_of(Operator op) {
  const auto k = static_cast<std::size_t>(op);
  if (k >= std::size(rows)) throw Error(ExitCode::internal, "An operator outside the list of formats/network/network.hpp was used.");
  return rows[k];
}

const char* name_of(Operator op) {
  return row_of(op).name;
}

std::optional<Operator> find_operator(const std::string& name) {
  for (const OperatorRow& row : rows)
    if (name == row.name) return row.op;
  return std::nullopt;
}

bool is_activation(Operator op) {
  return row_of(op).family == Family::activation;
}

}  // namespace lipcert
