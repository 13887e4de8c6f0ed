// See layer_dual.hpp.
#include "verifier/local/layer_dual.hpp"

#include <algorithm>

#include "verifier/base/failure.hpp"
#include "verifier/local/boxes.hpp"

namespace lipverify::local {

namespace mp = boost::multiprecision;

namespace {

using Kind = StepForm::Kind;

constexpr int kGradientBits = 31;  // of c where it meets a step
constexpr int kStoredBits = 60;    // of what a step hands on

/// A functional of the differences of a tensor: 2^exponent c.
struct Gradient {
  std::vector<std::int64_t> c;
  std::int64_t exponent = 0;
};

/// Integers in units 2^unit with at most `bits` bits each; to be charged: at most the Euclidean length of what is rounded.
Gradient rounded_to(const std::vector<Int128>& sums, std::int64_t unit, int bits, Above& off) {
  UInt128 largest = 0;
  for (const Int128 x : sums) largest = std::max(largest, magnitude(x));
  Gradient out;
  out.exponent = unit;
  out.c.resize(sums.size());
  const int shift = bit_length(largest) - bits;
  if (shift <= 0) {
    for (std::size_t i = 0; i < sums.size(); ++i) out.c[i] = static_cast<std::int64_t>(sums[i]);
    return out;
  }
  out.exponent += shift;
  const Int128 half = Int128{1} << (shift - 1);
  std::uint64_t inexact = 0;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    out.c[i] = static_cast<std::int64_t>((sums[i] >> shift) + ((sums[i] & half) != 0 ? 1 : 0));  // to nearest
    if ((sums[i] & (2 * half - 1)) != 0) ++inexact;
  }
  off = off + Above(sqrt_ceiling(Integer(inexact)), out.exponent - 1);
  return out;
}

/// One rival: what has been handed to each tensor, and F so far.
struct Pass {
  std::uint32_t rival = 0;
  std::map<ValueId, std::vector<Gradient>> waiting;
  Total f;
  bool failed = false;
  const std::map<std::uint32_t, Part>* evidence = nullptr;
  [[nodiscard]] const Part* part(std::uint32_t node) const {
    if (evidence == nullptr) return nullptr;
    const auto found = evidence->find(node);
    return found == evidence->end() ? nullptr : &found->second;
  }
};

class Dual {
 public:
  Dual(const Plan& plan, const Ball& ball, const InputBox* range) : plan_(plan), ball_(ball), range_(range) {}

  void run(std::vector<Pass>& passes) {
    for (auto block = plan_.blocks.rbegin(); block != plan_.blocks.rend(); ++block) {
      if (block->ball) {
        for (Pass& pass : passes)
          for (const Step& step : block->steps)
            if (const std::optional<Gradient> c = take(pass, step.placed->output))
              pass.f.subtract(length(c->c, c->exponent) * at(step.placed->output).rho);
        continue;
      }
      for (auto step = block->steps.rbegin(); step != block->steps.rend(); ++step)
        if (!step->done_with_first) back(*step, passes);
    }
    for (Pass& pass : passes) finish(pass);
  }

 private:
  [[nodiscard]] const Around& at(ValueId id) const { return ball_.tensors.at(id); }

  /// The sum of all that was handed to a tensor, on kGradientBits bits; nothing where that is 0. Whatever is rounded is paid.
  std::optional<Gradient> take(Pass& pass, ValueId id) {
    const auto found = pass.waiting.find(id);
    if (found == pass.waiting.end()) return std::nullopt;
    const std::vector<Gradient> parts = std::move(found->second);
    pass.waiting.erase(found);
    std::int64_t unit = parts[0].exponent, coarsest = unit;
    for (const Gradient& part : parts) {
      unit = std::min(unit, part.exponent);
      coarsest = std::max(coarsest, part.exponent);
    }
    unit = std::max(unit, coarsest - 60);
    Above off;
    std::vector<Int128> sums(parts[0].c.size(), 0);
    for (const Gradient& part : parts) {
      const std::int64_t up = part.exponent - unit;
      for (std::size_t i = 0; i < sums.size(); ++i)
        sums[i] += up >= 0 ? static_cast<Int128>(part.c[i]) * (Int128{1} << up) : static_cast<Int128>(part.c[i]) >> std::min<std::int64_t>(-up, 127);
      if (up < 0) off = off + Above(sqrt_ceiling(Integer(sums.size())), unit);
    }
    Gradient out = rounded_to(sums, unit, kGradientBits, off);
    pass.f.subtract(off * at(id).rho);
    if (std::all_of(out.c.begin(), out.c.end(), [](std::int64_t c) { return c == 0; })) return std::nullopt;
    return out;
  }

