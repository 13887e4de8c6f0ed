// The claim about samples from data to verdict: what is right is accepted, and every mutation of a field or a record that makes it false is
// not.
//
// The network is small (6-5-3, ReLU, weights that are short dyadics), so that f is also computed here in exact rationals: an independent
// truth for both evaluations of the checker, and for tight margins and radii, of which one ulp more must be refused.
#include <doctest/doctest.h>

#include <functional>

#include "tests/support/onnx_builder.hpp"
#include "tests/verifier_samples/support.hpp"
#include "verifier/samples/network_at_samples.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/graph/onnx.hpp"

using namespace lipverify;
using namespace sample_support;
using Claim = nlohmann::ordered_json;
namespace ob = onnx_builder;

namespace {

const char* const kManyFormula =
    "for every selected sample x_k with a predicted class, every y with ||y - x_k||_2 < r_k and every j != c_k: f_(c_k)(y) > f_j(y)";
const char* const kOneFormula =
    "for every selected sample x_k with a predicted class and every y with ||y - x_k||_2 < r_k: sign f(y) = sign f(x_k)";

/// No record here claims a local radius (tests/verifier_local).
std::optional<std::string> no_local(const LocalClaim& /*claim*/) { return "a local radius was not claimed"; }

Graph graph_of(const ob::Model& model) {
  std::vector<ExternalFile> external;
  return read_onnx(model.bytes(), OnnxOptions{}, external);
}

/// A data set, a network of `outputs` outputs, and the tight records of the claim about it.
struct World {
  static constexpr std::uint32_t kSamples = 37, kFirst = 3, kCount = 31;
  static constexpr std::size_t kIn = 6, kHidden = 5;
  TemporaryFolder folder;
  std::size_t outputs;
  std::vector<float> w1, b1, w2, b2;
  std::vector<std::uint8_t> pixels, labels;
  Shape input = {1, kIn};
  Graph graph;
  std::unique_ptr<NetworkAtSamples> network;
  LipschitzBounds bounds;
  std::vector<Record> records;
  Claim claim;

  explicit World(std::size_t c) : outputs(c), graph(make(c)) {
    network = std::make_unique<NetworkAtSamples>(
        graph, std::vector<VerifiedBlock>{{{0}, false, Rational(100)}, {{1}, false, Rational(1)}, {{2}, false, Rational(100)}});
    bounds.outputs = outputs;
    bounds.global = Rational(7, 3);
    for (std::size_t k = 0; k < outputs * (outputs - 1) / 2; ++k) bounds.pairs.emplace_back(Integer(5 + k), Integer(3));
    std::mt19937 random(7);
    for (std::size_t i = 0; i < kSamples * kIn; ++i) pixels.push_back(static_cast<std::uint8_t>(random() % 256));
    for (std::size_t i = 0; i < kSamples; ++i) labels.push_back(static_cast<std::uint8_t>(random() % std::max<std::size_t>(outputs, 2)));
    write_file(folder / "images.idx", idx_bytes({kSamples, 2, 3}, pixels));
    write_file(folder / "labels.idx", idx_bytes({kSamples}, labels));
    for (std::uint32_t k = kFirst; k < kFirst + kCount; ++k) records.push_back(tight(k));
    claim = {{"id", "sample-radii"},
             {"kind", "sample-radii"},
             {"formula", outputs == 1 ? kOneFormula : kManyFormula},
             {"data",
              {{"format", "idx"},
               {"files", {entry("samples", "images.idx"), entry("labels", "labels.idx")}},
               {"samples", kSamples},
               {"layout", "NCHW"},
               {"scale", "1/255"},
               {"mean", {"0.5"}},
               {"std", {"1"}}}},
             {"selection", {{"first", kFirst}, {"count", kCount}}},
             {"total", 0},
             {"correct", 0},
             {"undecided", 0},
             {"labelled", true},
             {"counts", {{{"eps", "0"}}, {{"eps", "36/255"}}, {{"eps", "0.3"}}}},
             {"records", {}},
             {"evidence", {{"theorem", "margin-over-lipschitz"}}}};
    for (auto& item : claim["counts"]) item["certified"] = item["certifiedCorrect"] = 0;
    fill_in(claim, records);
  }

  [[nodiscard]] Claim entry(const std::string& role, const std::string& name) const {
    const std::string bytes = read_file(folder / name, 1 << 20, "file");
    return {{"role", role}, {"name", name}, {"bytes", bytes.size()}, {"sha256", sha256_hex(bytes)}};
  }

