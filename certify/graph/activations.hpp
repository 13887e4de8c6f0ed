// Everything that the generator knows of an entrywise activation: one row for one operator.
//
// The row names what the activation's numbers are in its node, which slopes the function has, and how its value, its derivative and its
// plain floating-point evaluation are computed; everybody else looks them up here. A row is a struct in activations.cpp: a column that it
// lacks does not compile, and neither does an activation without a row.
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <vector>

#include "certify/graph/curves.hpp"
#include "certify/graph/steps.hpp"
#include "certify/numbers/enclosed.hpp"
#include "certify/numbers/interval.hpp"
#include "formats/network/network.hpp"

namespace lipcert {

/// All one-sided slopes of the activation, over all entries: their infimum and their supremum, each enclosed. Theorem elementwise-slope:
/// the map is entrywise, so that its Lipschitz constant is the largest magnitude of a slope (mean value theorem, entry by entry),
/// approached along an entry that has it.
struct SlopeRange {
  Interval least;
  Interval most;
  bool exact = true;  // no computed constant is in it

  /// The larger magnitude of the two, enclosed.
  [[nodiscard]] Interval largest_magnitude() const;
};

struct Activation {
  /// The constant that the node's input number `input` is: one number, or one for each entry of the tensor.
  using Constants = std::function<std::vector<Ball>(std::size_t input)>;

  Operator op = Operator::relu;
  /// Takes what the node says beside its operator into the step.
  void (*read)(const Node& node, const Constants& constants, Step& step) = nullptr;
  SlopeRange (*slopes)(const Step& step) = nullptr;
  /// Encloses the function at entry i over all numbers of z.
  Ball (*value)(const Step& step, std::size_t i, Ball z) = nullptr;
  /// Encloses the one-sided derivative at z along t. `magnitude` is that of what was summed to z: where it leaves open on which side of a
  /// kink another program sees z, `clear` becomes false and the result is the hull over both sides.
  Ball (*along)(const Step& step, std::size_t i, Ball z, double magnitude, Ball t, bool& clear) = nullptr;
  PlainActivation plain;
};

/// Throws `Error` (internal) for an operator without a row.
[[nodiscard]] const Activation& activation_of(Operator op);

/// What an activation step computes: its operator's row, or that of gated products.
[[nodiscard]] const Activation& activation_of(const Step& step);
[[nodiscard]] const Activation& gated_product();  // gated_products.cpp

/// All rows, in the order of `Operator`.
[[nodiscard]] std::span<const Activation> activations();

/// The numbers of an activation, entry by entry.
class Curves {
 public:
  explicit Curves(const Step& step);
  [[nodiscard]] const Curve& at(std::size_t i) {
    if (by_entry_) {
      take(i);
    }
    return curve_;
  }

 private:
  void take(std::size_t i);

  const Step& step_;
  bool by_entry_;
  Curve curve_;
};

}  // namespace lipcert
