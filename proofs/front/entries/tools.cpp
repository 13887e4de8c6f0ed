// See tools.hpp.
#include "proofs/front/entries/tools.hpp"

#include <algorithm>
#include <utility>

#include "proofs/front/exact.hpp"
#include "proofs/front/members.hpp"

namespace lipcert::proofs {

namespace {

constexpr std::uint64_t most_steps = std::uint64_t{1} << 26U;  // taps of all windows of a node

}  // namespace

std::int64_t flat(const Shape& shape, const Index& at) {
  std::int64_t position = 0;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    if (at[k] < 0 || at[k] >= static_cast<std::int64_t>(shape[k])) {
      return -1;
    }
    position = position * static_cast<std::int64_t>(shape[k]) + at[k];
  }
  return position;
}

void for_each_index(const Shape& shape, const std::function<void(const Index&)>& visit) {
  const std::uint64_t n = element_count(shape);
  Index at(shape.size(), 0);
  for (std::uint64_t i = 0; i < n; ++i) {
    visit(at);
    for (std::size_t k = shape.size(); k-- > 0;) {
      if (++at[k] < static_cast<std::int64_t>(shape[k])) {
        break;
      }
      at[k] = 0;
    }
  }
}

std::uint32_t broadcast_from(const Shape& from, const Index& at) {
  std::uint64_t position = 0;
  for (std::size_t k = 0; k < from.size(); ++k) {
    // A constant of more dimensions than the result has leading ones only.
    const std::size_t skipped = from.size() > at.size() ? from.size() - at.size() : 0;
    const std::size_t lead = at.size() > from.size() ? at.size() - from.size() : 0;
    const std::uint64_t coordinate = k < skipped || from[k] == 1 ? 0 : static_cast<std::uint64_t>(at[k - skipped + lead]);
    position = position * from[k] + coordinate;
  }
  return static_cast<std::uint32_t>(position);
}

std::size_t axis_of(std::int64_t axis, std::size_t rank) {
  const std::int64_t positive = axis < 0 ? axis + static_cast<std::int64_t>(rank) : axis;
  if (positive < 0 || positive >= static_cast<std::int64_t>(rank)) {
    throw NotCovered("an axis outside of the tensor");
  }
  return static_cast<std::size_t>(positive);
}

const std::vector<std::int64_t>& integers_attribute(const Node& node, const char* key) {
  return std::get<std::vector<std::int64_t>>(node.attributes.at(key));
}

std::string text_attribute(const Node& node, const char* key) {
  const auto found = node.attributes.find(key);
  return found == node.attributes.end() ? std::string() : std::get<std::string>(found->second);
}

bool has(const Node& node, const char* key) {
  return node.attributes.count(key) != 0;
}

Taps taps_of(const Node& node, const Shape& in, const Shape& out, std::vector<std::int64_t> kernel) {
  const std::size_t d = in.size() - 2;
  Taps t;
  t.kernel = std::move(kernel);
  t.stride = integers_attribute(node, "strides");
  t.dilation = has(node, "dilations") ? integers_attribute(node, "dilations") : std::vector<std::int64_t>(d, 1);
  const std::string automatic = text_attribute(node, "auto_pad");
  if (automatic == "SAME_UPPER" || automatic == "SAME_LOWER") {
    for (std::size_t k = 0; k < d; ++k) {
      const std::int64_t span = (static_cast<std::int64_t>(out[k + 2]) - 1) * t.stride[k] + t.dilation[k] * (t.kernel[k] - 1) + 1;
      const std::int64_t total = std::max<std::int64_t>(span - static_cast<std::int64_t>(in[k + 2]), 0);
      const std::int64_t smaller = total / 2;
      t.begin.push_back(automatic == "SAME_UPPER" ? smaller : total - smaller);
      t.end.push_back(total - t.begin.back());
    }
  } else if (automatic == "VALID") {
    t.begin.assign(d, 0);
    t.end.assign(d, 0);
  } else {
    const std::vector<std::int64_t>& pads = integers_attribute(node, "pads");
    t.begin.assign(pads.begin(), pads.begin() + static_cast<std::ptrdiff_t>(d));
    t.end.assign(pads.begin() + static_cast<std::ptrdiff_t>(d), pads.end());
  }
  std::uint64_t steps = element_count(out);
  for (const std::int64_t k : t.kernel) {
    const auto taps = static_cast<std::uint64_t>(std::max<std::int64_t>(k, 1));
    if (steps > most_steps / taps) {
      throw NotCovered("windows with more than " + std::to_string(most_steps) + " taps together");
    }
    steps *= taps;
  }
  if (t.kernel.size() != d || t.stride.size() != d || t.dilation.size() != d || t.begin.size() != d || t.end.size() != d) {
    throw NotCovered("windows whose rank is not the tensor's");
  }
  return t;
}

Shape taps_shape(const std::vector<std::int64_t>& kernel) {
  return {kernel.begin(), kernel.end()};
}

Number number(double value) {
  const Fraction f = exact(value);
  return Number(f.num, f.den);
}

void require_short(const Number& x) {
  constexpr unsigned most_bits = 8192;
  if ((x != 0 && msb(abs(numerator(x))) >= most_bits) || msb(denominator(x)) >= most_bits) {
    throw NotCovered("weights whose exact values take more than " + std::to_string(most_bits) + " bits");
  }
}

void Sum::add(const Form& form, const Number& factor) {
  if (factor == 0) {
    return;
  }
  for (const auto& [index, weight] : form.terms) {
    terms_[index] += weight * factor;
  }
  constant_ += form.constant * factor;
}

Form Sum::take() {
  taken_ += terms_.size();
  if (taken_ > most_terms) {
    throw NotCovered("a linear block with more than " + std::to_string(most_terms) + " terms");
  }
  Form form;
  for (auto& [index, weight] : terms_) {
    if (weight != 0) {
      require_short(weight);
      form.terms.emplace_back(index, std::move(weight));
    }
  }
  require_short(constant_);
  form.constant = std::move(constant_);
  terms_.clear();
  constant_ = 0;
  return form;
}

}  // namespace lipcert::proofs
