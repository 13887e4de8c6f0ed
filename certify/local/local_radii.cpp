// See local_radii.hpp.

#include "certify/local/local_radii.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "certify/local/openings.hpp"
#include "certify/local/plan.hpp"
#include "certify/local/search.hpp"

namespace lipcert {
namespace {

using namespace local;

constexpr std::size_t most_evidence = std::size_t{1} << 20;

/// All rivals with their margins, as samples/radius_rule.cpp computes them; empty where one is not positive.
std::vector<Rival> rivals_of(const LocalSample& sample, double lipschitz) {
  const double moved = lipschitz * sample.distance.value();
  const auto error = [&](std::size_t j) { return 33 * (sample.f.radius[j] + moved); };
  const std::vector<double>& f = sample.f.centre;
  std::vector<Rival> rivals;
  if (f.size() == 1) {
    const double margin = (1 - 0x1p-30) * (std::fabs(f[0]) - error(0));
    rivals.push_back({0, {0, 0, f[0] > 0 ? 1.0 : -1.0}, margin, std::fabs(f[0])});
  }
  for (std::size_t j = 0; f.size() > 1 && j < f.size(); ++j) {
    if (j == sample.predicted) {
      continue;
    }
    const double margin = (1 - 0x1p-30) * (f[sample.predicted] - f[j] - error(sample.predicted) - error(j));
    rivals.push_back({static_cast<std::uint32_t>(j), {sample.predicted, j, 0}, margin, std::fabs(f[sample.predicted]) + std::fabs(f[j])});
  }
  for (const Rival& rival : rivals) {
    if (!(rival.margin > 0) || !std::isfinite(rival.margin)) {
      return {};
    }
  }
  return rivals;
}

/// The decisions about one sample.
class Decisions {
 public:
  Decisions(const Plan& plan, const LocalSettings& settings, const LocalSample& sample, double lipschitz)
      : plan_(plan), settings_(settings), sample_(sample), rivals_(rivals_of(sample, lipschitz)) {}

  [[nodiscard]] bool possible() const { return !rivals_.empty(); }

  [[nodiscard]] std::optional<LocalRadius> decide(double radius) {
    if (!(radius > 0) || !std::isfinite(radius)) {
      return std::nullopt;
    }
    if (centre_.empty()) {
      centre_ = evaluate_centre(plan_, sample_.x, scratch_);
      checkable_ = roots_are_clear(plan_, centre_);
    }
    if (!checkable_) {
      return std::nullopt;
    }
    std::vector<Rival> open;
    for (const Rival& rival : rivals_) {
      if (sample_.global[rival.index] < radius) {
        open.push_back(rival);
      }
    }
    const Openings openings = open_ball(plan_, centre_, radius);
    Search search(plan_, centre_, openings, settings_.range.low, settings_.range.high, settings_.steps);
    std::optional<std::string> bytes = search.prove(open, memory_);
    if (!bytes || bytes->size() > most_evidence) {
      return std::nullopt;
    }
    return LocalRadius{radius, std::move(*bytes)};
  }

  /// The radius that holds without anything.
  [[nodiscard]] double global() const {
    double least = HUGE_VAL;
    for (const Rival& rival : rivals_) {
      least = std::min(least, sample_.global[rival.index]);
    }
    return least;
  }

 private:
  const Plan& plan_;
  const LocalSettings& settings_;
  const LocalSample& sample_;
  std::vector<Rival> rivals_;
  Centre centre_;
  bool checkable_ = true;
  Memory memory_;
  Scratch scratch_;
};

}  // namespace

LocalRadii::LocalRadii(const Network& network, const StepGraph& graph, const Analysis& analysis, LocalSettings settings)
    : plan_(std::make_unique<Plan>(make_plan(network, graph, analysis))), settings_(std::move(settings)), upper_(analysis.upper) {}

LocalRadii::~LocalRadii() = default;

std::optional<LocalRadius> LocalRadii::improve(const LocalSample& sample, const std::vector<double>& targets) const {
  Decisions decisions(*plan_, settings_, sample, upper_);
  if (!decisions.possible()) {
    return std::nullopt;
  }
  std::optional<LocalRadius> result;
  for (const double target : targets) {
    std::optional<LocalRadius> next = decisions.decide(target);
    if (!next) {
      break;
    }
    result = std::move(next);
  }
  if (!targets.empty()) {
    return result;
  }
  double low = decisions.global();
  if (!(low > 0) || !std::isfinite(low)) {
    return std::nullopt;
  }
  // Upwards in growing steps: the global radius of an ordinary network can be ten thousand times too small.
  double growth = 1.3;
  double high = low * growth;
  for (unsigned i = 0; i < 40; ++i) {
    std::optional<LocalRadius> next = decisions.decide(high);
    if (!next) {
      break;
    }
    result = std::move(next);
    low = high;
    growth = std::min(growth * growth, 16.0);
    high *= growth;
  }
  while (high > 1.01 * low) {
    const double middle = std::sqrt(low * high);
    std::optional<LocalRadius> next = decisions.decide(middle);
    (next ? low : high) = middle;
    if (next) {
      result = std::move(next);
    }
  }
  return result;
}

}  // namespace lipcert
