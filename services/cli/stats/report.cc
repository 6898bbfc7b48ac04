#include "services/cli/stats/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <vector>

#include "services/cli/core/text.h"

namespace invigil::cli::stats {
namespace {

bool IsTable(const Json& value) {
  return value.is_array() && !value.empty() &&
         std::all_of(value.begin(), value.end(), [](const Json& row) { return row.is_object(); });
}

std::string CellText(const Json& value) {
  if (value.is_null()) return "-";
  if (value.is_string()) return Printable(value.get_ref<const std::string&>());
  if (value.is_number_float()) {
    const double number = value.get<double>();
    if (!std::isfinite(number)) return "-";
    char text[40];
    const bool plain = number == 0 || (std::abs(number) >= 1e-4 && std::abs(number) < 1e9);
    std::snprintf(text, sizeof text, plain ? "%.4f" : "%.4g", number);
    return text;
  }
  if (value.is_array()) {
    std::string text;
    for (const Json& part : value) text += (text.empty() ? "" : ", ") + CellText(part);
    return text;
  }
  return Printable(value.dump());
}

// One row's cells by column; nested arrays of objects are left for tables of their own.
void Flatten(const Json& row, const std::string& prefix, std::map<std::string, std::string>& cells,
             std::map<std::string, bool>& numeric, std::vector<std::string>& columns) {
  for (const auto& [key, value] : row.items()) {
    const std::string name = prefix + key;
    if (IsTable(value)) continue;
    if (value.is_object()) {
      Flatten(value, name + ".", cells, numeric, columns);
      continue;
    }
    if (numeric.try_emplace(name, true).second) columns.push_back(name);
    if (!value.is_number() && !value.is_null()) numeric[name] = false;
    cells[name] = CellText(value);
  }
}

std::string OneTable(const Json& rows) {
  std::vector<std::string> columns;
  std::map<std::string, bool> numeric;
  std::vector<std::map<std::string, std::string>> flat(rows.size());
  for (size_t i = 0; i < rows.size(); ++i) Flatten(rows[i], "", flat[i], numeric, columns);
  std::vector<std::vector<std::string>> cells = {columns};
  for (const auto& row : flat) {
    auto& line = cells.emplace_back();
    for (const std::string& column : columns) {
      const auto found = row.find(column);
      line.push_back(found == row.end() ? "" : found->second);
    }
  }
  std::vector<size_t> right;
  for (size_t i = 0; i < columns.size(); ++i) {
    if (numeric[columns[i]]) right.push_back(i);
  }
  return Table(cells, right);
}

void AppendTables(const std::string& title, const Json& rows, std::string& out) {
  out += (out.empty() ? "" : "\n") + title + "\n\n" + OneTable(rows);
  // Rows inside rows: one table per field, each line led by the outer row's first cell.
  std::vector<std::string> fields;
  std::map<std::string, Json> inner;
  for (const Json& row : rows) {
    for (const auto& [key, value] : row.items()) {
      if (!IsTable(value)) continue;
      if (inner.try_emplace(key, Json::array()).second) fields.push_back(key);
      for (const Json& part : value) {
        Json line = Json::object();
        line[row.begin().key()] = row.begin().value();
        for (const auto& [name, cell] : part.items()) line[name] = cell;
        inner[key].push_back(std::move(line));
      }
    }
  }
  for (const std::string& field : fields) AppendTables(title + ": " + field, inner[field], out);
}

}  // namespace

std::string Report::JsonText() const {
  // Bytes of a file that are no UTF-8 must not end the program.
  return json_.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string Report::TableText() const {
  std::string out;
  size_t width = 0;
  std::vector<std::pair<std::string, std::string>> values;
  std::vector<std::pair<std::string, const Json*>> tables;
  const auto collect = [&](const auto& self, const Json& object,
                           const std::string& prefix) -> void {
    for (const auto& [key, value] : object.items()) {
      const std::string name = prefix + key;
      if (value.is_object()) {
        self(self, value, name + ".");
      } else if (IsTable(value)) {
        tables.emplace_back(name, &value);
      } else {
        values.emplace_back(name, CellText(value));
        width = std::max(width, name.size());
      }
    }
  };
  collect(collect, json_, "");
  for (const auto& [name, value] : values) out += PadRight(name, width) + "  " + value + "\n";
  for (const auto& [name, rows] : tables) AppendTables(name, *rows, out);
  return out;
}

}  // namespace invigil::cli::stats
