// Every format: what is read, and one sentence for every way to be wrong.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <bit>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "formats/data/data_set.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

using namespace lipcert;
using namespace std::string_literals;

namespace {

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "lipcert-data-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path_); }

  [[nodiscard]] std::string write(const std::string& name, const std::string& bytes) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return (path_ / name).string();
  }
  [[nodiscard]] std::string at(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string out(bytes.size() + 200, '\0');
  std::string in = bytes;
  stream.next_in = reinterpret_cast<Bytef*>(in.data());
  stream.avail_in = static_cast<uInt>(in.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

std::string big(std::uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8), static_cast<char>(value)};
}

std::string idx(const std::vector<std::uint32_t>& dimensions, const std::string& data, char type = 8) {
  std::string bytes = {0, 0, type, static_cast<char>(dimensions.size())};
  for (const std::uint32_t d : dimensions) bytes += big(d);
  return bytes + data;
}

std::string npy(const std::string& dictionary, const std::string& data) {
  std::string header = dictionary + "\n";
  return "\x93NUMPY\x01"s + '\0' + static_cast<char>(header.size() & 0xff) + static_cast<char>(header.size() >> 8) + header + data;
}

std::string little(double value) {
  const auto bits = std::bit_cast<std::uint64_t>(value);
  std::string bytes;
  for (unsigned i = 0; i < 8; ++i) bytes += static_cast<char>((bits >> (8 * i)) & 0xff);
  return bytes;
}

std::string chunk(const std::string& type, const std::string& data) {
  const std::string body = type + data;
  const auto crc = static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(body.data()), static_cast<uInt>(body.size())));
  return big(static_cast<std::uint32_t>(data.size())) + body + big(crc);
}

/// rows: filter byte 0 and the row's bytes, for all rows.
std::string png(std::uint32_t width, std::uint32_t height, char depth, char colour, const std::string& rows,
                const std::string& before = "") {
  std::string packed(rows.size() + 100, '\0');
  uLongf size = packed.size();
  REQUIRE(compress(reinterpret_cast<Bytef*>(packed.data()), &size, reinterpret_cast<const Bytef*>(rows.data()), rows.size()) == Z_OK);
  packed.resize(size);
  return "\x89PNG\r\n\x1a\n"s + chunk("IHDR", big(width) + big(height) + std::string{depth, colour, 0, 0, 0}) + before +
         chunk("IDAT", packed) + chunk("IEND", "");
}

std::vector<Sample> read_all(const DataSource& source, DataDescription& description) {
  description = scan_data(source);
  std::vector<Sample> samples;
  SampleReader reader(source);
  Sample sample;
  while (reader.next(sample)) samples.push_back(sample);
  CHECK(reader.finish() == description);
  CHECK(samples.size() == description.samples);
  // Passing over samples comes to the same description.
  SampleReader skipping(source);
  CHECK(skipping.skip(description.samples / 2));
  CHECK(skipping.finish() == description);
  return samples;
}

/// The sentence of the refusal; empty when the data is taken.
std::string refusal(const DataSource& source, ExitCode code = ExitCode::input) {
  try {
    (void)scan_data(source);
  } catch (const Error& error) {
    CHECK(error.code() == code);
    const std::string sentence = error.what();
    CHECK(sentence.find('\n') == std::string::npos);
    CHECK(sentence.back() == '.');
    return sentence;
  }
  return "";
}

DataSource from(const std::string& samples, const std::string& labels = "") {
  DataSource source;
  source.samples = samples;
  source.labels = labels;
  return source;
}

