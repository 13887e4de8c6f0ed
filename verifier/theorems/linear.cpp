// See linear.hpp.
//
// Why the norm of I_left (x) A (x) I_right is that of A: up to permutations of rows and columns it is block diagonal with copies of A. Where
// factors are enclosures, each copy lies in the same enclosure, so a bound for the enclosure bounds every copy.
#include "verifier/theorems/linear.hpp"

#include <algorithm>

#include "verifier/base/failure.hpp"
#include "verifier/base/parallel.hpp"
#include "verifier/graph/operators.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

namespace {

constexpr std::uint64_t kEntries = std::uint64_t{1} << 27;  // of a matrix, 16 bytes each

/// A point near an enclosure with a 62-bit mantissa; adds the largest distance from it to `radius`.
Dyadic centre_of(const Interval& x, SquareSum& radius) {
  if (x.is_zero()) return {};
  const Wide size = std::max(x.low < 0 ? Wide(-x.low) : x.low, x.high < 0 ? Wide(-x.high) : x.high);
  const auto bits = static_cast<std::int64_t>(mp::msb(size)) + 1;
  const std::int64_t drop = std::max<std::int64_t>(0, bits - 62);
  const Wide unit = Wide(1) << static_cast<std::size_t>(drop);
  const Wide middle = (x.low + x.high) / (2 * unit);  // any integer will do: the distance is measured, not assumed
  const Wide distance = std::max(x.high - middle * unit, middle * unit - x.low);
  if (x.exponent + drop < -1000000 || x.exponent + drop > 1000000) reject("a weight that is computed in the graph is out of range");
  if (distance > 0) radius.add(Integer(distance), x.exponent);
  return {static_cast<std::int64_t>(middle), static_cast<std::int32_t>(x.exponent + drop)};
}

/// The matrix with entries operand[base + i * row_stride + j * column_stride] * factor.
EnclosedMatrix matrix_of(const Operand& operand, std::size_t rows, std::size_t columns, std::uint64_t row_stride, std::uint64_t column_stride,
                         const Interval& factor) {
  if (rows > kEntries / columns) exhausted("a matrix has more than 134217728 entries; this checker does not take larger ones");
  EnclosedMatrix out{rows, columns, std::vector<Dyadic>(rows * columns), Rational(0)};
  SquareSum radius;
  const bool unit = factor == Interval(Dyadic{1, 0});
  for (std::size_t i = 0; i < rows; ++i)
    for (std::size_t j = 0; j < columns; ++j) {
      const std::uint64_t at = i * row_stride + j * column_stride;
      if (unit && operand.raw != nullptr)
        out.centre[i * columns + j] = operand.raw->real(at);
      else
        out.centre[i * columns + j] = centre_of(operand.at(at) * factor, radius);
    }
  out.radius = radius.root();
  return out;
}

/// A := diag(d) A (rows) or A diag(d) (columns), d[k] belonging to row or column k.
void scale(EnclosedMatrix& a, const std::vector<Interval>& d, bool rows) {
  SquareSum radius;
  Interval largest;
  for (const Interval& x : d) largest = hull(largest, absolute(x));
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t j = 0; j < a.columns; ++j) {
      Dyadic& entry = a.centre[i * a.columns + j];
      entry = centre_of(Interval(entry) * d[rows ? i : j], radius);
    }
  a.radius = a.radius * upper_end(largest) + radius.root();
}

/// The factors of one copy of A: entry o of every (copy, o, inner) must agree.
std::vector<Interval> one_copy(const IntervalTensor& d, std::uint64_t left, std::uint64_t right, const std::string& where) {
  const std::uint64_t period = d.size() / left / right;
  std::vector<Interval> out;
  for (std::uint64_t o = 0; o < period; ++o) out.push_back(d[o * right]);
  for (std::uint64_t i = 0; i < d.size(); ++i)
    if (!(d[i] == out[i / right % period]) || (right > 1 && !(d[i] == d[0])))
      reject(where + ": its factors are not the same in all rows, so that it cannot be folded with a dense node");
  return out;
}

}  // namespace

bool is_foldable(Op op) {
  return keeps_entries(op) || op == Op::neg || op == Op::add || op == Op::sub || op == Op::mul || op == Op::div || op == Op::gemm || op == Op::matmul;
}

