// A whole gateway in the test's process, before two fake session services on free ports.
#pragma once

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>

#include "common/base/deadline.h"
#include "common/error/error.h"
#include "common/rpc/status.h"
#include "invigil/session/v1/delivery.grpc.pb.h"
#include "services/gateway/gateway.h"
#include "services/gateway/http/http_test_client.h"

namespace invigil::gateway {

using namespace session::v1;

// "ROLE:SUBJECT" or "ROLE:SUBJECT:SESSION" is a good token; all others are not.
class FakeVerifier final : public auth::TokenVerifier {
 public:
  absl::StatusOr<std::shared_ptr<const auth::Principal>> Verify(std::string_view token) override {
    const size_t first = token.find(':');
    if (first == std::string_view::npos)
      return Unauthenticated("TOKEN_SIGNATURE", "the signature is not good");
    const size_t second = std::min(token.find(':', first + 1), token.size());
    auto principal = std::make_shared<auth::Principal>();
    principal->roles = {std::string(token.substr(0, first))};
    principal->subject = token.substr(first + 1, second - first - 1);
    if (second < token.size()) principal->session_id = token.substr(second + 1);
    return std::shared_ptr<const auth::Principal>(std::move(principal));
  }
};

// Waits for conditions that other threads bring about.
class Signal {
 public:
  template <typename Change>
  void Update(Change change) {
    std::lock_guard lock(mutex_);
    change();
    changed_.notify_all();
  }
  // What both fake services saw; under the lock.
  int waiting = 0, cancelled = 0;
  bool release = false;

  template <typename Condition>
  bool Wait(Condition condition) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), condition);
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