  Graph make(std::size_t c) {
    std::mt19937 random(static_cast<unsigned>(11 + c));
    const auto draw = [&](std::vector<float>& into, std::size_t count) {
      for (std::size_t i = 0; i < count; ++i) into.push_back(static_cast<float>(static_cast<int>(random() % 4001) - 2000) / 1024.0F);
    };
    draw(w1, kHidden * kIn);
    draw(b1, kHidden);
    draw(w2, c * kHidden);
    draw(b2, c);
    ob::Model model;
    const auto dim = [](std::size_t n) { return static_cast<std::int64_t>(n); };
    model.input("x", {1, dim(kIn)}).output("y", {1, dim(c)});
    model.initialiser(ob::floats("w1", {dim(kHidden), dim(kIn)}, w1)).initialiser(ob::floats("b1", {dim(kHidden)}, b1));
    model.initialiser(ob::floats("w2", {dim(c), dim(kHidden)}, w2)).initialiser(ob::floats("b2", {dim(c)}, b2));
    model.node("Gemm", {"x", "w1", "b1"}, {"h"}, {ob::attribute("transB", 1)});
    model.node("Relu", {"h"}, {"a"});
    model.node("Gemm", {"a", "w2", "b2"}, {"y"}, {ob::attribute("transB", 1)});
    return graph_of(model);
  }

  /// f at sample k, exactly: computed here, from the pixels and the weights, by nobody else's code.
  [[nodiscard]] std::vector<Rational> truth(std::size_t k) const {
    const auto layer = [](const std::vector<float>& w, const std::vector<float>& b, const std::vector<Rational>& x) {
      std::vector<Rational> y;
      for (std::size_t i = 0; i < b.size(); ++i) {
        Rational sum(b[i]);
        for (std::size_t j = 0; j < x.size(); ++j) sum += Rational(w[i * x.size() + j]) * x[j];
        y.push_back(sum);
      }
      return y;
    };
    std::vector<Rational> x;
    for (std::size_t i = 0; i < kIn; ++i) x.push_back(Rational(Integer(pixels[k * kIn + i]), Integer(255)) - Rational(1, 2));
    std::vector<Rational> h = layer(w1, b1, x);
    for (Rational& value : h) value = std::max(value, Rational(0));
    return layer(w2, b2, h);
  }

  [[nodiscard]] Rational lipschitz(std::size_t i, std::size_t j) const {
    if (outputs == 1) return bounds.global;
    if (i > j) std::swap(i, j);
    std::size_t k = 0;
    for (std::size_t a = 0; a < outputs; ++a)
      for (std::size_t b = a + 1; b < outputs; ++b, ++k)
        if (a == i && b == j) return bounds.pairs[k];
    return {};
  }

  /// What a generator could claim at most, less a part in 10^12 for the checker's enclosure.
  [[nodiscard]] Record tight(std::uint32_t k) const {
    const Rational less = 1 - Rational(Integer(1), Integer("1000000000000"));
    Record record;
    record.index = k;
    record.label = labels[k];
    const std::vector<Rational> f = truth(k);
    if (outputs == 1) {
      record.predicted = f[0] > 0 ? 1 : 0;
      const Rational size = f[0] < 0 ? Rational(-f[0]) : f[0];
      record.margin = bits_below(size * less);
      record.radius = bits_below(size * less / bounds.global);
      return record;
    }
    const auto c = static_cast<std::size_t>(std::max_element(f.begin(), f.end()) - f.begin());
    record.predicted = static_cast<std::uint32_t>(c);
    Rational margin = 1000000, radius = 1000000;
    for (std::size_t j = 0; j < outputs; ++j) {
      if (j == c) continue;
      margin = std::min(margin, Rational(f[c] - f[j]));
      radius = std::min(radius, Rational((f[c] - f[j]) / lipschitz(c, j)));
    }
    record.margin = bits_below(margin * less);
    record.radius = bits_below(radius * less);
    return record;
  }

  [[nodiscard]] Evaluation evaluation() const {
    return [this](const Sample& sample, const Scaling& scaling, bool wide) { return (*network)(sample, scaling, wide); };
  }

