// Every row of the table of activations, with every variation of its numbers: the enclosures contain the plain function, and real numbers
// with 600 bits where tests/certify can evaluate the operator; the range of slopes contains every slope and is attained. A new row is
// tested without a change here, unless it reads an attribute that no row had.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "certify/graph/activations.hpp"
#include "formats/encoding/error.hpp"
#include "formats/network/operators.hpp"
#include "tests/certify/exact.hpp"
#include "tests/certify/network_builder.hpp"

using namespace lipcert;
using exact::Real;
using network_builder::Builder;

namespace {

constexpr std::size_t entries = 3;

/// One activation with its numbers.
struct Case {
  const Activation* row = nullptr;
  Node node;
  std::vector<std::vector<Ball>> inputs;  // constants of the inputs 1 and 2, empty: absent
  Step step;
};

/// The same rows come out of many variations of numbers that they do not read.
std::vector<double> fingerprint(const Case& c) {
  const SlopeRange slopes = c.row->slopes(c.step);
  std::vector<double> print{slopes.least.lower(), slopes.least.upper(), slopes.most.lower(), slopes.most.upper()};
  Curves curves(c.step);
  for (std::size_t i = 0; i < entries; ++i) {
    for (const double x : {-5.0, -1.25, -0.375, 0.25, 0.75, 2.0}) {
      print.push_back(c.row->plain.at(curves.at(i), x).value);
    }
    const Ball y = c.row->value(c.step, i, {-1, 0});
    print.push_back(y.radius);
  }
  return print;
}

std::vector<Case> cases_of(const Activation& row) {
  const std::vector<std::vector<Ball>> slopes = {{{0.25, 0}}, {{-1.5, 0}, {0.25, 0}, {3, 0}}, {{-1.5, 1e-12}, {1, 0}, {0.1, 1e-17}}};
  const std::vector<std::vector<std::vector<Ball>>> limits = {{{{-0.5, 0}}, {{1.25, 0}}},
                                                              {{}, {{0.25, 0}}},
                                                              {{{-3, 0}}, {}},
                                                              {{{1, 0}}, {{-1, 0}}},
                                                              {{{-2, 0}, {-1, 1e-12}, {0, 0}}, {{1, 0}, {2, 0}, {0, 0}}}};
  std::vector<Case> cases;
  std::set<std::vector<double>> seen;
  const auto add = [&](Case c) {
    c.row = &row;
    c.node.op = row.op;
    c.step.op = row.op;
    row.read(
        c.node, [&c](std::size_t input) { return c.inputs.at(input - 1); }, c.step);
    if (seen.insert(fingerprint(c)).second) {
      cases.push_back(std::move(c));
    }
  };
  for (const float alpha : {0.3F, 1.0F, -0.7F, 1.75F, 0.0F}) {
    if (row.op == Operator::celu && alpha <= 0) {
      continue;  // refused by the reader
    }
    for (const float other : {1.05F, 0.5F, -2.0F}) {
      for (const bool form : {false, true}) {
        Case c;
        c.node.attributes = {{"alpha", alpha}, {"gamma", other}, {"beta", other}, {"approximate", std::string(form ? "tanh" : "none")}};
        Case attributes = c;
        attributes.inputs = {slopes[0], {}};
        attributes.node.attributes["min"] = -0.25F;
        attributes.node.attributes["max"] = 6.0F;
        add(std::move(attributes));
        for (const std::vector<Ball>& s : slopes) {
          if (row.op == Operator::prelu) {
            c.inputs = {s, {}};
            add(c);
          }
        }
        for (const auto& limit : limits) {
          if (row.op != Operator::prelu) {
            c.inputs = limit;
            c.node.inputs = {0, limit[0].empty() ? no_value : 1, limit[1].empty() ? no_value : 2};
            add(c);
          }
        }
      }
    }
  }
  return cases;
}

/// Products with gates of every kind, with numbers as exporters write them and others.
std::vector<Case> gated_cases() {
  const double root_half = static_cast<double>(0.70710678F);
  const double root = static_cast<double>(0.79788458F);
  const double cubic = root * static_cast<double>(0.044715F);
  const Ball none{0, 0};
  const Ball half{0.5, 0};
  std::vector<Case> cases;
  const auto add = [&](Gate::Kind kind, Ball a, Ball b, double linear, double third = 0, Ball offset = {0, 0}, double high = 1) {
    Case c;
    c.row = &gated_product();
    c.step.op = Operator::mul;
    c.step.gate = Gate{kind, a, b, {linear, 0}, {third, 0}, offset, none, {high, 0}};
    cases.push_back(std::move(c));
  };
  add(Gate::Kind::sigmoid, none, {1, 0}, 1);
  add(Gate::Kind::sigmoid, {-1, 0}, {1.5, 0}, -0.75);
  add(Gate::Kind::sigmoid, none, {1, 0}, 2 * root, 2 * cubic);
  add(Gate::Kind::tanh, half, half, 0.5);
  add(Gate::Kind::tanh, half, half, root, cubic);
  add(Gate::Kind::erf, half, half, root_half);
  add(Gate::Kind::erf, half, {-0.5, 1e-17}, root_half);
  add(Gate::Kind::tanh_softplus, none, {1, 0}, 1);
  add(Gate::Kind::tanh_softplus, {0.25, 0}, {-1, 0}, -0.5);
  add(Gate::Kind::clamp, none, {1, 0}, 0.25, 0, half);
  add(Gate::Kind::clamp, none, {1.0 / 6, 0x1p-55}, 1, 0, {3, 0}, 6);
  add(Gate::Kind::clamp, {0.5, 0}, {-1, 0}, -0.5, 0, {0.25, 0});
  add(Gate::Kind::inverse, none, {1, 0}, 1, 0, {1, 0});
  add(Gate::Kind::inverse, {-0.25, 0}, {3, 0}, 0.5, 0, {2, 0});
  return cases;
}

/// Points at and near kinks, near 0, far out, and at random.
std::vector<double> points() {
  std::vector<double> x;
  for (const double kink : {0.0, 1.0, 3.0, 0.5, 0.25, 1.25, 2.0, 6.0}) {
    for (const double sign : {-1.0, 1.0}) {
      for (const double beside : {0.0, 1e-12, -1e-12, 1e-4, -1e-4}) {
        x.push_back(sign * kink + beside);
      }
    }
  }
  for (const double far : {12.0, 29.9, 30.1, 35.0, 41.0, 300.0, 800.0, 1e5}) {
    x.push_back(far);
    x.push_back(-far);
  }
  std::mt19937_64 engine(12);
  std::normal_distribution<double> normal;
  for (int k = 0; k < 60; ++k) {
    x.push_back(normal(engine) * std::pow(4.0, k % 4 - 1));
  }
  return x;
}

bool inside(Ball ball, long double x, long double slack) {
  return std::fabs(x - static_cast<long double>(ball.centre)) <= static_cast<long double>(ball.radius) + slack * (1 + std::fabs(x));
}
bool inside(Ball ball, const Real& x) {
  return abs(Real(x - Real(ball.centre))) <= Real(ball.radius) * (1 + Real(1e-150)) + Real(1e-150);
}

/// The numbers of the case at entry i, with what it is computed from known only up to a radius.
bool computed(const Case& c, std::size_t i) {
  const auto inexact = [i](const std::vector<Ball>& v) { return !v.empty() && v[v.size() == 1 ? 0 : i].radius != 0; };
  return inexact(c.step.slopes) || inexact(c.step.low) || inexact(c.step.high);
}

template <class Check>
void for_every_case(Check check) {
  for (const Activation& row : activations()) {
    CAPTURE(std::string(name_of(row.op)));
    const std::vector<Case> cases = cases_of(row);
    REQUIRE(!cases.empty());
    for (std::size_t k = 0; k < cases.size(); ++k) {
      CAPTURE(k);
      check(cases[k]);
    }
  }
  const std::vector<Case> gated = gated_cases();
  for (std::size_t k = 0; k < gated.size(); ++k) {
    CAPTURE("gated product");
    CAPTURE(k);
    check(gated[k]);
  }
}

/// The network of one node, where tests/certify can evaluate it.
std::function<std::vector<network_builder::Dual<Real>>(const std::vector<double>&, const std::vector<double>&)> exact_evaluator(
    const Case& c) {
  static const std::set<Operator> known = {
      Operator::relu,     Operator::leaky_relu,   Operator::prelu,      Operator::abs,  Operator::sigmoid, Operator::tanh, Operator::elu,
      Operator::softplus, Operator::hard_sigmoid, Operator::hard_swish, Operator::gelu, Operator::mish,    Operator::clip};
  if (known.count(c.row->op) == 0 || c.step.gate || computed(c, 0) || computed(c, 1) || computed(c, 2) || c.step.low.size() > 1) {
    return {};
  }
  Builder b({1, entries});
  std::vector<ValueId> inputs{b.input()};
  const auto numbers = [](const std::vector<Ball>& balls) {
    std::vector<double> v;
    for (const Ball& ball : balls) {
      v.push_back(ball.centre);
    }
    return v;
  };
  if (c.row->op == Operator::prelu) {
    inputs.push_back(b.weight({c.step.slopes.size()}, numbers(c.step.slopes)));
  }
  if (c.row->op == Operator::clip) {
    if (c.step.low.empty() || c.step.high.empty()) {
      return {};
    }
    inputs.push_back(b.weight({}, numbers(c.step.low)));
    inputs.push_back(b.weight({}, numbers(c.step.high)));
  }
  const Network network = b.finish(b.node(c.row->op, inputs, c.node.attributes));
  return [network](const std::vector<double>& x, const std::vector<double>& v) {
    auto evaluator = network_builder::real_evaluator(network);
    return evaluator(x, v);
  };
}

}  // namespace

