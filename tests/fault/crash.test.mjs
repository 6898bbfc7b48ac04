// The session service dies between two system calls: after a commit and before its answer, between a
// claim and the seal, in the middle of anything. A preloaded library ends it there (disk_fault.cc).
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newCandidate, newId } from '../harness/connect.mjs';
import { DiskFault } from '../harness/disk_fault.mjs';
import { publishShort } from '../harness/exams.mjs';
import { Writer } from '../harness/history.mjs';
import { Record, recorded } from '../harness/record.mjs';
import { assertScored } from '../harness/scored.mjs';
import { Suite, until } from '../harness/suite.mjs';

let suite;
const faults = {};
before(async () => {
  suite = await Suite.start({
    sessions: 2,
    prepare: ({ dir, sessions, env }) => {
      for (const name of sessions) {
        faults[name] = new DiskFault(dir, 'session.db');
        env[name] = faults[name].env;
      }
    },
  });
  suite.record = new Record();
  await publishShort(suite, 4);
});
after(() => suite?.stop());

/** Runs `work` with one replica alone, so that what it does is what is done. */
async function alone(work) {
  await suite.kill('session2');
  try {
    await work();
  } finally {
    faults.session.clear();
    if (!suite.children.session.running) await suite.startOne('session');
    await suite.startOne('session2');
  }
}

/** Arms `fault`, sends `request`, waits for the death, starts the service again; gives the outcome. */
async function dieDuring(action, request, argument) {
  faults.session.set(action, argument);
  const outcome = request().then((answer) => ({ answer }), (error) => ({ error }));
  const exit = await suite.children.session.ends();
  assert.equal(exit.signal, 'SIGKILL');
  faults.session.clear();
  await suite.startOne('session');
  return outcome;
}

/** Notes a save in the record. */
function note(candidate, responses, sendTime, outcome) {
  for (const { item, sequence, value } of recorded(responses)) suite.record.write({ client: candidate.subject, session: candidate.session.sessionId, item, sequence, value, sendTime, receiveTime: Date.now(), outcome });
}

describe('death between the commit and the answer', () => {
  for (const action of ['killAfterSync', 'killBeforeAnswer']) {
    it(`of a save (${action}): the repeat is answered as the first would have been, and there is one response`, () =>
      alone(async () => {
        const candidate = await newCandidate(suite);
        await candidate.start();
        for (let round = 0; round < 2; ++round) {
          const responses = [candidate.write(round, candidate.pick(round)), candidate.write(9, candidate.pick(9, round))];
          const sendTime = Date.now();
          // One attempt: the gateway's own second one would hide what the client must cope with.
          const { error } = await dieDuring(action, () => candidate.save(responses));
          note(candidate, responses, sendTime, error ? 'unknown' : 'ok');
          const { session } = await candidate.get();
          const stored = session.responses.filter(({ itemId }) => responses.some((write) => write.itemId === itemId));
          assert.equal(stored.length, 2, 'what was committed is there, though nobody was told');
          const { acks } = await candidate.save(responses);
          assert.deepEqual(acks.map(({ status }) => status), ['ACK_STATUS_STORED', 'ACK_STATUS_STORED']);
          assert.deepEqual((await candidate.get()).session.responses, session.responses);
        }
      }));

    it(`of a start (${action}): the clock has started once`, () =>
      alone(async () => {
        const candidate = await newCandidate(suite);
        const requestId = newId('r');
        // The first commit reserves, the second starts the clock.
        for (const commit of [1, 1]) await dieDuring(action, () => candidate.start('CLF-C02', requestId), commit);
        const { session } = await candidate.start('CLF-C02', requestId);
        const again = await candidate.start('CLF-C02', newId('r'));
        assert.deepEqual([again.session.sessionId, again.session.startTime], [session.sessionId, session.startTime]);
        assert.equal(session.items.length, 65);
      }));

    it(`of a submit (${action}): sealed once, scored once, the same receipt`, () =>
      alone(async () => {
        const candidate = await newCandidate(suite);
        await candidate.start();
        await candidate.save(Array.from({ length: 10 }, (_, i) => candidate.write(i, candidate.pick(i))));
        await dieDuring(action, () => candidate.submit());
        const { session } = await candidate.get();
        assert.notEqual(session.state, 'SESSION_STATE_ACTIVE', 'the seal was committed');
        const answer = await candidate.submit();
        assert.equal(answer.endTime, session.endTime);
        assert.equal(answer.receipt.length, 10);
        await until(() => candidate.report(), 'the report', 20_000);
        await assertScored(suite, session.sessionId, answer.receipt);
      }));
  }
});

