#include "services/session/journal/verify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/base/hash.h"
#include "common/base/ids.h"
#include "common/error/error.h"
#include "common/sql/database.h"
#include "common/testing/temp_dir.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/decide.h"
#include "services/session/domain/fixtures_for_test.h"
#include "services/session/store/sqlite_event_log.h"

namespace invigil::session {
namespace {

using fixtures::kStart;
using ::testing::HasSubstr;

// Three whole sittings in a file, which each test then tampers with as somebody with the file
// could.
class VerifyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto log = OpenSqliteEventLog(path_);
    ASSERT_TRUE(log.ok()) << log.status();
    for (int i = 0; i < 3; ++i) Sit(**log, "candidate-" + std::to_string(i));
  }

  void Sit(EventLog& log, const std::string& candidate, const std::string& pause = "fire drill",
           const std::string& resume = "all clear") {
    const SessionId id = *SessionId::FromHex(NewId(kStart));
    sessions_.push_back(id);
    State state;
    const auto run = [&](Action action) {
      ASSERT_TRUE(log.Begin().ok());
      const Decision decision = Decide(state, {"", std::move(action)}, kStart);
      ASSERT_TRUE(decision.status.ok()) << decision.status;
      for (const Event& event : decision.events) {
        ASSERT_TRUE(Apply(state, event, decision.at).ok());
      }
      ASSERT_TRUE(log.Append(id, decision.events, decision.at, state).ok());
      ASSERT_TRUE(log.Commit().ok());
    };
    run(Reserve{{candidate, "EX-1", "r"}});
    run(Start{fixtures::MakeForm(), nullptr, {}});
    run(fixtures::Save(1, {fixtures::Write(0, 1, {"A"})}));
    run(Pause{"proctor", pause});
    run(Resume{"proctor", resume});
    run(fixtures::Save(1, {fixtures::Write(0, 2, {"B"})}));
    run(Submit{1, {}});
    run(RecoverResponses{"r1", "operator", "found", {fixtures::Write(3, 1, {"C"})}});
  }

  JournalVerdict Verify(VerifyOptions options = {}) {
    auto reader = OpenSqliteEventLogReader(path_);
    EXPECT_TRUE(reader.ok()) << reader.status();
    auto verdict = VerifyJournal(**reader, std::move(options));
    EXPECT_TRUE(verdict.ok()) << verdict.status();
    return *verdict;
  }
  std::string Fault() {
    const JournalVerdict verdict = Verify();
    return verdict.fault ? std::to_string(verdict.fault->n) + ": " + verdict.fault->what : "";
  }
  void Tamper(const std::string& sql) {
    auto db = sql::Database::Open(path_);
    ASSERT_TRUE(db.ok()) << db.status();
    const absl::Status status = db->Execute(sql);
    ASSERT_TRUE(status.ok()) << status;
  }

  // reserved, form_attached, started, paused, resumed, sealed.submitted, responses_recovered
  static constexpr uint64_t kRowsOfOne = 7;
  const testing::TempDir dir_;
  const std::string path_ = dir_.Path("s.db");
  std::vector<SessionId> sessions_;
};

TEST_F(VerifyTest, AnUntouchedJournalIsRight) {
  const JournalVerdict verdict = Verify();
  EXPECT_FALSE(verdict.fault) << verdict.fault->what;
  EXPECT_EQ(verdict.rows, 3 * kRowsOfOne);
  EXPECT_EQ(verdict.sessions, 3u);
  EXPECT_EQ(verdict.head.n, verdict.rows);
  EXPECT_FALSE(Verify({.noted = verdict.head, .progress = {}}).fault);
}

