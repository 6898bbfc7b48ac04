#include "services/scoring/domain/equating/engine.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "common/error/error.h"

namespace invigil::scoring::equating {
namespace {

std::string Named(auto value) { return std::string(NameOf(value)); }

absl::Status CheckMethod(const Request& request) {
  if (Fits(request.method, request.design)) return absl::OkStatus();
  std::vector<std::string> fitting;
  for (Method method : MethodsFor(request.design)) fitting.push_back(Named(method));
  return InvalidArgument(
      "METHOD_NOT_FOR_DESIGN",
      absl::StrCat("method ", Named(request.method), " does not fit the design ",
                   Named(request.design), "; use one of ", absl::StrJoin(fitting, ", ")));
}

absl::Status CheckSmoothing(const Request& request, int smallest_scale) {
  const Smoothing& s = request.smoothing;
  if (s.degree == 0 && s.cross == 0) return absl::OkStatus();
  if (!UsesDistributions(request.method)) {
    return InvalidArgument(
        "SMOOTHING_NOT_FOR_METHOD",
        absl::StrCat("method ", Named(request.method),
                     " uses moments, which smoothing keeps; leave the smoothing out, or use "
                     "equipercentile, frequency-estimation, chained-equipercentile or "
                     "braun-holland"));
  }
  if (s.degree < 1 || s.degree > smallest_scale || s.degree > 20) {
    return InvalidArgument("SMOOTHING_INVALID",
                           absl::StrCat("a degree of ", s.degree, " cannot be fitted; give 1 to ",
                                        std::min(smallest_scale, 20)));
  }
  const int most = IsNeat(request.design) ? s.degree : 0;
  if (s.cross < 0 || s.cross > most) {
    return InvalidArgument(
        "SMOOTHING_INVALID",
        absl::StrCat(s.cross, " cross-products cannot be fitted; ",
                     IsNeat(request.design) ? "give 0 up to the degree"
                                            : "a design without anchor has none"));
  }
  return absl::OkStatus();
}

absl::Status CheckAnchor(const Request& request, const ScoreTable& table, std::string_view group) {
  if (!table.HasAnchor()) {
    return InvalidArgument("ANCHOR_MISSING", absl::StrCat("group ", std::string(group),
                                                          " has no anchor scores; the design ",
                                                          Named(request.design), " needs them"));
  }
  if (request.design != Design::kNeatInternal) return absl::OkStatus();
  for (int t = 0; t <= table.max_total; ++t) {
    for (int v = 0; v <= table.max_anchor; ++v) {
      if (table.At(t, v) == 0) continue;
      if (v <= t && t - v <= table.max_total - table.max_anchor) continue;
      return InvalidArgument(
          "ANCHOR_ABOVE_TOTAL",
          absl::StrCat("somebody in group ", std::string(group), " has ", v, " of ",
                       table.max_anchor, " on the anchor and ", t, " of ", table.max_total,
                       " in all, which an anchor inside the total does not allow; check the "
                       "numbers of items, or use neat-external"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckSize(const ScoreTable& table, std::string_view group) {
  if (table.n >= 2) return absl::OkStatus();
  return InvalidArgument("SCORES_TOO_FEW",
                         absl::StrCat("group ", std::string(group), " has ", table.n,
                                      " persons; equating needs two in each group at least"));
}

}  // namespace

absl::StatusOr<Engine> Engine::Create(const Request& request, const ScoreTable& x,
                                      const ScoreTable& y) {
  INVIGIL_RETURN_IF_ERROR(CheckMethod(request));
  INVIGIL_RETURN_IF_ERROR(CheckSize(x, "X"));
  INVIGIL_RETURN_IF_ERROR(CheckSize(y, "Y"));
  int smallest = std::min(x.max_total, y.max_total);
  if (IsNeat(request.design)) {
    INVIGIL_RETURN_IF_ERROR(CheckAnchor(request, x, "X"));
    INVIGIL_RETURN_IF_ERROR(CheckAnchor(request, y, "Y"));
    if (x.max_anchor != y.max_anchor) {
      return InvalidArgument("ANCHOR_MISMATCH",
                             absl::StrCat("the anchor has ", x.max_anchor, " items in group X and ",
                                          y.max_anchor, " in group Y; both took the same items"));
    }
    smallest = std::min(smallest, x.max_anchor);
  }
  INVIGIL_RETURN_IF_ERROR(CheckSmoothing(request, smallest));
  if (request.weight_x && !(*request.weight_x >= 0 && *request.weight_x <= 1)) {
    return InvalidArgument("WEIGHT_INVALID",
                           absl::StrCat("the weight of population X is ", *request.weight_x,
                                        "; give a share from 0 to 1"));
  }
  if (request.bootstrap < 0 || request.bootstrap == 1 || request.bootstrap > 1'000'000) {
    return InvalidArgument("BOOTSTRAP_INVALID",
                           absl::StrCat(request.bootstrap,
                                        " replications give no standard error; give 2 to a "
                                        "million, or none for the analytic one"));
  }
  const MomentSetting setting{.design = request.design,
                              .method = request.method,
                              .center = request.center,
                              .weight_x = request.weight_x.value_or(x.n / (x.n + y.n)),
                              .items_x = x.max_total,
                              .items_y = y.max_total,
                              .items_anchor = x.max_anchor};
  Engine engine(request, setting);
  if (request.smoothing.On()) {
    const bool neat = IsNeat(request.design);
    engine.model_x_.emplace(x.max_total, neat ? x.max_anchor : 0, request.smoothing);
    engine.model_y_.emplace(y.max_total, neat ? y.max_anchor : 0, request.smoothing);
  }
  return engine;
}

absl::StatusOr<Groups> Engine::Smooth(const ScoreTable& x, const ScoreTable& y,
                                      const Groups* warm) const {
  Groups groups{.x = x, .y = y};
  if (!model_x_) return groups;
  auto fit_x = model_x_->Estimate(x.cells, warm ? warm->coefficients_x : std::vector<double>());
  if (!fit_x.ok()) return fit_x.status();
  auto fit_y = model_y_->Estimate(y.cells, warm ? warm->coefficients_y : std::vector<double>());
  if (!fit_y.ok()) return fit_y.status();
  groups.x.cells = std::move(fit_x->frequencies);
  groups.y.cells = std::move(fit_y->frequencies);
  groups.coefficients_x = std::move(fit_x->coefficients);
  groups.coefficients_y = std::move(fit_y->coefficients);
  return groups;
}

absl::StatusOr<std::vector<double>> Engine::Table(const Groups& groups) const {
  switch (request_.method) {
    case Method::kEquipercentile:
      return Equipercentile(Distribution(groups.x.cells), Distribution(groups.y.cells));
    case Method::kFrequencyEstimation: {
      const auto synthetic = FrequencyEstimation(groups.x, groups.y, weight_x());
      if (!synthetic.ok()) return synthetic.status();
      return Equipercentile(Distribution(synthetic->x), Distribution(synthetic->y));
    }
    case Method::kChainedEquipercentile: {
      const Chain chain(groups);
      std::vector<double> equated(static_cast<size_t>(groups.x.max_total) + 1);
      for (size_t s = 0; s < equated.size(); ++s) {
        equated[s] = chain.FromAnchor(chain.ToAnchor(static_cast<double>(s)));
      }
      return equated;
    }
    case Method::kBraunHolland: {
      const auto line = LineFor(groups);
      if (!line.ok()) return line.status();
      std::vector<double> equated(static_cast<size_t>(groups.x.max_total) + 1);
      for (size_t s = 0; s < equated.size(); ++s) equated[s] = (**line)(static_cast<double>(s));
      return equated;
    }
    default:
      return MomentTable(setting_, JointMomentsOf(groups.x), JointMomentsOf(groups.y));
  }
}

absl::StatusOr<std::optional<Line>> Engine::LineFor(const Groups& groups) const {
  if (request_.method == Method::kBraunHolland) {
    const auto synthetic = FrequencyEstimation(groups.x, groups.y, weight_x());
    if (!synthetic.ok()) return synthetic.status();
    const auto line = BraunHollandLine(*synthetic);
    if (!line.ok()) return line.status();
    return std::optional<Line>(*line);
  }
  if (UsesDistributions(request_.method) || request_.method == Method::kCircleArc) {
    return std::optional<Line>();
  }
  const auto line = LineOf(setting_, JointMomentsOf(groups.x), JointMomentsOf(groups.y));
  if (!line.ok()) return line.status();
  return std::optional<Line>(*line);
}

Chain::Chain(const Groups& groups)
    : x(TotalMargin(groups.x)),
      anchor_x(AnchorMargin(groups.x)),
      anchor_y(AnchorMargin(groups.y)),
      y(TotalMargin(groups.y)) {}

absl::StatusOr<Line> BraunHollandLine(const SyntheticDistributions& synthetic) {
  const Moments x = MomentsOf(synthetic.x), y = MomentsOf(synthetic.y);
  const auto variance = [](const std::vector<double>& f, double mean) {
    double sum = 0;
    for (size_t s = 0; s < f.size(); ++s) {
      sum += f[s] * (static_cast<double>(s) - mean) * (static_cast<double>(s) - mean);
    }
    return sum;
  };
  const double var_x = variance(synthetic.x, x.mean), var_y = variance(synthetic.y, y.mean);
  if (!(var_x > 0) || !(var_y > 0)) {
    return FailedPrecondition("ZERO_VARIANCE",
                              "all totals of the synthetic population are the same, so that "
                              "nothing can be scaled by their spread; use identity equating");
  }
  const double slope = std::sqrt(var_y / var_x);
  return Line{y.mean - slope * x.mean, slope};
}

}  // namespace invigil::scoring::equating
