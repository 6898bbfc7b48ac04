#include "services/cli/simulate/sitting.h"

#include <utility>

#include "common/error/error.h"
#include "services/cli/simulate/behaviour.h"
#include "services/cli/simulate/receipt_audit.h"

namespace invigil::cli {
namespace {

using session::v1::ResponseWrite;
using session::v1::Session;
using Seen = google::protobuf::RepeatedPtrField<session::v1::ItemSequence>;

constexpr Duration kPatience = Seconds(60);
// The roster follows what happens by a moment.
constexpr int kRosterAttempts = 100;
constexpr Duration kRosterPause = Millis(100);

// The part the session is in; nullptr: it is one section of all.
const session::v1::Part* PartOf(const Session& session) {
  const auto index = static_cast<int>(session.current_part());
  return index < session.parts_size() ? &session.parts(index) : nullptr;
}

bool IsLastPart(const Session& session) {
  return static_cast<int>(session.current_part()) + 1 >= session.parts_size();
}

// With the items of the section it is in.
Session SectionOf(const Session& session) {
  const session::v1::Part* part = PartOf(session);
  if (part == nullptr) return session;
  Session section;
  for (const auto& item : session.items()) {
    const bool inside = item.position() >= part->first_position() &&
                        item.position() < part->first_position() + part->item_count();
    if (inside) *section.add_items() = item;
  }
  return section;
}

SectionRules RulesOf(const Session& session) {
  SectionRules rules;
  const session::v1::Part* part = PartOf(session);
  if (part == nullptr) return rules;
  rules.forward_only = part->navigation() == session::v1::NAVIGATION_FORWARD_ONLY;
  if (part->has_edit_quota()) rules.edit_quota = part->edit_quota();
  return rules;
}

class SittingRun {
 public:
  SittingRun(Api& api, const Sitter& sitter, const ItemBook& book, Meter& meter, const Clock& clock,
             const Retrier::Sleep& sleep)
      : api_(api),
        sitter_(sitter),
        book_(book),
        meter_(meter),
        clock_(clock),
        sleep_(sleep),
        token_(sitter.token),
        retrier_(clock, sleep, StableSeed(sitter.seed), kPatience,
                 [&meter](const absl::Status& status) { meter.Retried(status); }) {
    outcome_.subject = sitter.subject;
    outcome_.theta = sitter.theta;
  }

  SittingOutcome Run() {
    outcome_.status = Steps();
    return std::move(outcome_);
  }

 private:
  static uint64_t StableSeed(uint64_t seed) { return seed ^ 0x72657472; }

  template <typename Function>
  auto Timed(CallKind kind, Function&& call) {
    return retrier_.Run([&] {
      const Duration begin = clock_.Monotonic();
      auto result = call();
      if (result.ok()) meter_.Call(kind, clock_.Monotonic() - begin);
      return result;
    });
  }

  // `call` names what was acknowledged, and is refused if the server lacks any of it.
  template <typename Function>
  auto HoldingAll(Function&& call, const std::string& when) -> decltype(call(Seen{})) {
    const std::vector<ResponseWrite> newest = audit_.Newest();
    Seen seen;
    for (const ResponseWrite& write : newest) {
      auto* pair = seen.Add();
      pair->set_item_id(write.item_id());
      pair->set_sequence(write.sequence());
    }
    auto result = call(seen);
    if (result.ok() || ReasonOf(result.status()) != "RESPONSES_MISSING") return result;
    // All of them were acknowledged: this is what the simulation is there to find.
    Lost({"the server lacks acknowledged responses " + when});
    for (const ResponseWrite& write : newest) {
      // What is locked is not missed; it can't be sent again either.
      const absl::Status saved = Save({write});
      if (!saved.ok() && ReasonOf(saved) != "ITEMS_LOCKED") return saved;
    }
    return call(seen);
  }

  absl::Status Steps() {
    INVIGIL_RETURN_IF_ERROR(Start());
    for (;;) {
      const session::v1::Part* part = PartOf(session_);
      const bool section = part == nullptr || part->kind() == session::v1::PART_KIND_SECTION;
      if (section) INVIGIL_RETURN_IF_ERROR(AnswerSection());
      if (IsLastPart(session_)) break;
      INVIGIL_RETURN_IF_ERROR(GoOn(part->kind()));
    }
    INVIGIL_RETURN_IF_ERROR(Submit());
    return outcome_.report ? absl::OkStatus() : FetchReport();
  }

  absl::Status AnswerSection() {
    const SittingPlan plan =
        PlanSitting(SectionOf(session_), book_, sitter_.theta, sitter_.seed, RulesOf(session_));
    outcome_.items_right += plan.items_right;
    outcome_.items_unknown += plan.items_unknown;
    for (const auto& save : plan.saves) INVIGIL_RETURN_IF_ERROR(Save(save));
    return absl::OkStatus();
  }

