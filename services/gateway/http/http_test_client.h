// A plain HTTP/1.1 client for tests: sends exactly the bytes given, reads answer after answer.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace invigil::gateway {

class HttpTestClient {
 public:
  struct Reply {
    int status = 0;                              // 0: none came
    std::map<std::string, std::string> headers;  // lower-case names
    std::string body;                            // chunks put together
  };

  explicit HttpTestClient(int port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  HttpTestClient(HttpTestClient&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), rest_(std::move(other.rest_)) {}
  ~HttpTestClient() {
    if (fd_ >= 0) ::close(fd_);
  }

  // Ends early when the server stops reading.
  void Send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<size_t>(n));
    }
  }

  Reply Call(std::string_view request) {
    Send(request);
    return Read();
  }

  Reply Read() {
    Reply reply;
    size_t end;
    while ((end = rest_.find("\r\n\r\n")) == std::string::npos) {
      if (!ReadSome()) return reply;
    }
    ParseHead(rest_.substr(0, end + 2), &reply);
    rest_.erase(0, end + 4);
    if (reply.headers.count("transfer-encoding")) {
      ReadChunks(&reply);
    } else if (reply.headers.count("content-length")) {
      const size_t length = std::stoul(reply.headers["content-length"]);
      while (rest_.size() < length && ReadSome()) {
      }
      reply.body = rest_.substr(0, length);
      rest_.erase(0, length);
    }
    return reply;
  }

  // Something more came; false at the end, or after 20 seconds of nothing.
  bool ReadSome() {
    pollfd ready{fd_, POLLIN, 0};
    if (::poll(&ready, 1, 20'000) != 1) return false;
    char bytes[65'536];
    const ssize_t n = ::recv(fd_, bytes, sizeof bytes, 0);
    if (n > 0) rest_.append(bytes, static_cast<size_t>(n));
    closed_ = n <= 0;
    return n > 0;
  }
  bool ReadUntil(std::string_view text) {
    while (rest_.find(text) == std::string::npos) {
      if (!ReadSome()) return false;
    }
    return true;
  }
  bool WaitForClose() {
    while (ReadSome()) {
    }
    return closed_;
  }
  std::string ReadToEnd() {
    while (ReadSome()) {
    }
    return rest_;
  }

 private:
  static void ParseHead(const std::string& head, Reply* reply) {
    reply->status = std::stoi(head.substr(head.find(' ') + 1));
    size_t at = head.find("\r\n") + 2;
    while (at < head.size()) {
      const size_t end = head.find("\r\n", at), colon = head.find(':', at);
      std::string name = head.substr(at, colon - at);
      for (char& c : name) c = static_cast<char>(::tolower(c));
      reply->headers[name] = head.substr(colon + 2, end - colon - 2);
      at = end + 2;
    }
  }
  void ReadChunks(Reply* reply) {
    while (true) {
      size_t end;
      while ((end = rest_.find("\r\n")) == std::string::npos) {
        if (!ReadSome()) return;
      }
      const size_t size = std::stoul(rest_.substr(0, end), nullptr, 16);
      while (rest_.size() < end + 2 + size + 2 && ReadSome()) {
      }
      reply->body += rest_.substr(end + 2, size);
      rest_.erase(0, end + 2 + size + 2);
      if (size == 0) return;
    }
  }

  int fd_;
  std::string rest_;
  bool closed_ = false;
};

// (flags, message) of every frame of a stream.
inline std::vector<std::pair<int, std::string>> SplitFrames(const std::string& body) {
  std::vector<std::pair<int, std::string>> frames;
  for (size_t at = 0; at + 5 <= body.size();) {
    size_t length = 0;
    for (size_t i = 1; i < 5; ++i) length = length << 8 | static_cast<unsigned char>(body[at + i]);
    frames.emplace_back(static_cast<unsigned char>(body[at]), body.substr(at + 5, length));
    at += 5 + length;
  }
  return frames;
}

}  // namespace invigil::gateway
