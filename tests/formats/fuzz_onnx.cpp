// libFuzzer target: any bytes are an Error with exit code 3 or a Network whose digest exists exactly when nothing is refused.
// Built with -DLIPCERT_FUZZ=ON and clang; run it on a folder of its own, seeded with tests/vectors/graph_digest.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "formats/error.hpp"
#include "formats/graph_digest.hpp"
#include "formats/onnx_reader.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  try {
    const lipcert::Network network = lipcert::read_onnx(bytes, {.file = "fuzz.onnx"});
    if (network.refusals.empty() && lipcert::graph_digest(network).size() != 64) std::abort();
  } catch (const lipcert::Error& error) {
    if (error.code() != lipcert::ExitCode::input) std::abort();
  }
  return 0;
}
