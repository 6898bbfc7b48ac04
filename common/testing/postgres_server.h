#pragma once

#include <string>

#include "common/base/time.h"
#include "common/testing/process.h"
#include "common/testing/temp_dir.h"

namespace invigil::testing {

// A real PostgreSQL server of its own, on a unix socket in a temporary folder: no port that another
// could take. It runs with fsync on, as the user `postgres` when the test runs as root, which the
// server refuses. Ready when the constructor returns; aborts when it can't be had. Making one takes
// seconds: share one in a test program, and give each test a schema.
class PostgresServer {
 public:
  PostgresServer();
  ~PostgresServer();
  // Made at the first call, gone with the program. From the main thread.
  static PostgresServer& Shared();

  // postgresql://..., as sql::Database::Open takes it. Stable across Restart.
  std::string url() const;
  // A name that no other test of this program was given.
  std::string NewSchema();

  // As when the machine fails: no connection is told, and the log is replayed at the next start.
  void KillNow();
  void Restart();
  void Pause();   // SIGSTOP, to the server and to those who serve a connection
  void Resume();  // SIGCONT

 private:
  Process Run(const std::string& program, const std::vector<std::string>& arguments) const;
  bool Start(Duration limit);
  [[noreturn]] void Fail() const;

  TempDir dir_;
  std::string bin_;
  int schemas_ = 0;
  Process process_;
};

}  // namespace invigil::testing
