#include "examples/trainer/training.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>
#include <numbers>
#include <numeric>

#include "formats/encoding/error.hpp"

namespace liptrain {
namespace {

double seconds_of(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

struct Move {
  Index down = 0, right = 0;
  bool mirrored = false;
};

/// The image moved, with zeros where nothing comes in.
void moved(const Shape& shape, const float* from, float* to, const Move& move) {
  for (Index c = 0; c < shape.channels; ++c) {
    for (Index i = 0; i < shape.rows; ++i) {
      for (Index j = 0; j < shape.columns; ++j) {
        const Index y = i - move.down, x = (move.mirrored ? shape.columns - 1 - j : j) - move.right;
        const bool inside = y >= 0 && y < shape.rows && x >= 0 && x < shape.columns;
        to[(c * shape.rows + i) * shape.columns + j] = inside ? from[(c * shape.rows + y) * shape.columns + x] : 0.0F;
      }
    }
  }
}

}  // namespace

double learning_rate_at(const TrainingOptions& options, double done) {
  switch (options.schedule) {
    case Schedule::steps:
      return options.learning_rate * (done < 0.6 ? 1 : done < 0.85 ? 0.3 : 0.1);
    case Schedule::cosine:
      return options.learning_rate * 0.5 * (1 + std::cos(std::numbers::pi * std::min(1.0, done)));
    case Schedule::constant:
      break;
  }
  return options.learning_rate;
}

void adam(const std::vector<Parameter<float>*>& parameters, double learning_rate, std::int64_t step) {
  const auto n = static_cast<double>(step);
  const double first = 1 - std::pow(0.9, n), second = 1 - std::pow(0.999, n);
  const auto rate = static_cast<float>(learning_rate / first);
  const auto spread = static_cast<float>(1 / second);
  for (auto* p : parameters) {
    p->first = 0.9F * p->first + 0.1F * p->gradient;
    p->second = 0.999F * p->second + 0.001F * p->gradient.cwiseAbs2();
    p->value.array() -= rate * p->first.array() / ((p->second.array() * spread).sqrt() + 1e-8F);
  }
}

Trainer::Trainer(Network<float>& network, const DataSet& data, const TrainingOptions& options, const EpsList& eps, Workers& workers)
    : network_(network), data_(data), options_(options), eps_(eps), workers_(workers) {}

double Trainer::step(const std::vector<Index>& order, Index first, Index count, Random& random, double learning_rate, std::int64_t number,
                     Metrics& sums) {
  // At least 16 samples in a piece, at most 16 pieces: the cut depends on the batch alone.
  const Index piece = std::max<Index>(16, (count + 15) / 16), pieces = (count + piece - 1) / piece;
  const bool moving = data_.shape.image && (options_.shift > 0 || options_.flip);
  std::vector<int> labels(static_cast<std::size_t>(count));
  std::vector<Move> moves(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < labels.size(); ++i) {
    labels[i] = data_.labels[static_cast<std::size_t>(order[static_cast<std::size_t>(first) + i])];
    if (moving) {
      const auto range = static_cast<std::uint64_t>(2 * options_.shift + 1);
      moves[i].down = static_cast<Index>(random.below(range)) - options_.shift;
      moves[i].right = static_cast<Index>(random.below(range)) - options_.shift;
      moves[i].mirrored = options_.flip && random.below(2) == 1;
    }
  }
  const Index outputs = network_.out().channels;
  const BatchCounts counts(labels.data(), count, std::max<Index>(2, outputs));
  const Matrix<double> constants = network_.pair_constants();
  struct Part {
    double loss = 0;
    double kr = 0;
    Metrics metrics;
  };
  std::vector<Part> parts(static_cast<std::size_t>(pieces));
  pieces_.resize(static_cast<std::size_t>(pieces));
  workers_.run(static_cast<std::size_t>(pieces), [&](std::size_t p) {
    const Index from = static_cast<Index>(p) * piece, here = std::min(piece, count - from);
    Matrix<float> x(here, data_.samples.cols()), gradient;
    for (Index i = 0; i < here; ++i) {
      const Index sample = order[static_cast<std::size_t>(first + from + i)];
      if (moving) {
        moved(data_.shape, data_.samples.row(sample).data(), x.row(i).data(), moves[static_cast<std::size_t>(from + i)]);
      } else {
        x.row(i) = data_.samples.row(sample);
      }
    }
    Memory<float>& memory = pieces_[p];
    network_.chain().prepare(memory);
    const Matrix<float>& f = network_.chain().forward(x, memory);
    const int* const own = labels.data() + from;
    parts[p].loss = evaluate_loss(options_.loss, counts, f, own, gradient, parts[p].kr);
    network_.chain().backward(x, gradient, nullptr, memory);
    Metrics& metrics = parts[p].metrics;
    metrics.certified.assign(eps_.values.size(), 0);
    for (Index i = 0; i < here; ++i) {
      const double radius = radius_of(f.row(i).data(), outputs, own[i], constants);
      metrics.accuracy += radius > 0 ? 1 : 0;
      metrics.mean_radius += radius;
      for (std::size_t k = 0; k < eps_.values.size(); ++k) {
        metrics.certified[k] += radius > eps_.values[k] ? 1 : 0;
      }
    }
  });
  network_.collect(pieces_);
  adam(network_.parameters(), learning_rate, number);
  network_.project(false);
  network_.compute();
  double loss = 0;
  for (const auto& part : parts) {
    loss += part.loss;
    sums.kr += part.kr * static_cast<double>(count);
    sums.accuracy += part.metrics.accuracy;
    sums.mean_radius += part.metrics.mean_radius;
    for (std::size_t k = 0; k < sums.certified.size(); ++k) {
      sums.certified[k] += part.metrics.certified[k];
    }
  }
  sums.samples += count;
  return loss;
}

EpochReport Trainer::run_epoch(SavedState& state, const Progress& progress) {
  const double cpu = seconds_of(CLOCK_PROCESS_CPUTIME_ID), wall = seconds_of(CLOCK_MONOTONIC);
  Random random(options_.seed, static_cast<std::uint64_t>(state.epoch) + 1);
  std::vector<Index> order(static_cast<std::size_t>(data_.size()));
  std::iota(order.begin(), order.end(), 0);
  random.shuffle(order);
  const Index batch = std::min(options_.batch, data_.size());
  const Index batches = data_.size() / batch;  // what does not fill a batch is met in another epoch
  EpochReport report;
  Metrics& sums = report.metrics;
  sums.certified.assign(eps_.values.size(), 0);
  const auto share = [&sums](double sum) { return sum / static_cast<double>(sums.samples); };
  for (Index b = 0; b < batches; ++b) {
    const double done =
        (static_cast<double>(state.epoch) + static_cast<double>(b) / static_cast<double>(batches)) / static_cast<double>(options_.epochs);
    ++state.step;
    const double loss = step(order, b * batch, batch, random, learning_rate_at(options_, done), state.step, sums);
    if (!std::isfinite(loss)) {
      throw lipcert::input_error("Training has diverged in epoch " + std::to_string(state.epoch + 1) +
                                 ": the loss is not a number; lower --learning-rate or --alpha.");
    }
    report.loss += loss / static_cast<double>(batches);
    std::string words = fmt::format("epoch {}/{}  loss {:.4g}  accuracy {:.2f} %  KR {:.4g}", state.epoch + 1, options_.epochs, loss,
                                    100 * share(sums.accuracy), share(sums.kr));
    if (!eps_.values.empty()) {
      words += fmt::format("  certified at {} {:.2f} %", eps_.texts[0], 100 * share(sums.certified[0]));
    }
    progress(done, words);
  }
  ++state.epoch;
  network_.project(true);
  network_.compute();
  report.epoch = state.epoch;
  sums.accuracy = share(sums.accuracy);
  sums.kr = share(sums.kr);
  sums.mean_radius = share(sums.mean_radius);
  for (double& value : sums.certified) {
    value = share(value);
  }
  report.cpu_seconds = seconds_of(CLOCK_PROCESS_CPUTIME_ID) - cpu;
  report.wall_seconds = seconds_of(CLOCK_MONOTONIC) - wall;
  return report;
}

}  // namespace liptrain
