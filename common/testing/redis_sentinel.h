#pragma once

#include <string>

#include "common/testing/process.h"
#include "common/testing/redis_server.h"
#include "common/testing/temp_dir.h"

namespace invigil::testing {

// A real Redis Sentinel on a free port of 127.0.0.1, alone in its judgement, that watches `master`
// under the name "exam" and takes half a second of silence for death. Answers when the constructor
// returns; aborts when it cannot be had.
class RedisSentinel {
 public:
  // `more`: further lines of its configuration.
  explicit RedisSentinel(const RedisServer& master, const std::string& more = "");

  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  // Sends one inline command and returns the whole answer, as it came, with a "+PONG" behind it.
  std::string Command(const std::string& line) const;
  // Whether it names `server` as the master.
  bool Names(const RedisServer& server) const;
  // Waits until it could make `replica` the master.
  bool Knows(const RedisServer& replica) const;

  void KillNow() { process_.Kill(); }
  // Starts it again on the same port with what it knew.
  void Restart();
  void Pause();   // SIGSTOP
  void Resume();  // SIGCONT

 private:
  bool Start();
  [[noreturn]] void Fail() const;

  TempDir dir_;
  int port_ = 0;
  Process process_;
};

}  // namespace invigil::testing
