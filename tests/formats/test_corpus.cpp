// The whole corpus (LIPCERT_CORPUS): every ONNX file is read or refused as corpus.tsv says, its output shape is the one that ONNX's own
// tools wrote into INDEX.tsv, and no damaged copy of a file that is read crashes the reader. Skipped (77) without the corpus.
#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "formats/network/graph_digest.hpp"
#include "formats/onnx/reader.hpp"

using namespace lipcert;
namespace fs = std::filesystem;

namespace {

fs::path corpus;

std::vector<std::string> split(const std::string& line, char separator) {
  std::vector<std::string> parts;
  std::stringstream stream(line);
  for (std::string part; std::getline(stream, part, separator);) parts.push_back(part);
  return parts;
}

std::string text_of(const Shape& shape) {
  std::string text;
  for (const std::uint64_t dimension : shape) text += (text.empty() ? "" : "x") + std::to_string(dimension);
  return text;
}

std::vector<fs::path> models() {
  std::vector<fs::path> found;
  for (const auto& entry : fs::recursive_directory_iterator(corpus))
    if (entry.path().extension() == ".onnx") found.push_back(entry.path());
  return found;
}

Network read(const fs::path& path, bool external = false) {
  return read_onnx(read_file(path.string(), 1U << 30U),
                   {.file = path.filename().string(), .allow_external_data = external, .folder = path.parent_path().string()});
}

}  // namespace

TEST_CASE("corpus: every model is read or refused as expected") {
  std::map<std::string, std::vector<std::string>> expected;
  std::ifstream table(std::string(LIPCERT_SOURCE_DIR) + "/tests/formats/corpus.tsv");
  for (std::string line; std::getline(table, line);)
    if (!line.empty() && line[0] != '#') expected[split(line, '\t')[0]] = split(line, '\t');
  REQUIRE(expected.size() > 100);
  std::set<std::string> seen;
  for (const fs::path& path : models()) {
    const std::string name = path.filename().string();
    INFO(name);
    seen.insert(name);
    REQUIRE(expected.count(name) == 1);
    const std::vector<std::string>& row = expected[name];
    try {
      const Network network = read(path);
      if (row[1] == "read") {
        for (const Refusal& refusal : network.refusals) FAIL_CHECK("refused: ", refusal.node, ": ", refusal.reason);
        if (!network.refusals.empty()) continue;
        CHECK(text_of(network.values[network.output].shape) == row[2]);
        CHECK(graph_digest(network).size() == 64);
        CHECK(network.symbolic.size() <= network.values[network.input].shape.size());
      } else {
        CHECK(row[1] == "refused");
        if (network.refusals.empty()) {
          FAIL_CHECK("read, with an output of shape ", text_of(network.values[network.output].shape));
          continue;
        }
        CHECK(network.refusals.size() == std::stoul(row[2]));
        CHECK(network.refusals[0].node == row[3]);
        CHECK((network.refusals[0].op.empty() ? network.refusals[0].reason : network.refusals[0].op) == row[4]);
      }
    } catch (const Error& error) {
      CHECK(row[1] == "malformed");
      CHECK(error.code() == ExitCode::input);
      if (row[1] == "malformed") CHECK(std::string(error.what()).find(row[2]) != std::string::npos);
    }
  }
  for (const auto& [name, row] : expected)
    if (seen.count(name) == 0) FAIL_CHECK("missing in the corpus: ", name);
}

