#include "services/cli/take/courier.h"

#include <algorithm>
#include <utility>

#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/cli/api/retry.h"
#include "services/cli/take/reconcile.h"

namespace invigil::cli::take {
namespace {

namespace ses = session::v1;

constexpr int kLargestSave = 100;

Duration ToDuration(const google::protobuf::Duration& d) {
  return Seconds(d.seconds()) + Micros(d.nanos() / 1000);
}

std::string Message(const absl::Status& status) { return std::string(status.message()); }

ses::ResponseWrite WriteOf(const ses::StoredResponse& stored) {
  ses::ResponseWrite write;
  write.set_item_id(stored.item_id());
  write.set_sequence(stored.sequence());
  *write.mutable_option_ids() = stored.option_ids();
  write.set_cleared(stored.cleared());
  return write;
}

Update UpdateOf(const ses::Session& session) {
  Update update{session.state(),
                ToDuration(session.remaining()),
                session.deadline_version(),
                session.epoch(),
                session.current_part(),
                session.break_kind(),
                ToDuration(session.granted())};
  for (const ses::SessionMessage& message : session.messages()) {
    if (message.from_candidate() || message.confirmed()) continue;
    update.messages.push_back(message);
    ++update.unconfirmed_messages;
  }
  return update;
}

std::vector<std::string> SplitAtCommas(const std::string& text) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find(',', at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

// "sequence:letters", as the details of ITEMS_LOCKED and EDIT_QUOTA_USED have it.
ses::StoredResponse ReadStored(const std::string& item_id, const std::string& text) {
  ses::StoredResponse stored;
  stored.set_item_id(item_id);
  size_t at = 0;
  uint32_t sequence = 0;
  for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at) {
    sequence = sequence * 10 + static_cast<uint32_t>(text[at] - '0');
  }
  stored.set_sequence(sequence);
  for (++at; at < text.size(); ++at) stored.add_option_ids(std::string(1, text[at]));
  stored.set_cleared(sequence > 0 && stored.option_ids().empty());
  return stored;
}

// What is newer replaces what it repeats.
void Merge(Progress& into, const Progress& newer) {
  for (const ses::Mark& mark : newer.marks) {
    std::erase_if(into.marks, [&](const ses::Mark& m) { return m.item_id() == mark.item_id(); });
    into.marks.push_back(mark);
  }
  if (newer.shown_item.empty()) return;
  into.shown_item = newer.shown_item;
  into.seen = newer.seen;
}

// nullopt: it was not refused for some of its items.
std::optional<Rejected> ReadRejection(const absl::Status& status) {
  const ErrorView view = ViewError(status);
  if (view.reason != "ITEMS_LOCKED" && view.reason != "EDIT_QUOTA_USED") return std::nullopt;
  std::map<std::string, std::vector<std::string>> lists;
  for (const auto& [name, value] : view.metadata) lists[name] = SplitAtCommas(value);
  const auto& items = lists["item_ids"];
  const auto &sent = lists["sent"], &stored = lists["stored"];
  if (items.size() != sent.size() || items.size() != stored.size()) return std::nullopt;
  Rejected rejected{view.reason, {}};
  for (size_t i = 0; i < items.size(); ++i) {
    rejected.items.push_back(
        {ReadStored(items[i], sent[i]).sequence(), ReadStored(items[i], stored[i])});
  }
  return rejected;
}

}  // namespace

Courier::Courier(Api& api, Options options, std::function<void(News)> emit)
    : api_(api),
      options_(std::move(options)),
      emit_(std::move(emit)),
      random_(StableHash("courier", StableHash(options_.session_id))),
      watch_random_(StableHash("watch", StableHash(options_.session_id))) {
  for (const ses::StoredResponse& stored : options_.stored) {
    newest_[stored.item_id()] = WriteOf(stored);
  }
  worker_ = std::thread([this] { Work(); });
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
  for (const ses::ResponseWrite& write : outbox.writes) {
    waiting_[write.item_id()] = newest_[write.item_id()] = write;
  }
  confirm_.insert(confirm_.end(), outbox.confirm.begin(), outbox.confirm.end());
  if (outbox.progress) {
    if (!progress_) progress_.emplace();
    Merge(*progress_, *outbox.progress);
  }
  if (outbox.move) move_ = outbox.move;
  if (outbox.submit) submit_ = outbox.submit;
  // Flags of a section that is left are of no more use, and must not hold that up.
  if (outbox.submit || (outbox.move && outbox.move->kind == Move::Kind::kLeave)) progress_.reset();
  refresh_ = refresh_ || outbox.refresh;
  reload_ = reload_ || outbox.reload;
  report_ = report_ || outbox.report;
  changed_.notify_all();
}

size_t Courier::Flush(Duration limit) {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, limit, [this] { return waiting_.empty() && !progress_; });
  return waiting_.size();
}

