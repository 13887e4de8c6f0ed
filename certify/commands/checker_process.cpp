#include "certify/commands/checker_process.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "certify/lipcert.hpp"

extern char** environ;

namespace lipcert {
namespace {

/// A descriptor that is none of the standard ones, even where a caller has closed those: the child's are put in their places.
int memory_file(const char* name) {
  const int low = ::memfd_create(name, MFD_CLOEXEC);
  const int high = low < 0 ? -1 : ::fcntl(low, F_DUPFD, 3);
  if (low >= 0) ::close(low);
  return high;
}

}  // namespace

MemoryFile::MemoryFile(const char* name) : descriptor_(memory_file(name)) {
  if (descriptor_ < 0) throw CheckerFailure(fmt::format("cannot be given its files ({})", std::strerror(errno)));
}

MemoryFile::~MemoryFile() {
  ::close(descriptor_);
}

void MemoryFile::write(std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t done = ::write(descriptor_, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) throw CheckerFailure(fmt::format("cannot be given its files ({})", std::strerror(errno)));
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
}

std::string MemoryFile::read(std::size_t most) const {
  struct stat status {};
  if (::fstat(descriptor_, &status) != 0 || status.st_size <= 0) return "";
  std::string out(std::min(most, static_cast<std::size_t>(status.st_size)), '\0');
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::pread(descriptor_, out.data() + done, out.size() - done, static_cast<off_t>(done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    done += static_cast<std::size_t>(got);
  }
  out.resize(done);
  return out;
}

std::string MemoryFile::path() const {
  return fmt::format("/proc/self/fd/{}", descriptor_);
}

std::string checker_beside() {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  const std::string path = (self.parent_path() / "lipverify").string();
  struct stat status {};
  return !error && ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) && ::access(path.c_str(), X_OK) == 0 ? path : "";
}

CheckerAnswer run_checker(std::vector<std::string> arguments, std::size_t longest_answer) {
  const std::string program = arguments.at(0);
  const MemoryFile out("out");
  const MemoryFile err("err");
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
  if (failed != 0) throw CheckerFailure(fmt::format("cannot be started ({})", std::strerror(failed)));
  end_with_this_process(child);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) throw CheckerFailure(fmt::format("was lost ({})", std::strerror(errno)));
  }
  end_with_this_process(0);
  return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out.read(longest_answer), err.read(longest_answer)};
}

}  // namespace lipcert
