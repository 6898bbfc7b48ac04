#include "common/error/error.h"

#include <gtest/gtest.h>

#include "common/error/wire.h"

namespace invigil {
namespace {

TEST(Error, DetailsSurviveTheWire) {
  const absl::Status sent = InvalidArgument("RESPONSE_INVALID", "two fields are wrong")
                                .With("session_id", "s1")
                                .Field("responses[0].item_id", "not on this form")
                                .Field("responses[1].sequence", "must be 1 or more")
                                .RetryAfter(Millis(1500));
  const absl::Status got =
      DecodeStatus(sent.code(), std::string(sent.message()), EncodeStatusDetails(sent));
  EXPECT_EQ(got.code(), absl::StatusCode::kInvalidArgument);
  const ErrorView view = ViewError(got);
  EXPECT_EQ(view.reason, "RESPONSE_INVALID");
  ASSERT_EQ(view.metadata.size(), 1u);
  EXPECT_EQ(view.metadata[0].second, "s1");
  ASSERT_EQ(view.fields.size(), 2u);
  EXPECT_EQ(view.fields[1].first, "responses[1].sequence");
  EXPECT_EQ(view.retry_after, Millis(1500));
}

TEST(Error, PlainStatusHasNoDetails) {
  EXPECT_EQ(EncodeStatusDetails(absl::NotFoundError("x")), "");
  EXPECT_EQ(ReasonOf(absl::NotFoundError("x")), "");
}

TEST(Error, MalformedDetailsAreIgnored) {
  EXPECT_EQ(ReasonOf(DecodeStatus(absl::StatusCode::kAborted, "m", "\xff\xff\xff")), "");
}

TEST(WireReader, NeverReadsPastTheEnd) {
  std::string message;
  AppendBytesField(message, 1, "hello");
  AppendVarintField(message, 2, 300);
  for (size_t n = 0; n <= message.size(); ++n) {
    WireReader reader(std::string_view(message).substr(0, n));
    while (reader.Next()) {
    }
    EXPECT_EQ(reader.ok(), n == 0 || n == 7 || n == message.size()) << n;
  }
}

}  // namespace
}  // namespace invigil
