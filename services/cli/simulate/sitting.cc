#include "services/cli/simulate/sitting.h"

#include <utility>

#include "common/error/error.h"
#include "services/cli/simulate/behaviour.h"
#include "services/cli/simulate/receipt_audit.h"

namespace invigil::cli {
namespace {

using session::v1::ResponseWrite;
using session::v1::Session;

constexpr Duration kPatience = Seconds(60);

class SittingRun {
 public:
  SittingRun(Api& api, const Sitter& sitter, const ItemBook& book, Meter& meter, const Clock& clock,
             const Retrier::Sleep& sleep)
      : api_(api),
        sitter_(sitter),
        book_(book),
        meter_(meter),
        clock_(clock),
        token_(sitter.token),
        retrier_(clock, sleep, StableSeed(sitter.seed), kPatience,
                 [&meter](const absl::Status& status) { meter.Retried(status); }) {
    outcome_.subject = sitter.subject;
    outcome_.theta = sitter.theta;
  }

  SittingOutcome Run() {
    outcome_.status = Steps();
    return std::move(outcome_);
  }

 private:
  static uint64_t StableSeed(uint64_t seed) { return seed ^ 0x72657472; }

  absl::Status Steps() {
    INVIGIL_RETURN_IF_ERROR(Start());
    const SittingPlan plan = PlanSitting(session_, book_, sitter_.theta, sitter_.seed);
    outcome_.items_right = plan.items_right;
    outcome_.items_unknown = plan.items_unknown;
    for (const auto& save : plan.saves) INVIGIL_RETURN_IF_ERROR(Save(save));
    INVIGIL_RETURN_IF_ERROR(Submit());
    return outcome_.report ? absl::OkStatus() : FetchReport();
  }

  template <typename Function>
  auto Timed(CallKind kind, Function&& call) {
    return retrier_.Run([&] {
      const Duration begin = clock_.Monotonic();
      auto result = call();
      if (result.ok()) meter_.Call(kind, clock_.Monotonic() - begin);
      return result;
    });
  }

  absl::Status Start() {
    session::v1::StartSessionRequest request;
    request.set_exam_id(sitter_.exam_id);
    request.set_request_id(sitter_.subject);  // a subject sits once, so a retry finds its session
    auto started = Timed(CallKind::kStart, [&] { return api_.StartSession(request, token_); });
    if (!started.ok()) return started.status();
    session_ = std::move(*started->mutable_session());
    outcome_.session_id = session_.session_id();
    if (!started->session_token().empty()) token_ = started->session_token();
    return absl::OkStatus();
  }

  absl::Status Save(const std::vector<ResponseWrite>& writes) {
    session::v1::SaveResponsesRequest request;
    request.set_session_id(session_.session_id());
    request.set_epoch(session_.epoch());
    for (const ResponseWrite& write : writes) *request.add_responses() = write;
    auto saved = Timed(CallKind::kSave, [&] { return api_.SaveResponses(request, token_); });
    if (!saved.ok()) return saved.status();
    meter_.Responses(writes.size());
    Lost(audit_.Acknowledged(writes, saved->acks()));
    return absl::OkStatus();
  }

  absl::Status Submit() {
    session::v1::SubmitSessionRequest request;
    request.set_session_id(session_.session_id());
    request.set_epoch(session_.epoch());
    const std::vector<ResponseWrite> newest = audit_.Newest();
    for (const ResponseWrite& write : newest) {
      auto* seen = request.add_seen();
      seen->set_item_id(write.item_id());
      seen->set_sequence(write.sequence());
    }
    auto submitted = SubmitOnce(request);
    if (!submitted.ok() && ReasonOf(submitted.status()) == "RESPONSES_MISSING") {
      // All of them were acknowledged: this is what the simulation is there to find.
      Lost({"the server lacks acknowledged responses at submission"});
      for (const ResponseWrite& write : newest) INVIGIL_RETURN_IF_ERROR(Save({write}));
      submitted = SubmitOnce(request);
    }
    if (!submitted.ok()) return submitted.status();
    Lost(audit_.Check(submitted->receipt()));
    if (submitted->has_report()) outcome_.report = std::move(*submitted->mutable_report());
    return absl::OkStatus();
  }

  absl::StatusOr<session::v1::SubmitSessionResponse> SubmitOnce(
      const session::v1::SubmitSessionRequest& request) {
    return Timed(CallKind::kSubmit, [&] { return api_.SubmitSession(request, token_); });
  }

  absl::Status FetchReport() {
    session::v1::GetScoreReportRequest request;
    request.set_session_id(session_.session_id());
    auto report = Timed(CallKind::kReport, [&] { return api_.GetScoreReport(request, token_); });
    if (!report.ok()) return report.status();
    outcome_.report = *std::move(report);
    return absl::OkStatus();
  }

  void Lost(const std::vector<std::string>& problems) {
    outcome_.lost.insert(outcome_.lost.end(), problems.begin(), problems.end());
  }

  Api& api_;
  const Sitter& sitter_;
  const ItemBook& book_;
  Meter& meter_;
  const Clock& clock_;
  std::string token_;
  Retrier retrier_;
  Session session_;
  ReceiptAudit audit_;
  SittingOutcome outcome_;
};

}  // namespace

SittingOutcome Sit(Api& api, const Sitter& sitter, const ItemBook& book, Meter& meter,
                   const Clock& clock, const Retrier::Sleep& sleep) {
  return SittingRun(api, sitter, book, meter, clock, sleep).Run();
}

}  // namespace invigil::cli
