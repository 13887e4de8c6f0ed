// What a check may cost where nobody has said it: in proportion to the files that it reads, so that a small hostile file is refused soon.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "verifier/program/command_line.hpp"

namespace lipverify {

/// Bytes of all files that the command line names, those of folders and lists included. Files that cannot be read count nothing.
[[nodiscard]] std::uint64_t bytes_of(const CommandLine& line);

/// Memory of a run over files of so many bytes: 2 GB for a megabyte, and never more than half of the machine.
[[nodiscard]] std::uint64_t usual_memory(std::uint64_t bytes);

/// Seconds of processor time, of all threads together, for a run over files of so many bytes: 50 for a megabyte. The processor's, so that a verdict depends
/// neither on the number of threads nor on what else the machine does.
[[nodiscard]] std::uint64_t usual_seconds(std::uint64_t bytes);

/// Calls `late` from a thread of its own when the process has used so many seconds of processor time, unless it was stopped before. `late` must not return.
class Watch {
 public:
  Watch(std::uint64_t seconds, std::function<void()> late);
  ~Watch() { stop(); }
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;
  /// Returns when `late` will not be called any more; never, once it has been called.
  void stop();

 private:
  std::mutex guard_;
  std::condition_variable changed_;
  bool stopped_ = false;
  std::thread thread_;
};

}  // namespace lipverify
