// See support.hpp.
#include "tests/verifier/support.hpp"

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include <Eigen/Core>
#include <atomic>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <map>
#include <random>
#include <stdexcept>

#include "tests/support/onnx_builder.hpp"
#include "verifier/hint/cholesky.hpp"
#include "verifier/hint/hints.hpp"
#include "verifier/base/bytes.hpp"
#include "verifier/envelope/envelope.hpp"
#include "tests/support/decompositions.hpp"

namespace verifier_test {

using namespace lipverify;
namespace mp = boost::multiprecision;
namespace ob = onnx_builder;

Folder::Folder() {
  std::string name = (std::filesystem::temp_directory_path() / "lipverify-test-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
  path_ = name;
}

Folder::~Folder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string Folder::write(const std::string& name, const std::string& bytes) const {
  std::ofstream file(path_ / name, std::ios::binary);
  file << bytes;
  if (!file.flush()) throw std::runtime_error("cannot write " + name);
  return path(name);
}

Key::Key(const std::string& algorithm) : pure_(algorithm == "ed25519") {
  EVP_PKEY* key = algorithm == "ed25519" ? EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519")
                  : algorithm == "rsa"   ? EVP_RSA_gen(2048)
                                         : EVP_EC_gen(algorithm == "p384" ? "P-384" : "P-256");
  if (key == nullptr) throw std::runtime_error("no key");
  key_ = std::shared_ptr<void>(key, [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); });
  const auto text = [](auto write) {
    BIO* bio = BIO_new(BIO_s_mem());
    write(bio);
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    std::string out(data, static_cast<std::size_t>(size));
    BIO_free(bio);
    return out;
  };
  public_pem_ = text([&](BIO* bio) { PEM_write_bio_PUBKEY(bio, key); });
  private_pem_ = text([&](BIO* bio) { PEM_write_bio_PrivateKey(bio, key, nullptr, nullptr, 0, nullptr, nullptr); });
}

std::string Key::sign(const std::string& message) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::size_t size = 0;
  const auto* data = reinterpret_cast<const unsigned char*>(message.data());
  std::string out;
  if (EVP_DigestSignInit(context, nullptr, pure_ ? nullptr : EVP_sha256(), nullptr, static_cast<EVP_PKEY*>(key_.get())) == 1 &&
      EVP_DigestSign(context, nullptr, &size, data, message.size()) == 1) {
    out.resize(size);
    if (EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size, data, message.size()) != 1) size = 0;
    out.resize(size);
  }
  EVP_MD_CTX_free(context);
  if (out.empty()) throw std::runtime_error("no signature");
  return out;
}

static double to_double(const Rational& value, bool up) {
  if (value == 0) return 0;
  const bool negative = value < 0;
  const Rational magnitude = negative ? Rational(-value) : value;
  const bool away = up != negative;
  int exponent = static_cast<int>(mp::msb(mp::numerator(magnitude))) - static_cast<int>(mp::msb(mp::denominator(magnitude))) - 54;
  exponent = std::max(exponent, -1074);
  for (;; ++exponent) {  // the smallest exponent with a mantissa below 2^53
    const Rational shifted = magnitude / scaled(Integer(1), exponent);
    Integer mantissa = mp::numerator(shifted) / mp::denominator(shifted);
    if (away && Rational(mantissa) != shifted) mantissa += 1;
    if (mantissa > (Integer(1) << 53)) continue;
    const double result = std::ldexp(static_cast<double>(mantissa), exponent);
    return negative ? -result : result;
  }
}

double double_above(const Rational& value) { return to_double(value, true); }
double double_below(const Rational& value) { return to_double(value, false); }

std::string hex_float(double value) {
  if (value == 0) return "0x0p+0";
  char text[64];
  std::snprintf(text, sizeof text, "%a", value);
  return text;
}

static Json number(double value, Toward direction) {
  const std::string exact = hex_float(value);
  return {{"exact", exact}, {"decimal", decimal_text(parse_exact(exact, "number"), direction)}};
}
Json upper_number(double value) { return number(value, Toward::above); }
Json lower_number(double value) { return number(value, Toward::below); }

std::string base64(const std::string& bytes) { return base64_encode(bytes); }

Json vector_json(const IntegerVector& vector) {
  std::string bytes;
  for (const std::int32_t m : vector.mantissas)
    for (int k = 0; k < 4; ++k) bytes.push_back(static_cast<char>(static_cast<std::uint32_t>(m) >> (8 * k) & 0xFF));
  return {{"exponent", vector.exponent}, {"count", vector.mantissas.size()}, {"int32", base64(bytes)}};
}