TEST_CASE("activations: every row encloses its plain function, value and one-sided derivatives") {
  const std::vector<double> xs = points();
  for_every_case([&](const Case& c) {
    const Activation& row = *c.row;
    Curves curves(c.step);
    for (std::size_t i = 0; i < entries; ++i) {
      const Curve& curve = curves.at(i);
      bool values = true;
      bool slopes = true;
      bool one_sided = true;
      bool tight = true;
      for (const double x : xs) {
        const Tangent<double> here = row.plain.at(curve, x);
        const Tangent<long double> extended = row.plain.extended(curve, x);
        const Ball y = row.value(c.step, i, {x, 0});
        values = values && inside(y, extended.value, 1e-17L) && inside(y, here.value, 1e-14L);
        tight = tight && y.radius <= 1e-11 * (1 + std::fabs(y.centre));
        for (const double t : {1.0, -1.0}) {
          bool clear = true;
          const Ball along = row.along(c.step, i, {x, 0}, 0, {t, 0}, clear);
          const long double h = 1e-9L * (1 + std::fabs(static_cast<long double>(x)));
          const long double beside = row.plain.extended(curve, x + t * h).slope;
          // At what may be a kink; far out there is none, and the step to the point beside it is long.
          one_sided = one_sided && (x != std::round(4 * x) / 4 || std::fabs(x) > 50 || inside(along, t * beside, 1e-6L));
          const bool smooth = std::fabs(row.plain.extended(curve, x - h).slope - row.plain.extended(curve, x + h).slope) < 1e-6L;
          slopes = slopes && (!smooth || (inside(along, t * extended.slope, 1e-16L) && inside(along, t * here.slope, 1e-13L)));
        }
      }
      CAPTURE(i);
      CHECK(values);
      CHECK(slopes);
      CHECK(one_sided);
      CHECK(tight);
    }
  });
}

