// See convert.hpp. Every block becomes a list of layers of the proved checker. One layer carries the block's claimed bound, divided by the
// constants of the others (which are 1 or the absolute value of a uniform factor), so that the product is the claimed bound exactly.

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

namespace lipcert::proofs {
namespace {

Error rejected(const std::string& sentence) {
  return Error(ExitCode::rejected, sentence);
}

/// A member that must be there; a certificate without it does not have the structure of SPEC.md.
const Json& member(const Json& object, const char* key) {
  if (!object.is_object() || !object.contains(key)) {
    throw rejected(std::string("the certificate has no member '") + key + "' where one is required.");
  }
  return object.at(key);
}

std::string text(const Json& value, const char* what) {
  if (!value.is_string()) {
    throw rejected(std::string("the certificate's ") + what + " is not a string.");
  }
  return value.get<std::string>();
}

std::uint64_t natural(const Json& value, const char* what) {
  if (!value.is_number_unsigned() && !(value.is_number_integer() && value.get<std::int64_t>() >= 0)) {
    throw rejected(std::string("the certificate's ") + what + " is not a natural number.");
  }
  return value.get<std::uint64_t>();
}

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
  append_gram_hint(out, matrix, layer.claimed);
}

// ---- nodes ----

class Converter {
 public:
  Converter(const Network& network, const Json& predicate) : network_(network), predicate_(predicate) {}

  Conversion run() {
    semantics();
    blocks();
    Conversion result;
    result.problem = problem();
    result.not_covered = {
        "signature, issuer and validity",
        "lower ends of the intervals (witnesses)",
        "the certificate's own evidence integers: the claimed numbers are proved from a factor found here",
        "that the problem is the model's graph: the conversion is not proved (read the problem file to check it)",
    };
    return result;
  }

 private:
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
      case Operator::tanh:
      case Operator::constant:
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
    if (value(n.inputs[0]).shape.at(0) != 1) {
      throw NotCovered("a Gemm that is applied to several rows");
    }
    auto [words, shape] = constant(n.inputs.at(1));
    const bool by_rows = n.integer_attribute("transB") != 0;
    const std::size_t rows = by_rows ? shape.at(0) : shape.at(1);
    const std::size_t columns = by_rows ? shape.at(1) : shape.at(0);
    dense(layers, by_rows ? std::move(words) : transposed(words, shape[0], shape[1]), rows, columns);
    if (n.inputs.size() > 2 && n.inputs[2] != no_value) {
      auto [bias, bias_shape] = constant(n.inputs[2]);
      layers.back().bias = broadcast(bias, bias_shape, value(n.outputs.at(0)).shape);
    }
  }

  void matmul(const Node& n, std::vector<Layer>& layers) {
    const std::size_t at = data_position(n);
    auto [words, shape] = constant(n.inputs.at(1 - at));
    const std::uint64_t inputs = element_count(value(n.inputs.at(at)).shape);
    if (shape.size() != 2 || inputs != (at == 0 ? shape[0] : shape[1])) {
      throw NotCovered("a MatMul that is applied to several rows or columns");
    }
    if (at == 0) {
      dense(layers, transposed(words, shape[0], shape[1]), shape[1], shape[0]);
    } else {
      dense(layers, std::move(words), shape[0], shape[1]);
    }
  }

  // ---- blocks ----

  void blocks() {
    std::vector<std::size_t> constant_nodes;
    std::vector<std::size_t> data_nodes;
    for (std::size_t i = 0; i < network_.nodes.size(); ++i) {
      const Node& n = network_.nodes[i];
      const auto inputs = static_cast<std::size_t>(std::count_if(n.inputs.begin(), n.inputs.end(), [&](ValueId id) { return data(id); }));
      if (inputs > 1) {
        throw NotCovered("the node '" + network_.label(i) + "', which joins two branches");
      }
      (inputs == 0 ? constant_nodes : data_nodes).push_back(i);
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
      carry(layers, parse_rigorous(text(member(member(block, "upper"), "exact"), "upper bound")), id);
      std::move(layers.begin(), layers.end(), std::back_inserter(layers_));
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

  /// One layer carries the claimed bound of the block.
  static void carry(std::vector<Layer>& layers, const Fraction& upper, const std::string& id) {
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
    if (unknown > 1) {
      throw NotCovered("the block '" + id + "', which folds several matrices or entrywise factors into one");
    }
    Fraction rest = upper;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      if (i != carrier) {
        layers[i].claimed = *layers[i].known;
        rest = rest / *layers[i].known;
      }
    }
    layers[carrier].claimed = rest;
  }

  // ---- the problem ----

  [[nodiscard]] std::string problem() const {
    std::string out = "lipcert-problem 1\n";
    out += "input " + std::to_string(element_count(value(network_.input).shape)) + "\n";
    // The whole is Compose body last; the body is nested to the left.
    const std::size_t body = layers_.size() - 1;
    const auto nested = [&](auto append_one, const char* word, const char* empty) {
      if (body == 0) {
        out += empty;
        return;
      }
      for (std::size_t i = 1; i < body; ++i) {
        out += word;
      }
      for (std::size_t i = 0; i < body; ++i) {
        append_one(out, layers_[i]);
      }
    };
    out += "body\n";
    nested(append_network, "compose\n", "identity\n");
    out += "last\n";
    append_network(out, layers_.back());
    out += "body-evidence\n";
    nested(append_evidence, "both\n", "claim 1 1\n");
    out += "last-evidence\n";
    append_evidence(out, layers_.back());
    out += "precision 56\npoints 0\n";
    append_claims(out);
    out += "end\n";
    return out;
  }

  void append_claims(std::string& out) const {
    std::size_t count = 0;
    std::string list;
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
      } else {
        throw NotCovered("claims of kind '" + kind + "' with theorem '" + theorem + "'");
      }
    }
    out += "claims " + std::to_string(count) + "\n" + list;
  }

  std::size_t pairs(std::string& list, const Json& claim, const std::string& theorem) const {
    if (theorem == "pair-row-difference" && layers_.back().kind != Layer::Kind::dense) {
      throw NotCovered("differences of rows of a last block that does not end with its matrix");
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
  std::vector<Layer> layers_;
};

}  // namespace

Conversion convert(const Network& network, const Json& predicate) {
  return Converter(network, predicate).run();
}

}  // namespace lipcert::proofs
