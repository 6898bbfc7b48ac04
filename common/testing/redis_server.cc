#include "common/testing/redis_server.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <utility>

#include "common/testing/wait_until.h"

namespace invigil::testing {

RedisServer::RedisServer(std::vector<std::string> extra) : extra_(std::move(extra)) {
  // Another process may take the port between FreePort and Redis binding it.
  for (int attempt = 0; attempt < 5; ++attempt) {
    port_ = FreePort();
    if (Start(Seconds(10))) return;
  }
  Fail();
}

void RedisServer::Fail() const {
  std::ifstream log(dir_.Path("redis.log"));
  std::cerr << log.rdbuf() << "redis-server did not start; is the package installed?\n";
  abort();
}

bool RedisServer::Start(Duration limit) {
  std::vector<std::string> argv = {"redis-server",
                                   "--port",
                                   std::to_string(port_),
                                   "--bind",
                                   "127.0.0.1",
                                   "--unixsocket",
                                   dir_.Path("redis.sock"),
                                   "--save",
                                   "",
                                   "--appendonly",
                                   "no",
                                   "--dir",
                                   dir_.path(),
                                   "--maxmemory-policy",
                                   "noeviction"};
  argv.insert(argv.end(), extra_.begin(), extra_.end());
  process_ = Process({.argv = argv, .env = {}, .output_path = dir_.Path("redis.log")});
  bool ready = false;
  WaitUntil(
      [&] {
        // "-NOAUTH" also proves that it is up.
        const std::string pong = Command("PING");
        ready = pong == "+PONG" || pong.starts_with("-NOAUTH");
        return ready || !process_.Running();
      },
      limit);
  return ready;
}

std::string RedisServer::tcp_address() const { return "127.0.0.1:" + std::to_string(port_); }
std::string RedisServer::unix_address() const { return "unix:" + dir_.Path("redis.sock"); }

void RedisServer::KillNow() { process_.Kill(); }

void RedisServer::Restart() {
  process_.Kill();
  // Its old connections may still hold the port for a moment.
  if (!WaitUntil([this] { return Start(Seconds(5)); }, Seconds(20))) {
    Fail();
  }
}

void RedisServer::Pause() { process_.Signal(SIGSTOP); }
void RedisServer::Resume() { process_.Signal(SIGCONT); }

std::string RedisServer::Command(const std::string& line) const {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = dir_.Path("redis.sock");
  snprintf(address.sun_path, sizeof(address.sun_path), "%s", path.c_str());
  const timeval limit{.tv_sec = 2, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  const std::string text = line + "\r\n";
  std::string reply;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
      send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size())) {
    char c;
    while (recv(fd, &c, 1, 0) == 1 && c != '\n') {
      if (c != '\r') reply.push_back(c);
    }
  }
  close(fd);
  return reply;
}

}  // namespace invigil::testing
