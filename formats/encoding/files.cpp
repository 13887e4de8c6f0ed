// Reading and writing files whole (POSIX), and digests (OpenSSL EVP).
//
// A file is opened once and described through its descriptor, never through its name again: what was checked is what is read. Opening
// never blocks (O_NONBLOCK), so a named pipe is refused instead of waited for.
#include "formats/encoding/files.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdio>
#include <system_error>

#include "formats/encoding/error.hpp"

namespace lipcert {

namespace {

std::string reason(int number) {
  return std::generic_category().message(number);
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor(Descriptor&&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int get() const { return number_; }
  [[nodiscard]] int close() {
    const int result = ::close(number_);
    number_ = -1;
    return result;
  }

 private:
  int number_;
};

std::string read_open_file(const Descriptor& file, const std::string& shown, std::uint64_t cap, bool alone) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) throw input_error(shown + ": cannot be examined (" + reason(errno) + ").");
  if (S_ISDIR(status.st_mode)) throw input_error(shown + ": is a folder; give the path of a file.");
  if (!S_ISREG(status.st_mode)) throw input_error(shown + ": is not a regular file; copy its content into one.");
  if (alone && status.st_nlink != 1)
    throw input_error(shown + ": has several hard links, so that it could change under another name; make a copy of its own.");
  const auto size = static_cast<std::uint64_t>(status.st_size);
  const auto too_large = [&] {
    return input_error(shown + ": is larger than the limit of " + std::to_string(cap) + " bytes; nothing of it was read.");
  };
  if (size > cap) throw too_large();
  std::string bytes(static_cast<std::size_t>(size), '\0');
  std::size_t filled = 0;
  for (;;) {
    if (filled == bytes.size()) {
      // The file may have grown since it was examined: probe for one more byte.
      char extra = 0;
      const ssize_t got = ::read(file.get(), &extra, 1);
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) throw input_error(shown + ": cannot be read (" + reason(errno) + ").");
      if (got == 0) break;
      if (filled >= cap) throw too_large();
      bytes.push_back(extra);
      ++filled;
      continue;
    }
    const ssize_t got = ::read(file.get(), bytes.data() + filled, bytes.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw input_error(shown + ": cannot be read (" + reason(errno) + ").");
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  bytes.resize(filled);
  return bytes;
}

// Moves `from` to `to` unless `to` exists; 0 or an errno.
int move_without_overwriting(const std::string& from, const std::string& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL && errno != ENOSYS) return errno;
  // A file system without RENAME_NOREPLACE: a hard link is made only where nothing stands.
  if (::link(from.c_str(), to.c_str()) != 0) return errno;
  return ::unlink(from.c_str()) == 0 ? 0 : errno;
}

}  // namespace

std::string read_file(const std::string& path, std::uint64_t cap) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) throw input_error(path + ": cannot be opened (" + reason(errno) + "); give the path of a readable file.");
  return read_open_file(file, path, cap, false);
}

std::string read_file_beside(const std::string& folder, const std::string& name, std::uint64_t cap) {
  if (name.empty() || name.size() > 255 || name == "." || name == ".." || name.find_first_of("/\\") != std::string::npos ||
      name.find('\0') != std::string::npos)
    throw input_error("'" + name.substr(0, 255) + "' is not a plain file name; a file beside another one is named without any folder.");
  const std::string shown = folder.empty() || folder == "." ? name : folder + "/" + name;
  const Descriptor place(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  if (place.get() < 0) throw input_error(folder + ": cannot be opened as a folder (" + reason(errno) + ").");
  const Descriptor file(::openat(place.get(), name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW));
  if (file.get() < 0) {
    if (errno == ELOOP) throw input_error(shown + ": is a symbolic link; put the file itself there.");
    throw input_error(shown + ": cannot be opened (" + reason(errno) + "); it must lie beside the file that names it.");
  }
  return read_open_file(file, shown, cap, true);
}

void write_file(const std::string& path, const std::string& bytes, Overwrite overwrite, unsigned mode) {
  static std::atomic<unsigned> counter{0};
  const std::string name = file_name_of(path);
  if (name.empty() || name == "." || name == "..") throw input_error("'" + path + "' is not the path of a file that could be written.");
  const auto exists = [&] { return input_error(path + ": exists already and is left as it is; remove it or choose another name."); };
  // An early look saves work; the move below is what decides.
  struct stat status {};
  if (overwrite == Overwrite::no && ::lstat(path.c_str(), &status) == 0) throw exists();
  const std::string folder = folder_of(path);
  std::string temporary;
  int number = -1;
  for (int attempt = 0; attempt < 100 && number < 0; ++attempt) {
    temporary = folder + "/." + name.substr(0, 200) + "." + std::to_string(::getpid()) + "-" + std::to_string(counter++) + ".tmp";
    number = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, static_cast<mode_t>(mode));
    if (number < 0 && errno != EEXIST) break;
  }
  if (number < 0) throw input_error(path + ": cannot be written (" + reason(errno) + "); choose a folder that exists and is writable.");
  Descriptor file(number);
  const auto give_up = [&](int error) {
    ::unlink(temporary.c_str());
    return input_error(path + ": cannot be written (" + reason(error) + "); nothing was left behind.");
  };
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t put = ::write(file.get(), bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) throw give_up(errno);
    done += static_cast<std::size_t>(put);
  }
  if (::fsync(file.get()) != 0) throw give_up(errno);
  if (file.close() != 0) throw give_up(errno);
  if (overwrite == Overwrite::yes) {
    if (::rename(temporary.c_str(), path.c_str()) != 0) throw give_up(errno);
  } else {
    const int failure = move_without_overwriting(temporary, path);
    if (failure == EEXIST) {
      ::unlink(temporary.c_str());
      throw exists();
    }
    if (failure != 0) throw give_up(failure);
  }
  // The new name reaches the disk with the folder; a file system that cannot sync folders has already done what it can.
  const Descriptor place(::open(folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY));
  if (place.get() >= 0) static_cast<void>(::fsync(place.get()));
}

std::string sha256(const std::string& bytes) {
  std::string digest(32, '\0');
  unsigned length = 0;
  if (::EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(digest.data()), &length, ::EVP_sha256(), nullptr) != 1 ||
      length != digest.size())
    throw Error(ExitCode::internal, "OpenSSL could not compute a SHA-256 digest.");
  return digest;
}

std::string to_hex(const std::string& bytes) {
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char character : bytes) {
    const auto byte = static_cast<unsigned char>(character);
    text.push_back("0123456789abcdef"[byte >> 4U]);
    text.push_back("0123456789abcdef"[byte & 0xFU]);
  }
  return text;
}

std::string sha256_hex(const std::string& bytes) {
  return to_hex(sha256(bytes));
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string file_name_of(const std::string& path) {
  const std::size_t slash = path.find_last_of('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace lipcert