bool says(const std::string& sentence, const std::string& part) {
  INFO(sentence);
  return sentence.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("IDX, plain and gzip, with labels") {
  const Folder folder;
  const std::string images = idx({2, 2, 2}, "\x01\x02\x03\x04\x05\x06\x07\xff");
  const std::string plain = folder.write("images", images);
  const std::string packed = folder.write("images.gz", gzip(images));
  const std::string halves = folder.write("halves.gz", gzip(images.substr(0, 9)) + gzip(images.substr(9)));
  const std::string labels = folder.write("labels.gz", gzip(idx({2}, "\x03\x00"s)));
  for (const std::string& path : {plain, packed, halves}) {
    DataDescription d;
    const auto samples = read_all(from(path, labels), d);
    CHECK(d.format == DataFormat::idx);
    CHECK(d.shape == SampleShape{1, 2, 2, true});
    CHECK(d.labelled);
    REQUIRE(samples.size() == 2);
    CHECK(samples[1].pixels == std::vector<std::uint8_t>{5, 6, 7, 255});
    CHECK(samples[0].label == 3);
    CHECK(samples[1].index == 1);
    REQUIRE(d.files.size() == 2);
    CHECK(d.files[0].role == "samples");
    CHECK(d.files[0].sha256 == sha256_hex(read_file(path, 1000)));
    CHECK(d.files[1].role == "labels");
  }
  CHECK(says(refusal(from(folder.write("short", images.substr(0, images.size() - 1)))), "ends inside sample 1 of 2"));
  CHECK(says(refusal(from(folder.write("long", images + "x"))), "goes on after the 2 samples"));
  const std::string whole = gzip(images);
  CHECK(says(refusal(from(folder.write("cut.gz", whole.substr(0, whole.size() - 5)))), "cut off"));
  CHECK(says(refusal(from(folder.write("tail.gz", whole + "x"))), "not gzip"));
  std::string damaged = whole;
  damaged[whole.size() - 7] = static_cast<char>(damaged[whole.size() - 7] ^ 1);  // its checksum
  CHECK(says(refusal(from(folder.write("damaged.gz", damaged))), "damaged"));
  CHECK(says(refusal(from(folder.write("float", idx({1, 1}, "abcd", 13)))), "only unsigned bytes"));
  CHECK(says(refusal(from(folder.write("huge", idx({1, 0xffffffff, 0xffffffff}, "")))), "2^28"));
  CHECK(says(refusal(from(folder.write("zero", idx({1, 0, 3}, "")))), "size zero"));
  CHECK(says(refusal(from(folder.write("none", idx({0, 2, 2}, "")))), "no sample"));
  CHECK(says(refusal(from(labels)), "these are labels"));
  CHECK(says(refusal(from(plain, plain)), "labels have one dimension"));
  CHECK(says(refusal(from(plain, folder.write("few", idx({1}, "\x01")))), "only 1 labels"));
  CHECK(says(refusal(from(plain, folder.write("many", idx({3}, "\x01\x02\x03")))), "more labels than the 2 samples"));
  CHECK(says(refusal(from(plain, folder.write("cutlabels", idx({2}, "\x01")))), "ends after 1 of 2"));
  CHECK(says(refusal(from(folder.at("absent"))), "cannot be opened"));
  CHECK(says(refusal(from(folder.write("odd", "what is this"))), "not recognised"));
}

TEST_CASE("CSV") {
  const Folder folder;
  const std::string path = folder.write("a.csv", "x, y, class\r\n1.5,-2e-3,0\r\n .5 ,3,2\n\n\n");
  DataSource source = from(path);
  DataDescription d;
  CHECK(read_all(source, d)[0].decimals == std::vector<std::string>{"1.5", "-2e-3", "0"});
  CHECK_FALSE(d.labelled);
  source.label_column = -1;
  auto samples = read_all(source, d);
  CHECK(d.label_column == 2);
  CHECK(d.shape == SampleShape{2, 1, 1, false});
  CHECK(samples[1].decimals == std::vector<std::string>{".5", "3"});
  CHECK(samples[1].label == 2);
  source.label_column = 0;
  CHECK(says(refusal(source), "'1.5', is no integer"));
  source.label_column = 3;
  CHECK(says(refusal(source, ExitCode::usage), "only 3 columns"));
  source.label_column.reset();
  source.labels = folder.write("labels.txt", "-1\n1\n");
  samples = read_all(source, d);
  CHECK(samples[0].label == -1);
  source.label_column = 1;
  CHECK(says(refusal(source, ExitCode::usage), "not both"));

  CHECK(says(refusal(from(folder.write("nan.csv", "1,2\n3,NaN\n"))), "field 1 of line 2 is 'NaN'"));
  CHECK(says(refusal(from(folder.write("nan1.csv", "1,nan\n3,4\n"))), "field 1 of line 1 is 'nan'"));
  CHECK(says(refusal(from(folder.write("nan2.csv", "nan,-inf\n3,4\n"))), "not finite"));
  CHECK(says(refusal(from(folder.write("word.csv", "1,2\n3,x\n"))), "not a number"));
  CHECK(says(refusal(from(folder.write("empty.csv", "1,2\n3,\n"))), "is empty"));
  CHECK(says(refusal(from(folder.write("ragged.csv", "1,2\n3,4,5\n"))), "has 3 fields"));
  CHECK(says(refusal(from(folder.write("gap.csv", "1,2\n\n3,4\n"))), "an empty line"));
  CHECK(says(refusal(from(folder.write("packed.csv", gzip("1,2\n")))), "unpack it first"));
  CHECK(says(refusal(from(folder.write("bom.csv",
                                       "\xef\xbb\xbf"
                                       "1,2\n3,4\n"))),
             "byte order mark"));
  CHECK(says(refusal(from(folder.write("half.csv", "1,2x\n3,4\n"))), "not a number"));
  CHECK(says(refusal(from(folder.write("hole.csv", "1,\n3,4\n"))), "is empty"));
  CHECK(refusal(from(folder.write("index.csv", ",a,b\n0,3,4\n"))).empty());
  CHECK(refusal(from(folder.write("numbered.csv", "1,two\n3,4\n"))).empty());
  CHECK(says(refusal(from(folder.write("nothing.csv", "a,b\n"))), "no sample"));
  CHECK(says(refusal(from(path, folder.write("header.txt", "label\n1\n0\n"))), "line 1 is not one integer"));
  CHECK(says(refusal(from(path, folder.write("half.txt", "1\n0.5\n"))), "line 2 is not one integer"));
  CHECK(says(refusal(from(path, folder.write("gap.txt", "1\n\n2\n"))), "empty line"));
}

TEST_CASE("NPY") {
  const Folder folder;
  DataDescription d;
  const std::string data = little(0.1) + little(-2) + little(3) + little(1e300);
  const std::string matrix = folder.write("m.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", data));
  auto samples = read_all(from(matrix), d);
  CHECK(samples[0].reals == std::vector<double>{0.1, -2});
  CHECK(d.shape == SampleShape{2, 1, 1, false});
  read_all(from(folder.write("i.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2, 2), }", data))), d);
  CHECK(d.shape == SampleShape{1, 2, 2, true});
  read_all(from(folder.write("c.npy", npy("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 2, 1, 2), }", data))), d);
  CHECK(d.shape == SampleShape{2, 1, 2, true});
  samples = read_all(from(folder.write("u.npy", npy("{'descr': '|u1', 'fortran_order': False, 'shape': (1, 3), }", "\x01\x02\xff"))), d);
  CHECK(samples[0].pixels == std::vector<std::uint8_t>{1, 2, 255});
  samples =
      read_all(from(folder.write("s.npy", npy("{'descr': '>i2', 'fortran_order': False, 'shape': (1, 2), }", "\xff\xfe\x01\x00"s))), d);
  CHECK(samples[0].reals == std::vector<double>{-2, 256});
  // binary16: one, the smallest subnormal, the largest, minus two
  samples = read_all(
      from(folder.write("h.npy", npy("{'descr': '<f2', 'fortran_order': False, 'shape': (1, 4), }", "\x00\x3c\x01\x00\xff\x7b\x00\xc0"s))),
      d);
  CHECK(samples[0].reals == std::vector<double>{1, 0x1p-24, 65504, -2});
  samples =
      read_all(from(folder.write("f.npy", npy("{'descr': '>f4', 'fortran_order': False, 'shape': (1, 1), }", "\x3d\xcc\xcc\xcd"))), d);
  CHECK(samples[0].reals[0] == static_cast<double>(0.1F));
  const std::string labels =
      folder.write("l.npy", npy("{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }", "\x01\x00\x00\x00\xff\xff\xff\xff"s));
  samples = read_all(from(matrix, labels), d);
  CHECK(samples[0].label == 1);
  CHECK(samples[1].label == -1);

  const auto bad = [&](const std::string& dictionary, const std::string& bytes) {
    return refusal(from(folder.write("bad.npy", npy(dictionary, bytes))));
  };
  CHECK(says(bad("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", data.substr(0, 31)), "ends inside sample 1 of 2"));
  CHECK(says(bad("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), }", data + "x"), "goes on after"));
  CHECK(says(bad("{'descr': '<f8', 'fortran_order': True, 'shape': (2, 2), }", data), "Fortran"));
  CHECK(says(bad("{'descr': '|O', 'fortran_order': False, 'shape': (2, 2), }", data), "not read"));
  CHECK(says(bad("{'descr': '<c16', 'fortran_order': False, 'shape': (2, 1), }", data), "not read"));
  CHECK(says(bad("{'descr': '<f8', 'fortran_order': False, 'shape': (4,), }", data), "1 dimensions"));
  CHECK(says(bad("{'descr': '<f8', 'shape': (2, 2), }", data), "header"));
  CHECK(says(bad("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 2), 'x': 1}", data), "header"));
  CHECK(says(bad("__import__('os')", data), "header"));
  CHECK(says(bad("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 99999999999999999999), }", data), "header"));
  CHECK(says(bad("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }", little(std::nan(""))), "entry 0 of sample 0 is NaN"));
  CHECK(says(bad("{'descr': '<f8', 'fortran_order': False, 'shape': (1, 1), }", little(INFINITY)), "is infinite"));
  CHECK(says(bad("{'descr': '<i8', 'fortran_order': False, 'shape': (1, 1), }", "\x00\x00\x00\x00\x00\x00\x20\x00"s), "2^53"));
  CHECK(says(refusal(from(matrix, matrix)), "labels have one dimension"));
}

