#include "services/scoring/measurement/dataset.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <unordered_map>
#include <utility>

#include "common/base/hash.h"
#include "common/error/error.h"
#include "services/scoring/domain/calibration/clean.h"
#include "services/scoring/domain/packer.h"
#include "services/scoring/domain/rescoring.h"
#include "services/scoring/domain/responses.h"
#include "services/scoring/domain/scoring.h"

namespace invigil::scoring {
namespace {

constexpr Duration kKeyPatience = Seconds(5);

Time TimeOf(const google::protobuf::Timestamp& time) {
  return FromUnixMicros(time.seconds() * 1'000'000 + time.nanos() / 1000);
}

class Scope {
 public:
  explicit Scope(const v1::DatasetScope& scope)
      : scope_(scope),
        forms_(scope.form_ids().begin(), scope.form_ids().end()),
        excluded_(scope.excluded_session_ids().begin(), scope.excluded_session_ids().end()) {}
  bool Holds(const ScoredSession& session) const {
    return (forms_.empty() || forms_.contains(session.score.form_id)) &&
           (!scope_.has_scored_from() || session.first_scored >= TimeOf(scope_.scored_from())) &&
           (!scope_.has_scored_until() || session.first_scored < TimeOf(scope_.scored_until()));
  }
  bool Excludes(const std::string& session_id) const { return excluded_.contains(session_id); }

 private:
  const v1::DatasetScope& scope_;
  const std::set<std::string> forms_, excluded_;
};

// One session's answers on the columns.
struct Row {
  RawSession answers;
  uint32_t raw = 0, raw_max = 0;
};

class RowMaker {
 public:
  RowMaker(const itembank::v1::ListItemStatisticsResponse& bank, v1::DatasetSummary& summary)
      : bank_(bank), summary_(summary) {
    for (int i = 0; i < bank.items_size(); ++i) columns_[bank.items(i).item_id()] = i;
  }

  Row Make(const ScoringKey& bank_key, const ScoringKey& key,
           const std::vector<SealedResponse>& responses) {
    std::unordered_map<std::string_view, const SealedResponse*> by_item;
    for (const SealedResponse& response : responses) by_item.emplace(response.item_id, &response);
    Row row;
    row.answers.responses.resize(static_cast<size_t>(bank_.items_size()));
    std::vector<size_t> order;
    for (size_t i = 0; i < key.items.size(); ++i) {
      const KeyedItem& item = key.items[i];
      const auto given = by_item.find(item.item_id);
      const bool answered = given != by_item.end() && !given->second->option_ids.empty();
      const bool right = answered && IsRight(item, given->second->option_ids);
      if (item.operational) {
        ++row.raw_max;
        row.raw += item.credit || right;
      }
      const auto column = columns_.find(item.bank_item_id);
      if (column == columns_.end()) continue;
      if (bank_key.items[i].operational != item.operational || item.credit) {
        summary_.set_decided_items(summary_.decided_items() + 1);
        continue;
      }
      if (item.bank_item_version < bank_.items(column->second).same_content_since()) {
        summary_.set_other_content(summary_.other_content() + 1);
        continue;
      }
      const auto at = static_cast<size_t>(column->second);
      row.answers.responses[at] = {
          .state = answered ? RawResponse::State::kAnswered : RawResponse::State::kOmitted,
          .right = right,
          .seconds = std::nullopt};
      order.push_back(at);
    }
    MarkNotReached(row.answers, order);
    return row;
  }

