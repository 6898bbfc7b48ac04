// Reads the reference values of established R packages, which lie beside the checkout. For tests.
#pragma once

#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

namespace invigil::scoring::reference {

inline std::filesystem::path Root() {
  return std::filesystem::path(INVIGIL_SOURCE_DIR) / "../shared/reference/psychometrics";
}

// Skips the test by name, with the reason.
#define NEED_REFERENCE(path)                                                             \
  if (!std::filesystem::exists(::invigil::scoring::reference::Root() / (path))) {        \
    GTEST_SKIP() << "no reference values at "                                            \
                 << (::invigil::scoring::reference::Root() / (path)).lexically_normal(); \
  }

struct Table {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> rows;

  size_t Column(const std::string& name) const {
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == name) return i;
    }
    ADD_FAILURE() << "no column " << name;
    return 0;
  }
  const std::string& Text(size_t row, const std::string& name) const {
    return rows[row][Column(name)];
  }
  // NaN for an empty cell; Inf and -Inf as R writes them.
  double Real(size_t row, const std::string& name) const {
    const std::string& cell = Text(row, name);
    if (cell.empty() || cell == "NA") return std::numeric_limits<double>::quiet_NaN();
    if (cell == "Inf") return std::numeric_limits<double>::infinity();
    if (cell == "-Inf") return -std::numeric_limits<double>::infinity();
    return std::stod(cell);
  }
};

inline Table ReadTable(const std::filesystem::path& path) {
  std::ifstream file(Root() / path);
  Table table;
  for (std::string line; std::getline(file, line);) {
    std::vector<std::string> cells;
    std::stringstream stream(line);
    for (std::string cell; std::getline(stream, cell, ',');) cells.push_back(cell);
    if (table.names.empty()) {
      table.names = cells;
      continue;
    }
    cells.resize(table.names.size());  // a last empty cell
    table.rows.push_back(cells);
  }
  return table;
}

// A matrix of 0 and 1 under a header.
struct Matrix {
  std::vector<std::string> items;
  size_t persons = 0;
  std::vector<int8_t> cells;
};

inline Matrix ReadMatrix(const std::filesystem::path& path) {
  const Table table = ReadTable(path);
  Matrix matrix{table.names, table.rows.size(), {}};
  for (const auto& row : table.rows) {
    for (const std::string& cell : row) {
      matrix.cells.push_back(cell.empty() ? int8_t{-1} : static_cast<int8_t>(cell[0] - '0'));
    }
  }
  return matrix;
}

// The first `limit` lines of a compressed file of 0/1 strings, one a person, of 50 items.
inline Matrix ReadStrings(const std::filesystem::path& path, size_t limit) {
  Matrix matrix;
  const std::string command = "gzip -dc '" + (Root() / path).string() + "'";
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return matrix;
  char line[256];
  while (matrix.persons < limit && std::fgets(line, sizeof line, pipe) != nullptr) {
    size_t length = 0;
    for (; line[length] == '0' || line[length] == '1'; ++length) {
      matrix.cells.push_back(static_cast<int8_t>(line[length] - '0'));
    }
    matrix.items.resize(length);
    ++matrix.persons;
  }
  pclose(pipe);
  return matrix;
}

// The number behind "name": in a JSON file.
inline double JsonNumber(const std::filesystem::path& path, const std::string& name) {
  std::stringstream text;
  text << std::ifstream(Root() / path).rdbuf();
  const std::string content = text.str();
  const size_t at = content.find("\"" + name + "\":");
  if (at == std::string::npos) {
    ADD_FAILURE() << path << " has no " << name;
    return 0;
  }
  return std::stod(content.substr(at + name.size() + 3));
}

}  // namespace invigil::scoring::reference