TEST_F(VerifyTest, ItStopsWhenNobodyWantsToKnowAnyMore) {
  auto reader = OpenSqliteEventLogReader(path_);
  ASSERT_TRUE(reader.ok());
  int asked = 0;
  // Told when to stop, it goes no step further; left alone, it goes on to the end.
  for (const int patience : {0, 1, 10, 23}) {
    asked = 0;
    const auto verdict = VerifyJournal(**reader, {.stop = [&] { return ++asked > patience; }});
    EXPECT_EQ(verdict.status().code(), absl::StatusCode::kCancelled) << patience;
    EXPECT_EQ(ReasonOf(verdict.status()), "AUDIT_STOPPED");
    EXPECT_EQ(asked, patience + 1);
  }
  // A page, its rows, and what sessions hold besides.
  EXPECT_TRUE(VerifyJournal(**reader, {.stop = [&] { return ++asked < 0; }}).ok());
  EXPECT_EQ(asked, 24 + 1 + 3 * static_cast<int>(kRowsOfOne) + 3);
}

TEST_F(VerifyTest, AChangedRowIsFound) {
  Tamper("UPDATE journal SET kind='resumed' WHERE n=4");
  EXPECT_THAT(Fault(), HasSubstr("4: it is not what was written"));
}

TEST_F(VerifyTest, AMissingRowIsFound) {
  Tamper("DELETE FROM journal WHERE n=5");
  EXPECT_THAT(Fault(), HasSubstr("row 5 is missing"));
}

TEST_F(VerifyTest, RowsThatChangedPlacesAreFound) {
  Tamper(
      "UPDATE journal SET n=100 WHERE n=9; UPDATE journal SET n=9 WHERE n=10; "
      "UPDATE journal SET n=10 WHERE n=100");
  EXPECT_THAT(Fault(), HasSubstr("9: it is not what was written"));
}

TEST_F(VerifyTest, ACutOffEndIsFound) {
  const JournalHead noted = Verify().head;
  Tamper("DELETE FROM journal WHERE n>14");
  EXPECT_THAT(Fault(), HasSubstr("15: the journal's end was cut off"));
  // With the head's row made to fit, only a head noted elsewhere tells.
  Tamper("UPDATE journal_head SET n=14, hash=(SELECT hash FROM journal WHERE n=14)");
  EXPECT_EQ(Fault(), "");
  EXPECT_THAT(Verify({.noted = noted, .progress = {}}).fault->what,
              HasSubstr("ends before the head"));
}

TEST_F(VerifyTest, AJournalWrittenAnewIsFoundByANotedHead) {
  const JournalVerdict before = Verify();
  JournalHead noted = before.head;
  noted.hash[0] = noted.hash[0] == 'a' ? 'b' : 'a';
  EXPECT_THAT(Verify({.noted = noted, .progress = {}}).fault->what, HasSubstr("written anew"));
}

TEST_F(VerifyTest, AChangedActIsFound) {
  Tamper(
      "UPDATE events SET body = CAST(replace(CAST(body AS TEXT), 'fire drill', 'fine drill') AS "
      "BLOB) WHERE body = (SELECT body FROM events WHERE CAST(body AS TEXT) LIKE '%fire drill%' "
      "LIMIT 1)");
  EXPECT_THAT(Fault(), HasSubstr("its event was changed"));
}

TEST_F(VerifyTest, AChangedSaveIsFoundAtTheSeal) {
  // The second session's last save is its event 7; these bytes are a ResponsesStored of option C.
  Tamper(
      "UPDATE events SET body=x'22060a0410021804' WHERE seq=7 AND session_id="
      "(SELECT session_id FROM journal WHERE n=8)");
  EXPECT_THAT(Fault(), HasSubstr("13: the stored responses are not those that were sealed"));
}

TEST_F(VerifyTest, ATakenOutSaveIsFoundAtTheSeal) {
  Tamper(
      "DELETE FROM events WHERE seq=4 AND session_id=(SELECT session_id FROM journal WHERE n=8)");
  EXPECT_THAT(Fault(), HasSubstr("event 4 of its session is missing"));
}