  void give(Pass& pass, ValueId id, const std::vector<Int128>& sums, std::int64_t unit) {
    Above off;
    Gradient gradient = rounded_to(sums, unit, kStoredBits, off);
    pass.f.subtract(off * at(id).rho);
    if (gradient.exponent < -kFar || gradient.exponent > kFar) throw Unavailable{};
    auto& waiting = pass.waiting[id];
    if (waiting.size() >= 64) throw Unavailable{};
    waiting.push_back(std::move(gradient));
  }

  void back(const Step& step, std::vector<Pass>& passes) {
    const ValueId output = step.placed->output;
    std::vector<Pass*> live;
    std::vector<Gradient> first, second;
    std::vector<bool> has;
    for (Pass& pass : passes) {
      if (pass.failed) continue;
      std::optional<Gradient> c = take(pass, output), other;
      if (step.partner) other = take(pass, *step.partner);
      if (!c && !other) continue;
      if (c) pass.f.subtract(length(c->c, c->exponent) * at(output).rounding);
      if (other) pass.f.subtract(length(other->c, other->exponent) * at(*step.partner).rounding);
      live.push_back(&pass);
      first.push_back(c ? std::move(*c) : Gradient{std::vector<std::int64_t>(at(output).value.centre.size(), 0), other->exponent});
      second.push_back(other ? std::move(*other) : Gradient{});
    }
    if (live.empty()) return;
    switch (step.form.kind) {
      case Kind::affine:
      case Kind::diagonal:
      case Kind::average: return affine(step, live, first);
      case Kind::moving:
      case Kind::sum:
      case Kind::difference:
        for (std::size_t v = 0; v < live.size(); ++v) moved(step, *live[v], first[v]);
        return;
      case Kind::kink:
      case Kind::activation:
        for (std::size_t v = 0; v < live.size(); ++v) activation(step, *live[v], first[v]);
        return;
      default:
        for (std::size_t v = 0; v < live.size(); ++v) order(step, *live[v], first[v], second[v]);
    }
  }

  void affine(const Step& step, const std::vector<Pass*>& live, std::vector<Gradient>& c) {
    const ValueId input = step.placed->inputs[0];
    const FixedStep& of = *step.placed->step;
    std::vector<std::vector<std::int64_t>> vectors;
    for (Gradient& gradient : c) vectors.push_back(std::move(gradient.c));
    std::vector<AdjointSums> sums;
    of.adjoint(vectors, sums);
    for (std::size_t v = 0; v < live.size(); ++v) {
      const std::int64_t unit = c[v].exponent + of.adjoint_exponent();
      sums[v].sums.resize(at(input).value.centre.size(), 0);  // entries behind the last one that is read have no part
      live[v]->f.subtract(Above(sums[v].error, unit) * at(input).rho);
      give(*live[v], input, sums[v].sums, unit);
    }
  }

  void moved(const Step& step, Pass& pass, const Gradient& c) {
    const std::vector<ValueId>& inputs = step.placed->inputs;
    for (std::size_t slot = 0; slot < inputs.size(); ++slot) {
      std::vector<Int128> sums(at(inputs[slot]).value.centre.size(), 0);
      if (step.form.kind == Kind::moving) {
        for (std::size_t i = 0; i < c.c.size(); ++i)
          if (const Source& source = (*step.form.sources)[i]; source.input == slot) sums.at(source.index) += c.c[i];
      } else {
        const bool minus = step.form.kind == Kind::difference && slot > 0;
        for (std::size_t i = 0; i < c.c.size(); ++i) sums.at(i) = minus ? -c.c[i] : c.c[i];
      }
      give(pass, inputs[slot], sums, c.exponent);
    }
  }