  /// "accepted", "rejected", or "input: ..."/"usage: ...".
  [[nodiscard]] std::string verdict(const Claim& c, const std::string& record_bytes, bool with_data = true,
                                    const std::function<void(SampleRequest&)>& change = {}) const {
    write_file(folder / "records", record_bytes);
    SampleRequest request;
    request.records = folder / "records";
    if (with_data) {
      request.data = folder / "images.idx";
      request.labels = folder / "labels.idx";
    }
    if (change) change(request);
    try {
      const SampleClaim parsed = parse_sample_claim(Json::parse(c.dump(), "the claim"), outputs);
      return check_samples(parsed, bounds, input, evaluation(), no_local, request).passed() ? "accepted" : "rejected";
    } catch (const Failure& failure) {
      if (failure.outcome() == Outcome::rejected) return "rejected";
      return (failure.outcome() == Outcome::input   ? "input: "
              : failure.outcome() == Outcome::usage ? "usage: "
                                                    : "internal: ") +
             std::string(failure.what());
    }
  }
  /// Records that were changed, in an otherwise honest claim.
  [[nodiscard]] std::string verdict_of_records(const std::vector<Record>& changed, bool with_data = true) const {
    Claim c = claim;
    fill_in(c, changed);
    return verdict(c, records_bytes(changed), with_data);
  }
};

Rational low(const EnclosedOutput& f, std::size_t j) {
  return scaled(f.lower[j], f.exponent);
}
Rational high(const EnclosedOutput& f, std::size_t j) {
  return scaled(f.upper[j], f.exponent);
}

/// Both evaluations hold the exact values, and are narrow.
void check_enclosures(const World& world) {
  const SampleShape shape{true, 1, 2, 3};
  const Scaling scaling(shape, Layout::nchw, Rational(1, 255), {Rational(1, 2)}, {Rational(1)});
  REQUIRE(world.network->has_fast());
  for (std::size_t k = 0; k < World::kSamples; ++k) {
    Sample sample;
    sample.pixels.assign(world.pixels.begin() + static_cast<std::ptrdiff_t>(k * 6),
                         world.pixels.begin() + static_cast<std::ptrdiff_t>(k * 6 + 6));
    const std::vector<Rational> truth = world.truth(k);
    for (const bool wide : {false, true}) {
      const EnclosedOutput f = (*world.network)(sample, scaling, wide);
      for (std::size_t j = 0; j < world.outputs; ++j) {
        CHECK(low(f, j) <= truth[j]);
        CHECK(truth[j] <= high(f, j));
        CHECK(high(f, j) - low(f, j) <= scaled(Integer(1), wide ? -120 : -36));
      }
    }
  }
}

}  // namespace

TEST_CASE("both evaluations enclose the exact output") {
  check_enclosures(World(3));
  check_enclosures(World(1));
}

TEST_CASE("what is right is accepted, whatever the number of threads") {
  for (const std::size_t outputs : {std::size_t{3}, std::size_t{1}}) {
    const World world(outputs);
    const std::string bytes = records_bytes(world.records);
    CHECK(world.verdict(world.claim, bytes) == "accepted");
    CHECK(world.verdict(world.claim, bytes, false) == "accepted");  // records only
    CHECK(world.verdict(world.claim, bytes, true, [](SampleRequest& r) { r.threads = 3; }) == "accepted");
    for (const std::uint64_t k : {1U, 5U, 30U, 31U, 1000U})
      CHECK(world.verdict(world.claim, bytes, true, [&](SampleRequest& r) {
        r.audit = k;
        r.seed = 99 + k;
      }) == "accepted");
    std::vector<Record> undecided = world.records;
    undecided[4].predicted = kNone;
    undecided[4].margin = undecided[4].radius = 0;
    CHECK(world.verdict_of_records(undecided) == "accepted");  // claims less
    std::vector<Record> smaller = world.records;
    for (Record& record : smaller) {
      record.margin = record.margin / 2;  // bits: a much smaller number
      record.radius = record.radius > 1000 ? record.radius - 1000 : 0;
    }
    CHECK(world.verdict_of_records(smaller) == "accepted");
  }
}

TEST_CASE("every record is checked, and one ulp above the tight radius or margin is refused") {
  for (const std::size_t outputs : {std::size_t{3}, std::size_t{1}}) {
    const World world(outputs);
    for (std::size_t i = 0; i < world.records.size(); ++i) {
      CAPTURE(i);
      std::vector<Record> changed = world.records;
      const auto refused = [&](const std::function<void(Record&)>& change) {
        changed = world.records;
        change(changed[i]);
        return world.verdict_of_records(changed) == "rejected";
      };
      const std::vector<Rational> f = world.truth(world.records[i].index);
      // The exact largest radius and margin: the double above them is false, and no enclosure of the truth can support it.
      const auto c = static_cast<std::size_t>(world.records[i].predicted);
      Rational margin = outputs == 1 ? (f[0] < 0 ? Rational(-f[0]) : f[0]) : Rational(1000000);
      Rational radius = outputs == 1 ? Rational(margin / world.bounds.global) : Rational(1000000);
      for (std::size_t j = 0; outputs > 1 && j < outputs; ++j) {
        if (j == c) continue;
        margin = std::min(margin, Rational(f[c] - f[j]));
        radius = std::min(radius, Rational((f[c] - f[j]) / world.lipschitz(c, j)));
      }
      CHECK(refused([&](Record& r) { r.radius = bits_below(radius) + 1; }));
      CHECK(refused([&](Record& r) { r.margin = bits_below(margin) + 1; }));
      CHECK(refused([&](Record& r) { r.radius = kInfinityBits; }));
      CHECK(refused([&](Record& r) { r.predicted = (r.predicted + 1) % static_cast<std::uint32_t>(std::max<std::size_t>(outputs, 2)); }));
      CHECK(refused([&](Record& r) { r.label = (r.label + 1) % static_cast<std::uint32_t>(std::max<std::size_t>(outputs, 2)); }));
    }
  }
}

