// Nodes that only move entries (entries.hpp): where each entry of their results comes from.
#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string>

#include "proofs/front/entries/entries.hpp"
#include "proofs/front/entries/tools.hpp"
#include "proofs/front/members.hpp"

namespace lipcert::proofs {

namespace {

/// Where Pad's result at `at` on one axis comes from; -1: the constant.
std::int64_t unpadded(const std::string& mode, std::int64_t at, std::int64_t length) {
  if (mode == "edge") {
    return std::clamp<std::int64_t>(at, 0, length - 1);
  }
  if (mode == "reflect") {
    if (length == 1) {
      return 0;
    }
    const std::int64_t period = 2 * (length - 1);
    const std::int64_t within = ((at % period) + period) % period;
    return within < length ? within : period - within;
  }
  if (mode == "wrap") {
    return ((at % length) + length) % length;
  }
  return at >= 0 && at < length ? at : -1;
}

}  // namespace

bool EntryReader::moves(const Node& node, std::size_t output, std::vector<Source>& sources) const {
  sources.clear();
  if (output > 0 && node.op != Operator::split) {
    return false;  // a mask of Dropout, say, is not data
  }
  const ValueId from = node.inputs.empty() ? no_value : node.inputs.front();
  const Shape& to = shape(node.outputs.at(output));
  sources.reserve(element_count(to));
  const auto put = [&](const Index& at) {
    const std::int64_t position = flat(shape(from), at);
    sources.push_back({0, static_cast<std::uint32_t>(std::max<std::int64_t>(position, 0)), position < 0});
  };
  switch (node.op) {
    case Operator::identity:
    case Operator::dropout:
    case Operator::cast:
    case Operator::flatten:
    case Operator::reshape:
    case Operator::squeeze:
    case Operator::unsqueeze:
      for (std::uint64_t i = 0; i < element_count(to); ++i) {
        sources.push_back({0, static_cast<std::uint32_t>(i), false});
      }
      return true;
    case Operator::transpose: {
      const std::vector<std::int64_t>& order = integers_attribute(node, "perm");
      for_each_index(to, [&](const Index& at) {
        Index source(at.size());
        for (std::size_t k = 0; k < at.size(); ++k) {
          source[static_cast<std::size_t>(order[k])] = at[k];
        }
        put(source);
      });
      return true;
    }
    case Operator::slice: {
      const Shape& in = shape(from);
      const std::vector<std::int64_t> starts = list(node, "starts", 1);
      std::vector<std::int64_t> axes = list(node, "axes", 3);
      if (axes.empty()) {
        axes.resize(starts.size());
        std::iota(axes.begin(), axes.end(), 0);
      }
      std::vector<std::int64_t> steps(starts.size(), 1);
      if (node.inputs.size() > 4 && node.inputs[4] != no_value) {
        steps = integers(node.inputs[4]);
      }
      Index first(in.size(), 0);
      Index step(in.size(), 1);
      for (std::size_t k = 0; k < starts.size(); ++k) {
        const std::size_t axis = axis_of(axes.at(k), in.size());
        const auto length = static_cast<std::int64_t>(in[axis]);
        const std::int64_t start = starts[k] < 0 ? starts[k] + length : starts[k];
        step[axis] = steps.at(k);
        first[axis] = std::clamp<std::int64_t>(start, 0, step[axis] > 0 ? length : length - 1);
      }
      for_each_index(to, [&](const Index& at) {
        Index source(at.size());
        for (std::size_t k = 0; k < at.size(); ++k) {
          source[k] = first[k] + step[k] * at[k];
        }
        put(source);
      });
      break;
    }
    case Operator::gather: {
      const Shape& in = shape(from);
      const std::size_t axis = axis_of(node.integer_attribute("axis"), in.size());
      const std::vector<std::int64_t> chosen = integers(node.inputs.at(1));
      const Shape& by = shape(node.inputs.at(1));
      for_each_index(to, [&](const Index& at) {
        Index source(at.begin(), at.begin() + static_cast<std::ptrdiff_t>(axis));
        const Index which(at.begin() + static_cast<std::ptrdiff_t>(axis), at.begin() + static_cast<std::ptrdiff_t>(axis + by.size()));
        const std::int64_t i = chosen.at(static_cast<std::size_t>(flat(by, which)));
        source.push_back(i < 0 ? i + static_cast<std::int64_t>(in[axis]) : i);
        source.insert(source.end(), at.begin() + static_cast<std::ptrdiff_t>(axis + by.size()), at.end());
        put(source);
      });
      break;
    }
    case Operator::split: {
      const std::size_t axis = axis_of(node.integer_attribute("axis"), to.size());
      std::int64_t offset = 0;
      const std::vector<std::int64_t> parts = list(node, "split", 1);
      for (std::size_t k = 0; k < output; ++k) {
        if (parts.empty()) {
          offset += static_cast<std::int64_t>(shape(node.outputs.at(k)).at(axis));
        } else {
          offset += parts.at(k);
        }
      }
      for_each_index(to, [&](Index at) {
        at[axis] += offset;
        put(at);
      });
      break;
    }
    case Operator::concat: {
      const std::size_t axis = axis_of(node.integer_attribute("axis"), to.size());
      for_each_index(to, [&](Index at) {
        std::size_t k = 0;
        while (at[axis] >= static_cast<std::int64_t>(shape(node.inputs.at(k)).at(axis))) {
          at[axis] -= static_cast<std::int64_t>(shape(node.inputs[k++]).at(axis));
        }
        sources.push_back({k, static_cast<std::uint32_t>(flat(shape(node.inputs[k]), at)), false});
      });
      return true;
    }
    case Operator::pad: {
      const Shape& in = shape(from);
      const std::string mode = text_attribute(node, "mode");
      const std::vector<std::int64_t> pads = list(node, "pads", 1);
      std::vector<std::int64_t> axes =
          node.inputs.size() > 3 && node.inputs[3] != no_value ? integers(node.inputs[3]) : std::vector<std::int64_t>{};
      if (axes.empty()) {
        axes.resize(in.size());
        std::iota(axes.begin(), axes.end(), 0);
      }
      if (pads.size() != 2 * axes.size() ||
          (mode != "constant" && std::any_of(pads.begin(), pads.end(), [](std::int64_t p) { return p < 0; }))) {
        throw NotCovered("a Pad that crops in another mode than constant");
      }
      Index begin(in.size(), 0);
      for (std::size_t k = 0; k < axes.size(); ++k) {
        begin[axis_of(axes[k], in.size())] = pads[k];
      }
      for_each_index(to, [&](const Index& at) {
        Index source(at.size());
        for (std::size_t k = 0; k < at.size(); ++k) {
          source[k] = unpadded(mode, at[k] - begin[k], static_cast<std::int64_t>(in[k]));
        }
        put(source);
      });
      return true;
    }
    case Operator::depth_to_space:
    case Operator::space_to_depth: {
      const Shape& in = shape(from);
      const std::int64_t b = node.integer_attribute("blocksize");
      const bool to_space = node.op == Operator::depth_to_space;
      const bool columns_first = to_space && text_attribute(node, "mode") == "CRD";
      const auto channels = static_cast<std::int64_t>(to_space ? to[1] : in[1]);
      for_each_index(to, [&](const Index& at) {
        if (to_space) {
          const std::int64_t block = at[2] % b * b + at[3] % b;
          put({at[0], columns_first ? at[1] * b * b + block : block * channels + at[1], at[2] / b, at[3] / b});
        } else {
          const std::int64_t block = at[1] / channels;
          put({at[0], at[1] % channels, at[2] * b + block / b, at[3] * b + block % b});
        }
      });
      break;
    }
    default:
      return false;
  }
  if (std::any_of(sources.begin(), sources.end(), [](const Source& s) { return s.padding; })) {
    throw NotCovered(std::string("a ") + name_of(node.op) + " node that reads outside of its data");
  }
  return true;
}

}  // namespace lipcert::proofs
