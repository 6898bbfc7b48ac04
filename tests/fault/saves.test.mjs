// Saves that come twice, in the wrong order, at the last moment, too late, for somebody else, or with
// times of the client's own: the server alone decides, and what it said is what is scored.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { call, ConnectError, newCandidate, newId, refused } from '../harness/connect.mjs';
import { randomOf } from '../harness/chaos.mjs';
import { publishShort } from '../harness/exams.mjs';
import { Writer } from '../harness/history.mjs';
import { readContract } from '../harness/protos.mjs';
import { Record, recorded } from '../harness/record.mjs';
import { assertScored } from '../harness/scored.mjs';
import { Suite, until } from '../harness/suite.mjs';

let suite;
before(async () => {
  suite = await Suite.start({ sessions: 2 });
  suite.record = new Record();
  await publishShort(suite, 4);
});
after(() => suite?.stop());

/** Sends one write and records what came of it; gives the acknowledgement or the refusal. */
async function send(writer, write) {
  const sendTime = Date.now();
  const note = (outcome) => recorded([write]).forEach((one) => suite.record.write({ ...one, client: 'device', session: writer.sessionId, sendTime, receiveTime: Date.now(), outcome }));
  try {
    const { acks } = await writer.candidate.save([write]);
    note(acks[0].status === 'ACK_STATUS_STORED' ? 'ok' : 'refused');
    return { ack: acks[0] };
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    note(error.code === 'failed_precondition' ? 'refused' : 'unknown');
    return { error };
  }
}

/** What is stored, recorded. */
async function look(writer) {
  const sendTime = Date.now();
  const { session } = await writer.candidate.get();
  suite.record.read({ session: writer.sessionId, responses: recorded(session.responses), sendTime, receiveTime: Date.now(), live: session.state === 'SESSION_STATE_ACTIVE' });
  return session;
}

/** The seal's answer, recorded; and what was scored is what was sealed. */
async function seal(writer) {
  const { candidate } = writer;
  const sendTime = Date.now();
  const { session } = await candidate.get();
  candidate.sequence = Object.fromEntries(session.responses.map(({ itemId, sequence }) => [itemId, sequence]));
  const answer = await candidate.submit();
  suite.record.seal({ session: writer.sessionId, endTime: Date.parse(answer.endTime), responses: recorded(answer.receipt), sendTime, receiveTime: Date.now() });
  await until(() => candidate.report(), 'the report', 20_000);
  await assertScored(suite, writer.sessionId, answer.receipt);
  return answer;
}

