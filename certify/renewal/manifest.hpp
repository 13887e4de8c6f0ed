// The manifest of `lipcert renew` (formats/manifest.md): which certificates there are to be, and of what. Read strictly: a member that
// nobody knows, a value of another type, two entries with one output are refused, each with the JSON pointer to it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "certify/certificate/certify.hpp"

namespace lipcert {

struct ManifestEntry {
  std::string name;    // unique
  std::string model;   // this and all other paths as they are opened: relative ones begin at the manifest's folder
  std::string output;  // unique
  std::string key;     // name of a key, never the key or its file
  bool allow_external_data = false;
  FunctionChoice function;
  std::optional<SampleJob> samples;
  std::string issuer;
  std::vector<std::string> requirements;
  std::optional<std::int64_t> validity;     // seconds from the time of issue
  std::optional<std::int64_t> maximum_age;  // seconds; older certificates are renewed
  std::string pointer;                      // of the entry, for messages
};

struct Manifest {
  std::string path;
  std::vector<ManifestEntry> entries;  // in their order
};

/// Throws `Error` (input) with file, JSON pointer, reason and remedy.
[[nodiscard]] Manifest read_manifest(const std::string& path);
/// The same from bytes; `path` says where relative paths begin.
[[nodiscard]] Manifest manifest_of_bytes(const std::string& bytes, const std::string& path);

/// Whether a JSON file declares itself a manifest (and is not a certificate): decides how `lipcert renew FILE` reads it.
[[nodiscard]] bool is_manifest(const std::string& path);

}  // namespace lipcert
