// The poster against a real socket: what a receiver sees, and what it can't make the poster do.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "common/base/clock.h"
#include "services/session/events/poster.h"

namespace invigil::session {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// Answers every connection with the same bytes once it has read a request.
class Receiver {
 public:
  explicit Receiver(std::string answer) : answer_(std::move(answer)) {
    listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(listener_, 16), 0);
    socklen_t size = sizeof(address);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~Receiver() {
    stopping_ = true;
    thread_.join();
    close(listener_);
  }
  std::string url(const std::string& path = "/hook") const {
    return "http://127.0.0.1:" + std::to_string(port_) + path;
  }
  std::string request() {
    const std::lock_guard lock(mutex_);
    return request_;
  }
  int connections() const { return connections_; }

 private:
  static bool Readable(int fd) {
    pollfd one{fd, POLLIN, 0};
    return poll(&one, 1, 20) > 0;
  }
  void Serve() {
    while (!stopping_) {
      if (!Readable(listener_)) continue;
      const int fd = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      ++connections_;
      std::string text;
      char buffer[4096];
      while (!stopping_ && text.find("BODY-END") == std::string::npos) {
        if (!Readable(fd)) continue;
        const ssize_t count = read(fd, buffer, sizeof(buffer));
        if (count <= 0) break;
        text.append(buffer, static_cast<size_t>(count));
      }
      {
        const std::lock_guard lock(mutex_);
        request_ = text;
      }
      if (!answer_.empty()) {
        EXPECT_EQ(write(fd, answer_.data(), answer_.size()), static_cast<ssize_t>(answer_.size()));
        close(fd);
      } else {
        while (!stopping_) Readable(listener_);  // says nothing
        close(fd);
      }
    }
  }

  const std::string answer_;
  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  std::string request_;  // under mutex_
  std::atomic<int> connections_{0};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

constexpr AddressRule kOpen{.allow_http = true, .allow_private = true};

Answer SendTo(const std::string& url, const HttpPosterOptions& options) {
  const auto poster = MakeHttpPoster(options);
  std::optional<Answer> answer;
  poster->Send({url, {"X-Test: yes"}, "a body, BODY-END"},
               [&](const Answer& given) { answer = given; });
  const SystemClock clock;
  const Duration end = clock.Monotonic() + Seconds(20);
  while (!answer && clock.Monotonic() < end) poster->Work(Millis(50));
  EXPECT_TRUE(answer);
  return answer.value_or(Answer());
}

TEST(HttpPosterTest, PostsAndTellsTheStatus) {
  Receiver receiver("HTTP/1.1 204 No Content\r\n\r\n");
  const Answer answer = SendTo(receiver.url("/hook?a=b"), {.rule = kOpen});
  EXPECT_EQ(answer.status, 204);
  EXPECT_THAT(receiver.request(), HasSubstr("POST /hook?a=b HTTP/1.1\r\n"));
  EXPECT_THAT(receiver.request(), HasSubstr("X-Test: yes\r\n"));
  EXPECT_THAT(receiver.request(), HasSubstr("\r\n\r\na body, BODY-END"));
  EXPECT_THAT(receiver.request(), Not(HasSubstr("Expect:")));
}

TEST(HttpPosterTest, FollowsNoRedirect) {
  Receiver target("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  Receiver receiver("HTTP/1.1 307 Temporary Redirect\r\nLocation: " + target.url() +
                    "\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(SendTo(receiver.url(), {.rule = kOpen}).status, 307);
  EXPECT_EQ(target.connections(), 0);
}

TEST(HttpPosterTest, ConnectsToNoPrivateAddressWhateverNamesIt) {
  Receiver receiver("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  const std::string port = receiver.url("").substr(std::string("http://127.0.0.1").size());
  for (const std::string& host : {std::string("127.0.0.1"), std::string("localhost"),
                                  std::string("0.0.0.0"), std::string("[::ffff:127.0.0.1]")}) {
    const Answer answer = SendTo("http://" + host + port + "/hook", {.rule = {.allow_http = true}});
    EXPECT_EQ(answer.status, 0) << host;
    EXPECT_EQ(answer.error, "the address is not a public one") << host;
  }
  EXPECT_EQ(receiver.connections(), 0);
}

TEST(HttpPosterTest, SendsNothingUnencryptedUnlessTold) {
  Receiver receiver("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
  EXPECT_EQ(SendTo(receiver.url(), {.rule = {.allow_private = true}}).status, 0);
  EXPECT_EQ(receiver.connections(), 0);
}

TEST(HttpPosterTest, GivesUpOnOneThatSaysNothing) {
  Receiver receiver("");
  const Answer answer = SendTo(receiver.url(), {.rule = kOpen, .timeout = Millis(300)});
  EXPECT_EQ(answer.status, 0);
  EXPECT_FALSE(answer.error.empty());
}

TEST(HttpPosterTest, TellsThatNobodyListens) {
  std::string url;
  {
    Receiver receiver("HTTP/1.1 200 OK\r\n\r\n");
    url = receiver.url();
  }
  const Answer answer = SendTo(url, {.rule = kOpen});
  EXPECT_EQ(answer.status, 0);
  EXPECT_FALSE(answer.error.empty());
  EXPECT_THAT(answer.error, Not(HasSubstr("hook")));
}

}  // namespace
}  // namespace invigil::session
