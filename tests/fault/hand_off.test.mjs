// From the seal to the score while scoring dies, is away, or comes back: nothing is lost, nothing is
// scored twice.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { call, newCandidate, refused } from '../harness/connect.mjs';
import { Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

let suite, operator;
before(async () => {
  // A short wait: these tests submit while scoring is away.
  suite = await Suite.start({ args: { session: ['--score-wait', '300ms'] } });
  operator = await sign(suite, 'operator', 'fault');
});
after(() => suite?.stop());

/** A candidate with twenty responses saved. */
async function ready() {
  const candidate = await newCandidate(suite);
  await candidate.start();
  await candidate.save(Array.from({ length: 20 }, (_, i) => candidate.write(i, candidate.pick(i))));
  return candidate;
}

const scoreOf = ({ session: { sessionId } }, scoreVersion = 0) => call(suite.http, 'invigil.scoring.v1.ScoringService/GetScore', { sessionId, scoreVersion }, operator);

/** Asserts that the report comes and that there is one score behind it. */
async function scoredOnce(candidate) {
  const report = await until(() => candidate.report(), 'the report arrives', 20_000);
  const { score } = await scoreOf(candidate);
  assert.deepEqual([report.scaledScore, report.scoreVersion, score.scoreVersion], [score.scaledScore, 1, 1]);
  await refused(scoreOf(candidate, 2), { status: 404, code: 'not_found', reason: 'SCORE_NOT_FOUND' });
  assert.equal((await candidate.get()).session.state, 'SESSION_STATE_RELEASED');
  return report;
}

const pending = { status: 503, code: 'unavailable', reason: 'SCORE_PENDING' };

describe('scoring is killed', () => {
  it('before the submit: the session is sealed, the report is pending, and comes after the restart', async () => {
    const candidate = await ready();
    await suite.kill('scoring');
    const answer = await candidate.submit();
    assert.equal(answer.state, 'SESSION_STATE_SUBMITTED');
    assert.equal(answer.report, undefined);
    assert.equal(answer.receipt.length, 20);
    const { details } = await refused(candidate.report(), pending);
    assert.ok(details.retryMs > 0);
    await suite.startOne('scoring');
    await scoredOnce(candidate);
    const again = await candidate.submit();
    assert.deepEqual(again.receipt, answer.receipt);
    assert.equal(again.endTime, answer.endTime);
    assert.equal(again.state, 'SESSION_STATE_RELEASED');
  });

  it('while many submit: each is sealed at once and scored once', async () => {
    const candidates = await Promise.all(Array.from({ length: 24 }, ready));
    const submits = candidates.map((candidate) => candidate.submit());
    await suite.restart('scoring');
    for (const { state, receipt } of await Promise.all(submits)) {
      assert.ok(['SESSION_STATE_SUBMITTED', 'SESSION_STATE_RELEASED'].includes(state), state);
      assert.equal(receipt.length, 20);
    }
    for (const candidate of candidates) await scoredOnce(candidate);
  });
});

describe('scoring is away for a stretch', () => {
  it('twenty submits wait, survive a kill of session too, and are all scored once', async () => {
    const candidates = await Promise.all(Array.from({ length: 20 }, ready));
    await suite.kill('scoring');
    const answers = await Promise.all(candidates.map((candidate) => candidate.submit()));
    for (const { state, report } of answers) assert.deepEqual([state, report], ['SESSION_STATE_SUBMITTED', undefined]);
    await until(async () => (await suite.metric('session', 'invigil_session_unscored ')) === 20, 'the outbox shows twenty', 10_000);
    await suite.restart('session');
    for (const candidate of candidates) await refused(candidate.report(), pending);
    await suite.startOne('scoring');
    for (const candidate of candidates) await scoredOnce(candidate);
    await until(async () => (await suite.metric('session', 'invigil_session_unscored ')) === 0, 'the outbox is empty', 10_000);
  });

  it('the item bank away at the hand-off delays the score and changes nothing else', async () => {
    const candidate = await ready();
    await suite.kill('item_bank');
    const { state } = await candidate.submit();
    assert.equal(state, 'SESSION_STATE_SUBMITTED');
    await refused(candidate.report(), pending);
    await suite.startOne('item_bank');
    await scoredOnce(candidate);
  });
});
