// See convert.hpp. Every block becomes a list of layers of the proved checker. Where all layers but one have known constants (1, or the
// absolute value of a uniform factor), that one carries the block's claimed bound divided by them, so that the product is the claimed bound
// exactly. A block that folds several matrices or entrywise factors becomes one piece of evidence about their product.

#include "proofs/front/convert.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <optional>
#include <utility>

#include "formats/error.hpp"
#include "proofs/front/exact.hpp"
#include "proofs/front/gram_hint.hpp"
#include "proofs/front/members.hpp"

namespace lipcert::proofs {
namespace {

// ---- weights: bits as in the file ----

enum class Encoding { f32, f64 };

const char* name(Encoding encoding) {
  return encoding == Encoding::f32 ? "f32" : "f64";
}

struct Bits {
  Encoding encoding = Encoding::f32;
  std::vector<std::uint64_t> words;

  [[nodiscard]] double real(std::size_t i) const {
    double value = 0;
    if (encoding == Encoding::f64) {
      std::memcpy(&value, &words[i], sizeof value);
    } else {
      const auto word = static_cast<std::uint32_t>(words[i]);
      float single = 0;
      std::memcpy(&single, &word, sizeof single);
      value = single;
    }
    return value;
  }
  /// IEEE's negation changes the sign bit only.
  void negate() {
    for (std::uint64_t& word : words) {
      word ^= encoding == Encoding::f32 ? std::uint64_t{1} << 31U : std::uint64_t{1} << 63U;
    }
  }
};

void append(std::string& out, std::uint64_t value) {
  out += std::to_string(value);
  out += ' ';
}

void append(std::string& out, const Fraction& f) {
  out += f.num.str() + ' ' + f.den.str() + ' ';
}

void append_words(std::string& out, const Bits& bits) {
  for (const std::uint64_t word : bits.words) {
    append(out, word);
  }
}

void append_vector(std::string& out, const Bits& bits) {
  out += std::string(name(bits.encoding)) + ' ';
  append(out, bits.words.size());
  append_words(out, bits);
  out += '\n';
}

/// bits of 1 or -1
Bits ones(std::size_t n, bool negative) {
  return {Encoding::f32, std::vector<std::uint64_t>(n, negative ? 0xbf800000U : 0x3f800000U)};
}

// ---- layers ----

struct Layer {
  enum class Kind { dense, diagonal, plain };
  Kind kind = Kind::plain;
  std::string word;               // plain: the layer's text
  std::size_t rows = 0;           // dense
  std::size_t columns = 0;
  Bits weights;                   // dense: rows x columns; diagonal: the factors, over the divisor
  Integer divisor = 1;            // diagonal
  std::optional<Bits> bias;       // absent: zeros
  std::optional<Fraction> known;  // the layer's constant, when it is read off without the certificate
  Fraction claimed;               // filled in by the block

