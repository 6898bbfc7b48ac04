#include "tests/bench/seed.h"

#include <memory>
#include <utility>

#include "common/base/ids.h"
#include "common/error/error.h"
#include "services/session/domain/apply.h"
#include "services/session/domain/decide.h"
#include "services/session/store/open.h"

namespace invigil::session::bench {
namespace {

constexpr int kSessionsPerCommit = 1000;

std::string Padded(const std::string& before, int number, size_t length) {
  const std::string digits = std::to_string(number);
  return before + std::string(length - before.size() - digits.size(), '0') + digits;
}

// Ids are as long as the item bank's.
std::shared_ptr<const Form> MakeForm(Duration length) {
  std::vector<PlaceSpec> places;
  for (int k = 0; k < kItems; ++k) {
    places.push_back({SeededItem(k), Padded("content-", k, 24), {2, 0, 3, 1}, 1});
  }
  return *Form::Create({Padded("form-", 0, 32), "Bench", 1, length}, places);
}

// One session under construction.
class Sitting {
 public:
  Sitting(EventLog& log, SessionId id) : log_(log), id_(id) {}

  absl::Status Do(Action action, Time now) {
    const Decision decision = Decide(state_, {"", std::move(action)}, now);
    if (!decision.status.ok()) return decision.status;
    for (const Event& event : decision.events) {
      INVIGIL_RETURN_IF_ERROR(Apply(state_, event, decision.at));
      INVIGIL_RETURN_IF_ERROR(log_.Append(id_, {event}, decision.at, state_));
    }
    return absl::OkStatus();
  }

 private:
  EventLog& log_;
  const SessionId id_;
  State state_;
};

absl::Status SeedOne(EventLog& log, const Seeding& seeding, int number, const SessionId& id,
                     const std::shared_ptr<const Form>& form) {
  const Time start = seeding.started_at(number);
  Sitting sitting(log, id);
  INVIGIL_RETURN_IF_ERROR(
      sitting.Do(Reserve{{CandidateOf(seeding, number), "CLF-C02", "bench"}}, start));
  INVIGIL_RETURN_IF_ERROR(sitting.Do(Start{form, {}, {}}, start));
  for (int place = 0; place < seeding.answered; ++place) {
    ResponseWrite write{SeededItem(place), 1, {}, false};
    write.options.Add(OptionId(static_cast<size_t>(place % 4)));
    SaveResponses save{1, {}};
    save.responses.push_back(std::move(write));
    INVIGIL_RETURN_IF_ERROR(sitting.Do(std::move(save), start + Seconds(30 * (place + 1))));
  }
  return absl::OkStatus();
}

}  // namespace

std::string SeededItem(int place) { return Padded("item-", place, 16); }

std::string CandidateOf(const Seeding& seeding, int number) {
  return seeding.name + "-" + std::to_string(number);
}

absl::StatusOr<std::vector<SessionId>> Seed(const Seeding& seeding) {
  auto opened = OpenEventLog(seeding.store);
  if (!opened.ok()) return opened.status();
  EventLog& log = **opened;
  const auto form = MakeForm(seeding.length);
  std::vector<SessionId> ids;
  while (static_cast<int>(ids.size()) < seeding.sessions) {
    INVIGIL_RETURN_IF_ERROR(log.Begin());
    for (int k = 0; k < kSessionsPerCommit && static_cast<int>(ids.size()) < seeding.sessions;
         ++k) {
      const int number = static_cast<int>(ids.size());
      ids.push_back(*SessionId::FromHex(NewId(seeding.started_at(number))));
      INVIGIL_RETURN_IF_ERROR(SeedOne(log, seeding, number, ids.back(), form));
    }
    INVIGIL_RETURN_IF_ERROR(log.Commit());
  }
  return ids;
}

}  // namespace invigil::session::bench
