// The two files most subcommands read: responses (a row per person, a column per item) and item
// parameters (columns item, a, b, g).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "services/cli/stats/csv.h"
#include "services/scoring/domain/irt.h"

namespace invigil::cli::stats {

// Scored responses: 1 right, 0 wrong, -1 not presented.
struct Responses {
  std::vector<std::string> items;
  size_t persons = 0;
  std::vector<int8_t> cells;                          // persons x items, row by row
  std::vector<std::string> extra_columns;             // those asked for, in that order
  std::vector<std::vector<std::string>> extra_cells;  // [extra column][person]

  int8_t at(size_t person, size_t item) const { return cells[person * items.size() + item]; }
};

// Cells are 0, 1, or empty (also NA, as R writes it) for not presented. `extra_columns` are no
// items but kept as text, such as a group; each must be there. Errors: those of ReadCsv,
// CSV_COLUMN_MISSING, RESPONSE_NOT_BINARY (file, line, item), RESPONSES_EMPTY (no row or no item).
absl::StatusOr<Responses> ReadResponses(const std::string& path,
                                        const std::vector<std::string>& extra_columns = {});
absl::StatusOr<Responses> ParseResponses(std::string_view text, const std::string& name,
                                         const std::vector<std::string>& extra_columns = {});

// Item parameters in file order, logistic metric D = 1.
struct ItemFile {
  std::string name;
  std::vector<std::string> items;
  std::vector<scoring::ItemParameters> parameters;
};

// Columns item, a, b and g (absent or empty: 0). Errors: those of ReadCsv, CSV_VALUE,
// ITEM_PARAMETERS_INVALID (a not above 0, g outside [0, 1)), ITEM_REPEATED, ITEMS_EMPTY.
absl::StatusOr<ItemFile> ReadItems(const std::string& path);
absl::StatusOr<ItemFile> ToItems(const CsvTable& table);

}  // namespace invigil::cli::stats