  [[nodiscard]] std::size_t outputs() const { return kind == Kind::dense ? rows : weights.words.size(); }
};

/// A block of the certificate. Folded: one bound for the product of its layers.
struct Block {
  std::vector<Layer> layers;
  bool folded = false;
  Fraction claimed;
};

void append_network(std::string& out, const Layer& layer) {
  switch (layer.kind) {
    case Layer::Kind::plain:
      out += layer.word + '\n';
      return;
    case Layer::Kind::dense:
      out += "dense 1 ";
      append(out, layer.rows);
      append(out, layer.columns);
      out += std::string(name(layer.weights.encoding)) + ' ';
      append_words(out, layer.weights);
      break;
    case Layer::Kind::diagonal:
      out += "diagonal " + layer.divisor.str() + ' ';
      append_vector(out, layer.weights);
      break;
  }
  out += "\nbias ";
  if (layer.bias) {
    append_vector(out, *layer.bias);
  } else {
    out += "zeros " + std::to_string(layer.outputs()) + '\n';
  }
}

/// Items nested to the left: f, then g, then h is word word f g h.
template <typename Item, typename Append>
void append_chain(std::string& out, const std::vector<Item>& items, const char* word, const Append& append_one) {
  for (std::size_t i = 1; i < items.size(); ++i) {
    out += word;
  }
  for (const Item& item : items) {
    append_one(out, item);
  }
}

void append_evidence(std::string& out, const Layer& layer) {
  if (layer.kind != Layer::Kind::dense) {
    out += "claim ";
    append(out, layer.claimed);
    out += '\n';
    return;
  }
  out += "dense ";
  append(out, layer.claimed);
  RealMatrix matrix{layer.rows, layer.columns, {}};
  matrix.entries.reserve(layer.rows * layer.columns);
  for (std::size_t i = 0; i < layer.rows * layer.columns; ++i) {
    matrix.entries.push_back(layer.weights.real(i));
  }
  append_gram_hint(out, matrix, layer.claimed, Entries::exact);
}

/// The product of a chain of linear layers without their divisors, near enough for a hint: sums of products in extended precision.
RealMatrix product(const std::vector<Layer>& layers) {
  std::vector<long double> m;
  std::size_t rows = 0;
  std::size_t columns = 0;
  for (const Layer& layer : layers) {
    if (layer.kind == Layer::Kind::diagonal) {
      const std::size_t n = layer.weights.words.size();
      if (m.empty()) {
        rows = columns = n;
        m.assign(n * n, 0.0L);
        for (std::size_t i = 0; i < n; ++i) {
          m[i * n + i] = 1;
        }
      }
      for (std::size_t i = 0; i < rows; ++i) {
        for (std::size_t j = 0; j < columns; ++j) {
          m[i * columns + j] *= layer.weights.real(i);
        }
      }
    } else if (m.empty()) {
      rows = layer.rows;
      columns = layer.columns;
      m.reserve(rows * columns);
      for (std::size_t i = 0; i < rows * columns; ++i) {
        m.push_back(layer.weights.real(i));
      }
    } else {
      std::vector<long double> next(layer.rows * columns, 0.0L);
      for (std::size_t i = 0; i < layer.rows; ++i) {
        for (std::size_t k = 0; k < rows; ++k) {
          const long double w = layer.weights.real(i * rows + k);
          for (std::size_t j = 0; w != 0 && j < columns; ++j) {
            next[i * columns + j] += w * m[k * columns + j];
          }
        }
      }
      rows = layer.rows;
      m = std::move(next);
    }
  }
  return {rows, columns, {m.begin(), m.end()}};
}

void append_network(std::string& out, const Block& block) {
  append_chain(out, block.layers, "compose\n", [](std::string& o, const Layer& l) { append_network(o, l); });
}

void append_evidence(std::string& out, const Block& block) {
  if (!block.folded) {
    append_chain(out, block.layers, "both\n", [](std::string& o, const Layer& l) { append_evidence(o, l); });
    return;
  }
  Fraction bound = block.claimed;
  for (const Layer& layer : block.layers) {
    bound.num *= layer.divisor;
  }
  out += "folded ";
  append(out, block.claimed);
  append_gram_hint(out, product(block.layers), bound, Entries::approximate);
}

// ---- nodes ----

class Converter {
 public:
  Converter(const Network& network, const Json& predicate, const std::optional<SampleRequest>& samples)
      : network_(network), predicate_(predicate), samples_(samples) {}

  Conversion run() {
    semantics();
    blocks();
    Conversion result;
    result.not_covered = {
        "signature, issuer and validity",
        "lower ends of the intervals (witnesses)",
        "the certificate's own evidence integers: the claimed numbers are proved from a factor found here",
        "that the problem is the model's graph: the conversion is not proved (read the problem file to check it)",
    };
    result.problem = problem(result);
    return result;
  }

 private:
  /// Bits of a layer's values at a sample: they stay in one machine word, and the error that rounding adds is far below the part by which the
  /// generator reduces a margin (its own error radius, which is one of double precision, 32 times).
  static constexpr int precision = 60;

