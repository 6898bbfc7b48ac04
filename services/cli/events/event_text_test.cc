#include "services/cli/events/event_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace invigil::cli {
namespace {

namespace ses = session::v1;
using ::testing::AllOf;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(EventText, ALineTellsAllThatIsKnown) {
  ses::SessionEvent event;
  event.set_cursor(17);
  event.set_kind(ses::SESSION_EVENT_KIND_AMENDED);
  event.set_session_id("s1");
  event.set_candidate_id("ann");
  event.mutable_occur_time()->set_seconds(1'764'000'000);
  event.mutable_result()->set_score_version(2);
  event.mutable_result()->set_passed(true);
  event.mutable_result()->set_scaled_score(734);
  EXPECT_THAT(EventLine(event), AllOf(StartsWith("17  2025-11-24 16:00:00  amended "),
                                      EndsWith("  result 2: 734 pass\n")));
  event.mutable_result()->clear_scaled_score();
  EXPECT_THAT(EventLine(event), EndsWith("  result 2: pass\n"));
  event.clear_result();
  event.set_kind(ses::SESSION_EVENT_KIND_INCIDENT);
  event.set_incident_id("r\x1b");
  EXPECT_THAT(EventLine(event), EndsWith("  incident r \n"));
}

TEST(EventText, EveryKindIsReadAsItIsWritten) {
  for (int kind = 1; kind <= ses::SessionEventKind_MAX; ++kind) {
    ses::SessionEvent event;
    event.set_kind(static_cast<ses::SessionEventKind>(kind));
    const std::string line = EventLine(event);
    const size_t begin = line.find_first_not_of(' ', 1);
    EXPECT_EQ(ParseEventKind(line.substr(begin, line.find(' ', begin) - begin)), kind) << line;
  }
  EXPECT_EQ(ParseEventKind("nonsense"), ses::SESSION_EVENT_KIND_UNSPECIFIED);
  EXPECT_EQ(ParseEventKind("unspecified"), ses::SESSION_EVENT_KIND_UNSPECIFIED);
}

TEST(EventText, WebhooksAndDeadLetters) {
  ses::Webhook webhook;
  webhook.set_webhook_id("w1");
  webhook.set_state(ses::WEBHOOK_STATE_DISABLED);
  webhook.set_url("https://example.org/hook");
  webhook.add_kinds(ses::SESSION_EVENT_KIND_SCORED);
  webhook.set_dead_letters(3);
  webhook.set_last_error("HTTP 410");
  EXPECT_THAT(WebhooksText({webhook}),
              AllOf(HasSubstr("disabled"), HasSubstr("scored"), HasSubstr("HTTP 410")));
  EXPECT_EQ(WebhooksText({}), "no webhook\n");
  ses::DeadLetter letter;
  letter.set_event_id("e1");
  letter.set_tries(6);
  EXPECT_THAT(DeadLettersText({letter}), AllOf(HasSubstr("e1"), HasSubstr("not kept any more")));
  EXPECT_EQ(DeadLettersText({}), "no dead letter\n");
}

}  // namespace
}  // namespace invigil::cli
