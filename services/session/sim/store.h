// The database of a simulated suite: what is durable, and each replica's way to write it, with
// every fault a real one has. Shares no code with the SQL stores; held to what event_log.h says.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

#include "services/session/sim/faults.h"
#include "services/session/store/event_log.h"

namespace invigil::session::sim {

struct Logged {
  Time at{};
  Event event;
};

// What one transaction appended to one session.
struct Appended {
  SessionId session;
  uint64_t first = 0;  // sequence of the first event
  std::vector<Logged> events;
  // The session's row afterwards.
  std::optional<Time> due;  // what time alone brings about next
  bool live = false;
  uint32_t attempt_version = 0;
  std::shared_ptr<const Identity> identity;
};

// Durable state, shared by all replicas.
class Store {
 public:
  struct Session {
    std::string candidate, exam;
    std::vector<Logged> log;
    std::optional<Time> due;
    bool live = false;
  };

  explicit Store(Bug bug) : bug_(bug) {}

  const std::map<SessionId, Session>& sessions() const { return sessions_; }
  // How many events are durable.
  uint64_t Version(const SessionId& session) const {
    const auto it = sessions_.find(session);
    return it == sessions_.end() ? 0 : it->second.log.size();
  }
  size_t outbox_size() const { return outbox_.size(); }
  std::vector<Scheduled> ListScheduled(std::optional<Scheduled> after, Time until,
                                       size_t limit) const;
  std::vector<OutboxEntry> ListOutbox(std::optional<OutboxEntry> after, size_t limit) const;

 private:
  friend class SimEventLog;
  using OutboxRow = std::tuple<Time, SessionId, uint32_t>;

  const Bug bug_;
  std::map<SessionId, Session> sessions_;
  std::map<std::pair<std::string, std::string>, SessionId> starts_;
  std::set<OutboxRow> outbox_;
  std::set<std::string> contents_;
  uint64_t commits_ = 0;
  const void* writer_ = nullptr;  // who holds the transaction, when only one may
};

// What happens around a replica's transaction; the replica's part.
class Surroundings {
 public:
  virtual ~Surroundings() = default;
  // May throw Crash.
  virtual void Pass(AwaitPoint point) = 0;
  virtual bool Roll(double chance) = 0;
  // Lets another replica run a transaction here and now.
  virtual void OtherWriterFirst() = 0;
  // The transaction is durable; the replica may not know yet.
  virtual void Durable(const std::vector<Appended>& appended) = 0;
};

class SimEventLog final : public EventLog {
 public:
  // All outlive this.
  SimEventLog(Store& store, const FaultPlan& plan, Surroundings& around)
      : store_(store), plan_(plan), around_(around) {}
  ~SimEventLog() override { Rollback(); }

  absl::Status Begin() override;
  absl::Status Commit() override;
  void Rollback() override;
  uint64_t Generation() const override { return generation_; }
  void Rely(const SessionId& session, uint64_t version) override;
  absl::Status Read(const SessionId& session, uint64_t after, Visitor visit) override;
  absl::Status Append(const SessionId& session, const Events& events, Time at,
                      const State& after) override;
  absl::StatusOr<std::optional<SessionId>> FindStart(std::string_view candidate_id,
                                                     std::string_view request_id) override;
  absl::StatusOr<std::optional<SessionId>> FindLive(std::string_view candidate_id,
                                                    std::string_view exam_id) override;
  absl::Status RememberStart(std::string_view candidate_id, std::string_view request_id,
                             const SessionId& session) override;
  absl::Status PutContent(std::string_view content_id, std::string_view bytes) override;
  absl::StatusOr<std::optional<std::string>> GetContent(std::string_view content_id) override;
  absl::Status DeleteOutbox(const SessionId& session, uint32_t attempt_version) override;

 private:
  using StartKey = std::pair<std::string, std::string>;
  // Whether what the transaction wrote still fits what is durable.
  absl::Status Check() const;
  absl::Status CheckSequence(const Appended& appended) const;
  absl::Status CheckRelied() const;
  void Apply();
  void Project(const Appended& appended, const Logged& logged);
  void ClearOutbox(const SessionId& id);

  Store& store_;
  const FaultPlan& plan_;
  Surroundings& around_;
  bool open_ = false;
  uint64_t generation_ = 1, own_commits_ = 0, foreign_seen_ = 0;
  // Of the open transaction.
  std::vector<Appended> appended_;
  std::vector<std::pair<StartKey, SessionId>> starts_;
  std::vector<std::string> contents_;
  std::vector<std::pair<SessionId, uint32_t>> delivered_;
  std::vector<std::pair<SessionId, uint64_t>> relied_;
};

}  // namespace invigil::session::sim