  void semantics() const {
    const Json& semantics = member(predicate_, "semantics");
    if (text(member(semantics, "arithmetic"), "arithmetic") != "real") {
      throw NotCovered("the certificate is about floating-point arithmetic; the proofs are about real arithmetic");
    }
    if (text(member(semantics, "inputNorm"), "input norm") != "l2" || text(member(semantics, "outputNorm"), "output norm") != "l2") {
      throw NotCovered("the certificate is about another norm than l2");
    }
    if (text(member(semantics, "domain"), "domain") != "all") {
      throw NotCovered("the certificate is about a part of the input space");
    }
  }

  [[nodiscard]] const Value& value(ValueId id) const { return network_.values.at(id); }

  [[nodiscard]] bool data(ValueId id) const { return id != no_value && !value(id).constant; }

  /// A constant as it stands in the file, with the shape that it has where it is used.
  [[nodiscard]] std::pair<Bits, Shape> constant(ValueId id) const {
    const Value& v = value(id);
    if (v.kind == Value::Kind::initialiser) {
      return {bits(network_.initialisers.at(v.initialiser)), v.shape};
    }
    const Node& node = network_.nodes.at(v.producer);
    if (node.op == Operator::constant) {
      for (const auto& [key, attribute] : node.attributes) {
        if (const auto* tensor = std::get_if<Tensor>(&attribute)) {
          return {bits(*tensor), v.shape};
        }
      }
    }
    if (node.op == Operator::identity || node.op == Operator::reshape || node.op == Operator::flatten || node.op == Operator::dropout) {
      return {constant(node.inputs.at(0)).first, v.shape};
    }
    throw NotCovered("the constant '" + v.name + "' is computed by a " + name_of(node.op) + " node");
  }

  static Bits bits(const Tensor& tensor) {
    if (tensor.type != ElementType::float32 && tensor.type != ElementType::float64) {
      throw NotCovered(std::string("weights of type ") + name_of(tensor.type));
    }
    Bits b;
    b.encoding = tensor.type == ElementType::float32 ? Encoding::f32 : Encoding::f64;
    const std::size_t width = b.encoding == Encoding::f32 ? 4 : 8;
    b.words.resize(tensor.bits.size() / width);
    for (std::size_t i = 0; i < b.words.size(); ++i) {
      for (std::size_t k = 0; k < width; ++k) {
        b.words[i] |= static_cast<std::uint64_t>(tensor.bits[i * width + k]) << (8 * k);
      }
    }
    return b;
  }

  /// One entry for each entry of a tensor of shape `to`, by the rules of broadcasting.
  static Bits broadcast(const Bits& from, const Shape& shape, const Shape& to) {
    Bits result{from.encoding, {}};
    const std::uint64_t n = element_count(to);
    if (shape.size() > to.size()) {
      // Leading dimensions of 1 are the only ones that may be too many.
      if (element_count(shape) != 1 && element_count(shape) != n) {
        throw NotCovered("a constant that enlarges the tensor");
      }
    }
    std::vector<std::uint64_t> stride(to.size(), 0);
    std::uint64_t step = 1;
    for (std::size_t k = 0; k < std::min(shape.size(), to.size()); ++k) {
      const std::uint64_t side = shape[shape.size() - 1 - k];
      if (side != 1) {
        stride[to.size() - 1 - k] = step;
      }
      step *= side;
    }
    result.words.reserve(n);
    for (std::uint64_t i = 0; i < n; ++i) {
      std::uint64_t rest = i;
      std::uint64_t at = 0;
      for (std::size_t k = to.size(); k-- > 0;) {
        at += rest % to[k] * stride[k];
        rest /= to[k];
      }
      result.words.push_back(from.words.at(at));
    }
    return result;
  }

