// The training loop: Adam (Kingma and Ba 2015) on batches that are cut into pieces of at least 16 samples, which threads share out; the
// result does not depend on their number.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "examples/trainer/data.hpp"
#include "examples/trainer/loss.hpp"
#include "examples/trainer/metrics.hpp"
#include "examples/trainer/network.hpp"
#include "examples/trainer/workers.hpp"

namespace liptrain {

enum class Schedule { constant, steps, cosine };

struct TrainingOptions {
  LossOptions loss;
  Index epochs = 10;
  Index batch = 128;
  double learning_rate = 5e-3;
  Schedule schedule = Schedule::steps;
  Index shift = 0;    // images are moved by up to this many pixels in each direction, at random
  bool flip = false;  // images are mirrored left to right at random
  std::uint64_t seed = 1;
};

/// Learning rate at the fraction `done` of the training. steps: times 0.3 from 60 % on, times 0.1 from 85 % on; cosine: down to 0.
[[nodiscard]] double learning_rate_at(const TrainingOptions& options, double done);

/// One step of Adam on all parameters; `step` counts from 1.
void adam(const std::vector<Parameter<float>*>& parameters, double learning_rate, std::int64_t step);

/// Sums of one epoch, over the batches that were trained on.
struct EpochReport {
  std::int64_t epoch = 0;  // finished epochs
  double loss = 0;
  Metrics metrics;  // on the training batches as they were met
  double cpu_seconds = 0;
  double wall_seconds = 0;
};

/// Draws progress: fraction done, words.
using Progress = std::function<void(double, const std::string&)>;

class Trainer {
 public:
  Trainer(Network<float>& network, const DataSet& data, const TrainingOptions& options, const EpsList& eps, Workers& workers);

  /// One epoch; `state` counts epochs and steps. The order of the samples depends on seed and epoch alone, so a resumed run repeats an
  /// uninterrupted one.
  EpochReport run_epoch(SavedState& state, const Progress& progress);

 private:
  double step(const std::vector<Index>& order, Index first, Index count, Random& random, double learning_rate, std::int64_t number,
              Metrics& sums);

  Network<float>& network_;
  const DataSet& data_;
  TrainingOptions options_;
  const EpsList& eps_;
  Workers& workers_;
  std::vector<Memory<float>> pieces_;
};

}  // namespace liptrain
