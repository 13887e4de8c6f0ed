// The nodes of fixed_network.hpp that are not linear or only move entries, and the one for whatever has no step of its own.
#include <algorithm>

#include "verifier/graph/activations.hpp"
#include "verifier/samples/fixed_network.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

namespace {

constexpr int kBits = FixedTensor::kBits;

/// Tensors on one grid: the finest of theirs, or 2^-60 of the coarsest.
struct Aligned {
  explicit Aligned(const std::vector<const FixedTensor*>& in) {
    if (in.size() > 64) throw Unavailable{};
    std::int64_t finest = in[0]->exponent;
    std::int64_t coarsest = in[0]->exponent;
    for (const FixedTensor* x : in) {
      finest = std::min(finest, x->exponent);
      coarsest = std::max(coarsest, x->exponent);
    }
    unit = std::max(finest, coarsest - 60);
    for (const FixedTensor* x : in) {
      const std::int64_t up = x->exponent - unit;
      std::vector<Int128> entries(x->centre.size());
      for (std::size_t i = 0; i < entries.size(); ++i) {
        const Int128 c = x->centre[i];
        entries[i] = up >= 0 ? c * (Int128{1} << up) : c >> std::min<std::int64_t>(-up, 127);
      }
      values.push_back(std::move(entries));
      distances.push_back(ceil_scaled(x->distance, up) + (up < 0 ? sqrt_ceiling(Integer(x->centre.size())) : Integer(0)));
    }
  }
  /// At least the root of the sum of squares of the distances.
  [[nodiscard]] Integer root() const {
    Integer squares = 0;
    for (const Integer& d : distances) squares += d * d;
    return sqrt_ceiling(squares);
  }
  std::int64_t unit = 0;
  std::vector<std::vector<Int128>> values;
  std::vector<Integer> distances;  // units 2^unit, with what the alignment cost
};

// ----------------------------------------------------------------------------------------------------------- moving, comparing, joining

/// Derivatives that are those of one of several numbers, of which it is open which: the middle of their range is taken, and half of it charged.
class Open {
 public:
  template <typename Number>
  [[nodiscard]] Number between(Number low, Number high) {
    if (low == high) return low;
    const Number middle = low + (high - low) / 2;  // towards low: high is the farther one
    const Integer half = integer_of(high - middle);
    squares_ += half * half;
    return middle;
  }
  /// Of those whose value is at most `reach` away from `value`.
  template <typename Entries>
  [[nodiscard]] Int128 of(const Entries& entries, Int128 value, Int128 reach) {
    bool any = false;
    Int128 low = 0, high = 0;
    entries([&](Int128 at, Int128 along) {
      if (at - value > reach || value - at > reach) return;
      low = any ? std::min(low, along) : along;
      high = any ? std::max(high, along) : along;
      any = true;
    });
    return between(low, high);
  }
  [[nodiscard]] Integer distance() const { return sqrt_ceiling(squares_); }

 private:
  Integer squares_ = 0;
};

/// An entry can be chosen in the place of another one only if it is at most twice the distance away from it.
Int128 reach_of(const Integer& distance) { return 2 * static_cast<Int128>(distance); }

/// Every entry of input k is moved at most m_k times: the square of the distance is at most the sum of m_k times the squares of theirs.
class Moving : public FixedStep {
 public:
  explicit Moving(std::vector<Source> sources) : sources_(std::move(sources)) {
    std::map<std::uint32_t, std::vector<std::uint32_t>> of_input;
    for (const Source& s : sources_)
      if (s.input != kPadding) of_input[s.input].push_back(s.index);
    for (const auto& [input, entries] : of_input) copies_ = std::max(copies_, overlap({entries}));
  }
  StepForm form() const override { return {.kind = StepForm::Kind::moving, .sources = &sources_}; }
  UpperBound stretch() const override { return UpperBound(sqrt_above(Rational(Integer(copies_)))); }
  FixedTensor operator()(const std::vector<const FixedTensor*>& in) const override {
    if (in.size() == 1) {
      FixedTensor out;
      out.exponent = in[0]->exponent;
      out.distance = in[0]->distance == 0 || copies_ == 1 ? in[0]->distance : sqrt_ceiling(in[0]->distance * in[0]->distance * copies_);
      out.centre.resize(sources_.size());
      for (std::size_t i = 0; i < sources_.size(); ++i)
        out.centre[i] = sources_[i].input == kPadding ? 0 : in[0]->centre[sources_[i].index];
      return checked(std::move(out));
    }
    const Aligned all(in);
    std::vector<Int128> out(sources_.size());
    for (std::size_t i = 0; i < out.size(); ++i)
      if (sources_[i].input != kPadding) out[i] = all.values.at(sources_[i].input)[sources_[i].index];
    return rounded(out, all.unit, sqrt_ceiling(Integer(copies_)) * all.root());
  }

