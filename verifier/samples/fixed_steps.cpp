// The nodes of fixed_network.hpp that are not linear or only move entries, and the one for whatever has no step of its own.
#include <algorithm>

#include "verifier/samples/fixed_network.hpp"

namespace lipverify {

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

/// Every entry of input k is moved at most m_k times: the square of the distance is at most the sum of m_k times the squares of theirs.
class Moving : public FixedStep {
 public:
  explicit Moving(std::vector<Source> sources) : sources_(std::move(sources)) {
    std::map<std::uint32_t, std::vector<std::uint32_t>> of_input;
    for (const Source& s : sources_)
      if (s.input != kPadding) of_input[s.input].push_back(s.index);
    for (const auto& [input, entries] : of_input) copies_ = std::max(copies_, overlap({entries}));
  }
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

 private:
  std::vector<std::vector<std::uint32_t>> lines_;
  std::vector<std::uint32_t> line_, ranks_;
  bool ascending_;
};

/// Sums: the distances add up. Maxima: |max_k a_k - max_k b_k|^2 <= sum_k |a_k - b_k|^2.
class Join : public FixedStep {
 public:
  explicit Join(Joining joining) : joining_(joining) {}
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
    std::vector<Operand> data;
    data.reserve(in.size());
    NodeInputs all{graph_, node_, inputs_, 1};
    for (std::size_t k = 0; k < inputs_.size(); ++k) {
      if (inputs_[k] != nullptr) continue;
      const FixedTensor& x = *in.at(data.size());
      const Wide distance(x.distance);
      IntervalTensor values;
      for (const std::int64_t c : x.centre) values.emplace_back(Wide(c) - distance, Wide(c) + distance, x.exponent);
      data.push_back(operand_of(std::move(values), graph_.values[graph_.nodes[node_].inputs[k]].shape));
      all.in[k] = &data.back();
    }
    const Operand y = node_value(all, output_);
    IntervalTensor values(y.size());
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = y.at(i);
    Grid grid = to_grid(values, kBits);
    FixedTensor out;
    out.distance = root_of_squares(grid.errors, 1);
    out.centre = std::move(grid.mantissas);
    const bool zero = std::all_of(values.begin(), values.end(), [](const Interval& v) { return v.is_zero(); });
    out.exponent = zero ? in[0]->exponent : grid.exponent;  // a tensor of zeros fits any grid
    return checked(std::move(out));
  }

 private:
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
