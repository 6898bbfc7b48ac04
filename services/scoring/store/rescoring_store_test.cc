// Rescorings in the store: one suite for both engines.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <set>
#include <thread>

#include "common/error/error.h"
#include "common/sql/database.h"
#include "common/testing/postgres_server.h"
#include "common/testing/temp_dir.h"
#include "services/scoring/store/schema.h"
#include "services/scoring/store/sql_score_store.h"

namespace invigil::scoring {
namespace {

const Time kNow = FromUnixMicros(1'800'000'000'000'000);

ScoreRecord Score(const std::string& session, uint32_t attempt = 1, uint32_t revision = 0) {
  return {.session_id = session,
          .attempt_version = attempt,
          .form_id = "form",
          .key_version = 1,
          .conversion_hash = "hash",
          .exam_id = "CLF-C02",
          .exam_version = 2,
          .raw_score = 36,
          .scaled_score = 720,
          .passed = true,
          .score_time = kNow,
          .responses = "item1 A of " + session + "\n",
          .body = "body of " + session,
          .key_revision = revision};
}

ConversionRecord ConversionOf(const ScoreRecord& score) {
  return {
      .form_id = score.form_id,
      .key_version = score.key_version,
      .hash = score.conversion_hash,
      .text = "rows",
      .key = {.form_id = score.form_id, .body = "key", .parts = {{"h1", "one"}, {"h2", "two"}}}};
}

RescoringRecord Asked(const std::string& author = "ann", const std::string& request = "r1") {
  const auto decisions = Canonical({{.item_id = "item",
                                     .item_versions = {},
                                     .kind = DecisionKind::kDrop,
                                     .accepted = {},
                                     .reason = "two experts"}});
  return {.author = author,
          .request_id = request,
          .definition = {.exam_id = "CLF-C02",
                         .decisions = Serialize(*decisions),
                         .policy = RescoringPolicy::kNeverLower,
                         .form_ids = {"form"},
                         .from = kNow - Seconds(60),
                         .reason = "item 7 has no right answer"},
          .create_time = kNow};
}

ChangeRecord Change(const std::string& session, RescoringOutcome outcome) {
  return {.session_id = session,
          .outcome = outcome,
          .attempt_version = 1,
          .old_version = 1,
          .held = {36, 50, 720, true},
          .renewed = {35, 49, 731, true}};
}

class RescoringStoreTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (GetParam() == std::string("postgresql")) {
      location_ = invigil::testing::PostgresServer::Shared().url();
      schema_ = invigil::testing::PostgresServer::Shared().NewSchema();
    }
    store_ = OpenAnother();
  }
  std::unique_ptr<ScoringStore> OpenAnother() {
    return *OpenSqlScoreStore({.location = location_, .schema = schema_});
  }
  static absl::StatusOr<ScoreRecord> Append(ScoringStore& store, const ScoreRecord& score) {
    std::promise<absl::StatusOr<ScoreRecord>> promise;
    store.Append(score, ConversionOf(score),
                 [&](auto outcome) { promise.set_value(std::move(outcome)); });
    return promise.get_future().get();
  }
  absl::StatusOr<ScoreRecord> Append(const ScoreRecord& score) { return Append(*store_, score); }

  std::vector<ScoredSession> Scored(int64_t from, int64_t until, const std::string& after = "",
                                    size_t limit = 1000) {
    return store_->ListScored("CLF-C02", from, until, after, limit)->sessions;
  }
  std::vector<ChangeRecord> Changes(const RescoringRecord& record,
                                    const RescoringStore::ChangeFilter& filter = {},
                                    const std::string& after = "", size_t limit = 1000) {
    return *store_->ListChanges(record.rescoring_id, filter, after, limit);
  }

