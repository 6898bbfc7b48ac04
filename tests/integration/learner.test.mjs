// What practice says to a learner, over real processes: readiness with its reasons, plan, misses,
// diagnostic; reports as pages; and an erasure that reaches all of it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { call, Candidate, newId, refused } from '../harness/connect.mjs';
import { bin, Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

const examId = 'CLF-C02';

describe('a learner', () => {
  let suite, folder, operator, byStem, subject, token, sittings;
  const learner = (method, message, bearer = token) => call(suite.http, `invigil.scoring.v1.LearnerService/${method}`, message, bearer);
  const invigil = (...args) => new Promise((resolve) => execFile(path.join(bin, 'invigil'), args, { encoding: 'utf8', env: { ...process.env, INVIGIL_DATA: suite.dir } }, (error, stdout, stderr) => resolve({ status: error ? error.code : 0, stdout, stderr })));

  /** Sits, with everything right but what `wrong` says; gives the session with its report. */
  async function sit(bearer, kind, wrong = () => false) {
    const candidate = new Candidate(suite.http, bearer);
    await candidate.start(examId, newId('r'), { kind });
    const { items } = candidate.session;
    const answers = items.map(({ stem, options }, i) => {
      const keys = byStem.get(stem).options.filter(({ isKey }) => isKey).map(({ text }) => text);
      const chosen = options.filter(({ text }) => keys.includes(text) !== wrong(i)).slice(0, keys.length).map(({ optionId }) => optionId).sort();
      return candidate.write(i, chosen);
    });
    await candidate.save(answers);
    await candidate.submit();
    candidate.result = await until(() => candidate.report().catch(() => null), 'the report', 20_000);
    candidate.scored = items.map(({ stem }) => byStem.get(stem)).filter(({ status }) => status === 'ITEM_STATUS_OPERATIONAL').map(({ itemId }) => itemId);
    candidate.shown = items.map(({ stem }) => byStem.get(stem).itemId);
    return candidate;
  }

  before(async () => {
    suite = await Suite.open();
    folder = mkdtempSync(path.join(tmpdir(), 'invigil-learner-'));
    operator = await sign(suite, 'operator', newId('op'));
    byStem = new Map();
    for (let pageToken = ''; ; ) {
      const page = await call(suite.http, 'invigil.itembank.v1.ItemService/ListItems', { bankId: 'clf-c02', pageSize: 200, pageToken }, operator);
      for (const item of page.items) byStem.set(item.stem, item);
      if (!page.nextPageToken) break;
      pageToken = page.nextPageToken;
    }
    subject = newId('learner');
    token = await sign(suite, 'candidate', subject);
    sittings = [];
    for (let i = 0; i < 6; ++i) sittings.push(await sit(token, 'SESSION_KIND_PRACTICE'));
  });
  after(async () => {
    if (folder) rmSync(folder, { recursive: true });
    await suite?.stop();
  });

  it('is told which sittings count, by what was seen before', async () => {
    const { readiness } = await learner('GetReadiness', { examId });
    assert.equal(readiness.sessions.length, sittings.length);
    const seen = new Set();
    let counted = 0;
    for (const [i, { session, scored, shown }] of sittings.entries()) {
      const fresh = scored.filter((id) => !seen.has(id)).length / scored.length;
      const judged = readiness.sessions[i];
      assert.equal(judged.sessionId, session.sessionId);
      assert.equal(judged.exclusion, fresh >= 0.8 ? '' : 'REPEATED_ITEMS', `sitting ${i + 1}: ${fresh} new`);
      assert.equal(judged.scaledScore !== undefined, fresh >= 0.8);
      assert.equal(judged.explanation === '', fresh >= 0.8);
      counted += fresh >= 0.8;
      for (const id of shown) seen.add(id);
    }
    assert.ok(counted >= 1 && counted < sittings.length, `${counted} count: a bank of this size is seen through`);
    if (counted < 3) {
      assert.equal(readiness.verdict, 'READINESS_VERDICT_NOT_ENOUGH_EVIDENCE', 'a memoriser is not ready');
      assert.ok(readiness.needs.length > 0);
    }
    assert.ok(readiness.probability > 0 && readiness.probability <= readiness.probabilityUnadjusted);
    assert.equal(readiness.examDayAdjustment, -3);
    assert.equal(readiness.band, 750);
    assert.equal(readiness.basis.practiceEstimate, true);
    assert.match(readiness.basis.disclaimer, /practice/i);
  });

  it('gets own signals only', async () => {
    const other = await sign(suite, 'candidate', newId('other'));
    await refused(learner('GetReadiness', { examId, learnerId: subject }, other), { status: 403, code: 'permission_denied', reason: 'LEARNER_NOT_YOU' });
    await refused(learner('GetReadiness', { examId }, other), { status: 404, code: 'not_found', reason: 'NO_SESSIONS' });
    await refused(learner('GetMisses', { sessionId: sittings[0].session.sessionId }, other), { status: 403, code: 'permission_denied', reason: 'LEARNER_NOT_YOU' });
    await refused(learner('GetReadiness', { examId }, sittings[0].sessionToken), { status: 403, code: 'permission_denied', reason: 'TOKEN_OTHER_SESSION' });
    await refused(learner('RefitPrior', { examId }), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
    await refused(learner('RefitPrior', { examId }, operator), { status: 400, code: 'failed_precondition', reason: 'POPULATION_TOO_SMALL' });
    for (const method of ['RenderScoreReport', 'GetCohortReport']) await refused(call(suite.http, `invigil.scoring.v1.ReportService/${method}`, {}, token), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
    const { status } = await fetch(`${suite.http}/invigil.scoring.v1.LearnerService/AssignSessions`, { method: 'POST', headers: { 'content-type': 'application/json', authorization: `Bearer ${operator}` }, body: '{}' });
    assert.ok([404, 501].includes(status), `not reachable from outside: ${status}`);
  });

  it('gets a plan that spends the budget, and what raising a domain would change', async () => {
    const { plan } = await learner('GetStudyPlan', { examId, minutes: 120 });
    assert.equal(plan.domains.reduce((sum, { minutes }) => sum + minutes, 0), 120);
    assert.ok(plan.domains.every(({ tasks, minutes }) => tasks.length > 0 && tasks.reduce((sum, task) => sum + task.minutes, 0) === minutes), 'down to tasks');
    const { domains } = await learner('GetWhatIf', { examId, points: -10 });
    assert.equal(domains.length, 4);
    assert.ok(domains.every(({ rawChange, probabilityChange }) => rawChange < 0 && probabilityChange <= 0));
  });

  it('gets notes on misses after practice, and none after an exam', async () => {
    const someone = await sign(suite, 'candidate', newId('misses'));
    const practice = await sit(someone, 'SESSION_KIND_PRACTICE', (i) => i < 8);
    const { exposure, misses, counts } = await learner('GetMisses', { sessionId: practice.session.sessionId }, someone);
    assert.equal(exposure, 'KEY_EXPOSURE_COUNTS');
    assert.deepEqual(misses.map(({ position }) => position), [1, 2, 3, 4, 5, 6, 7, 8], 'items on trial are noted as others are');
    assert.ok(misses.every(({ ownRight, ownWrong }) => ownRight.length === 0 && ownWrong.length === 0));
    assert.equal(counts.reduce((sum, { count }) => sum + count, 0), 8);
    const exam = await sit(someone, 'SESSION_KIND_EXAM', (i) => i < 8);
    assert.deepEqual(await learner('GetMisses', { sessionId: exam.session.sessionId }, someone), { exposure: 'KEY_EXPOSURE_NOTHING', misses: [], counts: [] });
  });

  it('gets the result of a diagnostic by the session\'s token', async () => {
    const anonymous = await sign(suite, 'candidate', newId('anonymous'));
    const short = await sit(anonymous, 'SESSION_KIND_DIAGNOSTIC', (i) => i % 2 === 0);
    const { diagnostic } = await learner('GetDiagnostic', { sessionId: short.session.sessionId }, short.sessionToken);
    assert.ok(diagnostic.examPercentLow < diagnostic.examPercent && diagnostic.examPercent < diagnostic.examPercentHigh);
    assert.ok(diagnostic.weakestText.length > 0);
    await refused(learner('GetDiagnostic', { sessionId: sittings[0].session.sessionId }, short.sessionToken), { status: 403, code: 'permission_denied', reason: 'TOKEN_OTHER_SESSION' });
    await refused(learner('GetDiagnostic', { sessionId: sittings[0].session.sessionId }), { status: 400, code: 'failed_precondition', reason: 'NOT_DIAGNOSTIC' });
  });

  it('gets a page that tells no key, no item and no pretest', async () => {
    const file = path.join(folder, 'report.html');
    const { status, stderr } = await invigil('report', sittings[0].session.sessionId, '--html', file);
    assert.equal(status, 0, stderr);
    const html = readFileSync(file, 'utf8');
    for (const text of ['<h1>', String(sittings[0].result.scaledScore), 'Practice estimate', '<th scope="col">', '@page']) assert.ok(html.includes(text), text);
    for (const word of ['<script', 'http:', 'https:', 'pretest', 'operational', 'theta', 'slope']) assert.ok(!html.includes(word), word);
    for (const { itemId, stem } of byStem.values()) assert.ok(!html.includes(itemId) && !html.includes(stem), itemId);
    // Every element that is opened is closed, in order.
    const open = [];
    for (const [, close, name, rest] of html.matchAll(/<(\/?)([a-z0-9]+)([^>]*)>/g)) {
      if (name === 'meta' || rest.endsWith('/')) continue;
      if (close) assert.equal(open.pop(), name);
      else open.push(name);
    }
    assert.deepEqual(open, []);
  });

  it('stands in the reports of the staff', async () => {
    const readiness = await invigil('readiness', subject, '--exam', examId);
    assert.equal(readiness.status, 0, readiness.stderr);
    assert.match(readiness.stdout, /Probability of reaching 700/);
    const plan = await invigil('plan', subject, '--exam', examId, '--minutes', '90', '--json');
    assert.equal(JSON.parse(plan.stdout).minutes, 90, plan.stderr);
    const file = path.join(folder, 'cohort.html');
    assert.equal((await invigil('report', '--cohort', examId, '--html', file)).status, 0);
    assert.match(readFileSync(file, 'utf8'), /cohort report/);
    const cohort = JSON.parse((await invigil('report', '--cohort', examId, '--json')).stdout);
    assert.ok(Number(cohort.sessions) >= sittings.length && Number(cohort.passed) >= sittings.length);
    assert.ok(cohort.passRateLow <= cohort.passRate && cohort.passRate <= cohort.passRateHigh);
  });

  it('is forgotten with an erasure', async () => {
    await call(suite.http, 'invigil.session.v1.PrivacyService/EraseCandidate', { candidateId: subject, requestId: newId('erase'), reason: 'asked for' }, operator);
    await until(() => learner('GetReadiness', { examId }).then(() => false, ({ reason }) => reason === 'NO_SESSIONS'), 'nothing is known of the learner', 30_000);
  });
});
