// A strict look at the bytes of an ONNX file before protobuf reads them: formats/onnx.md, sections 1 and 2.
#pragma once

#include <string>

namespace lipcert {

/// Throws `Error` (exit code 3) with the place and the reason when the bytes break a rule; afterwards every protobuf reader sees the same
/// message: no singular field occurs twice, no value is cut, no name is anything but printable UTF-8. `file` is for messages. Linear time,
/// constant memory.
void scan_onnx(const std::string& bytes, const std::string& file);

}  // namespace lipcert
