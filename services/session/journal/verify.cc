#include "services/session/journal/verify.h"

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/store/codec.h"
#include "services/session/store/redact.h"

namespace invigil::session {
namespace {

// What is known of one session while its rows go by.
struct Seen {
  uint64_t rows = 0;
  uint64_t last_seq = 0;
  bool whole = false;  // from its first event
};

class Verifier {
 public:
  Verifier(EventLogReader& reader, const std::function<bool()>& stop)
      : reader_(reader), stop_(stop) {}

  absl::Status GoOn() const {
    if (!stop_ || !stop_()) return absl::OkStatus();
    return Error(absl::StatusCode::kCancelled, "AUDIT_STOPPED", "the check was not finished");
  }

  // Empty when the row is right. Errors: of the store.
  absl::StatusOr<std::string> Check(const JournalHead& head, const JournalRow& row) {
    INVIGIL_RETURN_IF_ERROR(GoOn());
    if (row.n != head.n + 1) {
      return "row " + std::to_string(head.n + 1) + " is missing";
    }
    if (row.hash != ChainHash(head.hash, row)) {
      return std::string("it is not what was written: its hash does not fit it and the row before");
    }
    if (row.seq == 0) return CheckRemark(row);
    Seen& seen = sessions_[row.session];
    if (row.seq <= seen.last_seq) return std::string("an earlier event of its session comes after");
    seen.last_seq = row.seq;
    if (row.kind == "reserved") seen.whole = true;
    ++seen.rows;
    return CheckEvents(row, seen);
  }
  size_t sessions() const { return sessions_.size(); }

  // After the last row: the first row of which something was erased though no row says so. Nothing
  // was: nullopt.
  std::optional<JournalFault> Unexplained() const {
    std::optional<JournalFault> first;
    for (const auto& [session, names] : erased_) {
      for (const auto& [name, erased] : names) {
        if (!first || erased.n < first->n) first = JournalFault{erased.n, erased.fault};
      }
    }
    return first;
  }

  // After the last row: whether one says that the journal was cut off there, if it was at all.
  bool SaysCut(const JournalHead& begin) const {
    return begin.n == 0 || cuts_.contains({begin.n, begin.hash});
  }

  // After the last row: whether a session has acts that no row speaks of. `Moved` tells whether
  // rows of a session were added after the check began.
  template <typename Moved>
  absl::StatusOr<std::string> CheckRest(Moved moved) {
    for (const auto& [session, seen] : sessions_) {
      INVIGIL_RETURN_IF_ERROR(GoOn());
      if (!seen.whole) continue;
      uint64_t acts = 0;
      std::string fault;
      const absl::Status status =
          reader_.ReadEvents(session, [&](uint64_t seq, Time, std::string_view body) {
            const auto event = DecodeEvent(body);
            if (!event.ok()) fault = "event " + std::to_string(seq) + " can't be read";
            if (event.ok() && !JournalKind(*event).empty()) ++acts;
            return absl::OkStatus();
          });
      if (!status.ok()) return status;
      if (fault.empty() && acts == seen.rows) continue;
      const absl::StatusOr<bool> later = moved(session);
      if (!later.ok()) return later.status();
      if (*later) continue;
      if (fault.empty()) fault = "it has events that the journal does not know";
      return "session " + session.ToHex() + ": " + fault;
    }
    return std::string();
  }

 private:
  // A person, or words, were taken out of these rows, of which the first is `n`; a later row must
  // say so.
  struct Erased {
    uint64_t n = 0;
    const char* fault = nullptr;  // if none does
    bool named = false;           // who the candidate is among them: taking out words spares that
  };
  using Names = std::map<std::string, Erased, std::less<>>;
  static constexpr char kEventChanged[] = "its event was changed";
  static constexpr char kRemarkChanged[] = "its text was changed";

  // Of a session and what the person is called now; remarks are of no session in particular.
  void NoteErased(const SessionId& session, const std::string& name, uint64_t n, const char* fault,
                  bool named) {
    Erased& erased = erased_[session].try_emplace(name, Erased{n, fault}).first->second;
    erased.named = erased.named || named;
  }

  // A row tells of it: those that `are` what it speaks of are explained.
  template <typename Are>
  void Explain(const SessionId& session, Are are) {
    const auto found = erased_.find(session);
    if (found == erased_.end()) return;
    std::erase_if(found->second, are);
    if (found->second.empty()) erased_.erase(found);
  }

