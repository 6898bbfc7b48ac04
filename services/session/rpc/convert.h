// Between the wire's messages and the domain's types; what candidates see of a session is in
// display.h. No gRPC here; the domain judges what is valid.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "common/base/time.h"
#include "invigil/itembank/v1/form.pb.h"
#include "invigil/scoring/v1/scoring.pb.h"
#include "invigil/session/v1/delivery.pb.h"
#include "services/session/engine/session_engine.h"

namespace invigil::session {

// Whole microseconds; what is absurd stays absurd, and nothing overflows.
Duration FromProto(const google::protobuf::Duration& from);
void Set(Duration from, google::protobuf::Duration* to);
void Set(Time from, google::protobuf::Timestamp* to);

// The stored responses in display order.
void Receipt(const State& state, google::protobuf::RepeatedPtrField<v1::StoredResponse>* responses);
// `writes` as they were sent, one for each of `acks`.
void ToProto(const Form& form, const Acks& acks,
             const google::protobuf::RepeatedPtrField<v1::ResponseWrite>& writes,
             google::protobuf::RepeatedPtrField<v1::Ack>* to);

SaveResponses FromProto(uint32_t epoch,
                        const google::protobuf::RepeatedPtrField<v1::ResponseWrite>& writes);
Submit FromProto(const v1::SubmitSessionRequest& request);
LeavePart FromProto(const v1::LeavePartRequest& request);
TakeBreak FromProto(const v1::TakeBreakRequest& request);
SaveProgress FromProto(const v1::SaveProgressRequest& request);
// An exam unless another kind is named.
SessionKind FromProto(v1::SessionKind kind);

// The form and the contents it shows, from the item bank's answers. Errors: INTERNAL when the item
// bank gives a form that can't be.
struct IssuedForm {
  std::shared_ptr<const Form> form;
  std::vector<Content> contents;  // of items and of parts with a text
  // The exam's window policy: the window's end cuts the sitting, not only its start.
  bool window_limits_end = false;
};
absl::StatusOr<IssuedForm> FromProto(const itembank::v1::IssueFormResponse& issued,
                                     const itembank::v1::GetFormContentResponse& content);

// What scoring is sent, and what of its answer a candidate may see.
scoring::v1::ScoreSessionRequest ScoreRequest(const SessionId& session, const State& state);
v1::GetScoreReportResponse CandidateReport(const scoring::v1::Score& score);

}  // namespace invigil::session
