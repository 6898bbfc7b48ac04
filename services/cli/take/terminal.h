// The person's terminal in full-screen mode.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "services/cli/take/keys.h"
#include "services/cli/take/screen.h"

namespace invigil::cli::take {

// While one lives, the terminal shows the alternate screen and gives single keys. It is restored by
// the destructor, and also when the process ends by exit() or a fatal signal. SIGINT, SIGTERM,
// SIGHUP and SIGQUIT become Input::ended. At most one at a time; one thread.
class Terminal {
 public:
  // Errors: FAILED_PRECONDITION NO_TERMINAL.
  static absl::StatusOr<std::unique_ptr<Terminal>> Open();
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  Size size() const;
  void Show(const Screen& screen);

  struct Input {
    std::vector<Key> keys;
    bool ended = false;  // a signal asks to stop, or the terminal is gone
  };
  // Waits for keys, a change of size, a signal, or `wake_fd` to be readable (which the caller then
  // empties); at most `limit`.
  Input Wait(int wake_fd, Duration limit);

 private:
  Terminal() = default;
  KeyReader reader_;
  std::unique_ptr<Screen> shown_;
  bool colour_ = true;
};

}  // namespace invigil::cli::take
