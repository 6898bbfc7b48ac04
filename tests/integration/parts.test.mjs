// Exams of several parts, as real processes give them to a candidate: the four fixture definitions as
// they stand, each sat through from its first part to its report, and what time alone does to them.
import assert from 'node:assert/strict';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fixture, importFixture, publish } from '../harness/banks.mjs';
import { call, newCandidate, refused } from '../harness/connect.mjs';
import { assertScored } from '../harness/scored.mjs';
import { openClient, Watcher } from '../harness/streams.mjs';
import { bin, Suite, until } from '../harness/suite.mjs';
import { Terminal } from '../harness/terminal.mjs';
import { sign } from '../harness/tokens.mjs';

const seconds = (duration) => Number(duration.replace('s', ''));
const locked = { status: 400, code: 'failed_precondition', reason: 'ITEMS_LOCKED' };
const missing = { status: 400, code: 'failed_precondition', reason: 'RESPONSES_MISSING' };
const noBreak = { status: 400, code: 'failed_precondition', reason: 'BREAK_NOT_ALLOWED' };

let suite, operator;
before(async () => {
  suite = await Suite.start({ banks: [] });
  operator = await sign(suite, 'operator', 'parts');
  for (const name of ['pmp-2026', 'gre-like', 'ccna-like', 'gmat-like']) importFixture(suite, name);
});
after(() => suite?.stop());

async function begin(examId) {
  const candidate = await newCandidate(suite, 'parts');
  await candidate.start(examId);
  return candidate;
}

/** Saves an answer to each of the items from `from` to before `to` (0-based), in one request. */
const answer = (candidate, from, to) => candidate.save(Array.from({ length: to - from }, (_, i) => candidate.write(from + i, candidate.pick(from + i, from + i))));

const idsOf = (candidate, ...indexes) => indexes.map((index) => candidate.session.items[index].itemId);
const timeline = async (candidate) => (await call(suite.http, 'invigil.session.v1.AuditService/GetTimeline', { sessionId: candidate.session.sessionId }, operator)).entries;

/** The session is sealed: it has a result in the exam's scale, which rests on exactly the `receipt`. */
async function hasResult(candidate, exam, receipt) {
  const report = await until(() => candidate.report(), 'the report comes', 10_000);
  assert.equal(report.examId, exam.examId);
  assert.ok(report.scaledScore >= exam.scale.min && report.scaledScore <= exam.scale.max, `${report.scaledScore}`);
  assert.equal(report.domains.length, exam.domains.length);
  await assertScored(suite, candidate.session.sessionId, receipt);
}

/** The parts of the session that are before, at and after the current one are DONE, CURRENT and AHEAD. */
function standsIn({ parts, currentPart }, index) {
  assert.equal(currentPart, index);
  assert.deepEqual(parts.map(({ state }) => state), parts.map((_, i) => `PART_STATE_${i < index ? 'DONE' : i === index ? 'CURRENT' : 'AHEAD'}`));
}

