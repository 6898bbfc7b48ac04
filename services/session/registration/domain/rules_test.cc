#include "services/session/registration/domain/rules.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "absl/time/civil_time.h"
#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/clock.h"
#include "services/session/domain/decide.h"
#include "services/session/domain/fixtures_for_test.h"
#include "services/session/registration/domain/accommodate.h"
#include "services/session/registration/domain/check.h"

namespace invigil::session::registration {
namespace {

absl::TimeZone Zone(const std::string& name) {
  absl::TimeZone zone;
  EXPECT_TRUE(absl::LoadTimeZone(name, &zone)) << name;
  return zone;
}

// "2027-03-14 01:59:59" as clocks in `zone` show it.
Time At(const std::string& text, const absl::TimeZone& zone) {
  absl::Time parsed;
  std::string error;
  EXPECT_TRUE(absl::ParseTime("%Y-%m-%d %H:%M:%S", text, zone, &parsed, &error)) << error;
  return FromUnixMicros(absl::ToUnixMicros(parsed));
}
Time Utc(const std::string& text) { return At(text, absl::UTCTimeZone()); }

Attempt Sat(Time started, std::optional<bool> passed, Duration took = Minutes(60)) {
  return {"", SessionKind::kExam, false, started, started + took, passed};
}

Entitlement Registered(std::optional<Time> opens, std::optional<Time> closes, uint32_t used = 0,
                       const std::string& id = "r-1") {
  Registration one;
  one.registration_id = id;
  one.opens = opens;
  one.closes = closes;
  return {one, used};
}

std::string Names(const Verdict& verdict) {
  std::string names;
  for (const Ineligible& one : verdict.reasons) names += std::string(ReasonName(one.reason)) + " ";
  return names;
}

ExamPolicy Required() {
  ExamPolicy policy;
  policy.registration_required = true;
  return policy;
}

std::string MetadataOf(const absl::Status& status, const std::string& name) {
  for (const auto& [key, value] : ViewError(status).metadata) {
    if (key == name) return value;
  }
  return "";
}

TEST(Windows, AreOpenFromTheirFirstInstantToTheirLast) {
  const Time opens = Utc("2027-03-01 09:00:00"), closes = Utc("2027-03-01 17:00:00");
  const std::vector<Entitlement> one = {Registered(opens, closes)};
  const auto names = [&](Time at) {
    return Names(Judge(Required(), absl::UTCTimeZone(), one, {}, at));
  };
  EXPECT_EQ(names(opens - Micros(1)), "WINDOW_NOT_OPEN ");
  EXPECT_EQ(names(opens), "");
  EXPECT_EQ(names(closes - Micros(1)), "");
  EXPECT_EQ(names(closes), "WINDOW_CLOSED ");
  const absl::Status early = Refusal(
      Judge(Required(), absl::UTCTimeZone(), one, {}, opens - Seconds(1)), absl::UTCTimeZone());
  EXPECT_EQ(ReasonOf(early), "WINDOW_NOT_OPEN");
  EXPECT_EQ(MetadataOf(early, "opens"), "2027-03-01T09:00:00.000000Z");
}

TEST(Windows, WithoutEndsAreOpenForEver) {
  const std::vector<Entitlement> one = {Registered({}, {})};
  for (const char* at : {"1970-01-01 00:00:00", "2027-03-01 00:00:00", "9999-12-31 23:59:59"}) {
    EXPECT_TRUE(Judge(Required(), absl::UTCTimeZone(), one, {}, Utc(at)).eligible()) << at;
  }
}

TEST(Registrations, AreNeededOnlyWhereThePolicySays) {
  const Time now = Utc("2027-03-01 09:00:00");
  EXPECT_EQ(Names(Judge(Required(), absl::UTCTimeZone(), {}, {}, now)), "NOT_REGISTERED ");
  EXPECT_TRUE(Judge({}, absl::UTCTimeZone(), {}, {}, now).eligible());
  // One that is closed says nothing then, either.
  EXPECT_TRUE(Judge({}, absl::UTCTimeZone(), {Registered({}, now)}, {}, now).eligible());

  Entitlement cancelled = Registered({}, {});
  cancelled.registration.cancelled = true;
  EXPECT_EQ(Names(Judge(Required(), absl::UTCTimeZone(), {cancelled}, {}, now)), "NOT_REGISTERED ");
  EXPECT_EQ(Names(Judge(Required(), absl::UTCTimeZone(), {Registered({}, {}, 1)}, {}, now)),
            "ATTEMPTS_USED_UP ");
}

TEST(Registrations, TheOpenOneThatClosesFirstIsUsed) {
  const Time now = Utc("2027-03-01 09:00:00");
  std::vector<Entitlement> several = {
      Registered({}, {}, 0, "endless"), Registered({}, now + Minutes(9), 0, "b"),
      Registered({}, now + Minutes(9), 0, "a"), Registered({}, now + Minutes(1), 1, "used"),
      Registered(now + Minutes(1), now + Minutes(2), 0, "later")};
  std::mt19937 random(7);
  for (int i = 0; i < 20; ++i) {
    std::shuffle(several.begin(), several.end(), random);
    const Verdict verdict = Judge(Required(), absl::UTCTimeZone(), several, {}, now);
    ASSERT_TRUE(verdict.eligible());
    EXPECT_EQ(verdict.registration->registration_id, "a");
  }
}

TEST(Retakes, WaitCalendarDaysWhereTheExamSaysTheDayBegins) {
  struct Row {
    const char* zone;
    const char* ended;  // local
    uint32_t days;
    const char* from;  // UTC
  };
  const Row rows[] = {
      {"UTC", "2027-03-01 23:59:59", 14, "2027-03-15 00:00:00"},
      {"UTC", "2027-03-01 00:00:00", 14, "2027-03-15 00:00:00"},
      // Clocks went forward on the 14th: the 15th begins an hour earlier.
      {"America/New_York", "2027-03-01 12:00:00", 14, "2027-03-15 04:00:00"},
      {"America/New_York", "2027-03-01 12:00:00", 13, "2027-03-14 05:00:00"},
      // And back on the 7th of November.
      {"America/New_York", "2027-11-01 12:00:00", 6, "2027-11-07 04:00:00"},
      {"America/New_York", "2027-11-01 12:00:00", 7, "2027-11-08 05:00:00"},
      // Over the end of the year, and over a leap day.
      {"Asia/Tokyo", "2027-12-31 23:00:00", 1, "2027-12-31 15:00:00"},
      {"UTC", "2027-12-20 10:00:00", 14, "2028-01-03 00:00:00"},
      {"UTC", "2028-02-28 10:00:00", 2, "2028-03-01 00:00:00"},
      // A day that begins at one o'clock, for clocks skip midnight.
      {"Asia/Beirut", "2021-03-27 12:00:00", 1, "2021-03-27 22:00:00"},
      // A day that never was: Samoa went from the 29th to the 31st.
      {"Pacific/Apia", "2011-12-29 12:00:00", 1, "2011-12-30 10:00:00"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(std::string(row.zone) + " " + row.ended);
    const absl::TimeZone zone = Zone(row.zone);
    ExamPolicy policy;
    policy.wait_days_after_fail = row.days;
    const Time ended = At(row.ended, zone), from = Utc(row.from);
    const std::vector<Attempt> sat = {Sat(ended - Minutes(60), false)};
    const Verdict early = Judge(policy, zone, {}, sat, from - Micros(1));
    EXPECT_EQ(Names(early), "RETAKE_TOO_EARLY ");
    EXPECT_EQ(early.earliest, from);
    EXPECT_TRUE(Judge(policy, zone, {}, sat, from).eligible());
    // Months later nobody is refused.
    EXPECT_TRUE(Judge(policy, zone, {}, sat, from + std::chrono::hours(24 * 200)).eligible());
  }
}

TEST(Retakes, ADayThatBeginsTwiceBeginsTheFirstTime) {
  // At one minute past midnight clocks went back to 23:01 of the day before.
  const absl::TimeZone zone = Zone("America/St_Johns");
  ExamPolicy policy;
  policy.wait_days_after_fail = 1;
  const std::vector<Attempt> sat = {Sat(At("2010-11-06 12:00:00", zone), false)};
  const Verdict verdict = Judge(policy, zone, {}, sat, At("2010-11-06 20:00:00", zone));
  EXPECT_EQ(verdict.earliest, Utc("2010-11-07 02:30:00"));
}

TEST(Retakes, AfterAPassAreClosedLonger) {
  ExamPolicy policy;
  policy.wait_days_after_fail = 14;
  policy.wait_days_after_pass = 730;
  const absl::TimeZone utc = absl::UTCTimeZone();
  const Time now = Utc("2027-06-01 00:00:00");
  const Time started = Utc("2027-05-01 10:00:00");
  EXPECT_TRUE(Judge(policy, utc, {}, {Sat(started, false)}, now).eligible());
  EXPECT_TRUE(Judge(policy, utc, {}, {Sat(started, std::nullopt)}, now).eligible());
  const Verdict passed = Judge(policy, utc, {}, {Sat(started, true)}, now);
  EXPECT_EQ(passed.earliest, Utc("2029-04-30 00:00:00"));
  const absl::Status refusal = Refusal(passed, utc);
  EXPECT_EQ(ReasonOf(refusal), "RETAKE_TOO_EARLY");
  EXPECT_EQ(MetadataOf(refusal, "earliest"), "2029-04-30T00:00:00.000000Z");
  // The pass counts whatever came after it.
  EXPECT_EQ(
      Judge(policy, utc, {}, {Sat(started, true), Sat(started + Minutes(99), false)}, now).earliest,
      Utc("2029-04-30 00:00:00"));
}

TEST(Caps, RollWithTheDays) {
  ExamPolicy policy;
  policy.caps = {{3, 365}};
  const absl::TimeZone utc = absl::UTCTimeZone();
  const std::vector<Attempt> sat = {Sat(Utc("2026-03-10 23:00:00"), false),
                                    Sat(Utc("2026-06-10 10:00:00"), false),
                                    Sat(Utc("2026-12-31 23:30:00"), false)};
  const Verdict full = Judge(policy, utc, {}, sat, Utc("2027-03-09 23:59:59"));
  EXPECT_EQ(Names(full), "ATTEMPTS_USED_UP ");
  EXPECT_EQ(full.earliest, Utc("2027-03-10 00:00:00"));
  EXPECT_TRUE(Judge(policy, utc, {}, sat, Utc("2027-03-10 00:00:00")).eligible());
  EXPECT_TRUE(Judge(policy, utc, {}, {sat[0], sat[1]}, Utc("2026-07-01 00:00:00")).eligible());

  policy.caps = {{3, 0}};
  const Verdict never = Judge(policy, utc, {}, sat, Utc("2099-01-01 00:00:00"));
  EXPECT_EQ(Names(never), "ATTEMPTS_USED_UP ");
  EXPECT_EQ(never.earliest, std::nullopt);
}

TEST(Verdicts, NameEveryReasonAndTheFirstDayOnWhichAllAreGone) {
  ExamPolicy policy = Required();
  policy.wait_days_after_fail = 14;
  policy.caps = {{1, 30}};
  const absl::TimeZone utc = absl::UTCTimeZone();
  const std::vector<Attempt> sat = {Sat(Utc("2027-03-01 10:00:00"), false)};
  const Time now = Utc("2027-03-02 00:00:00");
  // The first window closes before the cap lets go; the second opens after it.
  const Entitlement first = Registered(Utc("2027-03-05 00:00:00"), Utc("2027-03-31 00:00:00"));
  const Entitlement second =
      Registered(Utc("2027-05-01 00:00:00"), Utc("2027-06-01 00:00:00"), 0, "r-2");
  const Verdict both = Judge(policy, utc, {first, second}, sat, now);
  EXPECT_EQ(Names(both), "WINDOW_NOT_OPEN RETAKE_TOO_EARLY ATTEMPTS_USED_UP ");
  EXPECT_EQ(both.reasons[0].earliest, Utc("2027-03-05 00:00:00"));
  EXPECT_EQ(both.reasons[1].earliest, Utc("2027-03-15 00:00:00"));
  EXPECT_EQ(both.reasons[2].earliest, Utc("2027-03-31 00:00:00"));
  EXPECT_EQ(both.earliest, Utc("2027-05-01 00:00:00"));
  const absl::Status refusal = Refusal(both, utc);
  EXPECT_EQ(MetadataOf(refusal, "reasons"), "WINDOW_NOT_OPEN,RETAKE_TOO_EARLY,ATTEMPTS_USED_UP");
  EXPECT_EQ(MetadataOf(refusal, "start_from"), "2027-05-01T00:00:00.000000Z");
  EXPECT_EQ(Judge(policy, utc, {first}, sat, now).earliest, std::nullopt);
}

// What rules over whole days, told by asking for the day and not for instants.
bool Allowed(const ExamPolicy& policy, const absl::TimeZone& zone,
             const std::vector<Entitlement>& entitlements, const std::vector<Attempt>& attempts,
             Time at) {
  const auto day = [&](Time t) {
    return absl::ToCivilDay(absl::FromUnixMicros(ToUnixMicros(t)), zone);
  };
  if (policy.registration_required) {
    bool open = false;
    for (const Entitlement& one : entitlements) {
      const Registration& r = one.registration;
      open = open || (!r.cancelled && one.used < r.max_attempts &&
                      r.opens.value_or(Time::min()) <= at && at < r.closes.value_or(Time::max()));
    }
    if (!open) return false;
  }
  for (const Attempt& one : attempts) {
    if (one.kind != SessionKind::kExam || one.voided || !one.started || !one.ended) continue;
    const uint32_t days = one.passed == std::optional<bool>(true) ? policy.wait_days_after_pass
                                                                  : policy.wait_days_after_fail;
    if (day(at) - day(*one.ended) < static_cast<int64_t>(days)) return false;
  }
  for (const Cap& cap : policy.caps) {
    uint32_t within = 0;
    for (const Attempt& one : attempts) {
      if (one.kind != SessionKind::kExam || one.voided || !one.started) continue;
      within += cap.days == 0 || day(at) - day(*one.started) < static_cast<int64_t>(cap.days);
    }
    if (within >= cap.attempts) return false;
  }
  return true;
}

TEST(Verdicts, AgreeWithTheRulesToldDayByDay) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const auto upto = [&](int64_t n) { return std::uniform_int_distribution<int64_t>(0, n)(random); };
  const absl::TimeZone zones[] = {Zone("UTC"),
                                  Zone("America/New_York"),
                                  Zone("Europe/Berlin"),
                                  Zone("Australia/Lord_Howe"),
                                  Zone("Asia/Kathmandu"),
                                  Zone("Pacific/Apia")};
  constexpr int64_t kDay = 86'400'000'000;
  for (int round = 0; round < 3000; ++round) {
    const absl::TimeZone& zone = zones[upto(5)];
    const Time now = Utc("2024-01-01 00:00:00") + Micros(upto(1200 * kDay));
    ExamPolicy policy;
    policy.registration_required = upto(1) == 1;
    policy.wait_days_after_fail = static_cast<uint32_t>(upto(20));
    policy.wait_days_after_pass = static_cast<uint32_t>(upto(1) * upto(400));
    for (int64_t n = upto(2); n > 0; --n) {
      policy.caps.push_back(
          {static_cast<uint32_t>(1 + upto(3)), static_cast<uint32_t>(upto(4) == 0 ? 0 : upto(90))});
    }
    std::vector<Attempt> attempts;
    for (int64_t n = upto(5); n > 0; --n) {
      const Time started = now - Micros(1 + upto(60 * kDay));
      Attempt one = Sat(started, upto(2) == 0 ? std::optional<bool>() : upto(1) == 1);
      if (upto(9) == 0) one.ended.reset();
      one.ended = one.ended ? std::optional(std::min(*one.ended, now)) : one.ended;
      attempts.push_back(one);
    }
    std::vector<Entitlement> entitlements;
    for (int64_t n = upto(3); n > 0; --n) {
      const Time opens = now + Micros(upto(80 * kDay) - 40 * kDay);
      entitlements.push_back(Registered(
          upto(3) == 0 ? std::nullopt : std::optional(opens),
          upto(3) == 0 ? std::nullopt : std::optional(opens + Micros(1 + upto(40 * kDay))),
          upto(4) == 0 ? 1 : 0, "r-" + std::to_string(n)));
    }
    const Verdict verdict = Judge(policy, zone, entitlements, attempts, now);
    ASSERT_EQ(verdict.eligible(), Allowed(policy, zone, entitlements, attempts, now)) << round;
    // The date is right to the microsecond, and none before it is.
    const Time last = verdict.earliest.value_or(now + Micros(900 * kDay));
    if (!verdict.eligible() && verdict.earliest) {
      ASSERT_GT(*verdict.earliest, now);
      ASSERT_TRUE(Allowed(policy, zone, entitlements, attempts, *verdict.earliest)) << round;
    }
    for (int i = 0; i < 10 && !verdict.eligible(); ++i) {
      const Time before = i == 0 ? last - Micros(1) : now + Micros(upto((last - now).count() - 1));
      ASSERT_FALSE(Allowed(policy, zone, entitlements, attempts, before)) << round;
    }
    // Practice, diagnostics and what was voided or never began change nothing; nor does order.
    for (const SessionKind kind : {SessionKind::kPractice, SessionKind::kDiagnostic}) {
      attempts.push_back(Sat(now - Minutes(90), true));
      attempts.back().kind = kind;
    }
    attempts.push_back(Sat(now - Minutes(90), true));
    attempts.back().voided = true;
    attempts.push_back({"", SessionKind::kExam, false, {}, {}, {}});
    std::shuffle(attempts.begin(), attempts.end(), random);
    const Verdict same = Judge(policy, zone, entitlements, attempts, now);
    ASSERT_EQ(Names(same), Names(verdict));
    ASSERT_EQ(same.earliest, verdict.earliest);
  }
}

// What a sitting that starts `before_close` has to answer, by the session's own rules.
Duration TimeGiven(WindowPolicy policy, const Terms& terms, Duration before_close) {
  const auto form = fixtures::MakeForm();  // 90 minutes
  const Time closes = Utc("2027-03-14 08:00:00"), now = closes - before_close;
  State state;
  const auto accommodation = std::make_shared<const Accommodation>(Accommodate(*form, terms));
  const std::optional<Time> window_end =
      policy == WindowPolicy::kLimitsEnd ? std::optional(closes) : std::nullopt;
  for (const Action& action :
       std::vector<Action>{Reserve{{"ann", "CLF-C02", "r", SessionKind::kExam}},
                           session::Start{form, accommodation, window_end}}) {
    const session::Decision decision = Decide(state, fixtures::Do(action), now);
    EXPECT_TRUE(decision.status.ok()) << decision.status;
    for (const Event& event : decision.events) {
      EXPECT_TRUE(Apply(state, event, decision.at).ok());
    }
  }
  const Duration shown = ViewAt(state, now).remaining;
  EXPECT_EQ(now + shown, *DueTime(state)) << "what is shown is what is enforced";
  return shown;
}

TEST(Windows, LimitTheStartOrTheEnd) {
  const Terms none, twice{200, 0, 0};
  using enum WindowPolicy;
  EXPECT_EQ(TimeGiven(kLimitsStart, none, Micros(1)), Minutes(90));
  EXPECT_EQ(TimeGiven(kLimitsStart, twice, Micros(1)), Minutes(180));
  EXPECT_EQ(TimeGiven(kLimitsEnd, none, Micros(1)), Micros(1));
  EXPECT_EQ(TimeGiven(kLimitsEnd, none, Minutes(89)), Minutes(89));
  EXPECT_EQ(TimeGiven(kLimitsEnd, none, Minutes(90)), Minutes(90));
  EXPECT_EQ(TimeGiven(kLimitsEnd, none, Minutes(91)), Minutes(90));
  EXPECT_EQ(TimeGiven(kLimitsEnd, twice, Minutes(91)), Minutes(91));
  EXPECT_EQ(TimeGiven(kLimitsEnd, twice, Minutes(181)), Minutes(180));
}

TEST(Checks, NameWhatIsWrong) {
  Registration row;
  row.registration_id = "r-1";
  row.candidate_id = "ann";
  row.exam_id = "CLF-C02";
  EXPECT_FALSE(FindFault(row));
  row.opens = row.closes = Utc("2027-03-01 00:00:00");
  EXPECT_EQ(FindFault(row)->field, "close_time");
  row.closes = *row.opens + Micros(1);
  EXPECT_FALSE(FindFault(row));
  row.terms.time_percent = 99;
  EXPECT_EQ(FindFault(row)->field, "accommodation.time_percent");
  row.candidate_id = "\xff";
  EXPECT_EQ(FindFault(row)->field, "candidate_id");

  ExamPolicy policy;
  policy.exam_id = "CLF-C02";
  EXPECT_TRUE(CheckPolicy(policy).ok());
  for (const WindowPolicy known :
       {WindowPolicy::kAsExam, WindowPolicy::kLimitsStart, WindowPolicy::kLimitsEnd}) {
    policy.window_policy = known;
    EXPECT_TRUE(CheckPolicy(policy).ok());
  }
  policy.window_policy = static_cast<WindowPolicy>(3);
  EXPECT_EQ(ViewError(CheckPolicy(policy)).fields.at(0).first, "policy.window_policy");
  policy.window_policy = WindowPolicy::kAsExam;
  // What the time zone database would take, and what another machine takes for another zone.
  for (const char* zone : {"localtime", "/etc/localtime", "/usr/share/zoneinfo/Europe/Berlin",
                           "file:/usr/share/zoneinfo/Europe/Berlin", "file:Europe/Berlin", ""}) {
    policy.time_zone = zone;
    const auto found = ViewError(CheckPolicy(policy)).fields;
    ASSERT_EQ(found.size(), 1u) << zone;
    EXPECT_EQ(found[0].first, "policy.time_zone");
  }
  policy.time_zone = "Mars/Olympus";
  policy.caps = {{0, 1}};
  policy.wait_days_after_fail = kMaxDays + 1;
  const auto fields = ViewError(CheckPolicy(policy)).fields;
  ASSERT_EQ(fields.size(), 3u);
  EXPECT_EQ(fields[0].first, "policy.wait_days_after_fail");
  EXPECT_EQ(fields[1].first, "policy.caps[0].max_attempts");
  EXPECT_EQ(fields[2].first, "policy.time_zone");
}

}  // namespace
}  // namespace invigil::session::registration
