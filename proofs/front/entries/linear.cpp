// See entries.hpp.

#include "proofs/front/entries/entries.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <numeric>
#include <optional>
#include <string>

#include "proofs/front/exact.hpp"
#include "proofs/front/members.hpp"

namespace lipcert::proofs {
namespace {

constexpr std::size_t most_terms = std::size_t{1} << 21U;
constexpr std::uint64_t most_steps = std::uint64_t{1} << 26U;  // taps of all windows of a node
constexpr std::uint64_t most_numbers = std::uint64_t{1} << 22U;

using Index = std::vector<std::int64_t>;

/// Row-major position, or -1 outside.
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

/// All indices of a tensor, row by row.
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

/// Window positions of Conv and the poolings: position of tap j of output o is stride o + dilation j - begin.
struct Taps {
  std::vector<std::int64_t> kernel;
  std::vector<std::int64_t> stride;
  std::vector<std::int64_t> dilation;
  std::vector<std::int64_t> begin;
  std::vector<std::int64_t> end;
};

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

/// Products of products double the digits of a number with every node.
void require_short(const Number& x) {
  constexpr unsigned most_bits = 8192;
  if ((x != 0 && msb(abs(numerator(x))) >= most_bits) || msb(denominator(x)) >= most_bits) {
    throw NotCovered("weights whose exact values take more than " + std::to_string(most_bits) + " bits");
  }
}

/// Sums terms, and keeps count of them.
class Sum {
 public:
  void add(const Form& form, const Number& factor) {
    if (factor == 0) {
      return;
    }
    for (const auto& [index, weight] : form.terms) {
      terms_[index] += weight * factor;
    }
    constant_ += form.constant * factor;
  }
  void add(const Number& constant) { constant_ += constant; }
  Form take() {
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

 private:
  std::map<std::uint32_t, Number> terms_;
  Number constant_;
  std::size_t taken_ = 0;
};

/// The entry of a tensor of shape `from` that entry `at` of a broadcast result reads.
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

const std::vector<Number>& EntryReader::numbers(ValueId id) const {
  const auto found = numbers_.find(id);
  return found != numbers_.end() ? found->second : numbers_.emplace(id, computed(id)).first->second;
}

std::vector<Number> EntryReader::computed(ValueId id) const {
  const Value& v = value(id);
  if (element_count(v.shape) > most_numbers) {
    throw NotCovered("the constant '" + v.name + "' of more than " + std::to_string(most_numbers) +
                     " entries in a block that is followed entry by entry");
  }
  std::vector<Number> result;
  if (const Tensor* tensor = network_.known(id)) {
    result.reserve(tensor->size());
    for (std::uint64_t i = 0; i < tensor->size(); ++i) {
      result.push_back(is_floating(tensor->type) ? number(tensor->real(i)) : Number(tensor->integer(i)));
    }
    return result;
  }
  if (!v.constant || v.kind != Value::Kind::node_output) {
    throw NotCovered("the constant '" + v.name + "'");
  }
  const Node& node = network_.nodes.at(v.producer);
  const auto place = static_cast<std::size_t>(std::find(node.outputs.begin(), node.outputs.end(), id) - node.outputs.begin());
  std::vector<Source> sources;
  switch (node.op) {
    case Operator::neg:
      for (const Number& x : numbers(node.inputs.at(0))) {
        result.push_back(-x);
      }
      return result;
    case Operator::add:
    case Operator::sub:
    case Operator::mul:
    case Operator::div: {
      const std::vector<Number>& left = numbers(node.inputs.at(0));
      const std::vector<Number>& right = numbers(node.inputs.at(1));
      for_each_index(v.shape, [&](const Index& at) {
        const Number& a = left.at(broadcast_from(shape(node.inputs[0]), at));
        const Number& b = right.at(broadcast_from(shape(node.inputs[1]), at));
        if (node.op == Operator::div && b == 0) {
          throw rejected("the model divides by zero.");
        }
        Number c = a;
        if (node.op == Operator::add) {
          c += b;
        } else if (node.op == Operator::sub) {
          c -= b;
        } else if (node.op == Operator::mul) {
          c *= b;
        } else {
          c /= b;
        }
        require_short(c);
        result.push_back(std::move(c));
      });
      return result;
    }
    case Operator::clip: {
      const auto limit = [&](std::size_t input, const char* attribute) -> std::optional<Number> {
        if (has(node, attribute)) {
          return number(static_cast<double>(node.real_attribute(attribute)));
        }
        return node.inputs.size() > input && node.inputs[input] != no_value ? std::optional<Number>(numbers(node.inputs[input]).at(0))
                                                                            : std::nullopt;
      };
      const std::optional<Number> low = limit(1, "min");
      const std::optional<Number> high = limit(2, "max");
      for (const Number& x : numbers(node.inputs.at(0))) {
        Number clipped = low && x < *low ? *low : x;
        if (high && clipped > *high) {
          clipped = *high;
        }
        result.push_back(std::move(clipped));
      }
      return result;
    }
    case Operator::matmul: {
      Shape left = shape(node.inputs.at(0));
      Shape right = shape(node.inputs.at(1));
      if (left.size() > 2 || right.size() > 2) {
        break;
      }
      left.insert(left.begin(), left.size() == 1 ? 1 : 0, 1);
      right.resize(2, 1);
      const std::vector<Number>& a = numbers(node.inputs[0]);
      const std::vector<Number>& b = numbers(node.inputs[1]);
      for (std::uint64_t i = 0; i < left[0]; ++i) {
        for (std::uint64_t j = 0; j < right[1]; ++j) {
          Number sum = 0;
          for (std::uint64_t k = 0; k < left[1]; ++k) {
            sum += a.at(i * left[1] + k) * b.at(k * right[1] + j);
          }
          require_short(sum);
          result.push_back(std::move(sum));
        }
      }
      return result;
    }
    case Operator::cast:
      // A Cast that changes the type rounds; the readers know what it puts out where that is allowed.
      break;
    default:
      if (moves(node, place, sources)) {
        for (const Source& s : sources) {
          if (s.padding) {
            throw NotCovered("the constant '" + v.name + "', which is padded");
          }
          result.push_back(numbers(node.inputs.at(s.input)).at(s.index));
        }
        return result;
      }
      break;
  }
  throw NotCovered("the constant '" + v.name + "', which a " + name_of(node.op) + " node computes");
}

std::vector<std::int64_t> EntryReader::integers(ValueId id) const {
  const Tensor* tensor = network_.known(id);
  if (tensor == nullptr) {
    throw NotCovered("the list of integers '" + value(id).name + "', which a node computes");
  }
  std::vector<std::int64_t> out;
  for (std::uint64_t i = 0; i < tensor->size(); ++i) {
    out.push_back(tensor->integer(i));
  }
  return out;
}

/// A list that older versions write as an attribute and newer ones as an input; empty when there is none.
std::vector<std::int64_t> EntryReader::list(const Node& node, const char* attribute, std::size_t input) const {
  if (has(node, attribute)) {
    return integers_attribute(node, attribute);
  }
  return node.inputs.size() > input && node.inputs[input] != no_value ? integers(node.inputs[input]) : std::vector<std::int64_t>{};
}

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

// ---- linear nodes ----

std::vector<Form> EntryReader::linear(const Node& node, const std::map<ValueId, std::vector<Form>>& forms) const {
  const Shape& to = shape(node.outputs.at(0));
  const auto form = [&](std::size_t input) -> const std::vector<Form>& {
    const auto found = forms.find(node.inputs.at(input));
    if (found == forms.end()) {
      throw rejected("a node of a linear block reads what the block does not have.");
    }
    return found->second;
  };
  const auto entry = [](const std::vector<Number>& constants, std::uint64_t i) -> const Number& { return constants.at(i); };
  std::vector<Form> result;
  result.reserve(element_count(to));
  Sum sum;
  switch (node.op) {
    case Operator::neg:
      for (const Form& f : form(0)) {
        sum.add(f, Number(-1));
        result.push_back(sum.take());
      }
      return result;
    case Operator::add:
    case Operator::sub:
      for_each_index(to, [&](const Index& at) {
        for (std::size_t k = 0; k < 2; ++k) {
          const Number sign(k == 1 && node.op == Operator::sub ? -1 : 1);
          const std::uint32_t i = broadcast_from(shape(node.inputs.at(k)), at);
          if (data(node.inputs[k])) {
            sum.add(form(k).at(i), sign);
          } else {
            sum.add(entry(numbers(node.inputs[k]), i) * sign);
          }
        }
        result.push_back(sum.take());
      });
      return result;
    case Operator::mul:
    case Operator::div: {
      const std::size_t at_data = data(node.inputs.at(0)) ? 0 : 1;
      if (data(node.inputs.at(1 - at_data)) || (node.op == Operator::div && at_data == 1)) {
        throw rejected("a product of two tensors, or a division by one, is not linear.");
      }
      const std::vector<Number>& factors = numbers(node.inputs[1 - at_data]);
      for_each_index(to, [&](const Index& at) {
        Number factor = entry(factors, broadcast_from(shape(node.inputs[1 - at_data]), at));
        if (node.op == Operator::div) {
          if (factor == 0) {
            throw rejected("the model divides by zero.");
          }
          factor = 1 / factor;
        }
        sum.add(form(at_data).at(broadcast_from(shape(node.inputs[at_data]), at)), factor);
        result.push_back(sum.take());
      });
      return result;
    }
    case Operator::gemm:
    case Operator::matmul: {
      const std::size_t at_data = data(node.inputs.at(0)) ? 0 : 1;
      // A vector on the left is a row, one on the right a column, and the result has no such axis.
      Shape left = shape(node.inputs[0]);
      Shape right = shape(node.inputs[1]);
      const bool row_vector = left.size() == 1;
      const bool column_vector = right.size() == 1;
      if (row_vector) {
        left.insert(left.begin(), 1);
      }
      if (column_vector) {
        right.push_back(1);
      }
      const std::vector<Number>& matrix = numbers(node.inputs.at(1 - at_data));
      const bool gemm = node.op == Operator::gemm;
      const bool across = gemm && node.integer_attribute("transA") != 0;
      const bool by_rows = gemm && node.integer_attribute("transB") != 0;
      const Number alpha = number(gemm ? static_cast<double>(node.real_attribute("alpha")) : 1.0);
      const Number beta = number(gemm ? static_cast<double>(node.real_attribute("beta")) : 1.0);
      if (left.size() < 2 || right.size() < 2 || (at_data == 0 ? right : left).size() != 2) {
        throw NotCovered("a MatMul whose constant is a stack of matrices");
      }
      const std::uint64_t inner = across ? left[left.size() - 2] : left.back();
      // Leading dimensions of the data are copies; the constant has none.
      for_each_index(to, [&](Index at) {
        if (row_vector) {
          at.insert(at.end() - (column_vector ? 0 : 1), 0);
        }
        if (column_vector) {
          at.push_back(0);
        }
        const auto row = static_cast<std::uint64_t>(at[at.size() - 2]);
        const auto column = static_cast<std::uint64_t>(at.back());
        std::uint64_t copy = 0;
        for (std::size_t k = 0; k + 2 < at.size(); ++k) {
          // With a vector on one side the leading axes are those of the other.
          copy = copy * (at_data == 0 ? left : right)[k] + static_cast<std::uint64_t>(at[k]);
        }
        for (std::uint64_t k = 0; k < inner; ++k) {
          std::uint64_t a = across ? k * left.back() + row : row * inner + k;
          std::uint64_t b = by_rows ? column * inner + k : k * right.back() + column;
          (at_data == 0 ? a : b) += copy * (at_data == 0 ? left[left.size() - 2] * left.back() : right[right.size() - 2] * right.back());
          sum.add(form(at_data).at(at_data == 0 ? a : b), alpha * entry(matrix, at_data == 0 ? b : a));
        }
        if (gemm && node.inputs.size() > 2 && node.inputs[2] != no_value) {
          const std::uint32_t i = broadcast_from(shape(node.inputs[2]), at);
          if (data(node.inputs[2])) {
            sum.add(form(2).at(i), beta);
          } else {
            sum.add(beta * entry(numbers(node.inputs[2]), i));
          }
        }
        result.push_back(sum.take());
      });
      return result;
    }
    case Operator::conv: {
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
              sum.add(form(0).at(static_cast<std::size_t>(position)),
                      entry(kernel, static_cast<std::uint64_t>(flat(kernel_shape, weight))));
            }
          });
        }
        if (node.inputs.size() > 2 && node.inputs[2] != no_value) {
          sum.add(entry(numbers(node.inputs[2]), static_cast<std::uint64_t>(at[1])));
        }
        result.push_back(sum.take());
      });
      return result;
    }
    case Operator::conv_transpose: {
      const std::string automatic = text_attribute(node, "auto_pad");
      if (automatic != "NOTSET" && automatic != "VALID") {
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
              sum.add(form(0).at(static_cast<std::size_t>(position)),
                      entry(kernel, static_cast<std::uint64_t>(flat(kernel_shape, weight))));
            }
          });
        }
        if (node.inputs.size() > 2 && node.inputs[2] != no_value) {
          sum.add(entry(numbers(node.inputs[2]), static_cast<std::uint64_t>(at[1])));
        }
        result.push_back(sum.take());
      });
      return result;
    }
    case Operator::average_pool: {
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
          sum.add(form(0).at(i), Number(1, counted));
        }
        result.push_back(sum.take());
      });
      return result;
    }
    case Operator::global_average_pool:
    case Operator::reduce_mean:
    case Operator::reduce_sum:
      for (const std::vector<std::uint32_t>& set : reduction_sets(node)) {
        const Number factor(1, node.op == Operator::reduce_sum ? 1 : static_cast<std::int64_t>(set.size()));
        for (const std::uint32_t i : set) {
          sum.add(form(0).at(i), factor);
        }
        result.push_back(sum.take());
      }
      return result;
    case Operator::batch_normalization:
      throw NotCovered("a BatchNormalization, whose square root is not rational");
    default:
      throw rejected(std::string("a ") + name_of(node.op) + " node is not linear.");
  }
}

