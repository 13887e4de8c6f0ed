// See convert.hpp. Every block becomes a list of layers of the proved checker. Where all layers but one have known constants (1, or the
// absolute value of a uniform factor), that one carries the block's claimed bound divided by them, so that the product is the claimed bound
// exactly. A block that folds several matrices or entrywise factors becomes one piece of evidence about their product. Linear, convolution,
// sort and pooling blocks are followed entry by entry (entries.hpp); a convolution is written out, as far as its size allows.
//
// The plain format has trees only. What a join adds up or joins becomes two networks from the nearest tensor through which every path to
// the join goes; blocks that lie on both are written twice.

#include "proofs/front/convert.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "formats/encoding/error.hpp"
#include "proofs/front/entries/entries.hpp"
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
  constexpr unsigned most_bits = 66000;  // 20000 digits (proofs/FORMAT.md)
  if ((f.num != 0 && msb(abs(f.num)) >= most_bits) || msb(f.den) >= most_bits) {
    throw NotCovered("a bound that takes more than " + std::to_string(most_bits) + " bits, relative to what is before it");
  }
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
  std::string word;      // plain: the layer's text
  std::size_t rows = 0;  // dense
  std::size_t columns = 0;
  Bits weights;               // dense: rows x columns; diagonal: the factors, over the divisor
  std::string exact_weights;  // not empty: in place of weights, "ENCODING x_1 x_2 ..."
  RealMatrix matrix;          // dense with exact_weights: their values, near enough
  Entries entries = Entries::exact;
  Integer divisor = 1;
  std::optional<Bits> bias;       // absent: zeros
  std::string exact_bias;         // not empty: in place of bias, a vector's text
  std::optional<Fraction> known;  // the layer's constant, when it is read off without the certificate
  Fraction claimed;               // filled in by the block

  [[nodiscard]] std::size_t outputs() const { return kind == Kind::dense || weights.words.empty() ? rows : weights.words.size(); }
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
      out += "dense " + layer.divisor.str() + ' ';
      append(out, layer.rows);
      append(out, layer.columns);
      if (!layer.exact_weights.empty()) {
        out += layer.exact_weights;
        break;
      }
      out += std::string(name(layer.weights.encoding)) + ' ';
      append_words(out, layer.weights);
      break;
    case Layer::Kind::diagonal:
      out += "diagonal " + layer.divisor.str() + ' ';
      if (!layer.exact_weights.empty()) {
        out += layer.exact_weights;
        break;
      }
      append_vector(out, layer.weights);
      break;
  }
  out += "\nbias ";
  if (!layer.exact_bias.empty()) {
    out += layer.exact_bias + '\n';
  } else if (layer.bias) {
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
  if (!layer.exact_weights.empty()) {
    append_gram_hint(out, layer.matrix, {layer.claimed.num * layer.divisor, layer.claimed.den}, layer.entries);
    return;
  }
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

// ---- chains and joins ----

struct Part;
using Chain = std::vector<Part>;

/// A block, or what a join puts together.
struct Part {
  enum class Kind { block, sum, concat };
  Kind kind = Kind::block;
  Block block;
  std::vector<Chain> branches;   // from the same tensor
  Fraction multiple;             // sum: x -> multiple x + branches[0](x)
  std::vector<Fraction> joined;  // concat: bounds of the first two branches together, the first three, ...
};

Fraction reduced(Fraction f) {
  const Integer common = gcd(f.num, f.den);
  if (common > 1) {
    f.num /= common;
    f.den /= common;
  }
  return f;
}

Fraction sum_of(const Fraction& a, const Fraction& b) {
  return reduced({a.num * b.den + b.num * a.den, a.den * b.den});
}

bool at_most(const Fraction& a, const Fraction& b) {
  return a.num * b.den <= b.num * a.den;
}

/// At least the root of f, and near it.
Fraction root_above(const Fraction& f) {
  constexpr unsigned bits = 200;
  const Integer n = f.num * f.den << (2 * bits);
  Integer root = sqrt(n);
  if (root * root < n) {
    ++root;
  }
  return reduced({root, f.den << bits});
}

/// "m e" with odd m; f is dyadic.
std::string dyadic(const Integer& num, const Integer& den) {
  if (num == 0) {
    return "0 0";
  }
  const auto twos = static_cast<std::int64_t>(lsb(abs(num)));
  const auto halves = static_cast<std::int64_t>(lsb(den));
  return Integer(num >> static_cast<unsigned>(twos)).str() + ' ' + std::to_string(twos - halves);
}

/// The bound that the proved checker will find for a chain.
Fraction bound_of(const Chain& chain) {
  Fraction product{1, 1};
  for (const Part& part : chain) {
    Fraction own = part.block.claimed;
    if (part.kind == Part::Kind::sum) {
      own = sum_of({abs(part.multiple.num), part.multiple.den}, bound_of(part.branches.front()));
    } else if (part.kind == Part::Kind::concat) {
      own = part.joined.back();
    }
    product = reduced(product * own);
  }
  return product;
}

/// At least the number of words that stand inside of each other in the chain's text.
std::size_t depth_of(const Chain& chain) {
  std::size_t deepest = 1;
  for (const Part& part : chain) {
    std::size_t inside = part.block.layers.size();
    for (const Chain& branch : part.branches) {
      inside = std::max(inside, depth_of(branch) + part.branches.size());
    }
    deepest = std::max(deepest, inside);
  }
  return chain.size() + deepest;
}

void append_network(std::string& out, const Chain& chain);
void append_evidence(std::string& out, const Chain& chain);

void append_network(std::string& out, const Part& part) {
  switch (part.kind) {
    case Part::Kind::block:
      append_network(out, part.block);
      return;
    case Part::Kind::sum:
      out += "residual dyadic " + dyadic(part.multiple.num, part.multiple.den) + '\n';
      append_network(out, part.branches.front());
      return;
    case Part::Kind::concat:
      append_chain(out, part.branches, "concat\n", [](std::string& o, const Chain& c) { append_network(o, c); });
      return;
  }
}

void append_evidence(std::string& out, const Part& part) {
  switch (part.kind) {
    case Part::Kind::block:
      append_evidence(out, part.block);
      return;
    case Part::Kind::sum:
      out += "inner\n";
      append_evidence(out, part.branches.front());
      return;
    case Part::Kind::concat:
      for (std::size_t k = part.joined.size(); k-- > 0;) {
        out += "join ";
        append(out, part.joined[k]);
        out += '\n';
      }
      for (const Chain& branch : part.branches) {
        append_evidence(out, branch);
      }
      return;
  }
}

void append_network(std::string& out, const Chain& chain) {
  if (chain.empty()) {
    out += "identity\n";
    return;
  }
  append_chain(out, chain, "compose\n", [](std::string& o, const Part& p) { append_network(o, p); });
}

void append_evidence(std::string& out, const Chain& chain) {
  if (chain.empty()) {
    out += "claim 1 1\n";
    return;
  }
  append_chain(out, chain, "both\n", [](std::string& o, const Part& p) { append_evidence(o, p); });
}

// ---- nodes ----

class Converter {
 public:
  Converter(const Network& network, const Json& predicate, const std::optional<SampleRequest>& samples)
      : network_(network), predicate_(predicate), samples_(samples), entries_(network) {}

  Conversion run() {
    semantics();
    read_blocks();
    chain_ = chain_to(network_.output, network_.input);
    if (depth_of(chain_) > deepest_problem) {
      throw NotCovered("a network of so many layers one after another that the proved checker does not read it");
    }
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
  /// Bits of a layer's values at a sample: they stay in one machine word, and the error that rounding adds is far below the part by which
  /// the generator reduces a margin (its own error radius, which is one of double precision, 32 times).
  static constexpr int precision = 60;
  // What lipproof-check reads (proofs/FORMAT.md), and what keeps a small file from exhausting memory or stack here.
  static constexpr std::size_t deepest_problem = 1990;
  static constexpr std::size_t deepest_join = 200;
  static constexpr std::size_t most_blocks = 8192;
  static constexpr std::uint64_t largest_side = 65536;
  static constexpr std::uint64_t largest_inner = std::uint64_t{1} << 20U;
  static constexpr const char* pool_word = "max-pool ";

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

  static Fraction upper_end(const Json& number) {
    return parse_upper(text(member(number, "exact"), "upper bound"), text(member(number, "decimal"), "upper bound's decimal"));
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
      case Operator::prelu: {
        const std::vector<Number>& slopes = entries_.numbers(n.inputs.at(1));
        if (std::any_of(slopes.begin(), slopes.end(), [&](const Number& a) { return a != slopes.front(); })) {
          throw NotCovered("a PRelu with several slopes");
        }
        const Fraction slope{numerator(slopes.front()), denominator(slopes.front())};
        const Fraction size{abs(slope.num), slope.den};
        if (slope.den >> lsb(slope.den) != 1) {
          throw NotCovered("a PRelu whose slope is no binary fraction");
        }
        layers.push_back(plain("leaky-relu dyadic " + dyadic(slope.num, slope.den), at_most(size, {1, 1}) ? Fraction{1, 1} : size));
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
    if (n.op == Operator::div && at == 1) {
      throw rejected("the model divides by its data, which is no factor.");
    }
    auto [words, shape] = constant(n.inputs.at(1 - at));
    const Shape& to = value(n.outputs.at(0)).shape;
    if (element_count(to) != element_count(value(n.inputs.at(at)).shape)) {
      throw NotCovered("a constant that enlarges the tensor");
    }
    Bits factors = broadcast(words, shape, to);
    const bool uniform =
        std::all_of(factors.words.begin(), factors.words.end(), [&](std::uint64_t w) { return w == factors.words.front(); });
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
      if (!std::isfinite(value)) {
        throw NotCovered("division by a constant whose inverse is beyond the doubles");
      }
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

  /// A block as the certificate states it.
  struct Claimed {
    std::string id;
    std::string op;
    std::vector<std::size_t> nodes;
    std::vector<ValueId> inputs;
    std::vector<ValueId> outputs;  // one, but for a split
    Fraction upper;
  };

  /// The blocks are a partition of the model's nodes and its graph, and the bounds of joins are what their inputs' bounds make them.
  void read_blocks() {
    std::vector<std::size_t> constant_nodes;
    std::set<std::size_t> free;
    for (std::size_t i = 0; i < network_.nodes.size(); ++i) {
      // A node whose results are known (a Shape, say) is no part of the function, whatever it reads.
      if (value(network_.nodes[i].outputs.at(0)).constant) {
        constant_nodes.push_back(i);
      } else {
        free.insert(i);
      }
    }
    if (member(predicate_, "blocks").size() > most_blocks) {
      throw NotCovered("more than " + std::to_string(most_blocks) + " blocks");
    }
    bound_[network_.input] = {1, 1};
    dominator_[network_.input] = network_.input;
    depth_[network_.input] = 0;
    std::map<std::string, ValueId> tensors = {{"", network_.input}};
    std::optional<std::string> uncovered;
    for (const Json& json : member(predicate_, "blocks")) {
      Claimed block;
      block.id = text(member(json, "id"), "block id");
      block.op = text(member(json, "operator"), "operator");
      const std::string theorem = text(member(member(json, "method"), "theorem"), "theorem");
      block.upper = upper_end(member(json, "upper"));
      for (const Json& index : member(json, "nodes")) {
        const std::uint64_t i = natural(index, "node index");
        if ((!block.nodes.empty() && i <= block.nodes.back()) || free.erase(i) == 0) {
          throw rejected("the blocks are no partition of the model's nodes, at block '" + block.id + "'.");
        }
        block.nodes.push_back(i);
      }
      if (block.nodes.empty()) {
        throw rejected("the block '" + block.id + "' has no nodes.");
      }
      for (const Json& name : member(json, "inputs")) {
        const auto found = tensors.find(text(name, "block input"));
        if (found == tensors.end() || std::count(block.inputs.begin(), block.inputs.end(), found->second) != 0) {
          throw rejected("the block '" + block.id + "' reads what no block before it puts out.");
        }
        block.inputs.push_back(found->second);
      }
      check_reads(block);
      const Node& last = network_.nodes[block.nodes.back()];
      block.outputs = block.op == "split" ? last.outputs : std::vector<ValueId>{last.outputs.at(0)};
      if (value(block.outputs.front()).name != block.id) {
        throw rejected("the block '" + block.id + "' is not named after its output.");
      }
      if (!uncovered) {
        uncovered = why_not(block.op, theorem);
      }
      place(block, theorem);
      for (const ValueId output : block.outputs) {
        tensors[value(output).name] = output;
        maker_[output] = blocks_.size();
      }
      blocks_.push_back(std::move(block));
    }
    if (!free.empty() || bound_.count(network_.output) == 0) {
      throw rejected("the blocks do not cover the model's nodes.");
    }
    std::vector<std::uint64_t> claimed_constant;
    for (const Json& index : member(predicate_, "constantNodes")) {
      claimed_constant.push_back(natural(index, "node index"));
    }
    if (!std::equal(claimed_constant.begin(), claimed_constant.end(), constant_nodes.begin(), constant_nodes.end())) {
      throw rejected("the certificate's constant nodes are not the model's.");
    }
    if (uncovered) {
      throw NotCovered(*uncovered);
    }
    for (ValueId id = 0; id < network_.values.size(); ++id) {
      const std::uint64_t most = bound_.count(id) != 0 ? largest_side : largest_inner;
      if (data(id) && element_count(value(id).shape) > most) {
        throw NotCovered("the tensor '" + value(id).name + "' of more than " + std::to_string(most) + " entries");
      }
    }
  }

  /// A block reads its inputs, every one of them, and what its own earlier nodes put out.
  void check_reads(const Claimed& block) const {
    std::set<ValueId> own;
    std::set<ValueId> read;
    for (const std::size_t i : block.nodes) {
      const Node& n = network_.nodes[i];
      for (const ValueId v : n.inputs) {
        if (n.op == Operator::shape || !data(v) || own.count(v) != 0) {
          continue;
        }
        if (std::count(block.inputs.begin(), block.inputs.end(), v) == 0) {
          throw rejected("the node '" + network_.label(i) + "' of the block '" + block.id +
                         "' reads a tensor that is not among the block's inputs.");
        }
        read.insert(v);
      }
      own.insert(n.outputs.begin(), n.outputs.end());
    }
    if (read.size() != block.inputs.size() || read.empty()) {
      throw rejected("the block '" + block.id + "' does not read its inputs.");
    }
    const bool chain = block.op == "isometry" || block.op == "scale" || block.op == "dense";
    for (std::size_t k = 0; chain && k < block.nodes.size(); ++k) {
      const ValueId current = k == 0 ? block.inputs.front() : network_.nodes[block.nodes[k - 1]].outputs.at(0);
      const std::vector<ValueId>& in = network_.nodes[block.nodes[k]].inputs;
      if (block.inputs.size() != 1 || std::count_if(in.begin(), in.end(), [&](ValueId v) { return data(v); }) != 1 ||
          std::count(in.begin(), in.end(), current) != 1) {
        throw rejected("the nodes of the block '" + block.id + "' are no chain.");
      }
    }
  }

  /// The bound and the dominator of what the block puts out.
  void place(const Claimed& block, const std::string& theorem) {
    const bool join = block.op == "add" || block.op == "concat" || block.op == "max-min";
    ValueId before = block.inputs.front();
    Fraction bound = block.upper;
    if (!join) {
      if (block.inputs.size() != 1) {
        throw rejected("the block '" + block.id + "' has more than one input.");
      }
      if ((block.op == "isometry" || block.op == "sort" || block.op == "split") && block.upper.num != block.upper.den) {
        throw rejected("the block '" + block.id + "' has another constant than 1.");
      }
      bound = reduced(bound_.at(before) * block.upper);
    } else {
      if (block.nodes.size() != 1) {
        throw rejected("the join '" + block.id + "' has more than one node.");
      }
      for (const ValueId input : block.inputs) {
        ValueId other = input;
        while (other != before) {
          ValueId& deeper = depth_.at(other) >= depth_.at(before) ? other : before;
          deeper = dominator_.at(deeper);
        }
      }
      Fraction sum{0, 1};
      for (const ValueId input : network_.nodes[block.nodes.front()].inputs) {
        if (!data(input)) {
          throw rejected("the join '" + block.id + "' reads a constant.");
        }
        sum = sum_of(sum, theorem == "sum" ? bound_.at(input) : bound_.at(input) * bound_.at(input));
      }
      if ((theorem == "sum" || theorem == "root-sum-squares") && !at_most(sum, theorem == "sum" ? bound : bound * bound)) {
        throw rejected("the bound of the join '" + block.id + "' is smaller than its inputs' bounds make it.");
      }
    }
    for (const ValueId output : block.outputs) {
      bound_[output] = bound;
      dominator_[output] = before;
      depth_[output] = depth_.at(before) + 1;
    }
  }

  /// Why this version has no proof for such a block, or nothing.
  static std::optional<std::string> why_not(const std::string& op, const std::string& theorem) {
    static const std::map<std::string, std::vector<std::string>> known = {
        {"isometry", {"isometry"}},
        {"scale", {"diagonal-max"}},
        {"dense", {"dense-gram-psd", "zero-operator"}},
        {"activation", {"elementwise-slope"}},
        {"linear", {"diagonal-gram", "explicit-gram-psd", "zero-operator"}},
        {"convolution", {"conv-frequency-grid", "conv-bernstein", "conv-reshape"}},
        {"sort", {"rearrangement"}},
        {"split", {"slices"}},
        {"pool-max", {"max-overlap"}},
        {"add", {"sum"}},
        {"concat", {"root-sum-squares"}},
        {"max-min", {"root-sum-squares"}},
    };
    const auto found = known.find(op);
    if (found == known.end() || std::count(found->second.begin(), found->second.end(), theorem) == 0) {
      return "blocks of operator '" + op + "' with theorem '" + theorem + "'";
    }
    return std::nullopt;
  }

  /// From tensor `from` to tensor `to`, through which every path to `to` goes.
  Chain chain_to(ValueId to, ValueId from, std::size_t joins = 0) {
    Chain chain;
    if (joins > deepest_join) {
      throw NotCovered("joins inside of each other, more than " + std::to_string(deepest_join) + " deep");
    }
    while (to != from) {
      const std::size_t index = maker_.at(to);
      const Claimed& block = blocks_.at(index);
      if (++written_ > 4 * blocks_.size()) {
        throw NotCovered("branches that have so much in common that they cannot be written as a tree");
      }
      const ValueId before = dominator_.at(to);
      if (block.op == "add" || block.op == "concat" || block.op == "max-min") {
        Chain parts = joined(block, before, joins);
        std::reverse(parts.begin(), parts.end());
        chain.insert(chain.end(), parts.begin(), parts.end());
      } else if (block.op == "split") {
        Part part;
        std::vector<Source> sources;
        const Node& n = network_.nodes[block.nodes.front()];
        const auto place = static_cast<std::size_t>(std::find(n.outputs.begin(), n.outputs.end(), to) - n.outputs.begin());
        if (block.nodes.size() != 1 || n.op != Operator::split || !entries_.moves(n, place, sources)) {
          throw rejected("the block '" + block.id + "' is no split.");
        }
        part.block = carry({selection(sources)}, block.upper);
        check_sizes(part.block.layers, before, to);
        chain.push_back(std::move(part));
      } else {
        auto found = converted_.find(index);
        if (found == converted_.end()) {
          found = converted_.emplace(index, carry(layers_of(block), block.upper)).first;
          check_sizes(found->second.layers, before, to);
        }
        Part part;
        part.block = found->second;
        chain.push_back(std::move(part));
      }
      to = before;
    }
    std::reverse(chain.begin(), chain.end());
    return chain;
  }

  /// Whatever a block was made into has as many inputs and outputs as its tensors have entries.
  void check_sizes(const std::vector<Layer>& layers, ValueId from, ValueId to) const {
    std::size_t size = element_count(value(from).shape);
    bool fit = true;
    for (const Layer& layer : layers) {
      const bool pool = layer.kind == Layer::Kind::plain && layer.word.rfind(pool_word, 0) == 0;
      if (layer.kind == Layer::Kind::plain) {
        size = pool ? std::stoull(layer.word.substr(std::strlen(pool_word))) : size;
        continue;
      }
      fit = fit && size == (layer.kind == Layer::Kind::dense ? layer.columns : layer.outputs());
      size = layer.outputs();
    }
    if (!fit || size != element_count(value(to).shape)) {
      throw Error(ExitCode::internal,
                  "the layers before the tensor '" + value(to).name + "' do not have its size; this is a fault of lipproof.");
    }
  }

  /// What a join and the branches before it are, from the tensor at which they part.
  Chain joined(const Claimed& block, ValueId from, std::size_t joins) {
    const Node& n = network_.nodes[block.nodes.front()];
    Chain result(1);
    Part& part = result.front();
    for (const ValueId input : n.inputs) {
      part.branches.push_back(chain_to(input, from, joins + 1));
    }
    const std::size_t size = element_count(value(n.outputs.at(0)).shape);
    const bool minimum = n.op == Operator::min;
    // Nothing is broadcast where every operand has as many entries as the result.
    const bool one_shape = std::all_of(n.inputs.begin(), n.inputs.end(), [&](ValueId v) { return element_count(value(v).shape) == size; });
    if (block.op != "concat" && !one_shape) {
      throw rejected("the block '" + block.id + "' reads tensors of several shapes.");
    }
    if (block.op == "add") {
      if (n.op != Operator::add && n.op != Operator::sub) {
        throw rejected("the block '" + block.id + "' is no sum.");
      }
      add_branches(part, n.op == Operator::sub, size, block);
      // The claimed bound is rounded up; the identity carries what it adds, so that the checker's bound is the certificate's.
      const Fraction found = reduced(bound_.at(from) * bound_of(result));
      if (found.num != 0) {
        Part rest;
        rest.block = carry({plain("identity", {1, 1})}, reduced(block.upper / found));
        result.push_back(std::move(rest));
      }
      return result;
    }
    if (block.op == "concat" ? n.op != Operator::concat : n.op != Operator::max && !minimum) {
      throw rejected("the block '" + block.id + "' is not of operator '" + block.op + "'.");
    }
    part.kind = Part::Kind::concat;
    bounds_of_concat(part, block, from);
    if (block.op == "concat") {
      std::vector<std::uint32_t> offset;
      std::uint32_t total = 0;
      for (const ValueId input : n.inputs) {
        offset.push_back(total);
        total += static_cast<std::uint32_t>(element_count(value(input).shape));
      }
      std::vector<Source> sources;
      if (!entries_.moves(n, 0, sources)) {
        throw rejected("the block '" + block.id + "' does not put its inputs side by side.");
      }
      for (Source& s : sources) {
        s.index += offset.at(s.input);
      }
      append_plain(result, {selection(sources)});
      return result;
    }
    // The entries of the inputs one after another, then the largest of those that belong together.
    std::string windows = pool_word + std::to_string(size);
    for (std::size_t i = 0; i < size; ++i) {
      windows += ' ' + std::to_string(n.inputs.size());
      for (std::size_t k = 0; k < n.inputs.size(); ++k) {
        windows += ' ' + std::to_string(k * size + i);
      }
    }
    std::vector<Layer> layers = {plain(windows, {1, 1})};
    if (minimum) {
      layers.insert(layers.begin(), diagonal(ones(n.inputs.size() * size, true), std::nullopt, Fraction{1, 1}));
      layers.push_back(diagonal(ones(size, true), std::nullopt, Fraction{1, 1}));
    }
    append_plain(result, std::move(layers));
    return result;
  }

  static void append_plain(Chain& chain, std::vector<Layer> layers) {
    Part part;
    part.block = carry(std::move(layers), {1, 1});
    chain.push_back(std::move(part));
  }

  /// a x + g(x): one branch is a multiple of the tensor at which the branches part.
  static void add_branches(Part& part, bool subtract, std::size_t size, const Claimed& block) {
    part.kind = Part::Kind::sum;
    const auto multiple = [](const Chain& chain) -> std::optional<Fraction> {
      if (chain.empty()) {
        return Fraction{1, 1};
      }
      if (chain.size() != 1 || chain.front().kind != Part::Kind::block) {
        return std::nullopt;
      }
      Fraction product{1, 1};
      for (const Layer& layer : chain.front().block.layers) {
        const std::vector<std::uint64_t>& words = layer.weights.words;
        if (layer.kind == Layer::Kind::plain && layer.word == "identity") {
          continue;
        }
        if (layer.kind != Layer::Kind::diagonal || words.empty() || layer.bias || layer.divisor != 1 ||
            std::any_of(words.begin(), words.end(), [&](std::uint64_t w) { return w != words.front(); })) {
          return std::nullopt;
        }
        product = product * exact(layer.weights.real(0));
      }
      return product;
    };
    for (const std::size_t k : {std::size_t{0}, std::size_t{1}}) {
      if (std::optional<Fraction> a = multiple(part.branches.at(k))) {
        if (!at_most({abs(a->num), a->den}, bound_of(part.branches[k]))) {
          throw rejected("the bound of a factor before the join '" + block.id + "' is too small.");
        }
        part.multiple = *std::move(a);
        Chain other = std::move(part.branches.at(1 - k));
        if (subtract && k == 1) {
          part.multiple.num = -part.multiple.num;
        }
        if (subtract && k == 0) {
          append_plain(other, {diagonal(ones(size, true), std::nullopt, Fraction{1, 1})});
        }
        part.branches = {std::move(other)};
        return;
      }
    }
    throw NotCovered("a sum of two branches neither of which is a multiple of what both begin with");
  }

  /// The claimed bound relative to the beginning of the branches, and bounds of the first of them together.
  void bounds_of_concat(Part& part, const Claimed& block, ValueId from) const {
    Fraction squares{0, 1};
    for (std::size_t k = 0; k < part.branches.size(); ++k) {
      const Fraction own = bound_of(part.branches[k]);
      Fraction before = part.joined.empty() ? squares : part.joined.back() * part.joined.back();
      squares = sum_of(before, own * own);
      const bool last = k + 1 == part.branches.size();
      const Fraction& start = bound_.at(from);
      if (last && start.num != 0) {
        part.joined.push_back(reduced(block.upper / start));
      } else if (k > 0) {
        part.joined.push_back(root_above(squares));
      }
      if (last && !at_most(squares, part.joined.back() * part.joined.back())) {
        throw NotCovered("a join of more than two tensors whose bound leaves no room for rational bounds of the first of them");
      }
    }
    if (part.branches.size() < 2) {
      throw NotCovered("a join of one tensor");
    }
  }

  // ---- blocks that are followed entry by entry ----

  std::vector<Layer> layers_of(const Claimed& block) {
    const ValueId input = block.inputs.front();
    const ValueId output = block.outputs.front();
    if (block.op == "linear" || block.op == "convolution") {
      const auto convolutions = std::count_if(block.nodes.begin(), block.nodes.end(), [&](std::size_t i) {
        return network_.nodes[i].op == Operator::conv || network_.nodes[i].op == Operator::conv_transpose;
      });
      if (block.op == "convolution" && convolutions != 1) {
        throw rejected("the block '" + block.id + "' is not of operator '" + block.op + "'.");
      }
      if (convolutions > 0) {
        require_small(element_count(value(output).shape), element_count(value(input).shape));
      }
      return affine(entries_.forms(block.nodes, input, output), element_count(value(input).shape));
    }
    if (block.op == "sort") {
      return sorted(entries_.orders(block.nodes, input, output), element_count(value(input).shape));
    }
    if (block.op == "pool-max") {
      return pooled(block);
    }
    std::vector<Layer> layers;
    if (block.op == "activation" && block.nodes.size() != 1) {
      const bool silu = block.nodes.size() == 2 && network_.nodes[block.nodes[0]].op == Operator::sigmoid &&
                        network_.nodes[block.nodes[1]].op == Operator::mul;
      if (silu) {
        throw NotCovered("the activation x Sigmoid(x)");
      }
      throw rejected("the block '" + block.id + "' is not of operator '" + block.op + "'.");
    }
    try {
      for (const std::size_t i : block.nodes) {
        node(network_.nodes[i], layers);
      }
    } catch (const NotCovered&) {
      if (block.op == "activation") {
        throw;
      }
      // Weights that are computed from others, or matrices that are applied in another way: the same by entries.
      check_nodes(block);
      return affine(entries_.forms(block.nodes, input, output), element_count(value(input).shape));
    }
    check_operator(block.op, layers, block.id);
    return layers;
  }

  /// The nodes of the block are those of its operator.
  void check_nodes(const Claimed& block) const {
    const auto any_of = [&](std::initializer_list<Operator> kinds) {
      return std::any_of(block.nodes.begin(), block.nodes.end(),
                         [&](std::size_t i) { return std::count(kinds.begin(), kinds.end(), network_.nodes[i].op) != 0; });
    };
    const bool products = any_of({Operator::gemm, Operator::matmul});
    const bool factors = any_of({Operator::mul, Operator::div});
    if (block.op == "dense" ? !products : products || (block.op == "scale" ? !factors : factors)) {
      throw rejected("the block '" + block.id + "' is not of operator '" + block.op + "'.");
    }
  }

  std::vector<Layer> pooled(const Claimed& block) const {
    const Node& n = network_.nodes[block.nodes.front()];
    const bool minimum = n.op == Operator::reduce_min;
    if (block.nodes.size() != 1 ||
        (n.op != Operator::max_pool && n.op != Operator::global_max_pool && n.op != Operator::reduce_max && !minimum)) {
      throw rejected("the block '" + block.id + "' is not of operator '" + block.op + "'.");
    }
    const std::vector<std::vector<std::uint32_t>> windows = entries_.windows(n);
    Layer pool;
    pool.word = pool_word + std::to_string(windows.size());
    for (const std::vector<std::uint32_t>& window : windows) {
      pool.word += ' ' + std::to_string(window.size());
      for (const std::uint32_t i : window) {
        pool.word += ' ' + std::to_string(i);
      }
    }
    std::vector<Layer> layers;
    if (minimum) {
      layers.push_back(diagonal(ones(element_count(value(n.inputs.at(0)).shape), true), std::nullopt, Fraction{1, 1}));
    }
    layers.push_back(std::move(pool));
    if (minimum) {
      layers.push_back(diagonal(ones(windows.size(), true), std::nullopt, Fraction{1, 1}));
    }
    return layers;
  }

  /// x -> the entries of these numbers, as the maxima over windows of one entry.
  static Layer selection(const std::vector<std::uint32_t>& entries) {
    std::vector<std::uint32_t> ascending = entries;
    std::sort(ascending.begin(), ascending.end());
    Layer layer;
    layer.word = pool_word + std::to_string(entries.size());
    for (const std::uint32_t i : entries) {
      layer.word += " 1 " + std::to_string(i);
    }
    if (std::adjacent_find(ascending.begin(), ascending.end()) == ascending.end()) {
      layer.known = Fraction{1, 1};
    }
    return layer;
  }

  static Layer selection(const std::vector<Source>& sources) {
    std::vector<std::uint32_t> entries;
    for (const Source& s : sources) {
      entries.push_back(s.index);
    }
    return selection(entries);
  }

  /// All of a tensor of this size, in its order; the first entries alone are a selection.
  static bool all_in_order(const std::vector<std::uint32_t>& entries, std::size_t size) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
      if (entries[i] != i) {
        return false;
      }
    }
    return entries.size() == size;
  }

  /// The members of each set side by side, sorted decreasingly, and the ranks that the block puts out.
  static std::vector<Layer> sorted(const std::vector<Ordered>& entries, std::size_t inputs) {
    if (std::any_of(entries.begin(), entries.end(), [](const Ordered& e) { return e.part; })) {
      return parts(entries, inputs);
    }
    std::map<std::vector<std::uint32_t>, std::uint32_t> position;
    std::vector<std::uint32_t> gathered;
    std::vector<std::uint32_t> ranks;
    Bits signs{Encoding::f32, {}};
    const auto group = static_cast<std::uint32_t>(entries.front().set.size());
    for (const Ordered& entry : entries) {
      if (entry.set.size() != group) {
        throw NotCovered("a sort of groups of several sizes");
      }
      const auto [at, fresh] = position.emplace(entry.set, static_cast<std::uint32_t>(position.size()));
      if (fresh) {
        gathered.insert(gathered.end(), entry.set.begin(), entry.set.end());
      }
      ranks.push_back(at->second * group + (group - 1 - entry.rank));
      signs.words.push_back(entry.negative ? 0xbf800000U : 0x3f800000U);
    }
    std::vector<Layer> layers;
    if (!all_in_order(gathered, inputs)) {
      layers.push_back(selection(gathered));
    }
    if (group > 1) {
      layers.push_back(plain("group-sort " + std::to_string(group), {1, 1}));
    }
    if (!all_in_order(ranks, gathered.size())) {
      layers.push_back(selection(ranks));
    }
    if (std::any_of(entries.begin(), entries.end(), [](const Ordered& e) { return e.negative; })) {
      layers.push_back(diagonal(std::move(signs), std::nullopt, Fraction{1, 1}));
    }
    if (std::any_of(layers.begin(), layers.end(), [](const Layer& l) { return !l.known; })) {
      throw rejected("a sort's groups overlap, or it puts out an entry twice.");
    }
    return layers;
  }

  /// relu(x) and relu(-x) are the larger and minus the smaller of x and 0.
  static std::vector<Layer> parts(const std::vector<Ordered>& entries, std::size_t inputs) {
    std::vector<Form> with_zeros(2 * inputs);
    for (std::size_t i = 0; i < inputs; ++i) {
      with_zeros[2 * i].terms.emplace_back(static_cast<std::uint32_t>(i), 1);
    }
    std::vector<std::uint32_t> ranks;
    Bits signs{Encoding::f32, {}};
    for (const Ordered& entry : entries) {
      if (!entry.part) {
        throw NotCovered("a block that puts out positive parts of entries besides other ones");
      }
      ranks.push_back(2 * entry.set.front() + (entry.negative ? 1 : 0));
      signs.words.push_back(entry.negative ? 0xbf800000U : 0x3f800000U);
    }
    std::vector<Layer> layers = matrix(with_zeros, inputs);
    layers.front().known = Fraction{1, 1};
    layers.push_back(plain("group-sort 2", {1, 1}));
    layers.push_back(selection(ranks));
    if (!layers.back().known) {
      throw rejected("a block puts out an entry's positive part twice.");
    }
    layers.push_back(diagonal(std::move(signs), std::nullopt, Fraction{1, 1}));
    return layers;
  }

  /// An affine map, entry by entry: a selection with factors where that is all, else a matrix over the common divisor of its entries.
  static std::vector<Layer> affine(const std::vector<Form>& forms, std::size_t inputs) {
    if (std::all_of(forms.begin(), forms.end(), [](const Form& f) { return f.terms.size() == 1; })) {
      std::vector<std::uint32_t> entries;
      for (const Form& f : forms) {
        entries.push_back(f.terms.front().first);
      }
      Layer select = selection(entries);
      const bool plainly =
          std::all_of(forms.begin(), forms.end(), [](const Form& f) { return f.terms.front().second == 1 && f.constant == 0; });
      if (plainly) {
        return {std::move(select)};
      }
      if (select.known) {
        std::vector<Layer> layers = matrix(forms, 0);
        layers.insert(layers.begin(), std::move(select));
        return layers;
      }
    }
    return matrix(forms, inputs);
  }

  static void require_small(std::size_t rows, std::size_t columns) {
    constexpr std::size_t most_entries = std::size_t{1} << 22U;
    constexpr std::size_t most_order = 1024;
    if (rows > most_entries / columns || std::min(rows, columns) > most_order) {
      throw NotCovered("a linear map of " + std::to_string(columns) + " entries to " + std::to_string(rows) +
                       ", too large to be written out as a matrix");
    }
  }

  static void require_small_divisor(const Integer& divisor) {
    if (msb(divisor) > 800) {
      throw NotCovered("a linear map whose entries have no small common divisor");
    }
  }

  /// `columns` 0: the forms' factors as a diagonal.
  static std::vector<Layer> matrix(const std::vector<Form>& forms, std::size_t columns) {
    const bool diagonal_only = columns == 0;
    if (!diagonal_only) {
      require_small(forms.size(), columns);
    }
    // Everything times this is dyadic.
    Integer divisor = 1;
    bool dyadic_bias = true;
    bool biased = false;
    const auto odd_part = [](const Number& x) { return Integer(denominator(x) >> lsb(denominator(x))); };
    for (const Form& f : forms) {
      for (const auto& [index, weight] : f.terms) {
        divisor = lcm(divisor, odd_part(weight));
        require_small_divisor(divisor);
      }
      dyadic_bias = dyadic_bias && odd_part(f.constant) == 1;
      biased = biased || f.constant != 0;
    }
    for (const Form& f : forms) {
      if (!dyadic_bias) {
        divisor = lcm(divisor, odd_part(f.constant));
        require_small_divisor(divisor);
      }
    }
    Layer layer;
    layer.kind = diagonal_only ? Layer::Kind::diagonal : Layer::Kind::dense;
    layer.rows = forms.size();
    layer.columns = columns;
    // A bias with thirds, say, is divided together with the matrix, in a layer of its own.
    layer.divisor = dyadic_bias ? divisor : Integer(1);
    std::vector<std::pair<std::size_t, Number>> placed;
    for (std::size_t i = 0; i < forms.size(); ++i) {
      for (const auto& [index, weight] : forms[i].terms) {
        placed.emplace_back(diagonal_only ? i : i * columns + index, weight * divisor);
      }
    }
    const std::size_t size = diagonal_only ? forms.size() : forms.size() * columns;
    layer.matrix = {forms.size(), columns, std::vector<double>(size, 0.0)};
    for (const auto& [at, weight] : placed) {
      double& entry = layer.matrix.entries[at];
      entry = approximate({numerator(weight), denominator(weight)});
      if (!std::isfinite(entry)) {
        throw NotCovered("a linear map whose entries are beyond the doubles");
      }
      const Fraction back = exact(entry);
      if (back.num * denominator(weight) != numerator(weight) * back.den) {
        layer.entries = Entries::rounded;
      }
    }
    layer.exact_weights = layer.entries == Entries::exact ? "f64 " : "dyadic ";
    if (diagonal_only) {
      layer.exact_weights += std::to_string(size) + ' ';
    }
    const char* nothing = layer.entries == Entries::exact ? "0 " : "0 0 ";
    std::size_t next = 0;
    for (const auto& [at, weight] : placed) {
      for (; next < at; ++next) {
        layer.exact_weights += nothing;
      }
      if (layer.entries == Entries::exact) {
        std::uint64_t word = 0;
        std::memcpy(&word, &layer.matrix.entries[at], sizeof word);
        append(layer.exact_weights, word);
      } else {
        layer.exact_weights += dyadic(numerator(weight), denominator(weight)) + ' ';
      }
      ++next;
    }
    for (; next < size; ++next) {
      layer.exact_weights += nothing;
    }
    if (biased) {
      layer.exact_bias = "dyadic " + std::to_string(forms.size());
      for (const Form& f : forms) {
        const Number b = dyadic_bias ? f.constant : f.constant * divisor;
        layer.exact_bias += ' ' + dyadic(numerator(b), denominator(b));
      }
    }
    std::vector<Layer> layers;
    layers.push_back(std::move(layer));
    if (!dyadic_bias) {
      layers.push_back(diagonal(ones(forms.size(), false), std::nullopt, Fraction{1, divisor}));
      layers.back().divisor = divisor;
    }
    return layers;
  }

  /// The block is what it says: the proofs do not care, but a checker must not call a wrong certificate right.
  static void check_operator(const std::string& op, const std::vector<Layer>& layers, const std::string& id) {
    const auto count = [&](Layer::Kind kind) {
      return std::count_if(layers.begin(), layers.end(), [&](const Layer& l) { return l.kind == kind; });
    };
    const auto is_one = [](const Fraction& f) { return f.num == f.den; };
    const bool scaled = std::any_of(layers.begin(), layers.end(),
                                    [&](const Layer& l) { return l.kind == Layer::Kind::diagonal && (!l.known || !is_one(*l.known)); });
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
    const Chain body(chain_.begin(), chain_.end() - (chain_.empty() ? 0 : 1));
    const Chain last(chain_.end() - (chain_.empty() ? 0 : 1), chain_.end());
    out += "body\n";
    append_network(out, body);
    out += "last\n";
    append_network(out, last);
    out += "body-evidence\n";
    append_evidence(out, body);
    out += "last-evidence\n";
    append_evidence(out, last);
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
    std::set<std::string> kinds;
    for (const Json& claim : member(predicate_, "claims")) {
      const std::string kind = text(member(claim, "kind"), "claim kind");
      if (!kinds.insert(kind).second) {
        throw rejected("the certificate makes two claims of kind '" + kind + "'.");
      }
      const std::string theorem = text(member(member(claim, "evidence"), "theorem"), "theorem");
      if (kind == "global-lipschitz" && theorem == "graph-propagation") {
        check_formula(claim, "for all x, y in R^(" + input_space() + "): ||f(x) - f(y)||_2 <= L ||x - y||_2");
        list += "global-lipschitz ";
        append(list, upper_end(member(claim, "upper")));
        list += '\n';
        ++count;
      } else if (kind == "pair-lipschitz" && (theorem == "pair-row-difference" || theorem == "pair-sqrt2")) {
        count += pairs(list, claim, theorem);
      } else if (kind == "sample-radii") {
        about_samples = true;
        samples = about(claim, result);
      } else {
        throw NotCovered("claims of kind '" + kind + "' with theorem '" + theorem + "'");
      }
    }
    if (samples_ && !about_samples) {
      throw Error(ExitCode::usage, "data was given, but the certificate makes no claim about samples; leave --data out.");
    }
    if (kinds.empty()) {
      throw rejected("the certificate makes no claim.");
    }
    if (count + samples.claim_count == 0) {
      throw NotCovered("a certificate about samples alone, without a radius to prove");
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
    check_formula(claim,
                  element_count(value(network_.output).shape) == 1
                      ? "for every selected sample x_k with a predicted class and every y with ||y - x_k||_2 < r_k: sign f(y) = sign f(x_k)"
                      : "for every selected sample x_k with a predicted class, every y with ||y - x_k||_2 < r_k and every j != c_k: "
                        "f_(c_k)(y) > f_j(y)");
    SampleConversion samples = convert_samples(network_, claim, *samples_);
    result.not_covered.insert(result.not_covered.end(), samples.not_covered.begin(), samples.not_covered.end());
    result.samples = samples.summary;
    return samples;
  }

  [[nodiscard]] std::string input_space() const {
    std::string joined;
    for (const std::uint64_t side : value(network_.input).shape) {
      joined += (joined.empty() ? "" : " x ") + std::to_string(side);
    }
    return joined;
  }

  /// People read the formula: it must be the sentence that is proved (formats/SPEC.md, section 4).
  static void check_formula(const Json& claim, const std::string& sentence) {
    if (text(member(claim, "formula"), "formula") != sentence) {
      throw rejected("a claim's formula is not '" + sentence + "'.");
    }
  }

  std::size_t pairs(std::string& list, const Json& claim, const std::string& theorem) const {
    const bool by_rows = !blocks_.empty() && blocks_.back().op == "dense" && blocks_.back().outputs.front() == network_.output;
    if (theorem == "pair-row-difference" && !by_rows) {
      throw rejected("the pair claim speaks of the rows of a last block that has no matrix.");
    }
    const std::uint64_t classes = natural(member(claim, "classes"), "number of classes");
    const Json& uppers = member(member(claim, "upper"), "exact");
    const Json& decimals = member(member(claim, "upper"), "decimal");
    check_formula(claim, "for all i < j and all x, y in R^(" + input_space() + "): |(f_i - f_j)(x) - (f_i - f_j)(y)| <= L_ij ||x - y||_2");
    if (classes != element_count(value(network_.output).shape) || !uppers.is_array() || !decimals.is_array() ||
        uppers.size() != classes * (classes - 1) / 2 || decimals.size() != uppers.size()) {
      throw rejected("the pair claim does not have one bound for each pair of outputs.");
    }
    std::size_t k = 0;
    for (std::uint64_t i = 0; i < classes; ++i) {
      for (std::uint64_t j = i + 1; j < classes; ++j) {
        list += "pair-lipschitz ";
        append(list, i);
        append(list, j);
        append(list, parse_upper(text(uppers.at(k), "upper bound"), text(decimals.at(k), "upper bound's decimal")));
        ++k;
        list += '\n';
      }
    }
    return k;
  }

  const Network& network_;
  const Json& predicate_;
  const std::optional<SampleRequest>& samples_;
  EntryReader entries_;
  std::vector<Claimed> blocks_;
  std::map<ValueId, std::size_t> maker_;  // block that puts a tensor out
  std::map<ValueId, Fraction> bound_;     // P of formats/SPEC.md, section 4
  std::map<ValueId, ValueId> dominator_;  // the last tensor before it through which every path goes
  std::map<ValueId, std::size_t> depth_;  // number of dominators
  std::map<std::size_t, Block> converted_;
  std::size_t written_ = 0;
  Chain chain_;
  bool rational_values_ = true;
};

}  // namespace

Conversion convert(const Network& network, const Json& predicate, const std::optional<SampleRequest>& samples) {
  return Converter(network, predicate, samples).run();
}

}  // namespace lipcert::proofs
