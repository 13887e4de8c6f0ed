// What a key file is, before anything in it is decoded or decrypted. Part of the signing room.
#pragma once

#include <string>
#include <string_view>

namespace lipcert {

/// Throws `Error` (input) with the way out unless `pem` holds exactly one key, a PKCS#8 private one, whose encryption costs at most what
/// `most_rounds` allows. `path` is for messages.
void check_key_file(const std::string& path, std::string_view pem);

/// PBKDF2 rounds of a key that is decrypted: about ten seconds. scrypt: N r p at most 2^21, a few seconds.
constexpr unsigned long long most_rounds = 10000000;

/// Whether the file at `path` (links are followed) holds a private key of any kind: PEM, encrypted or not, OpenSSH, cosign, PuTTY, OpenPGP,
/// PKCS#8 in DER. A file that cannot be read counts as one, because nothing is known of it.
[[nodiscard]] bool holds_private_key(const std::string& path);

/// One sentence where others than the owner may read the private key at `path`, with the remedy; empty where all is well.
[[nodiscard]] std::string readable_by_others(const std::string& path);

}  // namespace lipcert