TEST_CASE("corpus: names and shapes of inputs and outputs are those of the index") {
  std::ifstream table((corpus / "public" / "INDEX.tsv").string());
  std::size_t compared = 0;
  for (std::string line; std::getline(table, line);) {
    const std::vector<std::string> row = split(line, '\t');
    if (row.size() < 12 || row[0].size() < 5 || row[0].substr(row[0].size() - 5) != ".onnx") continue;
    INFO(row[0]);
    Network network;
    try {
      network = read(corpus / "public" / row[0]);
    } catch (const Error&) {
      continue;
    }
    if (!network.refusals.empty()) continue;
    ++compared;
    for (const auto& [id, text] : {std::pair{network.input, row[9]}, std::pair{network.output, row[10]}}) {
      // "name:AxBxC", dimensions that are not numbers are symbolic, and the name may itself have colons.
      const std::size_t colon = text.rfind(':');
      CHECK(network.values[id].name == text.substr(0, colon));
      // Symbolic names may contain an x: a symbolic first dimension is compared by what follows it.
      std::string shape = text.substr(colon + 1);
      if (!shape.empty() && std::isdigit(static_cast<unsigned char>(shape[0])) == 0)
        shape = "1" + shape.substr(shape.find_last_not_of("0123456789x") + 1);
      if (shape.rfind("1x", 0) != 0 && shape.find_first_not_of("0123456789x") == std::string::npos && shape[0] == '1' &&
          shape.find('x') != std::string::npos)
        shape = "1" + shape.substr(shape.find('x'));
      CHECK(text_of(network.values[id].shape) == shape);
    }
  }
  CHECK(compared >= 45);
}

TEST_CASE("corpus: external weights are read when they are allowed, and their file is recorded") {
  for (const char* name : {"mlp_L3_W16.onnx", "mlp_L9_W32.onnx", "cnn_C3_CH16.onnx", "cnn_C9_CH8.onnx"}) {
    INFO(name);
    const Network closed = read(corpus / "public" / name);
    const Network open = read(corpus / "public" / name, true);
    CHECK(closed.external_files.empty());
    REQUIRE(open.external_files.size() == 1);
    CHECK(open.external_files[0].name == std::string(name) + ".data");
    CHECK(open.external_files[0].sha256 == sha256_hex(read_file((corpus / "public" / (std::string(name) + ".data")).string(), 1U << 20U)));
    CHECK(!closed.refusals.empty());
    CHECK(open.refusals.empty());
    CHECK(graph_digest(open).size() == 64);
  }
}

TEST_CASE("corpus: two encodings of one network have the same shapes, weights change the digest") {
  const Network one = read(corpus / "public" / "ACASXU_run2a_1_1_batch_2000.onnx");
  const Network other = read(corpus / "public" / "ACASXU_run2a_2_3_batch_2000.onnx");
  CHECK(one.nodes.size() == other.nodes.size());
  CHECK(graph_digest(one) != graph_digest(other));
}

TEST_CASE("corpus: damaged copies never crash the reader") {
  std::vector<std::string> files;
  for (const fs::path& path : models())
    if (fs::file_size(path) < 60000) files.push_back(read_file(path.string(), 1U << 20U));
  REQUIRE(files.size() > 50);
  std::mt19937_64 random(20);
  std::size_t refused = 0;
  for (int k = 0; k < 4000; ++k) {
    std::string bytes = files[random() % files.size()];
    // Structure lies at both ends; the middle is mostly weights.
    const auto place = [&] {
      return static_cast<std::size_t>(random() % 3 == 0 ? random() % bytes.size() : random() % std::min<std::size_t>(bytes.size(), 700));
    };
    switch (random() % 4) {
      case 0:
        bytes.resize(place());
        break;
      case 1:
        bytes.erase(place(), 1 + random() % 8);
        break;
      default:
        for (std::uint64_t flips = 1 + random() % 3; flips > 0; --flips) bytes[place()] ^= static_cast<char>(1U << (random() % 8));
    }
    try {
      const Network network = read_onnx(bytes, {});
      refused += network.refusals.empty() ? 0U : 1U;
      if (network.refusals.empty()) static_cast<void>(graph_digest(network));
    } catch (const Error& error) {
      CHECK(error.code() == ExitCode::input);
      ++refused;
    }
  }
  CHECK(refused > 2000);
}

int main(int argc, char** argv) {
  const char* folder = std::getenv("LIPCERT_CORPUS");
  if (folder == nullptr || *folder == '\0') return 77;
  corpus = folder;
  doctest::Context context(argc, argv);
  return context.run();
}