TEST_CASE("activations: over a ball the enclosures hold at every point of it") {
  std::mt19937_64 engine(13);
  std::normal_distribution<double> normal;
  std::uniform_real_distribution<double> uniform(-1, 1);
  for_every_case([&](const Case& c) {
    const Activation& row = *c.row;
    Curves curves(c.step);
    bool values = true;
    bool slopes = true;
    bool kinks = true;
    for (int round = 0; round < 120; ++round) {
      const std::size_t i = static_cast<std::size_t>(round) % entries;
      const Curve& curve = curves.at(i);
      const Ball z{4 * normal(engine), std::pow(4.0, -(round % 8)) * 4};
      const Ball y = row.value(c.step, i, z);
      bool clear = true;
      const Ball along = row.along(c.step, i, z, std::fabs(z.centre), {1, 0}, clear);
      for (int k = 0; k < 8; ++k) {
        const double x = k == 0 ? low_end(z) : k == 1 ? high_end(z) : z.centre + z.radius * uniform(engine);
        if (std::fabs(x - z.centre) > z.radius) {
          continue;
        }
        const Tangent<long double> here = row.plain.extended(curve, x);
        values = values && inside(y, here.value, 1e-16L);
        slopes = slopes && inside(along, here.slope, 1e-16L);
      }
      const double left = row.plain.at(curve, low_end(z)).slope;
      const double right = row.plain.at(curve, high_end(z)).slope;
      // A jump between lines inside the ball is reported.
      kinks = kinks && (!row.plain.two_slopes || left == right || !clear);
    }
    CHECK(values);
    CHECK(slopes);
    CHECK(kinks);
  });
}

TEST_CASE("activations: against 600 bits") {
  const std::vector<double> xs = points();
  std::size_t known = 0;
  for_every_case([&](const Case& c) {
    const auto evaluator = exact_evaluator(c);
    if (!evaluator) {
      return;
    }
    ++known;
    bool values = true;
    bool slopes = true;
    for (const double x : xs) {
      if (std::fabs(x) > 400) {
        continue;  // the evaluation's own rounding would show
      }
      for (const double t : {1.0, -1.0}) {
        const auto truth = evaluator(std::vector<double>(entries, x), std::vector<double>(entries, t));
        for (std::size_t i = 0; i < entries; ++i) {
          bool clear = true;
          values = values && inside(c.row->value(c.step, i, {x, 0}), truth[i].value);
          slopes = slopes && inside(c.row->along(c.step, i, {x, 0}, 0, {t, 0}, clear), truth[i].slope);
        }
      }
    }
    CHECK(values);
    CHECK(slopes);
  });
  CHECK(known >= 13);
}

