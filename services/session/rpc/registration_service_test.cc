// RegistrationService over the wire, and the starts that are held to what it was told.
#include "services/session/rpc/registration_service.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "invigil/session/v1/registration.grpc.pb.h"
#include "services/session/domain/clock.h"
#include "services/session/registration/registrar.h"
#include "services/session/rpc/service_fixture_for_test.h"

namespace invigil::session {
namespace {

using testing::WaitUntil;

// Starts are made before the registrar is; it is asked from then on.
class Forwarding final : public registration::Admissions {
 public:
  void Admit(registration::Ask ask, Done done) override {
    ++asked_;
    if (away_) return done(Unavailable("STORE_IO", "the database is away"));
    to_->Admit(std::move(ask), std::move(done));
  }
  void Confirm(const SessionId& session, registration::Ask ask, Done done) override {
    if (before_confirm_) std::exchange(before_confirm_, nullptr)();
    to_->Confirm(session, std::move(ask), std::move(done));
  }
  registration::Admissions* to_ = nullptr;
  std::function<void()> before_confirm_;
  std::atomic<int> asked_{0};
  std::atomic<bool> away_{false};
};

class RegistrationServiceTest : public fixtures::ServiceTest {
 protected:
  using Registrations = v1::RegistrationService::Stub;

  void SetUp() override {
    admissions_ = &admissions;
    Serve({});
    auto registrar = registration::Registrar::Open(
        {.registrations = dir_.Path("registration.db"), .sessions = dir_.Path("session.db")},
        clock_);
    ASSERT_TRUE(registrar.ok()) << registrar.status();
    registrar_ = *std::move(registrar);
    admissions.to_ = registrar_.get();
    auto guard = rpc::Guard::Create(*verifier_, {"invigil.session.v1.RegistrationService"});
    ASSERT_TRUE(guard.ok()) << guard.status();
    registration_guard_ = *std::move(guard);
    registrations_ = MakeRegistrationService(*registration_guard_, *registrar_);
    rpc::ServerOptions options;
    options.max_receive_bytes = 1'200'000;
    auto server = rpc::Server::Start("registration", options, {registrations_.get()});
    ASSERT_TRUE(server.ok()) << server.status();
    registration_server_ = *std::move(server);
    auto channel = client::Connect({"127.0.0.1:" + std::to_string(registration_server_->port())});
    ASSERT_TRUE(channel.ok()) << channel.status();
    ASSERT_TRUE(client::WaitUntilReady(**channel));
    registration_stub_ = v1::RegistrationService::NewStub(*channel);
  }
  void TearDown() override {
    if (registration_server_) registration_server_->Drain();
    registration_server_.reset();
    Stop();
    if (registrar_) registrar_->Stop();
  }