TEST_CASE("records that no claim can hold are refused without data") {
  const World world(3);
  const auto refused = [&](const std::function<void(std::vector<Record>&)>& change) {
    std::vector<Record> changed = world.records;
    change(changed);
    return world.verdict_of_records(changed, false) == "rejected";
  };
  CHECK(refused([](auto& r) { ++r[5].index; }));
  CHECK(refused([](auto& r) { r[5].index = r[4].index; }));
  CHECK(refused([](auto& r) { std::swap(r[2], r[3]); }));
  CHECK(refused([](auto& r) { std::swap(r[0].index, r[1].index); }));
  CHECK(refused([](auto& r) { r[5].predicted = 3; }));
  CHECK(refused([](auto& r) { r[5].label = 3; }));
  CHECK(refused([](auto& r) { r[5].label = kNone; }));
  CHECK(refused([](auto& r) { r[5].margin |= std::uint64_t{1} << 63; }));
  CHECK(refused([](auto& r) { r[5].margin = kInfinityBits; }));
  CHECK(refused([](auto& r) { r[5].margin = kInfinityBits + 1; }));
  CHECK(refused([](auto& r) { r[5].radius |= std::uint64_t{1} << 63; }));
  CHECK(refused([](auto& r) { r[5].radius = std::uint64_t{1} << 63; }));  // -0
  CHECK(refused([](auto& r) { r[5].radius = kInfinityBits + 1; }));       // NaN
  CHECK(refused([](auto& r) { r[5].predicted = kNone; }));                // with a margin
  // Records exchanged with their indices put right: only the data can tell.
  std::vector<Record> changed = world.records;
  std::swap(changed[2], changed[3]);
  std::swap(changed[2].index, changed[3].index);
  CHECK(world.verdict_of_records(changed) == "rejected");
}

TEST_CASE("the records file") {
  const World world(3);
  const std::string bytes = records_bytes(world.records);
  CHECK(world.verdict(world.claim, bytes.substr(0, bytes.size() - 1), false) == "rejected");
  CHECK(world.verdict(world.claim, bytes.substr(0, bytes.size() - 32), false) == "rejected");
  CHECK(world.verdict(world.claim, bytes + std::string(32, '\0'), false) == "rejected");
  CHECK(world.verdict(world.claim, bytes + "x", false) == "rejected");
  for (std::size_t i = 0; i < bytes.size(); i += 7) {
    std::string changed = bytes;
    changed[i] = static_cast<char>(changed[i] ^ 1);
    CHECK(world.verdict(world.claim, changed, false) == "rejected");
  }
  CHECK(world.verdict(world.claim, bytes, false, [&](SampleRequest& r) { r.records = world.folder / "nothing"; }).substr(0, 6) == "input:");
  // A first index whose bytes look like gzip's.
  std::vector<Record> odd(1);
  odd[0].index = 0x8b1f;
  RecordStream stream((write_file(world.folder / "odd", odd[0].bytes()), world.folder / "odd"), 0x8b1f, 1, 3, false, false);
  CHECK(stream.next(odd[0]));
}

