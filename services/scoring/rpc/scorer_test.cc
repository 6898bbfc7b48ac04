#include "services/scoring/rpc/scorer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <future>
#include <thread>

#include "common/error/error.h"
#include "common/testing/temp_dir.h"
#include "services/scoring/domain/scoring.h"
#include "services/scoring/domain/testing.h"
#include "services/scoring/rpc/convert.h"
#include "services/scoring/store/sql_score_store.h"

namespace invigil::scoring {
namespace {

using testing::Answers;

// Gives one key, or says that the bank is away.
class OneKey final : public KeySource {
 public:
  explicit OneKey(ScoringKey key) : key_(std::make_shared<const ScoringKey>(std::move(key))) {}
  void Fetch(const std::string& form_id, Duration, const telemetry::TraceContext&,
             Done done) override {
    ++fetches;
    if (down) return done(Unavailable("ITEM_BANK_UNAVAILABLE", "down"));
    if (form_id != key_->form_id) return done(NotFound("FORM_NOT_FOUND", "no such form"));
    done(key_);
  }
  const ScoringKey& key() const { return *key_; }
  std::atomic<int> fetches{0};
  std::atomic<bool> down{false};

 private:
  const std::shared_ptr<const ScoringKey> key_;
};

// As another replica sees the store in a race: the conversion appears only after it was looked for.
class LateConversion final : public ScoreStore {
 public:
  explicit LateConversion(ScoreStore& store) : store_(store) {}
  absl::StatusOr<std::optional<ScoreRecord>> FindAttempt(const std::string& session,
                                                         uint32_t attempt) override {
    return store_.FindAttempt(session, attempt);
  }
  absl::StatusOr<ScoreRecord> GetScore(const std::string& session, uint32_t version) override {
    return store_.GetScore(session, version);
  }
  absl::StatusOr<std::optional<ConversionRecord>> FindConversion(const std::string& form,
                                                                 uint32_t version) override {
    if (first_.exchange(false)) return std::nullopt;
    return store_.FindConversion(form, version);
  }
  void Append(ScoreRecord score, ConversionRecord conversion, Done done) override {
    store_.Append(std::move(score), std::move(conversion), std::move(done));
  }

 private:
  ScoreStore& store_;
  std::atomic<bool> first_{true};
};

ScoringKey PracticeKey() {
  Random random(41);
  const auto base = testing::RandomItems(random, 50), form = testing::RandomItems(random, 50);
  return testing::MakeKey(form, base, 35, 15);
}

class ScorerTest : public ::testing::Test {
 protected:
  std::unique_ptr<ScoringStore> OpenStore(const std::string& name) {
    return OpenSqlScoreStore({.location = dir_.Path(name)}).value();
  }
  ScoreRequest Request(uint32_t right, bool pretest_right = true, uint32_t attempt = 1) {
    return {.session_id = "session",
            .attempt_version = attempt,
            .form_id = "form-1",
            .responses = Answers(keys_.key(), right, pretest_right),
            .time_left = [] { return Seconds(10); }};
  }
  static absl::StatusOr<ScoreRecord> Score(Scorer& scorer, ScoreRequest request) {
    std::promise<absl::StatusOr<ScoreRecord>> promise;
    scorer.ScoreSession(std::move(request), [&](auto r) { promise.set_value(std::move(r)); });
    return promise.get_future().get();
  }
  absl::StatusOr<ScoreRecord> Score(ScoreRequest request) {
    return Score(scorer_, std::move(request));
  }

  invigil::testing::TempDir dir_;
  ManualClock clock_;
  OneKey keys_{PracticeKey()};
  std::unique_ptr<ScoringStore> store_ = OpenStore("scoring.db");
  KeyRing ring_{keys_, *store_};
  rpc::Executor executor_{"test", 2, 1000};
  Scorer scorer_{keys_, ring_, *store_, executor_, clock_};
};

TEST_F(ScorerTest, ScoresOnceWhateverIsRepeated) {
  const auto first = Score(Request(36));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->raw_score, 36u);
  EXPECT_EQ(first->score_version, 1u);
  EXPECT_EQ(first->score_time, clock_.Now());
  clock_.Advance(Minutes(5));
  keys_.down = true;  // a stored score needs no item bank
  ScoreRequest shuffled = Request(36);
  std::reverse(shuffled.responses.begin(), shuffled.responses.end());
  const auto second = Score(std::move(shuffled));
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->body, first->body);
  EXPECT_EQ(second->score_time, first->score_time);
  EXPECT_EQ(keys_.fetches, 1);
}

TEST_F(ScorerTest, ManyAtOnceAgree) {
  std::vector<std::thread> threads;
  std::vector<absl::StatusOr<ScoreRecord>> results(8);
  for (auto& result : results) {
    threads.emplace_back([&] { result = Score(Request(30)); });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) {
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(result->score_version, 1u);
    EXPECT_EQ(result->body, results[0]->body);
  }
  EXPECT_EQ(ReasonOf(scorer_.GetScore("session", 2).status()), "SCORE_NOT_FOUND");
}

TEST_F(ScorerTest, OtherResponsesAreAConflict) {
  ASSERT_TRUE(Score(Request(36)).ok());
  EXPECT_EQ(ReasonOf(Score(Request(37)).status()), "SCORE_CONFLICT");
  // Pretest responses are part of what was sealed.
  EXPECT_EQ(ReasonOf(Score(Request(36, false)).status()), "SCORE_CONFLICT");
  EXPECT_EQ(scorer_.GetScore("session", 0)->raw_score, 36u);
}