  std::string CheckRemark(const JournalRow& row) {
    auto remark = DecodeRemark(row.remark);
    if (!remark.ok()) return "its text can't be read";
    if (row.remark.empty() && row.body_hash != BodyHash(row.salt, "")) return "its text is missing";
    remark->kind = row.kind;
    if (row.body_hash != BodyHash(row.salt, row.remark)) {
      const std::string name(PersonIn(*remark));
      if (!row.salt.empty() || name.empty() || RestHash(*remark) != row.rest_hash) {
        return kRemarkChanged;
      }
      NoteErased({}, name, row.n, kRemarkChanged, true);
    }
    if (row.kind == kWordsErased) {
      Explain(row.session, [](const Names::value_type& one) { return !one.second.named; });
    }
    if (row.kind == kCut) cuts_.insert({remark->count, remark->reason});
    if (row.kind == kErasedPerson) {
      const auto is_them = [&](const Names::value_type& one) {
        return one.first == remark->person;
      };
      Explain(row.session, is_them);
      Explain(SessionId(), is_them);
    }
    return "";
  }

  // Whether an event that is not as it was written is so without its person, called `name` now.
  static bool IsRedacted(const JournalRow& row, const Event& event, std::string_view body,
                         std::string_view name) {
    if (!row.salt.empty() || name.empty() || JournalKind(event) != row.kind) return false;
    std::string again;
    EncodeEvent(Redact(event, name, name), again);
    return again == body && (row.rest_hash.empty() || RestHash(event, name) == row.rest_hash);
  }

