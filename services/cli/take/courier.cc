#include "services/cli/take/courier.h"

#include <algorithm>
#include <utility>

#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/cli/api/retry.h"

namespace invigil::cli::take {
namespace {

namespace ses = session::v1;

constexpr int kLargestSave = 100;

Duration ToDuration(const google::protobuf::Duration& d) {
  return Seconds(d.seconds()) + Micros(d.nanos() / 1000);
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

}  // namespace

Courier::Courier(Api& api, Options options, std::function<void(News)> emit)
    : api_(api),
      options_(std::move(options)),
      emit_(std::move(emit)),
      random_(StableHash("courier", StableHash(options_.session_id))),
      watch_random_(StableHash("watch", StableHash(options_.session_id))),
      worker_([this] { Work(); }) {
  if (options_.watch) watcher_ = std::thread([this] { Watch(); });
}

Courier::~Courier() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  watch_stopper_.Stop();
  worker_.join();
  if (watcher_.joinable()) watcher_.join();
}

void Courier::Post(const Outbox& outbox) {
  const std::lock_guard lock(mutex_);
  for (const ses::ResponseWrite& write : outbox.writes) waiting_[write.item_id()] = write;
  if (outbox.submit) submit_ = outbox.submit;
  refresh_ = refresh_ || outbox.refresh;
  report_ = report_ || outbox.report;
  changed_.notify_all();
}

size_t Courier::Flush(Duration limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [this] { return waiting_.empty(); });
  return waiting_.size();
}

std::optional<Courier::Task> Courier::NextTask() const {
  if (!waiting_.empty()) return Task::kSave;
  if (submit_) return Task::kSubmit;
  if (refresh_) return Task::kRefresh;
  if (report_) return Task::kReport;
  return std::nullopt;
}

void Courier::Work() {
  for (;;) {
    Task task;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [this] { return stop_ || NextTask().has_value(); });
      if (stop_) return;
      task = *NextTask();
    }
    const absl::Status status = Do(task);
    if (!status.ok() && IsRetryable(status)) {
      // A score that is still being made is no trouble to tell about.
      if (ReasonOf(status) != "SCORE_PENDING") emit_(Offline{Message(status)});
      Pause(RetryDelay(status, ++failures_, random_));
      continue;
    }
    failures_ = 0;
    Settle(task, status);
  }
}

absl::Status Courier::Do(Task task) {
  switch (task) {
    case Task::kSave:
      return Save();
    case Task::kSubmit:
      return SubmitNow();
    case Task::kRefresh:
      return Refresh();
    case Task::kReport:
      return FetchReport();
  }
  return absl::OkStatus();
}

void Courier::Settle(Task task, const absl::Status& status) {
  {
    const std::lock_guard lock(mutex_);
    if (task == Task::kRefresh) refresh_ = false;
    if (task == Task::kReport) report_ = false;
    // A submission made anew while this one was on its way is the machine's business: it asks
    // again.
    if (task == Task::kSubmit) submit_.reset();
    if (task == Task::kSave && !status.ok()) waiting_.clear();
    // What can't be saved can't be submitted either.
    if (task == Task::kSave && !status.ok()) submit_.reset();
  }
  changed_.notify_all();
  if (!status.ok()) {
    const std::string reason = ReasonOf(status);
    emit_(Refused{reason.empty() ? absl::StatusCodeToString(status.code()) : reason,
                  Message(status)});
  }
}

absl::Status Courier::Save() {
  ses::SaveResponsesRequest request;
  request.set_session_id(options_.session_id);
  request.set_epoch(options_.epoch);
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [item_id, write] : waiting_) {
      if (request.responses_size() == kLargestSave) break;
      *request.add_responses() = write;
    }
  }
  auto reply = api_.SaveResponses(request, options_.token);
  if (!reply.ok()) return reply.status();
  {
    const std::lock_guard lock(mutex_);
    for (const ses::Ack& ack : reply->acks()) {
      const auto found = waiting_.find(ack.item_id());
      if (found != waiting_.end() && found->second.sequence() <= ack.sequence()) {
        waiting_.erase(found);
      }
    }
  }
  changed_.notify_all();
  emit_(Saved{{reply->acks().begin(), reply->acks().end()},
              ToDuration(reply->remaining()),
              reply->deadline_version()});
  return absl::OkStatus();
}

absl::Status Courier::SubmitNow() {
  ses::SubmitSessionRequest request;
  request.set_session_id(options_.session_id);
  request.set_epoch(options_.epoch);
  {
    const std::lock_guard lock(mutex_);
    if (!submit_) return absl::OkStatus();
    for (const ses::ItemSequence& pair : *submit_) *request.add_seen() = pair;
  }
  auto reply = api_.SubmitSession(request, options_.token);
  if (!reply.ok()) return reply.status();
  emit_(Submitted{*std::move(reply)});
  return absl::OkStatus();
}

absl::Status Courier::Refresh() {
  ses::GetSessionRequest request;
  request.set_session_id(options_.session_id);
  auto reply = api_.GetSession(request, options_.token);
  if (!reply.ok()) return reply.status();
  const ses::Session& session = reply->session();
  emit_(Update{session.state(), ToDuration(session.remaining()), session.deadline_version(),
               session.epoch()});
  return absl::OkStatus();
}

absl::Status Courier::FetchReport() {
  ses::GetScoreReportRequest request;
  request.set_session_id(options_.session_id);
  auto reply = api_.GetScoreReport(request, options_.token);
  if (!reply.ok()) return reply.status();
  emit_(Report{*std::move(reply)});
  return absl::OkStatus();
}

void Courier::Watch() {
  ses::WatchSessionRequest request;
  request.set_session_id(options_.session_id);
  for (int failures = 0; !watch_stopper_.stopped();) {
    bool sealed = false;
    const absl::Status status = api_.WatchSession(
        request, options_.token, watch_stopper_, [&](const ses::WatchSessionResponse& update) {
          failures = 0;
          sealed = IsSealed(update.state());
          emit_(Update{update.state(), ToDuration(update.remaining()), update.deadline_version(),
                       update.epoch()});
        });
    if (watch_stopper_.stopped() || sealed) return;
    // Saving never depends on the watch, so a refused one is no reason to stop the exam.
    if (!status.ok() && !IsRetryable(status)) return;
    if (!status.ok() && !absl::IsDeadlineExceeded(status)) emit_(Offline{Message(status)});
    Pause(RetryDelay(status, ++failures, watch_random_));
  }
}

void Courier::Pause(Duration length) {
  std::unique_lock lock(mutex_);
  const Duration scaled(
      static_cast<int64_t>(static_cast<double>(length.count()) * options_.pause_scale));
  changed_.wait_for(lock, scaled, [this] { return stop_; });
}

}  // namespace invigil::cli::take
