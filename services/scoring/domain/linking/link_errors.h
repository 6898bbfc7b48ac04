// Standard errors of the linking constants by the delta method (Ogasawara 2000, 2001): what the
// errors of the item parameters do to A and B. Pure; any thread.
#pragma once

#include <span>

#include "absl/status/statusor.h"
#include "services/scoring/domain/linking/link.h"

namespace invigil::scoring::linking {

struct LinkErrors {
  double se_a = 0, se_b = 0;
  double covariance = 0;  // of A and B
};

// `covariance_from` and `covariance_to` are the full covariance matrices of the common items'
// parameters in the two calibrations, row by row, order a, b, g of the first item, then of the
// second and so on: (3 n)^2 entries. Parameters that were not estimated have zeros. The covariances
// between items matter: they carry the uncertainty of each scale's origin.
// Errors: those of Link(); INVALID_ARGUMENT COVARIANCE_INVALID (wrong size, not finite, or a
// negative variance comes out).
absl::StatusOr<LinkErrors> LinkStandardErrors(LinkMethod method, std::span<const CommonItem> items,
                                              const AbilityNodes& nodes,
                                              std::span<const double> covariance_from,
                                              std::span<const double> covariance_to);

}  // namespace invigil::scoring::linking
