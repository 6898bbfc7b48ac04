// Comma-separated values as RFC 4180 has them: quotes, doubled quotes and line breaks inside them,
// LF or CRLF, a byte-order mark, a last line with or without its break. The first row names the
// columns. Every error names the file and the line.
#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace invigil::cli::stats {

// Walks the rows of a text, which must outlive it, without copying cells.
class CsvWalker {
 public:
  // `name` is what errors call the text, such as its path.
  CsvWalker(std::string_view text, std::string name);

  // Fills `cells` with the next row; false at the end or when something is wrong (see status()).
  // Views hold until the next call. Blank lines at the end of a file of several columns are no
  // rows; in a file of one column a blank line is a row with an empty cell.
  bool Next(std::vector<std::string_view>& cells);

  // CSV_MALFORMED: a row with another number of cells than the first, a quote that does not close
  // or stands inside a bare cell.
  const absl::Status& status() const { return status_; }
  // The line on which the row last read begins, from 1.
  size_t line() const { return row_line_; }
  const std::string& name() const { return name_; }

 private:
  bool ReadQuoted(std::string_view& cell);
  void Wrong(size_t line, const std::string& what);

  std::string_view rest_;
  std::string name_;
  size_t line_ = 1, row_line_ = 0, width_ = 0;
  std::deque<std::string> unescaped_;  // cells that had doubled quotes
  absl::Status status_;
};

// A whole small table.
struct CsvTable {
  std::string name;
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;  // all as wide as `columns`
  std::vector<size_t> lines;                   // where each row begins, for messages

  std::optional<size_t> Find(std::string_view column) const;
  // CSV_COLUMN_MISSING, with the nearest column there is.
  absl::StatusOr<size_t> Column(std::string_view column) const;
  // A finite number. CSV_VALUE: the cell is none.
  absl::StatusOr<double> Real(size_t row, size_t column) const;
  // Every row of a column.
  absl::StatusOr<std::vector<double>> Reals(std::string_view column) const;
};

// CSV_UNREADABLE, CSV_EMPTY (no header), CSV_COLUMN_REPEATED, CSV_MALFORMED. A header alone is a
// table without rows.
absl::StatusOr<CsvTable> ReadCsv(const std::string& path);
absl::StatusOr<CsvTable> ParseCsv(std::string_view text, std::string name);

// The whole file. CSV_UNREADABLE.
absl::StatusOr<std::string> ReadFile(const std::string& path);

// Reads the header row of `walker`: CSV_EMPTY, CSV_COLUMN_REPEATED, CSV_MALFORMED.
absl::StatusOr<std::vector<std::string>> ReadHeader(CsvWalker& walker);

}  // namespace invigil::cli::stats
