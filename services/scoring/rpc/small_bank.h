// For tests: an item bank with one form, and requests to score it.
#pragma once

#include <grpcpp/grpcpp.h>

#include <string>

#include "common/error/error.h"
#include "common/rpc/guard.h"
#include "common/rpc/unary.h"
#include "invigil/itembank/v1/key.grpc.pb.h"
#include "invigil/scoring/v1/scoring.pb.h"

namespace invigil::scoring::testing {

inline constexpr int kItems = 50;

// The form equals the base form: 50 items of ability 0, cut 35; every tenth place is a pretest
// item.
inline itembank::v1::GetScoringKeyResponse PracticeKey() {
  itembank::v1::GetScoringKeyResponse key;
  key.set_form_id("form-1");
  key.set_key_version(1);
  key.set_exam_id("CLF-C02");
  key.set_exam_version(2);
  key.set_title("Practice exam");
  for (int i = 0; i < kItems + 5; ++i) {
    auto* item = key.add_items();
    item->set_item_id("item" + std::to_string(100 + i));
    item->set_operational(i % 11 != 10);
    item->set_domain_id(i < 25 ? "1" : "2");
    item->add_key_option_ids("B");
    item->set_rule(itembank::v1::SCORING_RULE_ALL_OR_NOTHING);
    item->set_option_count(4);
    item->set_bank_item_id("bank-" + std::to_string(i));
    item->set_bank_item_version(1);
    for (const char* option : {"a", "b", "c", "d"}) item->add_authored_option_ids(option);
    if (!item->operational()) continue;
    item->mutable_irt()->set_slope(1);
    item->mutable_irt()->set_lower_asymptote(0.2);
    *key.mutable_standard()->add_base_form() = item->irt();
  }
  key.mutable_standard()->set_base_cut_raw(35);
  for (const char* id : {"1", "2"}) {
    auto* domain = key.add_domains();
    domain->set_domain_id(id);
    domain->set_name("Domain");
    domain->set_weight_percent(50);
  }
  key.mutable_scale()->set_min(100);
  key.mutable_scale()->set_max(1000);
  key.mutable_scale()->set_cut(700);
  key.set_disclaimer("A practice estimate.");
  return key;
}

class SmallBank final : public itembank::v1::KeyService::CallbackService {
 public:
  explicit SmallBank(const rpc::Guard& guard)
      : guard_(guard), method_(guard.Find("/invigil.itembank.v1.KeyService/GetScoringKey")) {}
  grpc::ServerUnaryReactor* GetScoringKey(grpc::CallbackServerContext* context,
                                          const itembank::v1::GetScoringKeyRequest* request,
                                          itembank::v1::GetScoringKeyResponse* response) override {
    auto* call = rpc::UnaryCall::Begin(*context, guard_, method_);
    if (!call->admitted()) return call;
    if (request->form_id() != "form-1") {
      call->Finish(NotFound("FORM_NOT_FOUND", "no such form"));
      return call;
    }
    *response = PracticeKey();
    call->Finish(absl::OkStatus());
    return call;
  }

 private:
  const rpc::Guard& guard_;
  const rpc::Method& method_;
};

// The first `right` operational items right, all else wrong.
inline v1::ScoreSessionRequest PracticeRequest(int right,
                                               const std::string& session_id = "session-1") {
  v1::ScoreSessionRequest request;
  request.set_session_id(session_id);
  request.set_attempt_version(1);
  request.set_form_id("form-1");
  const itembank::v1::GetScoringKeyResponse key = PracticeKey();
  for (const auto& item : key.items()) {
    auto* response = request.add_responses();
    response->set_item_id(item.item_id());
    response->add_option_ids(item.operational() && right-- > 0 ? "B" : "C");
  }
  return request;
}

}  // namespace invigil::scoring::testing
