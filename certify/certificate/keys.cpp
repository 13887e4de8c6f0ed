// Keys through OpenSSL 3's EVP interface only: no engines, none of the deprecated EC_KEY functions.
//
// What is accepted is narrow on purpose: PKCS#8 (so that one format has to be explained), P-256 or Ed25519 (what Sigstore clients, OpenSSF
// Model Signing and the openssl command line all verify). Encryption is PBES2 with AES-256-CBC and PBKDF2-HMAC-SHA256 at 600 000 rounds
// (OWASP's figure of 2023; openssl's default of 2048 falls to a dictionary), which `openssl pkey` reads.

#include "certify/certificate/keys.hpp"

#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "certify/certificate/key_file.hpp"
#include "formats/encoding/base64.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert {
namespace {

constexpr std::size_t longest_passphrase = 1024;
constexpr std::size_t largest_key_file = 64 * 1024;
constexpr int pbkdf2_rounds = 600000;

template <class T, void (*F)(T*)>
struct Freed {
  void operator()(T* p) const { F(p); }
};
void free_bio(BIO* bio) {
  BIO_free_all(bio);
}
using Bio = std::unique_ptr<BIO, Freed<BIO, free_bio>>;
using DigestContext = std::unique_ptr<EVP_MD_CTX, Freed<EVP_MD_CTX, EVP_MD_CTX_free>>;
using KeyContext = std::unique_ptr<EVP_PKEY_CTX, Freed<EVP_PKEY_CTX, EVP_PKEY_CTX_free>>;
using BigNumber = std::unique_ptr<BIGNUM, Freed<BIGNUM, BN_free>>;
using Pkcs8 = std::unique_ptr<PKCS8_PRIV_KEY_INFO, Freed<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>>;
using EncryptedPkcs8 = std::unique_ptr<X509_SIG, Freed<X509_SIG, X509_SIG_free>>;

/// OpenSSL failed where no input of the user can make it fail.
Error internal(const std::string& what) {
  const unsigned long code = ERR_get_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return Error(ExitCode::internal,
               "OpenSSL could not " + what + (reason == nullptr ? std::string() : " (" + std::string(reason) + ")") + ".");
}

std::string contents(BIO* bio) {
  char* data = nullptr;
  const long size = BIO_get_mem_data(bio, &data);
  return {data, static_cast<std::size_t>(size)};
}

Bio memory() {
  // The buffer of a secure memory BIO is wiped when it is freed.
  Bio bio(BIO_new(BIO_s_secmem()));
  if (!bio) {
    throw internal("allocate memory");
  }
  return bio;
}

/// SSH's wire form of a string: its length as 32-bit big-endian, then its bytes.
std::string ssh_string(std::string_view text) {
  std::string out;
  for (int shift = 24; shift >= 0; shift -= 8) {
    out += static_cast<char>(static_cast<unsigned char>(text.size() >> shift & 0xff));
  }
  return out.append(text);
}

/// 32 big-endian bytes of a coordinate.
std::string coordinate(const EVP_PKEY* key, const char* name) {
  BIGNUM* number = nullptr;
  if (EVP_PKEY_get_bn_param(key, name, &number) != 1) {
    throw internal("read the public point");
  }
  const BigNumber owned(number);
  std::string out(32, '\0');
  if (BN_bn2binpad(number, reinterpret_cast<unsigned char*>(out.data()), 32) != 32) {
    throw internal("read the public point");
  }
  return out;
}

/// Which of the two algorithms a key is of, or none.
std::optional<KeyAlgorithm> algorithm_of(const EVP_PKEY* key) {
  if (EVP_PKEY_is_a(key, "ED25519") == 1) {
    return KeyAlgorithm::ed25519;
  }
  std::array<char, 64> group{};
  std::size_t size = 0;
  if (EVP_PKEY_is_a(key, "EC") == 1 && EVP_PKEY_get_group_name(key, group.data(), group.size(), &size) == 1 &&
      std::strcmp(group.data(), "prime256v1") == 0) {
    return KeyAlgorithm::p256;
  }
  return std::nullopt;
}

/// Passed through OpenSSL's passphrase callback; `asked` tells whether the file was encrypted.
struct Passphrase {
  const std::optional<Secret>* given;
  bool asked = false;
};

int give_passphrase(char* buffer, int size, int /*writing*/, void* user) {
  auto* const passphrase = static_cast<Passphrase*>(user);
  passphrase->asked = true;
  if (!passphrase->given->has_value()) {
    return -1;
  }
  const std::string_view text = (*passphrase->given)->view();
  if (text.size() > static_cast<std::size_t>(size)) {
    return -1;
  }
  std::memcpy(buffer, text.data(), text.size());
  return static_cast<int>(text.size());
}

std::string private_pem(EVP_PKEY* key, const std::optional<Secret>& passphrase) {
  const Pkcs8 plain(EVP_PKEY2PKCS8(key));
  const Bio bio = memory();
  if (!plain) {
    throw internal("encode the private key");
  }
  if (!passphrase) {
    if (PEM_write_bio_PKCS8_PRIV_KEY_INFO(bio.get(), plain.get()) != 1) {
      throw internal("encode the private key");
    }
    return contents(bio.get());
  }
  const std::string_view text = passphrase->view();
  const EncryptedPkcs8 encrypted(
      PKCS8_encrypt(-1, EVP_aes_256_cbc(), text.data(), static_cast<int>(text.size()), nullptr, 0, pbkdf2_rounds, plain.get()));
  if (!encrypted || PEM_write_bio_PKCS8(bio.get(), encrypted.get()) != 1) {
    throw internal("encrypt the private key");
  }
  return contents(bio.get());
}

/// Whether the signature is `key`'s over the message.
bool is_signature(EVP_PKEY* key, std::string_view message, std::string_view signature) {
  const EVP_MD* const digest = algorithm_of(key) == KeyAlgorithm::p256 ? EVP_sha256() : nullptr;  // pure Ed25519 hashes by itself
  const DigestContext verifying(EVP_MD_CTX_new());
  const bool good = verifying && EVP_DigestVerifyInit(verifying.get(), nullptr, digest, nullptr, key) == 1 &&
                    EVP_DigestVerify(verifying.get(), reinterpret_cast<const unsigned char*>(signature.data()), signature.size(),
                                     reinterpret_cast<const unsigned char*>(message.data()), message.size()) == 1;
  ERR_clear_error();
  return good;
}

bool exists(const std::string& path) {
  struct stat status {};
  return ::lstat(path.c_str(), &status) == 0;
}

}  // namespace

