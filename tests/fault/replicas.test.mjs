// Two replicas of the session service on one database behind the gateway: either may die at any time
// and candidates go on at the other.
import assert from 'node:assert/strict';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { newCandidate, newId } from '../harness/connect.mjs';
import { publishShort } from '../harness/exams.mjs';
import { patienceMs, total, Writer } from '../harness/history.mjs';
import { protoRoot } from '../harness/protos.mjs';
import { Record } from '../harness/record.mjs';
import { assertScored } from '../harness/scored.mjs';
import { ask, openClient, StreamWriter, Watcher } from '../harness/streams.mjs';
import { Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

const proctorContract = grpc.loadPackageDefinition(loader.loadSync('invigil/session/v1/proctor.proto', { includeDirs: [protoRoot], longs: Number, enums: String, defaults: false, oneofs: true })).invigil.session.v1;

let suite;
before(async () => {
  // A short drain: it lasts as long as there are streams.
  suite = await Suite.start({ sessions: 2, args: { session: ['--drain-timeout', '1s'] } });
  suite.record = new Record();
  await publishShort(suite, 4);
});
after(() => suite?.stop());

// Byte 120 of SQLite's shared memory is the lock of whoever writes.
const holdsWriteLock = (name) => readFileSync('/proc/locks', 'utf8').split('\n').some((line) => / WRITE /.test(line) && line.trim().split(/\s+/)[4] === `${suite.children[name].process.pid}` && / 120 120$/.test(line.trimEnd()));

/** Stops a replica at a moment when it does not hold the lock of the file that both share. */
const standStill = (name) =>
  until(async () => {
    await suite.kill(name, 'SIGSTOP');
    if (!holdsWriteLock(name)) return true;
    await suite.kill(name, 'SIGCONT');
    return false;
  }, `${name} stands still outside a transaction`, 10_000);

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

  it('see at once what the other stored, took over and sealed, though both remember the session', async () => {
    const clients = suite.sessions.map((name) => openClient(suite, `127.0.0.1:${suite.ports[name]}`));
    const candidate = await newCandidate(suite);
    await candidate.start();
    const { sessionId, epoch } = candidate.session;
    const on = (replica, method, message) => ask(clients[replica], method, { sessionId, ...message }, candidate.sessionToken);
    for (let turn = 0; turn < 20; ++turn) {
      const write = candidate.write(turn % 3, candidate.pick(turn % 3, turn));
      await on(turn % 2, 'SaveResponses', { epoch, responses: [write] });
      const { session } = await on((turn + 1) % 2, 'GetSession', {});
      assert.equal(session.responses.find(({ itemId }) => itemId === write.itemId).sequence, write.sequence);
    }
    // Repeated where it was not stored: known there too.
    const old = { itemId: candidate.session.items[0].itemId, sequence: 1, optionIds: candidate.pick(0, 1) };
    for (const replica of [0, 1]) assert.equal((await on(replica, 'SaveResponses', { epoch, responses: [old] })).acks[0].status, 'ACK_STATUS_STALE');
    await ask(clients[0], 'StartSession', { examId: 'CLF-C02', requestId: newId('r'), takeOver: true }, candidate.token);
    await assert.rejects(on(1, 'SaveResponses', { epoch, responses: [candidate.write(5, candidate.pick(5))] }), ({ code }) => code === 9);
    const sealed = await on(1, 'SubmitSession', { epoch: epoch + 1, seen: [] });
    const { session } = await on(0, 'GetSession', {});
    assert.deepEqual(session.endTime, sealed.endTime);
    for (const client of clients) client.close();
  });

  it('what one writes is on the screens of the other within a second, and who is heard of by one is known to both', async () => {
    const writers = await Writer.all(suite, 6);
    const token = await sign(suite, 'proctor', 'petra');
    const clients = suite.sessions.map((name) => openClient(suite, `127.0.0.1:${suite.ports[name]}`));
    const proctors = suite.sessions.map((name) => new proctorContract.ProctorService(`127.0.0.1:${suite.ports[name]}`, grpc.credentials.createInsecure()));
    // Each session has a screen on either replica: one of them did not write the grant.
    const screens = writers.map(({ candidate }) => clients.map((client) => new Watcher(client, candidate)));
    try {
      await until(() => screens.flat().every(({ updates }) => updates.length), 'all streams are open');
      const request = { everyone: true, grantId: newId('all'), amount: { seconds: 300 }, reason: 'the fire alarm' };
      const { results } = await ask(proctors[0], 'GrantTimeToMany', request, token);
      const grantedAt = Date.now();
      const delays = [];
      for (const [i, { sessionId }] of writers.entries()) {
        const { granted, message, entry } = results.find((result) => result.sessionId === sessionId);
        assert.ok(granted, message);
        const told = await Promise.all(screens[i].map(({ updates }) => until(() => updates.find(({ deadlineVersion }) => deadlineVersion >= entry.deadlineVersion), 'the screen sees the new deadline')));
        delays.push(Math.max(...told.map(({ at }) => at - grantedAt)));
      }
      // The middle one: a machine that does much else may be late with one.
      assert.ok(delays.sort((a, b) => a - b)[3] < 1000, `${delays} ms after the answer`);
      for (const screen of screens) screen[1].stop();
      for (const proctor of proctors) {
        await until(async () => {
          const { entries } = await ask(proctor, 'ListRoster', { pageSize: 500 }, token);
          return writers.every(({ sessionId }) => entries.find((entry) => entry.sessionId === sessionId)?.heartbeatAge);
        }, 'the roster knows when each was last heard of', 20_000);
      }
      const [{ candidate }] = writers;
      await ask(clients[0], 'SaveProgress', { sessionId: candidate.session.sessionId, epoch: candidate.session.epoch, unsavedChanges: 3 }, candidate.sessionToken);
      for (const proctor of proctors) await until(async () => (await ask(proctor, 'GetRosterEntry', { sessionId: candidate.session.sessionId }, token)).entry.unsavedChanges === 3, 'both know what the device has not saved', 20_000);
    } finally {
      for (const screen of screens.flat()) screen.stop();
      for (const client of [...clients, ...proctors]) client.close();
    }
    for (const writer of writers) await writer.submit();
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

  it('one that stands still outside a transaction: candidates are elsewhere in seconds; when it goes on it ends nothing twice and opens nothing again', async () => {
    const writers = (await Writer.all(suite, 6)).map((writer) => writer.run());
    const client = openClient(suite);
    const streams = (await Promise.all(Array.from({ length: 4 }, () => StreamWriter.start(suite, client)))).map((writer) => writer.run());
    const sitters = await Writer.all(suite, 8, 'CLF-4S');
    for (const sitter of sitters) await sitter.answer(0, 1);
    await more(writers, 60, 'saves go on');
    await standStill('session');
    const left = writers.map(({ acked }) => acked);
    const began = performance.now();
    let moved;
    try {
      await until(() => writers.every(({ acked }, i) => acked > left[i] + 5), 'everyone goes on at the other', 25_000);
      moved = performance.now() - began;
      for (const sitter of sitters) {
        await until(() => suite.logLines('session2').some(({ message, session }) => message === 'session sealed' && session === sitter.sessionId), 'the other ends what is due', 15_000);
        const session = await sitter.check();
        assert.equal(session.state === 'SESSION_STATE_ACTIVE', false);
      }
      const end = began + 10_000;
      await until(() => performance.now() > end, 'ten seconds', 12_000);
    } finally {
      await suite.kill('session', 'SIGCONT');
    }
    assert.ok(moved < 10_000, `candidates were elsewhere after ${moved} ms`);
    await suite.healthy('session');
    await more(writers, 100, 'saves go on when it is back');
    await until(() => streams.every(({ acked }) => acked > 50), 'streams too', 30_000);
    await Promise.all([...writers, ...streams].map((writer) => writer.stop()));
    client.close();
    for (const sitter of sitters) {
      await until(() => sitter.candidate.report(), 'the report', 10_000);
      await sitter.check();
      const { receipt } = await sitter.submit();
      await assertScored(suite, sitter.sessionId, receipt);
      const seals = suite.sessions.flatMap((name) => suite.logLines(name).filter(({ message, session }) => message === 'session sealed' && session === sitter.sessionId));
      assert.equal(seals.length, 1, 'sealed once');
    }
    for (const writer of [...writers, ...streams]) await writer.check();
    suite.record.assertKept();
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

  it('a rolling restart with SIGTERM: streams end, are opened again, and miss nothing', async () => {
    const client = openClient(suite);
    const streams = (await Promise.all(Array.from({ length: 4 }, () => StreamWriter.start(suite, client)))).map((writer) => writer.run());
    const watched = await newCandidate(suite);
    await watched.start();
    const watcher = new Watcher(client, watched);
    for (const name of suite.sessions) {
      await more(streams, 100, 'saves go on');
      const breaks = streams.map(({ breaks: count }) => count);
      const exit = await suite.kill(name, 'SIGTERM');
      assert.deepEqual(exit, { code: 0, signal: null });
      await more(streams, 100, `saves go on without ${name}`);
      assert.ok(streams.every(({ breaks: count }, i) => count - breaks[i] <= 1), `streams broke ${streams.map(({ breaks: count }, i) => count - breaks[i])} times`);
      await suite.startOne(name);
      // What happens after a stream was opened again shows on it.
      const seen = watcher.updates.length;
      await until(() => watcher.updates.length > seen, 'the watcher hears of its session', 15_000);
    }
    await watched.start('CLF-C02', newId('r'), { takeOver: true });
    await until(() => watcher.updates.at(-1).epoch === watched.session.epoch, 'the watcher hears of the take-over', 15_000);
    watcher.stop();
    await Promise.all(streams.map((stream) => stream.stop()));
    assert.deepEqual(streams.map(({ broken, wentBack }) => [broken, wentBack]), streams.map(() => [undefined, undefined]));
    client.close();
    for (const stream of streams) {
      await stream.check();
      stream.judge((await stream.submit()).receipt);
    }
    suite.record.assertKept();
  });
});
