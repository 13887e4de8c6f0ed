// What `liptrain` does, one function per command. Each prints to standard output and throws `lipcert::Error`.
#pragma once

#include <cstdint>
#include <string>

#include "examples/trainer/data.hpp"
#include "examples/trainer/training.hpp"

namespace liptrain {

struct TrainCommand {
  DataChoice data;
  std::string test_data, test_labels;
  std::string network;
  WeightOptions weight;
  TrainingOptions training;
  std::string eps = "36/255";
  std::string out;     // NAME.onnx; NAME.liptrain and NAME.checkpoint lie beside it
  std::string report;  // JSON
  std::string log;     // CSV, one line per epoch
  std::int64_t batch_axis = 1;
  unsigned threads = 0;  // 0: all cores
  bool restart = false;
};
void train_command(TrainCommand command);

struct EvaluateCommand {
  DataChoice data;
  std::string model;
  std::string eps = "36/255";
  std::string outputs;  // CSV of f, one sample in a line
  std::string report;
  unsigned threads = 0;
};
void evaluate_command(const EvaluateCommand& command);

/// A trained network against the exact distance of two point clouds (labels 0 and 1).
struct WassersteinCommand {
  DataChoice data;
  std::string network = "dense 64, groupsort2, dense 64, groupsort2, dense 64, groupsort2, dense 1";
  WeightOptions weight;
  TrainingOptions training;
  std::string report;
  std::string log;
  std::string out;  // empty: no files
  unsigned threads = 0;
};
void wasserstein_command(WassersteinCommand command);

struct CounterfactualCommand {
  DataChoice data;
  std::string model;
  std::string out;  // folder for distances.csv and counterfactuals.png
  std::string report;
  Index samples = 200;
  Index pictures = 8;
  unsigned threads = 0;
};
/// Returns false when a decision flipped within the radius.
bool counterfactual_command(const CounterfactualCommand& command);

/// f on a grid of the plane, for plots.
struct MapCommand {
  std::string model, out;
  double low_x = -2, high_x = 2, low_y = -2, high_y = 2;
  Index steps = 200;
};
void map_command(const MapCommand& command);

struct PointsCommand {
  std::string shape;  // moons, circles, clouds
  Index count = 1000;
  double noise = 0.05;
  std::uint64_t seed = 1;
  std::string out;  // CSV with columns x, y, class
};
void points_command(const PointsCommand& command);

/// Images of any readable format as NAME.npy (bytes; sample, channel, row, column) and NAME.labels.npy, which `lipcert` reads.
struct PackCommand {
  DataChoice data;
  std::string out;
};
void pack_command(const PackCommand& command);

// Shared by the commands.
[[nodiscard]] std::size_t thread_count(unsigned wanted);
[[nodiscard]] std::string table_of(const std::string& name, const Metrics& metrics, const EpsList& eps);

}  // namespace liptrain
