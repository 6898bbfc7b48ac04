#include "common/testing/postgres_server.h"

#include <pwd.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <utility>
#include <vector>

#include "common/testing/wait_until.h"

namespace invigil::testing {
namespace {

// Debian keeps the servers of each version apart, off PATH. Empty: there is none.
std::string FindPrograms() {
  std::string found;
  std::error_code error;
  for (const auto& version : std::filesystem::directory_iterator("/usr/lib/postgresql", error)) {
    const std::string bin = version.path().string() + "/bin";
    if (std::filesystem::exists(bin + "/initdb", error) && bin > found) found = bin;
  }
  return found;
}

// The processes whose parent is `pid`.
std::vector<pid_t> ChildrenOf(pid_t pid) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/task/" + std::to_string(pid) + "/children");
  std::vector<pid_t> children;
  for (pid_t child; file >> child;) children.push_back(child);
  return children;
}

}  // namespace

PostgresServer::PostgresServer() : bin_(FindPrograms()) {
  if (bin_.empty()) Fail();
  if (getuid() == 0) {
    const passwd* const user = getpwnam("postgres");
    if (!user || chown(dir_.path().c_str(), user->pw_uid, user->pw_gid) != 0) Fail();
  }
  Process made = Run("initdb", {"-D", dir_.Path("data"), "-U", "invigil", "-A", "trust", "-E",
                                "UTF8", "--locale=C", "--no-sync", "--no-instructions"});
  if (made.Wait(Seconds(60)) != 0) Fail();
  if (!Start(Seconds(30))) Fail();
}

// Not by SIGKILL, which would leave the server's shared memory behind.
PostgresServer::~PostgresServer() { KillNow(); }

PostgresServer& PostgresServer::Shared() {
  static PostgresServer server;
  return server;
}

Process PostgresServer::Run(const std::string& program,
                            const std::vector<std::string>& arguments) const {
  std::vector<std::string> argv;
  if (getuid() == 0) {
    // Changing the user forgets that the child must not outlive this process: said anew.
    argv = {"setpriv",       "--reuid",     "postgres", "--regid", "postgres",
            "--init-groups", "--pdeathsig", "QUIT",     "--"};
  }
  argv.push_back(bin_ + "/" + program);
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return Process({.argv = argv, .env = {{"LC_ALL", "C"}}, .output_path = dir_.Path("log")});
}

bool PostgresServer::Start(Duration limit) {
  process_ = Run("postgres", {"-D", dir_.Path("data"), "-k", dir_.path(), "-c",
                              "listen_addresses=", "-c", "recovery_init_sync_method=syncfs"});
  return WaitUntil(
             [&] {
               Process asked = Run("pg_isready", {"-q", "-h", dir_.path()});
               return asked.Wait(Seconds(10)) == 0 || !process_.Running();
             },
             limit) &&
         process_.Running();
}

void PostgresServer::Fail() const {
  std::ifstream log(dir_.Path("log"));
  std::cerr << log.rdbuf() << "PostgreSQL did not start; is Debian's package postgresql there?\n";
  abort();
}

std::string PostgresServer::url() const {
  return "postgresql:///postgres?user=invigil&host=" + dir_.path();
}

std::string PostgresServer::NewSchema() { return "test" + std::to_string(++schemas_); }

void PostgresServer::KillNow() {
  // Immediate shutdown: everybody stops at once, and nothing is written that was not.
  process_.Signal(SIGQUIT);
  if (process_.Wait(Seconds(30)) < 0) process_.Kill();
}

void PostgresServer::Restart() {
  KillNow();
  if (!Start(Seconds(30))) Fail();
}

void PostgresServer::Pause() {
  process_.Signal(SIGSTOP);
  for (const pid_t child : ChildrenOf(process_.pid())) kill(child, SIGSTOP);
}

void PostgresServer::Resume() {
  for (const pid_t child : ChildrenOf(process_.pid())) kill(child, SIGCONT);
  process_.Signal(SIGCONT);
}

}  // namespace invigil::testing
