#include "services/scoring/domain/signals/readiness.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "common/error/error.h"
#include "services/scoring/domain/lord_wingersky.h"
#include "services/scoring/domain/numerics/distributions.h"
#include "services/scoring/domain/signals/ability_grid.h"

namespace invigil::scoring {
namespace {

double Days(Duration duration) {
  return static_cast<double>(duration.count()) / (24.0 * 3600 * 1e6);
}

// Likelihood of the answers at each node, up to a factor. The nodes are equally spaced, so that the
// logistic's exponential goes from node to node by one multiplication.
std::vector<double> Likelihood(std::span<const PracticeResponse> evidence) {
  constexpr size_t kBetweenRescalings = 16;
  constexpr double kFarthest = 600;  // exponents beyond change no digit
  std::vector<double> likelihood(kAbilityNodes, 1);
  for (size_t i = 0; i < evidence.size(); ++i) {
    const ItemParameters& item = evidence[i].irt;
    const double start = -item.slope * (kAbilityLow - item.difficulty);
    const bool far = std::abs(start) + item.slope * 2 * -kAbilityLow > kFarthest;
    const double factor = std::exp(-item.slope * kAbilityStep);
    double e = far ? 0 : std::exp(start), most = 0;
    for (size_t j = 0; j < kAbilityNodes; ++j, e *= factor) {
      const double p = far ? Probability(item, AbilityNode(j))
                           : item.lower_asymptote + (1 - item.lower_asymptote) / (1 + e);
      likelihood[j] *= evidence[i].right ? p : 1 - p;
      most = std::max(most, likelihood[j]);
    }
    if ((i + 1) % kBetweenRescalings == 0 && most > 0) {
      for (double& l : likelihood) l /= most;
    }
  }
  return likelihood;
}

double Squared(double x) { return x * x; }

}  // namespace

absl::Status Validate(const ReadinessOptions& o) {
  const auto wrong = [](const std::string& what) {
    return InvalidArgument("READINESS_OPTIONS", what);
  };
  if (!(o.prior_sd > 0) || !std::isfinite(o.prior_sd) || !std::isfinite(o.prior_mean)) {
    return wrong("the prior needs a finite mean and a deviation above 0");
  }
  for (double sd : {o.occasion_sd, o.exam_form_error, o.drift_variance_per_day}) {
    if (!(sd >= 0 && sd <= 5)) return wrong("errors and drift lie from 0 to 5");
  }
  if (!(std::abs(o.exam_day_adjustment) <= 50)) {
    return wrong("the exam-day adjustment is in percentage points, at most 50 either way");
  }
  if (!(o.interval > 0 && o.interval < 1)) return wrong("the interval lies between 0 and 1");
  if (!(o.ready_probability > 0 && o.ready_probability < 1)) {
    return wrong("the probability for ready lies between 0 and 1");
  }
  if (o.least_sessions < 2) {
    return wrong("one session alone can never set ready; ask for two or more");
  }
  if (o.at_or_above < 1 || o.at_or_above > o.of) {
    return wrong("the consistency rule needs 1 or more, of at least as many sessions");
  }
  if (!std::isfinite(o.band)) return wrong("the band is a scaled score");
  if (!(o.rules.least_first_seen_share >= 0 && o.rules.least_first_seen_share <= 1)) {
    return wrong("the share of first-seen items lies from 0 to 1");
  }
  return absl::OkStatus();
}

std::string NameOf(Verdict verdict) {
  switch (verdict) {
    case Verdict::kNotEnoughEvidence:
      return "NOT_ENOUGH_EVIDENCE";
    case Verdict::kNotReady:
      return "NOT_READY";
    case Verdict::kClose:
      return "CLOSE";
    case Verdict::kReady:
      return "READY";
  }
  return "";
}

absl::StatusOr<ReadinessModel> ReadinessModel::Create(ExamTarget target, ReadinessOptions options) {
  INVIGIL_RETURN_IF_ERROR(Validate(options));
  INVIGIL_RETURN_IF_ERROR(Validate(target.scale));
  const auto& items = target.base_form;
  if (items.empty() || !std::all_of(items.begin(), items.end(), IsValid) || !target.scale.cut) {
    return InvalidArgument("EXAM_INVALID",
                           "the exam needs a base form of valid items and a scale with a cut");
  }
  const auto max = static_cast<double>(items.size());
  if (!(target.base_cut_raw > LowerAsymptoteSum(items) && target.base_cut_raw < max)) {
    return InvalidArgument("CUT_OUTSIDE_SCALE",
                           "the cut must lie above what guessing gives and below the base form's "
                           "greatest score");
  }
  auto map =
      ScaleMap::PiecewiseLinear({{0, static_cast<double>(target.scale.min)},
                                 {target.base_cut_raw, static_cast<double>(*target.scale.cut)},
                                 {max, static_cast<double>(target.scale.max)}});
  if (!map.ok()) return map.status();
  return ReadinessModel(std::move(target), options, *std::move(map));
}

ReadinessModel::ReadinessModel(ExamTarget target, ReadinessOptions options, ScaleMap map)
    : target_(std::move(target)), options_(options), map_(std::move(map)) {
  const std::vector<ItemParameters>& items = target_.base_form;
  const double max = static_cast<double>(items.size()), floor = LowerAsymptoteSum(items);
  theta_cut_ = AbilityAt(items, target_.base_cut_raw).value_or(0);
  // The least whole number correct that passes, as the conversion decides it.
  const auto least = static_cast<size_t>(std::ceil(target_.base_cut_raw - kScaleGuard));
  std::vector<double> reach(kAbilityNodes);
  for (size_t j = 0; j < kAbilityNodes; ++j) {
    expected_.push_back(ExpectedNumberCorrect(items, AbilityNode(j)));
    scaled_.push_back(map_.At(expected_.back()));
    const std::vector<double> f = NumberCorrectDistribution(items, AbilityNode(j));
    for (size_t x = f.size(); x-- > least;) reach[j] += f[x];
  }
  pass_ = Blur(reach, std::hypot(options_.exam_form_error, options_.occasion_sd));
  pass_adjusted_ = pass_;
  if (options_.exam_day_adjustment == 0) return;
  for (size_t j = 0; j < kAbilityNodes; ++j) {
    const double shifted = expected_[j] + options_.exam_day_adjustment / 100 * max;
    const double held = std::clamp(shifted, floor + 1e-6, max - 1e-6);
    pass_adjusted_[j] = AtAbility(pass_, AbilityAt(items, held).value_or(AbilityNode(j)));
  }
}

double ReadinessModel::ScaledOf(std::span<const PracticeResponse> evidence) const {
  std::vector<ItemParameters> items;
  double right = 0;
  for (const PracticeResponse& response : evidence) {
    items.push_back(response.irt);
    right += response.right;
  }
  const auto max = static_cast<double>(items.size());
  const double base_max = static_cast<double>(target_.base_form.size());
  const double floor = LowerAsymptoteSum(items);
  double base = 0;
  if (right >= max) {
    base = base_max;
  } else if (right <= floor) {
    base = floor > 0 ? LowerAsymptoteSum(target_.base_form) * right / floor : 0;
  } else if (const auto theta = AbilityAt(items, right)) {
    base = ExpectedNumberCorrect(target_.base_form, *theta);
  }
  return std::clamp<double>(map_.At(base), target_.scale.min, target_.scale.max);
}

absl::StatusOr<Readiness> ReadinessModel::Estimate(std::span<const PracticeSession> sessions,
                                                   std::optional<Time> exam_at) const {
  INVIGIL_RETURN_IF_ERROR(Validate(sessions));
  std::vector<const PracticeSession*> ordered;
  for (const PracticeSession& session : sessions) ordered.push_back(&session);
  std::stable_sort(
      ordered.begin(), ordered.end(),
      [](const PracticeSession* a, const PracticeSession* b) { return a->ended_at < b->ended_at; });

  Readiness result{.exam_day_adjustment = options_.exam_day_adjustment,
                   .interval = options_.interval};
  std::vector<double> ability = NormalWeights(options_.prior_mean, options_.prior_sd);
  std::optional<Time> last;
  double precision = 0, form_part = 0, occasion_part = 0, item_part = 0;
  const double centre = std::clamp(theta_cut_, -3.0, 3.0);
  for (const PracticeSession* session : ordered) {
    SessionJudgement judgement{.ended_at = session->ended_at,
                               .exclusion = ExclusionOf(*session, options_.rules)};
    if (judgement.exclusion == Exclusion::kNone) {
      const std::vector<PracticeResponse> evidence = EvidenceOf(*session);
      const double days = last ? Days(session->ended_at - *last) : 0;
      std::vector<double> updated =
          Blur(ability, std::sqrt(options_.drift_variance_per_day * days));
      const double error = std::hypot(session->form_error, options_.occasion_sd);
      const std::vector<double> seen = Blur(Likelihood(evidence), error);
      for (size_t j = 0; j < kAbilityNodes; ++j) updated[j] *= seen[j];
      if (!Normalize(updated)) {
        judgement.exclusion = Exclusion::kUnexplained;
        result.sessions.push_back(judgement);
        continue;
      }
      ability = std::move(updated);
      last = session->ended_at;

      judgement.scaled = ScaledOf(evidence);
      judgement.in_band = *judgement.scaled >= options_.band - kScaleGuard;
      ++result.sessions_used;
      double information = 0;
      for (const PracticeResponse& response : evidence) {
        information += Information(response.irt, centre);
        if (response.sample_size < options_.least_sample_size) result.low_evidence = true;
      }
      if (information > 0) {
        // Weights by precision; each part of a mean's variance is the sum of w^2 times its own.
        const double w = 1 / (1 / information + Squared(error));
        precision += w;
        item_part += w * w / information;
        form_part += w * w * Squared(session->form_error);
        occasion_part += w * w * Squared(options_.occasion_sd);
      }
    }
    result.sessions.push_back(judgement);
  }
  if (last && exam_at && *exam_at > *last) {
    ability = Blur(ability, std::sqrt(options_.drift_variance_per_day * Days(*exam_at - *last)));
  }
  Normalize(ability);

  double square = 0;
  for (size_t j = 0; j < kAbilityNodes; ++j) {
    result.probability += ability[j] * pass_adjusted_[j];
    result.probability_unadjusted += ability[j] * pass_[j];
    result.scaled_mean += ability[j] * scaled_[j];
    square += ability[j] * scaled_[j] * scaled_[j];
  }
  result.scaled_sd = std::sqrt(std::max(0.0, square - Squared(result.scaled_mean)));
  const double tail = (1 - options_.interval) / 2;
  const double low = QuantileOf(ability, tail), high = QuantileOf(ability, 1 - tail);
  result.probability_low = AtAbility(pass_adjusted_, low);
  result.probability_high = AtAbility(pass_adjusted_, high);
  result.scaled_low = AtAbility(scaled_, low);
  result.scaled_high = AtAbility(scaled_, high);
  result.mastery_probability = ShareFrom(ability, theta_cut_);
  if (result.scaled_sd > 0) {
    result.buffer = (result.scaled_mean - *target_.scale.cut) / result.scaled_sd;
  }
  if (precision > 0) {
    const double all = Squared(precision);
    result.variance = {item_part / all, form_part / all, occasion_part / all};
  }
  result.posterior = std::move(ability);

  for (size_t i = result.sessions.size(); i-- > 0 && result.of_last < options_.of;) {
    if (result.sessions[i].exclusion != Exclusion::kNone) continue;
    ++result.of_last;
    result.in_band += result.sessions[i].in_band;
  }
  const bool enough = result.sessions_used >= options_.least_sessions;
  if (!enough) {
    result.needs.push_back(std::to_string(options_.least_sessions) +
                           " full timed sessions on items not seen before; there are " +
                           std::to_string(result.sessions_used));
  }
  if (result.in_band < options_.at_or_above) {
    result.needs.push_back(std::to_string(options_.at_or_above) + " of the last " +
                           std::to_string(options_.of) + " at " +
                           std::to_string(static_cast<int>(std::lround(options_.band))) +
                           " or above; there are " + std::to_string(result.in_band));
  }
  if (result.probability < options_.ready_probability) {
    result.needs.push_back(
        "a probability of " +
        std::to_string(static_cast<int>(std::lround(100 * options_.ready_probability))) + " %");
  }
  result.verdict = !enough                     ? Verdict::kNotEnoughEvidence
                   : result.needs.empty()      ? Verdict::kReady
                   : result.probability >= 0.5 ? Verdict::kClose
                                               : Verdict::kNotReady;
  return result;
}

double ReadinessModel::AbilityOfScaled(double scaled) const {
  const auto above = std::lower_bound(scaled_.begin(), scaled_.end(), scaled);
  if (above == scaled_.begin()) return AbilityNode(0);
  if (above == scaled_.end()) return AbilityNode(kAbilityNodes - 1);
  const double low = *(above - 1), high = *above;
  const auto j = static_cast<size_t>(above - scaled_.begin()) - 1;
  return AbilityNode(j) + kAbilityStep * (scaled - low) / (high - low);
}

absl::StatusOr<std::optional<Trend>> TrendOf(std::span<const SessionJudgement> sessions,
                                             double session_error) {
  if (!(session_error > 0) || !std::isfinite(session_error)) {
    return InvalidArgument("TREND_ERROR_INVALID", "the error of a session's score is above 0");
  }
  std::vector<std::pair<double, double>> points;  // weeks, scaled
  for (const SessionJudgement& session : sessions) {
    if (session.exclusion != Exclusion::kNone || !session.scaled) continue;
    points.emplace_back(Days(session.ended_at - sessions[0].ended_at) / 7, *session.scaled);
  }
  if (points.size() < 3) return std::nullopt;
  const auto n = static_cast<double>(points.size());
  double week = 0, score = 0;
  for (const auto& [x, y] : points) {
    week += x / n;
    score += y / n;
  }
  double spread = 0, product = 0;
  for (const auto& [x, y] : points) {
    spread += Squared(x - week);
    product += (x - week) * (y - score);
  }
  if (!(spread > 1e-12)) return std::nullopt;
  Trend trend{.sessions = points.size(),
              .points_per_week = product / spread,
              .error = session_error / std::sqrt(spread)};
  trend.changing = std::abs(trend.points_per_week) > 1.96 * trend.error;
  return trend;
}

double BufferProbability(double right, double cut, int items, int sessions) {
  const double error = std::sqrt(right * (1 - right) / (static_cast<double>(items) * sessions));
  if (!(error > 0)) return right >= cut ? 1 : 0;  // all right or none: nothing scatters
  return NormalCumulative((right - cut) / error);
}

}  // namespace invigil::scoring
