// The statement byte for byte: a small network and an analysis with every kind of evidence, against text written by hand from
// formats/SPEC.md.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "certify/certificate/statement.hpp"
#include "formats/encoding/error.hpp"
#include "formats/network/graph_digest.hpp"
#include "formats/encoding/json.hpp"

using namespace lipcert;

namespace {

/// in [n, 2] -> Relu -> r; the blocks of the analysis below need not fit it: a statement writes what it is given.
Network network() {
  Network net;
  net.opset = 13;
  Value input;
  input.kind = Value::Kind::input;
  input.name = "in";
  input.shape = {1, 2};
  Value output;
  output.name = "r";
  output.shape = {1, 2};
  net.values = {input, output};
  Node node;
  node.op = Operator::relu;
  node.inputs = {0};
  node.outputs = {1};
  net.nodes = {node};
  net.output = 1;
  net.symbolic = {0};
  net.external_files = {{"w.bin", 16, std::string(64, 'e')}};
  return net;
}

Block block(const std::string& id, BlockOperator op, std::vector<std::size_t> nodes, const std::string& input, const std::string& theorem,
            double upper, double lower) {
  Block out;
  out.id = id;
  out.op = op;
  out.nodes = std::move(nodes);
  out.inputs = {input};
  out.theorem = theorem;
  out.upper = upper;
  out.lower = lower;
  return out;
}

Analysis analysis() {
  Analysis out;
  out.partition.blocks = {
      block("i", BlockOperator::isometry, {0, 1}, "", "isometry", 1, 1),
      block("s", BlockOperator::scale, {2}, "i", "diagonal-max", 0.5, 0.5),
      block("d", BlockOperator::dense, {3, 4}, "s", "dense-gram-psd", 3, 2.5),
      block("a", BlockOperator::activation, {6}, "d", "elementwise-slope", 0.25, 0.25),
      block("z", BlockOperator::dense, {7}, "a", "zero-operator", 0, 0),
  };
  out.partition.blocks[1].diagonal_index = 1;
  out.partition.blocks[2].gram = GramEvidence{false, 40, 38, "123456789012345678901234567890"};
  out.partition.blocks[2].witness = IntegerVector{-24, {1, -1}};
  out.partition.constant_nodes = {5};
  out.upper = 0.1;  // not a decimal: its 17 digits must be rounded outward
  out.lower = 0.1;
  out.point = IntegerVector{3, {0, 16909060}};
  out.direction = IntegerVector{-5, {-2147483647 - 1}};
  out.classes = 2;
  out.pairs_by_rows = true;
  out.pairs = {0.75};
  return out;
}

std::string make(const Analysis& numbers) {
  Generator generator{"1.2.3", "abc", "b1", {{"one", "1"}, {"two", "2"}}, "kernel"};
  Issuance issuance;
  issuance.issuer = "a \"quoted\" \xc3\xa9";
  issuance.issued_at = 1700000000;
  issuance.not_after = 2000000000;
  issuance.requirements = {"R1", "R2"};
  AnalysisOptions settings;
  settings.seed = 9;
  settings.region_samples = 7;
  settings.threads = 5;  // must not show
  return statement(network(), numbers, {"m.onnx", 1234, std::string(64, 'f')}, settings, generator, issuance);
}

bool holds(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("head, claims, model, semantics") {
  const std::string text = make(analysis());
  const std::string head =
      R"({"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"m.onnx","digest":{"sha256":")" + std::string(64, 'f') +
      R"("}}],"predicateType":"https://lipcert.github.io/attestation/lipschitz-certificate/v1","predicate":{"formatVersion":1,"claims":[)"
      R"({"id":"lipschitz-global","kind":"global-lipschitz","formula":"for all x, y in R^(1 x 2): ||f(x) - f(y)||_2 <= L ||x - y||_2",)"
      R"("upper":{"exact":"0x1.999999999999ap-4","decimal":"0.10000000000000001"},"lower":{"exact":"0x1.999999999999ap-4","decimal":"0.1"},)"
      R"("evidence":{"theorem":"graph-propagation"},"lowerEvidence":{"theorem":"directional-derivative",)"
      R"("point":{"exponent":3,"count":2,"int32":"AAAAAAQDAgE="},"direction":{"exponent":-5,"count":1,"int32":"AAAAgA=="}}},)"
      R"({"id":"lipschitz-pairs","kind":"pair-lipschitz",)"
      R"("formula":"for all i < j and all x, y in R^(1 x 2): |(f_i - f_j)(x) - (f_i - f_j)(y)| <= L_ij ||x - y||_2",)"
      R"("classes":2,"upper":{"exact":["0x1.8p-1"],"decimal":["0.75"]},"evidence":{"theorem":"pair-row-difference"}}],)"
      R"("model":{"format":"onnx","bytes":1234,"graphDigest":")" +
      graph_digest(network()) + R"(","externalFiles":[{"name":"w.bin","bytes":16,"sha256":")" + std::string(64, 'e') +
      R"("}],"input":{"name":"in","shape":[1,2],"symbolic":[0]},"output":{"name":"r","shape":[1,2]}},)"
      R"("semantics":{"arithmetic":"real","inputNorm":"l2","outputNorm":"l2","domain":"all","units":"graph input"},"notCovered":[")";
  CHECK(text.substr(0, head.size()) == head);
}

