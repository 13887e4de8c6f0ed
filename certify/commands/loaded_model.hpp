// A model file read once: the bytes that are hashed are the bytes that are parsed.
#pragma once

#include <string>
#include <vector>

#include "certify/certificate/statement.hpp"
#include "formats/network/network.hpp"

namespace lipcert {

struct LoadedModel {
  ModelFile file;
  Network network;
};

/// Throws `Error` (usage) for a text of the user that cannot go into JSON; `argument` names it.
void check_utf8(const std::string& text, const std::string& argument);

/// Throws `Error`: usage for a path that is not UTF-8, input for a file that cannot be read or is malformed; what is only unsupported is
/// listed in the network.
[[nodiscard]] LoadedModel load_model(const std::string& path, bool allow_external_data);

/// Throws `Error` (input) with the first refusal and the number of the others, if there is any.
void refuse_unsupported(const std::string& model, const std::vector<Refusal>& refusals);

/// `[1, 64]`, for people.
[[nodiscard]] std::string shape_text(const Shape& shape);

/// A block's matrix (`10 x 784`), kernel (`64 x 32 x 3 x 3`, with `/ 4` for four groups) or number of entries, for people.
[[nodiscard]] std::string size_text(const Block& block);

}  // namespace lipcert
