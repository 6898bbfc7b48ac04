// A webhook, as operators and the deliverer see it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "services/session/events/notice.h"

namespace invigil::session {

inline constexpr size_t kMaxWebhooks = 100;
// How long a secret can be asked for again by repeating the request that made it.
inline constexpr Duration kSecretShown = Minutes(10);

// Which events somebody wants.
struct NoticeFilter {
  uint32_t kinds = 0;   // bit k: NoticeKind k; 0: all
  std::string exam_id;  // empty: of all exams
  bool Wants(const Notice& notice) const {
    const bool kind = kinds == 0 || (kinds >> static_cast<uint32_t>(notice.kind) & 1u) != 0;
    return kind && (exam_id.empty() || exam_id == notice.exam_id);
  }
};

struct Webhook {
  std::string id;
  std::string url;
  NoticeFilter filter;
  bool disabled = false;  // the receiver is gone
  Time created_at{};
  // Sign deliveries; never logged. The older one until it expires.
  std::string secret, old_secret;
  std::optional<Time> old_secret_until;
  // Every notice up to here was delivered, has a row of its own, or is not wanted.
  uint64_t position = 0;
  // Raised by whatever an operator does: what a deliverer decided before counts no more.
  uint64_t version = 0;
  std::string last_error;
  size_t waiting = 0, dead = 0;  // rows of events; set where it is said
};

// An event that was not delivered at the first try, or stands behind one of its session that was
// not.
struct Undelivered {
  uint64_t n = 0;
  NoticeKey key;
  Time written_at{};
  uint32_t tries = 0;
  Time next_at{};     // when it may be tried again
  bool dead = false;  // it was given up
  Time failed_at{};   // the last try
  std::string error;  // why that failed
  friend bool operator==(const Undelivered&, const Undelivered&) = default;
};

}  // namespace invigil::session
