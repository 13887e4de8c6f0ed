// See problem_text.hpp.
#include "proofs/front/problem_text.hpp"

#include <cstddef>
#include <utility>
#include <vector>

#include "proofs/front/members.hpp"

namespace lipcert::proofs {

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

std::string dyadic(const Integer& num, const Integer& den) {
  if (num == 0) {
    return "0 0";
  }
  const auto twos = static_cast<std::int64_t>(lsb(abs(num)));
  const auto halves = static_cast<std::int64_t>(lsb(den));
  return Integer(num >> static_cast<unsigned>(twos)).str() + ' ' + std::to_string(twos - halves);
}

namespace {

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

}  // namespace

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

}  // namespace lipcert::proofs
