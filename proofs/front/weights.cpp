// See weights.hpp.
#include "proofs/front/weights.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <string>

#include "proofs/front/members.hpp"

namespace lipcert::proofs {

namespace {

Bits bits_of(const Tensor& tensor) {
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

}  // namespace

const char* name(Encoding encoding) {
  return encoding == Encoding::f32 ? "f32" : "f64";
}

double Bits::real(std::size_t i) const {
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

// IEEE's negation changes the sign bit only.
void Bits::negate() {
  for (std::uint64_t& word : words) {
    word ^= encoding == Encoding::f32 ? std::uint64_t{1} << 31U : std::uint64_t{1} << 63U;
  }
}

Bits ones(std::size_t n, bool negative) {
  return {Encoding::f32, std::vector<std::uint64_t>(n, negative ? 0xbf800000U : 0x3f800000U)};
}

std::pair<Bits, Shape> constant_of(const Network& network, ValueId id) {
  const Value& v = network.values.at(id);
  if (v.kind == Value::Kind::initialiser) {
    return {bits_of(network.initialisers.at(v.initialiser)), v.shape};
  }
  const Node& node = network.nodes.at(v.producer);
  if (node.op == Operator::constant) {
    for (const auto& [key, attribute] : node.attributes) {
      if (const auto* tensor = std::get_if<Tensor>(&attribute)) {
        return {bits_of(*tensor), v.shape};
      }
    }
  }
  if (node.op == Operator::identity || node.op == Operator::reshape || node.op == Operator::flatten || node.op == Operator::dropout) {
    return {constant_of(network, node.inputs.at(0)).first, v.shape};
  }
  throw NotCovered("the constant '" + v.name + "' is computed by a " + name_of(node.op) + " node");
}

Bits broadcast(const Bits& from, const Shape& shape, const Shape& to) {
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

Bits transposed(const Bits& from, std::size_t rows, std::size_t columns) {
  Bits to{from.encoding, std::vector<std::uint64_t>(from.words.size())};
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) {
      to.words[j * rows + i] = from.words[i * columns + j];
    }
  }
  return to;
}

Integer invert(Bits& factors) {
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

}  // namespace lipcert::proofs
