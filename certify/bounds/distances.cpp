// See distances.hpp: the way through the blocks, and the steps that are not affine. The affine ones: distances_affine.cpp.

#include "certify/bounds/distances.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "certify/bounds/distances_parts.hpp"
#include "certify/graph/activations.hpp"
#include "certify/graph/evaluate_parts.hpp"

namespace lipcert {
namespace by_distance {
namespace {

/// Entries as balls: every one is within `distance` of its centre. A double has 53 of the integer's digits.
enclosures::State balls_of(const Fixed& x) {
  enclosures::State out(x.m.size());
  for (std::size_t i = 0; i < x.m.size(); ++i) {
    const double centre = std::ldexp(static_cast<double>(x.m[i]), x.exponent);
    const Upper rounding = x.m[i] == 0 ? Upper() : Upper::exact(centre) * Upper::exact(0x1p-53) + Upper::exact(0x1p-1000);
    out.set(i, {centre, (x.distance + rounding).value()});
    out.magnitude[i] = std::fabs(centre);
  }
  return out;
}

Fixed fixed_of(const enclosures::State& y) {
  double largest = 0;
  for (const double c : y.centre) {
    largest = std::isfinite(c) ? std::max(largest, std::fabs(c)) : HUGE_VAL;
  }
  int top = 0;
  static_cast<void>(std::frexp(largest, &top));
  if (!std::isfinite(largest)) {
    throw OutOfRange{};
  }
  Fixed out;
  out.exponent = top - bits + 1;
  out.m.resize(y.centre.size());
  for (std::size_t i = 0; i < out.m.size(); ++i) {
    out.m[i] = std::llrint(std::ldexp(y.centre[i], -out.exponent));
  }
  // Half a unit in each entry.
  out.distance = norm_above(y.radius.data(), y.radius.size()) + root_of(out.m.size()) * unit(out.exponent - 1);
  return checked(std::move(out));
}

/// The slope of a piecewise linear activation on the left of 0, on the right it is 1: only those that need no rounding.
std::optional<int> left_slope(const Step& step) {
  if (step.kind != Step::Kind::activation) {
    return std::nullopt;
  }
  if (step.op == Operator::relu) {
    return 0;
  }
  return step.op == Operator::abs ? std::optional<int>(-1) : std::nullopt;
}

/// What is off by choosing: the root of a sum of squares of integers times 2^exponent.
class Choices {
 public:
  void add(std::int64_t difference) {
    const double d = static_cast<double>(difference) * (1 + 0x1p-50);
    squares_ = squares_ + Upper::exact(d) * Upper::exact(d);
  }
  [[nodiscard]] Upper root(int exponent) const { return sqrt(squares_) * unit(exponent); }

