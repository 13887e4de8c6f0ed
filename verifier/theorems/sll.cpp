// See sll.hpp.
//
// Theorem (Araujo et al., ICLR 2023, theorem 3, with the slack of rounded weights made explicit). y = x - B relu(A x + b), B = A' D, D = diag(d),
// d >= 0. Increments of relu satisfy dphi_k = s_k dz_k with 0 <= s_k <= 1 and dz = A dx, so dz_k dphi_k >= dphi_k^2, and
//     ||dy||^2 = ||dx||^2 - 2 dz' D dphi + ||B dphi||^2 <= ||dx||^2 - dphi' M dphi,  M = 2 D - B'B.
// If M + delta I is positive semidefinite, ||dy||^2 <= ||dx||^2 + delta ||dphi||^2 <= (1 + delta ||A||^2) ||dx||^2.
//
// That the block has this form is not believed from the kinds of its nodes: four explicit matrices are computed, from x to Relu's input (A), from
// Relu's output to the output of the Mul behind it (diagonal: d), from there to the block's output, which must be -A' entry by entry and bit by bit, and
// from x to the block's output beside the Relu, which must be the identity. All of them but d must be exact.
// The third may be -c A' with one number c > 0 (a factor behind the transposed operator): -c A' diag(d') = -A' diag(c d'), so d := c d'.
//
// D = Dc + F with ||F||_F <= r, F diagonal (the graph computes d, or c d' has more than 62 bits): every entry of F is at most r, so 2 D >= 2 Dc - 2 r I and
// d > 0 where dc > r; and ||A' D - A' Dc||_F <= r max_k ||a_k||, a_k the rows of A, which is a part of rho below.
//
// Lemma P with a residual. Bh = round(B 2^s) with ||B - 2^-s Bh||_F <= rho, s = sA of `D`, and any integer R with grid sR. E = 2^(2s) (2 D + delta I)
// - Bh'Bh - 2^(2(sA - sR)) R'R, rounded down on the diagonal: lambda_min(2 D + delta I - 2^-2s Bh'Bh) >= 2^-2s min_i(E_ii - sum_{j != i} |E_ij|), and
// B'B <= 2^-2s Bh'Bh + (2 ||2^-s Bh||_F rho + rho^2) I. So it suffices that the Gershgorin number is at least 2^2s (2 ||2^-s Bh||_F rho + rho^2).
//
// Cost for m hidden entries: m^3 / 6 multiplications, m (m + 1) / 2 integers of 16 bytes.
#include "verifier/theorems/sll.hpp"

#include <algorithm>

#include "verifier/base/failure.hpp"
#include "verifier/theorems/linear_map.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