describe('death between the claim and the seal', () => {
  /** Sessions of four seconds with some responses, as writers that are done. */
  const sitters = async (count) => {
    const writers = await Writer.all(suite, count, 'CLF-4S');
    for (const [i, writer] of writers.entries()) await writer.answer(i);
    return writers;
  };
  const deadlineOf = ({ candidate: { session } }) => Date.parse(session.startTime) + 4000;
  /** Waits until the session is over; gives how late that was seen. */
  const over = async (writer) => {
    const { session } = await until(async () => {
      const answer = await writer.candidate.get();
      return answer.session.state !== 'SESSION_STATE_ACTIVE' && answer;
    }, 'the session ends', 20_000);
    assert.equal(Date.parse(session.endTime), deadlineOf(writer));
    assert.equal(session.responses.length, 1);
    return session;
  };
  const scoredOnce = async (writer) => {
    await until(() => writer.candidate.report(), 'the report', 20_000);
    await assertScored(suite, writer.sessionId, (await writer.candidate.submit()).receipt);
  };

  it('the other replica ends the session within the lease and the scan, once', async () => {
    // The one that comes to seal first dies before it writes; the other is there. Which one that is, is
    // theirs to settle: until this one has died, another lot sits.
    const writers = [];
    for (let round = 0; round < 8 && suite.children.session.running; ++round) {
      faults.session.clear();
      const lot = await sitters(6);
      writers.push(...lot);
      faults.session.set('killBeforeWrite');
      await Promise.race([suite.children.session.exited, until(() => lot.every((writer) => Date.now() > deadlineOf(writer) + 1000), 'the deadlines', 10_000)]);
    }
    assert.ok(!suite.children.session.running, 'it died before it wrote');
    for (const writer of writers) {
      // Nobody reads it before the scan had its time: a read would seal it too.
      await until(() => suite.sessions.some((name) => suite.logLines(name).some(({ message, session }) => message === 'session sealed' && session === writer.sessionId)), 'sealed by itself', 20_000);
      await over(writer);
    }
    faults.session.clear();
    if (!suite.children.session.running) await suite.startOne('session');
    for (const writer of writers) await scoredOnce(writer);
    for (const writer of writers) {
      const seals = suite.sessions.flatMap((name) => suite.logLines(name).filter(({ message, session }) => message === 'session sealed' && session === writer.sessionId));
      assert.equal(seals.length, 1, 'sealed once');
    }
  });

  it('the only replica ends it after its restart', () =>
    alone(async () => {
      const writers = await sitters(6);
      faults.session.set('killBeforeWrite');
      const { signal } = await suite.children.session.ends();
      assert.equal(signal, 'SIGKILL');
      assert.ok(Date.now() >= Math.min(...writers.map(deadlineOf)) - 20, 'it died at the seal');
      faults.session.clear();
      await suite.startOne('session');
      for (const writer of writers) {
        const line = await suite.logged('session', ({ message, session }) => message === 'session sealed' && session === writer.sessionId, 'the seal');
        assert.equal(line.state, 'EXPIRED');
      }
      for (const writer of writers) {
        await over(writer);
        await scoredOnce(writer);
      }
    }));
});

describe('two finalisers', () => {
  it('submit, expiry by both replicas and reads at the same instant: one seal, one score', async () => {
    const writers = await Writer.all(suite, 12, 'CLF-4S');
    for (const writer of writers) await writer.answer(0, 1);
    await Promise.all(
      writers.map(async (writer) => {
        const { candidate } = writer;
        const due = Date.parse(candidate.session.startTime) + 4000;
        await until(() => Date.now() >= due - 15, 'the deadline', 10_000);
        const answers = await Promise.all(Array.from({ length: 6 }, (_, i) => (i % 2 === 0 ? writer.submit() : writer.check())));
        const ends = new Set(answers.map(({ endTime }) => endTime).filter(Boolean));
        assert.equal(ends.size, 1, `ended at ${[...ends]}`);
        await until(() => candidate.report(), 'the report', 20_000);
        const { receipt } = await writer.submit();
        await assertScored(suite, writer.sessionId, receipt);
      }),
    );
  });

  it('keeps every promise made so far', () => suite.record.assertKept());
});
