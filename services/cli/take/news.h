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
// A save was refused for these items alone; they are dropped, what else there was is sent again.
struct Rejected {
  struct Item {
    uint32_t sequence = 0;               // as sent
    session::v1::StoredResponse stored;  // what counts for the item; sequence 0: nothing
  };
  std::string reason;  // ITEMS_LOCKED or EDIT_QUOTA_USED
  std::vector<Item> items;
};
// From the watch, or from asking.
struct Update {
  session::v1::SessionState state = session::v1::SESSION_STATE_UNSPECIFIED;
  Duration remaining{0};
  uint32_t deadline_version = 0;
  uint32_t epoch = 0;
  uint32_t current_part = 0;
  session::v1::BreakKind break_kind = session::v1::BREAK_KIND_UNSPECIFIED;
  Duration granted{0};
  std::vector<session::v1::SessionMessage> messages = {};  // those that came with it
  uint32_t unconfirmed_messages = 0;  // of the staff; there may be more than came
};
// The whole session, as GetSession gives it. `after_move`: what was asked by a Move is done.
struct Loaded {
  session::v1::Session session;
  bool after_move = false;
};
// These marks are stored.
struct MarksSaved {
  std::vector<session::v1::Mark> marks;
};
// The staff can see that this message was read.
struct Confirmed {
  std::string message_id;
};
struct Submitted {
  session::v1::SubmitSessionResponse response;
};
struct Report {
  session::v1::GetScoreReportResponse report;
};

using News = std::variant<Saved, Offline, Refused, Rejected, Update, Loaded, MarksSaved, Confirmed,
                          Submitted, Report>;

}  // namespace invigil::cli::take
