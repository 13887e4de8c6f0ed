// The claim `sample-radii`: from a data set to records and counts, and its parts as JSON (formats/SPEC.md, section 8), for the statement and for
// shard files.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "certify/samples/records_file.hpp"
#include "certify/samples/samples.hpp"
#include "formats/data/data_set.hpp"
#include "formats/data/scaling.hpp"
#include "formats/encoding/json.hpp"

namespace lipcert {

/// What is asked: radii of which samples, and at which eps they are counted.
struct SampleJob {
  DataSource source;
  ScalingTexts scaling;                // x = (v * scale - mean) / std is the graph's input; radii are in its units
  std::optional<std::uint64_t> limit;  // the first so many samples; default: all
  std::vector<std::string> eps;        // canonical (`canonical_number`), ascending
  std::optional<Unit> eps_unit;        // default: `usual_unit`
  bool allow_low_accuracy = false;     // certify although the labels are met as by guessing (`low_accuracy`)
  RadiusTheorem radii = RadiusTheorem::layer_dual;  // with eps: what exceeds them is found out at them alone (`RadiusJob::above`)
  std::optional<StatedRange> range;    // canonical; layer_dual only
};

/// Everything about data that can be wrong is found out here, before the long work.
struct PreparedSamples {
  DataSource source;
  DataDescription description;
  ScalingTexts scaling;  // `fitted`
  SampleRange selection;
  std::vector<std::string> eps;
  Unit eps_unit = Unit::graph_input;
  bool allow_low_accuracy = false;
  RadiusTheorem radii = RadiusTheorem::layer_dual;
  std::optional<StatedRange> range;

  [[nodiscard]] RadiusJob radius_job() const;
};
/// Reads all of the data once. Throws `Error`: input for data that are damaged or do not fit the network, usage for settings that do not.
[[nodiscard]] PreparedSamples prepare_samples(const SampleJob& job, const Network& network);

struct SampleClaim {
  Json data;  // see `data_member`
  bool labelled = false;
  bool scaled = false;  // x is not v: the claim names the unit of eps
  SampleRange selection;
  SampleCounts counts{{}};
  RadiusTheorem theorem = RadiusTheorem::margin_over_lipschitz;
  std::optional<StatedRange> range;
  SideFile records;
  std::vector<float> radii;         // finite ones of decided samples, and those by the global constants alone where they are known: for people
  std::vector<float> global_radii;
  std::optional<SideFile> local;  // the evidence of local radii; none where no sample has any
};

/// Writes records and evidence, and counts them into a claim.
class ClaimWriter {
 public:
  /// `theorem` and `counts` of the claim are set. The files lie in `folder`, unnamed; they disappear with this unless `finish` is called.
  ClaimWriter(SampleClaim& claim, const std::string& folder);
  void add(const SampleRecord& record, const std::string& evidence);
  void finish();

 private:
  SampleClaim& claim_;
  SideFileWriter records_;
  std::optional<SideFileWriter> local_;
};

/// The member `data`: digests, number of samples, and how a file's numbers become the graph's input.
[[nodiscard]] Json data_member(const DataDescription& description, const ScalingTexts& scaling);
/// The scaling back from that member. Throws `Json::exception`, or `Error` (input) for a layout that is none; `what` names the file.
[[nodiscard]] ScalingTexts scaling_of(const Json& data, const std::string& what);
/// Throws `Error` (input) when the labels are met as by guessing, unless that is allowed.
void check_accuracy(const SampleClaim& claim, std::uint64_t outputs, bool allow_low_accuracy);

/// Evaluates the selection and writes the records file into `folder` (still to be published; nothing is left behind on failure, of which
/// guessing is one). `progress` may be empty; it is called with fractions in [0, 1] and what was found so far.
[[nodiscard]] SampleClaim claim_samples(const PreparedSamples& prepared, const Network& network, const Analysis& analysis, unsigned threads,
                                        const std::string& folder, const std::function<void(double, const std::string&)>& progress);

/// The claim as the statement holds it; `outputs`: entries of the network's output.
[[nodiscard]] Json sample_claim_member(const SampleClaim& claim, std::uint64_t outputs);

}  // namespace lipcert
