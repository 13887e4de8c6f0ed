// The rule that makes a record of an enclosed output: predicted class, margin, radius (samples.hpp says why it is right).
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "certify/bounds/analysis.hpp"
#include "certify/graph/evaluate.hpp"
#include "certify/samples/samples.hpp"

namespace lipcert {

/// Class, margin and radius from an enclosed output.
class RadiusRule {
 public:
  /// Throws `Error` (input) when the output has neither one entry nor a pair bound for every two classes.
  RadiusRule(const Analysis& analysis, const Shape& output);

  [[nodiscard]] std::uint64_t outputs() const { return outputs_; }
  /// `distance` bounds ||x_k - x|| for the x at which f is enclosed. Sets class, margin and radius by the global constants. `against`, where given, gets the
  /// radius against each output (0 where it is not known to be below the predicted one; one output: one entry).
  void apply(const BallVector& f, Upper distance, SampleRecord& record, std::vector<double>* against = nullptr) const;
  /// Whether some output gives this record: class, label, and a radius between those that the largest and the smallest constant of its class
  /// make of its margin; a local radius is at least the former, and what it is at most only its evidence says.
  [[nodiscard]] bool fits(const SampleRecord& record) const;
  /// The label as a record holds it, or nothing when it is not one of this output.
  [[nodiscard]] std::optional<std::uint32_t> label(std::int64_t label) const;

 private:
  [[nodiscard]] double pair(std::size_t i, std::size_t j) const;

  std::uint64_t outputs_ = 0;
  double upper_ = 0;
  std::vector<double> pairs_;
};

}  // namespace lipcert
