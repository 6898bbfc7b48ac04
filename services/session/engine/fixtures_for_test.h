// Helpers of the engine's tests: synchronous calls, a way to hold the writer, a log that fails on
// demand.
#pragma once

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "common/testing/wait_until.h"
#include "services/session/domain/fixtures_for_test.h"
#include "services/session/engine/session_engine.h"

namespace invigil::session::fixtures {

using Result = absl::StatusOr<Outcome>;

// Calls `ask` with a callback and waits for it.
inline Result Await(const std::function<void(Done)>& ask) {
  // Shared: the engine may still be inside set_value when the caller has its answer.
  const auto promise = std::make_shared<std::promise<Result>>();
  ask([promise](Result result) { promise->set_value(std::move(result)); });
  return promise->get_future().get();
}
inline Result Ask(SessionEngine& engine, const SessionId& id, Action action,
                  const std::string& candidate = "") {
  return Await([&](Done done) {
    engine.Execute(id, Command{candidate, std::move(action)}, std::move(done));
  });
}
inline Result FindOrReserve(SessionEngine& engine, StartRequest request) {
  return Await([&](Done done) { engine.FindOrReserve(std::move(request), std::move(done)); });
}
inline std::vector<Content> MakeContents(size_t items) {
  std::vector<Content> contents;
  for (size_t i = 0; i < items; ++i) {
    contents.push_back({"content-" + std::to_string(i), "text of " + std::to_string(i)});
  }
  return contents;
}
inline Result StartClock(SessionEngine& engine, const SessionId& id, size_t items = 10,
                         Duration duration = kBase) {
  return Await([&](Done done) {
    engine.StartClock(id, "", Start{MakeForm(items, duration), {}, {}}, MakeContents(items),
                      std::move(done));
  });
}
// A running session.
inline SessionId Activate(SessionEngine& engine, const std::string& candidate = "ann",
                          size_t items = 10, Duration duration = kBase) {
  const Result reserved = FindOrReserve(engine, {candidate, "CLF-C02", "r-" + candidate, false});
  if (!reserved.ok() || !StartClock(engine, reserved->session, items, duration).ok()) std::abort();
  return reserved->session;
}
inline Result SaveOne(SessionEngine& engine, const SessionId& id, size_t item, uint32_t sequence,
                      const char* option = "B", uint32_t epoch = 1) {
  return Ask(engine, id, Save(epoch, {Write(item, sequence, {option})}));
}

// Keeps the writer from taking more until destroyed, so that a test can fill the queue: one batch
// is held in its callback, one waits behind it, and then the writer waits too.
class HeldWriter {
 public:
  explicit HeldWriter(SessionEngine& engine) {
    std::promise<void> held;
    const std::shared_future<void> released = release_.get_future().share();
    engine.Get(SessionId(), "", false, [&held, released](Result) {
      held.set_value();
      released.wait();
    });
    held.get_future().wait();
    const uint64_t commits = engine.Stats().commits;
    engine.Get(SessionId(), "", false, [](Result) {});
    testing::WaitUntil([&] { return engine.Stats().commits > commits; });
  }
  ~HeldWriter() { release_.set_value(); }

 private:
  std::promise<void> release_;
};

// Passes everything on to a real log, unless told to fail.
class FaultyLog final : public EventLog {
 public:
  struct Faults {
    std::atomic<int> append_races{0};  // this many appends lose their race
    std::atomic<int> failing_commits{0};
    std::function<absl::Status(const SessionId&)> on_append;  // set before the engine is made
  };
  FaultyLog(std::unique_ptr<EventLog> log, std::shared_ptr<Faults> faults)
      : log_(std::move(log)), faults_(std::move(faults)) {}

  absl::Status Begin() override { return log_->Begin(); }
  absl::Status Commit() override {
    if (faults_->failing_commits-- > 0) return absl::UnavailableError("the disk is on fire");
    ++faults_->failing_commits;
    return log_->Commit();
  }
  void Rollback() override { log_->Rollback(); }
  uint64_t Generation() const override { return log_->Generation(); }
  bool MayForget() const override { return log_->MayForget(); }
  void Rely(const SessionId& session, uint64_t version) override { log_->Rely(session, version); }
  absl::Status Read(const SessionId& session, uint64_t after, Visitor visit) override {
    return log_->Read(session, after, visit);
  }
  absl::Status Append(const SessionId& session, const Events& events, Time at,
                      const State& after) override {
    if (faults_->append_races-- > 0) return absl::AlreadyExistsError("somebody was first");
    ++faults_->append_races;
    if (faults_->on_append) {
      if (absl::Status status = faults_->on_append(session); !status.ok()) return status;
    }
    return log_->Append(session, events, at, after);
  }
  absl::StatusOr<std::optional<SessionId>> FindStart(std::string_view candidate_id,
                                                     std::string_view request_id) override {
    return log_->FindStart(candidate_id, request_id);
  }
  absl::StatusOr<std::optional<SessionId>> FindLive(std::string_view candidate_id,
                                                    std::string_view exam_id) override {
    return log_->FindLive(candidate_id, exam_id);
  }
  absl::Status RememberStart(std::string_view candidate_id, std::string_view request_id,
                             const SessionId& session) override {
    return log_->RememberStart(candidate_id, request_id, session);
  }
  absl::Status PutContent(std::string_view content_id, std::string_view bytes) override {
    return log_->PutContent(content_id, bytes);
  }
  absl::StatusOr<std::optional<std::string>> GetContent(std::string_view content_id) override {
    return log_->GetContent(content_id);
  }
  absl::Status DeleteOutbox(const SessionId& session, uint32_t attempt_version) override {
    return log_->DeleteOutbox(session, attempt_version);
  }
  absl::Status AddRemark(const Remark& remark) override { return log_->AddRemark(remark); }

 private:
  const std::unique_ptr<EventLog> log_;
  const std::shared_ptr<Faults> faults_;
};

}  // namespace invigil::session::fixtures
