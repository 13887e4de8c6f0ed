// Signing keys: made, read, named and used, only here (with sign.hpp this is the signing room; no other part of the program sees a key).
//
// A key is ECDSA on P-256 or pure Ed25519, kept as PKCS#8 PEM, encrypted or not; its public half is SubjectPublicKeyInfo PEM. All
// cryptography is OpenSSL 3's EVP interface. A passphrase comes from a file descriptor or from the environment, never from the command
// line, where every user of the machine could read it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

struct evp_pkey_st;

namespace lipcert {

enum class KeyAlgorithm { p256, ed25519 };
[[nodiscard]] const char* name_of(KeyAlgorithm algorithm);  // "p256", "ed25519"

/// Text that is wiped when it goes out of scope. Cannot be copied.
class Secret {
 public:
  explicit Secret(std::string text) : text_(std::move(text)) {}
  Secret(Secret&& other) noexcept;
  Secret& operator=(Secret&&) = delete;
  Secret(const Secret&) = delete;
  Secret& operator=(const Secret&) = delete;
  ~Secret();

  [[nodiscard]] std::string_view view() const { return text_; }

 private:
  std::string text_;
};

/// The passphrase that the user provides: the first line of file descriptor `fd` when given, else the environment variable
/// LIPCERT_PASSPHRASE when set, else none. Throws `Error` (usage) for a descriptor that cannot be read and for an empty passphrase or one
/// of more than 1024 bytes.
[[nodiscard]] std::optional<Secret> read_passphrase(std::optional<int> fd);

class SigningKey {
 public:
  [[nodiscard]] static SigningKey generate(KeyAlgorithm algorithm);

  /// Reads a PKCS#8 PEM file; `passphrase` is used only when the file is encrypted. Throws `Error`: input (unreadable, not PKCS#8, neither
  /// P-256 nor Ed25519, wrong passphrase, halves that do not belong together) or usage (encrypted and no passphrase given).
  [[nodiscard]] static SigningKey read(const std::string& path, const std::optional<Secret>& passphrase);

  /// The same from text that did not come from a file; `source` names it in messages.
  [[nodiscard]] static SigningKey of_pem(const Secret& pem, const std::string& source, const std::optional<Secret>& passphrase);

  /// Writes the private key to `path` (mode 0600, encrypted when a passphrase is given) and the public key to `public_path(path)`. Throws
  /// `Error` (usage) when either file exists: a key is never overwritten. Writes both or neither.
  void write_new(const std::string& path, const std::optional<Secret>& passphrase) const;

  /// KEY.pem -> KEY.pub.pem; a name without the ending .pem gets .pub.pem appended.
  [[nodiscard]] static std::string public_path(const std::string& path);

  [[nodiscard]] KeyAlgorithm algorithm() const;
  [[nodiscard]] std::string public_pem() const;   // as `openssl pkey -pubout` prints it
  [[nodiscard]] std::string fingerprint() const;  // "SHA256:..." of the SSH wire form, as `ssh-keygen -l` prints it
  [[nodiscard]] std::string hint() const;         // lower-case hex SHA-256 of public_pem()

  /// ECDSA with SHA-256 in DER, or pure Ed25519 (64 bytes), over `message`. The signature has been verified when this returns.
  [[nodiscard]] std::string sign(std::string_view message) const;
  /// Whether `signature` is this key's over `message`.
  [[nodiscard]] bool verifies(std::string_view message, std::string_view signature) const;

 private:
  struct Free {
    void operator()(evp_pkey_st* key) const;
  };
  explicit SigningKey(evp_pkey_st* key) : key_(key) {}
  std::unique_ptr<evp_pkey_st, Free> key_;
};

/// Whether `signature` over `message` is that of the key in the file `public_key` (SubjectPublicKeyInfo PEM). Tells a generator what it renews; what a
/// certificate is worth, only lipverify says. Throws `Error` (input) for a file that holds no such key.
[[nodiscard]] bool signature_holds(const std::string& public_key, std::string_view message, std::string_view signature);

}  // namespace lipcert
