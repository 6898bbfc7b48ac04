#include "services/session/sim/rules.h"

#include <algorithm>
#include <bit>
#include <cstdlib>

namespace invigil::session::sim {
namespace {

constexpr int64_t kHour = 3'600'000'000;

void Seal(ModelSession& s, const char* how, int64_t at) {
  s.end = s.sitting.answers_end.value_or(at);
  s.how = how;
  s.terminated = s.how == "TERMINATED";
  s.sitting.Stop(*s.end);
  ++s.attempt;
}

// Into `part` at `at`; past the last one, the seal.
void Go(ModelSession& s, size_t part, const char* how, int64_t at) {
  if (part >= s.sitting.form->parts.size()) return Seal(s, how, at);
  s.sitting.Advance(at);
  if (s.sitting.InSection() && part >= s.sitting.AfterSections()) s.sitting.answers_end = at;
  s.sitting.Enter(part, at);
  ++s.deadline_version;
}

bool WritesAreValid(const ModelSession& s, const Ask& ask, bool sequences) {
  if (ask.writes.empty()) return false;
  for (size_t i = 0; i < ask.writes.size(); ++i) {
    const Write& w = ask.writes[i];
    if (w.item >= static_cast<int>(s.held.size())) return false;
    if (sequences && w.sequence == 0) return false;
    if (w.cleared != (w.options == 0)) return false;
    if (w.options >> OptionsOf(w.item) != 0) return false;
    if (std::popcount(w.options) > SelectOf(w.item)) return false;
    for (size_t j = 0; j < i; ++j) {
      if (ask.writes[j].item == w.item) return false;
    }
  }
  return true;
}

// One ask to one session whose time is judged.
class Rule {
 public:
  Rule(ModelSession& s, const Ask& ask, int64_t now, Verdict& verdict)
      : s_(s), clock_(s.sitting), ask_(ask), now_(now), verdict_(verdict) {}

  std::string Judge() {
    switch (ask_.kind) {
      case Kind::kStart:
      case Kind::kRead:
        return "";
      case Kind::kBegin:
        return Begin();
      case Kind::kSave:
        return Save();
      case Kind::kProgress:
        return Progress();
      case Kind::kSubmit:
        return Submit();
      case Kind::kLeave:
        return Leave();
      case Kind::kTakeBreak:
        return TakeBreak();
      case Kind::kEndBreak:
        return EndBreak();
      case Kind::kTakeOver:
        if (!s_.Live()) return Closed();
        ++s_.epoch;
        return Happened();
      case Kind::kExpire:
        return s_.Live() ? "DEADLINE_NOT_REACHED" : "";
      case Kind::kGrant:
        return Grant();
      case Kind::kPause:
        return Pause();
      case Kind::kResume:
        return Resume();
      case Kind::kTerminate:
        if (s_.end && !s_.voided && s_.terminated) return "";
        if (!Sits()) return Closed();
        if (Changed()) return "SESSION_CHANGED";
        Seal(s_, "TERMINATED", now_);
        return Happened();
      case Kind::kReopen:
        return Reopen();
      case Kind::kRecover:
        return Recover();
      case Kind::kCheckIn:
        if (s_.checked_in) return "";
        if (s_.Name() != "READY") return Closed();
        s_.checked_in = true;
        return Happened();
      case Kind::kMessage:
        if (const auto it = s_.messages.find(ask_.id); it != s_.messages.end()) {
          return it->second.from_candidate == ask_.flag ? "" : "MESSAGE_CONFLICT";
        }
        if (!s_.Live()) return Closed();
        s_.messages[ask_.id].from_candidate = ask_.flag;
        return Happened();
      case Kind::kConfirm:
        return Confirm();
      case Kind::kIrregularity:
        if (s_.irregularities.contains(ask_.id)) return "";
        if (s_.voided) return "SESSION_VOIDED";
        s_.irregularities.insert(ask_.id);
        return Happened();
      case Kind::kVoid:
        if (s_.voided || (ask_.flag && clock_.started)) return "";
        s_.voided = true;
        clock_.stopped = true;
        return Happened();
      case Kind::kRecord:
        return Record();
      case Kind::kRelease:
        if (s_.voided) return "SESSION_VOIDED";
        if (s_.released) return "";
        if (s_.score_version == 0 && !s_.held_back) return "SESSION_NOT_SCORED";
        s_.released = s_.score_version > 0;
        s_.held_back = false;
        return Happened();
      case Kind::kHold:
        if (s_.voided) return "SESSION_VOIDED";
        if (s_.released) return "SCORE_RELEASED";
        if (s_.held_back) return "";
        s_.held_back = true;
        return Happened();
    }
    return "?";
  }