  // A step from where the rescoring stands.
  static RescoringStep StepOf(const RescoringRecord& record) {
    return {.rescoring_id = record.rescoring_id,
            .stage = record.stage,
            .from_place = record.place,
            .to_place = record.place,
            .counts = record.counts,
            .digest = record.digest,
            .now = kNow,
            .lease_until = kNow};
  }
  // One with a whole preview that lists `changes`.
  RescoringRecord Previewed(const std::vector<ChangeRecord>& changes,
                            const std::string& request = "r1") {
    RescoringRecord record = *store_->CreateRescoring(Asked("ann", request));
    RescoringStep step = StepOf(record);
    step.changes = changes;
    step.counts.touched = std::max<uint64_t>(1, changes.size());
    step.digest = "shown";
    step.then = RescoringStage::kPreviewed;
    step.act = "previewed";
    EXPECT_TRUE(store_->Store(step).ok());
    return *store_->GetRescoring(record.rescoring_id);
  }
  // The step that writes a new version of `session`.
  static RescoringStep Writing(const RescoringRecord& record, const std::string& session) {
    RescoringStep step = StepOf(record);
    step.to_place = session;
    ScoreRecord score = Score(session);
    score.score_version = 1;  // which it replaces
    score.key_version = 2;
    score.scaled_score = 731;
    score.body = "new body of " + session;
    score.rescoring_id = record.rescoring_id;
    step.scores.push_back({score, ConversionOf(score)});
    ++step.counts.written;
    return step;
  }

  invigil::testing::TempDir dir_;
  std::string location_ = dir_.Path("scoring.db"), schema_;
  std::unique_ptr<ScoringStore> store_;
};

TEST_P(RescoringStoreTest, ARequestIsKeptOnceWithItsAct) {
  const auto made = store_->CreateRescoring(Asked());
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ(made->stage, RescoringStage::kPreviewing);
  EXPECT_EQ(made->definition, Asked().definition);
  EXPECT_EQ(made->base_revision, 0u);
  EXPECT_EQ(store_->CreateRescoring(Asked())->rescoring_id, made->rescoring_id);
  RescoringRecord other = Asked();
  other.definition.reason = "another";
  EXPECT_EQ(ReasonOf(store_->CreateRescoring(other).status()), "REQUEST_ID_REUSED");
  const auto second = store_->CreateRescoring(Asked("bea"));
  ASSERT_TRUE(second.ok());
  EXPECT_NE(second->rescoring_id, made->rescoring_id);
  store_ = nullptr;
  store_ = OpenAnother();
  const auto read = store_->GetRescoring(made->rescoring_id);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->definition, Asked().definition);
  EXPECT_EQ(read->author, "ann");
  EXPECT_EQ(read->create_time, kNow);
  const auto acts = *store_->ListActs(made->rescoring_id);
  ASSERT_EQ(acts.size(), 1u);
  EXPECT_EQ(acts[0].actor, "ann");
  EXPECT_EQ(acts[0].act, "created");
  EXPECT_EQ(acts[0].reason, Asked().definition.reason);
  EXPECT_EQ(acts[0].hash, HashOf(acts[0], made->rescoring_id, ""));
  EXPECT_EQ(store_->ListUnfinished()->size(), 2u);
  EXPECT_EQ(store_->ListRescorings("", "", 10)->size(), 2u);
  EXPECT_EQ(store_->ListRescorings("CLF-C02", "", 1)->size(), 1u);
  EXPECT_TRUE(store_->ListRescorings("another", "", 10)->empty());
  EXPECT_EQ(ReasonOf(store_->GetRescoring("nothing").status()), "RESCORING_NOT_FOUND");
}

TEST_P(RescoringStoreTest, TheKeyOfAFormIsKeptWithItsFirstScore) {
  EXPECT_FALSE(store_->FindKey("form")->has_value());
  ASSERT_TRUE(Append(Score("s1")).ok());
  EXPECT_EQ(**store_->FindKey("form"), "key");
  EXPECT_EQ(**store_->FindKeyPart("h2"), "two");
  EXPECT_FALSE(store_->FindKeyPart("h3")->has_value());
  EXPECT_EQ((*store_->ListScored("CLF-C02", 0, 1, "", 10)).sessions[0].key, "key");
}

