#include "certify/samples/sample_claim.hpp"

#include <cmath>

#include "certify/graph/model.hpp"
#include "formats/encoding/error.hpp"

namespace lipcert {
namespace {

/// What a radius needs besides the bounds is known before they are.
void check_outputs(const Network& network) {
  const std::uint64_t outputs = element_count(network.values[network.output].shape);
  if (outputs > 1024)
    throw input_error("The model has " + std::to_string(outputs) +
                      " outputs, and radii of samples need one output or 2 to 1024 classes; leave --data out.");
}

}  // namespace

PreparedSamples prepare_samples(const SampleJob& job, const Network& network) {
  PreparedSamples prepared;
  check_outputs(network);
  prepared.eps = job.eps;
  prepared.eps_unit = job.eps_unit.value_or(usual_unit(job.scaling));
  prepared.allow_low_accuracy = job.allow_low_accuracy;
  prepared.radii = job.radii;
  prepared.range = job.range;
  if (job.range) {
    if (job.radii != RadiusTheorem::layer_dual)
      throw Error(ExitCode::usage, "--input-range is for local radii, which --radii global leaves out; give one of the two.");
    if (!(Rational::parse(job.range->low, "--input-range") < Rational::parse(job.range->high, "--input-range")))
      throw Error(ExitCode::usage, "--input-range " + job.range->low + "," + job.range->high + " is empty; give the lower end first.");
  }
  (void)SampleCounts(prepared.eps);
  check_utf8(job.source.samples, "--data");  // names of files go into the payload
  check_utf8(job.source.labels, "--labels");
  prepared.source = job.source;
  prepared.description = scan_data(prepared.source);
  const Shape& input = network.values[network.input].shape;
  prepared.scaling = fitted(job.scaling, prepared.description, input, prepared.source.samples);
  (void)Scaling(prepared.scaling, prepared.description.shape, input, prepared.source.samples);
  const std::uint64_t samples = prepared.description.samples;
  if (job.limit && *job.limit > samples)
    throw Error(ExitCode::usage, "--limit " + std::to_string(*job.limit) + " is more than the " + std::to_string(samples) + " samples of " +
                                     prepared.source.samples + "; leave it out to take all.");
  prepared.selection = {0, job.limit.value_or(samples)};
  return prepared;
}

RadiusJob PreparedSamples::radius_job() const {
  RadiusJob job;
  job.theorem = radii;
  for (const SampleCounts::Eps& number : SampleCounts(eps, eps_unit, smallest_std(scaling)).eps) job.above.push_back(number.below);
  job.range = range;
  return job;
}

ClaimWriter::ClaimWriter(SampleClaim& claim, const std::string& folder) : claim_(claim), records_(folder, "records") {
  if (claim.theorem == RadiusTheorem::layer_dual) local_.emplace(folder, "local");
}

void ClaimWriter::add(const SampleRecord& record, const std::string& evidence) {
  claim_.counts.add(record);
  if (record.predicted != no_class && std::isfinite(record.radius)) {
    claim_.radii.push_back(static_cast<float>(record.radius));
    if (record.global) claim_.global_radii.push_back(static_cast<float>(*record.global));
  }
  records_.add(encode(record, claim_.theorem));
  if (local_) local_->add(evidence);
}

void ClaimWriter::finish() {
  claim_.records = records_.finish();
  if (local_ && local_->bytes() > 0) claim_.local = local_->finish();
}

SampleClaim claim_samples(const PreparedSamples& prepared, const Network& network, const Analysis& analysis, unsigned threads,
                          const std::string& folder, const std::function<void(double, const std::string&)>& progress) {
  SampleClaim claim;
  claim.data = data_member(prepared.description, prepared.scaling);
  claim.labelled = prepared.description.labelled;
  claim.selection = prepared.selection;
  claim.scaled = usual_unit(prepared.scaling) == Unit::scaled_pixel;
  claim.counts = SampleCounts(prepared.eps, prepared.eps_unit, smallest_std(prepared.scaling));
  claim.theorem = prepared.radii;
  claim.range = prepared.range;
  ClaimWriter writer(claim, folder);
  certify_samples(network, analysis, prepared.source, prepared.description, prepared.scaling, prepared.selection, prepared.radius_job(), threads, progress,
                  [&](const SampleRecord& record, const std::string& evidence) { writer.add(record, evidence); });
  check_accuracy(claim, element_count(network.values[network.output].shape), prepared.allow_low_accuracy);
  writer.finish();
  return claim;
}

void check_accuracy(const SampleClaim& claim, std::uint64_t outputs, bool allow_low_accuracy) {
  const std::string sentence = claim.labelled && !allow_low_accuracy ? low_accuracy(claim.counts, outputs) : "";
  if (!sentence.empty()) throw input_error("Only " + sentence + "; certify it as it is with --allow-low-accuracy.");
}

Json data_member(const DataDescription& description, const ScalingTexts& scaling) {
  Json files = Json::array();
  for (const DataFile& file : description.files) {
    files.push_back({{"role", file.role}, {"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  Json member = {{"format", name_of(description.format)},
                 {"files", files},
                 {"samples", description.samples},
                 {"layout", name_of(scaling.layout)},
                 {"scale", scaling.scale},
                 {"mean", scaling.mean},
                 {"std", scaling.std}};
  if (description.label_column) member["labelColumn"] = *description.label_column;
  if (scaling.array_layout == Layout::nhwc) member["arrayLayout"] = name_of(*scaling.array_layout);
  if (scaling.image_shape) member["imageShape"] = *scaling.image_shape;
  return member;
}

ScalingTexts scaling_of(const Json& data, const std::string& what) {
  const auto layout = [&](const std::string& member) {
    const std::string name = data.at(member).get<std::string>();
    for (const Layout known : {Layout::nchw, Layout::nhwc, Layout::ncwh})
      if (name == name_of(known)) return known;
    throw input_error(what + ": has the unknown layout '" + name.substr(0, 20) + "'; make it again.");
  };
  ScalingTexts scaling;
  scaling.layout = layout("layout");
  if (data.contains("arrayLayout")) scaling.array_layout = layout("arrayLayout");
  if (data.contains("imageShape")) scaling.image_shape = data.at("imageShape").get<std::array<std::uint64_t, 3>>();
  scaling.scale = data.at("scale").get<std::string>();
  scaling.mean = data.at("mean").get<std::vector<std::string>>();
  scaling.std = data.at("std").get<std::vector<std::string>>();
  return scaling;
}

Json sample_claim_member(const SampleClaim& claim, std::uint64_t outputs) {
  Json counts = Json::array();
  for (const SampleCounts::Eps& eps : claim.counts.eps) {
    counts.push_back({{"eps", eps.text}, {"certified", eps.certified}, {"certifiedCorrect", eps.certified_correct}});
  }
  const Unit unit = claim.counts.unit;
  std::string formula =
      outputs == 1 ? "for every selected sample x_k with a predicted class and every y with ||y - x_k||_2 < r_k: sign f(y) = sign f(x_k)"
                   : "for every selected sample x_k with a predicted class, every y with ||y - x_k||_2 < r_k and every j != c_k: "
                     "f_(c_k)(y) > f_j(y)";
  if (claim.range) {
    const std::string ball = "||y - x_k||_2 < r_k";
    formula.insert(formula.find(ball) + ball.size(), " with " + claim.range->low + " <= y std_c + mean_c <= " + claim.range->high + " in every entry");
  }
  if (unit == Unit::scaled_pixel) formula += "; eps in scaled pixels (v * scale): certified where r_k min_c |std_c| > eps";
  Json member = {{"id", "sample-radii"},
                 {"kind", "sample-radii"},
                 {"formula", formula},
                 {"data", claim.data},
                 {"selection", {{"first", claim.selection.first}, {"count", claim.selection.count}}},
                 {"total", claim.counts.total},
                 {"correct", claim.counts.correct},
                 {"undecided", claim.counts.undecided},
                 {"labelled", claim.labelled}};
  if (claim.scaled || unit == Unit::scaled_pixel) member["epsUnit"] = name_of(unit);
  if (claim.range) member["inputRange"] = {{"low", claim.range->low}, {"high", claim.range->high}};
  member["counts"] = counts;
  const auto side_file = [](const SideFile& file) -> Json {
    return {{"file", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}, {"merkleRoot", file.merkle_root}};
  };
  member["records"] = side_file(claim.records);
  member["evidence"] = {{"theorem", name_of(claim.theorem)}};
  if (claim.local) member["evidence"]["local"] = side_file(*claim.local);
  return member;
}

}  // namespace lipcert
