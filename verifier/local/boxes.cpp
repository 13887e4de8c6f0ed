// See boxes.hpp.
#include "verifier/local/boxes.hpp"

#include <algorithm>

namespace lipverify::local {

namespace {

using Kind = StepForm::Kind;

constexpr int kBoxBits = 40;
constexpr int kStillBits = 28;  // what moves less than 2^-28 of the farthest hardly moves

/// Entries from above, in units 2^unit, brought to at most kBoxBits + 1 bits with `more` added to each; then |d_k| <= ||d|| <= rho, and ||d|| <= ||e||.
void set_box(Around& t, const std::vector<UInt128>& e, std::int64_t unit, const Above& more) {
  UInt128 largest = 0;
  for (const UInt128 x : e) largest = std::max(largest, x);
  std::int64_t shift = bit_length(largest) - (kBoxBits - 2);
  if (!more.zero()) {  // a grid that is not far below what is added
    const std::int64_t coarse = more.exponent() + bit_length(static_cast<UInt128>(more.mantissa())) - kBoxBits - unit;
    shift = largest == 0 ? coarse : std::max(shift, coarse);
  }
  if (shift + unit < -kFar || shift + unit > kFar) throw Unavailable{};
  t.box = unit + shift;
  t.e.resize(e.size());
  const auto extra = static_cast<std::int64_t>(more.units(t.box, kBoxBits + 1));
  // No entry moves farther than all of them together.
  std::int64_t most = std::int64_t{1} << (kBoxBits + 1);
  if (const std::int64_t digits = t.rho.exponent() + bit_length(static_cast<UInt128>(t.rho.mantissa())) - t.box; t.rho.zero() || digits <= kBoxBits + 1)
    most = static_cast<std::int64_t>(t.rho.units(t.box, kBoxBits + 2));
  for (std::size_t i = 0; i < e.size(); ++i) {
    UInt128 x = e[i];
    if (shift >= 0)
      x = shift > 127 ? (x != 0 ? 1 : 0) : (x >> shift) + ((x >> shift) << shift != x ? 1 : 0);
    else
      x = x == 0 ? x : x << -shift;  // all have fewer than kBoxBits bits then
    t.e[i] = std::min(most, static_cast<std::int64_t>(x) + extra);
  }
  t.rho = least(t.rho, length(t.e, t.box));
}

/// Products of numbers from above with one number.
std::vector<UInt128> times(const std::vector<std::uint64_t>& norms, const Above& rho) {
  std::vector<UInt128> out(norms.size());
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<UInt128>(norms[i]) * static_cast<UInt128>(rho.mantissa());
  return out;
}

/// The entries of several tensors on one grid.
struct Together {
  explicit Together(const std::vector<const Around*>& in) {
    for (const Around* t : in) unit = std::max(unit, t->box);
    for (const Around* t : in) {
      const std::int64_t drop = std::min<std::int64_t>(unit - t->box, 60);
      std::vector<UInt128>& up = e.emplace_back();
      for (const std::int64_t x : t->e) up.push_back(static_cast<UInt128>(((x + (std::int64_t{1} << drop) - 1) >> drop)));
    }
  }
  std::int64_t unit = -kFar;
  std::vector<std::vector<UInt128>> e;
};

/// Boxes of what a step puts out; t.rho holds what is known of it.
void box_of(const Step& step, const std::vector<const Around*>& in, Around& t) {
  const std::size_t size = t.value.centre.size();
  std::vector<UInt128> e(size, 0);
  switch (step.form.kind) {
    case Kind::affine: {
      const std::int64_t unit = step.norms->exponent + in[0]->rho.exponent();
      // Entries that hardly move (dead ones, which only roundings move) are charged apart: the others' rows are shorter without them.
      std::vector<std::int64_t> moves = in[0]->e, still(moves.size(), 0);
      const std::int64_t most = moves.empty() ? 0 : *std::max_element(moves.begin(), moves.end());
      for (std::size_t i = 0; i < moves.size(); ++i)
        if (moves[i] <= most >> kStillBits) std::swap(moves[i], still[i]);
      const std::optional<RowReach> reach = step.placed->step->reach(moves);
      if (!reach) return set_box(t, times(step.norms->norms, in[0]->rho), unit, t.rounding);
      Above more = t.rounding;
      if (const Above rest = length(still, in[0]->box); !rest.zero()) {
        std::uint64_t row = 0;
        for (const std::uint64_t norm : step.norms->norms) row = std::max(row, norm);
        more = more + Above(Integer(row), step.norms->exponent) * rest;
      }
      e = times(reach->norms, in[0]->rho);
      const std::int64_t shift = in[0]->box - in[0]->rho.exponent();  // from the units of the sums to those of e
      for (std::size_t i = 0; i < size && shift <= 30; ++i) {
        const UInt128 sum = reach->sums[i];
        if (bit_length(sum) + shift > 120) continue;
        e[i] = std::min(e[i], shift >= 0 ? sum << shift : shift < -127 ? UInt128{1} : (sum >> -shift) + 1);
      }
      return set_box(t, e, unit, more);
    }
    case Kind::diagonal: {
      for (std::size_t i = 0; i < size; ++i) e[i] = static_cast<UInt128>(step.norms->norms[i]) * static_cast<UInt128>(in[0]->e[i]);
      return set_box(t, e, step.norms->exponent + in[0]->box, t.rounding);
    }
    case Kind::average: {
      const std::int64_t unit = in[0]->box - 16;
      for (std::size_t i = 0; i < size; ++i) {
        UInt128 sum = 0;
        for (std::size_t k = (*step.form.start)[i]; k < (*step.form.start)[i + 1]; ++k) sum += static_cast<UInt128>(in[0]->e[(*step.form.entries)[k]]);
        const UInt128 divisor = (*step.form.divisors)[i];
        e[i] = ((sum << 16) + divisor - 1) / divisor;
        const Above row = Above(Integer(step.norms->norms[i]), step.norms->exponent) * in[0]->rho;
        if (row.below(Above(Integer(e[i]), unit))) e[i] = static_cast<UInt128>(row.units(unit, 120));
      }
      return set_box(t, e, unit, t.rounding);
    }
    case Kind::moving: {
      const Together all(in);
      for (std::size_t i = 0; i < size; ++i)
        if (const Source& source = (*step.form.sources)[i]; source.input != kPadding) e[i] = all.e.at(source.input)[source.index];
      return set_box(t, e, all.unit, t.rounding);
    }
    case Kind::sum:
    case Kind::difference: {
      const Together all(in);
      for (const auto& part : all.e)
        for (std::size_t i = 0; i < size; ++i) e[i] += part.at(i);
      return set_box(t, e, all.unit, t.rounding);
    }
    case Kind::kink: {
      // Between the slopes a and 1: the farthest value is that of an end of the box, or of the kink. m: how far the kink is, from below; the values grow
      // where it is nearer.
      const Dyadic a = step.form.left;
      if (a.mantissa != 0 && bit_length(magnitude(a.mantissa)) + a.exponent > 28) throw Unavailable{};
      const auto slow = [&](Int128 d) {  // |a| d from above: at most 2^70
        const Int128 product = d * static_cast<Int128>(magnitude(a.mantissa));
        return a.exponent >= 0 ? product << std::min<std::int32_t>(a.exponent, 28) : -((-product) >> std::min<std::int32_t>(-a.exponent, 127));
      };
      for (std::size_t i = 0; i < size; ++i) {
        const Int128 z = in[0]->value.centre[i], reach = in[0]->e[i];
        const std::int64_t down = in[0]->value.exponent - in[0]->box;
        const Int128 far = z >= 0 ? z : -z;
        const Int128 before = down >= 0 ? (bit_length(magnitude(far)) + down > 100 ? Int128{1} << 100 : far << down)
                                        : far >> std::min<std::int64_t>(-down, 127);  // floor
        const Int128 m = std::min(before, reach);
        Int128 most = 0;
        if (a.mantissa >= 0)
          most = z >= 0 ? std::max(reach, m + slow(reach - m)) : std::max(slow(reach), slow(m) + (reach - m));
        else  // back beyond the kink
          most = z >= 0 ? std::max(reach, slow(reach - m) - m) : std::max(slow(reach), reach - m - std::max<Int128>(slow(m) - 1, 0));
        e[i] = static_cast<UInt128>(most);
      }
      return set_box(t, e, in[0]->box, t.rounding);
    }
    default: break;
  }
  // Order statistics: the largest of the set.
  const Together all(in);
  const Sets& sets = *step.sets;
  const auto most = [&](std::size_t set) {
    UInt128 out = 0;
    for (std::size_t k = sets.start[set]; k < sets.start[set + 1]; ++k) out = std::max(out, all.e[sets.members[k].slot][sets.members[k].index]);
    return out;
  };
  for (std::size_t i = 0; i < size; ++i) e[i] = most(sets.line.empty() ? i : sets.line[i]);
  set_box(t, e, all.unit, t.rounding);
}

class Runner {
 public:
  Runner(const Plan& plan, Above radius) : plan_(plan), radius_(radius) {}

