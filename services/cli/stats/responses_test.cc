#include "services/cli/stats/responses.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error/error.h"

namespace invigil::cli::stats {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Responses, RightWrongAndNotPresented) {
  const auto read = ParseResponses("i1,i2,i3\n1,0,\nNA,\"1\", 0 \n", "r.csv");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->items, ElementsAre("i1", "i2", "i3"));
  EXPECT_EQ(read->persons, 2u);
  EXPECT_THAT(read->cells, ElementsAre(1, 0, -1, -1, 1, 0));
  EXPECT_EQ(read->at(1, 1), 1);
}

TEST(Responses, ColumnsThatAreNoItems) {
  const auto read = ParseResponses("i1,group,i2\n1,f,0\n0,r,1\n", "r.csv", {"group"});
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_THAT(read->items, ElementsAre("i1", "i2"));
  EXPECT_THAT(read->cells, ElementsAre(1, 0, 0, 1));
  EXPECT_THAT(read->extra_cells, ElementsAre(ElementsAre("f", "r")));
  EXPECT_EQ(ReasonOf(ParseResponses("i1\n1\n", "r.csv", {"group"}).status()), "CSV_COLUMN_MISSING");
}

TEST(Responses, ErrorsNameLineAndItem) {
  for (const char* cell : {"2", "-1", "0.5", "x", "1e0", "nan"}) {
    const auto read = ParseResponses(std::string("i1,i2\n1,1\n0,") + cell + "\n", "r.csv");
    EXPECT_EQ(ReasonOf(read.status()), "RESPONSE_NOT_BINARY") << cell;
    EXPECT_THAT(std::string(read.status().message()), HasSubstr("r.csv line 3, item \"i2\""));
  }
  EXPECT_EQ(ReasonOf(ParseResponses("i1,i2\n", "r.csv").status()), "RESPONSES_EMPTY");
  EXPECT_EQ(ReasonOf(ParseResponses("g\n1\n", "r.csv", {"g"}).status()), "RESPONSES_EMPTY");
}

absl::StatusOr<ItemFile> Items(std::string_view text) {
  return ToItems(ParseCsv(text, "i.csv").value());
}

TEST(Items, ColumnsInAnyOrderAndWithoutGuessing) {
  const auto items = Items("b,item,a,note\n0.5,x,1.2,n\n-1,y,1,\n");
  ASSERT_TRUE(items.ok()) << items.status();
  EXPECT_THAT(items->items, ElementsAre("x", "y"));
  EXPECT_EQ(items->parameters[0].slope, 1.2);
  EXPECT_EQ(items->parameters[1].difficulty, -1);
  EXPECT_EQ(items->parameters[1].lower_asymptote, 0);
  EXPECT_EQ(Items("item,a,b,g\nx,1,0,0.2\n")->parameters[0].lower_asymptote, 0.2);
}

TEST(Items, WhatCannotBeIsRefused) {
  EXPECT_EQ(ReasonOf(Items("item,a,b,g\nx,0,0,0\n").status()), "ITEM_PARAMETERS_INVALID");
  EXPECT_EQ(ReasonOf(Items("item,a,b,g\nx,1,0,1\n").status()), "ITEM_PARAMETERS_INVALID");
  EXPECT_EQ(ReasonOf(Items("item,a,b\nx,1,0\nx,1,1\n").status()), "ITEM_REPEATED");
  EXPECT_EQ(ReasonOf(Items("item,a,b\nx,,0\n").status()), "CSV_VALUE");
  EXPECT_EQ(ReasonOf(Items("item,a\nx,1\n").status()), "CSV_COLUMN_MISSING");
  EXPECT_EQ(ReasonOf(Items("item,a,b\n").status()), "ITEMS_EMPTY");
}

}  // namespace
}  // namespace invigil::cli::stats
