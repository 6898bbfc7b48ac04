// The clock of a sitting, said again as countdowns: what is left of each time, and since when it
// runs. (The domain adds up what was used.) Plain microseconds; shares no code with the domain.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "services/session/sim/forms.h"

namespace invigil::session::sim {

enum class Break : uint8_t { kNone, kUnscheduled, kPooled };

struct Sitting {
  const SimForm* form = nullptr;
  SimAccommodation given;
  bool started = false, paused = false;
  bool stopped = false;  // sealed or voided: no clock runs
  size_t part = 0;
  Break break_kind = Break::kNone;
  uint32_t breaks = 0;  // begun
  int64_t since = 0;    // when the counters below were true
  int64_t exam_total = 0, exam_left = 0, pool_left = 0;
  std::optional<int64_t> part_left;  // none: the part has no time of its own
  int64_t next_granted = 0;          // for the section that comes
  std::optional<int64_t> window_end;
  int64_t paused_at = 0;
  std::optional<int64_t> answers_end;  // the last section was left then
  int cursor = 0;                      // forward-only: items before it are locked
  int edits = 0;
  // How the section before the last parts was left.
  struct Left {
    size_t part = 0;
    std::optional<int64_t> part_left;
    int cursor = 0, edits = 0;
  } left;

  const SimPart& current() const { return form->parts[part]; }
  bool InSection() const { return current().kind == 'S'; }
  bool OnBreak() const { return break_kind != Break::kNone || current().kind == 'B'; }
  size_t AfterSections() const;

  // What ends next, and when. nullopt: nothing runs.
  enum class End : uint8_t { kWindow, kExam, kBreak, kPart };
  struct Next {
    int64_t at = 0;
    End what{};
  };
  std::optional<Next> NextEnd() const;

  void Begin(const SimForm& f, const SimAccommodation& a, int64_t granted, int64_t at);
  void Enter(size_t next, int64_t at);
  // Takes the time up to `at` off what runs.
  void Advance(int64_t at);
  void Give(int64_t amount);
  void TakeBreak(Break kind, int64_t at);
  void EndBreak(int64_t at);
  void Pause(int64_t at);
  void Resume(int64_t at);
  void Stop(int64_t at);
  void Reopen(int64_t at);

 private:
  int64_t LimitOf(size_t index) const;  // 0: none
};

}  // namespace invigil::session::sim
