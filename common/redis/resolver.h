#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

struct event;
struct event_base;

namespace invigil::redis {

// Whether `host` can be connected to without asking a resolver.
bool IsNumericHost(const std::string& host);

// Finds the numeric address behind a name without holding up the event loop: the system's resolver
// blocks, for seconds when DNS is ill, so it runs on a thread of its own. One question at a time.
// Of the thread that runs `base`; must be destroyed before it.
class Resolver {
 public:
  // A numeric address, IPv4 if there is one; or UNAVAILABLE, reason REDIS_HOST_UNKNOWN.
  using Done = std::function<void(absl::StatusOr<std::string>)>;

  explicit Resolver(event_base* base);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // Calls `done` once, at once when the host is numeric, unless cancelled or asked anew first.
  void Resolve(const std::string& host, Done done);
  void Cancel();

 private:
  struct Question;  // outlives this while its thread runs
  void Take();

  struct Hook;
  std::shared_ptr<Question> question_;
  Done done_;
  int fd_;
  event* event_;
};

}  // namespace invigil::redis
