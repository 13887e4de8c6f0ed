#include "certify/samples/sample_claim.hpp"

namespace lipcert {

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
  return member;
}

Json sample_claim_member(const SampleClaim& claim, std::uint64_t outputs) {
  Json counts = Json::array();
  for (const SampleCounts::Eps& eps : claim.counts.eps) {
    counts.push_back({{"eps", eps.text}, {"certified", eps.certified}, {"certifiedCorrect", eps.certified_correct}});
  }
  return {
      {"id", "sample-radii"},
      {"kind", "sample-radii"},
      {"formula", outputs == 1
                      ? "for every selected sample x_k with a predicted class and every y with ||y - x_k||_2 < r_k: sign f(y) = sign f(x_k)"
                      : "for every selected sample x_k with a predicted class, every y with ||y - x_k||_2 < r_k and every j != c_k: "
                        "f_(c_k)(y) > f_j(y)"},
      {"data", claim.data},
      {"selection", {{"first", claim.selection.first}, {"count", claim.selection.count}}},
      {"total", claim.counts.total},
      {"correct", claim.counts.correct},
      {"undecided", claim.counts.undecided},
      {"labelled", claim.labelled},
      {"counts", counts},
      {"records",
       {{"file", claim.records.name},
        {"bytes", claim.records.bytes},
        {"sha256", claim.records.sha256},
        {"merkleRoot", claim.records.merkle_root}}},
      {"evidence", {{"theorem", "margin-over-lipschitz"}}}};
}

}  // namespace lipcert