TEST_P(RescoringStoreTest, SessionsAreListedOnceWithTheirNewestScoreByEpoch) {
  ASSERT_TRUE(Append(Score("s1")).ok());
  ASSERT_TRUE(Append(Score("s2")).ok());
  ASSERT_TRUE(Append(Score("s2", 2)).ok());
  ScoreRecord elsewhere = Score("s3");
  elsewhere.exam_id = "SAA-C03";
  ASSERT_TRUE(Append(elsewhere).ok());
  const RescoringRecord record = *store_->CreateRescoring(Asked());
  EXPECT_EQ(record.expected, 2u) << "sessions, not seals";
  ASSERT_TRUE(Append(Score("s0")).ok());
  ASSERT_TRUE(Append(Score("s1", 2)).ok());
  const auto names = [&](int64_t from, int64_t until, const std::string& after, size_t limit) {
    std::vector<std::string> list;
    for (const auto& s : Scored(from, until, after, limit)) {
      list.push_back(s.score.session_id + "/" + std::to_string(s.score.attempt_version));
    }
    return list;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(names(0, record.begin_epoch, "", 10), Names{"s2/2"}) << "s1 was sealed again since";
  EXPECT_EQ(names(record.begin_epoch, record.begin_epoch + 1, "", 10), (Names{"s0/1", "s1/2"}));
  EXPECT_EQ(names(0, 100, "", 2), (Names{"s0/1", "s1/2"}));
  EXPECT_EQ(names(0, 100, "s1", 2), Names{"s2/2"});
  const auto page = *store_->ListScored("CLF-C02", 0, 100, "", 2);
  EXPECT_FALSE(page.last);
  EXPECT_EQ(page.done_to, "s1");
  EXPECT_TRUE(store_->ListScored("CLF-C02", 0, 100, "s1", 2)->last);
  EXPECT_EQ(page.sessions[0].score.responses, Score("s0").responses);
  EXPECT_EQ(page.sessions[0].first_scored, kNow);
}

TEST_P(RescoringStoreTest, AStepHappensOnceAndOnlyWhereItStands) {
  const RescoringRecord record = *store_->CreateRescoring(Asked());
  RescoringStep step = StepOf(record);
  step.to_place = "s5";
  step.counts = {.seen = 7, .changed = 1};
  step.digest = "d1";
  step.changes = {Change("s4", RescoringOutcome::kChanged)};
  ASSERT_TRUE(store_->Store(step).ok());
  EXPECT_EQ(ReasonOf(store_->Store(step)), "RESCORING_MOVED");
  const auto read = *store_->GetRescoring(record.rescoring_id);
  EXPECT_EQ(read.place, "s5");
  EXPECT_EQ(read.counts, step.counts);
  EXPECT_EQ(read.digest, "d1");
  const auto changes =
      *store_->ListChanges(record.rescoring_id, RescoringStore::ChangeFilter{}, "", 10);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0], Change("s4", RescoringOutcome::kChanged));
}

TEST_P(RescoringStoreTest, ChangesAreFilteredAndPaged) {
  ChangeRecord flip = Change("s2", RescoringOutcome::kProtected);
  flip.renewed.passed = false;
  ChangeRecord failed = Change("s3", RescoringOutcome::kFailed);
  failed.renewed = {};
  failed.problem = "why";
  const auto record = Previewed({Change("s1", RescoringOutcome::kChanged), flip, failed});
  const auto names = [&](const RescoringStore::ChangeFilter& filter, const std::string& after) {
    std::string list;
    for (const auto& c : Changes(record, filter, after)) {
      list += c.session_id;
    }
    return list;
  };
  EXPECT_EQ(names({}, ""), "s1s2s3");
  EXPECT_EQ(names({}, "s1"), "s2s3");
  EXPECT_EQ(names({.outcome = RescoringOutcome::kFailed}, ""), "s3");
  EXPECT_EQ(names({.flips_only = true}, ""), "s2") << "what failed has no new decision";
  EXPECT_EQ(store_->ListChanges(record.rescoring_id, {}, "", 2)->size(), 2u);
  EXPECT_EQ((*store_->ListChanges(record.rescoring_id, {}, "s2", 2))[0].problem, "why");
}

