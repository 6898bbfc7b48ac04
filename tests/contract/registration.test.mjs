// Registration as an operator's system meets it, and the starts that are held to it.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { call, newCandidate, newId, refused } from '../harness/connect.mjs';
import { Suite } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

const examId = 'CLF-C02';
const minutes = 60;
/** What a google.protobuf.Duration in JSON says, in seconds. */
const seconds = (duration) => Number(duration.slice(0, -1));
/** An instant so many minutes from now. */
const soon = (n) => new Date(Date.now() + n * minutes * 1000).toISOString();

describe('registration', () => {
  let suite, operator;
  const ask = (method, message, token = operator) => call(suite.http, `invigil.session.v1.RegistrationService/${method}`, message, token);
  const provision = (registrations, requestId = newId('q')) => ask('ProvisionRegistrations', { registrations, requestId });
  const put = (policy) => ask('PutExamPolicy', { policy: { examId, ...policy } });
  const check = (candidate) => ask('CheckEligibility', { candidateId: candidate.subject, examId });

  before(async () => {
    suite = await Suite.open();
    operator = await sign(suite, 'operator', 'registrar');
  });
  after(async () => {
    if (suite) await put({}); // a suite that goes on is left as it was
    await suite?.stop();
  });

  it('provisions three rows of which one is bad', async () => {
    const [a, b, c] = [newId('r'), newId('r'), newId('r')];
    const candidateId = newId('candidate');
    const rows = [
      { registrationId: a, candidateId, examId, openTime: soon(-10), closeTime: soon(60) },
      { registrationId: b, candidateId, examId, openTime: soon(60), closeTime: soon(-10) },
      { registrationId: c, candidateId, examId, maxAttempts: 2, accommodation: { timePercent: 150 } },
    ];
    const requestId = newId('q');
    const { results } = await provision(rows, requestId);
    assert.deepEqual(results.map(({ outcome }) => outcome), ['PROVISION_OUTCOME_CREATED', 'PROVISION_OUTCOME_REFUSED', 'PROVISION_OUTCOME_CREATED']);
    assert.equal(results[1].registrationId, b);
    assert.equal(results[1].reason, 'REGISTRATION_INVALID');
    assert.equal(results[1].field, 'close_time');
    assert.ok(results[1].message);
    assert.deepEqual((await provision(rows, requestId)).results, results, 'the same request has the same answer');
    assert.deepEqual((await provision([rows[0]])).results.map(({ outcome }) => outcome), ['PROVISION_OUTCOME_UNCHANGED']);

    const { registration } = await ask('GetRegistration', { registrationId: c });
    assert.equal(registration.maxAttempts, 2);
    assert.equal(registration.accommodation.timePercent, 150);
    await refused(ask('GetRegistration', { registrationId: b }), { status: 404, code: 'not_found', reason: 'REGISTRATION_NOT_FOUND' });
    const listed = await ask('ListRegistrations', { candidateId });
    assert.deepEqual(listed.registrations.map(({ registrationId }) => registrationId), [a, c].sort());
    await refused(provision([rows[1]], requestId), { status: 400, code: 'invalid_argument', reason: 'REQUEST_ID_REUSED', fields: ['request_id'] });
  });

  it('is not for candidates', async () => {
    const { token } = await newCandidate(suite);
    await refused(ask('GetExamPolicy', { examId }, token), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
  });

  it('gives one and a half times 90 minutes', async () => {
    const candidate = await newCandidate(suite);
    await ask('SetAccommodation', { candidateId: candidate.subject, terms: { timePercent: 150 }, reason: 'approved' });
    const { session } = await candidate.start();
    const left = seconds(session.remaining);
    assert.ok(left > 135 * minutes - 5 && left <= 135 * minutes, `${left} s`);
    assert.equal(seconds(session.duration), 90 * minutes, 'the base stays visible');
    const other = await newCandidate(suite);
    assert.ok(seconds((await other.start()).session.remaining) <= 90 * minutes);
    await refused(ask('SetAccommodation', { candidateId: candidate.subject, terms: { timePercent: 50 }, reason: 'x' }), { status: 400, code: 'invalid_argument', reason: 'ACCOMMODATION_INVALID', fields: ['terms.time_percent'] });
    // Terms that are left out take nothing away.
    await refused(ask('SetAccommodation', { candidateId: candidate.subject, reason: 'x' }), { status: 400, code: 'invalid_argument', reason: 'ACCOMMODATION_INVALID', fields: ['terms'] });
    const { standing } = await ask('GetStandingAccommodation', { candidateId: candidate.subject });
    assert.equal(standing.terms.timePercent, 150);
    assert.equal(standing.reason, 'approved');
    assert.equal((await ask('GetStandingAccommodation', { candidateId: other.subject })).standing, undefined);
    await refused(ask('GetStandingAccommodation', { candidateId: candidate.subject }, candidate.token), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
  });

  it('answers clicks that come together with one session', async () => {
    await put({ registrationRequired: true, caps: [{ maxAttempts: 1 }], waitDaysAfterFail: 1 });
    for (let round = 0; round < 5; ++round) {
      const candidate = await newCandidate(suite);
      await provision([{ registrationId: newId('r'), candidateId: candidate.subject, examId }]);
      const requestId = newId('q');
      const answers = await Promise.all([0, 1, 2, 3].map(() => candidate.start(examId, requestId)));
      const ids = new Set(answers.map(({ session }) => session.sessionId));
      assert.equal(ids.size, 1);
      for (const { session } of answers) assert.equal(session.state, 'SESSION_STATE_ACTIVE');
    }
  });

  it('refuses who is not registered, too early or too late, and lets in who is', async () => {
    await put({ registrationRequired: true, windowPolicy: 'WINDOW_POLICY_LIMITS_END' });
    const candidate = await newCandidate(suite);
    const start = (reason, metadata) => refused(candidate.start(), { status: 400, code: 'failed_precondition', reason, metadata });
    await start('NOT_REGISTERED', { reasons: 'NOT_REGISTERED' });
    const row = { registrationId: newId('r'), candidateId: candidate.subject, examId, closeTime: soon(-1) };
    await provision([row]);
    await start('WINDOW_CLOSED');
    const openTime = `${soon(60).slice(0, 17)}00Z`;
    await provision([{ ...row, openTime, closeTime: soon(120) }]);
    await start('WINDOW_NOT_OPEN', { opens: openTime.replace('Z', '.000000Z') });
    const { eligible, reasons, earliestTime } = await check(candidate);
    assert.ok(!eligible);
    assert.deepEqual(reasons.map(({ reason }) => reason), ['INELIGIBLE_REASON_WINDOW_NOT_OPEN']);
    assert.equal(earliestTime, openTime);

    await provision([{ ...row, openTime: soon(-1), closeTime: soon(30) }]);
    assert.equal((await check(candidate)).registrationId, row.registrationId);
    const { session } = await candidate.start();
    assert.ok(seconds(session.remaining) <= 30 * minutes, 'the window cuts the end');
    const { registration } = await ask('GetRegistration', { registrationId: row.registrationId });
    assert.deepEqual(registration.sessionIds, [session.sessionId]);
    // Whatever becomes of the registration, a session that runs is given back.
    await ask('CancelRegistration', { registrationId: row.registrationId, reason: 'no show' });
    assert.equal((await candidate.start()).session.sessionId, session.sessionId);
  });

  it('refuses a retake that is too early with the day on which it may be', async () => {
    await put({ waitDaysAfterFail: 14, waitDaysAfterPass: 14, timeZone: 'UTC' });
    const candidate = await newCandidate(suite);
    await candidate.start();
    const { endTime } = await candidate.submit();
    const day = Date.parse(`${endTime.slice(0, 10)}T00:00:00Z`);
    const earliest = `${new Date(day + 14 * 86_400_000).toISOString().slice(0, 19)}.000000Z`;
    await refused(candidate.start(), { status: 400, code: 'failed_precondition', reason: 'RETAKE_TOO_EARLY', metadata: { earliest, start_from: earliest } });
    const { eligible, reasons } = await check(candidate);
    assert.ok(!eligible);
    assert.deepEqual(reasons.map(({ reason }) => reason), ['INELIGIBLE_REASON_RETAKE_TOO_EARLY']);
    await refused(put({ timeZone: 'Mars/Olympus' }), { status: 400, code: 'invalid_argument', reason: 'POLICY_INVALID', fields: ['policy.time_zone'] });
    for (const timeZone of ['localtime', '/etc/localtime', 'file:/etc/localtime']) {
      await refused(put({ timeZone }), { status: 400, code: 'invalid_argument', reason: 'POLICY_INVALID', fields: ['policy.time_zone'] });
    }
    await refused(put({ windowPolicy: 7 }), { status: 400, code: 'invalid_argument', reason: 'POLICY_INVALID', fields: ['policy.window_policy'] });
  });
});