// A session service that does what the session id says.
class FakeSession final : public DeliveryService::CallbackService {
 public:
  explicit FakeSession(Signal& s) : signal(s) {
    grpc::EnableDefaultHealthCheckService(true);
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
  void Stop() { server_->Shutdown(DeadlineAfter(Seconds(0))); }
  void SetServing(bool serving) { server_->GetHealthCheckService()->SetServingStatus(serving); }

  // What the last SaveResponses brought along; read after the call ended.
  std::map<std::string, std::string> metadata;
  Duration time_left{};
  Signal& signal;  // shared by the services of a test
  std::multiset<std::string> sessions;

 private:
  grpc::ServerUnaryReactor* SaveResponses(grpc::CallbackServerContext* context,
                                          const SaveResponsesRequest* request,
                                          SaveResponsesResponse* response) override {
    signal.Update([&] {
      sessions.insert(request->session_id());
      metadata.clear();
      for (const auto& [name, value] : context->client_metadata())
        metadata[{name.data(), name.size()}] = {value.data(), value.size()};
      time_left = UntilDeadline(context->deadline(), Minutes(60));
    });
    if (request->session_id() == "wait") return new Waiter(*this);
    auto* reactor = context->DefaultReactor();
    if (request->session_id() == "refuse") {
      context->AddTrailingMetadata("x-note", "seen");
      reactor->Finish(rpc::ToGrpc(FailedPrecondition("EPOCH_STALE", "another device took over")
                                      .With("epoch", "2")
                                      .Field("epoch", "is 1")));
      return reactor;
    }
    if (request->session_id() == "away") {
      reactor->Finish(grpc::Status(grpc::StatusCode::UNAVAILABLE, "gone"));
      return reactor;
    }
    if (request->session_id() == "stopping") {
      reactor->Finish(grpc::Status::CANCELLED);
      return reactor;
    }
    for (const auto& write : request->responses()) {
      auto* ack = response->add_acks();
      ack->set_item_id(write.item_id());
      ack->set_sequence(write.sequence());
      ack->set_status(ACK_STATUS_STORED);
    }
    context->AddTrailingMetadata("x-note", "stored");
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }

  // Ends when it is cancelled or released.
  class Waiter final : public grpc::ServerUnaryReactor {
   public:
    explicit Waiter(FakeSession& service) : service_(service) {
      service_.signal.Update([&] { ++service_.signal.waiting; });
      thread_ = std::thread([this] {
        service_.signal.Wait([this] { return service_.signal.release || gone_; });
        Finish(gone_ ? grpc::Status::CANCELLED : grpc::Status::OK);
      });
    }

   private:
    void OnCancel() override {
      service_.signal.Update([&] {
        ++service_.signal.cancelled;
        gone_ = true;
      });
    }
    void OnDone() override {
      thread_.detach();
      delete this;
    }
    FakeSession& service_;
    bool gone_ = false;
    std::thread thread_;
  };

  // Three updates; without end for the session "endless", one and then silence for "silent".
  grpc::ServerWriteReactor<WatchSessionResponse>* WatchSession(
      grpc::CallbackServerContext*, const WatchSessionRequest* request) override {
    class Writer final : public grpc::ServerWriteReactor<WatchSessionResponse> {
     public:
      Writer(FakeSession& service, const WatchSessionRequest& request)
          : service_(service),
            endless_(request.session_id() == "endless"),
            silent_(request.session_id() == "silent") {
        message_.set_session_id(request.session_id());
        Next();
      }

     private:
      void Next() {
        message_.set_epoch(message_.epoch() + 1);
        StartWrite(&message_);
      }
      void OnWriteDone(bool ok) override {
        if (!ok) return Finish(grpc::Status::CANCELLED);
        if (silent_) return;
        if (endless_ || message_.epoch() < 3) return Next();
        Finish(message_.session_id() == "broken"
                   ? rpc::ToGrpc(NotFound("SESSION_NOT_FOUND", "no such session"))
                   : grpc::Status::OK);
      }
      void OnCancel() override {
        service_.signal.Update([&] { ++service_.signal.cancelled; });
        if (silent_) Finish(grpc::Status::CANCELLED);
      }
      void OnDone() override { delete this; }
      FakeSession& service_;
      const bool endless_, silent_;
      WatchSessionResponse message_;
    };
    return new Writer(*this, *request);
  }

  // Answers every save; ends when the client has no more.
  grpc::ServerBidiReactor<DeliverRequest, DeliverResponse>* Deliver(
      grpc::CallbackServerContext*) override {
    class Echo final : public grpc::ServerBidiReactor<DeliverRequest, DeliverResponse> {
     public:
      explicit Echo(FakeSession& service) : service_(service) { StartRead(&in_); }

     private:
      void OnReadDone(bool ok) override {
        if (!ok) return Finish(grpc::Status::OK);
        if (in_.save().save_id() == 13)
          return Finish(rpc::ToGrpc(InvalidArgument("STREAM_PROTOCOL", "not that one")));
        out_.mutable_saved()->set_save_id(in_.save().save_id());
        StartWrite(&out_);
      }
      void OnWriteDone(bool ok) override {
        if (ok) StartRead(&in_);
      }
      void OnCancel() override {
        service_.signal.Update([&] { ++service_.signal.cancelled; });
      }
      void OnDone() override { delete this; }
      FakeSession& service_;
      DeliverRequest in_;
      DeliverResponse out_;
    };
    return new Echo(*this);
  }

  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

class GatewayTest : public ::testing::Test {
 protected:
  void SetUp() override { Start({}); }
  void Start(GatewayOptions options) {
    gateway_.reset();
    options.server.drain_timeout = Seconds(5);
    for (auto& backend : options.backends) backend = {a_.address()};
    options.backends[static_cast<size_t>(Area::kSession)].push_back(b_.address());
    options.health_interval = Millis(20);
    auto gateway = Gateway::Start(options, verifier_, clock_);
    ASSERT_TRUE(gateway.ok()) << gateway.status();
    gateway_ = *std::move(gateway);
    channel_ = grpc::CreateChannel("127.0.0.1:" + std::to_string(gateway_->grpc_port()),
                                   grpc::InsecureChannelCredentials());
    stub_ = DeliveryService::NewStub(channel_);
  }
  void TearDown() override {
    signal_.Update([&] { signal_.release = true; });
    stub_.reset();
    gateway_.reset();
  }

  static void Identify(grpc::ClientContext& context, const std::string& token = "candidate:ann") {
    context.AddMetadata("authorization", "Bearer " + token);
  }
  absl::Status Save(const std::string& session, const std::string& token = "candidate:ann",
                    Duration deadline = Seconds(20)) {
    grpc::ClientContext context;
    context.set_deadline(DeadlineAfter(deadline));
    Identify(context, token);
    SaveResponsesRequest request;
    SaveResponsesResponse response;
    request.set_session_id(session);
    request.add_responses()->set_item_id("i1");
    return rpc::FromGrpc(stub_->SaveResponses(&context, request, &response));
  }
  // Until a call for the session "wait" is inside one of the services.
  void WaitUntilWaiting() {
    EXPECT_TRUE(signal_.Wait([&] { return signal_.waiting > 0; }));
  }
  void WaitUntilCancelled() {
    EXPECT_TRUE(signal_.Wait([&] { return signal_.cancelled > 0; }));
  }
  FakeSession& PickedBy(const std::string& session) {
    return a_.sessions.count(session) > 0 ? a_ : b_;
  }

  HttpTestClient Http() { return HttpTestClient(gateway_->http_port()); }
  static std::string Post(const std::string& method, const std::string& body,
                          const std::string& headers = "",
                          const std::string& token = "candidate:ann",
                          const std::string& type = "application/json") {
    return "POST /invigil.session.v1.DeliveryService/" + method +
           " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + token + "\r\nContent-Type: " + type +
           "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers + "\r\n" + body;
  }

  Signal signal_;
  FakeSession a_{signal_}, b_{signal_};
  FakeVerifier verifier_;
  SystemClock clock_;
  std::unique_ptr<Gateway> gateway_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<DeliveryService::Stub> stub_;
};

}  // namespace invigil::gateway