  // The same of the event that the row names, and notes that a row must say so.
  absl::StatusOr<bool> CheckRedacted(JournalRow row) {
    if (!row.salt.empty()) {
      // The row may have been read before the erasure, and the event after.
      const auto again = reader_.ListJournal(row.n - 1, 1);
      if (!again.ok()) return again.status();
      if (again->size() == 1 && again->front().hash == row.hash) row = again->front();
    }
    std::string name;  // of the session's candidate then
    bool redacted = false;
    const absl::Status status = reader_.ReadEvents(
        row.session, [&](uint64_t seq, Time, std::string_view body) -> absl::Status {
          if (seq > row.seq) return absl::OkStatus();
          const auto event = DecodeEvent(body);
          if (!event.ok()) return absl::OkStatus();
          if (const auto* reserved = std::get_if<Reserved>(&*event)) {
            name = reserved->identity.candidate_id;
          }
          if (const auto* claimed = std::get_if<Claimed>(&*event)) name = claimed->candidate_id;
          if (seq == row.seq) redacted = IsRedacted(row, *event, body, name);
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    if (redacted) {
      NoteErased(row.session, name, row.n, kEventChanged,
                 row.kind == "reserved" || row.kind == "claimed");
    }
    return redacted;
  }

  // The session's log up to the row's event.
  absl::StatusOr<std::string> CheckEvents(const JournalRow& row, const Seen& seen) {
    const bool seal = !row.responses_hash.empty();
    std::string fault;
    bool found = false;
    uint64_t rows_due = 0;
    State state;
    bool changed = false;
    const absl::Status status = reader_.ReadEvents(
        row.session, [&](uint64_t seq, Time at, std::string_view body) -> absl::Status {
          if (found || !fault.empty()) return absl::OkStatus();
          if (seq == row.seq) {
            found = true;
            if (BodyHash(row.salt, body) != row.body_hash || at != row.at) {
              // A person may have been taken out: looked at below.
              changed = true;
              if (at != row.at) fault = kEventChanged;
              if (!fault.empty()) return absl::OkStatus();
            }
          }
          if (!seal) return absl::OkStatus();
          // At a seal the whole log is looked at.
          auto event = DecodeEvent(body);
          if (!event.ok()) {
            fault = "event " + std::to_string(seq) + " of its session can't be read";
          } else if (seq != state.version + 1) {
            fault = "event " + std::to_string(state.version + 1) + " of its session is missing";
          } else if (!Apply(state, *event, at).ok()) {
            fault = "event " + std::to_string(seq) + " of its session can't follow those before";
          } else if (!JournalKind(*event).empty()) {
            ++rows_due;
          }
          return absl::OkStatus();
        });
    if (!status.ok()) return status;
    if (!fault.empty()) return fault;
    if (!found) return std::string("its event is missing");
    if (changed) {
      const auto redacted = CheckRedacted(row);
      if (!redacted.ok()) return redacted.status();
      if (!*redacted) return std::string(kEventChanged);
    }
    if (!seal) return fault;
    if (ResponsesHash(state) != row.responses_hash) {
      return std::string("the stored responses are not those that were sealed");
    }
    if (seen.whole && rows_due != seen.rows) {
      return std::string("its session has events that the journal does not know");
    }
    return fault;
  }

  EventLogReader& reader_;
  const std::function<bool()>& stop_;
  absl::flat_hash_map<SessionId, Seen> sessions_;
  absl::flat_hash_map<SessionId, Names> erased_;
  absl::flat_hash_set<std::pair<uint64_t, std::string>> cuts_;
};

// One check, from the beginning.
absl::StatusOr<JournalVerdict> VerifyOnce(EventLogReader& reader, const VerifyOptions& options) {
  constexpr size_t kPage = 1000;
  // Taken first: what is added meanwhile is none of this check's business.
  auto end = reader.ReadJournalHead();
  if (!end.ok()) return end.status();
  const auto begin = reader.ReadJournalBegin();
  if (!begin.ok()) return begin.status();
  JournalVerdict verdict;
  verdict.begin = verdict.head = *begin;
  if (options.noted && options.noted->n < begin->n) {
    return FailedPrecondition("HEAD_CUT_OFF",
                              "the part of the journal to which this head belongs was kept long "
                              "enough and is gone; give a later one")
        .With("first_row", std::to_string(begin->n + 1));
  }
  Verifier verifier(reader, options.stop);
  const auto fault = [&](uint64_t n, std::string what) {
    verdict.fault = JournalFault{n, std::move(what)};
    verdict.sessions = verifier.sessions();
    return verdict;
  };
  if (options.noted && options.noted->n == begin->n && options.noted->hash != begin->hash &&
      begin->n > 0) {
    return fault(begin->n + 1, "it does not follow the row that was noted");
  }
  if (options.noted && options.noted->n > end->n) {
    return fault(end->n + 1, "the journal ends before the head that was noted");
  }
  const auto read_on = [&]() -> absl::Status {
    while (!verdict.fault && verdict.head.n < end->n) {
      INVIGIL_RETURN_IF_ERROR(verifier.GoOn());
      const auto page = reader.ListJournal(verdict.head.n, kPage);
      if (!page.ok()) return page.status();
      if (page->empty()) fault(verdict.head.n + 1, "the journal's end was cut off");
      for (const JournalRow& row : *page) {
        if (row.n > end->n) break;
        const auto what = verifier.Check(verdict.head, row);
        if (!what.ok()) return what.status();
        if (!what->empty()) {
          fault(verdict.head.n + 1, *what);
          return absl::OkStatus();
        }
        verdict.head = {row.n, row.hash};
        ++verdict.rows;
        if (options.noted && options.noted->n == row.n && options.noted->hash != row.hash) {
          fault(row.n, "it is not the row that was noted: the journal was written anew");
          return absl::OkStatus();
        }
      }
      if (options.progress) options.progress(verdict.rows);
    }
    if (!verdict.fault && verdict.head != *end) {
      fault(end->n, "the head's row does not agree with the journal's last");
    }
    return absl::OkStatus();
  };
  INVIGIL_RETURN_IF_ERROR(read_on());
  // But for rows that tell of an erasure meanwhile, of which the check saw the effect: it goes on
  // to the end as it is by then, until all is told or nothing is added.
  while (!verdict.fault && (verifier.Unexplained() || !verifier.SaysCut(*begin))) {
    auto now = reader.ReadJournalHead();
    if (!now.ok()) return now.status();
    if (*now == *end) break;
    end = std::move(now);
    INVIGIL_RETURN_IF_ERROR(read_on());
  }
  if (verdict.fault) return verdict;
  const auto rest = verifier.CheckRest([&](const SessionId& session) -> absl::StatusOr<bool> {
    for (uint64_t after = end->n;;) {
      INVIGIL_RETURN_IF_ERROR(verifier.GoOn());
      const auto page = reader.ListJournal(after, kPage);
      if (!page.ok()) return page.status();
      if (page->empty()) return false;
      for (const JournalRow& row : *page) {
        if (row.session == session) return true;
      }
      after = page->back().n;
    }
  });
  if (!rest.ok()) return rest.status();
  if (!rest->empty()) return fault(end->n, *rest);
  if (!verifier.SaysCut(*begin)) {
    return fault(begin->n + 1, "rows before it are gone, and no row says that they were cut off");
  }
  if (auto erased = verifier.Unexplained()) return fault(erased->n, std::move(erased->what));
  verdict.sessions = verifier.sessions();
  return verdict;
}

}  // namespace

absl::StatusOr<JournalVerdict> VerifyJournal(EventLogReader& reader, VerifyOptions options) {
  constexpr int kTries = 5;
  for (int attempt = 0; attempt < kTries; ++attempt) {
    auto verdict = VerifyOnce(reader, options);
    if (!verdict.ok() || !verdict->fault) return verdict;
    // Retention may have taken away rows that were still to be read.
    const auto begin = reader.ReadJournalBegin();
    if (!begin.ok()) return begin.status();
    if (*begin == verdict->begin) return verdict;
  }
  return Unavailable("AUDIT_MOVED",
                     "the journal's oldest part was cut off again and again; check it when "
                     "retention is done");
}

}  // namespace invigil::session