const char* name_of(KeyAlgorithm algorithm) {
  return algorithm == KeyAlgorithm::p256 ? "p256" : "ed25519";
}

Secret::Secret(Secret&& other) noexcept : text_(other.text_) {
  OPENSSL_cleanse(other.text_.data(), other.text_.size());
}

Secret::~Secret() {
  OPENSSL_cleanse(text_.data(), text_.size());
}

std::optional<Secret> read_passphrase(std::optional<int> fd) {
  const auto checked = [](std::string text, const std::string& source) -> std::optional<Secret> {
    Secret secret(std::move(text));
    if (secret.view().empty()) {
      throw Error(ExitCode::usage, "The passphrase from " + source + " is empty; give one or leave the option away.");
    }
    if (secret.view().size() > longest_passphrase) {
      throw Error(ExitCode::usage, "The passphrase from " + source + " is longer than 1024 bytes; choose a shorter one.");
    }
    return secret;
  };
  if (fd) {
    const std::string source = "file descriptor " + std::to_string(*fd);
    ::fcntl(*fd, F_SETFD, FD_CLOEXEC);  // no program that is started later reads it again
    std::string text;
    text.reserve(longest_passphrase + 2);  // one allocation, so that no copy stays behind
    char c = 0;
    while (text.size() <= longest_passphrase) {
      const ssize_t n = ::read(*fd, &c, 1);
      if (n < 0 && errno == EINTR) {
        continue;
      }
      if (n < 0) {
        OPENSSL_cleanse(text.data(), text.size());
        throw Error(ExitCode::usage, "The passphrase cannot be read from " + source + ": " + std::strerror(errno) +
                                         "; open it, for example with " + std::to_string(*fd) + "< passphrase.txt.");
      }
      if (n == 0 || c == '\n') {
        break;
      }
      text += c;
    }
    return checked(std::move(text), source);
  }
  if (const char* const environment = std::getenv("LIPCERT_PASSPHRASE"); environment != nullptr) {
    return checked(environment, "the environment variable LIPCERT_PASSPHRASE");
  }
  return std::nullopt;
}

void SigningKey::Free::operator()(evp_pkey_st* key) const {
  EVP_PKEY_free(key);
}

SigningKey SigningKey::generate(KeyAlgorithm algorithm) {
  EVP_PKEY* const key =
      algorithm == KeyAlgorithm::p256 ? EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256") : EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519");
  if (key == nullptr) {
    throw internal("generate a key");
  }
  return SigningKey(key);
}

SigningKey SigningKey::read(const std::string& path, const std::optional<Secret>& passphrase) {
  return of_pem(Secret(read_file(path, largest_key_file)), path, passphrase);
}

