#include "certify/samples/records_file.hpp"

#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert {

SideFileWriter::SideFileWriter(const std::string& folder, const std::string& ending)
    : ending_(ending), file_(std::make_shared<PendingFile>(folder + "/lipcert-" + ending, 0666)) {}

void SideFileWriter::flush() {
  file_->write(buffer_.data(), buffer_.size());
  digest_.add(buffer_.data(), buffer_.size());
  bytes_ += buffer_.size();
  buffer_.clear();
}

void SideFileWriter::add(const std::string& bytes) {
  tree_.add(bytes);
  buffer_ += bytes;
  if (buffer_.size() >= (std::size_t{1} << 18)) flush();
}

SideFile SideFileWriter::finish() {
  flush();
  file_->sync();
  SideFile file;
  file.bytes = bytes_;
  file.sha256 = to_hex(digest_.finish());
  file.merkle_root = to_hex(tree_.root());
  file.name = file.sha256 + ".lipcert." + ending_;
  file.path = file_->temporary();
  file.pending = std::move(file_);
  return file;
}

void publish_side_file(SideFile& file) {
  if (!file.pending) return;
  const std::string path = folder_of(file.path) + "/" + file.name;
  try {
    if (sha256_hex(read_file(path, file.bytes)) == file.sha256) {  // another certificate's, or that of an earlier run: it is not touched
      file.path = path;
      file.pending.reset();
      return;
    }
  } catch (const Error&) {
    // Missing, or damaged: replaced.
  }
  const ReplaceGuard same_content = [](const std::string& /*standing*/) {};
  file.pending->publish(path, &same_content);
  file.path = path;
  file.pending.reset();
}

}  // namespace lipcert
