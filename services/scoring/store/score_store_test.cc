#include "services/scoring/store/sql_score_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "common/error/error.h"
#include "common/sql/database.h"
#include "common/testing/postgres_server.h"
#include "common/testing/temp_dir.h"

namespace invigil::scoring {
namespace {

ScoreRecord Score(const std::string& session, uint32_t attempt = 1,
                  const std::string& responses = "item1 A\n") {
  return {.session_id = session,
          .attempt_version = attempt,
          .form_id = "form-" + session,
          .key_version = 1,
          .conversion_hash = "hash",
          .exam_id = "CLF-C02",
          .exam_version = 2,
          .raw_score = 36,
          .scaled_score = 720,
          .passed = true,
          .score_time = FromUnixMicros(1'700'000'000'123'456),
          .responses = responses,
          .body = std::string("body\0of ", 8) + session};
}

ConversionRecord ConversionOf(const ScoreRecord& score, const std::string& hash = "hash") {
  return {.form_id = score.form_id, .key_version = score.key_version, .hash = hash, .text = "rows"};
}

class ScoreStoreTest : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    if (GetParam() == std::string("postgresql")) {
      location_ = invigil::testing::PostgresServer::Shared().url();
      schema_ = invigil::testing::PostgresServer::Shared().NewSchema();
    }
    Open();
  }
  std::unique_ptr<ScoreStore> OpenAnother(size_t queue = 8192) {
    return *OpenSqlScoreStore({.location = location_, .schema = schema_, .queue_capacity = queue});
  }
  void Open(size_t queue = 8192) {
    store_.reset();
    store_ = OpenAnother(queue);
  }
  absl::StatusOr<ScoreRecord> Append(const ScoreRecord& score, const std::string& hash = "hash") {
    std::promise<absl::StatusOr<ScoreRecord>> promise;
    store_->Append(score, ConversionOf(score, hash),
                   [&](auto outcome) { promise.set_value(std::move(outcome)); });
    return promise.get_future().get();
  }