std::vector<Form> EntryReader::forms(const std::vector<std::size_t>& nodes, ValueId input, ValueId output) const {
  std::map<ValueId, std::vector<Form>> known_forms;
  std::vector<Form>& start = known_forms[input];
  start.resize(element_count(shape(input)));
  for (std::size_t i = 0; i < start.size(); ++i) {
    start[i].terms.emplace_back(static_cast<std::uint32_t>(i), 1);
  }
  for (const std::size_t index : nodes) {
    const Node& node = network_.nodes.at(index);
    for (std::size_t k = 0; k < node.outputs.size(); ++k) {
      if (node.outputs[k] == no_value) {
        continue;
      }
      std::vector<Source> sources;
      std::vector<Form> result;
      if (moves(node, k, sources)) {
        for (const Source& s : sources) {
          const ValueId from = node.inputs.at(s.input);
          if (s.padding) {
            Form filling;
            if (node.inputs.size() > 2 && node.inputs[2] != no_value) {
              filling.constant = numbers(node.inputs[2]).at(0);
            } else if (has(node, "value")) {
              filling.constant = number(static_cast<double>(node.real_attribute("value")));
            }
            result.push_back(std::move(filling));
          } else if (data(from)) {
            const auto found = known_forms.find(from);
            if (found == known_forms.end()) {
              throw rejected("a node of a linear block reads what the block does not have.");
            }
            result.push_back(found->second.at(s.index));
          } else {
            Form fixed;
            fixed.constant = numbers(from).at(s.index);
            result.push_back(std::move(fixed));
          }
        }
      } else if (k == 0) {
        result = linear(node, known_forms);
      } else {
        continue;
      }
      std::size_t terms = 0;
      for (const Form& f : result) {
        terms += f.terms.size();
      }
      if (terms > most_terms) {
        throw NotCovered("a linear block with more than " + std::to_string(most_terms) + " terms");
      }
      known_forms[node.outputs[k]] = std::move(result);
    }
  }
  const auto found = known_forms.find(output);
  if (found == known_forms.end()) {
    throw rejected("a linear block does not write its output.");
  }
  return found->second;
}

