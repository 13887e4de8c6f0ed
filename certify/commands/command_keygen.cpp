// `lipcert keygen`: a key pair as two PEM files.

#include <fmt/format.h>

#include "certify/commands/command.hpp"
#include "certify/commands/print.hpp"

namespace lipcert {

int keygen_command(const KeygenOptions& options) {
  const std::optional<Secret> passphrase = read_passphrase(options.passphrase_fd);
  if (options.encrypt && !passphrase) {
    throw Error(ExitCode::usage,
                "--encrypt needs a passphrase: give it with --passphrase-fd or in the environment variable LIPCERT_PASSPHRASE.");
  }
  const SigningKey key = SigningKey::generate(options.algorithm);
  key.write_new(options.out, passphrase);
  print("private key  {} ({}, {}): keep it secret\n", options.out, name_of(options.algorithm),
             passphrase ? "encrypted" : "not encrypted, readable by you only");
  print("public key   {}: hand it to whoever checks your certificates\n", SigningKey::public_path(options.out));
  print("fingerprint  {}\n", key.fingerprint());
  return 0;
}

}  // namespace lipcert