std::optional<Courier::Task> Courier::NextTask() const {
  if (reconcile_) return Task::kReconcile;
  if (!waiting_.empty()) return Task::kSave;
  if (!confirm_.empty()) return Task::kConfirm;
  if (progress_) return Task::kProgress;
  if (move_) return Task::kMove;
  if (submit_) return Task::kSubmit;
  if (refresh_ || reload_) return Task::kRefresh;
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
      NoteFailure(task, status);
      Pause(RetryDelay(status, ++failures_, random_));
      continue;
    }
    failures_ = 0;
    Settle(task, status);
  }
}

absl::Status Courier::Do(Task task) {
  switch (task) {
    case Task::kReconcile:
      return Reconcile();
    case Task::kSave:
      return Save();
    case Task::kConfirm:
      return Confirm();
    case Task::kProgress:
      return TellProgress();
    case Task::kMove:
      return MakeMove();
    case Task::kSubmit:
      return SubmitNow();
    case Task::kRefresh:
      return Refresh();
    case Task::kReport:
      return FetchReport();
  }
  return absl::OkStatus();
}

void Courier::NoteFailure(Task task, const absl::Status& status) {
  // A score that is still being made is no trouble to tell about.
  if (ReasonOf(status) != "SCORE_PENDING") emit_(Offline{Message(status)});
  // Away, and not just busy: nobody knows what it has heard, or kept.
  if (task == Task::kReport || absl::IsResourceExhausted(status)) return;
  const std::lock_guard lock(mutex_);
  reconcile_ = true;
}

bool Courier::DropRejected(const absl::Status& status) {
  const auto rejected = ReadRejection(status);
  if (!rejected) return false;
  bool ours = false;
  {
    const std::lock_guard lock(mutex_);
    for (const Rejected::Item& item : rejected->items) {
      const std::string& id = item.stored.item_id();
      const auto found = waiting_.find(id);
      if (found == waiting_.end()) continue;
      ours = true;
      if (found->second.sequence() > item.sequence) continue;  // written anew meanwhile
      waiting_.erase(found);
      newest_[id] = WriteOf(item.stored);
    }
    if (!ours) return false;
    // What would be ended is not what the candidate saw.
    submit_.reset();
    move_.reset();
  }
  changed_.notify_all();
  emit_(*rejected);
  return true;
}

void Courier::Settle(Task task, const absl::Status& status) {
  if (task == Task::kSave && !status.ok() && DropRejected(status)) return;
  {
    const std::lock_guard lock(mutex_);
    if (task == Task::kReconcile) reconcile_ = false;
    if (task == Task::kReport) report_ = false;
    if (task == Task::kConfirm) confirm_.erase(confirm_.begin());
    // A submission or a move made anew while this one was on its way is the machine's business: it
    // asks again.
    if (task == Task::kSubmit) submit_.reset();
    if (task == Task::kMove) move_.reset();
    if (task == Task::kMove && status.ok()) reload_ = after_move_ = true;
    if (task == Task::kRefresh && !status.ok()) refresh_ = reload_ = after_move_ = false;
    if (task == Task::kSave && !status.ok()) waiting_.clear();
    // What can't be saved can't be submitted either.
    if (task == Task::kSave && !status.ok()) submit_.reset();
    if (task == Task::kSave && !status.ok()) move_.reset();
  }
  changed_.notify_all();
  if (status.ok()) return;
  const std::string reason = ReasonOf(status);
  // A flag that can't be stored now is told again later; what is not known is not reconciled.
  const bool matters = reason == "EPOCH_STALE" || reason == "SESSION_SEALED";
  if ((task == Task::kReconcile || task == Task::kConfirm) && !matters) return;
  if (task == Task::kProgress && !matters && reason != "RESPONSES_MISSING") return;
  emit_(
      Refused{reason.empty() ? absl::StatusCodeToString(status.code()) : reason, Message(status)});
}

