#include "services/cli/events/event_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "services/cli/core/names.h"
#include "services/cli/core/text.h"

namespace invigil::cli {
namespace {

namespace ses = session::v1;

constexpr char kKind[] = "SESSION_EVENT_KIND_";

std::string Kind(int kind) {
  return NameWord(ses::SessionEventKind_Name(static_cast<ses::SessionEventKind>(kind)), kKind);
}

}  // namespace

std::string EventLine(const ses::SessionEvent& event) {
  std::string line =
      absl::StrCat(event.cursor(), "  ", ClockTime(event.occur_time()), "  ",
                   PadRight(Kind(event.kind()), 10), "  ", Printable(event.session_id()), "  ",
                   Printable(event.candidate_id()), "  ", Printable(event.exam_id()));
  if (event.has_result()) {
    absl::StrAppend(&line, "  result ", event.result().score_version(), ": ");
    if (event.result().has_scaled_score()) {
      absl::StrAppend(&line, event.result().scaled_score(), " ");
    }
    absl::StrAppend(&line, event.result().passed() ? "pass" : "fail");
  }
  if (!event.incident_id().empty()) {
    absl::StrAppend(&line, "  incident ", Printable(event.incident_id()));
  }
  return line + "\n";
}

ses::SessionEventKind ParseEventKind(const std::string& word) {
  ses::SessionEventKind kind = ses::SESSION_EVENT_KIND_UNSPECIFIED;
  if (!ses::SessionEventKind_Parse(EnumName(word, kKind), &kind)) {
    return ses::SESSION_EVENT_KIND_UNSPECIFIED;
  }
  return kind;
}

std::string WebhooksText(const std::vector<ses::Webhook>& webhooks) {
  if (webhooks.empty()) return "no webhook\n";
  std::vector<std::vector<std::string>> rows{
      {"webhook", "state", "cursor", "waiting", "dead", "exam", "events", "address", "last error"}};
  for (const ses::Webhook& webhook : webhooks) {
    std::vector<std::string> kinds;
    for (const int kind : webhook.kinds()) kinds.push_back(Kind(kind));
    rows.push_back({Printable(webhook.webhook_id()),
                    NameWord(ses::WebhookState_Name(webhook.state()), "WEBHOOK_STATE_"),
                    absl::StrCat(webhook.cursor()), absl::StrCat(webhook.waiting_events()),
                    absl::StrCat(webhook.dead_letters()),
                    webhook.exam_id().empty() ? "all" : Printable(webhook.exam_id()),
                    kinds.empty() ? "all" : absl::StrJoin(kinds, ","), Printable(webhook.url()),
                    Printable(webhook.last_error())});
  }
  return Table(rows, {2, 3, 4});
}

std::string DeadLettersText(const std::vector<ses::DeadLetter>& letters) {
  if (letters.empty()) return "no dead letter\n";
  std::vector<std::vector<std::string>> rows{
      {"event", "given up", "tries", "what", "session", "error"}};
  for (const ses::DeadLetter& letter : letters) {
    rows.push_back({Printable(letter.event_id()), ClockTime(letter.fail_time()),
                    absl::StrCat(letter.tries()),
                    letter.has_event() ? Kind(letter.event().kind()) : "not kept any more",
                    letter.has_event() ? Printable(letter.event().session_id()) : "",
                    Printable(letter.error())});
  }
  return Table(rows, {2});
}

}  // namespace invigil::cli