 private:
  std::vector<Source> sources_;
  std::size_t copies_ = 1;
};

/// |max_k a_k - max_k b_k| <= max_k |a_k - b_k|, and every entry is in at most `overlap` sets.
class Extreme : public FixedStep {
 public:
  Extreme(const std::vector<std::vector<std::uint32_t>>& sets, bool smallest) : overlap_(overlap(sets)), smallest_(smallest) {
    start_.push_back(0);
    for (const auto& set : sets) {
      if (set.empty()) throw Unavailable{};
      entries_.insert(entries_.end(), set.begin(), set.end());
      start_.push_back(entries_.size());
    }
  }
  StepForm form() const override { return {.kind = StepForm::Kind::extreme, .start = &start_, .entries = &entries_, .smallest = smallest_}; }
  UpperBound stretch() const override { return UpperBound(sqrt_above(Rational(Integer(overlap_)))); }
  FixedTensor operator()(const std::vector<const FixedTensor*>& in) const override {
    const FixedTensor& x = *in.at(0);
    FixedTensor out;
    out.exponent = x.exponent;
    out.distance = x.distance == 0 ? x.distance : sqrt_ceiling(x.distance * x.distance * overlap_);
    for (std::size_t i = 0; i + 1 < start_.size(); ++i) {
      std::int64_t best = x.centre[entries_[start_[i]]];
      for (std::size_t k = start_[i] + 1; k < start_[i + 1]; ++k)
        best = smallest_ ? std::min(best, x.centre[entries_[k]]) : std::max(best, x.centre[entries_[k]]);
      out.centre.push_back(best);
    }
    return checked(std::move(out));
  }
  bool linear() const override { return false; }
  FixedTensor derivative(const std::vector<const FixedTensor*>& at, const std::vector<const FixedTensor*>& along) const override {
    const FixedTensor& x = *at.at(0);
    const FixedTensor& t = *along.at(0);
    const FixedTensor chosen = (*this)(at);
    const Int128 reach = reach_of(x.distance);
    FixedTensor out;
    out.exponent = t.exponent;
    Open open;
    for (std::size_t i = 0; i + 1 < start_.size(); ++i)
      out.centre.push_back(static_cast<std::int64_t>(open.of(
          [&](const auto& visit) {
            for (std::size_t k = start_[i]; k < start_[i + 1]; ++k) visit(x.centre[entries_[k]], t.centre[entries_[k]]);
          },
          chosen.centre[i], reach)));
    out.distance = (t.distance == 0 ? t.distance : sqrt_ceiling(t.distance * t.distance * overlap_)) + open.distance();
    return checked(std::move(out));
  }

 private:
  std::vector<std::size_t> start_;
  std::vector<std::uint32_t> entries_;
  std::size_t overlap_;
  bool smallest_;
};

/// Sorting does not enlarge distances (rearrangement inequality), nor does leaving entries out.
class Order : public FixedStep {
 public:
  Order(std::vector<std::vector<std::uint32_t>> lines, std::vector<std::uint32_t> line, std::vector<std::uint32_t> ranks, bool ascending)
      : lines_(std::move(lines)), line_(std::move(line)), ranks_(std::move(ranks)), ascending_(ascending) {}
  StepForm form() const override { return {.kind = StepForm::Kind::order, .smallest = ascending_, .lines = &lines_, .line = &line_, .ranks = &ranks_}; }
  UpperBound stretch() const override { return UpperBound(Rational(1)); }
  FixedTensor operator()(const std::vector<const FixedTensor*>& in) const override {
    std::vector<std::vector<std::int64_t>> sorted;
    for (const auto& line : lines_) {
      sorted.emplace_back();
      for (const std::uint32_t i : line) sorted.back().push_back(in.at(0)->centre[i]);
      std::sort(sorted.back().begin(), sorted.back().end());
      if (!ascending_) std::reverse(sorted.back().begin(), sorted.back().end());
    }
    FixedTensor out;
    out.exponent = in[0]->exponent;
    out.distance = in[0]->distance;
    for (std::size_t i = 0; i < line_.size(); ++i) out.centre.push_back(sorted[line_[i]][ranks_[i]]);
    return out;
  }
  bool linear() const override { return false; }
  /// At any point the derivative of sorted entries is a rearrangement of theirs, or sorts those of equal ones: it does not enlarge distances either.
  FixedTensor derivative(const std::vector<const FixedTensor*>& at, const std::vector<const FixedTensor*>& along) const override {
    const FixedTensor& x = *at.at(0);
    const FixedTensor& t = *along.at(0);
    const FixedTensor chosen = (*this)(at);
    const Int128 reach = reach_of(x.distance);
    FixedTensor out;
    out.exponent = t.exponent;
    Open open;
    for (std::size_t i = 0; i < line_.size(); ++i)
      out.centre.push_back(static_cast<std::int64_t>(open.of(
          [&](const auto& visit) {
            for (const std::uint32_t k : lines_[line_[i]]) visit(x.centre[k], t.centre[k]);
          },
          chosen.centre[i], reach)));
    out.distance = t.distance + open.distance();
    return checked(std::move(out));
  }

