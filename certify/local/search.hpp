// Slopes and multipliers that prove a radius, found by gradient (Adam) from the fixed rule or from those of another radius.
//
// The hardest rival comes first and alone: where it cannot be proved, the others need not be tried. First the open entries alone get
// slopes, which makes less evidence and, where few entries are open, a smaller rho; then the closed ones as well. Deterministic; no clock.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "certify/local/dual.hpp"
#include "certify/local/evidence.hpp"

namespace lipcert::local {

/// One rival of the predicted class: F begins with its margin.
struct Rival {
  std::uint32_t index = 0;
  Seed seed;
  double margin = 0;     // lower end of f_c - f_j at the sample, positive
  double magnitude = 0;  // of its terms
};

/// What was found for a rival at one radius; begins the search at another one.
struct Found {
  struct Node {
    std::vector<std::uint32_t> position;
    std::vector<double> slope;
    double lambda = by_rule;
  };
  std::vector<Node> nodes;
};
using Memory = std::map<std::uint32_t, Found>;

class Search {
 public:
  /// `low` and `high` as in Dual. All of these must outlive the object.
  Search(const Plan& plan, const Centre& centre, const Openings& open, const std::vector<double>& low, const std::vector<double>& high,
         unsigned steps);

  /// The bytes that prove F > 0 for all of these rivals (ascending), or nothing. `memory` is read and written.
  [[nodiscard]] std::optional<std::string> prove(const std::vector<Rival>& rivals, Memory& memory);

 private:
  /// The rivals that are not proved. Closed entries get slopes of their own only with `all`, which ends with the first failure.
  [[nodiscard]] std::vector<Rival> improve(std::vector<Rival> rivals, bool all, Memory& memory, std::map<std::uint32_t, Given>& found);
  [[nodiscard]] Parameters begin(const std::vector<Rival>& rivals, const Memory& memory);
  /// F is positive with more than what another arithmetic can lose.
  [[nodiscard]] bool is_positive(const Rival& rival, const Bound& bound) const;
  /// F of each rival with what is given; null: the fixed rule.
  [[nodiscard]] std::vector<Bound> judge(const std::vector<Rival>& rivals, const std::vector<const Given*>& given);
  /// Numbers on the grids of the evidence near those of rival `j` of a batch with which F is positive still.
  [[nodiscard]] std::optional<Given> on_the_grid(const Rival& rival, const Parameters& parameters, std::size_t j);
  void recall(const Found& found, Parameters& parameters, std::size_t j) const;
  void remember(const Rival& rival, const Parameters& parameters, std::size_t j, Memory& memory) const;

  const Plan& plan_;
  const Openings& open_;
  bool range_;
  unsigned steps_;
  std::size_t most_together_;
  double tolerance_;
  Dual dual_;
};

}  // namespace lipcert::local
