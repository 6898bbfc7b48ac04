#include "services/session/domain/form.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error/error.h"
#include "services/session/domain/fixtures_for_test.h"
#include "services/session/domain/session_id.h"
#include "services/session/domain/text.h"

namespace invigil::session {
namespace {

using ::testing::UnorderedElementsAre;

TEST(FormTest, FindsEveryItemAndNoOther) {
  const auto form = fixtures::MakeForm(200);
  for (size_t i = 0; i < form->size(); ++i) {
    EXPECT_EQ(form->Find(fixtures::ItemId(i)), static_cast<int>(i));
    EXPECT_EQ(form->content_id(i), "content-" + std::to_string(i));
  }
  EXPECT_EQ(form->option_order(0), std::string_view("\2\0\3\1", 4));
  EXPECT_EQ(form->select_count(2), 2u);
  for (const char* other : {"", "item-", "item-00000000200", "ITEM-00000000001"}) {
    EXPECT_EQ(form->Find(other), -1) << other;
  }
}

TEST(FormTest, NamesEveryFault) {
  const auto form = Form::Create({"f", "t", 1, Minutes(1)}, {{"a", "c", {0, 1}, 1},
                                                             {"", "c", {0, 1}, 1},
                                                             {"b", "", {0, 0}, 1},
                                                             {"d", "c", {0, 1}, 3},
                                                             {std::string(65, 'x'), "c", {}, 1}});
  std::vector<std::string> paths;
  for (const auto& [path, text] : ViewError(form.status()).fields) paths.push_back(path);
  EXPECT_THAT(paths, UnorderedElementsAre("places[1].item_id", "places[2].content_id",
                                          "places[2].option_order", "places[3].select_count",
                                          "places[4].item_id", "places[4].option_order",
                                          "places[4].select_count"));
  EXPECT_EQ(ReasonOf(Form::Create({"f", "t", 1, Minutes(1)}, {}).status()), "FORM_INVALID");
  EXPECT_FALSE(Form::Create({"f", "t", 1, Duration(0)}, {{"a", "c", {0}, 1}}).ok());
  EXPECT_FALSE(
      Form::Create({"f", "t", 1, Minutes(1)}, {{"a", "c", {0}, 1}, {"a", "d", {0}, 1}}).ok());
}

TEST(FormTest, TextThatTheLogCouldNotReadBackIsRefused) {
  for (const char* good : {"a", "\u00e9", "\u20ac", "\U0001f600", "\xed\x9f\xbf"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "a\xff"}) {
    EXPECT_FALSE(IsUtf8(bad));
    EXPECT_FALSE(Form::Create({"f", bad, 1, Minutes(1)}, {{"a", "c", {0}, 1}}).ok());
    EXPECT_FALSE(Form::Create({"f", "t", 1, Minutes(1)}, {{bad, "c", {0}, 1}}).ok());
  }
}

TEST(FormTest, TextThatNotEveryStoreKeepsIsRefused) {
  EXPECT_TRUE(IsText("ann", 3));
  EXPECT_FALSE(IsText("", 3));
  EXPECT_FALSE(IsText("anna", 3));
  EXPECT_FALSE(IsText(std::string_view("a\0b", 3), 3));
}

TEST(SessionIdTest, OrderIsThatOfTheStores) {
  std::vector<SessionId> ids;
  for (const char first : {'\x00', '\x40', '\x7f', '\x80', '\xc0', '\xff'}) {
    ids.push_back(*SessionId::FromBytes(std::string(2, '\x01') + first + std::string(13, '\x02')));
  }
  for (size_t i = 0; i < ids.size(); ++i) {
    for (size_t k = 0; k < ids.size(); ++k) {
      EXPECT_EQ(ids[i] <=> ids[k], i <=> k) << i << " " << k;
      EXPECT_EQ(ids[i].ToHex() < ids[k].ToHex(), i < k) << "and that of the wire";
    }
  }
}

TEST(FormTest, OptionLettersGoBothWays) {
  for (size_t k = 0; k < Form::kMaxOptions; ++k) {
    EXPECT_EQ(OptionIndex(OptionId(k)), static_cast<int>(k));
  }
  for (const char* other : {"", "a", "AA", "@", "["}) EXPECT_EQ(OptionIndex(other), -1) << other;
}

}  // namespace
}  // namespace invigil::session
