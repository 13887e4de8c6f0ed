// See openings.hpp. Affine nodes and the walk are here, the boxes of nonlinear nodes in boxes.cpp.

#include "certify/local/openings.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "certify/local/boxes.hpp"

namespace lipcert::local {
namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();

struct Motion {
  double rho = infinite;
  std::vector<double> e;
};

double norm(const std::vector<double>& v) {
  double sum = 0;
  for (const double x : v) {
    sum += x * x;
  }
  return std::sqrt(sum);
}

/// The root of the sum of squares.
double together(const Openings& open, const std::vector<std::size_t>& values) {
  double sum = 0;
  for (const std::size_t v : values) {
    sum += open.rho[v] * open.rho[v];
  }
  return std::sqrt(sum);
}

Motion sparse(const PlanNode& node, const Plan& plan, const Openings& open) {
  const SparseMatrix& w = node.step->weights;
  const double rho = together(open, node.inputs);
  Motion out;
  out.e.resize(w.rows);
  const std::size_t first = plan.sizes[node.inputs[0]];
  for (std::size_t i = 0; i < w.rows; ++i) {
    double sum = 0;
    for (std::size_t k = w.start[i]; k < w.start[i + 1]; ++k) {
      const std::size_t j = w.column[k];
      sum += std::fabs(w.centre[k]) * (j < first ? open.e[node.inputs[0]][j] : open.e[node.inputs[1]][j - first]);
    }
    out.e[i] = std::min(node.rows[i] * rho, sum);
  }
  return out;
}

/// Rows of a dense step without the places where the data does not move.
Motion dense(const PlanNode& node, const std::vector<double>& e, double rho) {
  const Step& step = *node.step;
  const EnclosedMatrix& a = step.matrix;
  const bool right = step.kind == Step::Kind::right;
  const bool all_move = std::all_of(e.begin(), e.end(), [](double x) { return x > 0; });
  Motion out;
  out.e.resize(step.output_size);
  for (std::size_t copy = 0; copy < step.copies; ++copy) {
    for (std::size_t i = 0; i < a.rows; ++i) {
      const double* const row = &a.centre[i * a.columns];
      double squares = 0;
      double sum = 0;
      for (std::size_t j = 0; j < a.columns; ++j) {
        const double moves = e[right ? copy * a.columns + j : j * step.copies + copy];
        squares += moves > 0 ? row[j] * row[j] : 0.0;
        sum += std::fabs(row[j]) * moves;
      }
      const std::size_t at = right ? copy * a.rows + i : i * step.copies + copy;
      out.e[at] = std::min((all_move ? node.rows[at] : std::sqrt(squares)) * rho, sum);
    }
  }
  return out;
}

Motion affine(const PlanNode& node, const Plan& plan, const Openings& open) {
  const Step& step = *node.step;
  const std::vector<double>& e = open.e[node.inputs[0]];
  const double rho = open.rho[node.inputs[0]];
  Motion out;
  out.e.assign(step.output_size, 0.0);
  switch (step.kind) {
    case Step::Kind::isometry:
      out = {rho, e};
      break;
    case Step::Kind::diagonal: {
      double largest = 0;
      for (std::size_t i = 0; i < out.e.size(); ++i) {
        const double d = std::fabs(step.factors[step.factors.size() == 1 ? 0 : i].centre);
        largest = std::max(largest, d);
        out.e[i] = d * e[i];
      }
      out.rho = largest * rho;
      break;
    }
    case Step::Kind::move: {
      double sum = 0;
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        sum += node.moved[k] * open.rho[node.inputs[k]] * open.rho[node.inputs[k]];
      }
      out.rho = std::sqrt(sum);
      for (std::size_t i = 0; i < out.e.size(); ++i) {
        const EntryAt& from = step.source[i];
        out.e[i] = from.input == Step::no_input ? 0.0 : open.e[node.inputs[from.input]][from.index];
      }
      break;
    }
    case Step::Kind::sum:
      out.rho = 0;
      for (std::size_t k = 0; k < node.inputs.size(); ++k) {
        double times = 1;  // how often an entry that is repeated by broadcasting is taken
        if (!step.maps[k].empty()) {
          times = static_cast<double>(step.output_size) / static_cast<double>(plan.sizes[node.inputs[k]]);
        }
        out.rho += std::sqrt(times) * open.rho[node.inputs[k]];
        for (std::size_t i = 0; i < out.e.size(); ++i) {
          out.e[i] += open.e[node.inputs[k]][step.maps[k].empty() ? i : step.maps[k][i]];
        }
      }
      break;
    case Step::Kind::sparse:
      out = sparse(node, plan, open);
      break;
    case Step::Kind::right:
    case Step::Kind::left:
      out = dense(node, e, rho);
      break;
    default:
      for (std::size_t i = 0; i < out.e.size(); ++i) {
        out.e[i] = node.rows[i] * rho;
      }
      break;
  }
  return out;
}

}  // namespace

Openings open_ball(const Plan& plan, const Centre& centre, double r) {
  Openings open;
  open.r = r;
  open.rho.assign(plan.sizes.size(), infinite);
  open.e.resize(plan.sizes.size());
  open.nodes.resize(plan.nodes.size());
  open.rho[0] = r;
  open.e[0].assign(plan.sizes[0], r);
  for (std::size_t k = 0; k < plan.nodes.size(); ++k) {
    const PlanNode& node = plan.nodes[k];
    Motion out;
    const bool inputs_known = std::all_of(node.inputs.begin(), node.inputs.end(), [&](std::size_t v) { return plan.known[v]; });
    if (node.rule == PlanNode::Rule::affine) {
      out = affine(node, plan, open);
    } else if (node.rule == PlanNode::Rule::entrywise) {
      out.rho = open_activation(*node.step, centre[node.inputs[0]], open.e[node.inputs[0]], open.rho[node.inputs[0]], open.nodes[k], out.e);
    } else if (node.step->kind == Step::Kind::order && inputs_known) {
      out.e = largest_of_sets(node, open);
      if (node.rule == PlanNode::Rule::order) {
        open_sets(node, centre, open, open.nodes[k]);
      }
    }
    const std::size_t v = node.output;
    double& rho = open.rho[v];
    rho = std::min(plan.reach[v] * r, out.rho);
    if (out.e.empty()) {
      out.e.assign(plan.sizes[v], rho);
    }
    for (double& e : out.e) {
      e = std::min(e, rho);
    }
    rho = std::min(rho, norm(out.e));
    open.e[v] = std::move(out.e);
  }
  for (std::size_t k = 0; k < plan.nodes.size(); ++k) {
    if (!open.nodes[k].dropped.empty()) {
      open.nodes[k].ball = ball_of(open.nodes[k].dropped, open);
    }
  }
  return open;
}

}  // namespace lipcert::local