describe('three sections and two breaks, one clock for all (PMP-like)', () => {
  const exam = fixture('pmp-2026');

  it('is sat to its report: each section locks when it is left, the clock stands still in the breaks', async () => {
    const candidate = await begin(exam.examId);
    const { session } = candidate;
    assert.deepEqual(session.parts.map(({ kind, itemCount }) => `${kind.slice(10)} ${itemCount}`), ['SECTION 60', 'BREAK 0', 'SECTION 60', 'BREAK 0', 'SECTION 60']);
    standsIn(session, 0);
    assert.deepEqual(session.items.map(({ position }) => position), Array.from({ length: 60 }, (_, i) => i + 1), 'nothing of later sections');
    assert.equal((await candidate.get()).session.items.length, 60);
    assert.ok(seconds(session.remaining) > 14_390 && session.remaining === session.examRemaining);
    assert.equal(session.breaksAllowed, false);
    await refused(candidate.takeBreak(1), noBreak);
    await refused(candidate.endBreak(1), { status: 400, code: 'invalid_argument', reason: 'BREAK_INVALID', fields: ['break_number'] });
    await answer(candidate, 0, 60);

    const first = await candidate.leave(0);
    assert.deepEqual([first.state, first.breakKind, first.breakCount, first.items.length], ['SESSION_STATE_ON_BREAK', 'BREAK_KIND_SCHEDULED', 1, 60]);
    standsIn(first, 1);
    assert.ok(seconds(first.remaining) > 590 && seconds(first.remaining) <= 600, 'the break counts down by itself');
    const later = await until(async () => {
      const { session: now } = await candidate.get();
      return seconds(now.remaining) < seconds(first.remaining) && now;
    }, 'the break runs');
    assert.equal(later.examRemaining, first.examRemaining, 'the exam\'s clock stands still');
    await refused(candidate.save([candidate.write(3, candidate.pick(3, 1))]), { status: 400, code: 'failed_precondition', reason: 'SESSION_NOT_ACTIVE' });
    --candidate.sequence[session.items[3].itemId];

    const second = await candidate.endBreak(1);
    standsIn(second, 2);
    assert.deepEqual([second.state, second.items.length], ['SESSION_STATE_ACTIVE', 120]);
    assert.equal((await candidate.endBreak(1)).currentPart, 2, 'repeated, it changes nothing');
    assert.equal((await candidate.leave(0)).currentPart, 2, 'nor does leaving what was left');
    const error = await refused(candidate.save([{ itemId: session.items[0].itemId, sequence: 9, optionIds: ['D'] }]), locked);
    assert.equal(error.details.metadata.item_ids, session.items[0].itemId);
    assert.equal(error.details.metadata.stored, `1:${candidate.pick(0, 0).join('')}`, 'what counts');
    await answer(candidate, 60, 119);
    const late = candidate.write(119, candidate.pick(119));
    await refused(candidate.leave(2), { ...missing, metadata: { item_ids: late.itemId } });
    await candidate.save([late]);
    assert.equal((await candidate.leave(2)).breakCount, 2);
    assert.equal((await candidate.endBreak(1)).state, 'SESSION_STATE_ON_BREAK', 'a late repeat ends no other break');
    standsIn(await candidate.endBreak(2), 4);
    await answer(candidate, 120, 180);
    const { receipt, state } = await candidate.submit();
    assert.match(state, /SUBMITTED|RELEASED/);
    assert.equal(receipt.length, 180);
    await hasResult(candidate, exam, receipt);
    assert.deepEqual((await timeline(candidate)).filter(({ kind }) => kind === 'part_entered').map(({ text }) => text), ['part 2 began: First break (a break)', 'part 3 began: Part 2 of 3', 'part 4 began: Second break (a break)', 'part 5 began: Part 3 of 3']);
  });

  it('keeps flags and times, and gives them back to a screen that comes back', async () => {
    const candidate = await begin(exam.examId);
    const [a, b, c] = idsOf(candidate, 4, 17, 30);
    await candidate.progress([{ itemId: a, sequence: 1, flagged: true, shownMs: 1500 }, { itemId: b, sequence: 1, flagged: true }]);
    await candidate.progress([{ itemId: b, sequence: 2, flagged: false }, { itemId: c, sequence: 1, flagged: true }]);
    const { session } = await candidate.get();
    assert.deepEqual(session.marks.map(({ itemId, sequence, flagged, shownMs }) => [itemId, sequence, flagged, shownMs]), [[a, 1, true, 1500], [b, 2, false, 0], [c, 1, true, 0]]);
  });

  it('lets candidates take breaks of their own where the exam allows it: the clock runs, what was seen is locked', async () => {
    const candidate = await begin(await publish(suite, { ...exam, examId: 'PMP-OWN-BREAKS', unscheduledBreaks: true, sources: exam.sources.map((source) => ({ ...source, fields: [...source.fields, 'unscheduled_breaks'] })) }));
    assert.equal(candidate.session.breaksAllowed, true);
    await answer(candidate, 0, 2);
    await refused(candidate.takeBreak(1, { pooled: true }), noBreak);
    const late = candidate.write(2, candidate.pick(2));
    await refused(candidate.takeBreak(1), { ...missing, metadata: { item_ids: late.itemId } });
    await candidate.save([late]);
    const taken = await candidate.takeBreak(1, { seenItemIds: idsOf(candidate, 3, 5) });
    assert.deepEqual([taken.state, taken.breakKind, taken.breakCount], ['SESSION_STATE_ON_BREAK', 'BREAK_KIND_UNSCHEDULED', 1]);
    await until(async () => seconds((await candidate.get()).session.examRemaining) < seconds(taken.examRemaining), 'the clock runs');
    assert.equal((await candidate.endBreak(1)).state, 'SESSION_STATE_ACTIVE');
    assert.equal((await candidate.takeBreak(1)).state, 'SESSION_STATE_ACTIVE', 'a late repeat begins no other');
    assert.deepEqual((await candidate.get()).session.lockedItemIds, idsOf(candidate, 0, 1, 2, 3, 5));
    for (const index of [0, 5]) await refused(candidate.save([{ itemId: candidate.session.items[index].itemId, sequence: 7, optionIds: ['D'] }]), locked);
    await candidate.save([candidate.write(4, candidate.pick(4))]);
    assert.equal((await candidate.takeBreak(2)).breakCount, 2);
    assert.equal((await candidate.endBreak(1)).state, 'SESSION_STATE_ON_BREAK', 'meant the first');
    assert.equal((await candidate.endBreak(2)).state, 'SESSION_STATE_ACTIVE');
    assert.equal((await candidate.submit()).receipt.length, 4);
  });
});

