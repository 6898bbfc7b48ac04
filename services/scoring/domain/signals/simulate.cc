#include "services/scoring/domain/signals/simulate.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace invigil::scoring {
namespace {

constexpr size_t kItems = 50;

ItemParameters DrawItem(Random& random) {
  ItemParameters item;
  item.slope = 0.7 + 0.7 * random.Uniform();
  item.difficulty = 0.8 * random.Normal();
  item.lower_asymptote = 0.05 + 0.2 * random.Uniform();
  return item;
}

PracticeSession FullTimed(Time at, double form_error) {
  PracticeSession session;
  session.ended_at = at;
  session.full_length = session.timed = session.equated = true;
  session.form_error = form_error;
  return session;
}

Time Day(double days) {
  return FromUnixMicros(static_cast<int64_t>((20'000 + days) * 24 * 3600 * 1e6));
}

}  // namespace

void ReliabilityTable::Add(double stated, bool happened) {
  const auto place = static_cast<size_t>(std::clamp(stated * 10, 0.0, 9.0));
  ++bins_[place].cases;
  bins_[place].hits += happened;
  bins_[place].stated_sum += stated;
}

void ReliabilityTable::Merge(const ReliabilityTable& other) {
  for (size_t i = 0; i < bins_.size(); ++i) {
    bins_[i].cases += other.bins_[i].cases;
    bins_[i].hits += other.bins_[i].hits;
    bins_[i].stated_sum += other.bins_[i].stated_sum;
  }
}

double ReliabilityTable::WorstGap(size_t least) const {
  double worst = 0;
  for (const ReliabilityBin& bin : bins_) {
    if (bin.cases >= least) worst = std::max(worst, std::abs(bin.stated() - bin.observed()));
  }
  return worst;
}

double ReliabilityTable::MeanGap() const {
  double sum = 0, cases = 0;
  for (const ReliabilityBin& bin : bins_) {
    sum += static_cast<double>(bin.cases) * std::abs(bin.stated() - bin.observed());
    cases += static_cast<double>(bin.cases);
  }
  return cases > 0 ? sum / cases : 0;
}

ExamTarget SimulatedExam(uint64_t seed) {
  Random random(seed);
  ExamTarget target;
  for (size_t i = 0; i < kItems; ++i) target.base_form.push_back(DrawItem(random));
  target.base_cut_raw = 35;
  target.scale = {.min = 100, .max = 1000, .cut = 700};
  return target;
}

size_t DomainOf50(size_t i) { return i < 12 ? 0 : i < 27 ? 1 : i < 44 ? 2 : 3; }
size_t DomainOf10(size_t i) { return i < 2 ? 0 : i < 5 ? 1 : i < 9 ? 2 : 3; }
std::vector<double> SimulatedWeights() { return {24, 30, 34, 12}; }

LearnerCase SimulateLearner(const ReadinessModel& model, const World& world, Random& random) {
  LearnerCase result;
  double theta = world.population_mean + world.population_sd * random.Normal();
  const double drift = std::sqrt(world.drift_variance_per_day * world.days_between);
  std::vector<PracticeSession> sessions;
  double day = 0;
  for (size_t s = 0; s < world.sessions; ++s) {
    if (s > 0) {
      theta += drift * random.Normal();
      day += world.days_between;
    }
    PracticeSession session = FullTimed(Day(day), world.stated_form_error);
    const double today = theta + world.occasion_sd * random.Normal();
    const double form = world.form_error * random.Normal();
    for (size_t i = 0; i < kItems; ++i) {
      PracticeResponse response{
          .irt = DrawItem(random), .sample_size = 500, .domain = DomainOf50(i)};
      ItemParameters truth = response.irt;
      truth.difficulty += form + world.item_error * random.Normal();
      response.right = random.Uniform() < Probability(truth, today);
      session.responses.push_back(response);
    }
    sessions.push_back(std::move(session));
  }
  theta += drift * random.Normal();
  day += world.days_between;
  result.theta = theta;
  result.readiness = model.Estimate(sessions, Day(day)).value();

  const ExamTarget& exam = model.target();
  const auto max = static_cast<double>(kItems);
  const double shift = world.exam_shift + world.exam_shift_sd * random.Normal();
  // The day's own ups and downs come on top of nerves, in the order in which the model has them.
  const double expected = ExpectedNumberCorrect(exam.base_form, theta) + shift / 100 * max;
  const double floor = LowerAsymptoteSum(exam.base_form);
  const double held = std::clamp(expected, floor + 1e-6, max - 1e-6);
  const double on_day = AbilityAt(exam.base_form, held).value_or(theta) +
                        world.occasion_sd * random.Normal() +
                        world.exam_form_error * random.Normal();
  double right = 0;
  for (const ItemParameters& item : exam.base_form) {
    right += random.Uniform() < Probability(item, on_day);
  }
  result.passed = right >= exam.base_cut_raw;
  return result;
}

std::vector<PracticeSession> Memoriser(double theta, size_t first, size_t repeats, double new_share,
                                       Random& random) {
  std::vector<PracticeSession> sessions;
  std::vector<PracticeResponse> seen;
  for (size_t s = 0; s < first + repeats; ++s) {
    PracticeSession session = FullTimed(Day(static_cast<double>(3 * s)), 0.15);
    for (size_t i = 0; i < kItems; ++i) {
      const bool is_new = s < first || random.Uniform() < new_share;
      PracticeResponse response;
      if (is_new) {
        response = {.irt = DrawItem(random), .sample_size = 500, .domain = DomainOf50(i)};
        response.right = random.Uniform() < Probability(response.irt, theta);
      } else {
        response = seen[random.Below(seen.size())];
        response.first_seen = false;
        response.right = random.Uniform() < 0.97;
      }
      session.responses.push_back(response);
    }
    for (const PracticeResponse& response : session.responses) {
      if (response.first_seen) seen.push_back(response);
    }
    sessions.push_back(std::move(session));
  }
  return sessions;
}

std::vector<PracticeSession> SessionsWithDrag(size_t count, double theta, double drag,
                                              Random& random) {
  std::vector<PracticeSession> sessions;
  for (size_t s = 0; s < count; ++s) {
    PracticeSession session = FullTimed(Day(static_cast<double>(3 * s)), 0.15);
    for (size_t i = 0; i < kItems; ++i) {
      PracticeResponse response{
          .irt = DrawItem(random), .sample_size = 500, .domain = DomainOf50(i)};
      const double able = theta - (response.domain == 1 ? drag : 0);
      response.right = random.Uniform() < Probability(response.irt, able);
      session.responses.push_back(response);
    }
    sessions.push_back(std::move(session));
  }
  return sessions;
}

DiagnosticCase SimulateDiagnostic(size_t items, double theta_mean, double theta_sd,
                                  double domain_sd, Random& random) {
  DiagnosticCase result;
  const double theta = theta_mean + theta_sd * random.Normal();
  std::vector<double> delta(4);
  for (double& d : delta) d = domain_sd * random.Normal();
  result.weakest =
      static_cast<size_t>(std::min_element(delta.begin(), delta.end()) - delta.begin());
  for (size_t i = 0; i < items; ++i) {
    PracticeResponse response{.irt = DrawItem(random), .sample_size = 500};
    response.domain = items == 10 ? DomainOf10(i) : DomainOf50(i * kItems / items);
    response.right = random.Uniform() < Probability(response.irt, theta + delta[response.domain]);
    result.responses.push_back(response);
  }
  return result;
}

bool NaiveNamesTheWeakest(size_t items, double right, double worse, Random& random) {
  const size_t weak = random.Below(4);
  std::vector<double> hits(4, 0), counts(4, 0);
  for (size_t i = 0; i < items; ++i) {
    const size_t domain = items == 10 ? DomainOf10(i) : DomainOf50(i * kItems / items);
    ++counts[domain];
    hits[domain] += random.Uniform() < right - (domain == weak ? worse : 0);
  }
  std::vector<size_t> lowest;
  double least = 2;
  for (size_t d = 0; d < 4; ++d) {
    const double share = hits[d] / counts[d];
    if (share < least - 1e-12) lowest.clear();
    if (share < least + 1e-12) lowest.push_back(d);
    least = std::min(least, share);
  }
  return lowest[random.Below(lowest.size())] == weak;
}

}  // namespace invigil::scoring
