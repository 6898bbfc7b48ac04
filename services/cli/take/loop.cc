#include "services/cli/take/loop.h"

#include "services/cli/take/draw.h"

namespace invigil::cli::take {
namespace {

// So that the shown second changes when the real one does.
Duration UntilNextSecond(const State& state, Duration now) {
  const Duration left = TimeLeft(state, now);
  if (left <= Duration(0)) return Millis(250);
  const Duration part = left % Duration(Seconds(1));
  return part == Duration(0) ? Duration(Seconds(1)) : part;
}

}  // namespace

bool RunLoop(Terminal& terminal, State& state, Courier& courier, NewsQueue& news,
             const Clock& clock) {
  for (;;) {
    const Duration now = clock.Monotonic();
    terminal.Show(Draw(state, terminal.size(), now));
    const Terminal::Input input = terminal.Wait(news.fd(), UntilNextSecond(state, now));
    for (const News& item : news.TakeAll()) courier.Post(Take(state, item, clock.Monotonic()));
    courier.Post(Tick(state, clock.Monotonic()));
    if (input.ended) return false;
    for (const Key& key : input.keys) {
      const Outbox outbox = Press(state, key, clock.Monotonic());
      courier.Post(outbox);
      if (outbox.leave) return true;
    }
  }
}

}  // namespace invigil::cli::take
