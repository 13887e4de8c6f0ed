#include "certify/graph/model.hpp"

#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "formats/encoding/json.hpp"
#include "formats/network/work.hpp"
#include "formats/onnx/nnet.hpp"
#include "formats/onnx/reader.hpp"

namespace lipcert {
namespace {

Model parse(const std::string& bytes, const std::string& name, const OnnxOptions& options) {
  Model model;
  const bool nnet = is_nnet_name(name);
  model.file = {name, bytes.size(), sha256_hex(bytes), nnet ? "nnet" : "onnx"};
  model.network = nnet ? read_nnet(bytes, options) : read_onnx(bytes, options);
  check_work(model.network, options.file);
  return model;
}

}  // namespace

void check_utf8(const std::string& text, const std::string& argument) {
  try {
    static_cast<void>(write_json(Json(text)));
  } catch (const Error&) {
    throw Error(ExitCode::usage, "The argument of " + argument + " is not UTF-8; write it in UTF-8.");
  }
}

Model read_model(const std::string& path, bool allow_external_data, const FunctionChoice& function) {
  check_utf8(path, "MODEL");
  OnnxOptions options;
  options.file = path;
  options.allow_external_data = allow_external_data;
  options.folder = folder_of(path);
  options.function = function;
  return parse(read_file(path, options.size_cap), file_name_of(path), options);
}

Model model_of_bytes(const std::string& bytes, const std::string& name, const FunctionChoice& function) {
  check_utf8(name, "the model's name");
  OnnxOptions options;
  options.file = name;
  options.function = function;
  return parse(bytes, file_name_of(name), options);
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

}  // namespace lipcert
