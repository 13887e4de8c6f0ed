// Coverage-guided: both ONNX readers on the same bytes (they must agree), and the certificate's parsers on them as well (they must only ever refuse).
// Built by clang with -DLIPCERT_FUZZ=ON.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "formats/encoding/error.hpp"
#include "formats/network/graph_digest.hpp"
#include "formats/onnx/reader.hpp"
#include "verifier/envelope/envelope.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/graph/onnx.hpp"
#include "verifier/verdict/statement.hpp"

namespace {

std::string generator(const std::string& bytes) {
  try {
    const lipcert::Network network = lipcert::read_onnx(bytes, lipcert::OnnxOptions());
    return network.refusals.empty() ? lipcert::graph_digest(network) : "refused";
  } catch (const lipcert::Error&) {
    return "refused";
  }
}

std::string checker(const std::string& bytes) {
  try {
    std::vector<lipverify::ExternalFile> external;
    return lipverify::graph_digest(lipverify::read_onnx(bytes, {}, external));
  } catch (const lipverify::Failure&) {
    return "refused";
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  const std::string a = generator(bytes);
  const std::string b = checker(bytes);
  if (a != b) {
    std::fprintf(stderr, "the readers disagree: generator %s, checker %s\n", a.c_str(), b.c_str());
    std::abort();
  }
  try {
    (void)lipverify::open_envelope(bytes);
  } catch (const lipverify::Failure&) {
  }
  try {
    (void)lipverify::parse_statement(bytes);
  } catch (const lipverify::Failure&) {
  }
  return 0;
}
