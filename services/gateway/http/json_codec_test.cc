#include "services/gateway/http/json_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "common/error/error.h"
#include "common/error/wire.h"
#include "services/gateway/forward/catalogue.h"

namespace invigil::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kSave[] = "invigil.session.v1.SaveResponsesRequest";
constexpr char kSaved[] = "invigil.session.v1.SaveResponsesResponse";

class JsonCodecTest : public ::testing::Test {
 protected:
  struct Refusal {
    std::string message;
    std::vector<std::pair<std::string, std::string>> fields;
  };
  Refusal Refused(std::string_view json) {
    const auto bytes = codec_.ToBytes(kSave, json);
    EXPECT_FALSE(bytes.ok()) << json;
    EXPECT_EQ(bytes.status().code(), absl::StatusCode::kInvalidArgument);
    const ErrorView view = ViewError(bytes.status());
    EXPECT_EQ(view.reason, "REQUEST_MALFORMED");
    return {std::string(bytes.status().message()), view.fields};
  }
  std::unique_ptr<Catalogue> catalogue_ = *Catalogue::Load(BuiltInDescriptors());
  JsonCodec codec_{catalogue_->pool()};
};

TEST_F(JsonCodecTest, WritesWhatTheWireFormatSays) {
  std::string response, expected;
  AppendBytesField(response, 1, "item");
  AppendVarintField(response, 2, 3);
  AppendBytesField(response, 3, "A");
  AppendBytesField(expected, 1, "s1");
  AppendVarintField(expected, 2, 7);
  AppendBytesField(expected, 3, response);
  EXPECT_EQ(*codec_.ToBytes(kSave, R"({"sessionId":"s1","epoch":7,
      "responses":[{"itemId":"item","sequence":3,"optionIds":["A"]}]})"),
            expected);
  // Names as the proto has them are good too.
  EXPECT_EQ(*codec_.ToBytes(kSave, R"({"session_id":"s1","epoch":7,
      "responses":[{"item_id":"item","sequence":3,"option_ids":["A"]}]})"),
            expected);
}

TEST_F(JsonCodecTest, EmptyTextIsAnEmptyMessage) {
  EXPECT_EQ(*codec_.ToBytes(kSave, ""), "");
  EXPECT_EQ(*codec_.ToBytes(kSave, "{}"), "");
}

TEST_F(JsonCodecTest, PrintsZeroValues) {
  const std::string json = *codec_.ToJson(kSaved, "");
  EXPECT_THAT(json, HasSubstr("\"acks\":[]"));
  EXPECT_THAT(json, HasSubstr("\"deadlineVersion\":0"));
}

TEST_F(JsonCodecTest, DurationsAreSeconds) {
  std::string duration, bytes;
  AppendVarintField(duration, 1, 5399);
  AppendVarintField(duration, 2, 500'000'000);
  AppendBytesField(bytes, 2, duration);
  EXPECT_THAT(*codec_.ToJson(kSaved, bytes), HasSubstr("\"remaining\":\"5399.500s\""));
}

TEST_F(JsonCodecTest, UnknownFieldIsNamed) {
  const Refusal refusal = Refused(R"({"responses":[{"itemId":"a"},{"answer":1}]})");
  ASSERT_EQ(refusal.fields.size(), 1u);
  EXPECT_EQ(refusal.fields[0].first, "responses[1].answer");
  EXPECT_EQ(Refused(R"({"foo":1})").fields[0].first, "foo");
}

TEST_F(JsonCodecTest, WrongTypeIsNamedWithoutTheValue) {
  const Refusal refusal = Refused(R"({"responses":[{"sequence":"SECRET"}]})");
  EXPECT_EQ(refusal.fields[0].first, "responses[0].sequence");
  EXPECT_EQ(refusal.fields[0].second, "must be a uint32");
  EXPECT_THAT(refusal.message, Not(HasSubstr("SECRET")));
  EXPECT_EQ(Refused(R"({"responses":5})").fields[0].second, "must be a ResponseWrite");
  Refused(R"({"epoch":-1})");
  Refused(R"({"epoch":4294967296})");
}

TEST_F(JsonCodecTest, BrokenJsonIsLocatedWithoutTheText) {
  const Refusal refusal = Refused("{\"epoch\":1,\n \"sessionId\": SECRET}");
  EXPECT_THAT(refusal.message, HasSubstr("line 2, column 15"));
  EXPECT_THAT(refusal.message, Not(HasSubstr("SECRET")));
  for (const char* json :
       {"nope", "[1]", "null", "5", "{\"a\":", "{} x", "{\"sessionId\":\"\xff\"}"})
    Refused(json);
  Refused("{\"responses\":" + std::string(100'000, '['));
}

}  // namespace
}  // namespace invigil::gateway
