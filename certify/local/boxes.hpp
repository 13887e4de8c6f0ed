// The boxes of nonlinear nodes: which entries are open, and their functions there.
#pragma once

#include <vector>

#include "certify/local/openings.hpp"

namespace lipcert::local {

/// Fills `out` for an activation with centres z and half widths e, and `moved` with how far its entries move; returns how far the tensor
/// moves.
double open_activation(const Step& step, const std::vector<double>& z, const std::vector<double>& e, double rho, Opening& out,
                       std::vector<double>& moved);

/// For each result of an order node the largest e of its set.
[[nodiscard]] std::vector<double> largest_of_sets(const PlanNode& node, const Openings& open);

/// Fills `out` for order statistics; `open` knows the inputs.
void open_sets(const PlanNode& node, const Centre& centre, const Openings& open, Opening& out);

/// The root of the sum of squares of the entries' e, or the rho of their tensor where that is less.
[[nodiscard]] double ball_of(const std::vector<Place>& places, const Openings& open);

}  // namespace lipcert::local
