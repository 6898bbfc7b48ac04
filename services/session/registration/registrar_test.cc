#include "services/session/registration/registrar.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "common/error/error.h"
#include "services/session/engine/fixtures_for_test.h"
#include "services/session/registration/stores_for_test.h"

namespace invigil::session::registration {
namespace {

using fixtures::kStart;

// A session is reserved and a registration is there; whether it was noted shows who asked the
// store.
class RegistrarTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto log = database_.OpenSessions();  // which makes what the reader reads
    engine_ =
        std::make_unique<SessionEngine>(std::move(log), database_.OpenSessionsReader(), clock_);
    auto registrar = Registrar::Open(database_.locations(), clock_);
    ASSERT_TRUE(registrar.ok()) << registrar.status();
    registrar_ = *std::move(registrar);
    store_ = database_.OpenStore();
    Row row;
    row.wanted.registration_id = "r-1";
    row.wanted.candidate_id = "ann";
    row.wanted.exam_id = "CLF-C02";
    ASSERT_TRUE(store_
                    ->Once({"olga", "q", ""}, kStart,
                           [&]() -> absl::StatusOr<std::string> {
                             auto result = store_->Provision(row, kStart);
                             if (!result.ok()) return result.status();
                             return std::string();
                           })
                    .ok());
    const auto reserved = fixtures::FindOrReserve(*engine_, {"ann", "CLF-C02", "q1"});
    ASSERT_TRUE(reserved.ok()) << reserved.status();
    session_ = reserved->session;
  }
  // Asks by either way, as one whose time is over then.
  absl::Status Ask(bool confirm, std::optional<Duration> end) {
    std::promise<absl::Status> promise;
    const auto done = [&](absl::StatusOr<Admission> admission) {
      promise.set_value(admission.status());
    };
    registration::Ask ask{"ann", "CLF-C02", SessionKind::kExam, end};
    if (confirm) {
      registrar_->Confirm(session_, std::move(ask), done);
    } else {
      registrar_->Admit(std::move(ask), done);
    }
    return promise.get_future().get();
  }
  size_t Noted() { return store_->SessionsOf("r-1")->size(); }

  const TestDatabase database_{"sqlite"};
  ManualClock clock_{kStart};
  std::unique_ptr<SessionEngine> engine_;
  std::unique_ptr<Registrar> registrar_;
  std::unique_ptr<Store> store_;
  SessionId session_;
};

TEST_F(RegistrarTest, WhoseCallerHasGivenUpIsNotJudged) {
  clock_.Advance(Minutes(5));
  const Duration now = clock_.Monotonic();
  for (const bool confirm : {false, true}) {
    for (const Duration end : {now, now - Micros(1), Duration(0), Duration(-1)}) {
      const absl::Status late = Ask(confirm, end);
      EXPECT_EQ(late.code(), absl::StatusCode::kDeadlineExceeded) << late;
      EXPECT_EQ(ReasonOf(late), "DEADLINE_EXCEEDED");
    }
  }
  EXPECT_EQ(Noted(), 0u) << "the store was not asked";
  EXPECT_TRUE(Ask(false, now + Micros(1)).ok());
  EXPECT_TRUE(Ask(true, now + Micros(1)).ok());
  EXPECT_EQ(Noted(), 1u);
  EXPECT_TRUE(Ask(true, std::nullopt).ok()) << "one that waits for ever";
}

TEST_F(RegistrarTest, TheTimeInTheQueueCounts) {
  std::promise<void> go;
  const std::shared_future<void> going = go.get_future().share();
  for (int i = 0; i < Registrar::kShortThreads; ++i) {
    ASSERT_TRUE(registrar_->TryRun(Registrar::Length::kShort, [going](Desk&) { going.wait(); }));
  }
  std::promise<absl::Status> answer;
  registrar_->Confirm(
      session_, {"ann", "CLF-C02", SessionKind::kExam, clock_.Monotonic() + Seconds(1)},
      [&](absl::StatusOr<Admission> admission) { answer.set_value(admission.status()); });
  clock_.Advance(Seconds(1));
  go.set_value();
  EXPECT_EQ(ReasonOf(answer.get_future().get()), "DEADLINE_EXCEEDED");
  EXPECT_EQ(Noted(), 0u);
}

}  // namespace
}  // namespace invigil::session::registration
