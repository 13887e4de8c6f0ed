// Files: read whole under a cap, write atomically, and SHA-256. Every failure is an `Error` (exit code 3) with file, reason and remedy.
#pragma once

#include <cstdint>
#include <string>

namespace lipcert {

/// The bytes of a regular file (links are followed), read once. Refuses folders, devices and files above `cap` bytes before memory is
/// taken.
[[nodiscard]] std::string read_file(const std::string& path, std::uint64_t cap);

/// The bytes of the plain file `name` in `folder`, for files that an untrusted document points to: no directory part, not a symbolic link,
/// exactly one hard link, regular, at most `cap` bytes.
[[nodiscard]] std::string read_file_beside(const std::string& folder, const std::string& name, std::uint64_t cap);

enum class Overwrite { no, yes };

/// Writes a temporary file in the same folder, syncs it to disk, and moves it to `path`: readers see nothing or everything. With
/// `Overwrite::no` an existing file is left alone and `Error` is thrown. `mode` are the permission bits (less the umask).
void write_file(const std::string& path, const std::string& bytes, Overwrite overwrite, unsigned mode = 0666);

/// SHA-256 as 32 raw bytes, and as lower-case hex.
[[nodiscard]] std::string sha256(const std::string& bytes);
[[nodiscard]] std::string sha256_hex(const std::string& bytes);

/// Lower-case hex of any bytes.
[[nodiscard]] std::string to_hex(const std::string& bytes);

/// The folder of a path ("." when it has none) and its last part.
[[nodiscard]] std::string folder_of(const std::string& path);
[[nodiscard]] std::string file_name_of(const std::string& path);

}  // namespace lipcert
