// See samples.hpp.
#include "verifier/samples/samples.hpp"

#include <algorithm>
#include <atomic>
#include <limits>
#include <set>
#include <string_view>

#include "verifier/base/failure.hpp"
#include "verifier/base/parallel.hpp"

namespace lipverify {

namespace mp = boost::multiprecision;

// ---------------------------------------------------------------------------------------------------------------------------- the claim

namespace {

/// Exactly these members.
void require_members(const Json& object, const std::vector<std::string_view>& names, const std::string& place) {
  for (const auto& [key, value] : object.object(place))
    if (std::find(names.begin(), names.end(), key) == names.end()) reject(place + ": the field '" + printable(key) + "' is not known");
  for (const std::string_view name : names) (void)object.member(std::string(name), place);
}

std::uint64_t natural(const Json& object, const std::string& key, const std::string& place) {
  const std::int64_t value = object.member(key, place).integer(place + "." + key);
  if (value < 0) reject(place + "." + key + " is negative");
  return static_cast<std::uint64_t>(value);
}

const std::string& text(const Json& object, const std::string& key, const std::string& place) {
  return object.member(key, place).text(place + "." + key);
}

void require_text(const Json& object, const std::string& key, std::string_view wanted, const std::string& place) {
  if (text(object, key, place) != wanted) reject(place + "." + key + " is not '" + std::string(wanted) + "'");
}

std::string digest(const Json& object, const std::string& key, const std::string& place) {
  const std::string& value = text(object, key, place);
  if (!is_sha256_hex(value)) reject(place + "." + key + " is not a SHA-256 digest in lower-case hexadecimal digits");
  return value;
}

Rational ratio(const std::string& value, const std::string& place) {
  const std::optional<Rational> parsed = parse_ratio(value);
  if (!parsed) reject(place + ": '" + printable(value) + "' is neither a decimal nor a fraction");
  return *parsed;
}

std::vector<Rational> ratios(const Json& object, const std::string& key, const std::string& place) {
  std::vector<Rational> values;
  for (const Json& item : object.member(key, place).array(place + "." + key))
    values.push_back(ratio(item.text(place + "." + key), place + "." + key));
  if (values.empty()) reject(place + "." + key + " is empty");
  return values;
}

/// A file name without a folder.
void require_plain_name(const std::string& name, const std::string& place) {
  if (name.empty() || name.size() > 255 || !is_name(name) || name == "." || name == ".." || name.find_first_of("/\\") != std::string::npos)
    reject(place + ": '" + printable(name) + "' is not a plain file name");
}

void parse_data(const Json& data, SampleClaim& claim) {
  const std::string place = "the claim about samples: data";
  std::vector<std::string_view> names = {"format", "files", "samples", "layout", "scale", "mean", "std"};
  for (const char* optional : {"labelColumn", "arrayLayout", "imageShape"})
    if (data.find(optional, place) != nullptr) names.emplace_back(optional);
  require_members(data, names, place);
  const std::optional<DataFormat> format = data_format(text(data, "format", place));
  if (!format) reject(place + ".format '" + printable(text(data, "format", place)) + "' is not known to this version");
  claim.format = *format;
  for (const Json& file : data.member("files", place).array(place + ".files")) {
    require_members(file, {"role", "name", "bytes", "sha256"}, place + ".files");
    require_plain_name(text(file, "name", place), place + ".files.name");
    claim.files.push_back({text(file, "role", place), natural(file, "bytes", place), digest(file, "sha256", place)});
  }
  const bool folder = claim.format == DataFormat::png_folder;
  const bool roles = !claim.files.empty() && claim.files.size() <= 2 && claim.files[0].role == (folder ? "folder" : "samples") &&
                     (claim.files.size() == 1 || (claim.files[1].role == "labels" && !folder && claim.format != DataFormat::cifar10));
  if (!roles) reject(place + ".files are not those of the format");
  claim.samples = natural(data, "samples", place);
  const std::string& layout = text(data, "layout", place);
  if (layout != "NCHW" && layout != "NHWC" && layout != "NCWH") reject(place + ".layout '" + printable(layout) + "' is not known");
  claim.arrangement.layout = layout == "NCHW" ? Layout::nchw : layout == "NHWC" ? Layout::nhwc : Layout::ncwh;
  if (const Json* shape = data.find("imageShape", place)) {
    const std::vector<Json>& sides = shape->array(place + ".imageShape");
    if (sides.size() != 3) reject(place + ".imageShape has not three numbers");
    auto& image = claim.arrangement.row_image.emplace();
    for (std::size_t i = 0; i < image.size(); ++i) {
      const std::int64_t side = sides[i].integer(place + ".imageShape");
      if (side < 1) reject(place + ".imageShape has a number below 1");
      image[i] = static_cast<std::uint64_t>(side);
    }
  }
  if (data.find("arrayLayout", place) != nullptr) {
    require_text(data, "arrayLayout", "NHWC", place);
    claim.arrangement.channels_last = true;
    if (claim.format != DataFormat::npy && !claim.arrangement.row_image) reject(place + ".arrayLayout belongs to NPY arrays and rows that are images");
  }
  claim.scale = ratio(text(data, "scale", place), place + ".scale");
  claim.means = ratios(data, "mean", place);
  claim.deviations = ratios(data, "std", place);
  if (claim.scale == 0 || std::find(claim.deviations.begin(), claim.deviations.end(), Rational(0)) != claim.deviations.end())
    reject(place + ": scale or std is zero");
  if (data.find("labelColumn", place) != nullptr) {
    claim.label_column = natural(data, "labelColumn", place);
    if (claim.format != DataFormat::csv || claim.files.size() != 1)
      reject(place + ".labelColumn belongs to a CSV file without a label file");
  }
}

constexpr std::size_t kMostEps = 64;

}  // namespace

SampleClaim parse_sample_claim(const Json& json, std::uint64_t outputs) {
  const std::string place = "the claim about samples";
  SampleClaim claim;
  std::vector<std::string_view> names = {"id",      "kind",      "formula",  "data",   "selection", "total",
                                         "correct", "undecided", "labelled", "counts", "records",   "evidence"};
  std::string ball = "||y - x_k||_2 < r_k";
  if (const Json* range = json.find("inputRange", place)) {
    names.emplace_back("inputRange");
    require_members(*range, {"low", "high"}, place + ".inputRange");
    claim.range_low = text(*range, "low", place + ".inputRange");
    claim.range_high = text(*range, "high", place + ".inputRange");
    claim.range.emplace(ratio(claim.range_low, place + ".inputRange.low"), ratio(claim.range_high, place + ".inputRange.high"));
    if (claim.range->first >= claim.range->second) reject(place + ".inputRange is empty");
    ball += " with " + claim.range_low + " <= y std_c + mean_c <= " + claim.range_high + " in every entry";
  }
  if (json.find("epsUnit", place) != nullptr) {
    names.emplace_back("epsUnit");
    claim.scaled_pixels = text(json, "epsUnit", place) == "scaled pixel";
    if (!claim.scaled_pixels) require_text(json, "epsUnit", "graph input", place);
  }
  require_members(json, names, place);
  require_text(json, "id", "sample-radii", place);
  require_text(json, "kind", "sample-radii", place);
  require_text(json, "formula",
               (outputs == 1 ? "for every selected sample x_k with a predicted class and every y with " + ball + ": sign f(y) = sign f(x_k)"
                             : "for every selected sample x_k with a predicted class, every y with " + ball + " and every j != c_k: f_(c_k)(y) > f_j(y)") +
                   (claim.scaled_pixels ? "; eps in scaled pixels (v * scale): certified where r_k min_c |std_c| > eps" : ""),
               place);
  const Json& evidence = json.member("evidence", place);
  claim.layer_dual = text(evidence, "theorem", place + ": evidence") == "layer-dual";
  if (!claim.layer_dual) require_text(evidence, "theorem", "margin-over-lipschitz", place + ": evidence");
  if (claim.range && !claim.layer_dual) reject(place + ".inputRange belongs to the theorem layer-dual");
  const Json* const local = claim.layer_dual ? evidence.find("local", place + ": evidence") : nullptr;
  if (local == nullptr) {
    require_members(evidence, {"theorem"}, place + ": evidence");
  } else {
    const std::string at = place + ": evidence.local";
    require_members(evidence, {"theorem", "local"}, place + ": evidence");
    require_members(*local, {"file", "bytes", "sha256", "merkleRoot"}, at);
    claim.evidence = DataFile{text(*local, "file", at), natural(*local, "bytes", at), digest(*local, "sha256", at)};
    claim.evidence_root = digest(*local, "merkleRoot", at);
    if (claim.evidence->role != claim.evidence->sha256 + ".lipcert.local") reject(at + ": the name of the file is not its digest");
    if (claim.evidence->bytes == 0) reject(at + ": a file without evidence");
  }
  parse_data(json.member("data", place), claim);
  Rational per_unit = 1;  // a length of 1 in the graph's input is at least so long in the unit of eps
  if (claim.scaled_pixels) {
    per_unit = mp::abs(claim.deviations[0]);
    for (const Rational& deviation : claim.deviations) per_unit = std::min(per_unit, Rational(mp::abs(deviation)));
  }
  const Json& selection = json.member("selection", place);
  require_members(selection, {"first", "count"}, place + ": selection");
  claim.first = natural(selection, "first", place);
  RecordCounts& counts = claim.counts;
  counts.total = natural(json, "total", place);
  if (counts.total == 0 || natural(selection, "count", place) != counts.total)
    reject(place + ": the total is not the number of selected samples, or is 0");
  if (claim.first > claim.samples || counts.total > claim.samples - claim.first) reject(place + ": the selection goes beyond the data");
  counts.correct = natural(json, "correct", place);
  counts.undecided = natural(json, "undecided", place);
  const Json& labelled = json.member("labelled", place);
  claim.labelled = labelled.boolean(place + ".labelled");
  const Json& list = json.member("counts", place);
  for (const Json& item : list.array(place + ".counts")) {
    require_members(item, {"eps", "certified", "certifiedCorrect"}, place + ": counts");
    claim.eps_texts.push_back(text(item, "eps", place));
    claim.eps.push_back(ratio(claim.eps_texts.back(), place + ".counts.eps") / per_unit);
    if (claim.eps.back() < 0 || (claim.eps.size() > 1 && claim.eps[claim.eps.size() - 2] >= claim.eps.back()))
      reject(place + ": the values of eps are not ascending, or one is negative");
    counts.certified.push_back(natural(item, "certified", place));
    counts.certified_correct.push_back(natural(item, "certifiedCorrect", place));
  }
  if (claim.eps.size() > kMostEps) reject(place + ": more than 64 values of eps");
  const Json& records = json.member("records", place);
  require_members(records, {"file", "bytes", "sha256", "merkleRoot"}, place + ": records");
  claim.records_file = text(records, "file", place);
  claim.records_sha256 = digest(records, "sha256", place);
  claim.merkle_root = digest(records, "merkleRoot", place);
  if (claim.records_file != claim.records_sha256 + ".lipcert.records") reject(place + ": the name of the records file is not its digest");
  const std::uint64_t size = claim.layer_dual ? 40 : 32;
  if (natural(records, "bytes", place) != size * counts.total)
    reject(place + ": the records file does not have " + std::to_string(size) + " bytes for each sample");
  return claim;
}

// ----------------------------------------------------------------------------------------------------------------------------- the rule

namespace {

/// a * 2^ea >= b * 2^eb
bool at_least(const Integer& a, std::int64_t ea, const Integer& b, std::int64_t eb) {
  if ((a < 0) != (b < 0)) return b < 0;
  if (ea >= eb) return (a << static_cast<std::size_t>(ea - eb)) >= b;
  return a >= (b << static_cast<std::size_t>(eb - ea));
}

/// mantissa * 2^exponent of the bits of a finite nonnegative binary64.
void mantissa_of_bits(std::uint64_t bits, Integer& mantissa, std::int64_t& exponent) {
  const std::uint64_t field = bits >> 52, fraction = bits & ((std::uint64_t{1} << 52) - 1);
  mantissa = Integer(field == 0 ? fraction : fraction | std::uint64_t{1} << 52);
  exponent = static_cast<std::int64_t>(field == 0 ? 1 : field) - 1075;
}

std::string text_of_bits(std::uint64_t bits) {
  return bits == kInfinityBits ? "infinity" : decimal_text(value_of_bits(bits), Toward::above);
}

}  // namespace

RadiusRule::RadiusRule(const LipschitzBounds& bounds) : outputs_(static_cast<std::size_t>(bounds.outputs)) {
  const auto add = [&](const Rational& value) { bounds_.push_back({mp::numerator(value), mp::denominator(value)}); };
  if (outputs_ == 1) {
    add(bounds.global);
  } else {
    if (bounds.pairs.size() != outputs_ * (outputs_ - 1) / 2) reject("the claim about samples needs a bound for every pair of classes");
    for (const Rational& value : bounds.pairs) add(value);
  }
}

const RadiusRule::Quotient& RadiusRule::lipschitz(std::size_t i, std::size_t j) const {
  if (i > j) std::swap(i, j);
  return bounds_[outputs_ == 1 ? 0 : i * outputs_ - i * (i + 1) / 2 + (j - i - 1)];
}

std::optional<Mismatch> RadiusRule::check(const Record& record, const EnclosedOutput& output, std::vector<std::size_t>* open) const {
  if (record.predicted == kNone) return std::nullopt;
  const auto c = static_cast<std::size_t>(record.predicted);
  Integer mantissa;
  std::int64_t exponent = 0;
  // `margin` * 2^output.exponent is a lower end of f_c - f_j (one output: of |f| with the sign of the class).
  const auto refute = [&](const Integer& margin, const Quotient& bound, std::size_t j, const std::string& rival) -> std::optional<Mismatch> {
    const auto shown = [&] { return decimal_text(scaled(margin, output.exponent), Toward::below); };
    if (margin <= 0)
      return Mismatch{"predicted class", std::to_string(c),
                      "not above " + rival + ": the difference is only known to be at least " + shown()};
    mantissa_of_bits(record.margin, mantissa, exponent);
    if (!at_least(margin, output.exponent, mantissa, exponent))
      return Mismatch{"margin over " + rival, text_of_bits(record.margin), "at least " + shown()};
    if (record.radius == kInfinityBits) {
      if (bound.numerator == 0) return std::nullopt;
      return Mismatch{"radius against " + rival, "infinity", "finite: the Lipschitz constant is not 0"};
    }
    mantissa_of_bits(record.radius, mantissa, exponent);
    if (at_least(margin * bound.denominator, output.exponent, mantissa * bound.numerator, exponent)) return std::nullopt;
    if (open != nullptr) {
      open->push_back(j);
      return std::nullopt;
    }
    const Rational radius = scaled(margin, output.exponent) * Rational(bound.denominator, bound.numerator);
    return Mismatch{"radius against " + rival, text_of_bits(record.radius), "at least " + decimal_text(radius, Toward::below)};
  };
  if (outputs_ == 1) return refute(c == 1 ? output.lower[0] : Integer(-output.upper[0]), bounds_[0], 0, "0");
  for (std::size_t j = 0; j < outputs_; ++j) {
    if (j == c) continue;
    if (auto mismatch = refute(output.lower[c] - output.upper[j], lipschitz(c, j), j, "class " + std::to_string(j))) return mismatch;
  }
  return std::nullopt;
}

std::vector<std::uint64_t> draw_positions(std::uint64_t seed, std::uint64_t wanted, std::uint64_t count) {
  std::set<std::uint64_t> drawn;
  if (wanted >= count) {
    for (std::uint64_t i = 0; i < count; ++i) drawn.insert(drawn.end(), i);
  }
  const std::uint64_t whole = std::numeric_limits<std::uint64_t>::max() / count * count;  // below it, the remainder is uniform
  for (std::uint64_t turn = 0; drawn.size() < std::min(wanted, count); ++turn) {
    Sha256 hash;
    hash.update("lipcert-audit-v1\n" + std::to_string(seed) + " " + std::to_string(turn) + "\n");
    const std::string bytes = hash.raw_digest();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < 8; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    if (value < whole) drawn.insert(value % count);
  }
  return {drawn.begin(), drawn.end()};
}

// ----------------------------------------------------------------------------------------------------------------------------- checking

bool SampleReport::passed() const {
  return std::all_of(checks.begin(), checks.end(), [](const SampleCheck& check) { return check.passed; });
}

namespace {

constexpr const char* kSubject = "sample-radii";

void compare(SampleReport& report, const std::string& id, const std::string& claimed, const std::string& recomputed) {
  report.checks.push_back({id, kSubject, claimed, recomputed, claimed == recomputed});
}

void compare_files(SampleReport& report, const SampleClaim& claim, const std::vector<DataFile>& files, const std::string& when) {
  for (std::size_t i = 0; i < claim.files.size(); ++i)
    compare(report, claim.files[i].role + " file" + when, claim.files[i].sha256 + ", " + std::to_string(claim.files[i].bytes) + " bytes",
            files[i].sha256 + ", " + std::to_string(files[i].bytes) + " bytes");
}

RecordStream open_records(const SampleClaim& claim, const LipschitzBounds& bounds, const SampleRequest& request) {
  return {request.records, claim.first, claim.counts.total, bounds.outputs, claim.labelled, claim.layer_dual};
}

EvidenceStream open_evidence(const SampleClaim& claim, const SampleRequest& request) {
  return EvidenceStream(claim.evidence ? std::optional<std::string>(request.evidence) : std::nullopt);
}

/// Everything that follows from the records file alone.
void check_records(const SampleClaim& claim, const LipschitzBounds& bounds, const SampleRequest& request,
                   const std::vector<std::uint64_t>& proofs_for, SampleReport& report) {
  RecordStream records = open_records(claim, bounds, request);
  EvidenceStream evidence = open_evidence(claim, request);
  RecordSummary summary = summarise(records, evidence, claim.eps, proofs_for);
  if (claim.evidence) {
    compare(report, "evidence digest", claim.evidence->sha256 + ", " + std::to_string(claim.evidence->bytes) + " bytes",
            summary.evidence_sha256 + ", " + std::to_string(summary.evidence_bytes) + " bytes");
    compare(report, "evidence Merkle root", claim.evidence_root, summary.evidence_root);
  }
  report.local = summary.counts.local;
  compare(report, "records digest", claim.records_sha256, summary.sha256);
  compare(report, "records Merkle root", claim.merkle_root, summary.merkle_root);
  const auto count = [&](const std::string& what, std::uint64_t claimed, std::uint64_t recomputed) {
    compare(report, "count: " + what, std::to_string(claimed), std::to_string(recomputed));
  };
  count("total", claim.counts.total, summary.counts.total);
  count("correct", claim.counts.correct, summary.counts.correct);
  count("undecided", claim.counts.undecided, summary.counts.undecided);
  for (std::size_t i = 0; i < claim.eps.size(); ++i) {
    count("certified at eps " + claim.eps_texts[i], claim.counts.certified[i], summary.counts.certified[i]);
    count("certified and correct at eps " + claim.eps_texts[i], claim.counts.certified_correct[i], summary.counts.certified_correct[i]);
  }
  for (std::size_t i = 0; i < summary.proofs.size(); ++i)
    if (hex(root_of_proof(summary.proofs[i], claim.counts.total, summary.proof_leaves[i])) != summary.merkle_root)
      exhausted("an inclusion proof does not lead to the Merkle root: a fault of the checker");
  report.proofs = std::move(summary.proofs);
  report.proof_leaves = std::move(summary.proof_leaves);
}

/// The label as records hold it: one output: -1 becomes 0.
std::uint32_t label_of(const Sample& sample, std::uint64_t outputs) {
  if (!sample.label) return kNone;
  if (*sample.label < 0) {
    if (outputs != 1) unreadable("the labels hold -1, which only a network with one output has");
    return 0;
  }
  return static_cast<std::uint32_t>(*sample.label);
}

struct Task {
  Sample sample;
  Record record;
  std::string evidence;
  std::optional<Mismatch> mismatch;
};

}  // namespace

SampleReport check_samples(const SampleClaim& claim, const LipschitzBounds& bounds, const Shape& input, const Evaluation& evaluate,
                           const LocalProof& local, const SampleRequest& request) {
  SampleReport report;
  const std::uint64_t inputs = element_count(input);
  std::vector<std::uint64_t> drawn;
  const bool audit = request.data && request.audit && *request.audit < claim.counts.total;
  if (audit) drawn = draw_positions(request.seed, *request.audit, claim.counts.total);
  check_records(claim, bounds, request, drawn, report);
  if (!request.data || !report.passed()) return report;

  const DataSource source{claim.format, *request.data, request.labels, claim.label_column};
  if (request.labels.has_value() != (claim.files.size() == 2))
    throw Failure(Outcome::usage, request.labels ? "the claim about samples knows no label file; leave --labels out"
                                                 : "the claim about samples needs its label file; give --labels FILE");
  compare_files(report, claim, digest_files(source), "");
  if (!report.passed()) return report;
  const std::unique_ptr<DataSet> data = DataSet::open(source);
  compare(report, "entries of a sample", std::to_string(inputs), std::to_string(data->shape().entries()));
  compare(report, "labelled", claim.labelled ? "yes" : "no", data->labelled() ? "yes" : "no");
  if (!report.passed()) return report;
  const Scaling scaling(arranged(data->shape(), claim.arrangement, input), claim.arrangement.layout, claim.scale, claim.means, claim.deviations,
                        claim.arrangement.channels_last);
  const RadiusRule rule(bounds);
  RecordStream records = open_records(claim, bounds, request);
  EvidenceStream evidence = open_evidence(claim, request);
  std::optional<InputBox> range;
  if (claim.range) range = scaling.box(claim.range->first, claim.range->second);

  const std::uint64_t all = audit ? drawn.size() : claim.counts.total;
  const std::size_t block = static_cast<std::size_t>(std::clamp<std::uint64_t>((std::uint64_t{1} << 22) / inputs, 1, 512));
  std::vector<Task> tasks(block);
  std::size_t waiting = 0;
  std::atomic<std::uint64_t> wider{0};
  const auto work = [&](std::size_t i) {
    Task& task = tasks[i];
    task.mismatch.reset();
    const std::uint32_t label = label_of(task.sample, bounds.outputs);
    if (task.record.label != label) {
      task.mismatch = Mismatch{"label", std::to_string(task.record.label), std::to_string(label)};
      return;
    }
    if (task.record.predicted == kNone) return;
    const bool may_be_local = task.record.rule == 1;
    std::vector<std::size_t> open;
    task.mismatch = rule.check(task.record, evaluate(task.sample, scaling, false), may_be_local ? &open : nullptr);
    if (task.mismatch) {
      ++wider;
      open.clear();
      task.mismatch = rule.check(task.record, evaluate(task.sample, scaling, true), may_be_local ? &open : nullptr);
    }
    if (task.mismatch || open.empty()) return;
    if (const auto why = local({task.sample, scaling, range ? &*range : nullptr, static_cast<std::size_t>(task.record.predicted), open,
                                value_of_bits(task.record.radius), task.evidence}))
      task.mismatch = Mismatch{"local radius", text_of_bits(task.record.radius), *why};
  };
  /// Checks what is waiting; false after a sample that fails: the first one in the order of the file, whatever the threads did.
  const auto flush = [&] {
    parallel_for(waiting, request.threads, work);
    for (std::size_t i = 0; i < waiting; ++i) {
      const Task& task = tasks[i];
      if (task.mismatch) {
        report.checks.push_back({"sample: " + task.mismatch->what, "sample " + std::to_string(task.record.index), task.mismatch->claimed,
                                 task.mismatch->recomputed, false});
        return false;
      }
      ++report.rechecked;
    }
    waiting = 0;
    report.wider = wider;
    if (request.progress) request.progress(report.rechecked, all);
    return true;
  };

  Sample skipped;
  for (bool more = true; more;) {
    const std::uint64_t index = data->count();
    const bool selected = index >= claim.first && index - claim.first < claim.counts.total;
    Record record;
    if (selected && !records.next(record)) exhausted("the records end before the selection: a fault of the checker");
    std::string proof = selected ? evidence.next(record) : std::string();
    const bool wanted = selected && (!audit || std::binary_search(drawn.begin(), drawn.end(), index - claim.first));
    more = data->next(wanted ? tasks[waiting].sample : skipped);
    if (!more) break;
    if (!wanted) continue;
    tasks[waiting].evidence = std::move(proof);
    tasks[waiting++].record = record;
    if (waiting == block && !flush()) return report;
  }
  if (!flush()) return report;
  // The files must still be those that were compared before, and hold what the claim says.
  compare_files(report, claim, data->files(), " as read");
  compare(report, "samples in the data", std::to_string(claim.samples), std::to_string(data->count()));
  if (!report.passed()) return report;
  Record extra;
  if (records.next(extra)) exhausted("the records go on after the selection: a fault of the checker");
  compare(report, "records digest as read", claim.records_sha256, records.sha256());
  if (claim.evidence) compare(report, "evidence digest as read", claim.evidence->sha256, evidence.sha256());
  compare(report, audit ? "samples audited" : "samples rechecked", std::to_string(all), std::to_string(report.rechecked));
  return report;
}

}  // namespace lipverify
