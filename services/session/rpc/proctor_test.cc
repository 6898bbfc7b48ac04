// What needs no gRPC: rows, the roster, and what an outage cost.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error/error.h"
#include "common/testing/temp_dir.h"
#include "services/session/domain/apply.h"
#include "services/session/engine/fixtures_for_test.h"
#include "services/session/rpc/proctor_incident.h"
#include "services/session/rpc/proctor_reader_for_test.h"
#include "services/session/rpc/proctor_roster.h"
#include "services/session/store/open.h"

namespace invigil::session {
namespace {

using fixtures::Activate;
using fixtures::Ask;
using fixtures::kBase;
using fixtures::kStart;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A log that is made by deciding.
class Log {
 public:
  void Do(Action action, Time now) {
    const Decision decision = Decide(state_, Command{"", std::move(action)}, now);
    ASSERT_TRUE(decision.status.ok()) << decision.status;
    for (const Event& event : decision.events) {
      ASSERT_TRUE(Apply(state_, event, decision.at).ok());
      events_.emplace_back(decision.at, event);
    }
  }
  LogReading Read(const Outage& outage, Time now) const {
    LogReading reading(outage);
    uint64_t seq = 0;
    for (const auto& [at, event] : events_) EXPECT_TRUE(reading.Add(++seq, at, event).ok());
    EXPECT_TRUE(reading.Finish(now).ok());
    return reading;
  }

