// Class, margin and radius against exact evaluation in fractions, and against the distance that is known: for a linear classifier the
// certified radius is the distance to the nearest boundary.
#include <functional>
#include <doctest/doctest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>

#include "certify/samples/radius_rule.hpp"
#include "certify/samples/records_file.hpp"
#include "certify/samples/samples.hpp"
#include "certify/certificate/shard.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "tests/samples/support.hpp"

using namespace lipcert;
using namespace sample_tests;

namespace {

constexpr RadiusTheorem short_form = RadiusTheorem::margin_over_lipschitz;

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "lipcert-samples-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }
  std::string path;
};

struct Run {
  std::vector<SampleRecord> records;
  Analysis analysis;
};

/// Certifies rows of decimals with the scaling 1/7.
Run certify(const Dense& dense, const std::vector<std::vector<int>>& rows, unsigned threads, SampleRange range,
            const std::vector<int>& labels = {}) {
  const Folder folder;
  DataSource source;
  source.samples = folder.path + "/data.csv";
  std::ofstream csv(source.samples);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (std::size_t i = 0; i < rows[r].size(); ++i) csv << (i == 0 ? "" : ",") << rows[r][i];
    if (!labels.empty()) csv << "," << labels[r];
    csv << "\n";
  }
  csv.close();
  if (!labels.empty()) source.label_column = -1;
  ScalingTexts scaling;
  scaling.scale = "1/7";
  const Network net = network(dense);
  AnalysisOptions settings;
  settings.threads = threads;
  Run run;
  run.analysis = analyse(net, settings);
  certify_samples(net, run.analysis, source, scan_data(source), scaling, range, RadiusJob{}, threads, nullptr,
                  [&](const SampleRecord& record, const std::string& /*evidence*/) { run.records.push_back(record); });
  return run;
}

std::vector<std::vector<int>> random_rows(std::size_t count, std::size_t width, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<std::vector<int>> rows(count, std::vector<int>(width));
  for (auto& row : rows) {
    for (int& v : row) v = static_cast<int>(random() % 29) - 14;
  }
  return rows;
}

std::vector<Rational> point(const std::vector<int>& row) {
  std::vector<Rational> x;
  for (const int v : row) x.push_back(Rational(v) / Rational(7));
  return x;
}

}  // namespace

TEST_CASE("classes and margins are those of exact evaluation") {
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    const Dense dense = random_dense({6, 20, 15, 4}, seed);
    const auto rows = random_rows(60, 6, seed);
    const Run run = certify(dense, rows, 2, {0, 60});
    REQUIRE(run.records.size() == 60);
    for (const SampleRecord& record : run.records) {
      const auto f = exact(dense, point(rows[record.index]));
      std::size_t best = 0;
      for (std::size_t j = 1; j < f.size(); ++j) best = f[best] < f[j] ? j : best;
      REQUIRE(record.predicted == best);
      bool tight = false;
      for (std::size_t j = 0; j < f.size(); ++j) {
        if (j == best) continue;
        const Rational margin = f[best] - f[j];
        CHECK_FALSE(margin < Rational::exact(record.margin));
        tight = tight || margin * Rational::exact(1 - 1e-8) - Rational::exact(1e-11) < Rational::exact(record.margin);
        // r L_cj <= f_c - f_j, exactly.
        const std::size_t a = std::min(best, j);
        const std::size_t b = std::max(best, j);
        const double lipschitz = run.analysis.pairs[a * 4 - a * (a + 1) / 2 + b - a - 1];
        CHECK_FALSE(margin < Rational::exact(record.radius) * Rational::exact(lipschitz));
      }
      CHECK(tight);
      CHECK(record.radius > 0);
    }
  }
}

TEST_CASE("a linear classifier's radius is the distance to its boundary") {
  const Dense dense = random_dense({5, 3}, 11);
  const auto rows = random_rows(50, 5, 12);
  for (const SampleRecord& record : certify(dense, rows, 1, {0, 50}).records) {
    long double nearest = std::numeric_limits<long double>::infinity();
    const auto row = [&](std::size_t i, std::size_t k) { return static_cast<long double>(dense.weights[0][i * 5 + k]); };
    for (std::size_t j = 0; j < 3; ++j) {
      if (j == record.predicted) continue;
      long double margin = static_cast<long double>(dense.biases[0][record.predicted]) - static_cast<long double>(dense.biases[0][j]);
      long double square = 0;
      for (std::size_t k = 0; k < 5; ++k) {
        const long double d = row(record.predicted, k) - row(j, k);
        margin += d * static_cast<long double>(rows[record.index][k]) / 7;
        square += d * d;
      }
      nearest = std::min(nearest, margin / std::sqrt(square));
    }
    CHECK(static_cast<long double>(record.radius) <= nearest);
    CHECK(static_cast<long double>(record.radius) >= nearest * (1 - 1e-8L));
  }
}

