// The linear nodes of fixed_network.hpp.
#include <algorithm>
#include <array>
#include <bit>
#include <map>

#include "verifier/base/parallel.hpp"
#include "verifier/samples/fixed_network.hpp"

namespace lipverify {

namespace {

constexpr int kBits = FixedTensor::kBits;
constexpr int kSumBits = 125;  // every sum of products is at most 2^124

std::size_t largest_size(const std::vector<std::vector<std::uint32_t>>& sets) {
  std::size_t out = 0;
  for (const auto& set : sets) out = std::max(out, set.size());
  return out;
}

/// A x + b: what A and b leave out is charged against the length of the centre of x.
class Affine : public FixedStep {
 public:
  FixedTensor operator()(const std::vector<const FixedTensor*>& in) const final { return apply(*in.at(0), true); }
  FixedTensor derivative(const std::vector<const FixedTensor*>& /*at*/, const std::vector<const FixedTensor*>& along) const final {
    return apply(*along.at(0), false);
  }
  StepForm form() const override { return {.kind = StepForm::Kind::affine}; }
  UpperBound stretch() const final { return bound_; }
  std::int64_t adjoint_exponent() const final { return exponent_; }
  /// What the weights leave out costs its norm times that of c.
  void adjoint(const std::vector<std::vector<std::int64_t>>& c, std::vector<AdjointSums>& out) const final {
    out.assign(c.size(), {});
    for (std::size_t v = 0; v < c.size(); ++v) {
      UInt128 squares = 0;
      for (const std::int64_t x : c[v]) squares += static_cast<UInt128>(static_cast<Int128>(x) * x);
      out[v].error = weight_error_ * sqrt_ceiling(integer_of(static_cast<Int128>(squares)));
    }
    transposed(c, out);
  }

