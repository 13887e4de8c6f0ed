#include "certify/renewal/reasons.hpp"

#include <sys/stat.h>

#include "certify/certificate/sign.hpp"
#include "certify/renewal/differences.hpp"
#include "certify/renewal/old_certificate.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert {
namespace {

constexpr std::int64_t seconds_of_day = 86400;
constexpr std::uint64_t largest_records = std::uint64_t{1} << 36;

using Reasons = std::vector<RenewalReason>;

std::string digest_start(const Json& digest) {
  return digest.is_string() ? in_short(digest.get<std::string>(), 12) : "none";
}

/// "the sentence of what differs": the first difference with both values.
std::string told(const std::string& what, const Json& before, const Json& now) {
  const StatementDifferences differences = differences_of(before, now, 1);
  if (differences.first.empty()) return what;
  const StatementDifference& first = differences.first.front();
  return what + first.pointer + ": " + first.before + " is " + first.after + " now" +
         (differences.total > 1 ? " (and " + std::to_string(differences.total - 1) + " more)" : "");
}

/// Member by member of `names`; null where there is none, so that absence counts.
Json members(const Json& object, const std::vector<std::string>& names) {
  Json out = Json::object();
  for (const std::string& name : names) out[name] = object.contains(name) ? object.at(name) : Json(nullptr);
  return out;
}

void model_reasons(const OldCertificate& old, const Model& model, Reasons& out) {
  const Json& then = old.statement.at("predicate").at("model");
  const Json now = model_member(model.network, model.file);
  if (old.model_sha256 != model.file.sha256) {
    out.push_back({"model", "the model's bytes have changed (" + digest_start(old.model_sha256) + " is " + digest_start(model.file.sha256) +
                                " now)"});
  } else if (then.at("externalFiles") != now.at("externalFiles")) {
    out.push_back({"model", told("external weights have changed ", then.at("externalFiles"), now.at("externalFiles"))});
  } else {
    // With the same bytes, only what the issuer chose can make another function of them.
    const std::vector<std::string> chosen = {"input", "output", "fixedInputs", "format"};
    if (members(then, chosen) != members(now, chosen)) {
      out.push_back({"settings", told("another function of the model is meant: ", members(then, chosen), members(now, chosen))});
    }
  }
  const auto name = old.statement.at("subject").at(0).at("name").get<std::string>();
  if (name != model.file.name) out.push_back({"settings", "the model was named " + in_short(name, 60)});
}

void sample_reasons(const Json* claim, const ManifestEntry& entry, const Model& model, DataCatalogue& catalogue, Reasons& out) {
  if (!entry.samples) {
    if (claim != nullptr) out.push_back({"settings", "it has a claim about samples, and the manifest names no data"});
    return;
  }
  if (claim == nullptr) {
    out.push_back({"settings", "it has no claim about samples, and the manifest names data"});
    return;
  }
  const SampleJob& job = *entry.samples;
  const DataDescription description = catalogue.describe(job.source);
  const Shape& input = model.network.values[model.network.input].shape;
  const ScalingTexts scaling = fitted(job.scaling, description, input, job.source.samples);
  const Json now = data_member(description, scaling);
  const Json& then = claim->at("data");
  const std::vector<std::string> content = {"files", "samples"};
  const std::vector<std::string> reading = {"format", "layout", "scale", "mean", "std", "labelColumn", "arrayLayout", "imageShape"};
  if (members(then, content) != members(now, content)) {
    out.push_back({"data", told("the data have changed: ", members(then, content), members(now, content))});
  }
  if (members(then, reading) != members(now, reading)) {
    out.push_back({"settings", told("the data are read in another way: ", members(then, reading), members(now, reading))});
  }
  const std::uint64_t count = job.limit.value_or(description.samples);
  const Json selection = {{"first", 0}, {"count", count}};
  if (claim->at("selection") != selection && then.at("samples") == now.at("samples")) {
    out.push_back({"settings", told("another number of samples is asked for: ", claim->at("selection"), selection)});
  } else if (job.limit && claim->at("selection") != selection) {
    out.push_back({"settings", told("another number of samples is asked for: ", claim->at("selection"), selection)});
  }
  const Unit unit = job.eps_unit.value_or(usual_unit(scaling));
  Json eps = Json::array();
  for (const std::string& number : job.eps) eps.push_back(number);
  Json eps_then = Json::array();
  for (const Json& counted : claim->at("counts")) eps_then.push_back(counted.at("eps"));
  const std::string unit_then = claim->contains("epsUnit") ? claim->at("epsUnit").get<std::string>() : name_of(Unit::graph_input);
  if (eps != eps_then) out.push_back({"settings", told("samples are counted at other eps: ", eps_then, eps)});
  if (claim->at("evidence").at("theorem") != name_of(job.radii))
    out.push_back({"settings", "radii follow by another theorem: " + in_short(claim->at("evidence").at("theorem").get<std::string>(), 40) + " is " + name_of(job.radii) + " now"});
  const Json range = job.range ? Json{{"low", job.range->low}, {"high", job.range->high}} : Json(nullptr);
  const Json range_then = claim->contains("inputRange") ? claim->at("inputRange") : Json(nullptr);
  if (range_then != range) out.push_back({"settings", told("the stated range of inputs", range_then, range)});
  if (unit_then != name_of(unit))
    out.push_back({"settings", "eps are counted in another unit: " + in_short(unit_then, 40) + " is " + name_of(unit) + " now"});
}

/// A side file, of which the certificate holds the digest.
void side_file_reasons(const Json& told, const std::string& what, const std::string& folder, Reasons& out) {
  const auto name = told.at("file").get<std::string>();
  if (name.empty() || name.find('/') != std::string::npos) {
    out.push_back({"damaged", "its " + what + " file has no plain name"});
    return;
  }
  try {
    if (sha256_hex(read_file(folder + "/" + name, largest_records)) == told.at("sha256").get<std::string>()) return;
    out.push_back({"records", "its " + what + " file is damaged"});
  } catch (const Error&) {
    out.push_back({"records", "its " + what + " file is missing or cannot be read"});
  }
}

void record_reasons(const Json* claim, const std::string& folder, Reasons& out) {
  if (claim == nullptr) return;
  side_file_reasons(claim->at("records"), "records", folder, out);
  const Json& evidence = claim->at("evidence");
  if (evidence.contains("local")) side_file_reasons(evidence.at("local"), "evidence", folder, out);
}

void issuance_reasons(const OldCertificate& old, const ManifestEntry& entry, const RenewalToday& today, Reasons& out) {
  const Json& predicate = old.statement.at("predicate");
  const Json& issuance = predicate.at("issuance");
  if (issuance.at("issuer") != entry.issuer) out.push_back({"settings", told("the issuer", issuance.at("issuer"), Json(entry.issuer))});
  if (issuance.at("requirements") != Json(entry.requirements))
    out.push_back({"settings", told("the requirements", issuance.at("requirements"), Json(entry.requirements))});
  const std::optional<std::int64_t> validity = old.not_after ? std::optional(*old.not_after - old.issued_at) : std::nullopt;
  if (validity != entry.validity) {
    const auto days = [](const std::optional<std::int64_t>& s) {
      return s ? std::to_string(*s / seconds_of_day) + " days" : std::string("unlimited");
    };
    out.push_back({"settings", "the validity was " + days(validity) + " and is " + days(entry.validity) + " now"});
  }
  const AnalysisOptions settings;
  const Json asked = {{"seed", settings.seed}, {"regionSamples", settings.region_samples}};
  if (predicate.at("settings") != asked) out.push_back({"settings", told("settings of the search", predicate.at("settings"), asked)});
  if (old.version != today.generator.version || old.commit != today.generator.commit) {
    out.push_back({"tool", "it was made by lipcert " + in_short(old.version, 40) + " (" + in_short(old.commit, 12) + "), this is " +
                               today.generator.version + " (" + today.generator.commit.substr(0, 12) + ")"});
  }
  if (old.not_after && *old.not_after <= today.now) out.push_back({"expired", "its validity ended on " + format_time(*old.not_after)});
  if (old.issued_at > today.now + seconds_of_day) {
    out.push_back({"age", "it was issued in the future, on " + format_time(old.issued_at)});
  } else if (entry.maximum_age && today.now - old.issued_at > *entry.maximum_age) {
    out.push_back({"age", "it is " + std::to_string((today.now - old.issued_at) / seconds_of_day) + " days old, more than " +
                              std::to_string(*entry.maximum_age / seconds_of_day)});
  }
}

/// Empty where nothing stands; throws for what should not be replaced.
bool something_stands(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return false;
  if (!S_ISREG(status.st_mode)) throw Error(ExitCode::usage, in_short(path) + " is not a regular file; name a file for the certificate.");
  return true;
}

}  // namespace