TEST_CASE("one output: sign and distance to zero") {
  const Dense dense = random_dense({4, 1}, 5);
  const auto rows = random_rows(40, 4, 6);
  std::vector<int> labels;
  for (std::size_t r = 0; r < rows.size(); ++r) labels.push_back(r % 2 == 0 ? 1 : -1);
  const Run run = certify(dense, rows, 1, {0, 40}, labels);
  for (const SampleRecord& record : run.records) {
    const Rational f = exact(dense, point(rows[record.index]))[0];
    REQUIRE(record.predicted == (f.sign() > 0 ? 1U : 0U));
    CHECK(record.label == (record.index % 2 == 0 ? 1U : 0U));
    long double square = 0;
    for (const float w : dense.weights[0]) square += static_cast<long double>(w) * static_cast<long double>(w);
    const long double distance = std::fabs(static_cast<long double>(f.rounded_down())) / std::sqrt(square);
    CHECK(static_cast<long double>(record.radius) <= distance * (1 + 1e-15L));
    CHECK(static_cast<long double>(record.radius) >= distance * (1 - 1e-8L));
  }
}

TEST_CASE("equal logits are undecided, equal rows have no distance") {
  Dense dense = random_dense({3, 2}, 1);
  for (std::size_t k = 0; k < 3; ++k) dense.weights[0][3 + k] = dense.weights[0][k];
  dense.biases[0] = {0.25F, 0.25F};
  for (const SampleRecord& record : certify(dense, random_rows(5, 3, 2), 1, {0, 5}).records) {
    CHECK(record.predicted == no_class);
    CHECK(record.radius == 0);
    CHECK(record.margin == 0);
  }
  // The same with another bias: f_0 - f_1 is a constant, so nothing changes the decision. Its enclosure still has a width.
  dense.biases[0] = {0.5F, 0.25F};
  for (const SampleRecord& record : certify(dense, random_rows(5, 3, 2), 1, {0, 5}).records) {
    CHECK(record.predicted == 0);
    CHECK(record.margin <= 0.25);
    CHECK(record.margin > 0.249);
    CHECK(record.radius == std::numeric_limits<double>::infinity());
  }
}

TEST_CASE("records depend neither on threads nor on where a range begins") {
  const Dense dense = random_dense({6, 30, 4}, 21);
  const auto rows = random_rows(700, 6, 22);
  const Run whole = certify(dense, rows, 1, {0, 700});
  std::string one;
  for (const SampleRecord& record : whole.records) one += encode(record, short_form);
  std::string parts;
  for (const SampleRange range : {SampleRange{0, 333}, SampleRange{333, 1}, SampleRange{334, 366}}) {
    for (const SampleRecord& record : certify(dense, rows, 3, range).records) parts += encode(record, short_form);
  }
  CHECK(one == parts);
}

TEST_CASE("the rule: slack, errors and overflow") {
  Analysis analysis;
  analysis.upper = 2;
  analysis.classes = 2;
  analysis.pairs = {4};
  const RadiusRule rule(analysis, {1, 2});
  SampleRecord record;
  rule.apply({{3, 1}, {0, 0}}, Upper(), record);
  CHECK(record.predicted == 0);
  CHECK(record.margin < 2);
  CHECK(record.margin > 2 * (1 - 0x1p-29));
  CHECK(record.radius < 0.5);
  // The error counts 33 times, on both outputs, and the sample's own distance times L as well.
  rule.apply({{1, 3}, {0x1p-10, 0x1p-11}}, Upper::exact(0x1p-12), record);
  CHECK(record.predicted == 1);
  const double expected = 2 - 33 * (0x1p-10 + 0x1p-11 + 2 * 2 * 0x1p-12);
  CHECK(record.margin <= expected * (1 - 0x1p-30));
  CHECK(record.margin >= expected * (1 - 0x1p-29));
  rule.apply({{3, 1}, {1, 0}}, Upper(), record);
  CHECK(record.predicted == no_class);
  for (const double bad : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    rule.apply({{3, 1}, {0, bad}}, Upper(), record);
    CHECK(record.predicted == no_class);
    rule.apply({{bad, 1}, {0, 0}}, Upper(), record);
    CHECK(record.predicted == no_class);
    CHECK(record.radius == 0);
  }
  rule.apply({{-1, -3}, {0, 0}}, Upper(), record);
  CHECK(record.predicted == 0);
  CHECK(record.margin <= 2);
  CHECK(rule.label(1) == 1);
  CHECK_FALSE(rule.label(2).has_value());
  CHECK_FALSE(rule.label(-1).has_value());
  analysis.classes = 0;
  analysis.pairs.clear();
  CHECK_THROWS_AS(RadiusRule(analysis, {1, 2}), Error);
}

