// See nnet.hpp. The text becomes the ONNX model of formats/nnet.md, which is read as any other.

#include "formats/onnx/nnet.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

#include "formats/encoding/error.hpp"
#include "formats/onnx/reader.hpp"
#include "onnx.pb.h"

namespace lipcert {
namespace {

constexpr std::size_t longest_number = 1100;
constexpr int largest_exponent = 400;
constexpr int double_type = 11;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The lines of a text, one after the other.
class Lines {
 public:
  Lines(std::string_view text, std::string file) : text_(text), file_(std::move(file)) {
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto c = static_cast<unsigned char>(text[i]);
      const bool end = c == '\r' && i + 1 < text.size() && text[i + 1] == '\n';
      number_ += text[i] == '\n' ? 1U : 0U;
      if ((c < 0x20 || c > 0x7E) && c != '\t' && c != '\n' && !end) {
        ++number_;
        fail("has a character that is no printable ASCII");
      }
    }
    number_ = 0;
    while (text_.substr(at_, 2) == "//") {
      static_cast<void>(line());
    }
  }

  [[noreturn]] void fail(const std::string& reason) const {
    throw input_error(file_ + ": line " + std::to_string(number_) + " " + reason + "; see formats/nnet.md for what a .nnet file holds.");
  }

  /// The next line as `count` fields, which are called `what`.
  std::vector<std::string_view> fields(std::size_t count, const std::string& what) {
    if (at_ >= text_.size()) {
      ++number_;
      fail("is missing: expected " + what);
    }
    std::string_view rest = line();
    std::vector<std::string_view> out;
    while (true) {
      const std::size_t comma = rest.find(',');
      out.push_back(trimmed(rest.substr(0, comma)));
      if (comma == std::string_view::npos) {
        break;
      }
      rest = rest.substr(comma + 1);
    }
    if (out.size() == count + 1 && out.back().empty()) {
      out.pop_back();  // one comma after the last field
    }
    if (out.size() != count) {
      fail("has " + std::to_string(out.size()) + " fields, not " + std::to_string(count) + " (" + what + ")");
    }
    return out;
  }

  std::size_t integer(std::string_view field, std::size_t least, const std::string& what) const {
    std::size_t value = 0;
    if (field.empty() || field.size() > 9 || !std::all_of(field.begin(), field.end(), is_digit) ||
        std::from_chars(field.data(), field.data() + field.size(), value).ec != std::errc() || value < least) {
      fail("has a field that is no integer of at least " + std::to_string(least) + " (" + what + ")");
    }
    return value;
  }

  double number(std::string_view field, const std::string& what) const {
    check_decimal(field, what);
    if (field[0] == '+') {
      field = field.substr(1);
    }
    double value = 0;
    const std::from_chars_result result = std::from_chars(field.data(), field.data() + field.size(), value);  // to nearest, ties to even
    if (result.ec == std::errc::result_out_of_range) {
      // Too small or too large: the two are told apart by the number without its exponent.
      value = underflows(field) ? (field[0] == '-' ? -0.0 : 0.0) : HUGE_VAL;
    }
    if (!std::isfinite(value)) {
      fail("has a number beyond binary64 (" + what + ")");
    }
    return value;
  }

  std::vector<double> numbers(std::size_t count, const std::string& what) {
    std::vector<double> out;
    for (const std::string_view field : fields(count, what)) {
      out.push_back(number(field, what));
    }
    return out;
  }

  void end() {
    while (at_ < text_.size()) {
      if (!trimmed(line()).empty()) {
        fail("comes after the last layer");
      }
    }
  }

 private:
  std::string_view line() {
    ++number_;
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    std::string_view out = text_.substr(at_, end - at_);
    at_ = std::min(end + 1, text_.size());
    if (!out.empty() && out.back() == '\r') {
      out.remove_suffix(1);
    }
    return out;
  }

  static std::string_view trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t");
    return first == std::string_view::npos ? std::string_view() : text.substr(first, text.find_last_not_of(" \t") - first + 1);
  }