TEST_P(RescoringStoreTest, ApprovalTakesWhatWasShownAndRevisesTheKey) {
  const auto record = Previewed({});
  EXPECT_EQ(record.preview_digest, "shown");
  EXPECT_EQ(ReasonOf(store_->Approve(record.rescoring_id, {"else", "bea", "yes"}, kNow).status()),
            "PREVIEW_DIFFERS");
  EXPECT_EQ(ReasonOf(store_->Approve(record.rescoring_id, {"shown", "ann", "mine"}, kNow).status()),
            "APPROVER_IS_AUTHOR");
  EXPECT_EQ(*store_->LastRevision("CLF-C02"), 0u);
  const auto approved = store_->Approve(record.rescoring_id, {"shown", "bea", "yes"}, kNow);
  ASSERT_TRUE(approved.ok()) << approved.status();
  EXPECT_EQ(approved->stage, RescoringStage::kApplying);
  EXPECT_EQ(approved->approver, "bea");
  EXPECT_GT(approved->end_epoch, approved->begin_epoch);
  EXPECT_EQ(*store_->LastRevision("CLF-C02"), 1u);
  const auto revisions = *store_->ListRevisions("CLF-C02");
  ASSERT_EQ(revisions.size(), 1u);
  EXPECT_EQ(revisions[0].decisions, Asked().definition.decisions);
  EXPECT_EQ(revisions[0].author, "ann");
  EXPECT_EQ(revisions[0].approver, "bea");
  EXPECT_EQ(revisions[0].rescoring_id, record.rescoring_id);
  // Again, by the same and by another person.
  EXPECT_EQ(store_->Approve(record.rescoring_id, {"shown", "bea", "yes"}, kNow)->stage,
            RescoringStage::kApplying);
  EXPECT_EQ(ReasonOf(store_->Approve(record.rescoring_id, {"shown", "cleo", "yes"}, kNow).status()),
            "RESCORING_NOT_PREVIEWED");
  EXPECT_EQ(store_->ListRevisions("CLF-C02")->size(), 1u);
  const auto acts = *store_->ListActs(record.rescoring_id);
  ASSERT_EQ(acts.size(), 3u);
  EXPECT_EQ(acts[1].actor, "scoring");
  EXPECT_EQ(acts[2].act, "approved");
  EXPECT_EQ(acts[2].digest, "shown");
  EXPECT_EQ(acts[2].hash, HashOf(acts[2], record.rescoring_id, acts[1].hash));
  EXPECT_EQ(ReasonOf(store_->Cancel(record.rescoring_id, "ann", "no", kNow).status()),
            "RESCORING_APPROVED");
  EXPECT_EQ(ReasonOf(store_->CreateRescoring(Asked("ann", "r2")).status()), "RESCORING_UNDER_WAY");
}

TEST_P(RescoringStoreTest, APreviewThatAnotherApprovalOvertookIsStale) {
  const auto first = Previewed({}, "r1"), second = Previewed({}, "r2");
  ASSERT_TRUE(store_->Approve(first.rescoring_id, {"shown", "bea", "yes"}, kNow).ok());
  EXPECT_EQ(ReasonOf(store_->Approve(second.rescoring_id, {"shown", "bea", "yes"}, kNow).status()),
            "PREVIEW_STALE");
  EXPECT_EQ(*store_->LastRevision("CLF-C02"), 1u);
  EXPECT_EQ(store_->GetRescoring(second.rescoring_id)->stage, RescoringStage::kPreviewed);
}

