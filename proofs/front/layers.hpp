// What a certificate's blocks become before they are written out: layers of the proved checker, blocks of layers, and chains of blocks and
// joins. The plain format has trees only, so a chain is a list and a join holds its branches.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proofs/front/exact.hpp"
#include "proofs/front/gram_hint.hpp"
#include "proofs/front/weights.hpp"

namespace lipcert::proofs {

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

/// The word of a layer of maxima over windows; after it the number of windows, and for each its entries with their number.
inline constexpr const char* pool_word = "max-pool ";

[[nodiscard]] Layer plain(std::string word, Fraction constant);
[[nodiscard]] Layer diagonal(Bits factors, std::optional<Bits> bias, std::optional<Fraction> known);
[[nodiscard]] Layer dense(Bits weights, std::size_t rows, std::size_t columns);

/// A dense layer A becomes I_outer (x) A (x) I_inner, written out.
void repeat(Layer& layer, std::uint64_t outer, std::uint64_t inner);

/// One layer carries the claimed bound of the block, or all of them together do.
[[nodiscard]] Block carry(std::vector<Layer> layers, const Fraction& upper);

}  // namespace lipcert::proofs