 protected:
  [[nodiscard]] FixedTensor apply(const FixedTensor& x, bool with_offset) const {
    std::uint64_t largest = 0;
    for (const std::int64_t c : x.centre) largest = std::max(largest, static_cast<std::uint64_t>(c < 0 ? -c : c));
    const Integer length = sqrt_ceiling(Integer(x.centre.size())) * Integer(largest);  // at least ||c||_2
    std::vector<Int128> sums;
    products(x.centre, sums);
    std::int64_t unit = x.exponent + exponent_;
    const Integer weight_cost = weight_error_ * length;  // units 2^unit
    if (!with_offset) return rounded(sums, unit, bound_.times(x.distance, x.exponent, unit) + weight_cost);
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

  /// Integers times the integers that stand for A.
  virtual void products(const std::vector<std::int64_t>& x, std::vector<Int128>& sums) const = 0;

  virtual void transposed(const std::vector<std::vector<std::int64_t>>& c, std::vector<AdjointSums>& out) const = 0;

  /// Weights with at most 31 bits, for norms: magnitudes rounded up, in units 2^(exponent_ + coarser()).
  [[nodiscard]] int coarser() const {
    std::uint64_t largest = 0;
    for (const std::int64_t w : weights_) largest |= static_cast<std::uint64_t>(w < 0 ? -w : w);
    return std::max(0, static_cast<int>(std::bit_width(largest)) - 31);
  }
  static UInt128 coarse_size(Int128 w, int drop) {
    const UInt128 size = magnitude(w);
    return (size >> drop) + (drop != 0 && size != 0 ? 1 : 0);  // at most 2^33
  }
  static UInt128 coarse_square(Int128 w, int drop) { return coarse_size(w, drop) * coarse_size(w, drop); }
  /// The root of a sum of such squares, with what the weights leave out: at most the norm of that is in any row.
  [[nodiscard]] std::uint64_t coarse_root(UInt128 squares, int drop) const {
    const Integer root = sqrt_ceiling(Integer(squares)) + ceil_scaled(weight_error_, -drop);
    if (root >= (Integer(1) << 60)) throw Unavailable{};
    return static_cast<std::uint64_t>(root);
  }

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
      weight_error_ = sqrt_ceiling(inexact * copies) / 2 + 1 + ceil_of(a.radius * root * scaled(Integer(1), -exponent_));
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
    coarse_ = coarser();
    set_offset(offset, 1, left_ * rows_ * right_);
  }
  RowNorms row_norms() const override {
    const int drop = coarse_;
    std::vector<std::uint64_t> of_row(rows_);
    for (std::size_t i = 0; i < rows_; ++i) {
      UInt128 squares = 0;
      for (std::size_t k = 0; k < columns_; ++k) squares += coarse_square(weights_[i * columns_ + k], drop);
      of_row[i] = coarse_root(squares, drop);
    }
    RowNorms out{std::vector<std::uint64_t>(left_ * rows_ * right_), exponent_ + drop};
    for (std::size_t i = 0; i < out.norms.size(); ++i) out.norms[i] = of_row[i / right_ % rows_];
    return out;
  }
  std::optional<RowReach> reach(const std::vector<std::int64_t>& e) const override {
    if (columns_ > (std::size_t{1} << 40)) return std::nullopt;
    const int drop = coarse_;
    RowReach out{std::vector<std::uint64_t>(left_ * rows_ * right_), std::vector<UInt128>(left_ * rows_ * right_)};
    UInt128 squares_of_e = 0;
    for (const std::int64_t x : e) squares_of_e += static_cast<UInt128>(static_cast<Int128>(x) * x);
    // What the weights leave out moves an entry by at most its norm times the length of e.
    const Integer off = ceil_scaled(weight_error_, -drop) * sqrt_ceiling(integer_of(static_cast<Int128>(squares_of_e)));
    if (off >= (Integer(1) << 100)) return std::nullopt;
    const auto left_out = static_cast<UInt128>(static_cast<std::uint64_t>(off >> 50)) << 50 | static_cast<UInt128>(static_cast<std::uint64_t>(off & ((Integer(1) << 50) - 1)));
    for (std::size_t l = 0; l < left_; ++l)
      for (std::size_t q = 0; q < right_; ++q)
        for (std::size_t i = 0; i < rows_; ++i) {
          UInt128 squares = 0, sum = left_out;
          for (std::size_t k = 0; k < columns_; ++k) {
            const std::int64_t x = e[(l * columns_ + k) * right_ + q];
            if (x == 0) continue;
            const UInt128 w = coarse_size(weights_[i * columns_ + k], drop);
            squares += w * w;
            sum += w * static_cast<UInt128>(x);
          }
          out.norms[(l * rows_ + i) * right_ + q] = coarse_root(squares, drop);
          out.sums[(l * rows_ + i) * right_ + q] = sum;
        }
    return out;
  }
  std::optional<std::uint64_t> row_difference(std::size_t i, std::size_t j) const override {
    if (i % right_ != j % right_ || i / right_ / rows_ != j / right_ / rows_) return std::nullopt;
    const std::int64_t* a = weights_.data() + i / right_ % rows_ * columns_;
    const std::int64_t* b = weights_.data() + j / right_ % rows_ * columns_;
    const int drop = coarse_;
    UInt128 squares = 0;
    for (std::size_t k = 0; k < columns_; ++k) squares += coarse_square(static_cast<Int128>(a[k]) - b[k], drop);
    return coarse_root(squares, drop) + static_cast<std::uint64_t>(ceil_scaled(weight_error_, -drop));
  }

