#include "certify/commands/text.hpp"

namespace lipcert {

std::string shape_text(const Shape& shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    out += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return out + "]";
}

std::string size_text(const Block& block) {
  if (block.op == BlockOperator::dense) {
    return std::to_string(block.rows) + " x " + std::to_string(block.columns);
  }
  if (block.kernel.empty()) {
    return std::to_string(block.output_size);
  }
  std::string text;
  for (const std::uint64_t n : block.kernel) {
    text += (text.empty() ? "" : " x ") + std::to_string(n);
  }
  return text + (block.groups > 1 ? " / " + std::to_string(block.groups) : "");
}

}  // namespace lipcert
