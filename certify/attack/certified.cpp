#include "certify/attack/certified.hpp"

#include "certify/samples/sample_claim.hpp"
#include "formats/encoding/base64.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert::attack {

CertifiedSamples read_certified_samples(const std::string& certificate) {
  CertifiedSamples result;
  const auto wrong = [&](const std::string& what) {
    return input_error(certificate + ": " + what + "; give a certificate of `lipcert certify --data`.");
  };
  try {
    const Json bundle = parse_json(read_file(certificate, 268435456), certificate);
    const Json statement = parse_json(base64_decode(bundle.at("dsseEnvelope").at("payload").get<std::string>()), certificate);
    result.model_sha256 = statement.at("subject").at(0).at("digest").at("sha256").get<std::string>();
    const Json* claim = nullptr;
    for (const Json& candidate : statement.at("predicate").at("claims")) {
      if (candidate.at("kind") == "sample-radii") claim = &candidate;
    }
    if (claim == nullptr) throw wrong("says nothing about samples");
    result.data = claim->at("data");
    result.scaling = scaling_of(result.data, certificate);
    if (claim->contains("epsUnit") && claim->at("epsUnit") == name_of(Unit::scaled_pixel)) result.eps_unit = Unit::scaled_pixel;
    if (result.data.contains("labelColumn")) result.label_column = result.data.at("labelColumn").get<std::int64_t>();
    result.selection = {claim->at("selection").at("first").get<std::uint64_t>(), claim->at("selection").at("count").get<std::uint64_t>()};
    result.theorem = radius_theorem(claim->at("evidence").at("theorem").get<std::string>(), certificate);
    if (claim->contains("inputRange"))
      result.range = StatedRange{claim->at("inputRange").at("low").get<std::string>(), claim->at("inputRange").at("high").get<std::string>()};
    const Json& records = claim->at("records");
    const std::string name = records.at("file").get<std::string>();
    result.records = read_file_beside(folder_of(certificate), name, std::uint64_t{1} << 36);
    if (sha256_hex(result.records) != records.at("sha256").get<std::string>())
      throw wrong("belongs to other records than those in " + name);
  } catch (const Json::exception&) {
    throw wrong("is not built like a certificate");
  }
  if (result.records.size() != result.selection.count * record_bytes(result.theorem)) throw wrong("has another number of records than of samples");
  return result;
}

}  // namespace lipcert::attack