TEST_P(RescoringStoreTest, WhatCantBeApprovedIsNot) {
  RescoringRecord made = *store_->CreateRescoring(Asked());
  EXPECT_EQ(ReasonOf(store_->Approve(made.rescoring_id, {"", "bea", "yes"}, kNow).status()),
            "RESCORING_NOT_PREVIEWED");
  RescoringStep step = StepOf(made);
  step.counts.failed = 1;
  step.digest = "shown";
  step.then = RescoringStage::kPreviewed;
  ASSERT_TRUE(store_->Store(step).ok());
  EXPECT_EQ(ReasonOf(store_->Approve(made.rescoring_id, {"shown", "bea", "yes"}, kNow).status()),
            "PREVIEW_HAS_FAILURES");
  ASSERT_TRUE(store_->Cancel(made.rescoring_id, "ann", "no", kNow).ok());
  EXPECT_TRUE(store_->Cancel(made.rescoring_id, "ann", "no", kNow).ok());
  EXPECT_EQ(store_->ListActs(made.rescoring_id)->size(), 2u) << "given up once";
  EXPECT_EQ(ReasonOf(store_->Approve(made.rescoring_id, {"shown", "bea", "yes"}, kNow).status()),
            "RESCORING_NOT_PREVIEWED");
  EXPECT_EQ(ReasonOf(store_->Store(step)), "RESCORING_MOVED");
  EXPECT_TRUE(store_->ListUnfinished()->empty());
  RescoringRecord nothing = Asked("ann", "r2");
  nothing.definition.decisions = Serialize(std::vector<KeyDecision>{});
  made = *store_->CreateRescoring(nothing);
  step = StepOf(made);
  step.counts.touched = 1;
  step.then = RescoringStage::kPreviewed;
  ASSERT_TRUE(store_->Store(step).ok());
  made = *store_->GetRescoring(made.rescoring_id);
  EXPECT_EQ(
      ReasonOf(
          store_->Approve(made.rescoring_id, {made.preview_digest, "bea", "y"}, kNow).status()),
      "NOTHING_TO_APPLY");
}

// One poisoned session must not keep a right key from everybody else.
TEST_P(RescoringStoreTest, FailuresAreAcceptedByTheirNumber) {
  RescoringRecord made = *store_->CreateRescoring(Asked());
  RescoringStep step = StepOf(made);
  step.counts = {.touched = 9, .failed = 2};
  step.digest = "shown";
  step.then = RescoringStage::kPreviewed;
  ASSERT_TRUE(store_->Store(step).ok());
  const auto approve = [&](uint64_t failures) {
    return store_->Approve(made.rescoring_id,
                           {.preview_digest = "shown",
                            .actor = "bea",
                            .reason = "two are damaged",
                            .accept_failures = failures},
                           kNow);
  };
  for (const uint64_t wrong : {0u, 1u, 3u}) {
    EXPECT_EQ(ReasonOf(approve(wrong).status()), "PREVIEW_HAS_FAILURES") << wrong;
  }
  EXPECT_EQ(approve(2)->stage, RescoringStage::kApplying);
}

TEST_P(RescoringStoreTest, WhatReachesNobodyOrSkipsSomebodyIsNotApprovedInSilence) {
  const auto previewed = [&](const RescoringCounts& counts, const std::string& request) {
    RescoringRecord made = *store_->CreateRescoring(Asked("ann", request));
    RescoringStep step = StepOf(made);
    step.counts = counts;
    step.digest = "shown";
    step.then = RescoringStage::kPreviewed;
    EXPECT_TRUE(store_->Store(step).ok());
    return made.rescoring_id;
  };
  const Approval plain{.preview_digest = "shown", .actor = "bea", .reason = "yes"};
  Approval untouched = plain;
  untouched.accept_untouched = true;
  const auto skips = previewed({.seen = 9, .touched = 3, .skipped = 1}, "r1");
  EXPECT_EQ(store_->GetRescoring(skips)->counts.skipped, 1u);
  EXPECT_EQ(ReasonOf(store_->Approve(skips, untouched, kNow).status()), "PREVIEW_SKIPS_VERSIONS");
  const auto nobody = previewed({.seen = 9}, "r2");
  EXPECT_EQ(ReasonOf(store_->Approve(nobody, plain, kNow).status()), "NOTHING_TO_APPLY");
  EXPECT_EQ(*store_->LastRevision("CLF-C02"), 0u);
  EXPECT_TRUE(store_->Approve(nobody, untouched, kNow).ok());
}

TEST_P(RescoringStoreTest, PreviewsThatAreNotWholeAreBounded) {
  std::vector<std::string> ids;
  for (int64_t i = 0; i < RescoringStore::kMostPreviews; ++i) {
    const auto made = store_->CreateRescoring(Asked("ann", "r" + std::to_string(i)));
    ASSERT_TRUE(made.ok()) << made.status();
    ids.push_back(made->rescoring_id);
  }
  EXPECT_EQ(ReasonOf(store_->CreateRescoring(Asked("ann", "more")).status()), "OVERLOADED");
  EXPECT_TRUE(store_->CreateRescoring(Asked("ann", "r0")).ok()) << "a repeat is none more";
  ASSERT_TRUE(store_->Cancel(ids[0], "ann", "not needed", kNow).ok());
  EXPECT_TRUE(store_->CreateRescoring(Asked("ann", "more")).ok());
}

