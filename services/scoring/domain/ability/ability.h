// Ability from answers when item parameters are known (logistic metric, D = 1). What was not
// presented tells nothing; a wrong or omitted answer that counts is 0. Pure; any thread.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/ability/item_tables.h"
#include "services/scoring/domain/ability/quadrature.h"
#include "services/scoring/domain/irt.h"

namespace invigil::scoring {

enum class AbilityMethod {
  kEap,  // posterior mean and sd over the nodes (Bock & Mislevy 1982)
  kMap,  // posterior mode; se 1/sqrt(information + 1/sd^2)
  kMl,   // maximum likelihood; se 1/sqrt(information)
  kWle,  // weighted likelihood (Warm 1989, eq. 10, with J/2I also for three parameters)
};

// Which information the standard errors of MAP and ML use: that of the items (as catR and the
// tables of a form do), or that of the pattern seen (as mirt does). They differ only where items
// have a lower asymptote.
enum class InformationKind { kExpected, kObserved };

struct AbilityOptions {
  AbilityMethod method = AbilityMethod::kEap;
  QuadratureSpec quadrature;  // EAP only
  // EAP only: these nodes and weights instead of the quadrature and the normal prior, such as an
  // estimated ability distribution.
  std::optional<Quadrature> distribution;
  double prior_mean = 0, prior_sd = 1;  // EAP and MAP
  InformationKind information = InformationKind::kExpected;
  int threads = 0;  // of a batch; 0: as many as the machine has. Results do not depend on it.
};

// Why there is no finite estimate.
enum class AbilityLimit {
  kNone,
  kAllRight,          // ML: theta is +infinity
  kAllWrong,          // ML: theta is -infinity
  kBelowGuessing,     // ML: -infinity, no better than lower asymptotes alone explain
  kAboveForm,         // number correct at the top of the form: +infinity
  kNothingPresented,  // ML and WLE: theta is 0 and says nothing
};
// UPPER_SNAKE names for programs; empty for kNone.
std::string_view LimitName(AbilityLimit limit);

struct Ability {
  double theta = 0;
  double se = 0;  // infinity where there is a limit
  AbilityLimit limit = AbilityLimit::kNone;
};

// One person; `responses` as in ResponseView. Errors: ITEMS_EMPTY, ITEM_PARAMETERS_INVALID,
// RESPONSES_SHAPE, RESPONSE_NOT_BINARY, QUADRATURE_INVALID, PRIOR_INVALID.
absl::StatusOr<Ability> EstimateAbility(std::span<const ItemParameters> items,
                                        std::span<const int8_t> responses,
                                        const AbilityOptions& options = {});

// Every person, in row order. A row's result does not depend on the other rows. Errors as above.
absl::StatusOr<std::vector<Ability>> EstimateAbilities(std::span<const ItemParameters> items,
                                                       const ResponseView& responses,
                                                       const AbilityOptions& options = {});

// The theta whose expected number correct is `number_correct` (a whole or equated number), with the
// delta method: sd of the number correct over the slope of the curve (Lord 1980, eq. 5-10). At or
// below the sum of asymptotes: kBelowGuessing; at or above the number of items: kAboveForm.
// Errors: ITEMS_EMPTY, ITEM_PARAMETERS_INVALID, NUMBER_CORRECT_INVALID (not finite, below 0, above
// the number of items).
absl::StatusOr<Ability> NumberCorrectAbility(std::span<const ItemParameters> items,
                                             double number_correct);

// EAP by number correct (Thissen, Pommerich, Billeaud & Williams 1995) for every score from 0 to
// the number of items, and how often the score is expected.
struct SumScoreAbility {
  double theta = 0, se = 0;
  double probability = 0;
};
absl::StatusOr<std::vector<SumScoreAbility>> SumScoreAbilities(
    std::span<const ItemParameters> items, const AbilityOptions& options = {});

}  // namespace invigil::scoring
