// Between the wire's messages and the domain's types. No gRPC here; the domain judges what is
// valid.
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

void Set(Duration from, google::protobuf::Duration* to);
void Set(Time from, google::protobuf::Timestamp* to);

// `contents` as the engine gives them (by place, serialised ItemContent); empty: no items.
// Errors: DATA_LOSS (LOG_CORRUPT) when a content can't be read.
absl::Status ToProto(const Outcome& outcome, bool with_responses, v1::Session* session);
void ToProto(const Outcome& outcome, v1::WatchSessionResponse* update);
// The stored responses in display order.
void Receipt(const State& state, google::protobuf::RepeatedPtrField<v1::StoredResponse>* responses);
void ToProto(const Form& form, const Acks& acks, google::protobuf::RepeatedPtrField<v1::Ack>* to);

SaveResponses FromProto(uint32_t epoch,
                        const google::protobuf::RepeatedPtrField<v1::ResponseWrite>& writes);
Submit FromProto(const v1::SubmitSessionRequest& request);

// The form and the contents it shows, from the item bank's answers. Errors: INTERNAL when the item
// bank gives a form that can't be.
struct IssuedForm {
  std::shared_ptr<const Form> form;
  std::vector<Content> contents;
};
absl::StatusOr<IssuedForm> FromProto(const itembank::v1::IssueFormResponse& issued,
                                     const itembank::v1::GetFormContentResponse& content);

// What scoring is sent, and what of its answer a candidate may see.
scoring::v1::ScoreSessionRequest ScoreRequest(const SessionId& session, const State& state);
v1::GetScoreReportResponse CandidateReport(const scoring::v1::Score& score);

}  // namespace invigil::session