  /// The slope of the evidence at each open entry, units 2^-bits; or that of the fixed rule; entries that take no part have coefficient 0.
  static void choose(const Opening& open, const Part* part, std::vector<std::int64_t>& coefficient, std::vector<std::int64_t>& sigma) {
    std::size_t next = 0;
    for (std::size_t i = 0; i < open.entries.size(); ++i) {
      const Entry& entry = open.entries[i];
      bool given = false;
      if (part != nullptr) {
        while (next < part->positions.size() && part->positions[next] < entry.position) ++next;
        given = next < part->positions.size() && part->positions[next] == entry.position;
      }
      sigma[i] = entry.fixed;
      if (given)
        sigma[i] = static_cast<std::int64_t>(floor_shift(part->slopes[next], open.grids.bits - kEvidenceBits, 62));
      else if (entry.closed)
        coefficient[i] = 0;
    }
  }

  /// F += h, for coefficients in units 2^exponent.
  static void charge(Pass& pass, const Opening& open, const Part* part, const std::vector<std::int64_t>& coefficient, const std::vector<std::int64_t>& sigma,
                     std::int64_t exponent) {
    Integer squares = 0;  // of e over the entries that take part: they move no farther together
    UInt128 partial = 0;
    bool any = false;
    for (std::size_t i = 0; i < open.entries.size(); ++i) {
      if (coefficient[i] == 0) continue;
      any = true;
      partial += static_cast<UInt128>(static_cast<Int128>(open.entries[i].e) * open.entries[i].e);
      if (partial >> 120 != 0) {
        squares += Integer(partial);
        partial = 0;
      }
    }
    if (!any) return;
    squares += Integer(partial);
    const Above rho = least(open.rho, root(Above(squares, 2 * open.grids.box)));
    const Multiplier lambda = part != nullptr && part->lambda ? *part->lambda : quotient_near(length(coefficient, exponent), 4, rho);
    const std::int64_t unit = exponent - open.grids.bits + open.grids.box;
    Int128 sum = 0;
    std::size_t terms = 0;
    for (std::size_t i = 0; i < open.entries.size(); ++i) {
      if (coefficient[i] == 0) continue;
      sum += least_value(open.entries[i], open.grids, coefficient[i], sigma[i], exponent, lambda);
      if (++terms % (std::size_t{1} << 16) != 0) continue;
      pass.f.add(integer_of(sum), unit);
      sum = 0;
    }
    pass.f.add(integer_of(sum), unit);
    if (lambda.m != 0) pass.f.subtract(Above(Integer(lambda.m), lambda.e - 1) * rho * rho);
  }

  void activation(const Step& step, Pass& pass, const Gradient& c) {
    const Opening& open = ball_.openings.at(step.placed->output);
    const ValueId input = step.placed->inputs[0];
    const Part* part = pass.part(static_cast<std::uint32_t>(step.placed->node));
    if (!open.inexact.zero()) pass.f.subtract(open.inexact * length(c.c, c.exponent) * at(input).rho);
    std::vector<Int128> g(c.c.size());
    for (std::size_t i = 0; i < g.size(); ++i) g[i] = static_cast<Int128>(c.c[i]) * open.closed[i];
    std::vector<std::int64_t> coefficient(open.entries.size()), sigma(open.entries.size());
    for (std::size_t i = 0; i < coefficient.size(); ++i) coefficient[i] = c.c[open.entries[i].weight];
    choose(open, part, coefficient, sigma);
    for (std::size_t i = 0; i < coefficient.size(); ++i)
      if (coefficient[i] != 0) g[open.entries[i].from] = static_cast<Int128>(coefficient[i]) * sigma[i];
    charge(pass, open, part, coefficient, sigma, c.exponent);
    give(pass, input, g, c.exponent - open.grids.bits);
  }