TEST_CASE("activations: difference quotients lie in the range of slopes, and come close to both of its ends") {
  for_every_case([&](const Case& c) {
    const Activation& row = *c.row;
    const SlopeRange range = row.slopes(c.step);
    const double known = c.step.gate ? 2.1e-5 : 1.1e-5;  // a gate's factor multiplies what is known of its slope
    CHECK(range.least.upper() - range.least.lower() < known);
    CHECK(range.most.upper() - range.most.lower() < known);
    CHECK(range.largest_magnitude().upper() == std::max(std::fabs(range.least.lower()), std::fabs(range.most.upper())));
    Curves curves(c.step);
    long double least = HUGE_VALL;
    long double most = -HUGE_VALL;
    bool inside_range = true;
    for (std::size_t i = 0; i < entries; ++i) {
      const Curve& curve = curves.at(i);
      const long double slack = computed(c, i) ? 1e-11L : 1e-12L;
      const auto quotient = [&](long double x, long double h) {
        const long double q = (row.plain.extended(curve, x + h).value - row.plain.extended(curve, x).value) / h;
        least = std::min(least, q);
        most = std::max(most, q);
        inside_range = inside_range && q >= static_cast<long double>(range.least.lower()) - slack &&
                       q <= static_cast<long double>(range.most.upper()) + slack;
      };
      for (long double x = -18; x < 18; x += 0x1p-9L) {
        quotient(x, 0x1p-20L);
      }
      for (const long double length : {0.1L, 1.0L, 10.0L}) {
        for (long double x = -18; x < 18; x += 0x1.9p-3L) {
          quotient(x, length);
        }
      }
      for (long double x = -18; x < 18; x += 0.25L) {
        quotient(x - 0x1p-20L, 0x1p-20L);  // just before what may be a kink
      }
      for (const long double far : {-2048.0L, 2048.0L}) {
        quotient(far, 1);  // some slopes fall slowly
      }
    }
    CHECK(inside_range);
    const long double near = c.step.gate ? 1e-5L : 3e-6L;  // c / (c + s |x|)^2 falls slowly
    CHECK(most >= static_cast<long double>(range.most.lower()) - near);
    CHECK(least <= static_cast<long double>(range.least.upper()) + near);
  });
}

TEST_CASE("activations: no enclosure of a slope on a cover of [-16, 16] leaves the range") {
  for_every_case([&](const Case& c) {
    const SlopeRange range = c.row->slopes(c.step);
    for (std::size_t i = 0; i < entries; ++i) {
      std::vector<std::pair<double, double>> open = {{-16, 16}};
      std::size_t pieces = 0;
      bool proved = true;
      while (!open.empty() && proved) {
        const auto [low, high] = open.back();
        open.pop_back();
        bool clear = true;
        const Ball z = hull(low, high);
        const Ball slope = c.row->along(c.step, i, z, 0, {1, 0}, clear);
        // Where an end is attained, rounding alone may pass it; a gate attains it at its kink, which a piece around it passes by its width.
        const double slack = high - low < 0x1p-30 || !range.exact ? 1e-12 + (c.step.gate && high - low < 0x1p-30 ? 8 * (high - low) : 0) : 0;
        if (low_end(slope) >= range.least.lower() - slack && high_end(slope) <= range.most.upper() + slack) {
          continue;
        }
        proved = high - low > 0x1p-40 && ++pieces < 1000000;
        const double middle = low + (high - low) / 2;
        open.emplace_back(low, middle);
        open.emplace_back(middle, high);
      }
      CAPTURE(i);
      CHECK(proved);
      if (c.step.slopes.size() <= 1 && c.step.low.size() <= 1) {
        break;  // the other entries are the same
      }
    }
  });
}

TEST_CASE("activations: an operator without a row is an error") {
  const auto rows = operator_rows();
  CHECK(activations().size() == static_cast<std::size_t>(std::count_if(rows.begin(), rows.end(), [](const OperatorRow& row) { return is_activation(row.op); })));
  CHECK(plain_activation(Operator::add) == nullptr);
  CHECK_THROWS_AS(static_cast<void>(activation_of(Operator::softmax)), Error);
}
