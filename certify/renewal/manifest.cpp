#include "certify/renewal/manifest.hpp"

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <set>
#include <string_view>

#include "certify/renewal/differences.hpp"
#include "certify/renewal/old_certificate.hpp"
#include "formats/data/rational.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert {
namespace {

constexpr std::uint64_t largest_manifest = std::uint64_t{1} << 24;  // bytes
constexpr std::size_t most_entries = 100000;
constexpr std::int64_t seconds_of_day = 86400;
constexpr std::uint64_t most_days = 36525;

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

/// An object of the manifest, with its place.
class Object {
 public:
  Object(const Json& value, const std::string& file, std::string pointer) : value_(value), file_(file), pointer_(std::move(pointer)) {
    if (!value.is_object()) fail("", "is not an object", "write it in braces, see formats/manifest.md");
  }

  /// `member`: the rest of the pointer, escaped already.
  [[noreturn]] void fail(const std::string& member, const std::string& what, const std::string& remedy) const {
    const std::string at = member.empty() ? pointer_ : pointer_ + "/" + member;
    throw input_error(in_short(file_) + ": " + (at.empty() ? "the document" : in_short(at)) + ": " + what + "; " + remedy + ".");
  }

  /// Refuses every member but these, with the nearest of them.
  void only(std::initializer_list<std::string_view> known) const {
    for (const auto& [key, value] : value_.items()) {
      if (std::find(known.begin(), known.end(), key) != known.end()) continue;
      const std::string_view nearest = *std::min_element(known.begin(), known.end(), [&key = key](std::string_view a, std::string_view b) {
        return distance(key.substr(0, 64), a) < distance(key.substr(0, 64), b);
      });
      fail(pointer_part(key), "nothing has this name here", "the nearest is '" + std::string(nearest) + "'");
    }
  }

  [[nodiscard]] const Json* find(const std::string& member) const {
    const auto at = value_.find(member);
    return at == value_.end() ? nullptr : &*at;
  }
  [[nodiscard]] Object child(const std::string& member) const { return {value_.at(member), file_, pointer_ + "/" + member}; }

  [[nodiscard]] std::string text(const std::string& member, const std::string& fallback = {}) const {
    const Json* const value = find(member);
    if (value == nullptr) return fallback;
    if (!value->is_string() || value->get_ref<const std::string&>().empty()) fail(member, "is no text", "write a text that is not empty");
    auto out = value->get<std::string>();
    if (out.find('\0') != std::string::npos) fail(member, "holds a zero byte", "leave it out");
    return out;
  }
  [[nodiscard]] std::string required(const std::string& member, const std::string& remedy) const {
    if (find(member) == nullptr) fail("", "has no member '" + member + "'", remedy);
    return text(member);
  }
  [[nodiscard]] bool flag(const std::string& member) const {
    const Json* const value = find(member);
    if (value != nullptr && !value->is_boolean()) fail(member, "is neither true nor false", "write one of them without quotes");
    return value != nullptr && value->get<bool>();
  }
  [[nodiscard]] std::optional<std::uint64_t> number(const std::string& member, std::uint64_t most) const {
    const Json* const value = find(member);
    if (value == nullptr) return std::nullopt;
    return number_of(*value, member, most);
  }
  [[nodiscard]] std::vector<std::uint64_t> numbers(const std::string& member, std::uint64_t most) const {
    std::vector<std::uint64_t> out;
    for (const Json& value : list(member)) out.push_back(number_of(value, member + "/" + std::to_string(out.size()), most));
    return out;
  }
  [[nodiscard]] std::vector<std::string> texts(const std::string& member) const {
    std::vector<std::string> out;
    for (const Json& value : list(member)) {
      if (!value.is_string()) fail(member, "holds something else than texts", "write numbers in quotes too, such as \"1/255\"");
      out.push_back(value.get<std::string>());
    }
    return out;
  }
  /// Decimals or fractions in their canonical spelling.
  [[nodiscard]] std::vector<std::string> rationals(const std::string& member) const {
    std::vector<std::string> out;
    for (const std::string& value : texts(member)) out.push_back(rational(member, value));
    return out;
  }
  [[nodiscard]] std::string rational(const std::string& member, const std::string& value) const {
    try {
      return canonical_number(value, member);
    } catch (const Error&) {
      fail(member, "'" + in_short(value, 40) + "' is no number", "write a decimal or a fraction such as \"1/255\"");
    }
  }
  /// The position of the text in `choices`, or none where the member is absent.
  [[nodiscard]] std::optional<std::size_t> choice(const std::string& member, const std::vector<std::string>& choices) const {
    if (find(member) == nullptr) return std::nullopt;
    const std::string value = text(member);
    std::string all;
    for (std::size_t i = 0; i < choices.size(); ++i) {
      if (choices[i] == value) return i;
      all += (i == 0 ? "" : ", ") + choices[i];
    }
    fail(member, "is '" + in_short(value, 40) + "'", "choose one of " + all);
  }

