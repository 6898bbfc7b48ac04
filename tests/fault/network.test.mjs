// The network between the gateway and two replicas of the session service, through chaos proxies:
// silence without an end, connections that break all the time, a slow way.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Chaos } from '../harness/chaos.mjs';
import { percentile, total, Writer } from '../harness/history.mjs';
import { Record } from '../harness/record.mjs';
import { openClient, StreamWriter } from '../harness/streams.mjs';
import { Suite, until } from '../harness/suite.mjs';

let suite, client;
const proxies = {};
before(async () => {
  suite = await Suite.start({
    sessions: 2,
    prepare: async ({ sessions, ports, detours }) => {
      for (const [i, name] of sessions.entries()) {
        proxies[name] = await Chaos.listen(ports[name], { seed: 11 + i });
        detours[`gateway>${name}`] = proxies[name].port;
      }
    },
  });
  suite.record = new Record();
  client = openClient(suite);
});
after(async () => {
  client?.close();
  await suite?.stop();
  for (const proxy of Object.values(proxies)) await proxy.stop();
});

const more = (writers, count, what) => {
  const from = total(writers);
  return until(() => total(writers) >= from + count, what, 20_000);
};
const pass = (ms) => {
  const end = performance.now() + ms;
  return until(() => performance.now() >= end, 'time passes', ms + 10_000);
};
/** How often the services have ended a call of a method so far. */
const ended = async (method) => {
  const counts = await Promise.all(suite.sessions.map((name) => suite.metric(name, `invigil_rpc_total{`, (line) => line.includes(`/${method}"`))));
  return counts.reduce((sum, count) => sum + count);
};
async function finish(writers) {
  await Promise.all(writers.map((writer) => writer.stop()));
  for (const writer of writers) {
    await writer.check();
    writer.judge((await writer.submit()).receipt);
  }
  suite.record.assertKept();
}

