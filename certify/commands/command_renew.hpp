// `lipcert renew` and `lipcert init`: certificates made again where something has changed, of one (command_renew.cpp) or of all that a
// manifest lists (command_renew_manifest.cpp).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "certify/lipcert.hpp"

namespace CLI {
class App;
}

namespace lipcert {

struct RenewOptions {
  std::string file;               // an older certificate, or a manifest
  std::vector<std::string> keys;  // FILE of a certificate; NAME=FILE or NAME=env:VARIABLE of a manifest
  std::optional<int> passphrase_fd;
  unsigned threads = 0;  // 0: all cores
  bool json = false;
  bool no_recheck = false;
  // of a certificate
  std::string model;  // empty: the file that it names, beside it or here
  std::string data;
  std::string labels;
  std::string out;
  std::string public_key;
  bool check = false;
  bool force = false;
  // of a manifest
  unsigned jobs = 1;
  bool dry_run = false;
  bool no_reuse = false;  // compute unchanged blocks too
  std::vector<std::string> only;
  std::string part;  // "i/N"
};

/// `lipcert renew OLD`.
[[nodiscard]] int renew_certificate(const RenewOptions& options);
/// `lipcert renew MANIFEST.json`.
[[nodiscard]] int renew_manifest(const RenewOptions& options);

struct InitOptions {
  std::string folder;
  std::string out;  // empty: lipcert.manifest.json in the folder
  std::string key = "release";
  bool json = false;
};
[[nodiscard]] int init_command(const InitOptions& options);

/// Adds both commands. The function that is returned runs the one that was given on the command line, if it was one of them.
[[nodiscard]] std::function<std::optional<int>()> add_renewal_commands(CLI::App& app);

/// What a renewal makes of a job: the options of `publish`.
struct CertifyOptions;
[[nodiscard]] CertifyOptions options_of(const CertifyJob& job, const std::string& out, const RenewOptions& options);

}  // namespace lipcert
