// Starts that meet each other, that are refused for a while, and whose windows cut.
#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

#include "services/session/registration/store.h"
#include "services/session/rpc/registration_fixture_for_test.h"

namespace invigil::session {
namespace {

using registration::WindowPolicy;
using testing::WaitUntil;

class RegistrationStartsTest : public fixtures::RegistrationServiceTest {
 protected:
  static void SetTime(Time from, google::protobuf::Timestamp* to) {
    to->set_seconds(ToUnixMicros(from) / 1'000'000);
  }
  // The row of ann's registration; its window is open unless it is moved.
  v1::Registration Window(Duration opens_in, Duration closes_in) {
    v1::Registration row = Row("r-1");
    SetTime(clock_.Now() + opens_in, row.mutable_open_time());
    SetTime(clock_.Now() + closes_in, row.mutable_close_time());
    return row;
  }
  // A later request of the same registration.
  void Move(const v1::Registration& row) {
    const auto answer = Provision({row}, "move-" + std::to_string(++moves_));
    ASSERT_TRUE(answer.ok()) << answer.status();
    ASSERT_EQ(answer->results(0).outcome(), v1::PROVISION_OUTCOME_UPDATED);
  }
  void Require(v1::WindowPolicy window_policy = v1::WINDOW_POLICY_UNSPECIFIED) {
    v1::ExamPolicy policy;
    policy.set_registration_required(true);
    policy.set_window_policy(window_policy);
    Put(policy);
  }
  // What no caller can set and an older program or another machine may have.
  void PutInStore(registration::ExamPolicy policy) {
    policy.exam_id = "CLF-C02";
    const auto store = registration::Store::Open(dir_.Path("registration.db"));
    ASSERT_TRUE(store.ok()) << store.status();
    ASSERT_TRUE((*store)->PutPolicy(policy, clock_.Now()).ok());
  }
  // Forms say from now on whether the window's end cuts.
  void UseForm(bool window_limits_end) {
    IssuedForm form = *fixtures::SampleForm();
    form.window_limits_end = window_limits_end;
    item_bank_.Use(form);
  }
  // Holds a start's last question, lets another start begin the same session, changes what
  // `meanwhile` says, and then lets the first go on.
  template <typename Meanwhile>
  void StartTwice(Meanwhile meanwhile) {
    admissions.Hold();
    absl::StatusOr<v1::StartSessionResponse> slow;
    std::thread slower([&] { slow = Start("ann", "r1"); });
    const bool held = WaitUntil([&] { return admissions.held() == 1; });
    admissions.HoldNoMore();
    const auto fast = Start("ann", "r1");
    meanwhile();
    admissions.Release();
    slower.join();
    ASSERT_TRUE(held);
    ASSERT_TRUE(fast.ok()) << fast.status();
    ASSERT_TRUE(slow.ok()) << slow.status();
    EXPECT_EQ(slow->session().session_id(), fast->session().session_id());
    EXPECT_EQ(slow->session().state(), v1::SESSION_STATE_ACTIVE);
    EXPECT_EQ(slow->session().items_size(), 3) << "with all there is to see";
  }

