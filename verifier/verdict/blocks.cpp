// See blocks.hpp.
//
// Each operator has its theorem in verifier/theorems; here they are asked, and what they answer is compared with what the certificate claims.
#include "verifier/verdict/blocks.hpp"

#include <algorithm>

#include "verifier/base/failure.hpp"
#include "verifier/graph/parameters.hpp"
#include "verifier/theorems/convolution_block.hpp"
#include "verifier/theorems/elementwise.hpp"
#include "verifier/theorems/linear_map.hpp"
#include "verifier/theorems/pooling.hpp"
#include "verifier/theorems/rearrangement.hpp"
#include "verifier/theorems/sll.hpp"

namespace lipverify {

// ------------------------------------------------------------------------------------------------------------------------------ bounds

namespace {

std::string show(const Rational& value, Toward direction) { return decimal_text(value, direction); }

std::string at_most(const Rational& bound) { return "constant <= " + show(bound, Toward::above); }
std::string at_least(const Rational& bound) { return "constant >= " + show(bound, Toward::below); }

class BlockCheck {
 public:
  BlockCheck(const BlockContext& context, const Block& block, std::vector<Check>& checks)
      : graph_(context.graph), evaluator_(context.evaluator), context_(context), block_(block), claim_(*block.claim), checks_(checks) {}

  LinearPart run() {
    const std::string& op = claim_.op;
    if (is_join(op)) {
      const JoinBound bound = join_bound(graph_, block_, context_.before, context_.bounds);
      add("block-upper", "P <= " + show(claim_.upper.exact, Toward::above), "P <= " + show(bound.above(), Toward::above), bound.proves(claim_.upper.exact));
    } else if (op == "isometry" || op == "scale" || op == "dense") {
      chain();
    } else if (op == "linear") {
      linear();
    } else if (op == "convolution") {
      const ConvKernel kernel = convolution_kernel(graph_, evaluator_, block_, claim_.convolution.axes);
      upper(convolution_bound(kernel, claim_.theorem, claim_.convolution, context_.hints, context_.engine));
    } else if (op == "activation") {
      constant(largest_slope(graph_, evaluator_, block_), false, claim_.nodes.size() == 1);
    } else if (op == "softmax") {
      const Rational half = softmax_length() == 1 ? Rational(0) : Rational(1, 2);
      constant({half, half}, false);
    } else if (op == "pool-max") {
      const Rational most = max_overlap(graph_, block_);
      constant({most, most}, true);
    } else if (op == "pool-l2") {
      constant(window_sum(graph_, evaluator_, block_), true);
    } else if (op == "sort") {
      check_rearrangement(graph_, block_);
      constant({Rational(1), Rational(1)}, false);
    } else if (op == "split") {
      constant({Rational(1), Rational(1)}, false);  // every output is a selection of different entries
    } else if (op == "sll") {
      const Rational bound = sll_bound(graph_, evaluator_, block_, context_.hints, context_.engine);
      add("block-upper", at_most(claim_.upper.exact), at_most(sqrt_above(bound)), square(claim_.upper.exact) >= bound);
    } else {
      reject("this version of the checker does not know the operator " + op);
    }
    lower();
    return part_;
  }

 private:
  using Theorem = LowerEvidence::Theorem;
  static constexpr std::uint64_t kRows = 1024;                            // most classes of a pair claim
  static constexpr std::uint64_t kRowEntries = std::uint64_t{1} << 24;    // of a last matrix that is written out

  void add(const char* id, const std::string& claimed, const std::string& recomputed, bool passed) {
    checks_.push_back({id, claim_.id, claimed, recomputed, passed});
  }

  void upper(const Rational& bound) { add("block-upper", at_most(claim_.upper.exact), at_most(bound), claim_.upper.exact >= bound); }

  [[nodiscard]] bool attained() const { return claim_.lower_evidence.theorem == Theorem::attained; }

  /// A block whose constant lies between two numbers (or whose square does). One number: `upper` is it, where it is neither a square nor computed, and
  /// where another enclosure of the same number would be exact too (`simple`).
  void constant(const Constant& c, bool squared, bool simple = true) {
    const bool exact = c.lower == c.upper && !squared && !c.computed && simple;
    const Rational& claimed = claim_.upper.exact;
    const Rational above = squared ? sqrt_above(c.upper) : c.upper;
    add("block-upper", (exact ? "constant = " : "constant <= ") + show(claimed, Toward::above), (exact ? "constant = " : "constant <= ") + show(above, Toward::above),
        exact ? claimed == c.upper : (squared ? square(claimed) : claimed) >= c.upper);
    if (!attained()) return;
    const Rational& low = claim_.lower.exact;
    add("block-lower", at_least(low), at_least(squared ? sqrt_below(c.lower) : c.lower), (squared ? square(low) : low) <= c.lower);
    lower_done_ = true;
  }

