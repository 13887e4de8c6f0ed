// What the targets share. A target is a file with LLVMFuzzerTestOneInput: any bytes must end in a refusal of the right kind, or be read; whatever
// else happens (another exception, a report of a sanitizer, two readers that disagree) ends the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fuzz {

[[nodiscard]] inline std::string text_of(const std::uint8_t* data, std::size_t size) {
  return size == 0 ? std::string() : std::string(reinterpret_cast<const char*>(data), size);
}

/// Ends the process with a sentence that is worth reading: what was expected.
[[noreturn]] void broken(const std::string& sentence);

/// Memory and work as a small machine has them, so that an input that costs too much is refused before libFuzzer's own limits end it.
void small_budget();

/// A file in memory with a path, for readers that open files.
class MemoryFile {
 public:
  MemoryFile();
  ~MemoryFile();
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  void write(std::string_view bytes);
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  int descriptor_;
  std::string path_;
};

/// A folder that goes with the process. Its path is the same in every run, by its descriptor: the random name would be part of what libFuzzer learns from.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  void write(const std::string& name, std::string_view bytes) const;
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  std::string name_;
  int descriptor_ = -1;
  std::string path_;
};

}  // namespace fuzz