 private:
  State state_;
  std::vector<std::pair<Time, Event>> events_;
};

// From the start of the exam, in minutes.
Time At(int minutes) { return kStart + Minutes(minutes); }

Log Started() {
  Log log;
  log.Do(Reserve{{"ann", "CLF-C02", "r", SessionKind::kExam}}, kStart);
  log.Do(Start{fixtures::MakeForm(5, Minutes(60)), {}, {}}, kStart);
  return log;
}

TEST(RosterRowTest, ASessionIsReadPastTheEngineAsItsLogHasIt) {
  const testing::TempDir dir;
  const ManualClock clock(kStart);
  const auto engine = *SessionEngine::Open(dir.Path("s.db"), clock);
  const auto reader = *OpenEventLogReader(dir.Path("s.db"));
  const SessionId ann = Activate(*engine, "ann");
  ASSERT_TRUE(fixtures::SaveOne(*engine, ann, 3, 1).ok());
  const auto ended = Ask(*engine, ann, Terminate{"petra", "left the room"});
  ASSERT_TRUE(ended.ok()) << ended.status();
  const auto state = ReadState(*reader, ann);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(*state, *ended->state);
  EXPECT_EQ(ReadState(*reader, SessionId()).status().code(), absl::StatusCode::kDataLoss);
}

TEST(OutageTest, GapsAreJoinedAndTheWholeWindowIsOneWhenNoneIsNamed) {
  const Span window{At(0), At(60)};
  EXPECT_THAT(MakeOutage(window, {}, At(60))->gaps, ElementsAre(window));
  EXPECT_THAT(
      MakeOutage(window, {{At(30), At(40)}, {At(5), At(10)}, {At(10), At(12)}, {At(6), At(7)}},
                 At(60))
          ->gaps,
      ElementsAre(Span{At(5), At(12)}, Span{At(30), At(40)}));
}

TEST(OutageTest, WhatIsNotOverOrUpsideDownIsRefused) {
  const auto reason = [](Span window, std::vector<Span> gaps, Time now) {
    return ReasonOf(MakeOutage(window, std::move(gaps), now).status());
  };
  EXPECT_EQ(reason({At(5), At(5)}, {}, At(60)), "INCIDENT_INVALID");
  EXPECT_EQ(reason({At(5), At(10)}, {}, At(9)), "INCIDENT_INVALID");
  EXPECT_EQ(reason({At(0), At(25 * 60)}, {}, At(26 * 60)), "INCIDENT_INVALID");
  EXPECT_EQ(reason({At(5), At(10)}, {{At(4), At(6)}}, At(60)), "INCIDENT_INVALID");
  EXPECT_EQ(reason({At(5), At(10)}, {{At(7), At(6)}}, At(60)), "INCIDENT_INVALID");
  EXPECT_EQ(reason({At(0), At(60)}, std::vector<Span>(21, {At(1), At(2)}), At(60)),
            "INCIDENT_INVALID");
}

TEST(LogReadingTest, OnlyTheTimeThatRanIsLost) {
  Log log = Started();
  log.Do(fixtures::Save(1, {fixtures::Write(0, 1, {"A"})}), At(4));
  log.Do(Pause{"p", "r"}, At(12));
  log.Do(Resume{"p", "r"}, At(15));
  log.Do(fixtures::Save(1, {fixtures::Write(0, 2, {"B"})}), At(16));
  log.Do(fixtures::Save(1, {fixtures::Write(0, 3, {"C"})}), At(21));
  const Outage outage = *MakeOutage({At(5), At(20)}, {{At(10), At(14)}, {At(17), At(18)}}, At(30));
  const LogReading reading = log.Read(outage, At(30));
  EXPECT_EQ(reading.ran(), Minutes(12)) << "three of the fifteen were paused";
  EXPECT_EQ(reading.lost(), Minutes(3)) << "10 to 12 and 17 to 18";
  EXPECT_EQ(reading.last_save_before(), At(4));
  EXPECT_EQ(reading.saves_within(), 1u);
  EXPECT_EQ(reading.first_save_after(), At(21));
  EXPECT_FALSE(reading.expired());
}

TEST(LogReadingTest, TimeEndsAtTheDeadlineWhetherOrNotItIsWritten) {
  const Outage outage = *MakeOutage({At(50), At(70)}, {}, At(100));
  Log log = Started();
  const LogReading unwritten = log.Read(outage, At(100));
  EXPECT_EQ(unwritten.lost(), Minutes(10));
  EXPECT_TRUE(unwritten.expired());
  log.Do(Read{}, At(90));  // seals it, thirty minutes late
  EXPECT_EQ(log.Read(outage, At(100)).lost(), Minutes(10));
  EXPECT_TRUE(log.Read(outage, At(100)).expired());
}

TEST(LogReadingTest, WhoHadEndedOrNotBegunLostNothing) {
  Log log = Started();
  log.Do(Submit{1, {}}, At(20));
  EXPECT_EQ(log.Read(*MakeOutage({At(20), At(30)}, {}, At(40)), At(40)).ran(), Duration(0));
  const LogReading across = log.Read(*MakeOutage({At(15), At(30)}, {}, At(40)), At(40));
  EXPECT_EQ(across.lost(), Minutes(5));
  EXPECT_FALSE(across.expired()) << "the candidate ended it";
  EXPECT_EQ(log.Read(*MakeOutage({At(-9), At(0)}, {}, At(40)), At(40)).ran(), Duration(0));
}

// What is given back does not change what was lost: the second reading gives the same grant.
TEST(LogReadingTest, GivingBackChangesNothingOfTheLoss) {
  const Outage outage = *MakeOutage({At(50), At(70)}, {}, At(80));
  Log log = Started();
  log.Do(Read{}, At(70));
  log.Do(Reopen{{"incident:x", Minutes(10)}, "p", "r"}, At(80));
  const LogReading again = log.Read(outage, At(85));
  EXPECT_EQ(again.lost(), Minutes(10));
  EXPECT_FALSE(again.expired()) << "it runs again";
}

class RosterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const std::string path = dir_.Path("s.db");
    auto log = std::make_unique<fixtures::FaultyLog>(*OpenEventLog(path), faults_);
    engine_ = std::make_unique<SessionEngine>(std::move(log), *OpenEventLogReader(path), clock_,
                                              EngineOptions{}, EngineHooks{});
    reader_ = std::make_unique<fixtures::FaultyReader>(*OpenEventLogReader(path));
    roster_ = Roster::Start(*engine_, *reader_, clock_, clock_,
                            {.scan_every = Duration(0), .sweep_every = Millis(5)});
  }
  void TearDown() override {
    roster_->Stop();
    if (engine_) engine_->Stop();
  }
  // Of another replica.
  std::unique_ptr<SessionEngine> Open() {
    auto engine = SessionEngine::Open(dir_.Path("s.db"), clock_);
    EXPECT_TRUE(engine.ok()) << engine.status();
    return *std::move(engine);
  }
  // How the first scan went; INTERNAL when nothing is said for long.
  absl::Status FillStatus() {
    const auto filled = std::make_shared<std::promise<absl::Status>>();
    roster_->WhenFilled([filled](absl::Status status) { filled->set_value(std::move(status)); });
    auto told = filled->get_future();
    if (told.wait_for(Seconds(10)) == std::future_status::ready) return told.get();
    return absl::InternalError("nobody answers");
  }
  void Fill() {
    const absl::Status filled = FillStatus();
    ASSERT_TRUE(filled.ok()) << filled;
  }
  std::vector<RosterLine> Changes(uint64_t& revision) {
    auto changes = roster_->Changes({}, revision, 10);
    EXPECT_TRUE(changes.ok()) << changes.status();
    return changes.ok() ? *std::move(changes) : std::vector<RosterLine>();
  }
  std::vector<std::string> Candidates(const RosterFilter& filter = {}, size_t size = 100) {
    std::vector<std::string> names;
    Roster::Place place;
    for (;;) {
      const Roster::Page page = roster_->List(filter, place, size);
      for (const RosterLine& line : page.lines) names.push_back(line.row.candidate_id);
      if (!page.next) return names;
      place = *page.next;
    }
  }
  RosterRow RowOf(const SessionId& session) {
    for (const RosterLine& line : roster_->List({}, {}, 1000).lines) {
      if (line.row.session == session) return line.row;
    }
    return {};
  }

