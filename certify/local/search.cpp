// See search.hpp.

#include "certify/local/search.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace lipcert::local {
namespace {

constexpr double slope_rate = 0.05;
constexpr double log_rate = 0.1;
constexpr double beta1 = 0.8;
constexpr double beta2 = 0.95;
constexpr unsigned window = 10;  // steps over which the gain is measured

/// Adam's moments of one array.
struct Moments {
  std::vector<double> first;
  std::vector<double> second;
};

std::vector<Seed> seeds_of(const std::vector<Rival>& rivals) {
  std::vector<Seed> seeds;
  for (const Rival& rival : rivals) {
    seeds.push_back(rival.seed);
  }
  return seeds;
}

/// What another arithmetic may lose of F, relative to its terms. Slopes of smooth functions, and the middles of their ranges, are known
/// less well.
double tolerance_of(const Openings& open) {
  return std::any_of(open.nodes.begin(), open.nodes.end(), [](const Opening& node) { return node.curved; }) ? 1e-4 : 1e-6;
}

/// Rivals of one batch, so that what is held of them stays small.
std::size_t together(const Plan& plan) {
  const std::size_t entries = std::accumulate(plan.sizes.begin(), plan.sizes.end(), std::size_t{1});
  return std::max<std::size_t>(1, (std::size_t{1} << 22) / entries);
}

/// Keeps the rows of a batch.
void keep_rows(std::vector<double>& rows, const std::vector<std::size_t>& kept, std::size_t length) {
  for (std::size_t to = 0; to < kept.size(); ++to) {
    if (to != kept[to]) {
      std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(kept[to] * length), length,
                  rows.begin() + static_cast<std::ptrdiff_t>(to * length));
    }
  }
  rows.resize(kept.size() * length);
}

class Adam {
 public:
  explicit Adam(const Parameters& parameters) {
    for (const Parameters::Node& node : parameters.nodes) {
      slopes_.push_back({std::vector<double>(node.slope.size()), std::vector<double>(node.slope.size())});
      logs_.push_back({std::vector<double>(node.lambda.size()), std::vector<double>(node.lambda.size())});
    }
  }

  /// Closed entries move only with `all`.
  void step(const Dual& dual, const Openings& open, bool all, const std::vector<Rival>& rivals, Parameters& parameters) {
    power1_ *= beta1;
    power2_ *= beta2;
    ++steps_;
    const double fall = 1 / (1 + static_cast<double>(steps_) / 30);  // else the last half per cent of F is lost to oscillations
    const double correction1 = 1 / (1 - power1_);
    const double correction2 = 1 / (1 - power2_);
    for (std::size_t k = 0; k < parameters.nodes.size(); ++k) {
      Parameters::Node& node = parameters.nodes[k];
      const std::size_t m = node.slope.size() / rivals.size();
      if (m == 0) {
        continue;
      }
      for (std::size_t j = 0; j < rivals.size(); ++j) {
        const double scale = 1 / rivals[j].margin;
        const auto change = [&](Moments& moments, std::size_t at, double gradient) {
          const double g = scale * gradient;
          double& first = moments.first[at];
          double& second = moments.second[at];
          first = beta1 * first + (1 - beta1) * g;
          second = beta2 * second + (1 - beta2) * g * g;
          return correction1 * first / (std::sqrt(correction2 * second) + 1e-8);
        };
        const char* const straight = open.nodes[k].straight.data();
        for (std::size_t i = 0; i < m; ++i) {
          if (all || straight[i] == 0) {
            const std::size_t at = j * m + i;
            node.slope[at] += slope_rate * fall * change(slopes_[k], at, dual.slopes[k][at]);
          }
        }
        node.lambda[j] *= std::exp(log_rate * fall * change(logs_[k], j, dual.logs[k][j]));
      }
    }
  }

  void keep(const std::vector<std::size_t>& kept, std::size_t batch) {
    for (std::size_t k = 0; k < slopes_.size(); ++k) {
      const std::size_t m = slopes_[k].first.size() / batch;
      keep_rows(slopes_[k].first, kept, m);
      keep_rows(slopes_[k].second, kept, m);
      keep_rows(logs_[k].first, kept, 1);
      keep_rows(logs_[k].second, kept, 1);
    }
  }

 private:
  std::vector<Moments> slopes_;
  std::vector<Moments> logs_;
  unsigned steps_ = 0;
  double power1_ = 1;
  double power2_ = 1;
};

void keep(Parameters& parameters, const std::vector<std::size_t>& kept, std::size_t batch) {
  for (Parameters::Node& node : parameters.nodes) {
    keep_rows(node.slope, kept, node.slope.size() / batch);
    keep_rows(node.lambda, kept, 1);
  }
  keep_rows(parameters.input_lambda, kept, 1);
}