describe('saves', () => {
  it('that come twice and in any order leave the newest, and tell whoever is behind what is stored', async (t) => {
    const random = randomOf(20261124);
    const writers = await Writer.all(suite, 4);
    let stale = 0;
    await Promise.all(
      writers.map(async (writer) => {
        const { candidate } = writer;
        const writes = [];
        for (let place = 0; place < 10; ++place) {
          for (let sequence = 1; sequence <= 5; ++sequence) {
            const write = { itemId: candidate.session.items[place].itemId, sequence, optionIds: candidate.pick(place, sequence) };
            writes.push(write, write);
          }
        }
        const shuffled = writes.map((write) => ({ write, at: random() })).sort((a, b) => a.at - b.at);
        const answers = await Promise.all(shuffled.map(async ({ write }) => ({ write, ...(await send(writer, write)) })));
        for (const { write, ack, error } of answers) {
          assert.equal(error, undefined);
          if (ack.status === 'ACK_STATUS_STORED') continue;
          ++stale;
          assert.equal(ack.status, 'ACK_STATUS_STALE');
          assert.ok(ack.stored.sequence > write.sequence, 'who is behind sees what is ahead');
        }
        const session = await look(writer);
        assert.deepEqual(session.responses.map(({ sequence }) => sequence), Array(10).fill(5), 'the newest of each item');
        await seal(writer);
      }),
    );
    t.diagnostic(`${stale} of 400 were behind`);
    assert.ok(stale > 20);
    suite.record.assertKept();
  });

  it('under one sequence with two values: the first stands, the other is told so', async () => {
    const [writer] = await Writer.all(suite, 1);
    const { candidate } = writer;
    const { itemId, options } = candidate.session.items.find(({ selectCount }) => selectCount === 1);
    const [a, b] = options.map(({ optionId }) => [optionId]);
    assert.equal((await send(writer, { itemId, sequence: 3, optionIds: a })).ack.status, 'ACK_STATUS_STORED');
    for (const other of [{ optionIds: b }, { cleared: true }]) {
      const { ack } = await send(writer, { itemId, sequence: 3, ...other });
      assert.equal(ack.status, 'ACK_STATUS_STALE');
      assert.deepEqual([ack.stored.sequence, ack.stored.optionIds], [3, a]);
    }
    assert.equal((await send(writer, { itemId, sequence: 4, cleared: true })).ack.status, 'ACK_STATUS_STORED');
    assert.deepEqual((await look(writer)).responses.map(({ sequence, cleared }) => [sequence, cleared]), [[4, true]]);
    suite.record.assertKept();
  });

  it('of a device that was left are refused on both replicas from the moment of the take-over', async () => {
    const writers = await Writer.all(suite, 6);
    await Promise.all(
      writers.map(async (writer) => {
        const { candidate } = writer;
        await writer.answer(0);
        const old = { ...candidate.session };
        let left = false;
        const oldDevice = (async () => {
          for (let turn = 2; ; ++turn) {
            const after = left;
            const write = { itemId: old.items[1].itemId, sequence: turn, optionIds: candidate.pick(1, turn) };
            const outcome = await candidate.delivery('SaveResponses', { sessionId: old.sessionId, epoch: old.epoch, responses: [write] }).then(() => 'stored', ({ reason }) => reason);
            if (after) return outcome;
          }
        })();
        await candidate.start('CLF-C02', newId('r'), { takeOver: true });
        left = true;
        assert.equal(candidate.session.epoch, old.epoch + 1);
        assert.equal(await oldDevice, 'EPOCH_STALE');
        await writer.answer(2);
        const submitted = candidate.delivery('SubmitSession', { sessionId: old.sessionId, epoch: old.epoch, seen: [] });
        await refused(submitted, { status: 400, code: 'failed_precondition', reason: 'EPOCH_STALE' });
        assert.equal((await candidate.get()).session.state, 'SESSION_STATE_ACTIVE');
      }),
    );
  });

  it('that are on their way hold up the seal of what names them', async () => {
    const [writer] = await Writer.all(suite, 1);
    const { candidate } = writer;
    await writer.answer(0, 1);
    const onItsWay = candidate.write(1, candidate.pick(1, 5));
    const { details } = await refused(candidate.submit(), { status: 400, code: 'failed_precondition', reason: 'RESPONSES_MISSING' });
    assert.equal(details.metadata.item_ids, onItsWay.itemId);
    assert.equal((await look(writer)).state, 'SESSION_STATE_ACTIVE');
    assert.equal((await send(writer, onItsWay)).ack.status, 'ACK_STATUS_STORED');
    const { receipt } = await seal(writer);
    assert.equal(receipt.find(({ itemId }) => itemId === onItsWay.itemId).sequence, onItsWay.sequence);
    suite.record.assertKept();
  });

  it('that race the deadline: what is acknowledged is scored, what is refused is not', async (t) => {
    let [accepted, late] = [0, 0];
    // One after the other, so that a few race at a time and each has the machine to itself.
    const races = [];
    for (let i = 0; i < 60; ++i) {
      races.push(race());
      const next = performance.now() + 80;
      await until(() => performance.now() >= next, 'the next', 5000);
    }
    await Promise.all(races);

    async function race() {
      const [writer] = await Writer.all(suite, 1, 'CLF-4S');
      const { candidate } = writer;
      const due = Date.parse(candidate.session.startTime) + 4000;
      await until(() => Date.now() >= due - 120, 'the end comes near', 10_000);
      // Four at a time, each on items of its own, until the server has said no for a while.
      await Promise.all(
        Array.from({ length: 4 }, async (_, lane) => {
          for (let turn = 0; Date.now() < due + 80; ++turn) {
            const place = lane + 4 * (turn % 16);
            const { ack, error } = await send(writer, candidate.write(place, candidate.pick(place, turn)));
            if (ack) ++accepted;
            else assert.equal(error.reason, 'SESSION_SEALED');
            if (error) ++late;
          }
        }),
      );
      const session = await look(writer);
      assert.equal(Date.parse(session.endTime), due, 'ended on the deadline, to the millisecond');
      assert.equal((await seal(writer)).receipt.length, session.responses.length);
    }
    t.diagnostic(`${accepted + late} saves around 60 deadlines: ${accepted} accepted, ${late} refused`);
    assert.ok(accepted > 100 && late > 100, `${accepted} accepted, ${late} refused`);
    suite.record.assertKept();
  });
});