absl::Status Courier::Reconcile() {
  ses::GetResponseVectorRequest request;
  request.set_session_id(options_.session_id);
  const auto reply = api_.GetResponseVector(request, options_.token);
  if (!reply.ok()) return reply.status();
  // Nothing is taken any more, or not from here: whatever is sent next is told so.
  if (IsSealed(reply->state()) || reply->epoch() > options_.epoch) return absl::OkStatus();
  Saved held;
  {
    const std::lock_guard lock(mutex_);
    const Differences differences = Compare(newest_, *reply);
    for (const ses::ResponseWrite& write : differences.missing) waiting_[write.item_id()] = write;
    for (const ses::ResponseWrite& write : differences.held) {
      if (waiting_.erase(write.item_id()) == 0) continue;
      ses::Ack& ack = held.acks.emplace_back();
      ack.set_item_id(write.item_id());
      ack.set_sequence(write.sequence());
      ack.set_status(ses::ACK_STATUS_STORED);
    }
  }
  emit_(std::move(held));
  return absl::OkStatus();
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
      if (ack.status() == ses::ACK_STATUS_STALE &&
          newest_[ack.item_id()].sequence() <= ack.sequence()) {
        newest_[ack.item_id()] = WriteOf(ack.stored());
      }
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

absl::Status Courier::Confirm() {
  ses::ConfirmMessageRequest request;
  request.set_session_id(options_.session_id);
  {
    const std::lock_guard lock(mutex_);
    request.set_message_id(confirm_.front());
  }
  const auto reply = api_.ConfirmMessage(request, options_.token);
  if (!reply.ok()) return reply.status();
  emit_(Confirmed{request.message_id()});
  return absl::OkStatus();
}

absl::Status Courier::TellProgress() {
  Progress progress;
  {
    const std::lock_guard lock(mutex_);
    if (!progress_) return absl::OkStatus();
    progress = *std::exchange(progress_, std::nullopt);
  }
  ses::SaveProgressRequest request;
  request.set_session_id(options_.session_id);
  request.set_epoch(options_.epoch);
  for (const ses::Mark& mark : progress.marks) {
    if (request.marks_size() < kLargestSave) *request.add_marks() = mark;
  }
  request.set_shown_item_id(progress.shown_item);
  for (const ses::ItemSequence& pair : progress.seen) *request.add_seen() = pair;
  const auto reply = api_.SaveProgress(request, options_.token);
  if (!reply.ok()) {
    if (IsRetryable(reply.status())) {
      const std::lock_guard lock(mutex_);
      if (progress_) Merge(progress, *progress_);
      if (!submit_ && !move_) progress_ = std::move(progress);
    }
    return reply.status();
  }
  emit_(MarksSaved{{request.marks().begin(), request.marks().end()}});
  return absl::OkStatus();
}

absl::Status Courier::MakeMove() {
  Move move;
  {
    const std::lock_guard lock(mutex_);
    if (!move_) return absl::OkStatus();
    move = *move_;
  }
  const auto fill = [&](auto& request) {
    request.set_session_id(options_.session_id);
    request.set_epoch(options_.epoch);
  };
  if (move.kind == Move::Kind::kLeave) {
    ses::LeavePartRequest request;
    fill(request);
    request.set_part(move.part);
    request.set_accept(move.accept);
    for (const ses::ItemSequence& pair : move.seen) *request.add_seen() = pair;
    return api_.LeavePart(request, options_.token).status();
  }
  if (move.kind == Move::Kind::kEndBreak) {
    ses::EndBreakRequest request;
    fill(request);
    request.set_break_number(move.break_number);
    return api_.EndBreak(request, options_.token).status();
  }
  ses::TakeBreakRequest request;
  fill(request);
  request.set_break_number(move.break_number);
  request.set_pooled(move.pooled);
  for (const std::string& item_id : move.shown_items) request.add_seen_item_ids(item_id);
  for (const ses::ItemSequence& pair : move.seen) *request.add_seen() = pair;
  return api_.TakeBreak(request, options_.token).status();
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
  bool whole, after_move;
  {
    const std::lock_guard lock(mutex_);
    whole = reload_;
    after_move = after_move_;
  }
  ses::GetSessionRequest request;
  request.set_session_id(options_.session_id);
  auto reply = api_.GetSession(request, options_.token);
  if (!reply.ok()) return reply.status();
  {
    const std::lock_guard lock(mutex_);
    refresh_ = false;
    if (whole) reload_ = false;
    if (after_move) after_move_ = false;
    for (const ses::StoredResponse& stored : reply->session().responses()) {
      ses::ResponseWrite& newest = newest_[stored.item_id()];
      if (newest.sequence() < stored.sequence()) newest = WriteOf(stored);
    }
  }
  if (whole) {
    emit_(Loaded{std::move(*reply->mutable_session()), after_move});
  } else {
    emit_(UpdateOf(reply->session()));
  }
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
  bool away = false;
  for (int failures = 0; !watch_stopper_.stopped();) {
    bool sealed = false;
    const absl::Status status = api_.WatchSession(
        request, options_.token, watch_stopper_, [&](const ses::WatchSessionResponse& update) {
          failures = 0;
          if (std::exchange(away, false)) {
            const std::lock_guard lock(mutex_);
            reconcile_ = true;
            changed_.notify_all();
          }
          sealed = IsSealed(update.state());
          Update news{update.state(),
                      ToDuration(update.remaining()),
                      update.deadline_version(),
                      update.epoch(),
                      update.current_part(),
                      update.break_kind(),
                      ToDuration(update.granted())};
          if (update.has_message()) news.messages.push_back(update.message());
          news.unconfirmed_messages = update.unconfirmed_messages();
          emit_(std::move(news));
        });
    if (watch_stopper_.stopped() || sealed) return;
    // Saving never depends on the watch, so a refused one is no reason to stop the exam.
    if (!status.ok() && !IsRetryable(status)) return;
    if (!status.ok() && !absl::IsDeadlineExceeded(status)) {
      away = true;
      emit_(Offline{Message(status)});
    }
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
