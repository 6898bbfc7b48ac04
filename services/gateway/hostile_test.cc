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

// Each of these a program in front may read otherwise, and see another end of the body.
TEST_F(HostileTest, BodiesWithoutAClearEndAreRefused) {
  const std::string head =
      "POST /invigil.session.v1.DeliveryService/SaveResponses HTTP/1.1\r\nHost: x\r\n"
      "Authorization: Bearer candidate:ann\r\nContent-Type: application/json\r\n";
  const std::string body = "\r\n2\r\n{}\r\n0\r\n\r\n";
  for (const std::string framing :
       {"Transfer-Encoding: gzip\r\n", "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked, identity\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nContent-Length: 3\r\n", "Content-Length: -2\r\n"}) {
    auto client = Http();
    const auto reply = client.Call(head + framing + body);
    EXPECT_EQ(reply.status, 400) << framing;
    EXPECT_THAT(reply.body, HasSubstr("REQUEST_MALFORMED")) << framing;
    EXPECT_TRUE(client.WaitForClose());
  }
  auto old = Http();
  EXPECT_EQ(old.Call("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n" + body).status, 400);
}

TEST_F(HostileTest, EndlessChunkExtensionsAndTrailersAreCutOff) {
  for (const std::string start : {"2;", "2\r\n{}\r\n0\r\nX: "}) {
    auto client = Http();
    client.Send(
        "POST /invigil.session.v1.DeliveryService/SaveResponses HTTP/1.1\r\nHost: x\r\n"
        "Authorization: Bearer candidate:ann\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n" +
        start + std::string(1 << 20, 'x'));
    EXPECT_EQ(client.Read().status, 400) << start;
  }
}

TEST_F(HostileTest, WhoMayNotCallHasNoLargeBodyRead) {
  for (const std::string token : {"forged", "operator:bob"}) {
    auto client = Http();
    // Not a byte of the body comes, so the answer does not wait for it.
    client.Send(
        "POST /invigil.session.v1.DeliveryService/SaveResponses HTTP/1.1\r\nHost: x\r\n"
        "Authorization: Bearer " +
        token + "\r\nContent-Type: application/json\r\nContent-Length: 4194304\r\n\r\n");
    EXPECT_EQ(client.Read().status, token == "forged" ? 401 : 403);
  }
  auto client = Http();
  client.Send(
      "POST /invigil.itembank.v1.ItemService/ImportBank HTTP/1.1\r\nHost: x\r\n"
      "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n" +
      std::string(0x20000, ' ') + "\r\n");
  EXPECT_EQ(client.Read().status, 401);
}

