// The journal: one row for every event that changes a session's life or is somebody's act (all but
// saves and progress reports), and for remarks (remark.h), numbered without gaps through the whole
// store and chained by hashes, written in the transaction of the event. What it tells cannot be
// changed, taken out, put in between or reordered without breaking the chain; a cut-off end shows
// against a head that was noted elsewhere. Saves have no rows of their own: a seal's row carries
// the hash of all that was sealed.
//
// Whoever is erased can't be guessed from a hash that stays: where an event names persons or quotes
// them, its hash is salted, and the salt, which stands apart, goes with the person. What stays
// provable is the rest of the event, by a second hash.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "services/session/domain/events.h"
#include "services/session/domain/session_id.h"
#include "services/session/store/remark.h"

namespace invigil::session {

struct JournalRow {
  uint64_t n = 0;  // 1 for the first
  SessionId session;
  uint64_t seq = 0;  // of the event in its session; 0: a remark
  Time at{};
  std::string kind;            // see JournalKind
  std::string body_hash;       // see BodyHash; hexadecimal, as all hashes here
  std::string responses_hash;  // of what the session holds after it; empty but for seals
  std::string hash;            // see ChainHash
  // Of what an erasure leaves (redact.h). Empty in rows of format 1, written before there was one.
  std::string rest_hash{};
  std::string salt{};    // empty: there is nothing personal, it was erased, or format 1
  std::string remark{};  // a remark's bytes
  std::string person{};  // to be written only: whom the remark names
};

// Where a chain stands.
struct JournalHead {
  uint64_t n = 0;
  std::string hash = std::string(64, '0');
  friend bool operator==(const JournalHead&, const JournalHead&) = default;
};

// "started", "sealed.expired" and so on; empty for events that have no row.
std::string_view JournalKind(const Event& event);

// What a session holds, place by place: "sequence:options in hexadecimal" joined by commas, hashed.
std::string ResponsesHash(const State& state);

// SHA-256 of the salt's text and the event's or remark's bytes.
std::string BodyHash(std::string_view salt, std::string_view body);

// SHA-256 of "2|previous hash|n|session|seq|at in us|kind|body hash|responses hash|rest hash", all
// as text: what anybody can compute again with a shell. Format 1 has neither "2|" nor "|rest hash".
std::string ChainHash(std::string_view previous, const JournalRow& row);

// Rows of one transaction, waiting for their numbers.
class JournalBatch {
 public:
  // Adds a row when the event has one. `body` is the event as stored; `after` the session after it.
  void Add(const SessionId& session, uint64_t seq, Time at, const Event& event,
           std::string_view body, const State& after);
  void Add(const Remark& remark);
  bool empty() const { return rows_.empty(); }
  void Clear() { rows_.clear(); }
  // Numbers and chains the rows after `head`, and moves it to the last.
  const std::vector<JournalRow>& Chain(JournalHead& head);

 private:
  std::vector<JournalRow> rows_;
};

}  // namespace invigil::session
