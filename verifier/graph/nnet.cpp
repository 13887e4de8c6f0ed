// See nnet.hpp. Field after field over the text; the messages of an ONNX model are filled as its reader would fill them (raw_model.hpp).
#include "verifier/graph/nnet.hpp"

#include <algorithm>

#include "verifier/graph/onnx.hpp"
#include "verifier/graph/raw_model.hpp"
#include "verifier/graph/wire.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

std::uint64_t nearest_binary64(const Rational& value) {
  if (value == 0) return 0;
  const std::uint64_t sign = value < 0 ? std::uint64_t{1} << 63 : 0;
  Integer top = mp::abs(mp::numerator(value));
  Integer bottom = mp::denominator(value);
  // The unit 2^e of the last place: 53 digits, or 2^-1074 for subnormal numbers. The quotient lies in (2^(n - d - 1), 2^(n - d + 1)).
  std::int64_t e = static_cast<std::int64_t>(mp::msb(top)) - static_cast<std::int64_t>(mp::msb(bottom)) - 53;
  const auto quotient_of = [&](std::int64_t unit, bool& above, bool& tie) {
    const Integer n = unit < 0 ? Integer(top << static_cast<std::size_t>(-unit)) : top;
    const Integer d = unit > 0 ? Integer(bottom << static_cast<std::size_t>(unit)) : bottom;
    Integer quotient, rest;
    mp::divide_qr(n, d, quotient, rest);
    above = 2 * rest > d;
    tie = 2 * rest == d;
    return quotient;
  };
  bool above = false, tie = false;
  e = std::max<std::int64_t>(e, -1074);
  Integer mantissa = quotient_of(e, above, tie);
  if (mantissa >= (Integer(1) << 53)) mantissa = quotient_of(++e, above, tie);
  if (above || (tie && (mantissa & 1) != 0)) mantissa += 1;
  if (mantissa == (Integer(1) << 53)) {
    mantissa >>= 1;
    ++e;
  }
  if (e > 971) return sign | std::uint64_t{0x7FF} << 52;
  const auto bits = static_cast<std::uint64_t>(mantissa);
  if (bits < std::uint64_t{1} << 52) return sign | bits;  // subnormal: e is -1074
  return sign | static_cast<std::uint64_t>(e + 1075) << 52 | (bits & ((std::uint64_t{1} << 52) - 1));
}

namespace {

class NnetReader {
 public:
  NnetReader(const std::string& text, const OnnxOptions& options) : text_(text), options_(options) {}

  Graph read() {
    check_characters();
    while (text_.compare(at_, 2, "//") == 0) next_line();
    const std::vector<std::string> head = line(4);
    const std::uint64_t layers = integer(head[0], 1), inputs = integer(head[1], 1), outputs = integer(head[2], 1);
    (void)integer(head[3], 0);
    if (layers > text_.size()) refuse("it names more layers than it has bytes");
    std::vector<std::uint64_t> sizes;
    for (const std::string& field : line(layers + 1)) sizes.push_back(integer(field, 1));
    if (sizes.front() != inputs || sizes.back() != outputs) refuse("the sizes of its layers contradict the numbers of inputs and outputs");
    (void)integer(line(1)[0], 0);
    for (int k = 0; k < 2; ++k) (void)numbers(inputs);
    std::string means = numbers(inputs + 1), ranges = numbers(inputs + 1);
    for (std::size_t k = 0; k < ranges.size(); k += 8)
      if (ranges.substr(k, 7) == std::string(7, '\0') && (ranges[k + 7] == 0 || ranges[k + 7] == '\x80')) refuse("a range is 0");
    const std::string mean = means.substr(8 * inputs), range = ranges.substr(8 * inputs);

    model_.ir_version = 8;
    model_.opset = 13;
    model_.inputs.push_back(info("input", inputs));
    model_.outputs.push_back(info("output", outputs));
    constant("means", {inputs}, means.substr(0, 8 * inputs));
    constant("ranges", {inputs}, ranges.substr(0, 8 * inputs));
    node("Sub", {"input", "means"}, "centred");
    node("Div", {"centred", "ranges"}, "z0");
    for (std::uint64_t k = 1; k <= layers; ++k) {
      const std::string layer = std::to_string(k);
      std::string weights, offsets;
      for (std::uint64_t i = 0; i < sizes[k]; ++i) weights += numbers(sizes[k - 1]);
      for (std::uint64_t i = 0; i < sizes[k]; ++i) offsets += numbers(1);
      constant("W" + layer, {sizes[k], sizes[k - 1]}, std::move(weights));
      constant("b" + layer, {sizes[k]}, std::move(offsets));
      node("Gemm", {"z" + std::to_string(k - 1), "W" + layer, "b" + layer}, "y" + layer);
      Attribute transposed;
      transposed.kind = 2;
      transposed.integer = 1;
      model_.nodes.back().attributes.emplace("transB", std::move(transposed));
      if (k < layers) node("Relu", {"y" + layer}, "z" + layer);
    }
    while (at_ < text_.size())
      for (const char c : next_line())
        if (c != ' ' && c != '\t') refuse("something comes after the last layer");
    constant("range", {1}, range);
    constant("mean", {1}, mean);
    node("Mul", {"y" + std::to_string(layers), "range"}, "scaled");
    node("Add", {"scaled", "mean"}, "output");
    return graph_of(model_, options_);
  }

 private:
  [[noreturn]] void refuse(const std::string& reason) const {
    refuse_model("it is no .nnet file by formats/nnet.md: " + reason + " (line " + std::to_string(line_) + ")");
  }

