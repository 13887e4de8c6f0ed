// The only place of the checker that sees a private key (see vsa.hpp): it signs what this checker says, never a certificate.
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "verifier/base/failure.hpp"
#include "verifier/envelope/signature.hpp"
#include "verifier/outputs/vsa.hpp"

namespace lipverify {

namespace {

constexpr const char* kRemedy =
    "; give a PKCS#8 PEM file with an ECDSA P-256 or Ed25519 key, as lipcert keygen writes it, and the passphrase of an encrypted one in "
    "LIPVERIFY_PASSPHRASE";

int passphrase_of(char* buffer, int size, int /*writing*/, void* text) {
  const auto& passphrase = *static_cast<const std::string*>(text);
  if (passphrase.empty() || passphrase.size() > static_cast<std::size_t>(size)) return -1;
  std::copy(passphrase.begin(), passphrase.end(), buffer);
  return static_cast<int>(passphrase.size());
}

}  // namespace

VsaKey::VsaKey(const std::string& pem, const std::string& passphrase) {
  if (pem.find("-----BEGIN PRIVATE KEY-----") == std::string::npos &&
      pem.find("-----BEGIN ENCRYPTED PRIVATE KEY-----") == std::string::npos)
    unreadable(std::string("the key of --vsa-key is not a PKCS#8 private key") + kRemedy);
  BIO* bio = BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()));
  EVP_PKEY* key = bio == nullptr ? nullptr : PEM_read_bio_PrivateKey(bio, nullptr, passphrase_of, const_cast<std::string*>(&passphrase));
  BIO_free(bio);
  ERR_clear_error();
  if (key == nullptr) unreadable(std::string("the key of --vsa-key cannot be decoded, or its passphrase is wrong or missing") + kRemedy);
  key_ = std::shared_ptr<void>(key, [](void* p) { EVP_PKEY_free(static_cast<EVP_PKEY*>(p)); });
  hashes_itself_ = EVP_PKEY_is_a(key, "ED25519") == 1;

  BIO* out = BIO_new(BIO_s_mem());
  if (out != nullptr && PEM_write_bio_PUBKEY(out, key) == 1) {
    char* text = nullptr;
    const long size = BIO_get_mem_data(out, &text);
    public_pem_.assign(text, static_cast<std::size_t>(size));
  }
  BIO_free(out);
  ERR_clear_error();
  const PublicKey checked(public_pem_);  // the algorithms, curves and points that a reader of the summary will accept
}

std::string VsaKey::sign(const std::string& message) const {
  auto* key = static_cast<EVP_PKEY*>(key_.get());
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  std::string signature(256, '\0');
  std::size_t size = signature.size();
  const bool good = context != nullptr &&
                    EVP_DigestSignInit(context, nullptr, hashes_itself_ ? nullptr : EVP_sha256(), nullptr, key) == 1 &&
                    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                                   reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
  EVP_MD_CTX_free(context);
  ERR_clear_error();
  if (!good) exhausted("OpenSSL refused to sign the verification summary; check the key of --vsa-key and the installation of libcrypto");
  signature.resize(size);
  return signature;
}

}  // namespace lipverify