// An auditor must find what the second person signed, whatever became of it.
TEST_P(RescoringStoreTest, LinesStayReadableAsTheyWereShown) {
  ChangeRecord earlier = Change("s1", RescoringOutcome::kChanged);
  earlier.earlier = true;
  const std::vector<ChangeRecord> shown = {earlier, Change("s2", RescoringOutcome::kChanged),
                                           Change("s3", RescoringOutcome::kProtected)};
  auto record = Previewed(shown);
  EXPECT_EQ(Changes(record, {.as_shown = true}), shown);
  record = *store_->Approve(record.rescoring_id, {"shown", "bea", "yes"}, kNow);
  RescoringStep step = StepOf(record);
  step.to_place = "s2";
  ChangeRecord superseded = Change("s2", RescoringOutcome::kSuperseded);
  step.changes = {superseded};
  ASSERT_TRUE(store_->Store(step).ok());
  record = *store_->GetRescoring(record.rescoring_id);
  step = StepOf(record);
  step.then = RescoringStage::kCatchingUp;
  ASSERT_TRUE(store_->Store(step).ok());
  record = *store_->GetRescoring(record.rescoring_id);
  step = StepOf(record);
  step.to_place = "s4";
  ChangeRecord late = Change("s2", RescoringOutcome::kChanged);
  late.late = true;
  late.attempt_version = 2;
  ChangeRecord new_one = Change("s4", RescoringOutcome::kChanged);
  new_one.late = true;
  step.changes = {late, new_one};
  ASSERT_TRUE(store_->Store(step).ok());
  EXPECT_EQ(Changes(record), (std::vector<ChangeRecord>{shown[0], late, shown[2], new_one}));
  EXPECT_EQ(Changes(record, {.as_shown = true}), shown);
  EXPECT_EQ(Changes(record, {.as_shown = true}, "s1", 1), (std::vector<ChangeRecord>{shown[1]}));
  EXPECT_EQ(Changes(record, {.outcome = RescoringOutcome::kProtected, .as_shown = true}).size(),
            1u);
}

TEST(RescoringCountsText, CountsFromBeforeSkippedReadBack) {
  const RescoringCounts counts{.seen = 7, .written = 3};
  std::string text = Serialize(counts);
  EXPECT_EQ(*ParseCounts(text), counts);
  text.resize(text.size() - 3);  // "1:0"
  EXPECT_EQ(*ParseCounts(text), counts);
  EXPECT_FALSE(ParseCounts(text + "1:").ok());
  EXPECT_FALSE(ParseCounts(text + "1:01:0").ok());
}

