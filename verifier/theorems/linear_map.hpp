// The explicit matrix of a graph of linear nodes (formats/SPEC.md, section 5, linear blocks), entry by entry.
//
// A node is given by its rows (verifier/graph/linear_node.hpp). The matrix of a block is the sum over all paths of the products along them: node by
// node, M := sum over the node's inputs of (node's rows) M_input, with the block's input as the identity.
//
// Error. Node N = Nc + Nr (centre, rest), input A = Ac + Ar with ||Ar||_F <= ra, result rounded entry by entry with distances of Frobenius norm d:
//     ||N A - result||_F <= ||Nc||_2 ra + ||Nr||_F (||Ac||_2 + ra) + d,
// with ||X||_2 <= max |x| sqrt(most entries in a row * most entries in a column) and ||Nr||_F <= max |rest| sqrt(number of entries).
// Row r of the same difference is at most as long as sum_t (|centre_rt| + |rest_rt|) l_t + |rest_rt| ||row t of Ac|| + (what rounding lost in the row), l_t the
// length of row t of Ar: what meets a row of zeros adds nothing, however large it is (a dead channel before a large factor). The smaller of both bounds is taken.
//
// Cost: one multiplication for each term of each product; 24 bytes for each entry, at most 2^25 of them at one time.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "verifier/graph/linear_node.hpp"
#include "verifier/theorems/sparse.hpp"

namespace lipverify {

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
