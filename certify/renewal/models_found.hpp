// A first manifest for a folder: the models in it that can be certified, and data beside them where there is only one thing that they can
// be.
#pragma once

#include <string>
#include <vector>

#include "formats/encoding/json.hpp"

namespace lipcert {

struct ModelFound {
  std::string model;  // relative to the manifest's folder
  std::string note;   // about its data, for people: what was taken, or why nothing was
};
struct ModelLeftOut {
  std::string model;
  std::string reason;
};
struct ModelsFound {
  std::vector<ModelFound> models;
  std::vector<ModelLeftOut> left_out;
  Json manifest;  // formats/manifest.md
};

/// Looks through `folder` and the folders in it (not hidden ones, and following no links) for .onnx and .nnet files, in the order of their
/// names. Paths in the manifest are relative to `manifest_folder`; every entry is signed with the key named `key`. Throws `Error`: input
/// for a folder that cannot be read or holds no model that can be certified.
[[nodiscard]] ModelsFound find_models(const std::string& folder, const std::string& manifest_folder, const std::string& key);

}  // namespace lipcert
