// See policy.hpp. One function for each key of formats/policy.md, in its order.
#include "verifier/policy/policy.hpp"

#include <algorithm>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/policy/reader.hpp"

namespace lipverify {

namespace {

constexpr std::uint64_t kPolicyCap = std::uint64_t{1} << 20;
constexpr std::uint64_t kKeyCap = 65536;

PolicyIssuer read_issuer(const Place& place, bool with_revocation) {
  std::vector<std::string> known = {"name", "publicKey", "publicKeyFile", "notBefore", "notAfter"};
  if (with_revocation) known.insert(known.end(), {"revokedAt", "acceptIssuedBeforeRevocation"});
  place.only(known);
  const std::string name = place.at("name", "say whose key it is").name();
  const std::optional<Place> inline_key = place.find("publicKey");
  const std::optional<Place> file = place.find("publicKeyFile");
  if (inline_key.has_value() == file.has_value())
    place.refuse(file ? "both publicKey and publicKeyFile are there" : "publicKey is missing",
                 "give the key as PEM text in publicKey, or the name of its file in publicKeyFile, not both");
  const std::string pem = file ? file->file_bytes(kKeyCap, "the public key") : inline_key->text();
  const auto key = [&] {
    try {
      return PublicKey(pem);
    } catch (const Failure& failure) {
      (file ? *file : *inline_key).refuse("this is no public key that can be used", failure.what());
    }
  };
  PolicyIssuer out{name, place.pointer(), pem, key(), std::nullopt, std::nullopt, std::nullopt, false};
  if (const auto at = place.find("notBefore")) out.not_before = at->time();
  if (const auto at = place.find("notAfter")) out.not_after = at->time();
  if (out.not_before && out.not_after && *out.not_before > *out.not_after)
    place.refuse("notBefore is later than notAfter", "exchange them");
  if (const auto at = place.find("revokedAt")) out.revoked_at = at->time();
  if (const auto at = place.find("acceptIssuedBeforeRevocation")) {
    out.earlier_counts = at->boolean();
    if (!out.revoked_at) at->refuse("the key is not revoked", "give revokedAt too, or take this out");
  }
  return out;
}

void read_recheck(const Place& place, Policy& policy) {
  const std::string remedy = "write \"all\", \"none\", or {\"audit\": K} with the least number K of samples";
  if (place.is(Json::Kind::object)) {
    place.only({"audit"});
    policy.recheck = Policy::Recheck::audit;
    policy.audit = place.at("audit", remedy).count(1, std::uint64_t{1} << 40);
  } else if (place.is(Json::Kind::string) && (place.text() == "all" || place.text() == "none")) {
    policy.recheck = place.text() == "all" ? Policy::Recheck::all : Policy::Recheck::none;
  } else {
    place.refuse("this is not how deep to recheck", remedy);
  }
}

std::string read_arithmetic(const std::string& value, const Place& place) {
  static const std::vector<std::string> known = {"real", "binary32", "binary32-ftz"};
  if (std::find(known.begin(), known.end(), value) == known.end()) {
    const std::string near = nearest(value, known);
    place.refuse("'" + printable(value) + "' is no arithmetic of the format",
                 near.empty() ? "use one of real, binary32, binary32-ftz" : "did you mean '" + near + "'?");
  }
  return value;
}

std::vector<std::uint64_t> read_shape(const Place& place) {
  std::vector<std::uint64_t> shape;
  for (const Place& item : place.items_or_none()) shape.push_back(item.count(1, std::uint64_t{1} << 40));
  return shape;
}

LipschitzDemand read_lipschitz(const Place& place) {
  place.only({"output", "pair", "max"});
  LipschitzDemand out;
  const std::optional<Place> output = place.find("output");
  const std::optional<Place> pair = place.find("pair");
  const std::string remedy =
      "write \"output\": \"all\" for L of the whole output, \"output\": \"pairs\" for the largest L_ij, or \"pair\": [i, j] for one";
  if (output.has_value() == pair.has_value())
    place.refuse(pair ? "both output and pair are there" : "neither output nor pair is there", remedy);
  if (pair) {
    const std::vector<Place> both = pair->items();
    if (both.size() != 2) pair->refuse("these are not two outputs", remedy);
    out.about = LipschitzDemand::About::pair;
    out.i = both[0].count(0, 1023);
    out.j = both[1].count(0, 1023);
    if (out.i == out.j) pair->refuse("an output has no difference from itself", "name two different outputs, counted from 0");
    if (out.i > out.j) std::swap(out.i, out.j);
  } else if (output->text() == "pairs") {
    out.about = LipschitzDemand::About::pairs;
  } else if (output->text() != "all") {
    output->refuse("'" + printable(output->text()) + "' is neither all nor pairs", remedy);
  }
  out.max = place.at("max", "give the largest constant that passes, as text: \"max\": \"1.5\"").number();
  return out;
}

AccuracyDemand read_accuracy(const Place& place) {
  place.only({"epsilon", "unit", "min", "scale", "mean", "std", "datasetSha256", "labelsSha256", "labelColumn", "first", "minSamples", "inputRange"});
  AccuracyDemand out;
  out.epsilon = place.at("epsilon", "give the radius, as text: \"epsilon\": \"36/255\"").number();
  const Place unit = place.at("unit", "write \"scaled pixel\" or \"graph input\", as the certificate names it");
  out.unit = unit.text();
  if (out.unit != "scaled pixel" && out.unit != "graph input")
    unit.refuse("'" + printable(out.unit) + "' is no unit of eps", "write \"scaled pixel\" or \"graph input\"");
  const Place min = place.at("min", "give the least share of samples, as text: \"min\": \"0.93\"");
  out.min = min.number();
  if (out.min.value > 1) min.refuse("a share of samples is at most 1", "93 % are written \"0.93\" or \"93/100\"");
  if (const auto at = place.find("scale")) {
    out.scale = at->number();
    if (out.scale->value == 0)
      at->refuse("a scale of 0 makes all samples equal", "write the factor of the values in the data file: \"1/255\" for bytes");
  } else if (out.unit == "scaled pixel") {
    place.refuse("scale is missing, and eps is counted in values times scale: with a smaller one every radius looks larger",
                 "give the scale of the data: \"scale\": \"1/255\" for bytes");
  }
  if (const auto at = place.find("mean"))
    for (const Place& item : at->items()) out.mean.push_back(item.signed_number());
  if (const auto at = place.find("std"))
    for (const Place& item : at->items()) {
      out.std.push_back(item.number());
      if (out.std.back().value == 0) item.refuse("a std of 0 divides by 0", "write the std that the model was trained with");
    }
  if (const auto at = place.find("labelColumn")) out.label_column = at->count(0, std::uint64_t{1} << 40);
  if (const auto at = place.find("first")) out.first = at->count(0, std::uint64_t{1} << 40);
  if (const auto at = place.find("datasetSha256")) out.dataset_sha256 = at->sha256();
  if (const auto at = place.find("labelsSha256")) out.labels_sha256 = at->sha256();
  if (const auto at = place.find("minSamples")) out.min_samples = at->count(1, std::uint64_t{1} << 40);
  if (const auto at = place.find("inputRange")) {
    at->only({"low", "high"});
    const std::string remedy = "give both ends in scaled pixels, as text: \"inputRange\": {\"low\": \"0\", \"high\": \"1\"}";
    out.input_range.emplace(at->at("low", remedy).signed_number(), at->at("high", remedy).signed_number());
    if (out.input_range->first.value >= out.input_range->second.value) at->refuse("the range is empty", "write the lower end as low");
  }
  return out;
}

void read_models(const Place& place, Policy& policy) {
  if (place.is(Json::Kind::string) && place.text() == "given") return;
  if (!place.is(Json::Kind::array))
    place.refuse("these are no models", "write \"given\" for the file on the command line, or a list of SHA-256 digests");
  policy.models = place.distinct(&Place::sha256);
}

std::uint64_t read_age(const Place& place) {
  const std::string& text = place.text();
  std::uint64_t days = 0;
  bool good = text.size() >= 2 && text.size() <= 6 && text.back() == 'd' && text[0] != '0';
  for (std::size_t i = 0; good && i + 1 < text.size(); ++i) {
    good = text[i] >= '0' && text[i] <= '9';
    days = 10 * days + static_cast<std::uint64_t>(text[i] - '0');
  }
  if (!good) place.refuse("'" + printable(text) + "' is not an age", "write a number of days from 1 to 99999 and d: \"90d\"");
  return days;
}

Policy read(const Document& document) {
  Policy policy;
  policy.name = document.name;
  const std::string bytes = document_bytes(document, kPolicyCap, "the policy");
  policy.sha256 = sha256_hex(bytes);
  const Json json = [&] {
    try {
      return Json::parse(bytes, "the policy '" + printable(document.name) + "'");
    } catch (const Failure& failure) {
      unreadable(std::string(failure.what()) +
                 "; a policy is strict JSON: no comments, no key twice, numbers with a point as text (\"1.5\")");
    }
  }();
  const Place root(json, document.name, "");
  root.only({"$schema", "formatVersion", "description", "issuers", "threshold", "predicateTypes", "models", "maximumAge",
             "minimumToolVersion", "recheck", "arithmetic", "input", "output", "fixedInputs", "lipschitz", "certifiedAccuracy", "requirements", "revoked",
             "revocationList", "revocationIssuers"});
  if (const auto at = root.find("$schema")) (void)at->text();
  (void)root.at("formatVersion", "write \"formatVersion\": 1").count(1, 1);
  if (const auto at = root.find("description")) policy.description = at->text();
  policy.issuers = read_issuers(root.at("issuers", "name at least one issuer with its public key"), true);
  std::vector<std::string> names;
  for (const PolicyIssuer& issuer : policy.issuers)
    if (std::find(names.begin(), names.end(), issuer.name) == names.end()) names.push_back(issuer.name);
  if (const auto at = root.find("threshold")) {
    policy.states_threshold = true;
    policy.threshold = at->count(1, std::uint64_t{1} << 20);
    if (policy.threshold > names.size())
      at->refuse(std::to_string(policy.threshold) + " issuers have to sign, and the policy knows " + std::to_string(names.size()) +
                     " different ones",
                 "name more issuers, or lower the threshold");
  }
  if (const auto at = root.find("predicateTypes")) policy.predicate_types = at->distinct(&Place::name);
  if (const auto at = root.find("models")) read_models(*at, policy);
  if (const auto at = root.find("maximumAge")) policy.maximum_age_days = read_age(*at);
  if (const auto at = root.find("minimumToolVersion")) {
    if (!version_parts(at->text()))
      at->refuse("'" + printable(at->text()) + "' is not a version", "write at most four numbers with points between them: \"1.2.0\"");
    policy.minimum_tool_version = at->text();
  }
  if (const auto at = root.find("recheck")) read_recheck(*at, policy);
  if (const auto at = root.find("arithmetic")) {
    policy.arithmetic = at->distinct(&Place::name);
    const std::vector<Place> items = at->items();
    for (std::size_t i = 0; i < items.size(); ++i) (void)read_arithmetic(policy.arithmetic[i], items[i]);
  }
  if (const auto at = root.find("input")) {
    at->only({"name", "shape"});
    policy.input = InputDemand{std::nullopt, read_shape(at->at("shape", "give the shape of the model's input, such as [1, 1, 28, 28]"))};
    if (const auto name = at->find("name")) policy.input->name = name->name();
  }
  if (const auto at = root.find("output")) policy.output = at->name();
  if (const auto at = root.find("fixedInputs")) policy.fixed_inputs = at->distinct(&Place::name);
  if (const auto at = root.find("lipschitz"))
    for (const Place& item : at->items()) policy.lipschitz.push_back(read_lipschitz(item));
  if (const auto at = root.find("certifiedAccuracy"))
    for (const Place& item : at->items()) policy.certified_accuracy.push_back(read_accuracy(item));
  if (const auto at = root.find("requirements")) policy.requirements = at->distinct(&Place::name);
  if (const auto at = root.find("revoked")) policy.revoked = read_revoked(*at);
  const std::optional<Place> list = root.find("revocationList");
  const std::optional<Place> signers = root.find("revocationIssuers");
  if (list.has_value() != signers.has_value())
    root.refuse(list ? "revocationIssuers is missing" : "revocationList is missing",
                "a list of revocations is a file, revocationList, and whose signature under it counts, revocationIssuers");
  if (list) policy.list = read_revocation_list(*list, read_issuers(*signers, false), policy.revoked);
  return policy;
}

}  // namespace

std::vector<PolicyIssuer> read_issuers(const Place& list, bool with_revocation) {
  std::vector<PolicyIssuer> out;
  for (const Place& item : list.items()) {
    out.push_back(read_issuer(item, with_revocation));
    for (std::size_t k = 0; k + 1 < out.size(); ++k)
      if (out[k].key.fingerprint() == out.back().key.fingerprint())
        item.refuse("the key " + out.back().key.fingerprint() + " stands already at " + out[k].pointer + ", and one key is one issuer",
                    "take one of them out");
  }
  return out;
}

Revoked read_revoked(const Place& object) {
  object.only({"keys", "certificates"});
  Revoked out;
  if (const auto at = object.find("keys")) out.keys = at->distinct(&Place::fingerprint, true);
  if (const auto at = object.find("certificates")) out.certificates = at->distinct(&Place::sha256, true);
  return out;
}

Policy read_policy(const Document& document) {
  try {
    return read(document);
  } catch (const Failure& failure) {
    // Whatever is wrong with a policy is a fault of an input, never a verdict on a certificate.
    if (failure.outcome() == Outcome::rejected || failure.outcome() == Outcome::usage) unreadable(failure.what());
    throw;
  }
}

}  // namespace lipverify
