// Random histories of several devices (messages reordered, doubled and delayed, take-overs, grants,
// a clock that jumps) against a reference model that shares no code with the domain. Set
// INVIGIL_TEST_SEED to repeat a run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "common/base/random.h"
#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/clock.h"
#include "services/session/domain/decide.h"
#include "services/session/domain/fixtures_for_test.h"
#include "services/session/domain/transitions.h"

namespace invigil::session {
namespace {

constexpr int kItems = 4;  // few, so that devices meet on the same ones
constexpr int kHistories = 20000;
constexpr int kSteps = 60;
constexpr int64_t kBaseUs = 1'000'000;

// A message in plain words.
struct Message {
  enum Kind { kSave, kSubmit, kTakeOver, kGrant, kExpire, kRead, kStart, kScore, kVoid } kind;
  uint32_t epoch = 0;
  struct Write {
    int item = 0;
    uint32_t sequence = 0;
    std::string letters;  // "AB"; empty: cleared
  };
  std::vector<Write> writes;                   // kSave
  std::vector<std::pair<int, uint32_t>> seen;  // kSubmit
  std::string grant;                           // kGrant
  int64_t amount = 0;                          // kGrant
};

// The rules, as simply as they can be said.
struct Reference {
  bool started = false, scored = false, voided = false;
  int64_t start = 0, last = 0;
  uint32_t epoch = 1, deadline_version = 1, seals = 0;
  std::map<std::string, int64_t> grants;
  std::map<int, std::pair<uint32_t, std::string>> held;
  std::optional<int64_t> end;
  std::string how;

  int64_t DeadlineUs() const {
    int64_t sum = start + kBaseUs;
    for (const auto& [id, amount] : grants) sum += amount;
    return sum;
  }
  std::string Closed() const {
    return voided || !started ? "SESSION_NOT_ACTIVE" : end ? "SESSION_SEALED" : "";
  }
  std::string EpochFault(uint32_t e) const {
    return e == epoch ? "" : e < epoch ? "EPOCH_STALE" : "EPOCH_UNKNOWN";
  }

  // The reason of the refusal, empty when accepted; `stale` gets one entry a write.
  std::string Take(const Message& m, int64_t now, std::vector<bool>& stale) {
    now = std::max(now, last);
    if (started && !end && !voided && now >= DeadlineUs()) {
      end = DeadlineUs();
      how = "EXPIRED";
      ++seals;
      last = now;
    }
    const auto happened = [&] {
      last = now;
      return std::string();
    };
    switch (m.kind) {
      case Message::kRead:
        return "";
      case Message::kStart:
        if (voided) return "SESSION_NOT_ACTIVE";
        if (started) return "";
        started = true;
        start = now;
        return happened();
      case Message::kSave: {
        if (std::string why = Closed(); !why.empty()) return why;
        if (std::string why = EpochFault(m.epoch); !why.empty()) return why;
        for (const auto& w : m.writes) {
          if (w.item >= kItems) return "RESPONSE_INVALID";
          if (w.letters.size() > (w.item % 3 == 2 ? 2u : 1u)) return "RESPONSE_INVALID";
        }
        for (const auto& w : m.writes) {
          auto& [sequence, letters] = held[w.item];
          stale.push_back(w.sequence <= sequence && w.letters != letters);
          if (w.sequence <= sequence) continue;
          sequence = w.sequence;
          letters = w.letters;
          last = now;
        }
        return "";
      }
      case Message::kSubmit: {
        if (end && !voided) return EpochFault(m.epoch);
        if (std::string why = Closed(); !why.empty()) return why;
        if (std::string why = EpochFault(m.epoch); !why.empty()) return why;
        for (const auto& [item, sequence] : m.seen) {
          if (held[item].first < sequence) return "RESPONSES_MISSING";
        }
        end = now;
        how = "SUBMITTED";
        ++seals;
        return happened();
      }
      case Message::kTakeOver:
        if (end && !voided) return "SESSION_SEALED";
        if (voided) return "SESSION_NOT_ACTIVE";
        ++epoch;
        return happened();
      case Message::kGrant:
        if (grants.count(m.grant)) return grants[m.grant] == m.amount ? "" : "GRANT_CONFLICT";
        if (end && !voided) return "SESSION_SEALED";
        if (voided) return "SESSION_NOT_ACTIVE";
        if (m.amount == 0) return "GRANT_INVALID";
        if (m.amount < 0 && (!started || DeadlineUs() + m.amount <= now)) return "GRANT_INVALID";
        grants[m.grant] = m.amount;
        ++deadline_version;
        return happened();
      case Message::kExpire:
        return end || voided ? "" : "DEADLINE_NOT_REACHED";
      case Message::kScore:
        if (voided) return "SESSION_VOIDED";
        if (!end) return "SESSION_NOT_SEALED";
        if (scored) return "";
        scored = true;
        return happened();
      case Message::kVoid:
        if (voided) return "";
        voided = true;
        return happened();
    }
    return "unreachable";
  }

