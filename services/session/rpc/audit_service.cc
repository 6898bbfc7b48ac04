#include "services/session/rpc/audit_service.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

#include "common/error/error.h"
#include "common/log/log.h"
#include "common/rpc/unary.h"
#include "invigil/session/v1/audit.grpc.pb.h"
#include "services/session/journal/timeline.h"
#include "services/session/journal/verify.h"
#include "services/session/rpc/convert.h"

namespace invigil::session {
namespace {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using rpc::UnaryCall;

// One reads at a time; a few may wait.
class Readings {
 public:
  Readings() : thread_([this] { Run(); }) {}
  ~Readings() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }
  // false: too many wait.
  bool Add(std::function<void()> reading) {
    {
      const std::lock_guard lock(mutex_);
      if (waiting_.size() >= kWaiting) return false;
      waiting_.push_back(std::move(reading));
    }
    wake_.notify_one();
    return true;
  }

 private:
  static constexpr size_t kWaiting = 16;
  void Run() {
    std::unique_lock lock(mutex_);
    while (true) {
      wake_.wait(lock, [this] { return stopping_ || !waiting_.empty(); });
      if (waiting_.empty()) return;  // every call is answered before the end
      const auto reading = std::move(waiting_.front());
      waiting_.pop_front();
      lock.unlock();
      reading();
      lock.lock();
    }
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

absl::Status Noted(const v1::VerifyJournalRequest& request, VerifyOptions& options) {
  if (!request.has_noted()) return absl::OkStatus();
  const std::string& hash = request.noted().hash();
  if (hash.size() != 64 || hash.find_first_not_of("0123456789abcdef") != std::string::npos) {
    return InvalidArgument("HEAD_INVALID", "give the head as it was noted")
        .Field("noted.hash", "must be 64 hexadecimal digits");
  }
  options.noted = JournalHead{request.noted().row(), hash};
  return absl::OkStatus();
}

class AuditServiceImpl final : public v1::AuditService::CallbackService {
 public:
  AuditServiceImpl(const rpc::Guard& guard, std::unique_ptr<EventLogReader> reader)
      : guard_(guard), reader_(std::move(reader)) {}

  ServerUnaryReactor* VerifyJournal(CallbackServerContext* context,
                                    const v1::VerifyJournalRequest* request,
                                    v1::VerifyJournalResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, guard_, verify_);
    if (!call->admitted()) return call;
    VerifyOptions options;
    if (absl::Status status = Noted(*request, options); !status.ok()) {
      call->Finish(status);
      return call;
    }
    return Read(call, [this, call, response, options] {
      const auto verdict = session::VerifyJournal(*reader_, options);
      if (!verdict.ok()) return verdict.status();
      response->set_right_rows(verdict->rows);
      response->set_sessions(verdict->sessions);
      response->mutable_head()->set_row(verdict->head.n);
      response->mutable_head()->set_hash(verdict->head.hash);
      if (verdict->fault) {
        response->set_wrong_row(verdict->fault->n);
        response->set_fault(verdict->fault->what);
        log::Error("the journal is not what was written", {{"audit", "journal_fault"},
                                                           {"row", verdict->fault->n},
                                                           {"fault", verdict->fault->what},
                                                           {"trace_id", call->trace().trace_id}});
      }
      return absl::OkStatus();
    });
  }

  ServerUnaryReactor* GetTimeline(CallbackServerContext* context,
                                  const v1::GetTimelineRequest* request,
                                  v1::GetTimelineResponse* response) override {
    UnaryCall* call = UnaryCall::Begin(*context, guard_, timeline_);
    if (!call->admitted()) return call;
    const auto session = SessionId::FromHex(request->session_id());
    if (!session) {
      call->Finish(InvalidArgument("SESSION_ID_INVALID", "name a session")
                       .Field("session_id", "must be 32 lower-case hexadecimal digits"));
      return call;
    }
    return Read(call, [this, response, session] {
      const auto entries = ReadTimeline(*reader_, *session);
      if (!entries.ok()) return entries.status();
      for (const TimelineEntry& entry : *entries) {
        auto* to = response->add_entries();
        to->set_sequence(entry.seq);
        Set(entry.written_at, to->mutable_write_time());
        Set(entry.happened_at, to->mutable_event_time());
        to->set_kind(entry.kind);
        to->set_actor(entry.actor);
        to->set_text(entry.text);
        if (entry.due) Set(*entry.due, to->mutable_due_time());
      }
      return absl::OkStatus();
    });
  }

 private:
  ServerUnaryReactor* Read(UnaryCall* call, std::function<absl::Status()> read) {
    if (!readings_.Add([call, read = std::move(read)] { call->Finish(read()); })) {
      call->Finish(ResourceExhausted("AUDIT_BUSY", "too many audits wait; try again", Seconds(10)));
    }
    return call;
  }

  const rpc::Guard& guard_;
  const rpc::Method& verify_ = guard_.Find("/invigil.session.v1.AuditService/VerifyJournal");
  const rpc::Method& timeline_ = guard_.Find("/invigil.session.v1.AuditService/GetTimeline");
  const std::unique_ptr<EventLogReader> reader_;
  Readings readings_;  // last: it uses the above
};

}  // namespace

std::shared_ptr<grpc::Service> MakeAuditService(const rpc::Guard& guard,
                                                std::unique_ptr<EventLogReader> reader) {
  return std::make_shared<AuditServiceImpl>(guard, std::move(reader));
}

}  // namespace invigil::session
