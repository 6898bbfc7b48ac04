#include "services/scoring/domain/equating/methods.h"

namespace invigil::scoring::equating {

std::string_view NameOf(Design design) {
  switch (design) {
    case Design::kRandomGroups:
      return "random-groups";
    case Design::kNeatInternal:
      return "neat-internal";
    case Design::kNeatExternal:
      return "neat-external";
  }
  return "";
}

std::string_view NameOf(Method method) {
  switch (method) {
    case Method::kIdentity:
      return "identity";
    case Method::kMean:
      return "mean";
    case Method::kLinear:
      return "linear";
    case Method::kTucker:
      return "tucker";
    case Method::kLevine:
      return "levine";
    case Method::kLevineTrue:
      return "levine-true";
    case Method::kBraunHolland:
      return "braun-holland";
    case Method::kChainedLinear:
      return "chained-linear";
    case Method::kEquipercentile:
      return "equipercentile";
    case Method::kFrequencyEstimation:
      return "frequency-estimation";
    case Method::kChainedEquipercentile:
      return "chained-equipercentile";
    case Method::kCircleArc:
      return "circle-arc";
  }
  return "";
}

std::string_view NameOf(Center center) {
  switch (center) {
    case Center::kTucker:
      return "tucker";
    case Center::kLevine:
      return "levine";
    case Center::kNominal:
      return "nominal";
    case Center::kChainedMean:
      return "chained-mean";
    case Center::kChainedLinear:
      return "chained-linear";
  }
  return "";
}

std::optional<Method> MethodNamed(std::string_view name) {
  for (Method method : kMethods) {
    if (NameOf(method) == name) return method;
  }
  return std::nullopt;
}

bool Fits(Method method, Design design) {
  switch (method) {
    case Method::kIdentity:
    case Method::kMean:
    case Method::kCircleArc:
      return true;
    case Method::kLinear:
    case Method::kEquipercentile:
      return !IsNeat(design);
    default:
      return IsNeat(design);
  }
}

std::vector<Method> MethodsFor(Design design) {
  std::vector<Method> fitting;
  for (Method method : kMethods) {
    if (Fits(method, design)) fitting.push_back(method);
  }
  return fitting;
}

bool UsesDistributions(Method method) {
  return method == Method::kEquipercentile || method == Method::kFrequencyEstimation ||
         method == Method::kChainedEquipercentile || method == Method::kBraunHolland;
}

bool UsesSyntheticPopulation(Method method, Center center) {
  switch (method) {
    case Method::kTucker:
    case Method::kLevine:
    case Method::kBraunHolland:
    case Method::kFrequencyEstimation:
      return true;
    case Method::kMean:
    case Method::kCircleArc:
      return center == Center::kTucker || center == Center::kLevine || center == Center::kNominal;
    default:
      return false;
  }
}

}  // namespace invigil::scoring::equating
