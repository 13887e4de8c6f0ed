#include "certify/samples/records_file.hpp"

#include "formats/encoding/files.hpp"

namespace lipcert {

RecordsWriter::RecordsWriter(const std::string& folder) : file_(std::make_shared<PendingFile>(folder + "/lipcert-records", 0666)) {}

void RecordsWriter::flush() {
  file_->write(buffer_.data(), buffer_.size());
  digest_.add(buffer_.data(), buffer_.size());
  bytes_ += buffer_.size();
  buffer_.clear();
}

void RecordsWriter::add(const SampleRecord& record) {
  const std::string bytes = encode(record);
  tree_.add(bytes);
  buffer_ += bytes;
  if (buffer_.size() >= (std::size_t{1} << 18)) flush();
}

RecordsFile RecordsWriter::finish() {
  flush();
  file_->sync();
  RecordsFile file;
  file.bytes = bytes_;
  file.sha256 = to_hex(digest_.finish());
  file.merkle_root = to_hex(tree_.root());
  file.name = file.sha256 + ".lipcert.records";
  file.path = file_->temporary();
  file.pending = std::move(file_);
  return file;
}

void publish_records(RecordsFile& records) {
  if (!records.pending) return;
  const std::string path = folder_of(records.path) + "/" + records.name;
  const ReplaceGuard same_content = [](const std::string& /*standing*/) {};
  records.pending->publish(path, &same_content);
  records.path = path;
  records.pending.reset();
}

}  // namespace lipcert
