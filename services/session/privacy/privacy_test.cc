// Erasures on both stores: nothing of the candidate is left in any byte, everything else is.
#include "services/session/privacy/privacy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <iterator>
#include <map>
#include <thread>

#include "common/error/error.h"
#include "common/testing/process.h"
#include "common/testing/wait_until.h"
#include "services/session/engine/fixtures_for_test.h"
#include "services/session/journal/timeline.h"
#include "services/session/journal/verify.h"
#include "services/session/privacy/housekeeper.h"
#include "services/session/privacy/keeper.h"
#include "services/session/registration/stores_for_test.h"

namespace invigil::session::privacy {
namespace {

using fixtures::Ask;
using fixtures::kStart;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

// Long and like nothing else, so that a byte scan means something.
const char kAnn[] = "candidate-ann-5f0c1d7e";
const char kGuest[] = "guest-device-91b2c3d4";
const char kBob[] = "candidate-bob-77aa88bb";

class PrivacyTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    for (auto* engine : {&engine_, &other_}) {
      auto log = database_.OpenSessions();  // makes the tables
      *engine =
          std::make_unique<SessionEngine>(std::move(log), database_.OpenSessionsReader(), clock_);
    }
    registrations_ = database_.OpenStore();
    privacy_ = OpenPrivacy();
  }
  void TearDown() override {
    for (auto* engine : {&engine_, &other_}) {
      if (*engine) (*engine)->Stop();
    }
  }

  Parts MakeParts() {
    const registration::Locations& at = database_.locations();
    Parts parts{.sessions = at.sessions,
                .registrations = at.registrations,
                .sessions_schema = at.sessions_schema,
                .registrations_schema = at.registrations_schema};
    parts.reload = [this](const SessionId& session) { Reload(*engine_, session); };
    parts.tell_bank = [this](const std::vector<SessionId>& sessions, const std::string& person) {
      if (bank_away_) return absl::UnavailableError("away");
      for (const SessionId& session : sessions) bank_[session] = person;
      return absl::OkStatus();
    };
    return parts;
  }
  std::unique_ptr<Privacy> OpenPrivacy() {
    auto privacy = Privacy::Open(MakeParts(), clock_);
    EXPECT_TRUE(privacy.ok()) << privacy.status();
    return *std::move(privacy);
  }
  static void Reload(SessionEngine& engine, const SessionId& session) {
    const auto done = std::make_shared<std::promise<absl::Status>>();
    engine.Reload(session, [done](absl::Status status) { done->set_value(std::move(status)); });
    const absl::Status status = done->get_future().get();
    EXPECT_TRUE(status.ok()) << status;
  }

  void Must(const SessionId& id, Action action, const std::string& candidate = "") {
    const auto outcome = Ask(*engine_, id, std::move(action), candidate);
    ASSERT_TRUE(outcome.ok()) << outcome.status();
  }

  // A running session, another one each time.
  SessionId Begin(const std::string& who) {
    const std::string request = "r-" + who + "-" + std::to_string(++requests_);
    const auto reserved = fixtures::FindOrReserve(*engine_, {who, "CLF-C02", request, false});
    EXPECT_TRUE(reserved.ok()) << reserved.status();
    EXPECT_TRUE(fixtures::StartClock(*engine_, reserved->session).ok());
    return reserved->session;
  }

  // A sitting in which the candidate is mentioned wherever somebody could.
  SessionId Sit(const std::string& who) {
    const SessionId id = Begin(who);
    for (size_t item = 0; item < 4; ++item) {
      EXPECT_TRUE(fixtures::SaveOne(*engine_, id, item, 1, item % 2 == 0 ? "A" : "B").ok());
    }
    Must(id, Pause{"proctor", "fire, and " + who + " left"});
    Must(id, Resume{"proctor", who + " is back"});
    Must(id, SendMessage{"m-" + who + "-1", who, "I am " + who + ", my mail is x@y", true}, who);
    Must(id, ConfirmMessage{.id = "m-" + who + "-1"});
    Must(id, SendMessage{"m2", "proctor", "dear " + who, false});
    Must(id, ReportIrregularity{"i-" + who, "other", who + " used a phone", "proctor"});
    Must(id, GrantTime{{"g-" + who, Minutes(5)}, "proctor", "for " + who});
    Must(id, Submit{1, {}});
    Must(id, RecordScore{1, std::make_shared<const std::string>("the report"), true, 1});
    return id;
  }