 private:
  void transposed(const std::vector<std::vector<std::int64_t>>& c, std::vector<AdjointSums>& out) const override {
    for (AdjointSums& sums : out) sums.sums.assign(left_ * columns_ * right_, 0);
    for (std::size_t l = 0; l < left_; ++l)
      for (std::size_t i = 0; i < rows_; ++i) {
        const std::int64_t* w = weights_.data() + i * columns_;
        for (std::size_t v = 0; v < c.size(); ++v)
          for (std::size_t q = 0; q < right_; ++q) {
            const std::int64_t factor = c[v][(l * rows_ + i) * right_ + q];
            if (factor == 0) continue;
            Int128* to = out[v].sums.data() + l * columns_ * right_ + q;
            for (std::size_t k = 0; k < columns_; ++k) to[k * right_] += static_cast<Int128>(w[k]) * factor;
          }
      }
  }
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
  int coarse_ = 0;
};

/// A = sum over kernel positions k of P_k (x) W_k with W_k the channel matrix at k, and P_k the map from places of the data to those of the
/// result that meet at k. Every place of the data meets k at most at one place of the result, and every place of the result meets at most
/// one of the data there, so ||P_k||_2 <= 1 and ||A||_2 <= sum_k ||W_k||_F <= sqrt(number of k) ||W||_F (Cauchy-Schwarz). Groups are
/// blocks of W_k. The same for what the integer weights leave out of W.
class Convolution : public Affine {
 public:
  explicit Convolution(const FixedConvolution& c)
      : c_{c.batch, c.groups, c.inputs, c.outputs, c.kernel, c.size, {}, {}, {}, c.threads}, places_(c.taps.size()) {
    if (c.weights.rows != c.groups * c.outputs || c.weights.columns != c.inputs * c.kernel) throw Unavailable{};
    set_weights(c.weights, c.kernel);
    set_offset(c.offset, c.offset.size() == 1 ? 1 : places_, c.batch * c.groups * c.outputs * places_);
    source_.assign(places_ * c.kernel, -1);
    for (std::size_t p = 0; p < places_; ++p)
      for (const Tap& tap : c.taps[p]) source_.at(p * c.kernel + tap.kernel) = static_cast<std::int32_t>(tap.data);
    coarse_ = coarser();
  }
  /// Of the taps that meet the data at the place.
  RowNorms row_norms() const override {
    const std::size_t rows = c_.groups * c_.outputs;
    RowNorms out{std::vector<std::uint64_t>(c_.batch * rows * places_), exponent_ + coarse_};
    for (std::size_t o = 0; o < rows; ++o) fill_norms(of_taps(o, o, false), out.norms.data() + o * places_);
    for (std::size_t i = rows * places_; i < out.norms.size(); ++i) out.norms[i] = out.norms[i - rows * places_];
    return out;
  }
  std::optional<std::uint64_t> row_difference(std::size_t i, std::size_t j) const override {
    const std::size_t a = i / places_, b = j / places_;
    if (i % places_ != j % places_ || a / c_.outputs != b / c_.outputs) return std::nullopt;
    const std::vector<UInt128> squares = of_taps(a % (c_.groups * c_.outputs), b % (c_.groups * c_.outputs), true);
    const std::int32_t* source = source_.data() + i % places_ * c_.kernel;
    UInt128 sum = 0;
    for (std::size_t k = 0; k < c_.kernel; ++k)
      if (source[k] >= 0) sum += squares[k];
    return coarse_root(sum, coarse_) + static_cast<std::uint64_t>(ceil_scaled(weight_error_, -coarse_));
  }