// The envelope is not part of the message, whose size the method limits.
TEST_F(HostileTest, TheLimitIsTheMessages) {
  SaveResponsesRequest request;
  request.set_session_id("s1");
  request.add_responses()->set_item_id("");
  const auto post = [&](size_t size) {
    auto& fill = *request.mutable_responses(0)->mutable_item_id();
    while (request.ByteSizeLong() < size) fill.push_back('x');
    auto client = Http();
    const auto reply = client.Call(Post("SaveResponses", Envelope(0, request.SerializeAsString()),
                                        "", "candidate:ann", "application/grpc-web"));
    return reply.body;
  };
  EXPECT_THAT(post(65'536), HasSubstr("grpc-status: 0"));
  EXPECT_THAT(post(65'537), HasSubstr("grpc-status: 8"));
}

TEST_F(HostileTest, StreamsNeedHttp11) {
  auto client = Http();
  std::string request = Post("WatchSession", Envelope(0, R"({"sessionId":"s1"})"), "",
                             "candidate:ann", "application/connect+json");
  request.replace(request.find("HTTP/1.1"), 8, "HTTP/1.0");
  const auto reply = client.Call(request);
  EXPECT_EQ(reply.headers.count("transfer-encoding"), 0u);
  EXPECT_THAT(reply.body, HasSubstr("STREAM_NEEDS_HTTP_1_1"));
}

TEST_F(HostileTest, HangingUpBehindEarlyBytesEndsAStream) {
  {
    auto client = Http();
    client.Send(Post("WatchSession", Envelope(0, R"({"sessionId":"silent"})"), "", "candidate:ann",
                     "application/connect+json"));
    ASSERT_TRUE(client.ReadUntil("\"epoch\":1"));
    client.Send("POST /the.next HTTP/1.1\r\n");
  }
  WaitUntilCancelled();
}

// The bytes pass for fields, but a string is not UTF-8: only the service finds out, and gRPC there
// says UNIMPLEMENTED.
TEST_F(HostileTest, WhatAServiceCannotParseIsTheClientsFault) {
  auto client = Http();
  auto reply = client.Call(
      Post("SaveResponses", "\x0a\x02\xff\xfe", "", "candidate:ann", "application/proto"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("REQUEST_MALFORMED"));
  reply = client.Call(Post("WatchSession", Envelope(0, "\x0a\x02\xff\xfe"), "", "candidate:ann",
                           "application/grpc-web"));
  EXPECT_THAT(reply.body, HasSubstr("grpc-status: 3"));
  // A method the service does not have stays what it is.
  reply = client.Call(Post("GetSession", R"({"sessionId":"s1"})"));
  EXPECT_EQ(reply.status, 501);
  EXPECT_THAT(reply.body, HasSubstr("METHOD_MISSING"));
}

TEST_F(HostileTest, CompressedMessagesAreNotUnpacked) {
  for (const auto algorithm : {GRPC_COMPRESS_GZIP, GRPC_COMPRESS_DEFLATE}) {
    grpc::ClientContext context;
    Identify(context);
    context.set_compression_algorithm(algorithm);
    SaveResponsesRequest request;
    SaveResponsesResponse response;
    request.set_session_id(std::string(60'000, 'x'));  // worth compressing
    EXPECT_EQ(stub_->SaveResponses(&context, request, &response).error_code(),
              grpc::StatusCode::UNIMPLEMENTED);
  }
  EXPECT_EQ(a_.sessions.size() + b_.sessions.size(), 0u);
}

TEST_F(HostileTest, TimeoutsBeyondAllTimes) {
  WatchSessionRequest watch;
  watch.set_session_id("s1");
  auto client = Http();
  for (const std::string timeout : {"99999999H", "99999999M", "99999999S"}) {
    const auto reply = client.Call(Post("WatchSession", Envelope(0, watch.SerializeAsString()),
                                        "grpc-timeout: " + timeout + "\r\n", "candidate:ann",
                                        "application/grpc-web"));
    EXPECT_EQ(SplitFrames(reply.body).size(), 4u) << timeout;
  }
}

// Its head came before the drain, its body after.
TEST_F(HostileTest, AStreamDoesNotBeginInADrain) {
  auto client = Http();
  const std::string request =
      Post("WatchSession", Envelope(0, R"({"sessionId":"endless"})"), "Expect: 100-continue\r\n",
           "candidate:ann", "application/connect+json");
  const size_t body = request.find("\r\n\r\n") + 4;
  client.Send(request.substr(0, body));
  EXPECT_EQ(client.Read().status, 100);
  auto idle = Http();
  EXPECT_EQ(idle.Call("GET / HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  std::thread drain([this] { gateway_->Drain(); });
  EXPECT_TRUE(idle.WaitForClose());  // so the drain has begun
  client.Send(request.substr(body));
  EXPECT_THAT(client.Read().body, HasSubstr("GATEWAY_DRAINING"));
  drain.join();
}

// Both services go while streams are open on both doors.
TEST_F(HostileTest, ServicesThatDieEndTheirStreamsWithAReason) {
  grpc::ClientContext context;
  Identify(context);
  WatchSessionRequest request;
  request.set_session_id("silent");
  auto reader = stub_->WatchSession(&context, request);
  WatchSessionResponse response;
  ASSERT_TRUE(reader->Read(&response));
  auto client = Http();
  client.Send(Post("WatchSession", Envelope(0, R"({"sessionId":"silent"})"), "", "candidate:ann",
                   "application/connect+json"));
  ASSERT_TRUE(client.ReadUntil("\"epoch\":1"));
  a_.Stop();
  b_.Stop();
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_EQ(ReasonOf(rpc::FromGrpc(reader->Finish())), "BACKEND_UNAVAILABLE");
  EXPECT_TRUE(client.ReadUntil("BACKEND_UNAVAILABLE"));
}

}  // namespace
}  // namespace invigil::gateway
