// See linearised.hpp: the ways forward and backward through the graph. The steps themselves: linearised_affine.cpp, linearised_curved.cpp.

#include "certify/bounds/linearised.hpp"

#include <utility>

namespace lipcert {

Linearised::Linearised(const StepGraph& graph, std::size_t points, std::size_t end)
    : graph_(graph), points_(points), end_(end), readers_(graph.steps.size() + 1, 0), slopes_(end), chosen_(end), kept_(end) {
  for (std::size_t s = 0; s < end; ++s) {
    for (const std::size_t input : graph.steps[s].inputs) {
      ++readers_[input];
    }
  }
  ++readers_[end == graph.steps.size() ? graph.output : end];
}

template <class Next>
std::vector<double> Linearised::walk(std::vector<double> x, Next next) const {
  std::vector<std::size_t> left = readers_;
  std::vector<std::vector<double>> values(end_ + 1);
  values[0] = std::move(x);
  Inputs in;
  std::vector<double> copy;
  for (std::size_t s = 0; s < end_; ++s) {
    const Step& step = graph_.steps[s];
    in.clear();
    for (const std::size_t input : step.inputs) {
      in.push_back(&values[input]);
    }
    if (step.inputs.size() == 1 && left[step.inputs[0]] > 1) {
      copy = values[step.inputs[0]];
      in[0] = &copy;
    }
    values[s + 1] = next(s, in);
    for (const std::size_t input : step.inputs) {
      if (--left[input] == 0 && input != s + 1) {
        values[input] = {};
      }
    }
  }
  return std::move(values[target()]);
}

std::vector<double> Linearised::value_of(std::size_t s, Inputs& in, double blur) {
  const Step& step = graph_.steps[s];
  if (!step.affine()) {
    return evaluate(s, in, blur);
  }
  std::vector<double> y = linear(step, in);
  add_bias(step, y);
  return y;
}

std::vector<double> Linearised::move_to(std::vector<double> x) {
  return walk(std::move(x), [this](std::size_t s, Inputs& in) { return value_of(s, in, -1); });
}

std::vector<double> Linearised::forward(std::vector<double> v) const {
  return walk(std::move(v), [this](std::size_t s, Inputs& in) {
    const Step& step = graph_.steps[s];
    return step.affine() ? linear(step, in) : along(s, in);
  });
}

std::vector<double> Linearised::backward(std::vector<double> u) const {
  std::vector<std::vector<double>> adjoints(graph_.steps.size() + 1);
  adjoints[target()] = std::move(u);
  for (std::size_t s = end_; s-- > 0;) {
    if (adjoints[s + 1].empty()) {
      continue;  // nothing of it reaches the output
    }
    std::vector<double> y = std::move(adjoints[s + 1]);
    spread(s, std::move(y), adjoints);
  }
  return std::move(adjoints[0]);
}

Linearised::Ascent Linearised::ascend(std::vector<double> x, std::vector<double> t, double blur) {
  static_cast<void>(walk(std::move(x), [this, blur](std::size_t s, Inputs& in) { return value_of(s, in, blur); }));
  std::vector<std::vector<double>> tangents(end_);
  t = walk(std::move(t), [this, &tangents](std::size_t s, Inputs& in) {
    const Step& step = graph_.steps[s];
    if (step.affine()) {
      return linear(step, in);
    }
    if (step.kind == Step::Kind::activation) {
      tangents[s] = *in[0];
    }
    return along(s, in);
  });
  // F = ||t||^2 / 2. Adjoint of the tangents: J' t; adjoint of the values: each slope s(z) multiplies a tangent, so
  // dF/dz += tangent * adjoint * s'(z).
  std::vector<std::vector<double>> gradients(graph_.steps.size() + 1);
  std::vector<std::vector<double>> directions(graph_.steps.size() + 1);
  gradients[target()].assign(t.size(), 0.0);
  directions[target()] = std::move(t);
  for (std::size_t s = end_; s-- > 0;) {
    if (directions[s + 1].empty()) {
      continue;
    }
    std::vector<double> g = std::move(gradients[s + 1]);
    std::vector<double> d = std::move(directions[s + 1]);
    if (graph_.steps[s].kind == Step::Kind::activation) {
      for (std::size_t i = 0; i < g.size(); ++i) {
        g[i] = g[i] * slopes_[s][i] + d[i] * tangents[s][i] * kept_[s][i];
        d[i] *= slopes_[s][i];
      }
      accumulate(gradients[graph_.steps[s].inputs[0]], std::move(g));
      accumulate(directions[graph_.steps[s].inputs[0]], std::move(d));
    } else {
      spread(s, std::move(g), gradients);
      spread(s, std::move(d), directions);
    }
  }
  return {std::move(gradients[0]), std::move(directions[0])};
}

void Linearised::spread(std::size_t s, std::vector<double> y, Adjoints& adjoints) const {
  const Step& step = graph_.steps[s];
  if (step.affine()) {
    spread_linear(step, std::move(y), adjoints);
  } else {
    spread_curved(s, std::move(y), adjoints);
  }
}

void Linearised::make_room(const Step& step, Adjoints& adjoints) const {
  for (const std::size_t input : step.inputs) {
    adjoints[input].resize(points_ * size_of(input));
  }
}

void Linearised::accumulate(std::vector<double>& sum, std::vector<double> part) {
  if (sum.empty()) {
    sum = std::move(part);
    return;
  }
  for (std::size_t i = 0; i < sum.size(); ++i) {
    sum[i] += part[i];
  }
}

}  // namespace lipcert
