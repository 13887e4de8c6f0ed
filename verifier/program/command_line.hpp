// The command line of lipverify: what was asked, or why it cannot be understood.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "verifier/lipverify.hpp"

namespace lipverify {

enum class Output { json, junit, sarif, markdown, code_quality, vsa };

struct CommandLine {
  enum class Action { verify, explain, policy_init, check_vsa, print, usage_error };
  Action action = Action::usage_error;
  std::string text;  // print: help or version; usage_error: one sentence
  bool json = false;
  bool verbose = false;
  /// As for one certificate and one trusted key; what the options below name beyond it is left out.
  Request request;
  std::vector<std::string> certificates, models, data, labels;  // as typed: files, folders and, of the first two, @lists
  std::string policy, explained, vsa, vsa_key, vsa_id;
  std::string policy_init;                              // where the policy goes
  std::vector<std::pair<Output, std::string>> outputs;  // "-" is standard output
  unsigned jobs = 0;                                    // 0: one for each core
  std::uint64_t seconds = 0;                            // of processor time, of the whole run; 0: in proportion to the files (watch.hpp)
  unsigned max_age_days = 0;                            // of a summary; 0: any
};

/// Never throws; `json` is set whenever the option was given without a file, also in a command line that is wrong elsewhere.
[[nodiscard]] CommandLine parse_command_line(const std::vector<std::string>& arguments);

/// Before anything else of a process: closed standard descriptors are opened, so that no input gets their numbers (writing to them still fails); a
/// closed pipe and a limit on file sizes are failures of a write, which a verdict notices, and no signals.
void prepare_process();

/// Behind the count of the budget: beyond this an allocation fails, which is an outcome of its own and no acceptance. Sanitizers map terabytes for
/// themselves, so not under them.
void limit_memory(std::uint64_t bytes);

/// Runs the program: verdict on stdout, messages on stderr; returns the exit code.
[[nodiscard]] int run(const std::vector<std::string>& arguments);

}  // namespace lipverify
