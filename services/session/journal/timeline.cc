#include "services/session/journal/timeline.h"

#include <algorithm>
#include <utility>
#include <variant>

#include "services/session/domain/apply.h"
#include "services/session/domain/clock.h"
#include "services/session/domain/refusals.h"
#include "services/session/store/codec.h"

namespace invigil::session {
namespace {

std::string Seconds3(Duration d) {
  const int64_t ms = d.count() / 1000;
  const int64_t whole = (ms < 0 ? -ms : ms) / 1000, rest = (ms < 0 ? -ms : ms) % 1000;
  std::string digits = std::to_string(rest);
  return (ms < 0 ? "-" : "") + std::to_string(whole) + "." + std::string(3 - digits.size(), '0') +
         digits + " s";
}

std::string Letters(uint32_t options) {
  if (options == 0) return "cleared";
  std::string letters;
  for (size_t k = 0; k < Form::kMaxOptions; ++k) {
    if (options >> k & 1) letters += OptionId(k);
  }
  return letters;
}

// Position (1-based), sequence and letters of each.
template <typename Responses>
std::string Tell(const Responses& responses) {
  std::string text;
  for (const auto& response : responses) {
    if (!text.empty()) text += ", ";
    text += "item " + std::to_string(response.place + 1) + " #" +
            std::to_string(response.stored.sequence) + " " + Letters(response.stored.options);
  }
  return text;
}

// Fills in what an event says; `before` is the session it happened to.
struct Teller {
  const State& before;
  TimelineEntry& entry;

  void operator()(const Reserved& e) const {
    entry.text = "reserved for candidate " + e.identity.candidate_id + ", exam " +
                 e.identity.exam_id + ", by start request " + e.identity.request_id;
  }
  void operator()(const FormAttached& e) const {
    entry.text = "form " + e.form->form_id() + " of exam version " +
                 std::to_string(e.form->exam_version()) + ": " + std::to_string(e.form->size()) +
                 " items, " + Seconds3(e.form->duration());
  }
  void operator()(const Started& e) const {
    entry.text = "the sitting began";
    if (e.accommodation) {
      entry.text += "; accommodation: " + Seconds3(e.accommodation->exam_extra) +
                    " more for the exam, " + Seconds3(e.accommodation->break_pool) +
                    " of breaks with a standing clock";
    }
    if (e.window_end) entry.text += "; the window ends at " + FormatTime(*e.window_end);
  }
  void operator()(const ResponsesStored& e) const {
    entry.kind = "responses_stored";
    entry.text = "stored: " + Tell(e.responses);
  }
  void operator()(const ProgressStored& e) const {
    entry.kind = "progress_stored";
    entry.text = "flags and times of " + std::to_string(e.entries.size()) + " items";
    if (e.shown) entry.text += "; item " + std::to_string(*e.shown + 1) + " was shown";
  }
  void operator()(const TakenOver& e) const {
    entry.text = "another device took over; epoch " + std::to_string(e.epoch);
  }
  void operator()(const TimeGranted& e) const {
    Act(e.actor, Seconds3(e.grant.amount) + " granted (" + e.grant.id + ")", e.reason);
  }
  void operator()(const Sealed& e) const {
    entry.happened_at = e.ended_at;
    const char* how = e.as == SessionState::kSubmitted    ? "submitted"
                      : e.as == SessionState::kTerminated ? "terminated"
                                                          : "ended by the time";
    Act(e.actor, std::string(how) + " at " + FormatTime(e.ended_at), e.reason);
  }
  void operator()(const Scored& e) const {
    entry.text = "scored, version " + std::to_string(e.score_version);
  }
  void operator()(const Released& e) const { Act(e.actor, "the result was released", e.reason); }
  void operator()(const HoldChanged& e) const {
    Act(e.actor, e.held ? "the result is held back" : "the result is not held back any more",
        e.reason);
  }
  void operator()(const Voided& e) const { Act(e.actor, "declared not to count", e.reason); }
  void operator()(const PartEntered& e) const {
    entry.happened_at = e.at;
    const Part& part = before.form->part(e.part);
    entry.text = "part " + std::to_string(e.part + 1) + " began";
    if (!part.name.empty()) entry.text += ": " + part.name;
    if (e.is_break) entry.text += " (a break)";
  }
  void operator()(const BreakStarted& e) const {
    entry.text = e.kind == BreakKind::kPooled ? "a break with a standing clock began"
                                              : "an unscheduled break began; the clock runs";
    if (!e.seen.empty()) {
      entry.text += "; " + std::to_string(e.seen.size()) + " items that were seen are locked";
    }
  }
  void operator()(const BreakEnded& e) const {
    entry.happened_at = e.at;
    entry.text = "the break ended";
  }
  void operator()(const Paused& e) const { Act(e.actor, "paused", e.reason); }
  void operator()(const Resumed& e) const {
    Act(e.actor, "resumed after " + Seconds3(entry.written_at - *before.paused_at), e.reason);
  }
  void operator()(const Reopened& e) const {
    Act(e.actor, "reopened with " + Seconds3(e.grant.amount) + " more (" + e.grant.id + ")",
        e.reason);
  }
  void operator()(const ResponsesRecovered& e) const {
    Act(e.actor, "recovered responses added (" + e.id + "): " + Tell(e.responses), e.reason);
  }
  void operator()(const CheckedIn& e) const { Act(e.actor, "checked in", e.note); }
  void operator()(const MessageSent& e) const {
    Act(e.actor,
        std::string(e.from_candidate ? "the candidate wrote" : "a message was sent") + " (" + e.id +
            ")",
        e.text);
  }
  void operator()(const MessageConfirmed& e) const {
    Act(e.actor, "message " + e.id + " was shown", "");
  }
  void operator()(const IrregularityReported& e) const {
    Act(e.actor, "irregularity " + e.category + " (" + e.id + ")", e.text);
  }
  void operator()(const Claimed& e) const { entry.text = "claimed by account " + e.candidate_id; }