  void zero(bool is_zero) {
    add("block-upper", "constant = " + show(claim_.upper.exact, Toward::above), is_zero ? "constant = 0" : "the matrix is not zero", is_zero && claim_.upper.exact == 0);
  }

  void chain() {
    part_ = linear_part(graph_, evaluator_, claim_.nodes, context_.engine);
    if (claim_.op == "isometry") {
      constant({Rational(1), Rational(1)}, false);
    } else if (claim_.op == "scale") {
      Interval largest;
      for (const Interval& d : *part_.diagonal) largest = hull(largest, absolute(d));
      upper(upper_end(largest));
      if (claim_.lower_evidence.theorem == Theorem::diagonal_entry) {
        const std::uint64_t index = claim_.lower_evidence.index;
        if (index >= part_.diagonal->size()) reject("lowerEvidence names entry " + std::to_string(index) + " of " + std::to_string(part_.diagonal->size()));
        const Rational entry = lower_end(absolute((*part_.diagonal)[index]));
        add("block-lower", at_least(claim_.lower.exact), at_least(entry), claim_.lower.exact <= entry);
        lower_done_ = true;
      }
    } else if (claim_.theorem == "zero-operator") {
      bool is_zero = part_.matrix->radius == 0;
      for (const Dyadic& entry : part_.matrix->centre) is_zero = is_zero && entry.mantissa == 0;
      zero(is_zero);
    } else {
      upper(gram_psd_bound(*part_.matrix, *claim_.gram, context_.hints.factor, context_.engine));
      if (claim_.lower_evidence.theorem == Theorem::operator_witness) {
        // One copy of A in I (x) A (x) I sees the witness, the others zero.
        const IntegerVector& v = claim_.lower_evidence.vector;
        const std::uint64_t columns = part_.matrix->columns;
        check_witness_size(columns);
        const Shape& shape = graph_.values[block_.input()].shape;
        IntervalTensor x(element_count(shape));
        const IntervalTensor entries = intervals_of(v);
        for (std::uint64_t j = 0; j < columns; ++j) x[j * part_.right] = entries[j];
        Operand current = operand_of(std::move(x), shape);
        for (const std::size_t i : claim_.nodes) current = evaluator_.apply(i, current, true);
        witness(squared_norm_below(*current.computed), Rational(0));
      }
    }
  }

  void linear() {
    const SparseMatrix a = linear_map(graph_, evaluator_, claim_.nodes, block_.input(), block_.output());
    if (block_.output() == graph_.output && a.rows <= kRows && a.columns <= kRowEntries / a.rows) part_.matrix = written_out(a);  // for pairs of outputs
    if (claim_.theorem == "zero-operator") {
      zero(a.column.empty() && a.radius == 0);
    } else if (claim_.theorem == "diagonal-gram") {
      const DiagonalGram gram = diagonal_gram(a, claim_.gram->at_a);
      add("block-upper", at_most(claim_.upper.exact), at_most(gram.upper()), gram.proves_upper(claim_.upper.exact));
      if (claim_.lower_evidence.theorem == Theorem::gram_entry) {
        const std::uint64_t k = claim_.lower_evidence.index;
        if (k >= gram.squares.size()) reject("lowerEvidence names entry " + std::to_string(k) + " of " + std::to_string(gram.squares.size()));
        const Rational entry = sqrt_below(gram.squares[k]) - gram.radius;
        add("block-lower", at_least(claim_.lower.exact), at_least(std::max(Rational(0), entry)), gram.proves_lower(claim_.lower.exact, k));
        lower_done_ = true;
      }
    } else {
      upper(explicit_gram_bound(a, *claim_.gram, context_.hints, context_.engine));
      if (claim_.lower_evidence.theorem == Theorem::operator_witness) {
        check_witness_size(a.columns);
        witness(squared_image_below(a, claim_.lower_evidence.vector), a.radius);
      }
    }
  }

  void check_witness_size(std::uint64_t columns) const {
    const IntegerVector& v = claim_.lower_evidence.vector;
    if (v.mantissas.size() != columns)
      reject("the witness vector has " + std::to_string(v.mantissas.size()) + " entries, but the matrix has " + std::to_string(columns) + " columns");
    if (squared_norm(v) == 0) reject("the witness vector is zero");
  }

  /// `image`: at most the square of the centre's image. ||A v|| >= ||Ac v|| - radius ||v||.
  void witness(const Rational& image, const Rational& radius) {
    const Rational norm = squared_norm(claim_.lower_evidence.vector);
    add("block-lower", at_least(claim_.lower.exact), at_least(std::max(Rational(0), Rational(sqrt_below(image / norm) - radius))),
        square(claim_.lower.exact + radius) * norm <= image);
    lower_done_ = true;
  }

