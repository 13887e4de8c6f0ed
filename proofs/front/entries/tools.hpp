// What the files of this folder have in common: indices of tensors, attributes, windows, and exact sums of terms.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "formats/network/network.hpp"
#include "proofs/front/entries/entries.hpp"

namespace lipcert::proofs {

inline constexpr std::size_t most_terms = std::size_t{1} << 21U;

// ---- indices ----

using Index = std::vector<std::int64_t>;

/// Row-major position, or -1 outside.
[[nodiscard]] std::int64_t flat(const Shape& shape, const Index& at);

/// All indices of a tensor, row by row.
void for_each_index(const Shape& shape, const std::function<void(const Index&)>& visit);

/// The entry of a tensor of shape `from` that entry `at` of a broadcast result reads.
[[nodiscard]] std::uint32_t broadcast_from(const Shape& from, const Index& at);

[[nodiscard]] std::size_t axis_of(std::int64_t axis, std::size_t rank);

// ---- attributes ----

[[nodiscard]] const std::vector<std::int64_t>& integers_attribute(const Node& node, const char* key);
[[nodiscard]] std::string text_attribute(const Node& node, const char* key);
[[nodiscard]] bool has(const Node& node, const char* key);

// ---- windows ----

/// Window positions of Conv and the poolings: position of tap j of output o is stride o + dilation j - begin.
struct Taps {
  std::vector<std::int64_t> kernel;
  std::vector<std::int64_t> stride;
  std::vector<std::int64_t> dilation;
  std::vector<std::int64_t> begin;
  std::vector<std::int64_t> end;
};

[[nodiscard]] Taps taps_of(const Node& node, const Shape& in, const Shape& out, std::vector<std::int64_t> kernel);
[[nodiscard]] Shape taps_shape(const std::vector<std::int64_t>& kernel);

// ---- numbers ----

[[nodiscard]] Number number(double value);

/// Products of products double the digits of a number with every node.
void require_short(const Number& x);

/// Sums terms, and keeps count of them.
class Sum {
 public:
  void add(const Form& form, const Number& factor);
  void add(const Number& constant) { constant_ += constant; }
  Form take();

 private:
  std::map<std::uint32_t, Number> terms_;
  Number constant_;
  std::size_t taken_ = 0;
};

}  // namespace lipcert::proofs
