#include "services/scoring/domain/scoring.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "common/error/error.h"

namespace invigil::scoring {
namespace {

struct Count {
  uint32_t right = 0;
  uint32_t items = 0;
};

bool Fits(const Conversion& conversion, const ScoringKey& key, uint32_t operational) {
  return conversion.form_id == key.form_id && conversion.key_version == key.key_version &&
         conversion.rows.size() == operational + 1 &&
         conversion.domains.size() == key.domains.size();
}

}  // namespace

bool IsRight(const KeyedItem& item, const std::vector<std::string>& answer) {
  return answer == item.key_option_ids ||
         std::find(item.other_keys.begin(), item.other_keys.end(), answer) != item.other_keys.end();
}

Band BandOf(uint32_t raw_score, const DomainStandard& standard) {
  const double away = raw_score - standard.expected_at_cut;
  if (standard.raw_max == 0 || std::abs(away) <= kBandDeviations * standard.deviation) {
    return Band::kNotEnoughEvidence;
  }
  return away < 0 ? Band::kBelow : Band::kAbove;
}

std::string BandSentence(Band band) {
  switch (band) {
    case Band::kBelow:
      return "Your answers in this domain were weaker than those of someone who just passes, by "
             "more "
             "than chance usually makes. Studying here is likely to help.";
    case Band::kAbove:
      return "Your answers in this domain were stronger than those of someone who just passes, by "
             "more than chance usually makes.";
    case Band::kNotEnoughEvidence:
      break;
  }
  return "Not enough evidence: the questions in this domain can't tell you apart from someone who "
         "just passes. This says neither that you are weak here nor that you are strong.";
}

std::string BasisSentence(bool calibrated) {
  return calibrated
             ? "Item statistics were estimated from responses of earlier candidates of this suite."
             : "Item statistics are the authors' judgement, not calibrated on responses: the score "
               "and its error are estimates that rest on that judgement.";
}

absl::StatusOr<Score> ScoreResponses(const std::vector<SealedResponse>& responses,
                                     const ScoringKey& key, const Conversion& conversion) {
  return ScoreResponses(responses, key, conversion, HashOf(conversion));
}

absl::StatusOr<Score> ScoreResponses(const std::vector<SealedResponse>& responses,
                                     const ScoringKey& key, const Conversion& conversion,
                                     const std::string& conversion_hash) {
  INVIGIL_RETURN_IF_ERROR(CheckAgainst(responses, key));
  std::unordered_map<std::string_view, const SealedResponse*> by_item;
  for (const SealedResponse& response : responses) by_item.emplace(response.item_id, &response);

  Count total;
  std::map<std::string_view, Count> by_domain;
  for (const KeyedItem& item : key.items) {
    if (!item.operational) continue;
    const auto response = by_item.find(item.item_id);
    const bool right =
        item.credit || (response != by_item.end() && IsRight(item, response->second->option_ids));
    for (Count* count : {&total, &by_domain[item.domain_id]}) {
      count->items += 1;
      count->right += right;
    }
  }
  if (!Fits(conversion, key, total.items)) {
    return Internal("the conversion is not that of form " + key.form_id);
  }

  const ConversionRow& row = conversion.rows[total.right];
  Score score{.form_id = key.form_id,
              .key_version = key.key_version,
              .conversion_hash = conversion_hash,
              .exam_id = key.exam_id,
              .exam_version = key.exam_version,
              .title = key.title,
              .raw_score = total.right,
              .raw_max = total.items,
              .scaled_score = row.scaled_score,
              .scaled_score_unrounded = row.scaled_unrounded,
              .scale = conversion.scale,
              .passed = row.passed,
              .standard_error = row.standard_error,
              .disclaimer = key.disclaimer,
              .basis = BasisSentence(conversion.calibrated)};
  for (size_t i = 0; i < key.domains.size(); ++i) {
    const DomainDefinition& domain = key.domains[i];
    const DomainStandard& standard = conversion.domains[i];
    const uint32_t right = by_domain[domain.domain_id].right;
    const Band band = BandOf(right, standard);
    score.domains.push_back({.domain_id = domain.domain_id,
                             .name = domain.name,
                             .weight_percent = domain.weight_percent,
                             .band = band,
                             .explanation = BandSentence(band),
                             .raw_score = right,
                             .raw_max = standard.raw_max,
                             .expected_at_cut = standard.expected_at_cut,
                             .standard_error = standard.deviation});
  }
  return score;
}

}  // namespace invigil::scoring
