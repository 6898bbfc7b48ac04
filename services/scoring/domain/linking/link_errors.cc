#include "services/scoring/domain/linking/link_errors.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace invigil::scoring::linking {
namespace {

double& Parameter(CommonItem& item, bool of_from, size_t which) {
  ItemParameters& parameters = of_from ? item.from : item.to;
  return which == 0   ? parameters.slope
         : which == 1 ? parameters.difficulty
                      : parameters.lower_asymptote;
}

struct Gradient {
  std::vector<double> a, b;
};

// Central differences of the whole link; it converges to 1e-13, so that a step of 1e-5 leaves
// eight digits. A lower asymptote of 0 is moved up only.
absl::StatusOr<Gradient> Differentiate(LinkMethod method, std::span<const CommonItem> items,
                                       const AbilityNodes& nodes, bool of_from, bool rasch) {
  constexpr double kStep = 1e-5;
  Gradient gradient{std::vector<double>(3 * items.size()), std::vector<double>(3 * items.size())};
  std::vector<CommonItem> moved(items.begin(), items.end());
  for (size_t k = 0; k < gradient.a.size(); ++k) {
    // With one slope of its own it would be another model, which some methods can't link.
    if (rasch && k % 3 == 0) continue;
    double& parameter = Parameter(moved[k / 3], of_from, k % 3);
    const double value = parameter;
    ScaleTransformation ends[2];
    double at[2];
    for (int side = 0; side < 2; ++side) {
      at[side] = value + (side == 0 ? -kStep : kStep);
      if (k % 3 == 2 && at[side] < 0) at[side] = value;
      parameter = at[side];
      const auto result = Link(method, moved, nodes);
      if (!result.ok()) return result.status();
      ends[side] = result->link;
    }
    parameter = value;
    if (!rasch) gradient.a[k] = (ends[1].a - ends[0].a) / (at[1] - at[0]);
    gradient.b[k] = (ends[1].b - ends[0].b) / (at[1] - at[0]);
  }
  return gradient;
}

double Form(std::span<const double> left, std::span<const double> matrix,
            std::span<const double> right) {
  double sum = 0;
  for (size_t i = 0; i < left.size(); ++i) {
    for (size_t j = 0; j < right.size(); ++j)
      sum += left[i] * matrix[i * right.size() + j] * right[j];
  }
  return sum;
}

}  // namespace

absl::StatusOr<LinkErrors> LinkStandardErrors(LinkMethod method, std::span<const CommonItem> items,
                                              const AbilityNodes& nodes,
                                              std::span<const double> covariance_from,
                                              std::span<const double> covariance_to) {
  const size_t size = 9 * items.size() * items.size();
  if (covariance_from.size() != size || covariance_to.size() != size) {
    return InvalidArgument("COVARIANCE_INVALID",
                           absl::StrCat("covariance matrices of ", items.size(), " items have ",
                                        size, " entries; give both whole"));
  }
  // Moving one slope of a Rasch calibration would set A free: it belongs to the model.
  bool rasch = true;
  for (const CommonItem& item : items) {
    rasch = rasch && item.from.slope == items[0].from.slope && item.to.slope == items[0].from.slope;
  }
  LinkErrors errors;
  double var_a = 0, var_b = 0;
  for (bool of_from : {true, false}) {
    auto gradient = Differentiate(method, items, nodes, of_from, rasch);
    if (!gradient.ok()) return gradient.status();
    const auto& covariance = of_from ? covariance_from : covariance_to;
    var_a += Form(gradient->a, covariance, gradient->a);
    var_b += Form(gradient->b, covariance, gradient->b);
    errors.covariance += Form(gradient->a, covariance, gradient->b);
  }
  if (!(var_a >= 0) || !(var_b >= 0)) {
    return InvalidArgument("COVARIANCE_INVALID",
                           "the covariance matrices give a negative variance; they are symmetric "
                           "and positive, in the order a, b, g of each item");
  }
  errors.se_a = std::sqrt(var_a);
  errors.se_b = std::sqrt(var_b);
  return errors;
}

}  // namespace invigil::scoring::linking