 private:
  std::vector<std::vector<std::uint32_t>> lines_;
  std::vector<std::uint32_t> line_, ranks_;
  bool ascending_;
};

/// Sums: the distances add up. Maxima: |max_k a_k - max_k b_k|^2 <= sum_k |a_k - b_k|^2.
class Join : public FixedStep {
 public:
  explicit Join(Joining joining) : joining_(joining) {}
  StepForm form() const override {
    return {.kind = joining_ == Joining::sum          ? StepForm::Kind::sum
                    : joining_ == Joining::difference ? StepForm::Kind::difference
                    : joining_ == Joining::maximum    ? StepForm::Kind::larger
                                                      : StepForm::Kind::smaller};
  }
  /// Of maxima; sums add up.
  UpperBound stretch() const override { return UpperBound(Rational(1)); }
  FixedTensor operator()(const std::vector<const FixedTensor*>& in) const override {
    const Aligned all(in);
    const bool sums = joining_ == Joining::sum || joining_ == Joining::difference;
    std::vector<Int128> out = all.values[0];
    for (std::size_t k = 1; k < in.size(); ++k) {
      const std::vector<Int128>& next = all.values[k];
      if (next.size() != out.size()) throw Unavailable{};
      for (std::size_t i = 0; i < out.size(); ++i) switch (joining_) {
          case Joining::sum: out[i] += next[i]; break;
          case Joining::difference: out[i] -= next[i]; break;
          case Joining::maximum: out[i] = std::max(out[i], next[i]); break;
          case Joining::minimum: out[i] = std::min(out[i], next[i]); break;
        }
    }
    Integer distance = 0;
    for (const Integer& d : all.distances) distance += d;
    return rounded(out, all.unit, sums ? distance : all.root());
  }
  bool linear() const override { return joining_ == Joining::sum || joining_ == Joining::difference; }
  FixedTensor derivative(const std::vector<const FixedTensor*>& at, const std::vector<const FixedTensor*>& along) const override {
    if (linear()) return (*this)(along);
    const Aligned values(at);
    const Aligned tangents(along);
    const Integer distance = values.root();
    if (distance >= (Integer(1) << 120)) throw Unavailable{};
    std::vector<Int128> out(values.values[0].size());
    Open open;
    for (std::size_t i = 0; i < out.size(); ++i) {
      Int128 best = values.values[0][i];
      for (const std::vector<Int128>& v : values.values) best = joining_ == Joining::maximum ? std::max(best, v[i]) : std::min(best, v[i]);
      out[i] = open.of(
          [&](const auto& visit) {
            for (std::size_t k = 0; k < values.values.size(); ++k) visit(values.values[k][i], tangents.values[k][i]);
          },
          best, reach_of(distance));
    }
    return rounded(out, tangents.unit, tangents.root() + open.distance());
  }

