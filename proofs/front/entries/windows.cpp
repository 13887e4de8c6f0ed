// Windows and reductions (entries.hpp): Conv, ConvTranspose and the averages as linear maps, and the sets over which poolings take the
// maximum.
#include <cstdint>
#include <string>

#include "proofs/front/entries/entries.hpp"
#include "proofs/front/entries/tools.hpp"
#include "proofs/front/members.hpp"

namespace lipcert::proofs {

std::vector<bool> EntryReader::reduced_axes(const Node& node) const {
  const std::size_t rank = shape(node.inputs.at(0)).size();
  const std::vector<std::int64_t> axes = list(node, "axes", 1);
  if (axes.empty() && has(node, "noop_with_empty_axes") && node.integer_attribute("noop_with_empty_axes") != 0) {
    return std::vector<bool>(rank, false);
  }
  std::vector<bool> reduced(rank, axes.empty());
  for (const std::int64_t axis : axes) {
    reduced[axis_of(axis, rank)] = true;
  }
  return reduced;
}

/// The entries that each entry of a reduction's result is taken over.
std::vector<std::vector<std::uint32_t>> EntryReader::reduction_sets(const Node& node) const {
  const Shape& in = shape(node.inputs.at(0));
  std::vector<bool> reduced;
  if (node.op == Operator::global_average_pool || node.op == Operator::global_max_pool) {
    reduced.assign(in.size(), true);
    reduced.at(0) = reduced.at(1) = false;
  } else {
    reduced = reduced_axes(node);
  }
  Shape kept = in;
  for (std::size_t k = 0; k < in.size(); ++k) {
    kept[k] = reduced[k] ? 1 : in[k];
  }
  std::vector<std::vector<std::uint32_t>> sets(element_count(kept));
  std::uint32_t position = 0;
  for_each_index(in, [&](Index at) {
    for (std::size_t k = 0; k < in.size(); ++k) {
      if (reduced[k]) {
        at[k] = 0;
      }
    }
    sets.at(static_cast<std::size_t>(flat(kept, at))).push_back(position++);
  });
  return sets;
}

std::vector<std::vector<std::uint32_t>> EntryReader::windows(const Node& node) const {
  if (node.op != Operator::max_pool) {
    return reduction_sets(node);
  }
  const Shape& in = shape(node.inputs.at(0));
  const Shape& out = shape(node.outputs.at(0));
  const Taps taps = taps_of(node, in, out, integers_attribute(node, "kernel_shape"));
  std::vector<std::vector<std::uint32_t>> sets;
  for_each_index(out, [&](const Index& at) {
    std::vector<std::uint32_t>& set = sets.emplace_back();
    for_each_index(taps_shape(taps.kernel), [&](const Index& tap) {
      Index source = at;
      for (std::size_t k = 0; k < tap.size(); ++k) {
        source[k + 2] = taps.stride[k] * at[k + 2] + taps.dilation[k] * tap[k] - taps.begin[k];
      }
      if (const std::int64_t position = flat(in, source); position >= 0) {
        set.push_back(static_cast<std::uint32_t>(position));
      }
    });
    if (set.empty()) {
      throw NotCovered("a MaxPool with a window of padding only");
    }
  });
  return sets;
}

std::vector<Form> EntryReader::convolution(const Node& node, const Forms& forms) const {
  const Shape& to = shape(node.outputs.at(0));
  std::vector<Form> result;
  result.reserve(element_count(to));
  Sum sum;
  const Shape& in = shape(node.inputs[0]);
  const Shape& kernel_shape = shape(node.inputs.at(1));
  const std::vector<Number>& kernel = numbers(node.inputs[1]);
  const Taps taps = taps_of(node, in, to, {kernel_shape.begin() + 2, kernel_shape.end()});
  const auto per_group = static_cast<std::int64_t>(kernel_shape[1]);
  const std::int64_t outputs = static_cast<std::int64_t>(kernel_shape[0]) / node.integer_attribute("group");
  for_each_index(to, [&](const Index& at) {
    for (std::int64_t c = 0; c < per_group; ++c) {
      for_each_index(taps_shape(taps.kernel), [&](const Index& tap) {
        Index source = at;
        source[1] = at[1] / outputs * per_group + c;
        Index weight = {at[1], c};
        for (std::size_t k = 0; k < tap.size(); ++k) {
          source[k + 2] = taps.stride[k] * at[k + 2] + taps.dilation[k] * tap[k] - taps.begin[k];
          weight.push_back(tap[k]);
        }
        if (const std::int64_t position = flat(in, source); position >= 0) {
          sum.add(form(forms, node.inputs.at(0)).at(static_cast<std::size_t>(position)),
                  kernel.at(static_cast<std::uint64_t>(flat(kernel_shape, weight))));
        }
      });
    }
    if (node.inputs.size() > 2 && node.inputs[2] != no_value) {
      sum.add(numbers(node.inputs[2]).at(static_cast<std::uint64_t>(at[1])));
    }
    result.push_back(sum.take());
  });
  return result;
}

std::vector<Form> EntryReader::transposed_convolution(const Node& node, const Forms& forms) const {
  const Shape& to = shape(node.outputs.at(0));
  std::vector<Form> result;
  result.reserve(element_count(to));
  Sum sum;
  const std::string automatic = text_attribute(node, "auto_pad");
  if ((automatic != "NOTSET" && automatic != "VALID") || has(node, "output_shape")) {
    throw NotCovered("a ConvTranspose with automatic padding");
  }
  const Shape& in = shape(node.inputs[0]);
  const Shape& kernel_shape = shape(node.inputs.at(1));
  const std::vector<Number>& kernel = numbers(node.inputs[1]);
  const Taps taps = taps_of(node, in, to, {kernel_shape.begin() + 2, kernel_shape.end()});
  const auto per_group = static_cast<std::int64_t>(kernel_shape[1]);
  const std::int64_t inputs = static_cast<std::int64_t>(kernel_shape[0]) / node.integer_attribute("group");
  // Output o gets x at i where stride i + dilation tap - begin = o.
  for_each_index(to, [&](const Index& at) {
    for (std::int64_t c = 0; c < inputs; ++c) {
      for_each_index(taps_shape(taps.kernel), [&](const Index& tap) {
        Index source = at;
        source[1] = at[1] / per_group * inputs + c;
        Index weight = {source[1], at[1] % per_group};
        for (std::size_t k = 0; k < tap.size(); ++k) {
          const std::int64_t place = at[k + 2] + taps.begin[k] - taps.dilation[k] * tap[k];
          source[k + 2] = place >= 0 && place % taps.stride[k] == 0 ? place / taps.stride[k] : -1;
          weight.push_back(tap[k]);
        }
        if (const std::int64_t position = flat(in, source); position >= 0) {
          sum.add(form(forms, node.inputs.at(0)).at(static_cast<std::size_t>(position)),
                  kernel.at(static_cast<std::uint64_t>(flat(kernel_shape, weight))));
        }
      });
    }
    if (node.inputs.size() > 2 && node.inputs[2] != no_value) {
      sum.add(numbers(node.inputs[2]).at(static_cast<std::uint64_t>(at[1])));
    }
    result.push_back(sum.take());
  });
  return result;
}

std::vector<Form> EntryReader::averages(const Node& node, const Forms& forms) const {
  const Shape& to = shape(node.outputs.at(0));
  std::vector<Form> result;
  result.reserve(element_count(to));
  Sum sum;
  const Shape& in = shape(node.inputs[0]);
  const Taps taps = taps_of(node, in, to, integers_attribute(node, "kernel_shape"));
  const bool with_padding = node.integer_attribute("count_include_pad") != 0;
  for_each_index(to, [&](const Index& at) {
    std::vector<std::size_t> inside;
    std::int64_t counted = 0;
    for_each_index(taps_shape(taps.kernel), [&](const Index& tap) {
      Index source = at;
      bool padded = true;
      for (std::size_t k = 0; k < tap.size(); ++k) {
        source[k + 2] = taps.stride[k] * at[k + 2] + taps.dilation[k] * tap[k] - taps.begin[k];
        padded = padded && source[k + 2] >= -taps.begin[k] && source[k + 2] < static_cast<std::int64_t>(in[k + 2]) + taps.end[k];
      }
      const std::int64_t position = flat(in, source);
      if (position >= 0) {
        inside.push_back(static_cast<std::size_t>(position));
      }
      counted += position >= 0 || (with_padding && padded) ? 1 : 0;
    });
    if (counted == 0) {
      throw NotCovered("an AveragePool with a window of padding only");
    }
    for (const std::size_t i : inside) {
      sum.add(form(forms, node.inputs.at(0)).at(i), Number(1, counted));
    }
    result.push_back(sum.take());
  });
  return result;
}

std::vector<Form> EntryReader::reduced(const Node& node, const Forms& forms) const {
  const Shape& to = shape(node.outputs.at(0));
  std::vector<Form> result;
  result.reserve(element_count(to));
  Sum sum;
  for (const std::vector<std::uint32_t>& set : reduction_sets(node)) {
    const Number factor(1, node.op == Operator::reduce_sum ? 1 : static_cast<std::int64_t>(set.size()));
    for (const std::uint32_t i : set) {
      sum.add(form(forms, node.inputs.at(0)).at(i), factor);
    }
    result.push_back(sum.take());
  }
  return result;
}

}  // namespace lipcert::proofs