DataDescription DataCatalogue::describe(const DataSource& source) {
  const Json key = {source.samples, source.labels, source.format ? name_of(*source.format) : "",
                    source.label_column ? Json(*source.label_column) : Json()};
  std::shared_ptr<Slot> slot;
  {
    const std::lock_guard lock(mutex_);
    std::shared_ptr<Slot>& place = slots_[key.dump(-1, ' ', false, Json::error_handler_t::replace)];
    if (!place) place = std::make_shared<Slot>();
    slot = place;
  }
  const std::lock_guard lock(slot->mutex);
  if (!slot->description) slot->description = scan_data(source);
  return *slot->description;
}

Reasons reasons_to_renew(const ManifestEntry& entry, const RenewalToday& today, DataCatalogue& data) {
  // First of all, so that what cannot be made is told before anything is.
  const Model model = read_model(entry.model, entry.allow_external_data, entry.function);
  if (!something_stands(entry.output)) return {{"missing", "there is no certificate"}};
  OldCertificate old;
  try {
    old = read_certificate(entry.output);
  } catch (const Error& error) {
    return {{"damaged", std::string("it cannot be read (") + error.what() + ")"}};
  }
  Reasons out;
  try {
    if (const auto key = today.keys.find(entry.key); key != today.keys.end()) {
      if (!key->second->verifies(pre_authentication_encoding(old.payload), old.signature)) {
        const bool other = old.key_id != key->second->fingerprint();
        out.push_back(other ? RenewalReason{"key", "it is signed with another key than '" + in_short(entry.key, 40) + "'"}
                            : RenewalReason{"damaged", "its signature does not hold"});
      }
    }
    model_reasons(old, model, out);
    const Json* const claim = sample_claim_of(old);
    sample_reasons(claim, entry, model, data, out);
    record_reasons(claim, folder_of(entry.output), out);
    issuance_reasons(old, entry, today, out);
  } catch (const Json::exception&) {
    return {{"damaged", "it lacks a member of a certificate, or one has another type"}};
  }
  return out;
}

CertifyJob job_of(const ManifestEntry& entry, std::int64_t now) {
  CertifyJob job;
  job.model = entry.model;
  job.allow_external_data = entry.allow_external_data;
  job.function = entry.function;
  job.samples = entry.samples;
  job.folder = folder_of(entry.output);
  job.issuance.issuer = entry.issuer;
  job.issuance.requirements = entry.requirements;
  job.issuance.issued_at = now;
  if (entry.validity) job.issuance.not_after = now + *entry.validity;
  return job;
}

}  // namespace lipcert
