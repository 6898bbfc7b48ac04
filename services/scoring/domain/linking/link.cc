#include "services/scoring/domain/linking/link.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace invigil::scoring::linking {
namespace {

constexpr int kMaxIterations = 1000;

bool CurveMethod(LinkMethod method) {
  return method == LinkMethod::kHaebara || method == LinkMethod::kStockingLord;
}

// One slope everywhere: the Rasch model, whose unit is fixed.
bool OneSlope(std::span<const CommonItem> items) {
  return std::all_of(items.begin(), items.end(), [&](const CommonItem& item) {
    return item.from.slope == items[0].from.slope && item.to.slope == items[0].from.slope;
  });
}

absl::Status Check(LinkMethod method, std::span<const CommonItem> items,
                   const AbilityNodes& nodes) {
  for (size_t i = 0; i < items.size(); ++i) {
    if (!IsValid(items[i].from) || !IsValid(items[i].to)) {
      return InvalidArgument("ITEM_PARAMETERS_INVALID",
                             absl::StrCat("common item ", i + 1,
                                          " has parameters outside the model; slopes are above 0 "
                                          "and lower asymptotes from 0 to below 1"));
    }
  }
  const size_t needed = !items.empty() && OneSlope(items) ? 1 : 2;
  if (items.size() < needed) {
    return FailedPrecondition(
        "ANCHOR_TOO_FEW",
        absl::StrCat("the calibrations share ", items.size(), " items, and ", needed,
                     " are needed at the least; choose forms with "
                     "common items"));
  }
  if (!CurveMethod(method)) return absl::OkStatus();
  double sum = 0;
  bool good = !nodes.points.empty() && nodes.points.size() == nodes.weights.size();
  for (size_t q = 0; good && q < nodes.points.size(); ++q) {
    good =
        std::isfinite(nodes.points[q]) && std::isfinite(nodes.weights[q]) && nodes.weights[q] >= 0;
    sum += nodes.weights[q];
  }
  if (good && sum > 0) return absl::OkStatus();
  return InvalidArgument("NODES_INVALID",
                         "the characteristic curves are compared at abilities with weights; give "
                         "one or more, none of them negative");
}

// The curve methods as least squares in A and B, or in B alone.
struct Normal {
  double aa = 0, ab = 0, bb = 0, a = 0, b = 0, squares = 0;
  void Add(double weight, double residual, double by_a, double by_b) {
    squares += weight * residual * residual;
    aa += weight * by_a * by_a;
    ab += weight * by_a * by_b;
    bb += weight * by_b * by_b;
    a += weight * by_a * residual;
    b += weight * by_b * residual;
  }
};

Normal Residuals(LinkMethod method, std::span<const CommonItem> items, const AbilityNodes& nodes,
                 const ScaleTransformation& link) {
  Normal normal;
  for (size_t q = 0; q < nodes.points.size(); ++q) {
    const double theta = nodes.points[q], weight = nodes.weights[q];
    const double own = (theta - link.b) / link.a;  // theta on the scale linked from
    double residual = 0, slope = 0;                // of the test characteristic curve
    for (const CommonItem& item : items) {
      const double difference = Probability(item.to, theta) - Probability(item.from, own);
      const double guess = item.from.lower_asymptote;
      const double l = (Probability(item.from, own) - guess) / (1 - guess);
      const double steep = (1 - guess) * item.from.slope * l * (1 - l) / link.a;
      if (method == LinkMethod::kHaebara) {
        normal.Add(weight, difference, steep * own, steep);
      } else {
        residual += difference;
        slope += steep;
      }
    }
    if (method == LinkMethod::kStockingLord) normal.Add(weight, residual, slope * own, slope);
  }
  return normal;
}

absl::StatusOr<LinkResult> Curves(LinkMethod method, std::span<const CommonItem> items,
                                  const AbilityNodes& nodes, ScaleTransformation link,
                                  bool fixed_slope) {
  LinkResult result{.link = link};
  Normal here = Residuals(method, items, nodes, link);
  double damping = 0;  // Gauss-Newton at first; damped (Levenberg-Marquardt) when a step fails
  while (result.iterations < kMaxIterations) {
    ++result.iterations;
    const double aa = here.aa * (1 + damping), bb = here.bb * (1 + damping);
    double step_a = 0, step_b = -here.b / bb;
    if (!fixed_slope) {
      const double determinant = aa * bb - here.ab * here.ab;
      step_a = -(bb * here.a - here.ab * here.b) / determinant;
      step_b = -(aa * here.b - here.ab * here.a) / determinant;
    }
    if (!std::isfinite(step_a) || !std::isfinite(step_b)) break;
    const ScaleTransformation next{result.link.a + step_a, result.link.b + step_b};
    const double size = std::abs(step_a) + std::abs(step_b);
    const bool done = size <= 1e-13 * (1 + std::abs(result.link.a) + std::abs(result.link.b));
    const Normal there = next.a > 0 ? Residuals(method, items, nodes, next) : Normal{};
    if (next.a > 0 && (done || there.squares <= here.squares * (1 + 1e-14))) {
      result.link = next;
      here = there;
      damping = damping < 1e-6 ? 0 : damping * 0.1;
      if (done) {
        double weights = 0;
        for (double weight : nodes.weights) weights += weight;
        result.criterion = here.squares / weights;
        return result;
      }
    } else {
      damping = damping == 0 ? 1e-3 : damping * 10;
      if (damping > 1e12) break;
    }
  }
  return FailedPrecondition("LINK_NOT_CONVERGED",
                            "the characteristic curves have no nearest position; check that the "
                            "common items are the same on both forms, or use mean-sigma");
}

double Mean(std::span<const CommonItem> items, auto value) {
  double sum = 0;
  for (const CommonItem& item : items) sum += value(item);
  return sum / static_cast<double>(items.size());
}

}  // namespace

