// The plan of a sitting: which parts it has, in which order, and what holds in each. Comes from the
// exam definition with the form; immutable.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace invigil::session {

// Numbers are those of the wire and of the log; they never change.
enum class PartKind : uint8_t {
  kSection = 1,    // items; the exam clock runs
  kBreak = 2,      // scheduled: the exam clock stands still, what came before is locked
  kAgreement = 3,  // must be accepted to go on; the exam clock stands still
  kTutorial = 4,   // as above, but for reading only
  kSurvey = 5,
};

enum class Navigation : uint8_t {
  kFree = 1,         // any item of the section, in any order
  kForwardOnly = 2,  // an item is locked once a later one was answered or shown
};

struct Part {
  PartKind kind = PartKind::kSection;
  std::string name;        // for people; may be empty for the only section
  std::string content_id;  // what a part without items shows; empty: nothing but its name
  // The part's own time. 0: none, which a section alone may have: then only the whole exam's runs.
  Duration limit{0};
  // Sections only: the places [first_place, first_place + place_count), each in one section.
  uint32_t first_place = 0;
  uint32_t place_count = 0;
  Navigation navigation = Navigation::kFree;
  // Sections only: how many answers may be changed after they were given. nullopt: any number.
  std::optional<uint32_t> edit_quota;

  bool is_section() const { return kind == PartKind::kSection; }
  friend bool operator==(const Part&, const Part&) = default;
};

struct Plan {
  // In order; a session never goes back to an earlier one. Empty when given to Form::Create: one
  // section of everything.
  std::vector<Part> parts;
  // A proctor must check the candidate in before the sitting begins.
  bool check_in = false;
  // The candidate may take breaks of their own: the clock runs, and what was seen is locked.
  bool unscheduled_breaks = false;
  friend bool operator==(const Plan&, const Plan&) = default;
};
inline constexpr size_t kMaxParts = 50;

// What registration adds for one candidate; fixed when the sitting begins.
struct Accommodation {
  // To the whole exam's time.
  Duration exam_extra{0};
  // To each part's own time, by part; empty: none. As many as the plan has parts.
  std::vector<Duration> part_extra;
  // For breaks in which the clock stands still, all together.
  Duration break_pool{0};
  bool none() const {
    return exam_extra == Duration(0) && part_extra.empty() && break_pool == Duration(0);
  }
  friend bool operator==(const Accommodation&, const Accommodation&) = default;
};
inline constexpr Duration kMaxExtra = std::chrono::hours(24);

// What sort of sitting it is.
enum class SessionKind : uint8_t {
  kExam = 0,        // also what older logs say nothing about
  kPractice = 1,    // never counted with exams
  kDiagnostic = 2,  // short, possibly of somebody without an account
};

}  // namespace invigil::session
