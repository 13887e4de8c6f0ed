// See plain_compiler.hpp: the way through the graph, and what all operators need.

#include "certify/attack/plain_compiler.hpp"

#include <algorithm>
#include <utility>

#include "formats/operators/parameters.hpp"

namespace lipcert::attack {

void PlainCompiler::compile() {
  if (!network_.refusals.empty()) {
    const Refusal& first = network_.refusals.front();
    throw input_error(first.node + (first.op.empty() ? "" : " (" + first.op + ")") + ": " + first.reason);
  }
  slots_[network_.input] = new_slot(element_count(value(network_.input).shape));
  for (std::size_t v = 0; v < network_.values.size(); ++v) {
    if (network_.values[v].kind == Value::Kind::initialiser) constants_[v] = read(network_.initialisers[network_.values[v].initialiser]);
  }
  for (node_ = 0; node_ < network_.nodes.size(); ++node_) {
    const Node& node = network_.nodes[node_];
    const bool data =
        node.op != Operator::shape && std::any_of(node.inputs.begin(), node.inputs.end(), [&](ValueId v) { return slots_.count(v) != 0; });
    if (data)
      compile_data(node);
    else
      compile_constant(node);
  }
  const auto output = slots_.find(network_.output);
  if (output == slots_.end()) throw input_error("The model's output does not depend on its input; there is nothing to attack.");
  plain_.output_ = output->second;
  plain_.input_size_ = plain_.sizes_[0];
  plain_.output_size_ = plain_.sizes_[plain_.output_];
}

const PlainCompiler::Constant& PlainCompiler::constant(ValueId v) const {
  const auto found = constants_.find(v);
  if (found == constants_.end()) throw not_covered();
  return found->second;
}

Error PlainCompiler::not_covered() const {
  return input_error(network_.label(node_) + " (" + name_of(network_.nodes[node_].op) +
                     "): the attack does not cover this use of the operator.");
}

PlainCompiler::Constant PlainCompiler::read(const Tensor& tensor) {
  Constant constant{tensor.shape, {}};
  constant.entries.resize(tensor.size());
  for (std::uint64_t i = 0; i < tensor.size(); ++i)
    constant.entries[i] = is_floating(tensor.type) ? tensor.real(i) : static_cast<double>(tensor.integer(i));
  return constant;
}

std::vector<std::uint32_t> PlainCompiler::broadcast_map(const Shape& from, const Shape& to) {
  std::vector<std::uint64_t> strides(to.size(), 0);
  std::uint64_t stride = 1;
  for (std::size_t d = from.size(); d-- > 0;) {
    const std::size_t at = d + to.size() - from.size();
    strides[at] = from[d] == 1 ? 0 : stride;
    stride *= from[d];
  }
  const std::uint64_t count = element_count(to);
  std::vector<std::uint32_t> map(count);
  std::vector<std::uint64_t> index(to.size(), 0);
  std::uint64_t position = 0;
  for (std::uint64_t i = 0; i < count; ++i) {
    map[i] = static_cast<std::uint32_t>(position);
    for (std::size_t d = to.size(); d-- > 0;) {
      position += strides[d];
      if (++index[d] < to[d]) break;
      position -= strides[d] * to[d];
      index[d] = 0;
    }
  }
  return map;
}

bool PlainCompiler::is_identity(const std::vector<std::uint32_t>& map, std::size_t size) {
  if (map.size() != size) return false;
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (map[i] != i) return false;
  }
  return true;
}

PlainCompiler::MatrixShape PlainCompiler::left_shape(const Shape& shape) const {
  const std::size_t columns = shape.back();
  return {element_count(shape) / columns, columns};
}

PlainCompiler::MatrixShape PlainCompiler::right_shape(const Shape& shape) const {
  if (shape.size() == 1) return {shape[0], 1};
  for (std::size_t d = 0; d + 2 < shape.size(); ++d) {
    if (shape[d] != 1) throw not_covered();
  }
  return {shape[shape.size() - 2], shape.back()};
}

