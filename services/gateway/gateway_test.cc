// Both doors, end to end in one process.
#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <thread>

#include "invigil/itembank/v1/key.grpc.pb.h"
#include "services/gateway/gateway_fixture.h"
#include "services/gateway/http/connect.h"

namespace invigil::gateway {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// --- the gRPC door ---

TEST_F(GatewayTest, UnaryCarriesWhatIsAllowedAndNothingElse) {
  grpc::ClientContext context;
  context.set_deadline(DeadlineAfter(Seconds(7)));
  Identify(context);
  const std::string trace = "0123456789abcdef0123456789abcdef";
  context.AddMetadata("traceparent", "00-" + trace + "-0123456789abcdef-01");
  context.AddMetadata("accept-language", "de");
  context.AddMetadata("x-invigil-subject", "someone-else");
  SaveResponsesRequest request;
  SaveResponsesResponse response;
  request.set_session_id("s1");
  auto* write = request.add_responses();
  write->set_item_id("i1");
  write->set_sequence(4);
  const grpc::Status status = stub_->SaveResponses(&context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  ASSERT_EQ(response.acks_size(), 1);
  EXPECT_EQ(response.acks(0).sequence(), 4u);
  FakeSession& session = PickedBy("s1");
  EXPECT_EQ(session.metadata["authorization"], "Bearer candidate:ann");
  EXPECT_EQ(session.metadata["accept-language"], "de");
  EXPECT_EQ(session.metadata["traceparent"].substr(0, 36), "00-" + trace + "-");
  EXPECT_NE(session.metadata["traceparent"].substr(36, 16), "0123456789abcdef");
  EXPECT_EQ(session.metadata.count("x-invigil-subject"), 0u);
  EXPECT_LE(session.time_left, Seconds(8));  // gRPC rounds up a little
  EXPECT_GT(session.time_left, Seconds(2));
  const auto& trailers = context.GetServerTrailingMetadata();
  ASSERT_EQ(trailers.count("x-note"), 1u);
  EXPECT_EQ(trailers.find("x-note")->second, "stored");
}

TEST_F(GatewayTest, ErrorsComeBackWithTheirDetails) {
  const absl::Status status = Save("refuse");
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "another device took over");
  const ErrorView view = ViewError(status);
  EXPECT_EQ(view.reason, "EPOCH_STALE");
  EXPECT_EQ(view.fields.at(0).first, "epoch");
}

TEST_F(GatewayTest, DeadlineEndsTheCallThereToo) {
  // On a slow machine a call may end before it arrives there, which shows nothing.
  for (bool arrived = false; !arrived;) {
    const absl::Status status = Save("wait", "candidate:ann", Millis(150));
    ASSERT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
    signal_.Update([&] { arrived = signal_.waiting > 0; });
  }
  WaitUntilCancelled();
}

TEST_F(GatewayTest, CancellationReachesTheService) {
  grpc::ClientContext context;
  Identify(context);
  SaveResponsesRequest request;
  SaveResponsesResponse response;
  request.set_session_id("wait");
  Signal done;
  bool ended = false;
  grpc::Status status;
  stub_->async()->SaveResponses(&context, &request, &response, [&](grpc::Status s) {
    done.Update([&] {
      status = s;
      ended = true;
    });
  });
  WaitUntilWaiting();
  context.TryCancel();
  EXPECT_TRUE(done.Wait([&] { return ended; }));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::CANCELLED);
  WaitUntilCancelled();
}

TEST_F(GatewayTest, InternalMethodsLookUnknown) {
  grpc::ClientContext context;
  Identify(context, "service:scoring");
  itembank::v1::GetScoringKeyRequest request;
  itembank::v1::GetScoringKeyResponse response;
  const absl::Status internal = rpc::FromGrpc(
      itembank::v1::KeyService::NewStub(channel_)->GetScoringKey(&context, request, &response));
  EXPECT_EQ(internal.code(), absl::StatusCode::kUnimplemented);

  grpc::GenericStub generic(channel_);
  grpc::ClientContext other;
  grpc::Slice nothing;
  grpc::ByteBuffer empty(&nothing, 1), reply;
  Signal done;
  absl::Status unknown;
  bool ended = false;
  generic.UnaryCall(&other, "/no.Such/Method", {}, &empty, &reply, [&](grpc::Status s) {
    done.Update([&] {
      unknown = rpc::FromGrpc(s);
      ended = true;
    });
  });
  ASSERT_TRUE(done.Wait([&] { return ended; }));
  EXPECT_EQ(unknown, internal);  // to the letter
}

