#include "certify/samples/records_file.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include "formats/encoding/error.hpp"
#include "formats/encoding/files.hpp"

namespace lipcert {

namespace {

Error cannot_write(const std::string& path) {
  return input_error(path + ": cannot be written (" + std::generic_category().message(errno) + "); make room, or choose another folder.");
}

}  // namespace

RecordsWriter::RecordsWriter(const std::string& folder) : folder_(folder), temporary_(folder + "/.lipcert-records-XXXXXX") {
  descriptor_ = ::mkostemp(temporary_.data(), O_CLOEXEC);
  if (descriptor_ < 0) throw cannot_write(folder);
}

RecordsWriter::~RecordsWriter() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void RecordsWriter::flush() {
  std::size_t written = 0;
  while (written < buffer_.size()) {
    const ssize_t got = ::write(descriptor_, buffer_.data() + written, buffer_.size() - written);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) throw cannot_write(folder_);
    written += static_cast<std::size_t>(got);
  }
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
  RecordsFile file;
  file.bytes = bytes_;
  file.sha256 = to_hex(digest_.finish());
  file.merkle_root = to_hex(tree_.root());
  file.name = file.sha256 + ".lipcert.records";
  const mode_t mask = ::umask(0);
  ::umask(mask);
  const std::string path = folder_ + "/" + file.name;
  file.fresh = ::access(path.c_str(), F_OK) != 0;
  if (::fchmod(descriptor_, 0666 & ~mask) != 0 || ::fsync(descriptor_) != 0 || ::rename(temporary_.c_str(), path.c_str()) != 0)
    throw cannot_write(path);
  temporary_.clear();
  return file;
}

}  // namespace lipcert
