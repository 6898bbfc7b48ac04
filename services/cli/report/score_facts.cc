#include "services/cli/report/score_facts.h"

#include <google/protobuf/util/time_util.h>

namespace invigil::cli {

scoring::reports::ScoreFacts FactsOf(const session::v1::GetScoreReportResponse& report,
                                     const std::string& explanation) {
  scoring::reports::ScoreFacts facts;
  facts.session_id = report.session_id();
  facts.title = report.title();
  facts.passed = report.passed();
  facts.scaled_score = report.scaled_score();
  facts.scale_min = report.scale_min();
  facts.scale_max = report.scale_max();
  facts.cut_score = report.cut_score();
  facts.standard_error = report.standard_error();
  for (const auto& domain : report.domains()) {
    const int zone = domain.band() == session::v1::DOMAIN_BAND_BELOW   ? -1
                     : domain.band() == session::v1::DOMAIN_BAND_ABOVE ? 1
                                                                       : 0;
    facts.domains.push_back({.domain_id = domain.domain_id(),
                             .name = domain.name(),
                             .weight_percent = domain.weight_percent(),
                             .zone = zone,
                             .explanation = domain.explanation()});
  }
  facts.disclaimer = report.disclaimer();
  facts.basis = report.basis();
  facts.score_version = report.score_version();
  facts.explanation = explanation;
  if (report.has_score_time()) {
    const std::string time = google::protobuf::util::TimeUtil::ToString(report.score_time());
    if (time.size() >= 16) facts.scored_at = time.substr(0, 10) + " " + time.substr(11, 5) + " UTC";
  }
  return facts;
}

}  // namespace invigil::cli
