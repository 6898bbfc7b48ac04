#include "common/redis/reply.h"

#include <array>

#include "common/error/error.h"

namespace invigil::redis {
namespace {

enum class Kind { kNotReady, kOutOfMemory, kAccess };
struct Known {
  std::string_view code;
  Kind kind;
};
constexpr std::array<Known, 14> kKnown = {{
    {"LOADING", Kind::kNotReady},
    {"READONLY", Kind::kNotReady},
    {"MASTERDOWN", Kind::kNotReady},
    {"NOREPLICAS", Kind::kNotReady},
    {"CLUSTERDOWN", Kind::kNotReady},
    {"TRYAGAIN", Kind::kNotReady},
    {"MOVED", Kind::kNotReady},
    {"ASK", Kind::kNotReady},
    {"BUSY", Kind::kNotReady},
    {"MISCONF", Kind::kNotReady},
    {"OOM", Kind::kOutOfMemory},
    {"NOAUTH", Kind::kAccess},
    {"WRONGPASS", Kind::kAccess},
    {"NOPERM", Kind::kAccess},
}};

}  // namespace

absl::Status StatusFromErrorReply(std::string_view text) {
  const std::string code(text.substr(0, text.find(' ')));
  for (const Known& known : kKnown) {
    if (known.code != code) continue;
    switch (known.kind) {
      case Kind::kNotReady:
        return Unavailable("REDIS_NOT_READY", "Redis cannot serve this now; retry")
            .With("redis_code", code);
      case Kind::kOutOfMemory:
        return ResourceExhausted("REDIS_OUT_OF_MEMORY",
                                 "Redis has reached maxmemory; raise it or add a server")
            .With("redis_code", code);
      case Kind::kAccess:
        return FailedPrecondition("REDIS_ACCESS_DENIED",
                                  "Redis refuses this user; check the credentials file and the ACL")
            .With("redis_code", code);
    }
  }
  return Error(absl::StatusCode::kInternal, "REDIS_COMMAND_REFUSED", "Redis refused a command")
      .With("redis_code", code);
}

}  // namespace invigil::redis