  /// Entries that one Softmax normalises together: those of its axis, before opset 13 all from the axis on.
  [[nodiscard]] std::uint64_t softmax_length() const {
    const Shape& shape = graph_.values[block_.input()].shape;
    const std::uint64_t axis = axes_of(graph_, claim_.nodes[0]).at(0);
    std::uint64_t length = shape.at(axis);
    if (graph_.opset < 13)
      for (std::size_t k = axis + 1; k < shape.size(); ++k) length *= shape[k];
    return length;
  }

  void lower() {
    if (lower_done_) return;
    if (claim_.lower_evidence.theorem == Theorem::zero) {
      add("block-lower", at_least(claim_.lower.exact), "constant >= 0", claim_.lower.exact == 0);
    } else if (claim_.lower_evidence.theorem == Theorem::operator_witness && claim_.op == "convolution") {
      const IntegerVector& v = claim_.lower_evidence.vector;
      check_witness_size(element_count(graph_.values[block_.input()].shape));
      witness(squared_norm_below(linear_image(graph_, evaluator_, claim_.nodes, block_.input(), block_.output(), v, context_.engine)), Rational(0));
    } else {
      reject("its lowerEvidence does not belong to the operator " + claim_.op + " with the theorem " + claim_.theorem);
    }
  }

  const Graph& graph_;
  Evaluator& evaluator_;
  const BlockContext& context_;
  const Block& block_;
  const BlockClaim& claim_;
  std::vector<Check>& checks_;
  LinearPart part_;
  bool lower_done_ = false;
};

}  // namespace

LinearPart check_block(const BlockContext& context, const Block& block, std::vector<Check>& checks) {
  try {
    return BlockCheck(context, block, checks).run();
  } catch (const Failure& failure) {
    const BlockClaim& claim = *block.claim;
    throw Failure(failure.outcome(), name_of(claim) + " (" + claim.op + ", " + claim.theorem + ", claimed constant <= " +
                                         show(claim.upper.exact, Toward::above) + "): " + failure.what());
  }
}

// --------------------------------------------------------------------------------------------------------------------- row distances

RowDistances::RowDistances(const EnclosedMatrix& a, const Engine& engine) {
  // Two grids for each row, one 2^51 times finer than the other, hold every binary32 row of ordinary range exactly; what is left is charged.
  constexpr int kFiner = 51;
  GridMatrix coarse, fine;
  std::vector<std::int64_t> high, low;
  for (std::size_t r = 0; r < a.rows; ++r) {
    const auto begin = a.centre.begin() + static_cast<std::ptrdiff_t>(r * a.columns);
    const std::vector<Dyadic> row(begin, begin + static_cast<std::ptrdiff_t>(a.columns));
    const int scale = finest_scale(row);
    if (!round_to_grid(row, scale, coarse)) exhausted("a row does not fit its own grid: a fault of the checker");
    std::vector<Dyadic> rest(row.size());
    for (std::size_t i = 0; i < rest.size(); ++i) {
      const std::int64_t drop = -static_cast<std::int64_t>(row[i].exponent) - scale;  // the grid's unit is 2^drop units of the entry
      if (row[i].mantissa == 0 || drop <= 0) continue;                                // a multiple of the grid's unit
      const Int128 part = coarse.entries[i] == 0 ? 0 : static_cast<Int128>(coarse.entries[i]) * (static_cast<Int128>(1) << drop);
      rest[i] = {static_cast<std::int64_t>(row[i].mantissa - part), row[i].exponent};
    }
    if (!round_to_grid(rest, scale + kFiner, fine)) exhausted("a remainder does not fit its grid: a fault of the checker");
    high.insert(high.end(), coarse.entries.begin(), coarse.entries.end());
    low.insert(low.end(), fine.entries.begin(), fine.entries.end());
    scale_.push_back(std::int64_t{scale} + kFiner);
    rest_.push_back(fine.residual);
  }
  const IntegerView x{high.data(), a.columns, a.rows, 1, a.columns, false};  // A', so that X'X = A A'
  IntegerView y = x;
  y.data = low.data();
  if (!gram_fits(x, 0) || !gram_fits(y, 0)) exhausted("the rows of the last matrix are longer than this checker takes");
  const bool has_fine = std::any_of(low.begin(), low.end(), [](std::int64_t g) { return g != 0; });
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
      inner_.push_back(std::move(sum));
    }
  // ||r_i - r_j|| <= sqrt(2) ||r||_F for the rows of the radius.
  if (a.radius != 0) radius_ = sqrt_above(Rational(2)) * a.radius;
}

Rational RowDistances::squared(std::size_t i, std::size_t j, bool disjoint) const {
  const std::size_t n = rows();
  const std::int64_t finest = std::max(scale_[i], scale_[j]);
  const auto on_it = [&](std::size_t k, std::size_t l) { return Integer(inner_[k * n + l] << static_cast<std::size_t>(2 * finest - scale_[k] - scale_[l])); };
  Integer sum = on_it(i, i) + on_it(j, j);
  if (!disjoint) sum -= 2 * on_it(i, j);
  return scaled(sum, -2 * finest);
}

}  // namespace lipverify
