// Small files, read without hanging and written so that a reader never sees half of one.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace invigil::auth {

// Changes whenever a file is replaced or rewritten.
struct FileVersion {
  uint64_t device = 0, inode = 0, size = 0;
  int64_t modified_ns = 0, changed_ns = 0;
  bool operator==(const FileVersion&) const = default;
};

struct SmallFile {
  FileVersion version;
  mode_t mode = 0;
  bool unchanged = false;  // the version is `known`: the text was not read
  std::string text;
};

// Errors: NOT_FOUND; FAILED_PRECONDITION saying why (no permission, not a regular file, over 1 MB).
absl::StatusOr<SmallFile> ReadSmallFile(const std::string& path, const FileVersion& known = {});

// Durable when OK. CreateFile: ALREADY_EXISTS when `path` is there. ReplaceFile: by rename.
// Else FAILED_PRECONDITION saying why. Nothing is left behind on error.
absl::Status CreateFile(const std::string& path, const std::string& text, mode_t mode);
absl::Status ReplaceFile(const std::string& path, const std::string& text, mode_t mode);

// Holds the advisory lock on `path` (made when absent) until it goes out of scope.
class FileLock {
 public:
  explicit FileLock(const std::string& path);
  ~FileLock();
  FileLock(const FileLock&) = delete;
  FileLock& operator=(const FileLock&) = delete;
  bool held() const { return fd_ >= 0; }

 private:
  int fd_;
};

}  // namespace invigil::auth
