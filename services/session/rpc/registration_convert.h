// Between RegistrationService's messages and registration's records. No gRPC here.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "invigil/session/v1/registration.pb.h"
#include "services/session/registration/desk.h"

namespace invigil::session {

// What a record can't say of a message (an instant that is none) is told here; the rest is judged
// by registration/domain/check.h.
std::optional<registration::RowResult> FromProto(const v1::Registration& from,
                                                 registration::Row* to);
registration::Terms FromProto(const v1::AccommodationTerms& from);
registration::ExamPolicy FromProto(const v1::ExamPolicy& from);
// Errors: INVALID_ARGUMENT (TIME_INVALID) naming the field.
absl::StatusOr<Time> FromProto(const google::protobuf::Timestamp& from, const std::string& field);

void ToProto(const registration::Registration& from, v1::Registration* to);
void ToProto(const registration::Terms& from, v1::AccommodationTerms* to);
void ToProto(const registration::Standing& from, v1::StandingAccommodation* to);
void ToProto(const registration::ExamPolicy& from, v1::ExamPolicy* to);
void ToProto(const std::string& registration_id, const registration::RowResult& from,
             v1::ProvisionResult* to);
void ToProto(const registration::Decision& from, v1::CheckEligibilityResponse* to);

}  // namespace invigil::session
