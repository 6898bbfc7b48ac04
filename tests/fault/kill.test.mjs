// kill -9 and SIGTERM of the session service while candidates save without pause: every acknowledged
// response is there afterwards, none is invented, and each session is scored once.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { call, newCandidate, newId, post, refused } from '../harness/connect.mjs';
import { total, Writer } from '../harness/history.mjs';
import { Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

let suite;
before(async () => (suite = await Suite.start()));
after(() => suite?.stop());

const progress = async (writers, count, what) => {
  const from = total(writers);
  await until(() => total(writers) >= from + count, what, 20_000);
};

/** Ends with every session submitted, whole and scored. */
async function finish(writers) {
  await Promise.all(writers.map((writer) => writer.stop()));
  const operator = await sign(suite, 'operator', 'fault');
  for (const writer of writers) {
    await writer.check();
    const { receipt } = await writer.submit();
    writer.judge(receipt);
    const report = await until(() => writer.candidate.report(), 'the report', 10_000);
    const { score } = await call(suite.http, 'invigil.scoring.v1.ScoringService/GetScore', { sessionId: writer.candidate.session.sessionId }, operator);
    assert.deepEqual([score.scaledScore, score.scoreVersion], [report.scaledScore, 1]);
  }
}

describe('the judge of these tests', () => {
  const judge = (writes, responses) => {
    const writer = new Writer({});
    for (const { itemId, ...write } of writes) writer.history.set(itemId, [...(writer.history.get(itemId) ?? []), write]);
    return () => writer.judge(responses);
  };
  const writes = [{ itemId: 'a', sequence: 1, options: 'A', fate: 'acked' }, { itemId: 'a', sequence: 2, options: 'B', fate: 'acked' }, { itemId: 'a', sequence: 3, options: 'C', fate: 'unknown' }, { itemId: 'b', sequence: 1, options: '', fate: 'unknown' }];
  const held = (itemId, sequence, ...optionIds) => ({ itemId, sequence, optionIds });

  it('accepts the last acknowledged write and a later unknown one', () => {
    judge(writes, [held('a', 2, 'B')])();
    judge(writes, [held('a', 3, 'C'), held('b', 1)])();
  });

  it('finds what is lost, old, changed or invented', () => {
    assert.throws(judge(writes, []), /is gone/);
    assert.throws(judge(writes, [held('a', 1, 'A')]), /1 is stored, 2 was acknowledged/);
    assert.throws(judge(writes, [held('a', 2, 'C')]), /was never sent/);
    assert.throws(judge(writes, [held('a', 4, 'C')]), /was never sent/);
    assert.throws(judge(writes, [held('a', 2, 'B'), held('c', 1, 'A')]), /was never answered/);
  });
});

describe('the session service is killed', () => {
  it('six times while eight candidates save', async () => {
    const writers = (await Writer.all(suite, 8)).map((writer) => writer.run());
    for (let round = 0; round < 6; ++round) {
      // At another point of the work every time.
      await progress(writers, 100 + 37 * round, 'saves go on');
      await suite.restart('session', 'SIGKILL');
    }
    await progress(writers, 200, 'saves go on after the last kill');
    assert.ok(writers.some(({ unknown }) => unknown > 0), 'the kills were felt');
    await finish(writers);
  });

  it('while sessions start: none is doubled, none loses its clock', async () => {
    const candidates = await Promise.all(Array.from({ length: 12 }, () => newCandidate(suite)));
    const starts = candidates.map(async (candidate) => {
      const requestId = newId('r');
      return until(() => candidate.start('CLF-C02', requestId), 'the start succeeds in the end', 20_000);
    });
    await suite.restart('session', 'SIGKILL');
    await Promise.all(starts);
    for (const candidate of candidates) {
      const { session } = await candidate.get();
      assert.equal(session.state, 'SESSION_STATE_ACTIVE');
      assert.equal(session.items.length, 65);
      const again = await candidate.start();
      assert.equal(again.session.sessionId, session.sessionId);
      assert.equal(again.session.startTime, session.startTime);
    }
  });

  it('at the moment of the submit: sealed once or not at all, and scored once', async () => {
    const writers = await Writer.all(suite, 6);
    for (const writer of writers) writer.run();
    await progress(writers, 60, 'something is saved');
    await Promise.all(writers.map((writer) => writer.stop()));
    const submits = writers.map((writer) => until(() => writer.submit(), 'the submit succeeds in the end', 20_000));
    await suite.restart('session', 'SIGKILL');
    for (const { receipt, state } of await Promise.all(submits)) {
      assert.ok(['SESSION_STATE_SUBMITTED', 'SESSION_STATE_RELEASED'].includes(state));
      assert.ok(receipt.length > 0);
    }
    await finish(writers);
  });
});

describe('the session service is told to stop', () => {
  it('drains under load: ends by itself, and nothing acknowledged is lost', async () => {
    const writers = (await Writer.all(suite, 8)).map((writer) => writer.run());
    for (let round = 0; round < 3; ++round) {
      await progress(writers, 150, 'saves go on');
      const began = Date.now();
      const exit = await suite.kill('session', 'SIGTERM');
      assert.deepEqual(exit, { code: 0, signal: null });
      assert.ok(Date.now() - began < 10_000, `took ${Date.now() - began} ms to stop`);
      await suite.startOne('session');
    }
    await progress(writers, 150, 'saves go on after the last stop');
    await finish(writers);
  });
});

describe('the session service is away', () => {
  it('the gateway says so with a reason and a time to try again, and recovers by itself', async () => {
    const candidate = await newCandidate(suite);
    await candidate.start();
    await candidate.save([candidate.write(0, candidate.pick(0))]);
    await suite.kill('session');
    const away = { status: 503, code: 'unavailable', reason: 'BACKEND_UNAVAILABLE', metadata: { service: 'session' } };
    for (const attempt of [() => candidate.save([candidate.write(1, candidate.pick(1))]), () => candidate.get(), () => candidate.submit()]) {
      const { details } = await refused(attempt(), away);
      assert.ok(details.retryMs > 0, 'says when to try again');
    }
    await until(async () => !(await fetch(`http://127.0.0.1:${suite.ports.gateway_admin}/readyz`)).ok, 'the gateway is not ready', 10_000);
    assert.ok(suite.children.gateway.running);
    await suite.startOne('session');
    await until(() => candidate.get(), 'the gateway finds the session service again', 10_000);
    await suite.ready('gateway');
    const { session } = await candidate.get();
    assert.deepEqual(session.responses.map(({ sequence }) => sequence), [1]);
  });

  it('a session service that stopped without dying costs no caller more than its deadline', async () => {
    const candidate = await newCandidate(suite);
    const { session } = await candidate.start();
    await suite.kill('session', 'SIGSTOP');
    try {
      const began = Date.now();
      // By hand: a Connect client would give up by itself.
      const { status, text } = await post(suite.http, 'invigil.session.v1.DeliveryService/GetSession', JSON.stringify({ sessionId: session.sessionId }), { 'content-type': 'application/json', authorization: `Bearer ${candidate.sessionToken}`, 'connect-timeout-ms': '700' });
      const took = Date.now() - began;
      assert.equal(status, 504);
      const { code, details } = JSON.parse(text);
      assert.equal(code, 'deadline_exceeded');
      assert.equal(details[0].debug.reason, 'DEADLINE_EXCEEDED');
      assert.ok(took >= 650 && took < 2000, `${took} ms`);
    } finally {
      await suite.kill('session', 'SIGCONT');
    }
    await until(() => candidate.get(), 'the session service goes on', 10_000);
  });
});