  template <typename Response, typename Method, typename Request>
  absl::StatusOr<Response> Ask(Method method, const Request& request,
                               const std::string& role = "operator") {
    grpc::ClientContext context;
    client::Prepare(context, Seconds(20), Token("olga", "", role), telemetry::TraceContext::New());
    Response response;
    absl::Status status =
        rpc::FromGrpc((registration_stub_.get()->*method)(&context, request, &response));
    if (!status.ok()) return status;
    return response;
  }
  absl::StatusOr<v1::ProvisionRegistrationsResponse> Provision(
      const std::vector<v1::Registration>& rows, const std::string& request_id) {
    v1::ProvisionRegistrationsRequest request;
    for (const v1::Registration& row : rows) *request.add_registrations() = row;
    request.set_request_id(request_id);
    return Ask<v1::ProvisionRegistrationsResponse>(&Registrations::ProvisionRegistrations, request);
  }
  static v1::Registration Row(const std::string& id, const std::string& candidate = "ann") {
    v1::Registration row;
    row.set_registration_id(id);
    row.set_candidate_id(candidate);
    row.set_exam_id("CLF-C02");
    return row;
  }
  void Register(v1::Registration row) {
    const auto answer = Provision({row}, "q-" + row.registration_id());
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_EQ(answer->results(0).outcome(), v1::PROVISION_OUTCOME_CREATED);
  }
  void Put(v1::ExamPolicy policy) {
    v1::PutExamPolicyRequest request;
    policy.set_exam_id("CLF-C02");
    *request.mutable_policy() = policy;
    const auto put = Ask<v1::PutExamPolicyResponse>(&Registrations::PutExamPolicy, request);
    ASSERT_TRUE(put.ok()) << put.status();
  }
  v1::CheckEligibilityResponse Check(const std::string& candidate) {
    v1::CheckEligibilityRequest request;
    request.set_candidate_id(candidate);
    request.set_exam_id("CLF-C02");
    auto answer = Ask<v1::CheckEligibilityResponse>(&Registrations::CheckEligibility, request);
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : v1::CheckEligibilityResponse();
  }
  void SetStanding(const std::string& candidate, uint32_t percent) {
    v1::SetAccommodationRequest request;
    request.set_candidate_id(candidate);
    request.mutable_terms()->set_time_percent(percent);
    request.set_reason("approved");
    ASSERT_TRUE(Ask<v1::SetAccommodationResponse>(&Registrations::SetAccommodation, request).ok());
  }
  // Sits to the end; the fixture's scoring passes everybody.
  void SitAndPass(const std::string& candidate, const std::string& request_id) {
    const auto started = Start(candidate, request_id);
    ASSERT_TRUE(started.ok()) << started.status();
    const std::string& session = started->session().session_id();
    ASSERT_TRUE(Submit(session, Token(candidate)).ok());
    ASSERT_TRUE(WaitUntil([&] { return Report(session, Token(candidate)).ok(); }));
  }
  static std::string Metadata(const absl::Status& status, const std::string& name) {
    for (const auto& [key, value] : ViewError(status).metadata) {
      if (key == name) return value;
    }
    return "";
  }

