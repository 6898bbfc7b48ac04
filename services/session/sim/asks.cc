#include "services/session/sim/asks.h"

#include "absl/strings/str_format.h"
#include "services/session/sim/forms.h"
#include "services/session/sim/trace.h"

namespace invigil::session::sim {
namespace {

std::vector<Content> ContentsOf(const SimForm& form) {
  std::vector<Content> contents;
  for (int k = 0; k < form.items; ++k) contents.push_back({"content-" + std::to_string(k), "text"});
  return contents;
}

ResponseWrite ToWrite(const Write& w) {
  ResponseWrite write{ItemName(w.item), w.sequence, {}, w.cleared};
  for (size_t k = 0; k < Form::kMaxOptions; ++k) {
    if (w.options >> k & 1) write.options.Add(OptionId(k));
  }
  return write;
}

std::vector<ItemSequence> ToSeen(const Ask& ask) {
  std::vector<ItemSequence> seen;
  for (const auto& [item, sequence] : ask.seen) seen.push_back({ItemName(item), sequence});
  return seen;
}

Start ToStart(const Ask& ask) {
  const SimForm& sim = Forms()[static_cast<size_t>(ask.form)];
  Start start{sim.form, nullptr, std::nullopt};
  if (ask.amount != 0) start.window_end = FromUnixMicros(ask.amount);
  if (ask.accommodation == 0) return start;
  const SimAccommodation& given = kAccommodations[ask.accommodation];
  Accommodation accommodation{.exam_extra = Duration(given.exam_extra_us),
                              .break_pool = Duration(given.pool_us)};
  if (given.part_extra_us != 0) {
    accommodation.part_extra.assign(sim.parts.size(), Duration(given.part_extra_us));
  }
  start.accommodation = std::make_shared<const Accommodation>(std::move(accommodation));
  return start;
}

Action ToAction(const Ask& ask) {
  const std::string actor = "staff", reason = "simulated";
  switch (ask.kind) {
    case Kind::kSave: {
      SaveResponses save{ask.epoch, {}};
      for (const Write& w : ask.writes) save.responses.push_back(ToWrite(w));
      return save;
    }
    case Kind::kProgress: {
      SaveProgress save{ask.epoch, {}, ask.part < 0 ? "" : ItemName(ask.part), ToSeen(ask)};
      for (const Write& w : ask.writes) {
        save.entries.push_back({ItemName(w.item), w.sequence, w.cleared, w.options});
      }
      return save;
    }
    case Kind::kSubmit:
      return Submit{ask.epoch, ToSeen(ask), ask.flag};
    case Kind::kLeave:
      return LeavePart{ask.epoch, static_cast<uint32_t>(ask.part), ToSeen(ask), ask.flag};
    case Kind::kTakeBreak: {
      TakeBreak take{ask.epoch, ask.flag, {}, ask.version, {}};
      for (const auto& [item, sequence] : ask.seen) {
        if (sequence == 0) {
          take.seen.push_back(ItemName(item));
        } else {
          take.held.push_back({ItemName(item), sequence});
        }
      }
      return take;
    }
    case Kind::kEndBreak:
      return EndBreak{ask.epoch, ask.version};
    case Kind::kBegin:
      return ToStart(ask);
    case Kind::kTakeOver:
      return TakeOver{};
    case Kind::kExpire:
      return Expire{};
    case Kind::kGrant:
      return GrantTime{{ask.id, Duration(ask.amount)}, actor, reason};
    case Kind::kPause:
      return Pause{actor, reason, ask.version};
    case Kind::kResume:
      return Resume{actor, reason, ask.version};
    case Kind::kTerminate:
      return Terminate{actor, reason, ask.version};
    case Kind::kReopen:
      return Reopen{{ask.id, Duration(ask.amount)}, actor, reason};
    case Kind::kRecover: {
      RecoverResponses recover{ask.id, actor, reason, {}};
      for (const Write& w : ask.writes) recover.responses.push_back(ToWrite(w));
      return recover;
    }
    case Kind::kCheckIn:
      return CheckIn{actor, ""};
    case Kind::kMessage:
      return SendMessage{ask.id, actor, "text of " + ask.id, ask.flag};
    case Kind::kConfirm:
      return ConfirmMessage{ask.id, ask.flag, actor};
    case Kind::kIrregularity:
      return ReportIrregularity{ask.id, "noise", "a drill next door", actor};
    case Kind::kVoid:
      return Void{reason, ask.flag};
    case Kind::kRecord:
      return RecordScore{ask.version, ask.report, ask.flag, ask.attempt};
    case Kind::kRelease:
      return Release{actor, reason};
    case Kind::kHold:
      return HoldScore{actor, reason};
    case Kind::kStart:
    case Kind::kRead:
      break;
  }
  return Read{};
}

}  // namespace

decltype(Job::work) ToWork(const Ask& ask) {
  if (ask.kind == Kind::kStart) {
    return StartRequest{.candidate_id = ask.candidate,
                        .exam_id = kExam,
                        .request_id = ask.id,
                        .take_over = ask.flag};
  }
  CommandJob work{ask.session, {ask.candidate, ToAction(ask)}, {}, false};
  if (ask.kind == Kind::kBegin) {
    work.contents = ContentsOf(Forms()[static_cast<size_t>(ask.form)]);
    work.with_contents = true;
  }
  return work;
}

std::string Describe(const Ask& ask) {
  std::string text = kAskNames[static_cast<size_t>(ask.kind)];
  if (ask.kind != Kind::kStart) text += " " + Short(ask.session);
  if (!ask.candidate.empty()) text += " by " + ask.candidate;
  if (ask.epoch != 0) text += absl::StrFormat(" epoch %d", ask.epoch);
  if (!ask.id.empty()) text += " " + ask.id;
  if (ask.amount != 0) text += absl::StrFormat(" %+.3f s", ask.amount / 1e6);
  for (const Write& w : ask.writes) {
    text +=
        absl::StrFormat(" %d#%d=%x%s", w.item, w.sequence, w.options, w.cleared ? "cleared" : "");
  }
  for (const auto& [item, sequence] : ask.seen) text += absl::StrFormat(" %d#%d", item, sequence);
  if (ask.kind == Kind::kLeave) text += absl::StrFormat(" part %d", ask.part);
  if (ask.kind == Kind::kRecord) text += absl::StrFormat(" version %d", ask.version);
  if (ask.flag) text += " (flag)";
  return text;
}

}  // namespace invigil::session::sim