  // Sittings of others, at the same time: they share commits.
  void SitMany(int from, int to) {
    std::vector<std::thread> threads;
    for (int i = from; i < to; ++i) {
      threads.emplace_back([this, i] { Sit("other-" + std::to_string(i)); });
    }
    for (std::thread& thread : threads) thread.join();
  }

  // One that nobody signed in for, claimed afterwards.
  SessionId SitAndClaim(const std::string& who) {
    StartRequest start{kGuest, "DIAG", "r-guest", false};
    start.kind = SessionKind::kDiagnostic;
    const auto reserved = fixtures::FindOrReserve(*engine_, start);
    EXPECT_TRUE(reserved.ok()) << reserved.status();
    const SessionId id = reserved->session;
    EXPECT_TRUE(fixtures::StartClock(*engine_, id).ok());
    Must(id, SendMessage{"m1", kGuest, "hello", true}, kGuest);
    Must(id, Submit{1, {}});
    Must(id, Claim{who}, who);
    return id;
  }

  // Of a serialised answer.
  static std::string Field(int number, const std::string& text) {
    return std::string(1, static_cast<char>(number << 3 | 2)) + static_cast<char>(text.size()) +
           text;
  }

  // Its log can't be read any more.
  void Spoil(const SessionId& session) {
    const registration::Locations& at = database_.locations();
    auto db = sql::Database::Open(at.sessions, sql::Database::Mode::kReadWrite, at.sessions_schema);
    ASSERT_TRUE(db.ok()) << db.status();
    auto spoil = db->MustPrepare("UPDATE events SET body=? WHERE session_id=? AND seq=2");
    spoil.BindBlob(1, "\xff\xff").BindBlob(2, session.bytes());
    ASSERT_TRUE(spoil.Run().ok());
  }

  void Register(const std::string& who) {
    registration::Row row;
    row.wanted.registration_id = "reg-" + who;
    row.wanted.candidate_id = who;
    row.wanted.exam_id = "CLF-C02";
    const auto answer = registrations_->Once({"olga", "import-" + std::to_string(++requests_), "h"},
                                             clock_.Now(), [&]() -> absl::StatusOr<std::string> {
                                               const auto result =
                                                   registrations_->Provision(row, clock_.Now());
                                               if (!result.ok()) return result.status();
                                               return Field(1, "reg-" + who) + Field(2, who);
                                             });
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_TRUE(
        registrations_->PutStanding({who, {150, 0, 0}, std::nullopt, "letter"}, clock_.Now()).ok());
  }

  void Deny(const SessionId& session, const std::string& who) {
    Remark remark;
    remark.kind = kDenied;
    remark.session = session;
    remark.actor = who;
    remark.method = "/x/SubmitSession";
    remark.reason = "SESSION_NOT_YOURS";
    Add(std::move(remark));
  }
  // Staff did something about the candidate.
  void Act(const std::string& who) {
    Remark remark;
    remark.kind = kAct;
    remark.actor = "olga";
    remark.method = "SetAccommodation";
    remark.reason = "reg-" + who + ": a letter of " + who;
    remark.person = who;
    Add(std::move(remark));
  }
  void Add(Remark remark) {
    // Shared: the engine may still be inside set_value when the answer is here.
    const auto done = std::make_shared<std::promise<absl::Status>>();
    engine_->AddRemark(std::move(remark),
                       [done](absl::Status status) { done->set_value(std::move(status)); });
    ASSERT_TRUE(done->get_future().get().ok());
  }

  absl::StatusOr<Receipt> Erase(const std::string& who, const std::string& request_id = "e1") {
    return privacy_->Erase({.candidate_id = who,
                            .request_id = request_id,
                            .actor = "olga",
                            .reason = who + " asked for it"});
  }

  std::string Fault() {
    const auto verdict = VerifyJournal(*database_.OpenSessionsReader());
    EXPECT_TRUE(verdict.ok()) << verdict.status();
    return verdict->fault ? std::to_string(verdict->fault->n) + ": " + verdict->fault->what : "";
  }

