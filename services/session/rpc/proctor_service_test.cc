// ProctorService over a real connection, beside the DeliveryService of the candidates.
#include <gmock/gmock.h>

#include <fstream>
#include <thread>

#include "common/log/log.h"
#include "invigil/session/v1/proctor.grpc.pb.h"
#include "services/session/rpc/proctor_reader_for_test.h"
#include "services/session/rpc/proctor_roster.h"
#include "services/session/rpc/proctor_service.h"
#include "services/session/rpc/service_fixture_for_test.h"
#include "services/session/store/open.h"

namespace invigil::session {
namespace {

using fixtures::Ask;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ProctorStub = v1::ProctorService::Stub;

class ProctorServiceTest : public fixtures::ServiceTest {
 protected:
  void SetUp() override {
    ServiceTest::SetUp();
    ASSERT_TRUE(auth::GenerateKey(dir_.Path("staff.pem"), dir_.Path("staff.json"), "staff",
                                  {"proctor", "operator", "candidate"})
                    .ok());
    staff_verifier_ = *auth::TokenVerifier::Create({.jwks_path = dir_.Path("staff.json")}, clock_);
    staff_minter_ = *auth::TokenMinter::FromFile(dir_.Path("staff.pem"), clock_);
    staff_guard_ = *rpc::Guard::Create(*staff_verifier_, {"invigil.session.v1.ProctorService"});
    reader_ =
        std::make_unique<fixtures::FaultyReader>(*OpenEventLogReader(dir_.Path("session.db")));
    roster_ = Roster::Start(*engine_, *reader_, clock_, clock_,
                            {.scan_every = Duration(0), .sweep_every = Millis(5)});
    proctor_service_ = MakeProctorService({.guard = *staff_guard_,
                                           .engine = *engine_,
                                           .reader = *reader_,
                                           .roster = roster_,
                                           .relay = *relay_,
                                           .ticker = *ticker_,
                                           .clock = clock_,
                                           .watch_every = Millis(20)});
    auto server = rpc::Server::Start("session", {}, {proctor_service_.get()});
    ASSERT_TRUE(server.ok()) << server.status();
    proctor_server_ = *std::move(server);
    auto channel = client::Connect({"127.0.0.1:" + std::to_string(proctor_server_->port())});
    ASSERT_TRUE(channel.ok() && client::WaitUntilReady(**channel));
    proctor_ = v1::ProctorService::NewStub(*channel);
  }
  void TearDown() override {
    if (proctor_server_) proctor_server_->Drain();
    proctor_server_.reset();
    proctor_service_.reset();
    if (roster_) roster_->Stop();
    ServiceTest::TearDown();
  }

