// What was signed, taken apart: the checker's statement with its claim about samples, and the generator's view of the same certificate, as reports and
// renewals read it. Both only ever refuse.
#include "certify/report/certificate_view.hpp"
#include "formats/encoding/base64.hpp"
#include "formats/encoding/error.hpp"
#include "tests/fuzz/support.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/samples/samples.hpp"
#include "verifier/verdict/statement.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::small_budget();
  const std::string payload = fuzz::text_of(data, size);
  try {
    const lipverify::Statement statement = lipverify::parse_statement(payload);
    if (statement.samples) (void)lipverify::parse_sample_claim(*statement.samples, 10);
  } catch (const lipverify::Failure& failure) {
    if (failure.outcome() != lipverify::Outcome::rejected) fuzz::broken(std::string("a statement is not rejected, but: ") + failure.what());
  }
  const std::string bundle = R"({"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json","verificationMaterial":{"publicKey":{"hint":""},"tlogEntries":[]},)"
                             R"("dsseEnvelope":{"payload":")" +
                             lipcert::base64_encode(payload) +
                             R"(","payloadType":"application/vnd.in-toto+json","signatures":[{"keyid":"","sig":"MEUCIQ=="}]}})";
  try {
    (void)lipcert::report::view_certificate(bundle, "fuzz.json");
  } catch (const lipcert::Error& error) {
    if (error.code() != lipcert::ExitCode::input) fuzz::broken(std::string("the generator refuses a certificate with another exit code than 3: ") + error.what());
  }
  return 0;
}
