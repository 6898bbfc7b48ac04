// A session's life without help: time that runs out with nobody connected, starts that race, and the
// command line around it. Real processes, real seconds.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Candidate, call, newCandidate, newId, refused } from '../harness/connect.mjs';
import { root, Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

const bankFolder = path.join(root, 'deploy/banks/clf-c02');
const seconds = (duration) => Number(duration.replace('s', ''));

let suite;
before(async () => {
  suite = await Suite.start();
  const exam = JSON.parse(readFileSync(path.join(bankFolder, 'exam.json'), 'utf8'));
  await publish({ ...exam, examId: 'CLF-SHORT', title: 'Three seconds', duration: '3s' });
});
after(() => suite?.stop());

async function publish(exam) {
  const operator = await sign(suite, 'operator', 'lifecycle');
  return call(suite.http, 'invigil.itembank.v1.ExamService/PublishExam', { exam, requestId: newId('publish') }, operator);
}

describe('time runs out', () => {
  it('the session seals itself within two seconds, at its deadline, and is scored, with nobody connected', async () => {
    const candidate = await newCandidate(suite);
    const { session } = await candidate.start('CLF-SHORT');
    assert.equal(session.duration, '3s');
    await candidate.save([candidate.write(0, candidate.pick(0)), candidate.write(1, candidate.pick(1)), candidate.write(2)]);
    const deadline = Date.parse(session.startTime) + 3000;
    // No call touches the session from here on: only its own log tells.
    const mine = (message) => ({ session: id, session_id, message: text }) => (id ?? session_id) === session.sessionId && text === message;
    const sealed = await until(() => suite.logLines('session').find(mine('session sealed')), 'the session seals itself', 8000);
    assert.equal(sealed.state, 'EXPIRED');
    assert.ok(Date.parse(sealed.time) - deadline < 2000, `sealed ${Date.parse(sealed.time) - deadline} ms after its deadline`);
    assert.ok(Date.parse(sealed.time) >= deadline - 5, 'not before its deadline');
    await until(() => suite.logLines('scoring').find(mine('session scored')), 'scoring gets it', 5000);

    const { session: over } = await candidate.get();
    assert.equal(Date.parse(over.endTime), deadline, 'it ended at its deadline, whenever it was sealed');
    assert.equal(over.remaining, '0s');
    assert.deepEqual(over.responses.map(({ sequence, optionIds }) => [sequence, optionIds]), [[1, candidate.pick(0)], [1, candidate.pick(1)], [1, []]]);
    const report = await until(() => candidate.report(), 'the report', 5000);
    assert.ok(report.scaledScore >= 100 && report.scaledScore < 700);
    assert.equal((await candidate.get()).session.state, 'SESSION_STATE_RELEASED');
  });

  it('a session that was never answered scores the least of the scale', async () => {
    const candidate = await newCandidate(suite);
    const { session } = await candidate.start('CLF-SHORT');
    const report = await until(() => candidate.report(), 'the report of an untouched session', 8000);
    assert.deepEqual([report.scaledScore, report.scaleMin, report.passed], [100, 100, false]);
    const { session: over } = await candidate.get();
    assert.equal(Date.parse(over.endTime), Date.parse(session.startTime) + 3000);
    assert.deepEqual(over.responses, []);
  });

  it('a write after the deadline is refused with the deadline, and a submit gets what was sealed', async () => {
    const candidate = await newCandidate(suite);
    const { session } = await candidate.start('CLF-SHORT');
    await candidate.save([candidate.write(0, candidate.pick(0))]);
    const deadline = Date.parse(session.startTime) + 3000;
    // Writes until it is refused: the one that is refused must not be in the sealed set.
    let last = 1;
    const error = await until(async () => {
      const response = { itemId: session.items[0].itemId, sequence: last + 1, optionIds: candidate.pick(0, last) };
      return candidate.save([response]).then(() => (++last, undefined), (refusal) => refusal);
    }, 'the refusal at the deadline', 8000);
    assert.equal(error.reason, 'SESSION_SEALED');
    assert.equal(Date.parse(error.details.metadata.end_time), deadline);
    assert.ok(last > 3, 'writes went on until then');
    const answer = await candidate.submit({ seen: [{ itemId: session.items[0].itemId, sequence: last }] });
    assert.ok(['SESSION_STATE_EXPIRED', 'SESSION_STATE_RELEASED'].includes(answer.state), answer.state);
    assert.equal(Date.parse(answer.endTime), deadline);
    assert.deepEqual(answer.receipt.map(({ sequence }) => sequence), [last]);
  });

  it('forty sessions that end together all end on time', async () => {
    const candidates = await Promise.all(Array.from({ length: 40 }, () => newCandidate(suite, 'many')));
    await Promise.all(candidates.map((candidate) => candidate.start('CLF-SHORT')));
    const ids = new Map(candidates.map(({ session }) => [session.sessionId, Date.parse(session.startTime) + 3000]));
    const sealed = await until(() => {
      const lines = suite.logLines('session').filter(({ message, session }) => message === 'session sealed' && ids.has(session));
      return lines.length >= 40 && lines;
    }, 'forty seals', 10_000);
    assert.equal(sealed.length, 40, 'each once');
    for (const { session, time } of sealed) assert.ok(Date.parse(time) - ids.get(session) < 2000, `${session} sealed ${Date.parse(time) - ids.get(session)} ms late`);
  });
});

describe('starts', () => {
  it('sixty-four at once make one session with one clock', async () => {
    const candidate = await newCandidate(suite);
    const answers = await Promise.all(Array.from({ length: 64 }, (_, i) => candidate.delivery('StartSession', { examId: 'CLF-C02', requestId: `r${i % 8}` }, candidate.token)));
    const one = (pick) => new Set(answers.map(({ session }) => JSON.stringify(pick(session)))).size;
    assert.equal(one(({ sessionId }) => sessionId), 1);
    assert.equal(one(({ startTime }) => startTime), 1);
    assert.equal(one(({ items }) => items), 1);
    assert.ok(answers.every(({ session }) => session.state === 'SESSION_STATE_ACTIVE' && session.epoch === 1));
  });

  it('a candidate who comes back gets the session, what is stored, and a new token for it', async () => {
    const candidate = await newCandidate(suite);
    const { sessionToken, session } = await candidate.start();
    await candidate.save([candidate.write(7, candidate.pick(7))]);
    const back = new Candidate(suite.http, candidate.token);
    const again = await back.start();
    assert.equal(again.session.sessionId, session.sessionId);
    assert.deepEqual(again.session.responses, [], 'a start never carries responses');
    const { session: stored } = await back.get();
    assert.deepEqual(stored.responses, [{ itemId: session.items[7].itemId, sequence: 1, optionIds: candidate.pick(7), cleared: false }]);
    // Both tokens act on the session, and neither lives forever.
    for (const token of [sessionToken, again.sessionToken]) {
      await back.delivery('GetSession', { sessionId: session.sessionId }, token);
      const claims = JSON.parse(Buffer.from(token.split('.')[1], 'base64url'));
      assert.equal(claims.sid, session.sessionId);
      assert.deepEqual(claims.roles, ['candidate']);
      assert.ok(claims.exp - claims.iat > 5400 && claims.exp - claims.iat < 8 * 24 * 3600);
    }
  });

  it('exams of one candidate run side by side, each with its own session', async () => {
    const candidate = await newCandidate(suite);
    const { session: first } = await candidate.start('CLF-C02');
    const { session: second } = await candidate.start('CLF-SHORT');
    assert.notEqual(first.sessionId, second.sessionId);
    assert.equal((await candidate.start('CLF-C02')).session.sessionId, first.sessionId);
  });

  it('a new version of the exam leaves a running session as it is', async () => {
    const exam = JSON.parse(readFileSync(path.join(bankFolder, 'exam.json'), 'utf8'));
    await publish({ ...exam, examId: 'CLF-EDITED', duration: '600s' });
    const early = await newCandidate(suite);
    await early.start('CLF-EDITED');
    const { exam: edited } = await publish({ ...exam, examId: 'CLF-EDITED', duration: '1200s' });
    assert.equal(edited.version, 2);
    const { session } = await early.get();
    assert.equal(session.duration, '600s');
    assert.ok(seconds(session.remaining) <= 600);
    const late = await newCandidate(suite);
    assert.equal((await late.start('CLF-EDITED')).session.duration, '1200s');
  });
});

describe('the command line', () => {
  it('simulates twenty candidates whose receipts are all right', async () => {
    const result = JSON.parse(await suite.cliAsync('simulate', '--exam', 'CLF-C02', '--candidates', '20', '--workers', '4', '--ability', '0,1', '--seed', '7', '--json'));
    assert.deepEqual([result.candidateCount, result.finishedCount], [20, 20]);
    assert.equal(result.lostResponses, 0);
    assert.deepEqual(result.failedByReason, {});
    assert.equal(result.unmatchedItems, 0);
    assert.ok(result.responseCount >= 20 * 60);
    for (const row of result.candidates) {
      assert.ok(!row.lost && !row.error);
      assert.equal(row.passed, row.scaledScore >= 700);
    }
    // What it printed is what scoring stored.
    const operator = await sign(suite, 'operator', 'lifecycle');
    for (const { sessionId, scaledScore } of result.candidates) {
      const { score } = await call(suite.http, 'invigil.scoring.v1.ScoringService/GetScore', { sessionId }, operator);
      assert.equal(score.scaledScore, scaledScore);
      assert.equal(score.rawMax, 50);
      assert.equal(score.scoreVersion, 1);
    }
  });

  it('scores rise with ability', async () => {
    const run = async (ability) => JSON.parse(await suite.cliAsync('simulate', '--exam', 'CLF-C02', '--candidates', '6', '--workers', '2', '--ability', `${ability},0`, '--seed', '3', '--json')).scaledScore.mean;
    assert.ok((await run(3)) - (await run(-3)) > 300);
  });

  it('reports a session, and how its score came about', async () => {
    const candidate = await newCandidate(suite);
    await candidate.start();
    await candidate.save(candidate.session.items.map((_, i) => candidate.write(i, candidate.pick(i))));
    const { report } = await candidate.submit();
    const text = suite.cli('report', candidate.session.sessionId);
    assert.ok(text.includes(String(report.scaledScore)) && text.includes('Cloud Concepts') && /practice/i.test(text), text);
    assert.deepEqual(JSON.parse(suite.cli('report', candidate.session.sessionId, '--json')), report);
    const explained = JSON.parse(suite.cli('report', candidate.session.sessionId, '--explain', '--json')).explanation;
    assert.equal(explained.conversion.length, 51);
    const row = explained.conversion[explained.score.rawScore];
    assert.equal(row.scaledScore, report.scaledScore);
    assert.deepEqual([explained.conversion[0].scaledScore, explained.conversion[50].scaledScore], [100, 1000]);
    assert.equal(explained.conversion[explained.cutRaw].passed, true);
    assert.equal(explained.conversion[explained.cutRaw - 1].passed, false);
    explained.conversion.forEach(({ scaledUnrounded }, i, all) => assert.ok(i === 0 || scaledUnrounded > all[i - 1].scaledUnrounded, 'monotone'));
  });

  it('says plainly what is wrong, and ends with a status', () => {
    const fails = (...args) => {
      try {
        suite.cli(...args);
      } catch (error) {
        return { status: error.status, text: error.stderr };
      }
      return assert.fail(`${args.join(' ')} did not fail`);
    };
    assert.match(fails('report', 'f'.repeat(32)).text, /no such session/);
    assert.match(fails('simulate', '--exam', 'NO-SUCH').text, /EXAM_NOT_FOUND/);
    for (const args of [['report'], ['nonsense'], ['token', '--role', 'king', '--subject', 'x']]) assert.notEqual(fails(...args).status, 0);
  });

  it('importing a bank again changes nothing, and an export is what was imported', async () => {
    const shipped = readdirSync(bankFolder).filter((name) => name.startsWith('domain-')).flatMap((name) => JSON.parse(readFileSync(path.join(bankFolder, name), 'utf8')).items);
    const first = suite.path('export-1.json');
    suite.cli('bank', 'export', 'clf-c02', '-o', first);
    assert.match(suite.cli('bank', 'import', bankFolder), new RegExp(`bank clf-c02: 0 created, 0 updated, ${shipped.length} unchanged`));
    assert.match(suite.cli('bank', 'import', first), new RegExp(`0 created, 0 updated, ${shipped.length} unchanged`));
    const exported = JSON.parse(readFileSync(first, 'utf8'));
    assert.equal(exported.items.length, shipped.length);
    const byId = new Map(exported.items.map((item) => [item.itemId, item]));
    for (const item of shipped) {
      const stored = byId.get(item.itemId);
      for (const field of ['itemId', 'domainId', 'taskId', 'type', 'selectCount', 'cognitiveLevel', 'stem', 'status', 'references']) assert.deepEqual(stored[field], item[field], `${item.itemId} ${field}`);
      assert.deepEqual(stored.irt, { ...item.irt, sampleSize: 0, calibrationId: '' });
      assert.deepEqual(stored.options.map((option) => ({ isKey: false, ...option })), item.options.map((option) => ({ isKey: false, ...option })));
    }
    const second = suite.path('export-2.json');
    suite.cli('bank', 'export', 'clf-c02', '-o', second);
    assert.equal(readFileSync(second, 'utf8'), readFileSync(first, 'utf8'), 'byte for byte');
  });

  it('a faulty bank is refused with every problem, and nothing of it is stored', async () => {
    const file = suite.path('faulty.json');
    const item = { itemId: 'new-1', domainId: '1', taskId: '1.1', type: 'ITEM_TYPE_SINGLE_CHOICE', selectCount: 1, cognitiveLevel: 'COGNITIVE_LEVEL_APPLY', stem: 'Which of these is it?', status: 'ITEM_STATUS_DRAFT', options: ['a', 'b', 'c', 'd'].map((optionId) => ({ optionId, text: `Option ${optionId}`, rationale: 'Because.', isKey: optionId === 'a' })) };
    writeFileSync(file, JSON.stringify({ bankId: 'clf-c02', examId: 'CLF-C02', items: [item, { ...item, itemId: 'new-2', stem: '', options: item.options.slice(0, 1) }] }));
    assert.throws(() => suite.cli('bank', 'import', file), (error) => error.status !== 0 && /new-2|items\[1\]/.test(error.stderr));
    const operator = await sign(suite, 'operator', 'lifecycle');
    await refused(call(suite.http, 'invigil.itembank.v1.ItemService/GetItem', { itemId: 'new-1' }, operator), { status: 404, code: 'not_found', reason: 'ITEM_NOT_FOUND' });
  });
});