namespace {

Eigen::MatrixXd dense(const EnclosedMatrix& a) {
  Eigen::MatrixXd out(static_cast<Eigen::Index>(a.rows), static_cast<Eigen::Index>(a.columns));
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t j = 0; j < a.columns; ++j)
      out(static_cast<Eigen::Index>(i), static_cast<Eigen::Index>(j)) =
          std::ldexp(static_cast<double>(a.centre[i * a.columns + j].mantissa), a.centre[i * a.columns + j].exponent);
  return out;
}

IntegerVector top_singular_vector(const EnclosedMatrix& a) {
  const Eigen::MatrixXd m = dense(a);
  const decompositions::Svd svd = decompositions::thin_svd(m / m.cwiseAbs().maxCoeff());
  IntegerVector v;
  v.exponent = -24;
  for (Eigen::Index j = 0; j < m.cols(); ++j) v.mantissas.push_back(static_cast<std::int32_t>(std::lrint(std::ldexp(svd.v(j, 0), 24))));
  return v;
}

}  // namespace

GramEvidence gram_evidence(const EnclosedMatrix& a) {
  GramEvidence out;
  out.at_a = a.columns <= a.rows;
  const Eigen::MatrixXd m = dense(a);
  const double largest = m.cwiseAbs().maxCoeff();
  int top = 0;
  std::frexp(largest, &top);
  const Eigen::MatrixXd unit = m.unaryExpr([top](double x) { return std::ldexp(x, -top); });  // 2^-top alone may overflow
  const double sigma = decompositions::largest_singular_value(unit);  // of A 2^-top, between 1/2 and sqrt(m n)
  int size = 0;
  std::frexp(sigma, &size);
  out.sA = std::min(51, 60 - size) - top;  // |Ah| <= 2^51, C2 < 2^122
  out.sR = std::min(out.sA, 51 - size - top);
  const double c2 = sigma * sigma * (1 + std::ldexp(1.0, -42));
  out.C2 = Integer(static_cast<Int128>(std::ldexp(c2, 2 * (out.sA + top))));
  return out;
}