TEST_CASE("every field of the claim is checked") {
  const World world(3);
  const std::string bytes = records_bytes(world.records);
  const auto refused = [&](const std::function<void(Claim&)>& change) {
    Claim changed = world.claim;
    change(changed);
    return world.verdict(changed, bytes) == "rejected";
  };
  CHECK(!refused([](Claim&) {}));
  const std::string zeros(64, '0');
  // Every member, left out or replaced by another kind; every object with one more.
  std::vector<Claim::json_pointer> places;
  const std::function<void(const Claim&, const Claim::json_pointer&)> collect = [&](const Claim& value, const Claim::json_pointer& at) {
    places.push_back(at);
    if (value.is_object())
      for (const auto& [key, item] : value.items()) collect(item, at / key);
    if (value.is_array())
      for (std::size_t i = 0; i < value.size(); ++i) collect(value[i], at / i);
  };
  for (const auto& [key, item] : world.claim.items()) collect(item, Claim::json_pointer() / key);
  REQUIRE(places.size() >= 50);
  for (const auto& place : places) {
    CAPTURE(place.to_string());
    if (world.claim.at(place.parent_pointer()).is_object())
      CHECK(refused([&](Claim& c) { c.at(place.parent_pointer()).erase(place.back()); }));
    CHECK(refused([&](Claim& c) { c.at(place) = nullptr; }));
    CHECK(refused([&](Claim& c) { c.at(place) = Claim::array({Claim::object()}); }));
    if (world.claim.at(place).is_object()) CHECK(refused([&](Claim& c) { c.at(place)["more"] = 1; }));
    if (world.claim.at(place).is_number()) {
      CHECK(refused([&](Claim& c) { c.at(place) = c.at(place).get<std::int64_t>() + 1; }));
      CHECK(refused([&](Claim& c) { c.at(place) = c.at(place).get<std::int64_t>() - 1; }));
      CHECK(refused([&](Claim& c) { c.at(place) = -1; }));
    }
    // One more zero: another number, digest or word, but for these: 0.50 is 0.5, and at 36/2550 the counts may be the same.
    const std::string key = place.back(), above = place.parent_pointer().empty() ? "" : place.parent_pointer().back();
    if (world.claim.at(place).is_string() && key != "name" && key != "eps" && above != "mean" && key != "format")
      CHECK(refused([&](Claim& c) { c.at(place) = c.at(place).get<std::string>() + "0"; }));
  }
  CHECK(refused([](Claim& c) { c["more"] = 1; }));
  CHECK(refused([](Claim& c) { c["formula"] = kOneFormula; }));
  CHECK(refused([](Claim& c) { c["labelled"] = false; }));
  Claim other_format = world.claim;
  other_format["data"]["format"] = "npy";
  CHECK(world.verdict(other_format, bytes).substr(0, 6) == "input:");  // the bytes are the claimed ones, and no NPY file
  CHECK(refused([](Claim& c) { c["data"]["format"] = "idx2"; }));
  CHECK(refused([&](Claim& c) { c["data"]["files"][0]["sha256"] = zeros; }));
  CHECK(refused([&](Claim& c) { c["data"]["files"][1]["sha256"] = zeros; }));
  CHECK(refused([](Claim& c) { std::swap(c["data"]["files"][0], c["data"]["files"][1]); }));
  CHECK(refused([](Claim& c) { c["data"]["files"][0]["name"] = "../images.idx"; }));
  CHECK(refused([](Claim& c) { c["data"]["files"][0]["role"] = "labels"; }));
  CHECK(refused([](Claim& c) { c["data"]["layout"] = "NCWH"; }));
  CHECK(refused([](Claim& c) { c["data"]["layout"] = "HWC"; }));
  CHECK(refused([](Claim& c) { c["data"]["scale"] = "1/254"; }));
  CHECK(refused([](Claim& c) { c["data"]["scale"] = "0"; }));
  CHECK(refused([](Claim& c) { c["data"]["scale"] = "1/0"; }));
  CHECK(refused([](Claim& c) { c["data"]["scale"] = "nan"; }));
  CHECK(refused([](Claim& c) { c["data"]["mean"] = {"0.4999"}; }));
  CHECK(refused([](Claim& c) { c["data"]["mean"] = {"0.5", "0.5"}; }));
  CHECK(refused([](Claim& c) { c["data"]["mean"] = Claim::array(); }));
  CHECK(refused([](Claim& c) { c["data"]["std"] = {"1.0001"}; }));
  CHECK(refused([](Claim& c) { c["data"]["std"] = {"0"}; }));
  CHECK(refused([](Claim& c) { c["data"]["labelColumn"] = 0; }));
  CHECK(refused([](Claim& c) { c["data"]["samples"] = 5; }));
  CHECK(refused([](Claim& c) { c["selection"]["first"] = 4; }));
  CHECK(refused([](Claim& c) { c["selection"]["first"] = 0; }));
  CHECK(refused([](Claim& c) { std::swap(c["counts"][0], c["counts"][1]); }));
  CHECK(refused([](Claim& c) { c["counts"][1]["eps"] = "0"; }));
  CHECK(refused([](Claim& c) { c["counts"][0]["eps"] = "-1"; }));
  CHECK(refused([&](Claim& c) { c["records"]["merkleRoot"] = zeros; }));
  CHECK(refused([&](Claim& c) { c["records"]["sha256"] = zeros; }));
  CHECK(refused([&](Claim& c) { c["records"]["sha256"] = zeros, c["records"]["file"] = zeros + ".lipcert.records"; }));
  CHECK(refused([](Claim& c) { c["records"]["file"] = "records"; }));
  CHECK(refused([](Claim& c) { c["evidence"]["theorem"] = "local-refinement"; }));
  CHECK(refused([](Claim& c) {
    for (int i = 0; i < 64; ++i) c["counts"].push_back({{"eps", std::to_string(10 + i)}, {"certified", 0}, {"certifiedCorrect", 0}});
  }));
}

