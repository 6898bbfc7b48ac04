// What may be decided about an item after the exam, what key follows from it, and which new scores
// a policy lets through. Pure: a key is a function of the item bank's key and of the revisions
// approved up to a number, so that every version of a score can be replayed.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "services/scoring/domain/conversion.h"
#include "services/scoring/domain/key.h"
#include "services/scoring/domain/scoring.h"

namespace invigil::scoring {

enum class DecisionKind {
  kUnknown,   // refused
  kKeep,      // the bank's key stands; takes an earlier decision back
  kRekey,     // another answer is right
  kMultiple,  // each of several answers is right
  kDrop,      // counts for nobody; the conversion is made anew without the item
  kCredit,    // everybody who was shown the item gets its point
};

struct KeyDecision {
  std::string item_id;                  // the bank's
  std::vector<uint32_t> item_versions;  // empty: every version that has the options named
  DecisionKind kind = DecisionKind::kUnknown;
  // Right answers by the bank's ids of options: one for kRekey, two or more for kMultiple.
  std::vector<std::vector<std::string>> accepted;
  std::string reason;
  bool operator==(const KeyDecision&) const = default;
};

inline constexpr size_t kMostDecisions = 200;  // in one set

// Decisions in canonical form (answers, options and versions sorted, items in order). Errors:
// INVALID_ARGUMENT (RESCORING_INVALID) with every problem as a field: an item named twice, a kind
// not known, answers where none belong or missing or repeated, a reason that is empty or too long.
absl::StatusOr<std::vector<KeyDecision>> Canonical(std::vector<KeyDecision> decisions);

// The canonical text: what is stored and hashed. Errors of reading: INTERNAL.
std::string Serialize(const std::vector<KeyDecision>& decisions);
absl::StatusOr<std::vector<KeyDecision>> ParseDecisions(std::string_view text);

// The decisions that one approval brought. Numbers of an exam rise from 1.
struct KeyRevision {
  uint32_t revision = 0;
  std::vector<KeyDecision> decisions;
};

bool Concerns(const KeyDecision& decision, const KeyedItem& item);
bool Concerns(const std::vector<KeyDecision>& decisions, const ScoringKey& key);

// Whether a decision that names no versions passes an item of the form by, because the version
// shown lacks one of its options.
bool PassesBy(const std::vector<KeyDecision>& decisions, const ScoringKey& key);

// A decision that the form can't carry out (DECISION_IMPOSSIBLE): it names the item's version and
// an option that it does not have, the form was issued before options could be told apart, or
// dropping would leave no item that counts.
struct RefusedDecision {
  uint32_t revision = 0;
  absl::Status why;
};

// The form's key under `revisions` (in order): of an item's decisions the last one holds that the
// form can carry out; those behind it are told in `refused`, if it is given. A form is never
// without a key: a sealed session must get its score whatever was decided. Where nothing would be
// left to score, dropped items count as the bank has them.
// Its version is the bank's plus the number of the last revision that concerns the form, also one
// that it refuses; a form that none concerns keeps key and version. Whoever was not shown the item
// is not concerned. Pretest items take no decision but stay unscored.
// Errors: INTERNAL when the revisions are not in order.
absl::StatusOr<ScoringKey> KeyUnder(const ScoringKey& bank_key,
                                    std::span<const KeyRevision> revisions,
                                    std::vector<RefusedDecision>* refused = nullptr);

// The key that a score of version `key_version` was made with. Errors besides: INTERNAL when the
// version can't come from the bank's.
absl::StatusOr<ScoringKey> KeyAtVersion(const ScoringKey& bank_key,
                                        std::span<const KeyRevision> revisions,
                                        uint32_t key_version);

// The form's conversion under `key`: `base`, that of the bank's key, where the same items count, so
// that its numbers stay as they are; else made anew. Errors: those of BuildConversion.
absl::StatusOr<Conversion> ConversionUnder(const ScoringKey& key, const ScoringKey& bank_key,
                                           const Conversion* base);

enum class RescoringPolicy {
  kNeverFail,   // all but those that turn a pass into a fail
  kNeverLower,  // and but those that are lower on the scale
  kExact,       // all
};

enum class RescoringOutcome {
  kUnchanged,   // nothing that a score says is another
  kChanged,     // a new version
  kProtected,   // the policy lets the session keep the score it has
  kFailed,      // can't be scored anew
  kSuperseded,  // sealed again since
};

RescoringOutcome Judge(const Score& held, const Score& renewed, RescoringPolicy policy);

}  // namespace invigil::scoring
