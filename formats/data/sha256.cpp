#include "formats/data/sha256.hpp"

#include <openssl/evp.h>

#include "formats/encoding/error.hpp"

namespace lipcert {

struct Sha256::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
  void start() const {
    if (context == nullptr || EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1)
      throw Error(ExitCode::internal, "OpenSSL cannot compute SHA-256; check its installation.");
  }
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
  state_->start();
}
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;
Sha256::~Sha256() = default;

void Sha256::add(const void* bytes, std::size_t count) {
  if (EVP_DigestUpdate(state_->context, bytes, count) != 1)
    throw Error(ExitCode::internal, "OpenSSL cannot compute SHA-256; check its installation.");
}

std::string Sha256::finish() {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  if (EVP_DigestFinal_ex(state_->context, digest, &size) != 1 || size != 32)
    throw Error(ExitCode::internal, "OpenSSL cannot compute SHA-256; check its installation.");
  state_->start();
  return std::string(reinterpret_cast<const char*>(digest), size);
}

}  // namespace lipcert
