// Agreement of the generator's graph evaluation with another runtime: evaluates the inputs of a sample file (made by
// tests/presets/onnxruntime/expected.mjs) and compares with the outputs recorded there.
//
//   evaluate_io MODEL.onnx SAMPLE.json
//
// Our evaluation is an enclosure of the real function; the runtime's numbers carry the rounding errors of its arithmetic. Allowed is a
// difference of 2^-14 (float32) or 2^-40 (float64) of the largest entry of the output: far above rounding for networks of a dozen layers,
// far below what a wrong operator, a transposed matrix or a lost bias would do.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <exception>
#include <nlohmann/json.hpp>

#include "certify/graph/evaluate.hpp"
#include "formats/encoding/files.hpp"
#include "formats/onnx/reader.hpp"

using namespace lipcert;

namespace {

int run(const std::string& model, const std::string& sample) {
  OnnxOptions options;
  options.file = model;
  const std::string bytes = read_file(model, options.size_cap);
  const Network network = read_onnx(bytes, options);
  const nlohmann::json recorded = nlohmann::json::parse(read_file(sample, std::uint64_t{1} << 30));
  if (recorded.at("modelSha256") != sha256_hex(bytes)) {
    fmt::print(stderr, "{} was recorded for another model than {}.\n", sample, model);
    return 1;
  }
  const double allowed = recorded.at("arithmetic") == "float64" ? 0x1p-40 : 0x1p-14;
  double worst = 0;
  double widest = 0;
  std::size_t outputs = 0;
  for (const nlohmann::json& entry : recorded.at("samples")) {
    const auto wanted = entry.at("output").get<std::vector<double>>();
    const BallVector found = evaluate(network, entry.at("input").get<std::vector<double>>());
    if (found.centre.size() != wanted.size()) {
      fmt::print(stderr, "{} outputs instead of {}.\n", found.centre.size(), wanted.size());
      return 1;
    }
    double scale = 0x1p-126;
    for (const double value : wanted) {
      scale = std::max(scale, std::fabs(value));
    }
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const double difference = std::fabs(found.centre[i] - wanted[i]) / scale;
      if (!(difference <= worst)) {  // also takes a NaN
        worst = difference;
      }
      widest = std::max(widest, found.radius[i] / scale);
      ++outputs;
    }
  }
  fmt::print("{} outputs; largest difference from {}: {:.2e} (allowed {:.2e}); widest enclosure {:.2e}\n", outputs,
             recorded.at("runtime").get<std::string>(), worst, allowed, widest);
  return outputs > 0 && worst <= allowed && widest <= 0x1p-14 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    fmt::print(stderr, "usage: evaluate_io MODEL.onnx SAMPLE.json\n");
    return 2;
  }
  try {
    return run(argv[1], argv[2]);
  } catch (const std::exception& error) {
    fmt::print(stderr, "{}\n", error.what());
    return 3;
  }
}