TEST_CASE("eps in scaled pixels") {
  World world(3);
  const std::string bytes = records_bytes(world.records);
  Claim claim = world.claim;
  std::vector<double> radii;
  for (const Record& record : world.records) radii.push_back(std::bit_cast<double>(record.radius));
  std::sort(radii.begin(), radii.end());
  // Two values of eps that some radii are above and some are not: k / 1000 scaled pixels, which are k / 200 units of the graph's input.
  const auto low = std::to_string(static_cast<int>(radii[World::kCount / 4] * 200)), high = std::to_string(static_cast<int>(radii[World::kCount / 2] * 200));
  // The same inputs, (v / 1275 - 0.1) / 0.2 = v / 255 - 0.5, of whose units one is a fifth of a scaled pixel.
  for (const auto& [scale, mean, std] : {std::array{"1/1275", "0.1", "0.2"}, std::array{"-1/1275", "-0.1", "-1/5"}}) {
    claim["data"]["scale"] = scale;
    claim["data"]["mean"] = {mean};
    claim["data"]["std"] = {std};
    claim["counts"] = {{{"eps", low + "/1000"}}, {{"eps", high + "/1000"}}};
    for (auto& item : claim["counts"]) item["certified"] = item["certifiedCorrect"] = 0;
    Claim graph = claim;
    fill_in(graph, world.records);
    CHECK(world.verdict(graph, bytes) == "accepted");
    Claim fifth = claim;  // r / 5 > eps, as r > 5 eps
    fifth["counts"][0]["eps"] = low + "/200";
    fifth["counts"][1]["eps"] = high + "/200";
    fill_in(fifth, world.records);
    Claim pixel = fifth;
    pixel["counts"][0]["eps"] = low + "/1000";
    pixel["counts"][1]["eps"] = high + "/1000";
    REQUIRE(pixel["counts"] != graph["counts"]);
    pixel["epsUnit"] = "scaled pixel";
    CHECK(world.verdict(pixel, bytes) == "rejected");  // the formula does not say so
    pixel["formula"] = std::string(kManyFormula) + "; eps in scaled pixels (v * scale): certified where r_k min_c |std_c| > eps";
    CHECK(world.verdict(pixel, bytes) == "accepted");
    Claim wrong = pixel;
    wrong["counts"] = graph["counts"];
    CHECK(world.verdict(wrong, bytes) == "rejected");
    wrong = pixel;
    wrong["formula"] = kManyFormula;
    wrong["epsUnit"] = "graph input";
    CHECK(world.verdict(wrong, bytes) == "rejected");
    wrong["counts"] = graph["counts"];
    CHECK(world.verdict(wrong, bytes) == "accepted");
    wrong["epsUnit"] = "pixel";
    CHECK(world.verdict(wrong, bytes) == "rejected");
    // Of several deviations the smallest counts, whichever it is.
    pixel["data"]["std"] = {"7", std, "1/1000"};
    const SampleClaim parsed = parse_sample_claim(Json::parse(pixel.dump(), "claim"), 3);
    CHECK(parsed.eps == std::vector<Rational>{Rational(Integer(low)), Rational(Integer(high))});
    CHECK(parsed.eps_texts[0] == low + "/1000");
  }
}

TEST_CASE("images of another shape, and what rows and arrays may be, is checked") {
  World world(3);
  const std::string bytes = records_bytes(world.records);
  for (const Shape& input : {Shape{1, 1, 2, 3}, Shape{2, 3}, Shape{1, 2, 3, 1}}) {
    world.input = input;
    CHECK(world.verdict(world.claim, bytes) == "accepted");
  }
  for (const Shape& input : {Shape{1, 1, 3, 2}, Shape{1, 3, 2, 1}, Shape{1, 3, 1, 2}}) {
    world.input = input;
    CHECK(world.verdict(world.claim, bytes) == "rejected");
  }
  world.input = {1, 6};
  const auto refused = [&](const std::function<void(Claim&)>& change) {
    Claim changed = world.claim;
    change(changed);
    return world.verdict(changed, bytes) == "rejected";
  };
  CHECK(refused([](Claim& c) { c["data"]["arrayLayout"] = "NHWC"; }));  // IDX has an order of its own
  CHECK(refused([](Claim& c) { c["data"]["imageShape"] = {1, 2, 3}; }));  // and a shape
  // The same numbers as rows.
  write_file(world.folder / "images.idx", idx_bytes({World::kSamples, 6}, world.pixels));
  world.claim["data"]["files"][0] = world.entry("samples", "images.idx");
  CHECK(!refused([](Claim&) {}));
  CHECK(!refused([](Claim& c) { c["data"]["imageShape"] = {1, 2, 3}; }));
  CHECK(!refused([](Claim& c) { c["data"]["imageShape"] = {1, 2, 3}, c["data"]["arrayLayout"] = "NHWC"; }));  // one channel: the same order
  CHECK(refused([](Claim& c) { c["data"]["imageShape"] = {3, 1, 2}, c["data"]["arrayLayout"] = "NHWC"; }));
  CHECK(refused([](Claim& c) { c["data"]["imageShape"] = {1, 2, 3}, c["data"]["arrayLayout"] = "NCHW"; }));
  CHECK(refused([](Claim& c) { c["data"]["imageShape"] = {1, 2, 3}, c["data"]["layout"] = "NCWH"; }));
  CHECK(refused([](Claim& c) { c["data"]["arrayLayout"] = "NHWC"; }));
  for (const Claim& shape : {Claim{1, 2, 2}, Claim{1, 6}, Claim{1, 1, 2, 3}, Claim{0, 2, 3}, Claim{-1, -2, 3}, Claim{4294967296, 4294967296, 6}})
    CHECK(refused([&](Claim& c) { c["data"]["imageShape"] = shape; }));
  CHECK(!refused([](Claim& c) { c["data"]["imageShape"] = {2, 1, 3}, c["data"]["mean"] = {"0.5", "0.5"}; }));
  CHECK(refused([](Claim& c) { c["data"]["imageShape"] = {3, 1, 2}, c["data"]["mean"] = {"0.5", "0.5"}; }));
  CHECK(refused([](Claim& c) { c["data"]["imageShape"] = {2, 1, 3}, c["data"]["mean"] = {"0.5", "0.4"}; }));
}

