// What a classifier is worth on a data set: accuracy, the Kantorovich-Rubinstein estimate, and radii within which no decision changes.
//
// The radius of a sample is min over j of (f_c - f_j) / L_cj for its class c, with L_cj the norm of the difference of two rows of the last
// matrix (sqrt(2) for orthonormal rows), or |f| / ||w|| with one output. In floating point and for layers whose norm is taken to be 1: an
// estimate of what `lipcert` proves for the exported network. A wrong decision has radius 0 here.
#pragma once

#include <string>
#include <vector>

#include "examples/trainer/data.hpp"
#include "examples/trainer/network.hpp"
#include "examples/trainer/workers.hpp"

namespace liptrain {

struct Metrics {
  Index samples = 0;
  double accuracy = 0;
  double kr = 0;
  double mean_radius = 0;
  std::vector<double> certified;  // share of samples with a right decision and a radius above eps, for each eps
};

/// f of all samples.
[[nodiscard]] Matrix<float> outputs_of(const Network<float>& network, const Matrix<float>& samples, Workers& workers);
/// Radius of one sample's decision (0 when wrong).
[[nodiscard]] double radius_of(const float* f, Index outputs, int label, const Matrix<double>& constants);
[[nodiscard]] Metrics measure(const Matrix<float>& f, const std::vector<int>& labels, const Matrix<double>& constants,
                              const std::vector<double>& eps);

/// Radii in input units at which certified accuracy is reported: "36/255,0.3".
struct EpsList {
  std::vector<std::string> texts;
  std::vector<double> values;
  explicit EpsList(const std::string& list);
};

}  // namespace liptrain
