// What the checker's tests share: keys, a small certificate writer, and a temporary folder. Floating point is allowed here; nothing of
// formats/ or certify/ is used, so that the checker is tested against the specification and not against the generator.
//
// The writer puts the *tightest* numbers into a certificate that the evidence proves: one unit in the last place on the wrong side is then false
// or unproved, and a test can ask for its rejection.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "verifier/verdict/blocks.hpp"
#include "verifier/lipverify.hpp"
#include "verifier/verdict/verify.hpp"

namespace verifier_test {

using Json = nlohmann::ordered_json;
using lipverify::Rational;

/// A folder of its own, removed at the end.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string write(const std::string& name, const std::string& bytes) const;
  [[nodiscard]] std::string path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

/// A key pair made by OpenSSL.
class Key {
 public:
  explicit Key(const std::string& algorithm = "p256");  // or "ed25519", "p384", "rsa"
  [[nodiscard]] const std::string& public_pem() const { return public_pem_; }
  [[nodiscard]] const std::string& private_pem() const { return private_pem_; }
  [[nodiscard]] std::string sign(const std::string& message) const;

 private:
  std::shared_ptr<void> key_;
  std::string public_pem_, private_pem_;
  bool pure_ = false;
};

/// Nearest binary64 on the given side of an exact number, its canonical text, and a rigorous number object.
double double_above(const Rational& value);
double double_below(const Rational& value);
std::string hex_float(double value);
Json upper_number(double value);
Json lower_number(double value);
Json vector_json(const lipverify::IntegerVector& vector);
std::string base64(const std::string& bytes);

/// Evidence for the norm of a matrix, found by Eigen's singular values.
lipverify::GramEvidence gram_evidence(const lipverify::EnclosedMatrix& a);

struct BlockPlan {
  std::string op;
  std::vector<std::size_t> nodes;
};

struct Plan {
  std::vector<BlockPlan> blocks;
  bool pairs = false;
  bool pair_rows = true;
  std::vector<std::int32_t> point, direction;  // of the lower end; empty: zero
  int point_exponent = -4;
};

/// The statement of a model with tight numbers.
Json statement(const std::string& model, const Plan& plan, const std::string& model_name = "model.onnx");

/// The bundle of a payload, signed.
Json bundle(const std::string& payload, const Key& key);

/// Runs the checker on files made of these bytes.
lipverify::Report verify(const std::string& certificate, const std::string& model, const std::string& public_pem,
                         const std::string& time = "2026-01-01T00:00:00Z");

/// Networks of the tests (ONNX bytes with their plans).
struct Example {
  std::string name, model;
  Plan plan;
};
std::vector<Example> examples();
Example digits_like();  // 6 - 5 - 4 - 3 with ReLU, Flatten, a Sub and a Div in front, pairs: the network of the mutation tests

}  // namespace verifier_test
