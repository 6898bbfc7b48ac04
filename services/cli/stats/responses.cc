#include "services/cli/stats/responses.h"

#include <unordered_set>

#include "common/config/nearest.h"
#include "common/error/error.h"

namespace invigil::cli::stats {
namespace {

// 2 for what is none.
int8_t ReadCell(std::string_view cell) {
  if (cell.size() == 1) {
    if (cell[0] == '0') return 0;
    if (cell[0] == '1') return 1;
  }
  while (!cell.empty() && (cell[0] == ' ' || cell[0] == '\t')) cell.remove_prefix(1);
  while (!cell.empty() && (cell.back() == ' ' || cell.back() == '\t')) cell.remove_suffix(1);
  if (cell.empty() || cell == "NA") return -1;
  if (cell == "0") return 0;
  if (cell == "1") return 1;
  return 2;
}

}  // namespace

absl::StatusOr<Responses> ParseResponses(std::string_view text, const std::string& name,
                                         const std::vector<std::string>& extra_columns) {
  CsvWalker walker(text, name);
  const auto header = ReadHeader(walker);
  if (!header.ok()) return header.status();
  Responses responses;
  responses.extra_columns = extra_columns;
  responses.extra_cells.resize(extra_columns.size());
  constexpr size_t kItem = SIZE_MAX;
  std::vector<size_t> role(header->size(), kItem);  // which extra column, or an item
  CsvTable names;
  names.name = name;
  names.columns = *header;
  for (size_t i = 0; i < extra_columns.size(); ++i) {
    const auto column = names.Column(extra_columns[i]);
    if (!column.ok()) return column.status();
    role[*column] = i;
  }
  for (size_t i = 0; i < header->size(); ++i) {
    if (role[i] == kItem) responses.items.push_back((*header)[i]);
  }
  if (responses.items.empty()) {
    return InvalidArgument("RESPONSES_EMPTY", name + " has no item columns");
  }
  for (std::vector<std::string_view> cells; walker.Next(cells); ++responses.persons) {
    for (size_t i = 0; i < cells.size(); ++i) {
      if (role[i] != kItem) {
        responses.extra_cells[role[i]].emplace_back(cells[i]);
        continue;
      }
      const int8_t value = ReadCell(cells[i]);
      if (value > 1) {
        return InvalidArgument("RESPONSE_NOT_BINARY",
                               name + " line " + std::to_string(walker.line()) + ", item \"" +
                                   (*header)[i] + "\": \"" + std::string(cells[i].substr(0, 20)) +
                                   "\" is neither 0, 1 nor empty (not presented)");
      }
      responses.cells.push_back(value);
    }
  }
  if (!walker.status().ok()) return walker.status();
  if (responses.persons == 0) {
    return InvalidArgument("RESPONSES_EMPTY", name + " has no rows below its header");
  }
  return responses;
}

absl::StatusOr<Responses> ReadResponses(const std::string& path,
                                        const std::vector<std::string>& extra_columns) {
  const auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  return ParseResponses(*text, path, extra_columns);
}

absl::StatusOr<ItemFile> ToItems(const CsvTable& table) {
  const auto item = table.Column("item");
  if (!item.ok()) return item.status();
  const auto a = table.Column("a");
  if (!a.ok()) return a.status();
  const auto b = table.Column("b");
  if (!b.ok()) return b.status();
  const auto g = table.Find("g");
  ItemFile file;
  file.name = table.name;
  std::unordered_set<std::string> seen;
  for (size_t row = 0; row < table.rows.size(); ++row) {
    const std::string where = table.name + " line " + std::to_string(table.lines[row]);
    const std::string& name = table.rows[row][*item];
    const auto slope = table.Real(row, *a);
    if (!slope.ok()) return slope.status();
    const auto difficulty = table.Real(row, *b);
    if (!difficulty.ok()) return difficulty.status();
    scoring::ItemParameters parameters{*slope, *difficulty, 0};
    if (g && !table.rows[row][*g].empty()) {
      const auto asymptote = table.Real(row, *g);
      if (!asymptote.ok()) return asymptote.status();
      parameters.lower_asymptote = *asymptote;
    }
    if (!scoring::IsValid(parameters)) {
      return InvalidArgument(
          "ITEM_PARAMETERS_INVALID",
          where + ", item \"" + name + "\": a must be above 0 and g at least 0 and below 1");
    }
    if (!seen.insert(name).second) {
      return InvalidArgument("ITEM_REPEATED",
                             where + ": the item \"" + name + "\" stands there twice; remove one");
    }
    file.items.push_back(name);
    file.parameters.push_back(parameters);
  }
  if (file.items.empty()) {
    return InvalidArgument("ITEMS_EMPTY", table.name + " has no rows below its header");
  }
  return file;
}

absl::StatusOr<ItemFile> ReadItems(const std::string& path) {
  const auto table = ReadCsv(path);
  if (!table.ok()) return table.status();
  return ToItems(*table);
}

}  // namespace invigil::cli::stats
