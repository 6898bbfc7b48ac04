// How probably a learner reaches the cut at the exam, from practice. An estimate, never an official
// score: whoever shows it says so, with its interval, basis and the exam-day adjustment.
//
// The model. Ability has a normal prior and drifts as a random walk between sessions. A session
// shows it through the item response model, blurred by the form's error and by the day's (both
// normal in logits, common to all its items). The exam is another form on another day, shifted by
// the declared adjustment. All of it is Bayes' rule on a grid of abilities: the forward filter of a
// hidden Markov chain (Rabiner 1989), items by local independence (Lord & Novick 1968), number
// correct on the exam by Lord & Wingersky (1984).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/scoring/domain/scale/reporting.h"
#include "services/scoring/domain/signals/evidence.h"

namespace invigil::scoring {

// The exam: a base form that stands for its forms, the standard on it, the reporting scale.
struct ExamTarget {
  std::vector<ItemParameters> base_form;
  double base_cut_raw = 0;
  ReportingScale scale;  // with a cut
};

struct ReadinessOptions {
  EvidenceRules rules;
  double prior_mean = 0, prior_sd = 1.5;  // of learners' ability, logits
  double occasion_sd = 0.15;              // of ability from day to day, logits
  double exam_form_error = 0.05;          // of an official form, logits
  double drift_variance_per_day = 0.002;  // of learning and forgetting, logits squared
  // Nerves and surroundings, in percentage points of the exam: what practice would give minus what
  // the exam day gives. Declared wherever the probability is shown; 0 is the plain model.
  double exam_day_adjustment = -3;
  double interval = 0.90;  // credible, central
  // Ready takes all of: this many full timed sessions, the last `of` of them with at least
  // `at_or_above` scores in the band, and the probability.
  size_t least_sessions = 3;
  size_t at_or_above = 3, of = 5;
  double band = 750;  // scaled
  double ready_probability = 0.80;
  uint32_t least_sample_size = 200;  // an item below it makes the evidence low
};

// Errors, INVALID_ARGUMENT: READINESS_OPTIONS with what is out of range.
absl::Status Validate(const ReadinessOptions& options);

enum class Verdict { kNotEnoughEvidence, kNotReady, kClose, kReady };
std::string NameOf(Verdict verdict);

// One session as it was judged, in order of time.
struct SessionJudgement {
  Time ended_at;
  Exclusion exclusion = Exclusion::kNone;
  // From first-seen items only: the ability at which their number right is expected, on the scale.
  // Unset for sessions that do not count.
  std::optional<double> scaled;
  bool in_band = false;
};

// Where the uncertainty of the learner's ability comes from, in logits squared, for the sessions
// that count weighted by what each says.
struct VarianceParts {
  double items = 0;  // which items were drawn, how they were answered
  double forms = 0;  // forms easier or harder than thought
  double occasions = 0;
};

struct Readiness {
  Verdict verdict = Verdict::kNotEnoughEvidence;
  std::vector<std::string> needs;  // what is missing for "ready", in words; empty when ready
  size_t sessions_used = 0;
  std::vector<SessionJudgement> sessions;

  double probability = 0;                            // of reaching the cut at the exam, adjusted
  double probability_unadjusted = 0;                 // the same without the exam-day adjustment
  double probability_low = 0, probability_high = 0;  // adjusted, at the interval's abilities
  double mastery_probability = 0;  // that the true score is at the cut or above: no exam in it
  double exam_day_adjustment = 0;  // as declared
  double interval = 0;             // as declared

  double scaled_mean = 0, scaled_sd = 0, scaled_low = 0, scaled_high = 0;  // true score, practice
  double buffer = 0;  // (scaled_mean - cut) / scaled_sd: the distance in standard errors
  size_t in_band = 0, of_last = 0;  // the consistency rule: so many of the last so many
  VarianceParts variance;
  bool low_evidence = false;      // an item rests on fewer than least_sample_size responses
  std::vector<double> posterior;  // of ability on the exam day, on the nodes of ability_grid.h
};

// Made once for an exam and used for any number of learners. Immutable; any thread.
class ReadinessModel {
 public:
  // Errors, INVALID_ARGUMENT: READINESS_OPTIONS, EXAM_INVALID (no valid items, or a scale without a
  // cut), CUT_OUTSIDE_SCALE (the base form can't reach the cut by knowledge), and those of
  // Validate(ReportingScale).
  static absl::StatusOr<ReadinessModel> Create(ExamTarget target, ReadinessOptions options = {});

  // Sessions in any order; `exam_at` is the day to foresee, or the last session when unset. Without
  // evidence the probabilities are the prior's and the verdict is kNotEnoughEvidence.
  // Errors: those of Validate(sessions).
  absl::StatusOr<Readiness> Estimate(std::span<const PracticeSession> sessions,
                                     std::optional<Time> exam_at = std::nullopt) const;

  // The ability whose expected score is `scaled`; the end of the grid where there is none.
  double AbilityOfScaled(double scaled) const;

  const ExamTarget& target() const { return target_; }
  const ReadinessOptions& options() const { return options_; }
  const ScaleMap& scale_map() const { return map_; }
  // Number correct expected on the base form at each node.
  const std::vector<double>& expected() const { return expected_; }

 private:
  ReadinessModel(ExamTarget target, ReadinessOptions options, ScaleMap map);
  double ScaledOf(std::span<const PracticeResponse> evidence) const;

  ExamTarget target_;
  ReadinessOptions options_;
  ScaleMap map_;
  double theta_cut_ = 0;
  std::vector<double> expected_, scaled_;     // at the nodes
  std::vector<double> pass_, pass_adjusted_;  // probability of reaching the cut at the exam
};

// Change of the scaled scores of sessions that count: others are not comparable.
struct Trend {
  size_t sessions = 0;
  double points_per_week = 0;
  double error = 0;       // standard error, from each score's own measurement error
  bool changing = false;  // further from 0 than 1.96 errors
};

// Least squares over time. `session_error` is the standard error of one session's scaled score
// (form and day included), above 0. nullopt: fewer than three sessions that count, or all at one
// instant: nothing can be said. Errors, INVALID_ARGUMENT: TREND_ERROR_INVALID.
absl::StatusOr<std::optional<Trend>> TrendOf(std::span<const SessionJudgement> sessions,
                                             double session_error);

// P(true score >= cut) when `sessions` forms of `items` items each were answered with the share
// `right`, from item sampling alone (normal approximation of the binomial): the rule of thumb
// behind "several sessions above a band". Shares in (0, 1), counts above 0.
double BufferProbability(double right, double cut, int items, int sessions);

}  // namespace invigil::scoring