TEST_F(ScorerTest, AReopenedSessionGetsTheNextVersion) {
  ASSERT_TRUE(Score(Request(30)).ok());
  const auto second = Score(Request(40, true, 2));
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->score_version, 2u);
  EXPECT_EQ(scorer_.GetScore("session", 0)->raw_score, 40u);
  EXPECT_EQ(scorer_.GetScore("session", 1)->raw_score, 30u);
}

// R24, down to the stored bytes.
TEST_F(ScorerTest, FlippingEveryPretestResponseGivesTheSameBytes) {
  const auto other_store = OpenStore("other.db");
  KeyRing other_ring(keys_, *other_store);
  Scorer other(keys_, other_ring, *other_store, executor_, clock_);
  const auto a = Score(Request(33, true)), b = Score(other, Request(33, false));
  ASSERT_TRUE(a.ok() && b.ok());
  EXPECT_NE(a->responses, b->responses);
  EXPECT_EQ(a->body, b->body);
  v1::Score x, y;
  ASSERT_TRUE(FillScore(*a, &x).ok() && FillScore(*b, &y).ok());
  EXPECT_EQ(x.SerializeAsString(), y.SerializeAsString());
}

TEST_F(ScorerTest, AStoredScoreReplaysBitForBit) {
  const auto stored = Score(Request(29));
  ASSERT_TRUE(stored.ok());
  const auto table = store_->FindConversion("form-1", 1);
  ASSERT_TRUE(table.ok() && table->has_value());
  const auto score = ScoreResponses(ParseResponses(stored->responses).value(), keys_.key(),
                                    ParseConversion((*table)->text).value());
  ASSERT_TRUE(score.ok());
  EXPECT_EQ(EncodeScore(*score, "session"), stored->body);
  EXPECT_EQ(stored->conversion_hash, (*table)->hash);
}

TEST_F(ScorerTest, TheConversionThatWasStoredFirstCounts) {
  // Another replica's mathematics library differs in a last digit.
  Conversion other = BuildConversion(keys_.key()).value();
  for (ConversionRow& row : other.rows) row.base_raw = std::nextafter(row.base_raw, 0);
  ScoreRecord record{.session_id = "elsewhere",
                     .attempt_version = 1,
                     .form_id = "form-1",
                     .key_version = 1,
                     .conversion_hash = HashOf(other)};
  std::promise<void> stored;
  store_->Append(record, {"form-1", 1, HashOf(other), Serialize(other)},
                 [&](auto) { stored.set_value(); });
  stored.get_future().wait();
  LateConversion late(*store_);
  Scorer scorer(keys_, ring_, late, executor_, clock_);
  const auto score = Score(scorer, Request(36));
  ASSERT_TRUE(score.ok()) << score.status();
  EXPECT_EQ(score->conversion_hash, HashOf(other));
  EXPECT_TRUE(scorer.ExplainScore("session", 0).ok());
}

TEST_F(ScorerTest, TheItemBankAwayStoresNothingAndIsNotForEver) {
  keys_.down = true;
  const auto away = Score(Request(36));
  EXPECT_EQ(away.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(away.status()), "ITEM_BANK_UNAVAILABLE");
  EXPECT_FALSE(store_->FindAttempt("session", 1)->has_value());
  keys_.down = false;
  EXPECT_TRUE(Score(Request(36)).ok());
}

TEST_F(ScorerTest, RefusesWhatCannotBeScored) {
  ScoreRequest unknown = Request(36);
  unknown.form_id = "nowhere";
  EXPECT_EQ(ReasonOf(Score(std::move(unknown)).status()), "FORM_NOT_FOUND");
  ScoreRequest foreign = Request(36);
  foreign.responses.push_back({"foreign", {"A"}});
  EXPECT_EQ(ReasonOf(Score(std::move(foreign)).status()), "RESPONSE_INVALID");
  ScoreRequest twice = Request(36);
  twice.responses.push_back(twice.responses[0]);
  EXPECT_EQ(ReasonOf(Score(std::move(twice)).status()), "RESPONSE_INVALID");
  ScoreRequest late = Request(36);
  late.time_left = [] { return Duration(0); };
  EXPECT_EQ(Score(std::move(late)).status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_FALSE(store_->FindAttempt("session", 1)->has_value());
}

TEST_F(ScorerTest, AFormWithoutConversionIsNamed) {
  ScoringKey key = PracticeKey();
  key.standard.base_cut_raw = 0;
  OneKey keys(key);
  Scorer scorer(keys, ring_, *store_, executor_, clock_);
  EXPECT_EQ(ReasonOf(Score(scorer, Request(36)).status()), "FORM_NOT_EQUATED");
}

TEST_F(ScorerTest, AFullExecutorRefusesAtOnce) {
  std::promise<void> entered, release;  // outlive the thread that waits for them
  rpc::Executor one("one", 1, 1);
  Scorer scorer(keys_, ring_, *store_, one, clock_);
  ASSERT_TRUE(one.TryRun([&] {
    entered.set_value();
    release.get_future().wait();
  }));
  entered.get_future().wait();
  ASSERT_TRUE(one.TryRun([] {}));  // fills the queue
  EXPECT_EQ(ReasonOf(Score(scorer, Request(36)).status()), "OVERLOADED");
  release.set_value();
}

TEST_F(ScorerTest, ExplainsWhatIsStored) {
  ASSERT_TRUE(Score(Request(33)).ok());
  const auto explained = scorer_.ExplainScore("session", 0);
  ASSERT_TRUE(explained.ok()) << explained.status();
  EXPECT_EQ(explained->conversion.rows.size(), 51u);
  EXPECT_EQ(explained->explanation.questions_from_cut,
            33 - static_cast<int>(explained->conversion.cut_raw));
  EXPECT_EQ(ReasonOf(scorer_.ExplainScore("another", 0).status()), "SCORE_NOT_FOUND");
}

}  // namespace
}  // namespace invigil::scoring
