// Parts of a model as words for people.
#pragma once

#include <string>

#include "certify/lipcert.hpp"

namespace lipcert {

/// `[1, 64]`.
[[nodiscard]] std::string shape_text(const Shape& shape);

/// A block's matrix (`10 x 784`), kernel (`64 x 32 x 3 x 3`, with `/ 4` for four groups) or number of entries.
[[nodiscard]] std::string size_text(const Block& block);

}  // namespace lipcert
