// See fixed_network.hpp.
#include "verifier/samples/fixed_network.hpp"

#include <algorithm>
#include <bit>

#include "verifier/base/failure.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

namespace {

constexpr int kBits = FixedTensor::kBits;
constexpr int kSumBits = 125;          // every sum of products is at most 2^124
constexpr std::int64_t kFar = 100000;  // exponents beyond this are not followed

/// ceil(x * 2^shift) for x >= 0.
Integer ceil_scaled(const Integer& x, std::int64_t shift) {
  if (x == 0) return x;
  if (shift >= 0) return x << static_cast<std::size_t>(shift);
  if (-shift > static_cast<std::int64_t>(mp::msb(x))) return 1;
  return ((x - 1) >> static_cast<std::size_t>(-shift)) + 1;
}

Integer ceil_of(const Rational& x) {  // x >= 0
  const Integer& n = mp::numerator(x);
  const Integer& d = mp::denominator(x);
  return (n + d - 1) / d;
}

Rational power_of_two(std::int64_t exponent) {
  return scaled(Integer(1), exponent);
}

int bit_length(UInt128 value) {
  const auto high = static_cast<std::uint64_t>(value >> 64);
  return high != 0 ? 64 + static_cast<int>(std::bit_width(high)) : static_cast<int>(std::bit_width(static_cast<std::uint64_t>(value)));
}
UInt128 magnitude(Int128 value) {
  return value < 0 ? -static_cast<UInt128>(value) : static_cast<UInt128>(value);
}

std::int64_t bit_length(const Wide& x) {
  return x == 0 ? 0 : static_cast<std::int64_t>(mp::msb(x < 0 ? Wide(-x) : x)) + 1;
}

/// floor(x * 2^shift) for numbers that fit.
std::int64_t floor_shifted(const Wide& x, std::int64_t shift) {
  const bool negative = x < 0;
  Wide size = negative ? Wide(-x) : x;
  if (shift >= 0) {
    size <<= static_cast<std::size_t>(shift);
  } else {
    const bool inexact = size != 0 && static_cast<std::int64_t>(mp::lsb(size)) < -shift;
    size = -shift > 600 ? Wide(0) : Wide(size >> static_cast<std::size_t>(-shift));
    if (negative && inexact) size += 1;
  }
  return static_cast<std::int64_t>(negative ? Wide(-size) : size);
}

struct Grid {
  std::vector<std::int64_t> mantissas;  // |m_i| <= 2^(bits - 1), units 2^exponent
  std::int64_t exponent = 0;
  std::vector<std::int64_t> errors;  // at least the distance of m_i to its number, in units
};

/// Enclosures on one grid.
Grid to_grid(const IntervalTensor& values, int bits) {
  std::int64_t top = -kFar;
  for (const Interval& x : values)
    if (!x.is_zero()) top = std::max(top, x.exponent + std::max(bit_length(x.low), bit_length(x.high)));
  Grid grid;
  grid.exponent = top == -kFar ? 0 : top - (bits - 1);
  if (grid.exponent < -kFar / 2 || grid.exponent > kFar / 2) throw Unavailable{};
  for (const Interval& x : values) {
    const std::int64_t shift = x.exponent - grid.exponent;
    const std::int64_t low = floor_shifted(x.low, shift);
    const std::int64_t above = -floor_shifted(-x.high, shift);  // ceiling
    grid.mantissas.push_back(low);
    grid.errors.push_back(above - low);
  }
  return grid;
}

/// At least the root of `times` times the sum of squares.
Integer root_of_squares(const std::vector<std::int64_t>& errors, std::size_t times) {
  Integer squares = 0;
  for (const std::int64_t error : errors)
    if (error != 0) squares += Integer(error) * error;
  return sqrt_ceiling(squares * times);
}

std::size_t largest_size(const std::vector<std::vector<std::uint32_t>>& sets) {
  std::size_t out = 0;
  for (const auto& set : sets) out = std::max(out, set.size());
  return out;
}

/// In how many of the sets an entry lies, at most.
std::size_t overlap(const std::vector<std::vector<std::uint32_t>>& sets) {
  std::vector<std::size_t> count;
  std::size_t out = 0;
  for (const auto& set : sets)
    for (const std::uint32_t i : set) {
      if (i >= count.size()) count.resize(std::size_t{i} + 1, 0);
      out = std::max(out, ++count[i]);
    }
  return out;
}

FixedTensor checked(FixedTensor x) {
  if (x.distance >= (Integer(1) << kBits) || x.exponent <= -kFar || x.exponent >= kFar) throw Unavailable{};
  return x;
}

/// Sums, |sums_i| < 2^126 in units 2^unit, as a centre; adds what the rounding costs. `distance` is in units 2^unit.
FixedTensor rounded(const std::vector<Int128>& sums, std::int64_t unit, const Integer& distance) {
  UInt128 largest = 0;
  for (const Int128 sum : sums) largest = std::max(largest, magnitude(sum));
  const int shift = std::max(0, bit_length(largest) - (kBits - 1));  // a floor may reach 2^(kBits - 1)
  FixedTensor out;
  out.centre.resize(sums.size());
  for (std::size_t i = 0; i < sums.size(); ++i) out.centre[i] = static_cast<std::int64_t>(sums[i] >> shift);
  out.exponent = unit + shift;
  out.distance = shift > 0 ? Integer(ceil_scaled(distance, -shift) + sqrt_ceiling(Integer(sums.size()))) : distance;
  return checked(std::move(out));
}

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

// ------------------------------------------------------------------------------------------------------------------------ linear nodes

/// A x + b: what A and b leave out is charged against the length of the centre of x.
class Affine : public FixedStep {
 public:
  FixedTensor operator()(const std::vector<const FixedTensor*>& in) const final {
    const FixedTensor& x = *in.at(0);
    std::uint64_t largest = 0;
    for (const std::int64_t c : x.centre) largest = std::max(largest, static_cast<std::uint64_t>(c < 0 ? -c : c));
    const Integer length = sqrt_ceiling(Integer(x.centre.size())) * Integer(largest);  // at least ||c||_2
    std::vector<Int128> sums;
    products(x.centre, sums);
    std::int64_t unit = x.exponent + exponent_;
    const Integer weight_cost = weight_error_ * length;  // units 2^unit
    const Integer root = sqrt_ceiling(Integer(sums.size()));
    Integer rounding = 0;
    const std::int64_t fine = unit;
    std::int64_t lift = offset_exponent_ - unit;  // the offset in units 2^unit is offset * 2^lift
    if (lift > 62) {                              // the products are so small that some of their digits go
      const std::int64_t drop = lift - 62;
      for (Int128& sum : sums) sum = drop > 127 ? (sum < 0 ? Int128{-1} : Int128{0}) : sum >> drop;
      unit += drop;
      lift = 62;
      rounding += root;
    }
    std::size_t i = 0;
    while (i < sums.size())
      for (std::size_t k = 0; k < offset_.size(); ++k) {
        const Int128 b = offset_[k];
        const Int128 shifted = lift >= 0 ? b * (Int128{1} << lift) : lift < -127 ? (b < 0 ? Int128{-1} : Int128{0}) : b >> -lift;
        for (std::size_t r = 0; r < run_; ++r) sums[i++] += shifted;
      }
    if (lift < 0) rounding += root;
    const Integer distance = bound_.times(x.distance, x.exponent, unit) + ceil_scaled(weight_cost, fine - unit) +
                             ceil_scaled(offset_error_, offset_exponent_ - unit) + rounding;
    return rounded(sums, unit, distance);
  }

