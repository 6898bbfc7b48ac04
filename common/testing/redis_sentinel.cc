#include "common/testing/redis_sentinel.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

#include "common/testing/wait_until.h"

namespace invigil::testing {
namespace {

std::string PortOf(const RedisServer& server) {
  const std::string address = server.tcp_address();
  return address.substr(address.find(':') + 1);
}

}  // namespace

RedisSentinel::RedisSentinel(const RedisServer& master, const std::string& more) {
  const std::string path = dir_.Path("sentinel.conf");
  for (int attempt = 0; attempt < 5; ++attempt) {
    port_ = FreePort();
    std::ofstream(path) << "port " << port_ << "\nbind 127.0.0.1\ndir " << dir_.path()
                        << "\nsentinel monitor exam 127.0.0.1 " << PortOf(master) << " 1\n"
                        << "sentinel down-after-milliseconds exam 500\n"
                        << "sentinel failover-timeout exam 3000\n"
                        << more;
    if (Start()) return;
  }
  Fail();
}

bool RedisSentinel::Start() {
  process_ = Process({.argv = {"redis-server", dir_.Path("sentinel.conf"), "--sentinel"},
                      .env = {},
                      .output_path = dir_.Path("sentinel.log")});
  bool up = false;
  WaitUntil(
      [&] {
        const std::string pong = Command("PING");
        up = pong.starts_with("+PONG") || pong.starts_with("-NOAUTH");
        return up || !process_.Running();
      },
      Seconds(10));
  return up;
}

void RedisSentinel::Fail() const {
  std::ifstream log(dir_.Path("sentinel.log"));
  std::cerr << log.rdbuf() << "the sentinel did not start\n";
  abort();
}

void RedisSentinel::Restart() {
  process_.Kill();
  if (!WaitUntil([this] { return Start(); }, Seconds(20))) Fail();
}

bool RedisSentinel::Names(const RedisServer& server) const {
  return Command("SENTINEL get-master-addr-by-name exam").find("\n" + PortOf(server) + "\r") !=
         std::string::npos;
}

bool RedisSentinel::Knows(const RedisServer& replica) const {
  return WaitUntil(
      [&] {
        const std::string replicas = Command("SENTINEL replicas exam");
        return replicas.find("127.0.0.1:" + PortOf(replica)) != std::string::npos &&
               replicas.find("master-link-status\r\n$2\r\nok") != std::string::npos;
      },
      Seconds(30));
}

void RedisSentinel::Pause() { process_.Signal(SIGSTOP); }
void RedisSentinel::Resume() { process_.Signal(SIGCONT); }

std::string RedisSentinel::Command(const std::string& line) const {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port_));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const timeval limit{.tv_sec = 2, .tv_usec = 0};
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  // A sentinel does not know QUIT; the answer to a second command is the end of the first one's.
  const std::string text = line + "\r\nPING\r\n";
  std::string reply;
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
      send(fd, text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size())) {
    char buffer[4096];
    for (ssize_t n; (n = recv(fd, buffer, sizeof(buffer), 0)) > 0;) {
      reply.append(buffer, static_cast<size_t>(n));
      if (reply.ends_with("+PONG\r\n") || reply.starts_with("-NOAUTH")) break;
    }
  }
  close(fd);
  return reply;
}

}  // namespace invigil::testing
