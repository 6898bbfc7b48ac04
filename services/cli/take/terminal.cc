#include "services/cli/take/terminal.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "common/error/error.h"

namespace invigil::cli::take {
namespace {

// Alternate screen, no cursor, no wrapping at the right edge; and back.
constexpr char kEnter[] = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
constexpr char kLeave[] = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr int kEscapeWaitMs = 50;

constexpr int kStopSignals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
constexpr int kFatalSignals[] = {SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

// What a signal handler may touch: set before the handlers are installed.
std::atomic<bool> in_use{false};
std::atomic<bool> atexit_set{false};
termios saved_mode;
int signal_pipe[2] = {-1, -1};

// Only async-signal-safe calls.
void Restore() {
  if (!in_use.exchange(false)) return;
  // Nothing can be done about a terminal that is gone.
  [[maybe_unused]] const ssize_t written = write(STDOUT_FILENO, kLeave, sizeof kLeave - 1);
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &saved_mode);
}

void OnSignal(int signal) {
  const int saved_errno = errno;
  const char byte = static_cast<char>(signal);
  [[maybe_unused]] const ssize_t written = write(signal_pipe[1], &byte, 1);
  errno = saved_errno;
}

void OnFatal(int signal) {
  Restore();
  std::signal(signal, SIG_DFL);
  raise(signal);
}

void Install(int signal, void (*handler)(int)) {
  struct sigaction action = {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  sigaction(signal, &action, nullptr);
}

void WriteAll(const std::string& bytes) {
  for (size_t at = 0; at < bytes.size();) {
    const ssize_t n = write(STDOUT_FILENO, bytes.data() + at, bytes.size() - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return;
    at += static_cast<size_t>(n);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<Terminal>> Terminal::Open() {
  const char* type = std::getenv("TERM");
  const bool dumb = type == nullptr || std::strcmp(type, "dumb") == 0 || *type == '\0';
  if (isatty(STDIN_FILENO) == 0 || isatty(STDOUT_FILENO) == 0 || dumb ||
      tcgetattr(STDIN_FILENO, &saved_mode) != 0) {
    return FailedPrecondition("NO_TERMINAL",
                              "taking an exam needs a terminal: run it in one, without pipes");
  }
  if (signal_pipe[0] < 0 && pipe2(signal_pipe, O_CLOEXEC | O_NONBLOCK) != 0) {
    return FailedPrecondition("NO_TERMINAL", "can't make a pipe: " + std::string(strerror(errno)));
  }
  auto terminal = std::unique_ptr<Terminal>(new Terminal());
  terminal->colour_ = std::getenv("NO_COLOR") == nullptr;
  in_use = true;
  if (!atexit_set.exchange(true)) std::atexit(Restore);
  for (int signal : kStopSignals) Install(signal, OnSignal);
  for (int signal : kFatalSignals) Install(signal, OnFatal);
  Install(SIGWINCH, OnSignal);
  Install(SIGCONT, OnSignal);
  Install(SIGPIPE, SIG_IGN);

  termios raw = saved_mode;
  cfmakeraw(&raw);
  raw.c_oflag |= OPOST;  // so that a line printed by accident is still readable
  tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw);
  WriteAll(kEnter);
  return terminal;
}

Terminal::~Terminal() {
  Restore();
  for (int signal : kStopSignals) Install(signal, SIG_DFL);
  for (int signal : kFatalSignals) Install(signal, SIG_DFL);
  Install(SIGWINCH, SIG_DFL);
  Install(SIGCONT, SIG_DFL);
}

Size Terminal::size() const {
  winsize window = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_row == 0 || window.ws_col == 0) {
    return {};
  }
  return {window.ws_row, window.ws_col};
}

void Terminal::Show(const Screen& screen) {
  WriteAll(screen.Ansi(shown_.get(), colour_));
  shown_ = std::make_unique<Screen>(screen);
}

Terminal::Input Terminal::Wait(int wake_fd, Duration limit) {
  Input input;
  std::array<pollfd, 3> fds = {pollfd{STDIN_FILENO, POLLIN, 0}, pollfd{signal_pipe[0], POLLIN, 0},
                               pollfd{wake_fd, POLLIN, 0}};
  int timeout = static_cast<int>(duration_cast<Millis>(limit).count()) + 1;
  if (reader_.waiting()) timeout = kEscapeWaitMs;
  const int ready = poll(fds.data(), fds.size(), timeout);
  bool settled = ready == 0;
  if (ready > 0 && (fds[0].revents & (POLLIN | POLLHUP | POLLERR)) != 0) {
    char bytes[256];
    const ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
    if (n > 0) reader_.Feed({bytes, static_cast<size_t>(n)});
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) input.ended = true;
  }
  char signal;
  while (read(signal_pipe[0], &signal, 1) == 1) {
    if (signal == SIGWINCH || signal == SIGCONT) {
      shown_.reset();  // its size or its content may be another now
    } else {
      input.ended = true;
    }
  }
  while (auto key = reader_.Next(settled)) input.keys.push_back(*key);
  return input;
}

}  // namespace invigil::cli::take
