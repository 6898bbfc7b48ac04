#include "services/scoring/rpc/rescorer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"
#include "common/rpc/executor.h"
#include "common/sql/database.h"
#include "common/testing/temp_dir.h"
#include "common/testing/wait_until.h"
#include "services/scoring/domain/testing.h"
#include "services/scoring/rpc/rescore_session.h"
#include "services/scoring/rpc/scorer.h"

namespace invigil::scoring {
namespace {

using invigil::testing::WaitUntil;

constexpr int kForms = 5;

// Forms drawn from one bank: the same items in another order, options shuffled. Item "bank-N" is
// the Nth.
ScoringKey FormKey(int form) {
  Random bank(3);
  const auto base = testing::RandomItems(bank, 20), items = testing::RandomItems(bank, 20);
  ScoringKey key = testing::MakeKey(items, base, 13, 4);
  key.form_id = absl::StrCat("form-", form);
  for (size_t i = 0; i < key.items.size(); ++i) {
    KeyedItem& item = key.items[i];
    item.bank_item_id = absl::StrCat("bank-", i);
    item.bank_item_version = 1;
    item.item_id = absl::StrCat("f", form, "i", i);
    for (uint32_t k = 0; k < item.option_count; ++k) {
      item.authored_option_ids.emplace_back(1, static_cast<char>('a' + k));
    }
  }
  Random random(static_cast<uint64_t>(form) + 100);
  // The first two forms lack the items 0 and 1.
  if (form < 2) key.items.erase(key.items.begin(), key.items.begin() + 2);
  random.Shuffle(key.items);
  return key;
}

class Bank final : public KeySource {
 public:
  void Fetch(const std::string& form_id, Duration, const telemetry::TraceContext&,
             Done done) override {
    ++fetches;
    if (down) return done(Unavailable("ITEM_BANK_UNAVAILABLE", "down"));
    const int form = form_id.back() - '0';
    if (form < 0 || form >= kForms) return done(NotFound("FORM_NOT_FOUND", "no such form"));
    ScoringKey key = FormKey(form);
    for (KeyedItem& item : key.items) {
      if (form == untold) item.authored_option_ids.clear();
      if (form == lacks_d) item.authored_option_ids.back() = "e";
    }
    done(std::make_shared<const ScoringKey>(std::move(key)));
  }
  int untold = -1;   // the form that does not tell which option is which
  int lacks_d = -1;  // the form whose items have an option e instead of d
  std::atomic<int> fetches{0};
  std::atomic<bool> down{false};
};

class RescorerTest : public ::testing::Test {
 protected:
  std::unique_ptr<Rescorer> Start(size_t page = 7) {
    return std::make_unique<Rescorer>(
        *store_, ring_, clock_,
        RescorerOptions{.threads = 3, .page = page, .poll = Millis(2), .lease = Millis(100)});
  }
  static std::string Name(int session) { return absl::StrCat("session-", 1000 + session); }
  // Answers as chance has it, the same for a session whenever they are asked for.
  static std::vector<SealedResponse> AnswersOf(int session, uint32_t attempt) {
    const ScoringKey key = FormKey(session % kForms);
    Random random(static_cast<uint64_t>(session) * 10 + attempt);
    const double right = 0.4 + 0.5 * random.Uniform();
    std::vector<SealedResponse> responses;
    for (const KeyedItem& item : key.items) {
      if (random.Uniform() < right) {
        responses.push_back({item.item_id, item.key_option_ids});
      } else if (random.Below(10) > 0) {
        responses.push_back(
            {item.item_id, {std::string(1, static_cast<char>('A' + random.Below(4)))}});
      }
    }
    return responses;
  }
  absl::StatusOr<ScoreRecord> Score(int session, uint32_t attempt = 1) {
    std::promise<absl::StatusOr<ScoreRecord>> promise;
    scorer_.ScoreSession({.session_id = Name(session),
                          .attempt_version = attempt,
                          .form_id = absl::StrCat("form-", session % kForms),
                          .responses = AnswersOf(session, attempt),
                          .time_left = [] { return Seconds(10); }},
                         [&](auto record) { promise.set_value(std::move(record)); });
    return promise.get_future().get();
  }
  void ScoreAll(int from, int to) {
    for (int i = from; i < to; ++i) ASSERT_TRUE(Score(i).ok()) << i;
  }