TEST_CASE("blocks with every kind of evidence") {
  const std::string method = R"("method":{"theorem":")";
  const std::string kind = R"(","class":"incomplete, deterministic, model-aware"},)";
  const std::string one = R"({"exact":"0x1p+0","decimal":"1"})";
  const std::string blocks =
      R"("blocks":[{"id":"i","operator":"isometry","nodes":[0,1],"inputs":[""],)" + method + "isometry" + kind + R"("upper":)" + one +
      R"(,"lower":)" + one + R"(,"evidence":{},"lowerEvidence":{"theorem":"attained"}},)" +
      R"({"id":"s","operator":"scale","nodes":[2],"inputs":["i"],)" + method + "diagonal-max" + kind +
      R"("upper":{"exact":"0x1p-1","decimal":"0.5"},"lower":{"exact":"0x1p-1","decimal":"0.5"},"evidence":{},)" +
      R"("lowerEvidence":{"theorem":"diagonal-entry","index":1}},)" + R"({"id":"d","operator":"dense","nodes":[3,4],"inputs":["s"],)" +
      method + "dense-gram-psd" + kind + R"("upper":{"exact":"0x1.8p+1","decimal":"3"},"lower":{"exact":"0x1.4p+1","decimal":"2.5"},)" +
      R"("evidence":{"side":"AAt","sA":40,"sR":38,"C2":"123456789012345678901234567890"},)" +
      R"("lowerEvidence":{"theorem":"operator-witness","vector":{"exponent":-24,"count":2,"int32":"AQAAAP////8="}}},)" +
      R"({"id":"a","operator":"activation","nodes":[6],"inputs":["d"],)" + method + "elementwise-slope" + kind +
      R"("upper":{"exact":"0x1p-2","decimal":"0.25"},"lower":{"exact":"0x1p-2","decimal":"0.25"},"evidence":{},)" +
      R"("lowerEvidence":{"theorem":"attained"}},)" + R"({"id":"z","operator":"dense","nodes":[7],"inputs":["a"],)" + method +
      "zero-operator" + kind + R"("upper":{"exact":"0x0p+0","decimal":"0"},"lower":{"exact":"0x0p+0","decimal":"0"},"evidence":{},)" +
      R"("lowerEvidence":{"theorem":"zero"}}],"constantNodes":[5],"assumptions":[{"id":")";
  CHECK(holds(make(analysis()), blocks));
}

