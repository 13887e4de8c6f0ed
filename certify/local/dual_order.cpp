// Order statistics in F (dual.hpp): max = z_m + relu(d), min = z_o - relu(d) of two; of more, the leader and its rivals.

#include <cmath>

#include "certify/local/dual.hpp"

namespace lipcert::local {
namespace {

std::size_t length_of(const Sets& sets, std::size_t set) {
  return sets.start[set + 1] - sets.start[set];
}

/// The member of a set of two that is not the leader (of a set of one: it alone).
std::size_t other_of(const Sets& sets, const Opening& open, std::size_t set) {
  return length_of(sets, set) < 2 ? sets.start[set] : 2 * sets.start[set] + 1 - open.leader[set];
}

/// A result that is the leader when no entry moves: else it is the other one of a set of two.
bool is_leading(const Sets& sets, const OrderResult& result) {
  return length_of(sets, result.set) != 2 || result.rank == 1;
}

}  // namespace

void Dual::order_backward(std::size_t k, Parameters::Node& parameters) {
  const Sets& sets = *plan_.nodes[k].sets;
  const Opening& open = open_.nodes[k];
  Work& work = work_[k];
  const std::size_t m = open.position.size();
  work.c.resize(batch_ * m);
  work.tau.resize(batch_ * m);
  work.moved.resize(batch_ * m);
  for (std::size_t j = 0; j < batch_; ++j) {
    if (!sets.extremes) {
      for (const OrderResult& result : open.passed) {
        *row(c_, sets.members[result.rank], j) += plan_.used[result.place.value] ? *row(c_, result.place, j) : 0.0;
      }
      if (!open.dropped.empty() && plan_.used[open.dropped.front().value]) {
        charge_ball(j, &open.dropped, 0, open.ball);
      }
      continue;
    }
    coefficient_.assign(sets.start.size() - 1, 0.0);
    for (const OrderResult& result : sets.results) {
      if (!plan_.used[result.place.value]) {
        continue;
      }
      const double c = *row(c_, result.place, j);
      const bool leading = is_leading(sets, result);
      const Place& to = sets.members[leading ? open.leader[result.set] : other_of(sets, open, result.set)];
      *row(c_, to, j) += c;
      coefficient_[result.set] += leading ? open.sign[result.set] * c : -c;
    }
    double* const q = work.c.data() + j * m;
    for (std::size_t i = 0; i < m; ++i) {
      const std::size_t set = open.matches[i].set;
      q[i] = length_of(sets, set) > 2 ? std::min(coefficient_[set], 0.0) : coefficient_[set];
    }
    const double* const slope = parameters.slope.data() + j * m;
    minimise(open, j, slope, parameters.lambda[j], work);
    for (std::size_t i = 0; i < m; ++i) {
      const Opening::Match& match = open.matches[i];
      const double g = open.sign[match.set] * slope[i] * q[i];
      *row(c_, match.rival, j) += g;
      *row(c_, match.leader, j) -= g;
    }
  }
}

void Dual::order_forward(std::size_t k, const Parameters::Node& parameters) {
  const Sets& sets = *plan_.nodes[k].sets;
  const Opening& open = open_.nodes[k];
  const Work& work = work_[k];
  const std::size_t m = open.position.size();
  slopes[k].resize(batch_ * m);
  logs[k].resize(batch_);
  for (std::size_t j = 0; j < batch_; ++j) {
    if (!sets.extremes) {
      double sum = 0;
      for (const OrderResult& result : open.passed) {
        *row(p_, result.place, j) = *row(p_, sets.members[result.rank], j);
      }
      for (const Place& place : open.dropped) {
        const double c = plan_.used[place.value] ? *row(c_, place, j) : 0.0;
        sum += c * c;
      }
      for (const Place& place : open.dropped) {
        *row(p_, place, j) = sum > 0 ? -open.ball / std::sqrt(sum) * *row(c_, place, j) : 0.0;
      }
      logs[k][j] = 0;
      continue;
    }
    coefficient_.assign(sets.start.size() - 1, 0.0);  // dF / dq
    double squares = 0;
    for (std::size_t i = 0; i < m; ++i) {
      const std::size_t at = j * m + i;
      const Opening::Match& match = open.matches[i];
      const double tau = work.tau[at];
      const double g = open.sign[match.set] * (*row(p_, match.rival, j) - *row(p_, match.leader, j)) - tau;
      squares += tau * tau;
      slopes[k][at] = work.c[at] * g;
      const bool active = length_of(sets, match.set) == 2 || work.c[at] < 0;
      coefficient_[match.set] += active ? parameters.slope[at] * g + work.moved[at] : 0.0;
    }
    logs[k][j] = parameters.lambda[j] * (squares - work.squared[j]) / 2;
    for (const OrderResult& result : sets.results) {
      const bool leading = is_leading(sets, result);
      const Place& from = sets.members[leading ? open.leader[result.set] : other_of(sets, open, result.set)];
      *row(p_, result.place, j) = *row(p_, from, j) + (leading ? open.sign[result.set] : -1.0) * coefficient_[result.set];
    }
  }
}

}  // namespace lipcert::local