 protected:
  /// Integers times the integers that stand for A.
  virtual void products(const std::vector<std::int64_t>& x, std::vector<Int128>& sums) const = 0;

  /// Integer weights from a matrix whose rows are summed up. `copies`: ||A|| and the norm of what the weights leave out are at most the
  /// root of `copies` times the Frobenius norms of the matrix and of what is left out of it.
  void set_weights(const EnclosedMatrix& a, std::size_t copies) {
    const int bits = std::min(62, kSumBits - kBits - static_cast<int>(std::bit_width(a.columns)));
    if (bits < 24) throw Unavailable{};
    // Units 2^exponent such that |weights| <= 2^bits, rounded to nearest: each entry leaves out at most half a unit.
    std::int64_t top = -kFar;
    for (const Dyadic& w : a.centre)
      if (w.mantissa != 0) top = std::max(top, w.exponent + std::int64_t{bit_length(magnitude(w.mantissa))});
    exponent_ = top == -kFar ? 0 : top - bits;
    Integer inexact = 0;
    weights_.reserve(a.centre.size());
    for (const Dyadic& w : a.centre) {
      const std::int64_t shift = w.exponent - exponent_;
      if (w.mantissa == 0 || shift >= 0) {
        weights_.push_back(w.mantissa == 0 ? 0 : w.mantissa * (std::int64_t{1} << shift));
        continue;
      }
      const Int128 half = shift < -64 ? Int128{0} : Int128{1} << (-shift - 1);
      const std::int64_t value = shift < -64 ? 0 : static_cast<std::int64_t>((static_cast<Int128>(w.mantissa) + half) >> -shift);
      if (shift < -64 || (static_cast<Int128>(value) << -shift) != w.mantissa) ++inexact;
      weights_.push_back(value);
    }
    const Integer root = sqrt_ceiling(Integer(copies));
    if (inexact != 0 || a.radius != 0)
      weight_error_ = sqrt_ceiling(inexact * copies) / 2 + 1 + ceil_of(a.radius * root * power_of_two(-exponent_));
    bound_ = UpperBound((frobenius_above(a) + a.radius) * root);
  }

