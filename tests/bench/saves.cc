#include "tests/bench/saves.h"

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>

#include "common/base/clock.h"
#include "common/base/deadline.h"
#include "invigil/session/v1/delivery.grpc.pb.h"

namespace invigil::bench {
namespace {

using session::v1::DeliverRequest;
using session::v1::DeliverResponse;
using session::v1::DeliveryService;

std::vector<std::shared_ptr<grpc::Channel>> Connections(const std::string& target, int count) {
  std::vector<std::shared_ptr<grpc::Channel>> channels;
  for (int i = 0; i < count; ++i) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channels.push_back(
        grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments));
    channels.back()->WaitForConnected(DeadlineAfter(Seconds(10)));
  }
  return channels;
}

Duration Now() {
  static const SystemClock clock;
  return clock.Monotonic();
}

// Counts workers down to the end of the run.
class Finish {
 public:
  explicit Finish(size_t workers) : left_(workers) {}
  void Done() {
    std::lock_guard lock(mutex_);
    if (--left_ == 0) all_.notify_all();
  }
  void Wait() {
    std::unique_lock lock(mutex_);
    all_.wait(lock, [this] { return left_ == 0; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable all_;
  size_t left_;
};

class UnaryWorker {
 public:
  UnaryWorker(std::shared_ptr<grpc::Channel> channel, LiveSession& session, Duration end,
              Finish& finish)
      : stub_(DeliveryService::NewStub(channel)),
        session_(session),
        bearer_("Bearer " + session.token),
        end_(end),
        finish_(finish) {}
  void Next() {
    begin_ = Now();
    if (begin_ >= end_) {
      finish_.Done();
      return;
    }
    context_ = std::make_unique<grpc::ClientContext>();
    context_->AddMetadata("authorization", bearer_);
    context_->set_deadline(DeadlineAfter(Seconds(10)));
    const auto save = session_.NextSave();
    request_.Clear();
    request_.set_session_id(session_.session_id);
    request_.set_epoch(session_.epoch);
    auto* write = request_.add_responses();
    write->set_item_id(*save.item_id);
    write->set_sequence(save.sequence);
    write->add_option_ids(save.option_id);
    response_.Clear();
    stub_->async()->SaveResponses(
        context_.get(), &request_, &response_, [this](grpc::Status status) {
          if (status.ok()) {
            ++figures.calls;
            figures.latencies_us.push_back(static_cast<uint32_t>((Now() - begin_).count()));
          } else {
            ++figures.errors;
            if (figures.first_error.empty()) figures.first_error = status.error_message();
          }
          Next();
        });
  }
  Figures figures;

 private:
  std::unique_ptr<DeliveryService::Stub> stub_;
  LiveSession& session_;
  const std::string bearer_;
  const Duration end_;
  Finish& finish_;
  Duration begin_{0};
  std::unique_ptr<grpc::ClientContext> context_;
  session::v1::SaveResponsesRequest request_;
  session::v1::SaveResponsesResponse response_;
};

class DeliverWorker final : public grpc::ClientBidiReactor<DeliverRequest, DeliverResponse> {
 public:
  DeliverWorker(std::shared_ptr<grpc::Channel> channel, LiveSession& session, int window,
                Duration end, Finish& finish)
      : stub_(DeliveryService::NewStub(channel)),
        session_(session),
        end_(end),
        finish_(finish),
        sent_at_(window) {
    context_.AddMetadata("authorization", "Bearer " + session.token);
    context_.set_deadline(DeadlineAfter(end - Now() + Seconds(20)));
  }
  void Begin() {
    stub_->async()->Deliver(&context_, this);
    request_.set_session_id(session_.session_id);
    request_.mutable_open()->set_epoch(session_.epoch);
    writing_ = true;
    StartWrite(&request_);
    StartRead(&response_);
    StartCall();
  }
  Figures figures;

 private:
  // One write at a time; a window of saves may wait for replies. `mutex_` is held.
  void MaybeWrite() {
    if (writing_ || closed_) return;
    if (Now() >= end_) {
      if (acked_ == sent_) {
        closed_ = true;
        StartWritesDone();
      }
      return;
    }
    if (sent_ - acked_ >= sent_at_.size()) return;
    const auto save = session_.NextSave();
    auto* message = request_.mutable_save();
    message->Clear();
    message->set_save_id(sent_);
    auto* write = message->add_responses();
    write->set_item_id(*save.item_id);
    write->set_sequence(save.sequence);
    write->add_option_ids(save.option_id);
    request_.clear_session_id();
    sent_at_[sent_ % sent_at_.size()] = Now();
    ++sent_;
    writing_ = true;
    StartWrite(&request_);
  }
  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    writing_ = false;
    if (ok) MaybeWrite();
  }
  void OnReadDone(bool ok) override {
    if (!ok) return;
    {
      std::lock_guard lock(mutex_);
      if (response_.has_saved()) {
        figures.latencies_us.push_back(static_cast<uint32_t>(
            (Now() - sent_at_[response_.saved().save_id() % sent_at_.size()]).count()));
        ++figures.calls;
        ++acked_;
      } else if (response_.has_refused()) {
        ++figures.errors;
        if (figures.first_error.empty()) figures.first_error = response_.refused().message();
        ++acked_;
      }
      MaybeWrite();
    }
    StartRead(&response_);
  }
  void OnDone(const grpc::Status& status) override {
    if (!status.ok() && figures.first_error.empty()) {
      figures.first_error = status.error_message();
      ++figures.errors;
    }
    finish_.Done();
  }

  std::unique_ptr<DeliveryService::Stub> stub_;
  LiveSession& session_;
  const Duration end_;
  Finish& finish_;
  grpc::ClientContext context_;
  std::mutex mutex_;
  std::vector<Duration> sent_at_;
  uint64_t sent_ = 0, acked_ = 0;
  bool writing_ = false, closed_ = false;
  DeliverRequest request_;
  DeliverResponse response_;
};

}  // namespace

Figures UnarySaves(const std::string& target, std::vector<LiveSession>& sessions, int channels,
                   double seconds) {
  const auto connections = Connections(target, channels);
  Finish finish(sessions.size());
  const Duration begin = Now(), end = begin + Millis(static_cast<int64_t>(seconds * 1000));
  std::vector<std::unique_ptr<UnaryWorker>> workers;
  for (size_t i = 0; i < sessions.size(); ++i)
    workers.push_back(std::make_unique<UnaryWorker>(connections[i % connections.size()],
                                                    sessions[i], end, finish));
  for (auto& worker : workers) worker->Next();
  finish.Wait();
  Figures whole;
  for (auto& worker : workers) Merge(whole, std::move(worker->figures));
  whole.seconds = static_cast<double>((Now() - begin).count()) * 1e-6;
  return whole;
}

Figures DeliverSaves(const std::string& target, std::vector<LiveSession>& sessions, int channels,
                     int window, double seconds) {
  const auto connections = Connections(target, channels);
  Finish finish(sessions.size());
  const Duration begin = Now(), end = begin + Millis(static_cast<int64_t>(seconds * 1000));
  std::vector<std::unique_ptr<DeliverWorker>> workers;
  for (size_t i = 0; i < sessions.size(); ++i)
    workers.push_back(std::make_unique<DeliverWorker>(connections[i % connections.size()],
                                                      sessions[i], window, end, finish));
  for (auto& worker : workers) worker->Begin();
  finish.Wait();
  Figures whole;
  for (auto& worker : workers) Merge(whole, std::move(worker->figures));
  whole.seconds = static_cast<double>((Now() - begin).count()) * 1e-6;
  return whole;
}

}  // namespace invigil::bench
