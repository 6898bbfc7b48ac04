#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "common/testing/temp_dir.h"
#include "services/cli/core/failure.h"
#include "services/cli/stats/subcommands.h"

namespace invigil::cli::stats {
namespace {

using ::testing::HasSubstr;

class LinkCommand : public ::testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = dir_.path() + "/" + name;
    std::ofstream(path) << text;
    return path;
  }
  int Run(std::vector<std::string> words) {
    words.insert(words.end(), {"--from", from_, "--to", to_, "--json"});
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = RunStats(words, {Link(), IrtEquate()});
    out_ = ::testing::internal::GetCapturedStdout();
    err_ = ::testing::internal::GetCapturedStderr();
    json_ = code == kOk ? Json::parse(out_) : Json();
    return code;
  }

  testing::TempDir dir_;
  // theta_to = 2 theta_from + 1, items p, q, r in common.
  std::string from_ =
      Write("from.csv", "item,a,b,g\np,2,-1,0.2\nq,1.6,0,0\nx,1,1,0\nr,2.4,1,0.1\n");
  std::string to_ = Write("to.csv", "item,a,b,g\nr,1.2,3,0.1\np,1,-1,0.2\ny,1,0,0\nq,0.8,1,0\n");
  std::string out_, err_;
  Json json_;
};

TEST_F(LinkCommand, EveryMethodFindsTheConstantsAndTheirDirection) {
  for (const char* method : {"mean-mean", "mean-gmean", "mean-sigma", "haebara", "stocking-lord"}) {
    ASSERT_EQ(Run({"link", "--method", method}), kOk) << err_;
    EXPECT_NEAR(json_["A"].get<double>(), 2, 1e-8) << method;
    EXPECT_NEAR(json_["B"].get<double>(), 1, 1e-8) << method;
    EXPECT_EQ(json_["anchors"], 3);
    EXPECT_EQ(json_["items"][0]["item"], "p");
  }
  ASSERT_EQ(Run({"link", "--method", "stocking-lord", "--nodes", "uniform:161,-4,4"}), kOk) << err_;
  EXPECT_NEAR(json_["A"].get<double>(), 2, 1e-8);
}

TEST_F(LinkCommand, AnchorFile) {
  const std::string anchor = Write("anchor.csv", "item\nq\np\n");
  ASSERT_EQ(Run({"link", "--method", "mean-mean", "--anchor", anchor}), kOk) << err_;
  EXPECT_EQ(json_["anchors"], 2);
  EXPECT_EQ(json_["items"][0]["item"], "q");
  EXPECT_EQ(Run({"link", "--method", "mean-mean", "--anchor", Write("a.csv", "item\nx\n")}),
            kFailed);
  EXPECT_THAT(err_, HasSubstr("ANCHOR_ITEM_MISSING"));
  EXPECT_EQ(Run({"link", "--method", "mean-mean", "--anchor", Write("a.csv", "item\np\np\n")}),
            kFailed);
  EXPECT_THAT(err_, HasSubstr("ITEM_REPEATED"));
}

TEST_F(LinkCommand, BadInput) {
  EXPECT_EQ(Run({"link", "--method", "haebara", "--nodes", "uniform:1,-4,4"}), kUsage);
  EXPECT_EQ(Run({"link", "--method", "haebara", "--nodes", "gauss-hermite:0"}), kUsage);
  EXPECT_EQ(Run({"link", "--method", "haebarra"}), kUsage);
  EXPECT_THAT(err_, HasSubstr("haebara"));
  to_ = Write("to.csv", "item,a,b,g\nz,1,0,0\n");
  EXPECT_EQ(Run({"link", "--method", "haebara"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("ANCHOR_TOO_FEW"));
  to_ = Write("to.csv", "item,a,b,g\np,-1,0,0\n");
  EXPECT_EQ(Run({"link", "--method", "haebara"}), kFailed);
  EXPECT_THAT(err_, HasSubstr("ITEM_PARAMETERS_INVALID"));
}

TEST_F(LinkCommand, IrtEquating) {
  to_ = from_;
  for (const char* kind : {"true", "observed"}) {
    ASSERT_EQ(Run({"irt-equate", "--kind", kind}), kOk) << err_;
    ASSERT_EQ(json_["table"].size(), 5u);
    for (int x = 0; x <= 4; ++x) {
      EXPECT_EQ(json_["table"][x]["raw"], x);
      EXPECT_NEAR(json_["table"][x]["equated"].get<double>(), x, 1e-9) << kind;
    }
  }
  ASSERT_EQ(Run({"irt-equate", "--kind", "true"}), kOk);
  EXPECT_TRUE(json_["table"][0]["theta"].is_null());
  EXPECT_EQ(json_["table"][0]["reason"], "NO_ABILITY_HAS_IT");
  EXPECT_FALSE(json_["table"][2]["theta"].is_null());
}

// Uniform weights are for linking; the populations are normal whatever the nodes are.
TEST_F(LinkCommand, IrtEquatingInNormalPopulationsOnUniformNodes) {
  to_ = Write("hard.csv", "item,a,b,g\nk,1.5,2,0\nl,2,1,0.2\nm,0.8,2.5,0\nn,1,0,0\n");
  std::vector<double> equated[3];
  const char* nodes[] = {"gauss-hermite:40", "uniform:161,-5,5", "normal:161,-5,5"};
  for (int k = 0; k < 3; ++k) {
    ASSERT_EQ(Run({"irt-equate", "--kind", "observed", "--nodes", nodes[k]}), kOk) << err_;
    for (const auto& row : json_["table"]) equated[k].push_back(row["equated"]);
  }
  for (size_t x = 0; x < equated[0].size(); ++x) {
    EXPECT_NEAR(equated[1][x], equated[0][x], 1e-3) << x;
    EXPECT_EQ(equated[1][x], equated[2][x]) << x;
  }
}

TEST_F(LinkCommand, IrtEquatingAfterALink) {
  ASSERT_EQ(Run({"irt-equate", "--kind", "true", "--link", "mean-sigma"}), kOk) << err_;
  EXPECT_NEAR(json_["A"].get<double>(), 2, 1e-8);
  const double linked = json_["table"][2]["equated"];
  // The same with items that were moved by hand: a / 2, 2 b + 1.
  from_ = Write("moved.csv", "item,a,b,g\np,1,-1,0.2\nq,0.8,1,0\nx,0.5,3,0\nr,1.2,3,0.1\n");
  ASSERT_EQ(Run({"irt-equate", "--kind", "true"}), kOk) << err_;
  EXPECT_NEAR(json_["table"][2]["equated"].get<double>(), linked, 1e-9);
  EXPECT_EQ(Run({"irt-equate", "--kind", "true", "--anchor", "x.csv"}), kUsage);
  EXPECT_EQ(Run({"irt-equate", "--kind", "observed", "--population-to", "0,0"}), kUsage);
  EXPECT_EQ(Run({"irt-equate", "--kind", "observed", "--weight-from", "1.5"}), kUsage);
}

}  // namespace
}  // namespace invigil::cli::stats