TEST_F(VerifyTest, AnActInThePlaceOfASaveIsFoundAtTheSeal) {
  // A take-over instead of the first save, which a later one has replaced: no response differs.
  Tamper(
      "UPDATE events SET body=x'2a020802' WHERE seq=4 AND session_id="
      "(SELECT session_id FROM journal WHERE n=8)");
  EXPECT_THAT(Fault(), HasSubstr("13: its session has events that the journal does not know"));
}

TEST_F(VerifyTest, AForgedActBehindTheSealIsFound) {
  // These bytes are a Voided.
  Tamper(
      "INSERT INTO events SELECT session_id, 10, at_us, x'52030a0178' FROM events WHERE seq=9 AND "
      "session_id=(SELECT session_id FROM journal WHERE n=8)");
  EXPECT_THAT(Fault(), HasSubstr("has events that the journal does not know"));
}

TEST_F(VerifyTest, ASealAndWhatIsAddedToItInOneDecisionAreBothRight) {
  // Nobody has sealed the overdue session when responses are recovered into it.
  auto log = OpenSqliteEventLog(path_);
  ASSERT_TRUE(log.ok());
  const SessionId id = *SessionId::FromHex(NewId(kStart));
  State state;
  const auto run = [&](Action action, Time now) {
    ASSERT_TRUE((*log)->Begin().ok());
    const Decision decision = Decide(state, {"", std::move(action)}, now);
    ASSERT_TRUE(decision.status.ok()) << decision.status;
    for (const Event& event : decision.events) {  // as the engine does: one by one
      ASSERT_TRUE(Apply(state, event, decision.at).ok());
      ASSERT_TRUE((*log)->Append(id, {event}, decision.at, state).ok());
    }
    ASSERT_TRUE((*log)->Commit().ok());
  };
  run(Reserve{{"late", "EX-1", "r"}}, kStart);
  run(Start{fixtures::MakeForm(), nullptr, {}}, kStart);
  run(RecoverResponses{"r1", "operator", "found", {fixtures::Write(3, 1, {"C"})}},
      kStart + std::chrono::hours(3));
  EXPECT_EQ(state.attempt_version, 2u);
  EXPECT_EQ(Fault(), "");
}

TEST_F(VerifyTest, RowsOfTheFormerFormatAreStillRight) {
  // As a program before salts wrote them.
  auto reader = OpenSqliteEventLogReader(path_);
  ASSERT_TRUE(reader.ok());
  JournalHead head;
  const std::vector<JournalRow> written = *(*reader)->ListJournal(0, 1000);
  for (JournalRow row : written) {
    const absl::Status read =
        (*reader)->ReadEvents(row.session, [&](uint64_t seq, Time, std::string_view body) {
          if (seq == row.seq) row.body_hash = Sha256Hex(body);
          return absl::OkStatus();
        });
    ASSERT_TRUE(read.ok()) << read;
    row.rest_hash.clear();
    head = {row.n, row.hash = ChainHash(head.hash, row)};
    Tamper("UPDATE journal SET rest_hash='', body_hash='" + row.body_hash + "', hash='" + row.hash +
           "' WHERE n=" + std::to_string(row.n));
  }
  Tamper("DELETE FROM journal_salts; UPDATE journal_head SET hash='" + head.hash + "'");
  EXPECT_EQ(Fault(), "");
  auto log = OpenSqliteEventLog(path_);
  ASSERT_TRUE(log.ok());
  Sit(**log, "newer");
  EXPECT_EQ(Fault(), "");
  Tamper(
      "UPDATE events SET body = CAST(replace(CAST(body AS TEXT), 'fire drill', 'fine drill') AS "
      "BLOB) WHERE body = (SELECT body FROM events WHERE CAST(body AS TEXT) LIKE '%fire drill%' "
      "LIMIT 1)");
  EXPECT_THAT(Fault(), HasSubstr("its event was changed"));
}

