// A key is corrected after the exam: preview, approval by a second person, the candidate's report.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { call, newCandidate, newId, refused } from '../harness/connect.mjs';
import { Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

const service = 'invigil.scoring.v1.RescoringService';

describe('rescoring', () => {
  let suite, ann, bea, byStem, candidates;
  const ask = (method, message, token = ann) => call(suite.http, `${service}/${method}`, message, token);
  const score = async (candidate, scoreVersion = 0) => (await call(suite.http, 'invigil.scoring.v1.ScoringService/GetScore', { sessionId: candidate.session.sessionId, scoreVersion }, ann)).score;
  const get = async (rescoringId) => (await ask('GetRescoring', { rescoringId })).rescoring;
  const reached = (rescoringId, state) => until(async () => ((rescoring) => rescoring.state === `RESCORING_STATE_${state}` && rescoring)(await get(rescoringId)), state, 20_000);
  const changes = async (rescoringId, filter = {}) => (await ask('ListRescoringChanges', { rescoringId, ...filter })).changes ?? [];
  const replays = async (candidate) => (await ask('ReplayScore', { sessionId: candidate.session.sessionId })).scores;

  /** What a candidate was shown at `index`, with the bank's item and what was answered in the bank's ids. */
  function shown(candidate, index) {
    const { stem, options } = candidate.session.items[index];
    const bank = byStem.get(stem);
    const id = (letter) => bank.options.find(({ text }) => text === options.find(({ optionId }) => optionId === letter).text).optionId;
    const answered = candidate.pick(index).map(id).sort();
    const key = bank.options.filter(({ isKey }) => isKey).map(({ optionId }) => optionId).sort();
    return { bank, answered, right: answered.join() === key.join() };
  }

  async function sit() {
    const candidate = await newCandidate(suite, 'rescored');
    await candidate.start();
    await candidate.save(candidate.session.items.map((_, i) => candidate.write(i, candidate.pick(i))));
    await candidate.submit();
    candidate.first = await until(() => candidate.report(), 'the report', 10_000);
    return candidate;
  }

  before(async () => {
    suite = await Suite.open();
    [ann, bea] = [await sign(suite, 'operator', newId('ann')), await sign(suite, 'operator', newId('bea'))];
    byStem = new Map();
    for (let pageToken = ''; ; ) {
      const page = await call(suite.http, 'invigil.itembank.v1.ItemService/ListItems', { bankId: 'clf-c02', pageSize: 200, pageToken }, ann);
      for (const item of page.items) byStem.set(item.stem, item);
      if (!page.nextPageToken) break;
      pageToken = page.nextPageToken;
    }
    candidates = [await sit(), await sit()];
  });
  after(() => suite?.stop());

  let rescoring, item, wrong;

  it('shows who would change and changes nobody', async () => {
    // A scored item that the first candidate answered wrong: that answer shall be the right one.
    const places = candidates[0].session.items.map((_, i) => shown(candidates[0], i));
    ({ bank: item, answered: wrong } = places.find(({ bank, right }) => bank.status === 'ITEM_STATUS_OPERATIONAL' && !right));
    const request = { requestId: newId('rescore'), examId: 'CLF-C02', reason: 'the key names the wrong option', decisions: [{ itemId: item.itemId, itemVersions: [item.version], kind: 'KEY_DECISION_KIND_REKEY', accepted: [{ optionIds: wrong }], reason: 'two experts agree' }] };
    ({ rescoring } = await ask('CreateRescoring', request));
    assert.equal((await ask('CreateRescoring', request)).rescoring.rescoringId, rescoring.rescoringId, 'the same request is the same rescoring');
    await refused(ask('CreateRescoring', { ...request, reason: 'another' }), { status: 400, code: 'invalid_argument', reason: 'REQUEST_ID_REUSED' });
    rescoring = await reached(rescoring.rescoringId, 'PREVIEWED');
    assert.match(rescoring.previewDigest, /^[0-9a-f]{64}$/);
    assert.ok(Number(rescoring.counts.changed) >= 1);
    assert.equal(rescoring.counts.passToFail, '0');
    const mine = (await changes(rescoring.rescoringId)).find(({ sessionId }) => sessionId === candidates[0].session.sessionId);
    assert.equal(mine.outcome, 'RESCORING_OUTCOME_CHANGED');
    assert.equal(mine.newRawScore, mine.oldRawScore + 1);
    assert.ok(mine.newScaledScore >= mine.oldScaledScore);
    assert.equal(mine.oldScaledScore, candidates[0].first.scaledScore);
    assert.equal((await score(candidates[0])).scoreVersion, 1);
  });

  it('needs a second person who saw the preview', async () => {
    const { rescoringId, previewDigest } = rescoring;
    await refused(ask('ApproveRescoring', { rescoringId, previewDigest, reason: 'mine' }), { status: 403, code: 'permission_denied', reason: 'APPROVER_IS_AUTHOR' });
    await refused(ask('ApproveRescoring', { rescoringId, previewDigest: '0'.repeat(64), reason: 'unseen' }, bea), { status: 400, code: 'failed_precondition', reason: 'PREVIEW_DIFFERS' });
    await refused(ask('ApproveRescoring', { rescoringId, previewDigest }, bea), { status: 400, code: 'invalid_argument', reason: 'RESCORING_INVALID', fields: ['reason'] });
    await refused(ask('GetRescoring', { rescoringId: 'nothing' }), { status: 404, code: 'not_found', reason: 'RESCORING_NOT_FOUND' });
    const author = await sign(suite, 'author', 'anton');
    await ask('GetRescoring', { rescoringId }, author);
    for (const method of ['ListRescoringChanges', 'ApproveRescoring', 'ReplayScore']) await refused(ask(method, { rescoringId }, author), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
    for (const method of ['CreateRescoring', 'GetRescoring', 'ListKeyRevisions']) await refused(ask(method, {}, candidates[0].token), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
    const { status } = await fetch(`${suite.http}/${service}/ListAmendments`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${ann}` }, body: '{}' });
    assert.ok([404, 501].includes(status), `the outbox is not reachable from outside: ${status}`);
  });

  it('brings the new score to the candidate, and the old one stays', async () => {
    const old = await score(candidates[0], 1);
    const expected = new Map((await changes(rescoring.rescoringId)).map((change) => [change.sessionId, change]));
    await ask('ApproveRescoring', { rescoringId: rescoring.rescoringId, previewDigest: rescoring.previewDigest, reason: 'I looked at it' }, bea);
    const done = await reached(rescoring.rescoringId, 'DONE');
    assert.equal(done.counts.written, rescoring.counts.changed);
    assert.equal(done.counts.late, '0');
    assert.deepEqual(done.acts.map(({ act }) => act), ['created', 'previewed', 'approved', 'done']);
    assert.equal(done.actsIntact, true);
    for (const candidate of candidates) {
      const change = expected.get(candidate.session.sessionId);
      const changed = change?.outcome === 'RESCORING_OUTCOME_CHANGED';
      const report = await until(async () => ((now) => now.scoreVersion === (changed ? 2 : 1) && now)(await candidate.report()), 'the report shows the new score', 15_000);
      assert.equal(report.scaledScore, changed ? change.newScaledScore : candidate.first.scaledScore);
      assert.equal(report.passed, changed ? change.newPassed : candidate.first.passed);
      assert.equal((await candidate.get()).session.state, 'SESSION_STATE_RELEASED');
      if (!changed) assert.deepEqual(report, candidate.first);
      for (const { identical, fault } of await replays(candidate)) assert.equal(identical, true, fault);
    }
    // What other teams are told, and what an appeal reads, follow each session that changed, and no other.
    const results = (kind, { session: { sessionId } }) => suite.cli('events', 'tail', '--no-follow', '--kind', kind, '--json').split('\n').filter(Boolean).map((line) => JSON.parse(line)).filter((event) => event.sessionId === sessionId).map(({ result }) => result);
    for (const candidate of candidates) {
      const { scaledScore, passed } = candidate.first;
      assert.deepEqual(results('scored', candidate), [{ scoreVersion: 1, passed, scaledScore }]);
      const change = expected.get(candidate.session.sessionId);
      const amended = change?.outcome === 'RESCORING_OUTCOME_CHANGED' ? [{ scoreVersion: 2, passed: change.newPassed, scaledScore: change.newScaledScore }] : [];
      assert.deepEqual(results('amended', candidate), amended);
      const timeline = suite.cli('audit', 'timeline', candidate.session.sessionId).split('\n').filter((line) => / scored /.test(line));
      assert.equal(timeline.length, 1 + amended.length, timeline.join('\n'));
    }
    assert.deepEqual(await score(candidates[0], 1), old, 'the old version reads as before');
    const [, second] = await replays(candidates[0]);
    assert.deepEqual([second.scoreVersion, second.keyVersion, second.rescoringId], [2, Number(done.baseRevision) + 2, rescoring.rescoringId]);
    const explained = await call(suite.http, 'invigil.scoring.v1.ScoringService/ExplainScore', { sessionId: candidates[0].session.sessionId }, ann);
    assert.equal(explained.conversion[explained.score.rawScore].scaledScore, explained.score.scaledScore);
    const { revisions } = await ask('ListKeyRevisions', { examId: 'CLF-C02' });
    assert.equal(revisions.at(-1).rescoringId, rescoring.rescoringId);
    assert.deepEqual(revisions.at(-1).decisions[0].accepted[0].optionIds, wrong);
  });

  it('scores whoever sits next with the new key', async () => {
    const late = await sit();
    const { keyVersion, scoreVersion } = await score(late);
    assert.equal(scoreVersion, 1);
    const shows = late.session.items.some(({ stem }) => byStem.get(stem).itemId === item.itemId);
    assert.equal(keyVersion === Number(rescoring.baseRevision) + 2, shows, 'only a form that shows the item has the new key');
    for (const { identical, fault } of await replays(late)) assert.equal(identical, true, fault);
  });

  it('drops an item for everybody, from the command line', async () => {
    const wanted = JSON.parse(suite.cli('rescore', 'create', '--exam', 'CLF-C02', '--drop', item.itemId, '--reason', 'no option is right', '--as', 'carl', '--json'));
    assert.equal(wanted.state, 'RESCORING_STATE_PREVIEWED');
    const approve = (who) => suite.cli('rescore', 'approve', wanted.rescoringId, '--digest', wanted.previewDigest, '--as', who, '--reason', 'seen');
    assert.throws(() => approve('carl'), ({ stderr }) => /APPROVER_IS_AUTHOR/.test(stderr));
    assert.match(suite.cli('rescore', 'preview', wanted.rescoringId), new RegExp(candidates[0].session.sessionId));
    assert.match(approve('dora'), /: done/);
    const now = await score(candidates[0]);
    const before = await score(candidates[0], 1);
    assert.equal(now.rawMax, before.rawMax - 1);
    assert.notEqual(now.conversionHash, before.conversionHash);
    const explained = await call(suite.http, 'invigil.scoring.v1.ScoringService/ExplainScore', { sessionId: candidates[0].session.sessionId }, ann);
    assert.equal(explained.conversion.length, now.rawMax + 1, 'a conversion made anew');
    await until(async () => (await candidates[0].report()).scoreVersion === now.scoreVersion, 'the report follows', 15_000);
    assert.match(suite.cli('rescore', 'verify', wanted.rescoringId), /come out again, byte for byte/);
    assert.match(suite.cli('rescore', 'verify', '--session', candidates[0].session.sessionId), /^3 of 3 /);
    assert.match(suite.cli('rescore', 'list', '--exam', 'CLF-C02'), new RegExp(wanted.rescoringId));
    assert.match(suite.cli('rescore', 'status', wanted.rescoringId), /approved\s+dora: seen/);
    assert.throws(() => suite.cli('rescore', 'cancel', wanted.rescoringId, '--as', 'carl', '--reason', 'late'), ({ stderr }) => /RESCORING_APPROVED/.test(stderr));
    const given = JSON.parse(suite.cli('rescore', 'create', '--exam', 'CLF-C02', '--reason', 'do they replay?', '--as', 'carl', '--json'));
    assert.deepEqual([given.counts.changed, given.counts.failed], ['0', '0']);
    assert.match(suite.cli('rescore', 'cancel', given.rescoringId, '--as', 'carl', '--reason', 'only looked'), /: cancelled/);
  });
});
