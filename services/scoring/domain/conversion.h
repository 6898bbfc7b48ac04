// A form's conversion: from number correct to the reported scale, row by row. Made once for a form
// and a key version, then stored and never changed; scores are read off the stored rows, so they
// replay bit for bit whatever mathematics library a later machine has.
//
// The way (Kolen & Brennan, IRT true-score equating): raw x -> theta where the form's test
// characteristic curve is x -> number correct expected on the base form there -> piecewise linear
// through (0, min), (base cut, cut), (base maximum, max) -> one rounding, halves up.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/key.h"

namespace invigil::scoring {

struct ConversionRow {
  uint32_t raw_score = 0;
  // Unset at the ends: at the maximum, and at or below what guessing alone gives.
  std::optional<double> theta;
  double base_raw = 0;
  double scaled_unrounded = 0;  // at or above the cut exactly when `passed`
  int32_t scaled_score = 0;
  bool passed = false;
  double standard_error = 0;  // in scaled points
  bool operator==(const ConversionRow&) const = default;
};

// What a candidate who just passes is expected to do in a domain of this form.
struct DomainStandard {
  std::string domain_id;
  uint32_t raw_max = 0;        // operational items; may be 0
  double expected_at_cut = 0;  // number correct
  double deviation = 0;        // its standard deviation
  bool operator==(const DomainStandard&) const = default;
};

struct Conversion {
  std::string form_id;
  uint32_t key_version = 0;
  Scale scale;
  double theta_cut = 0;  // where the base form gives its cut
  uint32_t cut_raw = 0;  // least number correct that passes
  // Whether every item behind it, base form included, was calibrated on responses.
  bool calibrated = false;
  std::vector<ConversionRow> rows;  // raw 0 first
  std::vector<DomainStandard> domains;
};

// Makes it. Holds for every result: raw 0 gives min, raw maximum gives max; scores never fall as
// raw rises and never leave [min, max]; printed >= cut exactly when passed; a base number correct
// within 1e-9 of the cut is the cut.
// Errors: FAILED_PRECONDITION (FORM_NOT_EQUATED), see Validate(ScoringKey).
absl::StatusOr<Conversion> BuildConversion(const ScoringKey& key);

// The canonical text: what is stored and hashed. Numbers are written with the fewest digits that
// read back the same.
std::string Serialize(const Conversion& conversion);
// Errors: INTERNAL when the text is not what Serialize writes.
absl::StatusOr<Conversion> ParseConversion(std::string_view text);
// SHA-256 of Serialize(conversion), hexadecimal.
std::string HashOf(const Conversion& conversion);

}  // namespace invigil::scoring