TEST_P(RescoringStoreTest, NewVersionsGoBesideTheOldOnesAndIntoTheOutbox) {
  for (const char* session : {"s1", "s2"}) ASSERT_TRUE(Append(Score(session)).ok());
  auto record = Previewed(
      {Change("s1", RescoringOutcome::kChanged), Change("s2", RescoringOutcome::kChanged)});
  record = *store_->Approve(record.rescoring_id, {"shown", "bea", "yes"}, kNow);
  ASSERT_TRUE(store_->Store(Writing(record, "s1")).ok());
  EXPECT_EQ(ReasonOf(store_->Store(Writing(record, "s1"))), "RESCORING_MOVED");
  record = *store_->GetRescoring(record.rescoring_id);
  EXPECT_EQ(record.place, "s1");
  ASSERT_TRUE(store_->Store(Writing(record, "s2")).ok());
  for (const std::string session : {"s1", "s2"}) {
    const auto old = *store_->GetScore(session, 1), now = *store_->GetScore(session, 0);
    EXPECT_EQ(old.body, "body of " + session);
    EXPECT_EQ(old.rescoring_id, "");
    EXPECT_EQ(now.score_version, 2u);
    EXPECT_EQ(now.body, "new body of " + session);
    EXPECT_EQ(now.key_version, 2u);
    EXPECT_EQ(now.rescoring_id, record.rescoring_id);
    EXPECT_EQ(now.responses, old.responses);
    EXPECT_EQ(ReasonOf(store_->GetScore(session, 3).status()), "SCORE_NOT_FOUND");
    EXPECT_EQ(store_->FindAttempt(session, 1)->value().score_version, 2u);
  }
  EXPECT_TRUE(store_->FindConversion("form", 1)->has_value());
  EXPECT_TRUE(store_->FindConversion("form", 2)->has_value());
  for (const auto& change : Changes(record)) {
    EXPECT_EQ(change.new_version, 2u);
  }
  const auto amendments = *store_->ListAmendments(0, 10);
  ASSERT_EQ(amendments.size(), 2u);
  EXPECT_EQ(amendments[0].score.session_id, "s1");
  EXPECT_EQ(amendments[0].score.body, "new body of s1");
  EXPECT_EQ(amendments[0].score.score_version, 2u);
  EXPECT_LT(amendments[0].sequence, amendments[1].sequence);
  EXPECT_EQ(store_->ListAmendments(amendments[0].sequence, 10)->size(), 1u);
  ASSERT_TRUE(store_->AcknowledgeAmendments({amendments[0].sequence, 999}).ok());
  ASSERT_TRUE(store_->AcknowledgeAmendments({amendments[0].sequence}).ok());
  EXPECT_EQ(store_->ListAmendments(0, 10)->size(), 1u);
}

TEST_P(RescoringStoreTest, ASessionThatWasSealedAgainIsNotOverwritten) {
  ASSERT_TRUE(Append(Score("s1")).ok());
  auto record = Previewed({Change("s1", RescoringOutcome::kChanged)});
  record = *store_->Approve(record.rescoring_id, {"shown", "bea", "yes"}, kNow);
  ASSERT_TRUE(Append(Score("s1", 2, 1)).ok());
  EXPECT_EQ(ReasonOf(store_->Store(Writing(record, "s1"))), "RESCORING_MOVED");
  EXPECT_EQ(store_->GetScore("s1", 0)->attempt_version, 2u);
  EXPECT_EQ(store_->GetRescoring(record.rescoring_id)->place, "") << "nothing of the step is there";
  EXPECT_TRUE(store_->ListAmendments(0, 10)->empty());
}

TEST_P(RescoringStoreTest, AScoreByAKeyThatWasRevisedIsRefused) {
  auto record = Previewed({});
  ASSERT_TRUE(store_->Approve(record.rescoring_id, {"shown", "bea", "yes"}, kNow).ok());
  EXPECT_EQ(ReasonOf(Append(Score("s1")).status()), "KEY_REVISED");
  EXPECT_EQ(ReasonOf(store_->GetScore("s1", 0).status()), "SCORE_NOT_FOUND");
  EXPECT_TRUE(Append(Score("s1", 1, 1)).ok());
  ScoreRecord elsewhere = Score("s2");
  elsewhere.exam_id = "SAA-C03";
  EXPECT_TRUE(Append(elsewhere).ok()) << "another exam has keys of its own";
}