std::vector<double> PlainCompiler::transposed(const std::vector<double>& a, std::size_t rows, std::size_t columns) {
  std::vector<double> result(a.size());
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) result[j * rows + i] = a[i * columns + j];
  return result;
}

std::vector<std::vector<std::uint32_t>> PlainCompiler::reduced() const {
  const Shape& shape = value(network_.nodes[node_].inputs.at(0)).shape;
  const auto axes = axes_of(network_, node_);
  std::vector<std::uint64_t> strides(shape.size(), 0);
  std::uint64_t kept = 1;
  for (std::size_t d = shape.size(); d-- > 0;) {
    if (std::find(axes.begin(), axes.end(), d) == axes.end()) {
      strides[d] = kept;
      kept *= shape[d];
    }
  }
  std::vector<std::vector<std::uint32_t>> sets(kept);
  std::vector<std::uint64_t> index(shape.size(), 0);
  for (std::uint64_t i = 0; i < element_count(shape); ++i) {
    std::uint64_t at = 0;
    for (std::size_t d = 0; d < shape.size(); ++d) at += index[d] * strides[d];
    sets[at].push_back(static_cast<std::uint32_t>(i));
    for (std::size_t d = shape.size(); d-- > 0 && ++index[d] == shape[d];) index[d] = 0;
  }
  return sets;
}

std::size_t PlainCompiler::new_slot(std::size_t size) {
  plain_.sizes_.push_back(size);
  return plain_.sizes_.size() - 1;
}

void PlainCompiler::add(std::unique_ptr<PlainStep> step, std::size_t size) {
  step->sizes = &plain_.sizes_;
  step->to = last_ = new_slot(size);
  plain_.steps_.push_back(std::move(step));
}

void PlainCompiler::compile_data(const Node& node) {
  switch (node.op) {
    case Operator::add:
    case Operator::sub:
    case Operator::mul:
    case Operator::div:
      compile_elementwise(node);
      break;
    case Operator::matmul:
    case Operator::gemm:
      compile_product(node);
      break;
    case Operator::flatten:
    case Operator::reshape:
    case Operator::identity:
    case Operator::dropout:
    case Operator::cast:
    case Operator::squeeze:
    case Operator::unsqueeze:
      last_ = slots_.at(node.inputs.at(0));
      break;
    case Operator::split:
      for (std::size_t o = 0; o < node.outputs.size(); ++o) {
        compile_move(node, o);
        slots_[node.outputs[o]] = last_;
      }
      return;
    case Operator::transpose:
    case Operator::concat:
    case Operator::slice:
    case Operator::gather:
    case Operator::pad:
    case Operator::depth_to_space:
    case Operator::space_to_depth:
    case Operator::expand:
      compile_move(node, 0);
      break;
    case Operator::conv:
    case Operator::conv_transpose:
      compile_convolution(node);
      break;
    case Operator::batch_normalization:
      compile_normalization(node);
      break;
    case Operator::average_pool:
    case Operator::global_average_pool:
    case Operator::max_pool:
    case Operator::global_max_pool:
    case Operator::reduce_mean:
    case Operator::reduce_sum:
    case Operator::reduce_max:
    case Operator::reduce_min:
    case Operator::reduce_l2:
    case Operator::lp_pool:
      compile_windows(node);
      break;
    case Operator::resize:
    case Operator::upsample:
      compile_resampling(node);
      break;
    case Operator::max:
    case Operator::min:
      compile_extreme(node);
      break;
    case Operator::top_k:
    case Operator::softmax:
      compile_vectors(node);
      break;
    case Operator::constant:
      throw not_covered();
    default:
      compile_function(node);
      break;
  }
  slots_[node.outputs.at(0)] = last_;
}

}  // namespace lipcert::attack
