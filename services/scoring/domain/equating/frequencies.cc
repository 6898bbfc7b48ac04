#include "services/scoring/domain/equating/frequencies.h"

#include <cmath>
#include <string>

#include "absl/strings/str_cat.h"
#include "common/error/error.h"

namespace invigil::scoring::equating {
namespace {

std::string Text(std::string_view view) { return std::string(view); }

absl::Status CheckScore(double score, int maximum, size_t person, std::string_view what,
                        std::string_view group) {
  if (!std::isfinite(score) || score != std::floor(score)) {
    return InvalidArgument(
        "SCORE_NOT_INTEGER",
        absl::StrCat("person ", person + 1, " of group ", Text(group), " has ", Text(what), " ",
                     score, "; number-correct scores are whole, correct the row"));
  }
  if (score < 0 || score > maximum) {
    return InvalidArgument(
        "SCORE_OUT_OF_RANGE",
        absl::StrCat("person ", person + 1, " of group ", Text(group), " has ", Text(what), " ",
                     score, ", outside 0..", maximum,
                     "; correct the row or state the number of items that was given"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<ScoreTable> Tabulate(std::span<const double> total, std::span<const double> anchor,
                                    int max_total, int max_anchor, std::string_view group) {
  if (max_total < 1 || max_anchor < 0) {
    return InvalidArgument(
        "RANGE_INVALID",
        absl::StrCat("group ", Text(group), ": a form has one item or more; give their number"));
  }
  if (total.empty()) {
    return InvalidArgument("SCORES_EMPTY", absl::StrCat("group ", Text(group),
                                                        " has no scores; give one row per person"));
  }
  const bool wants_anchor = max_anchor > 0;
  if (wants_anchor ? anchor.size() != total.size() : !anchor.empty()) {
    return InvalidArgument(
        "ANCHOR_MISSING",
        absl::StrCat("group ", Text(group), " has ", total.size(), " totals and ", anchor.size(),
                     " anchor scores; a design with an anchor needs both for every person"));
  }
  ScoreTable table{.max_total = max_total, .max_anchor = max_anchor};
  table.cells.assign((static_cast<size_t>(max_total) + 1) * table.Width(), 0.0);
  for (size_t i = 0; i < total.size(); ++i) {
    INVIGIL_RETURN_IF_ERROR(CheckScore(total[i], max_total, i, "total", group));
    size_t cell = static_cast<size_t>(total[i]) * table.Width();
    if (wants_anchor) {
      INVIGIL_RETURN_IF_ERROR(CheckScore(anchor[i], max_anchor, i, "anchor score", group));
      cell += static_cast<size_t>(anchor[i]);
    }
    table.cells[cell] += 1;
  }
  table.n = static_cast<double>(total.size());
  return table;
}

absl::StatusOr<ScoreTable> FromFrequencies(std::span<const double> counts, std::string_view group) {
  if (counts.size() < 2) {
    return InvalidArgument(
        "RANGE_INVALID",
        absl::StrCat("group ", Text(group), ": frequencies of scores 0 to 1 at least are needed"));
  }
  ScoreTable table{.max_total = static_cast<int>(counts.size()) - 1};
  table.cells.assign(counts.begin(), counts.end());
  for (double count : counts) {
    if (!std::isfinite(count) || count < 0) {
      return InvalidArgument("FREQUENCY_INVALID",
                             absl::StrCat("group ", Text(group), " has the frequency ", count,
                                          "; frequencies are finite and not negative"));
    }
    table.n += count;
  }
  if (!(table.n > 0)) {
    return InvalidArgument("SCORES_EMPTY", absl::StrCat("group ", Text(group),
                                                        " has no scores; give one row per person"));
  }
  return table;
}

std::vector<double> TotalMargin(const ScoreTable& table) {
  if (!table.HasAnchor()) return table.cells;
  std::vector<double> margin(static_cast<size_t>(table.max_total) + 1, 0.0);
  const size_t width = table.Width();
  for (size_t t = 0; t < margin.size(); ++t) {
    for (size_t v = 0; v < width; ++v) margin[t] += table.cells[t * width + v];
  }
  return margin;
}

std::vector<double> AnchorMargin(const ScoreTable& table) {
  const size_t width = table.Width();
  std::vector<double> margin(width, 0.0);
  for (size_t i = 0; i < table.cells.size(); ++i) margin[i % width] += table.cells[i];
  return margin;
}

Moments MomentsOf(std::span<const double> frequencies) {
  Moments m;
  double sum = 0;
  m.lowest = -1;
  for (size_t s = 0; s < frequencies.size(); ++s) {
    m.n += frequencies[s];
    sum += frequencies[s] * static_cast<double>(s);
    if (frequencies[s] > 0) {
      if (m.lowest < 0) m.lowest = static_cast<int>(s);
      m.highest = static_cast<int>(s);
    }
  }
  if (m.lowest < 0) m.lowest = 0;
  if (!(m.n > 0)) return m;
  m.mean = sum / m.n;
  double second = 0, third = 0, fourth = 0;
  for (size_t s = 0; s < frequencies.size(); ++s) {
    const double d = static_cast<double>(s) - m.mean;
    const double d2 = d * d;
    second += frequencies[s] * d2;
    third += frequencies[s] * d2 * d;
    fourth += frequencies[s] * d2 * d2;
  }
  if (m.n > 1) m.variance = second / (m.n - 1);
  if (m.variance > 0) {
    m.skewness = third / m.n / std::pow(m.variance, 1.5);
    m.kurtosis = fourth / m.n / (m.variance * m.variance);
  }
  return m;
}

JointMoments JointMomentsOf(const ScoreTable& table) {
  JointMoments m;
  const size_t width = table.Width();
  double sum_total = 0, sum_anchor = 0;
  for (size_t i = 0; i < table.cells.size(); ++i) {
    const size_t total = i / width;
    m.n += table.cells[i];
    sum_total += table.cells[i] * static_cast<double>(total);
    sum_anchor += table.cells[i] * static_cast<double>(i % width);
  }
  if (!(m.n > 0)) return m;
  m.mean_total = sum_total / m.n;
  m.mean_anchor = sum_anchor / m.n;
  for (size_t i = 0; i < table.cells.size(); ++i) {
    const size_t total = i / width;
    const double t = static_cast<double>(total) - m.mean_total;
    const double v = static_cast<double>(i % width) - m.mean_anchor;
    m.var_total += table.cells[i] * t * t;
    m.var_anchor += table.cells[i] * v * v;
    m.covariance += table.cells[i] * t * v;
  }
  const double denominator = m.n > 1 ? m.n - 1 : 1;
  m.var_total /= denominator;
  m.var_anchor /= denominator;
  m.covariance /= denominator;
  return m;
}

}  // namespace invigil::scoring::equating
