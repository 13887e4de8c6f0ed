// Parts of a model as words for people.
#pragma once

#include <string>

#include "certify/lipcert.hpp"

namespace lipcert {

/// `[1, 64]`.
[[nodiscard]] std::string shape_text(const Shape& shape);

/// The network's input: `x FLOAT [1, 3, 32, 32], for one input (dimension 0 'N' taken as 1); given: dimension 2 'height'`.
[[nodiscard]] std::string input_text(const Network& network);
/// The inputs that --fixed-inputs fixed; the network has some.
[[nodiscard]] std::string fixed_text(const Network& network);
/// The network's output, with those that were left out where it was chosen.
[[nodiscard]] std::string output_text(const Network& network);
/// The same for scripts: name, elementType, shape; symbolic and given (positions); chosen and others (names).
[[nodiscard]] Json input_json(const Network& network);
[[nodiscard]] Json output_json(const Network& network);

/// A block's matrix (`10 x 784`), kernel (`64 x 32 x 3 x 3`, with `/ 4` for four groups) or number of entries.
[[nodiscard]] std::string size_text(const Block& block);

}  // namespace lipcert