describe('agreement, tutorial and four sections with clocks of their own (GRE-like)', () => {
  const exam = fixture('gre-like');
  let proctor;
  before(async () => {
    proctor = await sign(suite, 'proctor', 'petra');
  });
  const act = (method, message) => call(suite.http, `invigil.session.v1.ProctorService/${method}`, message, proctor);

  /** A candidate whom the proctor finds on the roster and checks in. */
  async function checkedIn() {
    const candidate = await newCandidate(suite, 'parts');
    await refused(candidate.start(exam.examId, 'before'), { status: 400, code: 'failed_precondition', reason: 'CHECK_IN_REQUIRED' });
    const entry = await until(async () => (await act('ListRoster', { candidateId: candidate.subject })).entries[0], 'the candidate is on the roster', 10_000);
    await act('CheckIn', { sessionId: entry.sessionId, reason: 'passport seen' });
    await candidate.start(exam.examId, 'before');
    assert.equal(candidate.session.sessionId, entry.sessionId);
    return candidate;
  }

  it('is sat to its report: no question before the agreement, no way back, unused time is not carried over', async () => {
    const candidate = await checkedIn();
    const { session } = candidate;
    assert.equal(session.items.length, 0, 'nothing is shown before the first section');
    standsIn(session, 0);
    assert.equal(session.parts[0].text, exam.parts[0].text);
    assert.ok(seconds(session.remaining) <= 300 && session.examRemaining === '5280s', 'the exam\'s clock has not begun');
    await refused(candidate.leave(1), { status: 400, code: 'failed_precondition', reason: 'PART_NOT_ENTERED', metadata: { part: '0' } });
    await refused(candidate.leave(9), { status: 400, code: 'invalid_argument', reason: 'PART_INVALID' });
    const tutorial = await candidate.leave(0);
    standsIn(tutorial, 1);
    assert.equal(tutorial.parts[1].text, exam.parts[1].text);
    assert.deepEqual([tutorial.items.length, tutorial.examRemaining], [0, '5280s']);

    let from = 0;
    let left = 1;
    for (const { index, limit, itemCount } of session.parts.slice(2)) {
      const entered = await candidate.leave(left);
      standsIn(entered, index);
      assert.equal(entered.items.length, from + itemCount, 'this section\'s and no later ones');
      assert.ok(seconds(entered.remaining) > seconds(limit) - 30 && seconds(entered.remaining) <= seconds(limit), `${entered.remaining} of ${limit}`);
      if (from > 0) await refused(candidate.save([{ itemId: entered.items[from - 1].itemId, sequence: 9, optionIds: ['A'] }]), locked);
      await answer(candidate, from, from + itemCount);
      await candidate.save([candidate.write(from, candidate.pick(from, 1)), candidate.write(from + 1)]);
      from += itemCount;
      left = index;
    }
    const over = await candidate.leave(left);
    assert.match(over.state, /SUBMITTED|SCORED|RELEASED/);
    const { receipt } = await candidate.submit();
    assert.equal(receipt.length, 54);
    assert.equal(receipt.filter(({ cleared }) => cleared).length, 4);
    await hasResult(candidate, exam, receipt);
  });

  it('ends when the agreement is declined, with nothing shown', async () => {
    const candidate = await checkedIn();
    const declined = await candidate.leave(0, { accept: false });
    assert.deepEqual([declined.state, declined.items.length], ['SESSION_STATE_TERMINATED', 0]);
    await refused(candidate.leave(1), { status: 400, code: 'failed_precondition', reason: 'SESSION_SEALED' });
    assert.match((await timeline(candidate)).find(({ kind }) => kind === 'sealed.terminated').text, /declined/);
  });
});