  // The layers of one node, appended to the block's.
  void node(const Node& n, std::vector<Layer>& layers) {
    switch (n.op) {
      case Operator::identity:
      case Operator::dropout:
      case Operator::cast:
      case Operator::flatten:
      case Operator::reshape:
      case Operator::squeeze:
      case Operator::unsqueeze:
        return;
      case Operator::add:
      case Operator::sub:
        add(n, layers);
        return;
      case Operator::mul:
      case Operator::div:
        scale(n, layers);
        return;
      case Operator::gemm:
        gemm(n, layers);
        return;
      case Operator::matmul:
        matmul(n, layers);
        return;
      case Operator::relu:
        layers.push_back(plain("relu", {1, 1}));
        return;
      case Operator::abs:
        layers.push_back(plain("abs", {1, 1}));
        return;
      case Operator::leaky_relu: {
        const float alpha = n.real_attribute("alpha");
        std::uint32_t word = 0;
        std::memcpy(&word, &alpha, sizeof word);
        Fraction constant = exact(std::max(1.0, std::fabs(static_cast<double>(alpha))));
        layers.push_back(plain("leaky-relu f32 " + std::to_string(word), std::move(constant)));
        return;
      }
      case Operator::sigmoid:
        layers.push_back(plain("sigmoid", {1, 4}));
        rational_values_ = false;
        return;
      case Operator::tanh:
        layers.push_back(plain("tanh", {1, 1}));
        rational_values_ = false;
        return;
      case Operator::neg: {
        const std::size_t size = element_count(value(n.outputs.at(0)).shape);
        layers.push_back(diagonal(ones(size, true), std::nullopt, Fraction{1, 1}));
        return;
      }
      default:
        break;
    }
    throw NotCovered(std::string("the layer ") + name_of(n.op) + ", for which there is no proof yet");
  }

  static Layer plain(std::string word, Fraction constant) {
    Layer layer;
    layer.word = std::move(word);
    layer.known = std::move(constant);
    return layer;
  }

  static Layer diagonal(Bits factors, std::optional<Bits> bias, std::optional<Fraction> known) {
    Layer layer;
    layer.kind = Layer::Kind::diagonal;
    layer.weights = std::move(factors);
    layer.bias = std::move(bias);
    layer.known = std::move(known);
    return layer;
  }

  [[nodiscard]] std::size_t data_position(const Node& n) const { return data(n.inputs.at(0)) ? 0 : 1; }

  void add(const Node& n, std::vector<Layer>& layers) {
    const std::size_t at = data_position(n);
    auto [words, shape] = constant(n.inputs.at(1 - at));
    const Shape& to = value(n.outputs.at(0)).shape;
    if (element_count(to) != element_count(value(n.inputs.at(at)).shape)) {
      throw NotCovered("a constant that enlarges the tensor");
    }
    Bits shift = broadcast(words, shape, to);
    const bool subtract = n.op == Operator::sub;
    if (subtract && at == 0) {
      shift.negate();
    }
    const bool negative = subtract && at == 1;
    // A shift right after a dense layer is its bias.
    if (!negative && !layers.empty() && layers.back().kind == Layer::Kind::dense && !layers.back().bias) {
      layers.back().bias = std::move(shift);
      return;
    }
    const std::size_t size = shift.words.size();
    layers.push_back(diagonal(ones(size, negative), std::move(shift), Fraction{1, 1}));
  }

  void scale(const Node& n, std::vector<Layer>& layers) {
    const std::size_t at = data_position(n);
    auto [words, shape] = constant(n.inputs.at(1 - at));
    const Shape& to = value(n.outputs.at(0)).shape;
    if (element_count(to) != element_count(value(n.inputs.at(at)).shape)) {
      throw NotCovered("a constant that enlarges the tensor");
    }
    Bits factors = broadcast(words, shape, to);
    const bool uniform = std::all_of(factors.words.begin(), factors.words.end(), [&](std::uint64_t w) { return w == factors.words.front(); });
    std::optional<Fraction> known;
    if (uniform && factors.real(0) != 0) {
      known = exact(std::fabs(factors.real(0)));
    }
    Integer divisor = 1;
    if (n.op == Operator::div) {
      if (known) {
        known = Fraction{1, 1} / *known;
      }
      divisor = invert(factors);
    }
    layers.push_back(diagonal(std::move(factors), std::nullopt, known));
    layers.back().divisor = std::move(divisor);
  }

