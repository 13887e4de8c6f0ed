// See linear_map.hpp.
#include "verifier/theorems/linear_map.hpp"

#include <algorithm>
#include <bit>
#include <map>
#include <optional>

#include "verifier/base/failure.hpp"
#include "verifier/base/parallel.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

namespace {

constexpr std::uint64_t kEntries = std::uint64_t{1} << 25;   // of all matrices that are kept at one time
constexpr std::uint64_t kImage = std::uint64_t{1} << 22;     // entries of an enclosed tensor (about 200 bytes each)

struct Product {
  std::uint32_t column;
  std::int64_t exponent;
  Int128 mantissa;
};

int width(Int128 value) { return bit_length(magnitude(value)); }

/// Lengths below powers of two that add up: the sum is below 2^top().
class Lengths {
 public:
  void add(std::int64_t top) {
    top_ = count_ == 0 ? top : std::max(top_, top);
    ++count_;
  }
  [[nodiscard]] std::optional<std::int64_t> top() const {  // nothing: the sum is 0
    return count_ == 0 ? std::nullopt : std::optional(top_ + static_cast<std::int64_t>(std::bit_width(count_)));
  }

 private:
  std::int64_t top_ = 0;
  std::uint64_t count_ = 0;
};

/// What rounding loses: of all entries, and of one row.
struct Lost {
  SquareSum all;
  Lengths row;
};

/// The dyadic of at most 62 bits next to 0 from an integer times a power of two; what is cut off is below one unit of its last bit, and added.
Dyadic shortened(const Integer& value, std::int64_t exponent, Lost& lost) {
  if (value == 0) return {};
  const Integer magnitude = value < 0 ? Integer(-value) : value;
  const std::int64_t drop = std::max<std::int64_t>(0, static_cast<std::int64_t>(mp::msb(magnitude)) + 1 - 62);
  const Integer kept = magnitude >> static_cast<std::size_t>(drop);
  if ((kept << static_cast<std::size_t>(drop)) != magnitude) {
    lost.all.add(Integer(1), exponent + drop);
    lost.row.add(exponent + drop);
  }
  const auto mantissa = static_cast<std::int64_t>(kept);
  return {value < 0 ? -mantissa : mantissa, exponent_of(exponent + drop)};
}

/// The sum of products [first, last) of one column.
Dyadic sum_of(const std::vector<Product>& products, std::size_t first, std::size_t last, Lost& lost) {
  std::int64_t fine = products[first].exponent;
  std::int64_t top = 0;
  for (std::size_t k = first; k < last; ++k) fine = std::min(fine, products[k].exponent);
  for (std::size_t k = first; k < last; ++k) top = std::max(top, products[k].exponent - fine + width(products[k].mantissa));
  if (top + static_cast<std::int64_t>(std::bit_width(last - first)) <= 62) {
    std::int64_t sum = 0;
    for (std::size_t k = first; k < last; ++k) sum += static_cast<std::int64_t>(products[k].mantissa * (static_cast<Int128>(1) << (products[k].exponent - fine)));
    return {sum, sum == 0 ? 0 : exponent_of(fine)};
  }
  if (top > 1000000) reject("entries of a matrix differ too much in size");
  Integer sum = 0;
  for (std::size_t k = first; k < last; ++k) sum += integer_of(products[k].mantissa) << static_cast<std::size_t>(products[k].exponent - fine);
  return shortened(sum, fine, lost);
}

/// Bounds of a matrix that is seen entry by entry: see the opening comment of linear_map.hpp.
class Extent {
 public:
  explicit Extent(std::uint64_t columns) : in_column_(columns, 0) {}
  void row(std::uint64_t entries) { in_row_ = std::max(in_row_, entries); }
  void entry(std::uint32_t column, const Dyadic& centre, const Dyadic& error) {
    most_in_column_ = std::max<std::uint64_t>(most_in_column_, ++in_column_[column]);
    ++entries_;
    grow(centre, top_, any_);
    grow(error, error_top_, any_error_);
  }
  [[nodiscard]] bool exact() const { return !any_error_; }
  [[nodiscard]] Rational norm() const { return any_ ? Rational(scaled(Integer(1), top_) * sqrt_above(Rational(Integer(in_row_) * most_in_column_))) : Rational(0); }
  [[nodiscard]] Rational error() const { return any_error_ ? Rational(scaled(Integer(1), error_top_) * sqrt_above(Rational(entries_))) : Rational(0); }

