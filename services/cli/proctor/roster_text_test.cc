#include "services/cli/proctor/roster_text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/cli/core/names.h"

namespace invigil::cli {
namespace {

namespace ses = session::v1;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

ses::RosterEntry Entry(const std::string& session, const std::string& candidate) {
  ses::RosterEntry entry;
  entry.set_session_id(session);
  entry.set_candidate_id(candidate);
  entry.set_exam_id("CLF-C02");
  entry.set_state(ses::SESSION_STATE_ON_BREAK);
  SetDuration(Minutes(61) + Seconds(5), entry.mutable_remaining());
  return entry;
}

TEST(RosterText, ShowsProblemsAndWhatIsLeft) {
  ses::RosterEntry entry = Entry("s1", "ann");
  entry.add_problems(ses::ROSTER_PROBLEM_HELP_ASKED);
  entry.add_problems(ses::ROSTER_PROBLEM_UNSAVED_CHANGES);
  entry.set_unsaved_changes(3);
  entry.set_score_held(true);
  SetDuration(-Minutes(2), entry.mutable_granted());
  entry.mutable_heartbeat_age()->set_seconds(4);
  const std::string text = RosterText({entry, Entry("s2", "bob")});
  EXPECT_THAT(text,
              AllOf(HasSubstr("on-break"), HasSubstr("1:01:05"), HasSubstr("-02:00"),
                    HasSubstr("4 s"), HasSubstr("help-asked, unsaved-changes (3), score-held")));
  EXPECT_EQ(RosterText({}), "no session\n");
  EXPECT_THAT(RosterLine(entry), AllOf(HasSubstr("ann"), HasSubstr("! help-asked")));
  EXPECT_THAT(RosterLine(Entry("s2", "bob")), Not(HasSubstr("!")));
}

// What candidates write reaches a screen of the staff.
TEST(RosterText, NobodysWordsReachTheTerminalAsControls) {
  ses::GetRosterEntryResponse session;
  *session.mutable_entry() = Entry("s1", "ann\x1b[2J");
  auto* message = session.add_messages();
  message->set_message_id("m1");
  message->set_text("the screen is \x1b]0;owned\x07 black");
  message->set_from_candidate(true);
  auto* grant = session.add_grants();
  grant->set_grant_id("g1");
  SetDuration(Millis(250), grant->mutable_amount());
  session.add_report_ids("r1");
  const std::string text = EntryText(session);
  EXPECT_EQ(text.find('\x1b'), std::string::npos);
  EXPECT_EQ(text.find('\x07'), std::string::npos);
  EXPECT_THAT(text, AllOf(HasSubstr("candidate [m1, not seen]"), HasSubstr("0:00.250  g1"),
                          HasSubstr("Reports\n  r1\n")));
}

TEST(GrantsText, NamesThoseWhoGotNothing) {
  std::vector<ses::GrantResult> results(3);
  results[0].set_granted(true);
  results[1].set_granted(true);
  results[1].set_reopened(true);
  results[2].set_session_id("s3");
  results[2].set_refusal("SESSION_SEALED");
  const std::string text = GrantsText(results);
  EXPECT_THAT(text, HasSubstr("2 of 3 sessions have the time, 1 of them reopened.\n"));
  EXPECT_THAT(text, HasSubstr("s3       SESSION_SEALED"));
  results.pop_back();
  EXPECT_EQ(GrantsText(results), "2 of 2 sessions have the time, 1 of them reopened.\n");
  std::vector<ses::SendMessageToManyResponse::Result> sent(1);
  sent[0].set_sent(true);
  EXPECT_EQ(SentText(sent), "1 of 1 session has the message.\n");
}

TEST(IncidentText, AddsUpWhatWasLost) {
  std::vector<ses::IncidentSession> sessions(3);
  SetDuration(Seconds(90), sessions[0].mutable_lost());
  SetDuration(Seconds(31), sessions[1].mutable_lost());
  sessions[1].set_expired(true);
  const std::string text = IncidentText(sessions, {"s9"});
  EXPECT_THAT(text, AllOf(HasSubstr("2 sessions lost 02:01 together.\n"), HasSubstr("yes"),
                          HasSubstr("The log of s9 can't be read.\n")));
}

TEST(UnscoredText, IsCalmWhenNothingWaits) {
  EXPECT_EQ(UnscoredText({}), "Nothing waits for its score.\n");
  std::vector<ses::ListUnscoredResponse::Unscored> waiting(1);
  waiting[0].set_session_id("s1");
  waiting[0].set_attempt_version(2);
  waiting[0].mutable_seal_time()->set_seconds(1'764'000'000);
  EXPECT_THAT(UnscoredText(waiting), HasSubstr("s1          2  2025-11-24 16:00:00"));
}

}  // namespace
}  // namespace invigil::cli
