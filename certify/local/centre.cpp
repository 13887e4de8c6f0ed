// See centre.hpp.

#include "certify/local/centre.hpp"

#include <algorithm>
#include <cmath>

#include "certify/graph/activations.hpp"

namespace lipcert::local {
namespace {

/// The entries of a node's inputs, one input after the other.
std::vector<double> side_by_side(const PlanNode& node, const Centre& values) {
  std::vector<double> all;
  for (const std::size_t input : node.inputs) {
    all.insert(all.end(), values[input].begin(), values[input].end());
  }
  return all;
}

void affine(const PlanNode& node, const Centre& values, std::vector<double>& out, Scratch& scratch) {
  std::vector<const double*> in;
  for (const std::size_t input : node.inputs) {
    in.push_back(values[input].data());
  }
  node.linear->apply(1, in, out.data(), scratch);
  for (std::size_t i = 0; i < node.step->bias.size(); ++i) {
    out[i] += node.step->bias[i].centre;
  }
}

void activate(const Step& step, const std::vector<double>& z, std::vector<double>& out) {
  const PlainActivation& plain = activation_of(step).plain;
  Curves curves(step);
  for (std::size_t i = 0; i < z.size(); ++i) {
    out[i] = plain.at(curves.at(i), z[i]).value;
  }
}

void order(const Step& step, const std::vector<double>& all, std::vector<double>& out) {
  std::vector<double> set;
  for (std::size_t i = 0; i < out.size(); ++i) {
    set.clear();
    for (std::size_t k = step.set_start[step.set[i]]; k < step.set_start[step.set[i] + 1]; ++k) {
      set.push_back(all[step.set_entry[k]]);
    }
    std::nth_element(set.begin(), set.begin() + step.rank[i], set.end());
    out[i] = set[step.rank[i]];
  }
}

void softmax(const Step& step, const std::vector<double>& z, std::vector<double>& out) {
  for (std::size_t s = 0; s + 1 < step.set_start.size(); ++s) {
    double largest = -HUGE_VAL;
    for (std::size_t k = step.set_start[s]; k < step.set_start[s + 1]; ++k) {
      largest = std::max(largest, z[step.set_entry[k]]);
    }
    double sum = 0;
    for (std::size_t k = step.set_start[s]; k < step.set_start[s + 1]; ++k) {
      sum += out[step.set_entry[k]] = std::exp(z[step.set_entry[k]] - largest);
    }
    for (std::size_t k = step.set_start[s]; k < step.set_start[s + 1]; ++k) {
      out[step.set_entry[k]] /= sum;
    }
  }
}

void root_of_squares(const SparseMatrix& weights, const std::vector<double>& z, std::vector<double>& out) {
  for (std::size_t i = 0; i < weights.rows; ++i) {
    double sum = 0;
    for (std::size_t k = weights.start[i]; k < weights.start[i + 1]; ++k) {
      sum += weights.centre[k] * z[weights.column[k]] * z[weights.column[k]];
    }
    out[i] = std::sqrt(sum);
  }
}

}  // namespace

Centre evaluate_centre(const Plan& plan, const std::vector<double>& x, Scratch& scratch) {
  Centre values(plan.sizes.size());
  values[0] = x;
  for (const PlanNode& node : plan.nodes) {
    std::vector<double>& out = values[node.output];
    out.resize(plan.sizes[node.output]);
    const Step& step = *node.step;
    switch (step.kind) {
      case Step::Kind::activation:
        activate(step, values[node.inputs[0]], out);
        break;
      case Step::Kind::order:
        order(step, side_by_side(node, values), out);
        break;
      case Step::Kind::softmax:
        softmax(step, values[node.inputs[0]], out);
        break;
      case Step::Kind::pool_l2:
        root_of_squares(step.weights, values[node.inputs[0]], out);
        break;
      default:
        affine(node, values, out, scratch);
        break;
    }
  }
  return values;
}

bool roots_are_clear(const Plan& plan, const Centre& centre) {
  for (const PlanNode& node : plan.nodes) {
    if (node.step->kind != Step::Kind::pool_l2) {
      continue;
    }
    double largest = 0;
    for (const double z : centre[node.inputs[0]]) {
      largest = std::max(largest, std::fabs(z));
    }
    for (const double y : centre[node.output]) {
      if (!(y > 0x1p-20 * largest)) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace lipcert::local
