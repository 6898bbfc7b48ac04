#include "tests/bench/sessions.h"

#include <grpcpp/grpcpp.h>

#include "common/auth/token.h"
#include "common/base/ids.h"
#include "common/client/channel.h"
#include "common/rpc/status.h"
#include "invigil/session/v1/delivery.grpc.pb.h"

namespace invigil::bench {

absl::StatusOr<std::vector<LiveSession>> StartSessions(const std::string& target,
                                                       const std::string& key_file,
                                                       const std::string& exam_id, int count) {
  static const SystemClock clock;
  auto minter = auth::TokenMinter::FromFile(key_file, clock);
  if (!minter.ok()) return minter.status();
  auto channel = client::Connect({target});
  if (!channel.ok()) return channel.status();
  const auto stub = session::v1::DeliveryService::NewStub(*channel);
  std::vector<LiveSession> sessions;
  for (int i = 0; i < count; ++i) {
    const std::string subject = "bench-" + RandomHex(8);
    grpc::ClientContext context;
    context.set_wait_for_ready(true);
    client::Prepare(
        context, Seconds(20),
        (*minter)->Mint({.subject = subject, .roles = {"candidate"}, .lifetime = Minutes(600)}),
        telemetry::TraceContext::New());
    session::v1::StartSessionRequest request;
    request.set_exam_id(exam_id);
    request.set_request_id(subject);
    session::v1::StartSessionResponse response;
    if (auto status = rpc::FromGrpc(stub->StartSession(&context, request, &response)); !status.ok())
      return status;
    LiveSession session;
    session.session_id = response.session().session_id();
    session.token = response.session_token();
    session.epoch = response.session().epoch();
    for (const auto& item : response.session().items()) session.item_ids.push_back(item.item_id());
    session.sequences.assign(session.item_ids.size(), 0);
    sessions.push_back(std::move(session));
  }
  return sessions;
}

std::vector<LiveSession> InventSessions(int count) {
  std::vector<LiveSession> sessions(count);
  for (LiveSession& session : sessions) {
    session.session_id = RandomHex(16);
    // As long as a real one, so that the floor carries the same bytes.
    session.token = RandomHex(180);
    for (int i = 0; i < 65; ++i) session.item_ids.push_back(RandomHex(8));
    session.sequences.assign(session.item_ids.size(), 0);
  }
  return sessions;
}

}  // namespace invigil::bench