 private:
  void Act(const std::string& actor, std::string what, const std::string& why) const {
    entry.actor = actor;
    entry.text = std::move(what);
    if (!why.empty()) entry.text += ": " + why;
  }
};

// What the journal remarks of a session beside its events.
TimelineEntry Tell(const Remark& remark) {
  TimelineEntry entry;
  entry.written_at = entry.happened_at = remark.at;
  entry.kind = remark.kind;
  entry.actor = remark.actor;
  const std::string reason = remark.reason.empty() ? "" : ": " + remark.reason;
  if (remark.kind == kDenied) {
    entry.text = "refused to " + remark.method + reason;
  } else if (remark.kind == kDeniedMore) {
    entry.text = std::to_string(remark.count) + " more refusals, not told one by one" + reason;
  } else if (remark.kind == kErasedPerson) {
    entry.text = "the candidate was erased, and is called " + remark.person + " since" + reason;
  } else if (remark.kind == kWordsErased) {
    entry.text =
        "what people wrote was taken out of " + std::to_string(remark.count) + " events" + reason;
  } else {
    entry.text = remark.method + reason;
  }
  return entry;
}

// Of so many remarks a timeline tells.
constexpr size_t kMostRemarks = 10'000;

}  // namespace

absl::StatusOr<std::vector<TimelineEntry>> ReadTimeline(EventLogReader& reader,
                                                        const SessionId& session) {
  std::vector<TimelineEntry> entries;
  State state;
  const absl::Status status =
      reader.ReadEvents(session, [&](uint64_t seq, Time at, std::string_view body) -> absl::Status {
        const auto event = DecodeEvent(body);
        if (!event.ok()) return event.status();
        State after = state;
        INVIGIL_RETURN_IF_ERROR(Apply(after, *event, at));
        TimelineEntry& entry = entries.emplace_back();
        entry.seq = seq;
        entry.written_at = entry.happened_at = at;
        entry.kind = JournalKind(*event);
        // What an event says about the form it reads in the session before, but for the form
        // itself.
        std::visit(Teller{state, entry}, *event);
        entry.due = DueTime(after);
        state = std::move(after);
        return absl::OkStatus();
      });
  if (!status.ok()) return status;
  if (entries.empty()) return NotFoundRefusal();
  const auto remarks = reader.ListRemarks(session, kMostRemarks);
  if (!remarks.ok()) return remarks.status();
  for (const Remark& remark : *remarks) entries.push_back(Tell(remark));
  std::stable_sort(
      entries.begin(), entries.end(),
      [](const TimelineEntry& a, const TimelineEntry& b) { return a.written_at < b.written_at; });
  return entries;
}

}  // namespace invigil::session
