// Two replicas of the session service on one database behind the gateway: either may die at any time
// and candidates go on at the other.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newCandidate, newId } from '../harness/connect.mjs';
import { patienceMs, total, Writer } from '../harness/history.mjs';
import { Suite, until } from '../harness/suite.mjs';

let suite;
before(async () => (suite = await Suite.start({ sessions: 2 })));
after(() => suite?.stop());

const more = (writers, count, what) => {
  const from = total(writers);
  return until(() => total(writers) >= from + count, what, 20_000);
};

describe('two replicas', () => {
  it('both do work, and sessions of one are known to the other', async () => {
    const writers = (await Writer.all(suite, 12)).map((writer) => writer.run());
    await more(writers, 300, 'saves go on');
    await Promise.all(writers.map((writer) => writer.stop()));
    for (const name of suite.sessions) assert.ok((await suite.metric(name, 'invigil_rpc_total')) > 0, `${name} serves calls`);
    assert.deepEqual(writers.map(({ unknown }) => unknown), writers.map(() => 0));
    for (const writer of writers) await writer.check();
  });

  it('one after the other is killed again and again: no acknowledged response is lost, candidates go on meanwhile', async () => {
    const writers = (await Writer.all(suite, 8)).map((writer) => writer.run());
    for (let round = 0; round < 6; ++round) {
      const victim = suite.sessions[round % 2];
      await more(writers, 80 + 31 * round, 'saves go on');
      await suite.kill(victim);
      const left = writers.map(({ acked }) => acked);
      await until(() => writers.every(({ acked }, i) => acked > left[i]), `everyone goes on without ${victim}`, 10_000);
      await suite.startOne(victim);
    }
    await more(writers, 100, 'saves go on after the last kill');
    await Promise.all(writers.map((writer) => writer.stop()));
    for (const writer of writers) {
      await writer.check();
      writer.judge((await writer.submit()).receipt);
      const report = await until(() => writer.candidate.report(), 'the report', 10_000);
      assert.equal(report.scoreVersion, 1);
    }
  });

  it('one that stands still for eight seconds costs a call no more than its deadline, and harms nothing when it goes on', async () => {
    // It may stand still inside a transaction and so hold the lock of the SQLite file, which both
    // share: then nothing can be saved meanwhile, but every call is still answered in time.
    const writers = (await Writer.all(suite, 6)).map((writer) => writer.run());
    await more(writers, 60, 'saves go on');
    await suite.kill('session', 'SIGSTOP');
    let slowest = 0;
    try {
      const end = Date.now() + 8000;
      await until(() => {
        for (const { waiting } of writers) slowest = Math.max(slowest, performance.now() - waiting);
        return Date.now() > end;
      }, 'eight seconds', 10_000);
    } finally {
      await suite.kill('session', 'SIGCONT');
    }
    assert.ok(slowest < patienceMs + 1000, `a save waited ${slowest} ms for an answer`);
    await more(writers, 100, 'saves go on when it is back');
    await Promise.all(writers.map((writer) => writer.stop()));
    for (const writer of writers) await writer.check();
  });

  it('sixty-four starts at once over both make one session', async () => {
    const candidate = await newCandidate(suite);
    const direct = Array.from({ length: 64 }, () => candidate.delivery('StartSession', { examId: 'CLF-C02', requestId: newId('r') }, candidate.token));
    const answers = await Promise.all(direct);
    assert.equal(new Set(answers.map(({ session }) => session.sessionId)).size, 1);
    assert.equal(new Set(answers.map(({ session }) => session.startTime)).size, 1);
  });

  it('a rolling restart with SIGTERM: no save of anybody fails', async () => {
    const writers = (await Writer.all(suite, 6)).map((writer) => writer.run());
    for (const name of suite.sessions) {
      await more(writers, 100, 'saves go on');
      assert.deepEqual(await suite.kill(name, 'SIGTERM'), { code: 0, signal: null });
      await more(writers, 50, `saves go on without ${name}`);
      await suite.startOne(name);
      await until(async () => (await suite.metric('gateway', `invigil_gateway_replica_healthy{replica="127.0.0.1:${suite.ports[name]}",service="session"}`)) === 1, `the gateway sends calls to ${name} again`, 10_000);
    }
    await Promise.all(writers.map((writer) => writer.stop()));
    assert.deepEqual(writers.map(({ unknown, lastError }) => [unknown, lastError?.message]), writers.map(() => [0, undefined]));
    for (const writer of writers) await writer.check();
  });
});
