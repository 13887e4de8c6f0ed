// A model file read once: the bytes that are hashed are the bytes that are parsed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "formats/network/network.hpp"
#include "formats/onnx/options.hpp"

namespace lipcert {

/// The model file that a certificate is about. Digests are lower-case hex SHA-256 of the very bytes that were parsed.
struct ModelFile {
  std::string name;  // no directory part
  std::uint64_t bytes = 0;
  std::string sha256;
  std::string format = "onnx";  // or nnet
};

struct Model {
  ModelFile file;
  Network network;
};

/// Reads an ONNX file (formats/onnx.md), or a .nnet file where the name ends so (formats/nnet.md). With `allow_external_data` weights may lie in plain files
/// beside it; their digests are kept. `function` says which function is meant where the file leaves it open; the network notes what of it was needed.
/// Throws `Error`: usage for a path that is not UTF-8 and a choice that the file contradicts, input for a file that cannot be read or is
/// malformed; what is only unsupported is listed in the network. Internal for one that would cost more than the budget (formats/network/work.hpp).
[[nodiscard]] Model read_model(const std::string& path, bool allow_external_data = false, const FunctionChoice& function = {});

/// The same from bytes in memory; `name` goes into the certificate. External data are refused.
[[nodiscard]] Model model_of_bytes(const std::string& bytes, const std::string& name, const FunctionChoice& function = {});

/// Throws `Error` (input) with the first refusal and the number of the others, if there is any. `model` names it in the message.
void refuse_unsupported(const std::string& model, const std::vector<Refusal>& refusals);

/// Throws `Error` (usage) for a text of the user that cannot go into JSON; `argument` names it.
void check_utf8(const std::string& text, const std::string& argument);

}  // namespace lipcert