 private:
  static void grow(const Dyadic& value, std::int64_t& top, bool& any) {  // |value| < 2^top
    if (value.mantissa == 0) return;
    const std::int64_t t = width(value.mantissa) + std::int64_t{value.exponent};
    top = any ? std::max(top, t) : t;
    any = true;
  }
  std::vector<std::uint32_t> in_column_;
  std::uint64_t in_row_ = 0, most_in_column_ = 0, entries_ = 0;
  std::int64_t top_ = 0, error_top_ = 0;
  bool any_ = false, any_error_ = false;
};

Extent extent_of(const SparseMatrix& a) {
  Extent out(a.columns);
  for (std::size_t i = 0; i < a.rows; ++i) {
    out.row(a.start[i + 1] - a.start[i]);
    for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) out.entry(a.column[k], a.centre[k], {});
  }
  return out;
}

std::int64_t top_of(const Dyadic& value) { return width(value.mantissa) + std::int64_t{value.exponent}; }  // |value| < 2^top, value not 0

/// For each row of the centre the power of two above its length, or nothing where it is zero.
std::vector<std::optional<std::int64_t>> lengths_of_rows(const SparseMatrix& a) {
  std::vector<std::optional<std::int64_t>> out(a.rows);
  for (std::size_t i = 0; i < a.rows; ++i) {
    Lengths entries;
    for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k)
      if (a.centre[k].mantissa != 0) entries.add(top_of(a.centre[k]));
    out[i] = entries.top();
  }
  return out;
}

