#include "services/cli/commands/staff.h"

#include <cstdio>

#include "common/base/random.h"

namespace invigil::cli {

void Act::Declare(config::Flags& flags) {
  flags.Section("Who and why")
      .Text("as", &who, "NAME", "Your name, as it is recorded.")
      .Required()
      .Text("reason", &reason, "TEXT", "Why, for the audit.")
      .Required();
}

void DeclareRequestId(config::Flags& flags, std::string* request_id) {
  const SystemClock clock;
  *request_id = NewId(clock.Now());
  flags.Section("How").Text("request-id", request_id, "ID",
                            "The same command with the same id does nothing twice. Without, each "
                            "run has one of its own.");
}

int FailRepeatable(const absl::Status& status, const std::string& request_id) {
  const int code = Fail(status);
  if (IsRetryable(status)) {
    std::fprintf(stderr,
                 "  Part of it may be done. Repeat the command with --request-id %s: nobody gets "
                 "anything twice.\n",
                 request_id.c_str());
  }
  return code;
}

absl::Status KeepOpen(const Connection& connection,
                      const std::function<absl::Status(bool* came)>& open) {
  constexpr Duration kPatience = Seconds(30);
  const Clock& clock = connection.suite.clock();
  Random random(1);
  Duration last_sign = clock.Monotonic();
  for (int attempt = 1;; ++attempt) {
    bool came = false;
    absl::Status ended = open(&came);
    if (came) {
      attempt = 1;
      last_sign = clock.Monotonic();
    }
    if (!ended.ok() && !IsRetryable(ended)) return ended;
    if (!ended.ok() && clock.Monotonic() - last_sign > kPatience) return ended;
    SleepFor(RetryDelay(ended, attempt, random));
  }
}

}  // namespace invigil::cli
