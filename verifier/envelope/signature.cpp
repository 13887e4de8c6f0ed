// See signature.hpp. SSH wire format: RFC 4253 section 6.6, RFC 5656, RFC 8709.
#include "verifier/envelope/signature.hpp"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <array>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"

namespace lipverify {

namespace {

constexpr const char* kRemedy = "; give the SPKI public key that lipcert keygen writes as KEY.pub.pem (openssl pkey -pubout)";

std::string ssh_string(std::string_view bytes) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(bytes.size() >> shift & 0xFF));
  out.append(bytes);
  return out;
}

/// y coordinates (little-endian, sign bit cleared) of the points of order 1, 2, 4 and 8 on edwards25519: y = 1; -1; 0; and the two roots
/// of order 8. Encodings with y >= p = 2^255 - 19 are not canonical and are refused as a whole, so that no other spelling exists.
bool small_order_or_not_canonical(std::string_view raw) {
  std::string y(raw);
  y[31] = static_cast<char>(y[31] & 0x7F);
  const std::string text = hex(y);
  static const std::array<std::string, 5> small = {
      "0100000000000000000000000000000000000000000000000000000000000000", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
      "0000000000000000000000000000000000000000000000000000000000000000", "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
      "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"};
  for (const std::string& bad : small)
    if (text == bad) return true;
  bool high = static_cast<unsigned char>(y[31]) == 0x7F;  // y >= 2^255 - 19: bytes 1 to 31 all ones, byte 0 at least 0xED
  for (std::size_t i = 1; i < 31; ++i) high = high && static_cast<unsigned char>(y[i]) == 0xFF;
  return high && static_cast<unsigned char>(y[0]) >= 0xED;
}

std::string coordinate(EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  std::string bytes(32, '\0');
  const bool ok = EVP_PKEY_get_bn_param(key, name, &number) == 1 &&
                  BN_bn2binpad(number, reinterpret_cast<unsigned char*>(bytes.data()), 32) == 32;
  BN_free(number);
  if (!ok) unreadable(std::string("the coordinates of the public key cannot be read") + kRemedy);
  return bytes;
}

std::size_t occurrences(const std::string& text, std::string_view part) {
  std::size_t n = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + part.size())) ++n;
  return n;
}

}  // namespace

PublicKey::PublicKey(const std::string& pem) {
  if (pem.find("PRIVATE KEY-----") != std::string::npos) unreadable(std::string("the key file holds a private key") + kRemedy);
  if (occurrences(pem, "-----BEGIN") != 1 || occurrences(pem, "-----BEGIN PUBLIC KEY-----") != 1)
    unreadable(std::string("the key file does not hold exactly one PEM public key") + kRemedy);
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = bio == nullptr ? nullptr : PEM_read_bio_PUBKEY(bio, nullptr, nullptr, nullptr);
  BIO_free(bio);
  ERR_clear_error();
  if (key == nullptr) unreadable(std::string("the public key cannot be decoded") + kRemedy);
  key_ = std::shared_ptr<void>(key, [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); });

  std::string wire;
  if (EVP_PKEY_is_a(key, "ED25519") == 1) {
    std::string raw(32, '\0');
    std::size_t size = raw.size();
    if (EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(raw.data()), &size) != 1 || size != 32)
      unreadable(std::string("the Ed25519 public key cannot be read") + kRemedy);
    if (small_order_or_not_canonical(raw))
      unreadable("the Ed25519 public key is of small order or not canonical: signatures under it prove nothing; make a new key pair");
    algorithm_ = "ed25519";
    wire = ssh_string("ssh-ed25519") + ssh_string(raw);
  } else if (EVP_PKEY_is_a(key, "EC") == 1) {
    std::array<char, 64> group{};
    std::size_t size = 0;
    if (EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) != 1 || std::string(group.data()) != "prime256v1")
      unreadable(std::string("the elliptic curve of the public key is not P-256") + kRemedy);
    EVP_PKEY_CTX* context = EVP_PKEY_CTX_new_from_pkey(nullptr, key, nullptr);
    const bool valid = context != nullptr && EVP_PKEY_public_check(context) == 1;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    if (!valid) unreadable(std::string("the public key is not a point of P-256") + kRemedy);
    algorithm_ = "ecdsa-p256-sha256";
    const std::string point = "\x04" + coordinate(key, OSSL_PKEY_PARAM_EC_PUB_X) + coordinate(key, OSSL_PKEY_PARAM_EC_PUB_Y);
    wire = ssh_string("ecdsa-sha2-nistp256") + ssh_string("nistp256") + ssh_string(point);
  } else {
    unreadable(std::string("the public key is neither ECDSA P-256 nor Ed25519") + kRemedy);
  }
  Sha256 hash;
  hash.update(wire);
  std::string text = base64_encode(hash.raw_digest());
  while (!text.empty() && text.back() == '=') text.pop_back();
  fingerprint_ = "SHA256:" + text;
  hint_ = sha256_hex(pem);
}

bool PublicKey::verifies(std::string_view message, std::string_view signature) const {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  const EVP_MD* digest = algorithm_ == "ed25519" ? nullptr : EVP_sha256();  // Ed25519 is pure: it hashes by itself
  const bool good = context != nullptr &&
                    EVP_DigestVerifyInit(context, nullptr, digest, nullptr, static_cast<EVP_PKEY*>(key_.get())) == 1 &&
                    EVP_DigestVerify(context, reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                                     reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
  EVP_MD_CTX_free(context);
  ERR_clear_error();
  return good;
}

}  // namespace lipverify
