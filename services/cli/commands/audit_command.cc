#include <cinttypes>
#include <cstdio>
#include <string>

#include "absl/time/time.h"
#include "services/cli/api/retry.h"
#include "services/cli/api/suite.h"
#include "services/cli/commands/arguments.h"
#include "services/cli/commands/commands.h"
#include "services/cli/core/failure.h"
#include "services/cli/core/json.h"
#include "services/cli/core/text.h"

namespace invigil::cli {
namespace {

constexpr Duration kPatience = Seconds(10);

// "ROW:HASH" as `audit verify` prints it. Errors: USAGE.
absl::Status ParseHead(const std::string& text, session::v1::JournalHead* head) {
  const size_t colon = text.find(':');
  const std::string row = text.substr(0, colon);
  if (colon == std::string::npos || row.empty() || row.size() > 18 ||
      row.find_first_not_of("0123456789") != std::string::npos) {
    return UsageError("--head wants ROW:HASH, as `invigil audit verify` printed it");
  }
  head->set_row(std::stoull(row));
  head->set_hash(text.substr(colon + 1));
  return absl::OkStatus();
}

std::string ClockTime(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%d %H:%M:%E3S",
                          absl::FromUnixSeconds(time.seconds()) + absl::Nanoseconds(time.nanos()),
                          absl::UTCTimeZone());
}

}  // namespace

int AuditVerify(const Words& words) {
  bool json = false;
  std::string head;
  Settings given;
  config::Flags flags(
      "invigil audit verify",
      "Checks the journal of all acts: that no row was changed, taken out, put in or "
      "moved, that the events it names are as they were, and that what was sealed "
      "is what is stored. Prints its head, which is worth noting elsewhere: with "
      "--head a later check also finds that the journal was cut off or written "
      "anew. Exit code 1 when something is wrong.");
  flags.Text("head", &head, "ROW:HASH", "A head that was printed before.");
  flags.Toggle("json", &json, "As JSON (VerifyJournalResponse).");
  DeclareSettings(flags, &given);
  flags.ParseOrExit(words);
  session::v1::VerifyJournalRequest request;
  if (!head.empty()) {
    if (absl::Status status = ParseHead(head, request.mutable_noted()); !status.ok()) {
      return Fail(status);
    }
  }
  auto suite = Suite::Open(given);
  if (!suite.ok()) return Fail(suite.status());
  Retrier retrier(suite->clock(), SleepFor, 1, kPatience);
  const auto verdict =
      retrier.Run([&] { return suite->api().VerifyJournal(request, suite->OperatorToken()); });
  if (!verdict.ok()) return Fail(verdict.status());
  if (json) {
    std::fputs(ToJson(*verdict).c_str(), stdout);
  } else {
    std::printf("%" PRIu64 " rows of %" PRIu64 " sessions are as they were written.\n",
                verdict->right_rows(), verdict->sessions());
    if (verdict->first_row() > 1) {
      std::printf("It begins at row %" PRIu64 "; what was before was kept long enough.\n",
                  verdict->first_row());
    }
    if (verdict->wrong_row() != 0) {
      std::printf("Row %" PRIu64 " is wrong: %s.\n", verdict->wrong_row(),
                  Printable(verdict->fault()).c_str());
    } else {
      std::printf("Head: %" PRIu64 ":%s\n", verdict->head().row(), verdict->head().hash().c_str());
    }
  }
  return verdict->wrong_row() == 0 ? kOk : kFailed;
}

int AuditTimeline(const Words& words) {
  bool json = false;
  Settings given;
  config::Flags flags("invigil audit timeline",
                      "Tells all that happened in a session: when it was written, when it took "
                      "effect if that was earlier, who did it, and when time would have ended "
                      "something from then on. Times are UTC.");
  flags.Positional("SESSION");
  flags.Toggle("json", &json, "As JSON (GetTimelineResponse).");
  DeclareSettings(flags, &given);
  const auto session = ParseWithArgument(flags, words, "session");
  if (!session.ok()) return Fail(session.status());
  auto suite = Suite::Open(given);
  if (!suite.ok()) return Fail(suite.status());
  Retrier retrier(suite->clock(), SleepFor, 1, kPatience);
  session::v1::GetTimelineRequest request;
  request.set_session_id(*session);
  const auto timeline =
      retrier.Run([&] { return suite->api().GetTimeline(request, suite->OperatorToken()); });
  if (!timeline.ok()) return Fail(timeline.status());
  if (json) {
    std::fputs(ToJson(*timeline).c_str(), stdout);
    return kOk;
  }
  for (const auto& entry : timeline->entries()) {
    std::string line = PadRight(std::to_string(entry.sequence()), 4) + " " +
                       ClockTime(entry.write_time()) + "  " + PadRight(entry.kind(), 20) + " " +
                       Printable(entry.text());
    if (!entry.actor().empty()) line += " [by " + Printable(entry.actor()) + "]";
    if (entry.event_time().seconds() != entry.write_time().seconds() ||
        entry.event_time().nanos() != entry.write_time().nanos()) {
      line += " [took effect " + ClockTime(entry.event_time()) + "]";
    }
    if (entry.has_due_time()) line += "  -> " + ClockTime(entry.due_time());
    std::printf("%s\n", line.c_str());
  }
  return kOk;
}

}  // namespace invigil::cli
