#include "common/telemetry/admin_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "common/error/error.h"
#include "common/telemetry/metrics.h"

namespace invigil::telemetry {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

// A connection to the server, closed when it goes out of scope.
class Connection {
 public:
  explicit Connection(int port) : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    // An answer that never comes fails the test, it does not hang it.
    const timeval limit{10, 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~Connection() { close(fd_); }
  Connection(const Connection&) = delete;

  void Send(const std::string& text) { send(fd_, text.data(), text.size(), MSG_NOSIGNAL); }
  std::string ReadToEnd() {
    std::string answer;
    char buffer[4096];
    for (ssize_t n; (n = recv(fd_, buffer, sizeof buffer, 0)) > 0;) {
      answer.append(buffer, static_cast<size_t>(n));
    }
    return answer;
  }

 private:
  const int fd_;
};

class AdminServerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = AdminServer::Start("127.0.0.1:0", [this]() -> absl::Status {
      if (ready) return absl::OkStatus();
      return Unavailable("REDIS_AWAY", "redis does not answer");
    });
    ASSERT_TRUE(started.ok()) << started.status();
    server = *std::move(started);
    ASSERT_GT(server->port(), 0);
  }

  std::string Ask(const std::string& line, const std::string& headers = "") {
    Connection connection(server->port());
    connection.Send(line + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + headers + "\r\n");
    return connection.ReadToEnd();
  }

  std::atomic<bool> ready{true};
  std::unique_ptr<AdminServer> server;
};

TEST_F(AdminServerTest, Metrics) {
  GetGauge("invigil_test_admin_depth", "x").Set(3);
  const std::string answer = Ask("GET /metrics");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answer, HasSubstr("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  EXPECT_THAT(answer, HasSubstr("\ninvigil_test_admin_depth 3\n"));
}

TEST_F(AdminServerTest, AliveAndReadyAreTwoThings) {
  EXPECT_THAT(Ask("GET /readyz"), StartsWith("HTTP/1.1 200 "));
  ready = false;
  const std::string answer = Ask("GET /readyz?verbose");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 Service Unavailable\r\n"));
  EXPECT_THAT(answer, HasSubstr("not ready: REDIS_AWAY: redis does not answer\n"));
  EXPECT_THAT(Ask("GET /livez"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, RefusesOtherPathsAndMethods) {
  EXPECT_THAT(Ask("GET /"), StartsWith("HTTP/1.1 404 "));
  EXPECT_THAT(Ask("GET /metrics/../etc/passwd"), StartsWith("HTTP/1.1 404 "));
  const std::string answer = Ask("POST /metrics", "Content-Length: 0\r\n");
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 405 "));
  EXPECT_THAT(answer, HasSubstr("Allow: GET\r\n"));
}

TEST_F(AdminServerTest, RefusesLargeRequestsAndGoesOn) {
  const std::string large = Ask("GET /livez", "X: " + std::string(20'000, 'x') + "\r\n");
  EXPECT_THAT(large, Not(StartsWith("HTTP/1.1 200")));
  const std::string body = Ask("POST /livez", "Content-Length: 100000000\r\n");
  EXPECT_THAT(body, Not(StartsWith("HTTP/1.1 200")));
  EXPECT_THAT(Ask("GET /livez"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, ReadersWhoHangUpDoNotEndTheProcess) {
  for (int i = 0; i < 50; ++i) {
    Connection connection(server->port());
    connection.Send(
        "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\nGET /metrics HTTP/1.1\r\nHost: x\r\n\r\n");
  }
  EXPECT_THAT(Ask("GET /livez"), StartsWith("HTTP/1.1 200 "));
}

TEST_F(AdminServerTest, StopsWithConnectionsOpen) {
  Connection idle(server->port());
  Connection half(server->port());
  half.Send("GET /liv");
  ASSERT_THAT(Ask("GET /livez"), StartsWith("HTTP/1.1 200 "));
  server.reset();
  EXPECT_EQ(idle.ReadToEnd(), "");
}

TEST_F(AdminServerTest, ABusyPortIsNamed) {
  const std::string address = "127.0.0.1:" + std::to_string(server->port());
  const auto second = AdminServer::Start(address, [] { return absl::OkStatus(); });
  EXPECT_EQ(ReasonOf(second.status()), "PORT_BUSY");
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(address));
  server.reset();
  EXPECT_TRUE(AdminServer::Start(address, [] { return absl::OkStatus(); }).ok());
}

TEST(AdminServerStart, WrongAddresses) {
  const auto ready = [] { return absl::OkStatus(); };
  EXPECT_EQ(ReasonOf(AdminServer::Start("nonsense", ready).status()), "ADDRESS_INVALID");
  // TEST-NET-1 (RFC 5737): no machine has it.
  EXPECT_EQ(ReasonOf(AdminServer::Start("192.0.2.1:0", ready).status()), "ADDRESS_UNUSABLE");
}

}  // namespace
}  // namespace invigil::telemetry
