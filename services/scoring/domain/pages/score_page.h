// A candidate's score report as a page: what the candidate may see, and nothing else. No key, no
// item, no raw score. Pure: the same facts give the same bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace invigil::scoring::reports {

struct DomainFacts {
  std::string domain_id, name;
  double weight_percent = 0;
  int zone = 0;             // -1 below just passing, 0 can't be told, 1 above
  std::string explanation;  // in a sentence
};

struct ScoreFacts {
  std::string session_id;
  std::string title;
  bool passed = false;
  int32_t scaled_score = 0, scale_min = 0, scale_max = 0, cut_score = 0;
  double standard_error = 0;
  std::vector<DomainFacts> domains;
  std::string disclaimer, basis;
  std::string scored_at;  // "2026-11-24 18:05 UTC"; may be empty
  uint32_t score_version = 1;
  // The programme tells pass or fail and no number: no score, no scale and no error is on the page.
  bool pass_fail_only = false;
  // How the score came about, in points and in questions, for staff. Empty: not on the page.
  std::string explanation;
};

std::string ScorePage(const ScoreFacts& facts);

}  // namespace invigil::scoring::reports
