// The generator's and the checker's ONNX reader on the same bytes: they read the same files, with the same digest, names, symbolic
// dimensions and constants, and refuse the same ones. A file that one of them reads otherwise is a hole, whichever of the two is right.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "formats/network/graph_digest.hpp"
#include "formats/onnx/reader.hpp"
#include "tests/support/onnx_cases.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/graph/onnx.hpp"

namespace fs = std::filesystem;

namespace {

// What a reader makes of a file, as text: equal texts mean that the two saw the same network.
struct Seen {
  std::string text;    // empty: refused
  std::string reason;  // of the refusal
};

template <typename List>
std::string numbers(const List& list) {
  std::string text;
  for (const auto entry : list) text += std::to_string(entry) + ",";
  return text;
}

// What the reader notes of the choices.
template <typename Read>
std::string chosen(const Read& read) {
  std::string text = " given " + numbers(read.given);
  for (const std::string& name : read.symbols) text += "[" + name + "]";
  for (const std::string& name : read.fixed_inputs) text += " fixed " + name;
  if (!read.other_outputs) return text;
  text += " chosen";
  for (const std::string& name : *read.other_outputs) text += " not " + name;
  return text;
}

// External data is allowed where there is a folder to look in.
Seen by_generator(const std::string& bytes, const std::string& folder, const onnx_cases::Choice& choice) {
  try {
    const lipcert::Network network = lipcert::read_onnx(bytes, {.file = "model.onnx",
                                                                .allow_external_data = !folder.empty(),
                                                                .folder = folder,
                                                                .function = {choice.input_shape, choice.fixed_inputs, choice.output}});
    if (!network.refusals.empty()) return {"", network.refusals.front().node + ": " + network.refusals.front().reason};
    std::string text = lipcert::graph_digest(network) + " symbolic " + numbers(network.symbolic) + " output " +
                       std::to_string(network.output) + chosen(network);
    for (const lipcert::Value& value : network.values)
      text += "\n" + value.name + (value.constant ? " constant " : " data ") + std::to_string(static_cast<unsigned>(value.type)) + " " +
              numbers(value.shape);
    for (const lipcert::ExternalFile& file : network.external_files)
      text += "\n" + file.name + " " + std::to_string(file.bytes) + " " + file.sha256;
    return {text, ""};
  } catch (const lipcert::Error& error) {
    const bool misfit = choice.input_shape || choice.output;  // a choice that does not fit is a fault of the caller
    CHECK((error.code() == lipcert::ExitCode::input || (misfit && error.code() == lipcert::ExitCode::usage)));
    return {"", error.what()};
  }
}

Seen by_checker(const std::string& bytes, const std::string& folder, const onnx_cases::Choice& choice) {
  try {
    std::vector<lipverify::ExternalFile> external;
    const lipverify::OnnxOptions options = {!folder.empty(), folder, choice.input_shape, choice.fixed_inputs, choice.output};
    const lipverify::Graph graph = lipverify::read_onnx(bytes, options, external);
    std::string text =
        lipverify::graph_digest(graph) + " symbolic " + numbers(graph.symbolic) + " output " + std::to_string(graph.output) + chosen(graph);
    for (const lipverify::Value& value : graph.values)
      text += "\n" + value.name + (value.constant ? " constant " : " data ") + std::to_string(value.type) + " " + numbers(value.shape);
    for (const lipverify::ExternalFile& file : external) text += "\n" + file.name + " " + std::to_string(file.bytes) + " " + file.sha256;
    return {text, ""};
  } catch (const lipverify::Failure& failure) {
    const bool misfit = choice.input_shape || choice.output;
    CHECK((failure.outcome() == lipverify::Outcome::input || (misfit && failure.outcome() == lipverify::Outcome::rejected)));
    return {"", failure.what()};
  }
}

// Returns whether the file was read (by both).
bool agree(const std::string& bytes, const std::string& what, const std::string& folder = "", const onnx_cases::Choice& choice = {}) {
  const Seen generator = by_generator(bytes, folder, choice);
  const Seen checker = by_checker(bytes, folder, choice);
  if (generator.text == checker.text) return !generator.text.empty();
  FAIL_CHECK(what, "\ngenerator: ", generator.text.empty() ? "refused, " + generator.reason : generator.text,
             "\nchecker: ", checker.text.empty() ? "refused, " + checker.reason : checker.text,
             "\nbytes: ", bytes.size() < 600 ? lipcert::to_hex(bytes) : "(long)");
  return false;
}

}  // namespace