  testing::TempDir dir_;
  ManualClock clock_{kStart};
  const std::shared_ptr<fixtures::FaultyLog::Faults> faults_ =
      std::make_shared<fixtures::FaultyLog::Faults>();
  std::unique_ptr<SessionEngine> engine_;
  std::unique_ptr<fixtures::FaultyReader> reader_;
  std::shared_ptr<Roster> roster_;
};

TEST_F(RosterTest, ProblemsComeFirstByUrgencyAndPagesLoseNobody) {
  const SessionId fine = Activate(*engine_, "fine"), odd = Activate(*engine_, "odd"),
                  told = Activate(*engine_, "told"), paused = Activate(*engine_, "paused"),
                  asks = Activate(*engine_, "asks"), ended = Activate(*engine_, "ended");
  ASSERT_TRUE(Ask(*engine_, odd, ReportIrregularity{"i", "phone", "rang", "p"}).ok());
  ASSERT_TRUE(Ask(*engine_, told, SendMessage{"m", "p", "hello", false}).ok());
  ASSERT_TRUE(Ask(*engine_, paused, Pause{"p", "r"}).ok());
  ASSERT_TRUE(Ask(*engine_, asks, SendMessage{"h", "asks", "help", true}, "asks").ok());
  ASSERT_TRUE(Ask(*engine_, ended, Submit{1, {}}).ok());
  Fill();
  const std::vector<std::string> order = {"asks", "paused", "told", "odd", "fine"};
  EXPECT_EQ(Candidates(), order);
  EXPECT_EQ(Candidates({}, 1), order);
  EXPECT_THAT(Candidates({.only_problems = true}, 2), ElementsAre("asks", "paused", "told", "odd"));
  EXPECT_THAT(Candidates({.candidate_id = "told"}), ElementsAre("told"));
  EXPECT_THAT(Candidates({.exam_id = "none"}), IsEmpty());
  EXPECT_THAT(Candidates({.states = 1u << static_cast<int>(SessionState::kPaused)}),
              ElementsAre("paused"));
  EXPECT_EQ(RowOf(fine).RemainingAt(kStart + Minutes(5)), kBase - Minutes(5));
  EXPECT_EQ(RowOf(paused).RemainingAt(kStart + Minutes(5)), kBase);
}

TEST_F(RosterTest, ChangesAreToldOnceAndAnEndedSessionToo) {
  const SessionId ann = Activate(*engine_, "ann");
  Fill();
  uint64_t seen = roster_->revision();
  EXPECT_THAT(Changes(seen), IsEmpty());
  ASSERT_TRUE(fixtures::SaveOne(*engine_, ann, 0, 1).ok());
  ASSERT_TRUE(Ask(*engine_, ann, GrantTime{{"g", Minutes(5)}, "p", "r"}).ok());
  std::vector<RosterLine> changes;
  testing::WaitUntil([&] { return !(changes = Changes(seen)).empty(); });
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].row.granted, Minutes(5));
  EXPECT_EQ(changes[0].row.deadline_version, 2u);
  ASSERT_TRUE(Ask(*engine_, ann, Terminate{"p", "r"}).ok());
  testing::WaitUntil([&] { return !(changes = Changes(seen)).empty(); });
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].row.state, SessionState::kTerminated);
  EXPECT_THAT(Candidates(), IsEmpty());
  EXPECT_THAT(Changes(seen), IsEmpty());
}

