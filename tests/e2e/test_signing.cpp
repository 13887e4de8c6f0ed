// The signing room against published vectors: the P-256 key of RFC 6979 (A.2.5), the Ed25519 key and signature of RFC 8032 (7.1, test 2),
// fingerprints as `ssh-keygen -l` prints them, digests of what `openssl pkey -pubout` prints.
#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>

#include "certify/certificate/sign.hpp"
#include "formats/encoding/base64.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "formats/encoding/json.hpp"

using namespace lipcert;

namespace {

const std::string p256_pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX\n"
    "Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAARg/tS6JVqdMclh63TGNW1owEm4kjth\n"
    "+mzmaWIuYPKftnkD/hAIuLyZpBrp6VYovGTy8bIMLX6fUXejwpTURiKZ\n"
    "-----END PRIVATE KEY-----\n";
const std::string ed25519_pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIEzNCJso/5banbbDRuwRTg9bijGfNaumJNqM9u1PuKb7\n"
    "-----END PRIVATE KEY-----\n";
// The same P-256 key under the passphrase "correct horse", encrypted by the openssl command line.
const std::string encrypted_pem =
    "-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
    "MIHsMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgBvzpzXWXEHwICCAAw\n"
    "DAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEOt4cseLbzlFtr07jqsrg50EgZDF\n"
    "5145N7dVJ6MbshMBLr8MIl94M6HJUAxjE2eTlbe7kNO/gZFHAZEzo+oR/vVQZNzi\n"
    "9V+NAI0IZO7q8skjh03X2qUFMxXChJ8CSq0QxGicPA3Z/qdXqiFThF7hwJ4PKdO9\n"
    "895a3tzDIZNpn+En4vIPwhVVYSvM5bS6x+O6uCp1Hm/1td0Vjy4zseaC/bELKVw=\n"
    "-----END ENCRYPTED PRIVATE KEY-----\n";
// The same private number with the public point of another key.
const std::string mismatched_pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgya+p2EW6dRZrXCFX\n"
    "Z7HWk05Qw9s26JsSe4piKxIPZyGhRANCAAT6Et/MJvYQlSHpWREznSNz1T9Wz86M\n"
    "1CBtScgnqCnHXVYNk+mCZU8un0eqcCe98ZIgX50RLhH9gUSGBmlhcXBd\n"
    "-----END PRIVATE KEY-----\n";
const std::string sec1_pem =
    "-----BEGIN EC PRIVATE KEY-----\n"
    "MHcCAQEEIMmvqdhFunUWa1whV2ex1pNOUMPbNuibEnuKYisSD2choAoGCCqGSM49\n"
    "AwEHoUQDQgAEYP7UuiVanTHJYet0xjVtaMBJuJI7Yfps5mliLmDyn7Z5A/4QCLi8\n"
    "maQa6elWKLxk8vGyDC1+n1F3o8KU1EYimQ==\n"
    "-----END EC PRIVATE KEY-----\n";
const std::string p384_pem =
    "-----BEGIN PRIVATE KEY-----\n"
    "MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDDpomp0HYMN2D+QqmjF\n"
    "SuNLDwoQa91k+FB0bsi6n2kQkXDqgssgVjyaWAPYevnzIo+hZANiAASyVHkOf4pS\n"
    "hlJW8Ea2Jc+fP/cgtC2haldchn4a7VLBGB0X7LDxla1TKHbRQrhuKckBPSUPh2FD\n"
    "JfOm/0XNWPmw0lSukzrPyjIaeUoEtTc2F6VQBQZ0vlnD3Jgk0xLlLII=\n"
    "-----END PRIVATE KEY-----\n";

struct Folder {
  std::string path;
  Folder() {
    path = (std::filesystem::temp_directory_path() / "lipcert-XXXXXX").string();
    REQUIRE(::mkdtemp(path.data()) != nullptr);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }
  [[nodiscard]] std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path + "/" + name, std::ios::binary) << text;
    return path + "/" + name;
  }
};

std::optional<Secret> secret(const std::string& text) {
  return Secret(text);
}
const std::optional<Secret> none;