// ---- nodes that sort ----

std::vector<Ordered> EntryReader::orders(const std::vector<std::size_t>& nodes, ValueId input, ValueId output) const {
  std::map<ValueId, std::vector<Ordered>> followed;
  std::vector<Ordered>& start = followed[input];
  start.resize(element_count(shape(input)));
  for (std::size_t i = 0; i < start.size(); ++i) {
    start[i].set = {static_cast<std::uint32_t>(i)};
  }
  const auto of = [&](ValueId id) -> const std::vector<Ordered>& {
    const auto found = followed.find(id);
    if (found == followed.end()) {
      throw rejected("a node of a sort reads what the block does not have.");
    }
    return found->second;
  };
  /// The order statistic of entries of the block's input.
  const auto statistic = [&](const std::vector<const Ordered*>& members, std::size_t rank) {
    Ordered result;
    for (const Ordered* m : members) {
      if (m->set.size() != 1 || m->negative || m->part) {
        throw NotCovered("a sort of what is sorted or negated already");
      }
      result.set.push_back(m->set.front());
    }
    std::sort(result.set.begin(), result.set.end());
    if (std::adjacent_find(result.set.begin(), result.set.end()) != result.set.end()) {
      throw NotCovered("a sort of an entry with itself");
    }
    result.rank = static_cast<std::uint32_t>(rank);
    return result;
  };
  for (const std::size_t index : nodes) {
    const Node& node = network_.nodes.at(index);
    std::vector<Ordered> result;
    switch (node.op) {
      case Operator::neg:
        result = of(node.inputs.at(0));
        for (Ordered& o : result) {
          if (o.set.size() != 1 || o.part) {
            throw NotCovered("a sort that is negated");
          }
          o.negative = !o.negative;
        }
        break;
      case Operator::max:
      case Operator::min: {
        if (node.inputs.size() != 2 || shape(node.inputs[0]) != shape(node.inputs[1])) {
          throw rejected("a Max or Min of a sort does not have two tensors of one shape.");
        }
        const std::vector<Ordered>& a = of(node.inputs[0]);
        const std::vector<Ordered>& b = of(node.inputs[1]);
        for (std::size_t i = 0; i < a.size(); ++i) {
          result.push_back(statistic({&a[i], &b.at(i)}, node.op == Operator::max ? 1 : 0));
        }
        break;
      }
      case Operator::reduce_max:
      case Operator::reduce_min: {
        const std::vector<Ordered>& a = of(node.inputs.at(0));
        for (const std::vector<std::uint32_t>& set : reduction_sets(node)) {
          std::vector<const Ordered*> members;
          for (const std::uint32_t i : set) {
            members.push_back(&a.at(i));
          }
          result.push_back(statistic(members, node.op == Operator::reduce_max ? members.size() - 1 : 0));
        }
        break;
      }
      case Operator::top_k: {
        const Shape& in = shape(node.inputs.at(0));
        const Shape& to = shape(node.outputs.at(0));
        const std::size_t axis = axis_of(node.integer_attribute("axis"), in.size());
        const bool largest = !has(node, "largest") || node.integer_attribute("largest") != 0;
        if (has(node, "sorted") && node.integer_attribute("sorted") == 0) {
          throw NotCovered("a TopK whose results are in no order");
        }
        const std::vector<Ordered>& a = of(node.inputs[0]);
        for_each_index(to, [&](const Index& at) {
          std::vector<const Ordered*> members;
          for (std::size_t k = 0; k < in[axis]; ++k) {
            Index source = at;
            source[axis] = static_cast<std::int64_t>(k);
            members.push_back(&a.at(static_cast<std::size_t>(flat(in, source))));
          }
          const auto place = static_cast<std::size_t>(at[axis]);
          result.push_back(members.size() == 1 ? *members.front() : statistic(members, largest ? members.size() - 1 - place : place));
        });
        break;
      }
      case Operator::relu:
        result = of(node.inputs.at(0));
        for (Ordered& o : result) {
          if (o.set.size() != 1 || o.part) {
            throw NotCovered("the positive part of what is sorted already");
          }
          o.part = true;
        }
        break;
      default: {
        for (std::size_t k = 0; k < node.outputs.size(); ++k) {
          std::vector<Source> sources;
          if (!moves(node, k, sources)) {
            if (k > 0) {
              continue;
            }
            throw rejected(std::string("a ") + name_of(node.op) + " node does not only move and compare entries.");
          }
          result.clear();
          for (const Source& s : sources) {
            if (s.padding || !data(node.inputs.at(s.input))) {
              throw rejected("a sort puts out constants.");
            }
            result.push_back(of(node.inputs[s.input]).at(s.index));
          }
          followed[node.outputs[k]] = result;
        }
        continue;
      }
    }
    followed[node.outputs.at(0)] = std::move(result);
  }
  return of(output);
}

}  // namespace lipcert::proofs
