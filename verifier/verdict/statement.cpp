// See statement.hpp.
#include "verifier/verdict/statement.hpp"

#include <algorithm>
#include <map>

#include "verifier/base/bytes.hpp"
#include "verifier/base/failure.hpp"
#include "verifier/base/json.hpp"
#include "verifier/verdict/report.hpp"

namespace lipverify {

bool is_time(const std::string& text) {
  static const std::string pattern = "dddd-dd-ddTdd:dd:ddZ";
  if (text.size() != pattern.size()) return false;
  for (std::size_t i = 0; i < pattern.size(); ++i)
    if (pattern[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != pattern[i]) return false;
  const auto number = [&](std::size_t at, std::size_t digits) {
    int value = 0;
    for (std::size_t i = at; i < at + digits; ++i) value = 10 * value + (text[i] - '0');
    return value;
  };
  const int year = number(0, 4);
  const int month = number(5, 2);
  static constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (month < 1 || month > 12) return false;
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  const int last = days[month - 1] + (month == 2 && leap ? 1 : 0);
  return number(8, 2) >= 1 && number(8, 2) <= last && number(11, 2) < 24 && number(14, 2) < 60 && number(17, 2) < 60;
}

std::string one_day_later(const std::string& time) {
  // The next text in the calendar: a day more, else the first of the next month, else the first of January.
  const auto next = [](const std::string& digits) { return std::to_string(std::stoi(digits) + 1); };
  const auto two = [](const std::string& digits) { return digits.size() == 1 ? "0" + digits : digits; };
  const std::string rest = time.substr(10);
  for (const std::string& day : {time.substr(0, 8) + two(next(time.substr(8, 2))), time.substr(0, 5) + two(next(time.substr(5, 2))) + "-01"})
    if (is_time(day + rest)) return day + rest;
  std::string year = next(time.substr(0, 4));
  if (year.size() < 4) year.insert(0, 4 - year.size(), '0');
  return is_time(year + "-01-01" + rest) ? year + "-01-01" + rest : "9999-12-31T23:59:59Z";
}

namespace {

using Members = std::vector<std::string>;

/// An object with exactly these members and perhaps the optional ones, nothing else (claims, blocks, model: section 2).
void exactly(const Json& json, const std::string& place, const Members& members, const Members& optional = {}) {
  for (const std::string& name : members) (void)json.member(name, place);
  for (const auto& [name, value] : json.object(place))
    if (std::find(members.begin(), members.end(), name) == members.end() && std::find(optional.begin(), optional.end(), name) == optional.end())
      reject(place + " has the member '" + printable(name) + "', which this version does not know");
}

/// An object with at least these members; others are said.
void at_least(const Json& json, const std::string& place, const Members& members, std::vector<std::string>& warnings) {
  for (const std::string& name : members) (void)json.member(name, place);
  for (const auto& [name, value] : json.object(place))
    if (std::find(members.begin(), members.end(), name) == members.end())
      warnings.push_back(place + " has an unknown member '" + printable(name) + "', which is not checked");
}

std::string text(const Json& json, const std::string& place, const std::string& key) { return json.member(key, place).text(place + "." + key); }

std::uint64_t natural(const Json& json, const std::string& place) {
  const std::int64_t value = json.integer(place);
  if (value < 0) reject(place + " is negative");
  return static_cast<std::uint64_t>(value);
}

std::vector<std::uint64_t> naturals(const Json& json, const std::string& place) {
  std::vector<std::uint64_t> out;
  for (const Json& item : json.array(place)) out.push_back(natural(item, place));
  return out;
}

std::vector<std::string> texts(const Json& json, const std::string& place) {
  std::vector<std::string> out;
  for (const Json& item : json.array(place)) out.push_back(item.text(place));
  return out;
}

std::string digest(const Json& json, const std::string& place, const std::string& key) {
  std::string value = text(json, place, key);
  if (!is_sha256_hex(value)) reject(place + "." + key + " is not a SHA-256 digest in lower-case hexadecimal");
  return value;
}

Number number(const std::string& exact, const std::string& decimal, const std::string& place, Toward direction) {
  Number out;
  out.exact = parse_exact(exact, place + ".exact");
  out.decimal = decimal;
  const Rational shown = parse_decimal(decimal, place + ".decimal");
  if (direction == Toward::above ? shown < out.exact : shown > out.exact)
    reject(place + ": the decimal " + decimal + " is on the wrong side of the exact number " + exact);
  if (out.exact < 0) reject(place + " is negative");
  return out;
}

Number number(const Json& json, const std::string& place, Toward direction) {
  exactly(json, place, {"exact", "decimal"});
  return number(text(json, place, "exact"), text(json, place, "decimal"), place, direction);
}

IntegerVector vector(const Json& json, const std::string& place) {
  if (json.find("file", place) != nullptr) reject(place + " stands in a side file, which this version does not read");
  exactly(json, place, {"exponent", "count", "int32"});
  IntegerVector out;
  out.exponent = json.member("exponent", place).integer(place + ".exponent");
  if (out.exponent < -1200 || out.exponent > 1200) reject(place + ".exponent is not between -1200 and 1200");
  const std::uint64_t count = natural(json.member("count", place), place + ".count");
  const std::string bytes = base64_decode(text(json, place, "int32"), place + ".int32");
  if (bytes.size() % 4 != 0 || bytes.size() / 4 != count)
    reject(place + " has " + std::to_string(bytes.size()) + " bytes for " + std::to_string(count) + " integers");
  for (std::size_t i = 0; i < bytes.size(); i += 4) {
    std::uint32_t word = 0;
    for (std::size_t k = 4; k-- > 0;) word = word << 8 | static_cast<unsigned char>(bytes[i + k]);
    out.mantissas.push_back(static_cast<std::int32_t>(word));
  }
  return out;
}

/// Names the theorem of an evidence object without its members.
std::string theorem_of(const Json& json, const std::string& place) { return text(json, place, "theorem"); }

[[noreturn]] void unknown(const std::string& place, const std::string& what) {
  reject(place + ": this version of the checker does not know '" + printable(what) + "'");
}

LowerEvidence lower_evidence(const Json& json, const std::string& place) {
  LowerEvidence out;
  const std::string theorem = theorem_of(json, place);
  if (theorem == "zero" || theorem == "attained") {
    exactly(json, place, {"theorem"});
    out.theorem = theorem == "zero" ? LowerEvidence::Theorem::zero : LowerEvidence::Theorem::attained;
  } else if (theorem == "diagonal-entry" || theorem == "gram-entry") {
    exactly(json, place, {"theorem", "index"});
    out.theorem = theorem == "gram-entry" ? LowerEvidence::Theorem::gram_entry : LowerEvidence::Theorem::diagonal_entry;
    out.index = natural(json.member("index", place), place + ".index");
  } else if (theorem == "operator-witness") {
    exactly(json, place, {"theorem", "vector"});
    out.theorem = LowerEvidence::Theorem::operator_witness;
    out.vector = vector(json.member("vector", place), place + ".vector");
  } else {
    unknown(place, theorem);
  }
  return out;
}

int grid_scale(const Json& json, const std::string& place, const char* key) {
  const std::int64_t value = json.member(key, place).integer(place + "." + key);
  if (value < -10000 || value > 10000) reject(place + "." + key + " is out of range");
  return static_cast<int>(value);
}

bool side_at_a(const Json& json, const std::string& place) {
  const std::string side = text(json, place, "side");
  if (side != "AtA" && side != "AAt") reject(place + ".side is neither AtA nor AAt");
  return side == "AtA";
}

/// side, sA, sR, C2; the caller has checked that there is nothing else.
GramEvidence gram_of(const Json& json, const std::string& place) {
  GramEvidence out;
  out.at_a = side_at_a(json, place);
  out.sA = grid_scale(json, place, "sA");
  out.sR = grid_scale(json, place, "sR");
  out.C2 = parse_integer(text(json, place, "C2"), 40, place + ".C2");
  return out;
}

/// The theorems that each operator may name (section 5).
const std::vector<std::string>& theorems_of(const std::string& op, const std::string& place) {
  static const std::map<std::string, std::vector<std::string>> table = {
      {"isometry", {"isometry"}},
      {"scale", {"diagonal-max"}},
      {"dense", {"dense-gram-psd", "zero-operator"}},
      {"linear", {"diagonal-gram", "explicit-gram-psd", "zero-operator"}},
      {"convolution", {"conv-frequency-grid", "conv-bernstein", "conv-reshape"}},
      {"activation", {"elementwise-slope"}},
      {"softmax", {"softmax-half"}},
      {"pool-max", {"max-overlap"}},
      {"pool-l2", {"window-sum"}},
      {"sort", {"rearrangement"}},
      {"split", {"slices"}},
      {"sll", {"sll-psd"}},
      {"add", {"sum"}},
      {"concat", {"root-sum-squares", "disjoint-slices"}},
      {"max-min", {"root-sum-squares"}}};
  const auto found = table.find(op);
  if (found == table.end()) unknown(place, op);
  return found->second;
}

ConvEvidence convolution_evidence(const Json& json, const std::string& place, bool reshape) {
  if (reshape)
    exactly(json, place, {"rows", "axes", "side", "sA", "sR", "C2"});
  else
    exactly(json, place, {"grid", "shift", "axes", "side", "sA", "sR", "C2"});
  ConvEvidence out;
  if (reshape) {
    out.rows = naturals(json.member("rows", place), place + ".rows");
  } else {
    out.grid = naturals(json.member("grid", place), place + ".grid");
    out.shift = naturals(json.member("shift", place), place + ".shift");
    for (const std::uint64_t shift : out.shift)
      if (shift > 1) reject(place + ".shift has the entry " + std::to_string(shift) + "; a grid is shifted by 0 or 1");
  }
  for (const Json& item : json.member("axes", place).array(place + ".axes")) {
    out.axes.push_back(item.text(place + ".axes"));
    if (out.axes.back() != "zero" && out.axes.back() != "circular" && out.axes.back() != "copies") unknown(place + ".axes", out.axes.back());
  }
  out.gram = gram_of(json, place);
  return out;
}

void block_evidence(const Json& json, const std::string& place, BlockClaim& out) {
  if (out.theorem == "dense-gram-psd" || out.theorem == "explicit-gram-psd") {
    exactly(json, place, {"side", "sA", "sR", "C2"});
    out.gram = gram_of(json, place);
  } else if (out.theorem == "diagonal-gram") {
    exactly(json, place, {"side"});
    out.gram = GramEvidence();
    out.gram->at_a = side_at_a(json, place);
  } else if (out.op == "convolution") {
    out.convolution = convolution_evidence(json, place, out.theorem == "conv-reshape");
  } else if (out.theorem == "sll-psd") {
    exactly(json, place, {"W", "D", "delta"});
    const Json& w = json.member("W", place);
    exactly(w, place + ".W", {"side", "sA", "sR", "C2"});
    out.gram = gram_of(w, place + ".W");
    const Json& d = json.member("D", place);
    exactly(d, place + ".D", {"sA", "sR"});
    out.sll.sA = grid_scale(d, place + ".D", "sA");
    out.sll.sR = grid_scale(d, place + ".D", "sR");
    out.sll.delta = number(json.member("delta", place), place + ".delta", Toward::above);
  } else if (out.theorem == "disjoint-slices") {
    exactly(json, place, {"tensor"});
    out.tensor = text(json, place, "tensor");
  } else {
    exactly(json, place, {});
  }
}

BlockClaim block(const Json& json, const std::string& place) {
  exactly(json, place, {"id", "operator", "nodes", "inputs", "method", "upper", "lower", "evidence", "lowerEvidence"});
  BlockClaim out;
  out.id = text(json, place, "id");
  out.op = text(json, place, "operator");
  const std::vector<std::string>& theorems = theorems_of(out.op, place + ".operator");
  for (const std::uint64_t n : naturals(json.member("nodes", place), place + ".nodes")) out.nodes.push_back(n);
  for (const Json& item : json.member("inputs", place).array(place + ".inputs")) out.inputs.push_back(item.text(place + ".inputs"));

  const Json& method = json.member("method", place);
  exactly(method, place + ".method", {"theorem", "class"});
  out.theorem = theorem_of(method, place + ".method");
  if (std::find(theorems.begin(), theorems.end(), out.theorem) == theorems.end())
    unknown(place + ".method.theorem (operator " + out.op + ")", out.theorem);
  if (text(method, place + ".method", "class") != "incomplete, deterministic, model-aware")
    reject(place + ".method.class is not 'incomplete, deterministic, model-aware'");
  out.upper = number(json.member("upper", place), place + ".upper", Toward::above);
  out.lower = number(json.member("lower", place), place + ".lower", Toward::below);
  block_evidence(json.member("evidence", place), place + ".evidence", out);
  out.lower_evidence = lower_evidence(json.member("lowerEvidence", place), place + ".lowerEvidence");
  return out;
}

GlobalClaim global_claim(const Json& json, const std::string& place) {
  exactly(json, place, {"id", "kind", "formula", "upper", "lower", "evidence", "lowerEvidence"});
  GlobalClaim out;
  out.formula = text(json, place, "formula");
  out.upper = number(json.member("upper", place), place + ".upper", Toward::above);
  out.lower = number(json.member("lower", place), place + ".lower", Toward::below);
  const Json& evidence = json.member("evidence", place);
  if (const std::string theorem = theorem_of(evidence, place + ".evidence"); theorem != "graph-propagation") unknown(place + ".evidence", theorem);
  exactly(evidence, place + ".evidence", {"theorem"});
  const Json& lower = json.member("lowerEvidence", place);
  const std::string at = place + ".lowerEvidence";
  const std::string theorem = theorem_of(lower, at);
  if (theorem == "zero") {
    exactly(lower, at, {"theorem"});
  } else if (theorem == "directional-derivative") {
    exactly(lower, at, {"theorem", "point", "direction"});
    out.lower_is_zero = false;
    out.point = vector(lower.member("point", at), at + ".point");
    out.direction = vector(lower.member("direction", at), at + ".direction");
  } else {
    unknown(at, theorem);
  }
  return out;
}

PairClaim pair_claim(const Json& json, const std::string& place) {
  exactly(json, place, {"id", "kind", "formula", "classes", "upper", "evidence"});
  PairClaim out;
  out.formula = text(json, place, "formula");
  out.classes = natural(json.member("classes", place), place + ".classes");
  if (out.classes < 2 || out.classes > 1024) reject(place + ".classes is not between 2 and 1024");
  const Json& upper = json.member("upper", place);
  const std::string at = place + ".upper";
  exactly(upper, at, {"exact", "decimal"});
  const std::vector<Json>& exact = upper.member("exact", at).array(at + ".exact");
  const std::vector<Json>& decimal = upper.member("decimal", at).array(at + ".decimal");
  if (exact.size() != out.classes * (out.classes - 1) / 2 || decimal.size() != exact.size())
    reject(at + " has " + std::to_string(exact.size()) + " numbers and " + std::to_string(decimal.size()) + " decimals for " +
           std::to_string(out.classes) + " classes");
  for (std::size_t k = 0; k < exact.size(); ++k) {
    const std::string item = at + "[" + std::to_string(k) + "]";
    out.upper.push_back(number(exact[k].text(item + ".exact"), decimal[k].text(item + ".decimal"), item, Toward::above));
  }
  const Json& evidence = json.member("evidence", place);
  const std::string theorem = theorem_of(evidence, place + ".evidence");
  if (theorem != "pair-row-difference" && theorem != "pair-sqrt2") unknown(place + ".evidence", theorem);
  exactly(evidence, place + ".evidence", {"theorem"});
  out.by_rows = theorem == "pair-row-difference";
  return out;
}

void model(const Json& json, const std::string& place, Statement& out) {
  exactly(json, place, {"format", "bytes", "graphDigest", "externalFiles", "input", "output"}, {"fixedInputs"});
  const std::string format = text(json, place, "format");
  if (format != "onnx" && format != "nnet") unknown(place + ".format", format);
  out.nnet = format == "nnet";
  out.model_bytes = natural(json.member("bytes", place), place + ".bytes");
  out.graph_digest = digest(json, place, "graphDigest");
  for (const Json& item : json.member("externalFiles", place).array(place + ".externalFiles")) {
    const std::string at = place + ".externalFiles";
    exactly(item, at, {"name", "bytes", "sha256"});
    out.external_files.push_back({text(item, at, "name"), natural(item.member("bytes", at), at + ".bytes"), digest(item, at, "sha256")});
  }
  const Json& input = json.member("input", place);
  exactly(input, place + ".input", {"name", "shape", "symbolic"}, {"given"});
  out.input_name = text(input, place + ".input", "name");
  out.input_shape = naturals(input.member("shape", place + ".input"), place + ".input.shape");
  out.symbolic = naturals(input.member("symbolic", place + ".input"), place + ".input.symbolic");
  if (const Json* given = input.find("given", place + ".input")) out.given = naturals(*given, place + ".input.given");
  if (out.given.empty() && input.find("given", place + ".input") != nullptr) reject(place + ".input.given is empty; it would be absent");
  const Json& output = json.member("output", place);
  exactly(output, place + ".output", {"name", "shape"}, {"others"});
  out.output_name = text(output, place + ".output", "name");
  out.output_shape = naturals(output.member("shape", place + ".output"), place + ".output.shape");
  if (const Json* others = output.find("others", place + ".output")) out.other_outputs = texts(*others, place + ".output.others");
  if (const Json* fixed = json.find("fixedInputs", place)) out.fixed_inputs = texts(*fixed, place + ".fixedInputs");
  if (out.fixed_inputs.empty() && json.find("fixedInputs", place) != nullptr) reject(place + ".fixedInputs is empty; it would be absent");
}

void semantics(const Json& json, const std::string& place, Statement& out) {
  exactly(json, place, {"arithmetic", "inputNorm", "outputNorm", "domain", "units"});
  static const std::vector<std::pair<std::string, std::string>> wanted = {
      {"arithmetic", "real"}, {"inputNorm", "l2"}, {"outputNorm", "l2"}, {"domain", "all"}, {"units", "graph input"}};
  for (const auto& [key, value] : wanted)
    if (text(json, place, key) != value) unknown(place + "." + key, text(json, place, key));
  out.arithmetic = text(json, place, "arithmetic");
}

/// Members that say where a certificate comes from. Their form is checked; their content is the signer's word.
void provenance(const Json& predicate, const std::string& place, Statement& out) {
  const Json& generator = predicate.member("generator", place);
  std::string at = place + ".generator";
  at_least(generator, at, {"name", "version", "commit", "binarySha256", "libraries", "cpuKernel"}, out.warnings);
  for (const char* key : {"name", "version", "commit", "binarySha256", "cpuKernel"}) (void)text(generator, at, key);
  for (const auto& [name, value] : generator.member("libraries", at).object(at + ".libraries")) (void)value.text(at + ".libraries." + printable(name));
  out.tool_version = text(generator, at, "version");
  out.tool = text(generator, at, "name") + " " + out.tool_version;

  at = place + ".settings";
  for (const auto& [name, value] : predicate.member("settings", place).object(at))
    if (!value.is(Json::Kind::string) && !value.is(Json::Kind::integer)) reject(at + "." + printable(name) + " is neither a string nor an integer");

  for (const Json& item : predicate.member("notCovered", place).array(place + ".notCovered"))
    out.not_covered.push_back(item.text(place + ".notCovered"));
  for (const Json& item : predicate.member("assumptions", place).array(place + ".assumptions")) {
    at = place + ".assumptions";
    exactly(item, at, {"id", "text", "dischargedBy"});
    out.assumptions.push_back({text(item, at, "id"), text(item, at, "text"), text(item, at, "dischargedBy")});
  }

  const Json& issuance = predicate.member("issuance", place);
  at = place + ".issuance";
  at_least(issuance, at, {"issuer", "issuedAt", "notAfter", "requirements"}, out.warnings);
  out.issuer = text(issuance, at, "issuer");
  out.issued_at = text(issuance, at, "issuedAt");
  if (!is_time(out.issued_at)) reject(at + ".issuedAt is not a time YYYY-MM-DDThh:mm:ssZ");
  if (const Json& end = issuance.member("notAfter", at); !end.is(Json::Kind::null)) {
    out.not_after = end.text(at + ".notAfter");
    if (!is_time(*out.not_after)) reject(at + ".notAfter is neither null nor a time YYYY-MM-DDThh:mm:ssZ");
  }
  for (const Json& item : issuance.member("requirements", at).array(at + ".requirements")) out.requirements.push_back(item.text(at + ".requirements"));
}

}  // namespace

Statement parse_statement(const std::string& payload) {
  Statement out;
  const Json root = Json::parse(payload, "the payload");
  at_least(root, "payload", {"_type", "subject", "predicateType", "predicate"}, out.warnings);
  if (text(root, "payload", "_type") != "https://in-toto.io/Statement/v1") unknown("payload._type", text(root, "payload", "_type"));
  out.predicate_type = text(root, "payload", "predicateType");
  if (out.predicate_type != "https://lipcert.github.io/attestation/lipschitz-certificate/v1") unknown("payload.predicateType", out.predicate_type);
  const std::vector<Json>& subjects = root.member("subject", "payload").array("payload.subject");
  if (subjects.size() != 1) reject("payload.subject has " + std::to_string(subjects.size()) + " entries; exactly one is wanted");
  at_least(subjects[0], "payload.subject[0]", {"name", "digest"}, out.warnings);
  out.subject_name = text(subjects[0], "payload.subject[0]", "name");
  const Json& digests = subjects[0].member("digest", "payload.subject[0]");
  at_least(digests, "payload.subject[0].digest", {"sha256"}, out.warnings);
  out.subject_sha256 = digest(digests, "payload.subject[0].digest", "sha256");

  const Json& predicate = root.member("predicate", "payload");
  const std::string place = "predicate";
  at_least(predicate, place,
           {"formatVersion", "claims", "model", "semantics", "notCovered", "blocks", "constantNodes", "assumptions", "generator", "settings", "issuance"},
           out.warnings);
  if (const std::int64_t version = predicate.member("formatVersion", place).integer(place + ".formatVersion"); version != 1)
    unknown(place + ".formatVersion", std::to_string(version));
  model(predicate.member("model", place), place + ".model", out);
  semantics(predicate.member("semantics", place), place + ".semantics", out);

  std::size_t index = 0;
  for (const Json& item : predicate.member("blocks", place).array(place + ".blocks"))
    out.blocks.push_back(block(item, place + ".blocks[" + std::to_string(index++) + "]"));
  for (const std::uint64_t n : naturals(predicate.member("constantNodes", place), place + ".constantNodes")) out.constant_nodes.push_back(n);

  index = 0;
  for (const Json& item : predicate.member("claims", place).array(place + ".claims")) {
    const std::string at = place + ".claims[" + std::to_string(index++) + "]";
    const std::string kind = text(item, at, "kind");
    const std::string id = text(item, at, "id");
    if (kind == "global-lipschitz") {
      if (out.global || id != "lipschitz-global") reject(at + ": a second claim of this kind, or an id that is not lipschitz-global");
      out.global = global_claim(item, at);
    } else if (kind == "pair-lipschitz") {
      if (out.pairs || id != "lipschitz-pairs") reject(at + ": a second claim of this kind, or an id that is not lipschitz-pairs");
      out.pairs = pair_claim(item, at);
    } else if (kind == "sample-radii") {
      if (out.samples || id != "sample-radii") reject(at + ": a second claim of this kind, or an id that is not sample-radii");
      out.samples = item;
    } else {
      unknown(at + ".kind", kind);
    }
  }
  if (!out.global && !out.pairs) reject("the certificate claims nothing");
  provenance(predicate, place, out);
  return out;
}

}  // namespace lipverify