 private:
  Joining joining_;
};

// --------------------------------------------------------------------------------------------------------------------------- entrywise

class KinkStep : public FixedStep {
 public:
  KinkStep(Kink kink, const Dyadic& slope) : kink_(kink), slope_(slope) {
    if (slope_.exponent < -60 || slope_.exponent > 30 || magnitude(slope_.mantissa) >> 24 != 0) throw Unavailable{};
    const Rational size = rational_of(slope_) < 0 ? Rational(-rational_of(slope_)) : rational_of(slope_);
    bound_ = UpperBound(std::max(Rational(1), size));
  }
  StepForm form() const override { return {.kind = StepForm::Kind::kink, .left = kink_ == Kink::leaky_relu ? slope_ : Dyadic{kink_ == Kink::abs ? -1 : 0, 0}}; }
  UpperBound stretch() const override { return bound_; }
  FixedTensor operator()(const std::vector<const FixedTensor*>& in) const override {
    const FixedTensor& x = *in.at(0);
    if (kink_ != Kink::leaky_relu) {
      FixedTensor out = x;
      for (std::int64_t& c : out.centre) c = kink_ == Kink::abs && c < 0 ? -c : std::max<std::int64_t>(c, 0);
      return out;
    }
    // On the grid that is finer by the digits of the slope: exact, then rounded once.
    const std::int64_t finer = std::max<std::int64_t>(0, -std::int64_t{slope_.exponent});
    const std::int64_t coarser = std::max<std::int64_t>(0, slope_.exponent);
    std::vector<Int128> sums(x.centre.size());
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const Int128 c = x.centre[i];
      sums[i] = c >= 0 ? c << finer : c * slope_.mantissa * (Int128{1} << coarser);
    }
    return rounded(sums, x.exponent - finer, bound_.times(x.distance, x.exponent, x.exponent - finer));
  }
  bool linear() const override { return false; }
  /// t on the right of 0, and `left` on the left; at 0 by the sign of t; and any of both where 0 is within the distance.
  FixedTensor derivative(const std::vector<const FixedTensor*>& at, const std::vector<const FixedTensor*>& along) const override {
    const FixedTensor& x = *at.at(0);
    const FixedTensor& t = *along.at(0);
    const bool leaky = kink_ == Kink::leaky_relu;
    const std::int64_t finer = leaky ? std::max<std::int64_t>(0, -std::int64_t{slope_.exponent}) : 0;
    const std::int64_t coarser = leaky ? std::max<std::int64_t>(0, slope_.exponent) : 0;
    const std::int64_t slope = leaky ? slope_.mantissa : kink_ == Kink::abs ? -1 : 0;
    const auto reach = static_cast<Int128>(x.distance);
    std::vector<Int128> out(t.centre.size());
    Open open;
    for (std::size_t i = 0; i < out.size(); ++i) {
      const Int128 right = static_cast<Int128>(t.centre[i]) << finer;
      const Int128 left = static_cast<Int128>(t.centre[i]) * slope * (Int128{1} << coarser);
      const std::int64_t z = x.centre[i];
      if (reach == 0 && z == 0)
        out[i] = t.centre[i] >= 0 ? right : left;
      else if (z > reach || -z > reach)
        out[i] = z > 0 ? right : left;
      else
        out[i] = open.between(std::min(left, right), std::max(left, right));
    }
    const std::int64_t unit = t.exponent - finer;
    return rounded(out, unit, bound_.times(t.distance, t.exponent, unit) + open.distance());
  }

 private:
  Kink kink_;
  Dyadic slope_;
  UpperBound bound_;
};

/// Every entry of the data is within `distance` of its centre, whatever it is for all of them together.
class Enclosing : public FixedStep {
 public:
  Enclosing(const Graph& graph, std::size_t node, std::size_t output, std::vector<const Operand*> inputs)
      : graph_(graph), node_(node), output_(output), inputs_(std::move(inputs)) {}
  FixedTensor operator()(const std::vector<const FixedTensor*>& in) const override {
    const Enclosed x(*this, in);
    return fixed(node_value(x.inputs(*this), output_), in[0]->exponent);
  }
  StepForm form() const override {
    const Node& node = graph_.nodes[node_];
    const bool entrywise = is_activation(node.op) || ((node.op == Op::max || node.op == Op::min) && shape_of_data() == graph_.values[node.outputs[0]].shape);
    const bool one = std::count(inputs_.begin(), inputs_.end(), nullptr) == 1;
    return {.kind = entrywise && one ? StepForm::Kind::activation : StepForm::Kind::other, .node = &node};
  }
  /// One-sided derivatives along 1 at all points of the box: an activation is the integral of them.
  SlopeBounds slopes(const FixedTensor& centre, const std::vector<std::int64_t>& radius, std::int64_t exponent) const override {
    IntervalTensor box, one(centre.centre.size(), Interval(Dyadic{1, 0}));
    for (std::size_t i = 0; i < centre.centre.size(); ++i)
      box.push_back(Interval(Dyadic{centre.centre[i], static_cast<std::int32_t>(centre.exponent)}) +
                    Interval(Wide(-radius[i]), Wide(radius[i]), exponent));
    const Operand x = operand_of(std::move(box), shape_of_data()), t = operand_of(std::move(one), shape_of_data());
    std::vector<const Operand*> operands = inputs_, along(inputs_.size(), nullptr);
    operands[data()] = &x;
    along[data()] = &t;
    const NodeInputs inputs{graph_, node_, operands, 1};
    const Operand y = node_derivative(inputs, along, node_value(inputs, output_), output_);
    SlopeBounds out;
    for (std::size_t i = 0; i < centre.centre.size(); ++i) {
      const Interval slope = y.at(i);
      if (bit_length(slope.low) + slope.exponent > 20 || bit_length(slope.high) + slope.exponent > 20) throw Unavailable{};
      const Rational low = lower_end(slope) * (Integer(1) << kSlopeBits), high = upper_end(slope) * (Integer(1) << kSlopeBits);
      const auto inward = [](const Rational& end) { return static_cast<std::int64_t>(Integer(mp::numerator(end) / mp::denominator(end))); };  // to 0
      out.low.push_back(low >= 0 ? inward(low) : -static_cast<std::int64_t>(ceil_of(-low)));
      out.high.push_back(high >= 0 ? static_cast<std::int64_t>(ceil_of(high)) : inward(high));
      out.one.push_back(low == high);
    }
    return out;
  }
  bool linear() const override { return false; }
  FixedTensor derivative(const std::vector<const FixedTensor*>& at, const std::vector<const FixedTensor*>& along) const override {
    const Enclosed x(*this, at);
    const Enclosed t(*this, along);
    const NodeInputs inputs = x.inputs(*this);
    std::vector<const Operand*> derivatives = t.operands;
    for (std::size_t k = 0; k < inputs_.size(); ++k)
      if (inputs_[k] != nullptr) derivatives[k] = nullptr;
    return fixed(node_derivative(inputs, derivatives, node_value(inputs, output_), output_), along[0]->exponent);
  }