  /// Of one node, or of two: then `c` is of the first one and `other` of the second.
  void order(const Step& step, Pass& pass, Gradient& c, Gradient& other) {
    const Sets& sets = *step.sets;
    const Opening& open = ball_.openings.at(step.placed->output);
    const std::vector<ValueId>& inputs = step.placed->inputs;
    std::vector<std::vector<Int128>> sums;
    for (const ValueId id : inputs) sums.emplace_back(at(id).value.centre.size(), 0);
    const auto to = [&](std::uint32_t member) -> Int128& { return sums[sets.members[member].slot].at(sets.members[member].index); };
    const int bits = sets.sorted ? 0 : open.grids.bits;
    if (sets.sorted) {
      std::vector<std::int64_t> rest;
      for (std::size_t i = 0; i < c.c.size(); ++i) {
        if (open.passed[i] != kNoEntry)
          to(open.passed[i]) += c.c[i];
        else
          rest.push_back(c.c[i]);
      }
      pass.f.subtract(length(rest, c.exponent) * open.ball);
    } else {
      align(step, pass, c, other);
      const std::size_t count = sets.start.size() - 1;
      const bool largest_first = step.form.kind == Kind::larger;
      const Int128 one = Int128{1} << bits;
      std::vector<std::int64_t> of_set(count, 0);  // the coefficient of relu(d) of a pair, of several that of their rivals
      for (std::size_t s = 0; s < count; ++s) {
        std::int64_t up = sets.largest[s] == kNoEntry ? 0 : c.c[sets.largest[s]];
        std::int64_t down = sets.smallest[s] == kNoEntry ? 0 : c.c[sets.smallest[s]];
        if (!other.c.empty()) (largest_first ? down : up) = other.c[s];
        const std::size_t size = sets.start[s + 1] - sets.start[s];
        if (size <= 2) {
          to(open.leader[s]) += up * one;
          to(open.second[s]) += down * one;
          of_set[s] = size == 2 ? up - down : 0;
          continue;
        }
        // The smallest of several is minus the largest of the negated ones: the coefficient changes its sign there, and g once more.
        const bool reversed = sets.smallest[s] != kNoEntry;
        to(open.leader[s]) += (reversed ? down : up) * one;
        of_set[s] = std::min<std::int64_t>(0, reversed ? -down : up);
      }
      std::vector<std::int64_t> coefficient(open.entries.size()), sigma(open.entries.size());
      for (std::size_t i = 0; i < coefficient.size(); ++i) coefficient[i] = of_set[open.entries[i].weight];
      const Part* part = pass.part(static_cast<std::uint32_t>(step.placed->node));
      choose(open, part, coefficient, sigma);
      for (std::size_t i = 0; i < coefficient.size(); ++i) {
        if (coefficient[i] == 0) continue;
        const Entry& entry = open.entries[i];
        const bool reversed = sets.start[entry.weight + 1] - sets.start[entry.weight] > 2 && sets.smallest[entry.weight] != kNoEntry;
        const Int128 g = static_cast<Int128>(coefficient[i]) * (reversed ? -sigma[i] : sigma[i]);
        to(entry.from) += g;
        to(entry.other) -= g;
      }
      charge(pass, open, part, coefficient, sigma, c.exponent);
    }
    for (std::size_t slot = 0; slot < inputs.size(); ++slot) give(pass, inputs[slot], sums[slot], c.exponent - bits);
  }

  /// The functionals of both nodes on one grid, each with at most 30 bits so that their difference has 31.
  void align(const Step& step, Pass& pass, Gradient& c, Gradient& other) {
    const std::int64_t unit = std::max(c.exponent, other.c.empty() ? c.exponent : other.exponent) + 1;
    const auto coarser = [&](Gradient& of, ValueId id) {
      const std::int64_t drop = std::min<std::int64_t>(unit - of.exponent, 62);
      std::uint64_t inexact = 0;
      for (std::int64_t& x : of.c) {
        const std::int64_t y = x >> drop;  // off by less than one unit
        if (y * (Int128{1} << drop) != x) ++inexact;
        x = y;
      }
      of.exponent = unit;
      pass.f.subtract(Above(sqrt_ceiling(Integer(inexact)), unit) * at(id).rho);
    };
    coarser(c, step.placed->output);
    if (!other.c.empty()) coarser(other, *step.partner);
  }

  /// The input: -r ||c||, or with a range whatever lies in it.
  void finish(Pass& pass) {
    if (pass.failed) return;
    const std::optional<Gradient> c = take(pass, 0);
    if (!pass.waiting.empty()) throw Unavailable{};
    if (!c) return;
    const Around& x = at(0);
    if (range_ == nullptr) {
      pass.f.subtract(length(c->c, c->exponent) * x.rho);
      return;
    }
    in_range(pass, *c);
  }