Json statement(const std::string& model, const Plan& plan, const std::string& model_name) {
  std::vector<ExternalFile> external;
  const Graph graph = read_onnx(model, {}, external);
  const Engine engine;
  Evaluator evaluator(graph, engine);
  const auto shape = [](const Shape& dims) {
    Json out = Json::array();
    for (const std::uint64_t d : dims) out.push_back(d);
    return out;
  };

  Json blocks = Json::array();
  Rational product = 1;
  Rational before = 1;
  LinearPart last;
  std::string previous;
  for (const BlockPlan& item : plan.blocks) {
    const std::string id = graph.values[graph.nodes[item.nodes.back()].outputs[0]].name;
    Json block = {{"id", id}, {"operator", item.op}, {"nodes", item.nodes}, {"inputs", {previous}}};
    Json evidence = Json::object();
    Json lower = {{"theorem", "attained"}};
    std::string theorem;
    double upper_value = 1;
    double lower_value = 1;
    last = LinearPart();
    if (item.op == "activation") {
      theorem = "elementwise-slope";
      const Node& node = graph.nodes[item.nodes[0]];
      if (node.op == Op::sigmoid) upper_value = 0.25;
      if (node.op == Op::leaky_relu)
        upper_value = std::max(1.0, std::fabs(double_above(rational_of(dyadic_of_binary32(node.attributes.at("alpha").real)))));
      lower_value = upper_value;
    } else {
      last = linear_part(graph, evaluator, item.nodes, engine);
      if (item.op == "isometry") {
        theorem = "isometry";
      } else if (item.op == "scale") {
        theorem = "diagonal-max";
        Rational best = 0;
        for (std::size_t i = 0; i < last.diagonal->size(); ++i) {
          const Interval size = absolute((*last.diagonal)[i]);
          if (upper_end(size) > best) {
            best = upper_end(size);
            lower = {{"theorem", "diagonal-entry"}, {"index", i}};
            lower_value = double_below(lower_end(size));
          }
        }
        upper_value = double_above(best);
      } else {
        bool zero = last.matrix->radius == 0;
        for (const Dyadic& entry : last.matrix->centre) zero = zero && entry.mantissa == 0;
        if (zero) {
          theorem = "zero-operator";
          lower = {{"theorem", "zero"}};
          upper_value = lower_value = 0;
        } else {
          theorem = "dense-gram-psd";
          const GramEvidence gram = gram_evidence(*last.matrix);
          evidence = {{"side", gram.at_a ? "AtA" : "AAt"}, {"sA", gram.sA}, {"sR", gram.sR}, {"C2", gram.C2.str()}};
          upper_value = double_above(gram_psd_bound(*last.matrix, gram, cholesky_hint, engine));
          const IntegerVector v = top_singular_vector(*last.matrix);
          const Shape& in = graph.values[evaluator.data_input(item.nodes.front())].shape;
          IntervalTensor x(element_count(in));
          const IntervalTensor entries = intervals_of(v);
          for (std::size_t j = 0; j < entries.size(); ++j) x[j * last.right] = entries[j];
          Operand current = operand_of(std::move(x), in);
          for (const std::size_t i : item.nodes) current = evaluator.apply(i, current, true);
          lower_value = double_below(sqrt_below(squared_norm_below(*current.computed) / squared_norm(v)));
          lower = {{"theorem", "operator-witness"}, {"vector", vector_json(v)}};
        }
      }
    }
    block["method"] = {{"theorem", theorem}, {"class", "incomplete, deterministic, model-aware"}};
    block["upper"] = upper_number(upper_value);
    block["lower"] = lower_number(lower_value);
    block["evidence"] = evidence;
    block["lowerEvidence"] = lower;
    blocks.push_back(block);
    before = product;
    product *= parse_exact(hex_float(upper_value), "upper");
    previous = id;
  }

  const std::string shape_text = text_of(graph.input().shape);
  Json lower_evidence = {{"theorem", "zero"}};
  double lower_value = 0;
  if (!plan.direction.empty()) {
    const IntegerVector x{plan.point_exponent, plan.point};
    const IntegerVector v{0, plan.direction};
    lower_value = double_below(sqrt_below(squared_norm_below(evaluator.directional_derivative(x, v)) / squared_norm(v)));
    lower_evidence = {{"theorem", "directional-derivative"}, {"point", vector_json(x)}, {"direction", vector_json(v)}};
  }
  const double upper_value = double_above(product);
  Json claims = Json::array();
  claims.push_back({{"id", "lipschitz-global"},
                    {"kind", "global-lipschitz"},
                    {"formula", "for all x, y in R^(" + shape_text + "): ||f(x) - f(y)||_2 <= L ||x - y||_2"},
                    {"upper", upper_number(upper_value)},
                    {"lower", lower_number(lower_value)},
                    {"evidence", {{"theorem", "graph-propagation"}}},
                    {"lowerEvidence", lower_evidence}});
  if (plan.pairs) {
    const std::size_t classes = element_count(graph.values[graph.output].shape);
    Json exact = Json::array();
    Json decimal = Json::array();
    const Rational by_network = 2 * square(parse_exact(hex_float(upper_value), "upper"));
    RowDistances rows;
    if (plan.pair_rows) rows = RowDistances(*last.matrix, engine);
    for (std::size_t i = 0; i < classes; ++i)
      for (std::size_t j = i + 1; j < classes; ++j) {
        Rational bound = sqrt_above(by_network);
        if (plan.pair_rows) bound = std::min(bound, Rational((sqrt_above(rows.squared(i, j)) + rows.error(i, j)) * before));
        const Json item = upper_number(double_above(bound));
        exact.push_back(item["exact"]);
        decimal.push_back(item["decimal"]);
      }
    claims.push_back({{"id", "lipschitz-pairs"},
                      {"kind", "pair-lipschitz"},
                      {"formula", "for all i < j and all x, y in R^(" + shape_text + "): |(f_i - f_j)(x) - (f_i - f_j)(y)| <= L_ij ||x - y||_2"},
                      {"classes", classes},
                      {"upper", {{"exact", exact}, {"decimal", decimal}}},
                      {"evidence", {{"theorem", plan.pair_rows ? "pair-row-difference" : "pair-sqrt2"}}}});
  }

  Json constant_nodes = Json::array();
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (graph.values[graph.nodes[i].outputs[0]].constant) constant_nodes.push_back(i);
  Json predicate;
  predicate["formatVersion"] = 1;
  predicate["claims"] = claims;
  predicate["model"] = {
      {"format", "onnx"},
      {"bytes", model.size()},
      {"graphDigest", graph_digest(graph)},
      {"externalFiles", Json::array()},
      {"input", {{"name", graph.input().name}, {"shape", shape(graph.input().shape)}, {"symbolic", shape(graph.symbolic)}}},
      {"output", {{"name", graph.values[graph.output].name}, {"shape", shape(graph.values[graph.output].shape)}}}};
  predicate["semantics"] = {{"arithmetic", "real"}, {"inputNorm", "l2"}, {"outputNorm", "l2"}, {"domain", "all"}, {"units", "graph input"}};
  predicate["notCovered"] = sentences_not_covered(false, false);
  predicate["blocks"] = blocks;
  predicate["constantNodes"] = constant_nodes;
  predicate["assumptions"] = Json::array();
  for (const Assumption& a : sentences_assumed()) predicate["assumptions"].push_back({{"id", a.id}, {"text", a.text}, {"dischargedBy", a.discharged_by}});
  predicate["generator"] = {{"name", "test-writer"}, {"version", "1"},        {"commit", "none"}, {"binarySha256", std::string(64, '0')},
                            {"libraries", {{"eigen", "3.4"}}}, {"cpuKernel", "any"}};
  predicate["settings"] = {{"seed", 1}, {"effort", "small"}};
  predicate["issuance"] = {{"issuer", "tests"}, {"issuedAt", "2025-01-01T00:00:00Z"}, {"notAfter", "2030-01-01T00:00:00Z"}, {"requirements", {"REQ-1"}}};
  return {{"_type", "https://in-toto.io/Statement/v1"},
          {"subject", Json::array({{{"name", model_name}, {"digest", {{"sha256", sha256_hex(model)}}}}})},
          {"predicateType", "https://lipcert.github.io/attestation/lipschitz-certificate/v1"},
          {"predicate", predicate}};
}

