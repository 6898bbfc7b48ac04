// For tests: reads reference values, made by established R packages, that lie beside the checkout.
// Where they are absent a test is skipped by name, with the reason.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

namespace invigil::scoring::testing {

inline std::filesystem::path ReferenceFolder() {
  return std::filesystem::path(INVIGIL_SOURCE_DIR) / "../shared/reference/psychometrics";
}

#define SKIP_WITHOUT_REFERENCE(path)                                           \
  if (const auto at = ::invigil::scoring::testing::ReferenceFolder() / (path); \
      !std::filesystem::exists(at)) {                                          \
    GTEST_SKIP() << "no reference values at " << at.lexically_normal();        \
  }

using ReferenceRow = std::map<std::string, std::string>;

// Files without quotes; a missing last cell reads as empty.
inline std::vector<ReferenceRow> ReadReferenceCsv(const std::filesystem::path& path) {
  std::ifstream file(ReferenceFolder() / path);
  std::vector<std::string> names;
  std::vector<ReferenceRow> rows;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> cells;
    std::stringstream stream(line);
    for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
    if (names.empty()) {
      names = cells;
      continue;
    }
    ReferenceRow row;
    for (size_t i = 0; i < names.size(); ++i) row[names[i]] = i < cells.size() ? cells[i] : "";
    rows.push_back(row);
  }
  return rows;
}

inline double Real(const ReferenceRow& row, const std::string& column) {
  return std::stod(row.at(column));
}

}  // namespace invigil::scoring::testing