TEST_CASE("other data") {
  const World world(3);
  const std::string bytes = records_bytes(world.records);
  std::vector<std::uint8_t> pixels = world.pixels;
  pixels[6 * 10] = static_cast<std::uint8_t>(pixels[6 * 10] ^ 1);
  write_file(world.folder / "other.idx", idx_bytes({World::kSamples, 2, 3}, pixels));
  const auto with = [&](const std::string& data, const std::string& labels) {
    return world.verdict(world.claim, bytes, true, [&](SampleRequest& r) {
      r.data = world.folder / data;
      r.labels = world.folder / labels;
    });
  };
  CHECK(with("other.idx", "labels.idx") == "rejected");
  CHECK(with("images.idx", "images.idx") == "rejected");
  CHECK(with("nothing", "labels.idx").substr(0, 6) == "input:");
  CHECK(world.verdict(world.claim, bytes, true, [](SampleRequest& r) { r.labels.reset(); }).substr(0, 6) == "usage:");
  // The digest of the other file in the claim: one pixel moved, so the tight radius of one sample is wrong, or the claim is true for it as
  // well.
  Claim changed = world.claim;
  changed["data"]["files"][0] = world.entry("samples", "other.idx");
  std::vector<std::uint8_t> labels = world.labels;
  labels[10] = static_cast<std::uint8_t>((labels[10] + 1) % 3);
  write_file(world.folder / "other_labels.idx", idx_bytes({World::kSamples}, labels));
  Claim relabelled = world.claim;
  relabelled["data"]["files"][1] = world.entry("labels", "other_labels.idx");
  CHECK(world.verdict(relabelled, bytes, true, [&](SampleRequest& r) { r.labels = world.folder / "other_labels.idx"; }) == "rejected");
  // Every image replaced: no margin can stay.
  for (std::uint8_t& pixel : pixels) pixel = 0;
  write_file(world.folder / "black.idx", idx_bytes({World::kSamples, 2, 3}, pixels));
  changed["data"]["files"][0] = world.entry("samples", "black.idx");
  CHECK(world.verdict(changed, bytes, true, [&](SampleRequest& r) { r.data = world.folder / "black.idx"; }) == "rejected");
  // Samples of another size.
  write_file(world.folder / "wide.idx", idx_bytes({World::kSamples / 2, 2, 6}, std::vector<std::uint8_t>(World::kSamples / 2 * 12)));
  changed["data"]["files"][0] = world.entry("samples", "wide.idx");
  CHECK(world.verdict(changed, bytes, true, [&](SampleRequest& r) { r.data = world.folder / "wide.idx"; }) == "rejected");
}

TEST_CASE("an audit checks exactly the samples that its seed draws") {
  for (const std::uint64_t count : {1U, 2U, 31U, 1000U}) {
    for (const std::uint64_t wanted : {0U, 1U, 7U, 31U, 2000U}) {
      const std::vector<std::uint64_t> drawn = draw_positions(5, wanted, count);
      CHECK(drawn.size() == std::min(wanted, count));
      CHECK(drawn == draw_positions(5, wanted, count));
      for (std::size_t i = 0; i < drawn.size(); ++i) {
        CHECK(drawn[i] < count);
        if (i > 0) CHECK(drawn[i - 1] < drawn[i]);
      }
    }
  }
  CHECK(draw_positions(5, 7, 1000) != draw_positions(6, 7, 1000));
  // Every position comes up: 400 draws of one in eight leave none out.
  std::vector<int> hits(8);
  for (std::uint64_t seed = 0; seed < 400; ++seed) ++hits[draw_positions(seed, 1, 8)[0]];
  for (const int hit : hits) CHECK((hit > 20 && hit < 90));

  const World world(3);
  std::vector<Record> changed = world.records;
  changed[13].radius = kInfinityBits;
  Claim claim = world.claim;
  fill_in(claim, changed);
  int found = 0;
  for (std::uint64_t seed = 0; seed < 40; ++seed) {
    const std::vector<std::uint64_t> drawn = draw_positions(seed, 10, World::kCount);
    const bool hit = std::find(drawn.begin(), drawn.end(), 13U) != drawn.end();
    found += hit ? 1 : 0;
    const std::string verdict = world.verdict(claim, records_bytes(changed), true, [&](SampleRequest& r) {
      r.audit = 10;
      r.seed = seed;
    });
    CHECK(verdict == (hit ? "rejected" : "accepted"));
  }
  CHECK(found > 3);

  SampleRequest request;
  write_file(world.folder / "records", records_bytes(world.records));
  request.records = world.folder / "records";
  request.data = world.folder / "images.idx";
  request.labels = world.folder / "labels.idx";
  request.audit = 10;
  request.seed = 3;
  const SampleReport report =
      check_samples(parse_sample_claim(Json::parse(world.claim.dump(), "claim"), 3), world.bounds, {1, 6}, world.evaluation(), no_local, request);
  CHECK(report.passed());
  CHECK(report.rechecked == 10);
  REQUIRE(report.proofs.size() == 10);
  for (std::size_t i = 0; i < 10; ++i) {
    CHECK(report.proof_leaves[i] == world.records[report.proofs[i].index].bytes());
    CHECK(hex(root_of_proof(report.proofs[i], World::kCount, report.proof_leaves[i])) ==
          world.claim["records"]["merkleRoot"].get<std::string>());
  }
}