 private:
  std::string Happened() {
    s_.last = now_;
    ++s_.version;
    return "";
  }
  // Begun and not over.
  bool Sits() const { return clock_.started && s_.Live(); }
  // Answers can be stored.
  bool Active() const { return s_.Name() == "ACTIVE"; }
  // Why not.
  std::string Closed() const {
    return s_.end && !s_.voided ? "SESSION_SEALED" : "SESSION_NOT_ACTIVE";
  }
  std::string EpochFault() const {
    return ask_.epoch == s_.epoch ? "" : ask_.epoch < s_.epoch ? "EPOCH_STALE" : "EPOCH_UNKNOWN";
  }

  std::string Begin() {
    if (s_.voided) return "SESSION_NOT_ACTIVE";
    if (clock_.started) return "";
    const int number = s_.form < 0 ? ask_.form : s_.form;
    const SimForm& form = Forms()[static_cast<size_t>(number)];
    if (form.check_in && !s_.checked_in) return "CHECK_IN_REQUIRED";
    if (ask_.amount != 0 && ask_.amount <= now_) return "WINDOW_CLOSED";
    if (s_.form < 0) {
      s_.form = number;
      s_.held.resize(static_cast<size_t>(form.items));
      s_.locked.resize(s_.held.size());
      s_.marks.resize(s_.held.size());
      ++s_.version;
    }
    s_.start = now_;
    if (ask_.amount != 0) clock_.window_end = ask_.amount;
    clock_.Begin(form, kAccommodations[ask_.accommodation], Granted(), now_);
    return Happened();
  }

  int64_t Granted() const {
    int64_t sum = 0;
    for (const auto& [id, amount] : s_.grants) sum += amount;
    return sum;
  }

  bool Writable(int item) const {
    const SimPart& part = clock_.current();
    if (part.kind != 'S' || item < part.first || item >= part.first + part.count) return false;
    if (part.forward_only && item < clock_.cursor) return false;
    return !s_.locked[static_cast<size_t>(item)];
  }

  std::string Save() {
    if (!Active()) return Closed();
    if (std::string why = EpochFault(); !why.empty()) return why;
    if (!WritesAreValid(s_, ask_, true)) return "RESPONSE_INVALID";
    bool locked = false;
    int edits = clock_.edits;
    std::vector<const Write*> stored;
    for (const Write& w : ask_.writes) {
      const ModelSession::Held& held = s_.held[static_cast<size_t>(w.item)];
      const bool newer = w.sequence > held.sequence;
      verdict_.stale.push_back(!newer && w.options != held.options);
      if (!newer) continue;
      if (!Writable(w.item)) {
        locked = locked || w.options != held.options || held.sequence == 0;
        continue;
      }
      if (clock_.current().quota >= 0 && held.options != 0 && w.options != held.options) ++edits;
      stored.push_back(&w);
    }
    if (locked) return "ITEMS_LOCKED";
    if (clock_.current().quota >= 0 && edits > clock_.current().quota) return "EDIT_QUOTA_USED";
    for (const Write* w : stored) {
      s_.held[static_cast<size_t>(w->item)] = {w->sequence, w->options};
      if (clock_.current().forward_only) clock_.cursor = std::max(clock_.cursor, w->item);
    }
    if (clock_.current().quota >= 0) clock_.edits = edits;
    return stored.empty() ? "" : Happened();
  }