  /// Entry i of the result gets entry (i / run) mod (number of entries) of the offset.
  void set_offset(const IntervalTensor& offset, std::size_t run, std::size_t entries) {
    Grid grid = to_grid(offset, 60);
    if (run == 0 || offset.empty() || entries % (run * offset.size()) != 0) throw Unavailable{};
    offset_error_ = root_of_squares(grid.errors, entries / offset.size());
    offset_ = std::move(grid.mantissas);
    offset_exponent_ = grid.exponent;
    run_ = run;
  }

  static Int128 row(const std::int64_t* w, const std::int64_t* x, std::size_t count) {
    Int128 sum = 0;
    for (std::size_t k = 0; k < count; ++k) sum += static_cast<Int128>(w[k]) * x[k];
    return sum;
  }

  std::vector<std::int64_t> weights_;  // units 2^exponent
  std::int64_t exponent_ = 0;
  Integer weight_error_ = 0;          // at least the spectral norm of what the weights leave out, in units 2^exponent
  UpperBound bound_;                  // of the spectral norm; used only for distances that come up inside a block
  std::vector<std::int64_t> offset_;  // units 2^offset_exponent
  std::int64_t offset_exponent_ = 0;
  Integer offset_error_ = 0;  // at least the Euclidean norm of what the offset leaves out, same units
  std::size_t run_ = 1;
};

class Dense : public Affine {
 public:
  Dense(const EnclosedMatrix& a, std::uint64_t left, std::uint64_t right, const IntervalTensor& offset)
      : rows_(a.rows), columns_(a.columns), left_(static_cast<std::size_t>(left)), right_(static_cast<std::size_t>(right)) {
    set_weights(a, 1);  // left * right copies of A on different entries: the norm is that of A
    set_offset(offset, 1, left_ * rows_ * right_);
  }

