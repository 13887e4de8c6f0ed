// Files: whole or not at all, under a cap, never through a link where a document points to them; digests; external data of ONNX models.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "formats/network/graph_digest.hpp"
#include "formats/onnx/reader.hpp"
#include "tests/support/onnx_cases.hpp"

using namespace lipcert;
namespace fs = std::filesystem;
namespace ob = onnx_builder;

namespace {

class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "lipcert-test-XXXXXX").string();
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    path_ = pattern;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path_); }
  [[nodiscard]] std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator()));
  }

 private:
  std::string path_;
};

std::string failure(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    CHECK(error.code() == ExitCode::input);
    return error.what();
  }
  return "";
}

bool says(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("files: what is written is read back, whole") {
  const Folder folder;
  std::string bytes;
  for (int k = 0; k < 100000; ++k) bytes.push_back(static_cast<char>(k * k));
  write_file(folder / "a", bytes, Overwrite::no);
  CHECK(read_file(folder / "a", bytes.size()) == bytes);
  CHECK(folder.entries() == 1);
  write_file(folder / "empty", "", Overwrite::no);
  CHECK(read_file(folder / "empty", 0).empty());
  CHECK(says(failure([&] { static_cast<void>(read_file(folder / "a", bytes.size() - 1)); }), "larger than the limit"));
}

TEST_CASE("files: nothing is overwritten unless asked, and nothing is left behind") {
  const Folder folder;
  write_file(folder / "a", "old", Overwrite::no);
  CHECK(says(failure([&] { write_file(folder / "a", "new", Overwrite::no); }), "exists already"));
  CHECK(read_file(folder / "a", 10) == "old");
  write_file(folder / "a", "new", Overwrite::yes);
  CHECK(read_file(folder / "a", 10) == "new");
  fs::create_symlink(folder / "nowhere", folder / "link");
  CHECK(says(failure([&] { write_file(folder / "link", "new", Overwrite::no); }), "exists already"));
  CHECK(!fs::exists(folder / "nowhere"));
  CHECK(says(failure([&] { write_file(folder / "missing/a", "new", Overwrite::no); }), "cannot be written"));
  CHECK(says(failure([&] { write_file(folder.path() + "/", "new", Overwrite::yes); }), "not the path of a file"));
  fs::create_directory(folder / "d");
  CHECK(says(failure([&] { write_file(folder / "d", "new", Overwrite::yes); }), "cannot be written"));
  CHECK(folder.entries() == 3);
}

TEST_CASE("files: of many writers at once exactly one creates the file") {
  // They all see that nothing stands there; only the move at the end can decide.
  for (int round = 0; round < 20; ++round) {
    const Folder folder;
    std::atomic<int> written{0};
    std::atomic<int> refused{0};
    std::vector<std::thread> writers;
    for (int k = 0; k < 8; ++k)
      writers.emplace_back([&, k] {
        try {
          write_file(folder / "a", std::string(1000, static_cast<char>('a' + k)), Overwrite::no);
          ++written;
        } catch (const Error&) {
          ++refused;
        }
      });
    for (std::thread& writer : writers) writer.join();
    CHECK(written == 1);
    CHECK(refused == 7);
    CHECK(folder.entries() == 1);
  }
}

TEST_CASE("files: permission bits of a secret") {
  const Folder folder;
  write_file(folder / "key", "secret", Overwrite::no, 0600);
  struct stat status {};
  REQUIRE(::stat((folder / "key").c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
}

TEST_CASE("files: only regular files are read") {
  const Folder folder;
  CHECK(says(failure([&] { static_cast<void>(read_file(folder / "none", 10)); }), "cannot be opened"));
  CHECK(says(failure([&] { static_cast<void>(read_file(folder.path(), 10)); }), "is a folder"));
  REQUIRE(::mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK(says(failure([&] { static_cast<void>(read_file(folder / "pipe", 10)); }), "not a regular file"));
  CHECK(says(failure([&] { static_cast<void>(read_file("/dev/zero", 10)); }), "not a regular file"));
  write_file(folder / "a", "x", Overwrite::no);
  fs::create_symlink(folder / "a", folder / "link");
  CHECK(read_file(folder / "link", 10) == "x");  // a user may name a link; a document may not
}

TEST_CASE("files: a file beside another is a plain name, no link") {
  const Folder folder;
  write_file(folder / "a", "x", Overwrite::no);
  CHECK(read_file_beside(folder.path(), "a", 10) == "x");
  for (const char* name : {"", ".", "..", "../a", "d/a", "/etc/passwd", "a\\b", "./a"})
    CHECK(says(failure([&] { static_cast<void>(read_file_beside(folder.path(), name, 10)); }), "not a plain file name"));
  fs::create_symlink(folder / "a", folder / "symbolic");
  CHECK(says(failure([&] { static_cast<void>(read_file_beside(folder.path(), "symbolic", 10)); }), "symbolic link"));
  fs::create_hard_link(folder / "a", folder / "hard");
  CHECK(says(failure([&] { static_cast<void>(read_file_beside(folder.path(), "hard", 10)); }), "hard links"));
  CHECK(says(failure([&] { static_cast<void>(read_file_beside(folder.path(), "a", 10)); }), "hard links"));
  CHECK(says(failure([&] { static_cast<void>(read_file_beside(folder / "none", "a", 10)); }), "as a folder"));
}

TEST_CASE("files: paths and digests") {
  CHECK(folder_of("a") == ".");
  CHECK(folder_of("/a") == "/");
  CHECK(folder_of("x/y/a") == "x/y");
  CHECK(file_name_of("x/y/a") == "a");
  CHECK(file_name_of("a") == "a");
  CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(sha256_hex(std::string(1000000, 'a')) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

// ------------------------------------------------------------------------------------------------------------ external data

namespace {

const std::vector<float> weights = {1, -2, 3, 0.5F, 0, -1};

std::string external_model(const std::vector<std::pair<std::string, std::string>>& entries) {
  ob::Model model = onnx_cases::base();
  model.initialisers[0] = ob::tensor("W", ob::FLOAT, {2, 3}, ob::external_data(entries));
  return model.bytes();
}

Network read_beside(const Folder& folder, const std::vector<std::pair<std::string, std::string>>& entries, std::uint64_t cap = 1000) {
  return read_onnx(external_model(entries), {.file = "model.onnx", .size_cap = cap, .allow_external_data = true, .folder = folder.path()});
}

std::string external_failure(const Folder& folder, const std::vector<std::pair<std::string, std::string>>& entries,
                             std::uint64_t cap = 1000) {
  return failure([&] { static_cast<void>(read_beside(folder, entries, cap)); });
}

}  // namespace

TEST_CASE("external data: the same network as with the weights inside, and the file's digest") {
  const Folder folder;
  const std::string raw = ob::raw_bytes(weights);
  write_file(folder / "w.bin", raw, Overwrite::no);
  write_file(folder / "padded.bin", "12345678" + raw + "rest", Overwrite::no);
  const std::string expected = graph_digest(read_onnx(onnx_cases::base().bytes(), {}));

  const Network whole = read_beside(folder, {{"location", "w.bin"}});
  REQUIRE(whole.refusals.empty());
  CHECK(graph_digest(whole) == expected);
  REQUIRE(whole.external_files.size() == 1);
  CHECK(whole.external_files[0].name == "w.bin");
  CHECK(whole.external_files[0].bytes == raw.size());
  CHECK(whole.external_files[0].sha256 == sha256_hex(raw));

  const Network part = read_beside(folder, {{"location", "padded.bin"}, {"offset", "8"}, {"length", "24"}, {"checksum", "ignored"}});
  CHECK(graph_digest(part) == expected);
  CHECK(part.external_files[0].sha256 == sha256_hex("12345678" + raw + "rest"));
}

TEST_CASE("external data: refused unless allowed, and the rest of the model is still listed") {
  const Folder folder;
  write_file(folder / "w.bin", ob::raw_bytes(weights), Overwrite::no);
  const Network network = read_onnx(external_model({{"location", "w.bin"}}), {.file = "model.onnx", .folder = folder.path()});
  REQUIRE(network.refusals.size() == 1);
  CHECK(network.refusals[0].node == "W");
  CHECK(says(network.refusals[0].reason, "--allow-external-data"));
  CHECK(network.nodes.size() == 2);
  CHECK(network.external_files.empty());
}

TEST_CASE("external data: bounds, links and places") {
  const Folder folder;
  const std::string raw = ob::raw_bytes(weights);
  write_file(folder / "w.bin", raw, Overwrite::no);
  write_file(folder / "short.bin", raw.substr(1), Overwrite::no);
  write_file(folder / "long.bin", raw + "x", Overwrite::no);
  CHECK(says(external_failure(folder, {{"location", "short.bin"}}), "takes 23 bytes"));
  CHECK(says(external_failure(folder, {{"location", "long.bin"}}), "takes 25 bytes"));
  CHECK(says(external_failure(folder, {{"location", "w.bin"}, {"length", "23"}}), "takes 23 bytes"));
  CHECK(says(external_failure(folder, {{"location", "w.bin"}, {"offset", "1"}, {"length", "24"}}), "ends beyond"));
  CHECK(says(external_failure(folder, {{"location", "w.bin"}, {"offset", "9223372036854775807"}, {"length", "24"}}), "begins beyond"));
  CHECK(says(external_failure(folder, {{"location", "w.bin"}, {"offset", "25"}}), "begins beyond"));
  CHECK(says(external_failure(folder, {{"location", "none.bin"}}), "cannot be opened"));
  fs::create_symlink(folder / "w.bin", folder / "symbolic.bin");
  CHECK(says(external_failure(folder, {{"location", "symbolic.bin"}}), "symbolic link"));
  fs::create_hard_link(folder / "long.bin", folder / "hard.bin");
  CHECK(says(external_failure(folder, {{"location", "hard.bin"}}), "hard links"));
  fs::create_directory(folder / "folder.bin");
  CHECK(says(external_failure(folder, {{"location", "folder.bin"}}), "is a folder"));
  REQUIRE(::mkfifo((folder / "pipe.bin").c_str(), 0600) == 0);
  CHECK(says(external_failure(folder, {{"location", "pipe.bin"}}), "not a regular file"));
  CHECK(says(failure([&] {
               static_cast<void>(read_onnx(external_model({{"location", "w.bin"}}), {.file = "model.onnx", .allow_external_data = true}));
             }),
             "no folder"));
  // Every other rule about the entries stands in tests/support/onnx_cases.hpp and holds here too.
  for (const char* place : {"a/../../secret.bin", "../w.bin", "/etc/passwd", "."})
    CHECK(says(external_failure(folder, {{"location", place}}), "plain file name"));
}

TEST_CASE("external data: size caps") {
  const Folder folder;
  write_file(folder / "large.bin", std::string(5000, '\0'), Overwrite::no);
  CHECK(says(external_failure(folder, {{"location", "large.bin"}, {"length", "24"}}, 4999), "larger than the limit"));
  CHECK(external_failure(folder, {{"location", "large.bin"}, {"length", "24"}}, 5000).empty());
  // Many tensors that name the same bytes take memory each.
  ob::Model model = onnx_cases::base();
  for (int k = 0; k < 3; ++k)
    model.initialiser(ob::tensor("t" + std::to_string(k), ob::BOOL, {5000}, ob::external_data({{"location", "large.bin"}})));
  const std::string bytes = model.bytes();
  const auto read = [&](std::uint64_t cap) {
    return failure([&] {
      static_cast<void>(read_onnx(bytes, {.file = "model.onnx", .size_cap = cap, .allow_external_data = true, .folder = folder.path()}));
    });
  };
  CHECK(read(15000).empty());
  CHECK(says(read(14999), "from external files"));
}
