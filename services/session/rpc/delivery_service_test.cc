// The unary calls, over the wire.
#include "services/session/rpc/delivery_service.h"

#include <gtest/gtest.h>

#include <thread>

#include "services/session/rpc/service_fixture_for_test.h"

namespace invigil::session {
namespace {

using fixtures::ItemId;
using testing::WaitUntil;

class DeliveryServiceTest : public fixtures::ServiceTest {};

std::string Metadata(const absl::Status& status, const std::string& name) {
  for (const auto& [key, value] : ViewError(status).metadata) {
    if (key == name) return value;
  }
  return "";
}

TEST_F(DeliveryServiceTest, AStartShowsItemsAndRepeatingItChangesNothing) {
  const auto first = Start("ann");
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->session().state(), v1::SESSION_STATE_ACTIVE);
  EXPECT_EQ(first->session().remaining().seconds(), 5400);
  ASSERT_EQ(first->session().items_size(), 3);
  EXPECT_EQ(first->session().items(0).options(0).text(), "blue");
  ASSERT_TRUE(Save(first->session().session_id(), Token("ann"), 0, 1, "B").ok());
  clock_.Advance(Minutes(30));
  for (const char* request : {"r1", "r2"}) {
    const auto again = Start("ann", request);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->session().session_id(), first->session().session_id());
    EXPECT_EQ(again->session().start_time().seconds(), first->session().start_time().seconds());
    EXPECT_EQ(again->session().remaining().seconds(), 3600);
    EXPECT_EQ(again->session().responses_size(), 0) << "a start carries nothing that changes";
  }
  EXPECT_EQ(ReasonOf(Start("ann", "").status()), "START_INVALID");
  EXPECT_EQ(ReasonOf(Start("ann", "\xc3\xa9" + std::string(64, 'x')).status()), "START_INVALID");
}

TEST_F(DeliveryServiceTest, AStartGoesOnWhereAnotherStopped) {
  item_bank_.Answer(absl::OkStatus(), Unavailable("ITEM_BANK_UNAVAILABLE", "away"));
  EXPECT_EQ(ReasonOf(Start("ann").status()), "ITEM_BANK_UNAVAILABLE");
  clock_.Advance(Minutes(10));
  item_bank_.Answer(absl::OkStatus(), absl::OkStatus());
  const auto started = Start("ann", "r2");
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(started->session().remaining().seconds(), 5400) << "no time ran before the form";
  EXPECT_EQ(started->session().session_id(), Start("ann")->session().session_id());
}

TEST_F(DeliveryServiceTest, ARunningSessionIsGivenThoughItsExamTakesNoMoreStarts) {
  const std::string session = Started("ann");
  item_bank_.Answer(FailedPrecondition("EXAM_UNAVAILABLE", "withdrawn"),
                    FailedPrecondition("EXAM_UNAVAILABLE", "withdrawn"));
  for (const char* request : {"r1", "r2"}) {
    const auto again = Start("ann", request);
    ASSERT_TRUE(again.ok()) << again.status();
    EXPECT_EQ(again->session().session_id(), session);
    EXPECT_EQ(again->session().items_size(), 3);
  }
  EXPECT_EQ(ReasonOf(Start("bob").status()), "EXAM_UNAVAILABLE");
  EXPECT_EQ(ReasonOf(Start("bob", "").status()), "EXAM_UNAVAILABLE");
}

TEST_F(DeliveryServiceTest, AReservationWithoutAFormStandsInNobodysWay) {
  item_bank_.Answer(absl::OkStatus(), FailedPrecondition("EXAM_UNAVAILABLE", "too few items"));
  EXPECT_EQ(ReasonOf(Start("ann").status()), "EXAM_UNAVAILABLE");
  item_bank_.Answer(absl::OkStatus(), absl::OkStatus());
  const absl::Status same_id = Start("ann").status();
  EXPECT_EQ(same_id.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReasonOf(same_id), "SESSION_VOIDED");
  const auto started = Start("ann", "r2");
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(started->session().state(), v1::SESSION_STATE_ACTIVE);
}

TEST_F(DeliveryServiceTest, AnUnluckyStartDoesNotVoidTheOneThatRuns) {
  item_bank_.Hold();
  std::thread unlucky([this] { EXPECT_EQ(ReasonOf(Start("ann").status()), "EXAM_UNAVAILABLE"); });
  ASSERT_TRUE(WaitUntil([&] { return item_bank_.held().size() == 1; }));
  std::thread lucky([this] { EXPECT_TRUE(Start("ann", "r2").ok()); });
  ASSERT_TRUE(WaitUntil([&] { return item_bank_.held().size() == 2; }));
  item_bank_.held()[1](fixtures::SampleForm());
  lucky.join();
  item_bank_.held()[0](FailedPrecondition("EXAM_UNAVAILABLE", "one replica knew it not yet"));
  unlucky.join();
  const auto again = Start("ann", "r3");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->session().state(), v1::SESSION_STATE_ACTIVE);
  EXPECT_TRUE(Save(again->session().session_id(), Token("ann"), 0, 1, "A").ok());
}

