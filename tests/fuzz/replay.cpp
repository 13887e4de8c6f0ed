// Runs a target on files, without libFuzzer: FILE_OR_FOLDER... The inputs that once broke something are run so by every test run, with any compiler.
// Each input is run as it is, and cut off and with one bit changed at a few places that depend on its length alone.
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/fuzz/support.hpp"

namespace {

void run(const std::string& bytes) {
  // A copy of the exact length, so that reading past it is noticed.
  const std::vector<std::uint8_t> input(bytes.begin(), bytes.end());
  (void)LLVMFuzzerTestOneInput(input.data(), input.size());
}

std::vector<std::filesystem::path> files_of(const std::filesystem::path& place) {
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_regular_file(place)) files.push_back(place);
  if (std::filesystem::is_directory(place))
    for (const auto& entry : std::filesystem::recursive_directory_iterator(place))
      if (entry.is_regular_file() && entry.path().filename() != "README.md") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t inputs = 0, runs = 0;
  for (int k = 1; k < argc; ++k) {
    for (const std::filesystem::path& file : files_of(argv[k])) {
      std::ifstream in(file, std::ios::binary);
      const std::string bytes((std::istreambuf_iterator<char>(in)), {});
      std::fprintf(stderr, "%s\n", file.c_str());
      run(bytes);
      ++inputs;
      ++runs;
      if (bytes.size() > 65536) continue;
      for (std::size_t part = 1; part <= 8; ++part) {
        const std::size_t at = bytes.size() * part / 9;
        run(bytes.substr(0, at));
        ++runs;
        if (at == bytes.size()) continue;
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ (1 << (part % 8)));
        run(changed);
        ++runs;
      }
    }
  }
  std::printf("%zu inputs, %zu runs\n", inputs, runs);
  if (inputs == 0) std::fprintf(stderr, "replay: error: no input; name files or folders of them.\n");
  return inputs == 0 ? 2 : 0;
}
