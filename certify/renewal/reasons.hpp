// Why a certificate of a manifest is to be made again. Read off the certificate that stands at the entry's output and the files of today:
// there is no other memory, so that a run that was killed, a second run and a run on another machine all find the same.
//
// A certificate that is found unchanged has not been rechecked: what it is worth, lipverify says. What is compared is what it says about
// itself, and, where the key is given, its signature.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "certify/certificate/keys.hpp"
#include "certify/renewal/manifest.hpp"

namespace lipcert {

/// `kind` is one of: missing, damaged, records, key, model, data, settings, tool, age, expired.
struct RenewalReason {
  std::string kind;
  std::string text;  // a phrase for people
};

/// Data sets that several entries name are read once in a run.
class DataCatalogue {
 public:
  /// As `scan_data`, which throws `Error` (input).
  [[nodiscard]] DataDescription describe(const DataSource& source);

 private:
  struct Slot {
    std::mutex mutex;
    std::optional<DataDescription> description;
  };
  std::mutex mutex_;
  std::map<std::string, std::shared_ptr<Slot>> slots_;
};

/// What decisions are made with: today's program and time.
struct RenewalToday {
  Generator generator;
  std::int64_t now = 0;                           // `issue_time()`
  std::map<std::string, const SigningKey*> keys;  // by name; those that were given
};

/// Empty: the certificate is what would be made now, but for its time of issue. Throws `Error` when model or data cannot be read, or
/// something that is no certificate stands at the output's place.
[[nodiscard]] std::vector<RenewalReason> reasons_to_renew(const ManifestEntry& entry, const RenewalToday& today, DataCatalogue& data);

/// The job that makes an entry's certificate now.
[[nodiscard]] CertifyJob job_of(const ManifestEntry& entry, std::int64_t now);

}  // namespace lipcert
