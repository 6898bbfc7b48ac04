#include "services/session/sim/sitting.h"

#include <algorithm>
#include <utility>

namespace invigil::session::sim {

size_t Sitting::AfterSections() const {
  size_t after = 0;
  for (size_t i = 0; i < form->parts.size(); ++i) {
    if (form->parts[i].kind == 'S') after = i + 1;
  }
  return after;
}

int64_t Sitting::LimitOf(size_t index) const {
  const int64_t limit = form->parts[index].limit_us;
  return limit == 0 ? 0 : limit + given.part_extra_us;
}

std::optional<Sitting::Next> Sitting::NextEnd() const {
  if (!started || paused || stopped) return std::nullopt;
  std::optional<Next> next;
  // Of ends at one instant the first offered counts.
  const auto offer = [&next](int64_t at, End what) {
    if (!next || at < next->at) next = Next{at, what};
  };
  if (window_end) offer(*window_end, End::kWindow);
  if (break_kind == Break::kPooled) {
    offer(since + pool_left, End::kBreak);
    return next;
  }
  if (InSection()) offer(since + exam_left, End::kExam);
  if (part_left) offer(since + *part_left, End::kPart);
  return next;
}

void Sitting::Begin(const SimForm& f, const SimAccommodation& a, int64_t granted, int64_t at) {
  form = &f;
  given = a;
  started = true;
  exam_total = exam_left = f.duration_us + a.exam_extra_us + granted;
  pool_left = a.pool_us;
  next_granted = granted;
  Enter(0, at);
}

void Sitting::Enter(size_t next, int64_t at) {
  if (InSection() && next >= AfterSections()) left = {part, part_left, cursor, edits};
  part = next;
  break_kind = Break::kNone;
  since = at;
  part_left.reset();
  if (const int64_t limit = LimitOf(part); limit != 0) part_left = limit;
  if (current().kind == 'B') ++breaks;
  if (!InSection()) return;
  edits = 0;
  cursor = current().first;
  const int64_t granted = std::exchange(next_granted, 0);
  if (part_left) *part_left += granted;
}

void Sitting::Advance(int64_t at) {
  const int64_t passed = std::max<int64_t>(0, at - since);
  if (!started || paused || stopped) return;
  if (break_kind == Break::kPooled) {
    pool_left -= passed;
  } else {
    if (InSection()) exam_left -= passed;
    if (part_left) *part_left -= passed;
  }
  since = std::max(since, at);
}

void Sitting::Give(int64_t amount) {
  exam_total += amount;
  exam_left += amount;
  if (!InSection()) {
    next_granted += amount;
  } else if (part_left) {
    *part_left += amount;
  }
  if (window_end) *window_end += amount;
}

void Sitting::TakeBreak(Break kind, int64_t at) {
  Advance(at);
  break_kind = kind;
  ++breaks;
}

void Sitting::EndBreak(int64_t at) {
  Advance(at);
  break_kind = Break::kNone;
}

void Sitting::Pause(int64_t at) {
  Advance(at);
  paused = true;
  paused_at = at;
}

void Sitting::Resume(int64_t at) {
  paused = false;
  since = at;
  if (window_end) *window_end += at - paused_at;
}

void Sitting::Stop(int64_t at) {
  Advance(at);
  paused = false;
  stopped = true;
  break_kind = Break::kNone;
}

void Sitting::Reopen(int64_t at) {
  stopped = false;
  answers_end.reset();
  window_end.reset();
  if (part >= AfterSections()) {
    // Back into the section that was left, as it was left.
    part = left.part;
    part_left = left.part_left;
    cursor = left.cursor;
    edits = left.edits;
  } else if (current().kind == 'B') {
    Enter(part + 1, at);
  } else if (!InSection()) {
    Enter(part, at);
  }
  since = at;
}

}  // namespace invigil::session::sim