LinearPart linear_part(const Graph& graph, Evaluator& evaluator, const std::vector<std::size_t>& nodes, const Engine& engine) {
  LinearPart out;
  for (const std::size_t index : nodes) {
    const Node& node = graph.nodes[index];
    const std::string where = graph.label(index);
    const ValueId data = evaluator.data_input(index);
    if (data == kAbsent) reject(where + " does not have exactly one tensor of data");
    const std::uint64_t in_size = element_count(graph.values[data].shape);
    const Shape& shape = graph.values[node.outputs[0]].shape;
    const bool data_first = node.inputs[0] == data;
    const auto constant = [&](std::size_t k) -> const Operand& { return evaluator.constant(node.inputs[k]); };
    const bool same_size = element_count(shape) == in_size;
    switch (node.op) {
      case Op::add:
      case Op::sub:
        if (!same_size) reject(where + " enlarges the tensor by broadcasting");
        (void)constant(data_first ? 1 : 0);
        break;
      case Op::mul:
      case Op::div: {
        if (!same_size) reject(where + " enlarges the tensor by broadcasting");
        if (node.op == Op::div && !data_first) reject(where + " divides by data");
        const Operand& factor = constant(data_first ? 1 : 0);
        const Broadcast at(factor.shape, shape);
        const Interval one(Dyadic{1, 0});
        IntervalTensor d(in_size);
        for (std::uint64_t i = 0; i < in_size; ++i) {
          const Interval x = factor.at(at.index(i));
          if (node.op == Op::div && x.has_zero()) reject(where + " divides by 0, or by a constant that cannot be told from 0");
          d[i] = node.op == Op::div ? quotient(one, x) : x;
        }
        if (out.matrix) {
          scale(*out.matrix, one_copy(d, out.left, out.right, where), true);
        } else {
          if (out.diagonal)
            for (std::uint64_t i = 0; i < in_size; ++i) d[i] = d[i] * (*out.diagonal)[i];
          out.diagonal = std::move(d);
        }
        break;
      }
      case Op::gemm:
      case Op::matmul: {
        std::uint64_t left = 1;
        std::uint64_t right = 1;
        EnclosedMatrix a;
        if (node.op == Op::gemm) {
          if (!data_first) reject(where + " has data in B or C");
          if (node.inputs.size() == 3 && node.inputs[2] != kAbsent) (void)constant(2);
          const Operand& b = constant(1);
          const Shape& x = graph.values[data].shape;
          const bool transposed = node.attributes.at("transA").integer == 1;
          if (transposed && x[0] != 1 && x[1] != 1) reject(where + " transposes its data");
          const bool tb = node.attributes.at("transB").integer == 1;
          const std::uint64_t columns = b.shape[tb ? 1 : 0];
          const std::uint64_t rows = b.shape[tb ? 0 : 1];
          left = in_size / columns;
          a = matrix_of(b, rows, columns, tb ? columns : 1, tb ? 1 : rows, Interval(dyadic_of_binary32(node.attributes.at("alpha").real)));
        } else if (data_first) {  // x W: every row of x is multiplied by W', on the last axis
          const Operand& w = constant(1);
          const std::uint64_t columns = w.shape.size() == 1 ? w.shape[0] : w.shape[w.shape.size() - 2];
          const std::uint64_t rows = w.size() / columns;
          if (w.shape.size() > 1 && rows != w.shape.back()) reject(where + " multiplies by a stack of matrices");
          left = in_size / columns;
          a = matrix_of(w, rows, columns, 1, rows, Interval(Dyadic{1, 0}));
        } else {  // W x: the last axis of x but one
          const Operand& w = constant(0);
          const std::uint64_t columns = w.shape.back();
          const std::uint64_t rows = w.size() / columns;
          if (w.shape.size() > 1 && rows != w.shape[w.shape.size() - 2]) reject(where + " multiplies by a stack of matrices");
          const Shape& x = graph.values[data].shape;
          right = x.size() == 1 ? 1 : x.back();
          if (in_size != columns * right) reject(where + " multiplies a stack of tensors from the left");
          a = matrix_of(w, rows, columns, columns, 1, Interval(Dyadic{1, 0}));
        }
        if (element_count(shape) != left * a.rows * right || in_size != left * a.columns * right)
          reject(where + " enlarges the tensor by broadcasting");
        if (!out.matrix) {
          if (out.diagonal) {
            scale(a, one_copy(*out.diagonal, left, right, where), false);
            out.diagonal.reset();
          }
          out.matrix = std::move(a);
          out.left = left;
          out.right = right;
        } else {
          if (out.right != 1 || right != 1 || out.left != left)
            reject(where + ": these dense nodes cannot be folded, because they act on different axes");
          if (a.rows > kEntries / out.matrix->columns) exhausted("a folded matrix has more than 134217728 entries");
          out.matrix = product(a, *out.matrix, engine);
        }
        break;
      }
      default:
        if (!keeps_entries(node.op) && node.op != Op::neg) reject(where + " is not affine");
    }
  }
  return out;
}

}  // namespace lipverify
