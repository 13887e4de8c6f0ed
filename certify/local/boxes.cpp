// See boxes.hpp.

#include "certify/local/boxes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "certify/graph/activations.hpp"
#include "certify/graph/balls.hpp"

namespace lipcert::local {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

/// Relative distance from an end of the box within which a bend may be seen on either side of it.
constexpr double edge_width = 1e-7;

double rounded(double slope) {
  return std::nearbyint(slope * 0x1p14) * 0x1p-14;
}

/// One more open entry; the second bend at the end of the box: none.
struct Entry {
  double width = 0;
  double bend = 0;
  double left = 0;
  double right = 0;
  double fixed = 0;
  double bend2 = infinite;
  double third = 0;
  bool straight = false;
};

/// A closed entry with slope a.
Entry closed_entry(double width, double a) {
  return {width, width, a, a, a, infinite, 0, true};
}

void add(Opening& out, std::size_t position, const Entry& entry) {
  out.position.push_back(static_cast<std::uint32_t>(position));
  out.width.push_back(entry.width);
  out.bend.push_back(entry.bend);
  out.left.push_back(entry.left);
  out.right.push_back(entry.right);
  out.fixed.push_back(entry.straight ? entry.fixed : rounded(entry.fixed));
  out.straight.push_back(entry.straight ? 1 : 0);
  if (entry.bend2 < infinite && out.bend2.empty()) {
    out.bend2.assign(out.position.size() - 1, infinite);
    out.third.assign(out.position.size() - 1, 0.0);
  }
  if (!out.bend2.empty() || entry.bend2 < infinite) {
    out.bend2.push_back(entry.bend2);
    out.third.push_back(entry.third);
  }
}

/// Slopes of a kink at 0: a to the left, b to the right.
double kink_rule(double a, double b, double z, double e) {
  return a + (b - a) * ((z + e) / (2 * e) + (z > 0 ? 1.0 : 0.0)) / 2;
}

void close(std::size_t i, double e, double a, Opening& out) {
  if (e > 0) {
    add(out, i, closed_entry(e, a));
  } else {
    out.closed[i] = a;
  }
}

/// Slopes a (left) and b (right) of a kink at 0.
void open_kink(std::size_t i, double a, double b, double z, double e, Opening& out) {
  const bool edge = std::fabs(std::fabs(z) - e) <= edge_width * (std::fabs(z) + e);
  out.edge = out.edge || edge;
  if (a == b || e == 0 || (!edge && (z >= e || z <= -e))) {
    close(i, e, a == b ? a : z >= e ? b : a, out);
    return;
  }
  // At an edge the entry counts as open: the rho of whoever sees it closed is not larger.
  add(out, i, {e, std::clamp(-z, -e, e), a, b, kink_rule(a, b, std::clamp(z, -e, e), e), infinite, 0, false});
}

}  // namespace

double open_activation(const Step& step, const std::vector<double>& z, const std::vector<double>& e, double rho, Opening& out,
                       std::vector<double>& moved) {
  out.closed.assign(z.size(), 0.0);
  moved.resize(z.size());
  const Activation& row = activation_of(step);
  // The others with kinks (PRelu, Clip, Max and Min with constants) are taken by enclosures of their slopes, as the checker does.
  const bool piecewise_linear = row.plain.two_slopes && !step.gate && (step.op == Operator::relu || step.op == Operator::abs || step.op == Operator::leaky_relu);
  const bool has_bends = step.op == Operator::prelu || step.op == Operator::clip || step.op == Operator::max || step.op == Operator::min ||
                         step.op == Operator::hard_sigmoid || step.op == Operator::hard_swish || step.op == Operator::elu ||
                         step.op == Operator::selu || step.op == Operator::celu;
  double steepest = piecewise_linear ? row.slopes(step).largest_magnitude().upper() : 0;
  Curves curves(step);
  for (std::size_t i = 0; i < z.size(); ++i) {
    const Curve& curve = curves.at(i);
    if (piecewise_linear) {  // the largest distance is at an end of the box, or at a kink
      const double here = row.plain.at(curve, z[i]).value;
      moved[i] = 0;
      for (const double t : {z[i] - e[i], z[i] + e[i], std::clamp(0.0, z[i] - e[i], z[i] + e[i])}) {
        moved[i] = std::max(moved[i], std::fabs(row.plain.at(curve, t).value - here));
      }
    }
    if (piecewise_linear) {
      open_kink(i, row.plain.at(curve, -1.0).slope, 1, z[i], e[i], out);
    } else {
      // The box a little larger: the checker's may reach over a bend that this one just does not.
      const double far = std::fabs(z[i]) + e[i];
      const auto slopes_within = [&](double reach) {
        bool clear = true;
        return row.along(step, i, {z[i], e[i] > 0 ? std::max(0.0, reach) : 0.0}, whole_box, {1, 0}, clear);
      };
      const Ball slopes = slopes_within(e[i] + edge_width * far);
      const double more = slopes.radius <= 0 ? 0 : 0x1p-16 * slopes.radius + 0x1p-20;  // another program's enclosure may be wider
      const double a = slopes.centre - slopes.radius - more;
      const double b = slopes.centre + slopes.radius + more;
      if (has_bends && e[i] > 0) {
        const Ball inner = slopes_within(e[i] - edge_width * far);
        out.edge = out.edge || (inner.radius <= 0) != (slopes.radius <= 0) ||
                   std::fabs(inner.centre - slopes.centre) + std::fabs(inner.radius - slopes.radius) > more;
      }
      moved[i] = std::max(std::fabs(a), std::fabs(b)) * e[i];
      steepest = std::max({steepest, std::fabs(a), std::fabs(b)});
      if (slopes.radius <= 0) {
        close(i, e[i], a, out);
      } else {
        add(out, i, {e[i], 0, a, b, (a + b) / 2, infinite, 0, false});
      }
      out.curved = true;
    }
  }
  out.rho = rho;
  return steepest * rho;
}