  /// c'(y - x^) over the y in the ball and the range: as h of the function 0 with slope -c, on the part of the box that lies in the range.
  void in_range(Pass& pass, const Gradient& c) const {
    const Around& x = at(0);
    const Part* part = pass.part(kInputNode);
    Multiplier lambda = part != nullptr && part->lambda ? *part->lambda : quotient_near(length(c.c, c.exponent), 1, x.rho);
    Int128 sum = 0;
    std::size_t terms = 0;
    const std::int64_t unit = c.exponent + x.box;
    for (std::size_t i = 0; i < c.c.size(); ++i) {
      if (c.c[i] == 0) continue;
      // The ends of the range from the centre, rounded outward; the centre itself may lie outside by what its grid is off.
      const Rational z = scaled(Integer(x.value.centre[i]), x.value.exponent), per = scaled(Integer(1), -x.box);
      const Rational low = (range_->low.at(i) - z) * per, high = (range_->high.at(i) - z) * per;
      const Integer most = x.e[i];
      const Integer down = low >= 0 ? Integer(ceil_of(low) - 1) : Integer(-ceil_of(-low)), up = high >= 0 ? ceil_of(high) : Integer(1 - ceil_of(-high));
      if (down > most || up < -most || down > up) continue;  // no y of the ball lies in the range: nothing to show
      sum += least_on(c.c[i], static_cast<std::int64_t>(std::max(down, Integer(-most))), static_cast<std::int64_t>(std::min(up, most)), lambda,
                      x.box - c.exponent);
      if (++terms % (std::size_t{1} << 16) != 0) continue;
      pass.f.add(integer_of(sum), unit);
      sum = 0;
    }
    pass.f.add(integer_of(sum), unit);
    if (lambda.m != 0) pass.f.subtract(Above(Integer(lambda.m), lambda.e - 1) * x.rho * x.rho);
  }

  const Plan& plan_;
  const Ball& ball_;
  const InputBox* range_;
};

}  // namespace

struct LayerDual::State {
  Plan plan;
  ValueId output = 0;
};

LayerDual::LayerDual(const FixedNetwork& network, const std::vector<std::uint64_t>& sizes, ValueId output)
    : state_(std::make_unique<State>(State{make_plan(network, sizes), output})) {}
LayerDual::~LayerDual() = default;

std::vector<LayerDual::Bound> LayerDual::bounds(const FixedTensor& input, const Rational& radius, std::uint32_t predicted,
                                                const std::vector<std::uint32_t>& rivals, const Evidence& evidence, const InputBox* range) const {
  std::vector<Bound> out;
  for (const std::uint32_t rival : rivals) out.push_back({rival, std::nullopt});
  try {
    const Ball ball = ball_around(state_->plan, input, radius);
    const FixedTensor& y = ball.tensors.at(state_->output).value;
    std::vector<Pass> passes;
    for (const std::uint32_t rival : rivals) {
      Pass& pass = passes.emplace_back();
      pass.rival = rival;
      if (const auto found = evidence.find(rival); found != evidence.end()) pass.evidence = &found->second;
      Gradient c{std::vector<std::int64_t>(y.centre.size(), 0), 0};
      if (y.centre.size() == 1) {
        c.c[0] = predicted == 1 ? 1 : -1;
      } else {
        c.c.at(predicted) = 1;
        c.c.at(rival) = -1;
      }
      for (std::size_t i = 0; i < c.c.size(); ++i) pass.f.add(Integer(c.c[i]) * y.centre[i], y.exponent);
      pass.waiting[state_->output].push_back(std::move(c));
    }
    Dual(state_->plan, ball, range).run(passes);
    for (std::size_t k = 0; k < passes.size(); ++k)
      if (!passes[k].failed) out[k].difference = passes[k].f.value();
  } catch (const Unavailable&) {
    for (Bound& bound : out) bound.difference.reset();
  } catch (const Failure& failure) {  // an enclosure that is not defined
    if (failure.outcome() != Outcome::rejected) throw;
    for (Bound& bound : out) bound.difference.reset();
  }
  return out;
}

}  // namespace lipverify::local