/// The matrix of an output of a node from those of its data inputs (nullptr: zero). `room`: entries that may be made.
SparseMatrix composed(const LinearNode& node, const std::vector<const SparseMatrix*>& inputs, std::size_t columns, std::uint64_t room) {
  SparseMatrix out;
  out.rows = node.rows;
  out.columns = columns;
  out.start.reserve(node.rows + 1);
  out.start.push_back(0);
  std::vector<Extent> extents;
  for (const SparseMatrix* input : inputs) {
    extents.emplace_back(input == nullptr ? 0 : input->rows);
    if (input != nullptr && input->radius != 0 && input->loose.size() != input->rows) exhausted("a matrix that is not exact without lengths of its rows: a fault of the checker");
  }
  Lost lost;
  SquareSum by_rows;
  std::vector<std::vector<std::optional<std::int64_t>>> lengths(inputs.size());
  std::vector<Term> terms;
  std::vector<Product> products;
  std::vector<std::uint64_t> in_row(inputs.size());
  for (std::uint64_t r = 0; r < node.rows; ++r) {
    terms.clear();
    products.clear();
    std::fill(in_row.begin(), in_row.end(), 0);
    lost.row = {};
    node.row(r, terms);
    for (const Term& term : terms) {
      const SparseMatrix* input = inputs[term.slot];
      if (input == nullptr || (term.factor.centre.mantissa == 0 && term.factor.error.mantissa == 0)) continue;
      extents[term.slot].entry(term.index, term.factor.centre, term.factor.error);
      ++in_row[term.slot];
      const auto loose = input->loose.empty() ? std::nullopt : input->loose[term.index];
      if (loose && term.factor.centre.mantissa != 0) lost.row.add(top_of(term.factor.centre) + *loose);
      if (loose && term.factor.error.mantissa != 0) lost.row.add(top_of(term.factor.error) + *loose);
      if (term.factor.error.mantissa != 0) {
        if (lengths[term.slot].empty()) lengths[term.slot] = lengths_of_rows(*input);
        if (const auto length = lengths[term.slot][term.index]) lost.row.add(top_of(term.factor.error) + *length);
      }
      for (std::size_t k = input->start[term.index]; k < input->start[term.index + 1]; ++k) {
        const Dyadic& entry = input->centre[k];
        const Int128 mantissa = static_cast<Int128>(term.factor.centre.mantissa) * entry.mantissa;
        if (mantissa != 0) products.push_back({input->column[k], std::int64_t{term.factor.centre.exponent} + entry.exponent, mantissa});
      }
      if (products.size() > room) exhausted("the explicit matrix of a linear block has too many entries for this checker");
    }
    for (std::size_t s = 0; s < inputs.size(); ++s) extents[s].row(in_row[s]);
    const auto before = [](const Product& x, const Product& y) { return x.column < y.column; };
    if (!std::is_sorted(products.begin(), products.end(), before)) std::sort(products.begin(), products.end(), before);
    for (std::size_t first = 0; first < products.size();) {
      std::size_t last = first + 1;
      while (last < products.size() && products[last].column == products[first].column) ++last;
      const Dyadic sum = sum_of(products, first, last, lost);
      if (sum.mantissa != 0) {
        out.column.push_back(products[first].column);
        out.centre.push_back(sum);
      }
      first = last;
    }
    if (out.column.size() > room) exhausted("the explicit matrix of a linear block has too many entries for this checker");
    out.start.push_back(out.column.size());
    out.loose.push_back(lost.row.top());
    if (out.loose.back()) by_rows.add(Integer(1), *out.loose.back());
  }
  out.radius = lost.all.root();
  for (std::size_t s = 0; s < inputs.size(); ++s) {
    if (inputs[s] == nullptr || (inputs[s]->radius == 0 && extents[s].exact())) continue;
    out.radius += extents[s].norm() * inputs[s]->radius + extents[s].error() * (extent_of(*inputs[s]).norm() + inputs[s]->radius);
  }
  out.radius = std::min(out.radius, by_rows.root());
  return out;
}

SparseMatrix identity(std::size_t n) {
  if (n > kEntries) exhausted("the input of a linear block has too many entries for this checker");
  SparseMatrix out;
  out.rows = out.columns = n;
  for (std::size_t i = 0; i <= n; ++i) out.start.push_back(i);
  for (std::size_t i = 0; i < n; ++i) out.column.push_back(static_cast<std::uint32_t>(i));
  out.centre.assign(n, Dyadic{1, 0});
  return out;
}

}  // namespace

SparseMatrix linear_map(const Graph& graph, Evaluator& evaluator, const std::vector<std::size_t>& nodes, ValueId source, ValueId target,
                        const std::set<ValueId>& zero) {
  // Backwards from the target: what is needed, and how often it is still to be read.
  std::map<ValueId, std::size_t> reads;
  reads[target] = 1;
  for (std::size_t k = nodes.size(); k-- > 0;)
    for (const ValueId made : graph.nodes[nodes[k]].outputs) {
      if (made == kAbsent || made == source || zero.count(made) != 0 || reads.count(made) == 0) continue;
      for (const ValueId id : graph.nodes[nodes[k]].inputs)
        if (id != kAbsent && !graph.values[id].constant) ++reads[id];
    }
  std::map<ValueId, SparseMatrix> matrices;
  const std::uint64_t columns = element_count(graph.values[source].shape);
  matrices[source] = identity(columns);
  ++reads[source];
  std::uint64_t kept = columns;
  for (const std::size_t i : nodes)
    for (std::size_t o = 0; o < graph.nodes[i].outputs.size(); ++o) {
      const ValueId made = graph.nodes[i].outputs[o];
      if (made == kAbsent || made == source || zero.count(made) != 0 || reads.count(made) == 0) continue;
      const LinearNode node = linear_node(graph, evaluator, i, o);
      std::vector<const SparseMatrix*> inputs;
      for (const ValueId id : node.data) {
        const auto found = matrices.find(id);
        if (found == matrices.end() && zero.count(id) == 0) reject(graph.label(i) + " reads a tensor that the block does not compute from its input");
        inputs.push_back(found == matrices.end() ? nullptr : &found->second);
      }
      SparseMatrix next = composed(node, inputs, columns, kEntries - std::min(kEntries, kept));
      kept += next.column.size();
      matrices[made] = std::move(next);
      for (const ValueId id : node.data) {
        const auto found = matrices.find(id);
        if (--reads[id] != 0 || found == matrices.end()) continue;
        kept -= std::min<std::uint64_t>(kept, found->second.column.size());
        matrices.erase(found);
      }
    }
  const auto found = matrices.find(target);
  if (found == matrices.end()) reject("the output of a linear block is not computed from its input");
  found->second.loose.clear();  // nobody keeps them up to date from here on
  return std::move(found->second);
}

