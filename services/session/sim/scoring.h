// Scoring of a simulated suite: the same attempt gives the same version and report, however often
// it is asked.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "services/session/domain/session.h"
#include "services/session/sim/checker.h"

namespace invigil::session::sim {

class Scoring {
 public:
  Scoring(Bug bug, Checker& checker) : bug_(bug), checker_(checker) {}

  struct Score {
    uint32_t version = 0;
    std::shared_ptr<const std::string> report;
  };
  Score Take(const SessionId& session, const State& state) {
    std::vector<uint32_t> options;
    for (const StoredResponse& held : state.responses) options.push_back(held.options);
    const std::string report = ReportOf(state.attempt_version, options);
    checker_.Scored(session, state.attempt_version, report);
    const auto [it, first] = scores_.try_emplace({session, state.attempt_version});
    if (first || bug_ == Bug::kScoreTwice) {
      it->second = {++versions_[session], std::make_shared<const std::string>(report)};
    }
    return it->second;
  }

  bool up = true;

 private:
  const Bug bug_;
  Checker& checker_;
  std::map<std::pair<SessionId, uint32_t>, Score> scores_;
  std::map<SessionId, uint32_t> versions_;
};

}  // namespace invigil::session::sim
