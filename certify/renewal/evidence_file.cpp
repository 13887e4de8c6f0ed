#include "certify/renewal/evidence_file.hpp"

#include <cmath>
#include <utility>
#include <vector>

#include "formats/encoding/base64.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"
#include "formats/encoding/hex_float.hpp"
#include "formats/encoding/json.hpp"

namespace lipcert {
namespace {

constexpr std::uint64_t largest_evidence = 268435456;

/// Everything about the program that a bound may depend on.
std::string program_of(const Generator& generator) {
  Json libraries = Json::object();
  for (const auto& [name, version] : generator.libraries) libraries[name] = version;
  return sha256_hex(write_json({{"version", generator.version},
                                {"commit", generator.commit},
                                {"binary", generator.binary_sha256},
                                {"libraries", libraries},
                                {"kernel", generator.cpu_kernel}}));
}

Json json_of(const IntegerVector& vector) {
  std::string bytes;
  bytes.reserve(4 * vector.mantissas.size());
  for (const std::int32_t mantissa : vector.mantissas) {
    for (unsigned shift = 0; shift < 32; shift += 8) {
      bytes += static_cast<char>(static_cast<unsigned char>(static_cast<std::uint32_t>(mantissa) >> shift & 0xffU));
    }
  }
  return {{"exponent", vector.exponent}, {"int32", base64_encode(bytes)}};
}

IntegerVector vector_of(const Json& json) {
  IntegerVector vector;
  vector.exponent = json.at("exponent").get<int>();
  const std::string bytes = base64_decode(json.at("int32").get<std::string>());
  if (bytes.size() % 4 != 0 || std::abs(vector.exponent) > 1200) throw input_error("no integer vector");
  for (std::size_t at = 0; at < bytes.size(); at += 4) {
    std::uint32_t bits = 0;
    for (unsigned k = 0; k < 4; ++k) bits |= static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[at + k])) << (8 * k);
    vector.mantissas.push_back(static_cast<std::int32_t>(bits));
  }
  return vector;
}

Json json_of(const BlockEvidence& evidence) {
  Json out = {{"operator", name_of(evidence.op)},
              {"theorem", evidence.theorem},
              {"upper", hex_float(evidence.upper)},
              {"lower", hex_float(evidence.lower)},
              {"grid", evidence.grid},
              {"shift", evidence.shift},
              {"axes", evidence.axes},
              {"rows", evidence.row_axes}};
  if (evidence.gram)
    out["gram"] = {{"atA", evidence.gram->at_a}, {"sA", evidence.gram->sA}, {"sR", evidence.gram->sR}, {"C2", evidence.gram->C2}};
  if (evidence.diagonal_index) out["index"] = *evidence.diagonal_index;
  if (evidence.witness) out["witness"] = json_of(*evidence.witness);
  return out;
}

BlockEvidence evidence_of_json(const Json& json) {
  BlockEvidence out;
  bool known = false;
  for (const BlockOperator op : {BlockOperator::dense, BlockOperator::linear, BlockOperator::convolution}) {
    if (json.at("operator") == name_of(op)) {
      out.op = op;
      known = true;
    }
  }
  out.theorem = json.at("theorem").get<std::string>();
  out.upper = parse_hex_float(json.at("upper").get<std::string>());
  out.lower = parse_hex_float(json.at("lower").get<std::string>());
  if (!known || !std::isfinite(out.upper) || !(0 <= out.lower && out.lower <= out.upper)) throw input_error("no evidence of a block");
  out.grid = json.at("grid").get<std::vector<std::uint64_t>>();
  out.shift = json.at("shift").get<std::vector<std::uint64_t>>();
  out.axes = json.at("axes").get<std::vector<std::string>>();
  out.row_axes = json.at("rows").get<std::vector<std::uint64_t>>();
  if (json.contains("gram")) {
    const Json& gram = json.at("gram");
    out.gram =
        GramEvidence{gram.at("atA").get<bool>(), gram.at("sA").get<int>(), gram.at("sR").get<int>(), gram.at("C2").get<std::string>()};
  }
  if (json.contains("index")) out.diagonal_index = json.at("index").get<std::uint64_t>();
  if (json.contains("witness")) out.witness = vector_of(json.at("witness"));
  return out;
}

/// What is signed: no DSSE envelope begins like that, so that no signature of one kind is one of the other.
std::string signed_text(const std::string& body) {
  return "lipcert-evidence-1\n" + body;
}

}  // namespace

std::string evidence_path(const std::string& certificate) {
  return certificate + ".evidence";
}

void read_evidence(const std::string& path, const Generator& generator, const EvidenceVerifier& verifies, EvidenceStore& store) {
  try {
    const Json file = parse_json(read_file(path, largest_evidence), path);
    const auto body = file.at("body").get<std::string>();
    if (file.at("lipcertEvidence") != 1 || !verifies(signed_text(body), base64_decode(file.at("signature").get<std::string>()))) return;
    const Json json = parse_json(body, path);
    if (json.at("program") != program_of(generator)) return;
    std::vector<std::pair<std::string, BlockEvidence>> all;  // offered only when the whole file is sound
    for (const auto& [key, value] : json.at("blocks").items()) all.emplace_back(key, evidence_of_json(value));
    for (auto& [key, evidence] : all) store.offer(key, std::move(evidence));
  } catch (const Error&) {
    return;
  } catch (const Json::exception&) {
    return;
  }
}

void write_evidence(const std::string& path, const Generator& generator, const EvidenceSigner& sign, const EvidenceStore& store) {
  try {
    Json blocks = Json::object();
    for (const auto& [key, evidence] : store.used()) blocks[key] = json_of(evidence);
    const std::string body = write_json({{"program", program_of(generator)}, {"blocks", blocks}});
    write_file(path, write_json({{"lipcertEvidence", 1}, {"body", body}, {"signature", base64_encode(sign(signed_text(body)))}}),
               Overwrite::yes);
  } catch (const Error&) {
    return;
  }
}

}  // namespace lipcert