namespace {

/// A tensor with its entries as short exact numbers where all of them are.
struct Values {
  IntervalTensor entries;
  std::vector<Dyadic> narrow;

  explicit Values(IntervalTensor x) : entries(std::move(x)) {
    const Wide limit = Wide(1) << 62U;
    for (const Interval& e : entries) {
      if (!e.exact() || e.low >= limit || e.low <= -limit || e.exponent < -1000000 || e.exponent > 1000000) {
        narrow.clear();
        return;
      }
      narrow.push_back({static_cast<std::int64_t>(e.low), e.is_zero() ? 0 : static_cast<std::int32_t>(e.exponent)});
    }
  }
};

/// The sum when it is exact in 128 bits.
bool short_sum(const std::vector<Term>& terms, const std::vector<const Values*>& inputs, Interval& out) {
  bool any = false;
  std::int64_t fine = 0;
  std::int64_t top = 0;
  for (const Term& t : terms) {
    if (t.factor.error.mantissa != 0) return false;
    const Values* input = inputs[t.slot];
    if (input == nullptr) continue;
    if (input->narrow.empty()) return false;
    const Dyadic& x = input->narrow[t.index];
    if (x.mantissa == 0 || t.factor.centre.mantissa == 0) continue;
    const std::int64_t e = std::int64_t{x.exponent} + t.factor.centre.exponent;
    const std::int64_t b = e + width(x.mantissa) + width(t.factor.centre.mantissa);
    fine = any ? std::min(fine, e) : e;
    top = any ? std::max(top, b) : b;
    any = true;
  }
  if (any && top - fine + static_cast<std::int64_t>(std::bit_width(terms.size())) > 126) return false;
  Int128 sum = 0;
  for (const Term& t : terms) {
    const Values* input = inputs[t.slot];
    if (input == nullptr) continue;
    const Dyadic& x = input->narrow[t.index];
    if (x.mantissa == 0 || t.factor.centre.mantissa == 0) continue;
    sum += static_cast<Int128>(x.mantissa) * t.factor.centre.mantissa * (static_cast<Int128>(1) << (std::int64_t{x.exponent} + t.factor.centre.exponent - fine));
  }
  const Wide value(integer_of(sum));
  out = Interval(value, value, fine);
  return true;
}

Interval sum_of(const std::vector<Term>& terms, const std::vector<const Values*>& inputs) {
  Interval out;
  if (short_sum(terms, inputs, out)) return out;
  DotProduct sum;
  for (int pass = 0; pass < 2; ++pass)
    for (const Term& t : terms) {
      const Values* input = inputs[t.slot];
      if (input == nullptr || input->entries[t.index].is_zero()) continue;
      const Interval& x = input->entries[t.index];
      if (t.factor.error.mantissa == 0) {
        pass == 0 ? sum.announce(t.factor.centre, x) : sum.add(t.factor.centre, x);
      } else {
        const Interval factor = interval_of(t.factor);
        pass == 0 ? sum.announce(factor, x) : sum.add(factor, x);
      }
    }
  return sum.result();
}

}  // namespace

