#include "certify/commands/model_options.hpp"

#include <CLI/CLI.hpp>

namespace lipcert {

FunctionChoice FunctionOptions::choice() const {
  FunctionChoice out;
  out.fixed_inputs = fixed_inputs;
  out.output = output;
  if (output) {
    check_utf8(*output, "--output");
  }
  if (!input_shape) {
    return out;
  }
  out.input_shape.emplace();
  std::string size;
  for (const char c : *input_shape + ",") {
    if (c >= '0' && c <= '9' && size.size() < 9 && (c != '0' || !size.empty())) {
      size += c;
    } else if (c == ',' && !size.empty()) {
      out.input_shape->push_back(std::stoull(size));
      size.clear();
    } else {
      throw Error(ExitCode::usage,
                  "The argument of --input-shape is not a list of sizes from 1 on; write every dimension of the input, like 1,3,32,32.");
    }
  }
  return out;
}

void add_function_options(CLI::App& command, FunctionOptions& options) {
  command.add_option("--input-shape", options.input_shape,
                     "sizes of the input, every dimension, like 1,3,32,32: where the model leaves others than the first open; recorded");
  command.add_flag("--fixed-inputs", options.fixed_inputs,
                   "weights that are also inputs of the model keep the values of the file (old exporters, tf2onnx, MATLAB); recorded");
  command.add_option("--output", options.output,
                     "the output that is bounded, of a model with several; what does not lead to it is left out; recorded");
}

Budget BudgetOptions::budget() const {
  Budget out = usual_budget();
  if (memory) out.memory = *memory << 20U;
  if (work) out.work = *work << 30U;
  return out;
}

void add_budget_options(CLI::App& command, BudgetOptions& options) {
  command.add_option("--max-memory", options.memory, "MiB that may be used (default: half of the machine); a model that needs more is refused first")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 40));
  command.add_option("--max-work", options.work, "work that the model's sizes may ask for, in 2^30 multiplications (default: 256)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 32));
}

}  // namespace lipcert
