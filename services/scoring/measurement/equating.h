// From settings and answers to a proposed equating of a form, or of the family of forms drawn for
// an exam, onto the base form. The mathematics is domain/equating and domain/linking.
#pragma once

#include "absl/status/statusor.h"
#include "invigil/itembank/v1/statistics.pb.h"
#include "invigil/scoring/v1/measurement.pb.h"
#include "services/scoring/measurement/calibration.h"
#include "services/scoring/measurement/dataset.h"
#include "services/scoring/measurement/store.h"
#include "services/scoring/rpc/key_ring.h"
#include "services/scoring/store/score_store.h"

namespace invigil::scoring {

struct EquatingSources {
  const itembank::v1::ListItemStatisticsResponse& bank;
  DatasetReader& reader;
  KeyRing& ring;
  ScoreStore& scores;
  int threads = 0;
};

// The same answers, settings and library give the same bytes. Errors: those of the methods, and
// FAILED_PRECONDITION (EQUATING_EMPTY: no session in scope; REFERENCE_WITHOUT_CONVERSION;
// METHOD_NEEDS_REFERENCE: an observed-score method without a reference form).
absl::StatusOr<v1::EquatingResult> RunEquating(const v1::EquatingSettings& settings,
                                               const EquatingSources& sources,
                                               const Reporter& report);

std::string DigestOf(v1::EquatingResult result);

// What accepting it covers: the form asked for, or the family's items that did not drift.
Coverage CoverageOf(const v1::EquatingSettings& settings, const v1::EquatingResult& result);

// The conversion in use may be this far from the equating at the cut, in raw points: half a point
// is the difference that matters (Dorans & Feigenbaum 1994).
inline constexpr double kDifferenceThatMatters = 0.5;

}  // namespace invigil::scoring
