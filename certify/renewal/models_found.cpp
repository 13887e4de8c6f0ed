#include "certify/renewal/models_found.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <set>
#include <string_view>

#include "certify/graph/block.hpp"
#include "certify/graph/model.hpp"
#include "certify/renewal/old_certificate.hpp"
#include "formats/data/data_set.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t most_files = 100000;

bool utf8(const std::string& text) {
  try {
    static_cast<void>(write_json(Json(text)));
    return true;
  } catch (const Error&) {
    return false;
  }
}

/// Files of interest under the folder, sorted.
std::vector<fs::path> files_under(const std::string& folder) {
  std::error_code error;
  fs::recursive_directory_iterator at(folder, fs::directory_options::none, error);
  const auto failed = [&](const std::string& what) {
    return input_error(in_short(folder) + ": cannot be looked through (" + what + "); name a folder that you may read.");
  };
  if (error) throw failed(error.message());
  std::vector<fs::path> out;
  for (const fs::recursive_directory_iterator end; at != end; at.increment(error)) {
    if (error) throw failed(error.message());
    const std::string name = at->path().filename().string();
    if (name.starts_with(".")) {
      at.disable_recursion_pending();
      continue;
    }
    const fs::file_status status = at->symlink_status(error);
    if (error || !fs::is_regular_file(status)) continue;
    if (out.size() >= most_files) throw failed("more than " + std::to_string(most_files) + " files");
    out.push_back(at->path());
  }
  if (error) throw failed(error.message());
  std::sort(out.begin(), out.end());
  return out;
}

struct DataBeside {
  Json data;  // null: none
  std::string note;
};

/// Samples with the entries of the model's input: an IDX file of images with the labels that are named alike, or a CSV named after the
/// model with one column more.
DataBeside data_beside(const fs::path& model, std::uint64_t entries, const std::vector<fs::path>& files, const fs::path& base) {
  std::vector<DataBeside> found;
  const auto relative = [&](const fs::path& path) { return path.lexically_relative(base).string(); };
  const std::string stem = model.stem().string();
  for (const fs::path& file : files) {
    const std::string name = file.filename().string();
    if (file.parent_path() != model.parent_path() || !utf8(relative(file))) continue;
    const std::size_t images = name.find("-images-idx3-ubyte");
    DataSource source;
    source.samples = file.string();
    Json data = {{"samples", relative(file)}};
    if (images != std::string::npos) {
      std::string labels = name;
      labels.replace(images, std::string_view("-images-idx3-ubyte").size(), "-labels-idx1-ubyte");
      const fs::path beside = file.parent_path() / labels;
      if (std::find(files.begin(), files.end(), beside) == files.end()) continue;
      source.labels = beside.string();
      data["labels"] = relative(beside);
      data["scale"] = "1/255";
    } else if (name.ends_with(".csv") && name.starts_with(stem)) {
      source.label_column = -1;
      data["labelColumn"] = -1;
    } else {
      continue;
    }
    try {
      const DataDescription description = scan_data(source);
      if (description.shape.entries() != entries || !description.labelled) continue;
    } catch (const Error&) {
      continue;  // not what it looks like
    }
    found.push_back({data, images != std::string::npos ? "images taken with scale 1/255: check how the model was trained, and add \"eps\""
                                                       : "rows taken with the label in the last column: check it, and add \"eps\""});
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) return {nullptr, "no data beside it that it can only mean"};
  return {nullptr, std::to_string(found.size()) + " sets of data fit it: add the one that is meant"};
}

}  // namespace

ModelsFound find_models(const std::string& folder, const std::string& manifest_folder, const std::string& key) {
  ModelsFound out;
  std::error_code error;
  const fs::path top = fs::weakly_canonical(folder, error);
  const fs::path base = fs::weakly_canonical(manifest_folder, error);
  const std::vector<fs::path> files = files_under(top.string());
  Json entries = Json::array();
  std::set<std::string> names;
  for (const fs::path& file : files) {
    const std::string ending = file.extension().string();
    if (ending != ".onnx" && ending != ".nnet") continue;
    const fs::path place = file.lexically_relative(base);
    const std::string model = place.string();
    if (!utf8(model)) {
      out.left_out.push_back({in_short(model), "its name is not UTF-8; rename it"});
      continue;
    }
    try {
      const Model read = read_model(file.string());
      refuse_unsupported(file.filename().string(), partition(read.network).refusals);
      // Named after the file without its ending, unless another model is.
      const bool first = names.insert(file.lexically_relative(top).replace_extension().string()).second;
      const std::string name = first ? file.lexically_relative(top).replace_extension().string() : file.lexically_relative(top).string();
      const std::string output = (first ? fs::path(place).replace_extension().string() : model) + ".lipcert.sigstore.json";
      const DataBeside beside = data_beside(file, element_count(read.network.values[read.network.input].shape), files, base);
      Json entry = {{"name", name}, {"model", model}, {"output", output}};
      if (!beside.data.is_null()) entry["data"] = beside.data;
      entries.push_back(std::move(entry));
      out.models.push_back({model, beside.note});
    } catch (const Error& refused) {
      out.left_out.push_back({model, refused.what()});
    }
  }
  if (out.models.empty()) {
    throw input_error(in_short(folder) + ": no model in it can be certified" +
                      (out.left_out.empty() ? "; name a folder with .onnx or .nnet files."
                                            : " (" + std::to_string(out.left_out.size()) + " refused; the first: " +
                                                  in_short(out.left_out.front().reason, 400) + "); see `lipcert inspect`."));
  }
  out.manifest = {
      {"lipcertManifest", 1}, {"defaults", {{"key", key}, {"validityDays", 365}, {"maximumAgeDays", 90}}}, {"entries", entries}};
  return out;
}

}  // namespace lipcert