 private:
  const itembank::v1::ListItemStatisticsResponse& bank_;
  v1::DatasetSummary& summary_;
  std::unordered_map<std::string, int> columns_;
};

// Appends the sessions of a page that are usable; follows the digest.
absl::Status Append(const std::vector<Row>& rows, const std::vector<ScoredSession>& sessions,
                    const CleaningRules& rules, Dataset& data, std::string& digest) {
  std::vector<RawSession> raw;
  raw.reserve(rows.size());
  for (const Row& row : rows) raw.push_back(row.answers);
  const auto clean = CleanResponses(raw, rules);
  if (!clean.ok()) return clean.status();
  v1::DatasetSummary& summary = data.summary;
  summary.set_empty_sessions(summary.empty_sessions() + clean->empty_sessions);
  summary.set_omitted(summary.omitted() + clean->omitted);
  summary.set_not_reached(summary.not_reached() + clean->not_reached);
  data.cells.insert(data.cells.end(), clean->cells.begin(), clean->cells.end());
  for (size_t kept = 0; kept < clean->sessions.size(); ++kept) {
    const size_t from = clean->sessions[kept];
    const ScoreRecord& score = sessions[from].score;
    Packer line;
    line.Text(score.session_id);
    for (size_t i = 0; i < clean->items; ++i) {
      const int8_t cell = clean->cells[kept * clean->items + i];
      if (cell < 0) continue;
      line.Text(data.items[i].item_id()).Number(static_cast<int>(cell));
      summary.set_answers(summary.answers() + 1);
    }
    digest = Sha256Hex(digest + line.Take());
    data.session_ids.push_back(score.session_id);
    data.form_ids.push_back(score.form_id);
    data.raw.push_back(rows[from].raw);
    data.raw_max.push_back(rows[from].raw_max);
    ++data.sessions;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Dataset> DatasetReader::Read(const v1::DatasetScope& scope,
                                            const v1::CleaningSettings& cleaning,
                                            const itembank::v1::ListItemStatisticsResponse& bank,
                                            const std::function<bool(uint64_t)>& going_on) {
  const Scope in_scope(scope);
  const auto revisions = ring_.RevisionsOf(scope.exam_id());
  if (!revisions.ok()) return revisions.status();
  Dataset data;
  data.items.assign(bank.items().begin(), bank.items().end());
  RowMaker maker(bank, data.summary);
  CleaningRules rules;
  using As = CleaningRules::As;
  rules.omitted = cleaning.leave_out_omitted() ? As::kNotPresented : As::kWrong;
  rules.not_reached = cleaning.count_not_reached() ? As::kWrong : As::kNotPresented;
  std::string digest, after;
  for (bool last = false; !last;) {
    const auto page =
        store_.ListScored(scope.exam_id(), 0, std::numeric_limits<int64_t>::max(), after, page_);
    if (!page.ok()) return page.status();
    std::vector<Row> rows;
    std::vector<ScoredSession> sessions;
    for (const ScoredSession& session : page->sessions) {
      if (!in_scope.Holds(session)) continue;
      data.summary.set_sessions(data.summary.sessions() + 1);
      if (in_scope.Excludes(session.score.session_id)) {
        data.summary.set_excluded_sessions(data.summary.excluded_sessions() + 1);
        continue;
      }
      const auto bank_key = ring_.BankKey(session.score.form_id, session.key, kKeyPatience);
      if (!bank_key.ok()) return bank_key.status();
      const auto key = KeyUnder(**bank_key, (*revisions)->revisions);
      if (!key.ok()) return key.status();
      const auto responses = ParseResponses(session.score.responses);
      if (!responses.ok()) return responses.status();
      rows.push_back(maker.Make(**bank_key, *key, *responses));
      sessions.push_back(session);
    }
    INVIGIL_RETURN_IF_ERROR(Append(rows, sessions, rules, data, digest));
    after = page->done_to;
    last = page->last;
    if (!going_on(data.summary.sessions())) {
      return Error(absl::StatusCode::kCancelled, "MEASUREMENT_STOPPED", "the work was stopped");
    }
  }
  data.summary.set_digest(digest);
  return data;
}

std::vector<ColumnStatistics> StatisticsOf(const Dataset& data) {
  struct Sums {
    double n = 0, x = 0, y = 0, xy = 0, yy = 0;
  };
  const size_t items = data.items.size();
  std::vector<Sums> sums(items);
  std::vector<ColumnStatistics> statistics(items);
  for (size_t s = 0; s < data.sessions; ++s) {
    for (size_t i = 0; i < items; ++i) {
      const int8_t cell = data.At(s, i);
      if (cell < 0) continue;
      ++statistics[i].answers;
      statistics[i].right += static_cast<uint32_t>(cell);
      // A scored item is part of the session's score; its own answer is taken out.
      const bool scored = data.items[i].status() == itembank::v1::ITEM_STATUS_OPERATIONAL;
      const double rest_max = data.raw_max[s] - (scored ? 1.0 : 0.0);
      if (rest_max <= 0) continue;
      const double x = cell, y = (data.raw[s] - (scored ? x : 0.0)) / rest_max;
      sums[i].n += 1;
      sums[i].x += x;
      sums[i].y += y;
      sums[i].xy += x * y;
      sums[i].yy += y * y;
    }
  }
  for (size_t i = 0; i < items; ++i) {
    const Sums& sum = sums[i];
    const double var_x = sum.x - sum.x * sum.x / sum.n, var_y = sum.yy - sum.y * sum.y / sum.n;
    const double covariance = sum.xy - sum.x * sum.y / sum.n;
    statistics[i].correlation = var_x > 1e-12 && var_y > 1e-12
                                    ? covariance / std::sqrt(var_x * var_y)
                                    : std::numeric_limits<double>::quiet_NaN();
  }
  return statistics;
}

Dataset Select(const Dataset& data, const std::vector<bool>& keep) {
  Dataset out;
  out.summary = data.summary;
  out.summary.set_answers(0);
  for (size_t i = 0; i < keep.size(); ++i) {
    if (keep[i]) out.items.push_back(data.items[i]);
  }
  for (size_t s = 0; s < data.sessions; ++s) {
    const size_t begin = out.cells.size();
    uint64_t answers = 0;
    for (size_t i = 0; i < keep.size(); ++i) {
      if (!keep[i]) continue;
      out.cells.push_back(data.At(s, i));
      answers += data.At(s, i) >= 0 ? 1 : 0;
    }
    if (answers == 0) {
      out.cells.resize(begin);
      continue;
    }
    out.summary.set_answers(out.summary.answers() + answers);
    out.session_ids.push_back(data.session_ids[s]);
    out.form_ids.push_back(data.form_ids[s]);
    out.raw.push_back(data.raw[s]);
    out.raw_max.push_back(data.raw_max[s]);
    ++out.sessions;
  }
  return out;
}

}  // namespace invigil::scoring
