#include "certify/commands/loaded_model.hpp"

#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "formats/encoding/json.hpp"
#include "formats/onnx/reader.hpp"

namespace lipcert {

void check_utf8(const std::string& text, const std::string& argument) {
  try {
    static_cast<void>(write_json(Json(text)));
  } catch (const Error&) {
    throw Error(ExitCode::usage, "The argument of " + argument + " is not UTF-8; write it in UTF-8.");
  }
}

LoadedModel load_model(const std::string& path, bool allow_external_data) {
  check_utf8(path, "MODEL");
  OnnxOptions options;
  options.file = path;
  options.allow_external_data = allow_external_data;
  options.folder = folder_of(path);
  const std::string bytes = read_file(path, options.size_cap);
  LoadedModel model;
  model.file = {file_name_of(path), bytes.size(), sha256_hex(bytes)};
  model.network = read_onnx(bytes, options);
  return model;
}

std::string shape_text(const Shape& shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    out += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return out + "]";
}

void refuse_unsupported(const std::string& model, const std::vector<Refusal>& refusals) {
  if (refusals.empty()) {
    return;
  }
  const Refusal& first = refusals.front();
  std::string sentence = model + ": " + first.node + (first.op.empty() ? "" : " (" + first.op + ")") + ": " + first.reason;
  if (refusals.size() > 1) {
    if (!sentence.empty() && sentence.back() == '.') {
      sentence.pop_back();
    }
    sentence += "; " + std::to_string(refusals.size() - 1) + " more, see `lipcert inspect`.";
  }
  throw input_error(sentence);
}

std::string size_text(const Block& block) {
  if (block.op == BlockOperator::dense) {
    return std::to_string(block.rows) + " x " + std::to_string(block.columns);
  }
  if (block.kernel.empty()) {
    return std::to_string(block.output_size);
  }
  std::string text;
  for (const std::uint64_t n : block.kernel) {
    text += (text.empty() ? "" : " x ") + std::to_string(n);
  }
  return text + (block.groups > 1 ? " / " + std::to_string(block.groups) : "");
}

}  // namespace lipcert