/// Exit code of the error that `action` throws; its sentence must contain `part`.
ExitCode error_of(const std::function<void()>& action, const std::string& part) {
  try {
    action();
  } catch (const Error& error) {
    const std::string sentence = error.what();
    CHECK_MESSAGE(sentence.find(part) != std::string::npos, sentence);
    CHECK(sentence.back() == '.');
    CHECK(sentence.find('\n') == std::string::npos);
    return error.code();
  }
  FAIL("no error");
  return ExitCode::ok;
}

}  // namespace

TEST_CASE("pre-authentication encoding") {
  CHECK(pre_authentication_encoding("") == "DSSEv1 28 application/vnd.in-toto+json 0 ");
  CHECK(pre_authentication_encoding("{}") == "DSSEv1 28 application/vnd.in-toto+json 2 {}");
  // Length counts bytes, not characters.
  CHECK(pre_authentication_encoding("\xc3\xa9") == "DSSEv1 28 application/vnd.in-toto+json 2 \xc3\xa9");
}

TEST_CASE("names of published keys") {
  const Folder folder;
  const SigningKey p256 = SigningKey::read(folder.write("p", p256_pem), none);
  CHECK(p256.algorithm() == KeyAlgorithm::p256);
  CHECK(p256.fingerprint() == "SHA256:hfuNWmjIYvsBGZ6dpCLTTAEa5LxbZABRHHVoynAxFlo");
  CHECK(p256.hint() == "4975c03dd2ad43f3803bf943ca231389c41f26352bf098c930568797eff44dcc");
  const SigningKey ed25519 = SigningKey::read(folder.write("e", ed25519_pem), none);
  CHECK(ed25519.algorithm() == KeyAlgorithm::ed25519);
  CHECK(ed25519.fingerprint() == "SHA256:F34nin7tcaYH6WR5LSWSfj6weFBPfBpuyUUoPFP9YjA");
  CHECK(ed25519.hint() == "bf019c455f05e75ce74ca02a55a4b88bab561f85a76555d8281a79f7c2985233");
}

TEST_CASE("Ed25519 signature of RFC 8032") {
  const Folder folder;
  CHECK(to_hex(SigningKey::read(folder.write("e", ed25519_pem), none).sign("\x72")) ==
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
}

TEST_CASE("bundle: members in the order of the format, one signature") {
  const Folder folder;
  const SigningKey key = SigningKey::read(folder.write("e", ed25519_pem), none);
  const std::string payload = R"({"a":1})";
  const std::string text = sign_bundle(payload, key);
  const std::string signature = base64_encode(key.sign(pre_authentication_encoding(payload)));  // Ed25519 is deterministic
  CHECK(
      text ==
      R"({"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":")"
      R"(bf019c455f05e75ce74ca02a55a4b88bab561f85a76555d8281a79f7c2985233"},"tlogEntries":[]},"dsseEnvelope":{"payload":"eyJhIjoxfQ==",)"
      R"("payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"SHA256:F34nin7tcaYH6WR5LSWSfj6weFBPfBpuyUUoPFP9YjA","sig":")" +
          signature + "\"}]}}\n");
  CHECK_NOTHROW(static_cast<void>(parse_json(text, "bundle")));
}

TEST_CASE("encrypted keys") {
  const Folder folder;
  const std::string path = folder.write("k", encrypted_pem);
  CHECK(SigningKey::read(path, secret("correct horse")).fingerprint() == "SHA256:hfuNWmjIYvsBGZ6dpCLTTAEa5LxbZABRHHVoynAxFlo");
  CHECK(error_of([&] { static_cast<void>(SigningKey::read(path, none)); }, "is encrypted; give its passphrase") == ExitCode::usage);
  CHECK(error_of([&] { static_cast<void>(SigningKey::read(path, secret("wrong"))); }, "the passphrase is wrong") == ExitCode::input);
  // A passphrase is not needed, and not minded, for a key that is not encrypted.
  CHECK_NOTHROW(static_cast<void>(SigningKey::read(folder.write("p", p256_pem), secret("unused"))));
}

TEST_CASE("keys that are refused") {
  const Folder folder;
  const auto refused = [&](const std::string& text, const std::string& part) {
    CHECK(error_of([&] { static_cast<void>(SigningKey::read(folder.write("k", text), secret("x"))); }, part) == ExitCode::input);
  };
  refused("", "is not a PEM private key");
  refused("hello\n", "is not a PEM private key");
  refused(sec1_pem, "older format");
  refused(p384_pem, "neither ECDSA P-256 nor Ed25519");
  refused(mismatched_pem, "do not belong together");
  refused(p256_pem.substr(0, 120), "is damaged");
  std::string flipped = p256_pem;
  flipped[40] = flipped[40] == 'A' ? 'B' : 'A';
  refused(flipped, "is damaged");
  refused(SigningKey::generate(KeyAlgorithm::p256).public_pem(), "is a public key");
  CHECK(error_of([&] { static_cast<void>(SigningKey::read(folder.path + "/absent", none)); }, "absent") == ExitCode::input);
}

