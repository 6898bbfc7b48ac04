#include "services/session/rpc/event_convert.h"

#include "common/error/error.h"
#include "services/session/domain/text.h"
#include "services/session/rpc/convert.h"

namespace invigil::session {
namespace {

constexpr size_t kMaxExamId = 64;

}  // namespace

absl::StatusOr<NoticeFilter> FilterOf(const google::protobuf::RepeatedField<int>& kinds,
                                      const std::string& exam_id, const char* reason) {
  Error error = InvalidArgument(reason, "nothing was done; see the fields");
  bool wrong = false;
  NoticeFilter filter;
  for (const int kind : kinds) {
    if (kind <= 0 || kind >= kNoticeKinds) {
      error.Field("kinds", "has one that is not known; leave it empty for all");
      wrong = true;
      break;
    }
    filter.kinds |= 1u << kind;
  }
  if (!exam_id.empty() && !IsText(exam_id, kMaxExamId)) {
    error.Field("exam_id", "must have at most 64 bytes of UTF-8");
    wrong = true;
  }
  if (wrong) return error;
  filter.exam_id = exam_id;
  return filter;
}

void ToProto(const Webhook& webhook, Time now, v1::Webhook* to) {
  to->set_webhook_id(webhook.id);
  to->set_url(webhook.url);
  for (int kind = 1; kind < kNoticeKinds; ++kind) {
    if (webhook.filter.kinds >> kind & 1u) {
      to->add_kinds(static_cast<v1::SessionEventKind>(kind));
    }
  }
  to->set_exam_id(webhook.filter.exam_id);
  to->set_state(webhook.disabled ? v1::WEBHOOK_STATE_DISABLED : v1::WEBHOOK_STATE_ACTIVE);
  Set(webhook.created_at, to->mutable_create_time());
  to->set_cursor(webhook.position);
  to->set_waiting_events(static_cast<uint32_t>(webhook.waiting));
  to->set_dead_letters(static_cast<uint32_t>(webhook.dead));
  to->set_last_error(webhook.last_error);
  if (webhook.old_secret_until && now < *webhook.old_secret_until) {
    Set(*webhook.old_secret_until, to->mutable_old_secret_expire_time());
  }
}

void ToProto(const Undelivered& row, v1::DeadLetter* to) {
  Notice named;
  named.session = row.key.session;
  named.seq = row.key.seq;
  named.written_at = row.written_at;
  to->set_event_id(named.EventId());
  to->set_cursor(row.n);
  to->set_tries(row.tries);
  to->set_error(row.error);
  Set(row.failed_at, to->mutable_fail_time());
}

}  // namespace invigil::session