  /// Turns factors m_i 2^(e_i) into (D / m_i) 2^(-e_i), exactly, and returns the common divisor D.
  static Integer invert(Bits& factors) {
    constexpr std::int64_t largest = std::int64_t{1} << 53;
    const auto parts = [&](std::size_t i) {
      int exponent = 0;
      auto mantissa = static_cast<std::int64_t>(std::ldexp(std::frexp(factors.real(i), &exponent), 53));
      exponent -= 53;
      while (mantissa != 0 && mantissa % 2 == 0) {
        mantissa /= 2;
        ++exponent;
      }
      return std::pair{mantissa, exponent};
    };
    Integer common = 1;
    for (std::size_t i = 0; i < factors.words.size(); ++i) {
      const std::int64_t mantissa = parts(i).first;
      if (mantissa == 0) {
        throw rejected("the model divides by zero.");
      }
      common = lcm(common, Integer(mantissa));
      if (common > largest) {
        throw NotCovered("division by constants without a small common multiple");
      }
    }
    Bits inverse{Encoding::f64, {}};
    for (std::size_t i = 0; i < factors.words.size(); ++i) {
      const auto [mantissa, exponent] = parts(i);
      const double value = std::ldexp(static_cast<double>(common.convert_to<std::int64_t>() / mantissa), -exponent);
      std::uint64_t word = 0;
      std::memcpy(&word, &value, sizeof word);
      inverse.words.push_back(word);
    }
    factors = std::move(inverse);
    return common;
  }

  static void dense(std::vector<Layer>& layers, Bits weights, std::size_t rows, std::size_t columns) {
    Layer layer;
    layer.kind = Layer::Kind::dense;
    layer.rows = rows;
    layer.columns = columns;
    layer.weights = std::move(weights);
    layers.push_back(std::move(layer));
  }

  static Bits transposed(const Bits& from, std::size_t rows, std::size_t columns) {
    Bits to{from.encoding, std::vector<std::uint64_t>(from.words.size())};
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < columns; ++j) {
        to.words[j * rows + i] = from.words[i * columns + j];
      }
    }
    return to;
  }

  void gemm(const Node& n, std::vector<Layer>& layers) {
    if (!data(n.inputs.at(0)) || n.integer_attribute("transA") != 0) {
      throw NotCovered("a Gemm whose data is transposed or not the first operand");
    }
    if (n.real_attribute("alpha") != 1.0F || n.real_attribute("beta") != 1.0F) {
      throw NotCovered("a Gemm with alpha or beta other than 1");
    }
    const std::uint64_t copies = value(n.inputs[0]).shape.at(0);
    auto [words, shape] = constant(n.inputs.at(1));
    const bool by_rows = n.integer_attribute("transB") != 0;
    const std::size_t rows = by_rows ? shape.at(0) : shape.at(1);
    const std::size_t columns = by_rows ? shape.at(1) : shape.at(0);
    dense(layers, by_rows ? std::move(words) : transposed(words, shape[0], shape[1]), rows, columns);
    repeat(layers.back(), copies, 1);
    if (n.inputs.size() > 2 && n.inputs[2] != no_value) {
      auto [bias, bias_shape] = constant(n.inputs[2]);
      layers.back().bias = broadcast(bias, bias_shape, value(n.outputs.at(0)).shape);
    }
  }

