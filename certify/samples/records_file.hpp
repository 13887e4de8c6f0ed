// The side files of a claim about samples (formats/SPEC.md, sections 8 and 9), one record for each sample and the evidence of local radii: written
// while samples arrive, named by their digests when the certificate that names them is.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "formats/data/sha256.hpp"
#include "formats/encoding/merkle.hpp"
#include "formats/encoding/pending_file.hpp"

namespace lipcert {

struct SideFile {
  std::string name;  // <sha256>.lipcert.<ending>, no directory part
  std::uint64_t bytes = 0;
  std::string sha256;
  std::string merkle_root;
  std::string path;                      // where it lies now
  std::shared_ptr<PendingFile> pending;  // until `publish_side_file`: the file disappears with the last copy of this
};

/// Writes a temporary file in `folder`, which is complete when `finish` returns and has its name after `publish_side_file`.
class SideFileWriter {
 public:
  /// `ending`: "records" or "local".
  SideFileWriter(const std::string& folder, const std::string& ending);

  /// The bytes of one sample, a leaf of the Merkle tree. Throws `Error` (input) when the disk is full or the like.
  void add(const std::string& bytes);
  [[nodiscard]] std::uint64_t bytes() const { return bytes_ + buffer_.size(); }
  /// Syncs the file.
  [[nodiscard]] SideFile finish();

 private:
  void flush();

  std::string ending_;
  std::shared_ptr<PendingFile> file_;
  std::string buffer_;
  std::uint64_t bytes_ = 0;
  Sha256 digest_;
  MerkleTree tree_;
};

/// Gives the file its name in its folder. A file of that name and content is left as it stands; a damaged one is replaced.
void publish_side_file(SideFile& file);

}  // namespace lipcert