/// Copies what belongs to rival j of a batch.
void take(const Parameters& from, Parameters& to, std::size_t j, std::size_t batch) {
  for (std::size_t k = 0; k < from.nodes.size(); ++k) {
    const std::size_t m = from.nodes[k].slope.size() / batch;
    const auto first = static_cast<std::ptrdiff_t>(j * m);
    std::copy_n(from.nodes[k].slope.begin() + first, m, to.nodes[k].slope.begin() + first);
    to.nodes[k].lambda[j] = from.nodes[k].lambda[j];
  }
}

/// The best F / margin of a rival after each step.
struct Progress {
  std::vector<double> best;

  void note(double value) { best.push_back(best.empty() ? value : std::max(best.back(), value)); }
  /// Gains become smaller: where even the last ones, kept up, do not reach 0, nothing will.
  [[nodiscard]] bool hopeless(unsigned left) const {
    if (best.size() <= 2 * window) {
      return false;
    }
    const double gain = best.back() - best[best.size() - 1 - window];
    return best.back() + gain * left / window < 0;
  }
};

}  // namespace

bool Search::is_positive(const Rival& rival, const Bound& bound) const {
  return rival.margin + bound.value > tolerance_ * (rival.magnitude + bound.magnitude);
}

Search::Search(const Plan& plan, const Centre& centre, const Openings& open, const std::vector<double>& low,
               const std::vector<double>& high, unsigned steps)
    : plan_(plan),
      open_(open),
      range_(!low.empty()),
      steps_(steps),
      most_together_(together(plan)),
      tolerance_(tolerance_of(open)),
      dual_(plan, centre, open, low, high) {}

std::vector<Bound> Search::judge(const std::vector<Rival>& rivals, const std::vector<const Given*>& given) {
  std::vector<Bound> result;
  for (std::size_t first = 0; first < rivals.size(); first += most_together_) {
    const std::size_t last = std::min(rivals.size(), first + most_together_);
    const auto at = [](const auto& all, std::size_t i) { return all.begin() + static_cast<std::ptrdiff_t>(i); };
    Parameters parameters = parameters_of(open_, {at(given, first), at(given, last)});
    dual_.evaluate(seeds_of({at(rivals, first), at(rivals, last)}), parameters, false);
    result.insert(result.end(), dual_.bounds.begin(), dual_.bounds.end());
  }
  return result;
}

std::optional<std::string> Search::prove(const std::vector<Rival>& rivals, Memory& memory) {
  if (rivals.empty()) {
    return std::string();
  }
  const bool near_an_edge = std::any_of(open_.nodes.begin(), open_.nodes.end(), [](const Opening& node) { return node.edge; });
  const std::vector<Bound> by_fixed_rule = judge(rivals, std::vector<const Given*>(rivals.size(), nullptr));
  std::vector<std::size_t> order;
  for (std::size_t j = 0; j < rivals.size(); ++j) {
    // Near an edge others may see other entries open, and then the rule's multipliers are others: nothing is left to the rule.
    if (near_an_edge || !is_positive(rivals[j], by_fixed_rule[j])) {
      order.push_back(j);
    }
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return by_fixed_rule[a].value / rivals[a].margin < by_fixed_rule[b].value / rivals[b].margin;
  });
  std::map<std::uint32_t, Given> found;
  if (!order.empty() && steps_ == 0) {
    return std::nullopt;
  }
  for (std::size_t first = 0, next = 0; first < order.size(); first = next) {
    next = first == 0 ? 1 : std::min(order.size(), first + most_together_);
    std::vector<Rival> batch;
    for (std::size_t k = first; k < next; ++k) {
      batch.push_back(rivals[order[k]]);
    }
    batch = improve(std::move(batch), false, memory, found);
    if (!batch.empty() && !improve(std::move(batch), true, memory, found).empty()) {
      return std::nullopt;
    }
  }
  std::vector<RivalEvidence> evidence;
  for (auto& [index, given] : found) {
    evidence.push_back({index, std::move(given)});
  }
  // The bytes themselves are judged once more, as the checker will read them.
  std::string bytes = encode(plan_, open_, evidence);
  const std::vector<RivalEvidence> read = decode(plan_, open_, bytes);
  std::vector<const Given*> given;
  for (const Rival& rival : rivals) {
    const auto at = std::find_if(read.begin(), read.end(), [&](const RivalEvidence& e) { return e.rival == rival.index; });
    given.push_back(at == read.end() ? nullptr : &at->given);
  }
  const std::vector<Bound> final = judge(rivals, given);
  for (std::size_t j = 0; j < rivals.size(); ++j) {
    if (!is_positive(rivals[j], final[j])) {
      return std::nullopt;
    }
  }
  return bytes;
}

std::optional<Given> Search::on_the_grid(const Rival& rival, const Parameters& parameters, std::size_t j) {
  for (const double left_to_rule : {0x1p-6, 0x1p-8, 0x1p-15}) {  // the fewer slopes are given, the shorter is the evidence
    Given given = quantised(open_, parameters, j, range_, left_to_rule);
    if (is_positive(rival, judge({rival}, {&given})[0])) {
      return given;
    }
  }
  return std::nullopt;
}

