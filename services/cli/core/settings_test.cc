#include "services/cli/core/settings.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "common/error/error.h"
#include "common/testing/temp_dir.h"

namespace invigil::cli {
namespace {

class SettingsTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path whole = dir_.Path(path);
    std::filesystem::create_directories(whole.parent_path());
    std::ofstream(whole) << text;
  }
  testing::TempDir dir_;
};

constexpr char kConf[] = "gateway = 127.0.0.1:1\nkey = keys/platform.pem\n";

TEST_F(SettingsTest, WhatIsGivenNeedsNoSuite) {
  const auto settings = FindSettings({"h:1", "k.pem", ""}, {});
  ASSERT_TRUE(settings.ok());
  EXPECT_EQ(settings->gateway, "h:1");
  EXPECT_EQ(settings->key, "k.pem");
}

TEST_F(SettingsTest, NothingFoundIsOneClearSentence) {
  const auto settings = FindSettings({}, {.working_folder = dir_.path()});
  EXPECT_EQ(ReasonOf(settings.status()), "SUITE_NOT_FOUND");
  EXPECT_EQ(settings.status().message(),
            "no suite found: run deploy/up, or give --gateway and --key");
}

TEST_F(SettingsTest, AParentOfTheWorkingFolderWinsOverTheProgramsOwn) {
  Write("work/.data/cli.conf", kConf);
  Write("repo/.data/cli.conf", "gateway = other:2\nkey = /k\n");
  std::filesystem::create_directories(dir_.Path("work/deep/er"));
  Surroundings around;
  around.working_folder = dir_.Path("work/deep/er");
  around.program_folder = dir_.Path("repo/build/release/bin");
  auto settings = FindSettings({}, around);
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->gateway, "127.0.0.1:1");
  EXPECT_EQ(settings->key, dir_.Path("work/.data/keys/platform.pem"));

  around.working_folder = "/";
  settings = FindSettings({}, around);
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->gateway, "other:2");
  EXPECT_EQ(settings->key, "/k");
}

TEST_F(SettingsTest, ANamedSuiteIsNotReplacedByANearOne) {
  Write(".data/cli.conf", kConf);
  const auto settings =
      FindSettings({}, {.data = dir_.Path("absent"), .working_folder = dir_.path()});
  EXPECT_EQ(ReasonOf(settings.status()), "SUITE_NOT_FOUND");
}

TEST_F(SettingsTest, OneFlagOverridesTheFile) {
  Write("cli.conf", kConf);
  const auto settings = FindSettings({"other:9", "", ""}, {.data = dir_.path()});
  ASSERT_TRUE(settings.ok()) << settings.status();
  EXPECT_EQ(settings->gateway, "other:9");
  EXPECT_EQ(settings->key, dir_.Path("keys/platform.pem"));
}

TEST_F(SettingsTest, WrongLinesAreNamed) {
  for (const char* text : {"gatewy = a:1\n", "\n# comment\ngateway\n", "key =\n"}) {
    const auto settings = ParseSettings(text, "/d", "/d/cli.conf");
    EXPECT_EQ(ReasonOf(settings.status()), "SETTINGS_INVALID") << text;
    EXPECT_NE(settings.status().message().find("/d/cli.conf:"), absl::string_view::npos);
  }
}

TEST_F(SettingsTest, AFileThatLacksTheKeyIsRefused) {
  Write("cli.conf", "gateway = a:1\n");
  const auto settings = FindSettings({}, {.data = dir_.path()});
  EXPECT_EQ(ReasonOf(settings.status()), "SETTINGS_INVALID");
}

}  // namespace
}  // namespace invigil::cli