describe('forward only, and a survey (CCNA-like)', () => {
  const exam = fixture('ccna-like');

  it('is sat to its report: what lies behind is locked, and no answer in flight with it', async () => {
    const candidate = await begin(exam.examId);
    assert.equal(candidate.session.parts[0].navigation, 'NAVIGATION_FORWARD_ONLY');
    // The screen goes on before the answer has arrived: the server waits for it.
    const first = candidate.write(0, candidate.pick(0));
    await refused(candidate.progress([], 1, { seen: candidate.seen }), { ...missing, metadata: { item_ids: first.itemId } });
    await candidate.save([first]);
    await candidate.progress([], 1, { seen: candidate.seen });
    assert.deepEqual((await candidate.get()).session.lockedItemIds, idsOf(candidate, 0));
    const error = await refused(candidate.save([{ ...first, sequence: 2, optionIds: candidate.pick(0, 1) }]), locked);
    assert.deepEqual([error.details.metadata.sent, error.details.metadata.stored], [`2:${candidate.pick(0, 1).join('')}`, `1:${first.optionIds.join('')}`]);
    // Both under way at once, in whatever order they arrive.
    for (let index = 1; index <= 30; ++index) {
      const write = candidate.write(index, candidate.pick(index));
      const ahead = async () => {
        for (;;) {
          try {
            return await candidate.progress([], index + 1, { seen: [{ itemId: write.itemId, sequence: write.sequence }] });
          } catch (caught) {
            assert.equal(caught.reason, 'RESPONSES_MISSING');
          }
        }
      };
      const saved = (async () => candidate.save([write]))();
      await Promise.all(index % 2 === 0 ? [saved, ahead()] : [ahead(), saved]);
    }
    // What was passed over can't be answered any more; an answer locks what lies before it, too.
    await candidate.progress([], 40, { seen: candidate.seen });
    assert.equal((await refused(candidate.save([{ itemId: candidate.session.items[35].itemId, sequence: 1, optionIds: ['A'] }]), locked)).details.metadata.stored, '0:');
    await answer(candidate, 40, 42);
    await answer(candidate, 99, 100);
    await refused(candidate.save([{ itemId: candidate.session.items[50].itemId, sequence: 1, optionIds: ['A'] }]), locked);

    const survey = await candidate.leave(0);
    standsIn(survey, 1);
    assert.equal(survey.parts[1].text, exam.parts[1].text);
    await refused(candidate.save([{ itemId: candidate.session.items[99].itemId, sequence: 9, optionIds: ['A'] }]), locked);
    const over = await candidate.leave(1);
    assert.match(over.state, /SUBMITTED|SCORED|RELEASED/);
    const { receipt } = await candidate.submit();
    assert.equal(receipt.length, 34);
    assert.deepEqual(receipt.slice(0, 31).map(({ optionIds }) => optionIds), Array.from({ length: 31 }, (_, i) => candidate.pick(i)));
    const left = (await timeline(candidate)).find(({ kind }) => kind === 'part_entered');
    assert.equal(Date.parse(over.endTime), Date.parse(left.eventTime), 'it ended when the last section was left');
    await hasResult(candidate, exam, receipt);
  });
});

