// What the network tells the person's screen.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "common/base/time.h"
#include "invigil/session/v1/delivery.pb.h"

namespace invigil::cli::take {

// Replies to a save.
struct Saved {
  std::vector<session::v1::Ack> acks;
  Duration remaining{0};
  uint32_t deadline_version = 0;
};
// The suite can't be reached or has no time; it will be tried again.
struct Offline {
  std::string message;
};
// Refused for good.
struct Refused {
  std::string reason, message;
};
// From the watch, or from asking.
struct Update {
  session::v1::SessionState state = session::v1::SESSION_STATE_UNSPECIFIED;
  Duration remaining{0};
  uint32_t deadline_version = 0;
  uint32_t epoch = 0;
};
struct Submitted {
  session::v1::SubmitSessionResponse response;
};
struct Report {
  session::v1::GetScoreReportResponse report;
};

using News = std::variant<Saved, Offline, Refused, Update, Submitted, Report>;

}  // namespace invigil::cli::take