TEST_CASE("CIFAR-10") {
  const Folder folder;
  const std::string record = "\x07"s + std::string(1024, '\x01') + std::string(1024, '\x02') + std::string(1024, '\x03');
  DataDescription d;
  for (const std::string& path : {folder.write("a.bin", record + record), folder.write("a.bin.gz", gzip(record + record))}) {
    const auto samples = read_all(from(path), d);
    CHECK(d.format == DataFormat::cifar10);
    CHECK(d.shape == SampleShape{3, 32, 32, true});
    CHECK(samples[1].label == 7);
    CHECK(samples[1].pixels[1024] == 2);
  }
  CHECK(says(refusal(from(folder.write("b.bin", record + record.substr(0, 3072)))), "ends inside record 1"));
  CHECK(says(refusal(from(folder.write("c.bin", "\x0a" + record.substr(1)))), "label 10"));
  CHECK(says(refusal(from(folder.at("a.bin"), folder.write("l.txt", "1\n1\n")), ExitCode::usage), "its own labels"));
}

TEST_CASE("PNG folders") {
  const Folder folder;
  const std::string rgb = png(2, 2, 8, 2, "\x00"s + "\x01\x02\x03\x04\x05\x06" + "\x00"s + "\x07\x08\x09\x0a\x0b\x0c");
  (void)folder.write("set/b/1.png", rgb);
  (void)folder.write("set/a/2.png", rgb);
  (void)folder.write("set/b/.hidden", "x");
  DataDescription d;
  auto samples = read_all(from(folder.at("set")), d);
  CHECK(d.format == DataFormat::png_folder);
  CHECK(d.shape == SampleShape{3, 2, 2, true});
  REQUIRE(samples.size() == 2);
  CHECK(samples[0].label == 0);
  CHECK(samples[1].label == 1);
  CHECK(samples[0].pixels == std::vector<std::uint8_t>{1, 4, 7, 10, 2, 5, 8, 11, 3, 6, 9, 12});
  const std::string line = sha256_hex(rgb) + "  a/2.png\n" + sha256_hex(rgb) + "  b/1.png\n";
  REQUIRE(d.files.size() == 1);
  CHECK(d.files[0] == DataFile{"folder", "set", 2 * rgb.size(), sha256_hex(line)});
  CHECK(scan_data(from(folder.at("set/"))).files == d.files);

  // Grey of few bits is spread over 0..255; a palette becomes RGB.
  (void)folder.write("grey/1.png", png(4, 1, 2, 0, "\x00\x1b"s));
  CHECK(read_all(from(folder.at("grey")), d)[0].pixels == std::vector<std::uint8_t>{0, 85, 170, 255});
  CHECK_FALSE(d.labelled);
  (void)folder.write("palette/1.png", png(2, 1, 8, 3, "\x00\x01\x00"s, chunk("PLTE", "\x01\x02\x03\x0a\x0b\x0c")));
  CHECK(read_all(from(folder.at("palette")), d)[0].pixels == std::vector<std::uint8_t>{10, 1, 11, 2, 12, 3});
  // A gamma chunk changes nothing.
  (void)folder.write("gamma/1.png", png(1, 1, 8, 0, "\x00\x80"s, chunk("gAMA", big(100000))));
  CHECK(read_all(from(folder.at("gamma")), d)[0].pixels == std::vector<std::uint8_t>{128});

  (void)folder.write("deep/1.png", png(1, 1, 16, 0, "\x00\x80\x00"s));
  CHECK(says(refusal(from(folder.at("deep"))), "16 bits"));
  (void)folder.write("alpha/1.png", png(1, 1, 8, 4, "\x00\x80\xff"s));
  CHECK(says(refusal(from(folder.at("alpha"))), "transparency"));
  (void)folder.write("cut/1.png", rgb.substr(0, 50));
  CHECK(says(refusal(from(folder.at("cut"))), "cannot be used"));
  std::string wrong = rgb;
  wrong[20] = static_cast<char>(wrong[20] ^ 4);
  (void)folder.write("crc/1.png", wrong);
  CHECK(says(refusal(from(folder.at("crc"))), "cannot be used"));
  (void)folder.write("text/1.png", "hello");
  CHECK(says(refusal(from(folder.at("text"))), "not a PNG"));
  (void)folder.write("other/readme.txt", "hello");
  CHECK(says(refusal(from(folder.at("other"))), "readme.txt"));
  (void)folder.write("mixed/1.png", rgb);
  (void)folder.write("mixed/a/1.png", rgb);
  CHECK(says(refusal(from(folder.at("mixed"))), "beside sub-folders"));
  (void)folder.write("link/1.png", rgb);
  REQUIRE(::symlink("1.png", folder.at("link/2.png").c_str()) == 0);
  CHECK(says(refusal(from(folder.at("link"))), "neither a regular file"));
  std::filesystem::create_directories(folder.at("hollow/a"));
  (void)folder.write("hollow/b/1.png", rgb);
  CHECK(says(refusal(from(folder.at("hollow"))), "'a' has no image"));
  std::filesystem::create_directory(folder.at("empty"));
  CHECK(says(refusal(from(folder.at("empty"))), "no sample"));
  // Sizes are compared when the images are decoded.
  (void)folder.write("sizes/1.png", rgb);
  (void)folder.write("sizes/2.png", png(1, 1, 8, 0, "\x00\x80"s));
  SampleReader reader(from(folder.at("sizes")));
  Sample sample;
  CHECK(reader.next(sample));
  CHECK_THROWS_WITH_AS((void)reader.next(sample), doctest::Contains("all images must be alike"), Error);
}

TEST_CASE("a file that changes between the two readings has another description") {
  const Folder folder;
  const std::string path = folder.write("a.csv", "1,2\n");
  const DataDescription before = scan_data(from(path));
  (void)folder.write("a.csv", "1,3\n");
  CHECK_FALSE(scan_data(from(path)) == before);
}
