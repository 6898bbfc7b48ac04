#include <cstdio>
#include <string>

#include "services/cli/api/connection.h"
#include "services/cli/commands/arguments.h"
#include "services/cli/commands/commands.h"
#include "services/cli/core/failure.h"
#include "services/cli/core/json.h"
#include "services/cli/learner/learner_text.h"

namespace invigil::cli {
namespace {

namespace sco = scoring::v1;

}  // namespace

int ReadinessCommand(const Words& words) {
  bool json = false, refit = false;
  std::string exam;
  Settings given;
  config::Flags flags("invigil readiness",
                      "Tells how probably a candidate reaches the cut, from full timed sessions on "
                      "questions not seen before, and what is missing for ready.");
  flags.Positional("CANDIDATE");
  flags.Text("exam", &exam, "EXAM", "The exam.")
      .Required()
      .Toggle("refit", &refit,
              "First take the exam's prior from its own learners, for everybody from now on.")
      .Toggle("json", &json, "As JSON (Readiness).");
  DeclareSettings(flags, &given);
  const auto candidate = ParseWithArgument(flags, words, "candidate");
  if (!candidate.ok()) return Fail(candidate.status());
  auto connection = Connect(given);
  if (!connection.ok()) return Fail(connection.status());
  if (refit) {
    sco::RefitPriorRequest request;
    request.set_exam_id(exam);
    const auto fitted =
        connection->Run([&](Api& api) { return api.RefitPrior(request, connection->token); });
    if (!fitted.ok()) return Fail(fitted.status());
  }
  sco::GetReadinessRequest request;
  request.set_learner_id(*candidate);
  request.set_exam_id(exam);
  const auto answer =
      connection->Run([&](Api& api) { return api.GetReadiness(request, connection->token); });
  if (!answer.ok()) return Fail(answer.status());
  const sco::Readiness& readiness = answer->readiness();
  std::fputs((json ? ToJson(readiness) : ReadinessText(readiness)).c_str(), stdout);
  return kOk;
}

int PlanCommand(const Words& words) {
  bool json = false;
  int64_t minutes = 600;
  std::string exam;
  Settings given;
  config::Flags flags("invigil plan",
                      "Splits study time over domains and their tasks, by weight, by how far the "
                      "candidate is behind, and by how much is known of that.");
  flags.Positional("CANDIDATE");
  flags.Text("exam", &exam, "EXAM", "The exam.")
      .Required()
      .Number("minutes", &minutes, 1, 100'000, "Minutes to spend.")
      .Toggle("json", &json, "As JSON (StudyPlan).");
  DeclareSettings(flags, &given);
  const auto candidate = ParseWithArgument(flags, words, "candidate");
  if (!candidate.ok()) return Fail(candidate.status());
  auto connection = Connect(given);
  if (!connection.ok()) return Fail(connection.status());
  sco::GetStudyPlanRequest request;
  request.set_learner_id(*candidate);
  request.set_exam_id(exam);
  request.set_minutes(static_cast<uint32_t>(minutes));
  const auto answer =
      connection->Run([&](Api& api) { return api.GetStudyPlan(request, connection->token); });
  if (!answer.ok()) return Fail(answer.status());
  std::fputs((json ? ToJson(answer->plan()) : PlanText(answer->plan())).c_str(), stdout);
  return kOk;
}

}  // namespace invigil::cli