  void check_decimal(std::string_view field, const std::string& what) const {
    std::size_t at = !field.empty() && (field[0] == '+' || field[0] == '-') ? 1 : 0;
    std::size_t digits = 0;
    for (; at < field.size() && is_digit(field[at]); ++at) {
      ++digits;
    }
    if (at < field.size() && field[at] == '.') {
      for (++at; at < field.size() && is_digit(field[at]); ++at) {
        ++digits;
      }
    }
    bool good = digits > 0 && field.size() <= longest_number;
    if (good && at < field.size()) {
      good = field[at] == 'e' || field[at] == 'E';
      at += at + 1 < field.size() && (field[at + 1] == '+' || field[at + 1] == '-') ? 2U : 1U;
      int exponent = 0;
      good = good && at < field.size();
      for (; good && at < field.size(); ++at) {
        exponent = exponent * 10 + (field[at] - '0');
        good = is_digit(field[at]) && exponent <= largest_exponent;
      }
    }
    if (!good) {
      fail("has a field that is no number (" + what + ")");
    }
  }

  /// Of a number that is out of range: is it near 0?
  static bool underflows(std::string_view field) {
    const std::size_t e = field.find_first_of("eE");
    long exponent = 0;
    if (e != std::string_view::npos) {
      const std::size_t first = e + (field[e + 1] == '+' ? 2U : 1U);
      static_cast<void>(std::from_chars(field.data() + first, field.data() + field.size(), exponent));
    }
    const std::string_view mantissa = field.substr(0, e);
    const std::size_t point = std::min(mantissa.find('.'), mantissa.size());
    const std::size_t leading = mantissa.find_first_of("123456789");
    if (leading == std::string_view::npos) {
      return true;
    }
    const auto place = static_cast<long>(point) - static_cast<long>(leading);  // about the power of ten of the first digit
    return place + exponent < 0;
  }

  std::string_view text_;
  std::string file_;
  std::size_t at_ = 0;
  std::size_t number_ = 0;  // of the line that was read last
};

class GraphWriter {
 public:
  explicit GraphWriter(onnx::ModelProto& model) : graph_(*model.mutable_graph()) {
    model.set_ir_version(8);
    model.add_opset_import()->set_version(13);
  }

  void value(onnx::ValueInfoProto& info, const std::string& name, std::size_t entries) {
    info.set_name(name);
    onnx::TypeProto::Tensor& type = *info.mutable_type()->mutable_tensor_type();
    type.set_elem_type(double_type);
    type.mutable_shape()->add_dim()->set_dim_value(1);
    type.mutable_shape()->add_dim()->set_dim_value(static_cast<std::int64_t>(entries));
  }
  void input(std::size_t entries) { value(*graph_.add_input(), "input", entries); }
  void output(std::size_t entries) { value(*graph_.add_output(), "output", entries); }

  void constant(const std::string& name, const std::vector<std::size_t>& shape, const std::vector<double>& entries) {
    onnx::TensorProto& tensor = *graph_.add_initializer();
    tensor.set_name(name);
    tensor.set_data_type(double_type);
    for (const std::size_t d : shape) {
      tensor.add_dims(static_cast<std::int64_t>(d));
    }
    std::string& raw = *tensor.mutable_raw_data();
    raw.reserve(8 * entries.size());
    for (const double x : entries) {
      const auto bits = std::bit_cast<std::uint64_t>(x);
      for (unsigned b = 0; b < 64; b += 8) {
        raw.push_back(static_cast<char>(bits >> b & 0xFF));
      }
    }
  }

  onnx::NodeProto& node(const char* op, const std::vector<std::string>& inputs, const std::string& output) {
    onnx::NodeProto& out = *graph_.add_node();
    out.set_op_type(op);
    out.set_name(output);
    for (const std::string& input : inputs) {
      out.add_input(input);
    }
    out.add_output(output);
    return out;
  }
  void gemm(const std::string& x, const std::string& weights, const std::string& offset, const std::string& output) {
    onnx::AttributeProto& transposed = *node("Gemm", {x, weights, offset}, output).add_attribute();
    transposed.set_name("transB");
    transposed.set_i(1);
    transposed.set_type(2);
  }

