// The floor: a callback server that answers SaveResponses and Deliver with a ready-made reply of
// the same shape, without identity, rules, store or metrics. bench-echo PORT
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>

#include <cstdio>
#include <deque>
#include <mutex>
#include <thread>

#include "invigil/session/v1/delivery.grpc.pb.h"

namespace {

using namespace invigil::session::v1;  // NOLINT: a small program about one package

void Fill(const google::protobuf::RepeatedPtrField<ResponseWrite>& writes,
          google::protobuf::RepeatedPtrField<Ack>* acks) {
  for (const ResponseWrite& write : writes) {
    Ack* ack = acks->Add();
    ack->set_item_id(write.item_id());
    ack->set_sequence(write.sequence());
    ack->set_status(ACK_STATUS_STORED);
  }
}

class Stream final : public grpc::ServerBidiReactor<DeliverRequest, DeliverResponse> {
 public:
  Stream() { StartRead(&request_); }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status::OK);
      return;
    }
    DeliverResponse response;
    if (request_.has_save()) {
      auto* saved = response.mutable_saved();
      saved->set_save_id(request_.save().save_id());
      Fill(request_.save().responses(), saved->mutable_acks());
      saved->mutable_remaining()->set_seconds(5400);
      saved->set_deadline_version(1);
    } else {
      response.mutable_update()->set_session_id(request_.session_id());
    }
    {
      std::lock_guard lock(mutex_);
      queue_.push_back(std::move(response));
      if (queue_.size() == 1) StartWrite(&queue_.front());
    }
    StartRead(&request_);
  }
  void OnWriteDone(bool) override {
    std::lock_guard lock(mutex_);
    queue_.pop_front();
    if (!queue_.empty()) StartWrite(&queue_.front());
  }
  void OnDone() override { delete this; }

  DeliverRequest request_;
  std::mutex mutex_;
  std::deque<DeliverResponse> queue_;
};

class Echo final : public DeliveryService::CallbackService {
  grpc::ServerUnaryReactor* SaveResponses(grpc::CallbackServerContext* context,
                                          const SaveResponsesRequest* request,
                                          SaveResponsesResponse* response) override {
    Fill(request->responses(), response->mutable_acks());
    response->mutable_remaining()->set_seconds(5400);
    response->set_deadline_version(1);
    grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
    reactor->Finish(grpc::Status::OK);
    return reactor;
  }
  grpc::ServerBidiReactor<DeliverRequest, DeliverResponse>* Deliver(
      grpc::CallbackServerContext*) override {
    return new Stream;
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: bench-echo PORT\n");
    return 2;
  }
  Echo echo;
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(std::string("127.0.0.1:") + argv[1], grpc::InsecureServerCredentials());
  builder.RegisterService(&echo);
  const auto server = builder.BuildAndStart();
  if (!server) return 1;
  server->Wait();
}
