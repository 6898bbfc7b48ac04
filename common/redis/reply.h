#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"

namespace invigil::redis {

// What Redis answered (RESP2). Strings may hold any bytes. An error inside an array stays a value
// of type kError; an error as the whole answer never comes here: it is the status of the call.
struct Reply {
  enum class Type { kNil, kString, kStatus, kInteger, kError, kArray };
  Type type = Type::kNil;
  int64_t integer = 0;
  std::string text;  // of kString, kStatus and kError
  std::vector<Reply> elements;

  bool IsNil() const { return type == Type::kNil; }
};

// The status of an error answer such as "OOM command not allowed ...". Reasons:
//   REDIS_NOT_READY (UNAVAILABLE)            loading, read-only replica, failover, slot moving,
//   busy REDIS_OUT_OF_MEMORY (RESOURCE_EXHAUSTED) maxmemory reached, nothing was written
//   REDIS_ACCESS_DENIED (FAILED_PRECONDITION) user, password or permission
//   REDIS_COMMAND_REFUSED (INTERNAL)         anything else: a mistake of ours
// Carries Redis's own code word as `redis_code`; never its text, which may quote arguments.
absl::Status StatusFromErrorReply(std::string_view text);

}  // namespace invigil::redis