  Forwarding admissions;
  std::unique_ptr<registration::Registrar> registrar_;
  std::unique_ptr<rpc::Guard> registration_guard_;
  std::shared_ptr<grpc::Service> registrations_;
  std::unique_ptr<rpc::Server> registration_server_;
  std::unique_ptr<Registrations> registration_stub_;
};

TEST_F(RegistrationServiceTest, OneBadRowFailsNoOther) {
  v1::Registration bad = Row("r-2");
  bad.mutable_open_time()->set_seconds(2'000'000'000);
  bad.mutable_close_time()->set_seconds(1'900'000'000);
  v1::Registration odd = Row("r-4");
  odd.mutable_open_time()->set_nanos(-1);
  const std::vector<v1::Registration> rows = {Row("r-1"), bad, Row("r-3", "bob"), Row("r-1"), odd};
  const auto answer = Provision(rows, "q1");
  ASSERT_TRUE(answer.ok()) << answer.status();
  ASSERT_EQ(answer->results_size(), 5);
  EXPECT_EQ(answer->results(0).outcome(), v1::PROVISION_OUTCOME_CREATED);
  EXPECT_EQ(answer->results(1).outcome(), v1::PROVISION_OUTCOME_REFUSED);
  EXPECT_EQ(answer->results(1).reason(), "REGISTRATION_INVALID");
  EXPECT_EQ(answer->results(1).field(), "close_time");
  EXPECT_EQ(answer->results(2).outcome(), v1::PROVISION_OUTCOME_CREATED);
  EXPECT_EQ(answer->results(3).reason(), "REGISTRATION_REPEATED");
  EXPECT_EQ(answer->results(4).field(), "open_time");

  EXPECT_EQ(Provision(rows, "q1")->SerializeAsString(), answer->SerializeAsString());
  EXPECT_EQ(ReasonOf(Provision({Row("r-9")}, "q1").status()), "REQUEST_ID_REUSED");
  EXPECT_EQ(Provision({Row("r-1")}, "q2")->results(0).outcome(), v1::PROVISION_OUTCOME_UNCHANGED);
  EXPECT_EQ(ReasonOf(Provision({}, "q3").status()), "PROVISION_INVALID");
  EXPECT_EQ(ReasonOf(Provision({Row("r-1")}, "").status()), "REQUEST_ID_INVALID");
}

TEST_F(RegistrationServiceTest, ThousandsOfRowsAreOneRequest) {
  std::vector<v1::Registration> rows;
  for (int i = 0; i < 5000; ++i) rows.push_back(Row("r-" + std::to_string(10'000 + i)));
  const auto answer = Provision(rows, "q1");
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(answer->results_size(), 5000);
  v1::ListRegistrationsRequest request;
  request.set_page_size(500);
  std::string last;
  int pages = 0, seen = 0;
  do {
    const auto page =
        Ask<v1::ListRegistrationsResponse>(&Registrations::ListRegistrations, request);
    ASSERT_TRUE(page.ok()) << page.status();
    for (const v1::Registration& one : page->registrations()) {
      ASSERT_LT(last, one.registration_id());
      last = one.registration_id();
      ++seen;
    }
    request.set_page_token(page->next_page_token());
    ++pages;
  } while (!request.page_token().empty());
  EXPECT_EQ(seen, 5000);
  EXPECT_EQ(pages, 10);
  request.set_page_token("!");
  EXPECT_EQ(
      ReasonOf(
          Ask<v1::ListRegistrationsResponse>(&Registrations::ListRegistrations, request).status()),
      "PAGE_INVALID");
}

TEST_F(RegistrationServiceTest, IsForOperators) {
  v1::GetRegistrationRequest request;
  request.set_registration_id("r-1");
  EXPECT_EQ(ReasonOf(Ask<v1::GetRegistrationResponse>(&Registrations::GetRegistration, request,
                                                      "candidate")
                         .status()),
            "ROLE_MISSING");
  EXPECT_EQ(
      ReasonOf(Ask<v1::GetRegistrationResponse>(&Registrations::GetRegistration, request).status()),
      "REGISTRATION_NOT_FOUND");
}

TEST_F(RegistrationServiceTest, WithoutAPolicyStartsAreAsTheyWere) {
  EXPECT_EQ(Start("ann")->session().remaining().seconds(), 5400);
  EXPECT_EQ(admissions.asked_, 1);
  EXPECT_TRUE(Check("bob").eligible());
}

TEST_F(RegistrationServiceTest, AnExamThatRequiresOneStartsWithItAndNotesIt) {
  v1::ExamPolicy policy;
  policy.set_registration_required(true);
  Put(policy);
  EXPECT_EQ(ReasonOf(Start("ann").status()), "NOT_REGISTERED");
  v1::Registration row = Row("r-1");
  row.mutable_open_time()->set_seconds(ToUnixMicros(clock_.Now() + Minutes(10)) / 1'000'000);
  row.mutable_close_time()->set_seconds(ToUnixMicros(clock_.Now() + Minutes(70)) / 1'000'000);
  Register(row);
  const absl::Status early = Start("ann").status();
  EXPECT_EQ(ReasonOf(early), "WINDOW_NOT_OPEN");
  EXPECT_EQ(Metadata(early, "opens"), "2027-01-15T08:10:00.000000Z");
  EXPECT_EQ(Check("ann").earliest_time().seconds(), row.open_time().seconds());
  clock_.Advance(Minutes(10));
  EXPECT_EQ(Check("ann").registration_id(), "r-1");
  const auto started = Start("ann");
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(started->session().remaining().seconds(), 5400) << "the window limits the start only";
  v1::GetRegistrationRequest get;
  get.set_registration_id("r-1");
  const auto got = Ask<v1::GetRegistrationResponse>(&Registrations::GetRegistration, get);
  ASSERT_TRUE(got.ok()) << got.status();
  ASSERT_EQ(got->registration().session_ids_size(), 1);
  EXPECT_EQ(got->registration().session_ids(0), started->session().session_id());

  // The window closes, the registration is cancelled, the database goes away: a session that runs
  // is given back.
  clock_.Advance(Minutes(60));
  EXPECT_EQ(Start("ann", "r2")->session().session_id(), started->session().session_id());
  v1::CancelRegistrationRequest cancel;
  cancel.set_registration_id("r-1");
  cancel.set_reason("no show");
  EXPECT_TRUE(Ask<v1::CancelRegistrationResponse>(&Registrations::CancelRegistration, cancel).ok());
  EXPECT_EQ(Start("ann", "r3")->session().session_id(), started->session().session_id());
  admissions.away_ = true;
  EXPECT_EQ(Start("ann", "r4")->session().session_id(), started->session().session_id());
  EXPECT_EQ(ReasonOf(Start("bob").status()), "STORE_IO");
}

TEST_F(RegistrationServiceTest, AWindowMayLimitTheEnd) {
  v1::ExamPolicy policy;
  policy.set_registration_required(true);
  policy.set_window_policy(v1::WINDOW_POLICY_LIMITS_END);
  Put(policy);
  v1::Registration row = Row("r-1");
  row.mutable_close_time()->set_seconds(ToUnixMicros(clock_.Now() + Minutes(60)) / 1'000'000);
  Register(row);
  const auto started = Start("ann");
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(started->session().remaining().seconds(), 3600);
  clock_.Advance(Minutes(60));
  EXPECT_EQ(Get(started->session().session_id(), Token("ann"))->state(), v1::SESSION_STATE_EXPIRED);
  EXPECT_EQ(ReasonOf(Start("ann", "r2").status()), "ATTEMPTS_USED_UP");
}

TEST_F(RegistrationServiceTest, AccommodationsLengthenSittingsPracticeToo) {
  SetStanding("ann", 150);
  EXPECT_EQ(Start("ann")->session().remaining().seconds(), 135 * 60);
  EXPECT_EQ(Check("ann").accommodation().time_percent(), 150u);
  SetStanding("bob", 200);
  EXPECT_EQ(Start("bob", "r1", false, v1::SESSION_KIND_PRACTICE)->session().remaining().seconds(),
            180 * 60);
  // A later change is for later sittings.
  SetStanding("ann", 100);
  EXPECT_EQ(Start("ann", "r2")->session().remaining().seconds(), 135 * 60);

  v1::SetAccommodationRequest request;
  request.set_registration_id("r-1");
  request.mutable_terms()->set_extra_minutes(30);
  request.set_reason("a broken arm");
  const auto set = [&] {
    return ReasonOf(
        Ask<v1::SetAccommodationResponse>(&Registrations::SetAccommodation, request).status());
  };
  EXPECT_EQ(set(), "REGISTRATION_NOT_FOUND");
  Register(Row("r-1", "eve"));
  EXPECT_EQ(set(), "");
  EXPECT_EQ(Start("eve")->session().remaining().seconds(), 120 * 60);
  request.mutable_terms()->set_time_percent(1000);
  EXPECT_EQ(set(), "ACCOMMODATION_INVALID");
}

TEST_F(RegistrationServiceTest, ARetakeThatIsTooEarlyIsRefusedWithTheDate) {
  v1::ExamPolicy policy;
  policy.set_wait_days_after_pass(14);
  policy.set_time_zone("America/New_York");
  Put(policy);
  SitAndPass("ann", "r1");  // on the 15th of January 2027
  const absl::Status refused = Start("ann", "r2").status();
  EXPECT_EQ(ReasonOf(refused), "RETAKE_TOO_EARLY");
  EXPECT_EQ(Metadata(refused, "earliest"), "2027-01-29T05:00:00.000000Z");
  EXPECT_TRUE(Start("ann", "r1").ok()) << "the start that was answered is answered the same";
  const auto check = Check("ann");
  EXPECT_FALSE(check.eligible());
  ASSERT_EQ(check.reasons_size(), 1);
  EXPECT_EQ(check.reasons(0).reason(), v1::INELIGIBLE_REASON_RETAKE_TOO_EARLY);
  EXPECT_EQ(check.earliest_time().seconds(), 1'801'198'800);
  EXPECT_TRUE(Start("ann", "p1", false, v1::SESSION_KIND_PRACTICE).ok());
}

TEST_F(RegistrationServiceTest, PracticeIsNoWayAroundTheRules) {
  v1::ExamPolicy policy;
  policy.set_registration_required(true);
  Put(policy);
  Register(Row("r-1"));
  // Reserved as an exam, for which there is no form yet; then the registration goes.
  item_bank_.Answer(absl::OkStatus(), Unavailable("ITEM_BANK_UNAVAILABLE", "away"));
  EXPECT_EQ(ReasonOf(Start("ann").status()), "ITEM_BANK_UNAVAILABLE");
  v1::CancelRegistrationRequest cancel;
  cancel.set_registration_id("r-1");
  cancel.set_reason("moved");
  ASSERT_TRUE(Ask<v1::CancelRegistrationResponse>(&Registrations::CancelRegistration, cancel).ok());
  item_bank_.Answer(absl::OkStatus(), absl::OkStatus());
  EXPECT_EQ(ReasonOf(Start("ann", "r2").status()), "NOT_REGISTERED");
  EXPECT_EQ(ReasonOf(Start("ann").status()), "NOT_REGISTERED");
  const auto practice = Start("ann", "p1", false, v1::SESSION_KIND_PRACTICE);
  ASSERT_TRUE(practice.ok()) << "what was reserved stands in nobody's way: " << practice.status();
  EXPECT_EQ(fixtures::Ask(*engine_, *SessionId::FromHex(practice->session().session_id()), Read{})
                ->state->identity->kind,
            SessionKind::kPractice);
}

TEST_F(RegistrationServiceTest, WhatChangesBetweenTheQuestionAndTheReservationCounts) {
  v1::ExamPolicy policy;
  auto* cap = policy.add_caps();
  cap->set_max_attempts(1);
  Put(policy);
  admissions.before_confirm_ = [&] {
    v1::ExamPolicy stricter;
    stricter.set_registration_required(true);
    Put(stricter);
  };
  EXPECT_EQ(ReasonOf(Start("ann").status()), "NOT_REGISTERED");
  EXPECT_EQ(ReasonOf(Start("ann").status()), "NOT_REGISTERED");
  Put(policy);
  EXPECT_EQ(ReasonOf(Start("ann").status()), "SESSION_VOIDED") << "the reservation was given up";
  EXPECT_TRUE(Start("ann", "r2").ok());
}

TEST_F(RegistrationServiceTest, AProctorsCheckInComesBeforeTheClock) {
  IssuedForm form = fixtures::PlannedForm();
  Plan plan = form.form->plan();
  plan.check_in = true;
  std::vector<PlaceSpec> places;
  for (size_t k = 0; k < form.form->size(); ++k) {
    const std::string_view order = form.form->option_order(k);
    places.push_back({std::string(form.form->item_id(k)),
                      std::string(form.form->content_id(k)),
                      {order.begin(), order.end()},
                      1});
  }
  form.form = *Form::Create(
      {form.form->form_id(), form.form->title(), 1, form.form->duration(), plan}, places);
  item_bank_.Use(form);
  SetStanding("ann", 150);
  EXPECT_EQ(ReasonOf(Start("ann").status()), "CHECK_IN_REQUIRED");
  clock_.Advance(Minutes(20));
  EXPECT_EQ(ReasonOf(Start("ann", "r2").status()), "CHECK_IN_REQUIRED");
  const auto reserved = fixtures::FindOrReserve(*engine_, {"ann", "CLF-C02", "r2"});
  ASSERT_TRUE(reserved.ok()) << reserved.status();
  ASSERT_TRUE(fixtures::Ask(*engine_, reserved->session, CheckIn{"pat", ""}).ok());
  const auto started = Start("ann", "r2");
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(started->session().session_id(), reserved->session.ToHex());
  // The agreement runs first, on its own time; the sections' clocks have not begun, and have more.
  const auto state = engine_->Peek(reserved->session);
  ASSERT_TRUE(state);
  EXPECT_EQ(state->current_part().kind, PartKind::kAgreement);
  EXPECT_EQ(ViewAt(*state, clock_.Now()).exam_remaining, Minutes(90));
  EXPECT_EQ(state->accommodation->part_extra[2], Minutes(5));
}

}  // namespace
}  // namespace invigil::session