TEST_F(RosterTest, MissingOnlyAfterSeveralHeartbeatsAndBackWithOne) {
  const SessionId ann = Activate(*engine_, "ann");
  ASSERT_TRUE(Ask(*engine_, ann, Read{}, "ann").ok());
  Fill();
  clock_.Advance(Seconds(19));  // four of five
  ASSERT_TRUE(Ask(*engine_, ann, GrantTime{{"g", Minutes(5)}, "p", "r"}).ok());
  testing::WaitUntil([&] { return RowOf(ann).deadline_version == 2; });
  EXPECT_FALSE(RowOf(ann).missing) << "and staff are no sign of the candidate's life";
  EXPECT_EQ(roster_->List({}, {}, 1).lines.at(0).heartbeat_age, Seconds(19));
  clock_.Advance(Seconds(1));
  EXPECT_TRUE(testing::WaitUntil([&] { return RowOf(ann).missing; }));
  engine_->NoteAlive(ann);
  EXPECT_TRUE(testing::WaitUntil([&] { return !RowOf(ann).missing; }));
}

TEST_F(RosterTest, WhatAnotherReplicaDoesIsFound) {
  const auto other = Open();
  const SessionId first = Activate(*other, "first");
  Fill();
  EXPECT_THAT(Candidates(), ElementsAre("first"));
  EXPECT_EQ(roster_->List({}, {}, 1).lines.at(0).heartbeat_age, std::nullopt);
  Activate(*other, "second");
  EXPECT_TRUE(testing::WaitUntil([&] { return Candidates().size() == 2; }));
  ASSERT_TRUE(Ask(*other, first, Pause{"p", "r"}).ok());
  EXPECT_TRUE(testing::WaitUntil([&] { return RowOf(first).state == SessionState::kPaused; }));
  ASSERT_TRUE(Ask(*other, first, Terminate{"p", "r"}).ok());
  EXPECT_TRUE(testing::WaitUntil([&] { return Candidates().size() == 1; }));
  other->Stop();
}

TEST_F(RosterTest, WhoWaitsIsToldWhenTheStoreIsAway) {
  Activate(*engine_, "ann");
  reader_->live_fails = true;
  EXPECT_TRUE(absl::IsUnavailable(FillStatus())) << "told, and not left waiting for ever";
  reader_->live_fails = false;
  Fill();
  EXPECT_THAT(Candidates(), ElementsAre("ann"));
}

TEST_F(RosterTest, AListWithSessionsThatCouldNotBeReadIsNotComplete) {
  for (const char* name : {"ann", "bob", "cid"}) Activate(*engine_, name);
  faults_->failing_commits = 1'000'000;
  EXPECT_TRUE(absl::IsUnavailable(FillStatus()));
  faults_->failing_commits = 0;
  EXPECT_TRUE(testing::WaitUntil([&] { return FillStatus().ok(); }));
  EXPECT_THAT(Candidates(), ::testing::UnorderedElementsAre("ann", "bob", "cid"));
}

TEST_F(RosterTest, ChangesThatADeviceCouldNotSaveAreAProblemUntilItSaysOtherwise) {
  const SessionId ann = Activate(*engine_, "ann"), bob = Activate(*engine_, "bob");
  Fill();
  engine_->NoteAlive(bob, 3);
  EXPECT_TRUE(testing::WaitUntil([&] { return RowOf(bob).unsaved == 3; }));
  EXPECT_EQ(Candidates(), (std::vector<std::string>{"bob", "ann"}));
  EXPECT_THAT(Candidates({.only_problems = true}), ElementsAre("bob"));
  engine_->NoteAlive(bob);  // says nothing of it
  uint64_t seen = roster_->revision();
  EXPECT_EQ(roster_->Unsaved(bob), 3u);
  engine_->NoteAlive(bob, 0);
  EXPECT_TRUE(testing::WaitUntil([&] { return RowOf(bob).unsaved == 0; }));
  EXPECT_EQ(Changes(seen).size(), 1u) << "those who watch are told";
  EXPECT_EQ(RowOf(ann).unsaved, 0u);
}

