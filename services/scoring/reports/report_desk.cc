#include "services/scoring/reports/report_desk.h"

#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "common/error/error.h"
#include "services/scoring/domain/conversion.h"
#include "services/scoring/domain/pages/score_page.h"
#include "services/scoring/domain/rescoring.h"
#include "services/scoring/reports/cohort.h"
#include "services/scoring/reports/cohort_page.h"
#include "services/scoring/reports/report_convert.h"
#include "services/scoring/rpc/convert.h"

namespace invigil::scoring::reports {
namespace {

constexpr size_t kLongestId = 64, kPage = 500;
constexpr Duration kPatience = Seconds(2);
// Forms of one report that are kept parsed: a fixed form has many sessions, a drawn one has one.
constexpr size_t kMostConversions = 256;

absl::Status Wrong(const char* field, const char* what) {
  return InvalidArgument("REPORT_REQUEST_INVALID", "the request can't be answered; see the fields")
      .Field(field, what);
}

absl::Status CheckId(const std::string& id, const char* field) {
  return !id.empty() && id.size() <= kLongestId ? absl::OkStatus()
                                                : Wrong(field, "1 to 64 characters");
}

// nullopt when unset or not a time.
std::optional<Time> TimeOf(bool set, const google::protobuf::Timestamp& at) {
  constexpr int64_t kMost = int64_t{9'000} * 366 * 86'400;
  if (!set || at.seconds() < -kMost || at.seconds() > kMost) return std::nullopt;
  return FromUnixMicros(at.seconds() * 1'000'000 + at.nanos() / 1000);
}

}  // namespace

absl::StatusOr<v1::RenderScoreReportResponse> ReportDesk::RenderScoreReport(
    const v1::RenderScoreReportRequest& request) {
  INVIGIL_RETURN_IF_ERROR(CheckId(request.session_id(), "session_id"));
  const auto record = scores_.GetScore(request.session_id(), request.score_version());
  if (!record.ok()) return record.status();
  v1::Score score;
  INVIGIL_RETURN_IF_ERROR(FillScore(*record, &score));
  ScoreFacts facts = FactsOf(score);
  facts.pass_fail_only = request.pass_fail_only();
  v1::RenderScoreReportResponse response;
  response.set_html(ScorePage(facts));
  return response;
}

absl::StatusOr<v1::GetCohortReportResponse> ReportDesk::GetCohortReport(
    const v1::GetCohortReportRequest& request) {
  INVIGIL_RETURN_IF_ERROR(CheckId(request.exam_id(), "exam_id"));
  if (request.form_id().size() > kLongestId) return Wrong("form_id", "at most 64 characters");
  const auto from = TimeOf(request.has_scored_from(), request.scored_from());
  const auto until = TimeOf(request.has_scored_until(), request.scored_until());
  if (request.has_scored_from() && !from) return Wrong("scored_from", "a time");
  if (request.has_scored_until() && !until) return Wrong("scored_until", "a time");
  const auto revisions = ring_.RevisionsOf(request.exam_id());
  if (!revisions.ok()) return revisions.status();

  Cohort cohort;
  std::map<std::pair<std::string, uint32_t>, Conversion> conversions;
  uint64_t left_out = 0;
  std::string after;
  for (bool last = false; !last;) {
    auto page = rescorings_.ListScored(request.exam_id(), 0, std::numeric_limits<int64_t>::max(),
                                       after, kPage);
    if (!page.ok()) return page.status();
    last = page->last;
    after = page->done_to;
    for (const ScoredSession& session : page->sessions) {
      const ScoreRecord& score = session.score;
      if (!request.form_id().empty() && score.form_id != request.form_id()) continue;
      if (from && session.first_scored < *from) continue;
      if (until && session.first_scored >= *until) continue;
      if (cohort.sessions() >= most_sessions_) {
        ++left_out;
        continue;
      }
      const auto name = std::make_pair(score.form_id, score.key_version);
      auto conversion = conversions.find(name);
      if (conversion == conversions.end()) {
        const auto stored = scores_.FindConversion(score.form_id, score.key_version);
        if (!stored.ok()) return stored.status();
        if (!stored->has_value()) {
          return Internal("the conversion of a stored score is missing: the database is damaged");
        }
        auto parsed = ParseConversion((*stored)->text);
        if (!parsed.ok()) return parsed.status();
        if (conversions.size() >= kMostConversions) conversions.clear();
        conversion = conversions.emplace(name, *std::move(parsed)).first;
      }
      const auto bank_key = ring_.BankKey(score.form_id, session.key, kPatience);
      if (!bank_key.ok()) return bank_key.status();
      const auto key = KeyAtVersion(**bank_key, (*revisions)->revisions, score.key_version);
      if (!key.ok()) return key.status();
      const auto responses = ParseResponses(score.responses);
      if (!responses.ok()) return responses.status();
      cohort.Add(score.raw_score, score.passed, session.first_scored, conversion->second, *key,
                 *responses);
    }
  }
  auto numbers = cohort.Finish();
  if (!numbers.ok()) return numbers.status();
  numbers->form_id = request.form_id();
  numbers->left_out += left_out;
  v1::GetCohortReportResponse response;
  FillCohort(*numbers, response.mutable_report());
  if (request.html()) response.set_html(CohortPage(*numbers));
  return response;
}

}  // namespace invigil::scoring::reports