describe('a quota of changed answers (GMAT-like)', () => {
  const exam = fixture('gmat-like');
  const overQuota = { status: 400, code: 'failed_precondition', reason: 'EDIT_QUOTA_USED' };

  it('is sat to its report: three changes in each section, and no fourth', async () => {
    const candidate = await begin(exam.examId);
    let from = 0;
    for (const { index, kind, itemCount, editQuota } of candidate.session.parts) {
      if (kind === 'PART_KIND_BREAK') {
        await candidate.endBreak(1);
        continue;
      }
      assert.equal(editQuota, 3);
      const end = from + itemCount;
      await answer(candidate, from, end - 1);
      await candidate.save([candidate.write(from, candidate.pick(from, from + 1))]);
      await candidate.save([candidate.write(from), candidate.write(from + 1, candidate.pick(from + 1, from + 2))]);
      const part = (await candidate.get()).session.parts[index];
      assert.deepEqual([part.editQuota, part.editsUsed], [3, 3]);
      const second = candidate.session.items[from + 2].itemId;
      await refused(candidate.save([{ itemId: second, sequence: 9, optionIds: candidate.pick(from + 2, from + 3) }]), { ...overQuota, metadata: { item_ids: second } });
      // Giving an answer where there is none changes none.
      await candidate.save([candidate.write(end - 1, candidate.pick(end - 1)), candidate.write(from, candidate.pick(from))]);
      from = end;
      if (index < 3) await candidate.leave(index);
    }
    const { receipt } = await candidate.submit();
    assert.equal(receipt.length, 64);
    await hasResult(candidate, exam, receipt);
  });
});

describe('time alone, with nobody there', () => {
  const short = (exam, examId, limits) => ({
    ...exam,
    examId,
    checkInRequired: false,
    duration: `${exam.parts.reduce((sum, part, i) => sum + (part.section ? limits[i] : 0), 0)}s`,
    parts: exam.parts.map((part, i) => ({ ...part, limit: `${limits[i]}s` })),
  });

  /** Waits for the seal, which nobody asks for; gives the timeline without what concerns the score. */
  async function sealsItself(candidate, state) {
    const { sessionId } = candidate.session;
    const sealed = await until(() => suite.logLines('session').find(({ message, session }) => message === 'session sealed' && session === sessionId), 'the session seals itself', 30_000);
    assert.equal(sealed.state, state);
    const entries = await timeline(candidate);
    for (const { kind, writeTime, eventTime } of entries.filter(({ kind: sort }) => /^(part_entered|sealed)/.test(sort))) {
      const late = Date.parse(writeTime) - Date.parse(eventTime);
      assert.ok(late >= 0 && late < 5000, `${kind} was written ${late} ms late`);
    }
    return entries.filter(({ kind }) => /^(part_entered|sealed)/.test(kind));
  }

  it('sections and breaks follow one another to the seal, each at its very moment', async () => {
    const exam = fixture('gmat-like');
    const candidate = await begin(await publish(suite, short(exam, 'GMAT-SHORT', [3, 2, 2, 2])));
    await answer(candidate, 0, 2);
    const began = Date.parse(candidate.session.startTime);
    const entries = await sealsItself(candidate, 'EXPIRED');
    assert.deepEqual(entries.map(({ kind, text }) => (kind === 'part_entered' ? text : kind)), ['part 2 began: Optional break (a break)', 'part 3 began: Verbal Reasoning', 'part 4 began: Data Insights', 'sealed.expired']);
    assert.deepEqual(entries.map(({ eventTime }) => Date.parse(eventTime) - began), [3000, 5000, 7000, 9000]);
    const { session } = await candidate.get();
    assert.equal(Date.parse(session.endTime) - began, 9000);
    assert.equal(session.items.length, 64, 'every section was entered');
    await hasResult(candidate, { ...exam, examId: 'GMAT-SHORT' }, session.responses);
  });

  it('an agreement that nobody accepts ends the session', async () => {
    const candidate = await begin(await publish(suite, short(fixture('gre-like'), 'GRE-UNREAD', [1, 1, 1, 1, 1, 1])));
    const entries = await sealsItself(candidate, 'TERMINATED');
    assert.deepEqual(entries.map(({ text }) => /not accepted/.test(text)), [true]);
  });

  it('a screen that watches is told of the next part, and finds its items; a late answer is too late', async () => {
    const candidate = await begin(await publish(suite, short(fixture('gre-like'), 'GRE-SHORT', [60, 60, 2, 600, 600, 600])));
    await candidate.leave(0);
    const client = openClient(suite);
    const watcher = new Watcher(client, candidate);
    try {
      await candidate.leave(1);
      const [item] = candidate.session.items;
      await until(() => watcher.updates.some(({ currentPart }) => currentPart === 3), 'the stream says that the next section began', 15_000);
      const { session } = await candidate.get();
      standsIn(session, 3);
      assert.equal(session.items.length, 24);
      assert.ok(seconds(session.remaining) > 560 && seconds(session.remaining) <= 600, session.remaining);
      await refused(candidate.save([{ itemId: item.itemId, sequence: 1, optionIds: ['A'] }]), locked);
      assert.equal((await candidate.leave(2)).currentPart, 3, 'leaving it now changes nothing');
    } finally {
      watcher.stop();
      client.close();
    }
  });
});

