#include "services/session/rpc/registration_convert.h"

#include <google/protobuf/timestamp.pb.h>

#include <tuple>

#include "common/error/error.h"
#include "services/session/rpc/convert.h"

namespace invigil::session {
namespace {

using registration::WindowPolicy;
static_assert(static_cast<int>(v1::WINDOW_POLICY_UNSPECIFIED) ==
                      static_cast<int>(WindowPolicy::kAsExam) &&
                  static_cast<int>(v1::WINDOW_POLICY_LIMITS_START) ==
                      static_cast<int>(WindowPolicy::kLimitsStart) &&
                  static_cast<int>(v1::WINDOW_POLICY_LIMITS_END) ==
                      static_cast<int>(WindowPolicy::kLimitsEnd),
              "the two enums have the same numbers");

// As google.protobuf.Timestamp: years 1 to 9999.
constexpr int64_t kFirstSecond = -62'135'596'800, kLastSecond = 253'402'300'799;

std::optional<Time> ToTime(const google::protobuf::Timestamp& from) {
  if (from.seconds() < kFirstSecond || from.seconds() > kLastSecond || from.nanos() < 0 ||
      from.nanos() > 999'999'999) {
    return std::nullopt;
  }
  return FromUnixMicros(from.seconds() * 1'000'000 + from.nanos() / 1000);
}

}  // namespace

absl::StatusOr<Time> FromProto(const google::protobuf::Timestamp& from, const std::string& field) {
  if (const auto time = ToTime(from)) return *time;
  return InvalidArgument("TIME_INVALID", field + " is no instant of the years 1 to 9999")
      .Field(field, "must be a google.protobuf.Timestamp");
}

registration::Terms FromProto(const v1::AccommodationTerms& from) {
  return {from.time_percent() == 0 ? 100 : from.time_percent(), from.extra_minutes(),
          from.break_minutes()};
}

std::optional<registration::RowResult> FromProto(const v1::Registration& from,
                                                 registration::Row* to) {
  registration::Registration& one = to->wanted;
  one.registration_id = from.registration_id();
  one.candidate_id = from.candidate_id();
  one.exam_id = from.exam_id();
  one.max_attempts = from.max_attempts() == 0 ? 1 : from.max_attempts();
  to->with_terms = from.has_accommodation();
  if (to->with_terms) one.terms = FromProto(from.accommodation());
  if (from.has_open_time()) one.opens = ToTime(from.open_time());
  if (from.has_close_time()) one.closes = ToTime(from.close_time());
  for (const auto& [field, sent, read] :
       {std::tuple("open_time", from.has_open_time(), one.opens.has_value()),
        std::tuple("close_time", from.has_close_time(), one.closes.has_value())}) {
    if (sent && !read) {
      return registration::RowResult{registration::Outcome::kRefused, "REGISTRATION_INVALID", field,
                                     "must be an instant of the years 1 to 9999"};
    }
  }
  return std::nullopt;
}

registration::ExamPolicy FromProto(const v1::ExamPolicy& from) {
  registration::ExamPolicy policy;
  policy.exam_id = from.exam_id();
  policy.registration_required = from.registration_required();
  // What is none this program knows must stay so, for the check to refuse: a cast could make it
  // one.
  policy.window_policy = v1::WindowPolicy_IsValid(from.window_policy())
                             ? static_cast<registration::WindowPolicy>(from.window_policy())
                             : registration::WindowPolicy{UINT8_MAX};
  policy.wait_days_after_fail = from.wait_days_after_fail();
  policy.wait_days_after_pass = from.wait_days_after_pass();
  for (const v1::AttemptCap& cap : from.caps()) {
    policy.caps.push_back({cap.max_attempts(), cap.days()});
  }
  if (!from.time_zone().empty()) policy.time_zone = from.time_zone();
  return policy;
}

void ToProto(const registration::Terms& from, v1::AccommodationTerms* to) {
  to->set_time_percent(from.time_percent);
  to->set_extra_minutes(from.extra_minutes);
  to->set_break_minutes(from.break_minutes);
}

void ToProto(const registration::Registration& from, v1::Registration* to) {
  to->set_registration_id(from.registration_id);
  to->set_candidate_id(from.candidate_id);
  to->set_exam_id(from.exam_id);
  if (from.opens) Set(*from.opens, to->mutable_open_time());
  if (from.closes) Set(*from.closes, to->mutable_close_time());
  to->set_max_attempts(from.max_attempts);
  if (!from.terms.none()) ToProto(from.terms, to->mutable_accommodation());
  to->set_cancelled(from.cancelled);
  to->set_cancel_reason(from.cancel_reason);
  Set(from.updated, to->mutable_update_time());
}

void ToProto(const registration::Standing& from, v1::StandingAccommodation* to) {
  to->set_candidate_id(from.candidate_id);
  ToProto(from.terms, to->mutable_terms());
  if (from.expires) Set(*from.expires, to->mutable_expire_time());
  to->set_reason(from.reason);
}

void ToProto(const registration::ExamPolicy& from, v1::ExamPolicy* to) {
  to->set_exam_id(from.exam_id);
  to->set_registration_required(from.registration_required);
  to->set_window_policy(static_cast<v1::WindowPolicy>(from.window_policy));
  to->set_wait_days_after_fail(from.wait_days_after_fail);
  to->set_wait_days_after_pass(from.wait_days_after_pass);
  for (const registration::Cap& cap : from.caps) {
    v1::AttemptCap* added = to->add_caps();
    added->set_max_attempts(cap.attempts);
    added->set_days(cap.days);
  }
  to->set_time_zone(from.time_zone);
}

void ToProto(const std::string& registration_id, const registration::RowResult& from,
             v1::ProvisionResult* to) {
  to->set_registration_id(registration_id);
  to->set_outcome(static_cast<v1::ProvisionOutcome>(from.outcome));
  to->set_reason(from.reason);
  to->set_field(from.field);
  to->set_message(from.message);
}

void ToProto(const registration::Decision& from, v1::CheckEligibilityResponse* to) {
  to->set_eligible(from.verdict.eligible());
  for (const registration::Ineligible& one : from.verdict.reasons) {
    v1::Ineligibility* reason = to->add_reasons();
    reason->set_reason(static_cast<v1::IneligibleReason>(one.reason));
    if (one.earliest) Set(*one.earliest, reason->mutable_earliest_time());
    reason->set_message(one.message);
  }
  if (from.verdict.earliest) Set(*from.verdict.earliest, to->mutable_earliest_time());
  if (from.verdict.registration) {
    to->set_registration_id(from.verdict.registration->registration_id);
  }
  if (!from.terms.none()) ToProto(from.terms, to->mutable_accommodation());
}

}  // namespace invigil::session
