#include "services/session/events/event_message.h"

#include <google/protobuf/util/json_util.h>

#include "common/base/hash.h"

namespace invigil::session {
namespace {

// A result that shows no number has no scale. An unreadable report is as one that was erased. One
// that is held back has no version.
void SetResult(const NoticeRecord& record, v1::SessionEvent* event) {
  if (!record.notice.has_result() || record.report == nullptr) return;
  if (record.notice.score_version == 0) return;
  v1::GetScoreReportResponse report;
  if (!report.ParseFromString(*record.report)) return;
  v1::SessionEventResult* result = event->mutable_result();
  result->set_score_version(record.notice.score_version);
  result->set_passed(report.passed());
  if (report.scale_max() > report.scale_min()) result->set_scaled_score(report.scaled_score());
}

std::string Hex(const std::string& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const char byte : bytes) {
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

}  // namespace

void ToProto(const NoticeRecord& record, v1::SessionEvent* event) {
  const Notice& notice = record.notice;
  event->set_event_id(notice.EventId());
  event->set_cursor(notice.n);
  event->set_kind(static_cast<v1::SessionEventKind>(notice.kind));
  event->set_session_id(notice.session.ToHex());
  event->set_candidate_id(notice.candidate_id);
  event->set_exam_id(notice.exam_id);
  event->set_exam_version(notice.exam_version);
  switch (notice.session_kind) {
    case SessionKind::kExam:
      event->set_session_kind(v1::SESSION_KIND_EXAM);
      break;
    case SessionKind::kPractice:
      event->set_session_kind(v1::SESSION_KIND_PRACTICE);
      break;
    case SessionKind::kDiagnostic:
      event->set_session_kind(v1::SESSION_KIND_DIAGNOSTIC);
      break;
  }
  const int64_t us = ToUnixMicros(notice.occurred_at);
  event->mutable_occur_time()->set_seconds(us / 1'000'000);
  event->mutable_occur_time()->set_nanos(static_cast<int32_t>(us % 1'000'000 * 1000));
  event->set_sequence(notice.seq);
  event->set_epoch(notice.epoch);
  event->set_attempt_version(notice.attempt_version);
  event->set_incident_id(notice.incident_id);
  SetResult(record, event);
}

std::string EventJson(const NoticeRecord& record) {
  v1::SessionEvent event;
  ToProto(record, &event);
  google::protobuf::util::JsonPrintOptions options;
  options.always_print_primitive_fields = true;
  std::string json;
  // Only a bug could fail here: every string is UTF-8 since it was stored.
  if (!google::protobuf::util::MessageToJsonString(event, &json, options).ok()) json.clear();
  return json;
}

std::string SignatureOf(const std::string& timestamp, const std::string& body,
                        const std::string& secret, const std::string& old_secret) {
  const std::string text = timestamp + "." + body;
  std::string signature;
  for (const std::string* one : {&secret, &old_secret}) {
    if (one->empty()) continue;
    if (!signature.empty()) signature += ',';
    signature += "v1=" + Hex(HmacSha256(*one, text));
  }
  return signature;
}

}  // namespace invigil::session