TEST_CASE("counts are strict and exact") {
  SampleCounts counts({"0.1", "0.3", "1/3"});
  SampleRecord record;
  record.predicted = 1;
  record.label = 1;
  record.radius = 0.1;  // the double above one tenth: certified at 0.1
  counts.add(record);
  record.radius = 0.3;  // the double below three tenths: not certified at 0.3
  counts.add(record);
  record.radius = 0x1.5555555555555p-2;  // below one third
  counts.add(record);
  record.radius = 0x1.5555555555556p-2;
  record.label = 0;
  counts.add(record);
  CHECK(counts.total == 4);
  CHECK(counts.correct == 3);
  CHECK(counts.eps[0].certified == 4);
  CHECK(counts.eps[1].certified == 2);
  CHECK(counts.eps[1].certified_correct == 1);
  CHECK(counts.eps[2].certified == 1);
  CHECK(counts.eps[2].certified_correct == 0);
  SampleCounts exactly({"0.5"});
  record.radius = 0.5;
  exactly.add(record);
  CHECK(exactly.eps[0].certified == 0);
  record = {};
  exactly.add(record);
  CHECK(exactly.undecided == 1);
  CHECK(exactly.correct == 0);
  CHECK_THROWS_AS(SampleCounts({"0.2", "0.1"}), Error);
  CHECK_THROWS_AS(SampleCounts({"0.1", "1/10"}), Error);
  CHECK_THROWS_AS(SampleCounts({"-1"}), Error);
  CHECK_THROWS_AS(SampleCounts(std::vector<std::string>(65, "1")), Error);
}

TEST_CASE("eps in scaled pixels is compared exactly") {
  // r * 0.2 > 0.02 if and only if r > 1/10, which no double is.
  SampleCounts pixels({"0.02", "1/15"}, Unit::scaled_pixel, Rational::parse("0.2", ""));
  SampleCounts graph({"0.02", "1/15"});
  SampleRecord record;
  record.predicted = 1;
  for (const double radius : {0x1.9999999999999p-4, 0.1, 0x1.5555555555555p-2, 0x1.5555555555556p-2}) {  // around 1/10 and 1/3
    record.radius = radius;
    pixels.add(record);
    graph.add(record);
  }
  CHECK(pixels.eps[0].certified == 3);
  CHECK(pixels.eps[1].certified == 1);
  CHECK(graph.eps[0].certified == 4);
  record.radius = std::numeric_limits<double>::infinity();
  pixels.add(record);
  CHECK(pixels.eps[1].certified == 2);
}

TEST_CASE("guessing is noticed") {
  const auto low = [](std::uint64_t correct, std::uint64_t total, std::uint64_t outputs) {
    SampleCounts counts({});
    counts.total = total;
    counts.correct = correct;
    return !low_accuracy(counts, outputs).empty();
  };
  CHECK(low(136, 1000, 10));
  CHECK_FALSE(low(984, 1000, 10));
  CHECK(low(520, 1000, 1));
  CHECK(low(0, 20, 10));
  CHECK_FALSE(low(0, 19, 10));
  // The edges, for 10 classes: 10 + 3 * 3 of 100 samples by three standard deviations, 10 % + 90 % / 20 of 10000; for two: 50 + 3 * 5 of 100.
  CHECK(low(19, 100, 10));
  CHECK_FALSE(low(20, 100, 10));
  CHECK(low(1450, 10000, 10));
  CHECK_FALSE(low(1451, 10000, 10));
  CHECK(low(65, 100, 2));
  CHECK_FALSE(low(66, 100, 2));
  CHECK_FALSE(low(std::uint64_t{1} << 39, std::uint64_t{1} << 40, 1024));
}

