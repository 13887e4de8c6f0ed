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
#include <cerrno>
#include <system_error>

#include "formats/encoding/error.hpp"
#include "formats/encoding/pending_file.hpp"

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
  struct stat status {};
  // An early look saves work; the move below is what decides.
  if (overwrite == Overwrite::no && ::lstat(path.c_str(), &status) == 0)
    throw input_error(path + ": exists already and is left as it is; remove it or choose another name.");
  PendingFile file(path, mode);
  file.write(bytes.data(), bytes.size());
  const ReplaceGuard anything = [](const std::string& /*standing*/) {};
  file.publish(path, overwrite == Overwrite::yes ? &anything : nullptr);
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
