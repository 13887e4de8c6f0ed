// A key file comes from somewhere, so it is looked at as text and as ASN.1 first: which kind of key, how many, and what decrypting it would cost.
// PBKDF2 rounds and scrypt's N, r and p are numbers in the file (RFC 8018, RFC 7914), so that 300 bytes can ask for hours.
#include "certify/certificate/key_file.hpp"

#include <fcntl.h>
#include <openssl/asn1.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>

#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

constexpr std::uint64_t most_scrypt = std::uint64_t{1} << 21;

template <auto F>
struct Freed {
  template <class T>
  void operator()(T* p) const { F(p); }
};
using EncryptedPkcs8 = std::unique_ptr<X509_SIG, Freed<X509_SIG_free>>;
using Pbe2 = std::unique_ptr<PBE2PARAM, Freed<PBE2PARAM_free>>;
using Pbkdf2 = std::unique_ptr<PBKDF2PARAM, Freed<PBKDF2PARAM_free>>;
using Scrypt = std::unique_ptr<SCRYPT_PARAMS, Freed<SCRYPT_PARAMS_free>>;

std::size_t occurrences(std::string_view text, std::string_view part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

std::optional<std::uint64_t> number(const ASN1_INTEGER* integer) {
  std::uint64_t value = 0;
  if (integer == nullptr || ASN1_INTEGER_get_uint64(&value, integer) != 1) return std::nullopt;
  return value;
}

/// The parameters of an algorithm, which are a sequence, as a structure of their own.
template <class Owner, class T>
Owner parameters(const ASN1_TYPE* type, T* (*decode)(T**, const unsigned char**, long)) {
  if (type == nullptr || type->type != V_ASN1_SEQUENCE) return Owner();
  const unsigned char* at = type->value.sequence->data;
  return Owner(decode(nullptr, &at, type->value.sequence->length));
}

/// Sentence about the way in which the key is encrypted, or nothing.
std::string encryption_refused(std::string_view pem) {
  constexpr std::string_view begin = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
  const std::unique_ptr<BIO, Freed<BIO_free_all>> bio(BIO_new_mem_buf(pem.substr(pem.find(begin)).data(), static_cast<int>(pem.size() - pem.find(begin))));
  const EncryptedPkcs8 file(bio ? PEM_read_bio_PKCS8(bio.get(), nullptr, nullptr, nullptr) : nullptr);
  ERR_clear_error();
  const std::string convert = "; encrypt it again with `openssl pkcs8 -topk8 -v2 aes-256-cbc -iter 600000`";
  const std::string unknown = "is encrypted in a way whose cost is not known" + convert;
  if (!file) return "is damaged: the encrypted private key in it cannot be decoded; take a copy that is whole";
  const X509_ALGOR* algorithm = nullptr;
  X509_SIG_get0(file.get(), &algorithm, nullptr);
  if (algorithm == nullptr || OBJ_obj2nid(algorithm->algorithm) != NID_pbes2) return unknown;
  const Pbe2 pbe = parameters<Pbe2>(algorithm->parameter, d2i_PBE2PARAM);
  if (!pbe || pbe->keyfunc == nullptr) return unknown;
  switch (OBJ_obj2nid(pbe->keyfunc->algorithm)) {
    case NID_id_pbkdf2: {
      const Pbkdf2 kdf = parameters<Pbkdf2>(pbe->keyfunc->parameter, d2i_PBKDF2PARAM);
      const auto rounds = kdf ? number(kdf->iter) : std::nullopt;
      if (!kdf) return unknown;
      if (!rounds || *rounds > most_rounds)
        return "wants " + (rounds ? std::to_string(*rounds) : std::string("an unreadable number of")) + " rounds of PBKDF2 to be decrypted, more than " +
               std::to_string(most_rounds) + convert;
      return "";
    }
    case NID_id_scrypt: {
      const Scrypt kdf = parameters<Scrypt>(pbe->keyfunc->parameter, d2i_SCRYPT_PARAMS);
      const auto n = kdf ? number(kdf->costParameter) : std::nullopt;
      const auto r = kdf ? number(kdf->blockSize) : std::nullopt;
      const auto p = kdf ? number(kdf->parallelizationParameter) : std::nullopt;
      if (!n || !r || !p) return unknown;
      if (*n > most_scrypt || *r > most_scrypt || *p > most_scrypt || *n * *r > most_scrypt || *n * *r * *p > most_scrypt)
        return "wants scrypt with N = " + std::to_string(*n) + ", r = " + std::to_string(*r) + ", p = " + std::to_string(*p) +
               " to be decrypted, more than N r p = " + std::to_string(most_scrypt) + convert;
      return "";
    }
    default: return unknown;
  }
}

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  [[nodiscard]] int get() const { return number_; }

 private:
  int number_;
};

}  // namespace

