// Certificate and public key are handed over as files that exist in memory only (memfd_create), so that nothing half-checked can stay behind; the
// answer comes back the same way, so that no pipe can fill up. No shell is involved.

#include "certify/commands/recheck.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

extern char** environ;

namespace lipcert {
namespace {

constexpr std::uint64_t most_samples = 100;
constexpr std::size_t longest_answer = std::size_t{1} << 20;

Error not_rechecked(const std::string& why) {
  return {ExitCode::internal, "The certificate was not written, because the lipverify beside this program " + why +
                                  "; please report it with the model, or write the certificate unchecked with --no-recheck."};
}

/// A descriptor that is none of the standard ones, even where a caller has closed those: the child's are put in their places.
int memory_file(const char* name) {
  const int low = ::memfd_create(name, MFD_CLOEXEC);
  const int high = low < 0 ? -1 : ::fcntl(low, F_DUPFD, 3);
  if (low >= 0) ::close(low);
  return high;
}

/// A file in memory. The checker inherits its descriptor and finds it under `path`.
class MemoryFile {
 public:
  explicit MemoryFile(const char* name) : descriptor_(memory_file(name)) {
    if (descriptor_ < 0) throw not_rechecked(fmt::format("cannot be given its files ({})", std::strerror(errno)));
  }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  ~MemoryFile() { ::close(descriptor_); }

  void write(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t done = ::write(descriptor_, bytes.data(), bytes.size());
      if (done < 0 && errno == EINTR) continue;
      if (done <= 0) throw not_rechecked(fmt::format("cannot be given its files ({})", std::strerror(errno)));
      bytes.remove_prefix(static_cast<std::size_t>(done));
    }
  }
  /// What stands in it, as far as anybody wants to read.
  [[nodiscard]] std::string read() const {
    std::string out(longest_answer, '\0');
    const ssize_t got = ::pread(descriptor_, out.data(), out.size(), 0);
    out.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return out;
  }
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] std::string path() const { return fmt::format("/proc/self/fd/{}", descriptor_); }

 private:
  int descriptor_;
};

/// The program in the folder of this one; empty when there is none that can be run.
std::string checker_beside() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string path = (self.parent_path() / "lipverify").string();
  struct stat status {};
  return !error && ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0 ? path : "";
}

/// The exit code; a signal is 128 more than its number, as in a shell.
int run(const std::string& program, std::vector<std::string> arguments, const MemoryFile& out, const MemoryFile& err) {
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  std::vector<char*> environment;  // without the passphrase, which is none of its business
  for (char** entry = environ; *entry != nullptr; ++entry) {
    if (!std::string_view(*entry).starts_with("LIPCERT_PASSPHRASE=")) environment.push_back(*entry);
  }
  environment.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, out.descriptor(), STDOUT_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, err.descriptor(), STDERR_FILENO);
  std::signal(SIGCHLD, SIG_DFL);  // a caller that ignores its children would make ours vanish before it is asked
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, program.c_str(), &actions, nullptr, argv.data(), environment.data());
  ::posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw not_rechecked(fmt::format("cannot be started ({})", std::strerror(failed)));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw not_rechecked(fmt::format("was lost ({})", std::strerror(errno)));
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

/// lipverify's own sentence, or what is left of it.
std::string reason(const std::string& err, int code) {
  std::string last;
  for (std::size_t at = 0; at < err.size();) {
    const std::size_t end = std::min(err.find('\n', at), err.size());
    const std::string_view line(err.data() + at, end - at);
    constexpr std::string_view name = "lipverify: ";
    if (line.starts_with(name) && !line.starts_with("lipverify: warning: ")) last = line.substr(name.size());
    at = end + 1;
  }
  if (!last.empty()) return fmt::format("does not accept it: {}", last);
  return fmt::format("ended with {}{}", code, err.empty() ? "" : ": " + first_line(err));
}

}  // namespace

Recheck recheck(const CertifyOptions& options, const CertifyJob& job, const Certified& made, const std::string& bundle, const SigningKey& key) {
  Recheck result;
  if (options.no_recheck) {
    result.word = "skipped";
    return result;
  }
  const std::string program = checker_beside();
  if (program.empty()) {
    result.word = "no lipverify beside lipcert";
    return result;
  }
  const auto start = std::chrono::steady_clock::now();
  const MemoryFile certificate("certificate");
  const MemoryFile public_key("key");
  const MemoryFile out("out");
  const MemoryFile err("err");
  certificate.write(bundle);
  public_key.write(key.public_pem());
  std::vector<std::string> arguments = {program, certificate.path(), "--model=" + options.model, "--public-key=" + public_key.path(),
                                        "--time=" + format_time(job.issuance.issued_at)};
  if (options.allow_external_data) arguments.emplace_back("--allow-external-data");
  if (options.threads != 0) arguments.push_back(fmt::format("--threads={}", options.threads));
  bool in_part = false;
  if (made.samples) {
    arguments.push_back(fmt::format("--records={}/{}", job.folder, made.samples->records.name));
    if (job.samples) {
      arguments.push_back("--data=" + options.samples.data.data);
      if (!options.samples.data.labels.empty()) arguments.push_back("--labels=" + options.samples.data.labels);
      in_part = made.samples->selection.count > most_samples;
      if (in_part) {
        arguments.push_back(fmt::format("--audit={}", most_samples));
        arguments.push_back(fmt::format("--seed={}", std::stoull(sha256_hex(made.payload).substr(0, 15), nullptr, 16)));
      }
    } else {
      in_part = true;
      arguments.emplace_back("--no-samples");
    }
  }
  const int code = run(program, std::move(arguments), out, err);
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  if (code != 0 && !(code == 5 && in_part)) throw not_rechecked(reason(err.read(), code));
  result.word = code == 0 ? "accepted" : "accepted in part";
  result.verdict = first_line(out.read());
  return result;
}

bool checker_there() {
  return !checker_beside().empty();
}

std::string text_of(const Recheck& recheck) {
  if (!recheck.verdict.empty()) return recheck.verdict;
  return recheck.word + "; check the certificate with lipverify before you rely on it";
}

}  // namespace lipcert