TEST_F(GatewayTest, RefusesWhoMayNot) {
  EXPECT_EQ(ReasonOf(Save("s1", "forged")), "TOKEN_SIGNATURE");
  EXPECT_EQ(Save("s1", "operator:bob").code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(ReasonOf(Save("s1", "candidate:ann:s2")), "TOKEN_OTHER_SESSION");
  EXPECT_EQ(ReasonOf(Save("", "candidate:ann:s2")), "TOKEN_OTHER_SESSION");
  EXPECT_TRUE(Save("s2", "candidate:ann:s2").ok());
  grpc::ClientContext context;
  SaveResponsesResponse response;
  EXPECT_EQ(ReasonOf(rpc::FromGrpc(stub_->SaveResponses(&context, {}, &response))),
            "TOKEN_MISSING");
  EXPECT_EQ(a_.sessions.size() + b_.sessions.size(), 1u);  // nothing else got through
  // A session token is good for that session, not for starting another.
  grpc::ClientContext start;
  Identify(start, "candidate:ann:s2");
  StartSessionResponse started;
  EXPECT_EQ(ReasonOf(rpc::FromGrpc(stub_->StartSession(&start, {}, &started))),
            "TOKEN_OTHER_SESSION");
}

TEST_F(GatewayTest, TheLastOfTwoSessionIdsCounts) {
  // A service reads the last; so must the check.
  SaveResponsesRequest first, second;
  first.set_session_id("s2");
  second.set_session_id("s1");
  const std::string bytes = first.SerializeAsString() + second.SerializeAsString();
  auto client = Http();
  const auto reply =
      client.Call(Post("SaveResponses", bytes, "", "candidate:ann:s2", "application/proto"));
  EXPECT_EQ(reply.status, 403);
  EXPECT_THAT(reply.body, HasSubstr("TOKEN_OTHER_SESSION"));
}

TEST_F(GatewayTest, SameSessionSameReplica) {
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(Save("s" + std::to_string(i % 10)).ok());
  EXPECT_GT(a_.sessions.size(), 0u);
  EXPECT_GT(b_.sessions.size(), 0u);
  for (int i = 0; i < 10; ++i) {
    const std::string session = "s" + std::to_string(i);
    EXPECT_TRUE(a_.sessions.count(session) == 4 || b_.sessions.count(session) == 4) << session;
  }
}

TEST_F(GatewayTest, UnreachableReplicaCostsNoCall) {
  a_.Stop();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(Save("s" + std::to_string(i)).ok()) << i;
  EXPECT_EQ(b_.sessions.size(), 50u);
}

TEST_F(GatewayTest, DrainingReplicaIsLeftAndComesBack) {
  std::string mine;
  for (int i = 0; mine.empty(); ++i) {
    ASSERT_TRUE(Save("s" + std::to_string(i)).ok());
    if (a_.sessions.size() > 0) mine = "s" + std::to_string(i);
  }
  a_.SetServing(false);
  while (b_.sessions.count(mine) == 0) ASSERT_TRUE(Save(mine).ok());
  a_.SetServing(true);
  const size_t before = a_.sessions.size();
  while (a_.sessions.size() == before) ASSERT_TRUE(Save(mine).ok());
}

TEST_F(GatewayTest, RetriesOnceWithinTheBudget) {
  // Both replicas are "away": one more attempt each call, until the budget of 100 is spent.
  for (int i = 0; i < 200; ++i) {
    const absl::Status status = Save("away");
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(ReasonOf(status), "BACKEND_UNAVAILABLE");
  }
  EXPECT_GE(a_.sessions.size() + b_.sessions.size(), 300u);
  EXPECT_LE(a_.sessions.size() + b_.sessions.size(), 325u);
}

// What a server that shuts down does to calls it had not taken up.
TEST_F(GatewayTest, ACancelNobodyAskedForGoesToTheOtherReplica) {
  const absl::Status status = Save("stopping");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonOf(status), "BACKEND_UNAVAILABLE");
  EXPECT_EQ(a_.sessions.count("stopping"), 1u);
  EXPECT_EQ(b_.sessions.count("stopping"), 1u);
}

