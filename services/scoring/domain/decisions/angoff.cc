#include "services/scoring/domain/decisions/angoff.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "common/error/error.h"

namespace invigil::scoring {
namespace {

// Judges x items of one round.
struct Table {
  std::vector<std::string> judges, items;
  std::vector<std::vector<double>> rating;  // [judge][item]
};

absl::StatusOr<Table> TableOf(int round, std::span<const AngoffRating> ratings) {
  std::map<std::pair<std::string, std::string>, double> cells;
  std::set<std::string> judges, items;
  for (const AngoffRating& rating : ratings) {
    if (rating.round != round) continue;
    if (!(rating.rating >= 0 && rating.rating <= 1)) {
      return InvalidArgument("ANGOFF_RATING_RANGE",
                             "judge " + rating.judge + " rated item " + rating.item +
                                 " outside 0 to "
                                 "1 in round " +
                                 std::to_string(round) + "; give probabilities");
    }
    if (!cells.emplace(std::pair(rating.judge, rating.item), rating.rating).second) {
      return InvalidArgument("ANGOFF_RATING_REPEATED", "judge " + rating.judge + " rated item " +
                                                           rating.item + " twice in round " +
                                                           std::to_string(round) + "; keep one");
    }
    judges.insert(rating.judge);
    items.insert(rating.item);
  }
  Table table{{judges.begin(), judges.end()}, {items.begin(), items.end()}, {}};
  if (table.judges.size() < 2) {
    return InvalidArgument("ANGOFF_ONE_JUDGE",
                           "round " + std::to_string(round) +
                               " has one judge; a standard needs two or more to have an error");
  }
  if (table.items.size() < 2) {
    return InvalidArgument("ANGOFF_ONE_ITEM",
                           "round " + std::to_string(round) + " has one item; give two or more");
  }
  for (const std::string& judge : table.judges) {
    table.rating.emplace_back();
    for (const std::string& item : table.items) {
      const auto found = cells.find({judge, item});
      if (found == cells.end()) {
        return InvalidArgument("ANGOFF_RATING_MISSING",
                               "judge " + judge + " did not rate item " + item + " in round " +
                                   std::to_string(round) +
                                   "; a sum over fewer items is no cut of this form");
      }
      table.rating.back().push_back(found->second);
    }
  }
  return table;
}

std::optional<double> Correlation(const std::vector<double>& x, const std::vector<double>& y) {
  const auto n = static_cast<double>(x.size());
  double mx = 0, my = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    mx += x[i] / n;
    my += y[i] / n;
  }
  double xx = 0, yy = 0, xy = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    xx += (x[i] - mx) * (x[i] - mx);
    yy += (y[i] - my) * (y[i] - my);
    xy += (x[i] - mx) * (y[i] - my);
  }
  if (!(xx > 1e-20 && yy > 1e-20)) return std::nullopt;
  return xy / std::sqrt(xx * yy);
}

// Mean squares of judges x items, and what they say of single ratings and of the panel's cut.
void Components(const Table& table, AngoffRound& round) {
  const auto judges = static_cast<double>(table.judges.size());
  const auto items = static_cast<double>(table.items.size());
  std::vector<double> of_item(table.items.size(), 0), of_judge(table.judges.size(), 0);
  double grand = 0;
  for (size_t j = 0; j < table.judges.size(); ++j) {
    for (size_t i = 0; i < table.items.size(); ++i) {
      of_judge[j] += table.rating[j][i] / items;
      of_item[i] += table.rating[j][i] / judges;
      grand += table.rating[j][i] / (judges * items);
    }
  }
  double judge_square = 0, item_square = 0, rest = 0;
  for (double mean : of_judge) judge_square += items * (mean - grand) * (mean - grand);
  for (double mean : of_item) item_square += judges * (mean - grand) * (mean - grand);
  for (size_t j = 0; j < table.judges.size(); ++j) {
    for (size_t i = 0; i < table.items.size(); ++i) {
      const double away = table.rating[j][i] - of_judge[j] - of_item[i] + grand;
      rest += away * away;
    }
  }
  round.residual_variance = rest / ((judges - 1) * (items - 1));
  round.judge_variance =
      std::max(0.0, (judge_square / (judges - 1) - round.residual_variance) / items);
  round.item_variance =
      std::max(0.0, (item_square / (items - 1) - round.residual_variance) / judges);
  round.se_judges_and_items =
      items * std::sqrt(round.judge_variance / judges + round.item_variance / items +
                        round.residual_variance / (judges * items));
  const double error = (round.judge_variance + round.residual_variance) / judges;
  if (round.item_variance > 0) {
    round.dependability = round.item_variance / (round.item_variance + error);
  }
}

AngoffRound Summarize(int number, const Table& table, const std::vector<double>& difficulty) {
  AngoffRound round{.round = number, .items = table.items.size()};
  const auto judges = static_cast<double>(table.judges.size());
  for (size_t j = 0; j < table.judges.size(); ++j) {
    AngoffJudge judge{.judge = table.judges[j]};
    std::vector<double> others(table.items.size(), 0);
    for (size_t i = 0; i < table.items.size(); ++i) {
      judge.cut += table.rating[j][i];
      for (size_t k = 0; k < table.judges.size(); ++k) {
        if (k != j) others[i] += table.rating[k][i] / (judges - 1);
      }
      judge.mean_difference +=
          (table.rating[j][i] - others[i]) / static_cast<double>(table.items.size());
    }
    judge.agreement = Correlation(table.rating[j], others);
    if (!difficulty.empty()) {
      judge.difficulty_correlation = Correlation(table.rating[j], difficulty);
    }
    round.cut += judge.cut / judges;
    round.judges.push_back(std::move(judge));
  }
  for (const AngoffJudge& judge : round.judges) {
    round.sd += (judge.cut - round.cut) * (judge.cut - round.cut) / (judges - 1);
  }
  round.sd = std::sqrt(round.sd);
  round.se = round.sd / std::sqrt(judges);
  Components(table, round);
  return round;
}

}  // namespace

absl::StatusOr<AngoffResult> Angoff(std::span<const AngoffRating> ratings,
                                    const std::map<std::string, double>& difficulty) {
  if (ratings.empty()) return InvalidArgument("ANGOFF_EMPTY", "give ratings");
  std::set<int> rounds;
  for (const AngoffRating& rating : ratings) rounds.insert(rating.round);
  AngoffResult result;
  Table first;
  for (int round : rounds) {
    const auto table = TableOf(round, ratings);
    if (!table.ok()) return table.status();
    if (round == *rounds.begin()) first = *table;
    if (table->items != first.items) {
      return InvalidArgument("ANGOFF_ROUND_ITEMS",
                             "round " + std::to_string(round) + " rates other items than round " +
                                 std::to_string(*rounds.begin()) +
                                 "; carry unchanged ratings over, since a sum over fewer items is "
                                 "no cut of this form");
    }
    std::vector<double> p;
    for (const std::string& item : table->items) {
      if (difficulty.empty()) break;
      const auto found = difficulty.find(item);
      if (found == difficulty.end() || !(found->second >= 0 && found->second <= 1)) {
        return InvalidArgument("ANGOFF_DIFFICULTY",
                               "item " + item + " needs a proportion right from 0 to 1");
      }
      p.push_back(found->second);
    }
    result.rounds.push_back(Summarize(round, *table, p));
  }
  return result;
}

}  // namespace invigil::scoring
