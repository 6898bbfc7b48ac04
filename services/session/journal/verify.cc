#include "services/session/journal/verify.h"

#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/store/codec.h"

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
    Seen& seen = sessions_[row.session];
    if (row.seq <= seen.last_seq) return std::string("an earlier event of its session comes after");
    seen.last_seq = row.seq;
    if (row.kind == "reserved") seen.whole = true;
    ++seen.rows;
    return CheckEvents(row, seen);
  }
  size_t sessions() const { return sessions_.size(); }

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
  // The session's log up to the row's event.
  absl::StatusOr<std::string> CheckEvents(const JournalRow& row, const Seen& seen) {
    const bool seal = !row.responses_hash.empty();
    std::string fault;
    bool found = false;
    uint64_t rows_due = 0;
    State state;
    const absl::Status status = reader_.ReadEvents(
        row.session, [&](uint64_t seq, Time at, std::string_view body) -> absl::Status {
          if (found || !fault.empty()) return absl::OkStatus();
          if (seq == row.seq) {
            found = true;
            if (Sha256Hex(body) != row.body_hash || at != row.at) {
              fault = "its event was changed";
              return absl::OkStatus();
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
};

}  // namespace

absl::StatusOr<JournalVerdict> VerifyJournal(EventLogReader& reader, VerifyOptions options) {
  constexpr size_t kPage = 1000;
  // Taken first: what is added meanwhile is none of this check's business.
  const auto end = reader.ReadJournalHead();
  if (!end.ok()) return end.status();
  JournalVerdict verdict;
  Verifier verifier(reader, options.stop);
  const auto fault = [&](uint64_t n, std::string what) {
    verdict.fault = JournalFault{n, std::move(what)};
    verdict.sessions = verifier.sessions();
    return verdict;
  };
  if (options.noted && options.noted->n > end->n) {
    return fault(end->n + 1, "the journal ends before the head that was noted");
  }
  while (verdict.head.n < end->n) {
    INVIGIL_RETURN_IF_ERROR(verifier.GoOn());
    const auto page = reader.ListJournal(verdict.head.n, kPage);
    if (!page.ok()) return page.status();
    if (page->empty()) return fault(verdict.head.n + 1, "the journal's end was cut off");
    for (const JournalRow& row : *page) {
      if (row.n > end->n) break;
      const auto what = verifier.Check(verdict.head, row);
      if (!what.ok()) return what.status();
      if (!what->empty()) return fault(verdict.head.n + 1, *what);
      verdict.head = {row.n, row.hash};
      ++verdict.rows;
      if (options.noted && options.noted->n == row.n && options.noted->hash != row.hash) {
        return fault(row.n, "it is not the row that was noted: the journal was written anew");
      }
    }
    if (options.progress) options.progress(verdict.rows);
  }
  if (verdict.head != *end) {
    return fault(end->n, "the head's row does not agree with the journal's last");
  }
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
  verdict.sessions = verifier.sessions();
  return verdict;
}

}  // namespace invigil::session
