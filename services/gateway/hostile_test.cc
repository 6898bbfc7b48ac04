// What a client does that means harm, or whose library is broken: the gateway lives on, and the
// fault is named as the client's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/gateway/gateway_fixture.h"
#include "services/gateway/http/connect.h"

namespace invigil::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

using HostileTest = GatewayTest;

TEST_F(HostileTest, HeaderBytesThatGrpcCannotSendAreLeftBehind) {
  auto client = Http();
  for (const std::string value : {"a\tb", "\x80\xff"}) {
    const auto reply = client.Call(
        Post("SaveResponses", R"({"sessionId":"s1"})", "Accept-Language: " + value + "\r\n"));
    EXPECT_EQ(reply.status, 200) << reply.body;
    EXPECT_EQ(PickedBy("s1").metadata.count("accept-language"), 0u);
  }
}

}  // namespace
}  // namespace invigil::gateway
