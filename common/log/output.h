// Where finished lines go: a file descriptor, written in large pieces. Private to this room.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace invigil::log {

// Not thread-safe.
class Output {
 public:
  // Standard error.
  Output();
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Appends to `path` from now on. On failure stays at standard error and returns the reason.
  std::string Open(const std::string& path);
  // Writes, and goes back to standard error.
  void Close();
  // Adds a line and its end; writes when much has gathered.
  void Add(std::string_view line);
  // Writes what was added. What cannot be written (disk full, pipe stuck for a second) is lost.
  void Flush();
  // Lines lost since the last call.
  uint64_t TakeLost();

 private:
  int fd_;
  std::string pending_;
  uint64_t lost_ = 0;
};

}  // namespace invigil::log
