#include "services/cli/stats/report.h"

#include <gtest/gtest.h>

#include <limits>

namespace invigil::cli::stats {
namespace {

TEST(Report, JsonKeepsOrderDigitsAndHasNoNan) {
  Report report;
  report.json()["z"] = 0.1;
  report.json()["a"] = 1.0 / 3;
  report.json()["bad"] = std::numeric_limits<double>::quiet_NaN();
  report.json()["n"] = 12;
  EXPECT_EQ(report.JsonText(), "{\"z\":0.1,\"a\":0.3333333333333333,\"bad\":null,\"n\":12}\n");
}

TEST(Report, BytesThatAreNoTextDoNotEndTheProgram) {
  Report report;
  report.json()["item"] = "\xff";
  EXPECT_EQ(report.JsonText(), "{\"item\":\"\xEF\xBF\xBD\"}\n");
}

TEST(Report, TablesFromRowsNestedObjectsAndNestedRows) {
  Report report;
  Json& json = report.json();
  json["alpha"] = 0.8125;
  json["items"] = Json::array();
  json["items"].push_back({{"item", "i1"},
                           {"se", {{"a", 0.5}, {"b", nullptr}}},
                           {"flags", {"EASY", "MISKEYED"}},
                           {"options", {{{"option", "A"}, {"count", 3}}}}});
  json["items"].push_back({{"item", "i2"}, {"se", {{"a", 1e-9}, {"b", -2.0}}}});
  EXPECT_EQ(report.TableText(),
            "alpha  0.8125\n"
            "\nitems\n\n"
            "item    se.a     se.b  flags\n"
            "----  ------  -------  --------------\n"
            "i1    0.5000        -  EASY, MISKEYED\n"
            "i2     1e-09  -2.0000\n"
            "\nitems: options\n\n"
            "item  option  count\n"
            "----  ------  -----\n"
            "i1    A           3\n");
}

}  // namespace
}  // namespace invigil::cli::stats
