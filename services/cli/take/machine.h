// Sitting an exam as a pure state machine: keys and news change the state and ask for things to be
// done. No terminal, no network, no clock: `now` is monotonic time given by the caller.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "invigil/session/v1/delivery.pb.h"
#include "services/cli/take/keys.h"
#include "services/cli/take/news.h"

namespace invigil::cli::take {

enum class View {
  kQuestion,
  kReview,
  kGoTo,
  kConfirmSubmit,
  kConfirmLeave,
  kHelp,
  kClosing,  // submitting, or sealed and waiting for the report
  kReport,
  kEnded,           // nothing more can be done here; `message` says why
  kReading,         // an agreement, a tutorial or a survey
  kBreak,           // scheduled, or of the candidate's own
  kMoving,          // a Move is on its way
  kConfirmPart,     // leave the section for ever
  kConfirmDecline,  // the agreement, which ends all
  kConfirmBreak,
  kConfirmNext,  // forward-only: pass over a question that is not answered
};

enum class ReviewFilter { kAll, kUnanswered, kFlagged };

struct Answer {
  std::vector<std::string> selected;  // sorted
  uint32_t sequence = 0;              // of the newest write
  uint32_t saved_sequence = 0;        // of the newest write the server holds
  bool flagged = false;
  uint32_t mark_sequence = 0, saved_mark_sequence = 0;  // of `flagged`, as above
  bool seen = false;                                    // it was on this screen
  bool locked = false;                                  // may be read, not changed
  // Only where changes are counted: `selected` is not given yet, because a choice is missing.
  bool held_back = false;
  std::vector<std::string> saved;                           // what the server holds
  std::map<uint32_t, std::vector<std::string>> on_the_way;  // writes without a reply, by sequence
  bool unsaved() const { return saved_sequence < sequence; }
};

// Out of a part, or into or out of a break. See LeavePart, TakeBreak and EndBreak.
struct Move {
  enum class Kind { kLeave, kTakeBreak, kEndBreak };
  Kind kind = Kind::kLeave;
  uint32_t part = 0;                            // kLeave
  bool accept = false;                          // kLeave, of an agreement
  uint32_t break_number = 0;                    // the other two
  bool pooled = false;                          // kTakeBreak
  std::vector<std::string> shown_items;         // kTakeBreak: they are locked
  std::vector<session::v1::ItemSequence> seen;  // kLeave, kTakeBreak
};

// See SaveProgress.
struct Progress {
  std::vector<session::v1::Mark> marks;
  std::string shown_item;  // empty: not said
  std::vector<session::v1::ItemSequence> seen;
};

struct State {
  session::v1::Session session;  // items; its time and state are superseded by the fields below
  std::vector<Answer> answers;   // one per item
  size_t current = 0;
  View view = View::kQuestion, back = View::kQuestion;  // `back`: where Escape leads
  std::string message;                                  // one line; gone at the next key
  // Set by Draw, which knows how much fits.
  int scroll = 0, page = 10;

  ReviewFilter filter = ReviewFilter::kAll;
  size_t review_cursor = 0;
  std::string goto_digits;

  session::v1::SessionState session_state = session::v1::SESSION_STATE_ACTIVE;
  session::v1::BreakKind break_kind = session::v1::BREAK_KIND_UNSPECIFIED;
  Duration deadline{0};   // monotonic
  Duration remaining{0};  // when last told; shown while the clock stands still
  uint32_t deadline_version = 0;
  Duration granted{0};                              // by the staff and as an accommodation
  std::deque<session::v1::SessionMessage> notices;  // of the staff, to be read; the first is shown
  std::set<std::string> known_messages;             // ids of all that came
  std::set<std::string> confirming;                 // were read, and the server does not know yet
  bool offline = false;
  bool submitting = false;
  int submit_attempts = 0;
  std::optional<Move> moving;
  int move_attempts = 0;
  std::optional<Progress> shown;  // forward-only: the newest that was told, for a repetition
  int shown_attempts = 0;
  uint32_t edits_used = 0;  // in the current section, as far as the server has told
  std::optional<size_t>
      change_offered;  // the option whose letter, pressed again, changes an answer
  bool time_up = false;
  Duration next_refresh{0};
  bool sealed = false;
  bool receipt_differs = false;
  std::optional<session::v1::GetScoreReportResponse> report;
};

// What to do, in this order.
struct Outbox {
  std::vector<session::v1::ResponseWrite> writes;
  std::vector<std::string> confirm;  // messages that were read
  std::optional<Progress> progress;
  std::optional<Move> move;                                      // Loaded follows
  std::optional<std::vector<session::v1::ItemSequence>> submit;  // `seen`
  bool refresh = false;                                          // ask how the session stands
  bool reload = false;                                           // ask for all of it
  bool report = false;                                           // get the report
  bool leave = false;
};

// `session` as GetSession gives it: stored responses, flags and locks are taken up.
State Begin(const session::v1::Session& session, Duration now);
Outbox Press(State& state, const Key& key, Duration now);
Outbox Take(State& state, const News& news, Duration now);
// To be called at least once a second.
Outbox Tick(State& state, Duration now);

// Readings for the screen.
Duration TimeLeft(const State& state, Duration now);
// Whether answers are taken.
bool ClockRuns(const State& state);
// Whether `TimeLeft` gets less: in breaks it does, too.
bool CountsDown(const State& state);
// As many options chosen as the item asks for: all-or-nothing, so less is as good as none.
bool IsAnswered(const State& state, size_t index);
// These three: of the current section.
size_t AnsweredCount(const State& state);
size_t FlaggedCount(const State& state);
size_t ItemCount(const State& state);
size_t UnsavedCount(const State& state);
// Items the review lists under its filter.
std::vector<size_t> ReviewItems(const State& state);
bool IsSealed(session::v1::SessionState session_state);
// Whether a message of the staff covers the screen.
bool ShowsNotice(const State& state);
// Whether the exam has breaks of one's own, or time for them is left.
bool MayTakeBreak(const State& state);

// The part the session is in. nullptr: the session does not say; then it is one section of all.
const session::v1::Part* CurrentPart(const State& state);
// Where the current section's items are in `answers`. Empty outside sections.
struct Range {
  size_t begin = 0, end = 0;
};
Range SectionItems(const State& state);
bool InSection(const State& state);
// Whether there is more than one part, so that it must be said which.
bool HasParts(const State& state);
bool IsLastPart(const State& state);
bool ForwardOnly(const State& state);
// How many given answers may still be changed in this section. nullopt: any number.
std::optional<uint32_t> ChangesLeft(const State& state);

}  // namespace invigil::cli::take