  // To the next part.
  absl::Status GoOn(session::v1::PartKind kind) {
    if (kind == session::v1::PART_KIND_BREAK) {
      session::v1::EndBreakRequest request;
      request.set_session_id(session_.session_id());
      request.set_epoch(session_.epoch());
      request.set_break_number(session_.break_count());
      auto ended = Timed(CallKind::kMove, [&] { return api_.EndBreak(request, token_); });
      if (!ended.ok()) return ended.status();
      return Entered(std::move(*ended->mutable_session()));
    }
    session::v1::LeavePartRequest request;
    request.set_session_id(session_.session_id());
    request.set_epoch(session_.epoch());
    request.set_part(session_.current_part());
    request.set_accept(kind == session::v1::PART_KIND_AGREEMENT);
    auto left = HoldingAll(
        [&](const auto& seen) {
          *request.mutable_seen() = seen;
          return Timed(CallKind::kMove, [&] { return api_.LeavePart(request, token_); });
        },
        "when a part was left");
    if (!left.ok()) return left.status();
    return Entered(std::move(*left->mutable_session()));
  }

  absl::Status Entered(Session session) {
    if (session.current_part() == session_.current_part()) {
      return FailedPrecondition("PART_NOT_LEFT", "part " +
                                                     std::to_string(session_.current_part() + 1) +
                                                     " was left, and the session is still in it");
    }
    session_ = std::move(session);
    return absl::OkStatus();
  }

  absl::Status Start() {
    session::v1::StartSessionRequest request;
    request.set_exam_id(sitter_.exam_id);
    request.set_request_id(sitter_.subject);  // a subject sits once, so a retry finds its session
    const auto start = [&] {
      return Timed(CallKind::kStart, [&] { return api_.StartSession(request, token_); });
    };
    auto started = start();
    if (ReasonOf(started.status()) == "CHECK_IN_REQUIRED" && !sitter_.staff_token.empty()) {
      INVIGIL_RETURN_IF_ERROR(CheckIn());
      started = start();
    }
    if (!started.ok()) return started.status();
    session_ = std::move(*started->mutable_session());
    outcome_.session_id = session_.session_id();
    if (!started->session_token().empty()) token_ = started->session_token();
    return absl::OkStatus();
  }

  // As a proctor does: finds the candidate on the roster.
  absl::Status CheckIn() {
    session::v1::ListRosterRequest roster;
    roster.set_candidate_id(sitter_.subject);
    for (int attempt = 0; attempt < kRosterAttempts; ++attempt) {
      const auto list = retrier_.Run([&] { return api_.ListRoster(roster, sitter_.staff_token); });
      if (!list.ok()) return list.status();
      if (list->entries().empty()) {
        sleep_(kRosterPause);
        continue;
      }
      session::v1::CheckInRequest request;
      request.set_session_id(list->entries(0).session_id());
      request.set_reason("simulated candidate");
      return retrier_.Run([&] { return api_.CheckIn(request, sitter_.staff_token); }).status();
    }
    return Unavailable("NOT_ON_ROSTER", "the candidate did not come onto the roster");
  }

  absl::Status Save(const std::vector<ResponseWrite>& writes) {
    session::v1::SaveResponsesRequest request;
    request.set_session_id(session_.session_id());
    request.set_epoch(session_.epoch());
    for (const ResponseWrite& write : writes) *request.add_responses() = write;
    auto saved = Timed(CallKind::kSave, [&] { return api_.SaveResponses(request, token_); });
    if (!saved.ok()) return saved.status();
    meter_.Responses(writes.size());
    Lost(audit_.Acknowledged(writes, saved->acks()));
    return absl::OkStatus();
  }

  absl::Status Submit() {
    session::v1::SubmitSessionRequest request;
    request.set_session_id(session_.session_id());
    request.set_epoch(session_.epoch());
    auto submitted = HoldingAll(
        [&](const auto& seen) {
          *request.mutable_seen() = seen;
          return Timed(CallKind::kSubmit, [&] { return api_.SubmitSession(request, token_); });
        },
        "at submission");
    if (!submitted.ok()) return submitted.status();
    Lost(audit_.Check(submitted->receipt()));
    if (submitted->has_report()) outcome_.report = std::move(*submitted->mutable_report());
    return absl::OkStatus();
  }

  absl::Status FetchReport() {
    session::v1::GetScoreReportRequest request;
    request.set_session_id(session_.session_id());
    auto report = Timed(CallKind::kReport, [&] { return api_.GetScoreReport(request, token_); });
    if (!report.ok()) return report.status();
    outcome_.report = *std::move(report);
    return absl::OkStatus();
  }

  void Lost(const std::vector<std::string>& problems) {
    outcome_.lost.insert(outcome_.lost.end(), problems.begin(), problems.end());
  }

  Api& api_;
  const Sitter& sitter_;
  const ItemBook& book_;
  Meter& meter_;
  const Clock& clock_;
  const Retrier::Sleep& sleep_;
  std::string token_;
  Retrier retrier_;
  Session session_;
  ReceiptAudit audit_;
  SittingOutcome outcome_;
};

}  // namespace

SittingOutcome Sit(Api& api, const Sitter& sitter, const ItemBook& book, Meter& meter,
                   const Clock& clock, const Retrier::Sleep& sleep) {
  return SittingRun(api, sitter, book, meter, clock, sleep).Run();
}

}  // namespace invigil::cli