Json bundle(const std::string& payload, const Key& key) {
  const std::string fingerprint = PublicKey(key.public_pem()).fingerprint();
  return {{"mediaType", "application/vnd.dev.sigstore.bundle.v0.3+json"},
          {"verificationMaterial", {{"publicKey", {{"hint", sha256_hex(key.public_pem())}}}, {"tlogEntries", Json::array()}}},
          {"dsseEnvelope",
           {{"payload", base64(payload)},
            {"payloadType", "application/vnd.in-toto+json"},
            {"signatures", Json::array({{{"keyid", fingerprint}, {"sig", base64(key.sign(pre_authentication_encoding(payload)))}}})}}}};
}

Report verify(const std::string& certificate, const std::string& model, const std::string& public_pem, const std::string& time) {
  static const Folder folder;
  static std::atomic<unsigned> counter{0};
  const std::string number = std::to_string(counter++ % 64);
  Request request;
  request.certificate = folder.write("certificate" + number, certificate);
  request.models = {folder.write("model" + number, model)};
  request.public_key = folder.write("key" + number, public_pem);
  request.time = time;
  return lipverify::verify(request);
}

// ------------------------------------------------------------------------------------------------------------------------------ networks

namespace {

std::vector<float> weights(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> out(n);
  for (float& x : out) x = normal(random);
  return out;
}

std::vector<std::int32_t> integers(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<std::int32_t> out(n);
  for (std::int32_t& x : out) x = static_cast<std::int32_t>(random() % 129) - 64;
  return out;
}

}  // namespace

Example digits_like() {
  ob::Model model;
  model.input("x", {"batch", 2, 3}).output("y", {"batch", 3});
  model.initialiser(ob::floats("mean", {}, {0.5F})).initialiser(ob::floats("deviation", {}, {0.25F}));
  model.initialiser(ob::floats("W1", {5, 6}, weights(30, 1))).initialiser(ob::floats("b1", {5}, weights(5, 2)));
  model.initialiser(ob::floats("W2", {5, 4}, weights(20, 3))).initialiser(ob::floats("b2", {4}, weights(4, 4)));
  model.initialiser(ob::floats("W3", {3, 4}, weights(12, 5))).initialiser(ob::floats("b3", {3}, weights(3, 6)));
  model.node("Sub", {"x", "mean"}, {"centred"});
  model.node("Div", {"centred", "deviation"}, {"scaled"});
  model.node("Flatten", {"scaled"}, {"flat"});
  model.node("Constant", {}, {"unit"}, {ob::attribute("value_float", 1.0F)});
  model.node("Gemm", {"flat", "W1", "b1"}, {"z1"}, {ob::attribute("transB", 1)});
  model.node("Relu", {"z1"}, {"a1"});
  model.node("MatMul", {"a1", "W2"}, {"m2"});
  model.node("Add", {"m2", "b2"}, {"z2"});
  model.node("Relu", {"z2"}, {"a2"});
  model.node("Gemm", {"a2", "W3", "b3"}, {"y"}, {ob::attribute("transB", 1)});
  Example out{"digits-like", model.bytes(), {}};
  out.plan.blocks = {{"scale", {0, 1}}, {"isometry", {2}}, {"dense", {4}}, {"activation", {5}}, {"dense", {6, 7}}, {"activation", {8}}, {"dense", {9}}};
  out.plan.pairs = true;
  out.plan.point = integers(6, 7);
  out.plan.direction = integers(6, 8);
  return out;
}

