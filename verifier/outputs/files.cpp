// See files.hpp.
#include "verifier/outputs/files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "verifier/outputs/report.hpp"

namespace lipverify {

namespace {

bool write_all(int fd, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(fd, text.data() + done, text.size() - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

std::string cannot(const std::string& path) {
  const int error = errno;
  return "the output '" + printable_line(path) + "' cannot be written: " + std::strerror(error) +
         "; check the folder, its permissions and the free space";
}

/// A key that is gone is gone: at its place no report is written. What cannot be read may be one.
bool holds_private_key(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return true;
  std::string head(65536, '\0');
  std::size_t have = 0;
  for (ssize_t n = 1; n > 0 && have < head.size();) {
    n = ::read(fd, head.data() + have, head.size() - have);
    if (n < 0 && errno == EINTR) {
      n = 1;
      continue;
    }
    if (n < 0) {
      ::close(fd);
      return true;
    }
    have += static_cast<std::size_t>(n);
  }
  ::close(fd);
  head.resize(have);
  return head.find("PRIVATE KEY-----") != std::string::npos;
}

/// Devices and pipes, which a rename would replace by a file.
std::string write_through(const std::string& path, const std::string& text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return cannot(path);
  const bool good = write_all(fd, text);
  const std::string error = good ? "" : cannot(path);
  return ::close(fd) == 0 || !good ? error : cannot(path);
}

}  // namespace

std::string write_whole(const std::string& path, const std::string& text) {
  if (path == "-") return write_all(STDOUT_FILENO, text) ? "" : "standard output cannot be written: " + std::string(std::strerror(errno));
  struct stat status {};
  std::string target = path;
  if (::stat(path.c_str(), &status) == 0) {
    if (S_ISDIR(status.st_mode)) return "the output '" + printable_line(path) + "' is a folder; name a file";
    if (!S_ISREG(status.st_mode)) return write_through(path, text);
    const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
    if (real) target = real.get();
    if (holds_private_key(target)) return "the output '" + printable_line(path) + "' holds a private key, or cannot be read to see that it does not: it is never replaced; choose another name";
  }
  std::string temporary = target + ".XXXXXX";
  const int fd = ::mkostemp(temporary.data(), O_CLOEXEC);
  if (fd < 0) return cannot(path);
  const mode_t mask = ::umask(0);
  ::umask(mask);
  bool good = write_all(fd, text) && ::fchmod(fd, 0666 & ~mask) == 0 && ::fsync(fd) == 0;
  std::string error = good ? "" : cannot(path);
  if (::close(fd) != 0 && good) {
    good = false;
    error = cannot(path);
  }
  if (good && ::rename(temporary.c_str(), target.c_str()) != 0) {
    good = false;
    error = cannot(path);
  }
  if (!good) {
    ::unlink(temporary.c_str());
    return error;
  }
  const std::size_t slash = target.find_last_of('/');
  const int folder = ::open(slash == std::string::npos ? "." : target.substr(0, slash + 1).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    static_cast<void>(::fsync(folder));  // some file systems cannot; the file itself is on the disk
    ::close(folder);
  }
  return "";
}

bool same_file(const std::string& a, const std::string& b) {
  struct stat one {};
  struct stat other {};
  return ::stat(a.c_str(), &one) == 0 && ::stat(b.c_str(), &other) == 0 && one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

}  // namespace lipverify