 private:
  Upper squares_;
};

/// The order statistics of a step: what each chooses, and which entries it might have chosen within `reach` (an amount of the aligned entries).
template <class Visit>
void each_choice(const Step& step, const Aligned& z, Int128 reach, const Visit& visit) {
  std::vector<Int128> sorted;
  for (std::size_t o = 0; o < step.output_size; ++o) {
    const std::uint32_t* const first = &step.set_entry[step.set_start[step.set[o]]];
    const std::uint32_t* const last = first + (step.set_start[step.set[o] + 1] - step.set_start[step.set[o]]);
    sorted.clear();
    for (const std::uint32_t* e = first; e != last; ++e) {
      sorted.push_back(z.entries[*e]);
    }
    std::nth_element(sorted.begin(), sorted.begin() + step.rank[o], sorted.end());
    visit(o, sorted[step.rank[o]], first, last, reach);
  }
}

/// In how many sets of results an entry is, at most.
std::size_t overlap(const Step& step) {
  std::vector<std::uint32_t> count(step.input_size, 0);
  std::uint32_t most = 1;
  for (std::size_t o = 0; o < step.output_size; ++o) {
    for (std::size_t k = step.set_start[step.set[o]]; k < step.set_start[step.set[o] + 1]; ++k) {
      most = std::max(most, ++count[step.set_entry[k]]);
    }
  }
  return most;
}

Fixed order(const Step& step, const Inputs& z) {
  const Aligned all(z);
  std::vector<Int128> out(step.output_size);
  each_choice(step, all, 0, [&](std::size_t o, Int128 value, const std::uint32_t*, const std::uint32_t*, Int128) { out[o] = value; });
  return rounded(out, all.exponent, all.distance * root_of(overlap(step)));
}

/// An entry within twice the distance of the one that is chosen may be the one, and then its derivative is that of the result.
Fixed order_along(const Step& step, const Inputs& z, const Inputs& t) {
  const Aligned values(z);
  const Aligned tangents(t);
  std::vector<Int128> out(step.output_size);
  Upper squares;
  each_choice(step, values, reach_of(values.distance, values.exponent),
              [&](std::size_t o, Int128 value, const std::uint32_t* first, const std::uint32_t* last, Int128 reach) {
                Int128 low = 0;
                Int128 high = 0;
                bool any = false;
                for (const std::uint32_t* e = first; e != last; ++e) {
                  const Int128 off = values.entries[*e] - value;
                  if (off <= reach && -off <= reach) {
                    const Int128 along = tangents.entries[*e];
                    low = any ? std::min(low, along) : along;
                    high = any ? std::max(high, along) : along;
                    any = true;
                  }
                }
                out[o] = low + (high - low) / 2;
                const double spread = static_cast<double>(high - out[o]) * (1 + 0x1p-50);
                squares = squares + Upper::exact(spread) * Upper::exact(spread);
              });
  return rounded(out, tangents.exponent, tangents.distance * root_of(overlap(step)) + sqrt(squares) * unit(tangents.exponent));
}

Upper slope_of(const Step& step) {
  if (step.kind == Step::Kind::activation) {
    return Upper::exact(activation_of(step).slopes(step).largest_magnitude().upper());
  }
  return Upper::exact(HUGE_VAL);  // alone in its block, whose bound takes its place
}

}  // namespace

Fixed curved(const Step& step, const Inputs& z) {
  if (step.kind == Step::Kind::order) {
    return order(step, z);
  }
  if (const std::optional<int> left = left_slope(step)) {
    Fixed out = *z[0];
    for (std::int64_t& m : out.m) {
      m = m < 0 ? *left * m : m;
    }
    return out;
  }
  // At the centre, and then what the distance may add.
  Fixed centre = *z[0];
  centre.distance = {};
  const enclosures::State x = balls_of(centre);
  Fixed out;
  if (step.kind == Step::Kind::activation) {
    enclosures::State y(step.output_size);
    for (std::size_t i = 0; i < y.centre.size(); ++i) {
      y.set(i, activation_of(step).value(step, i, x.at(i)));
    }
    out = fixed_of(y);
  } else {
    bool clear = true;
    out = fixed_of(step.kind == Step::Kind::softmax ? enclosures::soft(step, x, nullptr, nullptr)
                                                    : enclosures::root_of_squares(step, x, nullptr, nullptr, clear));
  }
  out.distance = z[0]->distance.value() == 0 ? out.distance : out.distance + slope_of(step) * z[0]->distance;
  return checked(std::move(out));
}

Fixed curved_along(const Step& step, const Inputs& z, const Inputs& t) {
  if (step.kind == Step::Kind::order) {
    return order_along(step, z, t);
  }
  if (const std::optional<int> left = left_slope(step)) {
    Fixed out = *t[0];
    const Int128 reach = reach_of(z[0]->distance, z[0]->exponent) / 2 + 1;
    const bool known = z[0]->distance.value() == 0;
    Choices choices;
    for (std::size_t i = 0; i < out.m.size(); ++i) {
      const Int128 at = z[0]->m[i];
      std::int64_t& m = out.m[i];
      if (known && at == 0) {  // exactly at the kink: by the direction
        m = m < 0 ? *left * m : m;
        continue;
      }
      if (!known && at <= reach && -at <= reach) {
        choices.add((1 - *left) * m);
      }
      m = at < 0 ? *left * m : m;
    }
    out.distance = out.distance + choices.root(out.exponent);
    return checked(std::move(out));
  }
  Fixed centre = *t[0];
  centre.distance = {};
  const enclosures::State x = balls_of(*z[0]);
  const enclosures::State along = balls_of(centre);
  enclosures::State y(step.output_size);
  bool clear = true;
  if (step.kind == Step::Kind::activation) {
    for (std::size_t i = 0; i < y.centre.size(); ++i) {
      y.set(i, activation_of(step).along(step, i, x.at(i), x.magnitude[i], along.at(i), clear));
    }
  } else if (step.kind == Step::Kind::softmax) {
    static_cast<void>(enclosures::soft(step, x, &along, &y));
  } else {
    static_cast<void>(enclosures::root_of_squares(step, x, &along, &y, clear));
  }
  Fixed out = fixed_of(y);
  out.distance = t[0]->distance.value() == 0 ? out.distance : out.distance + slope_of(step) * t[0]->distance;
  return checked(std::move(out));
}

namespace {

/// Values and derivatives on their way through the blocks.
class Walk {
 public:
  Walk(const StepGraph& graph, WorkerPool& pool)
      : graph_(graph), pool_(pool), left_(graph.readers()), values_(graph.steps.size() + 1), alongs_(graph.steps.size() + 1) {}

