#include "services/session/sim/history.h"

#include "services/session/sim/world.h"

namespace invigil::session::sim {

History PlayHistory(const HistoryOptions& options) {
  World world(options.seed, options.trace, options.bug);
  world.Play();
  History history;
  history.failure = world.checker.failure();
  history.exams = world.checker.exams();
  history.commands = world.checker.commands();
  history.steps = world.agenda.steps();
  history.deaths = world.deaths;
  history.lost_races = world.lost_races;
  history.crashes = world.crashes;
  const auto mix = [&history](uint64_t value) {
    history.fingerprint = (history.fingerprint ^ value) * 0x100000001b3;
  };
  for (const auto& [id, session] : world.store.sessions()) {
    history.events += session.log.size();
    for (const Logged& logged : session.log) {
      mix(logged.event.index());
      mix(static_cast<uint64_t>(ToUnixMicros(logged.at)));
    }
  }
  mix(history.steps);
  return history;
}

}  // namespace invigil::session::sim