TEST_CASE("tail: generator, settings, issuance") {
  const std::string text = make(analysis());
  const std::string tail =
      R"("generator":{"name":"lipcert","version":"1.2.3","commit":"abc","binarySha256":"b1","libraries":{"one":"1","two":"2"},)"
      R"("cpuKernel":"kernel"},"settings":{"seed":9,"regionSamples":7},"issuance":{"issuer":"a \"quoted\" )"
      "\xc3\xa9"
      R"(","issuedAt":"2023-11-14T22:13:20Z","notAfter":"2033-05-18T03:33:20Z","requirements":["R1","R2"]}}})";
  REQUIRE(text.size() > tail.size());
  CHECK(text.substr(text.size() - tail.size()) == tail);
  CHECK_NOTHROW(static_cast<void>(parse_json(text, "payload")));
}

TEST_CASE("variants") {
  Analysis numbers = analysis();
  numbers.point.reset();
  numbers.direction.reset();
  numbers.lower = 0;
  numbers.classes = 0;
  numbers.pairs.clear();
  numbers.partition.blocks[2].gram->at_a = true;
  numbers.partition.blocks[2].witness.reset();
  numbers.partition.blocks[2].lower = 0;
  const std::string text = make(numbers);
  CHECK(holds(
      text,
      R"("lower":{"exact":"0x0p+0","decimal":"0"},"evidence":{"theorem":"graph-propagation"},"lowerEvidence":{"theorem":"zero"}}],)"));
  CHECK_FALSE(holds(text, "pair-lipschitz"));
  CHECK(holds(text, R"("evidence":{"side":"AtA",)"));
  CHECK(holds(text, R"("sR":38,"C2":"123456789012345678901234567890"},"lowerEvidence":{"theorem":"zero"}})"));
  numbers.classes = 2;
  numbers.pairs = {0.75};
  numbers.pairs_by_rows = false;
  CHECK(holds(make(numbers), R"("evidence":{"theorem":"pair-sqrt2"})"));
}

TEST_CASE("a number that is not finite never becomes a claim") {
  for (const double bad : {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    for (const int where : {0, 1, 2, 3}) {
      Analysis numbers = analysis();
      (where == 0 ? numbers.upper : where == 1 ? numbers.lower : where == 2 ? numbers.partition.blocks[2].upper : numbers.pairs[0]) = bad;
      CHECK_THROWS_AS(static_cast<void>(make(numbers)), Error);
    }
  }
}

TEST_CASE("times") {
  CHECK(format_time(0) == "1970-01-01T00:00:00Z");
  CHECK(format_time(951782400) == "2000-02-29T00:00:00Z");
  CHECK(format_time(253402300799) == "9999-12-31T23:59:59Z");
  CHECK_THROWS_AS(static_cast<void>(format_time(-1)), Error);
  CHECK_THROWS_AS(static_cast<void>(format_time(253402300800)), Error);
  for (const std::int64_t time : {std::int64_t{0}, std::int64_t{951782400}, std::int64_t{1700000000}, std::int64_t{253402300799}}) {
    CHECK(parse_time(format_time(time), "t") == time);
  }
  for (const char* bad :
       {"", "x", "2030-1-1T00:00:00Z", "2030-02-30T00:00:00Z", "2030-01-01T24:00:00Z", "2030-01-01T00:00:60Z", "1969-12-31T23:59:59Z",
        "2030-01-01T00:00:00", "2030-01-01T00:00:00Zx", " 2030-01-01T00:00:00Z", "12030-01-01T00:00:00Z"}) {
    CHECK_THROWS_AS(static_cast<void>(parse_time(bad, "t")), Error);
  }
  ::setenv("SOURCE_DATE_EPOCH", "1700000000", 1);
  CHECK(issue_time() == 1700000000);
  for (const char* bad : {"", " 1", "-1", "1.0", "1e3", "253402300800", "99999999999999999999"}) {
    ::setenv("SOURCE_DATE_EPOCH", bad, 1);
    CHECK_THROWS_AS(static_cast<void>(issue_time()), Error);
  }
  ::unsetenv("SOURCE_DATE_EPOCH");
  CHECK(issue_time() > 1700000000);
}
