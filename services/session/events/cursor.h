// A cursor says where in the outbox somebody stands, and in which history: the number of a row of
// the journal, and 20 bits of that row's hash, which depends on every row before it. When a store
// comes back from a backup, or a standby is promoted that lacks the last commits, numbers are given
// a second time, to other events; the marks differ then, and a cursor from before is told apart.
// Cursors of one history rise with the numbers. They stay below 2^53 for eight billion rows, so
// that a client that reads numbers as doubles reads them right.
#pragma once

#include <cstdint>
#include <string_view>

namespace invigil::session {

struct Cursor {
  uint64_t n = 0;
  // 1 to 2^20 - 1; 0: not known, as of a row that is not kept any more. That fits every history.
  uint32_t mark = 0;
  friend bool operator==(const Cursor&, const Cursor&) = default;
};

inline constexpr int kCursorMarkBits = 20;

// Of a row whose chain hash is `hash`, in hexadecimal; empty: not known. 0 for n = 0.
uint64_t CursorAt(uint64_t n, std::string_view hash);

// Takes a cursor apart. Below 2^20 it is a number alone: those of the first release had no marks.
Cursor ParseCursor(uint64_t cursor);

// Whether both may be of the same history; of the same row's marks.
inline bool MarksAgree(uint32_t one, uint32_t other) {
  return one == 0 || other == 0 || one == other;
}

}  // namespace invigil::session