void check_key_file(const std::string& path, std::string_view pem) {
  const auto holds = [&](std::string_view text) { return pem.find(text) != std::string_view::npos; };
  if (holds("-----BEGIN OPENSSH PRIVATE KEY-----"))
    throw input_error(path + " is an OpenSSH private key; convert a copy of an ECDSA P-256 key with `ssh-keygen -p -m PKCS8 -f COPY`, or make a key with "
                             "`lipcert keygen --out key.pem` (an Ed25519 key of OpenSSH cannot be converted so).");
  if (holds("ENCRYPTED COSIGN PRIVATE KEY-----") || holds("ENCRYPTED SIGSTORE PRIVATE KEY-----"))
    throw input_error(path + " is a private key of cosign, which only cosign can read; make a key with `lipcert keygen --out key.pem`, and give it to "
                             "cosign too with `cosign import-key-pair --key key.pem`.");
  const std::size_t keys = occurrences(pem, "PRIVATE KEY-----") / 2 + occurrences(pem, "PUBLIC KEY-----") / 2;
  const bool plain = holds("-----BEGIN PRIVATE KEY-----");
  const bool encrypted = holds("-----BEGIN ENCRYPTED PRIVATE KEY-----");
  if (keys > 1)
    throw input_error(path + " holds " + std::to_string(keys) + " keys, and which of them is meant is not said; copy the private key to sign with into a file of its own.");
  if (!plain && !encrypted) {
    if (holds("PUBLIC KEY-----"))
      throw input_error(path + " is a public key; signing needs the private key that `lipcert keygen` wrote beside it.");
    if (holds("PRIVATE KEY-----"))
      throw input_error(path + " is a private key in an older format; convert it with `openssl pkcs8 -topk8 -in " + path + " -out key.pem`.");
    throw input_error(path + " is not a PEM private key; make one with `lipcert keygen --out key.pem`.");
  }
  if (const std::string refused = encrypted ? encryption_refused(pem) : ""; !refused.empty()) throw input_error(path + " " + refused + ".");
}

bool holds_private_key(const std::string& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (file.get() < 0) return errno != ENOENT;
  constexpr std::array<std::string_view, 3> marks = {"PRIVATE KEY-----", "PGP PRIVATE KEY BLOCK-----", "PuTTY-User-Key-File-"};
  std::string window;  // a part of the file, and the end of the one before it: a mark may lie across
  std::array<char, 65536> part{};
  bool first = true;
  for (;;) {
    const ssize_t got = ::read(file.get(), part.data(), part.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return true;
    if (got == 0) return false;
    window.append(part.data(), static_cast<std::size_t>(got));
    for (const std::string_view mark : marks) {
      if (window.find(mark) != std::string::npos) return true;
    }
    if (first && window[0] == '\x30') {  // an ASN.1 sequence
      const auto* at = reinterpret_cast<const unsigned char*>(window.data());
      const std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>> key(d2i_AutoPrivateKey(nullptr, &at, static_cast<long>(window.size())));
      at = reinterpret_cast<const unsigned char*>(window.data());
      const EncryptedPkcs8 encrypted(d2i_X509_SIG(nullptr, &at, static_cast<long>(window.size())));
      ERR_clear_error();
      if (key || encrypted) return true;
    }
    first = false;
    if (window.size() > 64) window.erase(0, window.size() - 64);
  }
}

std::string readable_by_others(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) || (status.st_mode & 077U) == 0) return "";
  return path + " is a private key that others than its owner may read or write; make it yours alone with `chmod 600`";
}

}  // namespace lipcert
