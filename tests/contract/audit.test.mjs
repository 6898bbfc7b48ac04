// The journal of acts: verified by the operator, and told as a timeline.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { call, newCandidate, refused } from '../harness/connect.mjs';
import { Suite } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

const service = 'invigil.session.v1.AuditService';

describe('the audit', () => {
  let suite, operator, candidate;
  before(async () => {
    suite = await Suite.open();
    operator = await sign(suite, 'operator', 'auditor');
    candidate = await newCandidate(suite, 'audited');
    await candidate.start();
    await candidate.save([candidate.write(0, candidate.pick(0))]);
    await candidate.submit();
    await candidate.report();
  });
  after(() => suite?.stop());

  it('finds an untouched journal right, and right again through the head it gave', async () => {
    const first = await call(suite.http, `${service}/VerifyJournal`, {}, operator);
    assert.equal(first.wrongRow, '0', first.fault);
    assert.ok(Number(first.rightRows) >= 6, `${first.rightRows} rows`);
    assert.match(first.head.hash, /^[0-9a-f]{64}$/);
    const again = await call(suite.http, `${service}/VerifyJournal`, { noted: first.head }, operator);
    assert.equal(again.wrongRow, '0', again.fault);
    const forged = { ...first.head, hash: first.head.hash.replace(/^./, (c) => (c === 'a' ? 'b' : 'a')) };
    const wrong = await call(suite.http, `${service}/VerifyJournal`, { noted: forged }, operator);
    assert.equal(wrong.wrongRow, first.head.row);
    assert.match(wrong.fault, /written anew/);
    await refused(call(suite.http, `${service}/VerifyJournal`, { noted: { row: 1, hash: 'x' } }, operator), { status: 400, code: 'invalid_argument', reason: 'HEAD_INVALID', fields: ['noted.hash'] });
  });

  it('tells a session from its start to its result', async () => {
    const { entries } = await call(suite.http, `${service}/GetTimeline`, { sessionId: candidate.session.sessionId }, operator);
    assert.deepEqual(entries.map(({ kind }) => kind), ['reserved', 'form_attached', 'started', 'responses_stored', 'sealed.submitted', 'scored', 'released']);
    entries.forEach(({ sequence }, i) => assert.equal(sequence, String(i + 1)));
    assert.match(entries[0].text, new RegExp(candidate.subject));
    assert.match(entries[3].text, /^stored: item 1 #1 [A-F]+$/);
    assert.ok(entries[3].dueTime && !entries[4].dueTime, 'a clock runs until the seal');
  });

  it('is for operators', async () => {
    for (const method of ['VerifyJournal', 'GetTimeline']) {
      await refused(call(suite.http, `${service}/${method}`, {}, candidate.token), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
    }
    await refused(call(suite.http, `${service}/GetTimeline`, { sessionId: '0'.repeat(32) }, operator), { status: 404, code: 'not_found', reason: 'SESSION_NOT_FOUND' });
  });

  it('has a row for whoever reaches for the session of another', async () => {
    const other = await newCandidate(suite, 'mallory');
    const of = candidate.session.sessionId;
    await refused(call(suite.http, 'invigil.session.v1.DeliveryService/SubmitSession', { sessionId: of, epoch: 1 }, other.token), { status: 403, code: 'permission_denied', reason: 'SESSION_NOT_YOURS' });
    let denied;
    for (let i = 0; i < 100 && !denied; i++) {
      const { entries } = await call(suite.http, `${service}/GetTimeline`, { sessionId: of }, operator);
      denied = entries.find(({ kind }) => kind === 'denied');
      if (!denied) await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.equal(denied?.actor, other.subject);
    assert.equal(denied.sequence, '0');
    assert.equal(denied.text, 'refused to /invigil.session.v1.DeliveryService/SubmitSession: SESSION_NOT_YOURS');
    const { wrongRow, fault } = await call(suite.http, `${service}/VerifyJournal`, {}, operator);
    assert.equal(wrongRow, '0', fault);
    assert.match(suite.cli('audit', 'timeline', of), new RegExp(`refused to .* \\[by ${other.subject}\\]`));
  });

  it('is in the command line', () => {
    const text = suite.cli('audit', 'verify');
    assert.match(text, /rows of \d+ sessions are as they were written/);
    const [, head] = text.match(/^Head: (\d+:[0-9a-f]{64})$/m);
    assert.match(suite.cli('audit', 'verify', '--head', head), /as they were written/);
    const timeline = suite.cli('audit', 'timeline', candidate.session.sessionId);
    assert.match(timeline, /sealed\.submitted/);
    assert.match(timeline, /stored: item 1/);
  });
});
