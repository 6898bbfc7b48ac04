#include "common/log/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "common/base/random.h"

namespace invigil::log {
namespace {

std::string Json(std::string_view text, size_t max_bytes = 4096) {
  std::string out;
  AppendJsonString(out, text, max_bytes);
  return out;
}

TEST(Json, EscapesWhatJsonForbids) {
  EXPECT_EQ(Json("a\"b\\c\n\r\t"), R"("a\"b\\c\n\r\t")");
  EXPECT_EQ(Json(std::string_view("\0\x1f\x7f", 3)), R"("\u0000\u001f\u007f")");
  EXPECT_EQ(Json("h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x99\x82"),
            "\"h\xC3\xA9 \xE2\x82\xAC \xF0\x9F\x99\x82\"");
}

TEST(Json, ReplacesWhatIsNoUtf8) {
  const std::string mark = "\xEF\xBF\xBD";
  EXPECT_EQ(Json("\xff"), "\"" + mark + "\"");
  EXPECT_EQ(Json("\xC0\xAF"), "\"" + mark + mark + "\"");             // overlong
  EXPECT_EQ(Json("\xED\xA0\x80"), "\"" + mark + mark + mark + "\"");  // surrogate
  EXPECT_EQ(Json("\xF4\x90\x80\x80"), "\"" + mark + mark + mark + mark + "\"");
  EXPECT_EQ(Json("a\xE2\x82"), "\"a" + mark + mark + "\"");        // cut short
  EXPECT_EQ(Json("\xE2\x82\"x"), "\"" + mark + mark + "\\\"x\"");  // a quote is no tail
}

TEST(Json, CutsBetweenCharacters) {
  EXPECT_EQ(Json("abcdef", 6), "\"abcdef\"");
  EXPECT_EQ(Json("abcdefg", 6), "\"abcdef...\"");
  EXPECT_EQ(Json("ab\xE2\x82\xAC", 4), "\"ab...\"");
}

// Whatever comes in, what goes out is one line of printable characters with one pair of bare
// quotes.
TEST(Json, AnyBytesStayInsideTheString) {
  Random random(11);
  for (int i = 0; i < 5000; ++i) {
    std::string text;
    for (uint64_t n = random.Below(20); n > 0; --n) text += static_cast<char>(random.Next());
    const std::string json = Json(text);
    size_t bare_quotes = 0;
    for (size_t at = 0; at < json.size(); ++at) {
      const auto c = static_cast<unsigned char>(json[at]);
      ASSERT_GE(c, 0x20) << i;
      if (c == '"') ++bare_quotes;
      if (c == '\\') ++at;
    }
    ASSERT_EQ(bare_quotes, 2u) << json;
    ASSERT_EQ(json.back(), '"');
  }
}

TEST(Json, Numbers) {
  std::string out;
  AppendJsonNumber(out, 0.1);
  AppendJsonNumber(out += ' ', -0.0);
  AppendJsonNumber(out += ' ', 1e300);
  AppendJsonNumber(out += ' ', std::nan(""));
  AppendJsonNumber(out += ' ', -std::numeric_limits<double>::infinity());
  EXPECT_EQ(out, "0.1 -0 1e+300 null null");
}

TEST(Rfc3339, Milliseconds) {
  const auto text = [](int64_t us) {
    std::string out;
    AppendRfc3339(out, FromUnixMicros(us));
    return out;
  };
  EXPECT_EQ(text(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(text(1'709'251'199'999'999), "2024-02-29T23:59:59.999Z");
  EXPECT_EQ(text(-1), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace invigil::log
