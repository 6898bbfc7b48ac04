#include "services/cli/stats/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "common/error/error.h"
#include "common/testing/temp_dir.h"

namespace invigil::cli::stats {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Rows = std::vector<std::vector<std::string>>;

CsvTable Parsed(std::string_view text) {
  const auto table = ParseCsv(text, "x.csv");
  EXPECT_TRUE(table.ok()) << table.status();
  return table.ok() ? *table : CsvTable{};
}

TEST(Csv, QuotesLineBreaksAndMarks) {
  const CsvTable table =
      Parsed("\xEF\xBB\xBFitem,\"a \"\"b\"\"\"\r\n\"x,y\",\"two\r\nlines\"\r\nlast,\"\"");
  EXPECT_THAT(table.columns, ElementsAre("item", "a \"b\""));
  EXPECT_EQ(table.rows, (Rows{{"x,y", "two\r\nlines"}, {"last", ""}}));
  EXPECT_THAT(table.lines, ElementsAre(2, 4));
}

TEST(Csv, TheLastLineNeedsNoBreakAndBlankOnesAreNoRows) {
  for (const char* text : {"a,b\n1,2", "a,b\n1,2\n", "a,b\r\n1,2\r\n\r\n\n"}) {
    EXPECT_EQ(Parsed(text).rows, (Rows{{"1", "2"}})) << text;
  }
  EXPECT_EQ(Parsed("a,b\n1,\n,\n").rows, (Rows{{"1", ""}, {"", ""}}));
  EXPECT_EQ(Parsed("a\n1\n\n0\n").rows, (Rows{{"1"}, {""}, {"0"}}));  // a blank line is a value
  EXPECT_EQ(Parsed("a\n1\n\n\r\n").rows, (Rows{{"1"}}));              // but not at the end
  EXPECT_EQ(Parsed("a\n1\n\"\"\n").rows, (Rows{{"1"}, {""}}));
  EXPECT_TRUE(Parsed("a,b\n").rows.empty());
}

TEST(Csv, WhatIsWrongIsNamedWithFileAndLine) {
  const auto error = [](std::string_view text) {
    const absl::Status status = ParseCsv(text, "x.csv").status();
    return ReasonOf(status) + " " + std::string(status.message());
  };
  EXPECT_THAT(error(""), HasSubstr("CSV_EMPTY x.csv"));
  EXPECT_THAT(error("\n"), HasSubstr("CSV_EMPTY"));
  EXPECT_THAT(error("a,b,a\n"), HasSubstr("CSV_COLUMN_REPEATED x.csv line 1"));
  EXPECT_THAT(error("a,b\n1,2\n1\n"), HasSubstr("CSV_MALFORMED x.csv line 3: has 1 cells"));
  EXPECT_THAT(error("a,b\n1,2,3\n"), HasSubstr("x.csv line 2"));
  EXPECT_THAT(error("a,b\n\n1,2\n"), HasSubstr("x.csv line 2"));
  EXPECT_THAT(error("a,b\n1,\"2\n3,4\n"), HasSubstr("line 2: a quote is opened"));
  EXPECT_THAT(error("a,b\n1,\"2\"3\n"), HasSubstr("line 2: something follows"));
  EXPECT_THAT(error("a,b\n1,2\"3\n"), HasSubstr("line 2: a quote stands inside"));
  EXPECT_EQ(ReasonOf(ReadCsv("/nowhere/x.csv").status()), "CSV_UNREADABLE");
  EXPECT_EQ(ReasonOf(ReadCsv(testing::TempDir().Path(".")).status()), "CSV_UNREADABLE");
}

TEST(Csv, ColumnsByNameAndNumbers) {
  const CsvTable table = Parsed("total,name\n 12.5,x\n-1e3,y\n1e999,z\n");
  EXPECT_THAT(std::string(table.Column("totl").status().message()), HasSubstr("\"total\"?"));
  EXPECT_EQ(table.Real(0, 0).value(), 12.5);
  EXPECT_EQ(table.Real(1, 0).value(), -1000);
  EXPECT_THAT(std::string(table.Reals("total").status().message()),
              HasSubstr("x.csv line 4, column \"total\": \"1e999\""));
  EXPECT_EQ(ReasonOf(table.Real(0, 1).status()), "CSV_VALUE");
}

// Whatever cells hold, writing and reading gives them back.
TEST(Csv, AnyCellsSurviveQuoting) {
  std::mt19937 random(7);
  const std::string letters = "a,\"\n\r 0";
  for (int round = 0; round < 500; ++round) {
    const size_t width = 1 + random() % 4;
    Rows rows(1 + random() % 5, std::vector<std::string>(width));
    std::string text;
    for (size_t r = 0; r < rows.size(); ++r) {
      for (size_t c = 0; c < width; ++c) {
        std::string& cell = rows[r][c];
        for (size_t n = random() % 5; n > 0; --n) cell += letters[random() % letters.size()];
        if (r == 0) cell += "#" + std::to_string(c);  // names that differ
        text += c == 0 ? "\"" : ",\"";
        for (const char letter : cell) text += letter == '"' ? "\"\"" : std::string(1, letter);
        text += '"';
      }
      text += random() % 2 == 0 ? "\n" : "\r\n";
    }
    const CsvTable table = Parsed(text);
    Rows read = {table.columns};
    read.insert(read.end(), table.rows.begin(), table.rows.end());
    EXPECT_EQ(read, rows) << text;
  }
}

}  // namespace
}  // namespace invigil::cli::stats
