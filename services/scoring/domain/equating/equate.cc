#include "services/scoring/domain/equating/equate.h"

#include <utility>

#include "services/scoring/domain/equating/bootstrap.h"
#include "services/scoring/domain/equating/engine.h"
#include "services/scoring/domain/equating/standard_errors.h"

namespace invigil::scoring::equating {
namespace {

// Random groups have no use for anchor scores: the totals alone.
ScoreTable WithoutAnchor(const ScoreTable& table) {
  return {.max_total = table.max_total, .cells = TotalMargin(table), .n = table.n};
}

}  // namespace

std::string_view NameOf(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kNone:
      return "none";
    case ErrorKind::kMoments:
      return "moments";
    case ErrorKind::kDelta:
      return "delta";
    case ErrorKind::kLord:
      return "lord";
    case ErrorKind::kBootstrap:
      return "bootstrap";
  }
  return "";
}

absl::StatusOr<Equating> Equate(const Request& request, const ScoreTable& x, const ScoreTable& y) {
  if (!IsNeat(request.design) && (x.HasAnchor() || y.HasAnchor())) {
    return Equate(request, WithoutAnchor(x), WithoutAnchor(y));
  }
  const auto engine = Engine::Create(request, x, y);
  if (!engine.ok()) return engine.status();
  const auto groups = engine->Smooth(x, y);
  if (!groups.ok()) return groups.status();
  const auto table = engine->Table(*groups);
  if (!table.ok()) return table.status();
  auto line = engine->LineFor(*groups);
  if (!line.ok()) return line.status();

  Equating equating{.line = *line};
  if (IsNeat(request.design) && UsesSyntheticPopulation(request.method, request.center)) {
    equating.weight_x = engine->weight_x();
  }
  std::vector<std::optional<double>> errors;
  if (request.bootstrap > 0 && request.method != Method::kIdentity) {
    const auto bootstrap = Bootstrap(*engine, x, y, *groups);
    if (!bootstrap.ok()) return bootstrap.status();
    equating.error_kind = ErrorKind::kBootstrap;
    equating.replications = bootstrap->replications;
    equating.failed_replications = bootstrap->failed;
    errors.assign(bootstrap->standard_error.begin(), bootstrap->standard_error.end());
  } else {
    auto analytic = AnalyticErrors(*engine, {.x = x, .y = y}, *groups, *table);
    if (!analytic.ok()) return analytic.status();
    equating.error_kind = analytic->kind;
    errors = std::move(analytic->values);
  }
  for (size_t s = 0; s < table->size(); ++s) {
    equating.table.push_back({static_cast<int>(s), (*table)[s], errors[s]});
  }
  return equating;
}

}  // namespace invigil::scoring::equating
