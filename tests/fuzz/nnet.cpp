// Both readers of .nnet files.
#include "formats/onnx/nnet.hpp"
#include "tests/fuzz/two_models.hpp"
#include "verifier/graph/nnet.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::small_budget();
  fuzz::agree(
      fuzz::text_of(data, size), [](const std::string& text) { return lipcert::read_nnet(text, {.file = "fuzz.nnet"}); },
      [](const std::string& text) { return lipverify::read_nnet(text, {}); });
  return 0;
}
