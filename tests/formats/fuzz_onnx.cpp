// libFuzzer target: both ONNX readers on the same bytes. Any bytes are refused by both, with exit code 3, or read by both with the same
// digest. Built with -DLIPCERT_FUZZ=ON and clang; run it on a folder of its own, seeded with tests/vectors/graph_digest.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "formats/encoding/error.hpp"
#include "formats/network/graph_digest.hpp"
#include "formats/onnx/reader.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/graph/onnx.hpp"

namespace {

std::string by_generator(const std::string& bytes) {
  try {
    const lipcert::Network network = lipcert::read_onnx(bytes, {.file = "fuzz.onnx"});
    return network.refusals.empty() ? lipcert::graph_digest(network) : "";
  } catch (const lipcert::Error& error) {
    if (error.code() != lipcert::ExitCode::input) std::abort();
    return "";
  }
}

std::string by_checker(const std::string& bytes) {
  try {
    std::vector<lipverify::ExternalFile> external;
    return lipverify::graph_digest(lipverify::read_onnx(bytes, {}, external));
  } catch (const lipverify::Failure& failure) {
    if (failure.outcome() != lipverify::Outcome::input) std::abort();
    return "";
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  if (by_generator(bytes) != by_checker(bytes)) std::abort();
  return 0;
}
