#include "services/session/privacy/privacy.h"

#include <algorithm>
#include <utility>

#include "common/error/error.h"
#include "services/session/domain/text.h"
#include "services/session/registration/domain/records.h"

namespace invigil::session::privacy {
namespace {

constexpr size_t kMaxRequestId = 64;
// A candidate who starts again and again while erased is refused in the end.
constexpr int kMostPasses = 5;
constexpr size_t kAtOnce = 100;

absl::Status CheckOrder(const Order& order) {
  Error error = InvalidArgument("ERASURE_INVALID", "nobody was erased; see the fields");
  bool valid = true;
  const auto check = [&](bool good, const char* field, const char* description) {
    if (good) return;
    error.Field(field, description);
    valid = false;
  };
  check(IsText(order.candidate_id, registration::kMaxCandidateLength), "candidate_id",
        "required: 1 to 256 characters");
  const bool id = IsText(order.request_id, kMaxRequestId);
  check(id, "request_id", "required: 1 to 64 characters");
  check(!id || order.candidate_id.empty() ||
            order.request_id.find(order.candidate_id) == std::string::npos,
        "request_id", "is kept, so it must not name the candidate");
  check(IsText(order.reason, registration::kMaxReasonLength), "reason",
        "required: 1 to 500 characters");
  if (valid) return absl::OkStatus();
  return error;
}

// `text` without the candidate's id.
std::string Without(std::string text, const std::string& candidate_id, const std::string& person) {
  for (size_t at = 0; (at = text.find(candidate_id, at)) != std::string::npos;
       at += person.size()) {
    text.replace(at, candidate_id.size(), person);
  }
  return text;
}

}  // namespace

Privacy::Privacy(Parts parts, const Clock& clock, std::unique_ptr<Eraser> eraser,
                 std::unique_ptr<Eraser> watcher,
                 std::unique_ptr<registration::Store> registrations)
    : parts_(std::move(parts)),
      clock_(clock),
      eraser_(std::move(eraser)),
      registrations_(std::move(registrations)),
      watcher_(std::move(watcher)) {}

absl::StatusOr<std::unique_ptr<Privacy>> Privacy::Open(Parts parts, const Clock& clock) {
  auto eraser = Eraser::Open(parts.sessions, parts.sessions_schema);
  if (!eraser.ok()) return eraser.status();
  auto watcher = Eraser::Open(parts.sessions, parts.sessions_schema);
  if (!watcher.ok()) return watcher.status();
  auto registrations = registration::Store::Open(parts.registrations, parts.registrations_schema);
  if (!registrations.ok()) return registrations.status();
  return std::unique_ptr<Privacy>(new Privacy(std::move(parts), clock, *std::move(eraser),
                                              *std::move(watcher), *std::move(registrations)));
}

absl::StatusOr<Receipt> Privacy::Erase(const Order& order) {
  INVIGIL_RETURN_IF_ERROR(CheckOrder(order));
  const std::lock_guard lock(mutex_);
  auto found = eraser_->Find(order.request_id);
  if (!found.ok()) return found.status();
  if (!*found) {
    INVIGIL_RETURN_IF_ERROR(CheckNoneLive(order.candidate_id));
    Erasure erasure;
    erasure.request_id = order.request_id;
    erasure.candidate_id = order.candidate_id;
    erasure.person = NewErasedName();
    erasure.actor = Without(order.actor, order.candidate_id, erasure.person);
    erasure.reason = Without(order.reason, order.candidate_id, erasure.person);
    erasure.asked = clock_.Now();
    INVIGIL_RETURN_IF_ERROR(eraser_->Begin(erasure));
    // Another replica may have begun the same request meanwhile, with another name: that one
    // counts.
    found = eraser_->Find(order.request_id);
    if (!found.ok()) return found.status();
    if (!*found) return Unavailable("CONTENDED", "the request was given up meanwhile; repeat it");
  }
  Erasure erasure = **std::move(found);
  if (erasure.candidate_id.empty()) return Repeat(order, erasure);
  if (erasure.candidate_id != order.candidate_id) {
    return InvalidArgument("REQUEST_ID_REUSED", "use a new request_id for another candidate")
        .Field("request_id", "erases another candidate");
  }
  INVIGIL_RETURN_IF_ERROR(Carry(erasure));
  Receipt receipt{erasure.person, erasure.counts, 0, false};
  INVIGIL_RETURN_IF_ERROR(TellBank(erasure, receipt.bank_told));
  const auto traces = Wipe(order.candidate_id);
  if (!traces.ok()) return traces.status();
  receipt.traces = *traces;
  return receipt;
}

// What is done knows the candidate no more; whoever is asked for must at least be gone.
absl::StatusOr<Receipt> Privacy::Repeat(const Order& order, const Erasure& done) {
  const auto left = eraser_->SessionsOf(order.candidate_id);
  if (!left.ok()) return left.status();
  if (!left->empty()) {
    return InvalidArgument("REQUEST_ID_REUSED",
                           "this request erased somebody else, or the candidate was here again "
                           "since; use a new request_id")
        .Field("request_id", "is of an erasure that is done");
  }
  Receipt receipt{done.person, done.counts, 0, done.bank_told};
  if (!done.bank_told) INVIGIL_RETURN_IF_ERROR(TellBank(done, receipt.bank_told));
  const auto traces = Wipe(order.candidate_id);
  if (!traces.ok()) return traces.status();
  receipt.traces = *traces;
  return receipt;
}

absl::Status Privacy::CheckNoneLive(const std::string& candidate_id) {
  const auto held = eraser_->SessionsOf(candidate_id);
  if (!held.ok()) return held.status();
  for (const HeldSession& one : *held) {
    if (!one.live()) continue;
    return FailedPrecondition("SESSION_LIVE",
                              "the candidate has a session that is not over; let it end, or "
                              "terminate or void it, and erase again")
        .With("session_id", one.session.ToHex());
  }
  return absl::OkStatus();
}

absl::Status Privacy::Carry(Erasure& erasure) {
  Counts counts;
  INVIGIL_RETURN_IF_ERROR(EraseSessions(erasure, counts));
  INVIGIL_RETURN_IF_ERROR(eraser_->EraseStarts(erasure, counts));
  const auto forgotten = registrations_->Forget(erasure.candidate_id);
  if (!forgotten.ok()) return forgotten.status();
  counts.registrations = forgotten->registrations;
  counts.sittings = forgotten->sittings;
  counts.accommodations = forgotten->accommodations;
  counts.requests = forgotten->requests;
  INVIGIL_RETURN_IF_ERROR(eraser_->EraseRefusals(erasure, clock_.Now(), counts));
  erasure.counts = counts;
  return eraser_->End(erasure, clock_.Now());
}

absl::Status Privacy::EraseSessions(const Erasure& erasure, Counts& counts) {
  for (int pass = 0; pass < kMostPasses; ++pass) {
    const auto held = eraser_->SessionsOf(erasure.candidate_id);
    if (!held.ok()) return held.status();
    if (held->empty()) break;
    for (const HeldSession& one : *held) {
      INVIGIL_RETURN_IF_ERROR(eraser_->EraseSession(one.session, erasure, clock_.Now(), counts));
      if (parts_.reload) parts_.reload(one.session);
    }
  }
  // Of a process before this one, too.
  const auto all = eraser_->SessionsOf(erasure.person);
  if (!all.ok()) return all.status();
  counts.sessions = all->size();
  return absl::OkStatus();
}

absl::Status Privacy::TellBank(const Erasure& erasure, bool& told) {
  told = false;
  if (!parts_.tell_bank) return absl::OkStatus();
  const auto held = eraser_->SessionsOf(erasure.person);
  if (!held.ok()) return held.status();
  for (size_t at = 0; at < held->size(); at += kAtOnce) {
    std::vector<SessionId> some;
    for (size_t i = at; i < std::min(at + kAtOnce, held->size()); ++i) {
      some.push_back((*held)[i].session);
    }
    // Away for now: CatchUp tells it.
    if (!parts_.tell_bank(some, erasure.person).ok()) return absl::OkStatus();
  }
  told = true;
  // Nobody asks again for what happened by itself.
  return erasure.actor == kRetention ? eraser_->GiveUp(erasure.request_id)
                                     : eraser_->BankTold(erasure.request_id);
}

absl::Status Privacy::CatchUp() {
  const std::lock_guard lock(mutex_);
  auto under_way = eraser_->UnderWay(kAtOnce);
  if (!under_way.ok()) return under_way.status();
  absl::Status all;
  for (Erasure& erasure : *under_way) {
    const std::string candidate_id = erasure.candidate_id;
    absl::Status carried = Carry(erasure);
    if (absl::IsFailedPrecondition(carried)) continue;  // sits an exam again
    if (carried.ok()) carried = Wipe(candidate_id).status();
    all.Update(carried);
  }
  const auto untold = eraser_->ToTellBank(kAtOnce);
  if (!untold.ok()) return untold.status();
  for (const Erasure& erasure : *untold) {
    bool told = false;
    INVIGIL_RETURN_IF_ERROR(TellBank(erasure, told));
    if (!told) break;
  }
  return all;
}

absl::StatusOr<std::vector<SessionId>> Privacy::NewlyErased() {
  const std::lock_guard lock(watch_mutex_);
  if (!seen_) {
    const auto last = watcher_->LastRow();
    if (!last.ok()) return last.status();
    seen_ = *last;
    return std::vector<SessionId>();
  }
  auto news = watcher_->ErasedSince(*seen_);
  if (!news.ok()) return news.status();
  seen_ = news->last;
  if (news->sessions.empty()) {
    // A store that lost its last commits gives their numbers again.
    const auto last = watcher_->LastRow();
    if (!last.ok()) return last.status();
    seen_ = std::min(*seen_, *last);
  }
  return std::move(news->sessions);
}

absl::StatusOr<std::vector<HeldSession>> Privacy::SessionsOf(std::string_view candidate_id) {
  const std::lock_guard lock(mutex_);
  return eraser_->SessionsOf(candidate_id);
}

absl::StatusOr<Enrolment> Privacy::EnrolmentOf(const std::string& candidate_id) {
  const std::lock_guard lock(mutex_);
  Enrolment enrolment;
  registration::PageFilter filter{"", candidate_id, true, "", kAtOnce};
  while (true) {
    const auto page = registrations_->Page(filter);
    if (!page.ok()) return page.status();
    for (const registration::Registration& one : *page) {
      auto sessions = registrations_->SessionsOf(one.registration_id);
      if (!sessions.ok()) return sessions.status();
      enrolment.registrations.push_back({one, *std::move(sessions)});
    }
    if (page->size() < kAtOnce) break;
    filter.after = page->back().registration_id;
  }
  auto standing = registrations_->FindStanding(candidate_id);
  if (!standing.ok()) return standing.status();
  enrolment.standing = *std::move(standing);
  return enrolment;
}

absl::StatusOr<uint64_t> Privacy::Wipe(const std::string& candidate_id) const {
  uint64_t traces = 0;
  for (const std::string& location : {parts_.sessions, parts_.registrations}) {
    if (sql::IsPostgres(location)) continue;
    const auto left = WipeTraces(location, candidate_id, parts_.traces);
    if (!left.ok()) return left.status();
    traces += *left;
  }
  return traces;
}

}  // namespace invigil::session::privacy