TEST_CASE("the rule: exact comparisons at the edge") {
  LipschitzBounds bounds;
  bounds.outputs = 3;
  bounds.pairs = {Rational(0), Rational(2), Rational(1, 3)};  // L01 = 0, L02 = 2, L12 = 1/3
  const RadiusRule rule(bounds);
  const auto bits = [](double d) { return std::bit_cast<std::uint64_t>(d); };
  EnclosedOutput f{-2,
                   {Integer(40), Integer(8), Integer(20)},
                   {Integer(41), Integer(12), Integer(24)}};  // f0 in [10, 10.25], f1 in [2, 3], f2 in [5, 6]
  Record record{0, 0, 0, bits(4.0), bits(2.0)};
  CHECK(!rule.check(record, f));  // margins 7 and 4; 4 >= 2 * 2
  record.radius = bits(2.0) + 1;
  CHECK(rule.check(record, f)->what == "radius against class 2");
  record = {0, 0, 0, bits(4.0) + 1, bits(2.0)};
  CHECK(rule.check(record, f)->what == "margin over class 2");
  record = {0, 1, 0, 0, 0};
  CHECK(rule.check(record, f)->what == "predicted class");
  record = {0, 0, 0, bits(4.0), kInfinityBits};
  CHECK(rule.check(record, f).has_value());
  // Equal outputs decide nothing, at any eps.
  EnclosedOutput equal{0, {Integer(5), Integer(5), Integer(1)}, {Integer(5), Integer(5), Integer(1)}};
  record = {0, 0, 0, 0, 0};
  CHECK(rule.check(record, equal)->what == "predicted class");
  // Constants that are 0: an infinite radius follows.
  bounds.pairs = {Rational(0), Rational(0), Rational(1)};
  record = {0, 0, 0, bits(4.0), kInfinityBits};
  CHECK(!RadiusRule(bounds).check(record, f));
  // Third of a third: 1/3 has no double, the comparison is exact all the same.
  bounds.pairs = {Rational(1, 3), Rational(1, 3), Rational(1)};
  record = {0, 0, 0, bits(4.0), bits(12.0)};
  CHECK(!RadiusRule(bounds).check(record, f));
  record.radius += 1;
  CHECK(RadiusRule(bounds).check(record, f).has_value());
  // One output, both signs.
  LipschitzBounds one;
  one.outputs = 1;
  one.global = Rational(2);
  const RadiusRule single(one);
  const EnclosedOutput below{0, {Integer(-6)}, {Integer(-4)}};
  CHECK(!single.check({0, 0, 0, bits(4.0), bits(2.0)}, below));
  CHECK(single.check({0, 0, 0, bits(4.0), bits(2.0) + 1}, below).has_value());
  CHECK(single.check({0, 1, 0, 0, 0}, below).has_value());
  const EnclosedOutput open{0, {Integer(-1)}, {Integer(1)}};
  CHECK(single.check({0, 0, 0, 0, 0}, open).has_value());
  CHECK(single.check({0, 1, 0, 0, 0}, open).has_value());
  CHECK(!single.check({0, kNone, 0, 0, 0}, open));
}

TEST_CASE("eps is compared exactly") {
  CHECK(floor_bits(Rational(0)) == 0);
  CHECK(std::bit_cast<double>(floor_bits(Rational(3, 10))) == 0.3);  // the double 0.3 lies below 3/10
  CHECK(floor_bits(Rational(3, 10)) == bits_below(Rational(3, 10)));
  CHECK(floor_bits(Rational(1, 4)) == std::bit_cast<std::uint64_t>(0.25));
  CHECK(floor_bits(Rational(Integer(1), boost::multiprecision::pow(Integer(10), 400))) == 0);
  CHECK(floor_bits(Rational(boost::multiprecision::pow(Integer(10), 400))) == kInfinityBits - 1);
}
