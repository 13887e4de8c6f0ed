// Gemm and MatMul.
#include "verifier/graph/functions.hpp"
#include "verifier/graph/operators/family.hpp"
#include "verifier/graph/weighted_sum.hpp"

namespace lipverify {

Shape dense::shape_of_gemm(const NodeRules& at, Value&) {
  at.count_inputs(at.before(11) ? 3 : 2, 3);
  at.same_floating_type();
  const Shape& a = at.in(0).shape;
  const Shape& b = at.in(1).shape;
  if (a.size() != 2 || b.size() != 2) at.fail("A and B must have rank 2");
  const bool ta = at.flag("transA");
  const bool tb = at.flag("transB");
  const Shape out = {a[ta ? 1 : 0], b[tb ? 0 : 1]};
  if (a[ta ? 0 : 1] != b[tb ? 1 : 0]) at.fail("inner dimensions differ");
  if (at.node().inputs.size() == 3) {
    const Shape& c = at.in(2).shape;
    if (c.size() > 2 || at.broadcast(out, c) != out) at.fail("C does not broadcast to the result");
  }
  return out;
}

Shape dense::shape_of_matmul(const NodeRules& at, Value&) {
  at.count_inputs(2, 2);
  at.same_floating_type();
  Shape a = at.in(0).shape;
  Shape b = at.in(1).shape;
  if (a.empty() || b.empty()) at.fail("MatMul of a scalar");
  const bool row = a.size() == 1;
  const bool column = b.size() == 1;
  if (row) a.insert(a.begin(), 1);
  if (column) b.push_back(1);
  if (a.back() != b[b.size() - 2]) at.fail("inner dimensions " + std::to_string(a.back()) + " and " + std::to_string(b[b.size() - 2]) + " differ");
  Shape out = at.broadcast(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
  if (!row) out.push_back(a[a.size() - 2]);
  if (!column) out.push_back(b.back());
  return out;
}

Operand dense::gemm(const NodeInputs& inputs, std::size_t, const Shape& shape, bool linear) {
  const Node& node = inputs.node();
  const Operand& a = *inputs.in[0];
  const Operand& b = *inputs.in[1];
  if (inputs.is_data(0) && inputs.is_data(1)) reject(inputs.graph.label(inputs.index) + " multiplies two tensors of data");
  const bool ta = node.attributes.at("transA").integer == 1;
  const bool tb = node.attributes.at("transB").integer == 1;
  const Interval alpha(dyadic_of_binary32(node.attributes.at("alpha").real));
  const Interval beta(dyadic_of_binary32(node.attributes.at("beta").real));
  const std::uint64_t rows = shape[0];
  const std::uint64_t columns = shape[1];
  const std::uint64_t inner = a.shape[ta ? 0 : 1];
  const Operand* c = inputs.has(2) && (!linear || inputs.is_data(2)) ? inputs.in[2] : nullptr;
  const Broadcast index(c == nullptr ? Shape() : c->shape, shape);
  check_size(rows * columns);
  const bool left = inputs.is_data(1) || (!inputs.is_data(0) && b.raw == nullptr);
  const auto taps = [&](std::uint64_t e, const auto& visit) {
    const std::uint64_t i = ta ? e / columns : e / columns * inner;
    const std::uint64_t j = tb ? e % columns * inner : e % columns;
    for (std::uint64_t k = 0; k < inner; ++k) {
      const std::uint64_t in_a = i + k * (ta ? rows : 1);
      const std::uint64_t in_b = j + k * (tb ? 1 : columns);
      left ? visit(in_a, in_b) : visit(in_b, in_a);
    }
  };
  const bool constant = linear && !inputs.is_data(0) && !inputs.is_data(1);  // data is in C alone: A B is no part of the linear map
  IntervalTensor values = constant ? IntervalTensor(rows * columns) : weighted_sums(left ? a : b, left ? b : a, rows * columns, inputs.threads, taps);
  for (std::uint64_t e = 0; e < values.size(); ++e) {
    values[e] = alpha * values[e];
    if (c != nullptr) values[e] = values[e] + beta * c->at(index.index(e));
  }
  return operand_of(std::move(values), shape);
}

Operand dense::matmul(const NodeInputs& inputs, std::size_t, const Shape& shape, bool) {
  const Operand& a = *inputs.in[0];
  const Operand& b = *inputs.in[1];
  if (inputs.is_data(0) && inputs.is_data(1)) reject(inputs.graph.label(inputs.index) + " multiplies two tensors of data");
  Shape as = a.shape;
  Shape bs = b.shape;
  Shape out = shape;  // with both matrix dimensions, as if neither operand were a vector
  if (bs.size() == 1) {
    bs.push_back(1);
    out.push_back(1);
  }
  if (as.size() == 1) {
    as.insert(as.begin(), 1);
    out.insert(out.end() - 1, 1);
  }
  const std::uint64_t rows = out[out.size() - 2];
  const std::uint64_t columns = out.back();
  const std::uint64_t inner = as.back();
  const Shape batch(out.begin(), out.end() - 2);
  const Broadcast batch_a(Shape(as.begin(), as.end() - 2), batch);
  const Broadcast batch_b(Shape(bs.begin(), bs.end() - 2), batch);
  const std::uint64_t entries = element_count(out);
  check_size(entries);
  const bool left = inputs.is_data(1) || (!inputs.is_data(0) && b.raw == nullptr);  // the weights stand on the left
  const auto taps = [&](std::uint64_t e, const auto& visit) {
    const std::uint64_t column = e % columns;
    const std::uint64_t row = e / columns % rows;
    const std::uint64_t block = e / columns / rows;
    const std::uint64_t i = (batch_a.index(block) * rows + row) * inner;
    const std::uint64_t j = batch_b.index(block) * inner * columns + column;
    for (std::uint64_t k = 0; k < inner; ++k) left ? visit(i + k, j + k * columns) : visit(j + k * columns, i + k);
  };
  return operand_of(weighted_sums(left ? a : b, left ? b : a, entries, inputs.threads, taps), shape);
}

void dense::gemm_rows(const Rows& at, std::size_t, const Shape& shape) {
  if (at.data(0) && at.data(1)) at.refuse("multiplies two tensors of data");
  const std::size_t k = at.data(0) ? 0 : 1;
  const bool product = at.data(k);  // else A B is a constant
  const bool addend = at.data(2);
  at.out.offset = !product || (at.given(2) && !addend);
  const bool ta = at.node.attributes.at("transA").integer == 1;
  const bool tb = at.node.attributes.at("transB").integer == 1;
  const Factors factors(product ? at.constant(1 - k) : unit_weight(), Interval(dyadic_of_binary32(at.node.attributes.at("alpha").real)));
  const Coefficient beta{dyadic_of_binary32(at.node.attributes.at("beta").real), {}};
  const Broadcast c(addend ? at.shape(2) : Shape(), shape);
  const std::uint32_t c_slot = addend ? at.slot[2] : 0;
  const std::uint64_t rows = shape[0];
  const std::uint64_t columns = shape[1];
  const std::uint64_t inner = product ? at.shape(0)[ta ? 0 : 1] : 0;
  at.out.row = [=](std::uint64_t r, std::vector<Term>& terms) {
    const std::uint64_t i = r / columns;
    const std::uint64_t j = r % columns;
    for (std::uint64_t l = 0; l < inner; ++l) {
      const std::uint64_t a = ta ? l * rows + i : i * inner + l;
      const std::uint64_t b = tb ? j * inner + l : l * columns + j;
      terms.push_back({0, static_cast<std::uint32_t>(k == 0 ? a : b), factors.at(k == 0 ? b : a)});
    }
    if (addend) terms.push_back({c_slot, static_cast<std::uint32_t>(c.index(r)), beta});
  };
}

void dense::matmul_rows(const Rows& at, std::size_t, const Shape& shape) {
  const std::size_t k = at.data(0) ? 0 : 1;
  at.only(k);
  Shape a = at.shape(0);
  Shape b = at.shape(1);
  Shape full = shape;  // with both matrix dimensions, as if neither operand were a vector
  if (b.size() == 1) {
    b.push_back(1);
    full.push_back(1);
  }
  if (a.size() == 1) {
    a.insert(a.begin(), 1);
    full.insert(full.end() - 1, 1);
  }
  const std::uint64_t rows = full[full.size() - 2];
  const std::uint64_t columns = full.back();
  const std::uint64_t inner = a.back();
  const Shape batch(full.begin(), full.end() - 2);
  const Broadcast batch_a(Shape(a.begin(), a.end() - 2), batch);
  const Broadcast batch_b(Shape(b.begin(), b.end() - 2), batch);
  const Factors factors(at.constant(1 - k));
  at.out.row = [=](std::uint64_t r, std::vector<Term>& terms) {
    const std::uint64_t j = r % columns;
    const std::uint64_t i = r / columns % rows;
    const std::uint64_t stack = r / columns / rows;
    const std::uint64_t left = (batch_a.index(stack) * rows + i) * inner;
    const std::uint64_t right = batch_b.index(stack) * inner * columns + j;
    for (std::uint64_t l = 0; l < inner; ++l) {
      const std::uint64_t x = left + l;
      const std::uint64_t y = right + l * columns;
      terms.push_back({0, static_cast<std::uint32_t>(k == 0 ? x : y), factors.at(k == 0 ? y : x)});
    }
  };
}

}  // namespace lipverify
