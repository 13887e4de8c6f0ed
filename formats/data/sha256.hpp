// SHA-256 of bytes that arrive piece by piece (OpenSSL EVP), for files that are never whole in memory.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

namespace lipcert {

class Sha256 {
 public:
  Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  ~Sha256();

  void add(const void* bytes, std::size_t count);
  /// The 32 raw bytes; the object starts afresh.
  [[nodiscard]] std::string finish();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace lipcert
