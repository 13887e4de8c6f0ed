// The side file with one record per sample (formats/SPEC.md, section 8): written while samples arrive, named by its digest when it is
// complete.
#pragma once

#include <cstdint>
#include <string>

#include "certify/samples/samples.hpp"
#include "formats/data/sha256.hpp"
#include "formats/encoding/merkle.hpp"

namespace lipcert {

struct RecordsFile {
  std::string name;  // <sha256>.lipcert.records, no directory part
  std::uint64_t bytes = 0;
  std::string sha256;
  std::string merkle_root;
  bool fresh = true;  // no file of this name, and hence with this content, was there before
};

/// Writes a temporary file in `folder`; unless `finish` is reached it disappears again.
class RecordsWriter {
 public:
  explicit RecordsWriter(const std::string& folder);
  RecordsWriter(const RecordsWriter&) = delete;
  RecordsWriter& operator=(const RecordsWriter&) = delete;
  ~RecordsWriter();

  /// Throws `Error` (input) when the disk is full or the like.
  void add(const SampleRecord& record);
  /// Syncs the file and gives it its name.
  [[nodiscard]] RecordsFile finish();

 private:
  void flush();

  std::string folder_;
  std::string temporary_;
  int descriptor_ = -1;
  std::string buffer_;
  std::uint64_t bytes_ = 0;
  Sha256 digest_;
  MerkleTree tree_;
};

}  // namespace lipcert