  void check_characters() const {
    for (std::size_t i = 0; i < text_.size(); ++i) {
      const char c = text_[i];
      const bool allowed = (c >= ' ' && c <= '~') || c == '\t' || c == '\n' || (c == '\r' && i + 1 < text_.size() && text_[i + 1] == '\n');
      if (!allowed) refuse("byte " + std::to_string(i) + " is no printable ASCII character");
    }
  }

  std::string next_line() {
    ++line_;
    const std::size_t end = std::min(text_.find('\n', at_), text_.size());
    std::string out = text_.substr(at_, end - at_);
    at_ = std::min(end + 1, text_.size());
    if (!out.empty() && out.back() == '\r') out.pop_back();
    return out;
  }

  /// Its fields, without the spaces around them.
  std::vector<std::string> line(std::uint64_t count) {
    if (at_ >= text_.size()) refuse("it ends too early");
    std::vector<std::string> fields(1);
    for (const char c : next_line()) {
      if (c == ',')
        fields.emplace_back();
      else
        fields.back().push_back(c);
    }
    for (std::string& field : fields) {
      const std::size_t first = std::min(field.find_first_not_of(" \t"), field.size());
      field = field.substr(first, field.find_last_not_of(" \t") + 1 - first);
    }
    if (fields.size() == count + 1 && fields.back().empty()) fields.pop_back();
    if (fields.size() != count) refuse("a line has " + std::to_string(fields.size()) + " fields instead of " + std::to_string(count));
    return fields;
  }

  std::uint64_t integer(const std::string& field, std::uint64_t least) const {
    if (field.empty() || field.size() > 9 || field.find_first_not_of("0123456789") != std::string::npos) refuse("a field is no integer");
    const auto value = static_cast<std::uint64_t>(parse_digits(field));
    if (value < least) refuse("a number of layers or entries is 0");
    return value;
  }

  static Integer parse_digits(const std::string& digits) {  // decimal, leading zeros allowed
    Integer value = 0;
    for (std::size_t k = 0; k < digits.size(); k += 18) {
      std::int64_t part = 0, power = 1;
      for (std::size_t j = k; j < std::min(k + 18, digits.size()); ++j) {
        part = 10 * part + (digits[j] - '0');
        power *= 10;
      }
      value = value * power + part;
    }
    return value;
  }

  /// As many numbers as binary64, little-endian.
  std::string numbers(std::uint64_t count) {
    std::string out;
    for (const std::string& field : line(count)) {
      const std::uint64_t bits = number(field);
      for (unsigned k = 0; k < 64; k += 8) out.push_back(static_cast<char>(bits >> k & 0xFF));
    }
    return out;
  }

  std::uint64_t number(const std::string& field) const {
    if (field.size() > 1100) refuse("a number has more than 1100 characters");
    std::size_t at = 0;
    const bool negative = !field.empty() && field[0] == '-';
    if (!field.empty() && (field[0] == '-' || field[0] == '+')) ++at;
    std::string digits;
    std::int64_t exponent = 0;
    bool point = false;
    for (; at < field.size() && ((field[at] >= '0' && field[at] <= '9') || (field[at] == '.' && !point)); ++at) {
      if (field[at] == '.') {
        point = true;
        continue;
      }
      digits.push_back(field[at]);
      if (point) --exponent;
    }
    if (digits.empty()) refuse("a field is no number");
    if (at < field.size()) {
      if (field[at] != 'e' && field[at] != 'E') refuse("a field is no number");
      ++at;
      const bool down = at < field.size() && field[at] == '-';
      if (at < field.size() && (field[at] == '-' || field[at] == '+')) ++at;
      std::int64_t given = 0;
      if (at == field.size()) refuse("a field is no number");
      for (; at < field.size(); ++at) {
        if (field[at] < '0' || field[at] > '9' || (given = 10 * given + (field[at] - '0')) > 400) refuse("a field is no number, or its exponent is above 400");
      }
      exponent += down ? -given : given;
    }
    Rational value(parse_digits(digits));
    const Rational power(mp::pow(Integer(10), static_cast<unsigned>(exponent < 0 ? -exponent : exponent)));
    value = exponent < 0 ? Rational(value / power) : Rational(value * power);
    const std::uint64_t bits = nearest_binary64(value);
    if (bits >> 52 == 0x7FF) refuse("a number is beyond binary64");
    return negative ? bits | std::uint64_t{1} << 63 : bits;
  }

  static ValueInfo info(const std::string& name, std::uint64_t entries) {
    ValueInfo out;
    out.name = name;
    out.tensor = out.has_shape = true;
    out.type = kFloat64;
    out.shape = {{true, 1, {}}, {true, entries, {}}};
    return out;
  }
  void constant(const std::string& name, Shape shape, std::string bits) {
    if (element_count(shape) > std::uint64_t{1} << 28) refuse("a layer has more than 2^28 weights");
    model_.initialisers.push_back({name, {kFloat64, std::move(shape), std::move(bits)}});
  }
  void node(const std::string& op, std::vector<std::string> inputs, const std::string& output) {
    RawNode out;
    out.op = op;
    out.inputs = std::move(inputs);
    out.outputs = {output};
    model_.nodes.push_back(std::move(out));
  }

  const std::string& text_;
  const OnnxOptions& options_;
  std::size_t at_ = 0;
  std::uint64_t line_ = 0;
  RawModel model_;
};

}  // namespace

Graph read_nnet(const std::string& text, const OnnxOptions& options) { return NnetReader(text, options).read(); }

}  // namespace lipverify
