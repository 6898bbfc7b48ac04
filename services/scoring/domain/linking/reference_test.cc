// Against equateIRT 2.5.1 and plink 1.5-1 (R). Tolerances, and why:
//   1e-8  moment methods (closed forms; the files hold 12 digits), 1e-6 for plink (6 decimals)
//   2e-4  characteristic-curve constants: their optimisers stop early. Where theirs is given to
//         our criterion, ours is never higher.
//   1e-3  (relative) delta-method errors of the constants
//   1e-6  score tables, made with the reference's own constants
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "services/scoring/domain/linking/chain.h"
#include "services/scoring/domain/linking/irt_equating.h"
#include "services/scoring/domain/linking/link_errors.h"
#include "services/scoring/domain/reference_values.h"

namespace invigil::scoring::linking {
namespace {

using testing::ReadReferenceCsv;
using testing::Real;
using testing::ReferenceRow;

// A form of equateIRT's examples: estimates as it keeps them (intercept and slope), and how
// difficulty and slope depend on them.
struct Form {
  std::vector<std::string> names;
  std::vector<ItemParameters> items;
  std::vector<std::vector<double>> covariance;  // of intercepts, then of slopes
};

bool IsRasch(const std::string& folder) { return folder.find("rasch") != std::string::npos; }

Form ReadForm(const std::string& folder, const std::string& test) {
  Form form;
  const std::string stem = folder + "form" + test.substr(4);
  if (folder.find("data2pl") != std::string::npos) {
    for (const ReferenceRow& row : ReadReferenceCsv(stem + "_items.csv")) {
      form.names.push_back(row.at("item"));
      form.items.push_back({Real(row, "a"), Real(row, "b"), 0});
    }
    return form;
  }
  for (const ReferenceRow& row : ReadReferenceCsv(stem + "_coef.csv")) {
    form.names.push_back(row.at("name"));
    const double slope = IsRasch(folder) ? 1 : Real(row, "z1");
    const double intercept = Real(row, IsRasch(folder) ? "beta.i" : "(Intercept)");
    form.items.push_back({slope, -intercept / slope, 0});
  }
  const auto rows = ReadReferenceCsv(stem + "_varcov.csv");
  for (const ReferenceRow& row : rows) {
    std::vector<double> values;
    for (size_t k = 1; k <= rows.size(); ++k) values.push_back(Real(row, "v" + std::to_string(k)));
    form.covariance.push_back(values);
  }
  return form;
}

struct Anchor {
  std::vector<CommonItem> items;
  std::vector<size_t> from, to;  // where they stand in the forms
};

Anchor Common(const Form& from, const Form& to) {
  Anchor anchor;
  for (size_t i = 0; i < from.names.size(); ++i) {
    const auto found = std::find(to.names.begin(), to.names.end(), from.names[i]);
    if (found == to.names.end()) continue;
    anchor.from.push_back(i);
    anchor.to.push_back(static_cast<size_t>(found - to.names.begin()));
    anchor.items.push_back({from.items[i], to.items[anchor.to.back()]});
  }
  return anchor;
}

// The covariance of a and b from that of intercept d and slope a: b = -d / a.
std::vector<double> Covariance(const Form& form, const std::vector<size_t>& chosen, bool rasch) {
  const size_t n = chosen.size(), all = form.items.size();
  std::vector<std::vector<double>> by(3 * n, std::vector<double>(form.covariance.size(), 0.0));
  for (size_t k = 0; k < n; ++k) {
    const ItemParameters& item = form.items[chosen[k]];
    by[3 * k + 1][chosen[k]] = -1 / item.slope;
    if (rasch) continue;
    by[3 * k][all + chosen[k]] = 1;
    by[3 * k + 1][all + chosen[k]] = -item.difficulty / item.slope;
  }
  std::vector<double> result(9 * n * n, 0.0);
  for (size_t i = 0; i < 3 * n; ++i) {
    for (size_t j = 0; j < 3 * n; ++j) {
      for (size_t k = 0; k < form.covariance.size(); ++k) {
        if (by[i][k] == 0) continue;
        for (size_t l = 0; l < form.covariance.size(); ++l) {
          result[i * 3 * n + j] += by[i][k] * form.covariance[k][l] * by[j][l];
        }
      }
    }
  }
  return result;
}

LinkMethod MethodOf(const std::string& name) {
  if (name == "mean-mean" || name == "Mean/Mean") return LinkMethod::kMeanMean;
  if (name == "mean-gmean") return LinkMethod::kMeanGeometricMean;
  if (name == "mean-sigma" || name == "Mean/Sigma") return LinkMethod::kMeanSigma;
  if (name == "Haebara") return LinkMethod::kHaebara;
  return LinkMethod::kStockingLord;
}

double Criterion(LinkMethod method, const Anchor& anchor, const AbilityNodes& nodes,
                 const ScaleTransformation& link) {
  double sum = 0;
  for (size_t q = 0; q < nodes.points.size(); ++q) {
    double curve = 0;
    for (const CommonItem& item : anchor.items) {
      const double d = Probability(item.to, nodes.points[q]) -
                       Probability(Transform(item.from, link), nodes.points[q]);
      if (method == LinkMethod::kHaebara) sum += nodes.weights[q] * d * d;
      curve += d;
    }
    if (method == LinkMethod::kStockingLord) sum += nodes.weights[q] * curve * curve;
  }
  return sum;
}

class EquateIrt : public ::testing::TestWithParam<std::string> {};

TEST_P(EquateIrt, ConstantsAndTheirErrors) {
  const std::string folder = "irt_linking/" + GetParam() + "/";
  SKIP_WITHOUT_REFERENCE(folder);
  const AbilityNodes nodes = GaussHermite(30);
  int checked = 0;
  for (const ReferenceRow& row : ReadReferenceCsv(folder + "constants.csv")) {
    const LinkMethod method = MethodOf(row.at("method"));
    SCOPED_TRACE(row.at("from") + " to " + row.at("to") + " " + row.at("method"));
    const Form from = ReadForm(folder, row.at("from")), to = ReadForm(folder, row.at("to"));
    const Anchor anchor = Common(from, to);
    ASSERT_EQ(anchor.items.size(), 10u);
    const auto result = Link(method, anchor.items, nodes);
    ASSERT_TRUE(result.ok()) << result.status();
    const ScaleTransformation theirs{Real(row, "A"), Real(row, "B")};
    const bool curves = method == LinkMethod::kHaebara || method == LinkMethod::kStockingLord;
    const double tolerance = curves ? 2e-4 : 1e-8;
    EXPECT_NEAR(result->link.a, theirs.a, tolerance);
    EXPECT_NEAR(result->link.b, theirs.b, tolerance);
    if (curves) {
      const double ours = Criterion(method, anchor, nodes, result->link);
      EXPECT_LE(ours, Criterion(method, anchor, nodes, theirs) + 1e-14);
      EXPECT_NEAR(ours, result->criterion, 1e-12);
    }
    ++checked;
    if (from.covariance.empty()) continue;
    const bool rasch = IsRasch(folder);
    const auto errors =
        LinkStandardErrors(method, anchor.items, nodes, Covariance(from, anchor.from, rasch),
                           Covariance(to, anchor.to, rasch));
    ASSERT_TRUE(errors.ok()) << errors.status();
    if (method == LinkMethod::kMeanSigma && !rasch) {
      // equateIRT 2.5.1 divides by n a variance made with n - 1: its error of A is (n - 1) / n of
      // what numerical differentiation gives.
      EXPECT_NEAR(errors->se_a * 9 / 10 / Real(row, "se_A"), 1, 1e-3);
      EXPECT_NEAR(errors->se_b / Real(row, "se_B"), 1, 0.1);
      continue;
    }
    EXPECT_NEAR(errors->se_a, Real(row, "se_A"), 1e-3 * Real(row, "se_A") + 1e-12);
    EXPECT_NEAR(errors->se_b / Real(row, "se_B"), 1, 1e-3);
  }
  EXPECT_EQ(checked, 20);
}

// Their tables run over scores of the form linked to: so do ours, from it to the form linked from,
// whose items are moved to its scale.
TEST_P(EquateIrt, ScoreTables) {
  const std::string folder = "irt_linking/" + GetParam() + "/";
  SKIP_WITHOUT_REFERENCE(folder);
  const AbilityNodes standard = GaussHermite(30);
  int checked = 0;
  for (const ReferenceRow& constant : ReadReferenceCsv(folder + "constants.csv")) {
    const std::string from = constant.at("from"), to = constant.at("to");
    const bool haebara = constant.at("method") == "Haebara";
    if (!haebara && constant.at("method") != "Stocking-Lord") continue;
    const std::string stem =
        folder + "score_" + from + "_to_" + to + (haebara ? "_Haebara" : "_StockingLord");
    SCOPED_TRACE(stem);
    const ScaleTransformation link{Real(constant, "A"), Real(constant, "B")};
    const auto moved = Transform(ReadForm(folder, from).items, link);
    const auto base = ReadForm(folder, to).items;
    const auto compare = [&](const std::vector<IrtEquivalent>& table, const std::string& file) {
      for (const ReferenceRow& row : ReadReferenceCsv(file)) {
        const auto x = static_cast<size_t>(Real(row, to));
        EXPECT_NEAR(table[x].equated, Real(row, from + ".as." + to), 1e-6) << file << x;
        if (x < base.size() && row.count("theta") > 0) {
          EXPECT_NEAR(table[x].theta.value(), Real(row, "theta"), 1e-6) << x;
        }
        ++checked;
      }
    };
    const auto true_score = TrueScoreEquating(base, moved);
    ASSERT_TRUE(true_score.ok());
    compare(*true_score, stem + "_TSE.csv");
    Populations populations{.from = standard, .to = standard};
    for (double& point : populations.to.points) point = link.a * point + link.b;
    const auto observed = ObservedScoreEquating(base, moved, populations);
    ASSERT_TRUE(observed.ok());
    compare(*observed, stem + "_OSE_w05_nq30.csv");
  }
  EXPECT_EQ(checked, 8 * (20 + 21));
}

INSTANTIATE_TEST_SUITE_P(Examples, EquateIrt,
                         ::testing::Values("equateIRT_est2pl", "equateIRT_estrasch",
                                           "data2pl_from_responses"),
                         [](const auto& info) { return info.param; });

TEST(LinkingReference, ChainsAndBisector) {
  for (const auto& [folder, method, name] :
       {std::tuple("irt_linking/equateIRT_est2pl/", LinkMethod::kHaebara, "haebara"),
        std::tuple("irt_linking/equateIRT_estrasch/", LinkMethod::kHaebara, "haebara"),
        std::tuple("irt_linking/data2pl_from_responses/", LinkMethod::kStockingLord,
                   "stockinglord")}) {
    SKIP_WITHOUT_REFERENCE(folder);
    const auto step = [&](const std::string& from, const std::string& to) {
      return Link(method, Common(ReadForm(folder, from), ReadForm(folder, to)).items,
                  GaussHermite(30))
          ->link;
    };
    const ScaleTransformation by3 =
        Compose(Compose(step("test1", "test2"), step("test2", "test3")), step("test3", "test4"));
    const ScaleTransformation by5 = Compose(step("test1", "test5"), step("test5", "test4"));
    const auto rows = ReadReferenceCsv(std::string(folder) + "chain_" + name + ".csv");
    EXPECT_NEAR(by3.a, Real(rows[0], "A"), 5e-4);
    EXPECT_NEAR(by3.b, Real(rows[0], "B"), 5e-4);
    EXPECT_NEAR(by5.a, Real(rows[1], "A"), 5e-4);
    EXPECT_NEAR(by5.b, Real(rows[1], "B"), 5e-4);
    const ScaleTransformation theirs[] = {{Real(rows[0], "A"), Real(rows[0], "B")},
                                          {Real(rows[1], "A"), Real(rows[1], "B")}};
    const ScaleTransformation bisector = Bisector(theirs);
    for (const ReferenceRow& row :
         ReadReferenceCsv(std::string(folder) + "bisector_" + name + ".csv")) {
      if (row.at("path") != "bisector") continue;
      EXPECT_NEAR(bisector.a, Real(row, "A"), 1e-8);
      EXPECT_NEAR(bisector.b, Real(row, "B"), 1e-8);
    }
  }
}

std::vector<ItemParameters> Grade(int grade) {
  std::vector<ItemParameters> items;
  for (const ReferenceRow& row :
       ReadReferenceCsv("irt_linking/plink_TK07/grade" + std::to_string(grade) + "_pars.csv")) {
    items.push_back({Real(row, "a"), Real(row, "b"), Real(row, "c")});
  }
  return items;
}

// Tong & Kolen (2007), 3PL. plink weighs 161 abilities from -4 to 4 alike.
TEST(LinkingReference, PlinkVerticalScale) {
  SKIP_WITHOUT_REFERENCE("irt_linking/plink_TK07/constants.csv");
  const AbilityNodes nodes = Uniform(161, -4, 4);
  int checked = 0;
  for (const ReferenceRow& row : ReadReferenceCsv("irt_linking/plink_TK07/constants.csv")) {
    const int upper = row.at("link")[5] - '0', lower = row.at("link")[12] - '0';
    SCOPED_TRACE(row.at("link") + " " + row.at("row"));
    const auto from = Grade(upper), to = Grade(lower);
    Anchor anchor;
    for (const ReferenceRow& pair :
         ReadReferenceCsv("irt_linking/plink_TK07/common_" + std::to_string(lower) + "_" +
                          std::to_string(upper) + ".csv")) {
      anchor.items.push_back({from[static_cast<size_t>(Real(pair, "row_upper")) - 1],
                              to[static_cast<size_t>(Real(pair, "row_lower")) - 1]});
    }
    const LinkMethod method = MethodOf(row.at("row"));
    const auto result = Link(method, anchor.items, nodes);
    ASSERT_TRUE(result.ok()) << result.status();
    const bool curves = method == LinkMethod::kHaebara || method == LinkMethod::kStockingLord;
    // Their optimiser leaves one of ten 6e-4 away, where the criterion is higher than at ours.
    EXPECT_NEAR(result->link.a, Real(row, "A"), curves ? 1e-3 : 1e-6);
    EXPECT_NEAR(result->link.b, Real(row, "B"), curves ? 1e-3 : 1e-6);
    if (curves) {
      EXPECT_LE(Criterion(method, anchor, nodes, result->link),
                Criterion(method, anchor, nodes, {Real(row, "A"), Real(row, "B")}));
    }
    ++checked;
  }
  EXPECT_EQ(checked, 20);
}

// Grade 4 to 8 on the scale of grade 3 by their own Stocking-Lord constants.
std::vector<std::vector<ItemParameters>> GradesOnBase() {
  std::vector<std::vector<ItemParameters>> grades;
  ScaleTransformation link;
  int grade = 4;
  for (const ReferenceRow& row : ReadReferenceCsv("irt_linking/plink_TK07/constants.csv")) {
    if (row.at("row") != "Stocking-Lord") continue;
    link = Compose({Real(row, "A"), Real(row, "B")}, link);
    grades.push_back(Transform(Grade(grade++), link));
  }
  return grades;
}

// Below the sums of lower asymptotes plink interpolates from (0, 0) as we do. 2e-4: its constants
// have six decimals.
TEST(LinkingReference, PlinkTrueScores) {
  SKIP_WITHOUT_REFERENCE("irt_linking/plink_TK07/tse_SL.csv");
  const auto table = ReadReferenceCsv("irt_linking/plink_TK07/tse_SL.csv");
  int grade = 4;
  for (const auto& items : GradesOnBase()) {
    const auto equated = TrueScoreEquating(Grade(3), items);
    ASSERT_TRUE(equated.ok());
    ASSERT_EQ(equated->size(), table.size());
    for (size_t x = 0; x < table.size(); ++x) {
      EXPECT_NEAR((*equated)[x].equated, Real(table[x], "grade" + std::to_string(grade)), 2e-4);
    }
    ++grade;
  }
  EXPECT_EQ(grade, 9);
}

// The population is not recorded with the tables: 41 nodes of the standard normal from -4 to 4
// reproduce them. plink sends 0 to 0, which is not looked at; 5e-4 because its tails hold few
// digits.
TEST(LinkingReference, PlinkObservedScores) {
  SKIP_WITHOUT_REFERENCE("irt_linking/plink_TK07/ose_SL_scores.csv");
  const auto table = ReadReferenceCsv("irt_linking/plink_TK07/ose_SL_scores.csv");
  const AbilityNodes nodes = NormalGrid(41, -4, 4);
  int grade = 4;
  for (const auto& items : GradesOnBase()) {
    const auto equated = ObservedScoreEquating(Grade(3), items, {nodes, nodes, 0.5});
    ASSERT_TRUE(equated.ok());
    ASSERT_EQ(equated->size(), table.size());
    for (size_t x = 1; x < table.size(); ++x) {
      EXPECT_NEAR((*equated)[x].equated, Real(table[x], "grade" + std::to_string(grade)), 5e-4)
          << grade << " " << x;
    }
    ++grade;
  }
  EXPECT_EQ(grade, 9);
}

}  // namespace
}  // namespace invigil::scoring::linking