describe('times of the client', () => {
  const extremes = ['1970-01-01T00:00:00Z', '9999-12-31T23:59:59Z', '2001-02-03T04:05:06.789Z'];
  /** Paths of the fields of a message, to any depth, that hold a time or a span of it. */
  const timesIn = (message, path = [], seen = new Set()) =>
    seen.has(message.typeName) ? [] : message.fields.flatMap((field) => {
      const here = [...path, field.jsonName];
      if (!field.message) return [];
      if (/^google\.protobuf\.(Timestamp|Duration)$/.test(field.message.typeName)) return [{ path: here, span: field.message.typeName.endsWith('Duration'), list: field.fieldKind === 'list' }];
      return timesIn(field.message, here, new Set([...seen, message.typeName]));
    });

  it('that stand in requests change no decision', async (t) => {
    const delivery = readContract().getService('invigil.session.v1.DeliveryService');
    const fields = delivery.methods.flatMap((method) => timesIn(method.input).map((time) => ({ ...time, method: method.name })));
    t.diagnostic(`${fields.length} fields of candidates' requests hold a time: ${fields.map(({ method, path }) => `${method} ${path.join('.')}`).join(', ') || 'none'}`);
    const candidate = await newCandidate(suite);
    const { session } = await candidate.start();
    const due = Date.parse(session.startTime) + 1000 * Number(session.duration.replace('s', ''));
    for (const { method, path, span, list } of fields) {
      for (const value of span ? ['-315576000000s', '315576000000s', '0s'] : extremes) {
        const message = method === 'StartSession' ? { examId: 'CLF-C02', requestId: newId('r') } : { sessionId: session.sessionId, epoch: session.epoch };
        let at = message;
        for (const name of path.slice(0, -1)) at = at[name] ??= {};
        at[path.at(-1)] = list ? [value] : value;
        // It may be refused for other reasons; it must not be believed.
        await candidate.delivery(method, message).catch((error) => assert.ok(error instanceof ConnectError && error.code !== 'internal', error.message));
      }
    }
    const { session: after } = await candidate.get();
    const left = Number(after.remaining.replace('s', '')) * 1000;
    assert.deepEqual([after.state, after.startTime, after.duration, after.deadlineVersion], ['SESSION_STATE_ACTIVE', session.startTime, session.duration, session.deadlineVersion]);
    assert.ok(Math.abs(Date.now() + left - due) < 1000, `${left} ms are left`);
  });

  it('that the contract lets a client state, in whatever unit, change no decision', async () => {
    const [candidate] = (await Writer.all(suite, 1, 'CLF-4S')).map((writer) => writer.candidate);
    const { sessionId, epoch, items } = candidate.session;
    const due = Date.parse(candidate.session.startTime) + 4000;
    let sequence = 0;
    for (const shownMs of [0, 1, 3_999, 4_000, 5_400_000, 2 ** 31, 2 ** 32 - 1]) {
      const { deadlineVersion } = await candidate.delivery('SaveProgress', { sessionId, epoch, marks: [{ itemId: items[0].itemId, sequence: ++sequence, shownMs }], unsavedChanges: shownMs });
      assert.equal(deadlineVersion, candidate.session.deadlineVersion);
      await refused(candidate.delivery('SubmitSession', { sessionId, epoch, seen: [], timeUp: true }), { status: 400, code: 'failed_precondition', reason: 'DEADLINE_NOT_REACHED' });
    }
    assert.equal((await candidate.get()).session.state, 'SESSION_STATE_ACTIVE');
    await until(() => Date.now() > due + 30, 'the deadline', 10_000);
    const sealed = await candidate.delivery('SubmitSession', { sessionId, epoch, seen: [], timeUp: true });
    assert.equal(Date.parse(sealed.endTime), due, 'by its own clock');
  });

  it('that stand in headers change no decision', async () => {
    const [candidate] = (await Writer.all(suite, 1, 'CLF-4S')).map((writer) => writer.candidate);
    const due = Date.parse(candidate.session.startTime) + 4000;
    const clocks = [...extremes.map((time) => new Date(time).toUTCString()), 'yesterday', '-1'];
    for (const date of clocks) {
      const headers = { date, 'x-client-time': date, 'last-modified': date, 'if-unmodified-since': date, 'x-timestamp': '99999999999999' };
      const { acks } = await candidate.save([candidate.write(0, candidate.pick(0))], {}, { headers });
      assert.equal(acks[0].status, 'ACK_STATUS_STORED');
    }
    // A patience is the one time a client may state: for how long it waits, not until when it may write.
    for (const patience of ['1', '9999999999', '0', '-5', 'soon']) await candidate.save([candidate.write(1, candidate.pick(1))], {}, { headers: { 'connect-timeout-ms': patience } }).catch((error) => assert.ok(['deadline_exceeded', 'invalid_argument'].includes(error.code), error.message));
    const { session } = await candidate.get();
    assert.equal(session.state, 'SESSION_STATE_ACTIVE');
    await until(() => Date.now() > due + 30, 'the deadline', 10_000);
    for (const date of clocks) await refused(candidate.save([candidate.write(2, candidate.pick(2))], {}, { headers: { date, 'x-client-time': date } }), { status: 400, code: 'failed_precondition', reason: 'SESSION_SEALED' });
    assert.equal(Date.parse((await candidate.get()).session.endTime), due);
  });

  it('in fields that the contract does not have are refused or ignored', async () => {
    const candidate = await newCandidate(suite);
    await candidate.start();
    for (const extra of [{ clientTime: extremes[1] }, { sentAt: 0 }, { deadline: extremes[1] }, { remaining: '99999s' }]) {
      const write = candidate.write(0, candidate.pick(0));
      const stored = await candidate.save([write], extra).then(() => true, ({ code }) => assert.equal(code, 'invalid_argument'));
      const { session } = await candidate.get();
      assert.equal(session.responses.some(({ sequence }) => sequence === write.sequence), stored === true);
      assert.equal(session.deadlineVersion, candidate.session.deadlineVersion);
    }
  });
});

