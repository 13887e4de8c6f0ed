// See plain_network.hpp. The steps are made by plain_compiler.cpp; each is forward and backward in one file: plain_entrywise.cpp,
// plain_products.cpp, plain_selections.cpp.

#include "certify/attack/plain_network.hpp"

#include "certify/attack/plain_compiler.hpp"

namespace lipcert::attack {

PlainNetwork::PlainNetwork(const Network& network) {
  PlainCompiler(network, *this).compile();
}

const std::vector<double>& PlainNetwork::evaluate(const std::vector<double>& x, std::size_t batch, Tape& tape) const {
  tape.batch = batch;
  tape.values.resize(sizes_.size());
  tape.values[0] = x;
  for (const auto& step : steps_) {
    tape.values[step->to].resize(batch * sizes_[step->to]);
    step->forward(batch, tape.values);
  }
  return tape.values[output_];
}

std::vector<long double> PlainNetwork::evaluate_extended(const std::vector<double>& x) const {
  Slots<long double> values(sizes_.size());
  values[0].assign(x.begin(), x.end());
  for (const auto& step : steps_) {
    values[step->to].resize(sizes_[step->to]);
    step->forward(1, values);
  }
  return values[output_];
}

const std::vector<double>& PlainNetwork::gradient(const std::vector<double>& seed, Tape& tape) const {
  const std::size_t batch = tape.batch;
  tape.gradients.resize(sizes_.size());
  for (std::size_t s = 0; s < sizes_.size(); ++s) tape.gradients[s].assign(batch * sizes_[s], 0.0);
  tape.gradients[output_] = seed;
  for (std::size_t at = steps_.size(); at-- > 0;) steps_[at]->backward(batch, tape.values, tape.gradients);
  return tape.gradients[0];
}

}  // namespace lipcert::attack