 private:
  onnx::GraphProto& graph_;
};

}  // namespace

bool is_nnet_name(const std::string& name) {
  return name.size() > 5 && name.compare(name.size() - 5, 5, ".nnet") == 0;
}

Network read_nnet(const std::string& text, const OnnxOptions& options) {
  const std::string file = options.file.empty() ? "the model" : options.file;
  if (text.size() > std::min<std::uint64_t>(options.size_cap, 2147483647U)) {
    throw input_error(file + ": is larger than a .nnet file may be.");
  }
  Lines lines(text, file);
  const std::vector<std::string_view> head = lines.fields(4, "numbers of layers, inputs and outputs, and a fourth integer");
  const std::size_t layers = lines.integer(head[0], 1, "number of layers");
  const std::size_t inputs = lines.integer(head[1], 1, "number of inputs");
  const std::size_t outputs = lines.integer(head[2], 1, "number of outputs");
  static_cast<void>(lines.integer(head[3], 0, "fourth integer"));
  if (layers > text.size()) {
    lines.fail("names more layers than the file has bytes");
  }
  std::vector<std::size_t> sizes;
  for (const std::string_view field : lines.fields(layers + 1, "sizes of the layers")) {
    sizes.push_back(lines.integer(field, 1, "size of a layer"));
  }
  if (sizes.front() != inputs || sizes.back() != outputs) {
    lines.fail("has sizes that contradict the numbers of inputs and outputs");
  }
  static_cast<void>(lines.integer(lines.fields(1, "an integer that is not used")[0], 0, "integer that is not used"));
  static_cast<void>(lines.numbers(inputs, "least inputs"));
  static_cast<void>(lines.numbers(inputs, "greatest inputs"));
  std::vector<double> means = lines.numbers(inputs + 1, "means of the inputs and of the outputs");
  std::vector<double> ranges = lines.numbers(inputs + 1, "ranges of the inputs and of the outputs");
  if (std::find(ranges.begin(), ranges.end(), 0.0) != ranges.end()) {
    lines.fail("has a range that is 0");
  }
  const double mean = means.back();
  const double range = ranges.back();
  means.pop_back();
  ranges.pop_back();

  onnx::ModelProto model;
  GraphWriter graph(model);
  graph.input(inputs);
  graph.constant("means", {inputs}, means);
  graph.constant("ranges", {inputs}, ranges);
  graph.node("Sub", {"input", "means"}, "centred");
  graph.node("Div", {"centred", "ranges"}, "z0");
  for (std::size_t k = 1; k <= layers; ++k) {
    const std::string number = std::to_string(k);
    std::vector<double> weights;
    for (std::size_t i = 0; i < sizes[k]; ++i) {
      const std::vector<double> row = lines.numbers(sizes[k - 1], "weights of layer " + number);
      weights.insert(weights.end(), row.begin(), row.end());
    }
    std::vector<double> offset;
    for (std::size_t i = 0; i < sizes[k]; ++i) {
      offset.push_back(lines.numbers(1, "bias of layer " + number)[0]);
    }
    graph.constant("W" + number, {sizes[k], sizes[k - 1]}, weights);
    graph.constant("b" + number, {sizes[k]}, offset);
    graph.gemm("z" + std::to_string(k - 1), "W" + number, "b" + number, "y" + number);
    if (k < layers) {
      graph.node("Relu", {"y" + number}, "z" + number);
    }
  }
  lines.end();
  graph.constant("range", {1}, {range});
  graph.constant("mean", {1}, {mean});
  graph.node("Mul", {"y" + std::to_string(layers), "range"}, "scaled");
  graph.node("Add", {"scaled", "mean"}, "output");
  graph.output(outputs);
  OnnxOptions plain;
  plain.file = file;
  plain.function = options.function;
  return read_onnx(model.SerializeAsString(), plain);
}

}  // namespace lipcert
