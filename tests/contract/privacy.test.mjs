// What is kept of a candidate, given out and erased.
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { call, newCandidate, refused } from '../harness/connect.mjs';
import { Suite } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

const service = 'invigil.session.v1.PrivacyService';

describe('privacy', () => {
  let suite, operator;
  before(async () => {
    suite = await Suite.open();
    operator = await sign(suite, 'operator', 'officer');
  });
  after(() => suite?.stop());

  async function sat(name) {
    const candidate = await newCandidate(suite, name);
    await candidate.start();
    await candidate.save([candidate.write(0, candidate.pick(0)), candidate.write(1, candidate.pick(1))]);
    await call(suite.http, 'invigil.session.v1.DeliveryService/SendMessage', { sessionId: candidate.session.sessionId, messageId: 'm1', text: `this is ${candidate.subject}` }, candidate.token);
    await candidate.submit();
    await candidate.report();
    return candidate;
  }
  const erase = (candidate, requestId, extra = {}) => call(suite.http, `${service}/EraseCandidate`, { candidateId: candidate.subject, requestId, reason: 'asked for it', ...extra }, operator);

  it('gives out what was put in, and no more', async () => {
    const candidate = await sat('exported');
    await call(suite.http, 'invigil.session.v1.RegistrationService/SetAccommodation', { candidateId: candidate.subject, terms: { timePercent: 150 }, reason: 'letter' }, operator);
    const all = await call(suite.http, `${service}/ExportCandidate`, { candidateId: candidate.subject }, operator);
    assert.equal(all.standingAccommodation.terms.timePercent, 150);
    assert.equal(all.sessions.length, 1);
    const [session] = all.sessions;
    assert.equal(session.sessionId, candidate.session.sessionId);
    assert.equal(session.state, 'SESSION_STATE_RELEASED');
    assert.deepEqual(session.responses.map(({ itemId }) => itemId).sort(), candidate.session.items.slice(0, 2).map(({ itemId }) => itemId).sort());
    assert.equal(session.messages[0].text, `this is ${candidate.subject}`);
    assert.equal(session.report.sessionId, session.sessionId);
    assert.deepEqual(session.timeline.map(({ kind }) => kind).filter((kind) => kind !== 'responses_stored'), ['reserved', 'form_attached', 'started', 'message_sent', 'sealed.submitted', 'scored', 'released']);
    const text = JSON.stringify(all);
    for (const item of candidate.session.items) assert.ok(!text.includes(item.stem), 'no text of an item');
    // A page that was never handed out gives the same away, and leaves a row all the same.
    const rows = async () => Number((await call(suite.http, 'invigil.session.v1.AuditService/VerifyJournal', {}, operator)).rightRows);
    const before = await rows();
    const page = await call(suite.http, `${service}/ExportCandidate`, { candidateId: candidate.subject, pageToken: '0'.repeat(32) }, operator);
    assert.equal(page.sessions.length, 1);
    assert.equal(await rows(), before + 1);
    const nobody = await call(suite.http, `${service}/ExportCandidate`, { candidateId: 'nobody-at-all' }, operator);
    assert.deepEqual(nobody.sessions, []);
  });

  it('erases a candidate and keeps what item statistics need', async () => {
    const candidate = await sat('erased');
    const gone = await erase(candidate, 'erase-1');
    assert.equal(gone.sessions, '1');
    assert.match(gone.pseudonym, /^erased-[0-9a-f]{32}$/);
    assert.equal(gone.traces, '0');
    assert.equal(gone.itemBankTold, true);
    const left = await call(suite.http, `${service}/ExportCandidate`, { candidateId: candidate.subject }, operator);
    assert.deepEqual(left.sessions, []);
    const kept = await call(suite.http, `${service}/ExportCandidate`, { candidateId: gone.pseudonym }, operator);
    assert.equal(kept.sessions[0].sessionId, candidate.session.sessionId);
    assert.equal(kept.sessions[0].responses.length, 2);
    assert.equal(kept.sessions[0].messages[0].text, '[erased]');
    assert.ok(!JSON.stringify(kept).includes(candidate.subject));
    await refused(call(suite.http, 'invigil.session.v1.DeliveryService/GetSession', { sessionId: candidate.session.sessionId }, candidate.token), { status: 403, code: 'permission_denied', reason: 'SESSION_NOT_YOURS' });
    const { wrongRow, fault } = await call(suite.http, 'invigil.session.v1.AuditService/VerifyJournal', {}, operator);
    assert.equal(wrongRow, '0', fault);
    // The same again; only that the candidate was refused since then is new.
    const { traces, ...again } = await erase(candidate, 'erase-1');
    assert.deepEqual({ ...again, traces: '0' }, gone);
    assert.ok(Number(traces) > 0);
    const second = await erase(candidate, 'erase-2');
    assert.deepEqual([second.sessions, second.traces], ['0', '0']);
    assert.ok(Number(second.refusals) > 0);
  });

  it('lets nobody be erased in the middle of an exam', async () => {
    const candidate = await newCandidate(suite, 'sitting');
    await candidate.start();
    await refused(erase(candidate, 'erase-3'), { status: 400, code: 'failed_precondition', reason: 'SESSION_LIVE' });
    await refused(erase(candidate, 'erase-4', { reason: '' }), { status: 400, code: 'invalid_argument', reason: 'ERASURE_INVALID', fields: ['reason'] });
    await refused(call(suite.http, `${service}/EraseCandidate`, {}, candidate.token), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
  });

  it('keeps for ever what nobody limited', async () => {
    const { results } = await call(suite.http, `${service}/ApplyRetention`, { dryRun: true }, operator);
    assert.deepEqual(results.map(({ kind, keepDays, due }) => [kind, keepDays, due]), ['sessions', 'words', 'registrations', 'journal'].map((kind) => [kind, 0, '0']));
  });

  it('is in the command line', async () => {
    const candidate = await sat('typed');
    const folder = mkdtempSync(join(tmpdir(), 'invigil-export-'));
    after(() => rmSync(folder, { recursive: true, force: true }));
    const out = join(folder, 'export.json');
    assert.match(suite.cli('privacy', 'export', candidate.subject, '--out', out), /1 sessions/);
    assert.equal(JSON.parse(readFileSync(out, 'utf8')).sessions[0].sessionId, candidate.session.sessionId);
    assert.equal(statSync(out).mode & 0o077, 0, 'nobody else reads it');
    assert.match(suite.cli('privacy', 'erase', candidate.subject, '--reason', 'asked', '--yes'), /1 sessions\n/);
    assert.match(suite.cli('privacy', 'retention', '--dry-run'), /sessions +ever/);
  });
});