TEST_CASE("two readers: the cases of each rule") {
  for (const onnx_cases::Case& item : onnx_cases::read()) CHECK_MESSAGE(agree(item.bytes, item.name), item.name);
  for (const onnx_cases::Case& item : onnx_cases::refused()) CHECK_MESSAGE(!agree(item.bytes, item.name), item.name);
}

TEST_CASE("two readers: what the file leaves open") {
  for (const onnx_cases::ChosenCase& item : onnx_cases::chosen_read())
    CHECK_MESSAGE(agree(item.bytes, item.name, "", item.choice), item.name);
  for (const onnx_cases::ChosenCase& item : onnx_cases::chosen_refused())
    CHECK_MESSAGE(!agree(item.bytes, item.name, "", item.choice), item.name);
}

TEST_CASE("two readers: a cut graph is the graph without the nodes that were cut") {
  // Random graphs of unary and binary nodes in random order; each output in turn.
  std::mt19937_64 random(5);
  for (int k = 0; k < 300; ++k) {
    onnx_builder::Model model;
    model.input("x", {1, 2});
    std::vector<std::string> names = {"x"};
    const auto pick = [&] { return names[random() % names.size()]; };
    std::vector<std::vector<std::string>> parts;  // inputs of each node
    for (std::size_t n = 2 + random() % 6; n > 0; --n) {
      const std::string name = "n" + std::to_string(names.size());
      parts.push_back(random() % 2 == 0 ? std::vector<std::string>{pick()} : std::vector<std::string>{pick(), pick()});
      model.node(parts.back().size() == 1 ? "Relu" : "Add", parts.back(), {name});
      names.push_back(name);
    }
    const std::size_t chosen = 1 + random() % (names.size() - 1);
    // By hand: what the chosen node needs, in the order of definition.
    std::vector<bool> needed(names.size(), false);
    needed[chosen] = true;
    for (std::size_t n = names.size() - 1; n > 0; --n)
      if (needed[n])
        for (const std::string& input : parts[n - 1])
          needed[static_cast<std::size_t>(std::find(names.begin(), names.end(), input) - names.begin())] = true;
    onnx_builder::Model small;
    small.inputs = model.inputs;
    for (std::size_t n = 1; n < names.size(); ++n)
      if (needed[n]) small.nodes.push_back(model.nodes[n - 1]);
    small.output(names[chosen], {1, 2});
    for (std::size_t n = 1; n < names.size(); ++n) model.output(names[n], {1, 2});
    const onnx_cases::Choice choice = {.output = names[chosen]};
    CHECK(agree(model.bytes(), "sorted, case " + std::to_string(k), "", choice));
    lipcert::OnnxOptions cut;
    cut.function.output = names[chosen];
    CHECK(lipcert::graph_digest(lipcert::read_onnx(model.bytes(), cut)) == lipcert::graph_digest(lipcert::read_onnx(small.bytes(), {})));
    std::shuffle(model.nodes.begin(), model.nodes.end(), random);
    CHECK(agree(model.bytes(), "shuffled, case " + std::to_string(k), "", choice));
  }
}

TEST_CASE("two readers: 40000 damaged files") {
  std::vector<std::string> files;
  for (int weight = 0; weight < 4; ++weight)
    for (const onnx_cases::Case& item : onnx_cases::read()) files.push_back(item.bytes);
  for (const onnx_cases::Case& item : onnx_cases::refused())
    if (item.bytes.size() > 20 && item.bytes.size() < 2000) files.push_back(item.bytes);
  std::mt19937_64 random(2);
  std::size_t read = 0;
  for (int k = 0; k < 40000; ++k) {
    std::string bytes = files[random() % files.size()];
    for (std::uint64_t changes = 1 + random() % 4 / 3; changes > 0 && !bytes.empty(); --changes) {
      const auto place = static_cast<std::size_t>(random() % bytes.size());
      const auto length = static_cast<std::size_t>(1 + random() % 12);
      switch (random() % 16) {
        case 0:
          bytes.resize(place);
          break;
        case 1:
          bytes.erase(place, length);
          break;
        case 2:
          bytes.insert(place, bytes.substr(static_cast<std::size_t>(random() % bytes.size()), length));
          break;
        case 3:
          bytes += bytes.substr(place);
          break;
        case 4:
        case 5:
        case 6:
        case 7:
          bytes[place] = static_cast<char>(random() % 24);  // small numbers: field numbers, types, versions
          break;
        default:
          bytes[place] = static_cast<char>(bytes[place] ^ static_cast<char>(1U << (random() % 8)));
      }
    }
    onnx_cases::Choice choice;
    if (k % 4 == 0) choice = {std::vector<std::uint64_t>{1, 2}, k % 8 == 0, k % 3 == 0 ? std::optional<std::string>("y") : std::nullopt};
    read += agree(bytes, "case " + std::to_string(k), "", choice) ? 1U : 0U;
  }
  CHECK(read > 2000);
}