  std::string Progress() {
    if (!Active()) return Closed();
    if (std::string why = EpochFault(); !why.empty()) return why;
    if (std::string why = Seen(); !why.empty()) return why;
    const int items = static_cast<int>(s_.held.size());
    for (const Write& w : ask_.writes) {
      if (w.item >= items || w.sequence == 0) return "RESPONSE_INVALID";
    }
    const SimPart& part = clock_.current();
    if (ask_.part >= 0 &&
        (part.kind != 'S' || ask_.part < part.first || ask_.part >= part.first + part.count)) {
      return "RESPONSE_INVALID";
    }
    bool stored = false;
    for (const Write& w : ask_.writes) {
      uint32_t& mark = s_.marks[static_cast<size_t>(w.item)];
      if (w.sequence <= mark) continue;
      mark = w.sequence;
      stored = true;
    }
    if (part.forward_only && ask_.part > clock_.cursor) {
      clock_.cursor = ask_.part;
      stored = true;
    }
    return stored ? Happened() : "";
  }

  // Whether what the candidate saw is here. `shown`: a 0 says that the item was shown, no more.
  std::string Seen(bool shown = false) const {
    const auto named = std::ranges::count_if(
        ask_.seen, [&](const auto& entry) { return !shown || entry.second != 0; });
    if (named > std::ssize(s_.held)) return "RESPONSE_INVALID";
    for (const auto& [item, sequence] : ask_.seen) {
      if (shown && sequence == 0) continue;
      if (item >= static_cast<int>(s_.held.size()) || sequence == 0) return "RESPONSE_INVALID";
    }
    for (const auto& [item, sequence] : ask_.seen) {
      if (!Writable(item)) continue;  // it can't be sent any more
      if (s_.held[static_cast<size_t>(item)].sequence < sequence) return "RESPONSES_MISSING";
    }
    return "";
  }

  std::string Submit() {
    if (s_.end && !s_.voided) return EpochFault();
    if (!Active()) return Closed();
    if (std::string why = EpochFault(); !why.empty()) return why;
    if (ask_.flag) return "DEADLINE_NOT_REACHED";
    if (std::string why = Seen(); !why.empty()) return why;
    Seal(s_, "SUBMITTED", now_);
    return Happened();
  }

  std::string Leave() {
    if (s_.voided || !clock_.started) return "SESSION_NOT_ACTIVE";
    if (std::string why = EpochFault(); !why.empty()) return why;
    const auto part = static_cast<size_t>(ask_.part);
    if (part >= clock_.form->parts.size()) return "PART_INVALID";
    if (part < clock_.part) return "";
    if (s_.end) return part == clock_.part ? "" : "SESSION_SEALED";
    if (part > clock_.part) return "PART_NOT_ENTERED";
    const char kind = clock_.current().kind;
    if (s_.Name() != (kind == 'B' ? "ON_BREAK" : "ACTIVE")) return "SESSION_NOT_ACTIVE";
    if (kind == 'A' && !ask_.flag) {
      Seal(s_, "TERMINATED", now_);
      return Happened();
    }
    if (kind == 'S') {
      if (std::string why = Seen(); !why.empty()) return why;
    }
    Go(s_, part + 1, "SUBMITTED", now_);
    return Happened();
  }