std::vector<double> largest_of_sets(const PlanNode& node, const Openings& open) {
  const Step& step = *node.step;
  std::vector<double> all;
  for (const std::size_t input : node.inputs) {
    all.insert(all.end(), open.e[input].begin(), open.e[input].end());
  }
  std::vector<double> of_set;
  for (std::size_t s = 0; s + 1 < step.set_start.size(); ++s) {
    double largest = 0;
    for (std::size_t k = step.set_start[s]; k < step.set_start[s + 1]; ++k) {
      largest = std::max(largest, all[step.set_entry[k]]);
    }
    of_set.push_back(largest);
  }
  std::vector<double> e;
  for (std::size_t i = 0; i < step.output_size; ++i) {
    e.push_back(of_set[step.set[i]]);
  }
  return e;
}

namespace {

/// A sort of larger sets: what has a clear rank is passed on, the rest is a ball.
void open_sort(const PlanNode& node, const Centre& centre, const Openings& open, Opening& out) {
  const Sets& sets = *node.sets;
  for (const OrderResult& result : sets.results) {
    std::size_t member = sets.members.size();
    for (std::size_t k = sets.start[result.set]; k < sets.start[result.set + 1]; ++k) {
      const Place& at = sets.members[k];
      const double low = centre[at.value][at.entry] - open.e[at.value][at.entry];
      const double high = centre[at.value][at.entry] + open.e[at.value][at.entry];
      std::size_t below = 0;
      std::size_t above = 0;
      for (std::size_t l = sets.start[result.set]; l < sets.start[result.set + 1]; ++l) {
        const Place& other = sets.members[l];
        below += centre[other.value][other.entry] + open.e[other.value][other.entry] < low ? 1U : 0U;
        above += centre[other.value][other.entry] - open.e[other.value][other.entry] > high ? 1U : 0U;
      }
      if (below == result.rank && below + above + 1 == sets.start[result.set + 1] - sets.start[result.set]) {
        member = k;
      }
    }
    if (member < sets.members.size()) {
      out.passed.push_back({result.place, result.set, member});
    } else {
      out.dropped.push_back(result.place);
    }
  }
}

/// The half width of the box of z_o - z_m.
double width_of(const Sets& sets, const Openings& open, std::size_t set, std::size_t o, std::size_t m) {
  const Place& rival = sets.members[o];
  const Place& leader = sets.members[m];
  double width = open.e[rival.value][rival.entry] + open.e[leader.value][leader.entry];
  if (sets.origins[o].value == sets.origins[m].value) {
    width = std::min(width, std::sqrt(2.0) * open.rho[sets.origins[o].value]);
  }
  if (std::isfinite(sets.row_difference[set])) {
    width = std::min(width, sets.row_difference[set] * open.rho[sets.made_from[set]]);
  }
  return width;
}

}  // namespace

void open_sets(const PlanNode& node, const Centre& centre, const Openings& open, Opening& out) {
  const Sets& sets = *node.sets;
  const std::size_t count = sets.start.size() - 1;
  out.leader.resize(count);
  if (!sets.extremes) {
    open_sort(node, centre, open, out);
    return;
  }
  out.sign.assign(count, 1.0);
  for (const OrderResult& result : sets.results) {
    out.sign[result.set] = sets.start[result.set + 1] - sets.start[result.set] > 2 && result.rank == 0 ? -1.0 : 1.0;
  }
  std::size_t most_rivals = 1;
  for (std::size_t s = 0; s < count; ++s) {
    const double sign = out.sign[s];
    const auto at = [&](std::size_t k) { return sign * centre[sets.members[k].value][sets.members[k].entry]; };
    std::size_t m = sets.start[s];
    for (std::size_t k = m + 1; k < sets.start[s + 1]; ++k) {
      m = at(k) > at(m) ? k : m;
    }
    out.leader[s] = static_cast<std::uint32_t>(m);
    std::size_t rivals = 0;
    for (std::size_t k = sets.start[s]; k < sets.start[s + 1]; ++k) {
      if (k == m) {
        continue;
      }
      const double d = at(k) - at(m);
      const double width = width_of(sets, open, s, k, m);
      const bool edge = width > 0 && std::fabs(d + width) <= edge_width * (width - d);
      out.edge = out.edge || edge;
      if (!edge && d + width <= 0) {  // the leader is ahead in the whole box
        if (width > 0 && sets.start[s + 1] - sets.start[s] == 2) {
          add(out, k, closed_entry(width, 0));
          out.matches.push_back({s, sets.members[m], sets.members[k]});
        }
        continue;
      }
      ++rivals;
      add(out, k, {width, std::min(-d, width), 0, 1, kink_rule(0, 1, std::max(d, -width), width), infinite, 0, false});
      out.matches.push_back({s, sets.members[m], sets.members[k]});
    }
    most_rivals = std::max(most_rivals, rivals);
  }
  double sum = 0;
  for (const std::size_t v : sets.tensors) {
    sum += open.rho[v] * open.rho[v];
  }
  out.rho = std::sqrt(static_cast<double>((1 + most_rivals) * sets.most_compared) * sum);
}

double ball_of(const std::vector<Place>& places, const Openings& open) {
  double sum = 0;
  for (const Place& place : places) {
    sum += open.e[place.value][place.entry] * open.e[place.value][place.entry];
  }
  return std::min(std::sqrt(sum), open.rho[places.front().value]);
}

}  // namespace lipcert::local
