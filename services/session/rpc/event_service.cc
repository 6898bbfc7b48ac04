#include "services/session/rpc/event_service.h"

#include <algorithm>
#include <string>
#include <utility>

#include "common/base/hash.h"
#include "common/error/error.h"
#include "common/log/log.h"
#include "common/rpc/unary.h"
#include "invigil/session/v1/events.grpc.pb.h"
#include "services/session/events/event_message.h"
#include "services/session/rpc/convert.h"
#include "services/session/rpc/event_convert.h"
#include "services/session/rpc/event_stream.h"

namespace invigil::session {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using rpc::UnaryCall;

constexpr size_t kQueue = 1024;
constexpr int32_t kEventsPage = 100, kMaxEventsPage = 500;
constexpr int32_t kLettersPage = 50, kMaxLettersPage = 200;
constexpr int kMaxReplayed = 500;
// Looked through for one page, however few match.
constexpr size_t kLookedThrough = 5000, kLookedAtOnce = 500;
constexpr auto kOverlap = std::chrono::hours(24), kMaxOverlap = std::chrono::hours(24 * 7);

// The cursor that the reader's questions can take.
absl::Status CheckCursor(uint64_t cursor, const char* field, const char* reason) {
  if (cursor <= static_cast<uint64_t>(INT64_MAX)) return absl::OkStatus();
  return InvalidArgument(reason, "nothing was done; see the fields")
      .Field(field, "is not one that was sent");
}

absl::StatusOr<size_t> PageSize(int32_t wanted, int32_t usual, int32_t most, const char* reason) {
  if (wanted < 0) {
    return InvalidArgument(reason, "nothing was listed; see the fields")
        .Field("page_size", "must not be negative");
  }
  return static_cast<size_t>(wanted == 0 ? usual : std::min(wanted, most));
}

class EventServiceImpl final : public v1::EventService::CallbackService {
 public:
  EventServiceImpl(const EventParts& parts, std::unique_ptr<NoticeReader> reader,
                   std::unique_ptr<WebhookStore> webhooks)
      : parts_(parts),
        shared_(new EventShared{{std::move(reader), parts_.clock, parts_.look_every / 2},
                                std::move(webhooks),
                                {0},
                                {"events", 1, kQueue}}) {}
  ~EventServiceImpl() override { shared_->executor.Stop(); }

  grpc::ServerWriteReactor<v1::StreamEventsResponse>* StreamEvents(
      CallbackServerContext* context, const v1::StreamEventsRequest* request) override {
    return EventStreamReactor(*context, *request, parts_, shared_, stream_);
  }

  ServerUnaryReactor* ListEvents(CallbackServerContext* context,
                                 const v1::ListEventsRequest* request,
                                 v1::ListEventsResponse* response) override {
    return Run(context, list_, [=, this](UnaryCall&) { return List(*request, response); });
  }

  ServerUnaryReactor* CreateWebhook(CallbackServerContext* context,
                                    const v1::CreateWebhookRequest* request,
                                    v1::CreateWebhookResponse* response) override {
    return Run(context, create_, [=, this](UnaryCall& call) -> absl::Status {
      const WebhookStore::Request asked = RequestOf(call, *request);
      const auto created = OrRepeated(asked, [&] { return Create(asked, *request); });
      if (!created.ok()) return created.status();
      ToProto(created->webhook, Now(), response->mutable_webhook());
      if (created->shown) response->set_secret(created->webhook.secret);
      Tell(*created, call, "webhook_created", "events are delivered to a new address",
           HostOf(request->url()));
      return absl::OkStatus();
    });
  }

  ServerUnaryReactor* GetWebhook(CallbackServerContext* context,
                                 const v1::GetWebhookRequest* request,
                                 v1::GetWebhookResponse* response) override {
    return Run(context, get_, [=, this](UnaryCall&) -> absl::Status {
      const auto found = Find(request->webhook_id());
      if (!found.ok()) return found.status();
      ToProto(*found, Now(), response->mutable_webhook());
      return absl::OkStatus();
    });
  }

  ServerUnaryReactor* ListWebhooks(CallbackServerContext* context, const v1::ListWebhooksRequest*,
                                   v1::ListWebhooksResponse* response) override {
    return Run(context, list_webhooks_, [=, this](UnaryCall&) -> absl::Status {
      const auto webhooks = shared_->webhooks->List();
      if (!webhooks.ok()) return webhooks.status();
      for (const Webhook& webhook : *webhooks) ToProto(webhook, Now(), response->add_webhooks());
      return absl::OkStatus();
    });
  }

