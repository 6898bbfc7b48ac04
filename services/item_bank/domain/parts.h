// The parts of a sitting as an exam definition states them, and when one may sit again. Plain
// values; `CheckParts` and `CheckRetakes` (check.h) judge them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace invigil::item_bank {

// The numbers of these enums are those of the contract (protos/invigil/itembank/v1/form.proto).
enum class PartKind {
  kUnspecified = 0,
  kSection = 1,
  kBreak = 2,      // the exam's clock stands still, here and in all that follow
  kAgreement = 3,  // must be accepted to go on
  kTutorial = 4,
  kSurvey = 5,
};
enum class Navigation { kUnspecified = 0, kFree = 1, kForwardOnly = 2 };
enum class WindowPolicy { kUnspecified = 0, kLimitsStart = 1, kLimitsEnd = 2 };

// How many items of a domain a section has.
struct SectionDomain {
  std::string domain_id;
  uint32_t operational_item_count = 0;
  uint32_t pretest_item_count = 0;
  bool operator==(const SectionDomain&) const = default;
};

struct Section {
  std::string section_id;
  uint32_t operational_item_count = 0;
  uint32_t pretest_item_count = 0;
  std::vector<SectionDomain> domains;  // empty: items of any domain
  Navigation navigation = Navigation::kUnspecified;
  std::optional<uint32_t> edit_quota;

  uint32_t ItemCount() const { return operational_item_count + pretest_item_count; }
  bool operator==(const Section&) const = default;
};

struct Part {
  PartKind kind = PartKind::kUnspecified;
  std::string name;
  Duration limit{};                // 0: none, which a section alone may have
  std::optional<Section> section;  // of sections, and only these
  std::string text;                // of agreements, tutorials and surveys

  // Whether it shows a text of its own.
  bool HasText() const {
    return kind == PartKind::kAgreement || kind == PartKind::kTutorial || kind == PartKind::kSurvey;
  }
  bool operator==(const Part&) const = default;
};

// At most so many attempts in any so many calendar days.
struct AttemptCap {
  uint32_t max_attempts = 0;
  uint32_t window_days = 0;
  bool operator==(const AttemptCap&) const = default;
};

// What the real programme says; for people. No start is held to it: see
// RegistrationService.PutExamPolicy.
struct RetakePolicy {
  std::string time_zone;
  std::vector<uint32_t> wait_days;  // after the first attempt, the second, ...; the last holds on
  std::optional<uint32_t> wait_days_after_pass;
  std::vector<AttemptCap> caps;
  bool operator==(const RetakePolicy&) const = default;
};

}  // namespace invigil::item_bank
