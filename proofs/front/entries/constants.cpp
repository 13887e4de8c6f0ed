// The exact entries of constants (entries.hpp): as they stand in the file, or what rational operations of the model make of such.
#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "proofs/front/entries/entries.hpp"
#include "proofs/front/entries/tools.hpp"
#include "proofs/front/members.hpp"

namespace lipcert::proofs {

namespace {

constexpr std::uint64_t most_numbers = std::uint64_t{1} << 22U;

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

}  // namespace lipcert::proofs
