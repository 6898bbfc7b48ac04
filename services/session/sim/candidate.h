// A candidate with one or two devices, as a well-made client behaves: it keeps what was not
// acknowledged and sends it again, reconciles after a loss, and gives way to a take-over.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "services/session/sim/replica.h"

namespace invigil::session::sim {

class Device {
 public:
  Device(World& world, std::string candidate, int number);
  void Leave() { over_ = true; }

 private:
  friend struct Move;
  struct Local {
    uint32_t sequence = 0, options = 0;
    bool acked = true;
  };
  struct Exchange;

  void Act();
  void Send(Ask ask);
  void Try(std::shared_ptr<Exchange> exchange);
  void Answer(const Ask& ask, const Result& result);
  void Started(const Ask& ask, const Outcome& outcome);
  void Saved(const Ask& ask, const Outcome& outcome);
  // Takes what the server holds where it is newer.
  void Reconcile(const State& state);

  // What it may do next; see kMoves.
  void Save();
  void Read();
  void Submit();
  void SubmitEarly();
  void TakeOver();
  void Reconnect();
  void Misbehave();
  void StartAgain();
  void Progress();
  void LeavePart();
  void TakeBreak();
  void EndBreak();
  void Talk();

  Ask New(Kind kind) const;
  uint32_t Choose(int item);
  // Mostly one of the part it believes to be in.
  size_t PickItem();
  std::vector<std::pair<int, uint32_t>> Shown() const;

  World& world_;
  const std::string candidate_;
  const int number_;
  bool over_ = false, known_ = false;
  int requests_ = 0, starting_ = 0;
  SessionId session_;
  uint32_t epoch_ = 0;
  std::vector<Local> local_;
  uint32_t marks_ = 0;
  // As last heard.
  std::shared_ptr<const Form> form_;
  uint32_t part_ = 0;
  uint32_t breaks_ = 0;
};

class Candidate {
 public:
  Candidate(World& world, const std::string& name);
  void Leave() {
    for (auto& device : devices_) device->Leave();
  }

 private:
  std::vector<std::unique_ptr<Device>> devices_;
};

}  // namespace invigil::session::sim