 private:
  void products(const std::vector<std::int64_t>& centre, std::vector<Int128>& sums) const override {
    // Entry ((l rows + i) right + q) of the result: row i of A with the entries ((l columns + k) right + q) of the input.
    sums.resize(left_ * rows_ * right_);
    std::vector<std::int64_t> gathered(columns_);
    for (std::size_t l = 0; l < left_; ++l)
      for (std::size_t q = 0; q < right_; ++q) {
        const std::int64_t* x = centre.data() + l * columns_;
        if (right_ != 1) {
          for (std::size_t k = 0; k < columns_; ++k) gathered[k] = centre[(l * columns_ + k) * right_ + q];
          x = gathered.data();
        }
        for (std::size_t i = 0; i < rows_; ++i) sums[(l * rows_ + i) * right_ + q] = row(weights_.data() + i * columns_, x, columns_);
      }
  }
  std::size_t rows_, columns_, left_, right_;
};

/// A = sum over kernel positions k of P_k (x) W_k with W_k the channel matrix at k, and P_k the map from places of the data to those of the
/// result that meet at k. Every place of the data meets k at most at one place of the result, and every place of the result meets at most
/// one of the data there, so ||P_k||_2 <= 1 and ||A||_2 <= sum_k ||W_k||_F <= sqrt(number of k) ||W||_F (Cauchy-Schwarz). Groups are
/// blocks of W_k. The same for what the integer weights leave out of W.
class Convolution : public Affine {
 public:
  explicit Convolution(const FixedConvolution& c)
      : c_{c.batch, c.groups, c.inputs, c.outputs, c.kernel, c.size, {}, {}, {}}, places_(c.taps.size()) {
    if (c.weights.rows != c.groups * c.outputs || c.weights.columns != c.inputs * c.kernel) throw Unavailable{};
    set_weights(c.weights, c.kernel);
    set_offset(c.offset, c.offset.size() == 1 ? 1 : places_, c.batch * c.groups * c.outputs * places_);
    source_.assign(places_ * c.kernel, -1);
    for (std::size_t p = 0; p < places_; ++p)
      for (const Tap& tap : c.taps[p]) source_.at(p * c.kernel + tap.kernel) = static_cast<std::int32_t>(tap.data);
  }

 private:
  void products(const std::vector<std::int64_t>& centre, std::vector<Int128>& sums) const override {
    sums.resize(c_.batch * c_.groups * c_.outputs * places_);
    const std::size_t columns = c_.inputs * c_.kernel;
    std::vector<std::int64_t> patch(columns);
    for (std::size_t block = 0; block < c_.batch * c_.groups; ++block) {
      const std::int64_t* x = centre.data() + block * c_.inputs * c_.size;
      const std::int64_t* w = weights_.data() + block % c_.groups * c_.outputs * columns;
      for (std::size_t p = 0; p < places_; ++p) {
        const std::int32_t* source = source_.data() + p * c_.kernel;
        for (std::size_t i = 0; i < c_.inputs; ++i)
          for (std::size_t k = 0; k < c_.kernel; ++k)
            patch[i * c_.kernel + k] = source[k] < 0 ? 0 : x[i * c_.size + static_cast<std::size_t>(source[k])];
        for (std::size_t o = 0; o < c_.outputs; ++o)
          sums[(block * c_.outputs + o) * places_ + p] = row(w + o * columns, patch.data(), columns);
      }
    }
  }
  FixedConvolution c_;  // its numbers only
  std::size_t places_;
  std::vector<std::int32_t> source_;  // for each place and kernel position the entry of a channel; -1: padding
};

class Diagonal : public Affine {
 public:
  Diagonal(const IntervalTensor& d, const IntervalTensor& offset, std::size_t run, std::size_t entries) : entries_(entries) {
    Grid grid = to_grid(d, 62);
    exponent_ = grid.exponent;
    weight_error_ = *std::max_element(grid.errors.begin(), grid.errors.end());
    weights_ = std::move(grid.mantissas);
    Integer largest = 0;
    for (const std::int64_t w : weights_) largest = std::max(largest, Integer(w < 0 ? -w : w));
    bound_ = UpperBound(scaled(largest + weight_error_, exponent_));
    if (d.size() != offset.size()) throw Unavailable{};
    set_offset(offset, run, entries);
  }

