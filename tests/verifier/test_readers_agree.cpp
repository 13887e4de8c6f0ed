// Two readers that share no code, on the same bytes: both read them, to the same digest, or both refuse them. Files of the vectors and the shared cases,
// then thousands of damaged versions of them (bytes changed, cut, repeated, moved).
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "formats/error.hpp"
#include "formats/graph_digest.hpp"
#include "formats/onnx_reader.hpp"
#include "tests/support/onnx_cases.hpp"
#include "verifier/trusted/failure.hpp"
#include "verifier/trusted/onnx.hpp"

namespace {

/// Digest, or "refused".
std::string generator(const std::string& bytes) {
  try {
    const lipcert::Network network = lipcert::read_onnx(bytes, lipcert::OnnxOptions());
    return network.refusals.empty() ? lipcert::graph_digest(network) : "refused";
  } catch (const lipcert::Error& error) {
    return error.code() == lipcert::ExitCode::input ? "refused" : std::string("generator fails: ") + error.what();
  }
}

std::string reason;

std::string checker(const std::string& bytes) {
  try {
    std::vector<lipverify::ExternalFile> external;
    return lipverify::graph_digest(lipverify::read_onnx(bytes, {}, external));
  } catch (const lipverify::Failure& failure) {
    reason = failure.what();
    return failure.outcome() == lipverify::Outcome::input ? "refused" : std::string("checker fails: ") + failure.what();
  }
}

std::string damaged(const std::string& bytes, std::mt19937& random) {
  std::string out = bytes;
  for (auto edits = 1 + random() % 2; edits > 0 && !out.empty(); --edits) {
    const std::size_t at = random() % out.size();
    switch (random() % 6) {
      case 0: out[at] = static_cast<char>(random()); break;
      case 1: out[at] = static_cast<char>(out[at] ^ (1 << (random() % 8))); break;
      case 2: out.erase(at, 1 + random() % 4); break;
      case 3: out.insert(at, 1, static_cast<char>(random() % 128)); break;
      case 4: out.insert(at, out.substr(random() % out.size(), random() % 24)); break;
      default: out[at] = static_cast<char>(out[at] + (random() % 2 == 0 ? 1 : -1));
    }
  }
  return out;
}

}  // namespace

TEST_CASE("the generator's and the checker's reader agree") {
  std::vector<std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(std::string(LIPCERT_SOURCE_DIR) + "/tests/vectors/graph_digest")) {
    if (entry.path().extension() != ".onnx") continue;
    std::ifstream file(entry.path(), std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    files.push_back(text.str());
  }
  REQUIRE(files.size() >= 10);
  for (const auto& item : onnx_cases::read()) files.push_back(item.bytes);
  for (const auto& item : onnx_cases::refused()) files.push_back(item.bytes);
  std::mt19937 random(2026);
  std::size_t read = 0;
  std::size_t refused = 0;
  for (const std::string& file : files) {
    if (file.size() > 20000) continue;  // one case is large on purpose
    const int versions = checker(file) == "refused" ? 60 : 1500;
    for (int k = 0; k < versions; ++k) {
      const std::string bytes = k == 0 ? file : damaged(file, random);
      const std::string a = generator(bytes);
      const std::string b = checker(bytes);
      CAPTURE(reason);
      CAPTURE(k);
      REQUIRE(a == b);
      (a == "refused" ? refused : read) += 1;
    }
  }
  MESSAGE(read << " files read by both, " << refused << " refused by both");
  CHECK(read > 5000);
  CHECK(refused > 10000);
}
