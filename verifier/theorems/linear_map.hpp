// The explicit matrix of a graph of linear nodes (formats/SPEC.md, section 5, linear blocks), entry by entry.
//
// A node is given by its rows: entry r of its output is the sum of factor * (entry of a data input), plus constants that no norm sees. The matrix
// of a block is the sum over all paths of the products along them: node by node, M := sum over the node's inputs of (node's rows) M_input, with
// the block's input as the identity. Factors are exact dyadics, or a dyadic with a bound on its distance (1/9, scale/sqrt(var + epsilon)).
//
// Error. Node N = Nc + Nr (centre, rest), input A = Ac + Ar with ||Ar||_F <= ra, result rounded entry by entry with distances of Frobenius norm d:
//     ||N A - result||_F <= ||Nc||_2 ra + ||Nr||_F (||Ac||_2 + ra) + d,
// with ||X||_2 <= max |x| sqrt(most entries in a row * most entries in a column) and ||Nr||_F <= max |rest| sqrt(number of entries).
//
// Cost: one multiplication for each term of each product; 24 bytes for each entry, at most 2^25 of them at one time.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "verifier/theorems/sparse.hpp"
#include "verifier/graph/evaluate.hpp"

namespace lipverify {

/// |true factor - centre| <= error; exact when error.mantissa is 0.
struct Coefficient {
  Dyadic centre;
  Dyadic error;
};

/// A coefficient that encloses an interval: centre of at most 62 bits.
[[nodiscard]] Coefficient coefficient_of(const Interval& x);
[[nodiscard]] Interval interval_of(const Coefficient& x);

struct Term {
  std::uint32_t slot = 0;   // data input: LinearNode::data[slot]
  std::uint32_t index = 0;  // flat index in it
  Coefficient factor;
};

/// The linear part of one output of a node.
struct LinearNode {
  std::vector<ValueId> data;  // its data inputs, each as often as the node reads it
  std::uint64_t rows = 0;     // entries of the output
  std::uint64_t most = 0;     // terms in a row, at most
  bool offset = false;        // adds a constant that may be nonzero
  std::function<void(std::uint64_t row, std::vector<Term>& terms)> row;  // appends the terms of a row
};

/// The linear nodes of formats/SPEC.md, section 5.
[[nodiscard]] bool is_linear_op(Op op);

/// Output number `output` of a linear node; a node that is not linear in its data: Failure (rejected).
[[nodiscard]] LinearNode linear_node(const Graph& graph, Evaluator& evaluator, std::size_t node, std::size_t output);

/// scale / sqrt(var + epsilon) for every channel of a BatchNormalization.
[[nodiscard]] IntervalTensor batch_factors(const Graph& graph, Evaluator& evaluator, std::size_t node);

/// The matrix from `source` to `target` through the nodes (ascending; those from which `target` cannot be reached are skipped), with the tensors in
/// `zero` taken as zero. A data input that is none of these: Failure (rejected).
[[nodiscard]] SparseMatrix linear_map(const Graph& graph, Evaluator& evaluator, const std::vector<std::size_t>& nodes, ValueId source, ValueId target,
                                      const std::set<ValueId>& zero = {});

/// The image of v under the linear part of the nodes, from `source` to `target`, node by node and without a matrix (nearly exact).
[[nodiscard]] IntervalTensor linear_image(const Graph& graph, Evaluator& evaluator, const std::vector<std::size_t>& nodes, ValueId source, ValueId target,
                                          const IntegerVector& v, const Engine& engine);

/// At most ||A v||^2 for the centre of A.
[[nodiscard]] Rational squared_image_below(const SparseMatrix& a, const IntegerVector& v);

}  // namespace lipverify
