// See evaluate.hpp: the way through the graph, and activations entry by entry. The other steps: evaluate_affine.cpp, evaluate_vectors.cpp.

#include "certify/graph/evaluate.hpp"

#include <cmath>
#include <string>
#include <utility>

#include "certify/graph/activations.hpp"
#include "certify/graph/evaluate_parts.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {
namespace enclosures {
namespace {

/// Value of an activation; the magnitude starts anew.
State activate(const Step& step, const State& z) {
  State out(z.centre.size());
  const auto value = activation_of(step).value;
  for (std::size_t i = 0; i < z.centre.size(); ++i) {
    const Ball y = value(step, i, z.at(i));
    out.set(i, y);
    out.magnitude[i] = std::fabs(y.centre) + y.radius;
  }
  return out;
}

/// Derivative of an activation at z along t.
State activate_along(const Step& step, const State& z, const State& t, bool& clear) {
  State out(z.centre.size());
  const auto along = activation_of(step).along;
  for (std::size_t i = 0; i < z.centre.size(); ++i) {
    out.set(i, along(step, i, z.at(i), z.magnitude[i], t.at(i), clear));
  }
  return out;
}

/// Walks through the graph with the values, and with derivatives if `v` is given. A value is dropped after its last reader.
struct Walk {
  State value{0};
  State along{0};
  bool clear = true;
};

Walk walk(const StepGraph& graph, const std::vector<double>& x, const std::vector<double>* v) {
  std::vector<std::size_t> left = graph.readers();
  std::vector<State> values(graph.steps.size() + 1, State(0));
  std::vector<State> alongs(v != nullptr ? graph.steps.size() + 1 : 0, State(0));
  values[0] = State{std::vector<double>(x)};
  if (v != nullptr) {
    alongs[0] = State{std::vector<double>(*v)};
  }
  Walk result;
  Inputs z;
  Inputs t;
  for (std::size_t s = 0; s < graph.steps.size(); ++s) {
    const Step& step = graph.steps[s];
    z.clear();
    t.clear();
    for (const std::size_t input : step.inputs) {
      z.push_back(&values[input]);
      if (v != nullptr) {
        t.push_back(&alongs[input]);
      }
    }
    const std::size_t first = step.inputs[0];
    const bool last_reader = step.inputs.size() == 1 && left[first] == 1;
    State& out = values[s + 1];
    State* const along = v != nullptr ? &alongs[s + 1] : nullptr;
    switch (step.kind) {
      case Step::Kind::activation:
        if (along != nullptr) {
          *along = activate_along(step, *z[0], *t[0], result.clear);
        }
        out = activate(step, *z[0]);
        break;
      case Step::Kind::order:
      case Step::Kind::softmax:
      case Step::Kind::pool_l2: {
        State derivative(along != nullptr ? step.output_size : 0);
        State* const d = along != nullptr ? &derivative : nullptr;
        out = step.kind == Step::Kind::order     ? ordered(step, z, along != nullptr ? &t : nullptr, d, result.clear)
              : step.kind == Step::Kind::softmax ? soft(step, *z[0], along != nullptr ? t[0] : nullptr, d)
                                                 : root_of_squares(step, *z[0], along != nullptr ? t[0] : nullptr, d, result.clear);
        if (along != nullptr) {
          *along = std::move(derivative);
        }
        break;
      }
      default:
        if (along != nullptr) {
          *along = affine(step, last_reader ? &alongs[first] : nullptr, t, true);
        }
        out = affine(step, last_reader ? &values[first] : nullptr, z, false);
        break;
    }
    for (const std::size_t input : step.inputs) {
      if (--left[input] == 0) {
        values[input] = State(0);
        if (v != nullptr) {
          alongs[input] = State(0);
        }
      }
    }
  }
  result.value = std::move(values[graph.output]);
  if (v != nullptr) {
    result.along = std::move(alongs[graph.output]);
  }
  return result;
}

}  // namespace
}  // namespace enclosures

BallVector evaluate(const StepGraph& graph, const std::vector<double>& x) {
  enclosures::Walk result = enclosures::walk(graph, x, nullptr);
  return {std::move(result.value.centre), std::move(result.value.radius)};
}

DirectionalDerivative differentiate(const StepGraph& graph, const std::vector<double>& x, const std::vector<double>& v) {
  enclosures::Walk walked = enclosures::walk(graph, x, &v);
  DirectionalDerivative result;
  result.value = {std::move(walked.value.centre), std::move(walked.value.radius)};
  result.derivative = {std::move(walked.along.centre), std::move(walked.along.radius)};
  result.clear = walked.clear;
  return result;
}

BallVector evaluate(const Network& network, const std::vector<double>& x) {
  WorkerPool pool(1);
  const StepGraph graph = build_steps(network, pool);
  if (!graph.refusals.empty()) {
    throw input_error("Node " + graph.refusals.front().node + " " + graph.refusals.front().reason);
  }
  if (x.size() != graph.input_size) {
    throw input_error("A point with " + std::to_string(x.size()) + " entries was given to a network whose input has " +
                      std::to_string(graph.input_size) + ".");
  }
  return evaluate(graph, x);
}

}  // namespace lipcert