  ServerUnaryReactor* DeleteWebhook(CallbackServerContext* context,
                                    const v1::DeleteWebhookRequest* request,
                                    v1::DeleteWebhookResponse*) override {
    return Run(context, delete_, [=, this](UnaryCall& call) -> absl::Status {
      INVIGIL_RETURN_IF_ERROR(CheckId(request->webhook_id()));
      const auto deleted =
          shared_->webhooks->Delete(RequestOf(call, *request), request->webhook_id(), Now());
      if (!deleted.ok()) return deleted.status();
      Tell(*deleted, call, "webhook_deleted", "events are delivered to an address no more",
           HostOf(deleted->webhook.url));
      return absl::OkStatus();
    });
  }

  ServerUnaryReactor* RotateWebhookSecret(CallbackServerContext* context,
                                          const v1::RotateWebhookSecretRequest* request,
                                          v1::RotateWebhookSecretResponse* response) override {
    return Run(context, rotate_, [=, this](UnaryCall& call) -> absl::Status {
      INVIGIL_RETURN_IF_ERROR(CheckId(request->webhook_id()));
      const Duration overlap = request->has_overlap() ? FromProto(request->overlap()) : kOverlap;
      if (overlap < Duration(0) || overlap > kMaxOverlap) {
        return InvalidArgument("WEBHOOK_INVALID", "the secret was not changed; see the fields")
            .Field("overlap", "must be between 0 and 7 days");
      }
      const Time now = Now();
      const auto rotated = shared_->webhooks->Rotate(RequestOf(call, *request),
                                                     request->webhook_id(), now + overlap, now);
      if (!rotated.ok()) return rotated.status();
      if (rotated->webhook.secret.empty()) return NoSuchWebhook(request->webhook_id());  // deleted
      ToProto(rotated->webhook, now, response->mutable_webhook());
      if (rotated->shown) response->set_secret(rotated->webhook.secret);
      Tell(*rotated, call, "webhook_secret_rotated", "a webhook's deliveries are signed anew",
           HostOf(rotated->webhook.url));
      return absl::OkStatus();
    });
  }

  ServerUnaryReactor* ListDeadLetters(CallbackServerContext* context,
                                      const v1::ListDeadLettersRequest* request,
                                      v1::ListDeadLettersResponse* response) override {
    return Run(context, list_dead_, [=, this](UnaryCall&) { return ListDead(*request, response); });
  }

  ServerUnaryReactor* ReplayWebhook(CallbackServerContext* context,
                                    const v1::ReplayWebhookRequest* request,
                                    v1::ReplayWebhookResponse* response) override {
    return Run(context, replay_, [=, this](UnaryCall& call) -> absl::Status {
      const WebhookStore::Request asked = RequestOf(call, *request);
      const auto replayed = OrRepeated(asked, [&] { return Replay(asked, *request); });
      if (!replayed.ok()) return replayed.status();
      ToProto(replayed->webhook, Now(), response->mutable_webhook());
      Tell(*replayed, call, "webhook_replayed", "events are delivered again",
           request->has_from_cursor() ? "from cursor " + std::to_string(request->from_cursor())
                                      : std::to_string(request->event_ids_size()) + " events");
      return absl::OkStatus();
    });
  }

 private:
  Time Now() const { return parts_.clock.Now(); }

  // Admits, then runs `work` on the thread that may wait, and answers what it returns.
  template <typename Work>
  ServerUnaryReactor* Run(CallbackServerContext* context, const rpc::Method& method, Work work) {
    UnaryCall* call = UnaryCall::Begin(*context, parts_.guard, method);
    if (!call->admitted()) return call;
    rpc::RunOrRefuse(shared_->executor, call, [call, work = std::move(work)] {
      if (call->cancelled()) return call->Finish(absl::CancelledError("the caller left"));
      call->Finish(work(*call));
    });
    return call;
  }

  template <typename Request>
  static WebhookStore::Request RequestOf(const UnaryCall& call, const Request& request) {
    // Of what kind it is belongs to what is asked for.
    return {call.principal().subject, request.request_id(),
            Sha256Hex(Request::descriptor()->name() + request.SerializeAsString())};
  }

  // Where the path may hold a secret of the receiver's, the host tells enough.
  static std::string HostOf(const std::string& url) {
    const size_t begin = url.find("://");
    if (begin == std::string::npos) return "";
    return url.substr(0, url.find_first_of("/?#", begin + 3));
  }

