#include "common/redis/resolver.h"

#include <arpa/inet.h>
#include <event2/event.h>
#include <fcntl.h>
#include <netdb.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <optional>
#include <thread>
#include <utility>

#include "common/error/error.h"

namespace invigil::redis {
namespace {

absl::StatusOr<std::string> Lookup(const std::string& host) {
  addrinfo hints{}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0 || found == nullptr) {
    return Unavailable("REDIS_HOST_UNKNOWN", "cannot resolve the Redis host \"" + host + "\"");
  }
  const addrinfo* chosen = found;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    if (a->ai_family == AF_INET) {
      chosen = a;
      break;
    }
  }
  char name[NI_MAXHOST] = "";
  const int rc = getnameinfo(chosen->ai_addr, chosen->ai_addrlen, name, sizeof(name), nullptr, 0,
                             NI_NUMERICHOST);
  freeaddrinfo(found);
  if (rc != 0) {
    return Unavailable("REDIS_HOST_UNKNOWN", "cannot read the address of \"" + host + "\"");
  }
  return std::string(name);
}

}  // namespace

// The thread writes to its own duplicate of the eventfd, which nobody else closes.
struct Resolver::Question {
  explicit Question(int fd) : wake(fcntl(fd, F_DUPFD_CLOEXEC, 0)) {}
  ~Question() { close(wake); }
  const int wake;
  std::mutex mutex;
  std::optional<absl::StatusOr<std::string>> answer;
};

struct Resolver::Hook {
  static void Answered(int fd, short, void* self) {
    uint64_t count;
    [[maybe_unused]] const ssize_t n = read(fd, &count, sizeof(count));
    static_cast<Resolver*>(self)->Take();
  }
};

bool IsNumericHost(const std::string& host) {
  in6_addr out;
  return inet_pton(AF_INET, host.c_str(), &out) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &out) == 1;
}

Resolver::Resolver(event_base* base)
    : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      event_(event_new(base, fd_, EV_READ | EV_PERSIST, Hook::Answered, this)) {
  event_add(event_, nullptr);
}

Resolver::~Resolver() {
  event_free(event_);
  close(fd_);
}

void Resolver::Resolve(const std::string& host, Done done) {
  Cancel();
  if (IsNumericHost(host)) {
    done(host);
    return;
  }
  done_ = std::move(done);
  question_ = std::make_shared<Question>(fd_);
  std::thread([host, question = question_] {
    absl::StatusOr<std::string> found = Lookup(host);
    {
      const std::lock_guard lock(question->mutex);
      question->answer = std::move(found);
    }
    const uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = write(question->wake, &one, sizeof(one));
  }).detach();
}

void Resolver::Cancel() {
  question_ = nullptr;
  done_ = nullptr;
}

void Resolver::Take() {
  if (question_ == nullptr) return;  // cancelled meanwhile
  absl::StatusOr<std::string> answer;
  {
    const std::lock_guard lock(question_->mutex);
    if (!question_->answer.has_value()) return;  // an earlier question's answer
    answer = *std::move(question_->answer);
  }
  question_ = nullptr;
  std::exchange(done_, nullptr)(std::move(answer));
}

}  // namespace invigil::redis
