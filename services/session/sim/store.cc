#include "services/session/sim/store.h"

#include <algorithm>

#include "common/error/error.h"
#include "services/session/domain/clock.h"

namespace invigil::session::sim {
namespace {

absl::Status Taken() { return AlreadyExists("TAKEN", "another writer was first"); }
absl::Status Busy() { return Unavailable("STORE_BUSY", "another writer is at work"); }
absl::Status Failing() { return Unavailable("STORE_IO", "the disk fails"); }

}  // namespace

std::vector<Scheduled> Store::ListScheduled(std::optional<Scheduled> after, Time until,
                                            size_t limit) const {
  std::vector<Scheduled> due;
  for (const auto& [id, session] : sessions_) {
    if (!session.due || *session.due > until) continue;
    if (after && std::pair(*session.due, id) <= std::pair(after->deadline, after->session))
      continue;
    due.push_back({*session.due, id});
  }
  std::sort(due.begin(), due.end(), [](const Scheduled& a, const Scheduled& b) {
    return std::pair(a.deadline, a.session) < std::pair(b.deadline, b.session);
  });
  if (due.size() > limit) due.resize(limit);
  return due;
}

std::vector<OutboxEntry> Store::ListOutbox(std::optional<OutboxEntry> after, size_t limit) const {
  std::vector<OutboxEntry> entries;
  for (const auto& [sealed_at, session, attempt] : outbox_) {
    if (after && OutboxRow(sealed_at, session, attempt) <=
                     OutboxRow(after->sealed_at, after->session, after->attempt_version)) {
      continue;
    }
    if (entries.size() == limit) break;
    entries.push_back({sealed_at, session, attempt});
  }
  return entries;
}

absl::Status SimEventLog::Begin() {
  if (around_.Roll(plan_.store_fails)) return Failing();
  if (plan_.store == StoreKind::kExclusive) {
    if (store_.writer_ != nullptr) return Busy();
    store_.writer_ = this;
  }
  open_ = true;
  const uint64_t foreign = store_.commits_ - own_commits_;
  const bool changed = plan_.store == StoreKind::kExclusive ? foreign != foreign_seen_
                                                            : plan_.store == StoreKind::kCounting;
  if (changed && store_.bug_ != Bug::kStaleGeneration) ++generation_;
  foreign_seen_ = foreign;
  around_.Pass(AwaitPoint::kBegun);
  return absl::OkStatus();
}

absl::Status SimEventLog::Commit() {
  around_.Pass(AwaitPoint::kBeforeCommit);
  if (around_.Roll(plan_.other_writer_first)) around_.OtherWriterFirst();
  if (around_.Roll(plan_.commit_fails)) return Failing();
  INVIGIL_RETURN_IF_ERROR(CheckRelied());
  INVIGIL_RETURN_IF_ERROR(Check());
  Apply();
  ++store_.commits_;
  ++own_commits_;
  const std::vector<Appended> appended = std::move(appended_);
  Rollback();  // what is left of the transaction is its lock
  around_.Durable(appended);
  around_.Pass(AwaitPoint::kAfterCommit);
  if (around_.Roll(plan_.commit_reply_lost)) return Failing();
  return absl::OkStatus();
}

void SimEventLog::Rollback() {
  if (store_.writer_ == this) store_.writer_ = nullptr;
  open_ = false;
  appended_.clear();
  starts_.clear();
  contents_.clear();
  delivered_.clear();
  relied_.clear();
}

void SimEventLog::Rely(const SessionId& session, uint64_t version) {
  if (store_.bug_ != Bug::kStaleGeneration) relied_.emplace_back(session, version);
}

absl::Status SimEventLog::Read(const SessionId& session, uint64_t after, Visitor visit) {
  around_.Pass(AwaitPoint::kLogRead);
  const auto it = store_.sessions_.find(session);
  if (it == store_.sessions_.end()) return absl::OkStatus();
  const std::vector<Logged>& log = it->second.log;
  for (uint64_t seq = after; seq < log.size(); ++seq) {
    INVIGIL_RETURN_IF_ERROR(visit(seq + 1, log[seq].at, log[seq].event));
  }
  return absl::OkStatus();
}

absl::Status SimEventLog::Append(const SessionId& session, const Events& events, Time at,
                                 const State& after) {
  if (around_.Roll(plan_.other_writer_first)) around_.OtherWriterFirst();
  if (around_.Roll(plan_.store_fails)) return Failing();
  Appended appended{session,      after.version - events.size() + 1,
                    {},           std::nullopt,
                    after.live(), after.attempt_version};
  appended.identity = after.identity;
  for (const Event& event : events) appended.events.push_back({at, event});
  appended.due = DueTime(after);
  INVIGIL_RETURN_IF_ERROR(CheckSequence(appended));
  if (store_.bug_ == Bug::kEventLost && after.version % 5 == 0) return absl::OkStatus();
  appended_.push_back(std::move(appended));
  INVIGIL_RETURN_IF_ERROR(Check());
  around_.Pass(AwaitPoint::kAppended);
  return absl::OkStatus();
}

absl::Status SimEventLog::CheckSequence(const Appended& appended) const {
  if (store_.bug_ == Bug::kSequenceNotUnique || store_.bug_ == Bug::kEventLost) {
    return absl::OkStatus();
  }
  uint64_t next = store_.Version(appended.session) + 1;
  for (const Appended& earlier : appended_) {
    if (&earlier != &appended && earlier.session == appended.session) {
      next += earlier.events.size();
    }
  }
  return appended.first == next ? absl::OkStatus() : Taken();
}

absl::Status SimEventLog::Check() const {
  for (size_t i = 0; i < appended_.size(); ++i) {
    const Appended& appended = appended_[i];
    const bool first =
        std::none_of(appended_.begin(), appended_.begin() + static_cast<long>(i),
                     [&](const Appended& a) { return a.session == appended.session; });
    if (first && store_.bug_ != Bug::kSequenceNotUnique && store_.bug_ != Bug::kEventLost &&
        appended.first != store_.Version(appended.session) + 1) {
      return Taken();
    }
    // A reservation remembers how its start was answered: that row too is there once.
    const auto* reserved = std::get_if<Reserved>(&appended.events.front().event);
    if (reserved && store_.bug_ != Bug::kTwoLiveSessions &&
        store_.starts_.contains({reserved->identity.candidate_id, reserved->identity.request_id})) {
      return Taken();
    }
    // Reserved, or reopened: it must be the candidate's only live one.
    if (!appended.live || store_.bug_ == Bug::kTwoLiveSessions) continue;
    const auto row = store_.sessions_.find(appended.session);
    if (row != store_.sessions_.end() && row->second.live) continue;
    for (const auto& [id, session] : store_.sessions_) {
      const bool sealed_here =
          std::any_of(appended_.begin(), appended_.end(),
                      [&, id = id](auto& a) { return a.session == id && !a.live; });
      if (session.live && !sealed_here && session.candidate == appended.identity->candidate_id &&
          session.exam == appended.identity->exam_id) {
        return Taken();
      }
    }
  }
  for (const auto& [key, session] : starts_) {
    if (store_.starts_.contains(key)) return Taken();
  }
  return absl::OkStatus();
}

absl::Status SimEventLog::CheckRelied() const {
  if (plan_.store != StoreKind::kRelying) return absl::OkStatus();
  for (const auto& [session, version] : relied_) {
    if (store_.Version(session) != version) return Taken();
  }
  return absl::OkStatus();
}

void SimEventLog::Apply() {
  for (const Appended& appended : appended_) {
    Store::Session& session = store_.sessions_[appended.session];
    // Only a deliberate bug lets a sequence be written twice.
    if (session.log.size() >= appended.first) session.log.resize(appended.first - 1);
    for (const Logged& logged : appended.events) {
      session.log.push_back(logged);
      Project(appended, logged);
    }
    session.due = appended.due;
    session.live = appended.live;
  }
  for (const auto& [key, session] : starts_) store_.starts_.emplace(key, session);
  for (const std::string& content : contents_) store_.contents_.insert(content);
  for (const auto& [session, attempt] : delivered_) {
    std::erase_if(store_.outbox_, [&, session = session, attempt = attempt](const auto& row) {
      return std::get<1>(row) == session && std::get<2>(row) == attempt;
    });
  }
}

void SimEventLog::Project(const Appended& appended, const Logged& logged) {
  const SessionId& id = appended.session;
  if (const auto* reserved = std::get_if<Reserved>(&logged.event)) {
    const Identity& identity = reserved->identity;
    store_.sessions_[id].candidate = identity.candidate_id;
    store_.sessions_[id].exam = identity.exam_id;
    store_.starts_.emplace(StartKey(identity.candidate_id, identity.request_id), id);
  } else if (std::holds_alternative<Sealed>(logged.event)) {
    if (store_.bug_ == Bug::kOutboxRowLost) return;
    store_.outbox_.emplace(logged.at, id, appended.attempt_version);
  } else if (std::holds_alternative<ResponsesRecovered>(logged.event)) {
    ClearOutbox(id);
    store_.outbox_.emplace(logged.at, id, appended.attempt_version);
  } else if (std::holds_alternative<Scored>(logged.event)) {
    std::erase_if(store_.outbox_, [&](const auto& row) {
      return std::get<1>(row) == id && std::get<2>(row) == appended.attempt_version;
    });
  } else if (std::holds_alternative<Voided>(logged.event) ||
             std::holds_alternative<Reopened>(logged.event)) {
    ClearOutbox(id);
  }
}

void SimEventLog::ClearOutbox(const SessionId& id) {
  std::erase_if(store_.outbox_, [&](const auto& row) { return std::get<1>(row) == id; });
}

absl::StatusOr<std::optional<SessionId>> SimEventLog::FindStart(std::string_view candidate_id,
                                                                std::string_view request_id) {
  const StartKey key(candidate_id, request_id);
  for (const auto& [start, session] : starts_) {
    if (start == key) return std::optional(session);
  }
  for (const Appended& appended : appended_) {
    const auto* reserved = std::get_if<Reserved>(&appended.events.front().event);
    if (reserved && reserved->identity.candidate_id == candidate_id &&
        reserved->identity.request_id == request_id) {
      return std::optional(appended.session);
    }
  }
  const auto it = store_.starts_.find(key);
  if (it == store_.starts_.end()) return std::optional<SessionId>();
  return std::optional(it->second);
}

absl::StatusOr<std::optional<SessionId>> SimEventLog::FindLive(std::string_view candidate_id,
                                                               std::string_view exam_id) {
  // The newest word of this transaction about a session counts before what is durable.
  std::map<SessionId, bool> here;
  for (const Appended& appended : appended_) here[appended.session] = appended.live;
  for (const Appended& appended : appended_) {
    const auto* reserved = std::get_if<Reserved>(&appended.events.front().event);
    if (reserved && here[appended.session] && reserved->identity.candidate_id == candidate_id &&
        reserved->identity.exam_id == exam_id) {
      return std::optional(appended.session);
    }
  }
  for (const auto& [id, session] : store_.sessions_) {
    const auto it = here.find(id);
    const bool live = it == here.end() ? session.live : it->second;
    if (live && session.candidate == candidate_id && session.exam == exam_id) {
      return std::optional(id);
    }
  }
  return std::optional<SessionId>();
}

absl::Status SimEventLog::RememberStart(std::string_view candidate_id, std::string_view request_id,
                                        const SessionId& session) {
  starts_.emplace_back(StartKey(candidate_id, request_id), session);
  return Check();
}

absl::Status SimEventLog::PutContent(std::string_view content_id, std::string_view) {
  contents_.emplace_back(content_id);
  return absl::OkStatus();
}

absl::StatusOr<std::optional<std::string>> SimEventLog::GetContent(std::string_view content_id) {
  const std::string id(content_id);
  if (store_.contents_.contains(id) ||
      std::find(contents_.begin(), contents_.end(), id) != contents_.end()) {
    return std::optional<std::string>("text");
  }
  return std::optional<std::string>();
}

absl::Status SimEventLog::DeleteOutbox(const SessionId& session, uint32_t attempt_version) {
  delivered_.emplace_back(session, attempt_version);
  return absl::OkStatus();
}

}  // namespace invigil::session::sim
