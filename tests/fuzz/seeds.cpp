// Writes the seeds of a fuzzing run: FOLDER. The cases of both ONNX readers, one file for each, and small inputs of formats that have no vectors.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/onnx_cases.hpp"

namespace {

void write(const std::filesystem::path& file, const std::string& bytes) {
  std::filesystem::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << bytes;
}

constexpr const char* kNnet =
    "// a comment\n2,3,1,4,\n3,4,1,\n0,\n-1.0,-2,-3,\n1,2,3,\n0,0,0,0,\n1,1,1,1,\n"
    "1,0.5,-2,\n0,1e-3,4,\n0,0,1,\n-1,2,3.25,\n0.5,\n-0.25,\n0,\n1,\n1,-1,0.5,2,\n0.75,\n";

std::string record(std::uint64_t index, std::uint32_t predicted, std::uint32_t label, std::uint64_t margin, std::uint64_t radius) {
  std::string bytes;
  const auto put = [&](std::uint64_t value, int width) {
    for (int k = 0; k < width; ++k) bytes.push_back(static_cast<char>(value >> (8 * k)));
  };
  put(index, 8);
  put(predicted, 4);
  put(label, 4);
  put(margin, 8);
  put(radius, 8);
  return bytes;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fprintf(stderr, "fuzz_seeds: error: name a folder.\n"), 2;
  const std::filesystem::path folder = argv[1];
  std::size_t number = 0;
  for (const auto& cases : {onnx_cases::read(), onnx_cases::refused()})
    for (const onnx_cases::Case& item : cases)
      // Not those at the limits of what may be computed from constants: with sanitizers they take seconds, and so does what is bred from them.
      if (item.bytes.size() <= 4096 && item.says.find("2^2") == std::string::npos) write(folder / "onnx" / std::to_string(number++), item.bytes);
  write(folder / "nnet/small", kNnet);
  write(folder / "records/three", record(0, 3, 3, 0x3FE0000000000000, 0x3FB999999999999A) + record(1, 0xFFFFFFFF, 2, 0, 0) + record(2, 1, 2, 1, 0x7FF0000000000000));
  write(folder / "records/unlabelled", record(0, 1, 0xFFFFFFFF, 0x4000000000000000, 0x3FF0000000000000));
  write(folder / "revocations/small", R"({"formatVersion":1,"issuedAt":"2026-01-01T00:00:00Z","notAfter":"2027-01-01T00:00:00Z",)"
                                      R"("keys":["SHA256:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"],)"
                                      R"("certificates":["e5e7368a4ca09be6ad5f93169614aa5ba53f6e0a4d4bcf6be6eaf70b57653206"]})");
  write(folder / "shard/small", R"({"lipcertShard":2,"model":"00","graphDigest":"11","data":{"format":"idx"},"configuration":"22","shard":0,"of":2,"first":0,"count":1,"records":")"
                                "AAAAAAAAAAADAAAAAwAAAAAAAAAAAOA/mpmZmZmZuT8=\"}");
  return 0;
}