describe('the command line', () => {
  it('simulates candidates through every part of any exam', async () => {
    for (const [examId, items] of [['PMP-2026-LIKE', 180], ['GRE-LIKE', 54], ['CCNA-LIKE', 100], ['GMAT-LIKE', 64]]) {
      const result = JSON.parse(await suite.cliAsync('simulate', '--exam', examId, '--candidates', '3', '--workers', '3', '--seed', '5', '--json'));
      assert.deepEqual([result.finishedCount, result.lostResponses, result.unmatchedItems, result.failedByReason], [3, 0, 0, {}], JSON.stringify(result));
      assert.ok(result.responseCount >= 3 * items, `${result.responseCount} of ${examId}`);
      for (const { sessionId } of result.candidates) assert.ok(!(await timeline({ session: { sessionId } })).some(({ kind }) => kind === 'sealed.expired'));
    }
  });

  /** `invigil take` in a terminal, past its welcome. */
  async function take(examId, subject) {
    const terminal = new Terminal(path.join(bin, 'invigil'), ['take', '--exam', examId, '--subject', subject], { INVIGIL_DATA: suite.dir });
    await terminal.says('Enter begins');
    terminal.type('\r');
    return terminal;
  }

  it('shows what the staff do while a person sits', async () => {
    await publish(suite, { ...fixture('gre-like'), examId: 'WATCHED-OVER', checkInRequired: false, unscheduledBreaks: false, parts: fixture('gre-like').parts.filter(({ section }) => section) });
    const subject = 'screen-staff';
    const terminal = await take('WATCHED-OVER', subject);
    const as = ['--as', 'petra', '--reason', 'the fire alarm'];
    const proctor = (...words) => suite.cliAsync('proctor', ...words);
    try {
      await terminal.sees('Question 1 of 12');
      const [{ sessionId }] = (await proctor('roster', '--candidate', subject, '--json')).split('\n').filter(Boolean).map((line) => JSON.parse(line));
      terminal.type('t');
      await terminal.sees('This exam has no breaks of your own.');
      await proctor('message', sessionId, '--text', 'Stay in your seats.', '--as', 'petra');
      await terminal.sees('Stay in your seats.');
      assert.match(await proctor('show', sessionId), /, not seen\]\n +Stay in your seats/, 'nobody has read it');
      terminal.type('\r');
      await terminal.sees('Question 1 of 12');
      await until(async () => /, seen\]\n +Stay in your seats/.test(await proctor('show', sessionId)), 'the staff see that it was read');
      await proctor('pause', sessionId, ...as);
      await terminal.sees('The staff have paused the exam');
      assert.match(terminal.screen, /Clock stopped at/);
      await proctor('grant', sessionId, ...as, '--by', '5m');
      await terminal.sees('The staff have given you 05:00 more.');
      await proctor('resume', sessionId, ...as);
      await terminal.sees('The pause is over: the clock goes on.');
      terminal.type('1');
      await terminal.sees(/answered.*saved/);
      await proctor('terminate', sessionId, ...as);
      await terminal.sees(/A proctor has ended the session|The session has ended/);
      await terminal.sees('Scaled score', 20_000);
      terminal.type('q');
      assert.equal(await terminal.ends(), 0);
    } finally {
      terminal.kill();
    }
  });

  it('lets a person sit agreement, tutorial, sections and survey on a screen, and come back to it', async () => {
    const gre = fixture('gre-like');
    const survey = { ...fixture('ccna-like').parts[1] };
    const fields = (source) => ({ ...source, fields: [...source.fields, 'unscheduled_breaks'] });
    const exam = { ...gre, examId: 'ON-A-SCREEN', checkInRequired: false, unscheduledBreaks: true, parts: [...gre.parts, survey], sources: gre.sources.map(fields) };
    await publish(suite, exam);
    const subject = 'screen-1';
    let terminal = await take('ON-A-SCREEN', subject);
    try {
      await terminal.sees('You will not disclose any question');
      terminal.type('d');
      await terminal.sees('ends the exam now, for good');
      terminal.type('n');
      await terminal.sees('A accepts, D declines.');
      terminal.type('a');
      await terminal.sees('Each section has a clock of its own.');
      terminal.type('\r');
      await terminal.sees('Question 1 of 12');
      assert.match(terminal.screen, /Section time left 1[78]:/);
      terminal.type('abnf'); // whether it asks for one or two
      await terminal.sees(/FLAGGED +1 answered, 1 flagged +saved/);
      // Away, and back where the answers end; the flag is kept.
      terminal.type('qy');
      assert.equal(await terminal.ends(), 0);
      terminal = await take('ON-A-SCREEN', subject);
      await terminal.sees(/Question 2 of 12  FLAGGED +1 answered, 1 flagged +saved/);
      terminal.type('ty');
      await terminal.sees('Break 1: of your own.');
      terminal.type('e');
      await terminal.sees('Locked: it can be read');
      terminal.type('nbc');
      await terminal.sees(/2 answered, 1 flagged +saved/);
      for (const [part, questions] of [[4, 12], [5, 15], [6, 15]]) {
        terminal.type('s');
        await terminal.sees('You cannot come back');
        terminal.type('y');
        await terminal.sees(new RegExp(`Part ${part} of 7[^]*Question 1 of ${questions} +0 answered`));
      }
      terminal.type('sy');
      await terminal.sees('Were the questions clear?');
      terminal.type('\r');
      await terminal.sees('Scaled score', 20_000);
      terminal.type('q');
      assert.equal(await terminal.ends(), 0);
    } finally {
      terminal.kill();
    }
  });

  it('follows on the screen when time goes on, and shows the break', async () => {
    const gmat = fixture('gmat-like');
    const limits = [5, 600, 600, 600];
    await publish(suite, { ...gmat, examId: 'SCREEN-SHORT', duration: '1205s', parts: gmat.parts.map((part, i) => ({ ...part, limit: `${limits[i]}s` })) });
    const terminal = await take('SCREEN-SHORT', 'screen-2');
    try {
      await terminal.sees('3 changes left');
      await terminal.sees('Time was up: the exam has gone on by itself.', 20_000);
      assert.match(terminal.screen, /Break ends in 09:5\d|Break ends in 10:00/);
      terminal.type('e');
      await terminal.sees(/Part 3 of 4: Verbal Reasoning[^]*Question 1 of 23/);
    } finally {
      terminal.kill();
    }
  });
});