TEST_CASE("records file: name, digest, root, and nothing left behind") {
  const Folder folder;
  SideFile file;
  std::string bytes;
  {
    SideFileWriter writer(folder.path, "records");
    for (std::uint64_t i = 0; i < 20000; ++i) {
      SampleRecord record;
      record.index = i;
      record.radius = i % 3 == 0 ? std::numeric_limits<double>::infinity() : 0.5;
      writer.add(encode(record, short_form));
      bytes += encode(record, short_form);
    }
    file = writer.finish();
  }
  CHECK(read_file(file.path, 1 << 20) == bytes);  // pending: under another name
  CHECK_FALSE(std::filesystem::exists(folder.path + "/" + file.name));
  publish_side_file(file);
  CHECK(read_file(folder.path + "/" + file.name, 1 << 20) == bytes);
  CHECK(file.sha256 == sha256_hex(bytes));
  CHECK(file.name == file.sha256 + ".lipcert.records");
  MerkleTree tree;
  for (std::size_t i = 0; i < bytes.size(); i += 32) tree.add(bytes.substr(i, 32));
  CHECK(file.merkle_root == to_hex(tree.root()));
  {
    SideFileWriter writer(folder.path, "records");
    writer.add(encode({}, short_form));
  }
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);
  const SampleRecord back = decode_record(bytes.data() + std::size_t{3} * 32, short_form, "file");
  CHECK(back.index == 3);
  CHECK(back.predicted == no_class);
  CHECK(std::isinf(back.radius));
  std::string bad = bytes.substr(0, 32);
  bad[31] = static_cast<char>(0xbf);  // negative
  CHECK_THROWS_AS((void)decode_record(bad.data(), short_form, "file"), Error);
  // The form of local radii: rule and length of the evidence behind the rest, which is the same.
  SampleRecord local;
  local.predicted = 2;
  local.radius = 0.25;
  local.rule = 1;
  local.evidence = 77;
  const std::string with_rule = encode(local, RadiusTheorem::layer_dual);
  CHECK(with_rule.size() == 40);
  CHECK(with_rule.substr(0, 32) == encode(local, short_form));
  const SampleRecord again = decode_record(with_rule.data(), RadiusTheorem::layer_dual, "file");
  CHECK(again.rule == 1);
  CHECK(again.evidence == 77);
  for (const auto& change : std::vector<std::function<void(SampleRecord&)>>{
           [](SampleRecord& r) { r.rule = 2; }, [](SampleRecord& r) { r.rule = 0; }, [](SampleRecord& r) { r.evidence = most_evidence + 1; },
           [](SampleRecord& r) { r.radius = std::numeric_limits<double>::infinity(); }, [](SampleRecord& r) { r.predicted = no_class; }}) {
    SampleRecord wrong = local;
    change(wrong);
    CHECK_THROWS_AS((void)decode_record(encode(wrong, RadiusTheorem::layer_dual).data(), RadiusTheorem::layer_dual, "file"), Error);
  }
}

TEST_CASE("shards: ranges cover everything once, files come back, damage is seen") {
  for (const std::uint64_t samples : {0U, 1U, 7U, 100U, 1000003U}) {
    for (const std::uint64_t of : {1U, 2U, 7U, 64U}) {
      std::uint64_t next = 0;
      for (std::uint64_t i = 0; i < of; ++i) {
        CHECK(ShardNumber{i, of}.begin(samples) == next);
        next = ShardNumber{i, of}.end(samples);
        CHECK(next == samples * (i + 1) / of);
      }
      CHECK(next == samples);
    }
  }
  CHECK(parse_shard("3/8").part == 3);
  for (const char* text : {"8/8", "1", "/2", "1/", "-1/2", "1/0", "a/b", "1/99999999", "1/2/3"})
    CHECK_THROWS_AS((void)parse_shard(text), Error);

  const Folder folder;
  Shard shard;
  shard.configuration.model_sha256 = "m";
  shard.configuration.graph_digest = "g";
  shard.configuration.data = Json{{"format", "idx"}};
  shard.configuration.configuration = "c";
  shard.number = {1, 3};
  shard.first = 5;
  shard.count = 2;
  SampleRecord record;
  for (record.index = 5; record.index < 7; ++record.index) shard.records += encode(record, short_form);
  const auto write = [&](const std::string& text) {
    std::ofstream(folder.path + "/s", std::ios::binary) << text;
    return folder.path + "/s";
  };
  const Shard back = read_shard(write(write_shard(shard)));
  CHECK(back.configuration == shard.configuration);
  CHECK(back.records == shard.records);
  CHECK(back.number.of == 3);
  const std::string text = write_shard(shard);
  CHECK_THROWS_AS((void)read_shard(write(text.substr(0, text.size() - 10))), Error);
  shard.count = 3;
  CHECK_THROWS_AS((void)read_shard(write(write_shard(shard))), Error);
  shard.count = 2;
  shard.first = 6;
  CHECK_THROWS_AS((void)read_shard(write(write_shard(shard))), Error);
  shard.first = 5;
  shard.number = {3, 3};
  CHECK_THROWS_AS((void)read_shard(write(write_shard(shard))), Error);
  CHECK_THROWS_AS((void)read_shard(write("{}")), Error);
}
