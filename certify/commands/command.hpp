// The commands of `lipcert` as functions of their options: main.cpp reads the command line into these structures.
//
// Every command writes its result to standard output and returns an exit code, or throws `Error` (formats/encoding/error.hpp), which main.cpp turns
// into one sentence on standard error.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "certify/commands/model_options.hpp"
#include "certify/commands/sample_options.hpp"
#include "certify/lipcert.hpp"

namespace lipcert {

struct InspectOptions {
  std::string model;
  bool json = false;
  bool allow_external_data = false;
  FunctionOptions function;
};
[[nodiscard]] int inspect_command(const InspectOptions& options);

struct KeygenOptions {
  std::string out;
  KeyAlgorithm algorithm = KeyAlgorithm::p256;
  bool encrypt = false;  // a passphrase must be given; one that is given is used in any case
  std::optional<int> passphrase_fd;
};
[[nodiscard]] int keygen_command(const KeygenOptions& options);

struct CertifyOptions {
  std::string model;
  std::string key;
  std::string out;
  std::optional<int> passphrase_fd;
  bool json = false;
  bool verbose = false;
  bool force = false;  // replace a file that is not a certificate
  bool allow_external_data = false;
  bool no_recheck = false;  // not by the lipverify beside this program, before anything is published
  FunctionOptions function;
  unsigned threads = 0;  // 0: all cores
  std::string issuer;
  std::optional<std::string> not_after;
  std::vector<std::string> requirements;
  SampleOptions samples;
  std::vector<std::string> shards;  // `lipcert merge`: take the samples from these files
};
[[nodiscard]] int certify_command(const CertifyOptions& options);

}  // namespace lipcert
