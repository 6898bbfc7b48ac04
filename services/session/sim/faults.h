// What may go wrong in a history. Each history draws its own plan, so that some suffer from one
// fault alone and some from many at once; faults end at a known moment, and then promises count.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "common/base/random.h"
#include "common/base/time.h"

namespace invigil::session::sim {

// Every place where a replica waits for something outside its memory, or hands something out: the
// process may die at each. kAwaitNames names them.
enum class AwaitPoint : uint8_t {
  kRequestQueued,
  kBatchTaken,
  kBegun,
  kLogRead,
  kAppended,
  kBeforeCommit,
  kAfterCommit,
  kBeforeAnswers,
  kBetweenAnswers,
  kBeforeTimerNews,
  kBetweenTimerNews,
  kSessionReserved,
  kFormIssued,
  kClaimed,
  kExpireAnswered,
  kSettled,
  kScanListed,
  kLoadBegun,
  kLoadBatch,
  kLoadFinished,
  kOutboxListed,
  kReadToScore,
  kScoreArrived,
  kScoreRecorded,
};
inline constexpr std::array kAwaitNames = {
    "request queued",  "batch taken",       "transaction begun",  "log read",
    "events appended", "before commit",     "after commit",       "before answers",
    "between answers", "before timer news", "between timer news", "session reserved",
    "form issued",     "timers claimed",    "expire answered",    "claim settled",
    "overdue listed",  "rebuild begun",     "rebuild batch",      "rebuild finished",
    "outbox listed",   "read to be scored", "score arrived",      "score recorded",
};
inline constexpr size_t kAwaitPoints = kAwaitNames.size();

// Thrown through a replica's code: its process is gone, memory and all.
struct Crash {
  AwaitPoint at;
};

// Bugs put in on purpose, to see that the checks find them (README, "Mutants"). Those in the code
// under test are made by the script `mutants` in a copy of the source.
enum class Bug : uint8_t {
  kNone,
  kAnswerBeforeCommit,  // clients hear of a batch that is not durable yet
  kOutboxRowLost,       // a seal without its outbox row
  kEventLost,           // some events are not written
  kSequenceNotUnique,   // the store takes a sequence twice: the later one replaces
  kStaleGeneration,     // the store never tells that another writer was there
  kTwoLiveSessions,     // no unique key of a candidate's live session
  kScoreTwice,          // scoring gives every asking a new version
  kScanSilent,          // the database is never scanned
  kNoTimers,            // nobody sweeps and nobody scans
};
inline constexpr std::array kBugNames = {
    "none",
    "answer-before-commit",
    "outbox-row-lost",
    "event-lost",
    "sequence-not-unique",
    "stale-generation",
    "two-live-sessions",
    "score-twice",
    "scan-silent",

    "no-timers",
};

// How a database keeps two writers apart, and how it tells one of the other.
enum class StoreKind : uint8_t {
  kExclusive,  // one transaction at a time; the generation changes when another committed (SQLite)
  kCounting,   // the later of two fails; the generation changes every time
  kRelying,    // the same; the generation never changes, what was relied on is compared at commit
};

struct FaultPlan {
  // Chances, each time the thing happens.
  double crash = 0;                                                 // at an await point
  AwaitPoint focus{};                                               // but here
  double focus_crash = 0;                                           // so
  double lose = 0, duplicate = 0, slow = 0;                         // a message
  double commit_fails = 0, commit_reply_lost = 0, store_fails = 0;  // a transaction
  double other_writer_first = 0;  // another replica's transaction comes in between
  double redis_fails = 0, redis_reply_lost = 0;
  double bank_fails = 0, scoring_fails = 0, scoring_reply_lost = 0;
  // How often the nemesis (nemesis.h) strikes; zero: never.
  Duration nemesis_every{0};
  StoreKind store = StoreKind::kExclusive;
  // How far the machines' wall clocks are from true time at most.
  Duration skew{0};
  // The store's, Redis's and everybody's troubles end then.
  Duration until{0};
};

FaultPlan DrawPlan(Random& random);

}  // namespace invigil::session::sim