  // How often `word` is in any byte that the store keeps.
  size_t Mentions(const std::string& word) {
    std::string bytes;
    const registration::Locations& at = database_.locations();
    if (sql::IsPostgres(at.sessions)) {
      const testing::TempDir dir;
      testing::Process dump(
          {.argv = {"pg_dump", "--dbname=" + at.sessions, "--schema", at.sessions_schema,
                    "--schema", at.registrations_schema, "--inserts", "--file", dir.Path("dump")}});
      EXPECT_EQ(dump.Wait(Seconds(60)), 0);
      bytes = Slurp(dir.Path("dump"));
      EXPECT_THAT(bytes, HasSubstr("INSERT INTO")) << "the dump holds the tables";
    } else {
      for (const std::string& file : {at.sessions, at.registrations}) {
        bytes += Slurp(file) + Slurp(file + "-wal");
      }
    }
    size_t count = 0;
    const std::string hex = Hex(word);  // how a dump tells bytes
    for (const std::string* form : {&word, &hex}) {
      for (size_t at_byte = 0; (at_byte = bytes.find(*form, at_byte)) != std::string::npos;
           ++at_byte) {
        ++count;
      }
    }
    return count;
  }
  static std::string Slurp(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static std::string Hex(const std::string& word) {
    std::string hex;
    for (const char c : word) {
      hex += "0123456789abcdef"[static_cast<uint8_t>(c) >> 4];
      hex += "0123456789abcdef"[static_cast<uint8_t>(c) & 15];
    }
    return hex;
  }

  State StateOf(SessionEngine& engine, const SessionId& id) {
    const auto outcome =
        fixtures::Await([&](Done done) { engine.Get(id, "", false, std::move(done)); });
    EXPECT_TRUE(outcome.ok()) << outcome.status();
    return *outcome->state;
  }

  registration::TestDatabase database_{GetParam()};
  ManualClock clock_{kStart};
  std::unique_ptr<SessionEngine> engine_, other_;  // two replicas
  std::unique_ptr<registration::Store> registrations_;
  std::unique_ptr<Privacy> privacy_;
  std::map<SessionId, std::string> bank_;
  bool bank_away_ = false;
  std::atomic<int> requests_{0};
};

TEST_P(PrivacyTest, NothingOfTheCandidateIsLeftAndEverythingElseIs) {
  // Enough of others that pages fill up and are split.
  SitMany(0, 20);
  const SessionId bobs = Sit(kBob);
  const SessionId exam = Sit(kAnn);
  const SessionId claimed = SitAndClaim(kAnn);
  SitMany(20, 40);
  Register(kAnn);
  Register(kBob);
  Deny(bobs, kAnn);
  Deny(exam, "mallory");
  Act(kAnn);
  Act(kBob);
  ASSERT_EQ(Fault(), "");
  ASSERT_GT(Mentions(kAnn), 10u);
  ASSERT_GT(Mentions(kGuest), 0u);
  const State before = StateOf(*engine_, exam);
  const State cached_elsewhere = StateOf(*other_, exam);
  ASSERT_EQ(cached_elsewhere.identity->candidate_id, kAnn);
  ASSERT_TRUE(privacy_->NewlyErased()->empty());

  const auto receipt = Erase(kAnn);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->counts.sessions, 2u);
  EXPECT_GT(receipt->counts.events, 10u);
  EXPECT_EQ(receipt->counts.starts, 2u);
  EXPECT_EQ(receipt->counts.refusals, 2u) << "and what staff did";
  EXPECT_GT(receipt->counts.notices, 5u);
  EXPECT_EQ(receipt->counts.registrations, 1u);
  EXPECT_EQ(receipt->counts.accommodations, 1u);
  EXPECT_EQ(receipt->counts.requests, 1u);
  EXPECT_EQ(receipt->traces, 0u);
  EXPECT_THAT(receipt->person, StartsWith("erased-"));
  EXPECT_THAT(receipt->person, Not(HasSubstr(kAnn)));

  // The test that counts.
  EXPECT_EQ(Mentions(kAnn), 0u);
  EXPECT_EQ(Mentions(kGuest), 0u) << "nor of whoever they were before they signed in";
  EXPECT_EQ(Mentions(std::string("I am ") + kAnn), 0u);
  EXPECT_GT(Mentions(kBob), 10u);
  EXPECT_EQ(Fault(), "");