namespace {

constexpr std::size_t kOrder = 8192;
constexpr std::size_t kDense = std::size_t{1} << 26;

bool equal(const Dyadic& x, const Dyadic& y) { return rational_of(x) == rational_of(y); }

Integer floor_of(const Rational& x) {
  Integer q = mp::numerator(x) / mp::denominator(x);
  if (x < 0 && Rational(q) != x) q -= 1;
  return q;
}

/// The only reader of a tensor within the block.
std::size_t reader_of(const Graph& graph, const Block& block, ValueId id) {
  std::size_t found = graph.nodes.size();
  for (const std::size_t i : block.nodes())
    for (const ValueId input : data_inputs(graph, i)) {
      if (input != id) continue;
      if (found != graph.nodes.size()) reject("'" + graph.label(i) + "' is not the only reader of the tensor before it in a residual block");
      found = i;
    }
  if (found == graph.nodes.size()) reject("a residual block has a tensor that nobody reads");
  return found;
}

/// The number c > 0 with back = -c A', if there is one: from the first entry of A. Whether it holds for the others is not looked at.
Dyadic factor_between(const SparseMatrix& back, const SparseMatrix& a) {
  if (a.column.empty()) return Dyadic{1, 0};
  const std::size_t k = static_cast<std::size_t>(std::upper_bound(a.start.begin(), a.start.end(), std::size_t{0}) - a.start.begin()) - 1;
  const std::size_t j = a.column[0];
  for (std::size_t e = back.start[j]; e < back.start[j + 1]; ++e) {
    if (back.column[e] != k) continue;
    const Rational c = -rational_of(back.centre[e]) / rational_of(a.centre[0]);
    Integer denominator = mp::denominator(c);
    std::int32_t exponent = 0;
    while (denominator > 1 && (denominator & 1) == 0) {
      denominator >>= 1U;
      --exponent;
    }
    Integer numerator = mp::numerator(c);
    while (numerator != 0 && (numerator & 1) == 0) {
      numerator >>= 1U;
      ++exponent;
    }
    if (c <= 0 || denominator != 1 || numerator >= (Integer(1) << 62)) break;
    return Dyadic{numerator.convert_to<std::int64_t>(), exponent};
  }
  reject("the linear maps before and behind its Relu are not transposed to each other");
}

/// M + delta I is positive semidefinite, M = 2 D - B'B with B = A' D, for every diagonal D within the radius of diag(d).
void check_semidefinite(const SparseMatrix& a, const std::vector<Dyadic>& d, const Rational& radius, const SllEvidence& evidence, const Hints& hints,
                        const Engine& engine) {
  const std::size_t m = a.rows;
  const std::size_t n = a.columns;
  if (m > kOrder || m * n > kDense) exhausted("a residual block is larger than this checker takes");
  if (evidence.sA < -4000 || evidence.sA > 4000 || evidence.sR < -4000 || evidence.sR > evidence.sA || evidence.sA - evidence.sR > 61)
    reject("the grids of its evidence are out of range");
  const unsigned drop = static_cast<unsigned>(evidence.sA - evidence.sR);
  std::vector<Dyadic> b(m * n);  // row k: column k of B, which is d_k times row k of A
  SquareSum cut;
  Rational longest = 0;  // row of A
  for (std::size_t k = 0; k < m; ++k) {
    SquareSum row;
    for (std::size_t e = a.start[k]; e < a.start[k + 1]; ++e) {
      row.add(Integer(a.centre[e].mantissa), a.centre[e].exponent);
      const Coefficient x = coefficient_of(Interval(a.centre[e]) * Interval(d[k]));
      b[k * n + a.column[e]] = x.centre;
      if (x.error.mantissa != 0) cut.add(Integer(x.error.mantissa), x.error.exponent);
    }
    if (radius != 0) longest = std::max(longest, row.root());
  }
  GridMatrix grid;
  if (!round_to_grid(b, evidence.sA, grid)) reject("an entry of A' diag(d) does not fit in 52 bits on the grid 2^-sA of the evidence");
  const IntegerView view{grid.entries.data(), n, m, 1, n, false};
  if (!gram_fits(view, 0)) reject("the Gram matrix of A' diag(d) does not fit in 122 bits on the grid 2^-sA of the evidence");
  const Rational rho = grid.residual + cut.root() + radius * longest;

  SymmetricSum sum(m);
  const Integer limit = Integer(1) << 122;
  for (std::size_t k = 0; k < m; ++k) {
    const Integer diagonal = floor_of((2 * (rational_of(d[k]) - radius) + evidence.delta.exact) * scaled(Integer(1), 2 * std::int64_t{evidence.sA}));
    if (diagonal < 0 || diagonal >= limit) reject("2 diag(d) + delta does not fit in 122 bits on the grid of its evidence");
    sum.at(k, k) = static_cast<Int128>(diagonal);
  }
  subtract_gram(sum, view, 0, engine);
  SquareSum norm;
  for (const std::int64_t g : grid.entries)
    if (g != 0) norm.add(Integer(g), -evidence.sA);
  const Rational needed = rho == 0 ? Rational(0) : Rational(2 * norm.root() * rho + rho * rho);
  // The factor is asked for a matrix that is smaller by a little (rounding of R, what the search adds, and what is needed), so that E keeps that much on
  // its diagonal.
  Integer largest = 0;
  for (std::size_t k = 0; k < m; ++k) largest = std::max(largest, integer_of(sum.at(k, k)));
  const Integer entry = largest > 0 ? Integer((sqrt_ceiling(largest) >> drop) + 1) : Integer(1);
  const Integer reserve = ((entry * Integer(m) * sqrt_ceiling(Integer(m))) << (2 * drop)) + (largest >> 50U) * Integer(m) + 1 - floor_of(-needed * scaled(Integer(1), 2 * std::int64_t{evidence.sA}));
  if (reserve >= limit) reject("the grid 2^-sR of its evidence is too coarse");
  const auto kept = static_cast<Int128>(reserve);
  {
    for (std::size_t k = 0; k < m; ++k) sum.at(k, k) -= kept;
    const std::vector<std::int64_t> r = hints.factor(sum, drop, engine.threads);
    if (r.empty()) reject("2 diag(d) - diag(d) A A' diag(d) + delta was not found to be positive semidefinite");
    for (std::size_t k = 0; k < m; ++k) sum.at(k, k) += kept;
    if (r.size() != m * m) exhausted("the hint has the wrong size: a fault of the checker");
    const IntegerView factor{r.data(), m, m, m, 1, true};
    if (!gram_fits(factor, 2 * drop)) reject("the factor of M does not fit in 122 bits on the grid 2^-sR of the evidence");
    subtract_gram(sum, factor, 2 * drop, engine);
  }
  std::vector<Integer> off(m);
  for (std::size_t i = 0; i < m; ++i)
    for (std::size_t j = i + 1; j < m; ++j) {
      const Int128 e = sum.at(i, j);
      const Integer size = integer_of(e < 0 ? -e : e);
      off[i] += size;
      off[j] += size;
    }
  Integer smallest = 0;
  for (std::size_t i = 0; i < m; ++i) {
    const Integer margin = integer_of(sum.at(i, i)) - off[i];
    smallest = i == 0 ? margin : std::min(smallest, margin);
  }
  if (scaled(smallest, -2 * std::int64_t{evidence.sA}) < needed)
    reject("2 diag(d) - diag(d) A A' diag(d) + delta is not proved positive semidefinite: its smallest eigenvalue is only known to be at least " +
           decimal_text(scaled(smallest, -2 * std::int64_t{evidence.sA}) - needed, Toward::below));
}

}  // namespace

