// See layers.hpp. Where all layers of a block but one have known constants (1, or the absolute value of a uniform factor), that one carries
// the block's claimed bound divided by them, so that the product is the claimed bound exactly. A block that folds several matrices or
// entrywise factors becomes one piece of evidence about their product.
#include "proofs/front/layers.hpp"

#include <utility>

#include "proofs/front/members.hpp"

namespace lipcert::proofs {

Layer plain(std::string word, Fraction constant) {
  Layer layer;
  layer.word = std::move(word);
  layer.known = std::move(constant);
  return layer;
}

Layer diagonal(Bits factors, std::optional<Bits> bias, std::optional<Fraction> known) {
  Layer layer;
  layer.kind = Layer::Kind::diagonal;
  layer.weights = std::move(factors);
  layer.bias = std::move(bias);
  layer.known = std::move(known);
  return layer;
}

Layer dense(Bits weights, std::size_t rows, std::size_t columns) {
  Layer layer;
  layer.kind = Layer::Kind::dense;
  layer.rows = rows;
  layer.columns = columns;
  layer.weights = std::move(weights);
  return layer;
}

void repeat(Layer& layer, std::uint64_t outer, std::uint64_t inner) {
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

Block carry(std::vector<Layer> layers, const Fraction& upper) {
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

}  // namespace lipcert::proofs
