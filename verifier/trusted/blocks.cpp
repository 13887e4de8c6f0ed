// See blocks.hpp.
#include "verifier/trusted/blocks.hpp"

#include <algorithm>
#include <map>

#include "verifier/trusted/bytes.hpp"
#include "verifier/trusted/failure.hpp"

namespace lipverify {

// --------------------------------------------------------------------------------------------------------------------------- partition

namespace {

std::string name_of(const BlockClaim& block) { return "block '" + printable(block.id) + "'"; }

bool is_entrywise_shift(Op op) {
  return op == Op::identity || op == Op::dropout || op == Op::cast || op == Op::flatten || op == Op::reshape || op == Op::add || op == Op::sub;
}
bool is_scale(Op op) { return op == Op::mul || op == Op::div; }
bool is_dense(Op op) { return op == Op::gemm || op == Op::matmul; }
bool is_activation(Op op) {
  return op == Op::relu || op == Op::leaky_relu || op == Op::abs || op == Op::sigmoid || op == Op::tanh;
}

/// The nodes that a block's operator allows (formats/SPEC.md, section 5).
void check_operators(const Graph& graph, const BlockClaim& block) {
  bool scales = false;
  bool dense = false;
  bool activation = false;
  for (const std::size_t i : block.nodes) {
    const Op op = graph.nodes[i].op;
    scales = scales || is_scale(op);
    dense = dense || is_dense(op);
    activation = activation || is_activation(op);
    if (!is_entrywise_shift(op) && !is_scale(op) && !is_dense(op) && !is_activation(op))
      reject(name_of(block) + " holds " + graph.label(i) + ", which no block may hold");
  }
  const std::string kind = activation ? "activation" : dense ? "dense" : scales ? "scale" : "isometry";
  if (activation && block.nodes.size() != 1) reject(name_of(block) + " holds an activation and other nodes");
  if (kind != block.op) reject(name_of(block) + " claims the operator " + block.op + ", but its nodes are " + kind);
}

}  // namespace

void check_partition(const Graph& graph, Evaluator& evaluator, const Statement& statement) {
  constexpr std::size_t nowhere = static_cast<std::size_t>(-1);
  std::vector<std::size_t> place(graph.nodes.size(), nowhere);
  std::vector<bool> constant(graph.nodes.size(), false);
  for (std::size_t k = 0; k < statement.constant_nodes.size(); ++k) {
    const std::size_t i = statement.constant_nodes[k];
    if (i >= graph.nodes.size()) reject("constantNodes names node " + std::to_string(i) + ", but the graph has " + std::to_string(graph.nodes.size()));
    if (k > 0 && statement.constant_nodes[k - 1] >= i) reject("constantNodes is not ascending");
    constant[i] = true;
  }
  std::vector<std::size_t> readers(graph.values.size(), 0);
  for (std::size_t i = 0; i < graph.nodes.size(); ++i) {
    for (const ValueId id : graph.nodes[i].inputs)
      if (id != kAbsent) ++readers[id];
    const bool is_constant = graph.values[graph.nodes[i].outputs[0]].constant;
    if (is_constant != constant[i])
      reject(graph.label(i) + (is_constant ? " does not depend on the input, but is not in constantNodes" : " depends on the input, but is in constantNodes"));
  }
  if (statement.blocks.empty()) reject("the certificate has no blocks");

  std::map<std::string, ValueId> outputs = {{"", 0}};  // id -> value; "" is the graph's input
  for (std::size_t b = 0; b < statement.blocks.size(); ++b) {
    const BlockClaim& block = statement.blocks[b];
    if (block.nodes.empty()) reject(name_of(block) + " holds no nodes");
    if (block.inputs.size() != 1) reject(name_of(block) + " has " + std::to_string(block.inputs.size()) + " inputs; its operator has one");
    const auto source = outputs.find(block.inputs[0]);
    if (source == outputs.end()) reject(name_of(block) + " reads '" + printable(block.inputs[0]) + "', which is no block before it");
    ValueId current = source->second;
    for (std::size_t k = 0; k < block.nodes.size(); ++k) {
      const std::size_t i = block.nodes[k];
      if (i >= graph.nodes.size()) reject(name_of(block) + " holds node " + std::to_string(i) + ", but the graph has " + std::to_string(graph.nodes.size()));
      if (constant[i]) reject(name_of(block) + " holds " + graph.label(i) + ", which does not depend on the input");
      if (place[i] != nowhere) reject(graph.label(i) + " lies in two blocks");
      if (k > 0 && block.nodes[k - 1] >= i) reject("the nodes of " + name_of(block) + " are not ascending");
      place[i] = b;
      if (evaluator.data_input(i) != current || readers[current] != 1 || current == graph.output)
        reject(graph.label(i) + " of " + name_of(block) + " is not the only reader of what stands before it in the block");
      current = graph.nodes[i].outputs[0];
    }
    if (graph.values[current].name != block.id)
      reject(name_of(block) + " is not named after its output '" + printable(graph.values[current].name) + "'");
    check_operators(graph, block);
    if (!outputs.emplace(block.id, current).second) reject("two blocks have the id '" + printable(block.id) + "'");
  }
  for (std::size_t i = 0; i < graph.nodes.size(); ++i)
    if (!constant[i] && place[i] == nowhere) reject(graph.label(i) + " lies in no block");
  if (outputs.at(statement.blocks.back().id) != graph.output) reject("the last block is not the one that computes the graph's output");
}

// ------------------------------------------------------------------------------------------------------------------------------ bounds

namespace {

std::string show(const Rational& value, Toward direction) { return decimal_text(value, direction); }

/// The largest absolute slope of an activation: attained, and a bound.
Rational slope_of(const Node& node) {
  if (node.op == Op::sigmoid) return Rational(1, 4);
  if (node.op != Op::leaky_relu) return Rational(1);
  Rational alpha = rational_of(dyadic_of_binary32(node.attributes.at("alpha").real));
  if (alpha < 0) alpha = -alpha;
  return alpha > 1 ? alpha : Rational(1);
}

void add_check(std::vector<Check>& checks, const char* id, const BlockClaim& block, const std::string& claimed, const std::string& recomputed,
               bool passed) {
  checks.push_back({id, block.id, claimed, recomputed, passed});
}

/// A block whose constant is known exactly.
void check_exact(const BlockClaim& block, const Rational& constant, std::vector<Check>& checks) {
  add_check(checks, "block-upper", block, "constant = " + show(block.upper.exact, Toward::above), "constant = " + show(constant, Toward::above),
            block.upper.exact == constant);
  const bool attained = block.lower_evidence.theorem == LowerEvidence::Theorem::attained;
  if (attained)
    add_check(checks, "block-lower", block, "constant >= " + show(block.lower.exact, Toward::below), "constant = " + show(constant, Toward::below),
              block.lower.exact == constant);
}

void check_upper(const BlockClaim& block, const Rational& bound, std::vector<Check>& checks) {
  add_check(checks, "block-upper", block, "constant <= " + show(block.upper.exact, Toward::above), "constant <= " + show(bound, Toward::above),
            block.upper.exact >= bound);
}

/// ||A v|| / ||v|| >= lower, A v computed node by node in intervals (nearly exact, whatever the fold).
void check_witness(const Graph& graph, Evaluator& evaluator, const BlockClaim& block, const LinearPart& part, std::vector<Check>& checks) {
  const IntegerVector& v = block.lower_evidence.vector;
  const std::uint64_t columns = part.matrix->columns;
  const std::string place = "the witness vector";
  if (v.mantissas.size() != columns)
    reject(place + " has " + std::to_string(v.mantissas.size()) + " entries, but the matrix has " + std::to_string(columns) + " columns");
  const Rational norm = squared_norm(v);
  if (norm == 0) reject(place + " is zero");
  // One copy of A in I (x) A (x) I sees the witness, the others zero.
  const Shape& shape = graph.values[evaluator.data_input(block.nodes.front())].shape;
  IntervalTensor x(element_count(shape));
  const IntervalTensor entries = intervals_of(v);
  for (std::uint64_t j = 0; j < columns; ++j) x[j * part.right] = entries[j];
  Operand current = operand_of(std::move(x), shape);
  for (const std::size_t i : block.nodes) current = evaluator.apply(i, current, true);
  const Rational image = squared_norm_below(*current.computed);
  add_check(checks, "block-lower", block, "constant >= " + show(block.lower.exact, Toward::below),
            "constant >= " + show(sqrt_below(image / norm), Toward::below), square(block.lower.exact) * norm <= image);
}

}  // namespace

static LinearPart check_ends(const Graph& graph, Evaluator& evaluator, const BlockClaim& block, const FactorHint& hint, const Engine& engine,
                             std::vector<Check>& checks) {
  using Theorem = LowerEvidence::Theorem;
  const Theorem lower = block.lower_evidence.theorem;
  LinearPart part;
  const bool exact = block.op == "isometry" || block.op == "activation";
  if (block.op == "activation") {
    check_exact(block, slope_of(graph.nodes[block.nodes[0]]), checks);
  } else {
    part = linear_part(graph, evaluator, block.nodes, engine);
    if (block.op == "isometry") {
      check_exact(block, Rational(1), checks);
    } else if (block.op == "scale") {
      Interval largest;
      for (const Interval& d : *part.diagonal) largest = hull(largest, absolute(d));
      check_upper(block, upper_end(largest), checks);
    } else if (block.theorem == "zero-operator") {
      bool zero = part.matrix->radius == 0;
      for (const Dyadic& entry : part.matrix->centre) zero = zero && entry.mantissa == 0;
      add_check(checks, "block-upper", block, "constant = " + show(block.upper.exact, Toward::above), zero ? "constant = 0" : "the matrix is not zero",
                zero && block.upper.exact == 0);
    } else {
      check_upper(block, gram_psd_bound(*part.matrix, *block.gram, hint, engine), checks);
    }
  }

  if (lower == Theorem::zero) {
    add_check(checks, "block-lower", block, "constant >= " + show(block.lower.exact, Toward::below), "constant >= 0", block.lower.exact == 0);
  } else if (lower == Theorem::attained && exact) {
    // checked with the upper end
  } else if (lower == Theorem::diagonal_entry && block.op == "scale") {
    const std::uint64_t index = block.lower_evidence.index;
    if (index >= part.diagonal->size())
      reject("lowerEvidence names entry " + std::to_string(index) + " of " + std::to_string(part.diagonal->size()));
    const Rational entry = lower_end(absolute((*part.diagonal)[index]));
    add_check(checks, "block-lower", block, "constant >= " + show(block.lower.exact, Toward::below), "constant >= " + show(entry, Toward::below),
              block.lower.exact <= entry);
  } else if (lower == Theorem::operator_witness && block.op == "dense" && block.theorem == "dense-gram-psd") {
    check_witness(graph, evaluator, block, part, checks);
  } else {
    reject("its lowerEvidence does not belong to the operator " + block.op + " with the theorem " + block.theorem);
  }
  return part;
}

LinearPart check_block(const Graph& graph, Evaluator& evaluator, const BlockClaim& block, const FactorHint& hint, const Engine& engine,
                       std::vector<Check>& checks) {
  try {
    return check_ends(graph, evaluator, block, hint, engine, checks);
  } catch (const Failure& failure) {
    throw Failure(failure.outcome(), name_of(block) + " (" + block.op + ", " + block.theorem + ", claimed constant <= " +
                                         show(block.upper.exact, Toward::above) + "): " + failure.what());
  }
}

// --------------------------------------------------------------------------------------------------------------------- row distances

RowDistances row_distances(const EnclosedMatrix& a, const Engine& engine) {
  // Two grids, one 2^51 times finer than the other, hold every binary32 matrix of ordinary range exactly; what is left is charged.
  constexpr int kFiner = 51;
  const int scale = finest_scale(a.centre);
  GridMatrix coarse;
  if (!round_to_grid(a.centre, scale, coarse)) exhausted("a matrix does not fit its own grid: a fault of the checker");
  std::vector<Dyadic> rest(a.centre.size());
  for (std::size_t i = 0; i < rest.size(); ++i) {
    const Dyadic& value = a.centre[i];
    const std::int64_t drop = -static_cast<std::int64_t>(value.exponent) - scale;  // the grid's unit is 2^drop units of the entry
    if (value.mantissa == 0 || drop <= 0) continue;  // a multiple of the grid's unit
    const Int128 part = coarse.entries[i] == 0 ? 0 : static_cast<Int128>(coarse.entries[i]) * (static_cast<Int128>(1) << drop);
    rest[i] = {static_cast<std::int64_t>(value.mantissa - part), value.exponent};
  }
  GridMatrix fine;
  if (!round_to_grid(rest, scale + kFiner, fine)) exhausted("a remainder does not fit its grid: a fault of the checker");

  RowDistances out;
  out.rows = a.rows;
  out.exponent = -2 * (static_cast<std::int64_t>(scale) + kFiner);
  IntegerView x{coarse.entries.data(), a.columns, a.rows, 1, a.columns, false};  // A', so that X'X = A A'
  IntegerView y = x;
  y.data = fine.entries.data();
  if (!gram_fits(x, 0) || !gram_fits(y, 0)) exhausted("the rows of the last matrix are longer than this checker takes");
  const bool has_fine = std::any_of(fine.entries.begin(), fine.entries.end(), [](std::int64_t g) { return g != 0; });
  const std::vector<Int128> xx = multiply(x, x, engine);
  const std::vector<Int128> xy = has_fine ? multiply(x, y, engine) : std::vector<Int128>();
  const std::vector<Int128> yy = has_fine ? multiply(y, y, engine) : std::vector<Int128>();
  for (std::size_t i = 0; i < a.rows; ++i)
    for (std::size_t j = 0; j < a.rows; ++j) {
      Integer sum = integer_of(xx[i * a.rows + j]) << (2 * kFiner);
      if (has_fine) {
        sum += (integer_of(xy[i * a.rows + j]) + integer_of(xy[j * a.rows + i])) << kFiner;
        sum += integer_of(yy[i * a.rows + j]);
      }
      out.inner.push_back(std::move(sum));
    }
  // ||r_i - r_j|| <= sqrt(2) ||r||_F for the rows of what is left, and for those of the radius.
  const Rational rest_norm = fine.residual + a.radius;
  out.radius = rest_norm == 0 ? Rational(0) : Rational(sqrt_above(Rational(2)) * rest_norm);
  return out;
}

}  // namespace lipverify
