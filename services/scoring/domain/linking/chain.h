// Links put together. Pure; any thread.
#pragma once

#include <span>

#include "services/scoring/domain/linking/link.h"

namespace invigil::scoring::linking {

// First `first`, then `second`: from A to C by way of B.
ScaleTransformation Compose(const ScaleTransformation& first, const ScaleTransformation& second);
// The way back.
ScaleTransformation Inverse(const ScaleTransformation& link);

// The line halfway between several links of the same two scales: each weighted by 1 / sqrt(1 +
// A^2), which makes it the bisector of their angle, the same either way round (Holland &
// Strawderman 2011). At least one link.
ScaleTransformation Bisector(std::span<const ScaleTransformation> links);

}  // namespace invigil::scoring::linking