 private:
  /// For every kernel position the sum of squares over the inputs of row a (less row b).
  [[nodiscard]] std::vector<UInt128> of_taps(std::size_t a, std::size_t b, bool less) const {
    const std::size_t columns = c_.inputs * c_.kernel;
    std::vector<UInt128> out(c_.kernel, 0);
    for (std::size_t k = 0; k < columns; ++k)
      out[k % c_.kernel] += coarse_square(static_cast<Int128>(weights_[a * columns + k]) - (less ? weights_[b * columns + k] : 0), coarse_);
    return out;
  }
  void fill_norms(const std::vector<UInt128>& squares, std::uint64_t* norms) const {
    std::map<UInt128, std::uint64_t> known;  // most places meet all taps
    for (std::size_t p = 0; p < places_; ++p) {
      UInt128 sum = 0;
      for (std::size_t k = 0; k < c_.kernel; ++k)
        if (source_[p * c_.kernel + k] >= 0) sum += squares[k];
      const auto [found, fresh] = known.emplace(sum, 0);
      if (fresh) found->second = coarse_root(sum, coarse_);
      norms[p] = found->second;
    }
  }
  void transposed(const std::vector<std::vector<std::int64_t>>& c, std::vector<AdjointSums>& out) const override {
    const std::size_t columns = c_.inputs * c_.kernel;
    std::vector<Int128> patch(columns);
    for (AdjointSums& sums : out) sums.sums.assign(c_.batch * c_.groups * c_.inputs * c_.size, 0);
    for (std::size_t block = 0; block < c_.batch * c_.groups; ++block) {
      const std::int64_t* weights = weights_.data() + block % c_.groups * c_.outputs * columns;
      for (std::size_t v = 0; v < c.size(); ++v) {
        Int128* to = out[v].sums.data() + block * c_.inputs * c_.size;
        for (std::size_t p = 0; p < places_; ++p) {
          bool any = false;
          for (std::size_t o = 0; o < c_.outputs; ++o) {
            const std::int64_t factor = c[v][(block * c_.outputs + o) * places_ + p];
            if (factor == 0) continue;
            if (!any) std::fill(patch.begin(), patch.end(), 0);
            any = true;
            const std::int64_t* w = weights + o * columns;
            for (std::size_t k = 0; k < columns; ++k) patch[k] += static_cast<Int128>(w[k]) * factor;
          }
          if (!any) continue;
          const std::int32_t* source = source_.data() + p * c_.kernel;
          for (std::size_t i = 0; i < c_.inputs; ++i)
            for (std::size_t k = 0; k < c_.kernel; ++k)
              if (source[k] >= 0) to[i * c_.size + static_cast<std::size_t>(source[k])] += patch[i * c_.kernel + k];
        }
      }
    }
  }
  void products(const std::vector<std::int64_t>& centre, std::vector<Int128>& sums) const override {
    sums.resize(c_.batch * c_.groups * c_.outputs * places_);
    const std::size_t columns = c_.inputs * c_.kernel;
    const std::size_t parts = (places_ + kTogether - 1) / kTogether;
    const bool large = columns * c_.outputs * places_ > (std::size_t{1} << 20);
    parallel_for(c_.batch * c_.groups * parts, large ? c_.threads : 1, [&](std::size_t job) {
      const std::size_t block = job / parts;
      const std::size_t first = job % parts * kTogether;
      const std::size_t count = std::min(kTogether, places_ - first);
      const std::int64_t* x = centre.data() + block * c_.inputs * c_.size;
      const std::int64_t* w = weights_.data() + block % c_.groups * c_.outputs * columns;
      std::vector<std::int64_t> patches(columns * kTogether);  // side by side, so that a weight is read once for all of them
      for (std::size_t p = 0; p < count; ++p) {
        const std::int32_t* source = source_.data() + (first + p) * c_.kernel;
        for (std::size_t i = 0; i < c_.inputs; ++i)
          for (std::size_t k = 0; k < c_.kernel; ++k)
            patches[(i * c_.kernel + k) * kTogether + p] = source[k] < 0 ? 0 : x[i * c_.size + static_cast<std::size_t>(source[k])];
      }
      for (std::size_t o = 0; o < c_.outputs; ++o, w += columns) {
        std::array<Int128, kTogether> sum{};
        for (std::size_t k = 0; k < columns; ++k)
          for (std::size_t p = 0; p < kTogether; ++p) sum[p] += static_cast<Int128>(w[k]) * patches[k * kTogether + p];
        for (std::size_t p = 0; p < count; ++p) sums[(block * c_.outputs + o) * places_ + first + p] = sum[p];
      }
    });
  }
  static constexpr std::size_t kTogether = 4;
  FixedConvolution c_;  // its numbers only
  std::size_t places_;
  int coarse_ = 0;
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
  StepForm form() const override {
    const bool one = weight_error_ == 0 && exponent_ <= 0 && exponent_ > -62 &&
                     std::all_of(weights_.begin(), weights_.end(), [&](std::int64_t w) { return w == std::int64_t{1} << -exponent_; });
    return {.kind = StepForm::Kind::diagonal, .shifts = one};
  }
  RowNorms row_norms() const override {
    RowNorms out{std::vector<std::uint64_t>(entries_), exponent_};
    const auto error = static_cast<std::uint64_t>(weight_error_);
    for (std::size_t i = 0; i < entries_; ++i) {
      const std::int64_t w = weights_[i / run_ % weights_.size()];
      out.norms[i] = static_cast<std::uint64_t>(w < 0 ? -w : w) + error;
    }
    return out;
  }

