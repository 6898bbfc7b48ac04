// A standby of PostgreSQL is promoted that lacks the last commits, under two replicas of the session
// service that run on: they go on from what it has, screens hear of it, and whoever follows events is
// never led past one that took the place of another.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { call, newCandidate, newId, refused } from '../harness/connect.mjs';
import { Postgres } from '../harness/postgres.mjs';
import { Receiver } from '../harness/receiver.mjs';
import { openClient, Watcher } from '../harness/streams.mjs';
import { Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

let postgres, suite, operator, proctor, receiver;
before(async () => {
  postgres = await Postgres.start();
  suite = await Suite.start({
    sessions: 2,
    args: { session: ['--drain-timeout', '1s', '--webhook-allow-http', '--webhook-allow-private', '--webhook-backoff', '50ms', '--webhook-lease', '2s'] },
    prepare: (made) => {
      made.store = postgres.url;
    },
  });
  operator = await sign(suite, 'operator', 'other-team');
  proctor = await sign(suite, 'proctor', 'petra');
  receiver = await Receiver.start();
});
after(async () => {
  await receiver?.down();
  await suite?.stop();
  await postgres?.stop();
});

const events = (message) => call(suite.http, 'invigil.session.v1.EventService/ListEvents', message, operator);
const grant = (sessionId) => call(suite.http, 'invigil.session.v1.ProctorService/GrantTime', { sessionId, grantId: newId('g'), amount: '60s', reason: 'a late start' }, proctor);
/** Asks until the services have their connections to the database again. */
async function patiently(work) {
  const away = ['unavailable', 'deadline_exceeded'];
  const { answer, error } = await until(() => work().then((answer) => ({ answer }), (error) => !away.includes(error.code) && { error }), 'the database is back', 30_000);
  if (error) throw error;
  return answer;
}

async function sit(prefix) {
  const candidate = await newCandidate(suite, prefix);
  await patiently(() => candidate.start());
  await patiently(() => candidate.save([candidate.write(0, candidate.pick(0))]));
  return candidate;
}

describe('a standby that lacks the last commits is promoted', () => {
  it('cursors from before name nothing else, webhooks get what came instead, screens are told', async () => {
    const { webhook } = await call(suite.http, 'invigil.session.v1.EventService/CreateWebhook', { requestId: newId('create'), url: receiver.url }, operator);
    const stays = await sit('stays');
    await until(() => receiver.kinds(stays.session.sessionId).length === 1, 'the webhook hears of the first');
    const { cursor: kept } = await events({});
    await postgres.keep();

    // What will be lost: whole sessions, and a grant of the one that stays.
    const lost = [];
    for (let i = 0; i < 3; ++i) {
      const candidate = await sit('lost');
      await candidate.submit();
      lost.push(candidate);
    }
    const { entry } = await grant(stays.session.sessionId);
    assert.ok(entry.deadlineVersion > stays.session.deadlineVersion);
    await until(() => lost.every(({ session }) => receiver.kinds(session.sessionId).includes('SUBMITTED')), 'the webhook hears of them');
    const { cursor: gone, events: before } = await events({ cursor: kept });
    assert.ok(before.length >= 6);

    // Screens on both replicas.
    const clients = suite.sessions.map((name) => openClient(suite, `127.0.0.1:${suite.ports[name]}`));
    const screens = clients.map((client) => new Watcher(client, stays));
    await until(() => screens.every(({ updates }) => updates.length > 0), 'the screens are open');
    await postgres.lose();

    await refused(patiently(() => lost[0].get()), { status: 404, code: 'not_found', reason: 'SESSION_NOT_FOUND' });
    await refused(patiently(() => events({ cursor: gone })), { status: 400, code: 'out_of_range', reason: 'CURSOR_AHEAD' });
    const back = await patiently(() => stays.get());
    assert.equal(back.session.responses.length, 1);
    assert.equal(back.session.deadlineVersion, stays.session.deadlineVersion, 'the grant is lost, and nobody says otherwise');

    // The same places are taken by others, past the cursor from before.
    const instead = [];
    for (let i = 0; i < 3; ++i) {
      const candidate = await sit('instead');
      await candidate.submit();
      instead.push(candidate);
    }
    await until(async () => {
      const candidate = await sit('instead');
      instead.push(candidate);
      return BigInt((await events({ cursor: kept, pageSize: 500 })).cursor) >> 20n > BigInt(gone) >> 20n;
    }, 'the new history is longer', 60_000);
    const error = await refused(events({ cursor: gone }), { status: 400, code: 'out_of_range', reason: 'CURSOR_STALE' });
    const { events: since } = await events({ cursor: kept, pageSize: 500 });
    const { events: all } = await events({ cursor: error.details.metadata.oldest_cursor, pageSize: 500 });
    for (const { session } of instead) {
      for (const page of [since, all]) assert.ok(page.some(({ sessionId, kind }) => sessionId === session.sessionId && kind === 'SESSION_EVENT_KIND_STARTED'));
    }
    const ids = new Map(before.map((event) => [event.eventId, event.sessionId]));
    for (const event of since) assert.ok(!ids.has(event.eventId), 'no event has the id of one that is lost');

    // The deliverer was past them, and comes back.
    for (const { session } of instead) await until(() => receiver.kinds(session.sessionId).includes('STARTED'), 'the webhook hears of each that came instead', 30_000);
    for (const { session } of instead.slice(0, 3)) await until(() => receiver.kinds(session.sessionId).includes('SUBMITTED'), 'and how it went on', 30_000);
    await until(async () => {
      const { webhook: now } = await call(suite.http, 'invigil.session.v1.EventService/GetWebhook', { webhookId: webhook.webhookId }, operator);
      return now.cursor === (await events({ cursor: kept, pageSize: 500 })).cursor;
    }, 'the webhook is where the events are', 30_000);

    // A screen hears of what either replica does.
    const again = await grant(stays.session.sessionId);
    const asked = Date.now();
    for (const screen of screens) await until(() => screen.updates.some(({ deadlineVersion, at }) => deadlineVersion === again.entry.deadlineVersion && at >= asked - 1000), 'the screen sees the grant');
    for (const screen of screens) screen.stop();
    for (const client of clients) client.close();
    for (const name of suite.sessions) {
      assert.ok(suite.children[name].running, `${name} never stopped`);
      await suite.logged(name, ({ message }) => /^the journal is not the one read so far/.test(message), 'that the store lost something');
    }
  });
});
