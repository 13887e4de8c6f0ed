// Readers that the trainer adds to those of formats/data: members of NPZ files, folders of JPEG and PNG images, and what is chosen from a
// set.
#include <doctest/doctest.h>
#include <zlib.h>

#include <filesystem>

#include "examples/trainer/data.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace {

using namespace liptrain;

const std::string vectors = std::string(LIPCERT_SOURCE_DIR) + "/tests/trainer/vectors";

struct Folder {
  std::string path = (std::filesystem::temp_directory_path() / "liptrain_test_data").string();
  Folder() {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  [[nodiscard]] std::string write(const std::string& name, const std::string& bytes) const {
    lipcert::write_file(path + "/" + name, bytes, lipcert::Overwrite::yes);
    return path + "/" + name;
  }
};

std::string little(std::uint64_t value, unsigned bytes) {
  std::string text;
  for (unsigned i = 0; i < bytes; ++i) {
    text += static_cast<char>((value >> (8 * i)) & 0xffU);
  }
  return text;
}

/// A ZIP archive of one member, stored or deflated.
std::string zip(const std::string& name, const std::string& content, bool deflated) {
  std::string packed = content;
  if (deflated) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, -MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
    packed.resize(content.size() + 100);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
    stream.avail_in = static_cast<uInt>(content.size());
    stream.next_out = reinterpret_cast<Bytef*>(packed.data());
    stream.avail_out = static_cast<uInt>(packed.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    packed.resize(packed.size() - stream.avail_out);
    deflateEnd(&stream);
  }
  const std::string fields = little(20, 2) + little(0, 2) + little(deflated ? 8 : 0, 2) + little(0, 4) +
                             little(crc32(0, reinterpret_cast<const Bytef*>(content.data()), static_cast<uInt>(content.size())), 4) +
                             little(packed.size(), 4) + little(content.size(), 4) + little(name.size(), 2) + little(0, 2);
  const std::string local = "PK\x03\x04" + fields + name + packed;
  const std::string central =
      "PK\x01\x02" + little(20, 2) + fields + little(0, 2) + little(0, 2) + little(0, 2) + little(0, 4) + little(0, 4) + name;
  return local + central + "PK\x05\x06" + little(0, 4) + little(1, 2) + little(1, 2) + little(central.size(), 4) + little(local.size(), 4) +
         little(0, 2);
}

TEST_CASE("members of an NPZ file, stored and deflated") {
  const Folder folder;
  const std::string array = npy_bytes({3, 2}, {1, 2, 3, 4, 5, 6}), labels = npy_bytes({3}, {1, 0, 1});
  const std::string label_file = folder.write("labels.npy", labels);
  for (const bool deflated : {false, true}) {
    const std::string path = folder.write("set.npz", zip("x.npy", array, deflated));
    CHECK(read_npz_member(path, "x") == array);
    CHECK(read_npz_member(path, "x.npy") == array);
    DataChoice choice;
    choice.samples = path + ":x";
    choice.labels = label_file;
    choice.scale = "1/2";
    const DataSet set = read_data_set(choice);
    CHECK(set.size() == 3);
    CHECK(set.shape == Shape{2});
    CHECK(set.samples(2, 1) == 3.0F);
    CHECK(set.labels == std::vector<int>{1, 0, 1});
    CHECK_THROWS_WITH_AS((void)read_npz_member(path, "y"), doctest::Contains("it has x.npy"), lipcert::Error);
    choice.samples = path;
    CHECK_THROWS_WITH_AS((void)read_data_set(choice), doctest::Contains("name one"), lipcert::Error);
  }
}

TEST_CASE("every damaged byte of an NPZ file is noticed or harmless") {
  const Folder folder;
  const std::string array = npy_bytes({4, 2}, {1, 2, 3, 4, 5, 6, 7, 8});
  for (const bool deflated : {false, true}) {
    const std::string good = zip("x.npy", array, deflated);
    for (std::size_t i = 0; i < good.size(); ++i) {
      for (const char flip : {'\x01', '\x40', '\xff'}) {
        std::string bad = good;
        bad[i] = static_cast<char>(bad[i] ^ flip);
        const std::string path = folder.write("bad.npz", bad);
        try {
          const std::string read = read_npz_member(path, "x");
          CHECK(read == array);
        } catch (const lipcert::Error& error) {
          CHECK(error.code() == lipcert::ExitCode::input);
        }
      }
    }
    for (std::size_t length = 0; length < good.size(); ++length) {
      const std::string path = folder.write("bad.npz", good.substr(0, length));
      CHECK_THROWS_AS((void)read_npz_member(path, "x"), lipcert::Error);
    }
  }
}

TEST_CASE("folders of JPEG and PNG images") {
  CHECK(has_jpeg(vectors + "/images"));
  CHECK(!has_jpeg(vectors + "/images/b"));
  const ImageFolder folder = read_image_folder(vectors + "/images", 8);
  CHECK(folder.classes == std::vector<std::string>{"a", "b"});
  CHECK(folder.labels == std::vector<int>{0, 0, 1});
  CHECK(folder.shape == Shape{3, 8, 8, true});
  const auto pixel = [&](int sample, Index channel, Index row) {
    return static_cast<int>(folder.pixels[static_cast<std::size_t>((sample * 3 + channel) * 64 + row * 8)]);
  };
  // From red to blue, top to bottom; two flat images.
  CHECK(pixel(0, 0, 0) > 200);
  CHECK(pixel(0, 2, 0) < 50);
  CHECK(pixel(0, 0, 7) < 50);
  CHECK(pixel(0, 2, 7) > 200);
  CHECK(std::abs(pixel(1, 0, 3) - 200) <= 3);
  CHECK(std::abs(pixel(1, 1, 3) - 100) <= 3);
  CHECK(pixel(2, 0, 3) == 10);
  CHECK(pixel(2, 2, 3) == 30);
  CHECK(read_image_folder(vectors + "/grey", 0).shape == Shape{1, 8, 8, true});
  CHECK_THROWS_WITH_AS((void)read_image_folder(vectors + "/images", 0), doctest::Contains("--image-size"), lipcert::Error);
  CHECK_THROWS_WITH_AS((void)read_image_folder(vectors + "/cut", 8), doctest::Contains("cannot be decoded"), lipcert::Error);
  CHECK_THROWS_WITH_AS((void)read_image_folder(vectors + "/other", 8), doctest::Contains("cannot be decoded"), lipcert::Error);
  CHECK_THROWS_AS((void)read_image_folder(vectors + "/none", 8), lipcert::Error);
}

TEST_CASE("every damaged byte of a JPEG file is decoded or refused") {
  const Folder folder;
  std::filesystem::create_directories(folder.path + "/x");
  const std::string good = lipcert::read_file(vectors + "/images/a/colour.jpg", 1 << 16);
  for (std::size_t i = 0; i < good.size(); i += 3) {
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ 0x55);
    (void)folder.write("x/bad.jpg", bad);
    try {
      const ImageFolder read = read_image_folder(folder.path, 8);
      CHECK(read.labels.size() == 1);
    } catch (const lipcert::Error& error) {
      CHECK(error.code() == lipcert::ExitCode::input);
    }
  }
}