  // What item statistics and appeals need is there.
  const State after = StateOf(*engine_, exam);
  EXPECT_EQ(after.responses, before.responses);
  EXPECT_EQ(after.ended_at, before.ended_at);
  EXPECT_EQ(after.granted, before.granted);
  EXPECT_EQ(after.score_version, 1u);
  EXPECT_EQ(*after.report, "the report");
  EXPECT_EQ(after.identity->candidate_id, receipt->person);
  EXPECT_EQ(after.identity->exam_id, "CLF-C02");
  EXPECT_EQ(after.extras->messages[0].actor, receipt->person);
  EXPECT_EQ(after.extras->messages[0].text, "[erased]");
  EXPECT_EQ(after.extras->messages[1].actor, "proctor");
  EXPECT_EQ(StateOf(*engine_, claimed).identity->candidate_id, receipt->person);
  const auto timeline = ReadTimeline(*database_.OpenSessionsReader(), exam);
  ASSERT_TRUE(timeline.ok()) << timeline.status();
  EXPECT_EQ(timeline->back().kind, "erased");
  EXPECT_EQ(timeline->back().actor, "olga");
  EXPECT_THAT(timeline->back().text, HasSubstr(receipt->person + " asked for it"));

  // The other replica had it in memory.
  const auto news = privacy_->NewlyErased();
  ASSERT_TRUE(news.ok()) << news.status();
  EXPECT_THAT(*news, ::testing::UnorderedElementsAre(exam, claimed));
  for (const SessionId& session : *news) Reload(*other_, session);
  EXPECT_EQ(other_->Peek(exam)->identity->candidate_id, receipt->person);
  EXPECT_EQ(bank_[exam], receipt->person);
  EXPECT_EQ(bank_[claimed], receipt->person);
  // What comes later fits on.
  Must(exam, Void{"after all", false, "proctor"});
  Sit("later");
  EXPECT_EQ(Fault(), "");
}

TEST_P(PrivacyTest, AReplicaThatHasThemInMemoryTellsNobody) {
  const SessionId exam = Sit(kAnn);
  ASSERT_EQ(StateOf(*other_, exam).identity->candidate_id, kAnn);
  const auto receipt = Erase(kAnn);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  // Before it looks at the journal.
  const auto voided = Ask(*other_, exam, Void{"after all", false, "proctor"});
  ASSERT_TRUE(voided.ok()) << voided.status();
  ASSERT_EQ(other_->Peek(exam)->identity->candidate_id, kAnn) << "else this tests nothing";
  EXPECT_EQ(Mentions(kAnn), 0u);
  EXPECT_EQ(Fault(), "");
}

TEST_P(PrivacyTest, OneThatCannotBeErasedHoldsUpNoOther) {
  const registration::Locations& at = database_.locations();
  const auto eraser = *Eraser::Open(at.sessions, at.sessions_schema);
  const SessionId anns = Sit(kAnn), bobs = Sit(kBob);
  Spoil(anns);
  int number = 0;
  for (const char* who : {kAnn, kBob}) {
    ASSERT_TRUE(eraser
                    ->Begin({.request_id = "e" + std::to_string(++number),
                             .candidate_id = who,
                             .person = NewErasedName(),
                             .actor = "olga",
                             .reason = "asked",
                             .asked = clock_.Now() + Seconds(number)})
                    .ok());
  }
  EXPECT_EQ(privacy_->CatchUp().code(), absl::StatusCode::kDataLoss);
  EXPECT_GT(Mentions(kAnn), 0u);
  EXPECT_EQ(Mentions(kBob), 0u);
  EXPECT_TRUE(IsErasedName(bank_[bobs]));
}

TEST_P(PrivacyTest, WhatMemoryRefusedToForgetIsAskedForAgain) {
  const SessionId session = Sit(kAnn);
  ASSERT_TRUE(privacy_->NewlyErased()->empty());
  ASSERT_TRUE(Erase(kAnn).ok());
  const registration::Locations& at = database_.locations();
  const auto keeper = *Keeper::Open({.sessions = at.sessions,
                                     .registrations = at.registrations,
                                     .sessions_schema = at.sessions_schema,
                                     .registrations_schema = at.registrations_schema},
                                    {}, clock_);
  std::atomic<int> asked{0};
  Housekeeper::Hooks hooks;
  hooks.reload = [&](const SessionId& id, const Housekeeper::Hooks::Done& done) {
    EXPECT_EQ(id, session);
    done(++asked < 3 ? absl::UnavailableError("full") : absl::OkStatus());
  };
  hooks.failed = [](const absl::Status& status) { ADD_FAILURE() << status; };
  hooks.kept = [](const std::vector<Kept>&) {};
  const Housekeeper housekeeper(*privacy_, *keeper, hooks, {.look_every = Millis(5)});
  EXPECT_TRUE(testing::WaitUntil([&] { return asked >= 3; }, Seconds(20)));
}

