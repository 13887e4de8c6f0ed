// The files of a run: folders and lists spelled out, and for each certificate the model and the data that it names. What a certificate
// names is read here before anybody checked it: it chooses which files are handed to the check, and the check compares their digests
// itself.
#pragma once

#include <string>
#include <vector>

#include "verifier/lipverify.hpp"

namespace lipverify {

/// A name of the command line: a file, or why there is none.
struct Input {
  std::string path;
  std::string error;  // one sentence; empty: `path` is a file, which may still be unreadable
};

/// Files stay as they are; a folder becomes its files whose names end in one of `suffixes`, in the order of their names; "@LIST" becomes
/// the names in the file LIST, one on a line, each a file or a folder ('#' begins a comment). `many` is set where a folder or a list was
/// met.
[[nodiscard]] std::vector<Input> expand(const std::vector<std::string>& names, const std::vector<std::string>& suffixes,
                                        const std::string& what, bool& many);

/// Candidates of one kind, found by their digest.
class Candidates {
 public:
  /// Reads the files; one that cannot be read has no digest.
  explicit Candidates(std::vector<std::string> paths);
  /// Files that are handed on without being looked for.
  [[nodiscard]] static Candidates unread(const std::vector<std::string>& paths);
  [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }
  /// The file with this SHA-256, or nullptr.
  [[nodiscard]] const std::string* find(const std::string& sha256);
  /// Those that were never found; of a run that found none, all.
  [[nodiscard]] std::vector<std::string> unused() const;

 private:
  std::vector<std::string> paths_, digests_;
  std::vector<char> used_;
};

/// What the payload of a certificate names, as far as it can be read.
struct Named {
  std::string model_sha256;
  bool samples = false;
  std::string data_sha256, labels_sha256;  // empty: a folder, or not named
};
[[nodiscard]] Named named_in(const std::string& certificate_bytes);

/// SHA-256 of a file of any size; empty where it cannot be read.
[[nodiscard]] std::string file_sha256(const std::string& path);

}  // namespace lipverify
