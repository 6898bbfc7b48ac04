#include "services/cli/stats/csv.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <unordered_set>
#include <utility>

#include "common/config/nearest.h"
#include "common/config/value.h"
#include "common/error/error.h"

namespace invigil::cli::stats {
namespace {

std::string At(const std::string& name, size_t line) {
  return name + " line " + std::to_string(line);
}

}  // namespace

CsvWalker::CsvWalker(std::string_view text, std::string name)
    : rest_(text), name_(std::move(name)) {
  if (rest_.starts_with("\xEF\xBB\xBF")) rest_.remove_prefix(3);
}

void CsvWalker::Wrong(size_t line, const std::string& what) {
  status_ = InvalidArgument("CSV_MALFORMED", At(name_, line) + ": " + what);
}

// rest_ begins behind the opening quote; afterwards behind the closing one.
bool CsvWalker::ReadQuoted(std::string_view& cell) {
  const size_t opened = line_;
  std::string* copy = nullptr;
  for (size_t from = 0;;) {
    const size_t quote = rest_.find('"', from);
    if (quote == std::string_view::npos) {
      Wrong(opened, "a quote is opened and never closed; close it or double it");
      return false;
    }
    for (size_t i = from; i < quote; ++i) line_ += rest_[i] == '\n';
    const bool doubled = quote + 1 < rest_.size() && rest_[quote + 1] == '"';
    if (doubled) {
      if (copy == nullptr) copy = &unescaped_.emplace_back();
      copy->append(rest_.substr(from, quote + 1 - from));
      from = quote + 2;
      continue;
    }
    if (copy != nullptr) {
      copy->append(rest_.substr(from, quote - from));
      cell = *copy;
    } else {
      cell = rest_.substr(0, quote);
    }
    rest_.remove_prefix(quote + 1);
    return true;
  }
}

bool CsvWalker::Next(std::vector<std::string_view>& cells) {
  cells.clear();
  unescaped_.clear();
  if (rest_.empty() || !status_.ok()) return false;
  // Blank lines at the end are no rows. In one column one could be an empty value, but nobody means
  // the last ones so; a quoted "" is one.
  if (width_ > 0 && rest_.find_first_not_of("\r\n") == std::string_view::npos) return false;
  row_line_ = line_;
  for (bool more = true; more;) {
    std::string_view cell;
    if (rest_.starts_with('"')) {
      rest_.remove_prefix(1);
      if (!ReadQuoted(cell)) return false;
      if (rest_.starts_with("\r\n")) rest_.remove_prefix(1);
      if (!rest_.empty() && rest_[0] != ',' && rest_[0] != '\n') {
        Wrong(line_, "something follows a closing quote; quote the whole cell");
        return false;
      }
    } else {
      size_t end = 0;
      while (end < rest_.size() && rest_[end] != ',' && rest_[end] != '\n') {
        if (rest_[end] == '"') {
          Wrong(line_, "a quote stands inside a bare cell; quote the whole cell and double it");
          return false;
        }
        ++end;
      }
      cell = rest_.substr(0, end);
      rest_.remove_prefix(end);
      if ((rest_.empty() || rest_[0] == '\n') && cell.ends_with('\r')) cell.remove_suffix(1);
    }
    cells.push_back(cell);
    more = rest_.starts_with(',');
    if (!rest_.empty()) rest_.remove_prefix(1);
  }
  ++line_;
  if (width_ == 0) width_ = cells.size();
  if (cells.size() != width_) {
    Wrong(row_line_, "has " + std::to_string(cells.size()) + " cells, the header has " +
                         std::to_string(width_));
    return false;
  }
  return true;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  const auto unreadable = [&] {
    return FailedPrecondition("CSV_UNREADABLE",
                              "can't read " + path + ": " + std::strerror(errno) + "; name a file");
  };
  const std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (!file) return unreadable();
  std::string text;
  for (size_t got = 0, want = 1 << 20;; want = text.size()) {
    const size_t before = text.size();
    text.resize(before + want);
    got = std::fread(text.data() + before, 1, want, file.get());
    text.resize(before + got);
    if (got < want) break;
  }
  if (std::ferror(file.get()) != 0) return unreadable();  // such as a folder
  return text;
}

absl::StatusOr<std::vector<std::string>> ReadHeader(CsvWalker& walker) {
  std::vector<std::string_view> cells;
  const bool any = walker.Next(cells);
  if (!walker.status().ok()) return walker.status();
  if (!any || (cells.size() == 1 && cells[0].empty())) {
    return InvalidArgument("CSV_EMPTY",
                           walker.name() + " is empty; the first line must name the columns");
  }
  std::unordered_set<std::string_view> seen;
  for (const std::string_view cell : cells) {
    if (!seen.insert(cell).second) {
      return InvalidArgument("CSV_COLUMN_REPEATED", At(walker.name(), walker.line()) +
                                                        ": the column \"" + std::string(cell) +
                                                        "\" stands there twice; rename one");
    }
  }
  return std::vector<std::string>(cells.begin(), cells.end());
}

absl::StatusOr<CsvTable> ParseCsv(std::string_view text, std::string name) {
  CsvWalker walker(text, name);
  CsvTable table;
  table.name = std::move(name);
  auto header = ReadHeader(walker);
  if (!header.ok()) return header.status();
  table.columns = *std::move(header);
  for (std::vector<std::string_view> cells; walker.Next(cells);) {
    table.rows.emplace_back(cells.begin(), cells.end());
    table.lines.push_back(walker.line());
  }
  if (!walker.status().ok()) return walker.status();
  return table;
}

absl::StatusOr<CsvTable> ReadCsv(const std::string& path) {
  auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  return ParseCsv(*text, path);
}

std::optional<size_t> CsvTable::Find(std::string_view column) const {
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i] == column) return i;
  }
  return std::nullopt;
}

absl::StatusOr<size_t> CsvTable::Column(std::string_view column) const {
  if (const auto found = Find(column)) return *found;
  const std::string near = config::NearestName(column, columns);
  std::string all;
  for (size_t i = 0; i < columns.size() && i < 8; ++i) all += (i == 0 ? "" : ", ") + columns[i];
  if (columns.size() > 8) all += ", ...";
  return InvalidArgument("CSV_COLUMN_MISSING",
                         name + " has no column \"" + std::string(column) + "\"; " +
                             (near.empty() ? "it has " + all : "did you mean \"" + near + "\"?"));
}

absl::StatusOr<double> CsvTable::Real(size_t row, size_t column) const {
  const std::string& cell = rows[row][column];
  if (const auto value = config::ParseReal(config::Trim(cell))) return *value;
  return InvalidArgument("CSV_VALUE", At(name, lines[row]) + ", column \"" + columns[column] +
                                          "\": \"" + cell + "\" is no finite number");
}

absl::StatusOr<std::vector<double>> CsvTable::Reals(std::string_view column) const {
  const auto index = Column(column);
  if (!index.ok()) return index.status();
  std::vector<double> values;
  values.reserve(rows.size());
  for (size_t row = 0; row < rows.size(); ++row) {
    const auto value = Real(row, *index);
    if (!value.ok()) return value.status();
    values.push_back(*value);
  }
  return values;
}

}  // namespace invigil::cli::stats
