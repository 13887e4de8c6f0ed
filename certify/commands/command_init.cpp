// `lipcert init`: a first manifest, to be looked at by whoever knows the models.

#include <fmt/format.h>
#include <sys/stat.h>

#include "certify/commands/print.hpp"
#include "certify/commands/command_renew.hpp"

namespace lipcert {

int init_command(const InitOptions& options) {
  const std::string out = options.out.empty() ? (options.folder == "." ? "" : options.folder + "/") + "lipcert.manifest.json" : options.out;
  check_utf8(out, "--out");
  check_utf8(options.key, "--key-name");
  if (options.key.empty() || options.key.find('=') != std::string::npos)
    throw Error(ExitCode::usage, "A key's name is not empty and has no '=' in it, because --key NAME=FILE names its file; choose another.");
  struct stat status {};
  if (::lstat(out.c_str(), &status) == 0)
    throw Error(ExitCode::usage, in_short(out) + " exists: a manifest is never overwritten; choose another name with --out, or move it away.");
  const ModelsFound found = find_models(options.folder, folder_of(out), options.key);
  const std::string text = found.manifest.dump(2) + "\n";
  static_cast<void>(manifest_of_bytes(text, out));  // what is written can be read
  write_file(out, text, Overwrite::no);
  if (options.json) {
    Json models = Json::array();
    for (const ModelFound& model : found.models) models.push_back({{"model", model.model}, {"data", model.note}});
    Json left = Json::array();
    for (const ModelLeftOut& model : found.left_out) left.push_back({{"model", model.model}, {"reason", model.reason}});
    print_json_line(Json{{"manifest", out}, {"models", models}, {"leftOut", left}});
    return 0;
  }
  for (const ModelFound& model : found.models) fmt::print("model        {}: {}\n", in_short(model.model), model.note);
  for (const ModelLeftOut& model : found.left_out) fmt::print("left out     {}: {}\n", in_short(model.model), in_short(model.reason, 400));
  fmt::print("manifest     {} ({} models, {} left out)\n", in_short(out), found.models.size(), found.left_out.size());
  fmt::print("next         lipcert renew {} --key {}=KEY.pem --dry-run\n", in_short(out), in_short(options.key));
  return 0;
}

}  // namespace lipcert
