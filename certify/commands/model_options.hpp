// The options that say which function of a model is meant, where its file leaves that open.
#pragma once

#include <optional>
#include <string>

#include "certify/lipcert.hpp"

namespace CLI {
class App;
}

namespace lipcert {

struct FunctionOptions {
  std::optional<std::string> input_shape;  // "1,3,32,32"
  bool fixed_inputs = false;
  std::optional<std::string> output;

  /// Throws `Error` (usage) for a shape that is no list of sizes from 1 on.
  [[nodiscard]] FunctionChoice choice() const;
};

/// --max-memory and --max-work: what the process may cost.
struct BudgetOptions {
  std::optional<std::uint64_t> memory;  // MiB
  std::optional<std::uint64_t> work;    // 2^30 multiplications

  [[nodiscard]] Budget budget() const;
};
void add_budget_options(CLI::App& command, BudgetOptions& options);

void add_function_options(CLI::App& command, FunctionOptions& options);

}  // namespace lipcert