TEST_P(PrivacyTest, AnErasureDuringACheckIsNoFault) {
  std::vector<std::string> names;
  for (int i = 0; i < 6; ++i) names.push_back("candidate-check-" + std::to_string(i) + "f0c1");
  for (const std::string& who : names) Sit(who);
  Deny(Sit(kBob), names[5]);
  const auto reader = database_.OpenSessionsReader();
  // Whatever the check has read by then: nothing but the page, some rows, all of them.
  int number = 0;
  for (const int moment : {2, 9, 25, 45, 60}) {
    int asked = 0;
    const auto verdict = VerifyJournal(*reader, {.stop = [&] {
      if (++asked == moment) {
        const std::string& who = names[number++];
        EXPECT_TRUE(Erase(who, "e-" + std::to_string(number)).ok());
      }
      return false;
    }});
    ASSERT_TRUE(verdict.ok()) << verdict.status();
    EXPECT_FALSE(verdict->fault) << moment << ": " << verdict->fault->n << verdict->fault->what;
    EXPECT_GE(asked, moment);
  }
  // Refusals.
  int asked = 0;
  const auto verdict = VerifyJournal(*reader, {.stop = [&] {
    if (++asked == 3) {
      EXPECT_TRUE(Erase(names[5], "e-last").ok());
    }
    return false;
  }});
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  EXPECT_FALSE(verdict->fault) << verdict->fault->n << verdict->fault->what;
}

TEST_P(PrivacyTest, ASecondErasureIsNone) {
  Sit(kAnn);
  const auto first = Erase(kAnn);
  ASSERT_TRUE(first.ok()) << first.status();
  const JournalHead head = *database_.OpenSessionsReader()->ReadJournalHead();
  const auto repeated = Erase(kAnn);
  ASSERT_TRUE(repeated.ok()) << repeated.status();
  EXPECT_EQ(repeated->person, first->person);
  EXPECT_EQ(repeated->counts, first->counts);
  const auto second = Erase(kAnn, "e2");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_TRUE(second->counts.none());
  EXPECT_EQ(*database_.OpenSessionsReader()->ReadJournalHead(), head);
  // Who comes back is somebody new, and the old request is not theirs.
  Sit(kAnn);
  EXPECT_EQ(ReasonOf(Erase(kAnn).status()), "REQUEST_ID_REUSED");
  const auto third = Erase(kAnn, "e3");
  ASSERT_TRUE(third.ok()) << third.status();
  EXPECT_EQ(third->counts.sessions, 1u);
  EXPECT_NE(third->person, first->person);
  EXPECT_EQ(Mentions(kAnn), 0u);
  EXPECT_EQ(Fault(), "");
}

TEST_P(PrivacyTest, NobodyIsErasedInTheMiddleOfAnExam) {
  const SessionId over = Sit(kAnn);
  const SessionId live = Begin(kAnn);
  ASSERT_NE(live, over);
  const auto refused = Erase(kAnn);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(refused.status()), "SESSION_LIVE");
  EXPECT_EQ(StateOf(*engine_, over).identity->candidate_id, kAnn) << "and nothing was begun";
  Must(live, Terminate{"proctor", "left the room"});
  const auto receipt = Erase(kAnn);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->counts.sessions, 2u);
  EXPECT_EQ(Mentions(kAnn), 0u);
}

TEST_P(PrivacyTest, WhatAProcessLeftHalfDoneIsDone) {
  const SessionId session = Sit(kAnn);
  Deny(session, kAnn);
  {
    // Ended after the session, before the rest.
    const registration::Locations& at = database_.locations();
    const auto eraser = *Eraser::Open(at.sessions, at.sessions_schema);
    const Erasure erasure{.request_id = "e1",
                          .candidate_id = kAnn,
                          .person = NewErasedName(),
                          .actor = "olga",
                          .reason = "asked"};
    ASSERT_TRUE(eraser->Begin(erasure).ok());
    Counts counts;
    ASSERT_TRUE(eraser->EraseSession(session, erasure, clock_.Now(), counts).ok());
  }
  EXPECT_GT(Mentions(kAnn), 0u);
  bank_away_ = true;
  ASSERT_TRUE(privacy_->CatchUp().ok());
  EXPECT_EQ(Mentions(kAnn), 0u);
  EXPECT_EQ(Fault(), "");
  EXPECT_TRUE(bank_.empty());
  bank_away_ = false;
  ASSERT_TRUE(privacy_->CatchUp().ok());
  const auto receipt = Erase(kAnn);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->counts.sessions, 1u);
  EXPECT_TRUE(receipt->bank_told);
  EXPECT_EQ(bank_[session], receipt->person);
}

