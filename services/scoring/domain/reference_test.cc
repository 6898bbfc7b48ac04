// Against numbers made by established R packages. They lie beside the checkout; where they are
// absent the tests are skipped by name, with the reason.
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "services/scoring/domain/conversion.h"
#include "services/scoring/domain/testing.h"

namespace invigil::scoring {
namespace {

const std::filesystem::path kReference =
    std::filesystem::path(INVIGIL_SOURCE_DIR) / "../shared/reference/psychometrics";

#define NEED_REFERENCE(path)                                                               \
  if (!std::filesystem::exists(kReference / (path))) {                                     \
    GTEST_SKIP() << "no reference values at " << (kReference / (path)).lexically_normal(); \
  }

using Row = std::map<std::string, std::string>;

std::vector<Row> ReadCsv(const std::filesystem::path& path) {
  std::ifstream file(kReference / path);
  std::vector<std::string> names;
  std::vector<Row> rows;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> cells;
    std::stringstream stream(line);
    for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
    if (names.empty()) {
      names = cells;
      continue;
    }
    Row row;
    for (size_t i = 0; i < names.size(); ++i) row[names[i]] = i < cells.size() ? cells[i] : "";
    rows.push_back(row);
  }
  return rows;
}

std::vector<ItemParameters> ReadItems(const std::filesystem::path& path) {
  std::vector<ItemParameters> items;
  for (const Row& row : ReadCsv(path)) {
    items.push_back({std::stod(row.at("a")), std::stod(row.at("b")), std::stod(row.at("c"))});
  }
  return items;
}

// theta_to = A theta_from + B.
struct Link {
  double a = 1, b = 0;
};

std::vector<ItemParameters> Moved(std::vector<ItemParameters> items, Link link) {
  for (ItemParameters& item : items) {
    item.slope /= link.a;
    item.difficulty = link.a * item.difficulty + link.b;
  }
  return items;
}

Conversion Equate(const std::vector<ItemParameters>& form,
                  const std::vector<ItemParameters>& base) {
  return BuildConversion(testing::MakeKey(form, base, 0.7 * static_cast<double>(base.size())))
      .value();
}

TEST(Reference, CatRTestCharacteristicAndInformationCurves) {
  NEED_REFERENCE("scoring/tcals85_tcc_tif.csv");
  const auto items = ReadItems("scoring/tcals85_items.csv");
  ASSERT_EQ(items.size(), 85u);
  int checked = 0;
  for (const Row& row : ReadCsv("scoring/tcals85_tcc_tif.csv")) {
    const double theta = std::stod(row.at("theta"));
    const double tcc = std::stod(row.at("tcc"));
    EXPECT_NEAR(ExpectedNumberCorrect(items, theta), tcc, 1e-9);
    EXPECT_NEAR(TestInformation(items, theta), std::stod(row.at("tif")), 1e-9);
    EXPECT_NEAR(AbilityAt(items, tcc).value(), theta, 1e-8);
    ++checked;
  }
  EXPECT_EQ(checked, 33);
}

// Tong & Kolen (2007), 3PL: below the guessing floor plink interpolates from (0, 0) too.
TEST(Reference, PlinkTrueScoreEquatingOfSixGrades) {
  NEED_REFERENCE("irt_linking/plink_TK07/tse_SL.csv");
  const std::filesystem::path folder = "irt_linking/plink_TK07";
  std::vector<Link> to_below;  // grade 4 to 3, 5 to 4, ...
  for (const Row& row : ReadCsv(folder / "constants.csv")) {
    if (row.at("row") == "Stocking-Lord") {
      to_below.push_back({std::stod(row.at("A")), std::stod(row.at("B"))});
    }
  }
  ASSERT_EQ(to_below.size(), 5u);
  const auto grade3 = ReadItems(folder / "grade3_pars.csv");
  const auto table = ReadCsv(folder / "tse_SL.csv");
  Link link;
  for (int grade = 4; grade <= 8; ++grade) {
    const Link next = to_below[grade - 4];
    link = {link.a * next.a, link.a * next.b + link.b};
    const std::string name = "grade" + std::to_string(grade);
    const auto base = Moved(ReadItems(folder / (name + "_pars.csv")), link);
    const Conversion c = Equate(grade3, base);
    ASSERT_EQ(c.rows.size(), table.size());
    for (size_t x = 0; x < table.size(); ++x) {
      EXPECT_NEAR(c.rows[x].base_raw, std::stod(table[x].at(name)), 2e-4) << name << " raw " << x;
    }
  }
}

TEST(Reference, EquateIrtTrueScoreEquatingOfFiveForms) {
  NEED_REFERENCE("irt_linking/equateIRT_est2pl/constants.csv");
  const std::filesystem::path folder = "irt_linking/equateIRT_est2pl";
  const auto items = [&](const std::string& test) {  // intercepts and slopes to a and b
    std::vector<ItemParameters> result;
    for (const Row& row : ReadCsv(folder / ("form" + test.substr(4) + "_coef.csv"))) {
      const double slope = std::stod(row.at("z1"));
      result.push_back({slope, -std::stod(row.at("(Intercept)")) / slope, 0});
    }
    return result;
  };
  int checked = 0;
  for (const Row& constant : ReadCsv(folder / "constants.csv")) {
    const bool haebara = constant.at("method") == "Haebara";
    if (!haebara && constant.at("method") != "Stocking-Lord") continue;
    const std::string from = constant.at("from"), to = constant.at("to");
    const auto file = folder / ("score_" + from + "_to_" + to +
                                (haebara ? "_Haebara" : "_StockingLord") + "_TSE.csv");
    if (!std::filesystem::exists(kReference / file)) continue;
    const auto moved =
        Moved(items(from), {std::stod(constant.at("A")), std::stod(constant.at("B"))});
    const Conversion c = Equate(items(to), moved);
    for (const Row& row : ReadCsv(file)) {
      const size_t x = std::stoul(row.at(to));
      EXPECT_NEAR(c.rows[x].base_raw, std::stod(row.at(from + ".as." + to)), 1e-4) << file << x;
      ++checked;
    }
  }
  EXPECT_GE(checked, 100);
}

}  // namespace
}  // namespace invigil::scoring
