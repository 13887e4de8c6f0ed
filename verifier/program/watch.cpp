// See watch.hpp.
#include "verifier/program/watch.hpp"

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <system_error>
#include <utility>

#include "verifier/program/inputs.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kMegabyte = 1000000;

std::uint64_t bytes_of_path(const std::string& path) {
  std::error_code error;
  const std::filesystem::path at(path);
  if (!std::filesystem::is_directory(at, error)) {
    const std::uintmax_t size = std::filesystem::file_size(at, error);
    return error ? 0 : static_cast<std::uint64_t>(size);
  }
  std::uint64_t sum = 0;
  for (std::filesystem::recursive_directory_iterator file(at, std::filesystem::directory_options::skip_permission_denied, error), end; !error && file != end; file.increment(error)) {
    std::error_code unsized_file;
    const std::uintmax_t size = file->file_size(unsized_file);
    if (!unsized_file) sum += static_cast<std::uint64_t>(size);
  }
  return sum;
}

/// Megabytes, rounded up; at least one.
std::uint64_t megabytes(std::uint64_t bytes) { return std::max<std::uint64_t>(1, bytes / kMegabyte + (bytes % kMegabyte != 0 ? 1 : 0)); }

/// Of all threads of this process, whole ones.
std::uint64_t processor_seconds() {
  std::timespec used{};
  return ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used) == 0 ? static_cast<std::uint64_t>(used.tv_sec) : 0;
}

}  // namespace

std::uint64_t bytes_of(const CommandLine& line) {
  std::uint64_t sum = 0;
  bool many = false;
  for (const Input& input : expand(line.certificates, {".sigstore.json"}, "certificates", many)) sum += bytes_of_path(input.path);
  for (const Input& input : expand(line.models, {".onnx", ".nnet"}, "models", many)) sum += bytes_of_path(input.path);
  for (const std::string& path : line.data) sum += bytes_of_path(path);
  for (const std::string& path : line.labels) sum += bytes_of_path(path);
  if (line.request.samples.records) sum += bytes_of_path(*line.request.samples.records);
  if (line.request.samples.evidence) sum += bytes_of_path(*line.request.samples.evidence);
  return sum;
}

std::uint64_t usual_memory(std::uint64_t bytes) { return std::min(settled(Budget{}).memory, 1900 * kMegabyte * std::min<std::uint64_t>(megabytes(bytes), 1U << 20)); }

std::uint64_t usual_seconds(std::uint64_t bytes) { return 50 * megabytes(bytes); }

Watch::Watch(std::uint64_t seconds, std::function<void()> late) {
  thread_ = std::thread([this, seconds, late = std::move(late)] {
    std::unique_lock<std::mutex> lock(guard_);
    while (processor_seconds() < seconds)
      if (changed_.wait_for(lock, std::chrono::milliseconds(100), [this] { return stopped_; })) return;
    late();
  });
}

void Watch::stop() {
  {
    const std::lock_guard<std::mutex> lock(guard_);  // held while `late` speaks: whoever comes then waits for the end of the process
    stopped_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

}  // namespace lipverify
