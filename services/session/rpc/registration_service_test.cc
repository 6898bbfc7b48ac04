// RegistrationService over the wire, and the starts that are held to what it was told.
#include "services/session/rpc/registration_service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "common/log/log.h"
#include "services/session/domain/clock.h"
#include "services/session/rpc/registration_fixture_for_test.h"

namespace invigil::session {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using fixtures::RegistrationServiceTest;

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

TEST_F(RegistrationServiceTest, ALateRepeatDoesNotUndoWhatWasSetSince) {
  v1::SetAccommodationRequest old;
  old.set_candidate_id("ann");
  old.mutable_terms()->set_time_percent(150);
  old.set_reason("approved");
  old.set_request_id("q-1");
  const auto set = [&](const v1::SetAccommodationRequest& request) {
    return Ask<v1::SetAccommodationResponse>(&Registrations::SetAccommodation, request);
  };
  ASSERT_TRUE(set(old).ok());
  v1::SetAccommodationRequest newer = old;
  newer.mutable_terms()->set_time_percent(200);
  EXPECT_EQ(ReasonOf(set(newer).status()), "REQUEST_ID_REUSED");
  newer.set_request_id("q-2");
  ASSERT_TRUE(set(newer).ok());
  EXPECT_EQ(set(old)->standing().terms().time_percent(), 150u) << "answered as it was";
  v1::GetStandingAccommodationRequest get;
  get.set_candidate_id("ann");
  EXPECT_EQ(Ask<v1::GetStandingAccommodationResponse>(&Registrations::GetStandingAccommodation, get)
                ->standing()
                .terms()
                .time_percent(),
            200u);

  v1::PutExamPolicyRequest policy;
  policy.mutable_policy()->set_exam_id("CLF-C02");
  policy.set_request_id("q-3");
  const auto put = [&] {
    return Ask<v1::PutExamPolicyResponse>(&Registrations::PutExamPolicy, policy).status();
  };
  ASSERT_TRUE(put().ok());
  policy.mutable_policy()->set_registration_required(true);
  policy.set_request_id("q-4");
  ASSERT_TRUE(put().ok());
  policy.mutable_policy()->set_registration_required(false);
  policy.set_request_id("q-3");
  ASSERT_TRUE(put().ok());
  EXPECT_FALSE(Check("bob").eligible())
      << "the newer policy, which asks for a registration, stands";
  EXPECT_EQ(Remarks().size(), 4u) << "a repeat is no act";
}

TEST_F(RegistrationServiceTest, EveryActGoesIntoTheJournal) {
  Register(Row("r-1"));
  Register(Row("r-2", "bob"));
  Put({});
  SetStanding("ann", 150);
  v1::SetAccommodationRequest terms;
  terms.set_registration_id("r-2");
  terms.mutable_terms()->set_time_percent(100);
  terms.mutable_terms()->set_extra_minutes(30);
  terms.set_reason("a broken arm");
  ASSERT_TRUE(Ask<v1::SetAccommodationResponse>(&Registrations::SetAccommodation, terms).ok());
  v1::CancelRegistrationRequest cancel;
  cancel.set_registration_id("r-1");
  cancel.set_reason("moved away");
  for (int i = 0; i < 2; ++i) {  // a repeat is no act
    ASSERT_TRUE(
        Ask<v1::CancelRegistrationResponse>(&Registrations::CancelRegistration, cancel).ok());
  }
  Check("ann");  // nor is a question
  const auto refused = Provision({}, "q-empty");
  EXPECT_FALSE(refused.ok());

  const auto remarks = Remarks();
  std::vector<std::string> told;
  for (const Remark& remark : remarks) {
    EXPECT_EQ(remark.kind, kAct);
    EXPECT_EQ(remark.actor, "olga");
    told.push_back(remark.method + "|" + remark.person + "|" + remark.reason);
  }
  EXPECT_THAT(
      told,
      ElementsAre(HasSubstr("ProvisionRegistrations||created 1, updated 0, refused 0"),
                  HasSubstr("ProvisionRegistrations||created 1"),
                  HasSubstr("PutExamPolicy||CLF-C02"), HasSubstr("SetAccommodation|ann| 150 %"),
                  HasSubstr("SetAccommodation|bob|r-2 100 %, +30 min"),
                  HasSubstr("CancelRegistration|ann|r-1: moved away")));
  Remark first = remarks[3];
  EXPECT_EQ(PersonIn(first), "ann") << "who can be erased";
  EXPECT_EQ(RedactRemark(first, "x").person, "x");
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

TEST_F(RegistrationServiceTest, TermsThatAreLeftOutTakeNothingAway) {
  SetStanding("ann", 150);
  Register(Row("r-1", "eve"));
  for (const bool standing : {true, false}) {
    v1::SetAccommodationRequest request;
    if (standing) {
      request.set_candidate_id("ann");
    } else {
      request.set_registration_id("r-1");
    }
    request.set_reason("approved");
    const absl::Status refused =
        Ask<v1::SetAccommodationResponse>(&Registrations::SetAccommodation, request).status();
    EXPECT_EQ(ReasonOf(refused), "ACCOMMODATION_INVALID");
    EXPECT_EQ(FieldsOf(refused), "terms ");
    request.mutable_terms();  // of nothing, but said
    EXPECT_TRUE(Ask<v1::SetAccommodationResponse>(&Registrations::SetAccommodation, request).ok());
  }
  EXPECT_EQ(Start("ann")->session().remaining().seconds(), 5400);
}

TEST_F(RegistrationServiceTest, AStandingAccommodationCanBeRead) {
  const auto get = [&](const std::string& candidate, const std::string& role = "operator") {
    v1::GetStandingAccommodationRequest request;
    request.set_candidate_id(candidate);
    return Ask<v1::GetStandingAccommodationResponse>(&Registrations::GetStandingAccommodation,
                                                     request, role);
  };
  EXPECT_FALSE(get("ann")->has_standing());
  v1::SetAccommodationRequest request;
  request.set_candidate_id("ann");
  request.mutable_terms()->set_time_percent(150);
  request.mutable_terms()->set_break_minutes(20);
  request.mutable_expire_time()->set_seconds(2'000'000'000);
  request.set_reason("approved");
  const auto set = Ask<v1::SetAccommodationResponse>(&Registrations::SetAccommodation, request);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(get("ann")->standing().SerializeAsString(), set->standing().SerializeAsString());
  EXPECT_EQ(get("ann")->standing().expire_time().seconds(), 2'000'000'000);
  EXPECT_FALSE(get("bob")->has_standing());
  EXPECT_EQ(ReasonOf(get("").status()), "ACCOMMODATION_INVALID");
  EXPECT_EQ(FieldsOf(get(std::string(257, 'a')).status()), "candidate_id ");
  EXPECT_EQ(ReasonOf(get("ann", "candidate").status()), "ROLE_MISSING");
}

TEST_F(RegistrationServiceTest, AnActHasOneLineInTheAuditHoweverOftenItIsRepeated) {
  log::Init({"session", "s-1", log::Level::kInfo, dir_.Path("log")});
  const absl::Cleanup shutdown = [] { log::Shutdown(); };
  v1::CancelRegistrationRequest cancel;
  cancel.set_registration_id("r-1");
  cancel.set_reason("moved");
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(Provision({Row("r-1")}, "q1").ok());
  for (int i = 0; i < 3; ++i) {
    const auto cancelled =
        Ask<v1::CancelRegistrationResponse>(&Registrations::CancelRegistration, cancel);
    ASSERT_TRUE(cancelled.ok()) << cancelled.status();
    EXPECT_TRUE(cancelled->registration().cancelled());
  }
  v1::SetAccommodationRequest accommodate;
  accommodate.set_candidate_id("ann");
  accommodate.mutable_terms()->set_time_percent(150);
  accommodate.mutable_expire_time()->set_seconds(2'000'000'000);
  accommodate.set_reason("approved");
  ASSERT_TRUE(
      Ask<v1::SetAccommodationResponse>(&Registrations::SetAccommodation, accommodate).ok());
  log::Shutdown();
  int provisioned = 0, cancelled = 0;
  std::string accommodated;
  std::ifstream lines(dir_.Path("log"));
  for (std::string line; std::getline(lines, line);) {
    provisioned += line.find(R"("audit":"registrations_provisioned")") != line.npos;
    cancelled += line.find(R"("audit":"registration_cancelled")") != line.npos;
    if (line.find(R"("audit":"accommodation_set")") != line.npos) accommodated = line;
  }
  EXPECT_EQ(provisioned, 1);
  EXPECT_EQ(cancelled, 1);
  EXPECT_NE(accommodated.find("2033-05-18T03:33:20"), accommodated.npos) << accommodated;
}

TEST_F(RegistrationServiceTest, APolicyThisProgramDoesNotKnowIsRefused) {
  const auto refused = [&](const v1::ExamPolicy& policy) {
    v1::PutExamPolicyRequest request;
    *request.mutable_policy() = policy;
    request.mutable_policy()->set_exam_id("CLF-C02");
    return Ask<v1::PutExamPolicyResponse>(&Registrations::PutExamPolicy, request).status();
  };
  v1::ExamPolicy policy;
  // 256 and 257 would be 0 and 1 to whoever keeps a byte of them.
  for (const int unknown : {3, 255, 256, 257, -1}) {
    policy.set_window_policy(static_cast<v1::WindowPolicy>(unknown));
    EXPECT_EQ(ReasonOf(refused(policy)), "POLICY_INVALID") << unknown;
    EXPECT_EQ(FieldsOf(refused(policy)), "policy.window_policy ") << unknown;
  }
  policy.clear_window_policy();
  for (const char* zone : {"localtime", "/etc/localtime", "file:/etc/localtime", "Mars/Olympus"}) {
    policy.set_time_zone(zone);
    EXPECT_EQ(FieldsOf(refused(policy)), "policy.time_zone ") << zone;
  }
  policy.set_time_zone("Europe/Berlin");
  EXPECT_TRUE(refused(policy).ok());
  // Unset stays unset; a policy that was never put is the same.
  for (const char* exam : {"CLF-C02", "SAA-C03"}) {
    v1::GetExamPolicyRequest get;
    get.set_exam_id(exam);
    const auto got = Ask<v1::GetExamPolicyResponse>(&Registrations::GetExamPolicy, get);
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(got->policy().window_policy(), v1::WINDOW_POLICY_UNSPECIFIED);
  }
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
  UseFormWithCheckIn();
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