IntervalTensor linear_image(const Graph& graph, Evaluator& evaluator, const std::vector<std::size_t>& nodes, ValueId source, ValueId target, const IntegerVector& v,
                            const Engine& engine) {
  std::map<ValueId, Values> tensors;
  tensors.emplace(source, Values(intervals_of(v)));
  for (const std::size_t i : nodes)
    for (std::size_t o = 0; o < graph.nodes[i].outputs.size(); ++o) {
      const ValueId made = graph.nodes[i].outputs[o];
      if (made == kAbsent || graph.values[made].unusable) continue;
      const LinearNode node = linear_node(graph, evaluator, i, o);
      if (node.rows > kImage) exhausted("a computed tensor has more than 4194304 entries; this checker does not enclose larger ones");
      std::vector<const Values*> inputs;
      for (const ValueId id : node.data) {
        const auto found = tensors.find(id);
        if (found == tensors.end()) reject(graph.label(i) + " reads a tensor that the block does not compute from its input");
        inputs.push_back(&found->second);
      }
      const Op op = graph.nodes[i].op;
      if (inputs.size() == 1 && (op == Op::conv || op == Op::conv_transpose)) {  // the same sums, without a list of terms for each row
        const Operand image = evaluator.apply(i, operand_of(inputs[0]->entries, graph.values[node.data[0]].shape), true);
        IntervalTensor entries(node.rows);
        for (std::uint64_t r = 0; r < node.rows; ++r) entries[r] = image.at(r);
        tensors.emplace(made, Values(std::move(entries)));
        continue;
      }
      IntervalTensor out(node.rows);
      constexpr std::uint64_t piece = 256;
      parallel_for((node.rows + piece - 1) / piece, engine.threads, [&](std::size_t p) {
        std::vector<Term> terms;
        for (std::uint64_t r = p * piece; r < std::min<std::uint64_t>(node.rows, (p + 1) * piece); ++r) {
          terms.clear();
          node.row(r, terms);
          out[r] = sum_of(terms, inputs);
        }
      });
      tensors.emplace(made, Values(std::move(out)));
    }
  return tensors.at(target).entries;
}

Rational squared_image_below(const SparseMatrix& a, const IntegerVector& v) {
  IntervalTensor image(a.rows);
  for (std::size_t i = 0; i < a.rows; ++i) {
    std::int64_t fine = 0;
    std::int64_t top = 0;
    bool any = false;
    for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) {
      fine = any ? std::min<std::int64_t>(fine, a.centre[k].exponent) : a.centre[k].exponent;
      any = true;
    }
    for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) top = std::max(top, a.centre[k].exponent - fine);
    if (top > 1000000) reject("entries of a matrix differ too much in size");
    Integer sum = 0;
    if (top <= 24) {  // below 2^62 2^31 2^24 each
      Int128 part = 0;
      std::size_t terms = 0;
      for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k) {
        part += static_cast<Int128>(a.centre[k].mantissa) * v.mantissas[a.column[k]] * (static_cast<Int128>(1) << (a.centre[k].exponent - fine));
        if (++terms % 256 == 0) {
          sum += integer_of(part);
          part = 0;
        }
      }
      sum += integer_of(part);
    } else {
      for (std::size_t k = a.start[i]; k < a.start[i + 1]; ++k)
        sum += Integer(a.centre[k].mantissa) * v.mantissas[a.column[k]] << static_cast<std::size_t>(a.centre[k].exponent - fine);
    }
    const std::int64_t bits = sum == 0 ? 0 : static_cast<std::int64_t>(mp::msb(sum < 0 ? Integer(-sum) : sum)) + 1;
    const std::int64_t drop = std::max<std::int64_t>(0, bits - 500);
    const Wide magnitude(Integer((sum < 0 ? Integer(-sum) : sum) >> static_cast<std::size_t>(drop)));  // towards 0: only lowers the norm
    image[i] = Interval(magnitude, magnitude, fine + drop + v.exponent);
  }
  return squared_norm_below(image);
}

}  // namespace lipverify
