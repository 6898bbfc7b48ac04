#pragma once

#include <string>
#include <vector>

#include "common/base/time.h"
#include "common/testing/process.h"
#include "common/testing/temp_dir.h"

namespace invigil::testing {

// A real redis-server on a free port of 127.0.0.1 and on a unix socket, empty and without
// persistence. Ready (answers PING) when the constructor returns; aborts when it cannot be had.
class RedisServer {
 public:
  // `extra`: more arguments, such as {"--maxmemory", "2mb"}.
  explicit RedisServer(std::vector<std::string> extra = {});

  // "127.0.0.1:PORT" and "unix:/path": as redis::Client takes them. Stable across Restart.
  std::string tcp_address() const;
  std::string unix_address() const;

  // SIGKILL: what was in memory is gone.
  void KillNow();
  // Starts it again, empty, at the same addresses. Returns when it answers.
  void Restart();
  void Pause();   // SIGSTOP
  void Resume();  // SIGCONT
  // Sends one inline command such as "FLUSHALL" on a fresh connection and returns the first line
  // of the reply, without CRLF; empty when there is no server or no reply within 2 s.
  std::string Command(const std::string& line) const;

 private:
  bool Start(Duration limit);
  [[noreturn]] void Fail() const;

  TempDir dir_;
  std::vector<std::string> extra_;
  int port_ = 0;
  Process process_;
};

}  // namespace invigil::testing
