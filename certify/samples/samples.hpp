// Certified radii of samples (mathematics, section 6; formats/SPEC.md, section 8): how far any attacker must move sample x_k before the
// decision can change, in exact real arithmetic.
//
// f(x_k) is enclosed, never trusted as a float: with [f_j] around f_j(x_k), the predicted class is the c whose lower end exceeds all other
// upper ends, and the decision cannot change within r = min_j (lower f_c - upper f_j) / L_cj, because f_c - f_j is L_cj-Lipschitz. With one
// output, r = |f| / L.
//
// The sample itself is a fraction (a pixel times 1/255): f is evaluated at the doubles below its entries, and the difference, at most
// d = ||x_k - x||, adds L d to every error radius. Slack: a margin is reduced by 32 times the enclosure's error radius and by 2^-30 of
// itself, so that a checker whose own enclosure is up to 32 times wider accepts without any tolerance.
//
// With the theorem `layer-dual` (section 9) a radius may instead follow from a bound for the ball around this one sample (local/): the larger
// of the two is recorded, with the rule that it follows by and the evidence for it.
//
// Cost: one enclosed evaluation per sample, three multiply-adds per weight, and what local/local_radii.hpp says. A block of samples is in
// memory at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "certify/bounds/analysis.hpp"
#include "certify/local/local_radii.hpp"
#include "formats/data/data_set.hpp"
#include "formats/data/scaling.hpp"

namespace lipcert {

/// In place of a class: undecided, or no label.
inline constexpr std::uint32_t no_class = 0xFFFFFFFF;

/// What the radii of a claim may follow by, and with that the form of its records.
enum class RadiusTheorem { margin_over_lipschitz, layer_dual };
[[nodiscard]] const char* name_of(RadiusTheorem theorem);  // "margin-over-lipschitz", "layer-dual"
/// Throws `Error` (input) for any other; `what` names the file.
[[nodiscard]] RadiusTheorem radius_theorem(const std::string& name, const std::string& what);

/// The range of scaled pixels (v * scale) that the claim is about: canonical decimals or fractions.
struct StatedRange {
  std::string low;
  std::string high;
  bool operator==(const StatedRange&) const = default;
};

/// One record of the records file. Margin and radius are proved lower ends, never negative or NaN; the radius may be infinite.
struct SampleRecord {
  std::uint64_t index = 0;
  std::uint32_t predicted = no_class;
  std::uint32_t label = no_class;
  double margin = 0;
  double radius = 0;
  std::uint32_t rule = 0;      // layer_dual: 1 where the radius follows by that theorem, 0 where it follows from the global constant
  std::uint32_t evidence = 0;  // layer_dual: bytes of the sample's evidence
  std::optional<double> global;  // the radius by the global constants alone; not part of the file, so not there in what was read
};

[[nodiscard]] inline constexpr std::size_t record_bytes(RadiusTheorem theorem) {
  return theorem == RadiusTheorem::layer_dual ? 40 : 32;
}
inline constexpr std::uint32_t most_evidence = std::uint32_t{1} << 20;  // bytes of one sample
[[nodiscard]] std::string encode(const SampleRecord& record, RadiusTheorem theorem);
/// Throws `Error` (input) when a number is NaN or negative, or a rule is none; `bytes` has `record_bytes` bytes. `what` names the file.
[[nodiscard]] SampleRecord decode_record(const char* bytes, RadiusTheorem theorem, const std::string& what);

struct SampleRange {
  std::uint64_t first = 0;
  std::uint64_t count = 0;
};

/// Which radii are made.
struct RadiusJob {
  RadiusTheorem theorem = RadiusTheorem::margin_over_lipschitz;
  /// Ascending: only whether the radius exceeds these numbers is found out beyond the global radius. Empty: the largest radius, to 1 %.
  std::vector<double> above;
  std::optional<StatedRange> range;  // layer_dual only
};

/// Reads the samples of a range and passes a record for each to `sink` with its evidence, in order. The result depends neither on the number
/// of threads nor on the range's limits. Throws `Error` (input) for bad data, a label that is none of the model's, or a file that is no
/// longer what `description` says.
void certify_samples(const Network& network, const Analysis& analysis, const DataSource& source, const DataDescription& description,
                     const ScalingTexts& scaling, SampleRange range, const RadiusJob& radii, unsigned threads,
                     const std::function<void(double, const std::string&)>& progress,
                     const std::function<void(const SampleRecord&, const std::string&)>& sink);

/// Integer counts over records (SPEC.md section 8).
class SampleCounts {
 public:
  /// eps: canonical decimals or fractions; at most 64, ascending, none negative: throws `Error` (usage) otherwise. They are counted in
  /// `unit`; `smallest_std` (see there) scaled pixels are one unit of the graph's input at least.
  explicit SampleCounts(const std::vector<std::string>& eps, Unit unit = Unit::graph_input, const Rational& smallest_std = Rational(1));

  void add(const SampleRecord& record);

  struct Eps {
    std::string text;
    double below = 0;  // largest double at or below eps in the graph's input: a radius r is above it if and only if r > below
    std::uint64_t certified = 0;
    std::uint64_t certified_correct = 0;
    std::uint64_t global = 0;          // as `certified` and `certified_correct`, by the global constants alone, of records that know it
    std::uint64_t global_correct = 0;
  };
  std::uint64_t total = 0;
  std::uint64_t correct = 0;
  std::uint64_t undecided = 0;
  std::uint64_t local = 0;        // radii that follow by `layer-dual`
  Unit unit = Unit::graph_input;  // of eps
  std::vector<Eps> eps;
};

/// A sentence without its end when the accuracy a of at least 20 labelled samples is that of guessing among C classes (one output: 2), as with
/// transposed pixels, a wrong scale or other labels; else empty. Guessing: a <= 1/C + 3 sqrt((1/C) (1 - 1/C) / n), or a - 1/C <= (1 - 1/C) / 20,
/// compared in integers.
[[nodiscard]] std::string low_accuracy(const SampleCounts& counts, std::uint64_t outputs);

}  // namespace lipcert