  std::string TakeBreak() {
    const bool on_break = s_.Name() == "ON_BREAK";
    if (!on_break && !Active()) return Closed();
    if (std::string why = EpochFault(); !why.empty()) return why;
    if (ask_.version > clock_.breaks + 1) return "BREAK_INVALID";
    if (ask_.version > 0 && ask_.version <= clock_.breaks &&
        !(on_break && ask_.version == clock_.breaks)) {
      return "";  // it is over
    }
    if (on_break) {
      if (ask_.version > clock_.breaks) return "BREAK_NOT_ALLOWED";
      const Break asked = ask_.flag ? Break::kPooled : Break::kUnscheduled;
      return clock_.break_kind == asked ? "" : "BREAK_NOT_ALLOWED";
    }
    if (!clock_.InSection()) return "BREAK_NOT_ALLOWED";
    if (ask_.flag ? clock_.pool_left <= 0 : !clock_.form->breaks) return "BREAK_NOT_ALLOWED";
    if (std::string why = Seen(true); !why.empty()) return why;
    for (const auto& [item, sequence] : ask_.seen) {
      if (item >= static_cast<int>(s_.held.size())) return "BREAK_INVALID";
    }
    for (const auto& [item, sequence] : ask_.seen) {
      if (sequence == 0) s_.locked[static_cast<size_t>(item)] = true;
    }
    for (size_t i = 0; i < s_.held.size(); ++i) {
      if (s_.held[i].sequence != 0) s_.locked[i] = true;
    }
    clock_.TakeBreak(ask_.flag ? Break::kPooled : Break::kUnscheduled, now_);
    if (ask_.flag) ++s_.deadline_version;
    return Happened();
  }

  std::string EndBreak() {
    if (!Sits()) return Closed();
    if (std::string why = EpochFault(); !why.empty()) return why;
    if (ask_.version > clock_.breaks) return "BREAK_INVALID";
    if (ask_.version > 0 && ask_.version < clock_.breaks) return "";
    if (Active()) return "";
    if (s_.Name() != "ON_BREAK") return "NOT_ON_BREAK";
    if (clock_.break_kind == Break::kNone) {
      Go(s_, clock_.part + 1, "SUBMITTED", now_);
      return Happened();
    }
    if (clock_.break_kind == Break::kPooled) ++s_.deadline_version;
    clock_.EndBreak(now_);
    return Happened();
  }

  std::string GrantFault(bool zero_allowed) const {
    const int64_t amount = ask_.amount;
    if (ask_.id.empty() || (amount == 0 && !zero_allowed)) return "GRANT_INVALID";
    if (std::abs(amount) > 24 * kHour) return "GRANT_INVALID";
    if (std::abs(Granted() + amount) > 48 * kHour) return "GRANT_INVALID";
    if (amount >= 0) return "";
    const auto next = clock_.NextEnd();
    if (!Active() || !clock_.InSection() || !next) return "GRANT_INVALID";
    return next->at + amount <= now_ ? "GRANT_INVALID" : "";
  }

  // Whether this grant id was used: the answer then.
  const std::string* Repeated() const {
    static const std::string kSame, kOther = "GRANT_CONFLICT";
    for (const auto& [id, amount] : s_.grants) {
      if (id != ask_.id) continue;
      // Time that a reopening gave was given; a grant has not reopened anything.
      const bool same = ask_.kind != Kind::kReopen || s_.reopenings.contains(id);
      return same && amount == ask_.amount ? &kSame : &kOther;
    }
    return nullptr;
  }

  void Give() {
    s_.grants.emplace_back(ask_.id, ask_.amount);
    if (clock_.started) clock_.Give(ask_.amount);
    ++s_.deadline_version;
  }

  std::string Grant() {
    if (const std::string* before = Repeated()) return *before;
    if (!s_.Live()) return Closed();
    if (clock_.answers_end) return "SECTIONS_OVER";
    if (std::string why = GrantFault(false); !why.empty()) return why;
    if (clock_.started) clock_.Advance(now_);
    Give();
    return Happened();
  }

  bool Changed() const { return ask_.version != 0 && ask_.version != s_.deadline_version; }

  std::string Pause() {
    if (s_.Name() == "PAUSED") return "";
    if (!Sits()) return Closed();
    if (Changed()) return "SESSION_CHANGED";
    clock_.Pause(now_);
    ++s_.deadline_version;
    return Happened();
  }

  std::string Resume() {
    if (!Sits()) return Closed();
    if (s_.Name() != "PAUSED") return "";
    if (Changed()) return "SESSION_CHANGED";
    clock_.Resume(now_);
    ++s_.deadline_version;
    return Happened();
  }

