// A revocation list whose signature holds: the payload is signed here, so that what lies behind the signature is reached.
#include <openssl/evp.h>

#include <memory>

#include "formats/encoding/base64.hpp"
#include "tests/fuzz/support.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/envelope/envelope.hpp"
#include "verifier/policy/policy.hpp"

namespace {

constexpr const char* kType = "application/vnd.lipcert.revocation-list+json";
// The Ed25519 key whose private half is the bytes 1 to 32.
constexpr const char* kPolicy = R"({"formatVersion":1,"issuers":[{"name":"team","publicKey":"@"}],"revocationIssuers":[{"name":"office","publicKey":"@"}],"revocationList":"list.json"})";

struct Free {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

class Signer {
 public:
  Signer() {
    unsigned char secret[32];
    for (unsigned char k = 0; k < 32; ++k) secret[k] = static_cast<unsigned char>(k + 1);
    key_.reset(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, secret, sizeof secret));
    std::size_t length = 32;
    unsigned char open[32];
    if (!key_ || EVP_PKEY_get_raw_public_key(key_.get(), open, &length) != 1) fuzz::broken("OpenSSL makes no key");
    // SubjectPublicKeyInfo of Ed25519 is the same twelve bytes before every key (RFC 8410).
    const std::string info("\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00", 12);
    pem_ = "-----BEGIN PUBLIC KEY-----\\n" + lipcert::base64_encode(info + std::string(reinterpret_cast<const char*>(open), 32)) + "\\n-----END PUBLIC KEY-----\\n";
  }
  [[nodiscard]] std::string sign(const std::string& message) const {
    const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
    std::size_t length = 64;
    std::string signature(64, '\0');
    if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key_.get()) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &length, reinterpret_cast<const unsigned char*>(message.data()),
                       message.size()) != 1)
      fuzz::broken("OpenSSL does not sign");
    return signature;
  }
  [[nodiscard]] const std::string& pem() const { return pem_; }  // as JSON text

 private:
  std::unique_ptr<EVP_PKEY, Free> key_;
  std::string pem_;
};

/// Whether a list with this payload is read.
bool read(const std::string& payload) {
  static const fuzz::Folder folder;
  static const Signer signer;
  const std::string signature = signer.sign(lipverify::pre_authentication_encoding(payload, kType));
  folder.write("list.json", R"({"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{},"tlogEntries":[]},"dsseEnvelope":{"payload":")" +
                                lipcert::base64_encode(payload) + R"(","payloadType":")" + kType + R"(","signatures":[{"sig":")" + lipcert::base64_encode(signature) +
                                R"("}]}})");
  std::string policy = kPolicy;
  for (std::size_t at = policy.find('@'); at != std::string::npos; at = policy.find('@')) policy.replace(at, 1, signer.pem());
  try {
    const lipverify::Policy read = lipverify::read_policy({folder.path() + "/policy.json", policy});
    if (!read.list || read.list->signer != "office") fuzz::broken("a revocation list is read without its signer");
    (void)lipverify::explain(read);
    return true;
  } catch (const lipverify::Failure& failure) {
    if (failure.outcome() != lipverify::Outcome::input)
      fuzz::broken(std::string("a revocation list is refused with another exit code than 3: ") + failure.what());
    return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // If this one were refused, so would be all others, and for a reason that lies before the payload.
  static const bool reached = read(R"({"formatVersion":1,"issuedAt":"2026-01-01T00:00:00Z","notAfter":"2027-01-01T00:00:00Z","keys":[],"certificates":[]})");
  if (!reached) fuzz::broken("a revocation list without fault is refused");
  (void)read(fuzz::text_of(data, size));
  return 0;
}
