// A progress bar on standard error, drawn only when that is a terminal.
#pragma once

#include <chrono>
#include <string>

namespace lipcert {

/// Draws nothing during the first half second, so that short work leaves no trace, and wipes its line when it is destroyed.
class ProgressBar {
 public:
  explicit ProgressBar(bool wanted);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar();

  /// `done` in [0, 1]; `what` is a few words.
  void show(double done, const std::string& what);

 private:
  using Clock = std::chrono::steady_clock;
  bool active_;
  bool drawn_ = false;
  Clock::time_point start_ = Clock::now();
  Clock::time_point last_ = start_;
};

}  // namespace lipcert