// What was heard here is old news of someone who answers on another replica.
TEST_F(RosterTest, WhoMovedToAnotherReplicaIsNotMissing) {
  const SessionId ann = Activate(*engine_, "ann"), bob = Activate(*engine_, "bob");
  for (const SessionId& session : {ann, bob}) engine_->NoteAlive(session);
  Fill();
  uint64_t seen = roster_->revision();
  const auto other = Open();
  clock_.Advance(Seconds(10));
  const auto save = [&](const SessionId& session, const std::string& candidate) {
    return Ask(*other, session, fixtures::Save(1, {fixtures::Write(0, 1, {"A"})}), candidate).ok();
  };
  ASSERT_TRUE(save(ann, "ann"));
  // Staff there are no sign of a candidate's life.
  ASSERT_TRUE(Ask(*other, bob, GrantTime{{"g", Minutes(5)}, "petra", "a drill"}).ok());
  clock_.Advance(Seconds(10));
  EXPECT_TRUE(testing::WaitUntil([&] { return RowOf(bob).missing; }));
  const auto heard_here = [&](const SessionId& session) {
    for (const RosterLine& line : roster_->List({}, {}, 10).lines) {
      if (line.row.session == session) return line.heartbeat_age.has_value();
    }
    return false;
  };
  EXPECT_TRUE(testing::WaitUntil([&] { return !heard_here(ann); }));
  EXPECT_FALSE(RowOf(ann).missing);
  for (const RosterLine& line : Changes(seen)) {
    EXPECT_EQ(line.row.session, bob) << "no alarm for ann, however short";
  }
  EXPECT_TRUE(heard_here(bob));
  ASSERT_TRUE(save(bob, "bob"));
  EXPECT_TRUE(testing::WaitUntil([&] { return !RowOf(bob).missing; })) << "found there after all";
  other->Stop();
}

TEST_F(RosterTest, WhoAsksAfterMinutesIsToldToListAnew) {
  Activate(*engine_, "ann");
  Fill();
  uint64_t seen = roster_->revision();
  clock_.Advance(Minutes(6));  // and rows are forgotten
  ASSERT_TRUE(testing::WaitUntil([&] { return roster_->revision() > seen; }));
  EXPECT_EQ(ReasonOf(roster_->Changes({}, seen, 10).status()), "ROSTER_BEHIND");
  EXPECT_EQ(ReasonOf(roster_->CheckKept(seen)), "ROSTER_BEHIND");
  Fill();
  EXPECT_EQ(ReasonOf(roster_->Changes({}, seen, 10).status()), "ROSTER_BEHIND");
  seen = roster_->revision();
  EXPECT_THAT(Changes(seen), IsEmpty());
}

TEST_F(RosterTest, WhoMissedAnEndThatIsForgottenIsToldToListAnew) {
  const SessionId ann = Activate(*engine_, "ann");
  Fill();
  const uint64_t before = roster_->revision();
  ASSERT_TRUE(Ask(*engine_, ann, Terminate{"p", "r"}).ok());
  uint64_t after = before;
  std::vector<RosterLine> changes;
  testing::WaitUntil([&] { return !(changes = Changes(after)).empty(); });
  ASSERT_EQ(changes.size(), 1u);
  for (int minutes = 0; minutes < 12; minutes += 4) {
    clock_.Advance(Minutes(4));
    Candidates();  // somebody looks, so that rows stay
  }
  EXPECT_TRUE(testing::WaitUntil([&] {
    uint64_t seen = before;
    return ReasonOf(roster_->Changes({}, seen, 10).status()) == "ROSTER_BEHIND";
  }));
  EXPECT_THAT(Changes(after), IsEmpty()) << "who saw the end missed nothing";
}

TEST_F(RosterTest, WhoWaitsIsToldWhenItStops) {
  roster_->Stop();
  absl::Status status;
  roster_->WhenFilled([&](absl::Status told) { status = std::move(told); });
  EXPECT_EQ(ReasonOf(status), "SHUTTING_DOWN");
}

// A candidate's storm of saves never waits for many commands of staff.
TEST_F(RosterTest, BulkCommandsComeAfterSaves) {
  const SessionId ann = Activate(*engine_, "ann"), bob = Activate(*engine_, "bob");
  std::vector<std::string> order;
  std::mutex mutex;
  const auto note = [&](const std::string& what) {
    const std::lock_guard lock(mutex);
    order.push_back(what);
  };
  {
    const fixtures::HeldWriter held(*engine_);
    for (int i = 0; i < 3; ++i) {
      engine_->ExecuteBulk(bob, {"", GrantTime{{"g" + std::to_string(i), Minutes(1)}, "p", "r"}},
                           [&](absl::StatusOr<Outcome>) { note("grant"); });
    }
    engine_->Execute(ann, {"ann", fixtures::Save(1, {fixtures::Write(0, 1, {"A"})})},
                     [&](absl::StatusOr<Outcome>) { note("save"); });
  }
  testing::WaitUntil([&] {
    const std::lock_guard lock(mutex);
    return order.size() == 4;
  });
  EXPECT_EQ(order.front(), "save");
}

}  // namespace
}  // namespace invigil::session
