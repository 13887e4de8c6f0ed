// See certificate_samples.hpp.
#include "verifier/verdict/certificate_samples.hpp"

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/local/local_rule.hpp"
#include "verifier/samples/samples.hpp"
#include "verifier/verdict/partition.hpp"

namespace lipverify {

namespace {

LipschitzBounds bounds_of(const Graph& graph, const Statement& statement) {
  LipschitzBounds bounds;
  bounds.outputs = element_count(graph.values[graph.output].shape);
  if (bounds.outputs == 1) {
    if (!statement.global) reject("the claim about samples needs a bound of the network's constant, which the certificate does not claim");
    bounds.global = statement.global->upper.exact;
    return bounds;
  }
  if (!statement.pairs || statement.pairs->classes != bounds.outputs)
    reject("the claim about samples needs a bound for every pair of classes, which the certificate does not claim");
  for (const Number& upper : statement.pairs->upper) bounds.pairs.push_back(upper.exact);
  return bounds;
}

}  // namespace

std::vector<VerifiedBlock> claimed_blocks(const Statement& statement) {
  std::vector<VerifiedBlock> blocks;
  for (const BlockClaim& block : statement.blocks) blocks.push_back({block.nodes, is_join(block.op), block.upper.exact});
  return blocks;
}

SampleSummary check_sample_claim(const Graph& graph, const Statement& statement, const SampleFiles& files, const std::string& certificate,
                                 unsigned threads, std::vector<Check>& checks) {
  const LipschitzBounds bounds = bounds_of(graph, statement);
  const SampleClaim claim = parse_sample_claim(*statement.samples, bounds.outputs);
  const std::vector<VerifiedBlock> blocks = claimed_blocks(statement);

  SampleRequest request;
  const std::size_t slash = certificate.find_last_of('/');
  const std::string folder = slash == std::string::npos ? "" : certificate.substr(0, slash + 1);
  request.records = files.records ? *files.records : folder + claim.records_file;
  if (claim.evidence) request.evidence = files.evidence ? *files.evidence : folder + claim.evidence->role;
  if (!claim.evidence && files.evidence) throw Failure(Outcome::usage, "the claim about samples names no file of evidence; leave --local-evidence out");
  request.data = files.data;
  request.labels = files.labels;
  request.audit = files.audit;
  request.seed = files.seed;
  request.threads = threads;
  request.progress = files.progress;
  std::optional<NetworkAtSamples> network;
  if (files.data) network.emplace(graph, blocks);
  const Evaluation evaluate = [&](const Sample& sample, const Scaling& scaling, bool wide) { return (*network)(sample, scaling, wide); };
  std::optional<LocalRule> rule;
  if (files.data && claim.layer_dual) rule.emplace(graph, blocks);
  const LocalProof local = [&](const LocalClaim& c) { return rule->refute(c.sample, c.scaling, c.range, c.predicted, c.rivals, c.radius, c.evidence); };
  SampleReport report = check_samples(claim, bounds, graph.input().shape, evaluate, local, request);

  for (SampleCheck& check : report.checks)
    checks.push_back({std::move(check.id), std::move(check.subject), std::move(check.claimed), std::move(check.recomputed), check.passed});
  SampleSummary summary;
  summary.claimed = true;
  summary.formula = statement.samples->member("formula", "the claim about samples").text("formula");
  // `all` only when every selected sample was rechecked; what an audit of all of them amounts to.
  summary.depth = !files.data                              ? SampleSummary::Depth::records
                  : report.rechecked == claim.counts.total ? SampleSummary::Depth::all
                                                           : SampleSummary::Depth::audit;
  summary.total = claim.counts.total;
  summary.correct = claim.counts.correct;
  summary.undecided = claim.counts.undecided;
  summary.theorem = claim.layer_dual ? "layer-dual" : "margin-over-lipschitz";
  summary.local = report.local;
  summary.range_low = claim.range_low;
  summary.range_high = claim.range_high;
  summary.labelled = claim.labelled;
  summary.rechecked = report.rechecked;
  summary.wider = report.wider;
  summary.seed = files.seed;
  summary.data_sha256 = claim.files[0].sha256;
  if (claim.files.size() == 2) summary.labels_sha256 = claim.files[1].sha256;
  const auto text = [](const Rational& x) { return boost::multiprecision::numerator(x).str() + "/" + boost::multiprecision::denominator(x).str(); };
  summary.scale = text(claim.scale);
  for (const Rational& mean : claim.means) summary.means.push_back(text(mean));
  for (const Rational& std : claim.deviations) summary.stds.push_back(text(std));
  summary.label_column = claim.label_column;
  summary.first = claim.first;
  summary.eps_unit = claim.scaled_pixels ? "scaled pixel" : "graph input";
  for (std::size_t i = 0; i < claim.eps.size(); ++i)
    summary.counts.push_back({claim.eps_texts[i], claim.counts.certified[i], claim.counts.certified_correct[i]});
  for (std::size_t i = 0; i < report.proofs.size(); ++i) {
    AuditedRecord audited = {report.proofs[i].index, hex(report.proof_leaves[i]), {}};
    for (const std::string& hash : report.proofs[i].path) audited.path.push_back(hex(hash));
    summary.audited.push_back(std::move(audited));
  }
  return summary;
}

}  // namespace lipverify