  invigil::testing::TempDir dir_;
  std::string location_ = dir_.Path("scoring.db"), schema_;
  std::unique_ptr<ScoreStore> store_;
};

TEST_P(ScoreStoreTest, KeepsEveryFieldAcrossARestart) {
  const auto stored = Append(Score("s1"));
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(stored->score_version, 1u);
  Open();
  const auto read = store_->GetScore("s1", 0);
  ASSERT_TRUE(read.ok());
  const ScoreRecord expected = Score("s1");
  EXPECT_EQ(read->score_version, 1u);
  EXPECT_EQ(read->attempt_version, 1u);
  EXPECT_EQ(read->form_id, expected.form_id);
  EXPECT_EQ(read->key_version, 1u);
  EXPECT_EQ(read->conversion_hash, "hash");
  EXPECT_EQ(read->exam_id, "CLF-C02");
  EXPECT_EQ(read->exam_version, 2u);
  EXPECT_EQ(read->raw_score, 36u);
  EXPECT_EQ(read->scaled_score, 720);
  EXPECT_TRUE(read->passed);
  EXPECT_EQ(read->score_time, expected.score_time);
  EXPECT_EQ(read->responses, expected.responses);
  EXPECT_EQ(read->body, expected.body);
  const auto conversion = store_->FindConversion("form-s1", 1);
  ASSERT_TRUE(conversion.ok() && conversion->has_value());
  EXPECT_EQ((*conversion)->hash, "hash");
  EXPECT_EQ((*conversion)->text, "rows");
}

TEST_P(ScoreStoreTest, TheSameAttemptAnswersWithTheFirstScore) {
  ASSERT_TRUE(Append(Score("s1")).ok());
  ScoreRecord again = Score("s1");
  again.score_time += Seconds(60);
  again.body = "another";
  const auto second = Append(again);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(second->score_version, 1u);
  EXPECT_EQ(second->body, Score("s1").body);
  EXPECT_EQ(second->score_time, Score("s1").score_time);
  EXPECT_EQ(ReasonOf(store_->GetScore("s1", 2).status()), "SCORE_NOT_FOUND");
}

TEST_P(ScoreStoreTest, OtherResponsesOrAnotherFormAreAConflictAndChangeNothing) {
  ASSERT_TRUE(Append(Score("s1")).ok());
  const auto other = Append(Score("s1", 1, "item1 B\n"));
  EXPECT_EQ(other.status().code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(ReasonOf(other.status()), "SCORE_CONFLICT");
  ScoreRecord form = Score("s1");
  form.form_id = "another";
  EXPECT_EQ(ReasonOf(Append(form).status()), "SCORE_CONFLICT");
  EXPECT_EQ(store_->GetScore("s1", 0)->responses, "item1 A\n");
  EXPECT_FALSE(store_->FindConversion("another", 1)->has_value());
}

TEST_P(ScoreStoreTest, TheNewestIsOfTheHighestAttemptInWhateverOrderTheyCome) {
  EXPECT_EQ(Append(Score("s1", 2, "item1 B\n"))->score_version, 1u);
  EXPECT_EQ(Append(Score("s1", 1))->score_version, 2u);
  EXPECT_EQ(store_->GetScore("s1", 0)->attempt_version, 2u);
  EXPECT_EQ(store_->GetScore("s1", 2)->attempt_version, 1u);
  EXPECT_EQ((*store_->FindAttempt("s1", 1))->score_version, 2u);
  EXPECT_FALSE(store_->FindAttempt("s1", 3)->has_value());
}

TEST_P(ScoreStoreTest, AConversionNeverChanges) {
  ScoreRecord a = Score("a"), b = Score("b");
  a.form_id = b.form_id = "shared";
  ASSERT_TRUE(Append(a).ok());
  EXPECT_EQ(ReasonOf(Append(b, "different").status()), "CONVERSION_CONFLICT");
  EXPECT_EQ(ReasonOf(store_->GetScore("b", 0).status()), "SCORE_NOT_FOUND");
  EXPECT_TRUE(Append(b).ok());
  b.session_id = "c";
  b.key_version = 2;  // a corrected key has its own
  EXPECT_TRUE(Append(b, "different").ok());
}

TEST_P(ScoreStoreTest, ThousandsAtOnceAreAbsorbedAndEachIsThere) {
  constexpr int kThreads = 4, kEach = 500;
  std::atomic<int> good{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kEach; ++i) {
        // Every session comes twice, from different threads.
        const ScoreRecord score = Score("s" + std::to_string((t / 2) * kEach + i));
        store_->Append(score, ConversionOf(score), [&](auto outcome) {
          if (outcome.ok() && outcome->score_version == 1) ++good;
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Open();  // closing writes what waits
  EXPECT_EQ(good, kThreads * kEach);
  for (int i = 0; i < kThreads / 2 * kEach; ++i) {
    EXPECT_TRUE(store_->GetScore("s" + std::to_string(i), 1).ok()) << i;
  }
}

TEST_P(ScoreStoreTest, AFullQueueRefusesAtOnce) {
  Open(2);
  // The writer is held inside `done`, so the queue can't move.
  std::promise<void> entered, release;
  const ScoreRecord first = Score("first");
  store_->Append(first, ConversionOf(first), [&](auto) {
    entered.set_value();
    release.get_future().wait();
  });
  entered.get_future().wait();
  std::atomic<int> stored{0}, refused{0};
  for (int i = 0; i < 5; ++i) {
    const ScoreRecord score = Score("s" + std::to_string(i));
    store_->Append(score, ConversionOf(score), [&](auto outcome) {
      if (outcome.ok()) {
        ++stored;
      } else {
        EXPECT_EQ(ReasonOf(outcome.status()), "OVERLOADED");
        ++refused;
      }
    });
  }
  EXPECT_EQ(refused, 3);
  release.set_value();
  store_.reset();
  EXPECT_EQ(stored, 2);
}

TEST_P(ScoreStoreTest, ADatabaseErrorIsAnsweredAndLeavesNothing) {
  // Another connection takes the score table away: the next insert fails inside the transaction.
  auto other = sql::Database::Open(location_, sql::Database::Mode::kReadWrite, schema_);
  ASSERT_TRUE(other.ok());
  ASSERT_TRUE(other->Execute("ALTER TABLE score RENAME TO hidden").ok());
  EXPECT_FALSE(Append(Score("s1")).ok());
  ASSERT_TRUE(other->Execute("ALTER TABLE hidden RENAME TO score").ok());
  EXPECT_FALSE(store_->FindConversion("form-s1", 1)->has_value());
  EXPECT_TRUE(Append(Score("s1")).ok());
}

// Replicas get the same seals, in any order, from relays that repeat.
TEST_P(ScoreStoreTest, ReplicasThatWriteTheSameScoresAgree) {
  constexpr int kStores = 3, kSessions = 60;
  std::vector<std::unique_ptr<ScoreStore>> stores;
  for (int i = 0; i < kStores; ++i) stores.push_back(OpenAnother());
  std::mutex mutex;
  std::map<std::string, std::set<std::string>> answers;  // bodies by session
  std::vector<std::thread> threads;
  for (int t = 0; t < kStores; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kSessions; ++i) {
        ScoreRecord score = Score("s" + std::to_string(t == 1 ? kSessions - 1 - i : i));
        score.form_id = "shared";
        score.body = "of replica " + std::to_string(t);
        stores[static_cast<size_t>(t)]->Append(score, ConversionOf(score), [&](auto outcome) {
          ASSERT_TRUE(outcome.ok()) << outcome.status();
          EXPECT_EQ(outcome->score_version, 1u);
          const std::lock_guard lock(mutex);
          answers[outcome->session_id].insert(outcome->body);
        });
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  stores.clear();  // closing writes what waits
  EXPECT_EQ(answers.size(), static_cast<size_t>(kSessions));
  for (const auto& [session, bodies] : answers) {
    EXPECT_EQ(bodies.size(), 1u) << session;
    EXPECT_EQ(store_->GetScore(session, 0)->body, *bodies.begin());
  }
}

INSTANTIATE_TEST_SUITE_P(Stores, ScoreStoreTest, ::testing::Values("sqlite", "postgresql"),
                         [](const auto& info) { return std::string(info.param); });

TEST(SqlScoreStore, AFolderThatIsNotThereIsNamed) {
  const auto store = OpenSqlScoreStore({.location = "/nonexistent/scoring.db"});
  EXPECT_EQ(ReasonOf(store.status()), "STORE_UNUSABLE");
  EXPECT_NE(std::string(store.status().message()).find("/nonexistent/scoring.db"),
            std::string::npos);
}

}  // namespace
}  // namespace invigil::scoring
