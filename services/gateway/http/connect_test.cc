#include "services/gateway/http/connect.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error/error.h"

namespace invigil::gateway {
namespace {

using ::testing::HasSubstr;
using namespace std::string_literals;

TEST(Connect, ContentTypes) {
  EXPECT_EQ(ParseContentType("application/json")->protocol, Protocol::kConnectUnary);
  EXPECT_EQ(ParseContentType("Application/JSON; charset=utf-8")->encoding, Encoding::kJson);
  EXPECT_EQ(ParseContentType("application/proto")->encoding, Encoding::kProto);
  EXPECT_EQ(ParseContentType("application/connect+json")->protocol, Protocol::kConnectStream);
  EXPECT_EQ(ParseContentType("application/grpc-web")->protocol, Protocol::kGrpcWeb);
  for (const char* other : {"", "text/plain", "application/grpc", "application/jsonx",
                            "application/grpc-web-text", "application/xml"})
    EXPECT_FALSE(ParseContentType(other)) << other;
}

TEST(Connect, EveryCodeHasItsHttpStatus) {
  const std::vector<std::pair<std::string_view, unsigned>> expected = {{"ok", 200},
                                                                       {"canceled", 499},
                                                                       {"unknown", 500},
                                                                       {"invalid_argument", 400},
                                                                       {"deadline_exceeded", 504},
                                                                       {"not_found", 404},
                                                                       {"already_exists", 409},
                                                                       {"permission_denied", 403},
                                                                       {"resource_exhausted", 429},
                                                                       {"failed_precondition", 400},
                                                                       {"aborted", 409},
                                                                       {"out_of_range", 400},
                                                                       {"unimplemented", 501},
                                                                       {"internal", 500},
                                                                       {"unavailable", 503},
                                                                       {"data_loss", 500},
                                                                       {"unauthenticated", 401}};
  for (size_t code = 0; code < expected.size(); ++code) {
    EXPECT_EQ(CodeName(static_cast<int>(code)), expected[code].first);
    EXPECT_EQ(HttpStatusOf(static_cast<int>(code)), expected[code].second);
  }
  EXPECT_EQ(CodeName(99), "unknown");
  EXPECT_EQ(CodeName(-1), "unknown");
}

TEST(Connect, Timeouts) {
  EXPECT_EQ(*ParseConnectTimeout("1500"), Millis(1500));
  EXPECT_EQ(*ParseConnectTimeout("9999999999"), Millis(9'999'999'999));
  for (const char* bad : {"", "-1", "1.5", "10000000000", "12x"})
    EXPECT_EQ(ReasonOf(ParseConnectTimeout(bad).status()), "TIMEOUT_INVALID") << bad;
  EXPECT_EQ(*ParseGrpcTimeout("1500m"), Millis(1500));
  EXPECT_EQ(*ParseGrpcTimeout("2S"), Seconds(2));
  EXPECT_EQ(*ParseGrpcTimeout("99999999H"), Minutes(60) * 99'999'999);
  for (const char* bad : {"", "S", "5", "5x", "123456789S"})
    EXPECT_EQ(ReasonOf(ParseGrpcTimeout(bad).status()), "TIMEOUT_INVALID") << bad;
}

TEST(Connect, ErrorShowsItsDetails) {
  const absl::Status status = InvalidArgument("RESPONSE_INVALID", "say \"what\"")
                                  .With("session_id", "s1")
                                  .Field("responses[0].item_id", "not on this form")
                                  .RetryAfter(Millis(1500));
  const std::string json = ErrorJson(CallEnd::From(status));
  EXPECT_THAT(json,
              HasSubstr(R"({"code":"invalid_argument","message":"say \"what\"","details":[)"));
  EXPECT_THAT(json, HasSubstr(R"("type":"google.rpc.ErrorInfo","value":")"));
  EXPECT_THAT(json, HasSubstr(R"("debug":{"reason":"RESPONSE_INVALID","domain":"invigil",)"
                              R"("metadata":{"session_id":"s1"}})"));
  EXPECT_THAT(json,
              HasSubstr(R"({"field":"responses[0].item_id","description":"not on this form"})"));
  EXPECT_THAT(json, HasSubstr(R"("debug":{"retryDelay":"1.500s"})"));
}

TEST(Connect, ErrorWithoutDetails) {
  EXPECT_EQ(ErrorJson(CallEnd::From(absl::AbortedError("x"))),
            R"({"code":"aborted","message":"x"})");
  EXPECT_EQ(ErrorJson(CallEnd::From(absl::AbortedError(""))), R"({"code":"aborted"})");
  // Details that are not a google.rpc.Status are left out; the rest stands.
  EXPECT_EQ(ErrorJson(CallEnd{10, "x", "\xff\xff\xff", {}, {}}),
            R"({"code":"aborted","message":"x"})");
}

TEST(Connect, EnvelopeThereAndBack) {
  EXPECT_EQ(Envelope(2, "{}"), "\x02\0\0\0\2{}"s);
  const std::string large(70'000, 'x');
  EXPECT_EQ(*OpenEnvelope(Envelope(0, large)), large);
  EXPECT_EQ(*OpenEnvelope(Envelope(0, "")), "");
  EXPECT_EQ(OpenEnvelope(Envelope(1, "x")).status().code(), absl::StatusCode::kUnimplemented);
  for (const std::string& bad :
       {""s, "\0\0\0\0"s, Envelope(0, "x") + "y", Envelope(0, "xy").substr(0, 6), Envelope(2, "{}"),
        "\0\xff\xff\xff\xff"s})
    EXPECT_EQ(ReasonOf(OpenEnvelope(bad).status()), "REQUEST_MALFORMED");
}

TEST(Connect, EndOfAStream) {
  EXPECT_EQ(ConnectEndFrame(CallEnd{}), Envelope(2, "{}"));
  CallEnd end{5, "gone", "", {}, {{"x-a", "1"}, {"x-b", "2"}, {"x-a", "3"}}};
  EXPECT_EQ(ConnectEndFrame(end), Envelope(2, R"({"error":{"code":"not_found","message":"gone"},)"
                                              R"("metadata":{"x-a":["1","3"],"x-b":["2"]}})"));
  EXPECT_EQ(GrpcWebEndFrame(CallEnd{5, "not\nhere", "ab", {}, {}}),
            Envelope(0x80,
                     "grpc-status: 5\r\ngrpc-message: not%0Ahere\r\n"
                     "grpc-status-details-bin: YWI\r\n"));
}

TEST(Connect, TextCannotBreakOut) {
  EXPECT_EQ(JsonQuote("a\"\\\n\x01"), R"("a\"\\\u000a\u0001")");
  EXPECT_EQ(JsonQuote("\xff\xc3\xa4\xc0\x80\xed\xa0\x80"),
            "\"\xef\xbf\xbd\xc3\xa4\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\"");
  EXPECT_EQ(PercentEncode("100% \r\nx: y"), "100%25 %0D%0Ax: y");
}

TEST(Connect, Base64WithoutPadding) {
  EXPECT_EQ(Base64(""), "");
  EXPECT_EQ(Base64("f"), "Zg");
  EXPECT_EQ(Base64("fo"), "Zm8");
  EXPECT_EQ(Base64("foo"), "Zm9v");
  EXPECT_EQ(Base64("\xfb\xff"), "+/8");
}

}  // namespace
}  // namespace invigil::gateway
