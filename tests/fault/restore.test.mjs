// The session service's database comes back from a backup: time travel. What was sealed in it stays
// sealed, what is overdue ends at once and on its own deadline, and a score that was given stands,
// whatever is answered in a session that the backup still shows running.
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { call, newCandidate, newId, refused } from '../harness/connect.mjs';
import { publishShort } from '../harness/exams.mjs';
import { assertScored } from '../harness/scored.mjs';
import { Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

let suite;
before(async () => {
  suite = await Suite.start({ args: { session: ['--score-wait', '3s'] } });
  await publishShort(suite, 6);
});
after(() => suite?.stop());

/** Copies the database while nobody has it open, from one folder to the other. */
async function copy(from, to) {
  await suite.kill('session', 'SIGTERM');
  rmSync(suite.path(to), { recursive: true, force: true });
  cpSync(suite.path(from), suite.path(to), { recursive: true });
  await suite.startOne('session');
}

const startWith = async (examId, count) => {
  const candidate = await newCandidate(suite);
  await candidate.start(examId);
  await candidate.save(Array.from({ length: count }, (_, i) => candidate.write(i, candidate.pick(i))));
  return candidate;
};

describe('a backup is restored', () => {
  let sealed, short, running, later, sealedAnswer, runningAnswer;
  before(async () => {
    sealed = await startWith('CLF-C02', 4);
    sealedAnswer = await sealed.submit();
    await until(() => sealed.report(), 'the report', 10_000);
    running = await startWith('CLF-C02', 5);
    short = await startWith('CLF-6S', 3);
    await copy('session', 'backup');
    await running.save([running.write(7, running.pick(7))]);
    runningAnswer = await running.submit();
    await until(() => running.report(), 'the report', 10_000);
    later = await startWith('CLF-C02', 1);
    await until(() => Date.now() > Date.parse(short.session.startTime) + 6000, 'the short one is over', 15_000);
    await until(() => short.report(), 'it is scored', 15_000);
    await copy('backup', 'session');
  });

  it('what was sealed before the backup is sealed, with the same receipt and score', async () => {
    const { session } = await sealed.get();
    assert.equal(session.state, 'SESSION_STATE_RELEASED');
    const again = await sealed.submit();
    assert.deepEqual([again.endTime, again.receipt], [sealedAnswer.endTime, sealedAnswer.receipt]);
    await refused(sealed.save([sealed.write(0, sealed.pick(0))]), { status: 400, code: 'failed_precondition', reason: 'SESSION_SEALED' });
  });

  it('what is overdue ends at once and on its own deadline, and keeps the score it had', async () => {
    await refused(short.save([short.write(9, short.pick(9))]), { status: 400, code: 'failed_precondition', reason: 'SESSION_SEALED' });
    const { session } = await short.get();
    assert.equal(Date.parse(session.endTime), Date.parse(short.session.startTime) + 6000);
    await until(() => short.report(), 'the report comes back', 10_000);
    await assertScored(suite, session.sessionId, session.responses);
  });

  it('what was submitted after the backup may go on as far as anyone here can know, but its score stands', async () => {
    const { session } = await running.get();
    assert.equal(session.state, 'SESSION_STATE_ACTIVE');
    assert.equal(session.responses.length, 5, 'as it was');
    assert.deepEqual([session.startTime, session.deadlineVersion], [running.session.startTime, running.session.deadlineVersion], 'no time is given back');
    // Other answers than those that were scored.
    await running.save([running.write(20, running.pick(20))]);
    running.sequence = Object.fromEntries((await running.get()).session.responses.map(({ itemId, sequence }) => [itemId, sequence]));
    const { state } = await running.submit();
    assert.equal(state, 'SESSION_STATE_SUBMITTED', 'no second score is made');
    await assertScored(suite, session.sessionId, runningAnswer.receipt);
    const { score } = await call(suite.http, 'invigil.scoring.v1.ScoringService/GetScore', { sessionId: session.sessionId }, await sign(suite, 'operator', 'fault'));
    assert.equal(score.scaledScore, runningAnswer.report.scaledScore);
    await until(async () => (await suite.metric('session', 'invigil_session_relay_failing ')) >= 1, 'operators can see that it can not be scored', 10_000);
  });

  it('what began after the backup is not there, and its candidate can begin', async () => {
    await refused(later.get(), { status: 404, code: 'not_found', reason: 'SESSION_NOT_FOUND' });
    const { session } = await later.start('CLF-C02', newId('r'));
    assert.notEqual(session.sessionId, undefined);
    assert.equal(session.state, 'SESSION_STATE_ACTIVE');
  });
});
