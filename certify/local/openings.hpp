// The ball of radius r around a sample, tensor by tensor: how far each tensor (rho) and each entry (e) can move, and which entries of the
// nonlinear nodes are open there (formats/SPEC.md, section 9, "What is computed"). Plain double.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "certify/local/centre.hpp"
#include "certify/local/plan.hpp"

namespace lipcert::local {

/// The open entries of a nonlinear node. Entry k is a function of t = z - z^ in [-width, width]: up to `bend` its slope is `left`, from
/// there on `right`, from `bend2` on `third`; it is 0 at t = 0. A closed entry (one slope in its whole box) is straight: it is left out
/// while its slope is the fixed one. Of a curved node the bend is at 0, and left and right change places where the coefficient is positive,
/// left <= right.
struct Opening {
  std::vector<std::uint32_t> position;  // in the evidence: entry; of order statistics the member that is the rival
  std::vector<double> width;
  std::vector<double> bend;
  std::vector<double> left;
  std::vector<double> right;
  std::vector<double> bend2;  // empty: no entry has a second bend
  std::vector<double> third;
  std::vector<double> fixed;  // slope of the fixed rule
  std::vector<char> straight;
  bool curved = false;
  double rho = 0;     // of all of z; of the entries that are not left out it is at most their own sum
  bool edge = false;  // some entry is so near to being closed (or open) that others may see it otherwise

  std::vector<double> closed;  // entrywise nodes: the slope of every entry that is not listed, 0 at the others

  // Order statistics: set by set, the leading member, and of the open entries the set, the leader and the rival.
  struct Match {
    std::size_t set = 0;
    Place leader;
    Place rival;
  };
  std::vector<Match> matches;
  std::vector<std::uint32_t> leader;  // for each set, its member
  std::vector<double> sign;           // for each set: -1 where the smallest of more than two is asked for
  std::vector<OrderResult> passed;    // sorts: results whose rank is clear; `rank` is the member that they are
  std::vector<Place> dropped;         // sorts: results that are a ball together
  double ball = 0;                    // its rho
};

struct Openings {
  double r = 0;
  std::vector<double> rho;             // of each value
  std::vector<std::vector<double>> e;  // of each value, entry by entry
  std::vector<Opening> nodes;          // of each node; empty for affine ones
};

[[nodiscard]] Openings open_ball(const Plan& plan, const Centre& centre, double r);

}  // namespace lipcert::local