  std::string Staff(const std::string& role = "proctor") {
    return staff_minter_->Mint(
        {.subject = "petra", .roles = {role}, .lifetime = std::chrono::hours(100)});
  }
  template <typename Response, typename Method, typename Request>
  absl::StatusOr<Response> Do(Method method, const Request& request,
                              const std::string& role = "proctor") {
    grpc::ClientContext context;
    client::Prepare(context, Seconds(20), Staff(role), telemetry::TraceContext::New());
    Response response;
    absl::Status status = rpc::FromGrpc((proctor_.get()->*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  // An act that needs nothing but a reason.
  template <typename Request, typename Response>
  absl::StatusOr<v1::RosterEntry> Act(
      grpc::Status (ProctorStub::*method)(grpc::ClientContext*, const Request&, Response*),
      const std::string& session, Request request = {}, const std::string& role = "proctor") {
    request.set_session_id(session);
    auto response = Do<Response>(method, request, role);
    if (!response.ok()) return response.status();
    return response->entry();
  }
  template <typename Request>
  static Request Because(const std::string& reason = "the fire alarm") {
    Request request;
    request.set_reason(reason);
    return request;
  }
  static v1::GrantTimeRequest GrantOf(const std::string& id, int64_t seconds) {
    auto request = Because<v1::GrantTimeRequest>();
    request.set_grant_id(id);
    request.mutable_amount()->set_seconds(seconds);
    return request;
  }
  std::shared_ptr<const State> StateOf(const std::string& session) {
    return Ask(*engine_, *SessionId::FromHex(session), Read{})->state;
  }
  void Set(google::protobuf::Timestamp* to, Time time) {
    to->set_seconds(ToUnixMicros(time) / 1'000'000);
    to->set_nanos(static_cast<int32_t>(ToUnixMicros(time) % 1'000'000 * 1000));
  }
  v1::Incident IncidentOf(Time from, Time to) {
    v1::Incident incident;
    Set(incident.mutable_window()->mutable_start_time(), from);
    Set(incident.mutable_window()->mutable_end_time(), to);
    return incident;
  }

  v1::ControlAssessmentRequest ControlOf(const std::string& action, uint32_t attempt = 0) {
    v1::ControlAssessmentRequest request;
    request.mutable_user()->set_sub("ann");
    request.mutable_resource_link()->set_id("CLF-C02");
    request.set_attempt_number(attempt);
    request.mutable_incident_time()->set_seconds(1'800'000'000);
    request.set_reason_code("N52");
    request.set_action(action);
    return request;
  }
  // The status, or why not.
  std::string Control(const std::string& action, uint32_t attempt = 0) {
    const auto response = Do<v1::ControlAssessmentResponse>(&ProctorStub::ControlAssessment,
                                                            ControlOf(action, attempt));
    return response.ok() ? response->status() : ReasonOf(response.status());
  }
  size_t ReportsOf(const std::string& session) {
    const auto state = StateOf(session);
    return state->extras ? state->extras->irregularities.size() : 0;
  }

  std::unique_ptr<auth::TokenVerifier> staff_verifier_;
  std::unique_ptr<auth::TokenMinter> staff_minter_;
  std::unique_ptr<rpc::Guard> staff_guard_;
  std::unique_ptr<fixtures::FaultyReader> reader_;
  std::shared_ptr<Roster> roster_;
  std::shared_ptr<grpc::Service> proctor_service_;
  std::unique_ptr<rpc::Server> proctor_server_;
  std::unique_ptr<ProctorStub> proctor_;
};

TEST_F(ProctorServiceTest, APausedSessionKeepsItsTimeToTheMicrosecond) {
  const std::string ann = Started("ann");
  clock_.Advance(Micros(61'000'007));
  const auto pause = Because<v1::PauseSessionRequest>();
  const auto paused = Act(&ProctorStub::PauseSession, ann, pause);
  ASSERT_TRUE(paused.ok()) << paused.status();
  EXPECT_EQ(paused->state(), v1::SESSION_STATE_PAUSED);
  EXPECT_THAT(paused->problems(), ElementsAre(v1::ROSTER_PROBLEM_PAUSED));
  EXPECT_EQ(ReasonOf(Save(ann, Token("ann"), 0, 1, "A").status()), "SESSION_NOT_ACTIVE");
  clock_.Advance(Minutes(30));
  EXPECT_EQ(Act(&ProctorStub::PauseSession, ann, pause)->log_version(), paused->log_version());
  const auto resumed = Act(&ProctorStub::ResumeSession, ann, Because<v1::ResumeSessionRequest>());
  ASSERT_TRUE(resumed.ok()) << resumed.status();
  EXPECT_EQ(resumed->state(), v1::SESSION_STATE_ACTIVE);
  EXPECT_EQ(resumed->remaining().SerializeAsString(), paused->remaining().SerializeAsString());
  EXPECT_EQ(resumed->remaining().seconds(), 5400 - 62);
  EXPECT_EQ(resumed->remaining().nanos(), 999'993'000);
}

TEST_F(ProctorServiceTest, AGrantCountsOnceAndAnAbsurdOneNever) {
  const std::string ann = Started("ann");
  const auto granted = Act(&ProctorStub::GrantTime, ann, GrantOf("g1", 300));
  ASSERT_TRUE(granted.ok()) << granted.status();
  EXPECT_EQ(granted->granted().seconds(), 300);
  EXPECT_EQ(granted->remaining().seconds(), 5700);
  EXPECT_EQ(Act(&ProctorStub::GrantTime, ann, GrantOf("g1", 300))->granted().seconds(), 300);
  const auto refusal = [&](const std::string& id, int64_t seconds) {
    return ReasonOf(Act(&ProctorStub::GrantTime, ann, GrantOf(id, seconds)).status());
  };
  EXPECT_EQ(refusal("g1", 301), "GRANT_CONFLICT");
  EXPECT_EQ(refusal("g2", 0), "GRANT_INVALID");
  EXPECT_EQ(refusal("g2", 86'401), "GRANT_INVALID");
  EXPECT_EQ(refusal("g2", -5700), "GRANT_INVALID");
  EXPECT_EQ(refusal("g2", std::numeric_limits<int64_t>::max()), "GRANT_INVALID");
  EXPECT_EQ(refusal("g2", std::numeric_limits<int64_t>::min()), "GRANT_INVALID");
  EXPECT_EQ(refusal("", 60), "GRANT_INVALID");
  EXPECT_EQ(StateOf(ann)->granted, Seconds(300));
}

TEST_F(ProctorServiceTest, TerminatedThenReopenedWithWhatWasLeft) {
  const std::string ann = Started("ann");
  clock_.Advance(Minutes(10));
  const auto end = Because<v1::TerminateSessionRequest>("left the room");
  EXPECT_EQ(Act(&ProctorStub::TerminateSession, ann, end)->end_time().seconds(),
            ToUnixMicros(clock_.Now()) / 1'000'000);
  clock_.Advance(Minutes(5));
  auto again = Because<v1::ReopenSessionRequest>();
  again.set_grant_id("back");
  again.mutable_amount()->set_seconds(60);
  const auto reopened = Act(&ProctorStub::ReopenSession, ann, again);
  ASSERT_TRUE(reopened.ok()) << reopened.status();
  EXPECT_EQ(reopened->state(), v1::SESSION_STATE_ACTIVE);
  EXPECT_EQ(reopened->remaining().seconds(), 80 * 60 + 60);
  EXPECT_TRUE(Save(ann, Token("ann"), 0, 1, "A", 2).ok());
}

TEST_F(ProctorServiceTest, RolesReasonsAndIdsAreAskedFor) {
  const std::string ann = Started("ann");
  const auto pause = Because<v1::PauseSessionRequest>();
  EXPECT_EQ(ReasonOf(Act(&ProctorStub::PauseSession, ann, pause, "candidate").status()),
            "ROLE_MISSING");
  EXPECT_TRUE(Act(&ProctorStub::PauseSession, ann, pause, "operator").ok());
  EXPECT_EQ(
      ReasonOf(Act(&ProctorStub::ReleaseScore, ann, Because<v1::ReleaseScoreRequest>(), "proctor")
                   .status()),
      "ROLE_MISSING");
  EXPECT_EQ(
      ReasonOf(
          Act(&ProctorStub::ReleaseScore, ann, v1::ReleaseScoreRequest(), "operator").status()),
      "ACT_INVALID");
  EXPECT_EQ(
      ReasonOf(Act(&ProctorStub::ReleaseScore, ann, Because<v1::ReleaseScoreRequest>(), "operator")
                   .status()),
      "SESSION_NOT_SCORED");
  EXPECT_TRUE(Act(&ProctorStub::ResumeSession, ann, Because<v1::ResumeSessionRequest>()).ok());
  EXPECT_EQ(ReasonOf(Act(&ProctorStub::PauseSession, ann).status()), "ACT_INVALID");
  EXPECT_EQ(ReasonOf(Act(&ProctorStub::PauseSession, "nonsense", pause).status()),
            "SESSION_ID_INVALID");
  EXPECT_EQ(ReasonOf(Act(&ProctorStub::PauseSession, std::string(32, '0'), pause).status()),
            "SESSION_NOT_FOUND");
}

TEST_F(ProctorServiceTest, AHeldResultIsSeenWhenAnOperatorReleasesIt) {
  const std::string ann = Started("ann");
  EXPECT_EQ(ReasonOf(Act(&ProctorStub::HoldScore, ann, v1::HoldScoreRequest()).status()),
            "ACT_INVALID");
  const auto held =
      Act(&ProctorStub::HoldScore, ann, Because<v1::HoldScoreRequest>("under review"));
  ASSERT_TRUE(held.ok()) << held.status();
  EXPECT_TRUE(held->score_held());
  ASSERT_TRUE(Submit(ann, Token("ann")).ok());
  ASSERT_TRUE(testing::WaitUntil([&] { return StateOf(ann)->state == SessionState::kScored; }));
  EXPECT_EQ(ReasonOf(Report(ann, Token("ann")).status()), "SCORE_HELD");
  const auto released = Act(&ProctorStub::ReleaseScore, ann,
                            Because<v1::ReleaseScoreRequest>("reviewed"), "operator");
  ASSERT_TRUE(released.ok()) << released.status();
  EXPECT_FALSE(released->score_held());
  EXPECT_TRUE(Report(ann, Token("ann")).ok());
  EXPECT_EQ(
      ReasonOf(Act(&ProctorStub::HoldScore, ann, Because<v1::HoldScoreRequest>("late")).status()),
      "SCORE_RELEASED");
}

TEST_F(ProctorServiceTest, AMessageToManyReachesEachOnce) {
  const std::string ann = Started("ann"), bob = Started("bob");
  v1::SendMessageToManyRequest request;
  request.set_message_id("drill");
  const auto send = [&] {
    return Do<v1::SendMessageToManyResponse>(&ProctorStub::SendMessageToMany, request);
  };
  EXPECT_EQ(ReasonOf(send().status()), "MESSAGE_INVALID") << "no text, no target";
  request.set_text("Leave the room by the left door.");
  request.set_everyone(true);
  request.set_page_size(1);
  std::vector<std::string> told;
  do {
    const auto page = send();
    ASSERT_TRUE(page.ok()) << page.status();
    for (const auto& result : page->results()) {
      EXPECT_TRUE(result.sent()) << result.refusal();
      told.push_back(result.session_id());
    }
    request.set_page_token(page->next_page_token());
  } while (!request.page_token().empty());
  EXPECT_THAT(told, ::testing::UnorderedElementsAre(ann, bob));
  request.clear_page_size();
  for (const std::string& id : {ann, bob, std::string(32, '0'), std::string("x")}) {
    request.mutable_sessions()->add_session_ids(id);
  }
  const auto again = send();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(again->results(2).refusal(), "SESSION_NOT_FOUND");
  EXPECT_EQ(again->results(3).refusal(), "SESSION_ID_INVALID");
  for (const std::string& id : {ann, bob}) {
    ASSERT_EQ(StateOf(id)->extras->messages.size(), 1u) << "once";
    EXPECT_EQ(StateOf(id)->extras->messages[0].text, "Leave the room by the left door.");
  }
}

TEST_F(ProctorServiceTest, WhatHasNoScoreIsListedAndSentAgain) {
  const std::string ann = Started("ann"), bob = Started("bob");
  const auto unscored = [&](const std::string& token = "") {
    v1::ListUnscoredRequest request;
    request.set_page_size(1);
    request.set_page_token(token);
    return Do<v1::ListUnscoredResponse>(&ProctorStub::ListUnscored, request, "operator");
  };
  const auto retry = [&](const std::string& session, const std::string& reason = "mended") {
    return Act(&ProctorStub::RetryScoring, session, Because<v1::RetryScoringRequest>(reason),
               "operator");
  };
  EXPECT_EQ(ReasonOf(retry(ann).status()), "NOT_UNSCORED");
  EXPECT_EQ(ReasonOf(retry(ann, "").status()), "ACT_INVALID");
  scoring_away_ = true;
  for (const std::string& id : {ann, bob}) {
    ASSERT_TRUE(Ask(*engine_, *SessionId::FromHex(id), session::Submit{1, {}}).ok());
    clock_.Advance(Seconds(1));
  }
  const auto first = unscored();
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_EQ(first->sessions_size(), 1);
  EXPECT_EQ(first->sessions(0).session_id(), ann) << "the oldest seal";
  EXPECT_EQ(first->sessions(0).attempt_version(), 1u);
  const auto second = unscored(first->next_page_token());
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(second->sessions(0).session_id(), bob);
  EXPECT_EQ(ReasonOf(unscored("nonsense").status()), "PAGE_TOKEN_INVALID");
  scoring_away_ = false;
  EXPECT_TRUE(retry(ann).ok());
  EXPECT_TRUE(testing::WaitUntil([&] { return Report(ann, Token("ann")).ok(); }));
  EXPECT_EQ(ReasonOf(retry(ann).status()), "NOT_UNSCORED");
}

TEST_F(ProctorServiceTest, AnActMeantForAnEarlierClockIsRefused) {
  const std::string ann = Started("ann");
  auto pause = Because<v1::PauseSessionRequest>();
  pause.set_deadline_version(1);
  ASSERT_TRUE(Act(&ProctorStub::PauseSession, ann, pause).ok());
  ASSERT_TRUE(Act(&ProctorStub::PauseSession, ann, pause).ok()) << "a repeat";
  auto resume = Because<v1::ResumeSessionRequest>();
  resume.set_deadline_version(2);
  ASSERT_TRUE(Act(&ProctorStub::ResumeSession, ann, resume).ok());
  EXPECT_EQ(ReasonOf(Act(&ProctorStub::PauseSession, ann, pause).status()), "SESSION_CHANGED");
  auto end = Because<v1::TerminateSessionRequest>();
  end.set_deadline_version(2);
  EXPECT_EQ(ReasonOf(Act(&ProctorStub::TerminateSession, ann, end).status()), "SESSION_CHANGED");
  EXPECT_EQ(StateOf(ann)->state, SessionState::kActive);
}

TEST_F(ProctorServiceTest, MessagesReportsAndVoiding) {
  const std::string ann = Started("ann");
  const SessionId id = *SessionId::FromHex(ann);
  v1::ProctorServiceSendMessageRequest message;
  message.set_message_id("m1");
  message.set_text("please close the door");
  EXPECT_EQ(Act(&ProctorStub::SendMessage, ann, message)->unconfirmed_messages(), 1u);
  ASSERT_TRUE(Ask(*engine_, id, ConfirmMessage{"m1", true}, "ann").ok());
  ASSERT_TRUE(Ask(*engine_, id, SendMessage{"h1", "ann", "help", true}, "ann").ok());
  v1::GetRosterEntryRequest get;
  get.set_session_id(ann);
  const auto shown = Do<v1::GetRosterEntryResponse>(&ProctorStub::GetRosterEntry, get);
  ASSERT_TRUE(shown.ok()) << shown.status();
  EXPECT_EQ(shown->entry().unconfirmed_messages(), 0u);
  EXPECT_THAT(shown->entry().problems(), ElementsAre(v1::ROSTER_PROBLEM_HELP_ASKED));
  ASSERT_EQ(shown->messages_size(), 2);
  EXPECT_EQ(shown->messages(0).actor(), "petra");
  EXPECT_TRUE(shown->messages(0).confirmed());
  v1::ProctorServiceConfirmMessageRequest seen;
  seen.set_message_id("h1");
  EXPECT_EQ(Act(&ProctorStub::ConfirmMessage, ann, seen)->help_messages(), 0u);
  seen.set_message_id("m1");
  EXPECT_EQ(ReasonOf(Act(&ProctorStub::ConfirmMessage, ann, seen).status()), "MESSAGE_NOT_FOUND");
  auto report = Because<v1::ReportIrregularityRequest>("a phone rang");
  report.set_report_id("i1");
  report.set_category("phone");
  EXPECT_EQ(Act(&ProctorStub::ReportIrregularity, ann, report)->irregularities(), 1u);
  EXPECT_EQ(Act(&ProctorStub::VoidSession, ann, Because<v1::VoidSessionRequest>())->state(),
            v1::SESSION_STATE_VOIDED);
}

TEST_F(ProctorServiceTest, FoundResponsesAreAddedToASealedSession) {
  const std::string ann = Started("ann");
  auto recover = Because<v1::RecoverResponsesRequest>("from the laptop's disk");
  recover.set_recovery_id("r1");
  Fill(recover.add_responses(), 0, 1, "B");
  const auto add = [&] { return Act(&ProctorStub::RecoverResponses, ann, recover, "operator"); };
  EXPECT_EQ(ReasonOf(add().status()), "SESSION_NOT_SEALED");
  ASSERT_TRUE(
      Act(&ProctorStub::TerminateSession, ann, Because<v1::TerminateSessionRequest>()).ok());
  ASSERT_TRUE(add().ok());
  EXPECT_EQ(StateOf(ann)->responses[0].options, 2u);
  EXPECT_TRUE(add().ok());
  EXPECT_EQ(ReasonOf(Act(&ProctorStub::RecoverResponses, ann, recover).status()), "ROLE_MISSING");
}

TEST_F(ProctorServiceTest, EveryoneIsGivenTimeOncePageByPage) {
  std::vector<std::string> sessions;
  for (const char* name : {"a", "b", "c", "d", "e"}) sessions.push_back(Started(name));
  ASSERT_TRUE(
      Act(&ProctorStub::TerminateSession, sessions[2], Because<v1::TerminateSessionRequest>())
          .ok());
  auto request = Because<v1::GrantTimeToManyRequest>();
  request.set_grant_id("all");
  request.mutable_amount()->set_seconds(120);
  request.set_everyone(true);
  request.set_page_size(2);
  int granted = 0, pages = 0;
  for (int round = 0; round < 2; ++round) {
    request.clear_page_token();
    do {
      const auto page = Do<v1::GrantTimeToManyResponse>(&ProctorStub::GrantTimeToMany, request);
      ASSERT_TRUE(page.ok()) << page.status();
      for (const auto& result : page->results()) {
        EXPECT_TRUE(result.granted()) << result.refusal();
        EXPECT_EQ(result.entry().granted().seconds(), 120);
        ++granted;
      }
      request.set_page_token(page->next_page_token());
      ++pages;
    } while (!request.page_token().empty());
  }
  EXPECT_EQ(granted, 8);
  EXPECT_EQ(pages, 4);
  EXPECT_EQ(StateOf(sessions[0])->granted, Seconds(120));
  EXPECT_EQ(StateOf(sessions[2])->granted, Duration(0));

  request.mutable_sessions()->add_session_ids(sessions[2]);
  request.mutable_sessions()->add_session_ids("nonsense");
  const auto named = Do<v1::GrantTimeToManyResponse>(&ProctorStub::GrantTimeToMany, request);
  ASSERT_TRUE(named.ok()) << named.status();
  EXPECT_EQ(named->results(0).refusal(), "SESSION_SEALED");
  EXPECT_EQ(named->results(1).refusal(), "SESSION_ID_INVALID");
  request.set_exam_id("no such exam");
  EXPECT_THAT(Do<v1::GrantTimeToManyResponse>(&ProctorStub::GrantTimeToMany, request)->results(),
              IsEmpty());
  request.clear_target();
  EXPECT_EQ(
      ReasonOf(Do<v1::GrantTimeToManyResponse>(&ProctorStub::GrantTimeToMany, request).status()),
      "GRANT_INVALID");
}

TEST_F(ProctorServiceTest, ListsLiveSessionsAndEndedOnes) {
  const std::string ann = Started("ann"), bob = Started("bob");
  ASSERT_TRUE(Act(&ProctorStub::PauseSession, bob, Because<v1::PauseSessionRequest>()).ok());
  const auto list = [&](const v1::ListRosterRequest& request) {
    std::vector<std::string> names;
    const auto page = Do<v1::ListRosterResponse>(&ProctorStub::ListRoster, request);
    EXPECT_TRUE(page.ok()) << page.status();
    if (page.ok()) {
      for (const auto& entry : page->entries()) names.push_back(entry.candidate_id());
    }
    return names;
  };
  EXPECT_THAT(list({}), ElementsAre("bob", "ann"));
  ASSERT_TRUE(
      Act(&ProctorStub::TerminateSession, ann, Because<v1::TerminateSessionRequest>()).ok());
  EXPECT_TRUE(testing::WaitUntil([&] { return list({}).size() == 1; }));
  v1::ListRosterRequest all;
  all.set_include_ended(true);
  EXPECT_THAT(list(all), ::testing::UnorderedElementsAre("ann", "bob"));
  all.set_candidate_id("ann");
  EXPECT_THAT(list(all), ElementsAre("ann"));
  all.set_exam_id("another");
  EXPECT_THAT(list(all), IsEmpty());
  all.Clear();
  all.set_page_token("x");
  EXPECT_EQ(ReasonOf(Do<v1::ListRosterResponse>(&ProctorStub::ListRoster, all).status()),
            "PAGE_TOKEN_INVALID");
}

// The engine has no part in lists of what has ended: they read logs.
TEST_F(ProctorServiceTest, EndedSessionsAreListedPastTheEngine) {
  const std::string ann = Started("ann");
  ASSERT_TRUE(Save(ann, Token("ann"), 0, 1, "A").ok());
  scoring_away_ = true;
  ASSERT_TRUE(
      Act(&ProctorStub::TerminateSession, ann, Because<v1::TerminateSessionRequest>()).ok());
  v1::GetRosterEntryRequest get;
  get.set_session_id(ann);
  const auto shown = Do<v1::GetRosterEntryResponse>(&ProctorStub::GetRosterEntry, get);
  ASSERT_TRUE(shown.ok()) << shown.status();
  v1::ListRosterRequest all;
  all.set_include_ended(true);
  const auto list = [&] { return Do<v1::ListRosterResponse>(&ProctorStub::ListRoster, all); };
  engine_refuses_ = true;
  const auto listed = list();
  ASSERT_TRUE(listed.ok()) << listed.status();
  ASSERT_EQ(listed->entries_size(), 1);
  EXPECT_EQ(listed->entries(0).SerializeAsString(), shown->entry().SerializeAsString());
  reader_->logs_fail = true;
  EXPECT_TRUE(absl::IsUnavailable(list().status())) << "a page does not leave sessions out";
  reader_->logs_fail = false;
  engine_refuses_ = false;
}

TEST_F(ProctorServiceTest, APageThatTheStoreRefusedIsRefusedWhole) {
  const std::string ann = Started("ann"), bob = Started("bob");
  const Time from = clock_.Now();
  clock_.Advance(Minutes(10));
  auto grant = Because<v1::GrantTimeToManyRequest>();
  grant.set_grant_id("all");
  grant.mutable_amount()->set_seconds(120);
  grant.set_everyone(true);
  v1::CompensateIncidentRequest give;
  give.set_incident_id("power-7");
  give.set_reason("power cut in room 7");
  *give.mutable_incident() = IncidentOf(from, clock_.Now());
  const auto grant_all = [&] {
    return Do<v1::GrantTimeToManyResponse>(&ProctorStub::GrantTimeToMany, grant);
  };
  const auto compensate = [&] {
    return Do<v1::CompensateIncidentResponse>(&ProctorStub::CompensateIncident, give);
  };
  engine_refuses_ = true;
  EXPECT_EQ(ReasonOf(grant_all().status()), "CLOCK_NOT_TRUSTED");
  EXPECT_EQ(ReasonOf(compensate().status()), "CLOCK_NOT_TRUSTED");
  EXPECT_TRUE(absl::IsUnavailable(compensate().status()));
  engine_refuses_ = false;
  EXPECT_EQ(grant_all()->results_size(), 2);
  EXPECT_EQ(compensate()->results_size(), 2);
  for (const std::string& session : {ann, bob}) {
    EXPECT_EQ(StateOf(session)->granted, Minutes(12)) << "once each";
  }
}

// What a report reads takes long: here, for as long as the test holds it.
TEST_F(ProctorServiceTest, NobodyWaitsBehindReports) {
  Started("ann");
  v1::IncidentReportRequest ask;
  *ask.mutable_incident() = IncidentOf(clock_.Now() - Minutes(1), clock_.Now());
  v1::ListRosterRequest ended;
  ended.set_include_ended(true);
  std::unique_lock held(reader_->newest);
  std::vector<std::thread> reports;
  for (int i = 0; i < 2; ++i) {
    reports.emplace_back([&] {
      EXPECT_TRUE(Do<v1::IncidentReportResponse>(&ProctorStub::IncidentReport, ask).ok());
    });
    reports.emplace_back(
        [&] { EXPECT_TRUE(Do<v1::ListRosterResponse>(&ProctorStub::ListRoster, ended).ok()); });
  }
  EXPECT_TRUE(testing::WaitUntil([&] { return reader_->newest_asked == 2; }));
  EXPECT_EQ(Control("pause"), "paused");
  EXPECT_TRUE(Do<v1::ListRosterResponse>(&ProctorStub::ListRoster, v1::ListRosterRequest()).ok());
  held.unlock();
  for (std::thread& report : reports) report.join();
}

TEST_F(ProctorServiceTest, AWatcherThatMissedChangesIsToldToListAnew) {
  Started("ann");
  grpc::ClientContext context;
  client::Prepare(context, Seconds(60), Staff(), telemetry::TraceContext::New());
  const auto stream = proctor_->WatchRoster(&context, {});
  v1::WatchRosterResponse message;
  ASSERT_TRUE(stream->Read(&message));
  std::atomic<bool> ended{false};
  std::thread reading([&] {
    while (stream->Read(&message)) {
    }
    ended = true;
  });
  // The roster looks more often than the watcher asks: it will find that nobody asked.
  EXPECT_TRUE(testing::WaitUntil([&] {
    if (!ended) clock_.Advance(Minutes(6));
    return ended.load();
  }));
  if (!ended) context.TryCancel();
  reading.join();
  const absl::Status status = rpc::FromGrpc(stream->Finish());
  EXPECT_EQ(ReasonOf(status), "ROSTER_BEHIND") << status;
}

TEST_F(ProctorServiceTest, AWatcherSeesTheListThenChanges) {
  const std::string ann = Started("ann");
  grpc::ClientContext context;
  client::Prepare(context, Seconds(60), Staff(), telemetry::TraceContext::New());
  const auto stream = proctor_->WatchRoster(&context, {});
  v1::WatchRosterResponse message;
  ASSERT_TRUE(stream->Read(&message));
  EXPECT_TRUE(message.complete());
  ASSERT_EQ(message.entries_size(), 1);
  EXPECT_EQ(message.entries(0).session_id(), ann);
  const uint32_t version = message.entries(0).deadline_version();
  ASSERT_TRUE(Act(&ProctorStub::GrantTime, ann, GrantOf("g", 60)).ok());
  do {
    ASSERT_TRUE(stream->Read(&message));
    EXPECT_FALSE(message.complete());
  } while (message.entries(0).deadline_version() == version);
  EXPECT_EQ(message.entries(0).granted().seconds(), 60);
  context.TryCancel();
  while (stream->Read(&message)) {
  }
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
}

TEST_F(ProctorServiceTest, AnIncidentGivesBackExactlyWhatItTook) {
  const std::string ran = Started("ran");
  clock_.Advance(Minutes(30));
  const std::string fresh = Started("fresh"), done = Started("done");
  ASSERT_TRUE(Save(ran, Token("ran"), 0, 1, "A").ok());
  ASSERT_TRUE(Submit(done, Token("done")).ok());
  clock_.Advance(Minutes(55));
  const Time from = clock_.Now();  // `ran` has five minutes left
  clock_.Advance(Minutes(20));
  const Time to = clock_.Now();
  v1::IncidentReportRequest ask;
  *ask.mutable_incident() = IncidentOf(from, to);
  const auto report = Do<v1::IncidentReportResponse>(&ProctorStub::IncidentReport, ask);
  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->sessions_size(), 2) << "who had submitted lost nothing";
  for (const auto& session : report->sessions()) {
    const bool is_ran = session.session_id() == ran;
    EXPECT_EQ(session.lost().seconds(), is_ran ? 300 : 1200);
    EXPECT_EQ(session.expired(), is_ran);
    EXPECT_EQ(session.has_last_save_before(), is_ran);
  }

  v1::CompensateIncidentRequest give;
  give.set_incident_id("power-7");
  give.set_reason("power cut in room 7");
  *give.mutable_incident() = ask.incident();
  const auto compensate = [&] {
    std::map<std::string, v1::GrantResult> results;
    const auto page = Do<v1::CompensateIncidentResponse>(&ProctorStub::CompensateIncident, give);
    EXPECT_TRUE(page.ok()) << page.status();
    if (page.ok()) {
      for (const auto& result : page->results()) results[result.session_id()] = result;
    }
    return results;
  };
  auto results = compensate();
  EXPECT_EQ(results.at(ran).refusal(), "SESSION_SEALED") << "nobody asked to reopen";
  EXPECT_TRUE(results.at(fresh).granted());
  give.set_reopen_expired(true);
  for (int round = 0; round < 2; ++round) {
    results = compensate();
    ASSERT_EQ(results.size(), 2u);
    EXPECT_TRUE(results.at(ran).granted()) << results.at(ran).refusal();
    EXPECT_EQ(results.at(ran).entry().remaining().seconds(), 300);
    EXPECT_EQ(results.at(fresh).entry().granted().seconds(), 1200);
  }
  EXPECT_EQ(StateOf(done)->grants.size(), 0u);

  ask.mutable_incident()->mutable_window()->clear_end_time();
  EXPECT_EQ(ReasonOf(Do<v1::IncidentReportResponse>(&ProctorStub::IncidentReport, ask).status()),
            "INCIDENT_INVALID");
}

TEST_F(ProctorServiceTest, TheFiveAssessmentControlActions) {
  const std::string ann = Started("ann");
  v1::ControlAssessmentRequest request;
  request.mutable_user()->set_sub("ann");
  request.mutable_resource_link()->set_id("CLF-C02");
  request.set_attempt_number(1);
  request.mutable_incident_time()->set_seconds(1'800'000'000);
  request.set_reason_code("N52");
  const auto control = [&](const std::string& action) {
    request.set_action(action);
    const auto response =
        Do<v1::ControlAssessmentResponse>(&ProctorStub::ControlAssessment, request);
    return response.ok() ? response->status() : ReasonOf(response.status());
  };
  EXPECT_EQ(control("pause"), "paused");
  EXPECT_EQ(control("resume"), "running");
  EXPECT_EQ(control("update"), "CONTROL_INVALID");
  request.set_extra_time(10);
  EXPECT_EQ(control("update"), "running");
  EXPECT_EQ(control("update"), "running");
  EXPECT_EQ(StateOf(ann)->granted, Minutes(10)) << "the same message adds once";
  request.set_incident_severity(0.4);
  EXPECT_EQ(control("flag"), "running");
  EXPECT_EQ(StateOf(ann)->extras->irregularities.size(), 1u);
  EXPECT_EQ(control("explode"), "CONTROL_INVALID");
  request.set_attempt_number(2);
  EXPECT_EQ(control("pause"), "ATTEMPT_NOT_FOUND");
  request.set_attempt_number(0);
  scoring_away_ = true;
  EXPECT_EQ(control("terminate"), "terminated");
}

// Reservations are given up when no form can be had, and the candidate never saw them.
TEST_F(ProctorServiceTest, AttemptsAreThoseThatRan) {
  scoring_away_ = true;
  const auto give_up = [&](const std::string& request_id) {
    const auto reserved = fixtures::FindOrReserve(*engine_, {"ann", "CLF-C02", request_id, false});
    ASSERT_TRUE(reserved.ok()) << reserved.status();
    ASSERT_TRUE(Ask(*engine_, reserved->session, Void{"no form", true}).ok());
  };
  give_up("r0");
  EXPECT_EQ(Control("flag"), "ATTEMPT_NOT_FOUND");
  const std::string first = Started("ann");
  EXPECT_EQ(Control("flag", 2), "ATTEMPT_NOT_FOUND");
  EXPECT_EQ(Control("flag", 1), "running");
  EXPECT_EQ(ReportsOf(first), 1u);
  EXPECT_EQ(Control("terminate", 1), "terminated");
  clock_.Advance(Seconds(1));
  give_up("r2");
  clock_.Advance(Seconds(1));
  EXPECT_EQ(Control("flag"), "terminated") << "the newest that ran, and the same flag once";
  EXPECT_EQ(ReportsOf(first), 1u);
  const auto second = Start("ann", "r3");
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(Control("flag", 2), "running");
  EXPECT_EQ(ReportsOf(second->session().session_id()), 1u);
  EXPECT_EQ(Control("terminate"), "terminated");
  auto again = Because<v1::ReopenSessionRequest>();
  again.set_grant_id("back");
  again.mutable_amount()->set_seconds(60);
  ASSERT_TRUE(Act(&ProctorStub::ReopenSession, first, again).ok());
  EXPECT_EQ(Control("pause"), "paused") << "the one that runs, though not the newest";
  EXPECT_EQ(StateOf(first)->state, SessionState::kPaused);
  // Who was voided while sitting did sit.
  ASSERT_TRUE(Act(&ProctorStub::VoidSession, first, Because<v1::VoidSessionRequest>()).ok());
  EXPECT_EQ(Control("flag", 3), "ATTEMPT_NOT_FOUND");
  EXPECT_EQ(Control("pause", 1), "SESSION_NOT_ACTIVE");
}

TEST_F(ProctorServiceTest, ActsOfAProctoringToolLeaveAuditLinesAlsoWhenRefused) {
  const std::string ann = Started("ann");
  const std::string path = dir_.Path("log");
  log::Init({.service = "session", .path = path});
  scoring_away_ = true;
  EXPECT_EQ(Control("terminate"), "terminated");
  EXPECT_EQ(Control("pause"), "SESSION_SEALED");
  EXPECT_EQ(Control("pause", 7), "ATTEMPT_NOT_FOUND");
  log::Shutdown();
  std::ifstream file(path);
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    if (line.find("\"audit\":\"ControlAssessment\"") != std::string::npos) lines.push_back(line);
  }
  ASSERT_EQ(lines.size(), 3u);
  using ::testing::AllOf;
  using ::testing::HasSubstr;
  EXPECT_THAT(lines[0], AllOf(HasSubstr(ann), HasSubstr("\"done\"")));
  EXPECT_THAT(lines[1], AllOf(HasSubstr(ann), HasSubstr("\"SESSION_SEALED\""), HasSubstr("pause")));
  EXPECT_THAT(lines[2], AllOf(HasSubstr("\"ATTEMPT_NOT_FOUND\""), HasSubstr("\"ann\""),
                              HasSubstr("\"CLF-C02\""), HasSubstr("\"petra\"")));
}

}  // namespace
}  // namespace invigil::session