TEST_F(DeliveryServiceTest, SavesAreStoredAndAStaleOneIsToldWhatIsHeld) {
  const std::string session = Started("ann"), token = Token("ann");
  const auto stored = Save(session, token, 1, 2, "B");
  ASSERT_TRUE(stored.ok()) << stored.status();
  EXPECT_EQ(stored->acks(0).status(), v1::ACK_STATUS_STORED);
  const auto stale = Save(session, token, 1, 1, "C");
  ASSERT_TRUE(stale.ok()) << stale.status();
  EXPECT_EQ(stale->acks(0).status(), v1::ACK_STATUS_STALE);
  EXPECT_EQ(stale->acks(0).stored().sequence(), 2u);
  EXPECT_EQ(stale->acks(0).stored().option_ids(0), "B");
  EXPECT_EQ(ReasonOf(Save(session, token, 1, 3, "Z").status()), "RESPONSE_INVALID");
  EXPECT_EQ(ReasonOf(Save(session, token, 1, 3, "A", 9).status()), "EPOCH_UNKNOWN");
  const auto got = Get(session, token);
  ASSERT_EQ(got->responses_size(), 1);
  EXPECT_EQ(got->responses(0).item_id(), ItemId(1));
}

TEST_F(DeliveryServiceTest, WhatIsAnothersIsRefused) {
  const std::string session = Started("ann"), bob = Token("bob");
  EXPECT_EQ(ReasonOf(Get(session, bob).status()), "SESSION_NOT_YOURS");
  EXPECT_EQ(ReasonOf(Save(session, bob, 0, 1, "A").status()), "SESSION_NOT_YOURS");
  EXPECT_EQ(ReasonOf(Submit(session, bob).status()), "SESSION_NOT_YOURS");
  EXPECT_EQ(ReasonOf(Report(session, bob).status()), "SESSION_NOT_YOURS");
  EXPECT_EQ(Get(session, Token("ann"))->responses_size(), 0);

  EXPECT_EQ(ReasonOf(Get("nonsense", bob).status()), "SESSION_ID_INVALID");
  EXPECT_EQ(ReasonOf(Get(std::string(32, 'a'), bob).status()), "SESSION_NOT_FOUND");
  EXPECT_EQ(ReasonOf(Get(session, "").status()), "TOKEN_MISSING");
}

TEST_F(DeliveryServiceTest, ASessionTokenActsOnItsSessionOnly) {
  const auto started = Start("ann");
  ASSERT_TRUE(started.ok()) << started.status();
  const std::string& session = started->session().session_id();
  const std::string& token = started->session_token();
  EXPECT_TRUE(Save(session, token, 0, 1, "A").ok());
  const std::string other = Token("ann", std::string(32, 'b'));
  EXPECT_EQ(ReasonOf(Get(session, other).status()), "TOKEN_OTHER_SESSION");
  EXPECT_EQ(ReasonOf(Save(session, other, 0, 2, "B").status()), "TOKEN_OTHER_SESSION");
  EXPECT_EQ(ReasonOf(Submit(session, other).status()), "TOKEN_OTHER_SESSION");
  v1::StartSessionRequest request;
  request.set_exam_id("CLF-C02");
  request.set_request_id("r9");
  v1::StartSessionResponse response;
  EXPECT_EQ(ReasonOf(Call(&Stub::StartSession, request, &response, token)), "TOKEN_OTHER_SESSION");

  clock_.Advance(Minutes(89));
  EXPECT_TRUE(Save(session, token, 0, 2, "B").ok()) << "valid to the end of the exam";
  clock_.Advance(std::chrono::hours(24));
  EXPECT_TRUE(WaitUntil([&] { return Report(session, token).ok(); })) << "and for the report";
}

TEST_F(DeliveryServiceTest, AnOperatorReadsReportsAndNothingElse) {
  const std::string session = Started("ann");
  const std::string operator_token = Token("olga", "", "operator");
  EXPECT_EQ(ReasonOf(Report(session, operator_token).status()), "SESSION_NOT_SEALED");
  ASSERT_TRUE(Submit(session, Token("ann")).ok());
  EXPECT_TRUE(Report(session, operator_token).ok());
  EXPECT_EQ(ReasonOf(Get(session, operator_token).status()), "ROLE_MISSING");
  EXPECT_EQ(ReasonOf(Save(session, operator_token, 0, 1, "A").status()), "ROLE_MISSING");
}

