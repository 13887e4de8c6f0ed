#include "certify/commands/text.hpp"

#include <algorithm>

namespace lipcert {

std::string shape_text(const Shape& shape) {
  std::string out = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) {
    out += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  }
  return out + "]";
}

namespace {

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) {
    out += (out.empty() ? "" : ", ") + text;
  }
  return out;
}

std::string text_of(const Value& value) {
  return value.name + " " + name_of(value.type) + " " + shape_text(value.shape);
}

}  // namespace

std::string input_text(const Network& network) {
  std::string out = text_of(network.values[network.input]);
  std::vector<std::string> given;
  std::vector<std::string> open;  // of a model that is refused for it
  for (std::size_t k = 0; k < network.symbolic.size(); ++k) {
    const std::uint64_t position = network.symbolic[k];
    const std::string& name = network.symbols[k];
    const std::string dimension = "dimension " + std::to_string(position) + (name.empty() ? "" : " '" + name + "'");
    if (std::find(network.given.begin(), network.given.end(), position) != network.given.end()) {
      given.push_back(dimension);
    } else if (position == 0 && network.values[network.input].shape.size() > 1) {
      out += ", for one input (" + dimension + " taken as 1)";
    } else {
      open.push_back(dimension);
    }
  }
  return out + (given.empty() ? "" : "; given: " + joined(given)) + (open.empty() ? "" : "; open, not 1: " + joined(open));
}

std::string fixed_text(const Network& network) {
  return "inputs at their values in the file: " + joined(network.fixed_inputs);
}

std::string output_text(const Network& network) {
  std::string out = text_of(network.values[network.output]);
  if (network.other_outputs) {
    out += ", chosen" + (network.other_outputs->empty() ? "" : "; left out: " + joined(*network.other_outputs));
  }
  return out;
}

Json input_json(const Network& network) {
  const Value& input = network.values[network.input];
  return {{"name", input.name},
          {"elementType", name_of(input.type)},
          {"shape", input.shape},
          {"symbolic", network.symbolic},
          {"given", network.given}};
}

Json output_json(const Network& network) {
  const Value& output = network.values[network.output];
  return {{"name", output.name},
          {"elementType", name_of(output.type)},
          {"shape", output.shape},
          {"chosen", network.other_outputs.has_value()},
          {"others", network.other_outputs.value_or(std::vector<std::string>())}};
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