describe('the way to one replica', () => {
  it('falls silent: every call ends with its deadline, candidates are elsewhere in seconds, keepalive finds the connection, nothing that may not be repeated is', async (t) => {
    const writers = (await Writer.all(suite, 8)).map((writer) => writer.run());
    // So many that none at the silent replica means a fault, not bad luck (1 in 65,536).
    const count = 16;
    const streams = (await Promise.all(Array.from({ length: count }, () => StreamWriter.start(suite, client)))).map((writer) => writer.run());
    await more(writers, 60, 'saves go on');
    await until(() => streams.every(({ acked }) => acked > 0), 'over streams too', 10_000);
    const opened = count + streams.reduce((sum, { breaks }) => sum + breaks, 0);
    assert.equal(opened, count);
    const began = performance.now();
    // Connections that are there fall silent; a new one would be well.
    proxies.session.set({ halfOpen: true }, { onlyThere: true });
    const left = writers.map(({ acked }) => acked);
    let slowest = 0;
    await until(() => {
      for (const { waiting } of writers) slowest = Math.max(slowest, performance.now() - waiting);
      return writers.every(({ acked }, i) => acked > left[i] + 3);
    }, 'everyone goes on at the other', 15_000);
    const moved = performance.now() - began;
    assert.ok(slowest < 4000, `a save waited ${slowest} ms for its answer`);
    await suite.healthy('session2');
    const healthy = () => suite.metric('gateway', `invigil_gateway_replica_healthy{replica="${proxies.session.address}",service="session"}`);
    await until(async () => (await healthy()) === 0, 'the silent replica is left', 10_000);
    // gRPC's keepalive: a question after 20 s without a word, 5 s for the answer.
    await until(async () => (await healthy()) === 1, 'keepalive ends the connection and a new one is well', 35_000);
    const found = performance.now() - began;
    t.diagnostic(`elsewhere after ${Math.round(moved)} ms, a new connection after ${Math.round(found)} ms`);
    assert.ok(moved < 8000 && found < 30_000);
    // Streams that were on it ended then, and were opened again by those who own them, not by the gateway.
    // (More than was answered by now: what was in the air when the silence began counts for nothing.)
    const answered = streams.map(({ acked }) => acked);
    await until(() => streams.every(({ acked }, i) => acked > answered[i] + 10), 'every stream goes on', 10_000);
    await finish([...writers, ...streams]);
    const opens = count + streams.reduce((sum, { breaks }) => sum + breaks, 0);
    assert.ok(streams.some(({ breaks }) => breaks === 1) && streams.every(({ breaks }) => breaks <= 1), `streams broke ${streams.map(({ breaks }) => breaks)} times`);
    assert.ok((await ended('Deliver')) <= opens, 'no stream was opened twice for one open');
  });

  it('breaks all the time: retries and the other replica hide it, and retries stay few', async (t) => {
    const sent = () => suite.metric('gateway', 'invigil_gateway_requests_total');
    const retried = () => suite.metric('gateway', 'invigil_gateway_retries_total');
    const [sentBefore, retriedBefore] = [await sent(), await retried()];
    const writers = (await Writer.all(suite, 8)).map((writer) => writer.run());
    await more(writers, 60, 'saves go on');
    const { resets } = proxies.session;
    proxies.session.set({ resetAfter: [2000, 30_000] });
    await pass(5000);
    proxies.session.set({});
    await Promise.all(writers.map((writer) => writer.stop()));
    const broken = proxies.session.resets - resets;
    const calls = writers.reduce((sum, { latencies, errors = 0 }) => sum + latencies.length + errors, 0);
    const errors = writers.reduce((sum, { errors: count = 0 }) => sum + count, 0);
    const ratio = ((await retried()) - retriedBefore) / ((await sent()) - sentBefore);
    t.diagnostic(`${broken} resets, ${calls} calls, ${errors} errors, ${(100 * ratio).toFixed(2)} % sent twice`);
    assert.ok(broken > 3, `${broken} connections broke`);
    assert.ok(errors < calls / 100, `${errors} of ${calls} calls failed`);
    assert.ok(ratio > 0 && ratio < 0.2, `${100 * ratio} % of calls were sent twice`);
    await suite.healthy('session');
    await finish(writers);
  });

  it('is slow: nothing fails, and nothing is sent twice', async () => {
    const retried = await suite.metric('gateway', 'invigil_gateway_retries_total');
    const writers = (await Writer.all(suite, 8)).map((writer) => writer.run());
    proxies.session.set({ delay: [80, 160] });
    await pass(2500);
    proxies.session.set({});
    await Promise.all(writers.map((writer) => writer.stop()));
    assert.deepEqual(writers.map(({ errors }) => errors), writers.map(() => undefined));
    assert.equal(await suite.metric('gateway', 'invigil_gateway_retries_total'), retried);
    assert.ok(percentile(writers.flatMap(({ latencies }) => latencies), 0.99) < 2000);
    await finish(writers);
  });

  it('loses what the replica answers: the candidate is told in time, and the repeat changes nothing', async () => {
    const writers = await Writer.all(suite, 6);
    for (const writer of writers) await writer.answer(0);
    proxies.session.set({ drop: 'down' });
    proxies.session2.set({ drop: 'down' });
    const unsure = await Promise.all(writers.map((writer) => writer.answer(1, 2)));
    assert.ok(unsure.every(Boolean), 'nobody knows');
    // The bytes are gone for good: only new connections work.
    for (const proxy of Object.values(proxies)) {
      proxy.set({});
      proxy.resetAll();
    }
    for (const name of suite.sessions) await suite.healthy(name);
    for (const [i, writer] of writers.entries()) {
      await until(() => writer.candidate.get(), 'the way is back', 10_000);
      const { acks } = await writer.candidate.save(unsure[i]);
      assert.deepEqual(acks.map(({ status }) => status), ['ACK_STATUS_STORED', 'ACK_STATUS_STORED']);
    }
    await finish(writers);
  });
});
