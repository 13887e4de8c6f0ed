// See remedies.hpp.
#include "formats/onnx/remedies.hpp"

#include <algorithm>
#include <initializer_list>
#include <string_view>

namespace lipcert {

std::string remedy_for(const std::string& operator_name) {
  const auto is = [&](std::initializer_list<std::string_view> names) {
    return std::find(names.begin(), names.end(), operator_name) != names.end();
  };
  const auto contains = [&](std::string_view part) { return operator_name.find(part) != std::string::npos; };
  if (operator_name == "LogSoftmax")
    return "export the logits, without log_softmax at the end; the differences of the outputs, and so classes, margins and radii, are the "
           "same.";
  if (is({"ArgMax", "ArgMin", "OneHot", "NonZero", "Hardmax"}))
    return "its result jumps where two inputs are equal, so that no constant bounds it; export the logits, without argmax at the end.";
  if (contains("Quantize") || contains("Quantized") || contains("QLinear") || contains("Integer"))
    return "it rounds data to integers, so that its result has jumps; certify the model before quantisation (in PyTorch: before "
           "torch.ao.quantization.convert). Weights alone may be quantised (DequantizeLinear of a constant).";
  if (is({"Floor", "Ceil", "Round", "Mod", "IsNaN", "IsInf", "Xor", "BitShift"}))
    return "its result has jumps, so that no constant bounds it; export the network without rounding.";
  if (is({"LayerNormalization", "InstanceNormalization", "GroupNormalization", "MeanVarianceNormalization", "LpNormalization"}))
    return "it divides by a length of the data, which may be near zero; replace it by BatchNorm in eval(), or leave it out.";
  return {};
}

}  // namespace lipcert
