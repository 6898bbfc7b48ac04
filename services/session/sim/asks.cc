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

Action ToAction(const Ask& ask) {
  switch (ask.kind) {
    case Kind::kSave: {
      SaveResponses save{ask.epoch, {}};
      for (const Write& w : ask.writes) {
        ResponseWrite write{ItemName(w.item), w.sequence, {}, w.cleared};
        for (size_t k = 0; k < Form::kMaxOptions; ++k) {
          if (w.options >> k & 1) write.options.Add(OptionId(k));
        }
        save.responses.push_back(std::move(write));
      }
      return save;
    }
    case Kind::kSubmit: {
      Submit submit{ask.epoch, {}};
      for (const auto& [item, sequence] : ask.seen)
        submit.seen.push_back({ItemName(item), sequence});
      return submit;
    }
    case Kind::kBegin:
      return Start{Forms()[static_cast<size_t>(ask.form)].form};
    case Kind::kTakeOver:
      return TakeOver{};
    case Kind::kExpire:
      return Expire{};
    case Kind::kGrant:
      return GrantTime{{ask.id, Duration(ask.amount)}, "proctor", "delay"};
    case Kind::kVoid:
      return Void{"simulated", ask.flag};
    case Kind::kRecord:
      return RecordScore{ask.version, ask.report, ask.flag};
    case Kind::kRelease:
      return Release{};
    case Kind::kStart:
    case Kind::kRead:
      break;
  }
  return Read{};
}

}  // namespace

decltype(Job::work) ToWork(const Ask& ask) {
  if (ask.kind == Kind::kStart) return StartRequest{ask.candidate, kExam, ask.id, ask.flag, false};
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
  if (ask.kind == Kind::kRecord) text += absl::StrFormat(" version %d", ask.version);
  if (ask.flag) text += " (flag)";
  return text;
}

}  // namespace invigil::session::sim