  void matmul(const Node& n, std::vector<Layer>& layers) {
    const std::size_t at = data_position(n);
    auto [words, shape] = constant(n.inputs.at(1 - at));
    const Shape& from = value(n.inputs.at(at)).shape;
    if (shape.size() != 2 || from.size() < (at == 0 ? 1 : 2)) {
      throw NotCovered("a MatMul whose constant is not a matrix, or whose data is a vector on the right");
    }
    const std::uint64_t inputs = element_count(from);
    if (at == 0) {
      // The last axis is multiplied: I (x) A.
      dense(layers, transposed(words, shape[0], shape[1]), shape[1], shape[0]);
      repeat(layers.back(), inputs / shape[0], 1);
    } else {
      // The last axis but one is multiplied: I (x) A (x) I.
      const std::uint64_t inner = from.back();
      dense(layers, std::move(words), shape[0], shape[1]);
      repeat(layers.back(), inputs / (shape[1] * inner), inner);
    }
  }

  /// A dense layer A becomes I_outer (x) A (x) I_inner, written out.
  static void repeat(Layer& layer, std::uint64_t outer, std::uint64_t inner) {
    if (outer == 1 && inner == 1) {
      return;
    }
    constexpr std::uint64_t most = std::uint64_t{1} << 24U;
    const std::uint64_t copies = outer * inner;
    if (outer == 0 || inner == 0 || copies > most || layer.rows * copies > most / (layer.columns * copies)) {
      throw NotCovered("a matrix that is applied to so many rows or columns that it cannot be written out");
    }
    Layer big = layer;
    big.rows = layer.rows * copies;
    big.columns = layer.columns * copies;
    big.weights.words.assign(big.rows * big.columns, 0);
    for (std::uint64_t o = 0; o < outer; ++o) {
      for (std::uint64_t i = 0; i < layer.rows; ++i) {
        for (std::uint64_t j = 0; j < layer.columns; ++j) {
          for (std::uint64_t k = 0; k < inner; ++k) {
            const std::uint64_t row = (o * layer.rows + i) * inner + k;
            const std::uint64_t column = (o * layer.columns + j) * inner + k;
            big.weights.words[row * big.columns + column] = layer.weights.words[i * layer.columns + j];
          }
        }
      }
    }
    layer = std::move(big);
  }

  // ---- blocks ----

  void blocks() {
    std::vector<std::size_t> constant_nodes;
    std::vector<std::size_t> data_nodes;
    for (std::size_t i = 0; i < network_.nodes.size(); ++i) {
      const Node& n = network_.nodes[i];
      const auto inputs = static_cast<std::size_t>(std::count_if(n.inputs.begin(), n.inputs.end(), [&](ValueId id) { return data(id); }));
      // A node whose results are known (a Shape, say) is no part of the function, whatever it reads.
      if (value(n.outputs.at(0)).constant) {
        constant_nodes.push_back(i);
        continue;
      }
      if (inputs > 1) {
        throw NotCovered("the node '" + network_.label(i) + "', which joins two branches");
      }
      data_nodes.push_back(i);
    }
    const Json& list = member(predicate_, "blocks");
    std::size_t next = 0;
    ValueId current = network_.input;
    std::string previous;
    for (const Json& block : list) {
      if (!member(block, "inputs").is_array() || member(block, "inputs").size() != 1 || member(block, "inputs").at(0) != previous) {
        throw rejected("the certificate's blocks are not the model's chain.");
      }
      const std::string theorem = text(member(member(block, "method"), "theorem"), "theorem");
      const std::string op = text(member(block, "operator"), "operator");
      known_theorem(op, theorem);
      std::vector<Layer> layers;
      const std::string id = text(member(block, "id"), "block id");
      for (const Json& index : member(block, "nodes")) {
        const std::uint64_t i = natural(index, "node index");
        if (next >= data_nodes.size() || data_nodes[next] != i) {
          throw rejected("the blocks' nodes are not the model's nodes in order, at block '" + id + "'.");
        }
        const Node& n = network_.nodes[i];
        if (std::none_of(n.inputs.begin(), n.inputs.end(), [&](ValueId v) { return v == current; })) {
          throw NotCovered("the node '" + network_.label(i) + "' does not read what the one before it writes");
        }
        node(n, layers);
        current = n.outputs.at(0);
        ++next;
      }
      if (value(current).name != id) {
        throw rejected("the block '" + id + "' is not named after its output.");
      }
      check_operator(op, layers, id);
      blocks_.push_back(carry(std::move(layers), parse_rigorous(text(member(member(block, "upper"), "exact"), "upper bound"))));
      previous = id;
    }
    if (next != data_nodes.size() || current != network_.output) {
      throw rejected("the blocks do not cover the model's nodes.");
    }
    std::vector<std::uint64_t> claimed_constant;
    for (const Json& index : member(predicate_, "constantNodes")) {
      claimed_constant.push_back(natural(index, "node index"));
    }
    if (!std::equal(claimed_constant.begin(), claimed_constant.end(), constant_nodes.begin(), constant_nodes.end())) {
      throw rejected("the certificate's constant nodes are not the model's.");
    }
  }