std::vector<Example> examples() {
  std::vector<Example> out = {digits_like()};
  {  // everything folded into one block, smooth activations, sqrt(2) pairs
    ob::Model model(10);
    model.input("x", {1, 4}).output("y", {1, 3});
    model.initialiser(ob::floats("s", {4}, {2.0F, 0.5F, -1.0F, 3.0F})).initialiser(ob::floats("W1", {4, 6}, weights(24, 11)));
    model.initialiser(ob::floats("t", {1, 6}, weights(6, 12))).initialiser(ob::floats("W2", {6, 3}, weights(18, 13)));
    model.initialiser(ob::floats("b", {3}, weights(3, 14)));
    model.node("Mul", {"x", "s"}, {"x1"}).node("MatMul", {"x1", "W1"}, {"x2"}).node("Div", {"x2", "t"}, {"x3"});
    model.node("MatMul", {"x3", "W2"}, {"x4"}).node("Add", {"b", "x4"}, {"x5"}).node("Tanh", {"x5"}, {"x6"}).node("Sigmoid", {"x6"}, {"y"});
    Example e{"folded", model.bytes(), {}};
    e.plan.blocks = {{"dense", {0, 1, 2, 3, 4}}, {"activation", {5}}, {"activation", {6}}};
    e.plan.pairs = true;
    e.plan.pair_rows = false;
    e.plan.point = integers(4, 15);
    e.plan.direction = integers(4, 16);
    out.push_back(e);
  }
  {  // rows: I_3 (x) A, weights computed in the graph, a leaky slope above 1
    ob::Model model(12);
    model.input("x", {3, 2}).output("y", {3, 2});
    model.initialiser(ob::doubles("U", {2, 2}, {0.1, -0.3, 0.7, 1.1})).initialiser(ob::doubles("k", {}, {3.0}));
    model.initialiser(ob::doubles("W", {2, 2}, {1.5, 0.25, -2.0, 0.125}));
    model.inputs.clear();
    model.outputs.clear();
    model.input("x", {3, 2}, ob::DOUBLE).output("y", {3, 2}, ob::DOUBLE);
    model.node("Div", {"U", "k"}, {"V"}).node("MatMul", {"x", "V"}, {"z"}).node("LeakyRelu", {"z"}, {"a"}, {ob::attribute("alpha", -1.5F)});
    model.node("MatMul", {"a", "W"}, {"b"}).node("Abs", {"b"}, {"y"});
    Example e{"rows", model.bytes(), {}};
    e.plan.blocks = {{"dense", {1}}, {"activation", {2}}, {"dense", {3}}, {"activation", {4}}};
    e.plan.point = integers(6, 17);
    e.plan.direction = integers(6, 18);
    out.push_back(e);
  }
  {  // a matrix on the left, a zero matrix, bfloat16 and float16 weights
    ob::Model model;
    model.inputs.push_back(ob::value_info("x", ob::FLOAT16, {2, 3}));
    model.outputs.push_back(ob::value_info("y", ob::FLOAT16, {2, 3}));
    model.initialiser(ob::halves("L", ob::FLOAT16, {2, 2}, {0x3C00, 0xBC00, 0x3555, 0x0001}));
    model.initialiser(ob::halves("Z", ob::FLOAT16, {3, 3}, std::vector<std::uint16_t>(9, 0)));
    model.node("MatMul", {"L", "x"}, {"a"}).node("MatMul", {"a", "Z"}, {"y"});
    Example e{"left and zero", model.bytes(), {}};
    e.plan.blocks = {{"dense", {0}}, {"dense", {1}}};
    out.push_back(e);
  }
  return out;
}

}  // namespace verifier_test
