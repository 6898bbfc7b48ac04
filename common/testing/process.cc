#include "common/testing/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "common/testing/wait_until.h"

extern char** environ;

namespace invigil::testing {
namespace {

std::vector<char*> Pointers(std::vector<std::string>& strings) {
  std::vector<char*> out;
  for (std::string& s : strings) out.push_back(s.data());
  out.push_back(nullptr);
  return out;
}

}  // namespace

Process::Process(const Options& options) {
  // Everything is built before the fork: the child may only call async-signal-safe functions.
  std::vector<std::string> args = options.argv, env;
  for (char** e = environ; *e != nullptr; ++e) {
    const std::string entry(*e);
    if (!options.env.contains(entry.substr(0, entry.find('=')))) env.push_back(entry);
  }
  for (const auto& [name, value] : options.env) env.push_back(name + "=" + value);
  const std::vector<char*> argv = Pointers(args), envp = Pointers(env);

  pid_ = fork();
  if (pid_ < 0) {
    perror("fork");
    abort();
  }
  if (pid_ > 0) return;
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  signal(SIGPIPE, SIG_DFL);
  if (!options.output_path.empty()) {
    const int fd = open(options.output_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0) {
      dup2(fd, 1);
      dup2(fd, 2);
    }
  }
  // Sockets and pipes of the test must not stay open in the child, where they would hide a close.
  for (int fd = 3; fd < 1024; ++fd) close(fd);
  execvpe(argv[0], argv.data(), envp.data());
  _exit(127);
}

Process::~Process() { Kill(); }

Process::Process(Process&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), exit_code_(other.exit_code_) {}

Process& Process::operator=(Process&& other) noexcept {
  if (this != &other) {
    Kill();
    pid_ = std::exchange(other.pid_, -1);
    exit_code_ = other.exit_code_;
  }
  return *this;
}

bool Process::Reap(bool block) {
  if (pid_ <= 0) return true;
  int status = 0;
  pid_t got;
  do {
    got = waitpid(pid_, &status, block ? 0 : WNOHANG);
  } while (got < 0 && errno == EINTR);
  if (got == 0) return false;
  exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  pid_ = -1;
  return true;
}

bool Process::Running() { return pid_ > 0 && !Reap(false); }

void Process::Signal(int signal) {
  if (Running()) kill(pid_, signal);
}

int Process::Wait(Duration limit) {
  if (!WaitUntil([this] { return Reap(false); }, limit)) return -1;
  return exit_code_;
}

void Process::Kill() {
  if (!Running()) return;
  kill(pid_, SIGKILL);
  Reap(true);
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof(address);
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  if (bind(fd, raw, size) != 0 || getsockname(fd, raw, &size) != 0) {
    perror("bind");
    abort();
  }
  close(fd);
  return ntohs(address.sin_port);
}

}  // namespace invigil::testing