Rational sll_bound(const Graph& graph, Evaluator& evaluator, const Block& block, const Hints& hints, const Engine& engine) {
  const std::vector<std::size_t>& nodes = block.nodes();
  std::size_t relu = graph.nodes.size();
  for (const std::size_t i : nodes) {
    if (graph.nodes[i].op != Op::relu) continue;
    if (relu != graph.nodes.size()) reject("it holds two Relu nodes");
    relu = i;
  }
  if (relu == graph.nodes.size()) reject("it holds no Relu node");
  const ValueId before = graph.nodes[relu].inputs[0];
  const ValueId after = graph.nodes[relu].outputs[0];
  const std::size_t mul = reader_of(graph, block, after);
  if (graph.nodes[mul].op != Op::mul) reject(graph.label(mul) + " stands behind the Relu, where a Mul by a positive constant is wanted");
  const ValueId scaled_by_d = graph.nodes[mul].outputs[0];

  std::vector<std::size_t> linear;
  for (const std::size_t i : nodes)
    if (i != relu) linear.push_back(i);
  const SparseMatrix a = linear_map(graph, evaluator, linear, block.input(), before);
  const SparseMatrix d = linear_map(graph, evaluator, {mul}, after, scaled_by_d);
  const SparseMatrix back = linear_map(graph, evaluator, linear, scaled_by_d, block.output(), {block.input()});
  const SparseMatrix straight = linear_map(graph, evaluator, linear, block.input(), block.output(), {after, scaled_by_d});
  if (a.radius != 0 || back.radius != 0 || straight.radius != 0) reject("its matrices are not known exactly");

  if (straight.rows != straight.columns) reject("what it adds to is not its input");
  for (std::size_t i = 0; i < straight.rows; ++i)
    if (straight.start[i + 1] != i + 1 || straight.column[i] != i || !equal(straight.centre[i], Dyadic{1, 0})) reject("what it subtracts from is not its input");
  if (d.rows != a.rows || d.columns != a.rows) reject("its Mul enlarges the tensor by broadcasting");
  std::vector<Dyadic> weights(a.rows);
  for (std::size_t k = 0; k < a.rows; ++k) {
    if (d.start[k + 1] != k + 1 || d.column[k] != k || d.centre[k].mantissa <= 0) reject("the factors of its Mul are not all positive");
    weights[k] = d.centre[k];
  }
  // back = -c A': the transpose of A, row by row of the result.
  if (back.rows != a.columns || back.columns != a.rows || back.column.size() != a.column.size()) reject("the linear maps before and behind its Relu are not transposed to each other");
  const Dyadic factor = factor_between(back, a);
  const Rational exact_factor = rational_of(factor);
  SquareSum cut;
  for (Dyadic& weight : weights) {
    const Coefficient product = coefficient_of(Interval(weight) * Interval(factor));
    cut.add(Integer(product.error.mantissa), product.error.exponent);
    weight = product.centre;
  }
  const Rational radius = exact_factor * d.radius + cut.root();
  for (const Dyadic& weight : weights)
    if (rational_of(weight) <= radius) reject("the factors of its Mul are not all positive");
  std::vector<std::size_t> next(back.start.begin(), back.start.end() - 1);
  for (std::size_t k = 0; k < a.rows; ++k)
    for (std::size_t e = a.start[k]; e < a.start[k + 1]; ++e) {
      const std::size_t j = a.column[e];
      const std::size_t at = next[j]++;
      if (at >= back.start[j + 1] || back.column[at] != k || rational_of(back.centre[at]) != -exact_factor * rational_of(a.centre[e]))
        reject("the linear maps before and behind its Relu are not transposed to each other");
    }

  check_semidefinite(a, weights, radius, block.claim->sll, hints, engine);
  if (block.claim->sll.delta.exact == 0) return Rational(1);
  const Rational norm = explicit_gram_bound(a, *block.claim->gram, hints, engine);
  return 1 + block.claim->sll.delta.exact * norm * norm;
}

}  // namespace lipverify
