// Many certificates, several at a time: which files belong to which, and a judgement on each, in the order of the command line.
#pragma once

#include <string>
#include <vector>

#include "verifier/outputs/gate.hpp"
#include "verifier/policy/policy.hpp"
#include "verifier/program/command_line.hpp"

namespace lipverify {

struct Checked {
  Gate gate;
  bool many = false;                  // a folder, a list, several certificates or a policy: the output is that of a gate
  std::vector<std::string> models;    // files that --model named
  std::vector<std::string> warnings;  // of the run as a whole
};

/// Checks what the command line names. A certificate, a folder or a policy that cannot be read is a judgement too, never the end of the
/// run.
[[nodiscard]] Checked check_all(const CommandLine& line, bool progress);

}  // namespace lipverify