  static void known_theorem(const std::string& op, const std::string& theorem) {
    const bool known = (op == "isometry" && theorem == "isometry") || (op == "scale" && theorem == "diagonal-max") ||
                       (op == "dense" && (theorem == "dense-gram-psd" || theorem == "zero-operator")) ||
                       (op == "activation" && theorem == "elementwise-slope");
    if (!known) {
      throw NotCovered("blocks of operator '" + op + "' with theorem '" + theorem + "'");
    }
  }

  /// The block is what it says: the proofs do not care, but a checker must not call a wrong certificate right.
  static void check_operator(const std::string& op, const std::vector<Layer>& layers, const std::string& id) {
    const auto count = [&](Layer::Kind kind) { return std::count_if(layers.begin(), layers.end(), [&](const Layer& l) { return l.kind == kind; }); };
    const auto is_one = [](const Fraction& f) { return f.num == f.den; };
    const bool scaled = std::any_of(layers.begin(), layers.end(), [&](const Layer& l) {
      return l.kind == Layer::Kind::diagonal && (!l.known || !is_one(*l.known));
    });
    bool ok = false;
    if (op == "dense") {
      ok = count(Layer::Kind::dense) > 0 && count(Layer::Kind::plain) == 0;
    } else if (op == "activation") {
      ok = layers.size() == 1 && count(Layer::Kind::plain) == 1;
    } else {
      ok = count(Layer::Kind::dense) == 0 && count(Layer::Kind::plain) == 0 && (op == "scale" || !scaled);
    }
    if (!ok) {
      throw rejected("the block '" + id + "' is not of operator '" + op + "'.");
    }
  }

