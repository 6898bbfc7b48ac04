// The gateway's floor: a generic callback server that forwards unary bytes to one backend and does
// nothing else. bench-proxy PORT BACKEND_PORT
#include <grpcpp/generic/async_generic_service.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <cstdio>

namespace {

class Forward final : public grpc::ServerGenericBidiReactor {
 public:
  Forward(grpc::GenericCallbackServerContext& server, grpc::GenericStub& stub)
      : server_(server), stub_(stub) {
    StartRead(&request_);
  }

 private:
  void OnReadDone(bool ok) override {
    if (!ok) {
      Finish(grpc::Status(grpc::StatusCode::INTERNAL, "no request"));
      return;
    }
    context_.set_deadline(server_.deadline());
    for (const auto& [name, value] : server_.client_metadata()) {
      if (name == "authorization")
        context_.AddMetadata("authorization", std::string(value.data(), value.size()));
    }
    stub_.UnaryCall(&context_, server_.method(), {}, &request_, &response_,
                    [this](grpc::Status status) {
                      if (status.ok()) {
                        StartWriteAndFinish(&response_, {}, status);
                      } else {
                        Finish(status);
                      }
                    });
  }
  void OnCancel() override { context_.TryCancel(); }
  void OnDone() override { delete this; }

  grpc::GenericCallbackServerContext& server_;
  grpc::GenericStub& stub_;
  grpc::ClientContext context_;
  grpc::ByteBuffer request_, response_;
};

class Service final : public grpc::CallbackGenericService {
 public:
  explicit Service(grpc::GenericStub& stub) : stub_(stub) {}
  grpc::ServerGenericBidiReactor* CreateReactor(
      grpc::GenericCallbackServerContext* context) override {
    return new Forward(*context, stub_);
  }

 private:
  grpc::GenericStub& stub_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bench-proxy PORT BACKEND_PORT\n");
    return 2;
  }
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  grpc::GenericStub stub(grpc::CreateCustomChannel(std::string("127.0.0.1:") + argv[2],
                                                   grpc::InsecureChannelCredentials(), arguments));
  Service service(stub);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(std::string("127.0.0.1:") + argv[1], grpc::InsecureServerCredentials());
  builder.RegisterCallbackGenericService(&service);
  const auto server = builder.BuildAndStart();
  if (!server) return 1;
  server->Wait();
}