std::string_view NameOf(LinkMethod method) {
  switch (method) {
    case LinkMethod::kMeanMean:
      return "mean-mean";
    case LinkMethod::kMeanGeometricMean:
      return "mean-gmean";
    case LinkMethod::kMeanSigma:
      return "mean-sigma";
    case LinkMethod::kHaebara:
      return "haebara";
    case LinkMethod::kStockingLord:
      return "stocking-lord";
  }
  return "";
}

ItemParameters Transform(const ItemParameters& item, const ScaleTransformation& link) {
  return {item.slope / link.a, link.a * item.difficulty + link.b, item.lower_asymptote};
}

std::vector<ItemParameters> Transform(std::span<const ItemParameters> items,
                                      const ScaleTransformation& link) {
  std::vector<ItemParameters> moved;
  for (const ItemParameters& item : items) moved.push_back(Transform(item, link));
  return moved;
}

absl::StatusOr<LinkResult> Link(LinkMethod method, std::span<const CommonItem> items,
                                const AbilityNodes& nodes) {
  INVIGIL_RETURN_IF_ERROR(Check(method, items, nodes));
  const bool fixed_slope = OneSlope(items);
  const double from = Mean(items, [](const CommonItem& i) { return i.from.difficulty; });
  const double to = Mean(items, [](const CommonItem& i) { return i.to.difficulty; });
  ScaleTransformation link;
  if (!fixed_slope) {
    if (method == LinkMethod::kMeanSigma) {
      const double var_from = Mean(items, [&](const CommonItem& i) {
        return (i.from.difficulty - from) * (i.from.difficulty - from);
      });
      const double var_to = Mean(items, [&](const CommonItem& i) {
        return (i.to.difficulty - to) * (i.to.difficulty - to);
      });
      if (!(var_from > 0) || !(var_to > 0)) {
        return FailedPrecondition("ANCHOR_WITHOUT_SPREAD",
                                  "all common items are equally difficult, so that mean-sigma has "
                                  "no unit; use another method");
      }
      link.a = std::sqrt(var_to / var_from);
    } else if (method == LinkMethod::kMeanGeometricMean) {
      link.a = std::exp(
          Mean(items, [](const CommonItem& i) { return std::log(i.from.slope / i.to.slope); }));
    } else {
      link.a = Mean(items, [](const CommonItem& i) { return i.from.slope; }) /
               Mean(items, [](const CommonItem& i) { return i.to.slope; });
    }
  }
  link.b = to - link.a * from;
  if (CurveMethod(method)) return Curves(method, items, nodes, link, fixed_slope);
  return LinkResult{.link = link};
}

}  // namespace invigil::scoring::linking
