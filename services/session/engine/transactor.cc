#include "services/session/engine/transactor.h"

#include <utility>

#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/refusals.h"
#include "services/session/engine/fold.h"

namespace invigil::session {
namespace {

// Whether the whole transaction must be given up, not only the job that met the error.
bool EndsTransaction(const absl::Status& status) {
  return status.code() == absl::StatusCode::kAlreadyExists || IsStoreFailure(status);
}

const std::shared_ptr<const State>& NoState() {
  static const auto* state = new std::shared_ptr<const State>(std::make_shared<const State>());
  return *state;
}

}  // namespace

bool IsStoreFailure(const absl::Status& status) {
  return status.code() == absl::StatusCode::kUnavailable ||
         status.code() == absl::StatusCode::kResourceExhausted;
}

absl::Status Transactor::Run(std::span<Job> jobs, absl::FunctionRef<void()> decided) {
  touched_.clear();
  index_.clear();
  read_contents_.clear();
  reload_.clear();
  events_ = 0;
  absl::Status status = log_.Begin();
  if (status.ok()) ForgetContents();
  if (status.ok()) status = RunOpen(jobs);
  if (status.ok()) decided();
  if (status.ok()) status = log_.Commit();
  if (status.ok()) {
    Publish(jobs);
    return status;
  }
  log_.Rollback();
  for (const Touched& session : touched_) cache_.Drop(session.session);
  return status;
}

void Transactor::ForgetContents() {
  if (!log_.MayForget() || contents_generation_ == log_.Generation()) return;
  contents_ = ContentCache();
  contents_generation_ = log_.Generation();
}

absl::Status Transactor::RunOpen(std::span<Job> jobs) {
  for (Job& job : jobs) INVIGIL_RETURN_IF_ERROR(Do(job));
  return absl::OkStatus();
}

absl::Status Transactor::Do(Job& job) {
  if (const auto* command = std::get_if<CommandJob>(&job.work)) return DoCommand(*command, job);
  if (const auto* start = std::get_if<StartRequest>(&job.work)) return DoStart(*start, job);
  if (auto* added = std::get_if<RemarkJob>(&job.work)) {
    added->remark.at = job.received;
    job.result = Outcome{added->remark.session};
    return log_.AddRemark(added->remark);
  }
  if (const auto* reload = std::get_if<ReloadJob>(&job.work)) return DoReload(*reload, job);
  const auto& delivered = std::get<DeliveredJob>(job.work);
  job.result = Outcome{delivered.session};
  return log_.DeleteOutbox(delivered.session, delivered.attempt_version);
}

absl::Status Transactor::DoReload(const ReloadJob& work, Job& job) {
  job.result = Outcome{work.session};
  if (index_.contains(work.session)) {
    // A job before it in this transaction works on what was remembered; the next one reads anew.
    reload_.push_back(work.session);
    return absl::OkStatus();
  }
  cache_.Drop(work.session);
  const auto session = Load(work.session);
  if (session.ok()) return absl::OkStatus();
  job.result = session.status();
  return EndsTransaction(session.status()) ? session.status() : absl::OkStatus();
}

absl::Status Transactor::DoCommand(const CommandJob& work, Job& job) {
  auto session = Load(work.session);
  if (!session.ok()) {
    job.result = session.status();
    return EndsTransaction(session.status()) ? session.status() : absl::OkStatus();
  }
  if (!work.contents.empty() && !(*session)->state()->started_at) {
    absl::Status status = StoreContents(work);
    if (!status.ok()) {
      job.result = status;
      return EndsTransaction(status) ? status : absl::OkStatus();
    }
  }
  if (std::holds_alternative<Reopen>(work.command.action)) {
    const absl::Status status = CheckNoneLive(**session);
    if (!status.ok()) {
      job.result = status;
      return EndsTransaction(status) ? status : absl::OkStatus();
    }
  }
  auto decision = Carry(**session, work.command, job.received);
  if (!decision.ok()) return decision.status();
  if (!decision->status.ok()) {
    job.result = std::move(decision->status);
    return absl::OkStatus();
  }
  Outcome outcome{work.session,
                  nullptr,
                  decision->at,
                  std::move(decision->acks),
                  !decision->events.empty(),
                  {}};
  if (work.with_contents && (*session)->state()->form) {
    absl::Status status = SetContents(*(*session)->state()->form, outcome);
    if (!status.ok()) {
      job.result = status;
      return EndsTransaction(status) ? status : absl::OkStatus();
    }
  }
  job.result = std::move(outcome);
  return absl::OkStatus();
}

absl::Status Transactor::DoStart(const StartRequest& request, Job& job) {
  const Command reserve{request.candidate_id, Reserve{{request.candidate_id, request.exam_id,
                                                       request.request_id, request.kind}}};
  // Fields are judged before anything is looked up with them.
  if (absl::Status status = Decide(*NoState(), reserve, job.received).status; !status.ok()) {
    job.result = std::move(status);
    return absl::OkStatus();
  }
  const auto answer = [&](const Touched& session, const Decision& decision) {
    job.result = Outcome{session.session, nullptr, decision.at, {}, !decision.events.empty(), {}};
    return absl::OkStatus();
  };
  const Command read{request.candidate_id, Read{}};

  auto before = log_.FindStart(request.candidate_id, request.request_id);
  if (!before.ok()) return before.status();
  auto found = *before;
  if (!found) {
    auto live = log_.FindLive(request.candidate_id, request.exam_id);
    if (!live.ok()) return live.status();
    found = *live;
  }
  if (found) {
    auto session = Load(*found);
    if (!session.ok()) {
      job.result = session.status();
      return EndsTransaction(session.status()) ? session.status() : absl::OkStatus();
    }
    auto decision = Carry(**session, read, job.received);  // seals it when it is overdue
    if (!decision.ok()) return decision.status();
    if (!decision->status.ok()) {  // no longer this candidate's: an account has claimed it
      job.result = decision->status;
      return absl::OkStatus();
    }
    const State& state = *(*session)->state();
    if (*before) {
      if (state.identity->exam_id == request.exam_id) return answer(**session, *decision);
      job.result = InvalidArgument("REQUEST_ID_REUSED", "use a new request_id for another exam")
                       .Field("request_id", "started another exam before")
                       .Build();
      return absl::OkStatus();
    }
    if (state.live() && state.identity->kind != request.kind) {
      // What counts as an attempt must be what was asked for.
      job.result = FailedPrecondition("OTHER_SESSION_LIVE",
                                      "the candidate sits a session of another kind of this exam; "
                                      "end that one first")
                       .With("session_id", found->ToHex())
                       .Build();
      return absl::OkStatus();
    }
    if (state.live()) {
      INVIGIL_RETURN_IF_ERROR(log_.RememberStart(request.candidate_id, request.request_id, *found));
      if (!request.take_over) return answer(**session, *decision);
      auto taken = Carry(**session, {request.candidate_id, TakeOver{}}, job.received);
      if (!taken.ok()) return taken.status();
      return answer(**session, *taken);
    }
  }

  if (request.only_find) {
    job.result = NotFoundRefusal();
    return absl::OkStatus();
  }
  const auto id = SessionId::FromHex(new_id_(job.received));
  auto session = Load(*id);
  if (!session.ok()) return session.status();
  auto decision = Carry(**session, reserve, job.received);
  if (!decision.ok()) return decision.status();
  return answer(**session, *decision);
}

// The store keeps candidates to one live session of an exam; asking first makes it a refusal that
// says so.
absl::Status Transactor::CheckNoneLive(const Touched& sealed) {
  const State& state = *sealed.state();
  if (!state.exists() || state.live()) return absl::OkStatus();
  const auto live = log_.FindLive(state.identity->candidate_id, state.identity->exam_id);
  if (!live.ok()) return live.status();
  if (!*live) return absl::OkStatus();
  return FailedPrecondition("OTHER_SESSION_LIVE",
                            "the candidate sits another session of this exam; end that one first")
      .With("session_id", (*live)->ToHex());
}

absl::StatusOr<Transactor::Touched*> Transactor::Load(const SessionId& session) {
  if (const auto it = index_.find(session); it != index_.end()) return it->second;
  const SessionCache::Found cached = cache_.Find(session);
  std::shared_ptr<const State> state = cached.state;
  // Nobody has been told of what was read ahead.
  const bool known = cached.generation != 0;
  if (!state || cached.generation != log_.Generation()) {
    // What a store has forgotten must not be built upon: the log would have a hole.
    const bool whole = !state || log_.MayForget();
    auto folded = Fold(session, whole ? NoState() : state);
    if (!folded.ok() && !whole && !EndsTransaction(folded.status())) {
      folded = Fold(session, NoState());
    }
    if (!folded.ok()) return folded.status();
    state = *std::move(folded);
  }
  log_.Rely(session, state->version);
  Touched& touched = touched_.emplace_back(
      Touched{session, known ? cached.state : nullptr, std::move(state), nullptr});
  index_.emplace(session, &touched);
  return &touched;
}

absl::StatusOr<std::shared_ptr<const State>> Transactor::Fold(
    const SessionId& session, const std::shared_ptr<const State>& from) {
  std::shared_ptr<State> state;  // copied only when there is something to add
  absl::Status status = log_.Read(session, from->version,
                                  [&](uint64_t seq, Time at, const Event& event) -> absl::Status {
                                    if (!state) state = std::make_shared<State>(*from);
                                    return FoldNext(session, *state, seq, at, event);
                                  });
  if (!status.ok()) return status;
  if (state) return std::shared_ptr<const State>(std::move(state));
  return from;
}

absl::StatusOr<Decision> Transactor::Carry(Touched& session, const Command& command, Time now) {
  Decision decision = Decide(*session.state(), command, now);
  if (decision.events.empty()) return decision;
  if (!session.after) session.after = std::make_shared<State>(*session.before);
  // One by one: the store sees the session as each event left it.
  for (const Event& event : decision.events) {
    INVIGIL_RETURN_IF_ERROR(Apply(*session.after, event, decision.at));
    INVIGIL_RETURN_IF_ERROR(log_.Append(session.session, {event}, decision.at, *session.after));
  }
  events_ += decision.events.size();
  return decision;
}

absl::Status Transactor::StoreContents(const CommandJob& work) {
  for (const Content& content : work.contents) {
    if (contents_.Find(content.content_id)) continue;
    INVIGIL_RETURN_IF_ERROR(log_.PutContent(content.content_id, content.bytes));
  }
  // A clock must not start on a form that can't be shown.
  const auto* start = std::get_if<Start>(&work.command.action);
  if (!start || !start->form) return absl::OkStatus();
  Outcome shown;
  return SetContents(*start->form, shown);
}

absl::Status Transactor::SetContents(const Form& form, Outcome& outcome) {
  outcome.contents.reserve(form.size());
  for (size_t place = 0; place < form.size(); ++place) {
    auto bytes = ContentOf(form.content_id(place));
    if (!bytes.ok()) return bytes.status();
    outcome.contents.push_back(*std::move(bytes));
  }
  outcome.part_contents.resize(form.parts());
  for (size_t part = 0; part < form.parts(); ++part) {
    if (form.part(part).content_id.empty()) continue;
    auto bytes = ContentOf(form.part(part).content_id);
    if (!bytes.ok()) return bytes.status();
    outcome.part_contents[part] = *std::move(bytes);
  }
  return absl::OkStatus();
}

absl::StatusOr<ContentCache::Bytes> Transactor::ContentOf(std::string_view content_id) {
  if (ContentCache::Bytes bytes = contents_.Find(content_id)) return bytes;
  const std::string id(content_id);
  ContentCache::Bytes& read = read_contents_[id];
  if (!read) {
    auto stored = log_.GetContent(id);
    if (stored.ok() && *stored) {
      read = std::make_shared<const std::string>(**std::move(stored));
    } else {
      read_contents_.erase(id);
      if (!stored.ok()) return stored.status();
      return InvalidArgument("FORM_INVALID", "a content of the form is missing")
          .Field("contents", "has no " + id);
    }
  }
  return read;
}

void Transactor::Publish(std::span<Job> jobs) {
  for (const Touched& session : touched_) {
    if (auto state = session.state(); state->exists()) {
      cache_.Put(session.session, std::move(state), log_.Generation());
    } else {
      cache_.Drop(session.session);  // a store that forgets has forgotten it
    }
  }
  for (const SessionId& session : reload_) cache_.Drop(session);
  for (const auto& [id, bytes] : read_contents_) contents_.Put(id, bytes);
  for (Job& job : jobs) {
    if (!job.result.ok()) continue;
    const auto it = index_.find(job.result->session);
    if (it != index_.end()) job.result->state = it->second->state();
  }
}

}  // namespace invigil::session
