// What other teams are told of sessions, by real processes: webhooks and streams, whatever dies.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { call, newCandidate, newId, refused } from '../harness/connect.mjs';
import { publishShort } from '../harness/exams.mjs';
import { protoRoot } from '../harness/protos.mjs';
import { assertSigned, kindOf, Receiver } from '../harness/receiver.mjs';
import { Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

const service = 'invigil.session.v1.EventService';
const whole = ['STARTED', 'SUBMITTED', 'SCORED', 'RELEASED'];
const tries = 6; // within some six seconds

/** A key and a certificate for 127.0.0.1 that nobody has signed but itself. */
function selfSigned(path) {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=receiver', '-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', `${path}.key`, '-out', `${path}.crt`], { stdio: 'ignore' });
  return { key: readFileSync(`${path}.key`), cert: readFileSync(`${path}.crt`) };
}

let suite, operator, trusted, stranger;
before(async () => {
  suite = await Suite.start({
    sessions: 2,
    prepare: (made) => {
      trusted = selfSigned(made.path('trusted'));
      stranger = selfSigned(made.path('stranger'));
      made.args.session.push('--webhook-ca', made.path('trusted.crt'));
    },
    args: { session: ['--webhook-allow-http', '--webhook-allow-private', '--webhook-tries', `${tries}`, '--webhook-backoff', '50ms', '--webhook-lease', '2s', '--drain-timeout', '1s'] },
  });
  operator = await sign(suite, 'operator', 'other-team');
  await publishShort(suite, 2);
});
after(() => suite?.stop());

const ask = (method, message) => call(suite.http, `${service}/${method}`, message, operator);

/** A webhook of a test's own, with its receiver; gone after `work`. */
async function withWebhook({ tls, ...wanted }, work) {
  const receiver = await Receiver.start(tls);
  try {
    const { webhook, secret } = await ask('CreateWebhook', { requestId: newId('create'), url: receiver.url, ...wanted });
    const get = async () => (await ask('GetWebhook', { webhookId: webhook.webhookId })).webhook;
    await work({ receiver, webhook, secret, get });
    await ask('DeleteWebhook', { webhookId: webhook.webhookId, requestId: newId('delete') });
  } finally {
    await receiver.down();
  }
}

async function sitWhole() {
  const candidate = await newCandidate(suite, 'told');
  await candidate.start();
  await candidate.save([candidate.write(0, candidate.pick(0)), candidate.write(1, candidate.pick(1))]);
  await candidate.submit();
  await until(() => candidate.report(), 'the report');
  return candidate;
}

const arrived = (receiver, candidate, count, what) => until(() => receiver.kinds(candidate.session.sessionId).length >= count, what);

describe('a webhook', () => {
  it('gets a whole exam, in order and signed, and nothing of what was answered', () =>
    withWebhook({}, async ({ receiver, secret, get }) => {
      const { cursor } = await get();
      const candidate = await sitWhole();
      const { sessionId } = candidate.session;
      await arrived(receiver, candidate, 4, 'four events arrive');
      assert.deepEqual(receiver.kinds(sessionId), whole);
      for (const post of receiver.posts) {
        assertSigned(post, secret);
        assert.deepEqual(Object.keys(post.event).filter((name) => name !== 'result').sort(), ['attemptVersion', 'candidateId', 'cursor', 'epoch', 'eventId', 'examId', 'examVersion', 'incidentId', 'kind', 'occurTime', 'sequence', 'sessionId', 'sessionKind']);
        for (const { itemId, stem } of candidate.session.items) assert.ok(!post.body.includes(itemId) && !post.body.includes(stem));
      }
      const [started, , scored] = receiver.posts.map(({ event }) => event);
      assert.deepEqual([started.candidateId, started.examId, started.sessionKind], [candidate.subject, 'CLF-C02', 'SESSION_KIND_EXAM']);
      const { scaledScore, passed } = await candidate.report();
      assert.deepEqual(scored.result, { scoreVersion: 1, passed, scaledScore });
      const { events } = await ask('ListEvents', { cursor });
      assert.deepEqual(events.filter((event) => event.sessionId === sessionId).map(kindOf), whole);
      await until(async () => BigInt((await get()).cursor) >= BigInt(events.at(-1).cursor), 'the webhook has come so far');
    }));

  it('hears of an end by time, with nobody connected', () =>
    withWebhook({ kinds: ['SESSION_EVENT_KIND_EXPIRED'] }, async ({ receiver }) => {
      const candidate = await newCandidate(suite, 'late');
      await candidate.start('CLF-2S');
      await arrived(receiver, candidate, 1, 'the end by time arrives');
      const [{ event }] = receiver.posts.filter(({ event: { sessionId } }) => sessionId === candidate.session.sessionId);
      assert.equal(kindOf(event), 'EXPIRED');
      assert.ok(receiver.posts.every(({ event: other }) => kindOf(other) === 'EXPIRED'));
    }));

  it('hears of incidents, and not what was written about them', () =>
    withWebhook({}, async ({ receiver }) => {
      const candidate = await newCandidate(suite, 'incident');
      await candidate.start();
      await call(suite.http, 'invigil.session.v1.ProctorService/ReportIrregularity', { sessionId: candidate.session.sessionId, reportId: 'report-7', category: 'noise', reason: 'a very particular noise' }, operator);
      await arrived(receiver, candidate, 2, 'the incident arrives');
      const { event, body } = receiver.posts.find(({ event: { kind } }) => kind.endsWith('INCIDENT'));
      assert.equal(event.incidentId, 'report-7');
      assert.ok(!body.includes('noise'));
    }));

  it('that is down for a while misses nothing, and gets each session in order', () =>
    withWebhook({}, async ({ receiver, get }) => {
      await receiver.down();
      const candidates = [await newCandidate(suite, 'down'), await newCandidate(suite, 'down')];
      for (const candidate of candidates) await candidate.start();
      await until(async () => (await get()).lastError !== '', 'a try fails');
      await receiver.up();
      for (const candidate of candidates) await candidate.submit();
      for (const candidate of candidates) {
        await arrived(receiver, candidate, 4, 'all arrives once it is up');
        assert.deepEqual(receiver.kinds(candidate.session.sessionId), whole);
      }
      await until(async () => (await get()).waitingEvents === 0, 'nothing waits');
      assert.deepEqual([(await get()).deadLetters, (await get()).lastError], [0, '']);
    }));

  it('loses nothing when every replica is killed between commit and delivery; repeats have the same id', () =>
    withWebhook({}, async ({ receiver }) => {
      let letGo;
      const held = new Promise((resolve) => (letGo = resolve));
      receiver.answer = () => held.then(() => 200); // takes it, and does not say so
      const candidate = await sitWhole();
      await until(() => receiver.tries > 0, 'a delivery is on its way');
      await Promise.all(suite.sessions.map((name) => suite.kill(name)));
      letGo();
      receiver.answer = () => 200;
      for (const name of suite.sessions) await suite.startOne(name);
      await arrived(receiver, candidate, 4, 'all arrives after the restart');
      assert.deepEqual(receiver.kinds(candidate.session.sessionId), whole);
      await until(() => receiver.posts.filter(({ event: { sessionId } }) => sessionId === candidate.session.sessionId).length > 4, 'the first comes twice');
      const first = receiver.posts.filter(({ event: { eventId } }) => eventId === receiver.posts.find(({ event: { sessionId } }) => sessionId === candidate.session.sessionId).event.eventId);
      assert.ok(first.length >= 2 && first.every(({ body }) => body === first[0].body));
    }));

  it('that refuses one session gets the others, and the one by a replay of dead letters', () =>
    withWebhook({}, async ({ receiver, get }) => {
      const poisoned = await newCandidate(suite, 'poisoned');
      receiver.answer = ({ candidateId }) => (candidateId === poisoned.subject ? 500 : 200);
      await poisoned.start();
      const other = await sitWhole();
      await arrived(receiver, other, 4, 'the other session arrives');
      await until(async () => (await get()).deadLetters === 1, 'the one is given up');
      const { webhookId } = await get();
      const { deadLetters: [letter] } = await ask('ListDeadLetters', { webhookId });
      assert.deepEqual([letter.tries, letter.error, letter.event.sessionId], [tries, 'HTTP 500', poisoned.session.sessionId]);
      receiver.answer = () => 200;
      const request = { webhookId, requestId: newId('replay'), eventIds: [letter.eventId] };
      await ask('ReplayWebhook', request);
      await ask('ReplayWebhook', request);
      await arrived(receiver, poisoned, 1, 'the dead letter arrives');
      await until(async () => (await get()).waitingEvents === 0, 'nothing waits');
      assert.equal((await get()).deadLetters, 0);
    }));

  it('that is gone is left in peace, which the audit shows, until a replay', () =>
    withWebhook({}, async ({ receiver, webhook, get }) => {
      receiver.answer = () => 410;
      const candidate = await sitWhole();
      await until(async () => (await get()).state === 'WEBHOOK_STATE_DISABLED', 'it is disabled');
      const line = suite.sessions.flatMap((name) => suite.logLines(name)).find(({ audit, webhook: id }) => audit === 'webhook_disabled' && id === webhook.webhookId);
      assert.ok(line);
      receiver.answer = () => 200;
      await ask('ReplayWebhook', { webhookId: webhook.webhookId, requestId: newId('replay'), fromCursor: webhook.cursor });
      await arrived(receiver, candidate, 4, 'all arrives');
      assert.deepEqual(receiver.kinds(candidate.session.sessionId), whole);
    }));

  it('is reached over TLS where its certificate is trusted, and not where it is not', () =>
    withWebhook({ tls: trusted }, ({ receiver, secret }) =>
      withWebhook({ tls: stranger }, async ({ receiver: other, get }) => {
        const candidate = await newCandidate(suite, 'tls');
        await candidate.start();
        await arrived(receiver, candidate, 1, 'the start arrives');
        assertSigned(receiver.posts.find(({ event: { sessionId } }) => sessionId === candidate.session.sessionId), secret);
        await until(async () => /certificate/i.test((await get()).lastError), 'the certificate is refused');
        assert.equal(other.tries, 0);
      })));

  it('is signed with both secrets while they change', () =>
    withWebhook({}, async ({ receiver, webhook, secret }) => {
      const rotated = await ask('RotateWebhookSecret', { webhookId: webhook.webhookId, requestId: newId('rotate'), overlap: '3600s' });
      const candidate = await newCandidate(suite, 'rotated');
      await candidate.start();
      await arrived(receiver, candidate, 1, 'the start arrives');
      assertSigned(receiver.posts.find(({ event: { sessionId } }) => sessionId === candidate.session.sessionId), rotated.secret, secret);
      for (const name of suite.sessions) assert.ok(!suite.log(name).includes(secret) && !suite.log(name).includes(rotated.secret), 'no log holds a secret');
    }));

  it('is for operators and services, and goes where it may', async () => {
    const candidate = await sign(suite, 'candidate', 'curious');
    for (const method of ['ListEvents', 'ListWebhooks', 'CreateWebhook']) {
      await refused(call(suite.http, `${service}/${method}`, {}, candidate), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
    }
    await refused(ask('CreateWebhook', { requestId: 'r', url: 'ftp://example.org/' }), { status: 400, code: 'invalid_argument', reason: 'WEBHOOK_INVALID', fields: ['url'] });
    await refused(ask('ListEvents', { cursor: '4000000000000' }), { status: 400, code: 'out_of_range', reason: 'CURSOR_AHEAD' });
  });
});

describe('a stream', () => {
  it('goes on at its cursor when replicas die, and passes over nothing', async () => {
    const contract = grpc.loadPackageDefinition(loader.loadSync('invigil/session/v1/events.proto', { includeDirs: [protoRoot], longs: String, enums: String, defaults: true }));
    const client = new contract.invigil.session.v1.EventService(suite.grpc, grpc.credentials.createInsecure());
    const metadata = new grpc.Metadata();
    metadata.set('authorization', `Bearer ${operator}`);
    const events = [];
    let cursor = '0';
    let fromNow = true;
    let opened = 0;
    let stopped = false;
    let stream;
    const open = () => {
      stream = client.StreamEvents({ cursor, fromNow }, metadata);
      stream.on('data', (message) => {
        ++opened;
        events.push(...message.events);
        cursor = message.cursor;
        fromNow = false;
      });
      stream.on('error', () => {});
      stream.on('status', () => stopped || setTimeout(open, 50));
    };
    try {
      open();
      await until(() => opened > 0, 'the stream says where it begins');
      const candidates = [];
      for (const name of [...suite.sessions, undefined]) {
        candidates.push(await sitWhole());
        if (name) await suite.restart(name);
      }
      const of = ({ session }) => events.filter(({ sessionId }) => sessionId === session.sessionId).map(kindOf);
      await until(() => candidates.every((candidate) => of(candidate).length >= 4), 'every event arrives');
      for (const candidate of candidates) assert.deepEqual(of(candidate), whole);
      const cursors = events.map((event) => BigInt(event.cursor));
      assert.ok(cursors.every((value, i) => i === 0 || value > cursors[i - 1]), 'cursors rise');
      assert.equal(new Set(events.map(({ eventId }) => eventId)).size, events.length, 'none comes twice');
    } finally {
      stopped = true;
      stream?.cancel();
      client.close();
    }
  });
});