 private:
  [[nodiscard]] std::uint64_t number_of(const Json& value, const std::string& member, std::uint64_t most) const {
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() < 1 || value.get<std::uint64_t>() > most)
      fail(member, "is no whole number from 1 to " + std::to_string(most), "write it without quotes");
    return value.get<std::uint64_t>();
  }
  [[nodiscard]] const Json& list(const std::string& member) const {
    static const Json none = Json::array();
    const Json* const value = find(member);
    if (value == nullptr) return none;
    if (!value->is_array() || value->empty()) fail(member, "is no list with something in it", "write it in brackets, or leave it out");
    return *value;
  }

  const Json& value_;
  const std::string& file_;
  std::string pointer_;
};

std::string from(const std::string& folder, const std::string& path) {
  return path.front() == '/' || folder == "." ? path : folder + "/" + path;
}

SampleJob samples_of(const Object& data, const std::string& folder) {
  data.only({"samples", "labels", "format", "labelColumn", "layout", "arrayLayout", "imageShape", "scale", "mean", "std", "limit", "eps",
             "epsUnit", "allowLowAccuracy", "radii", "inputRange"});
  SampleJob job;
  job.source.samples = from(folder, data.required("samples", "name the file with the samples"));
  if (const std::string labels = data.text("labels"); !labels.empty()) job.source.labels = from(folder, labels);
  constexpr DataFormat formats[] = {DataFormat::idx, DataFormat::csv, DataFormat::npy, DataFormat::cifar10, DataFormat::png_folder};
  if (const auto i = data.choice("format", {"idx", "csv", "npy", "cifar10", "png-folder"})) job.source.format = formats[*i];
  if (const Json* const column = data.find("labelColumn")) {
    if (!column->is_number_integer() || column->get<std::int64_t>() < -(std::int64_t{1} << 28) ||
        column->get<std::int64_t>() > (std::int64_t{1} << 28))
      data.fail("labelColumn", "is no whole number", "count columns from 0, or from the last one with -1");
    job.source.label_column = column->get<std::int64_t>();
  }
  constexpr Layout layouts[] = {Layout::nchw, Layout::nhwc, Layout::ncwh};
  if (const auto i = data.choice("layout", {"NCHW", "NHWC", "NCWH"})) job.scaling.layout = layouts[*i];
  if (const auto i = data.choice("arrayLayout", {"NCHW", "NHWC"})) job.scaling.array_layout = layouts[*i];
  if (const std::vector<std::uint64_t> shape = data.numbers("imageShape", std::uint64_t{1} << 28); !shape.empty()) {
    if (shape.size() != 3) data.fail("imageShape", "has not three sizes", "write channels, rows and columns");
    job.scaling.image_shape = {shape[0], shape[1], shape[2]};
  }
  job.scaling.scale = data.rational("scale", data.text("scale", "1"));
  if (data.find("mean") != nullptr) job.scaling.mean = data.rationals("mean");
  if (data.find("std") != nullptr) job.scaling.std = data.rationals("std");
  job.limit = data.number("limit", std::uint64_t{1} << 40);
  job.eps = data.rationals("eps");
  try {
    static_cast<void>(SampleCounts(job.eps));
  } catch (const Error& error) {
    data.fail("eps", "is refused (" + std::string(error.what()) + ")", "write ascending numbers");
  }
  if (const auto i = data.choice("epsUnit", {"pixel", "graph"})) job.eps_unit = *i == 0 ? Unit::scaled_pixel : Unit::graph_input;
  job.allow_low_accuracy = data.flag("allowLowAccuracy");
  if (const auto i = data.choice("radii", {"local", "global"}))
    job.radii = *i == 0 ? RadiusTheorem::layer_dual : RadiusTheorem::margin_over_lipschitz;
  if (const std::vector<std::string> range = data.rationals("inputRange"); !range.empty()) {
    if (range.size() != 2) data.fail("inputRange", "has not two numbers", "write the lower and the upper end, in scaled pixels");
    job.range = StatedRange{range[0], range[1]};
  }
  return job;
}

