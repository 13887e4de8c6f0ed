// See inputs.hpp.
#include "verifier/program/inputs.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "verifier/outputs/report.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kListCap = std::uint64_t{16} << 20;

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

/// In either case: a model must not pass a gate unseen because it is called MODEL.ONNX.
bool ends_with(const std::string& text, const std::string& end) {
  return text.size() >= end.size() && std::equal(end.rbegin(), end.rend(), text.rbegin(), [](char a, char b) { return a == lower(b); });
}

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "*" : ", *") + text;
  return out;
}

void add_folder(const std::string& folder, const std::vector<std::string>& suffixes, const std::string& what, std::vector<Input>& out) {
  std::error_code error;
  std::vector<std::string> found;
  for (std::filesystem::recursive_directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string path = at->path().string();
    const bool wanted = std::any_of(suffixes.begin(), suffixes.end(), [&](const std::string& s) { return ends_with(path, s); });
    std::error_code ignored;
    if (wanted && !at->is_directory(ignored)) found.push_back(path);
  }
  if (error) {
    out.push_back({folder, "the folder '" + printable_line(folder) + "' cannot be read: " + error.message() + "; check its permissions"});
    return;
  }
  std::sort(found.begin(), found.end());
  if (found.empty())
    out.push_back({folder, "the folder '" + printable_line(folder) + "' holds no " + what + " (" + joined(suffixes) +
                               "), also not in its subfolders; name another folder, or the files"});
  for (const std::string& path : found) out.push_back({path, ""});
}

void add(const std::string& name, const std::vector<std::string>& suffixes, const std::string& what, bool& many, std::vector<Input>& out) {
  std::error_code error;
  if (std::filesystem::is_directory(name, error)) {
    many = true;
    add_folder(name, suffixes, what, out);
  } else {
    out.push_back({name, ""});
  }
}

/// As much of a JSON text as a certificate may hold: nobody has checked these bytes yet.
nlohmann::json parsed(const std::string& text) {
  constexpr int kDepth = 64;
  constexpr std::size_t kEvents = std::size_t{1} << 24;
  std::size_t events = 0;
  return nlohmann::json::parse(text, [&events](int depth, nlohmann::json::parse_event_t, nlohmann::json&) {
    if (depth > kDepth || ++events > kEvents) throw std::length_error("too deep or too long");
    return true;
  });
}

}  // namespace

std::vector<Input> expand(const std::vector<std::string>& names, const std::vector<std::string>& suffixes, const std::string& what,
                          bool& many) {
  std::vector<Input> out;
  for (const std::string& name : names) {
    if (name.empty() || name[0] != '@') {
      add(name, suffixes, what, many, out);
      continue;
    }
    many = true;
    std::string list;
    try {
      list = read_file(name.substr(1), kListCap, "the list");
    } catch (const Failure& failure) {
      out.push_back({name, failure.what()});
      continue;
    }
    const std::size_t before = out.size();
    for (std::size_t at = 0; at < list.size();) {
      const std::size_t end = std::min(list.find('\n', at), list.size());
      std::string line = list.substr(at, end - at);
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (!line.empty() && line[0] != '#') add(line, suffixes, what, many, out);
      at = end + 1;
    }
    if (out.size() == before)
      out.push_back({name, "the list '" + printable_line(name.substr(1)) + "' names no " + what + "; write one path on each line"});
  }
  return out;
}

Candidates::Candidates(std::vector<std::string> paths) : paths_(std::move(paths)), used_(paths_.size(), 0) {
  for (const std::string& path : paths_) digests_.push_back(file_sha256(path));
}

Candidates Candidates::unread(const std::vector<std::string>& paths) {
  Candidates out{std::vector<std::string>()};
  out.paths_ = paths;
  out.digests_.assign(paths.size(), "");
  out.used_.assign(paths.size(), 0);
  return out;
}

const std::string* Candidates::find(const std::string& sha256) {
  const auto at = sha256.empty() ? digests_.end() : std::find(digests_.begin(), digests_.end(), sha256);
  if (at == digests_.end()) return nullptr;
  // The same bytes under another name are the same file.
  for (std::size_t k = 0; k < digests_.size(); ++k)
    if (digests_[k] == sha256) used_[k] = 1;
  return &paths_[static_cast<std::size_t>(at - digests_.begin())];
}

std::vector<std::string> Candidates::unused() const {
  std::vector<std::string> out;
  for (std::size_t k = 0; k < paths_.size(); ++k)
    if (used_[k] == 0) out.push_back(paths_[k]);
  return out;
}

Named named_in(const std::string& certificate_bytes) {
  using nlohmann::json;
  Named out;
  try {
    const json bundle = parsed(certificate_bytes);
    const json statement = parsed(base64_decode(bundle.at("dsseEnvelope").at("payload").get<std::string>(), "the payload"));
    out.model_sha256 = statement.at("subject").at(0).at("digest").at("sha256").get<std::string>();
    for (const json& claim : statement.at("predicate").at("claims")) {
      if (claim.at("kind") != "sample-radii") continue;
      out.samples = true;
      for (const json& file : claim.at("data").at("files")) {
        if (file.at("role") == "samples") out.data_sha256 = file.at("sha256").get<std::string>();
        if (file.at("role") == "labels") out.labels_sha256 = file.at("sha256").get<std::string>();
      }
    }
  } catch (const std::exception&) {
    // The check reads it again, and says what is wrong.
  }
  return out;
}

std::string file_sha256(const std::string& path) {
  std::error_code error;
  if (!std::filesystem::is_regular_file(path, error)) return "";
  std::ifstream file(path, std::ios::binary);
  Sha256 hash;
  std::string chunk(std::size_t{1} << 20, '\0');
  while (file.read(chunk.data(), static_cast<std::streamsize>(chunk.size())) || file.gcount() != 0)
    hash.update(std::string_view(chunk).substr(0, static_cast<std::size_t>(file.gcount())));
  return file.eof() ? hash.hex_digest() : "";
}

}  // namespace lipverify