TEST_CASE("new keys: both files or none, never over another, for the owner only") {
  for (const KeyAlgorithm algorithm : {KeyAlgorithm::p256, KeyAlgorithm::ed25519}) {
    const Folder folder;
    const std::string path = folder.path + "/key.pem";
    const SigningKey key = SigningKey::generate(algorithm);
    CHECK(key.algorithm() == algorithm);
    const mode_t before = ::umask(0);
    key.write_new(path, none);
    ::umask(before);
    struct stat status {};
    REQUIRE(::stat(path.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    CHECK(SigningKey::public_path(path) == folder.path + "/key.pub.pem");
    CHECK(read_file(folder.path + "/key.pub.pem", 1000) == key.public_pem());
    CHECK(SigningKey::read(path, none).fingerprint() == key.fingerprint());

    const std::string old = read_file(path, 1000);
    CHECK(error_of([&] { key.write_new(path, none); }, "a key is never overwritten") == ExitCode::usage);
    CHECK(read_file(path, 1000) == old);

    CHECK(std::filesystem::remove(path));  // the public half alone is still there
    CHECK(error_of([&] { key.write_new(path, none); }, "key.pub.pem exists") == ExitCode::usage);
    CHECK_FALSE(std::filesystem::exists(path));
    static_cast<void>(error_of([&] { key.write_new(folder.path + "/no/key.pem", none); }, "no/key.pem"));
    // A name that only the private key can have: with .pub.pem it is longer than file systems allow.
    static_cast<void>(error_of([&] { key.write_new(folder.path + "/" + std::string(250, 'k'), none); }, ".pub.pem"));
    CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);

    const std::string safe = folder.path + "/safe";
    key.write_new(safe, secret("correct horse"));
    CHECK(SigningKey::public_path(safe) == safe + ".pub.pem");
    CHECK(read_file(safe, 1000).starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"));
    CHECK(SigningKey::read(safe, secret("correct horse")).fingerprint() == key.fingerprint());
  }
  CHECK(SigningKey::generate(KeyAlgorithm::p256).fingerprint() != SigningKey::generate(KeyAlgorithm::p256).fingerprint());
}

TEST_CASE("passphrases: from a descriptor, else from the environment") {
  const auto from_pipe = [](const std::string& text) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    REQUIRE(::write(ends[1], text.data(), text.size()) == static_cast<ssize_t>(text.size()));
    ::close(ends[1]);
    struct Closed {
      int fd;
      ~Closed() { ::close(fd); }
    } const closed{ends[0]};
    return std::string(read_passphrase(ends[0]).value().view());
  };
  ::unsetenv("LIPCERT_PASSPHRASE");
  CHECK_FALSE(read_passphrase(std::nullopt).has_value());
  CHECK(from_pipe("one\ntwo\n") == "one");
  CHECK(from_pipe("no newline") == "no newline");
  CHECK(error_of([&] { from_pipe("\n"); }, "is empty") == ExitCode::usage);
  CHECK(from_pipe(std::string(1024, 'x')).size() == 1024);
  CHECK(error_of([&] { from_pipe(std::string(1025, 'x')); }, "longer than 1024") == ExitCode::usage);
  CHECK(error_of([] { static_cast<void>(read_passphrase(987)); }, "file descriptor 987") == ExitCode::usage);
  ::setenv("LIPCERT_PASSPHRASE", "from environment", 1);
  CHECK(read_passphrase(std::nullopt).value().view() == "from environment");
  CHECK(from_pipe("from descriptor\n") == "from descriptor");
  ::setenv("LIPCERT_PASSPHRASE", "", 1);
  CHECK(error_of([] { static_cast<void>(read_passphrase(std::nullopt)); }, "LIPCERT_PASSPHRASE is empty") == ExitCode::usage);
  ::unsetenv("LIPCERT_PASSPHRASE");
}
