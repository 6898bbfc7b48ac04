#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "common/base/clock.h"
#include "tests/bench/saves.h"

namespace invigil::bench {
namespace {

// One keep-alive connection with one request in flight. Knows just enough HTTP for our own server:
// the status line and Content-Length.
struct Connection {
  int fd = -1;
  LiveSession* session = nullptr;
  std::string head, received;
  Duration begin{0};

  bool Open(const std::string& target) {
    const size_t colon = target.rfind(':');
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(std::atoi(target.c_str() + colon + 1)));
    inet_pton(AF_INET, target.substr(0, colon).c_str(), &address.sin_addr);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    const int yes = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    head = "POST /invigil.session.v1.DeliveryService/SaveResponses HTTP/1.1\r\nHost: " + target +
           "\r\nContent-Type: application/json\r\nConnect-Protocol-Version: 1\r\nAuthorization: "
           "Bearer " +
           session->token + "\r\nContent-Length: ";
    return connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  bool Send(Duration now) {
    begin = now;
    received.clear();
    const auto save = session->NextSave();
    const std::string body = R"({"sessionId":")" + session->session_id + R"(","epoch":)" +
                             std::to_string(session->epoch) + R"(,"responses":[{"itemId":")" +
                             *save.item_id + R"(","sequence":)" + std::to_string(save.sequence) +
                             R"(,"optionIds":[")" + save.option_id + R"("]}]})";
    const std::string request = head + std::to_string(body.size()) + "\r\n\r\n" + body;
    return send(fd, request.data(), request.size(), MSG_NOSIGNAL) ==
           static_cast<ssize_t>(request.size());
  }
  // true when the whole answer is there.
  bool Receive(bool* closed) {
    char buffer[16384];
    const ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    *closed = n <= 0;
    if (n <= 0) return false;
    received.append(buffer, static_cast<size_t>(n));
    const size_t end = received.find("\r\n\r\n");
    if (end == std::string::npos) return false;
    const char* length = strcasestr(received.c_str(), "content-length:");
    return length && received.size() >= end + 4 + static_cast<size_t>(std::atol(length + 15));
  }
};

}  // namespace

Figures ConnectSaves(const std::string& target, std::vector<LiveSession>& sessions,
                     double seconds) {
  const SystemClock clock;
  Figures figures;
  std::vector<Connection> connections(sessions.size());
  const int epoll = epoll_create1(0);
  for (size_t i = 0; i < sessions.size(); ++i) {
    connections[i].session = &sessions[i];
    if (!connections[i].Open(target)) {
      figures.first_error = "can't connect to " + target;
      ++figures.errors;
      return figures;
    }
    epoll_event event{.events = EPOLLIN, .data = {.u64 = i}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, connections[i].fd, &event);
  }
  const Duration begin = clock.Monotonic(),
                 end = begin + Millis(static_cast<int64_t>(seconds * 1000));
  size_t open = connections.size();
  for (Connection& connection : connections) connection.Send(clock.Monotonic());
  std::vector<epoll_event> events(connections.size());
  while (open > 0) {
    const int n = epoll_wait(epoll, events.data(), static_cast<int>(events.size()), 5000);
    if (n <= 0) break;
    for (int i = 0; i < n; ++i) {
      Connection& connection = connections[events[static_cast<size_t>(i)].data.u64];
      bool closed = false;
      const bool whole = connection.Receive(&closed);
      if (closed) {
        ++figures.errors;
        if (figures.first_error.empty()) figures.first_error = "the server closed the connection";
        epoll_ctl(epoll, EPOLL_CTL_DEL, connection.fd, nullptr);
        --open;
        continue;
      }
      if (!whole) continue;
      const Duration now = clock.Monotonic();
      if (connection.received.compare(0, 12, "HTTP/1.1 200") == 0) {
        ++figures.calls;
        figures.latencies_us.push_back(static_cast<uint32_t>((now - connection.begin).count()));
      } else {
        ++figures.errors;
        if (figures.first_error.empty())
          figures.first_error =
              connection.received.substr(connection.received.find("\r\n\r\n") + 4);
      }
      if (now < end) {
        connection.Send(now);
      } else {
        epoll_ctl(epoll, EPOLL_CTL_DEL, connection.fd, nullptr);
        --open;
      }
    }
  }
  for (Connection& connection : connections) close(connection.fd);
  close(epoll);
  figures.seconds = static_cast<double>((clock.Monotonic() - begin).count()) * 1e-6;
  return figures;
}

}  // namespace invigil::bench
