// F of the theorem layer-dual (formats/SPEC.md, section 9, "Backward pass") for several rivals of one sample, and its gradient by the
// slopes and the logarithms of the multipliers.
//
// With c the coefficients of the backward pass and p = dF/dc: at the input p = -r c / ||c|| (with a range: the minimiser); an affine node
// takes p forward as it takes values; at an open entry with minimiser tau, dF/dg = p_s - tau and dF/dc_t = sigma (p_s - tau) + phi(z^ +
// tau) - phi(z^) (envelope theorem); dF/dlog lambda = lambda (sum of the open tau^2 - rho^2) / 2. Cost: one backward pass for each rival,
// and with the gradient a forward pass as well.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "certify/local/centre.hpp"
#include "certify/local/openings.hpp"
#include "certify/local/plan.hpp"

namespace lipcert::local {

/// In place of a multiplier: that of the fixed rule, or (input) the best one. It is replaced by the number that was used.
inline constexpr double by_rule = -1;
inline constexpr double best = -2;

/// Slopes and multipliers for a batch of rivals.
struct Parameters {
  struct Node {
    std::vector<double> slope;   // batch x open entries
    std::vector<double> lambda;  // batch
  };
  std::vector<Node> nodes;
  std::vector<double> input_lambda;  // batch; only where there is a range
};

/// The fixed rule for a batch.
[[nodiscard]] Parameters fixed_rule(const Openings& open, std::size_t batch, double input_lambda);

/// Coefficients of the output: f_a - f_b, or sign f where there is one output.
struct Seed {
  std::size_t plus = 0;
  std::size_t minus = 0;
  double sign = 0;  // not 0: one output
};

struct Bound {
  double value = 0;      // F less the margin at the sample
  double magnitude = 0;  // of the terms of F, without the margin's
};

class Dual {
 public:
  /// `low` and `high`: range of the input's entries, or empty. All of these must outlive the object.
  Dual(const Plan& plan, const Centre& centre, const Openings& open, const std::vector<double>& low, const std::vector<double>& high);

  /// F for each seed; with `gradient` also `slopes` and `logs`.
  void evaluate(const std::vector<Seed>& seeds, Parameters& parameters, bool gradient);

  std::vector<Bound> bounds;                // for each seed
  std::vector<std::vector<double>> slopes;  // for each node, batch x open entries: dF / dsigma
  std::vector<std::vector<double>> logs;    // for each node, batch: dF / dlog lambda

 private:
  struct Work {  // batch x open entries
    std::vector<double> c;
    std::vector<double> tau;
    std::vector<double> moved;    // phi(z^ + tau) - phi(z^)
    std::vector<double> squared;  // batch: rho^2
  };
  void backward(const std::vector<Seed>& seeds, Parameters& parameters);
  void forward(const Parameters& parameters);
  void charge_input(Parameters& parameters);
  /// Minimisers of an open node for rival j, whose coefficients lie in `work`; adds h.
  void minimise(const Opening& open, std::size_t j, const double* slope, double& lambda, Work& work);
  void charge_ball(std::size_t j, const std::vector<Place>* places, std::size_t value, double rho);

  void entrywise_backward(std::size_t k, Parameters::Node& parameters);
  void entrywise_forward(std::size_t k, const Parameters::Node& parameters);
  void order_backward(std::size_t k, Parameters::Node& parameters);
  void order_forward(std::size_t k, const Parameters::Node& parameters);
  [[nodiscard]] double* row(std::vector<std::vector<double>>& of, const Place& at, std::size_t j) {
    return &of[at.value][j * plan_.sizes[at.value] + at.entry];
  }

  const Plan& plan_;
  const Centre& centre_;
  const Openings& open_;
  const std::vector<double>& low_;
  const std::vector<double>& high_;
  std::size_t batch_ = 0;
  std::vector<std::vector<double>> c_;  // of the values, batch x size
  std::vector<std::vector<double>> p_;
  std::vector<Work> work_;           // of the nodes
  std::vector<double> coefficient_;  // of the sets of one node
  Scratch scratch_;
};

}  // namespace lipcert::local
