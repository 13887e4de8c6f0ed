// Keys and signatures: what the trusted key decides, and what an envelope must not be able to talk the checker into.
#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "tests/verifier/support.hpp"
#include "verifier/base/bytes.hpp"
#include "verifier/envelope/envelope.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/envelope/signature.hpp"

using namespace lipverify;
using verifier_test::Key;

namespace {

std::string from_hex(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 2) out.push_back(static_cast<char>(std::stoi(text.substr(i, 2), nullptr, 16)));
  return out;
}

/// PEM of an Ed25519 public key with these 32 bytes.
std::string ed25519_pem(const std::string& raw) {
  return "-----BEGIN PUBLIC KEY-----\n" + base64_encode(from_hex("302a300506032b6570032100") + raw) + "\n-----END PUBLIC KEY-----\n";
}

bool openssl_accepts(const std::string& raw, const std::string& message, const std::string& signature) {
  EVP_PKEY* key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, reinterpret_cast<const unsigned char*>(raw.data()), 32);
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const bool good = EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, key) == 1 &&
                    EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                                     reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  return good;
}

}  // namespace

TEST_CASE("both algorithms verify, and only with their own key and bytes") {
  for (const char* algorithm : {"p256", "ed25519"}) {
    const Key key(algorithm);
    const Key other(algorithm);
    const PublicKey trusted(key.public_pem());
    CHECK(trusted.algorithm() == (std::string(algorithm) == "p256" ? "ecdsa-p256-sha256" : "ed25519"));
    const std::string message = "a message";
    std::string signature = key.sign(message);
    CHECK(trusted.verifies(message, signature));
    CHECK_FALSE(trusted.verifies("a messagf", signature));
    CHECK_FALSE(PublicKey(other.public_pem()).verifies(message, signature));
    CHECK_FALSE(trusted.verifies(message, ""));
    CHECK_FALSE(trusted.verifies(message, signature + "x"));
    CHECK_FALSE(trusted.verifies(message, signature.substr(1)));
    for (std::size_t i = 0; i < signature.size(); ++i) {
      std::string changed = signature;
      changed[i] = static_cast<char>(changed[i] ^ 1);
      CHECK_FALSE(trusted.verifies(message, changed));
    }
  }
}

TEST_CASE("the fingerprint is OpenSSH's") {
  // ssh-keygen -l of the key of RFC 8032, section 7.1, test 1.
  const std::string raw = from_hex("d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a");
  const PublicKey key(ed25519_pem(raw));
  const std::string wire = from_hex("0000000b7373682d6564323535313900000020") + raw;
  Sha256 hash;
  hash.update(wire);
  std::string text = base64_encode(hash.raw_digest());
  text.pop_back();
  CHECK(key.fingerprint() == "SHA256:" + text);
  CHECK(PublicKey(Key("p256").public_pem()).fingerprint().size() == 50);
  // RFC 8032 test 1: pure Ed25519 of the empty message.
  const std::string signature = from_hex(
      "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b");
  CHECK(key.verifies("", signature));
}

TEST_CASE("small-order Ed25519 keys are refused, although OpenSSL accepts forgeries under them") {
  // Under the key that is the neutral element, (R, S) = (B, 1) verifies for every message: S B = R + h A with A = 0.
  const std::string neutral = from_hex("01" + std::string(62, '0'));
  const std::string base_point = from_hex("5866666666666666666666666666666666666666666666666666666666666666");
  const std::string forged = base_point + from_hex("01" + std::string(62, '0'));
  CHECK(openssl_accepts(neutral, "any message", forged));
  CHECK(openssl_accepts(neutral, "any other message", forged));
  for (const char* y : {"0100000000000000000000000000000000000000000000000000000000000000", "0000000000000000000000000000000000000000000000000000000000000000",
                        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"})
    for (const int sign : {0, 0x80}) {
      std::string raw = from_hex(y);
      raw[31] = static_cast<char>(raw[31] | sign);
      CHECK_THROWS_AS(PublicKey(ed25519_pem(raw)), Failure);
    }
}

TEST_CASE("other keys and other files are refused with the exit code for unreadable input") {
  const Key key;
  const auto refused = [](const std::string& pem) {
    try {
      const PublicKey ignored(pem);
      return false;
    } catch (const Failure& failure) {
      return failure.outcome() == Outcome::input;
    }
  };
  CHECK(refused(""));
  CHECK(refused("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n"));
  CHECK(refused(key.private_pem()));
  CHECK(refused(key.public_pem() + key.public_pem()));
  CHECK(refused(key.public_pem() + key.private_pem()));
  CHECK(refused(Key("p384").public_pem()));
  CHECK(refused(Key("rsa").public_pem()));
  CHECK(refused("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"));
}

TEST_CASE("pre-authentication encoding of DSSE") {
  CHECK(pre_authentication_encoding("hello") == "DSSEv1 28 application/vnd.in-toto+json 5 hello");
  CHECK(pre_authentication_encoding("") == "DSSEv1 28 application/vnd.in-toto+json 0 ");
}
