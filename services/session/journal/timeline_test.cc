#include "services/session/journal/timeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/ids.h"
#include "common/error/error.h"
#include "common/testing/temp_dir.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/decide.h"
#include "services/session/domain/fixtures_for_test.h"
#include "services/session/store/sqlite_event_log.h"

namespace invigil::session {
namespace {

using fixtures::kStart;
using ::testing::HasSubstr;

TEST(TimelineTest, TellsWhatHappenedWhenAndByWhom) {
  const testing::TempDir dir;
  const std::string path = dir.Path("s.db");
  const auto log = OpenSqliteEventLog(path);
  ASSERT_TRUE(log.ok()) << log.status();
  const SessionId id = *SessionId::FromHex(NewId(kStart));
  State state;
  Time now = kStart;
  const auto run = [&](Action action) {
    ASSERT_TRUE((*log)->Begin().ok());
    const Decision decision = Decide(state, {"", std::move(action)}, now);
    for (const Event& event : decision.events) {
      ASSERT_TRUE(Apply(state, event, decision.at).ok());
    }
    ASSERT_TRUE((*log)->Append(id, decision.events, decision.at, state).ok());
    ASSERT_TRUE((*log)->Commit().ok());
  };
  run(Reserve{{"ann", "EX-1", "r1"}});
  run(Start{fixtures::MakePlannedForm(), nullptr, {}});
  run(LeavePart{1, 0, {}, true});
  run(LeavePart{1, 1, {}, false});
  run(fixtures::Save(1, {fixtures::Write(2, 1, {"B"})}));
  run(Pause{"proctor-7", "fire drill"});
  now += Minutes(12);
  run(Resume{"proctor-7", "all clear"});
  now += std::chrono::hours(4);  // nobody looks until everything is over
  run(Read{});

  const auto reader = OpenSqliteEventLogReader(path);
  const auto entries = ReadTimeline(**reader, id);
  ASSERT_TRUE(entries.ok()) << entries.status();
  ASSERT_EQ(entries->size(), state.version);
  const auto find = [&](const std::string& kind) {
    for (const TimelineEntry& entry : *entries) {
      if (entry.kind == kind) return entry;
    }
    return TimelineEntry();
  };
  EXPECT_THAT(find("reserved").text, HasSubstr("candidate ann"));
  EXPECT_EQ(find("responses_stored").text, "stored: item 3 #1 B");
  EXPECT_EQ(find("paused").actor, "proctor-7");
  EXPECT_EQ(find("paused").due, std::nullopt);
  EXPECT_EQ(find("resumed").text, "resumed after 720.000 s: all clear");
  EXPECT_EQ(find("resumed").due, kStart + Minutes(22));  // section One has its 10 minutes again
  // Section Two was entered when the break was over, long before anybody wrote it down.
  const TimelineEntry seal = entries->back();
  EXPECT_EQ(seal.kind, "sealed.expired");
  EXPECT_EQ(seal.written_at, now);
  EXPECT_EQ(seal.happened_at, kStart + Minutes(12 + 10 + 10 + 20 + 30));

  EXPECT_EQ(ReasonOf(ReadTimeline(**reader, SessionId()).status()), "SESSION_NOT_FOUND");
}

}  // namespace
}  // namespace invigil::session
