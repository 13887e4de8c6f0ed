// Both ONNX readers.
#include "formats/onnx/reader.hpp"
#include "tests/fuzz/two_models.hpp"
#include "verifier/graph/onnx.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::small_budget();
  fuzz::agree(
      fuzz::text_of(data, size), [](const std::string& bytes) { return lipcert::read_onnx(bytes, {.file = "fuzz.onnx"}); },
      [](const std::string& bytes) {
        std::vector<lipverify::ExternalFile> external;
        return lipverify::read_onnx(bytes, {}, external);
      });
  return 0;
}