  /// One layer carries the claimed bound of the block, or all of them together do.
  static Block carry(std::vector<Layer> layers, const Fraction& upper) {
    if (layers.empty()) {
      layers.push_back(plain("identity", {1, 1}));
    }
    std::size_t carrier = layers.size() - 1;
    std::size_t unknown = 0;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (!layers[i].known) {
        carrier = i;
        ++unknown;
      }
    }
    Block block;
    block.claimed = upper;
    block.folded = unknown > 1;
    Fraction rest = upper;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (i != carrier && !block.folded) {
        layers[i].claimed = *layers[i].known;
        rest = rest / *layers[i].known;
      }
    }
    layers[carrier].claimed = rest;
    block.layers = std::move(layers);
    return block;
  }

  // ---- the problem ----

  [[nodiscard]] std::string problem(Conversion& result) const {
    std::string out = "lipcert-problem 1\n";
    out += "input " + std::to_string(element_count(value(network_.input).shape)) + "\n";
    // The whole is Compose body last.
    const std::vector<Block> body(blocks_.begin(), blocks_.end() - 1);
    out += body.empty() ? "body\nidentity\n" : "body\n";
    append_chain(out, body, "compose\n", [](std::string& o, const Block& b) { append_network(o, b); });
    out += "last\n";
    append_network(out, blocks_.back());
    out += body.empty() ? "body-evidence\nclaim 1 1\n" : "body-evidence\n";
    append_chain(out, body, "both\n", [](std::string& o, const Block& b) { append_evidence(o, b); });
    out += "last-evidence\n";
    append_evidence(out, blocks_.back());
    out += "precision " + std::to_string(precision) + "\n";
    append_claims(out, result);
    out += "end\n";
    return out;
  }

  void append_claims(std::string& out, Conversion& result) const {
    std::size_t count = 0;
    std::string list;
    SampleConversion samples;
    bool about_samples = false;
    for (const Json& claim : member(predicate_, "claims")) {
      const std::string kind = text(member(claim, "kind"), "claim kind");
      const std::string theorem = text(member(member(claim, "evidence"), "theorem"), "theorem");
      if (kind == "global-lipschitz" && theorem == "graph-propagation") {
        list += "global-lipschitz ";
        append(list, parse_rigorous(text(member(member(claim, "upper"), "exact"), "upper bound")));
        list += '\n';
        ++count;
      } else if (kind == "pair-lipschitz" && (theorem == "pair-row-difference" || theorem == "pair-sqrt2")) {
        count += pairs(list, claim, theorem);
      } else if (kind == "sample-radii" && !about_samples) {
        about_samples = true;
        samples = about(claim, result);
      } else {
        throw NotCovered("claims of kind '" + kind + "' with theorem '" + theorem + "'");
      }
    }
    if (samples_ && !about_samples) {
      throw Error(ExitCode::usage, "data was given, but the certificate makes no claim about samples; leave --data out.");
    }
    out += "points " + std::to_string(samples.point_count) + "\n" + samples.points;
    out += "claims " + std::to_string(count + samples.claim_count) + "\n" + list + samples.claims;
  }

  SampleConversion about(const Json& claim, Conversion& result) const {
    if (!rational_values_) {
      result.not_covered.emplace_back("the claim about samples: values of Sigmoid and Tanh are not rational");
      return {};
    }
    if (!samples_) {
      result.not_covered.emplace_back("the claim about samples (give --data)");
      return {};
    }
    SampleConversion samples = convert_samples(network_, claim, *samples_);
    result.not_covered.insert(result.not_covered.end(), samples.not_covered.begin(), samples.not_covered.end());
    result.samples = samples.summary;
    return samples;
  }

  std::size_t pairs(std::string& list, const Json& claim, const std::string& theorem) const {
    const std::vector<Layer>& last = blocks_.back().layers;
    if (theorem == "pair-row-difference" && std::none_of(last.begin(), last.end(), [](const Layer& l) { return l.kind == Layer::Kind::dense; })) {
      throw rejected("the pair claim speaks of the rows of a last block that has no matrix.");
    }
    const std::uint64_t classes = natural(member(claim, "classes"), "number of classes");
    const Json& uppers = member(member(claim, "upper"), "exact");
    if (classes != element_count(value(network_.output).shape) || !uppers.is_array() || uppers.size() != classes * (classes - 1) / 2) {
      throw rejected("the pair claim does not have one bound for each pair of outputs.");
    }
    std::size_t k = 0;
    for (std::uint64_t i = 0; i < classes; ++i) {
      for (std::uint64_t j = i + 1; j < classes; ++j) {
        list += "pair-lipschitz ";
        append(list, i);
        append(list, j);
        append(list, parse_rigorous(text(uppers.at(k++), "upper bound")));
        list += '\n';
      }
    }
    return k;
  }

  const Network& network_;
  const Json& predicate_;
  const std::optional<SampleRequest>& samples_;
  std::vector<Block> blocks_;
  bool rational_values_ = true;
};

}  // namespace

Conversion convert(const Network& network, const Json& predicate, const std::optional<SampleRequest>& samples) {
  return Converter(network, predicate, samples).run();
}

}  // namespace lipcert::proofs