  void start(const IntegerVector& point, const IntegerVector& direction) {
    values_[0] = fixed(point);
    alongs_[0] = fixed(direction);
  }

  /// A join: its distances are those of what it reads.
  void join(const Segment& segment) {
    for (const std::size_t s : segment.steps) {
      alongs_[s + 1] = derivative(s);
      values_[s + 1] = value(s);
    }
    finish(segment);
  }

  /// A block with one input, from the centre of its input on.
  void block(const Segment& segment, Upper constant) {
    const std::size_t in = segment.inputs.at(0);
    const Upper value_distance = values_[in].distance;
    const Upper along_distance = std::exchange(alongs_[in].distance, Upper());
    const bool affine =
        std::all_of(segment.steps.begin(), segment.steps.end(), [this](std::size_t s) { return graph_.steps[s].affine(); });
    if (!affine) {  // derivatives at whatever point within the distance is the true one
      for (const std::size_t s : segment.steps) {
        alongs_[s + 1] = derivative(s);
        if (s != segment.steps.back()) {
          values_[s + 1] = value(s);
        }
      }
    }
    values_[in].distance = Upper();
    for (const std::size_t s : segment.steps) {
      if (affine) {
        alongs_[s + 1] = derivative(s);
      }
      values_[s + 1] = value(s);
    }
    for (const std::size_t s : segment.steps) {
      values_[s + 1].distance = values_[s + 1].distance + constant * value_distance;
      alongs_[s + 1].distance = alongs_[s + 1].distance + constant * along_distance;
    }
    values_[in].distance = value_distance;
    alongs_[in].distance = along_distance;
    finish(segment);
  }

  [[nodiscard]] const Fixed& result() const { return alongs_[graph_.output]; }

 private:
  static Fixed fixed(const IntegerVector& v) { return {{v.mantissas.begin(), v.mantissas.end()}, v.exponent, {}}; }

  [[nodiscard]] Inputs inputs(std::size_t s, const std::vector<Fixed>& of) const {
    Inputs in;
    for (const std::size_t input : graph_.steps[s].inputs) {
      in.push_back(&of[input]);
    }
    return in;
  }
  [[nodiscard]] Fixed value(std::size_t s) const {
    const Step& step = graph_.steps[s];
    return step.affine() ? affine(step, inputs(s, values_), false, pool_) : curved(step, inputs(s, values_));
  }
  [[nodiscard]] Fixed derivative(std::size_t s) const {
    const Step& step = graph_.steps[s];
    return step.affine() ? affine(step, inputs(s, alongs_), true, pool_) : curved_along(step, inputs(s, values_), inputs(s, alongs_));
  }
  /// Drops what nobody reads any more.
  void finish(const Segment& segment) {
    for (const std::size_t s : segment.steps) {
      for (const std::size_t input : graph_.steps[s].inputs) {
        if (--left_[input] == 0) {
          values_[input] = alongs_[input] = Fixed();
        }
      }
    }
  }

  const StepGraph& graph_;
  WorkerPool& pool_;
  std::vector<std::size_t> left_;
  std::vector<Fixed> values_;
  std::vector<Fixed> alongs_;
};

}  // namespace
}  // namespace by_distance

std::optional<DerivativeByDistance> differentiate_by_distance(const StepGraph& graph, const std::vector<Segment>& segments,
                                                              const std::vector<Block>& blocks, const IntegerVector& point,
                                                              const IntegerVector& direction, WorkerPool& pool) {
  if (point.mantissas.size() != graph.input_size || direction.mantissas.size() != graph.input_size) {
    return std::nullopt;
  }
  try {
    by_distance::Walk walk(graph, pool);
    walk.start(point, direction);
    for (std::size_t b = 0; b < segments.size(); ++b) {
      if (is_join(blocks[b].op)) {
        walk.join(segments[b]);
      } else {
        walk.block(segments[b], Upper::exact(blocks[b].upper));
      }
    }
    const by_distance::Fixed& y = walk.result();
    DerivativeByDistance out;
    for (const std::int64_t m : y.m) {
      out.centre.push_back(std::ldexp(static_cast<double>(m), y.exponent));
    }
    out.distance = y.distance + norm_above(out.centre.data(), out.centre.size()) * Upper::exact(0x1p-52) + Upper::exact(0x1p-900);
    return out.distance.finite() ? std::optional(std::move(out)) : std::nullopt;
  } catch (const by_distance::OutOfRange&) {
    return std::nullopt;
  }
}

}  // namespace lipcert
