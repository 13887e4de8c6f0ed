// See support.hpp.
#include "tests/fuzz/support.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "formats/encoding/budget.hpp"

namespace fuzz {

void broken(const std::string& sentence) {
  std::fprintf(stderr, "fuzz: %s\n", sentence.c_str());
  std::abort();
}

void small_budget() {
  static const bool once = [] {
    lipcert::set_budget({.memory = std::uint64_t{1} << 30, .work = std::uint64_t{1} << 26});
    return true;
  }();
  (void)once;
}

MemoryFile::MemoryFile() : descriptor_(::memfd_create("fuzz", MFD_CLOEXEC)), path_("/proc/self/fd/" + std::to_string(descriptor_)) {
  if (descriptor_ < 0) broken("this system has no files in memory");
}
MemoryFile::~MemoryFile() {
  ::close(descriptor_);
}

void MemoryFile::write(std::string_view bytes) {
  if (::ftruncate(descriptor_, 0) != 0) broken("a file in memory cannot be cut");
  if (::pwrite(descriptor_, bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) broken("a file in memory cannot be written");
}

Folder::Folder() {
  std::string pattern = (std::filesystem::temp_directory_path() / "lipcert-fuzz-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) broken("no folder can be made in " + pattern);
  name_ = pattern;
  descriptor_ = ::open(pattern.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor_ < 0) broken(pattern + " cannot be opened");
  path_ = "/proc/self/fd/" + std::to_string(descriptor_) + "/.";
}
Folder::~Folder() {
  ::close(descriptor_);
  std::error_code ignored;
  std::filesystem::remove_all(name_, ignored);
}

void Folder::write(const std::string& name, std::string_view bytes) const {
  std::ofstream out(path_ + "/" + name, std::ios::binary | std::ios::trunc);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  if (!out.flush()) broken(path_ + "/" + name + " cannot be written");
}

}  // namespace fuzz
