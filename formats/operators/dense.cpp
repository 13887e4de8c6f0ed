// Products of matrices: MatMul and Gemm (formats/onnx.md, section 5).
#include "formats/operators/rules.hpp"

namespace lipcert {

namespace {

Shape matmul_shape(const Shape& left, const Shape& right) {
  const auto mismatch = [&] {
    return Unsupported{"Its operands of shapes " + text_of(left) + " and " + text_of(right) + " cannot be multiplied as matrices."};
  };
  if (left.empty() || right.empty()) throw mismatch();
  Shape a = left;
  Shape b = right;
  if (left.size() == 1) a.insert(a.begin(), 1);
  if (right.size() == 1) b.push_back(1);
  if (a.back() != b[b.size() - 2]) throw mismatch();
  const std::optional<Shape> batch = broadcast(Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
  if (!batch) throw mismatch();
  Shape result = *batch;
  if (left.size() > 1) result.push_back(a[a.size() - 2]);
  if (right.size() > 1) result.push_back(b.back());
  return result;
}

Shape gemm_shape(const NodeView& node) {
  const Shape& a = node.operands[0].shape;
  const Shape& b = node.operands[1].shape;
  const bool transpose_a = flag_of(node, "transA");
  const bool transpose_b = flag_of(node, "transB");
  if (a.size() != 2 || b.size() != 2)
    throw Unsupported{"Gemm multiplies matrices, but its operands have the shapes " + text_of(a) + " and " + text_of(b) +
                      "; insert a Flatten or Reshape."};
  if ((transpose_a ? a[0] : a[1]) != (transpose_b ? b[1] : b[0]))
    throw Unsupported{"Its operands of shapes " + text_of(a) + " and " + text_of(b) + " do not fit together (transA " +
                      std::to_string(transpose_a ? 1 : 0) + ", transB " + std::to_string(transpose_b ? 1 : 0) + ")."};
  const Shape result = {transpose_a ? a[1] : a[0], transpose_b ? b[0] : b[1]};
  if (node.has(2) && broadcast(node.operands[2].shape, result) != result)
    throw Unsupported{"Its third operand of shape " + text_of(node.operands[2].shape) + " cannot be added to a result of shape " +
                      text_of(result) + "."};
  return result;
}

}  // namespace

std::vector<Result> infer_product(const NodeView& node) {
  const std::vector<Operand>& operands = node.operands;
  if (node.op == Operator::gemm) {
    require_floating(operands, 3);
    return {{operands[0].type, gemm_shape(node)}};
  }
  require_floating(operands, 2);
  return {{operands[0].type, matmul_shape(operands[0].shape, operands[1].shape)}};
}

}  // namespace lipcert