  Ball run(const FixedTensor& input) {
    Around& x = ball_.tensors[0];
    x.value = input;
    x.rho = radius_ + Above(input.distance, input.exponent);
    set_box(x, std::vector<UInt128>(input.centre.size(), static_cast<UInt128>(x.rho.mantissa())), x.rho.exponent(), {});
    for (const Block& block : plan_.blocks) run(block);
    return std::move(ball_);
  }

 private:
  std::vector<const Around*> inputs_of(const Step& step) {
    std::vector<const Around*> in;
    for (const ValueId id : step.placed->inputs) {
      const auto found = ball_.tensors.find(id);
      if (found == ball_.tensors.end()) throw Unavailable{};
      in.push_back(&found->second);
    }
    return in;
  }

  void run(const Block& block) {
    Integer before = 0;
    if (block.input) {
      if (ball_.tensors.count(*block.input) == 0) throw Unavailable{};
      std::swap(before, ball_.tensors.at(*block.input).value.distance);  // the block at the centre of its input
    }
    for (const Step& step : block.steps) {
      const std::vector<const Around*> in = inputs_of(step);
      Around t;
      evaluate(step, in, t);
      const bool out = std::find(block.outputs.begin(), block.outputs.end(), step.placed->output) != block.outputs.end();
      if (out && block.input) {
        t.value.distance += block.bound.times(before, ball_.tensors.at(*block.input).value.exponent, t.value.exponent);
        t.value = checked(std::move(t.value));
      }
      const Above through = block.constant * radius_ + Above(t.value.distance, t.value.exponent);
      if (block.ball) {
        t.rho = through;  // what is no output of the block is not read outside of it
        set_box(t, std::vector<UInt128>(t.value.centre.size(), static_cast<UInt128>(t.rho.mantissa())), t.rho.exponent(), {});
      } else {
        t.rho = own(step, in) + t.rounding;
        if (out) t.rho = least(t.rho, through);
        if (step.form.kind == Kind::activation)
          activation_box(step, *in[0], t, out ? &through : nullptr);
        else
          box_of(step, in, t);
        if (step.sets && !step.done_with_first) ball_.openings[step.placed->output] = open_sets(step, in, ball_);
        if (step.form.kind == Kind::kink) ball_.openings[step.placed->output] = open_activation(step, *in[0]);
      }
      ball_.tensors[step.placed->output] = std::move(t);
    }
    if (block.input) std::swap(before, ball_.tensors.at(*block.input).value.distance);
  }

