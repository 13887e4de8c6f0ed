// Linear blocks (entries.hpp): what every entry of their output is, through sums, factors and matrices; windows stand in windows.cpp, what
// is only moved in moves.cpp.
#include <cstdint>
#include <string>
#include <utility>

#include "proofs/front/entries/entries.hpp"
#include "proofs/front/entries/tools.hpp"
#include "proofs/front/members.hpp"

namespace lipcert::proofs {

const std::vector<Form>& EntryReader::form(const Forms& forms, ValueId id) {
  const auto found = forms.find(id);
  if (found == forms.end()) {
    throw rejected("a node of a linear block reads what the block does not have.");
  }
  return found->second;
}

std::vector<Form> EntryReader::negated(const Node& node, const Forms& forms) const {
  const Shape& to = shape(node.outputs.at(0));
  std::vector<Form> result;
  result.reserve(element_count(to));
  Sum sum;
  for (const Form& f : form(forms, node.inputs.at(0))) {
    sum.add(f, Number(-1));
    result.push_back(sum.take());
  }
  return result;
}

std::vector<Form> EntryReader::sums(const Node& node, const Forms& forms) const {
  const Shape& to = shape(node.outputs.at(0));
  std::vector<Form> result;
  result.reserve(element_count(to));
  Sum sum;
  for_each_index(to, [&](const Index& at) {
    for (std::size_t k = 0; k < 2; ++k) {
      const Number sign(k == 1 && node.op == Operator::sub ? -1 : 1);
      const std::uint32_t i = broadcast_from(shape(node.inputs.at(k)), at);
      if (data(node.inputs[k])) {
        sum.add(form(forms, node.inputs.at(k)).at(i), sign);
      } else {
        sum.add(numbers(node.inputs[k]).at(i) * sign);
      }
    }
    result.push_back(sum.take());
  });
  return result;
}

std::vector<Form> EntryReader::multiples(const Node& node, const Forms& forms) const {
  const Shape& to = shape(node.outputs.at(0));
  std::vector<Form> result;
  result.reserve(element_count(to));
  Sum sum;
  const std::size_t at_data = data(node.inputs.at(0)) ? 0 : 1;
  if (data(node.inputs.at(1 - at_data)) || (node.op == Operator::div && at_data == 1)) {
    throw rejected("a product of two tensors, or a division by one, is not linear.");
  }
  const std::vector<Number>& factors = numbers(node.inputs[1 - at_data]);
  for_each_index(to, [&](const Index& at) {
    Number factor = factors.at(broadcast_from(shape(node.inputs[1 - at_data]), at));
    if (node.op == Operator::div) {
      if (factor == 0) {
        throw rejected("the model divides by zero.");
      }
      factor = 1 / factor;
    }
    sum.add(form(forms, node.inputs.at(at_data)).at(broadcast_from(shape(node.inputs[at_data]), at)), factor);
    result.push_back(sum.take());
  });
  return result;
}

std::vector<Form> EntryReader::products(const Node& node, const Forms& forms) const {
  const Shape& to = shape(node.outputs.at(0));
  std::vector<Form> result;
  result.reserve(element_count(to));
  Sum sum;
  const std::size_t at_data = data(node.inputs.at(0)) ? 0 : 1;
  if (!data(node.inputs.at(at_data))) {
    throw NotCovered("a Gemm whose data is its addend alone");
  }
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
      sum.add(form(forms, node.inputs.at(at_data)).at(at_data == 0 ? a : b), alpha * matrix.at(at_data == 0 ? b : a));
    }
    if (gemm && node.inputs.size() > 2 && node.inputs[2] != no_value) {
      const std::uint32_t i = broadcast_from(shape(node.inputs[2]), at);
      if (data(node.inputs[2])) {
        sum.add(form(forms, node.inputs.at(2)).at(i), beta);
      } else {
        sum.add(beta * numbers(node.inputs[2]).at(i));
      }
    }
    result.push_back(sum.take());
  });
  return result;
}

std::vector<Form> EntryReader::linear(const Node& node, const Forms& forms) const {
  switch (node.op) {
    case Operator::neg:
      return negated(node, forms);
    case Operator::add:
    case Operator::sub:
      return sums(node, forms);
    case Operator::mul:
    case Operator::div:
      return multiples(node, forms);
    case Operator::gemm:
    case Operator::matmul:
      return products(node, forms);
    case Operator::conv:
      return convolution(node, forms);
    case Operator::conv_transpose:
      return transposed_convolution(node, forms);
    case Operator::average_pool:
      return averages(node, forms);
    case Operator::global_average_pool:
    case Operator::reduce_mean:
    case Operator::reduce_sum:
      return reduced(node, forms);
    case Operator::resize:
    case Operator::upsample:
      throw NotCovered("a Resize, for which there is no proof yet");
    case Operator::batch_normalization:
      throw NotCovered("a BatchNormalization, whose square root is not rational");
    default:
      throw rejected(std::string("a ") + name_of(node.op) + " node is not linear.");
  }
}

std::vector<Form> EntryReader::forms(const std::vector<std::size_t>& nodes, ValueId input, ValueId output) const {
  Forms known_forms;
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

}  // namespace lipcert::proofs