  RescoringRecord Create(const std::vector<KeyDecision>& decisions,
                         RescoringPolicy policy = RescoringPolicy::kNeverFail) {
    static std::atomic<int> requests{0};
    return *store_->CreateRescoring({.author = "ann",
                                     .request_id = absl::StrCat("r", ++requests),
                                     .definition = {.exam_id = "CLF-C02",
                                                    .decisions = Serialize(*Canonical(decisions)),
                                                    .policy = policy,
                                                    .reason = "why"},
                                     .create_time = clock_.Now()});
  }
  static KeyDecision Decide(const std::string& item, DecisionKind kind,
                            std::vector<std::vector<std::string>> accepted = {}) {
    return {.item_id = item,
            .item_versions = {},
            .kind = kind,
            .accepted = std::move(accepted),
            .reason = "two experts"};
  }
  RescoringRecord Get(const RescoringRecord& record) {
    return *store_->GetRescoring(record.rescoring_id);
  }
  RescoringRecord Await(const RescoringRecord& record, RescoringStage stage) {
    EXPECT_TRUE(WaitUntil([&] { return Get(record).stage == stage; }))
        << static_cast<int>(Get(record).stage);
    return Get(record);
  }
  RescoringRecord Approve(const RescoringRecord& record) {
    const RescoringRecord shown = Get(record);
    const auto approved =
        store_->Approve(record.rescoring_id, {shown.preview_digest, "bea", "yes"}, clock_.Now());
    EXPECT_TRUE(approved.ok()) << approved.status();
    return shown;
  }
  std::vector<ChangeRecord> Changes(const RescoringRecord& record) {
    return *store_->ListChanges(record.rescoring_id, {}, "", 10'000);
  }
  // That every version of every session's score comes out again; gives how many there are.
  int Replay(int sessions) {
    int versions = 0;
    for (int i = 0; i < sessions; ++i) {
      const auto replayed = ReplayScores(Name(i), 0, ring_, *store_);
      if (!replayed.ok()) continue;  // not scored
      for (const Replayed& score : *replayed) {
        EXPECT_EQ(score.fault, "") << Name(i) << " " << score.score.score_version;
        ++versions;
      }
    }
    return versions;
  }
  // That each change was written once, and nothing else was.
  void ExpectWrittenOnce(const RescoringRecord& record) {
    std::set<std::string> outbox;
    const auto amendments = *store_->ListAmendments(0, 10'000);
    for (const AmendmentRecord& amendment : amendments) {
      if (amendment.score.rescoring_id != record.rescoring_id) continue;
      EXPECT_TRUE(outbox.insert(amendment.score.session_id).second);
    }
    size_t written = 0;
    for (const ChangeRecord& change : Changes(record)) {
      const auto newest = *store_->GetScore(change.session_id, 0);
      if (change.outcome != RescoringOutcome::kChanged) {
        EXPECT_EQ(change.new_version, 0u);
        continue;
      }
      ++written;
      EXPECT_TRUE(outbox.contains(change.session_id));
      EXPECT_EQ(newest.score_version, change.new_version);
      EXPECT_EQ(newest.score_version, change.old_version + 1);
      EXPECT_EQ(newest.rescoring_id, record.rescoring_id);
      EXPECT_EQ(newest.raw_score, change.renewed.raw_score);
      EXPECT_EQ(newest.scaled_score, change.renewed.scaled_score);
      EXPECT_EQ(newest.passed, change.renewed.passed);
      const auto old = *store_->GetScore(change.session_id, change.old_version);
      EXPECT_EQ(old.scaled_score, change.held.scaled_score);
    }
    EXPECT_EQ(written, outbox.size());
    EXPECT_EQ(written, Get(record).counts.written);
  }

  invigil::testing::TempDir dir_;
  const SystemClock clock_;
  Bank bank_;
  std::unique_ptr<ScoringStore> store_ =
      OpenSqlScoreStore({.location = dir_.Path("scoring.db"), .readers = 4}).value();
  KeyRing ring_{bank_, *store_};
  rpc::Executor executor_{"test", 2, 1000};
  Scorer scorer_{bank_, ring_, *store_, executor_, clock_};
};

TEST_F(RescorerTest, APreviewCountsWhomARekeyChangesAndChangesNothing) {
  ScoreAll(0, 60);
  const auto run = Start();
  const RescoringRecord record =
      Await(Create({Decide("bank-0", DecisionKind::kRekey, {{"b"}})}), RescoringStage::kPreviewed);
  EXPECT_EQ(record.counts.seen, 60u);
  EXPECT_EQ(record.expected, 60u);
  EXPECT_EQ(record.counts.touched, 36u) << "two of five forms lack the item";
  EXPECT_EQ(record.counts.failed, 0u);
  EXPECT_GT(record.counts.changed, 0u);
  EXPECT_EQ(record.counts.raised + record.counts.lowered, record.counts.changed);
  size_t changed = 0, kept = 0, up = 0;
  for (const ChangeRecord& change : Changes(record)) {
    changed += change.outcome == RescoringOutcome::kChanged ? 1 : 0;
    kept += change.outcome == RescoringOutcome::kProtected ? 1 : 0;
    up += !change.held.passed && change.renewed.passed ? 1 : 0;
    EXPECT_EQ(change.held.raw_max, change.renewed.raw_max);
    EXPECT_EQ(change.new_version, 0u);
    EXPECT_TRUE(change.outcome == RescoringOutcome::kProtected || !change.held.passed ||
                change.renewed.passed);
  }
  EXPECT_EQ(changed, record.counts.changed);
  EXPECT_EQ(kept, record.counts.kept);
  EXPECT_EQ(up, record.counts.fail_to_pass);
  for (int i = 0; i < 60; ++i) EXPECT_EQ(store_->GetScore(Name(i), 0)->score_version, 1u);
  EXPECT_EQ(*store_->LastRevision("CLF-C02"), 0u);
}

TEST_F(RescorerTest, WithoutDecisionsEverySessionReplaysAndNoneChanges) {
  ScoreAll(0, 25);
  const auto run = Start();
  const RescoringRecord record = Await(Create({}), RescoringStage::kPreviewed);
  EXPECT_EQ(record.counts.seen, 25u);
  EXPECT_EQ(record.counts.touched, 25u);
  EXPECT_EQ(record.counts.changed + record.counts.kept + record.counts.failed, 0u);
  EXPECT_TRUE(Changes(record).empty());
}

TEST_F(RescorerTest, TheSamePreviewHasTheSameDigestHoweverItWasCut) {
  ScoreAll(0, 40);
  std::set<std::string> lines;
  for (const size_t page : {1u, 5u, 1000u}) {
    const auto run = Start(page);
    const RescoringRecord record =
        Await(Create({Decide("bank-1", DecisionKind::kDrop)}), RescoringStage::kPreviewed);
    lines.insert(record.preview_digest);
  }
  EXPECT_EQ(lines.size(), 1u);
}

TEST_F(RescorerTest, WhatWasApprovedIsWrittenOnceAndEveryVersionReplays) {
  ScoreAll(0, 60);
  const auto run = Start();
  const RescoringRecord record =
      Create({Decide("bank-0", DecisionKind::kDrop), Decide("bank-5", DecisionKind::kCredit),
              Decide("bank-6", DecisionKind::kRekey, {{"c"}})},
             RescoringPolicy::kExact);
  const RescoringRecord shown = Approve(Await(record, RescoringStage::kPreviewed));
  const RescoringRecord done = Await(record, RescoringStage::kDone);
  EXPECT_EQ(done.counts.written, shown.counts.changed);
  EXPECT_EQ(done.counts.changed, shown.counts.changed);
  EXPECT_EQ(done.counts.failed + done.counts.superseded + done.counts.late, 0u);
  ExpectWrittenOnce(record);
  EXPECT_EQ(Replay(60), 60 + static_cast<int>(done.counts.written));
  // A new session is scored with the new key at once.
  const auto fresh = Score(62);
  ASSERT_TRUE(fresh.ok()) << fresh.status();
  EXPECT_EQ(fresh->key_version, 2u);
  EXPECT_EQ(fresh->score_version, 1u);
  EXPECT_EQ(ReplayScores(Name(62), 0, ring_, *store_)->at(0).fault, "");
  // And a second rescoring begins where this one ended.
  const RescoringRecord again = Create({Decide("bank-0", DecisionKind::kKeep)});
  EXPECT_EQ(again.base_revision, 1u);
  Approve(Await(again, RescoringStage::kPreviewed));
  Await(again, RescoringStage::kDone);
  ExpectWrittenOnce(again);
  EXPECT_EQ(Get(again).counts.touched, 37u);
  EXPECT_EQ(Replay(63), 61 + static_cast<int>(done.counts.written + Get(again).counts.written));
}

TEST_F(RescorerTest, NobodyFailsUnlessThePolicySaysSo) {
  ScoreAll(0, 80);
  const auto run = Start();
  // Everybody who had the point loses it.
  std::vector<KeyDecision> harsh;
  for (int i = 2; i < 8; ++i) {
    harsh.push_back(Decide(absl::StrCat("bank-", i), DecisionKind::kRekey, {{"a", "b", "c"}}));
  }
  const RescoringRecord record = Create(harsh, RescoringPolicy::kNeverFail);
  Approve(Await(record, RescoringStage::kPreviewed));
  const RescoringRecord done = Await(record, RescoringStage::kDone);
  EXPECT_GT(done.counts.kept, 0u);
  EXPECT_GT(done.counts.lowered, 0u);
  EXPECT_EQ(done.counts.pass_to_fail, 0u);
  for (int i = 0; i < 80; ++i) {
    EXPECT_TRUE(store_->GetScore(Name(i), 0)->passed || !store_->GetScore(Name(i), 1)->passed);
  }
  const RescoringRecord exact =
      Await(Create(harsh, RescoringPolicy::kExact), RescoringStage::kPreviewed);
  EXPECT_EQ(exact.counts.pass_to_fail, done.counts.kept);
  const RescoringRecord never =
      Await(Create(harsh, RescoringPolicy::kNeverLower), RescoringStage::kPreviewed);
  EXPECT_EQ(never.counts.lowered, 0u);
}

TEST_F(RescorerTest, SessionsBetweenPreviewAndApprovalAreRescoredToo) {
  ScoreAll(0, 20);
  RescoringRecord record;
  {
    const auto run = Start();
    record = Create({Decide("bank-2", DecisionKind::kDrop)}, RescoringPolicy::kExact);
    Await(record, RescoringStage::kPreviewed);
  }
  ScoreAll(20, 30);
  ASSERT_TRUE(Score(3, 2).ok());  // one of the preview was reopened and sealed again
  const RescoringRecord shown = Approve(record);
  const auto after = Score(30);
  EXPECT_EQ(after->key_version, 2u);
  const auto run = Start();
  const RescoringRecord done = Await(record, RescoringStage::kDone);
  EXPECT_EQ(done.counts.late, 11u);
  EXPECT_EQ(done.counts.superseded, 1u);
  EXPECT_EQ(done.counts.written, 30u);
  EXPECT_EQ(shown.counts.changed, 20u);
  for (int i = 0; i <= 30; ++i) {
    const auto newest = *store_->GetScore(Name(i), 0);
    EXPECT_EQ(newest.key_version, 2u) << i;
    EXPECT_EQ(newest.attempt_version, i == 3 ? 2u : 1u);
  }
  EXPECT_EQ(store_->GetScore(Name(3), 0)->score_version, 3u);
  EXPECT_EQ(store_->GetScore(Name(30), 0)->score_version, 1u);
}

TEST_F(RescorerTest, ScopeLimitsWhoIsRescoredButNotWhichKeyIsUsedNext) {
  ScoreAll(0, 20);
  const auto run = Start();
  RescoringRecord asked{
      .author = "ann",
      .request_id = "scope",
      .definition = {.exam_id = "CLF-C02",
                     .decisions = Serialize(*Canonical({Decide("bank-2", DecisionKind::kDrop)})),
                     .policy = RescoringPolicy::kExact,
                     .form_ids = {"form-1", "form-4"},
                     .reason = "why"},
      .create_time = clock_.Now()};
  const RescoringRecord record = *store_->CreateRescoring(asked);
  Approve(Await(record, RescoringStage::kPreviewed));
  EXPECT_EQ(Await(record, RescoringStage::kDone).counts.written, 8u);
  for (int i = 0; i < 20; ++i) {
    const bool in = i % kForms == 1 || i % kForms == 4;
    EXPECT_EQ(store_->GetScore(Name(i), 0)->score_version, in ? 2u : 1u);
  }
  EXPECT_EQ(Score(20)->key_version, 2u);
  // Nothing was scored before the first session was.
  asked.request_id = "time";
  asked.definition.form_ids.clear();
  asked.definition.until = store_->GetScore(Name(0), 1)->score_time;
  const RescoringRecord early = Await(*store_->CreateRescoring(asked), RescoringStage::kPreviewed);
  EXPECT_EQ(early.counts.seen, 0u);
}

TEST_F(RescorerTest, StoppedAnywhereItGoesOnWhereItWas) {
  ScoreAll(0, 40);
  const RescoringRecord record =
      Create({Decide("bank-4", DecisionKind::kDrop)}, RescoringPolicy::kExact);
  int starts = 0;
  while (Get(record).stage == RescoringStage::kPreviewing) {
    const auto run = Start(1);
    const std::string place = Get(record).place;
    WaitUntil([&] { return Get(record).place != place; });
    ++starts;
  }
  Approve(record);
  while (Get(record).stage != RescoringStage::kDone) {
    const auto run = Start(1);
    const std::string place = Get(record).place;
    WaitUntil(
        [&] { return Get(record).place != place || Get(record).stage == RescoringStage::kDone; });
    ++starts;
  }
  EXPECT_GT(starts, 2);
  EXPECT_EQ(Get(record).counts.written, 40u);
  ExpectWrittenOnce(record);
}

TEST_F(RescorerTest, SeveralAtOnceWriteEachSessionOnce) {
  ScoreAll(0, 60);
  const auto other_store =
      OpenSqlScoreStore({.location = dir_.Path("scoring.db"), .readers = 4}).value();
  KeyRing other_ring(bank_, *other_store);
  // Leases that end at once: both work on every page.
  const RescorerOptions greedy{.threads = 1, .page = 2, .poll = Millis(1), .lease = Duration(0)};
  Rescorer one(*store_, ring_, clock_, greedy), two(*other_store, other_ring, clock_, greedy);
  const RescoringRecord record =
      Create({Decide("bank-4", DecisionKind::kDrop)}, RescoringPolicy::kExact);
  Approve(Await(record, RescoringStage::kPreviewed));
  const RescoringRecord done = Await(record, RescoringStage::kDone);
  EXPECT_EQ(done.counts.seen, 60u);
  EXPECT_EQ(done.counts.written, 60u);
  ExpectWrittenOnce(record);
  EXPECT_EQ(store_->ListActs(record.rescoring_id)->size(), 4u);
}

TEST_F(RescorerTest, GivenUpItStops) {
  ScoreAll(0, 10);
  const RescoringRecord record = Create({Decide("bank-4", DecisionKind::kDrop)});
  ASSERT_TRUE(store_->Cancel(record.rescoring_id, "ann", "a mistake", clock_.Now()).ok());
  const auto run = Start();
  const RescoringRecord other = Create({Decide("bank-4", DecisionKind::kDrop)});
  Await(other, RescoringStage::kPreviewed);
  EXPECT_EQ(Get(record).stage, RescoringStage::kCancelled);
  EXPECT_EQ(Get(record).counts.seen, 0u);
}

TEST_F(RescorerTest, FormsFromBeforeKeysWereKeptAskTheItemBank) {
  ScoreAll(0, 10);
  auto other = *sql::Database::Open(dir_.Path("scoring.db"));
  ASSERT_TRUE(other.Execute("DELETE FROM form_key").ok());
  bank_.down = true;
  const auto run = Start();
  const RescoringRecord record =
      Create({Decide("bank-4", DecisionKind::kDrop)}, RescoringPolicy::kExact);
  const int before = bank_.fetches;
  ASSERT_TRUE(WaitUntil([&] { return bank_.fetches > before + 3; }));
  EXPECT_EQ(Get(record).stage, RescoringStage::kPreviewing) << "it waits, and fails nobody";
  bank_.down = false;
  Approve(Await(record, RescoringStage::kPreviewed));
  Await(record, RescoringStage::kDone);
  bank_.down = true;
  EXPECT_EQ(Replay(10), 20) << "the keys are kept now";
}

TEST_F(RescorerTest, WhatCantBeScoredAnewIsNamedAndNothingElseIsLost) {
  ScoreAll(0, 10);
  auto other = *sql::Database::Open(dir_.Path("scoring.db"));
  // One score that does not replay, one form without its conversion.
  ASSERT_TRUE(other
                  .Execute("UPDATE score SET raw_score = raw_score + 1 WHERE session_id = '" +
                           Name(2) + "'")
                  .ok());
  ASSERT_TRUE(
      other.Execute("UPDATE score SET conversion_hash = 'x' WHERE session_id = '" + Name(3) + "'")
          .ok());
  const auto run = Start();
  const RescoringRecord record =
      Await(Create({Decide("bank-4", DecisionKind::kDrop)}), RescoringStage::kPreviewed);
  EXPECT_EQ(record.counts.failed, 2u);
  std::map<std::string, std::string> problems;
  for (const ChangeRecord& change : Changes(record)) {
    if (change.outcome == RescoringOutcome::kFailed) problems[change.session_id] = change.problem;
  }
  EXPECT_NE(problems[Name(2)].find("does not replay"), std::string::npos);
  EXPECT_NE(problems[Name(3)].find("conversion"), std::string::npos);
  EXPECT_EQ(
      ReasonOf(
          store_->Approve(record.rescoring_id, {record.preview_digest, "bea", "yes"}, clock_.Now())
              .status()),
      "PREVIEW_HAS_FAILURES");
  EXPECT_NE(ReplayScores(Name(3), 1, ring_, *store_)->at(0).fault, "");
  // Accepted by their number, they keep their score, and everybody else gets the new one.
  ASSERT_TRUE(store_
                  ->Approve(record.rescoring_id,
                            {.preview_digest = record.preview_digest,
                             .actor = "bea",
                             .reason = "two are damaged",
                             .accept_failures = 2},
                            clock_.Now())
                  .ok());
  const RescoringRecord done = Await(record, RescoringStage::kDone);
  EXPECT_EQ(done.counts.written, record.counts.changed);
  EXPECT_EQ(store_->GetScore(Name(2), 0)->score_version, 1u);
}

// Of form 3 nobody can tell options apart: it was issued before the bank told which is which.
TEST_F(RescorerTest, AFormThatCantCarryADecisionOutIsStillScored) {
  bank_.untold = 3;
  ScoreAll(0, 10);
  const auto run = Start();
  const auto rekey = Decide("bank-5", DecisionKind::kRekey, {{"c"}});
  const RescoringRecord whole =
      Await(Create({rekey}, RescoringPolicy::kExact), RescoringStage::kPreviewed);
  EXPECT_EQ(whole.counts.failed, 2u) << "in scope it is named";
  for (const ChangeRecord& change : Changes(whole)) {
    if (change.outcome != RescoringOutcome::kFailed) continue;
    EXPECT_EQ(change.problem.find("DECISION_IMPOSSIBLE"), 0u) << change.problem;
  }
  RescoringRecord scoped{.author = "ann",
                         .request_id = "scoped",
                         .definition = {.exam_id = "CLF-C02",
                                        .decisions = Serialize(*Canonical({rekey})),
                                        .policy = RescoringPolicy::kExact,
                                        .form_ids = {"form-0", "form-1", "form-2", "form-4"},
                                        .reason = "why"},
                         .create_time = clock_.Now()};
  scoped = *store_->CreateRescoring(scoped);
  Approve(Await(scoped, RescoringStage::kPreviewed));
  Await(scoped, RescoringStage::kDone);
  // Sealed afterwards: by the key before, never without a score.
  const auto late = Score(13);
  ASSERT_TRUE(late.ok()) << late.status();
  EXPECT_EQ(late->form_id, "form-3");
  EXPECT_EQ(late->key_version, 2u);
  EXPECT_EQ(ReplayScores(Name(13), 0, ring_, *store_)->at(0).fault, "");
  // And a later rescoring is not held up by what the form refused then.
  const RescoringRecord next =
      Await(Create({Decide("bank-6", DecisionKind::kDrop)}, RescoringPolicy::kExact),
            RescoringStage::kPreviewed);
  EXPECT_EQ(next.counts.failed, 0u);
}

TEST_F(RescorerTest, WhomADecisionPassesByIsCounted) {
  bank_.lacks_d = 2;
  ScoreAll(0, 10);
  const auto run = Start();
  auto several = Decide("bank-5", DecisionKind::kMultiple, {{"a"}, {"d"}});
  RescoringRecord record = Await(Create({several}), RescoringStage::kPreviewed);
  EXPECT_EQ(record.counts.skipped, 2u);
  EXPECT_EQ(record.counts.touched, 8u);
  EXPECT_EQ(
      ReasonOf(
          store_->Approve(record.rescoring_id, {record.preview_digest, "bea", "yes"}, clock_.Now())
              .status()),
      "PREVIEW_SKIPS_VERSIONS");
  several.item_versions = {1};
  record = Await(Create({several}), RescoringStage::kPreviewed);
  EXPECT_EQ(record.counts.skipped, 0u) << "versions are named";
}

TEST_F(RescorerTest, EarlierDecisionsThatReachASessionOnlyNowAreMarked) {
  ScoreAll(0, 20);
  const auto run = Start();
  RescoringRecord first{
      .author = "ann",
      .request_id = "scoped",
      .definition = {.exam_id = "CLF-C02",
                     .decisions = Serialize(*Canonical({Decide("bank-2", DecisionKind::kDrop)})),
                     .policy = RescoringPolicy::kExact,
                     .form_ids = {"form-1"},
                     .reason = "why"},
      .create_time = clock_.Now()};
  first = *store_->CreateRescoring(first);
  Approve(Await(first, RescoringStage::kPreviewed));
  Await(first, RescoringStage::kDone);
  for (const ChangeRecord& change : Changes(first)) EXPECT_FALSE(change.earlier);
  const RescoringRecord second =
      Await(Create({Decide("bank-4", DecisionKind::kDrop)}, RescoringPolicy::kExact),
            RescoringStage::kPreviewed);
  std::map<std::string, bool> earlier;
  for (const ChangeRecord& change : Changes(second)) earlier[change.session_id] = change.earlier;
  ASSERT_EQ(earlier.size(), 20u);
  for (int i = 0; i < 20; ++i) EXPECT_EQ(earlier[Name(i)], i % kForms != 1) << i;
}

// A preview over many sessions must not hold an approved correction up, nor go on when nobody can
// approve it any more.
TEST_F(RescorerTest, AnApprovedRescoringDoesNotWaitForAPreview) {
  ScoreAll(0, 60);
  RescoringRecord approved;
  {
    const auto run = Start();
    approved = Create({Decide("bank-4", DecisionKind::kDrop)}, RescoringPolicy::kExact);
    Await(approved, RescoringStage::kPreviewed);
  }
  // Older, so first in the list, and more pages than it may turn at once.
  const RescoringRecord look = Create({Decide("bank-5", DecisionKind::kDrop)});
  Approve(approved);
  const auto run = Start(1);
  Await(approved, RescoringStage::kDone);
  const RescoringRecord stale = Await(look, RescoringStage::kCancelled);
  EXPECT_EQ(stale.counts.seen, 0u);
  const auto acts = *store_->ListActs(look.rescoring_id);
  EXPECT_EQ(acts.back().actor, "scoring");
  // A preview of more pages than one turn ends all the same.
  const RescoringRecord again = Create({Decide("bank-5", DecisionKind::kDrop)});
  EXPECT_EQ(Await(again, RescoringStage::kPreviewed).counts.seen, 60u);
}

TEST_F(RescorerTest, WhatWasSignedStaysReadableWhateverBecomesOfIt) {
  ScoreAll(0, 12);
  RescoringRecord record;
  {
    const auto run = Start();
    record = Create({Decide("bank-2", DecisionKind::kDrop)}, RescoringPolicy::kExact);
    Await(record, RescoringStage::kPreviewed);
  }
  const std::vector<ChangeRecord> shown = Changes(record);
  ASSERT_TRUE(Score(3, 2).ok());
  Approve(record);
  const auto run = Start();
  Await(record, RescoringStage::kDone);
  EXPECT_NE(Changes(record)[3].attempt_version, shown[3].attempt_version);
  auto signed_lines = *store_->ListChanges(record.rescoring_id, {.as_shown = true}, "", 10'000);
  for (ChangeRecord& change : signed_lines) change.new_version = 0;
  EXPECT_EQ(signed_lines, shown);
}

}  // namespace
}  // namespace invigil::scoring
