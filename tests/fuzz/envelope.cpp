// The envelope around a certificate, before anything of it is trusted.
#include "tests/fuzz/support.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/envelope/envelope.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const lipverify::PublicKey key(
      "-----BEGIN PUBLIC KEY-----\n"
      "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEUiTadfzKEP1+Jdt7vZP1C4jLzaJ5\n"
      "sQd3n5n+4nBzod9rN5drsHbIjln2xXedetT2QDU0lF+cCByT8t4JQyas5g==\n"
      "-----END PUBLIC KEY-----\n");
  try {
    lipverify::Envelope envelope = lipverify::open_envelope(fuzz::text_of(data, size));
    lipverify::check_signature(envelope, key);
    fuzz::broken("a signature holds that nobody made");
  } catch (const lipverify::Failure& failure) {
    if (failure.outcome() != lipverify::Outcome::rejected) fuzz::broken(std::string("an envelope is not rejected, but: ") + failure.what());
  }
  return 0;
}
