// The side file with one record per sample (formats/SPEC.md, section 8): written while samples arrive, named by its digest when the
// certificate that names it is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "certify/samples/samples.hpp"
#include "formats/data/sha256.hpp"
#include "formats/encoding/merkle.hpp"
#include "formats/encoding/pending_file.hpp"

namespace lipcert {

struct RecordsFile {
  std::string name;  // <sha256>.lipcert.records, no directory part
  std::uint64_t bytes = 0;
  std::string sha256;
  std::string merkle_root;
  std::string path;                      // where it lies now
  std::shared_ptr<PendingFile> pending;  // until `publish_records`: the file disappears with the last copy of this
};

/// Writes a temporary file in `folder`, which is complete when `finish` returns and has its name after `publish_records`.
class RecordsWriter {
 public:
  explicit RecordsWriter(const std::string& folder);

  /// Throws `Error` (input) when the disk is full or the like.
  void add(const SampleRecord& record);
  /// Syncs the file.
  [[nodiscard]] RecordsFile finish();

 private:
  void flush();

  std::shared_ptr<PendingFile> file_;
  std::string buffer_;
  std::uint64_t bytes_ = 0;
  Sha256 digest_;
  MerkleTree tree_;
};

/// Gives the records their name in their folder. A file of that name has the same content unless it was damaged, and is replaced.
void publish_records(RecordsFile& records);

}  // namespace lipcert
