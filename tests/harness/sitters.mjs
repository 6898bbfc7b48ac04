// Sessions that nobody touches until they end, and saves that go on meanwhile: what every fault of
// Redis and of the clock must leave alone.
import assert from 'node:assert/strict';
import { newCandidate } from './connect.mjs';
import { percentile, total, Writer } from './history.mjs';
import { until } from './suite.mjs';

const seconds = (span) => Number(span.replace('s', ''));

/** Sessions of an exam that nobody touches again once they have one response. */
export async function sitters(suite, examId, count = 10) {
  const candidates = await Promise.all(Array.from({ length: count }, () => newCandidate(suite, 'sitter')));
  for (const candidate of candidates) {
    await candidate.start(examId);
    await candidate.save([candidate.write(0, candidate.pick(0))]);
  }
  return candidates;
}

/** What the replicas log of the seal of a session: one line for each time it was sealed, with the replica. */
const seals = (suite, sessionId) =>
  suite.sessions.flatMap((name) =>
    suite
      .logLines(name)
      .filter(({ message, session }) => message === 'session sealed' && session === sessionId)
      .map((line) => ({ ...line, name })),
  );

/**
 * Waits until each session has ended by itself; asserts that it was sealed once, not before its deadline
 * and within `limitMs` after it (half of them within two seconds: a busy machine may hold up a few), and
 * that its response is there. `clockAhead`: by how many milliseconds a
 * replica's own wall clock, which stamps its log, is ahead.
 */
export async function endOnTime(suite, candidates, limitMs = 5000, clockAhead = {}) {
  const lateness = [];
  for (const candidate of candidates) {
    const { sessionId, startTime, duration } = candidate.session;
    await until(() => seals(suite, sessionId).length > 0, 'the session seals itself', 30_000);
    const { time, state, name } = seals(suite, sessionId)[0];
    assert.equal(state, 'EXPIRED');
    const late = Date.parse(time) - (clockAhead[name] ?? 0) - (Date.parse(startTime) + seconds(duration) * 1000);
    assert.ok(late >= -5 && late < limitMs, `${late} ms late`);
    lateness.push(late);
    const { session } = await candidate.get();
    assert.equal(Date.parse(session.endTime) - Date.parse(session.startTime), seconds(session.duration) * 1000);
    assert.equal(session.responses.length, 1);
  }
  const usual = percentile(lateness, 0.5);
  assert.ok(usual < 2000, `half of them more than ${usual} ms late`);
  for (const { session } of candidates) assert.equal(seals(suite, session.sessionId).length, 1, 'sealed once');
}

/**
 * Runs `fault` while candidates save; every save is answered, the slow ones too within a second, and
 * nothing acknowledged is lost. `fault` gets `more(count, what)`, which waits for so many saves more.
 */
export async function savesGoOn(suite, fault) {
  const writers = (await Writer.all(suite, 6)).map((writer) => writer.run());
  const more = (count, what) => {
    const from = total(writers);
    return until(() => total(writers) > from + count, what, 15_000);
  };
  await more(100, 'saves begin');
  for (const writer of writers) writer.latencies.length = 0;
  await fault(more);
  await Promise.all(writers.map((writer) => writer.stop()));
  const latencies = writers.flatMap((writer) => writer.latencies);
  assert.deepEqual(writers.map(({ unknown, lastError }) => [unknown, lastError?.message]), writers.map(() => [0, undefined]), 'no save failed');
  assert.ok(percentile(latencies, 0.99) < 1000, `p99 of a save was ${percentile(latencies, 0.99)} ms`);
  for (const writer of writers) {
    await writer.check();
    writer.judge((await writer.submit()).receipt);
  }
}
