// From sealed responses to a scaled score: a pure function of (responses, key version, conversion),
// so that any score replays bit for bit.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/conversion.h"
#include "services/scoring/domain/key.h"
#include "services/scoring/domain/responses.h"

namespace invigil::scoring {

// What a domain's responses say about just passing.
enum class Band { kBelow, kNotEnoughEvidence, kAbove };

struct DomainScore {
  std::string domain_id;
  std::string name;
  double weight_percent = 0;
  Band band = Band::kNotEnoughEvidence;
  std::string explanation;  // for candidates: no numbers, no statistics
  uint32_t raw_score = 0;
  uint32_t raw_max = 0;
  double expected_at_cut = 0;
  double standard_error = 0;
  bool operator==(const DomainScore&) const = default;
};

struct Score {
  std::string form_id;
  uint32_t key_version = 0;
  std::string conversion_hash;
  std::string exam_id;
  uint32_t exam_version = 0;
  std::string title;
  uint32_t raw_score = 0;
  uint32_t raw_max = 0;
  int32_t scaled_score = 0;
  double scaled_score_unrounded = 0;
  Scale scale;
  bool passed = false;
  double standard_error = 0;
  std::vector<DomainScore> domains;  // in the blueprint's order
  std::string disclaimer;
  std::string basis;
  bool operator==(const Score&) const = default;
};

// Beyond this many standard deviations from what just passing takes, a domain is called.
inline constexpr double kBandDeviations = 1.5;

// Counts right answers on operational items only, all-or-nothing; items without a response count as
// wrong, unless everybody gets their point; pretest items never touch the result. `responses` are
// canonical, and `conversion` is the one stored for the key. Errors: INVALID_ARGUMENT
// (RESPONSE_INVALID, see CheckAgainst); INTERNAL when the conversion is another form's.
absl::StatusOr<Score> ScoreResponses(const std::vector<SealedResponse>& responses,
                                     const ScoringKey& key, const Conversion& conversion);
// The same for callers that know HashOf(conversion): writing and hashing a conversion takes longer
// than scoring.
absl::StatusOr<Score> ScoreResponses(const std::vector<SealedResponse>& responses,
                                     const ScoringKey& key, const Conversion& conversion,
                                     const std::string& conversion_hash);

// Whether an answer, canonical, earns the item's point by itself; KeyedItem::credit gives it
// anyway.
bool IsRight(const KeyedItem& item, const std::vector<std::string>& answer);
// The band of `raw_score` in a domain.
Band BandOf(uint32_t raw_score, const DomainStandard& standard);
// The band in a sentence for candidates.
std::string BandSentence(Band band);
// What the number rests on, for everyone.
std::string BasisSentence(bool calibrated);

}  // namespace invigil::scoring