TEST_P(PrivacyTest, AnErasureHidesNoOtherChange) {
  const SessionId session = Sit(kAnn);
  ASSERT_TRUE(Erase(kAnn).ok());
  ASSERT_EQ(Fault(), "");
  const registration::Locations& at = database_.locations();
  auto db = sql::Database::Open(at.sessions, sql::Database::Mode::kReadWrite, at.sessions_schema);
  ASSERT_TRUE(db.ok()) << db.status();
  const auto replace = [&](auto change) {
    std::vector<std::pair<int64_t, std::string>> bodies;
    auto read = db->MustPrepare("SELECT seq, body FROM events WHERE session_id=?");
    read.BindBlob(1, session.bytes());
    while (*read.Step()) bodies.emplace_back(read.Int(0), std::string(read.View(1)));
    read.Reset();
    auto write = db->MustPrepare("UPDATE events SET body=? WHERE session_id=? AND seq=?");
    for (auto& [seq, body] : bodies) {
      if (!change(body)) continue;
      write.BindBlob(1, body).BindBlob(2, session.bytes()).Bind(3, seq);
      ASSERT_TRUE(write.Run().ok());
      return;
    }
    FAIL() << "nothing to change";
  };
  const auto swap = [](const std::string& from, const std::string& to) {
    return [=](std::string& body) {
      const size_t at_byte = body.find(from);
      if (at_byte == std::string::npos) return false;
      body.replace(at_byte, from.size(), to);
      return true;
    };
  };
  // Somebody else was in charge.
  replace(swap("proctor", "officer"));
  EXPECT_THAT(Fault(), HasSubstr("its event was changed"));
  replace(swap("officer", "proctor"));
  ASSERT_EQ(Fault(), "");
  // Words where there are none any more.
  replace(swap("[erased]", "innocent"));
  EXPECT_THAT(Fault(), HasSubstr("its event was changed"));
  replace(swap("innocent", "[erased]"));
  ASSERT_EQ(Fault(), "");
}

class RetentionTest : public PrivacyTest {
 protected:
  std::unique_ptr<Keeper> Open(Policy policy) {
    const registration::Locations& at = database_.locations();
    auto keeper = Keeper::Open({.sessions = at.sessions,
                                .registrations = at.registrations,
                                .sessions_schema = at.sessions_schema,
                                .registrations_schema = at.registrations_schema},
                               policy, clock_);
    EXPECT_TRUE(keeper.ok()) << keeper.status();
    return *std::move(keeper);
  }
  // Of the one kind that has a limit.
  Kept Run(Keeper& keeper, bool dry = false) {
    const auto kept = keeper.Run(
        dry, [this](const SessionId& session) { Reload(*engine_, session); }, [] { return false; });
    EXPECT_TRUE(kept.ok()) << kept.status();
    for (const Kept& kind : *kept) {
      EXPECT_EQ(kind.error, "");
      if (kind.days > 0) return kind;
    }
    return {};
  }
  void Days(int days) { clock_.Advance(std::chrono::hours(24 * days)); }
};

