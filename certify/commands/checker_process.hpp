// The independent checker as a process: the `lipverify` that stands beside this program, asked through files that exist in memory only. The
// answer comes back the same way, so that no pipe can fill up. No shell is involved.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace lipcert {

/// The checker could not be asked; `what()` continues a sentence that begins with "lipverify": "cannot be started (...)".
class CheckerFailure : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A file in memory. The checker inherits its descriptor and finds it under `path`. Throws `CheckerFailure`.
class MemoryFile {
 public:
  explicit MemoryFile(const char* name);
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile();

  void write(std::string_view bytes) const;
  /// What stands in it, as far as anybody wants to read.
  [[nodiscard]] std::string read(std::size_t most) const;
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::string path() const;

 private:
  int descriptor_;
};

/// The program in the folder of this one; empty when there is none that can be run.
[[nodiscard]] std::string checker_beside();

struct CheckerAnswer {
  int code = 0;  // a signal is 128 more than its number, as in a shell
  std::string out;
  std::string err;
};

/// Runs `arguments[0]` with these arguments, without standard input and without the passphrase, which is none of its business. Throws
/// `CheckerFailure`.
[[nodiscard]] CheckerAnswer run_checker(std::vector<std::string> arguments, std::size_t longest_answer);

}  // namespace lipcert