  int moves_ = 0;
};

TEST_F(RegistrationStartsTest, ASecondClickIsNoSecondAttempt) {
  v1::ExamPolicy policy;
  policy.add_caps()->set_max_attempts(1);
  Put(policy);
  StartTwice([] {});
}

TEST_F(RegistrationStartsTest, ASecondClickAfterTheWindowClosedIsGivenWhatRuns) {
  Require();
  Register(Window(-Minutes(10), Minutes(10)));
  StartTwice([&] { clock_.Advance(Minutes(20)); });
}

TEST_F(RegistrationStartsTest, ASecondClickAfterTheRegistrationWasCancelledIsGivenWhatRuns) {
  Require();
  Register(Row("r-1"));
  StartTwice([&] {
    v1::CancelRegistrationRequest cancel;
    cancel.set_registration_id("r-1");
    cancel.set_reason("moved");
    ASSERT_TRUE(
        Ask<v1::CancelRegistrationResponse>(&Registrations::CancelRegistration, cancel).ok());
  });
}

TEST_F(RegistrationStartsTest, ARefusalThatPassesKeepsTheCheckInAndTheGrants) {
  UseFormWithCheckIn();
  Require();
  const v1::Registration open = Window(-Minutes(10), Minutes(600));
  const v1::Registration early = Window(Minutes(5), Minutes(600));
  const v1::Registration late = Window(-Minutes(10), -Minutes(5));
  Register(open);
  EXPECT_EQ(ReasonOf(Start("ann").status()), "CHECK_IN_REQUIRED");
  const SessionId session = fixtures::FindOrReserve(*engine_, {"ann", "CLF-C02", "r1"})->session;
  ASSERT_TRUE(fixtures::Ask(*engine_, session, CheckIn{"pat", ""}).ok());
  ASSERT_TRUE(
      fixtures::Ask(*engine_, session, GrantTime{{"g1", Minutes(7)}, "pat", "the proctor was late"})
          .ok());
  const auto waits = [&] {
    const auto state = fixtures::Ask(*engine_, session, Read{})->state;
    return state->state == SessionState::kReady && state->checked_in;
  };

  int requests = 0;
  const auto refused = [&] {
    return ReasonOf(Start("ann", "again-" + std::to_string(++requests)).status());
  };
  // Refused before anything is reserved, and once it is.
  Move(early);
  EXPECT_EQ(refused(), "WINDOW_NOT_OPEN");
  EXPECT_TRUE(waits());
  Move(late);
  EXPECT_EQ(refused(), "WINDOW_CLOSED");
  EXPECT_TRUE(waits());
  for (const auto& [row, reason] :
       {std::pair(early, "WINDOW_NOT_OPEN"), std::pair(late, "WINDOW_CLOSED")}) {
    Move(open);
    admissions.before_confirm_ = [&, to = row] { Move(to); };
    EXPECT_EQ(refused(), reason);
    EXPECT_TRUE(waits()) << reason;
  }
  Move(open);
  PutInStore({.wait_days_after_fail = 1, .time_zone = "Mars/Olympus"});
  const absl::Status no_zone = Start("ann", "z1").status();
  EXPECT_EQ(ReasonOf(no_zone), "TIME_ZONE_UNKNOWN");
  EXPECT_TRUE(absl::IsUnavailable(no_zone)) << "the machine's fault, not the caller's";
  EXPECT_NE(no_zone.message().find("restart invigil-session"), std::string::npos) << no_zone;
  EXPECT_TRUE(waits());

  Require();
  const auto started = Start("ann", "at-last");
  ASSERT_TRUE(started.ok()) << started.status();
  EXPECT_EQ(started->session().session_id(), session.ToHex());
  EXPECT_EQ(engine_->Peek(session)->granted, Minutes(7));
}

TEST_F(RegistrationStartsTest, ARetakeThatIsTooEarlyKeepsWhatWasReserved) {
  SitAndPass("ann", "r0");
  item_bank_.Answer(absl::OkStatus(), Unavailable("ITEM_BANK_UNAVAILABLE", "away"));
  EXPECT_EQ(ReasonOf(Start("ann").status()), "ITEM_BANK_UNAVAILABLE");
  item_bank_.Answer(absl::OkStatus(), absl::OkStatus());
  v1::ExamPolicy policy;
  policy.set_wait_days_after_pass(1);
  Put(policy);
  EXPECT_EQ(ReasonOf(Start("ann").status()), "RETAKE_TOO_EARLY");
  Put({});
  EXPECT_TRUE(Start("ann").ok()) << "the reservation is still there";
}

TEST_F(RegistrationStartsTest, WhatIsUsedUpGivesTheReservationUp) {
  SitAndPass("ann", "r0");
  item_bank_.Answer(absl::OkStatus(), Unavailable("ITEM_BANK_UNAVAILABLE", "away"));
  EXPECT_EQ(ReasonOf(Start("ann").status()), "ITEM_BANK_UNAVAILABLE");
  item_bank_.Answer(absl::OkStatus(), absl::OkStatus());
  v1::ExamPolicy policy;
  policy.add_caps()->set_max_attempts(1);
  Put(policy);
  EXPECT_EQ(ReasonOf(Start("ann").status()), "ATTEMPTS_USED_UP");
  EXPECT_TRUE(Start("ann", "p1", false, v1::SESSION_KIND_PRACTICE).ok())
      << "it stands in nobody's way";
}

TEST_F(RegistrationStartsTest, WithoutRetakeRulesNoTimeZoneIsNeeded) {
  PutInStore({.registration_required = true, .time_zone = "Mars/Olympus"});
  Register(Row("r-1"));
  EXPECT_TRUE(Start("ann").ok());
  EXPECT_EQ(ReasonOf(Start("bob").status()), "NOT_REGISTERED");
}

TEST_F(RegistrationStartsTest, TheWindowCutsAsThePolicySaysOrElseAsTheExamDoes) {
  struct Case {
    v1::WindowPolicy policy;
    bool form_limits_end;
    int64_t seconds;
  };
  int n = 0;
  for (const bool required : {true, false}) {
    for (const Case& one : std::vector<Case>{{v1::WINDOW_POLICY_UNSPECIFIED, false, 5400},
                                             {v1::WINDOW_POLICY_UNSPECIFIED, true, 3600},
                                             {v1::WINDOW_POLICY_LIMITS_START, false, 5400},
                                             {v1::WINDOW_POLICY_LIMITS_START, true, 5400},
                                             {v1::WINDOW_POLICY_LIMITS_END, false, 3600},
                                             {v1::WINDOW_POLICY_LIMITS_END, true, 3600}}) {
      const std::string candidate = "candidate-" + std::to_string(++n);
      SCOPED_TRACE(candidate);
      v1::ExamPolicy policy;
      policy.set_registration_required(required);
      policy.set_window_policy(one.policy);
      Put(policy);
      UseForm(one.form_limits_end);
      v1::Registration row = Row("r-" + candidate, candidate);
      SetTime(clock_.Now() + Minutes(60), row.mutable_close_time());
      Register(row);
      const auto started = Start(candidate);
      ASSERT_TRUE(started.ok()) << started.status();
      EXPECT_EQ(started->session().remaining().seconds(), one.seconds);
      // Whoever needs no registration and has none has no window.
      if (required) continue;
      EXPECT_EQ(Start("free-" + candidate)->session().remaining().seconds(), 5400);
      EXPECT_EQ(Start("p-" + candidate, "p", false, v1::SESSION_KIND_PRACTICE)
                    ->session()
                    .remaining()
                    .seconds(),
                5400);
    }
  }
}

TEST_F(RegistrationStartsTest, AskWithTheTimeTheirCallersHave) {
  Require();
  Register(Row("r-1"));
  const Duration before = local_.Monotonic();
  ASSERT_TRUE(Start("ann").ok());  // whose call has 20 s
  ASSERT_TRUE(admissions.admit_end() && admissions.confirm_end());
  for (const Duration end : {*admissions.admit_end(), *admissions.confirm_end()}) {
    EXPECT_GT(end, before);
    EXPECT_LE(end, local_.Monotonic() + Seconds(20));
  }
}

}  // namespace
}  // namespace invigil::session
