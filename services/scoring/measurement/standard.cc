#include "services/scoring/measurement/standard.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/scoring/domain/decisions/angoff.h"
#include "services/scoring/domain/decisions/bookmark.h"
#include "services/scoring/domain/decisions/compromise.h"
#include "services/scoring/measurement/calibration.h"

namespace invigil::scoring {
namespace {

constexpr double kStep = 1e-4;  // of ability, for slopes of curves

absl::StatusOr<std::vector<ItemParameters>> ParametersFor(
    const std::set<std::string>& item_ids, const itembank::v1::ListItemStatisticsResponse& bank) {
  std::map<std::string, ItemParameters> known;
  for (const auto& item : bank.items()) {
    if (item.has_irt()) known.emplace(item.item_id(), ParametersOf(item.irt()));
  }
  std::vector<ItemParameters> parameters;
  for (const std::string& id : item_ids) {
    const auto found = known.find(id);
    if (found == known.end()) {
      return FailedPrecondition("ITEM_WITHOUT_PARAMETERS",
                                "the bank has no parameters of item " + id)
          .With("item_id", id);
    }
    parameters.push_back(found->second);
  }
  return parameters;
}

// How fast a curve rises at an ability.
double SlopeAt(const std::vector<ItemParameters>& items, double theta) {
  return (ExpectedNumberCorrect(items, theta + kStep) -
          ExpectedNumberCorrect(items, theta - kStep)) /
         (2 * kStep);
}

absl::Status ByAngoff(const v1::StandardSettingRecord& record,
                      const itembank::v1::ListItemStatisticsResponse& bank,
                      const std::vector<ItemParameters>& base, v1::StandardSettingResult& result) {
  std::vector<AngoffRating> ratings;
  std::set<std::string> item_ids, judges;
  for (const v1::AngoffRating& rating : record.ratings()) {
    ratings.push_back({.round = static_cast<int>(rating.round()),
                       .judge = rating.judge(),
                       .item = rating.item_id(),
                       .rating = rating.rating()});
    item_ids.insert(rating.item_id());
    judges.insert(rating.judge());
  }
  const auto study = Angoff(ratings);
  if (!study.ok()) return study.status();
  const auto items = ParametersFor(item_ids, bank);
  if (!items.ok()) return items.status();
  const auto theta = AbilityAt(*items, study->cut());
  if (!theta) {
    return FailedPrecondition("STANDARD_UNREACHABLE",
                              "no ability gives the panel's cut on the items it rated");
  }
  for (const AngoffRound& round : study->rounds) {
    v1::AngoffRound* out = result.add_rounds();
    out->set_round(static_cast<uint32_t>(round.round));
    out->set_judges(static_cast<uint32_t>(round.judges.size()));
    out->set_cut(round.cut);
    out->set_sd(round.sd);
    out->set_standard_error(round.se);
    out->set_standard_error_judges_and_items(round.se_judges_and_items);
    if (round.dependability) out->set_dependability(*round.dependability);
  }
  result.set_method("modified Angoff");
  result.set_judges(static_cast<uint32_t>(judges.size()));
  result.set_theta_cut(*theta);
  result.set_base_cut_raw(ExpectedNumberCorrect(base, *theta));
  result.set_standard_error(study->se() * SlopeAt(base, *theta) / SlopeAt(*items, *theta));
  return absl::OkStatus();
}

absl::Status ByBookmark(const v1::StandardSettingRecord& record,
                        const itembank::v1::ListItemStatisticsResponse& bank,
                        const std::vector<ItemParameters>& base,
                        v1::StandardSettingResult& result) {
  const auto items =
      ParametersFor({record.booklet_item_ids().begin(), record.booklet_item_ids().end()}, bank);
  if (!items.ok()) return items.status();
  std::vector<int> pages;
  for (const v1::BookmarkMark& mark : record.marks())
    pages.push_back(static_cast<int>(mark.page()));
  BookmarkOptions options;
  if (record.response_probability() != 0) {
    options.response_probability = record.response_probability();
  }
  const auto study = Bookmark(*items, pages, options);
  if (!study.ok()) return study.status();
  result.set_method("bookmark");
  result.set_judges(static_cast<uint32_t>(pages.size()));
  result.set_theta_cut(study->theta_cut);
  result.set_base_cut_raw(ExpectedNumberCorrect(base, study->theta_cut));
  result.set_standard_error(study->se * SlopeAt(base, study->theta_cut));
  return absl::OkStatus();
}

// Checks of the cut against what candidates did; why one is missing is said, not an error.
void FillCompromises(const v1::StandardSettingRecord& record, const Dataset& candidates,
                     size_t most, v1::StandardSettingResult& result) {
  std::vector<double> scores;
  for (size_t s = 0; s < candidates.sessions; ++s) {
    if (candidates.raw_max[s] == most) scores.push_back(candidates.raw[s]);
  }
  result.set_candidates(scores.size());
  if (!scores.empty()) {
    const auto passed = std::count_if(scores.begin(), scores.end(),
                                      [&](double score) { return score >= result.base_cut_raw(); });
    result.set_pass_rate(static_cast<double>(passed) / static_cast<double>(scores.size()));
  }
  const auto keep = [&](const auto& made, const char* name, auto set) {
    if (made.ok()) {
      set(made->cut);
    } else {
      result.set_compromise_problem(result.compromise_problem() + name + ": " +
                                    ReasonOf(made.status()) + ". ");
    }
  };
  if (record.beuk_size() > 0) {
    std::vector<BeukJudgement> judgements;
    for (const auto& said : record.beuk()) {
      judgements.push_back({said.judge(), said.cut(), said.pass_rate()});
    }
    keep(Beuk(judgements, scores, static_cast<int>(most)), "Beuk",
         [&](double cut) { result.set_beuk_cut(cut); });
  }
  if (record.hofstee_size() > 0) {
    std::vector<HofsteeJudgement> judgements;
    for (const auto& said : record.hofstee()) {
      judgements.push_back({said.judge(), said.least_cut(), said.greatest_cut(),
                            said.least_fail_rate(), said.greatest_fail_rate()});
    }
    keep(Hofstee(judgements, scores, static_cast<int>(most)), "Hofstee",
         [&](double cut) { result.set_hofstee_cut(cut); });
  }
}

}  // namespace

absl::StatusOr<v1::StandardSettingResult> RunStandardSetting(
    const v1::StandardSettingRecord& record, const itembank::v1::ListItemStatisticsResponse& bank,
    const Dataset& candidates) {
  std::vector<ItemParameters> base;
  for (const auto& irt : bank.standard().base_form()) base.push_back(ParametersOf(irt));
  if (base.empty()) {
    return FailedPrecondition("EXAM_WITHOUT_STANDARD",
                              "the exam's definition has no base form on which a cut could stand");
  }
  v1::StandardSettingResult result;
  result.set_base_cut_raw_in_use(bank.standard().base_cut_raw());
  INVIGIL_RETURN_IF_ERROR(record.ratings_size() > 0 ? ByAngoff(record, bank, base, result)
                                                    : ByBookmark(record, bank, base, result));
  FillCompromises(record, candidates, base.size(), result);
  result.set_digest(DigestOf(result, record));
  return result;
}

std::string DigestOf(v1::StandardSettingResult result, const v1::StandardSettingRecord& record) {
  result.clear_digest();
  return Sha256Hex(Sha256Hex(record.SerializeAsString()) + result.SerializeAsString());
}

}  // namespace invigil::scoring