describe("another candidate's session", () => {
  it('can be neither read, written nor submitted, and each try leaves an audit line', async () => {
    const [owner, thief] = [await newCandidate(suite, 'owner'), await newCandidate(suite, 'thief')];
    for (const candidate of [owner, thief]) await candidate.start();
    await owner.save([owner.write(0, owner.pick(0))]);
    const { sessionId, epoch } = owner.session;
    const delivery = (method, message, token) => call(suite.http, `invigil.session.v1.DeliveryService/${method}`, { sessionId, ...message }, token);
    const tries = { SubmitSession: { epoch, seen: owner.seen }, SaveResponses: { epoch, responses: [{ itemId: owner.session.items[0].itemId, sequence: 9, cleared: true }] }, GetSession: {}, GetScoreReport: {} };
    for (const [method, message] of Object.entries(tries)) {
      await refused(delivery(method, message, thief.token), { status: 403, code: 'permission_denied', reason: 'SESSION_NOT_YOURS' });
      await refused(delivery(method, message, thief.sessionToken), { status: 403, code: 'permission_denied', reason: 'TOKEN_OTHER_SESSION' });
    }
    const { session } = await owner.get();
    assert.equal(session.state, 'SESSION_STATE_ACTIVE');
    assert.deepEqual(session.responses.map(({ sequence }) => sequence), [1]);
    const audits = () => ['gateway', ...suite.sessions].flatMap((name) => suite.logLines(name)).filter((line) => line.audit !== undefined || line.reason === 'SESSION_NOT_YOURS' || line.reason === 'TOKEN_OTHER_SESSION').filter(({ subject }) => subject === thief.subject);
    await until(() => audits().length >= 8, 'eight audit lines', 10_000);
    for (const reason of ['SESSION_NOT_YOURS', 'TOKEN_OTHER_SESSION']) assert.equal(audits().filter((line) => line.reason === reason).length, 4, reason);
    assert.equal((await owner.submit()).receipt.length, 1);
  });
});
