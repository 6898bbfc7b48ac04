#include "services/session/sim/candidate.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "common/error/error.h"
#include "services/session/sim/forms.h"
#include "services/session/sim/world.h"

namespace invigil::session::sim {

// What a device does once it sits the exam, and how often.
struct Move {
  uint64_t weight;
  void (Device::*make)();
  static const Move kMoves[];
  static void Pick(Device& device, Random& random);
};
const Move Move::kMoves[] = {
    {60, &Device::Save},       {8, &Device::Read},       {3, &Device::Submit},
    {2, &Device::SubmitEarly}, {3, &Device::TakeOver},   {6, &Device::Reconnect},
    {6, &Device::Progress},    {10, &Device::LeavePart}, {3, &Device::TakeBreak},
    {6, &Device::EndBreak},    {2, &Device::Talk},       {5, &Device::Misbehave},
    {3, &Device::StartAgain},
};

void Move::Pick(Device& device, Random& random) {
  uint64_t total = 0;
  for (const Move& move : kMoves) total += move.weight;
  uint64_t dice = random.Below(total);
  for (const Move& move : kMoves) {
    if (dice < move.weight) return (device.*move.make)();
    dice -= move.weight;
  }
}

// One request until it is answered, repeated byte by byte when no answer comes.
struct Device::Exchange {
  Ask ask;
  int tries = 0;
  bool answered = false;
};

Device::Device(World& world, std::string candidate, int number)
    : world_(world), candidate_(std::move(candidate)), number_(number) {
  world_.agenda.In(Millis(200 + world_.random.Below(2500)), [this] { Act(); });
}

void Device::Act() {
  if (over_) return;
  if (known_) {
    Move::Pick(*this, world_.random);
  } else if (starting_ == 0) {
    StartAgain();
  }
  world_.agenda.In(world_.Between(Millis(20), Millis(450)), [this] { Act(); });
}

Ask Device::New(Kind kind) const {
  return {.kind = kind, .candidate = candidate_, .session = session_, .epoch = epoch_};
}

void Device::StartAgain() {
  Ask ask = New(Kind::kStart);
  ask.session = {};
  ask.epoch = 0;
  // A repeated request id is answered as before, a new one finds the live session.
  if (requests_ == 0 || world_.random.Below(3) == 0) ++requests_;
  ask.id = candidate_ + "-" + std::to_string(number_) + "-" + std::to_string(requests_);
  ask.flag = requests_ > 1 && world_.random.Below(2) == 0;
  ++starting_;
  Send(std::move(ask));
}

void Device::TakeOver() {
  Ask ask = New(Kind::kStart);
  ask.session = {};
  ask.epoch = 0;
  ask.id = candidate_ + "-" + std::to_string(number_) + "-" + std::to_string(++requests_);
  ask.flag = true;
  ++starting_;
  Send(std::move(ask));
}

uint32_t Device::Choose(int item) {
  uint32_t options = 0;
  for (int k = 0; k < SelectOf(item); ++k) {
    options |= 1u << world_.random.Below(static_cast<uint64_t>(OptionsOf(item)));
  }
  return options;
}

void Device::Save() {
  Ask ask = New(Kind::kSave);
  const size_t first = PickItem();
  const size_t count = 1 + world_.random.Below(std::min<size_t>(2, local_.size()));
  for (size_t i = 0; i < count; ++i) {
    const size_t item = (first + i) % local_.size();
    Local& local = local_[item];
    local = {local.sequence + 1, world_.random.Below(8) == 0 ? 0 : Choose(static_cast<int>(item)),
             false};
    ask.writes.push_back(
        {static_cast<int>(item), local.sequence, local.options, local.options == 0});
  }
  Send(std::move(ask));
}

void Device::Read() { Send(New(Kind::kRead)); }

// Names all it shows; what the server has not got yet is missing and comes first.
void Device::Submit() {
  Ask ask = New(Kind::kSubmit);
  ask.flag = world_.random.Below(10) == 0;
  ask.seen = Shown();
  Send(std::move(ask));
}

std::vector<std::pair<int, uint32_t>> Device::Shown() const {
  std::vector<std::pair<int, uint32_t>> seen;
  for (size_t i = 0; i < local_.size(); ++i) {
    if (local_[i].sequence > 0) seen.emplace_back(static_cast<int>(i), local_[i].sequence);
  }
  return seen;
}

size_t Device::PickItem() {
  const Part& part = form_->part(part_);
  if (!part.is_section() || world_.random.Below(12) == 0) return world_.random.Below(local_.size());
  return part.first_place + world_.random.Below(part.place_count);
}

void Device::Progress() {
  Ask ask = New(Kind::kProgress);
  ask.part = -1;
  if (world_.random.Below(2) == 0) ask.part = static_cast<int>(PickItem());
  if (world_.random.Below(3) == 0) ask.seen = Shown();
  ask.writes.push_back({static_cast<int>(PickItem()), ++marks_,
                        static_cast<uint32_t>(world_.random.Below(1000)),
                        world_.random.Below(2) == 0});
  if (world_.random.Below(20) == 0) ask.writes[0].sequence = 0;
  Send(std::move(ask));
}

void Device::LeavePart() {
  Ask ask = New(Kind::kLeave);
  ask.part = static_cast<int>(part_);
  if (world_.random.Below(12) == 0) ask.part = static_cast<int>(world_.random.Below(8));
  ask.flag = world_.random.Below(12) != 0;
  ask.seen = Shown();
  Send(std::move(ask));
}

void Device::TakeBreak() {
  Ask ask = New(Kind::kTakeBreak);
  ask.flag = world_.random.Below(2) == 0;
  if (world_.random.Below(4) != 0) ask.version = breaks_ + 1;
  if (world_.random.Below(3) != 0) ask.seen = Shown();
  if (world_.random.Below(3) == 0) ask.seen.emplace_back(static_cast<int>(PickItem()), 0);
  Send(std::move(ask));
}

void Device::EndBreak() {
  Ask ask = New(Kind::kEndBreak);
  if (world_.random.Below(4) != 0) ask.version = breaks_;
  Send(std::move(ask));
}

void Device::Talk() {
  Ask ask = New(world_.random.Below(2) == 0 ? Kind::kMessage : Kind::kConfirm);
  ask.id = "m" + std::to_string(world_.random.Below(6));
  ask.flag = true;
  Send(std::move(ask));
}

// Saves and submits in one breath: the submit may overtake the save.
void Device::SubmitEarly() {
  Save();
  Submit();
}

// Sends again what was not acknowledged, after asking what the server holds.
void Device::Reconnect() {
  Read();
  Ask ask = New(Kind::kSave);
  for (size_t i = 0; i < local_.size(); ++i) {
    const Local& local = local_[i];
    if (local.acked || local.sequence == 0) continue;
    ask.writes.push_back({static_cast<int>(i), local.sequence, local.options, local.options == 0});
  }
  if (!ask.writes.empty()) Send(std::move(ask));
}

// What no good client sends.
void Device::Misbehave() {
  Ask ask = New(Kind::kSave);
  ask.writes.push_back({0, local_[0].sequence + 1, 1, false});
  switch (world_.random.Below(7)) {
    case 0:
      ask.epoch += 1 + static_cast<uint32_t>(world_.random.Below(2));
      break;
    case 1:
      ask.writes[0].item = static_cast<int>(local_.size());
      break;
    case 2:
      ask.writes[0].options = 1u << OptionsOf(0);
      break;
    case 3:
      ask.writes[0].options = 3;  // more than may be selected
      break;
    case 4:
      ask.writes[0].cleared = true;  // and yet an answer
      break;
    case 5:
      ask.candidate = "stranger";
      break;
    default:
      ask.writes[0].sequence = 0;
  }
  world_.Call(ask, [](const Result&) {});
}

void Device::Send(Ask ask) { Try(std::make_shared<Exchange>(Exchange{std::move(ask)})); }

void Device::Try(std::shared_ptr<Exchange> exchange) {
  if (exchange->answered || over_) return;
  if (++exchange->tries > 8) {
    if (exchange->ask.kind == Kind::kStart) --starting_;
    return;
  }
  world_.Call(exchange->ask, [this, exchange](const Result& result) {
    if (std::exchange(exchange->answered, true)) return;
    if (absl::IsUnavailable(result.status()) || absl::IsResourceExhausted(result.status())) {
      exchange->answered = false;
      world_.agenda.In(world_.Between(Millis(20), Millis(200)),
                       [this, exchange] { Try(exchange); });
      return;
    }
    Answer(exchange->ask, result);
  });
  world_.agenda.In(world_.Between(Millis(400), Millis(900)), [this, exchange] { Try(exchange); });
}

void Device::Answer(const Ask& ask, const Result& result) {
  if (ask.kind == Kind::kStart) --starting_;
  if (over_) return;
  if (result.ok()) {
    if (ask.kind == Kind::kStart) Started(ask, *result);
    if (ask.kind == Kind::kSave) Saved(ask, *result);
    if (ask.kind == Kind::kRead || ask.kind == Kind::kLeave || ask.kind == Kind::kTakeBreak ||
        ask.kind == Kind::kEndBreak) {
      Reconcile(*result->state);
    }
    return;
  }
  const std::string reason = ReasonOf(result.status());
  if (reason == "EPOCH_STALE") {
    // Another device took over: mostly this one gives way.
    if (world_.random.Below(3) == 0) {
      TakeOver();
    } else {
      over_ = true;
    }
  } else if (reason == "RESPONSES_MISSING") {
    Reconnect();
    Submit();
  } else if (reason == "ITEMS_LOCKED" || reason == "EDIT_QUOTA_USED") {
    // What the server holds is what counts.
    for (const Write& w : ask.writes) local_[static_cast<size_t>(w.item)] = {};
    Read();
  } else if (reason == "PART_NOT_ENTERED" || reason == "SESSION_NOT_ACTIVE") {
    Read();
  } else if (reason == "SESSION_SEALED" && world_.random.Below(3) != 0) {
    over_ = true;
  }
}

void Device::Started(const Ask& ask, const Outcome& outcome) {
  const State& state = *outcome.state;
  if (!state.form) return;
  if (!known_ || session_ != outcome.session) local_.assign(state.form->size(), {});
  known_ = true;
  form_ = state.form;
  session_ = outcome.session;
  epoch_ = std::max(ask.flag ? epoch_ : 0, state.epoch);
  Reconcile(state);
}

void Device::Saved(const Ask& ask, const Outcome& outcome) {
  if (ask.session != session_) return;
  for (size_t i = 0; i < outcome.acks.size(); ++i) {
    Local& local = local_[static_cast<size_t>(ask.writes[i].item)];
    const Ack& ack = outcome.acks[i];
    if (ack.fate == Ack::Fate::kStored) {
      if (local.sequence == ack.sequence) local.acked = true;
    } else if (ack.stored.sequence >= local.sequence) {
      local = {ack.stored.sequence, ack.stored.options, true};
    }
  }
}

void Device::Reconcile(const State& state) {
  part_ = state.part;
  breaks_ = state.breaks;
  for (size_t i = 0; i < state.responses.size() && i < local_.size(); ++i) {
    const StoredResponse& held = state.responses[i];
    if (held.sequence > local_[i].sequence) local_[i] = {held.sequence, held.options, true};
  }
}

Candidate::Candidate(World& world, const std::string& name) {
  const int devices = world.random.Below(3) == 0 ? 2 : 1;
  for (int i = 0; i < devices; ++i) devices_.push_back(std::make_unique<Device>(world, name, i));
}

}  // namespace invigil::session::sim
