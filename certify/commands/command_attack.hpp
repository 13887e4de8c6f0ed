// `lipcert attack`.
#pragma once

#include <cstdint>
#include <string>

#include "certify/commands/model_options.hpp"
#include "certify/commands/sample_options.hpp"

namespace lipcert {

struct AttackOptions {
  std::string model;
  DataOptions data;
  std::string certificate;  // empty: none
  std::string unit;         // "pixel" or "graph"; empty: the usual one
  std::vector<std::string> input_range;  // low, high; empty: none
  unsigned steps = 30;
  std::uint64_t seed = 1;
  unsigned threads = 0;  // 0: all cores
  std::uint64_t list = 10;
  std::string flips;  // NPY file of the flipped inputs that are listed; empty: none
  bool json = false;
  bool allow_external_data = false;
  FunctionOptions function;
};

/// Returns 1 when a certified sample is flipped inside its radius, else 0.
[[nodiscard]] int attack_command(const AttackOptions& options);

}  // namespace lipcert