TEST_F(GatewayTest, TooLargeNamesTheLimit) {
  grpc::ClientContext context;
  Identify(context);
  SaveResponsesRequest request;
  SaveResponsesResponse response;
  request.set_session_id(std::string(66'000, 'x'));
  const absl::Status status = rpc::FromGrpc(stub_->SaveResponses(&context, request, &response));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(status), "REQUEST_TOO_LARGE");
  EXPECT_THAT(std::string(status.message()), HasSubstr("65536"));
}

TEST_F(GatewayTest, FullLaneRefusesAtOnceAndOthersGoOn) {
  GatewayOptions options;
  options.lanes.calls[static_cast<size_t>(Lane::kSave)] = 1;
  Start(options);
  std::thread held([this] { EXPECT_TRUE(Save("wait").ok()); });
  WaitUntilWaiting();
  const absl::Status status = Save("s1");
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  const ErrorView view = ViewError(status);
  EXPECT_EQ(view.reason, "LANE_FULL");
  EXPECT_EQ(view.retry_after, Millis(200));
  EXPECT_EQ(view.metadata.at(0).second, "gateway/save");
  // Another lane has places: the fake does not know GetSession, so this came through.
  grpc::ClientContext context;
  Identify(context);
  GetSessionRequest request;
  GetSessionResponse response;
  request.set_session_id("s1");
  const absl::Status read = rpc::FromGrpc(stub_->GetSession(&context, request, &response));
  EXPECT_EQ(read.code(), absl::StatusCode::kUnimplemented);
  signal_.Update([&] { signal_.release = true; });
  held.join();
  EXPECT_TRUE(Save("s1").ok());
}

TEST_F(GatewayTest, ServerStream) {
  grpc::ClientContext context;
  Identify(context);
  WatchSessionRequest request;
  request.set_session_id("s1");
  auto reader = stub_->WatchSession(&context, request);
  WatchSessionResponse response;
  for (uint32_t i = 1; i <= 3; ++i) {
    ASSERT_TRUE(reader->Read(&response));
    EXPECT_EQ(response.epoch(), i);
  }
  EXPECT_FALSE(reader->Read(&response));
  EXPECT_TRUE(reader->Finish().ok());
}

TEST_F(GatewayTest, BothWays) {
  grpc::ClientContext context;
  Identify(context, "candidate:ann:s1");
  auto stream = stub_->Deliver(&context);
  DeliverRequest request;
  DeliverResponse response;
  request.set_session_id("s1");
  for (uint64_t i = 100; i < 300; ++i) {
    request.mutable_save()->set_save_id(i);
    ASSERT_TRUE(stream->Write(request));
    ASSERT_TRUE(stream->Read(&response));
    ASSERT_EQ(response.saved().save_id(), i);
  }
  stream->WritesDone();
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(GatewayTest, ServiceEndsAStreamTheClientStillWrites) {
  grpc::ClientContext context;
  Identify(context);
  auto stream = stub_->Deliver(&context);
  DeliverRequest request;
  DeliverResponse response;
  request.mutable_save()->set_save_id(13);
  ASSERT_TRUE(stream->Write(request));
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(ReasonOf(rpc::FromGrpc(stream->Finish())), "STREAM_PROTOCOL");
}

TEST_F(GatewayTest, StreamsRefuseForeignSessionsAndEndWithTheClient) {
  grpc::ClientContext foreign;
  Identify(foreign, "candidate:ann:s2");
  WatchSessionRequest request;
  request.set_session_id("s1");
  EXPECT_EQ(ReasonOf(rpc::FromGrpc(stub_->WatchSession(&foreign, request)->Finish())),
            "TOKEN_OTHER_SESSION");
  grpc::ClientContext context;
  Identify(context);
  request.set_session_id("endless");
  auto reader = stub_->WatchSession(&context, request);
  WatchSessionResponse response;
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(reader->Read(&response));
  context.TryCancel();
  while (reader->Read(&response)) {
  }
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::CANCELLED);
  WaitUntilCancelled();
}

TEST_F(GatewayTest, DrainFinishesCallsAndEndsStreams) {
  grpc::ClientContext context;
  Identify(context);
  auto stream = stub_->Deliver(&context);
  DeliverRequest message;
  DeliverResponse response;
  message.set_session_id("s1");
  ASSERT_TRUE(stream->Write(message));
  ASSERT_TRUE(stream->Read(&response));
  std::thread held([this] { EXPECT_TRUE(Save("wait").ok()); });
  WaitUntilWaiting();
  std::thread drain([this] { gateway_->Drain(); });
  EXPECT_FALSE(stream->Read(&response));
  EXPECT_EQ(ReasonOf(rpc::FromGrpc(stream->Finish())), "GATEWAY_DRAINING");
  signal_.Update([&] { signal_.release = true; });
  held.join();
  drain.join();
  EXPECT_EQ(Save("s1", "candidate:ann", Seconds(1)).code(), absl::StatusCode::kUnavailable);
}

// --- the HTTP door ---

TEST_F(GatewayTest, JsonThereAndBack) {
  auto client = Http();
  const auto reply = client.Call(Post(
      "SaveResponses",
      R"({"sessionId":"s1","epoch":1,"responses":[{"itemId":"i1","sequence":2,"optionIds":["A"]}]})",
      "traceparent: 00-0123456789abcdef0123456789abcdef-0123456789abcdef-01\r\n"
      "connect-timeout-ms: 5000\r\nconnect-protocol-version: 1\r\n"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-type"), "application/json");
  EXPECT_EQ(reply.headers.at("cache-control"), "no-store");
  EXPECT_EQ(reply.headers.at("trailer-x-note"), "stored");
  EXPECT_THAT(reply.headers.at("traceparent"), HasSubstr("0123456789abcdef0123456789abcdef"));
  EXPECT_THAT(reply.body,
              HasSubstr(R"("acks":[{"itemId":"i1","sequence":2,"status":"ACK_STATUS_STORED")"));
  EXPECT_THAT(reply.body, HasSubstr(R"("deadlineVersion":0)"));
  FakeSession& session = PickedBy("s1");
  EXPECT_EQ(session.metadata["authorization"], "Bearer candidate:ann");
  EXPECT_LE(session.time_left, Seconds(6));
  // The same connection serves the next request.
  EXPECT_EQ(client.Call(Post("SaveResponses", "{\"sessionId\":\"s1\"}")).status, 200);
}

TEST_F(GatewayTest, BinaryThereAndBack) {
  SaveResponsesRequest request;
  request.set_session_id("s1");
  request.add_responses()->set_item_id("i1");
  auto client = Http();
  const auto reply = client.Call(
      Post("SaveResponses", request.SerializeAsString(), "", "candidate:ann", "application/proto"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-type"), "application/proto");
  SaveResponsesResponse response;
  ASSERT_TRUE(response.ParseFromString(reply.body));
  EXPECT_EQ(response.acks_size(), 1);
  EXPECT_EQ(client.Call(Post("SaveResponses", "\xff\xff", "", "candidate:ann", "application/proto"))
                .status,
            400);
}

TEST_F(GatewayTest, ErrorsAsConnectWritesThem) {
  auto client = Http();
  auto reply = client.Call(Post("SaveResponses", R"({"sessionId":"refuse"})"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.headers.at("trailer-x-note"), "seen");
  EXPECT_THAT(reply.body,
              HasSubstr(R"({"code":"failed_precondition","message":"another device took over")"));
  EXPECT_THAT(reply.body, HasSubstr(R"("reason":"EPOCH_STALE")"));
  reply = client.Call(Post("SaveResponses", R"({"sessionId":"s1","epoch":"x"})"));
  EXPECT_EQ(reply.status, 400);
  EXPECT_THAT(reply.body, HasSubstr("REQUEST_MALFORMED"));
  EXPECT_THAT(reply.body, HasSubstr(R"({"field":"epoch")"));
  reply = client.Call(Post("SaveResponses", "{\"sessionId\":"));
  EXPECT_EQ(reply.status, 400);
  reply = client.Call(Post("SaveResponses", "{}", "", "forged"));
  EXPECT_EQ(reply.status, 401);
  EXPECT_THAT(reply.body, HasSubstr("TOKEN_SIGNATURE"));
  reply = client.Call(Post("SaveResponses", R"({"sessionId":"s1"})", "", "operator:bob"));
  EXPECT_EQ(reply.status, 403);
  reply =
      client.Call(Post("SaveResponses", R"({"sessionId":"s1"})", "connect-timeout-ms: soon\r\n"));
  EXPECT_EQ(reply.status, 400);
  reply =
      client.Call(Post("SaveResponses", R"({"sessionId":"wait"})", "connect-timeout-ms: 100\r\n"));
  EXPECT_EQ(reply.status, 504);
  EXPECT_THAT(reply.body, HasSubstr("deadline_exceeded"));
}

TEST_F(GatewayTest, WhatIsNotACall) {
  auto client = Http();
  auto reply = client.Call("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr("/invigil.session.v1.DeliveryService/SaveResponses"));
  EXPECT_THAT(reply.body, Not(HasSubstr("KeyService")));
  reply = client.Call(Post("NoSuchMethod", "{}"));
  EXPECT_EQ(reply.status, 404);
  EXPECT_THAT(reply.body, HasSubstr("\"code\":\"unimplemented\""));
  const std::string unknown = reply.body;
  reply = client.Call(
      "POST /invigil.itembank.v1.KeyService/GetScoringKey HTTP/1.1\r\nHost: x\r\n"
      "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}");
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.body, unknown);
  reply = client.Call(
      "GET /invigil.session.v1.DeliveryService/SaveResponses HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(reply.status, 405);
  EXPECT_EQ(reply.headers.at("allow"), "POST");
  reply = client.Call(Post("SaveResponses", "{}", "", "candidate:ann", "text/xml"));
  EXPECT_EQ(reply.status, 415);
  EXPECT_THAT(reply.headers.at("accept-post"), HasSubstr("application/json"));
  reply = client.Call(Post("SaveResponses", "{}", "Content-Encoding: gzip\r\n"));
  EXPECT_EQ(reply.status, 501);
  EXPECT_THAT(reply.body, HasSubstr("COMPRESSION_UNSUPPORTED"));
  reply = client.Call(
      Post("Deliver", Envelope(0, "{}"), "", "candidate:ann", "application/connect+json"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr("STREAM_NEEDS_GRPC"));
  auto raw = Http();
  EXPECT_EQ(raw.Call("this is not http\r\n\r\n").status, 400);
}

TEST_F(GatewayTest, LargeBodies) {
  const std::string five_megabytes(5 << 20, ' ');
  {
    auto client = Http();
    const auto reply = client.Call(Post("SaveResponses", five_megabytes));
    EXPECT_EQ(reply.status, 413);
    EXPECT_THAT(reply.body, HasSubstr("\"code\":\"resource_exhausted\""));
    EXPECT_THAT(reply.body, HasSubstr("REQUEST_TOO_LARGE"));
    EXPECT_THAT(reply.body, HasSubstr("65536"));
  }
  {  // The same without a stated length.
    auto client = Http();
    std::string request =
        "POST /invigil.session.v1.DeliveryService/SaveResponses HTTP/1.1\r\nHost: x\r\n"
        "Authorization: Bearer candidate:ann\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    for (int i = 0; i < 5; ++i) request += "100000\r\n" + std::string(1 << 20, ' ') + "\r\n";
    EXPECT_EQ(client.Call(request + "0\r\n\r\n").status, 413);
  }
  {  // curl asks first.
    auto client = Http();
    client.Send(
        "POST /invigil.session.v1.DeliveryService/SaveResponses HTTP/1.1\r\nHost: x\r\n"
        "Authorization: Bearer candidate:ann\r\nContent-Type: application/json\r\n"
        "Content-Length: 5242880\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.Read().status, 413);
  }
  auto client = Http();
  client.Send(
      "POST /invigil.session.v1.DeliveryService/SaveResponses HTTP/1.1\r\nHost: x\r\n"
      "Authorization: Bearer candidate:ann\r\nContent-Type: application/json\r\n"
      "Content-Length: 18\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_EQ(client.Read().status, 100);
  EXPECT_EQ(client.Call(R"({"sessionId":"s1"})").status, 200);
}

TEST_F(GatewayTest, ChunkedAndPipelinedRequests) {
  auto client = Http();
  const std::string chunked =
      "POST /invigil.session.v1.DeliveryService/SaveResponses HTTP/1.1\r\nHost: x\r\n"
      "Authorization: Bearer candidate:ann\r\nContent-Type: application/json\r\n"
      "Transfer-Encoding: chunked\r\n\r\n7\r\n{\"sessi\r\nb\r\nonId\":\"s1\"}\r\n0\r\n\r\n";
  client.Send(chunked + Post("SaveResponses", R"({"sessionId":"refuse"})") + chunked);
  EXPECT_EQ(client.Read().status, 200);
  EXPECT_EQ(client.Read().status, 400);
  EXPECT_EQ(client.Read().status, 200);
}

TEST_F(GatewayTest, SlowAndLargeHeadsAreCutOff) {
  GatewayOptions options;
  options.http.header_timeout = Millis(100);
  Start(options);
  auto slow = Http();
  slow.Send("POST /invigil.session");
  EXPECT_TRUE(slow.WaitForClose());
  auto large = Http();
  const auto reply = large.Call("GET / HTTP/1.1\r\nX-Fill: " + std::string(9000, 'x') + "\r\n\r\n");
  EXPECT_EQ(reply.status, 431);
}

TEST_F(GatewayTest, ConnectionsPerAddressAreCapped) {
  GatewayOptions options;
  options.http.connections_per_ip = 2;
  Start(options);
  auto first = Http(), second = Http();
  EXPECT_EQ(first.Call("GET / HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  EXPECT_EQ(second.Call("GET / HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  auto third = Http();
  EXPECT_TRUE(third.WaitForClose());
}

TEST_F(GatewayTest, ConnectStream) {
  auto client = Http();
  auto reply = client.Call(Post("WatchSession", Envelope(0, R"({"sessionId":"s1"})"), "",
                                "candidate:ann", "application/connect+json"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.headers.at("content-type"), "application/connect+json");
  EXPECT_EQ(reply.headers.at("transfer-encoding"), "chunked");
  auto frames = SplitFrames(reply.body);
  ASSERT_EQ(frames.size(), 4u);
  EXPECT_THAT(frames[2].second, HasSubstr("\"epoch\":3"));
  EXPECT_EQ(frames[3].first, 2);
  EXPECT_EQ(frames[3].second, "{}");
  // Errors stand in the last frame; the connection goes on.
  reply = client.Call(Post("WatchSession", Envelope(0, R"({"sessionId":"broken"})"), "",
                           "candidate:ann", "application/connect+json"));
  frames = SplitFrames(reply.body);
  ASSERT_EQ(frames.size(), 4u);
  EXPECT_THAT(frames[3].second, HasSubstr("SESSION_NOT_FOUND"));
  reply = client.Call(
      Post("WatchSession", Envelope(0, "{}"), "", "forged", "application/connect+json"));
  EXPECT_EQ(reply.status, 200);
  EXPECT_THAT(reply.body, HasSubstr("unauthenticated"));
  reply = client.Call(Post("WatchSession", "{}", "", "candidate:ann", "application/connect+json"));
  EXPECT_THAT(reply.body, HasSubstr("REQUEST_MALFORMED"));
}

TEST_F(GatewayTest, GrpcWeb) {
  SaveResponsesRequest request;
  request.set_session_id("s1");
  request.add_responses()->set_item_id("i1");
  auto client = Http();
  auto reply =
      client.Call(Post("SaveResponses", Envelope(0, request.SerializeAsString()),
                       "grpc-timeout: 5S\r\n", "candidate:ann", "application/grpc-web+proto"));
  EXPECT_EQ(reply.status, 200);
  auto frames = SplitFrames(reply.body);
  ASSERT_EQ(frames.size(), 2u);
  SaveResponsesResponse response;
  EXPECT_TRUE(response.ParseFromString(frames[0].second));
  EXPECT_EQ(response.acks_size(), 1);
  EXPECT_EQ(frames[1].first, 0x80);
  EXPECT_THAT(frames[1].second, HasSubstr("grpc-status: 0\r\n"));
  request.set_session_id("refuse");
  reply = client.Call(Post("SaveResponses", Envelope(0, request.SerializeAsString()), "",
                           "candidate:ann", "application/grpc-web"));
  EXPECT_THAT(reply.body,
              HasSubstr("grpc-status: 9\r\ngrpc-message: another device took over\r\n"));
  WatchSessionRequest watch;
  watch.set_session_id("s1");
  reply = client.Call(Post("WatchSession", Envelope(0, watch.SerializeAsString()), "",
                           "candidate:ann", "application/grpc-web+proto"));
  EXPECT_EQ(SplitFrames(reply.body).size(), 4u);
}

TEST_F(GatewayTest, HangingUpCancels) {
  for (const bool stream : {false, true}) {
    {
      auto client = Http();
      client.Send(stream ? Post("WatchSession", Envelope(0, R"({"sessionId":"endless"})"), "",
                                "candidate:ann", "application/connect+json")
                         : Post("SaveResponses", R"({"sessionId":"wait"})"));
      if (stream) {
        // The head comes before the service was reached; a message does not.
        ASSERT_TRUE(client.ReadUntil("\"epoch\":1"));
      } else {
        WaitUntilWaiting();
      }
    }
    WaitUntilCancelled();
    signal_.Update([&] { signal_.cancelled = 0; });
  }
}

TEST_F(GatewayTest, HttpDrainEndsStreamsAndIdleConnections) {
  auto idle = Http(), stream = Http();
  EXPECT_EQ(idle.Call("GET / HTTP/1.1\r\nHost: x\r\n\r\n").status, 200);
  stream.Send(Post("WatchSession", Envelope(0, R"({"sessionId":"endless"})"), "", "candidate:ann",
                   "application/connect+json"));
  ASSERT_TRUE(stream.ReadUntil("\"epoch\":1"));
  std::thread drain([this] { gateway_->Drain(); });
  EXPECT_TRUE(idle.WaitForClose());
  EXPECT_THAT(stream.ReadToEnd(), HasSubstr("GATEWAY_DRAINING"));
  drain.join();
}

TEST_F(GatewayTest, BrowsersOfAllowedOriginsOnly) {
  GatewayOptions options;
  options.http.cors_origins = {"https://exam.example"};
  Start(options);
  auto client = Http();
  const std::string head =
      "OPTIONS /invigil.session.v1.DeliveryService/GetSession HTTP/1.1\r\n"
      "Host: x\r\nOrigin: https://";
  auto reply = client.Call(head + "exam.example\r\n\r\n");
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(reply.headers.at("access-control-allow-origin"), "https://exam.example");
  EXPECT_THAT(reply.headers.at("access-control-allow-headers"), HasSubstr("authorization"));
  reply = client.Call(head + "evil.example\r\n\r\n");
  EXPECT_EQ(reply.headers.count("access-control-allow-origin"), 0u);
}

}  // namespace
}  // namespace invigil::gateway
