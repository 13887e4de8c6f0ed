// What the tests of the gate share: policies as JSON, and reading them.
#pragma once

#include <doctest/doctest.h>

#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "tests/verifier/support.hpp"
#include "verifier/policy/policy.hpp"

namespace gate_test {

using Tree = nlohmann::ordered_json;

inline std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline Tree vectors(const std::string& name) {
  return Tree::parse(file_text(std::string(LIPCERT_SOURCE_DIR) + "/tests/vectors/policies/" + name));
}

/// A policy that trusts one key and demands nothing else.
inline Tree policy_of(const verifier_test::Key& key, const std::string& name = "Model team") {
  return {{"formatVersion", 1}, {"issuers", Tree::array({{{"name", name}, {"publicKey", key.public_pem()}}})}};
}

inline lipverify::Policy read(const Tree& policy) {
  return lipverify::read_policy({"gate.json", policy.dump()});
}

/// The sentence with which a policy is refused; empty: it is taken. Whatever is refused is a fault of an input.
inline std::string refusal(const lipverify::Document& document) {
  try {
    (void)lipverify::read_policy(document);
    return "";
  } catch (const lipverify::Failure& failure) {
    CHECK(failure.outcome() == lipverify::Outcome::input);
    return failure.what();
  }
}

inline bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace gate_test