  std::string Name() const {
    if (voided) return "VOIDED";
    if (scored) return "RELEASED";
    if (end) return how;
    return started ? "ACTIVE" : "READY";
  }
};

Command ToCommand(const Message& m) {
  switch (m.kind) {
    case Message::kSave: {
      SaveResponses save{m.epoch, {}};
      for (const auto& w : m.writes) {
        ResponseWrite write{
            fixtures::ItemId(static_cast<size_t>(w.item)), w.sequence, {}, w.letters.empty()};
        for (char letter : w.letters) write.options.Add(std::string_view(&letter, 1));
        save.responses.push_back(std::move(write));
      }
      return {"ann", std::move(save)};
    }
    case Message::kSubmit: {
      Submit submit{m.epoch, {}};
      for (const auto& [item, sequence] : m.seen) {
        submit.seen.push_back({fixtures::ItemId(static_cast<size_t>(item)), sequence});
      }
      return {"ann", std::move(submit)};
    }
    case Message::kTakeOver:
      return {"ann", TakeOver{}};
    case Message::kGrant:
      return {"", GrantTime{{m.grant, Duration(m.amount)}, "proctor", "delay"}};
    case Message::kExpire:
      return {"", Expire{}};
    case Message::kRead:
      return {"ann", Read{}};
    case Message::kStart:
      return {"ann", Start{fixtures::MakeForm(kItems, Duration(kBaseUs))}};
    case Message::kScore:
      return {"", RecordScore{1, std::make_shared<const std::string>("report"), true}};
    case Message::kVoid:
      return {"", Void{"a test"}};
  }
  return {};
}

// A device: knows an epoch, counts its own sequences, and learns only when it reads.
struct Device {
  uint32_t epoch = 1;
  std::map<int, uint32_t> sequences;
};

class History {
 public:
  explicit History(uint64_t seed) : random_(seed) {}