SigningKey SigningKey::of_pem(const Secret& pem, const std::string& path, const std::optional<Secret>& passphrase) {
  check_key_file(path, pem.view());
  ERR_clear_error();
  const Bio bio(BIO_new_mem_buf(pem.view().data(), static_cast<int>(pem.view().size())));
  if (!bio) {
    throw internal("allocate memory");
  }
  Passphrase answer{&passphrase};
  SigningKey key(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_passphrase, &answer));
  if (!key.key_) {
    ERR_clear_error();
    if (answer.asked && !passphrase) {
      throw Error(ExitCode::usage,
                  path + " is encrypted; give its passphrase with --passphrase-fd or in the environment variable LIPCERT_PASSPHRASE.");
    }
    throw input_error(path + (answer.asked ? " cannot be decrypted: the passphrase is wrong or the file is damaged."
                                           : " is damaged: the private key in it cannot be decoded."));
  }
  if (!algorithm_of(key.key_.get())) {
    throw input_error(path + " holds a key that is neither ECDSA P-256 nor Ed25519; make one with `lipcert keygen --out key.pem`.");
  }
  const KeyContext check(EVP_PKEY_CTX_new_from_pkey(nullptr, key.key_.get(), nullptr));
  if (!check || EVP_PKEY_pairwise_check(check.get()) != 1) {
    ERR_clear_error();
    throw input_error(path + " holds a private and a public half that do not belong together; use the file that `lipcert keygen` wrote.");
  }
  return key;
}

std::string SigningKey::public_path(const std::string& path) {
  const std::string ending = ".pem";
  const bool ends = path.size() > ending.size() && path.compare(path.size() - ending.size(), ending.size(), ending) == 0;
  return (ends ? path.substr(0, path.size() - ending.size()) : path) + ".pub.pem";
}

void SigningKey::write_new(const std::string& path, const std::optional<Secret>& passphrase) const {
  const std::string open_path = public_path(path);
  for (const std::string& file : {path, open_path}) {
    if (exists(file)) {
      throw Error(ExitCode::usage, file + " exists: a key is never overwritten; choose another name or move the file away.");
    }
  }
  const Secret secret(private_pem(key_.get(), passphrase));
  write_file(path, std::string(secret.view()), Overwrite::no, 0600);
  try {
    write_file(open_path, public_pem(), Overwrite::no, 0644);
  } catch (...) {
    ::unlink(path.c_str());  // half a pair is of no use to anybody
    throw;
  }
}

KeyAlgorithm SigningKey::algorithm() const {
  return algorithm_of(key_.get()).value();
}

std::string SigningKey::public_pem() const {
  const Bio bio = memory();
  if (PEM_write_bio_PUBKEY(bio.get(), key_.get()) != 1) {
    throw internal("encode the public key");
  }
  return contents(bio.get());
}

std::string SigningKey::fingerprint() const {
  std::string wire;
  if (algorithm() == KeyAlgorithm::ed25519) {
    std::string raw(32, '\0');
    std::size_t size = raw.size();
    if (EVP_PKEY_get_raw_public_key(key_.get(), reinterpret_cast<unsigned char*>(raw.data()), &size) != 1 || size != 32) {
      throw internal("read the public key");
    }
    wire = ssh_string("ssh-ed25519") + ssh_string(raw);
  } else {
    const std::string point = "\x04" + coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_X) + coordinate(key_.get(), OSSL_PKEY_PARAM_EC_PUB_Y);
    wire = ssh_string("ecdsa-sha2-nistp256") + ssh_string("nistp256") + ssh_string(point);
  }
  std::string text = base64_encode(sha256(wire));
  while (!text.empty() && text.back() == '=') {
    text.pop_back();
  }
  return "SHA256:" + text;
}

std::string SigningKey::hint() const {
  return sha256_hex(public_pem());
}

std::string SigningKey::sign(std::string_view message) const {
  const EVP_MD* const digest = algorithm() == KeyAlgorithm::p256 ? EVP_sha256() : nullptr;  // pure Ed25519 hashes by itself
  const auto* const bytes = reinterpret_cast<const unsigned char*>(message.data());
  const DigestContext signing(EVP_MD_CTX_new());
  std::size_t size = 0;
  if (!signing || EVP_DigestSignInit(signing.get(), nullptr, digest, nullptr, key_.get()) != 1 ||
      EVP_DigestSign(signing.get(), nullptr, &size, bytes, message.size()) != 1) {
    throw internal("sign");
  }
  std::string signature(size, '\0');
  if (EVP_DigestSign(signing.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, bytes, message.size()) != 1) {
    throw internal("sign");
  }
  signature.resize(size);
  // A signature that was computed wrongly (a fault, a broken provider) must not leave this function: it would not verify, and faulty
  // signatures can reveal the key.
  if (!verifies(message, signature)) {
    throw internal("verify its own signature");
  }
  return signature;
}

bool SigningKey::verifies(std::string_view message, std::string_view signature) const {
  return is_signature(key_.get(), message, signature);
}

bool signature_holds(const std::string& public_key, std::string_view message, std::string_view signature) {
  const std::string pem = read_file(public_key, largest_key_file);
  const Bio bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size())));
  const std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key(bio ? PEM_read_bio_PUBKEY(bio.get(), nullptr, nullptr, nullptr) : nullptr,
                                                           EVP_PKEY_free);
  ERR_clear_error();
  if (!key || !algorithm_of(key.get())) {
    throw input_error(public_key + " is not a public key for ECDSA P-256 or Ed25519; give the .pub.pem file that `lipcert keygen` wrote.");
  }
  return is_signature(key.get(), message, signature);
}

}  // namespace lipcert