Parameters Search::begin(const std::vector<Rival>& rivals, const Memory& memory) {
  const std::size_t batch = rivals.size();
  const std::vector<Seed> seeds = seeds_of(rivals);
  std::vector<double> value(batch, -HUGE_VAL);
  Parameters chosen = fixed_rule(open_, batch, range_ ? best : by_rule);
  const auto offer = [&](Parameters& candidate) {
    candidate.input_lambda.assign(batch, range_ ? best : by_rule);
    dual_.evaluate(seeds, candidate, false);
    for (std::size_t j = 0; j < batch; ++j) {
      if (dual_.bounds[j].value > value[j]) {
        value[j] = dual_.bounds[j].value;
        take(candidate, chosen, j, batch);
      }
    }
  };
  Parameters rule = chosen;
  offer(rule);
  for (int k = 0; k < 2; ++k) {  // networks whose global constant is large want small multipliers
    for (Parameters::Node& node : rule.nodes) {
      for (double& lambda : node.lambda) {
        lambda /= 20;
      }
    }
    offer(rule);
  }
  Parameters known = chosen;
  for (std::size_t j = 0; j < batch; ++j) {
    const auto found = memory.find(rivals[j].index);
    if (found != memory.end()) {
      recall(found->second, known, j);
    }
  }
  offer(known);
  return chosen;
}

void Search::recall(const Found& found, Parameters& parameters, std::size_t j) const {
  for (std::size_t k = 0; k < parameters.nodes.size(); ++k) {
    const std::vector<std::uint32_t>& position = open_.nodes[k].position;
    const Found::Node& from = found.nodes[k];
    if (from.lambda > 0) {
      parameters.nodes[k].lambda[j] = from.lambda;
    }
    std::size_t at = 0;
    for (std::size_t i = 0; i < position.size(); ++i) {
      while (at < from.position.size() && from.position[at] < position[i]) {
        ++at;
      }
      if (at < from.position.size() && from.position[at] == position[i]) {
        parameters.nodes[k].slope[j * position.size() + i] = from.slope[at];
      }
    }
  }
}

void Search::remember(const Rival& rival, const Parameters& parameters, std::size_t j, Memory& memory) const {
  Found found;
  for (std::size_t k = 0; k < open_.nodes.size(); ++k) {
    const std::vector<std::uint32_t>& position = open_.nodes[k].position;
    const auto first = parameters.nodes[k].slope.begin() + static_cast<std::ptrdiff_t>(j * position.size());
    found.nodes.push_back({position, {first, first + static_cast<std::ptrdiff_t>(position.size())}, parameters.nodes[k].lambda[j]});
  }
  memory[rival.index] = std::move(found);
}

std::vector<Rival> Search::improve(std::vector<Rival> rivals, bool all, Memory& memory, std::map<std::uint32_t, Given>& found) {
  std::vector<Rival> failed;
  Parameters parameters = begin(rivals, memory);
  Adam adam(parameters);
  std::vector<Progress> progress(rivals.size());
  for (unsigned step = 0; step <= steps_; ++step) {
    parameters.input_lambda.assign(rivals.size(), range_ ? best : by_rule);
    dual_.evaluate(seeds_of(rivals), parameters, true);
    std::vector<std::size_t> positive;
    std::vector<bool> done(rivals.size(), false);
    for (std::size_t j = 0; j < rivals.size(); ++j) {
      progress[j].note(dual_.bounds[j].value / rivals[j].margin + 1);
      if (is_positive(rivals[j], dual_.bounds[j])) {
        positive.push_back(j);
      } else if (step == steps_ || progress[j].hopeless(steps_ - step)) {
        failed.push_back(rivals[j]);
        remember(rivals[j], parameters, j, memory);
        done[j] = true;
        if (all) {
          return failed;
        }
      }
    }
    // The gradient is used before the bounds are computed anew for what lies on the grids.
    const Parameters now = parameters;
    if (step < steps_) {
      adam.step(dual_, open_, all, rivals, parameters);
    }
    if (!positive.empty()) {
      for (const std::size_t j : positive) {
        std::optional<Given> given = on_the_grid(rivals[j], now, j);
        if (given) {
          remember(rivals[j], now, j, memory);
          found[rivals[j].index] = std::move(*given);
          done[j] = true;
        } else if (step == steps_) {
          failed.push_back(rivals[j]);
          done[j] = true;
        }
      }
    }
    std::vector<std::size_t> kept;
    for (std::size_t j = 0; j < rivals.size(); ++j) {
      if (!done[j]) {
        kept.push_back(j);
      }
    }
    if (kept.empty()) {
      break;
    }
    if (kept.size() < rivals.size()) {
      adam.keep(kept, rivals.size());
      keep(parameters, kept, rivals.size());
      std::vector<Rival> others;
      std::vector<Progress> their_progress;
      for (const std::size_t j : kept) {
        others.push_back(rivals[j]);
        their_progress.push_back(std::move(progress[j]));
      }
      rivals = std::move(others);
      progress = std::move(their_progress);
    }
  }
  return failed;
}

}  // namespace lipcert::local