  void Tell(const WebhookStore::Changed& changed, const UnaryCall& call, const char* action,
            const char* text, const std::string& detail) const {
    if (!changed.anew) return;  // it has its line
    log::Audit(action, text,
               {{"actor", call.principal().subject},
                {"webhook", changed.webhook.id},
                {"detail", detail},
                {"trace_id", call.trace().trace_id}});
    if (parts_.on_change) parts_.on_change();
  }

  static absl::Status CheckId(const std::string& id) {
    // Others can't be there, and a database refuses some of them less kindly.
    return IsId(id) ? absl::OkStatus() : NoSuchWebhook(id.substr(0, 64));
  }
  absl::StatusOr<Webhook> Find(const std::string& id) {
    INVIGIL_RETURN_IF_ERROR(CheckId(id));
    auto found = shared_->webhooks->Find(id);
    if (!found.ok()) return found.status();
    if (!*found) return NoSuchWebhook(id);
    return **std::move(found);
  }

  // Where a delivery begins: a cursor that the store still goes on from, 0 for its first, unset for
  // its last.
  absl::StatusOr<uint64_t> StartOf(std::optional<uint64_t> cursor) {
    NoticeReader& reader = shared_->feed.reader();
    const auto bounds = reader.ReadBounds();
    if (!bounds.ok()) return bounds.status();
    if (!cursor) return bounds->head;
    if (*cursor == 0) return bounds->floor;
    INVIGIL_RETURN_IF_ERROR(CheckCursor(*cursor, "start_cursor", "WEBHOOK_INVALID"));
    const auto page = reader.Page(*cursor, 1);
    if (!page.ok()) return page.status();
    return *cursor;
  }

  absl::Status List(const v1::ListEventsRequest& request, v1::ListEventsResponse* response) {
    const auto size = PageSize(request.page_size(), kEventsPage, kMaxEventsPage, "EVENTS_INVALID");
    if (!size.ok()) return size.status();
    INVIGIL_RETURN_IF_ERROR(CheckCursor(request.cursor(), "cursor", "EVENTS_INVALID"));
    const auto filter = FilterOf(request.kinds(), request.exam_id(), "EVENTS_INVALID");
    if (!filter.ok()) return filter.status();
    NoticeReader& reader = shared_->feed.reader();
    uint64_t cursor = request.cursor();
    if (cursor == 0) {
      const auto bounds = reader.ReadBounds();
      if (!bounds.ok()) return bounds.status();
      cursor = bounds->floor;
    }
    bool more = true, full = false;
    for (size_t seen = 0; more && !full && seen < kLookedThrough;) {
      // Many at once, however few are wanted: others wait for this thread.
      const auto page = reader.Page(cursor, kLookedAtOnce);
      if (!page.ok()) return page.status();
      cursor = page->cursor;
      more = page->more;
      seen += page->records.size();
      for (const NoticeRecord& record : page->records) {
        if (!filter->Wants(record.notice)) continue;
        ToProto(record, response->add_events());
        full = static_cast<size_t>(response->events_size()) == *size;
        if (!full) continue;
        if (&record != &page->records.back()) {
          cursor = record.notice.n;
          more = true;
        }
        break;
      }
    }
    response->set_cursor(cursor);
    response->set_more(more);
    return absl::OkStatus();
  }

  absl::Status ListDead(const v1::ListDeadLettersRequest& request,
                        v1::ListDeadLettersResponse* response) {
    const auto size =
        PageSize(request.page_size(), kLettersPage, kMaxLettersPage, "WEBHOOK_INVALID");
    if (!size.ok()) return size.status();
    uint64_t after = 0;
    const std::string& token = request.page_token();
    if (!token.empty()) {
      const bool number =
          token.size() <= 18 && token.find_first_not_of("0123456789") == std::string::npos;
      if (!number) {
        return InvalidArgument("WEBHOOK_INVALID", "nothing was listed; see the fields")
            .Field("page_token", "is not from an answer of this method");
      }
      after = std::stoull(token);
    }
    const auto webhook = Find(request.webhook_id());
    if (!webhook.ok()) return webhook.status();
    // One more tells whether there is more.
    const auto rows = shared_->webhooks->ListDead(request.webhook_id(), after, *size + 1);
    if (!rows.ok()) return rows.status();
    for (size_t i = 0; i < std::min(*size, rows->size()); ++i) {
      const Undelivered& row = (*rows)[i];
      v1::DeadLetter* letter = response->add_dead_letters();
      ToProto(row, letter);
      const auto record = shared_->feed.reader().Find(row.key);
      if (!record.ok()) return record.status();
      if (*record && (*record)->notice.EventId() == letter->event_id()) {
        ToProto(**record, letter->mutable_event());
      }
    }
    if (rows->size() > *size) {
      response->set_next_page_token(std::to_string((*rows)[*size - 1].n));
    }
    return absl::OkStatus();
  }