 private:
  /// The place of the first input that is data.
  [[nodiscard]] std::size_t data() const { return static_cast<std::size_t>(std::find(inputs_.begin(), inputs_.end(), nullptr) - inputs_.begin()); }
  [[nodiscard]] const Shape& shape_of_data() const { return graph_.values[graph_.nodes[node_].inputs.at(data())].shape; }

  /// The node's inputs: its constants, and its data within the distances of `in`.
  struct Enclosed {
    Enclosed(const Enclosing& step, const std::vector<const FixedTensor*>& in) : operands(step.inputs_) {
      data.reserve(in.size());
      for (std::size_t k = 0; k < operands.size(); ++k) {
        if (operands[k] != nullptr) continue;
        const FixedTensor& x = *in.at(data.size());
        const Wide distance(x.distance);
        IntervalTensor values;
        for (const std::int64_t c : x.centre) values.emplace_back(Wide(c) - distance, Wide(c) + distance, x.exponent);
        data.push_back(operand_of(std::move(values), step.graph_.values[step.graph_.nodes[step.node_].inputs[k]].shape));
        operands[k] = &data.back();
      }
    }
    [[nodiscard]] NodeInputs inputs(const Enclosing& step) const { return {step.graph_, step.node_, operands, 1}; }
    std::vector<Operand> data;
    std::vector<const Operand*> operands;
  };

  static FixedTensor fixed(const Operand& y, std::int64_t exponent) {
    IntervalTensor values(y.size());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = y.at(i);
    Grid grid = to_grid(values, kBits);
    FixedTensor out;
    out.distance = root_of_squares(grid.errors, 1);
    out.centre = std::move(grid.mantissas);
    const bool zero = std::all_of(values.begin(), values.end(), [](const Interval& v) { return v.is_zero(); });
    out.exponent = zero ? exponent : grid.exponent;  // a tensor of zeros fits any grid
    return checked(std::move(out));
  }

  const Graph& graph_;
  std::size_t node_, output_;
  std::vector<const Operand*> inputs_;
};

}  // namespace

std::unique_ptr<FixedStep> moving_step(std::vector<Source> sources) { return std::make_unique<Moving>(std::move(sources)); }
std::unique_ptr<FixedStep> extreme_step(const std::vector<std::vector<std::uint32_t>>& sets, bool smallest) {
  return std::make_unique<Extreme>(sets, smallest);
}
std::unique_ptr<FixedStep> order_step(std::vector<std::vector<std::uint32_t>> lines, std::vector<std::uint32_t> line,
                                      std::vector<std::uint32_t> ranks, bool ascending) {
  return std::make_unique<Order>(std::move(lines), std::move(line), std::move(ranks), ascending);
}
std::unique_ptr<FixedStep> joining_step(Joining joining) { return std::make_unique<Join>(joining); }
std::unique_ptr<FixedStep> kink_step(Kink kink, const Dyadic& slope) { return std::make_unique<KinkStep>(kink, slope); }
std::unique_ptr<FixedStep> enclosing_step(const Graph& graph, std::size_t node, std::size_t output, std::vector<const Operand*> inputs) {
  return std::make_unique<Enclosing>(graph, node, output, std::move(inputs));
}

}  // namespace lipverify