 private:
  void products(const std::vector<std::int64_t>& centre, std::vector<Int128>& sums) const override {
    if (centre.size() != entries_) throw Unavailable{};
    sums.resize(entries_);
    std::size_t i = 0;
    while (i < entries_)
      for (const std::int64_t w : weights_)
        for (std::size_t r = 0; r < run_; ++r, ++i) sums[i] = static_cast<Int128>(w) * centre[i];
  }
  std::size_t entries_;
};

/// Entries of the rows are 1 / divisor: ||A||_2^2 <= (largest sum of a row) * (largest sum of a column).
class Average : public FixedStep {
 public:
  Average(const std::vector<std::vector<std::uint32_t>>& groups, std::vector<std::uint64_t> divisors) : divisors_(std::move(divisors)) {
    if (groups.size() != divisors_.size() || groups.empty()) throw Unavailable{};
    start_.push_back(0);
    for (const auto& group : groups) {
      entries_.insert(entries_.end(), group.begin(), group.end());
      start_.push_back(entries_.size());
    }
    const std::size_t most = largest_size(groups);
    const std::uint64_t least = *std::min_element(divisors_.begin(), divisors_.end());
    if (least == 0) throw Unavailable{};
    finer_ = std::all_of(divisors_.begin(), divisors_.end(), [](std::uint64_t d) { return d == 1; })
                 ? 0
                 : std::min(40, kSumBits - kBits - static_cast<int>(std::bit_width(most)));
    if (finer_ < 0) throw Unavailable{};
    bound_ = UpperBound(sqrt_above(Rational(Integer(most) * overlap(groups), Integer(least) * least)));
  }
  FixedTensor operator()(const std::vector<const FixedTensor*>& in) const override {
    const FixedTensor& x = *in.at(0);
    std::vector<Int128> sums(divisors_.size());
    std::uint64_t inexact = 0;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      Int128 sum = 0;
      for (std::size_t k = start_[i]; k < start_[i + 1]; ++k) sum += x.centre[entries_[k]];
      sum *= Int128{1} << finer_;
      const auto divisor = static_cast<Int128>(divisors_[i]);
      sums[i] = sum / divisor;  // towards 0
      if (sums[i] * divisor != sum) ++inexact;
    }
    const std::int64_t unit = x.exponent - finer_;
    return rounded(sums, unit, bound_.times(x.distance, x.exponent, unit) + sqrt_ceiling(Integer(inexact)));
  }

