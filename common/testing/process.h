#pragma once

#include <sys/types.h>

#include <map>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace invigil::testing {

// A child process of a test: started, signalled, waited for. It is killed when this goes out of
// scope, and by the kernel when the thread that started it dies, so that a crashed test leaves
// nothing running. Start from the main thread; not thread-safe.
class Process {
 public:
  struct Options {
    std::vector<std::string> argv;           // argv[0] is looked up on PATH
    std::map<std::string, std::string> env;  // added to this process's environment
    std::string output_path;                 // receives both streams, appended; empty: inherited
  };

  Process() = default;
  // Aborts when the process cannot be forked; a program that cannot be executed exits with 127.
  explicit Process(const Options& options);
  ~Process();
  Process(Process&& other) noexcept;
  Process& operator=(Process&& other) noexcept;

  bool Running();
  pid_t pid() const { return pid_; }
  // SIGKILL, SIGTERM, SIGSTOP, SIGCONT ... Nothing when it has ended.
  void Signal(int signal);
  // Waits until it has ended. Returns the exit code, 128 + signal when killed, -1 when `limit`
  // passed first.
  int Wait(Duration limit = Seconds(10));
  // SIGKILL and wait.
  void Kill();

 private:
  bool Reap(bool block);

  pid_t pid_ = -1;
  int exit_code_ = -1;
};

// A port of 127.0.0.1 that nobody listened on a moment ago. Another process may take it first:
// callers retry.
int FreePort();

}  // namespace invigil::testing