TEST_CASE("labels -1 and 1 are the classes 0 and 1, and -1 beside another label is refused") {
  const Folder folder;
  DataChoice choice;
  choice.label_column = -1;
  choice.samples = folder.write("signs.csv", "0.5,1\n0.25,-1\n0.75,1\n");
  CHECK(read_data_set(choice).labels == std::vector<int>{1, 0, 1});
  for (const char* const text : {"0.5,0\n0.25,-1\n", "0.5,-1\n0.25,2\n", "0.5,-2\n0.25,1\n", "0.5,10000\n"}) {
    choice.samples = folder.write("mixed.csv", text);
    CHECK_THROWS_WITH_AS((void)read_data_set(choice), doctest::Contains("labels are 0, 1"), lipcert::Error);
  }
}

TEST_CASE("classes, parts, layout and limit") {
  const Folder folder;
  std::string csv;
  for (int i = 0; i < 40; ++i) {
    csv += std::to_string(i) + "," + std::to_string(i % 4) + "\n";
  }
  DataChoice choice;
  choice.samples = folder.write("a.csv", csv);
  choice.label_column = -1;
  choice.classes = "3,1";
  const DataSet two = read_data_set(choice);
  CHECK(two.size() == 20);
  CHECK(two.samples(0, 0) == 1);
  CHECK(two.labels[0] == 1);
  CHECK(two.samples(1, 0) == 3);
  CHECK(two.labels[1] == 0);
  choice.classes.clear();
  choice.hold_out = 0.25;
  const DataSet train = read_data_set(choice);
  choice.test_part = true;
  const DataSet test = read_data_set(choice);
  CHECK(train.size() == 30);
  CHECK(test.size() == 10);
  CHECK(train.samples.sum() + test.samples.sum() == 39 * 20);
  choice.hold_out = 0;
  choice.limit = 7;
  CHECK(read_data_set(choice).size() == 7);
  choice.classes = "9";
  CHECK_THROWS_WITH_AS((void)read_data_set(choice), doctest::Contains("no sample is left"), lipcert::Error);
  choice.classes = "a";
  CHECK_THROWS_AS((void)read_data_set(choice), lipcert::Error);
  // 1 x 2 pixels with two channels, channels last.
  DataChoice images;
  images.samples = folder.write("b.npy", npy_bytes({1, 1, 2, 2}, {1, 2, 3, 4}));
  images.labels = folder.write("c.npy", npy_bytes({1}, {0}));
  images.layout = "NHWC";
  const DataSet moved = read_data_set(images);
  CHECK(moved.shape == Shape{2, 1, 2, true});
  CHECK(moved.samples(0, 1) == 3);
  CHECK(moved.samples(0, 2) == 2);
}

}  // namespace
