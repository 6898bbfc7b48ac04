// A proctor beside candidates, through the gateway: acts, time for everybody while screens watch, and
// what an outage took given back.
import assert from 'node:assert/strict';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { after, before, describe, it } from 'node:test';
import { call, newCandidate, newId, refused } from '../harness/connect.mjs';
import { protoRoot } from '../harness/protos.mjs';
import { Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

const contract = grpc.loadPackageDefinition(loader.loadSync(['invigil/session/v1/delivery.proto', 'invigil/session/v1/proctor.proto'], { includeDirs: [protoRoot], longs: Number, enums: String, defaults: true, oneofs: true })).invigil.session.v1;
const seconds = (duration) => Number(/^(-?\d+(?:\.\d+)?)s$/.exec(duration)[1]);
const reason = 'the fire alarm';

let suite, token, clients;
before(async () => {
  suite = await Suite.open();
  token = await sign(suite, 'proctor', 'petra');
  const open = (service) => new contract[service](suite.grpc, grpc.credentials.createInsecure());
  clients = { delivery: open('DeliveryService'), proctor: open('ProctorService') };
});
after(async () => {
  for (const client of Object.values(clients ?? {})) client.close();
  await suite?.stop();
});

const act = (method, message, as = token) => call(suite.http, `invigil.session.v1.ProctorService/${method}`, message, as);
/** An act on a candidate's session; gives the entry. */
const on = async (candidate, method, message = {}, as) => (await act(method, { sessionId: candidate.session.sessionId, reason, ...message }, as)).entry;

async function sitting() {
  const candidate = await newCandidate(suite, 'proctored');
  await candidate.start();
  return candidate;
}

/** A stream's messages so far, each with when it came. */
function watch(client, method, message, bearer) {
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${bearer}`);
  const stream = client[method](message, metadata);
  const messages = [];
  stream.on('data', (data) => messages.push({ ...data, cameAt: Date.now() }));
  stream.on('error', () => {});
  return { messages, cancel: () => stream.cancel() };
}

describe('one session', () => {
  it('is paused with its exact time, resumed, ended and reopened', async () => {
    const candidate = await sitting();
    const paused = await on(candidate, 'PauseSession');
    assert.equal(paused.state, 'SESSION_STATE_PAUSED');
    assert.deepEqual(paused.problems, ['ROSTER_PROBLEM_PAUSED']);
    await refused(candidate.save([candidate.write(0, candidate.pick(0))]), { status: 400, code: 'failed_precondition', reason: 'SESSION_NOT_ACTIVE' });
    assert.equal((await on(candidate, 'PauseSession')).logVersion, paused.logVersion, 'once more changes nothing');
    const resumed = await on(candidate, 'ResumeSession');
    assert.equal(resumed.state, 'SESSION_STATE_ACTIVE');
    assert.ok(Math.abs(seconds(resumed.remaining) - seconds(paused.remaining)) < 0.5, `${paused.remaining} ${resumed.remaining}`);
    assert.ok(seconds(resumed.heartbeatAge) < 60);
    await candidate.save([candidate.write(0, candidate.pick(0))]);
    const ended = await on(candidate, 'TerminateSession');
    assert.ok(ended.endTime);
    const reopened = await on(candidate, 'ReopenSession', { grantId: 'back', amount: '60s' });
    assert.equal(reopened.state, 'SESSION_STATE_ACTIVE');
    assert.ok(seconds(reopened.remaining) > 5400, reopened.remaining);
    // A submit that was still under way must not end it again: what is sent now names the new epoch.
    await refused(candidate.submit(), { status: 400, code: 'failed_precondition', reason: 'EPOCH_STALE' });
    candidate.session.epoch = (await candidate.get()).session.epoch;
    await candidate.save([candidate.write(1, candidate.pick(1))]);
    const { session } = await candidate.get();
    assert.equal(session.responses.length, 2, 'what was stored before is there');
    await candidate.submit();
  });

  it('is nobody else\'s to touch', async () => {
    const candidate = await sitting();
    const message = { sessionId: candidate.session.sessionId, reason };
    await refused(act('PauseSession', message, candidate.token), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
    await refused(act('PauseSession', { ...message, reason: '' }), { status: 400, code: 'invalid_argument', reason: 'ACT_INVALID' });
    await refused(act('ReleaseScore', message), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
    await refused(act('GrantTime', { ...message, grantId: 'g', amount: '-86400s' }), { status: 400, code: 'invalid_argument', reason: 'GRANT_INVALID' });
    await candidate.submit();
  });

  it('tells who asks for help, and whether a message was seen', async () => {
    const candidate = await sitting();
    const { sessionId } = candidate.session;
    await candidate.delivery('SendMessage', { sessionId, messageId: 'help', text: 'my mouse is broken' });
    const entry = await until(async () => (await act('ListRoster', { onlyProblems: true, pageSize: 500 })).entries.find((e) => e.sessionId === sessionId), 'help shows on the roster');
    assert.equal(entry.problems[0], 'ROSTER_PROBLEM_HELP_ASKED');
    const sent = await on(candidate, 'SendMessage', { reason: undefined, messageId: 'm', text: 'a new one comes' });
    assert.equal(sent.unconfirmedMessages, 1);
    await candidate.delivery('ConfirmMessage', { sessionId, messageId: 'm' });
    await on(candidate, 'ConfirmMessage', { reason: undefined, messageId: 'help' });
    const { entry: seen, messages } = await act('GetRosterEntry', { sessionId });
    assert.deepEqual([seen.helpMessages, seen.unconfirmedMessages], [0, 0]);
    assert.deepEqual(messages.map(({ messageId, fromCandidate, confirmed }) => [messageId, fromCandidate, confirmed]), [['help', true, true], ['m', false, true]]);
    await candidate.submit();
  });
});

describe('many sessions', () => {
  it('get time at once: every screen knows within a second, and so does the roster', async () => {
    const candidates = await Promise.all(Array.from({ length: 5 }, sitting));
    const screens = candidates.map(({ session, sessionToken }) => watch(clients.delivery, 'WatchSession', { sessionId: session.sessionId }, sessionToken));
    const roster = watch(clients.proctor, 'WatchRoster', {}, token);
    try {
      await until(() => screens.every(({ messages }) => messages.length) && roster.messages.some(({ complete }) => complete), 'all streams are open');
      const known = new Set(roster.messages.flatMap(({ entries }) => entries.map(({ sessionId }) => sessionId)));
      for (const { session } of candidates) assert.ok(known.has(session.sessionId));
      const request = { everyone: true, grantId: newId('all'), amount: '300s', reason, pageSize: 2 };
      const grant = async () => {
        const results = [];
        let pageToken = '';
        do {
          const page = await act('GrantTimeToMany', { ...request, pageToken });
          results.push(...page.results);
          pageToken = page.nextPageToken;
        } while (pageToken);
        return new Map(results.map((result) => [result.sessionId, result]));
      };
      const results = await grant();
      const grantedAt = Date.now();
      const version = (sessionId) => results.get(sessionId).entry.deadlineVersion;
      const delays = [];
      for (const [i, { session }] of candidates.entries()) {
        assert.ok(results.get(session.sessionId).granted, results.get(session.sessionId).message);
        const told = await until(() => screens[i].messages.find(({ deadlineVersion }) => deadlineVersion === version(session.sessionId)), 'the screen sees the new deadline');
        delays.push(told.cameAt - grantedAt);
        await until(() => roster.messages.some(({ entries }) => entries.some((e) => e.sessionId === session.sessionId && e.deadlineVersion === version(session.sessionId))), 'the roster sees it');
      }
      // The middle one: a machine that does much else may be late with one.
      assert.ok(delays.sort((a, b) => a - b)[2] < 1000, `${delays} ms after the answer`);
      for (const [sessionId, { granted, entry }] of await grant()) {
        if (granted) assert.equal(entry.deadlineVersion, results.get(sessionId)?.entry.deadlineVersion ?? entry.deadlineVersion, 'given once');
      }
    } finally {
      for (const stream of [roster, ...screens]) stream.cancel();
    }
    for (const candidate of candidates) await candidate.submit();
  });

  it('get back exactly what an outage took, once', async () => {
    const [one, two, done] = await Promise.all([sitting(), sitting(), sitting()]);
    await done.submit();
    const from = Date.now();
    await until(() => Date.now() - from > 1500, 'some time passes');
    const at = (ms) => new Date(ms).toISOString();
    const incident = { window: { startTime: at(from + 200), endTime: at(from + 1400) }, gaps: [{ startTime: at(from + 300), endTime: at(from + 1300) }] };
    const sessions = new Map((await act('IncidentReport', { incident, pageSize: 500 })).sessions.map((session) => [session.sessionId, session]));
    for (const { session } of [one, two]) assert.deepEqual([sessions.get(session.sessionId).lost, sessions.get(session.sessionId).ran], ['1s', '1.200s']);
    assert.ok(!sessions.has(done.session.sessionId));
    const compensation = { incident, incidentId: newId('power'), reason, reopenExpired: true, pageSize: 500 };
    for (let round = 0; round < 2; ++round) {
      const { results } = await act('CompensateIncident', compensation);
      for (const { session } of [one, two]) {
        const result = results.find(({ sessionId }) => sessionId === session.sessionId);
        assert.ok(result.granted, result.message);
        assert.equal(result.entry.granted, '1s');
      }
    }
    for (const candidate of [one, two]) await candidate.submit();
  });

  it('obey a proctoring tool\'s assessment control messages', async () => {
    const candidate = await sitting();
    const message = { user: { sub: candidate.subject, iss: 'https://tool.example' }, resource_link: { id: 'CLF-C02' }, attempt_number: 1, incident_time: new Date().toISOString(), incident_severity: '0.1', reason_code: 'N52', reason_msg: 'power' };
    const control = (action, more = {}) => act('ControlAssessment', { ...message, action, ...more });
    assert.deepEqual(await control('pause'), { status: 'paused', extra_time: 0 });
    assert.deepEqual(await control('resume'), { status: 'running', extra_time: 0 });
    for (let i = 0; i < 2; ++i) assert.deepEqual(await control('update', { extra_time: 7 }), { status: 'running', extra_time: 7 });
    assert.deepEqual(await control('flag'), { status: 'running', extra_time: 7 });
    await refused(control('explode'), { status: 400, code: 'invalid_argument', reason: 'CONTROL_INVALID' });
    assert.match((await control('terminate')).status, /^(terminated|complete)$/);
  });

  it('leave an audit line each', async () => {
    const candidate = await sitting();
    await on(candidate, 'PauseSession');
    const line = await suite.logged('session', ({ audit, session }) => audit === 'PauseSession' && session === candidate.session.sessionId, 'the act');
    assert.deepEqual([line.subject, line.reason, line.outcome], ['petra', reason, 'done']);
    await on(candidate, 'VoidSession');
  });
});
