// The falsifier over a data set: for each sample the nearest flip that it finds, held against the certified radius where there is one.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "certify/samples/samples.hpp"
#include "formats/data/data_set.hpp"
#include "formats/data/scaling.hpp"
#include "formats/onnx/options.hpp"

namespace lipcert::attack {

struct AttackJob {
  std::string model;  // path
  bool allow_external_data = false;
  FunctionChoice function;  // which function is meant, where the model leaves it open
  DataSource source;
  ScalingTexts scaling;                // without a certificate; else the certificate's own is used
  std::optional<std::uint64_t> limit;  // at most so many samples
  std::string certificate;             // path; empty: none. Its signature is not checked, so that a forged one is attacked like any other
  std::optional<Unit> unit;            // of distances and radii; default: that of the certificate's eps, without one `usual_unit`
  std::optional<StatedRange> range;    // of scaled pixels, that inputs are kept to; with a certificate: that of the certificate
  unsigned steps = 30;                 // of projected gradient
  std::uint64_t seed = 1;              // of the rounding search
  unsigned threads = 0;                // 0: all cores; the result does not depend on it
  std::uint64_t list = 10;             // flips to keep
  bool keep_inputs = false;            // with the flipped inputs themselves
};

/// Distances and radii are Euclidean, in the unit of the report. A radius r of a record is in units of the graph's input, and in scaled pixels
/// r min_c |std_c|; a flip has its own length in either.
struct Finding {
  std::uint64_t index = 0;  // of the sample in the data
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  double distance = 0;  // rounded up
  double radius = 0;    // certified, rounded down; 0 without a certificate or when undecided
  bool refutes = false;  // nearer than the recorded radius, both in units of the graph's input: the certificate is wrong
  std::vector<double> values;  // with `keep_inputs`: the flipped input as numbers of the data file, in its order

  [[nodiscard]] double ratio() const {
    return distance > 0 ? radius / distance : radius > 0 ? std::numeric_limits<double>::infinity() : 0.0;
  }
};

struct AttackReport {
  bool against_certificate = false;
  Unit unit = Unit::graph_input;
  std::optional<StatedRange> range;
  SampleShape shape;  // of a sample in the data file
  std::uint64_t attacked = 0;
  std::uint64_t flipped = 0;
  std::uint64_t refuted = 0;                                  // flipped inside their certified radius: the certificate is wrong
  std::uint64_t certified = 0;                                // attacked samples with a positive certified radius
  std::vector<Finding> shown;                                 // best `list` by ratio with a certificate, by distance without
  double smallest = std::numeric_limits<double>::infinity();  // distance of a flip; infinity without one
  double largest_ratio = 0;                                   // radius / distance over certified samples that were flipped
  double median_ratio = 0;
};

/// `progress` may be empty; it is called with fractions in [0, 1]. Throws `Error`: input when model, data and certificate do not belong
/// together, usage for a scaling that does not fit the data.
[[nodiscard]] AttackReport attack_samples(const AttackJob& job, const std::function<void(double)>& progress);

}  // namespace lipcert::attack