 private:
  std::vector<std::size_t> start_;
  std::vector<std::uint32_t> entries_;
  std::vector<std::uint64_t> divisors_;
  int finer_ = 0;  // binary digits behind those of the data
  UpperBound bound_;
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
          case Joining::sum:
            out[i] += next[i];
            break;
          case Joining::difference:
            out[i] -= next[i];
            break;
          case Joining::maximum:
            out[i] = std::max(out[i], next[i]);
            break;
          case Joining::minimum:
            out[i] = std::min(out[i], next[i]);
            break;
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

UpperBound::UpperBound(const Rational& x) {
  if (x == 0) return;
  exponent = static_cast<std::int64_t>(mp::msb(mp::numerator(x))) - static_cast<std::int64_t>(mp::msb(mp::denominator(x))) - 40;
  mantissa = ceil_of(x * power_of_two(-exponent));
}

Integer UpperBound::times(const Integer& distance, std::int64_t from, std::int64_t to) const {
  const std::int64_t shift = from + exponent - to;
  if (shift > kFar) throw Unavailable{};
  return ceil_scaled(mantissa * distance, shift);
}

std::unique_ptr<FixedStep> dense_step(const EnclosedMatrix& a, std::uint64_t left, std::uint64_t right, const IntervalTensor& offset) {
  return std::make_unique<Dense>(a, left, right, offset);
}
std::unique_ptr<FixedStep> convolution_step(const FixedConvolution& convolution) {
  return std::make_unique<Convolution>(convolution);
}
std::unique_ptr<FixedStep> diagonal_step(const IntervalTensor& d, const IntervalTensor& offset, std::size_t run, std::size_t entries) {
  return std::make_unique<Diagonal>(d, offset, run, entries);
}
std::unique_ptr<FixedStep> moving_step(std::vector<Source> sources) {
  return std::make_unique<Moving>(std::move(sources));
}
std::unique_ptr<FixedStep> average_step(const std::vector<std::vector<std::uint32_t>>& groups, std::vector<std::uint64_t> divisors) {
  return std::make_unique<Average>(groups, std::move(divisors));
}
std::unique_ptr<FixedStep> extreme_step(const std::vector<std::vector<std::uint32_t>>& sets, bool smallest) {
  return std::make_unique<Extreme>(sets, smallest);
}
std::unique_ptr<FixedStep> order_step(std::vector<std::vector<std::uint32_t>> lines, std::vector<std::uint32_t> line,
                                      std::vector<std::uint32_t> ranks, bool ascending) {
  return std::make_unique<Order>(std::move(lines), std::move(line), std::move(ranks), ascending);
}
std::unique_ptr<FixedStep> joining_step(Joining joining) {
  return std::make_unique<Join>(joining);
}
std::unique_ptr<FixedStep> kink_step(Kink kink, const Dyadic& slope) {
  return std::make_unique<KinkStep>(kink, slope);
}
std::unique_ptr<FixedStep> enclosing_step(const Graph& graph, std::size_t node, std::size_t output, std::vector<const Operand*> inputs) {
  return std::make_unique<Enclosing>(graph, node, output, std::move(inputs));
}

void FixedNetwork::begin_block(ValueId input, const Rational& upper) {
  blocks_.emplace_back();
  blocks_.back().input = input;
  blocks_.back().bound = UpperBound(upper);
}

void FixedNetwork::begin_join() {
  blocks_.emplace_back();
}

void FixedNetwork::add(std::unique_ptr<FixedStep> step, std::vector<ValueId> inputs, ValueId output) {
  blocks_.back().steps.push_back({std::move(step), std::move(inputs), output});
}

void FixedNetwork::end_block(std::vector<ValueId> outputs) {
  blocks_.back().outputs = std::move(outputs);
}

void FixedNetwork::run(const Block& block, std::map<ValueId, FixedTensor>& tensors) {
  const auto tensor = [&](ValueId id) -> FixedTensor& {
    const auto found = tensors.find(id);
    if (found == tensors.end()) throw Unavailable{};  // of another block, and not its output
    return found->second;
  };
  Integer before = 0;
  if (block.input) std::swap(before, tensor(*block.input).distance);  // the block at the centre of its input
  for (const Placed& placed : block.steps) {
    std::vector<const FixedTensor*> in;
    for (const ValueId id : placed.inputs) in.push_back(&tensor(id));
    tensors[placed.output] = (*placed.step)(in);
  }
  for (const Placed& placed : block.steps)
    if (std::find(block.outputs.begin(), block.outputs.end(), placed.output) == block.outputs.end()) tensors.erase(placed.output);
  if (!block.input) return;
  FixedTensor& x = tensor(*block.input);
  for (const ValueId id : block.outputs) {
    FixedTensor& y = tensor(id);
    y.distance += block.bound.times(before, x.exponent, y.exponent);
    if (y.distance >= (Integer(1) << kBits)) throw Unavailable{};
  }
  x.distance = before;
}

std::optional<EnclosedOutput> FixedNetwork::evaluate(const GridPoint& input, ValueId output) const {
  std::map<ValueId, FixedTensor> tensors;
  tensors[0] = {input.lower, input.exponent, sqrt_ceiling(Integer(input.inexact))};
  try {
    for (const Block& block : blocks_) run(block, tensors);
  } catch (const Unavailable&) {
    return std::nullopt;
  } catch (const Failure&) {  // an enclosure that is not defined, such as the root of an interval that goes below 0
    return std::nullopt;
  }
  const FixedTensor& y = tensors.at(output);
  EnclosedOutput out;
  out.exponent = y.exponent;
  for (const std::int64_t c : y.centre) {
    out.lower.push_back(Integer(c) - y.distance);
    out.upper.push_back(Integer(c) + y.distance);
  }
  return out;
}

}  // namespace lipverify
