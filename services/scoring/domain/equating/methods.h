// Designs and methods of observed-score equating, and which method fits which design.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace invigil::scoring::equating {

enum class Design {
  kRandomGroups,  // two groups of one population, one form each
  kNeatInternal,  // different groups, common items that count in the total
  kNeatExternal,  // different groups, common items that do not
};

enum class Method {
  kIdentity,
  kMean,
  kLinear,
  kTucker,
  kLevine,      // observed score
  kLevineTrue,  // true score
  kBraunHolland,
  kChainedLinear,
  kEquipercentile,
  kFrequencyEstimation,
  kChainedEquipercentile,
  kCircleArc,
};

// How mean and circle-arc equating compare groups that differ: what makes the middle point.
enum class Center {
  kTucker,       // means of the synthetic population, regression on the anchor
  kLevine,       // means of the synthetic population, congeneric true scores
  kNominal,      // the same with the ratio of the numbers of items (Babcock, Albano & Raymond 2012)
  kChainedMean,  // the difference of the anchor means, point for point
  kChainedLinear,  // chained linear equating at the mean of X
};

inline constexpr std::array kDesigns = {Design::kRandomGroups, Design::kNeatInternal,
                                        Design::kNeatExternal};
inline constexpr std::array kMethods = {Method::kIdentity,
                                        Method::kMean,
                                        Method::kLinear,
                                        Method::kTucker,
                                        Method::kLevine,
                                        Method::kLevineTrue,
                                        Method::kBraunHolland,
                                        Method::kChainedLinear,
                                        Method::kEquipercentile,
                                        Method::kFrequencyEstimation,
                                        Method::kChainedEquipercentile,
                                        Method::kCircleArc};
inline constexpr std::array kCenters = {Center::kTucker, Center::kLevine, Center::kNominal,
                                        Center::kChainedMean, Center::kChainedLinear};

// The names of the command line, such as "neat-internal" and "frequency-estimation".
std::string_view NameOf(Design design);
std::string_view NameOf(Method method);
std::string_view NameOf(Center center);
std::optional<Method> MethodNamed(std::string_view name);

inline bool IsNeat(Design design) { return design != Design::kRandomGroups; }
bool Fits(Method method, Design design);
// The methods that fit, in the order of kMethods.
std::vector<Method> MethodsFor(Design design);
// Whether the method works on whole distributions, so that presmoothing changes it.
bool UsesDistributions(Method method);
// Whether the method makes a synthetic population, so that its weight matters.
bool UsesSyntheticPopulation(Method method, Center center);

}  // namespace invigil::scoring::equating
