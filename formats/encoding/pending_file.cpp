// The names of pending files lie in a list of fixed size that a signal handler can read (it may call nothing but unlink): a place is taken before
// the file is created and given back after it is gone, so that at no moment a file exists whose name is not there.
#include "formats/encoding/pending_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <system_error>

#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert {
namespace {

enum State : int { free_place, changing, taken };
struct Place {
  std::atomic<int> state{free_place};
  std::array<char, 4096> name{};
};
std::array<Place, 16> places;
std::atomic<int> child{0};
static_assert(std::atomic<int>::is_always_lock_free);

/// -1: too long a name, or too many; such a file outlives a signal.
int remember(const std::string& name) {
  if (name.size() >= places[0].name.size()) return -1;
  for (std::size_t i = 0; i < places.size(); ++i) {
    int expected = free_place;
    if (!places[i].state.compare_exchange_strong(expected, changing)) continue;
    std::memcpy(places[i].name.data(), name.c_str(), name.size() + 1);
    places[i].state = taken;
    return static_cast<int>(i);
  }
  return -1;
}

void forget(int& place) {
  if (place >= 0) places[static_cast<std::size_t>(place)].state = free_place;
  place = -1;
}

extern "C" void remove_and_end(int number) {
  for (const Place& place : places) {
    if (place.state == taken) ::unlink(place.name.data());
  }
  if (const int process = child; process > 0) ::kill(process, SIGKILL);
  // The handler was for one signal only: this one has its usual effect.
  ::raise(number);
}

std::string reason(int number) {
  return std::generic_category().message(number);
}

}  // namespace

PendingFile::PendingFile(const std::string& path, unsigned mode) : path_(path) {
  static std::atomic<unsigned> counter{0};
  const std::string name = file_name_of(path);
  if (name.empty() || name == "." || name == "..") throw input_error("'" + path + "' is not the path of a file that could be written.");
  const std::string folder = folder_of(path);
  for (int attempt = 0; attempt < 100; ++attempt) {
    temporary_ = folder + "/." + name.substr(0, 200) + "." + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp";
    // A name that somebody else has taken is not ours to remove, so it is looked at before it is remembered.
    if (::access(temporary_.c_str(), F_OK) == 0) continue;
    place_ = remember(temporary_);
    descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, static_cast<mode_t>(mode));
    if (descriptor_ >= 0) return;
    const int error = errno;
    forget(place_);
    if (error != EEXIST) {
      errno = error;
      break;
    }
  }
  temporary_.clear();
  throw input_error(path + ": cannot be written (" + reason(errno) + "); choose a folder that exists and is writable.");
}

PendingFile::~PendingFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
  forget(place_);
}

void PendingFile::fail(const std::string& path, int error) const {
  throw input_error(path + ": cannot be written (" + reason(error) + "); nothing was left behind; make room, or choose another folder.");
}

void PendingFile::write(const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t put = ::write(descriptor_, bytes, size);
    if (put < 0 && errno == EINTR) continue;
    if (put <= 0) fail(path_, put < 0 ? errno : EIO);
    bytes += put;
    size -= static_cast<std::size_t>(put);
  }
}

void PendingFile::sync() {
  if (descriptor_ < 0) return;
  if (::fsync(descriptor_) != 0) fail(path_, errno);
  const int result = ::close(descriptor_);
  descriptor_ = -1;
  if (result != 0) fail(path_, errno);
}

void PendingFile::settle(const std::string& path) {
  temporary_.clear();
  forget(place_);
  // The new name reaches the disk with the folder; a file system that cannot sync folders has already done what it can.
  const int folder = ::open(folder_of(path).c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (folder >= 0) {
    static_cast<void>(::fsync(folder));
    ::close(folder);
  }
}

void PendingFile::publish(const std::string& path, const ReplaceGuard* guard) {
  sync();
  const char* const from = temporary_.c_str();
  const char* const to = path.c_str();
  const auto rename = [&](unsigned how) { return ::renameat2(AT_FDCWD, from, AT_FDCWD, to, how) == 0 ? 0 : errno; };
  for (int attempt = 0; attempt < 100; ++attempt) {
    int error = rename(RENAME_NOREPLACE);
    if (error == EINVAL || error == ENOSYS) {
      // A file system without such renames: a hard link is made only where nothing stands.
      error = ::link(from, to) == 0 ? 0 : errno;
      if (error == 0) ::unlink(from);
      if (error == EPERM || error == ENOSYS || error == EOPNOTSUPP) error = ::access(to, F_OK) == 0 ? EEXIST : ::rename(from, to) == 0 ? 0 : errno;
    }
    if (error == 0) return settle(path);
    if (error != EEXIST) fail(path, error);
    if (guard == nullptr) throw input_error(path + ": exists already and is left as it is; remove it or choose another name.");
    struct stat status {};
    if (::lstat(to, &status) == 0 && S_ISDIR(status.st_mode)) fail(path, EISDIR);
    (*guard)(path);
    // From here on the hidden name is that of the file that stood there, which no signal may remove.
    forget(place_);
    error = rename(RENAME_EXCHANGE);
    if (error == 0) {
      try {
        if (::lstat(from, &status) == 0 && S_ISDIR(status.st_mode)) fail(path, EISDIR);
        (*guard)(temporary_);
      } catch (...) {
        error = rename(RENAME_EXCHANGE);
        if (error != 0) {
          const std::string kept = temporary_;
          temporary_.clear();
          throw input_error(path + ": was replaced by a file that came there at the same time and could not be put back (" + reason(error) +
                            "); it is kept as " + kept + ".");
        }
        throw;
      }
      ::unlink(from);
      return settle(path);
    }
    if (error == EINVAL || error == ENOSYS) error = ::rename(from, to) == 0 ? 0 : errno;
    if (error == 0) return settle(path);
    place_ = remember(temporary_);
    if (error != ENOENT) fail(path, error);
  }
  fail(path, EAGAIN);
}

void prepare_process() {
  for (int number = 0; number < 3; ++number) {
    // Read-only for the outputs: writing fails, as it would have without us.
    if (::fcntl(number, F_GETFD) < 0 && errno == EBADF) static_cast<void>(::open("/dev/null", number == 0 ? O_WRONLY : O_RDONLY));
  }
  static_cast<void>(std::signal(SIGPIPE, SIG_IGN));
  static_cast<void>(std::signal(SIGXFSZ, SIG_IGN));
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGXCPU}) {
    struct sigaction before {};
    if (::sigaction(number, nullptr, &before) != 0 || before.sa_handler != SIG_DFL) continue;  // nohup
    struct sigaction action {};
    action.sa_handler = remove_and_end;
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigemptyset(&action.sa_mask);
    ::sigaction(number, &action, nullptr);
  }
}

void end_with_this_process(int process) {
  child = process;
}

}  // namespace lipcert