  std::string Reopen() {
    if (const std::string* before = Repeated()) return *before;
    if (s_.voided) return "SESSION_VOIDED";
    if (!s_.end) return "SESSION_NOT_SEALED";
    if (ask_.amount < 0) return "GRANT_INVALID";
    if (std::string why = GrantFault(true); !why.empty()) return why;
    Sitting reopened = clock_;
    reopened.Reopen(now_);
    reopened.Give(ask_.amount);
    if (const auto next = reopened.NextEnd(); next && next->at <= now_) return "GRANT_INVALID";
    clock_ = reopened;
    ++s_.epoch;
    s_.grants.emplace_back(ask_.id, ask_.amount);
    s_.reopenings.insert(ask_.id);
    ++s_.deadline_version;
    s_.end.reset();
    s_.released = false;
    s_.score_version = 0;
    s_.report.clear();
    return Happened();
  }

  std::string Recover() {
    if (s_.recoveries.contains(ask_.id)) return "";
    if (s_.voided) return "SESSION_VOIDED";
    if (!s_.end) return "SESSION_NOT_SEALED";
    if (!WritesAreValid(s_, ask_, false)) return "RESPONSE_INVALID";
    for (const Write& w : ask_.writes) {
      ModelSession::Held& held = s_.held[static_cast<size_t>(w.item)];
      held = {held.sequence + 1, w.options};
    }
    s_.recoveries.insert(ask_.id);
    if (s_.score_version > 0) s_.how = "SUBMITTED";
    s_.released = false;
    s_.score_version = 0;
    s_.report.clear();
    ++s_.attempt;
    return Happened();
  }

  std::string Confirm() {
    const auto it = s_.messages.find(ask_.id);
    if (it == s_.messages.end() || it->second.from_candidate == ask_.flag) {
      return "MESSAGE_NOT_FOUND";
    }
    if (it->second.confirmed || !s_.Live()) return "";
    it->second.confirmed = true;
    return Happened();
  }

  std::string Record() {
    if (s_.voided) return "SESSION_VOIDED";
    if (!s_.end) return "SESSION_NOT_SEALED";
    if (ask_.attempt != 0 && ask_.attempt != s_.attempt) return "SCORE_SUPERSEDED";
    if (ask_.version == 0) return "SCORE_INVALID";
    if (ask_.version == s_.score_version && *ask_.report != s_.report) return "SCORE_CONFLICT";
    if (ask_.version > s_.score_version) {
      s_.score_version = ask_.version;
      s_.report = *ask_.report;
      Happened();
    }
    if (ask_.flag && !s_.released && !s_.held_back) {
      s_.released = true;
      Happened();
    }
    return "";
  }

  ModelSession& s_;
  Sitting& clock_;
  const Ask& ask_;
  const int64_t now_;
  Verdict& verdict_;
};

}  // namespace

int64_t JudgeTime(ModelSession& s, int64_t now) {
  now = std::max(now, s.last);
  Sitting& clock = s.sitting;
  for (auto next = clock.NextEnd(); next && next->at <= now; next = clock.NextEnd()) {
    switch (next->what) {
      case Sitting::End::kWindow:
        Go(s, clock.form->parts.size(), "EXPIRED", next->at);
        break;
      case Sitting::End::kExam:
        Go(s, clock.AfterSections(), "EXPIRED", next->at);
        break;
      case Sitting::End::kBreak:
        clock.EndBreak(next->at);
        ++s.deadline_version;
        break;
      case Sitting::End::kPart:
        if (clock.current().kind == 'A') {
          Seal(s, "TERMINATED", next->at);
        } else {
          Go(s, clock.part + 1, "EXPIRED", next->at);
        }
    }
    ++s.version;
    s.last = now;
  }
  return now;
}

std::string JudgeAsk(ModelSession& session, const Ask& ask, int64_t now, Verdict& verdict) {
  return Rule(session, ask, now, verdict).Judge();
}

}  // namespace invigil::session::sim
