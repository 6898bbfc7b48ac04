// Sitting an exam as a pure state machine: keys and news change the state and ask for things to be
// done. No terminal, no network, no clock: `now` is monotonic time given by the caller.
#pragma once

#include <cstdint>
#include <optional>
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
  kEnded,  // nothing more can be done here; `message` says why
};

enum class ReviewFilter { kAll, kUnanswered, kFlagged };

struct Answer {
  std::vector<std::string> selected;  // sorted
  uint32_t sequence = 0;              // of the newest write
  uint32_t saved_sequence = 0;        // of the newest write the server holds
  bool flagged = false;
  bool unsaved() const { return saved_sequence < sequence; }
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
  Duration deadline{0};   // monotonic
  Duration remaining{0};  // when last told; shown while the clock stands still
  uint32_t deadline_version = 0;
  bool offline = false;
  bool submitting = false;
  int submit_attempts = 0;
  bool time_up = false;
  Duration next_refresh{0};
  bool sealed = false;
  bool receipt_differs = false;
  std::optional<session::v1::GetScoreReportResponse> report;
};

// What to do. Writes go out before the submission.
struct Outbox {
  std::vector<session::v1::ResponseWrite> writes;
  std::optional<std::vector<session::v1::ItemSequence>> submit;  // `seen`
  bool refresh = false;                                          // ask how the session stands
  bool report = false;                                           // get the report
  bool leave = false;
};

// `session` as GetSession gives it: stored responses are taken up.
State Begin(const session::v1::Session& session, Duration now);
Outbox Press(State& state, const Key& key, Duration now);
Outbox Take(State& state, const News& news, Duration now);
// To be called at least once a second.
Outbox Tick(State& state, Duration now);

// Readings for the screen.
Duration TimeLeft(const State& state, Duration now);
bool ClockRuns(const State& state);
// As many options chosen as the item asks for: all-or-nothing, so less is as good as none.
bool IsAnswered(const State& state, size_t index);
size_t AnsweredCount(const State& state);
size_t FlaggedCount(const State& state);
size_t UnsavedCount(const State& state);
// Items the review lists under its filter.
std::vector<size_t> ReviewItems(const State& state);
bool IsSealed(session::v1::SessionState session_state);

}  // namespace invigil::cli::take
