// See dual.hpp. The minimisers of open entries and the input's term are in dual_terms.cpp, order statistics in dual_order.cpp.

#include "certify/local/dual.hpp"

#include <algorithm>
#include <cmath>

namespace lipcert::local {

Parameters fixed_rule(const Openings& open, std::size_t batch, double input_lambda) {
  Parameters parameters;
  parameters.input_lambda.assign(batch, input_lambda);
  for (const Opening& node : open.nodes) {
    Parameters::Node& out = parameters.nodes.emplace_back();
    out.lambda.assign(batch, by_rule);
    for (std::size_t j = 0; j < batch; ++j) {
      out.slope.insert(out.slope.end(), node.fixed.begin(), node.fixed.end());
    }
  }
  return parameters;
}

Dual::Dual(const Plan& plan, const Centre& centre, const Openings& open, const std::vector<double>& low, const std::vector<double>& high)
    : slopes(plan.nodes.size()),
      logs(plan.nodes.size()),
      plan_(plan),
      centre_(centre),
      open_(open),
      low_(low),
      high_(high),
      c_(plan.sizes.size()),
      p_(plan.sizes.size()),
      work_(plan.nodes.size()) {}

void Dual::evaluate(const std::vector<Seed>& seeds, Parameters& parameters, bool gradient) {
  batch_ = seeds.size();
  bounds.assign(batch_, {});
  backward(seeds, parameters);
  charge_input(parameters);
  if (gradient) {
    forward(parameters);
  }
}

void Dual::backward(const std::vector<Seed>& seeds, Parameters& parameters) {
  for (std::size_t v = 0; v < c_.size(); ++v) {
    c_[v].assign(plan_.used[v] ? batch_ * plan_.sizes[v] : 0, 0.0);
  }
  for (std::size_t j = 0; j < batch_; ++j) {
    double* const c = &c_[plan_.output][j * plan_.sizes[plan_.output]];
    if (seeds[j].sign != 0) {
      c[0] = seeds[j].sign;
    } else {
      c[seeds[j].plus] = 1;
      c[seeds[j].minus] = -1;
    }
  }
  std::vector<double*> in;
  for (std::size_t k = plan_.nodes.size(); k-- > 0;) {
    const PlanNode& node = plan_.nodes[k];
    if (node.rule == PlanNode::Rule::order) {
      order_backward(k, parameters.nodes[k]);
    } else if (!plan_.used[node.output] || node.rule == PlanNode::Rule::nothing) {
      continue;
    } else if (node.rule == PlanNode::Rule::affine) {
      in.clear();
      for (const std::size_t input : node.inputs) {
        in.push_back(c_[input].data());
      }
      node.linear->apply_adjoint(batch_, c_[node.output].data(), in, scratch_);
    } else if (node.rule == PlanNode::Rule::entrywise) {
      entrywise_backward(k, parameters.nodes[k]);
    } else {
      for (std::size_t j = 0; j < batch_; ++j) {
        charge_ball(j, nullptr, node.output, open_.rho[node.output]);
      }
    }
  }
}

void Dual::forward(const Parameters& parameters) {
  std::vector<const double*> in;
  for (std::size_t k = 0; k < plan_.nodes.size(); ++k) {
    const PlanNode& node = plan_.nodes[k];
    if (node.rule == PlanNode::Rule::order) {
      for (const std::size_t v : node.sets->values) {
        p_[v].assign(batch_ * plan_.sizes[v], 0.0);
      }
      order_forward(k, parameters.nodes[k]);
      continue;
    }
    if (!plan_.used[node.output] || node.rule == PlanNode::Rule::nothing) {
      continue;
    }
    std::vector<double>& out = p_[node.output];
    out.resize(batch_ * plan_.sizes[node.output]);
    if (node.rule == PlanNode::Rule::affine) {
      in.clear();
      for (const std::size_t input : node.inputs) {
        in.push_back(p_[input].data());
      }
      node.linear->apply(batch_, in, out.data(), scratch_);
    } else if (node.rule == PlanNode::Rule::entrywise) {
      entrywise_forward(k, parameters.nodes[k]);
    } else {
      for (std::size_t j = 0; j < batch_; ++j) {
        const std::size_t n = plan_.sizes[node.output];
        double sum = 0;
        for (std::size_t i = 0; i < n; ++i) {
          sum += c_[node.output][j * n + i] * c_[node.output][j * n + i];
        }
        const double factor = sum > 0 ? -open_.rho[node.output] / std::sqrt(sum) : 0;
        for (std::size_t i = 0; i < n; ++i) {
          out[j * n + i] = factor * c_[node.output][j * n + i];
        }
      }
    }
  }
}

void Dual::entrywise_backward(std::size_t k, Parameters::Node& parameters) {
  const PlanNode& node = plan_.nodes[k];
  const Opening& open = open_.nodes[k];
  Work& work = work_[k];
  const std::size_t n = plan_.sizes[node.output];
  const std::size_t m = open.position.size();
  work.c.resize(batch_ * m);
  work.tau.resize(batch_ * m);
  work.moved.resize(batch_ * m);
  for (std::size_t j = 0; j < batch_; ++j) {
    const double* const c = &c_[node.output][j * n];
    double* const to = &c_[node.inputs[0]][j * n];
    for (std::size_t i = 0; i < n; ++i) {
      to[i] += open.closed[i] * c[i];
    }
    double* const coefficient = work.c.data() + j * m;
    for (std::size_t i = 0; i < m; ++i) {
      coefficient[i] = c[open.position[i]];
    }
    const double* const slope = parameters.slope.data() + j * m;
    minimise(open, j, slope, parameters.lambda[j], work);
    for (std::size_t i = 0; i < m; ++i) {
      to[open.position[i]] += slope[i] * coefficient[i];
    }
  }
}

void Dual::entrywise_forward(std::size_t k, const Parameters::Node& parameters) {
  const PlanNode& node = plan_.nodes[k];
  const Opening& open = open_.nodes[k];
  const Work& work = work_[k];
  const std::size_t n = plan_.sizes[node.output];
  const std::size_t m = open.position.size();
  slopes[k].resize(batch_ * m);
  logs[k].resize(batch_);
  for (std::size_t j = 0; j < batch_; ++j) {
    const double* const from = &p_[node.inputs[0]][j * n];
    double* const to = &p_[node.output][j * n];
    for (std::size_t i = 0; i < n; ++i) {
      to[i] = open.closed[i] * from[i];
    }
    double squares = 0;
    for (std::size_t i = 0; i < m; ++i) {
      const std::size_t at = j * m + i;
      const double tau = work.tau[at];
      const double g = from[open.position[i]] - tau;
      squares += tau * tau;
      slopes[k][at] = work.c[at] * g;
      to[open.position[i]] = parameters.slope[at] * g + work.moved[at];
    }
    logs[k][j] = parameters.lambda[j] * (squares - work.squared[j]) / 2;
  }
}

}  // namespace lipcert::local
