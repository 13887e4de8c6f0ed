#include "certify/report/attack_result.hpp"

#include <cmath>

#include "certify/report/plain_text.hpp"
#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert::report {

AttackResult read_attack(const std::string& path, const SampleView& samples) {
  const std::string shown = printable(path);
  const auto wrong = [&](const std::string& what) {
    return input_error(shown + ": " + what + "; make it with `lipcert attack MODEL --data DATA --certificate CERT --json`.");
  };
  // Distances are floats, which `parse_json` refuses: they prove nothing, so here they may be.
  const Json result = Json::parse(read_file(path, std::uint64_t{1} << 30), nullptr, false);
  AttackResult out;
  try {
    if (result.is_discarded()) throw wrong("is not valid JSON");
    if (result.at("unit") != name_of(samples.unit)) throw wrong("counts distances in another unit than the certificate its eps");
    out.attacked = result.at("attacked").get<std::uint64_t>();
    out.flipped = result.at("flipped").get<std::uint64_t>();
    out.refuted = result.value("refuted", std::uint64_t{0});
    if (out.attacked > samples.records.size() || out.flipped > out.attacked) throw wrong("is about more samples than the certificate");
    const std::uint64_t first = samples.claim.at("selection").at("first").get<std::uint64_t>();
    for (const Json& item : result.at("flips")) {
      const Flip flip{item.at("index").get<std::uint64_t>(), item.at("from").get<std::uint32_t>(), item.at("to").get<std::uint32_t>(),
                      item.at("distance").get<double>(), out.flips.size()};
      const std::string sample = "sample " + std::to_string(flip.index);
      if (flip.index < first || flip.index - first >= samples.records.size())
        throw wrong("has " + sample + ", which the certificate does not have");
      if (!(flip.distance >= 0) || !std::isfinite(flip.distance)) throw wrong("has no distance for " + sample);
      const SampleRecord& record = samples.records[flip.index - first];
      if (record.predicted != no_class && record.predicted != flip.from)
        throw wrong("gives " + sample + " another class than the certificate");
      if (item.contains("radius") && item.at("radius").is_number()) {
        const double radius = samples.radius(record);
        if (std::abs(item.at("radius").get<double>() - radius) > 1e-9 * std::max(1.0, radius))
          throw wrong("gives " + sample + " another radius than the certificate");
      }
      if (!out.flips.emplace(flip.index, flip).second) throw wrong("has " + sample + " twice");
    }
    if (result.contains("inputs")) {
      const std::string name = result.at("inputs").at("file").get<std::string>();
      if (name.empty() || name != file_name_of(name) || name == "." || name == "..") throw wrong("names flipped inputs that do not lie beside it");
      out.inputs = folder_of(path) + "/" + name;
      out.inputs_sha256 = result.at("inputs").at("sha256").get<std::string>();
    }
    if (out.flips.size() > out.flipped) throw wrong("lists more flips than it counts");
  } catch (const Json::exception&) {
    throw wrong("is not built like the result of an attack");
  }
  return out;
}

}  // namespace lipcert::report
