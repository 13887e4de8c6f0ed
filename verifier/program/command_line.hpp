// The command line of lipverify: what was asked, or why it cannot be understood.
#pragma once

#include <string>
#include <vector>

#include "verifier/lipverify.hpp"

namespace lipverify {

struct CommandLine {
  enum class Action { verify, print, usage_error };
  Action action = Action::usage_error;
  std::string text;  // print: help or version; usage_error: one sentence
  bool json = false;
  bool verbose = false;
  Request request;
};

/// Never throws; `json` is set whenever the option was given, also in a command line that is wrong elsewhere.
[[nodiscard]] CommandLine parse_command_line(const std::vector<std::string>& arguments);

/// Runs the program: verdict on stdout, messages on stderr; returns the exit code.
[[nodiscard]] int run(const std::vector<std::string>& arguments);

}  // namespace lipverify