 private:
  void transposed(const std::vector<std::vector<std::int64_t>>& c, std::vector<AdjointSums>& out) const override {
    for (std::size_t v = 0; v < c.size(); ++v) products(c[v], out[v].sums);
  }
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
    for (const std::uint32_t k : entries_) inputs_ = std::max<std::size_t>(inputs_, std::size_t{k} + 1);
    spread_ = sqrt_ceiling(Integer(most) * overlap(groups));
  }
  StepForm form() const override { return {.kind = StepForm::Kind::average, .divisors = &divisors_, .start = &start_, .entries = &entries_}; }
  UpperBound stretch() const override { return bound_; }
  std::int64_t adjoint_exponent() const override { return -finer_; }
  /// c_i / divisor_i is rounded: what it is off goes to the entries of set i, in a norm of at most sqrt(most * overlap) times that.
  void adjoint(const std::vector<std::vector<std::int64_t>>& c, std::vector<AdjointSums>& out) const override {
    out.assign(c.size(), {});
    for (std::size_t v = 0; v < c.size(); ++v) {
      out[v].sums.assign(inputs_, 0);
      std::uint64_t inexact = 0;
      for (std::size_t i = 0; i < divisors_.size(); ++i) {
        const Int128 whole = static_cast<Int128>(c[v][i]) * (Int128{1} << finer_);
        const auto divisor = static_cast<Int128>(divisors_[i]);
        const Int128 part = whole / divisor;
        if (part * divisor != whole) ++inexact;
        for (std::size_t k = start_[i]; k < start_[i + 1]; ++k) out[v].sums[entries_[k]] += part;
      }
      out[v].error = spread_ * sqrt_ceiling(Integer(inexact));
    }
  }
  RowNorms row_norms() const override {
    RowNorms out{std::vector<std::uint64_t>(divisors_.size()), -30};
    for (std::size_t i = 0; i < divisors_.size(); ++i)
      out.norms[i] = static_cast<std::uint64_t>(ceil_of(sqrt_above(Rational(Integer(start_[i + 1] - start_[i]), Integer(divisors_[i]) * divisors_[i])) * (Integer(1) << 30)));
    return out;
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
  std::size_t inputs_ = 0;  // entries of the data that are read: those behind them have no part
  Integer spread_;
};

}  // namespace

std::unique_ptr<FixedStep> dense_step(const EnclosedMatrix& a, std::uint64_t left, std::uint64_t right, const IntervalTensor& offset) {
  return std::make_unique<Dense>(a, left, right, offset);
}
std::unique_ptr<FixedStep> convolution_step(const FixedConvolution& convolution) { return std::make_unique<Convolution>(convolution); }
std::unique_ptr<FixedStep> diagonal_step(const IntervalTensor& d, const IntervalTensor& offset, std::size_t run, std::size_t entries) {
  return std::make_unique<Diagonal>(d, offset, run, entries);
}
std::unique_ptr<FixedStep> average_step(const std::vector<std::vector<std::uint32_t>>& groups, std::vector<std::uint64_t> divisors) {
  return std::make_unique<Average>(groups, std::move(divisors));
}

}  // namespace lipverify