  void Play() {
    const Decision reserved =
        Decide(state_, {"ann", Reserve{{"ann", "CLF-C02", "r"}}}, Time(Duration(now_)));
    Record(reserved);
    reference_.last = now_;
    for (int step = 0; step < kSteps && !::testing::Test::HasFailure(); ++step) {
      now_ += static_cast<int64_t>(random_.Below(40'000));
      if (random_.Below(12) == 0) now_ -= static_cast<int64_t>(random_.Below(60'000));
      if (random_.Below(80) == 0)
        now_ = reference_.DeadlineUs() - static_cast<int64_t>(random_.Below(3)) + 1;
      if (random_.Below(3) != 0 || waiting_.empty()) waiting_.push_back(Compose());
      const size_t pick = random_.Below(waiting_.size());
      const Message message = waiting_[pick];
      if (random_.Below(3) != 0) waiting_.erase(waiting_.begin() + static_cast<long>(pick));
      Deliver(message);
    }
    State replayed;
    for (const auto& [event, at] : log_) ASSERT_TRUE(Apply(replayed, event, at).ok());
    EXPECT_EQ(replayed, state_) << "the log does not replay to the same state";
  }

 private:
  Message Compose() {
    Device& device = devices_[random_.Below(devices_.size())];
    if (random_.Below(4) == 0) {  // it reads the session
      device.epoch = state_.epoch;
      for (auto& [item, held] : reference_.held) {
        device.sequences[item] = std::max(device.sequences[item], held.first);
      }
    }
    Message m{};
    const uint64_t dice = random_.Below(100);
    if (dice < 55) {
      m.kind = Message::kSave;
      m.epoch = device.epoch;
      const int first = static_cast<int>(random_.Below(kItems));
      const int count = 1 + static_cast<int>(random_.Below(2));
      for (int i = 0; i < count; ++i) {
        const int item = random_.Below(40) == 0 ? kItems + i : (first + i) % kItems;
        std::string letters;
        for (const char letter : {'A', 'B', 'C'}) {
          if (random_.Below(4) == 0) letters += letter;
        }
        m.writes.push_back({item, ++device.sequences[item], letters});
      }
    } else if (dice < 59) {
      m.kind = Message::kSubmit;
      m.epoch = device.epoch;
      for (const auto& [item, sequence] : device.sequences) {
        if (item < kItems && sequence > 0) m.seen.emplace_back(item, sequence);
      }
    } else if (dice < 64) {
      m.kind = Message::kTakeOver;
    } else if (dice < 72) {
      m.kind = Message::kGrant;
      m.grant = "g" + std::to_string(random_.Below(5));
      m.amount = (static_cast<int64_t>(random_.Below(9)) - 3) * 70'000;
    } else if (dice < 78) {
      m.kind = Message::kExpire;
    } else if (dice < 84) {
      m.kind = Message::kRead;
    } else if (dice < 94) {
      m.kind = Message::kStart;
    } else if (dice < 98) {
      m.kind = Message::kScore;
    } else {
      m.kind = random_.Below(4) == 0 ? Message::kVoid : Message::kRead;
    }
    return m;
  }

  void Deliver(const Message& message) {
    const State before = state_;
    const Decision decision = Decide(state_, ToCommand(message), Time(Duration(now_)));
    Record(decision);
    std::vector<bool> stale;
    const std::string reason = reference_.Take(message, now_, stale);
    EXPECT_EQ(ReasonOf(decision.status), reason);
    ASSERT_EQ(decision.acks.size(), stale.size());
    for (size_t i = 0; i < stale.size(); ++i) {
      EXPECT_EQ(decision.acks[i].fate == Ack::Fate::kStale, stale[i]);
      EXPECT_EQ(decision.acks[i].stored, state_.responses[decision.acks[i].place]);
    }
    Compare();
    // I4: what was accepted, was accepted before the deadline that stood then.
    for (const Event& event : decision.events) {
      if (std::holds_alternative<ResponsesStored>(event)) {
        EXPECT_LT(decision.at, *DueTime(before));
      }
    }
    // I5: no more time than was given; and the start never moves.
    if (state_.ended_at) {
      EXPECT_LE(*state_.ended_at, *state_.started_at + ExamTime(state_));
      EXPECT_GE(*state_.ended_at, *state_.started_at);
    }
    if (before.started_at) {
      EXPECT_EQ(before.started_at, state_.started_at);
    }
    if (before.ended_at) {
      EXPECT_EQ(before.responses, state_.responses);
    }
  }

  void Record(const Decision& decision) {
    for (const Event& event : decision.events) {
      // I3: every step is in the table.
      const auto next = Next(state_.state, *TriggerOf(event));
      ASSERT_TRUE(next.has_value());
      ASSERT_TRUE(Apply(state_, event, decision.at).ok());
      EXPECT_EQ(state_.state, *next);
      log_.emplace_back(event, decision.at);
    }
  }

  void Compare() {
    EXPECT_EQ(StateName(state_.state), reference_.Name());
    EXPECT_EQ(state_.epoch, reference_.epoch);
    EXPECT_EQ(state_.deadline_version, reference_.deadline_version);
    EXPECT_EQ(state_.attempt_version, reference_.seals);
    EXPECT_EQ(state_.ended_at.has_value(), reference_.end.has_value());
    if (reference_.end && state_.ended_at) {
      EXPECT_EQ(ToUnixMicros(*state_.ended_at), *reference_.end);
    }
    if (state_.state == SessionState::kActive) {
      ASSERT_TRUE(DueTime(state_).has_value());
      EXPECT_EQ(ToUnixMicros(*DueTime(state_)), reference_.DeadlineUs());
    }
    for (const auto& [item, held] : reference_.held) {
      const StoredResponse& stored = state_.responses[static_cast<size_t>(item)];
      EXPECT_EQ(stored.sequence, held.first);
      std::string letters;
      for (size_t k = 0; k < Form::kMaxOptions; ++k) {
        if (stored.options >> k & 1) letters += OptionId(k);
      }
      EXPECT_EQ(letters, held.second);
    }
  }

  Random random_;
  State state_;
  Reference reference_;
  std::vector<std::pair<Event, Time>> log_;
  std::vector<Device> devices_ = std::vector<Device>(3);
  std::vector<Message> waiting_;
  int64_t now_ = 1'800'000'000'000'000;
};

TEST(SessionModelTest, RandomHistoriesAgreeWithTheReference) {
  const char* given = std::getenv("INVIGIL_TEST_SEED");
  const uint64_t seed = given ? std::strtoull(given, nullptr, 10) : std::random_device()();
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  for (uint64_t i = 0; i < kHistories; ++i) {
    SCOPED_TRACE("INVIGIL_TEST_SEED=" + std::to_string(seed) + " history " + std::to_string(i));
    History(seed + i).Play();
    if (HasFailure()) break;
  }
}

// The table itself: only a reopening makes what is sealed run again, and nothing undoes a void.
TEST(TransitionsTest, NothingLeadsBack) {
  const auto sealed = [](SessionState s) { return s >= SessionState::kSubmitted; };
  for (const Transition& t : Transitions()) {
    if (sealed(t.from)) {
      EXPECT_EQ(sealed(t.to), t.on != Trigger::kReopen);
    }
    EXPECT_NE(t.from, SessionState::kVoided);
    EXPECT_EQ(Next(t.from, t.on), t.to);
    if (t.on == Trigger::kStore) {
      EXPECT_EQ(t.from, SessionState::kActive);
    }
  }
  EXPECT_EQ(Next(SessionState::kReleased, Trigger::kStore), std::nullopt);
}

}  // namespace
}  // namespace invigil::session