TEST_P(RetentionTest, SessionsBecomeNobodysAndEachOfAnother) {
  const SessionId first = Sit(kAnn);
  const SessionId live = Begin("late-starter-81a1");
  Must(live, Pause{"proctor", "for long"});
  Days(20);
  const SessionId second = Sit(kAnn);
  const auto keeper = Open({.sessions = 15});
  EXPECT_EQ(Run(*keeper, true).due, 1u);
  EXPECT_EQ(StateOf(*engine_, first).identity->candidate_id, kAnn);
  const Kept kept = Run(*keeper);
  EXPECT_EQ(kept.done, 1u);
  EXPECT_TRUE(IsErasedName(StateOf(*engine_, first).identity->candidate_id));
  EXPECT_EQ(StateOf(*engine_, second).identity->candidate_id, kAnn) << "it is young";
  EXPECT_EQ(StateOf(*engine_, live).identity->candidate_id, "late-starter-81a1");
  EXPECT_EQ(Fault(), "");
  EXPECT_EQ(Run(*keeper).due, 0u);
  Days(20);
  EXPECT_EQ(Run(*keeper).done, 1u);
  EXPECT_NE(StateOf(*engine_, first).identity->candidate_id,
            StateOf(*engine_, second).identity->candidate_id);
  EXPECT_EQ(Fault(), "");
  ASSERT_TRUE(privacy_->CatchUp().ok());
  EXPECT_EQ(bank_[first], StateOf(*engine_, first).identity->candidate_id);
}

TEST_P(RetentionTest, WordsGoAndPeopleStay) {
  const SessionId id = Sit(kAnn);
  const SessionId claimed = SitAndClaim(kBob);
  Days(20);
  const auto keeper = Open({.words = 15});
  EXPECT_EQ(Run(*keeper, true).due, 2u);
  EXPECT_EQ(Run(*keeper).done, 2u);
  const State state = StateOf(*engine_, id);
  EXPECT_EQ(state.identity->candidate_id, kAnn);
  EXPECT_EQ(state.extras->messages[0].text, "[erased]");
  EXPECT_EQ(state.extras->messages[0].actor, kAnn);
  EXPECT_EQ(StateOf(*engine_, claimed).identity->candidate_id, kBob);
  EXPECT_EQ(Fault(), "");
  EXPECT_EQ(Run(*keeper).due, 0u);
  // And who has no words left can still be erased.
  ASSERT_TRUE(Erase(kAnn).ok());
  ASSERT_TRUE(Erase(kBob, "e2").ok());
  EXPECT_EQ(Mentions(kAnn), 0u);
  EXPECT_EQ(Mentions(kGuest), 0u);
  EXPECT_EQ(Fault(), "");
}

TEST_P(RetentionTest, WordsThatCameLaterGoToo) {
  const SessionId id = Sit(kAnn);
  Days(20);
  const auto keeper = Open({.words = 15});
  EXPECT_EQ(Run(*keeper).done, 1u);
  Must(id, Void{std::string("an appeal of ") + kAnn, false, "proctor"});
  EXPECT_EQ(Run(*keeper).done, 0u) << "they are young";
  Days(20);
  EXPECT_EQ(Run(*keeper, true).due, 1u);
  EXPECT_EQ(Run(*keeper).done, 1u);
  const auto timeline = ReadTimeline(*database_.OpenSessionsReader(), id);
  ASSERT_TRUE(timeline.ok()) << timeline.status();
  for (const TimelineEntry& entry : *timeline) {
    EXPECT_THAT(entry.text, Not(HasSubstr("an appeal of"))) << entry.kind;
  }
  EXPECT_EQ(Run(*keeper).due, 0u);
  EXPECT_EQ(Fault(), "");
}

TEST_P(RetentionTest, ASessionThatCannotBeReadHoldsUpNoOther) {
  const SessionId spoilt = Sit(kAnn);
  clock_.Advance(Seconds(1));  // ids rise with time
  const SessionId good = Sit(kBob);
  Spoil(spoilt);
  Days(20);
  const auto keeper = Open({.sessions = 15, .words = 15});
  const auto kept = keeper->Run(
      false, [this](const SessionId& id) { Reload(*engine_, id); }, [] { return false; });
  ASSERT_TRUE(kept.ok()) << kept.status();
  for (const Kept& kind : {(*kept)[0], (*kept)[1]}) {
    EXPECT_THAT(kind.error, HasSubstr(spoilt.ToHex())) << kind.kind;
    EXPECT_EQ(kind.done, kind.kind == "sessions" ? 1u : 0u) << "its words went with them";
  }
  EXPECT_TRUE(IsErasedName(StateOf(*engine_, good).identity->candidate_id));
  // Only of the one is the item bank to be told.
  ASSERT_TRUE(privacy_->CatchUp().ok());
  EXPECT_EQ(bank_.size(), 1u);
  EXPECT_EQ(bank_.count(good), 1u);
}

