// From the text of a .nnet file to the Network of the ONNX graph that it stands for (formats/nnet.md).
#pragma once

#include <string>

#include "formats/network/network.hpp"
#include "formats/onnx/options.hpp"

namespace lipcert {

/// Is this a name of a .nnet file?
[[nodiscard]] bool is_nnet_name(const std::string& name);

/// Throws `Error` (input) with file, line and reason for a text that is none. Cost: linear, about four copies of its numbers in memory.
[[nodiscard]] Network read_nnet(const std::string& text, const OnnxOptions& options);

}  // namespace lipcert