  // What was done already is answered so, whatever it would be judged like now; else `work`.
  template <typename Work>
  absl::StatusOr<WebhookStore::Changed> OrRepeated(const WebhookStore::Request& asked, Work work) {
    auto repeated = shared_->webhooks->Repeated(asked, Now());
    if (!repeated.ok()) return repeated.status();
    if (*repeated) return **std::move(repeated);
    return work();
  }

  absl::StatusOr<WebhookStore::Changed> Create(const WebhookStore::Request& asked,
                                               const v1::CreateWebhookRequest& request) {
    INVIGIL_RETURN_IF_ERROR(CheckWebhookUrl(request.url(), parts_.rule));
    auto filter = FilterOf(request.kinds(), request.exam_id(), "WEBHOOK_INVALID");
    if (!filter.ok()) return filter.status();
    const auto start =
        StartOf(request.has_start_cursor() ? std::optional(request.start_cursor()) : std::nullopt);
    if (!start.ok()) return start.status();
    Webhook wanted;
    wanted.url = request.url();
    wanted.filter = *std::move(filter);
    wanted.position = *start;
    return shared_->webhooks->Create(asked, wanted, Now());
  }

  absl::StatusOr<WebhookStore::Changed> Replay(const WebhookStore::Request& asked,
                                               const v1::ReplayWebhookRequest& request) {
    const bool some = request.event_ids_size() > 0;
    if (request.has_from_cursor() == some || request.event_ids_size() > kMaxReplayed) {
      return InvalidArgument("WEBHOOK_INVALID", "nothing is replayed; see the fields")
          .Field("event_ids", "give these, at most 500, or from_cursor, and not both");
    }
    const auto webhook = Find(request.webhook_id());
    if (!webhook.ok()) return webhook.status();
    if (!some) {
      const auto start = StartOf(request.from_cursor());
      if (!start.ok()) return start.status();
      return shared_->webhooks->ReplayFrom(asked, request.webhook_id(), *start, Now());
    }
    std::vector<Undelivered> events;
    for (const std::string& id : request.event_ids()) {
      const auto key = ParseEventId(id);
      absl::StatusOr<std::optional<NoticeRecord>> record = std::optional<NoticeRecord>();
      if (key) record = shared_->feed.reader().Find(*key);
      if (!record.ok()) return record.status();
      const bool known = *record && (*record)->notice.EventId() == id;
      if (!known || !webhook->filter.Wants((*record)->notice)) {
        return NotFound("EVENT_NOT_FOUND",
                        "one of the events is not kept, or not one of this webhook's; nothing is "
                        "replayed")
            .With("event_id", id.substr(0, 64));
      }
      const Notice& notice = (*record)->notice;
      Undelivered& row = events.emplace_back();
      row.n = notice.n;
      row.key = *key;
      row.written_at = notice.written_at;
    }
    return shared_->webhooks->ReplayEvents(asked, request.webhook_id(), events, Now());
  }

  const rpc::Method& Method(const char* name) const {
    return parts_.guard.Find(std::string("/invigil.session.v1.EventService/") + name);
  }

  const EventParts parts_;
  const std::shared_ptr<EventShared> shared_;
  const rpc::Method& stream_ = Method("StreamEvents");
  const rpc::Method& list_ = Method("ListEvents");
  const rpc::Method& create_ = Method("CreateWebhook");
  const rpc::Method& get_ = Method("GetWebhook");
  const rpc::Method& list_webhooks_ = Method("ListWebhooks");
  const rpc::Method& delete_ = Method("DeleteWebhook");
  const rpc::Method& rotate_ = Method("RotateWebhookSecret");
  const rpc::Method& list_dead_ = Method("ListDeadLetters");
  const rpc::Method& replay_ = Method("ReplayWebhook");
};

}  // namespace

std::shared_ptr<grpc::Service> MakeEventService(const EventParts& parts,
                                                std::unique_ptr<NoticeReader> reader,
                                                std::unique_ptr<WebhookStore> webhooks) {
  return std::make_shared<EventServiceImpl>(parts, std::move(reader), std::move(webhooks));
}

}  // namespace invigil::session