TEST_F(VerifyTest, WithoutItsSaltAnEventIsNotAsItWasWritten) {
  Tamper("DELETE FROM journal_salts WHERE seq=5");
  EXPECT_THAT(Fault(), HasSubstr("4: its event was changed"));
}

TEST_F(VerifyTest, RemarksAreChainedAndTheirTextsCount) {
  auto log = OpenSqliteEventLog(path_);
  ASSERT_TRUE(log.ok());
  Remark remark;
  remark.kind = kDenied;
  remark.session = sessions_[1];
  remark.at = kStart;
  remark.actor = "mallory";
  remark.reason = "SESSION_NOT_YOURS";
  ASSERT_TRUE((*log)->Begin().ok());
  ASSERT_TRUE((*log)->AddRemark(remark).ok());
  ASSERT_TRUE((*log)->Commit().ok());
  Sit(**log, "dora");
  EXPECT_EQ(Fault(), "");
  Tamper("UPDATE remarks SET body=CAST(replace(CAST(body AS TEXT), 'mallory', 'ann-ann') AS BLOB)");
  EXPECT_THAT(Fault(), HasSubstr("22: its text was changed"));
  Tamper("DELETE FROM remarks");
  EXPECT_THAT(Fault(), HasSubstr("22: its text is missing"));
}

TEST_F(VerifyTest, WordsThatWereTakenOutExplainNoLaterLoss) {
  auto log = OpenSqliteEventLog(path_);
  ASSERT_TRUE(log.ok());
  const auto take_words = [&](const std::string& hex, int seq, const std::string& from) {
    Tamper("UPDATE events SET body = CAST(replace(CAST(body AS TEXT), '" + from +
           "', '[erased]') AS BLOB) WHERE seq=" + std::to_string(seq) + " AND session_id=x'" + hex +
           "'; DELETE FROM journal_salts WHERE seq=" + std::to_string(seq) + " AND session_id=x'" +
           hex + "'");
  };
  // As long as the words they replace: protocol buffers know lengths.
  Sit(**log, "dora", "fireman!", "allclear");
  const std::string doras = sessions_[3].ToHex();
  take_words(doras, 5, "fireman!");
  EXPECT_THAT(Fault(), HasSubstr("25: its event was changed"));
  Remark remark;
  remark.kind = kWordsErased;
  remark.session = sessions_[3];
  remark.at = kStart;
  remark.actor = "retention";
  remark.count = 1;
  ASSERT_TRUE((*log)->Begin().ok());
  ASSERT_TRUE((*log)->AddRemark(remark).ok());
  ASSERT_TRUE((*log)->Commit().ok());
  EXPECT_EQ(Fault(), "");
  // Of another session it says nothing, nor of what came after it.
  Sit(**log, "elsa", "fireman!", "allclear");
  take_words(sessions_[4].ToHex(), 5, "fireman!");
  EXPECT_THAT(Fault(), HasSubstr("33: its event was changed"));
}

TEST_F(VerifyTest, ARolledBackTransactionLeavesNoGap) {
  auto log = OpenSqliteEventLog(path_);
  ASSERT_TRUE(log.ok());
  const SessionId id = *SessionId::FromHex(NewId(kStart));
  State state;
  ASSERT_TRUE((*log)->Begin().ok());
  const Decision decision = Decide(state, {"", Reserve{{"bob", "EX-1", "r"}}}, kStart);
  ASSERT_TRUE(Apply(state, decision.events[0], decision.at).ok());
  ASSERT_TRUE((*log)->Append(id, decision.events, decision.at, state).ok());
  (*log)->Rollback();
  Sit(**log, "carol");
  const JournalVerdict verdict = Verify();
  EXPECT_FALSE(verdict.fault) << verdict.fault->what;
  EXPECT_EQ(verdict.rows, 4 * kRowsOfOne);
}

}  // namespace
}  // namespace invigil::session
