// Key files: the generator's private one and the checker's public one.
#include "certify/certificate/key_file.hpp"
#include "certify/certificate/keys.hpp"
#include "formats/encoding/error.hpp"
#include "tests/fuzz/support.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/envelope/signature.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string pem = fuzz::text_of(data, size);
  try {
    const lipcert::SigningKey key = lipcert::SigningKey::of_pem(lipcert::Secret(pem), "key.pem", std::nullopt);
    if (!key.verifies("message", key.sign("message"))) fuzz::broken("a key that was read does not sign");
  } catch (const lipcert::Error& error) {
    // A key that is encrypted, and no passphrase: a fault of the caller.
    if (error.code() != lipcert::ExitCode::input && error.code() != lipcert::ExitCode::usage)
      fuzz::broken(std::string("a key file is refused with another exit code than 2 or 3: ") + error.what());
  }
  try {
    const lipverify::PublicKey key(pem);
    if (key.verifies("message", "signature")) fuzz::broken("a signature holds that nobody made");
  } catch (const lipverify::Failure& failure) {
    if (failure.outcome() != lipverify::Outcome::input) fuzz::broken(std::string("a public key is refused with another exit code than 3: ") + failure.what());
  }
  static fuzz::MemoryFile file;
  file.write(pem);
  (void)lipcert::holds_private_key(file.path());
  return 0;
}