  /// The centre of what the step puts out, how far it is off, and what is charged for this step alone.
  static void evaluate(const Step& step, const std::vector<const Around*>& in, Around& t) {
    std::vector<const FixedTensor*> values;
    bool exact = true;
    for (const Around* x : in) {
      values.push_back(&x->value);
      exact = exact && x->value.distance == 0;
    }
    const FixedStep& of = *step.placed->step;
    t.value = of(values);
    if (exact) {
      t.rounding = Above(t.value.distance, t.value.exponent);
      return;
    }
    std::vector<FixedTensor> copies;
    copies.reserve(in.size());
    for (std::size_t k = 0; k < in.size(); ++k) {
      copies.push_back(*values[k]);
      copies.back().distance = 0;
      values[k] = &copies.back();
    }
    FixedTensor alone = of(values);
    t.rounding = Above(alone.distance, alone.exponent);
    if (alone.centre == t.value.centre && alone.exponent == t.value.exponent) return;
    // The centre depends on the distance where intervals are put on a grid: that of the step alone is taken, and is within both distances.
    alone.distance += t.value.distance == 0 ? Integer(0) : ceil_scaled(t.value.distance, t.value.exponent - alone.exponent);
    alone.distance *= 2;
    t.value = checked(std::move(alone));
  }

  /// rho by the node's own rule.
  static Above own(const Step& step, const std::vector<const Around*>& in) {
    switch (step.form.kind) {
      case Kind::sum:
      case Kind::difference: {
        Above sum;
        for (const Around* t : in) sum = sum + t->rho;
        return sum;
      }
      case Kind::activation: return {};  // by its slopes
      default: break;
    }
    if (in.size() == 1) return step.stretch * in[0]->rho;
    Above squares;
    for (const Around* t : in) squares = squares + t->rho * t->rho;
    return step.stretch * root(squares);
  }

  void activation_box(const Step& step, const Around& in, Around& t, const Above* through) {
    Opening open = open_activation(step, in);
    std::vector<UInt128> e(in.e.size());
    std::int64_t largest = 0;
    std::vector<std::int64_t> slope = open.closed;
    for (std::int64_t& s : slope) s = s < 0 ? -s : s;
    for (const Entry& entry : open.entries)
      for (int k = 0; k <= 1; ++k) {
        const std::int64_t s = entry.pieces.slope[static_cast<std::size_t>(k)];
        slope[entry.from] = std::max(slope[entry.from], s < 0 ? -s : s);
      }
    for (std::size_t i = 0; i < e.size(); ++i) {
      e[i] = static_cast<UInt128>(in.e[i]) * static_cast<UInt128>(slope[i]);
      largest = std::max(largest, slope[i]);
    }
    t.rho = Above(Integer(largest), -open.grids.bits) * in.rho + t.rounding;
    if (through != nullptr) t.rho = least(t.rho, *through);
    set_box(t, e, in.box - open.grids.bits, t.rounding);
    ball_.openings[step.placed->output] = std::move(open);
  }

  const Plan& plan_;
  Above radius_;
  Ball ball_;
};

}  // namespace

Ball ball_around(const Plan& plan, const FixedTensor& input, const Rational& radius) { return Runner(plan, Above(radius)).run(input); }

}  // namespace lipverify::local