// The heart of it: whatever races, each session is in the preview, or late, or has the new key.
TEST_P(RescoringStoreTest, NobodyFallsBetweenPreviewApprovalAndScores) {
  constexpr int kWriters = 3, kSessions = 60;
  std::vector<std::unique_ptr<ScoringStore>> stores;
  for (int i = 0; i < kWriters; ++i) stores.push_back(OpenAnother());
  std::atomic<int> written{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kWriters; ++t) {
    threads.emplace_back([&, t] {
      ScoringStore& store = *stores[static_cast<size_t>(t)];
      for (int i = 0; i < kSessions; ++i) {
        for (uint32_t revision = *store.LastRevision("CLF-C02");;
             revision = *store.LastRevision("CLF-C02")) {
          ScoreRecord score = Score("s" + std::to_string(t) + "-" + std::to_string(i), 1, revision);
          score.key_version = 1 + revision;
          const auto stored = Append(store, score);
          if (stored.ok()) break;
          ASSERT_EQ(ReasonOf(stored.status()), "KEY_REVISED") << stored.status();
        }
        ++written;
      }
    });
  }
  while (written < kWriters * kSessions / 4) std::this_thread::yield();
  auto record = *store_->CreateRescoring(Asked());
  std::set<std::string> shown, late, renewed;
  for (const auto& s : Scored(0, record.begin_epoch)) {
    shown.insert(s.score.session_id);
  }
  RescoringStep step = StepOf(record);
  step.digest = "shown";
  step.counts.touched = 1;
  step.then = RescoringStage::kPreviewed;
  ASSERT_TRUE(store_->Store(step).ok());
  while (written < kWriters * kSessions / 2) std::this_thread::yield();
  record = *store_->Approve(record.rescoring_id, {"shown", "bea", "yes"}, kNow);
  // At once: nothing of the old key can come any more.
  for (const auto& s : Scored(record.begin_epoch, record.end_epoch)) {
    late.insert(s.score.session_id);
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& s : Scored(record.end_epoch, 1000)) {
    EXPECT_EQ(s.score.key_version, 2u) << s.score.session_id;
    renewed.insert(s.score.session_id);
  }
  EXPECT_EQ(shown.size() + late.size() + renewed.size(), size_t{kWriters * kSessions});
  EXPECT_EQ(Scored(0, record.begin_epoch).size(), shown.size());
}

TEST_P(RescoringStoreTest, ALeaseKeepsOthersAwayForAWhile) {
  const auto record = *store_->CreateRescoring(Asked());
  const auto claim = [&](const std::string& owner, Time now) {
    return *store_->Claim(record.rescoring_id, owner, now, now + Seconds(5));
  };
  EXPECT_TRUE(claim("a", kNow));
  EXPECT_TRUE(claim("a", kNow + Seconds(1)));
  EXPECT_FALSE(claim("b", kNow + Seconds(5)));
  EXPECT_TRUE(claim("b", kNow + Seconds(6)));
  EXPECT_FALSE(claim("a", kNow + Seconds(7)));
}

TEST_P(RescoringStoreTest, ADatabaseFromBeforeIsBroughtUpToDate) {
  if (sql::IsPostgres(location_)) schema_ = invigil::testing::PostgresServer::Shared().NewSchema();
  const std::string location = sql::IsPostgres(location_) ? location_ : dir_.Path("old.db");
  {
    auto old = sql::Database::Open(location, sql::Database::Mode::kReadWrite, schema_);
    ASSERT_TRUE(old.ok());
    ASSERT_TRUE(old->Migrate({SchemaSteps()[0]}).ok());
    ASSERT_TRUE(old->Execute("INSERT INTO attempt (session_id, attempt_version, form_id, "
                             "responses_hash, responses, first_score_version) "
                             "VALUES ('s1', 1, 'form', 'h', 'item1 A', 1);"
                             "INSERT INTO score (session_id, score_version, attempt_version, "
                             "key_version, conversion_hash, responses_hash, exam_id, exam_version, "
                             "raw_score, scaled_score, passed, score_time_us, body) "
                             "VALUES ('s1', 1, 1, 1, 'hash', 'h', 'CLF-C02', 2, 36, 720, 1, "
                             "1700000000000000, '')")
                    .ok());
  }
  auto store = *OpenSqlScoreStore({.location = location, .schema = schema_});
  const auto record = *store->CreateRescoring(Asked());
  const auto page = *store->ListScored("CLF-C02", 0, record.begin_epoch, "", 10);
  ASSERT_EQ(page.sessions.size(), 1u);
  EXPECT_EQ(page.sessions[0].score.session_id, "s1");
  EXPECT_EQ(page.sessions[0].first_scored, FromUnixMicros(1'700'000'000'000'000));
  EXPECT_EQ(page.sessions[0].key, "") << "its key is the item bank's to give";
}

INSTANTIATE_TEST_SUITE_P(Stores, RescoringStoreTest, ::testing::Values("sqlite", "postgresql"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace invigil::scoring