TEST_CASE("two readers: external data") {
  std::string folder = (fs::temp_directory_path() / "lipcert-test-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string raw = onnx_builder::raw_bytes(std::vector<float>{1, -2, 3, 0.5F, 0, -1});
  lipcert::write_file(folder + "/w.bin", raw, lipcert::Overwrite::no);
  lipcert::write_file(folder + "/long.bin", "12345678" + raw + "x", lipcert::Overwrite::no);
  lipcert::write_file(folder + "/nan.bin", std::string(24, '\xFF'), lipcert::Overwrite::no);
  lipcert::write_file(folder + "/twin.bin", raw, lipcert::Overwrite::no);
  fs::create_hard_link(folder + "/twin.bin", folder + "/hard.bin");
  fs::create_symlink(folder + "/w.bin", folder + "/symbolic.bin");
  fs::create_directory(folder + "/folder.bin");
  using Entries = std::vector<std::pair<std::string, std::string>>;
  const auto model = [](const Entries& entries) {
    return onnx_cases::changed([&](onnx_builder::Model& m) {
      m.initialisers[0] = onnx_builder::tensor("W", onnx_builder::FLOAT, {2, 3}, onnx_builder::external_data(entries));
    });
  };
  for (const Entries& entries : std::vector<Entries>{{{"location", "w.bin"}},
                                                     {{"location", "w.bin"}, {"offset", "0"}, {"length", "24"}},
                                                     {{"length", "24"}, {"location", "long.bin"}, {"checksum", "x"}, {"offset", "8"}}})
    CHECK(agree(model(entries), entries[0].second, folder));
  // Two files, in another order than their names.
  CHECK(agree(
      onnx_cases::changed([](onnx_builder::Model& m) {
        m.initialisers[0] = onnx_builder::tensor("W", onnx_builder::FLOAT, {2, 3}, onnx_builder::external_data({{"location", "w.bin"}}));
        m.initialisers[1] = onnx_builder::tensor(
            "b", onnx_builder::FLOAT, {3}, onnx_builder::external_data({{"location", "long.bin"}, {"offset", "8"}, {"length", "12"}}));
      }),
      "two files", folder));
  for (const Entries& entries : std::vector<Entries>{{{"location", "long.bin"}},
                                                     {{"location", "long.bin"}, {"offset", "8"}},
                                                     {{"location", "long.bin"}, {"offset", "10"}, {"length", "24"}},
                                                     {{"location", "w.bin"}, {"length", "23"}},
                                                     {{"location", "w.bin"}, {"length", "024"}},
                                                     {{"location", "w.bin"}, {"offset", "25"}},
                                                     {{"location", "w.bin"}, {"offset", "18446744073709551608"}},
                                                     {{"location", "w.bin"}, {"checksum", ""}, {"checksum", ""}},
                                                     {{"location", "none.bin"}},
                                                     {{"location", "nan.bin"}},
                                                     {{"location", "hard.bin"}},
                                                     {{"location", "symbolic.bin"}},
                                                     {{"location", "folder.bin"}},
                                                     {{"location", "../" + fs::path(folder).filename().string() + "/w.bin"}},
                                                     {{"location", folder + "/w.bin"}},
                                                     {{"location", "./w.bin"}},
                                                     {}})
    CHECK(!agree(model(entries), entries.empty() ? "no entries" : entries[0].second, folder));
  CHECK(!agree(model({{"location", "w.bin"}}), "not allowed"));
  fs::remove_all(folder);
}

TEST_CASE("two readers: the corpus, where there is one") {
  const char* folder = std::getenv("LIPCERT_CORPUS");
  if (folder == nullptr || *folder == '\0') return;
  std::size_t read = 0;
  std::mt19937_64 random(3);
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".onnx") continue;
    const std::string bytes = lipcert::read_file(entry.path().string(), 1U << 30U);
    read += agree(bytes, entry.path().filename().string()) ? 1U : 0U;
    static_cast<void>(agree(bytes, entry.path().filename().string() + ", external data allowed", entry.path().parent_path().string()));
    if (bytes.size() > 100000) continue;
    for (int k = 0; k < 20; ++k) {
      std::string damaged = bytes;
      const std::size_t range = std::min<std::size_t>(bytes.size(), 1500);
      const auto place = static_cast<std::size_t>(random() % range);
      damaged[place] = static_cast<char>(damaged[place] ^ static_cast<char>(1U << (random() % 8)));
      static_cast<void>(agree(damaged, entry.path().filename().string() + ", damaged"));
    }
  }
  CHECK(read > 40);
}