TEST_F(DeliveryServiceTest, ASubmitSealsOnlyWhatTheCandidateSaw) {
  const std::string session = Started("ann"), token = Token("ann");
  ASSERT_TRUE(Save(session, token, 0, 1, "A").ok());
  const absl::Status missing = Submit(session, token, {{0, 1}, {2, 1}}).status();
  EXPECT_EQ(ReasonOf(missing), "RESPONSES_MISSING");
  EXPECT_EQ(Metadata(missing, "item_ids"), ItemId(2));
  ASSERT_TRUE(Save(session, token, 2, 1, "C").ok());
  const auto trace = telemetry::TraceContext::New();
  const auto sealed = Submit(session, token, {{0, 1}, {2, 1}}, trace);
  ASSERT_TRUE(sealed.ok()) << sealed.status();
  EXPECT_EQ(sealed->state(), v1::SESSION_STATE_RELEASED);
  EXPECT_EQ(sealed->receipt_size(), 2);
  EXPECT_TRUE(sealed->report().passed());
  {
    const std::lock_guard lock(mutex_);
    EXPECT_EQ(scoring_trace_, trace.trace_id) << "one trace from the candidate to scoring";
  }
  const auto again = Submit(session, token);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->SerializeAsString(), sealed->SerializeAsString());
  const absl::Status late = Save(session, token, 0, 2, "B").status();
  EXPECT_EQ(ReasonOf(late), "SESSION_SEALED");
  EXPECT_NE(Metadata(late, "end_time"), "");
  EXPECT_EQ(Report(session, token)->SerializeAsString(), sealed->report().SerializeAsString());
}

TEST_F(DeliveryServiceTest, WithScoringAwayASubmitAnswersTheSeal) {
  Serve({.score_wait = Millis(50)});
  scoring_away_ = true;
  const std::string session = Started("ann"), token = Token("ann");
  const auto sealed = Submit(session, token);
  ASSERT_TRUE(sealed.ok()) << sealed.status();
  EXPECT_EQ(sealed->state(), v1::SESSION_STATE_SUBMITTED);
  EXPECT_FALSE(sealed->has_report());
  const absl::Status pending = Report(session, token).status();
  EXPECT_EQ(ReasonOf(pending), "SCORE_PENDING");
  EXPECT_TRUE(ViewError(pending).retry_after.has_value());
  scoring_away_ = false;
  EXPECT_TRUE(WaitUntil([&] { return Report(session, token).ok(); }));
}

// The answer and the rest of the submit race: nothing of the call may be touched after its answer.
TEST_F(DeliveryServiceTest, ASubmitThatWaitsForNothing) {
  Serve({.score_wait = Duration(0)});
  scoring_away_ = true;
  for (int i = 0; i < 30; ++i) {
    const std::string candidate = "candidate-" + std::to_string(i);
    const auto sealed = Submit(Started(candidate), Token(candidate));
    ASSERT_TRUE(sealed.ok()) << sealed.status();
    EXPECT_EQ(sealed->state(), v1::SESSION_STATE_SUBMITTED);
  }
}

TEST_F(DeliveryServiceTest, AReadAtTheDeadlineSeals) {
  scoring_away_ = true;
  const std::string session = Started("ann"), token = Token("ann");
  ASSERT_TRUE(Save(session, token, 0, 1, "A").ok());
  clock_.Advance(Minutes(97));
  const auto got = Get(session, token);
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(got->state(), v1::SESSION_STATE_EXPIRED);
  EXPECT_EQ(got->remaining().seconds(), 0);
  EXPECT_EQ(got->end_time().seconds() - got->start_time().seconds(), 5400);
  EXPECT_EQ(engine_->PendingOutbox(std::nullopt, 10)->size(), 1u);
  EXPECT_EQ(ReasonOf(Save(session, token, 0, 2, "B").status()), "SESSION_SEALED");
  scoring_away_ = false;
  const auto submitted = Submit(session, token, {{0, 9}});
  ASSERT_TRUE(submitted.ok()) << "the deadline waives the barrier: " << submitted.status();
  EXPECT_EQ(submitted->receipt(0).sequence(), 1u);
}

TEST_F(DeliveryServiceTest, AnInvalidSaveAtTheDeadlineStillSeals) {
  scoring_away_ = true;
  const std::string session = Started("ann");
  clock_.Advance(Minutes(90));
  EXPECT_EQ(ReasonOf(Save(session, Token("ann"), 0, 0, "nonsense").status()), "SESSION_SEALED");
  EXPECT_EQ(engine_->PendingOutbox(std::nullopt, 10)->size(), 1u);
}

TEST_F(DeliveryServiceTest, AStoreThatWaitsRefusesAtOnce) {
  Serve({.queue_limit = 1});
  const std::string session = Started("ann"), token = Token("ann");
  {
    const fixtures::HeldWriter held(*engine_);
    // Takes the one place in the lane of saves, and changes nothing.
    engine_->Execute(*SessionId::FromHex(session), {"", ConfirmMessage{"none", false}},
                     [](absl::StatusOr<Outcome>) {});
    const absl::Status refused = Save(session, token, 0, 1, "A").status();
    EXPECT_EQ(ReasonOf(refused), "OVERLOADED");
    EXPECT_TRUE(ViewError(refused).retry_after.has_value());
  }
  EXPECT_TRUE(WaitUntil([&] { return Save(session, token, 0, 1, "A").ok(); }));
}

}  // namespace
}  // namespace invigil::session
