// The one exception type of the project: a sentence that a user can act on, and the exit code that goes with it.
#pragma once

#include <stdexcept>
#include <string>

namespace lipcert {

enum class ExitCode : int { ok = 0, rejected = 1, usage = 2, input = 3, internal = 4 };

/// `what()` is one sentence: where (file, node), what is wrong, what to do.
class Error : public std::runtime_error {
 public:
  Error(ExitCode code, const std::string& sentence) : std::runtime_error(sentence), code_(code) {}
  [[nodiscard]] ExitCode code() const { return code_; }

 private:
  ExitCode code_;
};

/// An input that cannot be read or is not supported (exit code 3).
inline Error input_error(const std::string& sentence) {
  return Error(ExitCode::input, sentence);
}

}  // namespace lipcert