TEST_P(RetentionTest, ACheckWhileTheJournalIsCutIsNoFault) {
  SitMany(0, 30);
  Days(20);
  Sit(kAnn);
  const auto keeper = Open({.journal = 15});
  const auto reader = database_.OpenSessionsReader();
  int asked = 0;
  const auto verdict = VerifyJournal(*reader, {.stop = [&] {
    if (++asked == 5) {
      EXPECT_GT(Run(*keeper).done, 100u);
    }
    return false;
  }});
  ASSERT_TRUE(verdict.ok()) << verdict.status();
  EXPECT_FALSE(verdict->fault) << verdict->fault->n << verdict->fault->what;
  EXPECT_EQ(Fault(), "");
}

TEST_P(RetentionTest, TheJournalsOldestPartGoesAndTheRestStillProvesItself) {
  SitMany(0, 45);
  const auto before = VerifyJournal(*database_.OpenSessionsReader());
  ASSERT_TRUE(before.ok() && !before->fault);
  Days(20);
  const SessionId young = Sit(kAnn);
  const auto keeper = Open({.journal = 15});
  EXPECT_EQ(Run(*keeper, true).due, before->rows);
  EXPECT_EQ(Run(*keeper).done, before->rows);
  const auto reader = database_.OpenSessionsReader();
  const auto after = VerifyJournal(*reader);
  ASSERT_TRUE(after.ok()) << after.status();
  EXPECT_FALSE(after->fault) << after->fault->what;
  EXPECT_EQ(after->begin, before->head);
  EXPECT_FALSE(VerifyJournal(*reader, {.noted = before->head})->fault);
  EXPECT_EQ(
      ReasonOf(VerifyJournal(*reader, {.noted = JournalHead{1, std::string(64, 'a')}}).status()),
      "HEAD_CUT_OFF");
  EXPECT_EQ(Run(*keeper).due, 0u);
  Must(young, Void{"after all", false, "proctor"});
  EXPECT_EQ(Fault(), "");

  // Nobody else can cut it off unseen.
  const registration::Locations& at = database_.locations();
  auto db = sql::Database::Open(at.sessions, sql::Database::Mode::kReadWrite, at.sessions_schema);
  ASSERT_TRUE(db.ok()) << db.status();
  const std::string n = std::to_string(after->begin.n + 3);
  ASSERT_TRUE(db->Execute("UPDATE journal_begin SET n=" + n +
                          ", hash=(SELECT hash FROM journal WHERE n=" + n +
                          "); DELETE FROM journal WHERE n<=" + n)
                  .ok());
  EXPECT_THAT(Fault(), HasSubstr("no row says that they were cut off"));
}

TEST_P(RetentionTest, ClosedRegistrationsGoAndOneProcessWorksAtATime) {
  Register(kAnn);
  Register(kBob);
  ASSERT_TRUE(registrations_->Cancel(std::string("reg-") + kAnn, "moved", clock_.Now()).ok());
  Days(20);
  const auto keeper = Open({.registrations = 15}), other = Open({.registrations = 15});
  int asked = 0;
  bool busy = false;
  const auto kept = keeper->Run(
      false, [](const SessionId&) {},
      [&] {
        if (++asked != 2) return false;
        // In the middle of the pass.
        const auto meanwhile = other->Run(
            false, [](const SessionId&) {}, [] { return false; });
        busy = ReasonOf(meanwhile.status()) == "RETENTION_BUSY";
        return false;
      });
  ASSERT_TRUE(kept.ok()) << kept.status();
  EXPECT_TRUE(busy);
  EXPECT_FALSE(*registrations_->Find(std::string("reg-") + kAnn));
  EXPECT_TRUE(*registrations_->Find(std::string("reg-") + kBob));
}

INSTANTIATE_TEST_SUITE_P(Stores, RetentionTest, kTestStores, TestStore::Name);

TEST_P(PrivacyTest, WhatCannotBeIsRefused) {
  for (const Order& order :
       {Order{"", "e1", "olga", "asked"}, Order{kAnn, "", "olga", "asked"},
        Order{kAnn, "e1", "olga", ""}, Order{kAnn, std::string("of-") + kAnn, "olga", "asked"}}) {
    EXPECT_EQ(ReasonOf(privacy_->Erase(order).status()), "ERASURE_INVALID");
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, PrivacyTest, kTestStores, TestStore::Name);

}  // namespace
}  // namespace invigil::session::privacy
