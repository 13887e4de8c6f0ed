// A file under a temporary name until it is complete; and what happens to such files when the program is told to stop.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

namespace lipcert {

/// Looks at what stands at a path and throws `Error` when it must not be replaced. It may be called twice, the second time with another name
/// of the same file.
using ReplaceGuard = std::function<void(const std::string& standing)>;

/// A new file in some folder, with a hidden name of its own. It disappears again unless it is published: when this object is destroyed, and
/// when the program is ended by SIGINT, SIGTERM, SIGHUP or SIGXCPU (`prepare_process`). After SIGKILL the hidden file stays, and nothing else.
class PendingFile {
 public:
  /// For `path`, in the folder of which it is created. `mode` are the permission bits (less the umask). Throws `Error` (input).
  PendingFile(const std::string& path, unsigned mode);
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;
  ~PendingFile();

  [[nodiscard]] const std::string& temporary() const { return temporary_; }
  /// Throws `Error` (input) when the disk is full or the like.
  void write(const char* bytes, std::size_t size);
  /// Everything is on the disk afterwards, and nothing more can be written.
  void sync();
  /// Moves the file to `path`, in the same folder. Without a guard an existing file is left alone and `Error` is thrown. With one, it is
  /// exchanged for this one and looked at once more before it is removed: what came there since the first look is put back.
  void publish(const std::string& path, const ReplaceGuard* guard);

 private:
  [[noreturn]] void fail(const std::string& path, int error) const;
  void settle(const std::string& path);

  std::string path_;
  std::string temporary_;
  int descriptor_ = -1;
  int place_ = -1;  // in the list of names that a signal removes
};

/// For the start of a program: closed standard descriptors are opened, so that no file of ours gets their numbers (and writing to them still
/// fails); a closed pipe and a limit on file sizes are errors of `write` and no signals; signals that end the program remove pending files.
void prepare_process();

/// A process that is to be ended with this one by those signals; 0: none.
void end_with_this_process(int process);

}  // namespace lipcert