/// What entries and their common defaults may both say.
void read_common(const Object& object, ManifestEntry& entry) {
  entry.key = object.text("key", entry.key);
  entry.issuer = object.text("issuer", entry.issuer);
  if (object.find("requirements") != nullptr) entry.requirements = object.texts("requirements");
  if (const auto days = object.number("validityDays", most_days)) entry.validity = static_cast<std::int64_t>(*days) * seconds_of_day;
  if (const auto days = object.number("maximumAgeDays", most_days)) entry.maximum_age = static_cast<std::int64_t>(*days) * seconds_of_day;
}

ManifestEntry entry_of(const Object& object, ManifestEntry entry, const std::string& folder) {
  object.only({"name", "model", "output", "key", "data", "function", "allowExternalData", "issuer", "requirements", "validityDays",
               "maximumAgeDays"});
  read_common(object, entry);
  entry.name = object.required("name", "give the entry a name of its own");
  entry.model = from(folder, object.required("model", "name the ONNX or .nnet file"));
  entry.output = from(folder, object.required("output", "name the certificate, by convention <model>.lipcert.sigstore.json"));
  if (entry.key.empty()) object.fail("", "has no member 'key'", "name the key that signs, here or in \"defaults\"");
  entry.allow_external_data = object.flag("allowExternalData");
  if (object.find("data") != nullptr) entry.samples = samples_of(object.child("data"), folder);
  if (object.find("function") != nullptr) {
    const Object function = object.child("function");
    function.only({"inputShape", "fixedInputs", "output"});
    if (function.find("inputShape") != nullptr) entry.function.input_shape = function.numbers("inputShape", 999999999);
    entry.function.fixed_inputs = function.flag("fixedInputs");
    if (function.find("output") != nullptr) entry.function.output = function.text("output");
  }
  return entry;
}

std::string normal(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().string();
}

}  // namespace

Manifest manifest_of_bytes(const std::string& bytes, const std::string& path) {
  const Json document = parse_json(bytes, in_short(path), {largest_manifest, 16});
  const Object whole(document, path, "");
  whole.only({"lipcertManifest", "defaults", "entries"});
  const Json* const version = whole.find("lipcertManifest");
  if (version == nullptr || *version != 1) whole.fail("lipcertManifest", "is not 1", "write \"lipcertManifest\": 1");
  ManifestEntry defaults;
  if (whole.find("defaults") != nullptr) {
    const Object object = whole.child("defaults");
    object.only({"key", "issuer", "requirements", "validityDays", "maximumAgeDays"});
    read_common(object, defaults);
  }
  const Json* const entries = whole.find("entries");
  if (entries == nullptr || !entries->is_array() || entries->empty() || entries->size() > most_entries)
    whole.fail("entries", "is no list of 1 to " + std::to_string(most_entries) + " entries", "list them in brackets");
  Manifest manifest;
  manifest.path = path;
  const std::string folder = folder_of(path);
  std::set<std::string> names;
  std::set<std::string> outputs;
  std::set<std::string> inputs;
  for (std::size_t i = 0; i < entries->size(); ++i) {
    const std::string pointer = "/entries/" + std::to_string(i);
    const Object object((*entries)[i], path, pointer);
    ManifestEntry entry = entry_of(object, defaults, folder);
    entry.pointer = pointer;
    if (!names.insert(entry.name).second)
      object.fail("name", "'" + in_short(entry.name, 60) + "' is the name of an earlier entry", "choose another");
    if (!outputs.insert(normal(entry.output)).second)
      object.fail("output", "is the output of an earlier entry, too", "one of two certificates would be lost: choose another place");
    inputs.insert(normal(entry.model));
    if (entry.samples) {
      inputs.insert(normal(entry.samples->source.samples));
      inputs.insert(normal(entry.samples->source.labels));
    }
    manifest.entries.push_back(std::move(entry));
  }
  inputs.insert(normal(path));
  for (std::size_t i = 0; i < manifest.entries.size(); ++i) {
    if (inputs.contains(normal(manifest.entries[i].output)))
      Object((*entries)[i], path, manifest.entries[i].pointer)
          .fail("output", "is a model, a data file or the manifest", "choose another place");
  }
  return manifest;
}

Manifest read_manifest(const std::string& path) {
  return manifest_of_bytes(read_file(path, largest_manifest), path);
}

bool is_manifest(const std::string& path) {
  const Json document = parse_json(read_file(path, std::uint64_t{1} << 28), in_short(path));
  // A bundle is recognised by its own members, so that a manifest with a slip in its first line is still told as one.
  return document.is_object() && !document.contains("dsseEnvelope") && !document.contains("mediaType");
}

}  // namespace lipcert
