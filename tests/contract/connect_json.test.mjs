// The contract as any HTTP client meets it: one whole exam in Connect JSON, and every refusal.
// Against the suite that INVIGIL_HTTP and INVIGIL_DATA name, or one of its own.
import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import { call, Candidate, newCandidate, newId, post, refused } from '../harness/connect.mjs';
import { Suite } from '../harness/suite.mjs';
import { publicKeyBytes, sign, unsigned } from '../harness/tokens.mjs';

const keysOf = (object) => Object.keys(object).sort();
const seconds = (duration) => Number(/^(\d+(?:\.\d+)?)s$/.exec(duration)[1]);
const delivery = 'invigil.session.v1.DeliveryService';

let suite;
before(async () => (suite = await Suite.open()));
after(() => suite?.stop());

/** A candidate in the middle of an exam. */
async function sitting() {
  const candidate = await newCandidate(suite);
  await candidate.start();
  return candidate;
}

/** The digest of a selection as delivery.proto describes it. */
function digest(optionIds) {
  const u64 = (x) => BigInt.asUintN(64, x);
  let h = 0xcbf29ce484222325n;
  for (const byte of Buffer.from(optionIds.join(''))) h = u64((h ^ BigInt(byte)) * 0x100000001b3n);
  for (const factor of [0xff51afd7ed558ccdn, 0xc4ceb9fe1a85ec53n]) h = u64((h ^ (h >> 33n)) * factor);
  return String(h ^ (h >> 33n));
}

/** What the server holds, without what the clock changes. */
async function held(candidate) {
  const { session } = await candidate.get();
  const { remaining, examRemaining, ...rest } = session;
  assert.ok(seconds(remaining) >= 0 && seconds(remaining) <= seconds(examRemaining));
  return rest;
}

describe('one exam from start to report', () => {
  let candidate, started;
  const requestId = newId('start');

  before(async () => (candidate = await newCandidate(suite)));

  it('StartSession gives the session with its form, and a token for it', async () => {
    started = await candidate.start('CLF-C02', requestId);
    assert.deepEqual(keysOf(started), ['session', 'sessionToken']);
    const { session } = started;
    assert.deepEqual(keysOf(session), ['breakCount', 'breakKind', 'breakPoolRemaining', 'breaksAllowed', 'currentPart', 'deadlineVersion', 'duration', 'epoch', 'examId', 'examRemaining', 'granted', 'items', 'kind', 'lockedItemIds', 'marks', 'messages', 'parts', 'remaining', 'responses', 'sessionId', 'startTime', 'state', 'title']);
    assert.match(session.sessionId, /^[0-9a-f]{32}$/);
    assert.equal(session.examId, 'CLF-C02');
    assert.equal(session.state, 'SESSION_STATE_ACTIVE');
    assert.equal(session.epoch, 1);
    assert.equal(session.deadlineVersion, 1);
    assert.equal(session.duration, '5400s');
    assert.deepEqual(session.responses, [], 'an empty list is printed');
    assert.equal(session.kind, 'SESSION_KIND_EXAM');
    assert.deepEqual([session.granted, session.breakPoolRemaining, session.breakKind], ['0s', '0s', 'BREAK_KIND_UNSPECIFIED']);
    assert.deepEqual(session.parts, [{ index: 0, kind: 'PART_KIND_SECTION', name: '', text: '', firstPosition: 1, itemCount: 65, navigation: 'NAVIGATION_FREE', editsUsed: 0, state: 'PART_STATE_CURRENT' }]);
    assert.equal(session.examRemaining, session.remaining, 'one section: its end is the exam\'s');
    assert.ok(seconds(session.remaining) > 5390 && seconds(session.remaining) <= 5400);
    assert.equal(session.items.length, 65);
    session.items.forEach((item, i) => {
      assert.deepEqual(keysOf(item), ['itemId', 'options', 'position', 'selectCount', 'stem']);
      assert.equal(item.position, i + 1);
      assert.match(item.itemId, /^[a-z0-9]{16}$/);
      assert.ok(item.stem.length > 20);
      const count = item.options.length;
      assert.ok(item.selectCount === 1 ? count === 4 : [2, 3].includes(item.selectCount) && [5, 6].includes(count), `${item.selectCount} of ${count}`);
      item.options.forEach((option, k) => {
        assert.deepEqual(keysOf(option), ['optionId', 'text']);
        assert.equal(option.optionId, 'ABCDEF'[k]);
        assert.ok(option.text);
      });
    });
    assert.equal(new Set(session.items.map(({ itemId }) => itemId)).size, 65);
    assert.equal(new Set(session.items.map(({ stem }) => stem)).size, 65);
  });

  it('StartSession again gives the same session, and the clock runs on', async () => {
    const { remaining, examRemaining, ...first } = started.session;
    for (const id of [requestId, newId('other')]) {
      const again = await candidate.delivery('StartSession', { examId: 'CLF-C02', requestId: id }, candidate.token);
      const { remaining: left, examRemaining: examLeft, ...session } = again.session;
      assert.deepEqual(session, first);
      assert.ok(seconds(left) <= seconds(remaining) && seconds(examLeft) <= seconds(examRemaining));
      assert.ok(again.sessionToken);
    }
  });

  it('answers JSON that no cache may keep for longer than the call', async () => {
    const { headers } = await post(suite.http, `${delivery}/GetSession`, JSON.stringify({ sessionId: candidate.session.sessionId }), { 'content-type': 'application/json', authorization: `Bearer ${candidate.sessionToken}` });
    assert.match(headers.get('content-type'), /^application\/json/);
    assert.equal(headers.get('cache-control'), 'no-store');
  });

  it('SaveResponses acknowledges, repeats the acknowledgement, and refuses to go back', async () => {
    const { itemId } = candidate.session.items[0];
    const save = async (response) => {
      const answer = await candidate.save([{ itemId, ...response }]);
      assert.deepEqual(keysOf(answer), ['acks', 'deadlineVersion', 'remaining']);
      assert.equal(answer.deadlineVersion, 1);
      return answer.acks[0];
    };
    const [first, second] = [candidate.pick(0, 0), candidate.pick(0, 1)];
    const stored = { itemId, status: 'ACK_STATUS_STORED' };
    assert.deepEqual(await save({ sequence: 1, optionIds: first }), { ...stored, sequence: 1 });
    assert.deepEqual(await save({ sequence: 1, optionIds: first }), { ...stored, sequence: 1 }, 'the same again');
    const stale = (sequence, sent, held) => ({ itemId, sequence, status: 'ACK_STATUS_STALE', sent: { itemId, sequence, optionIds: sent, cleared: false }, stored: { itemId, ...held, cleared: false } });
    assert.deepEqual(await save({ sequence: 1, optionIds: second }), stale(1, second, { sequence: 1, optionIds: first }));
    assert.deepEqual(await save({ sequence: 5, optionIds: second }), { ...stored, sequence: 5 });
    assert.deepEqual(await save({ sequence: 3, optionIds: first }), stale(3, first, { sequence: 5, optionIds: second }));
    assert.deepEqual(await save({ sequence: 6, cleared: true }), { ...stored, sequence: 6 });
    assert.deepEqual((await candidate.get()).session.responses, [{ itemId, sequence: 6, optionIds: [], cleared: true }]);
    candidate.sequence[itemId] = 6;
  });

  it('takes many responses at once and acknowledges them in the order sent', async () => {
    const writes = candidate.session.items.map((_, i) => candidate.write(i, candidate.pick(i, i))).reverse();
    const { acks } = await candidate.save(writes);
    assert.deepEqual(acks.map(({ itemId, sequence, status }) => ({ itemId, sequence, status })), writes.map(({ itemId, sequence }) => ({ itemId, sequence, status: 'ACK_STATUS_STORED' })));
  });

  it('GetSession gives everything back, in display order', async () => {
    const { session } = await candidate.get();
    assert.deepEqual(session.items, started.session.items);
    assert.deepEqual(session.responses, session.items.map(({ itemId }, i) => ({ itemId, sequence: candidate.sequence[itemId], optionIds: candidate.pick(i, i), cleared: false })));
  });

  it('GetResponseVector gives a digest that any client can compute', async () => {
    const { sessionId } = candidate.session;
    const { state, epoch, responses } = await candidate.delivery('GetResponseVector', { sessionId });
    assert.deepEqual([state, epoch], ['SESSION_STATE_ACTIVE', 1]);
    const { session } = await candidate.get();
    assert.deepEqual(responses, session.responses.map(({ itemId, sequence, optionIds }) => ({ itemId, sequence, digest: digest(optionIds) })));
  });

  it('SaveProgress keeps flags and times, the newest of each item', async () => {
    const { sessionId, epoch, items } = candidate.session;
    const report = (itemId, sequence, flagged, shownMs) => candidate.delivery('SaveProgress', { sessionId, epoch, marks: [{ itemId, sequence, flagged, shownMs }], shownItemId: itemId });
    const answer = await report(items[1].itemId, 2, true, 4000);
    assert.deepEqual(keysOf(answer), ['deadlineVersion', 'remaining']);
    await report(items[1].itemId, 1, false, 5000);
    await report(items[0].itemId, 1, false, 100);
    assert.deepEqual((await candidate.get()).session.marks, [
      { itemId: items[0].itemId, sequence: 1, flagged: false, shownMs: 100 },
      { itemId: items[1].itemId, sequence: 2, flagged: true, shownMs: 4000 },
    ]);
    await refused(report('nothing', 1, true, 1), { status: 400, code: 'invalid_argument', reason: 'RESPONSE_INVALID', fields: ['marks[0].item_id'] });
  });

  it('TakeBreak is refused: this exam has no breaks', async () => {
    const { sessionId, epoch } = candidate.session;
    for (const pooled of [false, true]) await refused(candidate.delivery('TakeBreak', { sessionId, epoch, pooled }), { status: 400, code: 'failed_precondition', reason: 'BREAK_NOT_ALLOWED' });
    const ended = await candidate.delivery('EndBreak', { sessionId, epoch });
    assert.equal(ended.session.state, 'SESSION_STATE_ACTIVE', 'nothing to end');
  });

  it('SendMessage asks for help, once for an id', async () => {
    const { sessionId } = candidate.session;
    const ask = (text) => candidate.delivery('SendMessage', { sessionId, messageId: 'help', text });
    assert.deepEqual(await ask('my mouse is dead'), {});
    assert.deepEqual(await ask('my mouse is dead'), {});
    await refused(ask('something else'), { status: 409, code: 'already_exists', reason: 'MESSAGE_CONFLICT' });
    const { messages } = (await candidate.get()).session;
    assert.deepEqual(messages.map(({ messageId, text, fromCandidate, confirmed }) => ({ messageId, text, fromCandidate, confirmed })), [{ messageId: 'help', text: 'my mouse is dead', fromCandidate: true, confirmed: false }]);
    await refused(candidate.delivery('ConfirmMessage', { sessionId, messageId: 'help' }), { status: 404, code: 'not_found', reason: 'MESSAGE_NOT_FOUND' });
  });

  it('GetScoreReport of a running session is refused', async () => {
    await refused(candidate.report(), { status: 400, code: 'failed_precondition', reason: 'SESSION_NOT_SEALED' });
  });

  it('SubmitSession seals nothing while it saw a response the server lacks', async () => {
    const before = await held(candidate);
    const lost = candidate.write(2, candidate.pick(2, 1));
    await refused(candidate.submit(), { status: 400, code: 'failed_precondition', reason: 'RESPONSES_MISSING', metadata: { item_ids: lost.itemId } });
    assert.deepEqual(await held(candidate), before);
    await candidate.save([lost]);
  });

  it('SubmitSession gives the receipt and the report, however often', async () => {
    const { session } = await candidate.get();
    const sealed = await candidate.submit();
    assert.deepEqual(sealed.receipt, session.responses);
    assert.equal(sealed.state, 'SESSION_STATE_RELEASED');
    assert.ok(Date.parse(sealed.endTime) > Date.parse(session.startTime));
    assert.deepEqual(await candidate.submit(), sealed);
    assert.deepEqual(await candidate.report(), sealed.report);
  });

  it('GetScoreReport says what the number is and what it is not', async () => {
    const report = await candidate.report();
    assert.deepEqual(keysOf(report), ['basis', 'cutScore', 'disclaimer', 'domains', 'examId', 'passed', 'practiceEstimate', 'scaleMax', 'scaleMin', 'scaledScore', 'scoreTime', 'scoreVersion', 'sessionId', 'standardError', 'title']);
    assert.equal(report.sessionId, candidate.session.sessionId);
    assert.deepEqual([report.scaleMin, report.cutScore, report.scaleMax], [100, 700, 1000]);
    assert.ok(Number.isInteger(report.scaledScore) && report.scaledScore >= 100 && report.scaledScore <= 1000);
    assert.equal(report.passed, report.scaledScore >= 700);
    assert.ok(report.standardError > 0);
    assert.equal(report.practiceEstimate, true);
    assert.match(report.disclaimer, /not affiliated/i);
    assert.equal(report.scoreVersion, 1);
    assert.deepEqual(report.domains.map(({ domainId, weightPercent }) => [domainId, weightPercent]), [['1', 24], ['2', 30], ['3', 34], ['4', 12]]);
    for (const domain of report.domains) {
      assert.deepEqual(keysOf(domain), ['band', 'domainId', 'explanation', 'name', 'weightPercent']);
      assert.ok(['BELOW', 'NOT_ENOUGH_EVIDENCE', 'ABOVE'].includes(domain.band.replace('DOMAIN_BAND_', '')), domain.band);
    }
  });

  it('nothing is written after the seal, and the refusal says when it was', async () => {
    const before = await held(candidate);
    assert.equal(before.state, 'SESSION_STATE_RELEASED');
    const error = await refused(candidate.save([candidate.write(0, candidate.pick(0, 2))]), { status: 400, code: 'failed_precondition', reason: 'SESSION_SEALED' });
    assert.equal(Date.parse(error.details.metadata.end_time), Date.parse(before.endTime));
    assert.deepEqual(await held(candidate), before);
  });

  it('the same start gives the sealed session, another one a new session', async () => {
    const again = await candidate.delivery('StartSession', { examId: 'CLF-C02', requestId }, candidate.token);
    assert.equal(again.session.sessionId, candidate.session.sessionId);
    assert.equal(again.session.state, 'SESSION_STATE_RELEASED');
    assert.equal(again.session.startTime, started.session.startTime);
    const next = await candidate.delivery('StartSession', { examId: 'CLF-C02', requestId: newId('next') }, candidate.token);
    assert.notEqual(next.session.sessionId, candidate.session.sessionId);
    assert.equal(next.session.state, 'SESSION_STATE_ACTIVE');
  });
});

describe('a diagnostic of somebody without an account', () => {
  it('becomes the account\'s that claims it with its token, exactly once', async () => {
    const anonymous = await newCandidate(suite, 'anonymous');
    await anonymous.start('CLF-C02', newId('r'), { kind: 'SESSION_KIND_DIAGNOSTIC' });
    const { sessionId, kind } = anonymous.session;
    assert.equal(kind, 'SESSION_KIND_DIAGNOSTIC');
    const account = await newCandidate(suite, 'account');
    const claim = (by, sessionToken = anonymous.sessionToken) => by.delivery('ClaimSession', { sessionId, sessionToken });
    await refused(claim(account), { status: 400, code: 'failed_precondition', reason: 'SESSION_NOT_SEALED' });
    await anonymous.submit();
    const unproven = { status: 403, code: 'permission_denied', reason: 'CLAIM_PROOF_INVALID' };
    await refused(claim(account, account.token), unproven);
    await refused(claim(account, anonymous.token), unproven);
    await refused(claim(anonymous), { status: 403, code: 'permission_denied', reason: 'TOKEN_OTHER_SESSION' });
    await refused(claim(account, ''), { status: 400, code: 'invalid_argument', reason: 'CLAIM_INVALID', fields: ['session_token'] });

    const rivals = await Promise.all([account, await newCandidate(suite, 'rival')].map((by) => claim(by).then(() => by, (error) => error)));
    const [winner] = rivals.filter((one) => one instanceof Candidate);
    const [loser] = rivals.filter((one) => !(one instanceof Candidate));
    assert.equal(loser?.reason, 'SESSION_CLAIMED');
    assert.equal((await claim(winner)).session.sessionId, sessionId, 'repeated');
    assert.equal((await winner.delivery('GetScoreReport', { sessionId })).sessionId, sessionId);
    await refused(anonymous.get(), { status: 403, code: 'permission_denied', reason: 'SESSION_NOT_YOURS' });
  });

  it('an exam can\'t be claimed, also not by who sat it', async () => {
    const candidate = await sitting();
    await candidate.submit();
    const { sessionId } = candidate.session;
    await refused(candidate.delivery('ClaimSession', { sessionId, sessionToken: candidate.sessionToken }, candidate.token), { status: 400, code: 'failed_precondition', reason: 'SESSION_NOT_CLAIMABLE' });
  });
});

describe('a start that is wrong', () => {
  const cases = {
    'unknown exam': [{ examId: 'NO-SUCH', requestId: 'r' }, { status: 404, code: 'not_found', reason: 'EXAM_NOT_FOUND', fields: ['exam_id'] }],
    'no exam': [{ requestId: 'r' }, { status: 400, code: 'invalid_argument', reason: 'START_INVALID', fields: ['exam_id'] }],
    'no request id': [{ examId: 'CLF-C02' }, { status: 400, code: 'invalid_argument', reason: 'START_INVALID', fields: ['request_id'] }],
    'a request id that is too long': [{ examId: 'CLF-C02', requestId: 'r'.repeat(65) }, { status: 400, code: 'invalid_argument', reason: 'START_INVALID', fields: ['request_id'] }],
    'a kind that is none': [{ examId: 'CLF-C02', requestId: 'r', kind: 9 }, { status: 400, code: 'invalid_argument', reason: 'START_INVALID', fields: ['kind'] }],
    'an exam without a bank': [{ examId: 'SAA-C03', requestId: 'r' }, { status: 400, code: 'failed_precondition', reason: 'EXAM_UNAVAILABLE', metadata: { exam_id: 'SAA-C03' } }],
  };
  for (const [name, [message, wanted]] of Object.entries(cases)) {
    it(name, async () => {
      const candidate = await newCandidate(suite);
      await refused(candidate.delivery('StartSession', message), wanted);
    });
  }

  it('a request id of another exam is refused, and the live session stays', async () => {
    const candidate = await newCandidate(suite);
    const { session } = await candidate.start('CLF-C02', 'mine');
    await refused(candidate.delivery('StartSession', { examId: 'SAA-C03', requestId: 'mine' }, candidate.token), { status: 400, code: 'failed_precondition', reason: 'EXAM_UNAVAILABLE' });
    assert.equal((await candidate.start('CLF-C02', 'mine')).session.sessionId, session.sessionId);
  });
});

describe('a write that is wrong stores nothing of its request', () => {
  let candidate, untouched, good, itemId, other;
  before(async () => {
    candidate = await sitting();
    const single = candidate.session.items.findIndex(({ selectCount }) => selectCount === 1);
    itemId = candidate.session.items[single].itemId;
    const multiple = candidate.session.items.findIndex(({ options }) => options.length > 4);
    other = candidate.session.items[multiple];
    good = { itemId: candidate.session.items.find((item) => item !== other && item.itemId !== itemId).itemId, sequence: 1, optionIds: ['A'] };
    untouched = await held(candidate);
  });

  const invalid = (fields) => ({ status: 400, code: 'invalid_argument', reason: 'RESPONSE_INVALID', fields });
  const cases = {
    'unknown item': [() => ({ itemId: 'aaaaaaaaaaaaaaaa', sequence: 1, optionIds: ['A'] }), ['responses[1].item_id']],
    'no item': [() => ({ sequence: 1, optionIds: ['A'] }), ['responses[1].item_id']],
    'unknown option': [() => ({ itemId, sequence: 1, optionIds: ['Z'] }), ['responses[1].option_ids']],
    'an option that only another item has': [() => ({ itemId, sequence: 1, optionIds: [other.options.at(-1).optionId] }), ['responses[1].option_ids']],
    'an option by its text': [() => ({ itemId, sequence: 1, optionIds: ['AWS Config'] }), ['responses[1].option_ids']],
    'too many selections': [() => ({ itemId, sequence: 1, optionIds: ['A', 'B'] }), ['responses[1].option_ids']],
    'the same option twice': [() => ({ itemId: other.itemId, sequence: 1, optionIds: ['A', 'A'] }), ['responses[1].option_ids']],
    'no option and not cleared': [() => ({ itemId, sequence: 1 }), ['responses[1].option_ids']],
    'an option and cleared': [() => ({ itemId, sequence: 1, optionIds: ['A'], cleared: true }), ['responses[1].cleared']],
    'no sequence': [() => ({ itemId, optionIds: ['A'] }), ['responses[1].sequence']],
    'the same item twice': [() => good, ['responses[1].item_id']],
    'everything at once': [() => ({ itemId: 'nothing', sequence: 0, optionIds: ['A'] }), ['responses[1].sequence', 'responses[1].item_id']],
  };
  for (const [name, [response, fields]] of Object.entries(cases)) {
    it(name, async () => {
      await refused(candidate.save([good, response()]), invalid(fields));
      assert.deepEqual(await held(candidate), untouched);
    });
  }

  it('no responses, and more than a hundred', async () => {
    await refused(candidate.save([]), invalid(['responses']));
    await refused(candidate.save(Array.from({ length: 101 }, () => good)), invalid(['responses']));
    assert.deepEqual(await held(candidate), untouched);
  });

  it('a submit that saw what is not on the form', async () => {
    await refused(candidate.submit({ seen: [{ itemId: 'nothing', sequence: 1 }] }), invalid(['seen[0].item_id']));
    assert.deepEqual(await held(candidate), untouched);
  });

  it('an epoch that never was', async () => {
    await refused(candidate.save([good], { epoch: 7 }), { status: 400, code: 'failed_precondition', reason: 'EPOCH_UNKNOWN' });
    assert.deepEqual(await held(candidate), untouched);
  });
});

describe('two devices', () => {
  it('after a take-over the older one writes and seals nothing', async () => {
    const old = await sitting();
    await old.save([old.write(0, old.pick(0))]);
    const young = new Candidate(suite.http, old.token);
    const taken = await young.start('CLF-C02', newId('take'), { takeOver: true });
    assert.equal(taken.session.sessionId, old.session.sessionId);
    assert.equal(taken.session.epoch, 2);
    const before = await held(young);
    const stale = { status: 400, code: 'failed_precondition', reason: 'EPOCH_STALE', metadata: { epoch: '2' } };
    await refused(old.save([old.write(1, old.pick(1))]), stale);
    await refused(old.submit(), stale);
    assert.deepEqual(await held(young), before);
    const { acks } = await young.save([young.write(1, young.pick(1))]);
    assert.equal(acks[0].status, 'ACK_STATUS_STORED');
  });
});

describe('another one\'s session', () => {
  let victim, attacker, untouched;
  before(async () => {
    victim = await sitting();
    await victim.save([victim.write(0, victim.pick(0))]);
    attacker = await newCandidate(suite, 'attacker');
    untouched = await held(victim);
  });
  const audited = (log, reason, subject) => suite.logged(log, (line) => line.audit && line.reason === reason && line.subject === subject, `an audit line of ${reason}`);

  for (const method of ['GetSession', 'SaveResponses', 'SubmitSession', 'GetScoreReport', 'LeavePart', 'TakeBreak', 'EndBreak', 'SaveProgress', 'GetResponseVector', 'SendMessage', 'ConfirmMessage']) {
    it(`${method} with a candidate's token is refused and audited`, async () => {
      const { sessionId, epoch, items } = victim.session;
      const responses = [{ itemId: items[1].itemId, sequence: 1, optionIds: ['A'] }];
      const message = { sessionId, ...(method === 'SaveResponses' ? { epoch, responses } : method === 'SubmitSession' ? { epoch, seen: [] } : {}) };
      await refused(attacker.delivery(method, message), { status: 403, code: 'permission_denied', reason: 'SESSION_NOT_YOURS' });
      const line = await audited('session', 'SESSION_NOT_YOURS', attacker.subject);
      assert.equal(line.session, sessionId);
      assert.deepEqual(await held(victim), untouched);
    });
  }

  it('the token of another session is refused and audited, also for a second session_id behind the first', async () => {
    await attacker.start();
    const { sessionId, epoch } = victim.session;
    const other = { status: 403, code: 'permission_denied', reason: 'TOKEN_OTHER_SESSION' };
    await refused(attacker.delivery('GetSession', { sessionId }, attacker.sessionToken), other);
    await refused(attacker.delivery('SubmitSession', { sessionId, epoch }, attacker.sessionToken), other);
    const twice = `{"sessionId":"${attacker.session.sessionId}","sessionId":"${sessionId}"}`;
    await call(suite.http, `${delivery}/GetSession`, twice, attacker.sessionToken).then(
      ({ session }) => assert.equal(session.sessionId, attacker.session.sessionId),
      (error) => assert.ok(['TOKEN_OTHER_SESSION', 'REQUEST_MALFORMED'].includes(error.reason), error.message),
    );
    await audited('gateway', 'TOKEN_OTHER_SESSION', attacker.subject);
    assert.deepEqual(await held(victim), untouched);
  });

  it('a session token starts nothing', async () => {
    await refused(victim.delivery('StartSession', { examId: 'CLF-C02', requestId: newId('r') }, victim.sessionToken), { status: 403, code: 'permission_denied', reason: 'TOKEN_OTHER_SESSION' });
  });

  it('a session that never was is not found, an id that can\'t be names the field', async () => {
    await refused(attacker.delivery('GetSession', { sessionId: 'f'.repeat(32) }, attacker.token), { status: 404, code: 'not_found', reason: 'SESSION_NOT_FOUND' });
    await refused(attacker.delivery('GetSession', { sessionId: '../../etc/passwd' }, attacker.token), { status: 400, code: 'invalid_argument', reason: 'SESSION_ID_INVALID', fields: ['session_id'] });
    await refused(attacker.delivery('GetSession', {}, attacker.token), { status: 400, code: 'invalid_argument', reason: 'SESSION_ID_INVALID', fields: ['session_id'] });
  });
});

describe('a token that is wrong', () => {
  let candidate, untouched;
  before(async () => {
    candidate = await sitting();
    untouched = await held(candidate);
  });
  const past = Math.floor(Date.now() / 1000) - 60;
  const other = generateKeyPairSync('ed25519').privateKey;
  const tokens = {
    'none at all': [() => undefined, 'TOKEN_MISSING'],
    'alg none': [() => unsigned('candidate', candidate.subject, { kid: 'platform' }), 'TOKEN_SIGNATURE'],
    'alg none and no key id': [() => unsigned('candidate', candidate.subject), 'TOKEN_KEY_UNKNOWN'],
    'no signature': [() => candidate.token.replace(/[^.]*$/, ''), 'TOKEN_SIGNATURE'],
    'another one\'s claims': [async () => [candidate.token.split('.')[0], (await sign(suite, 'candidate', 'somebody')).split('.')[1], candidate.token.split('.')[2]].join('.'), 'TOKEN_SIGNATURE'],
    'a signature by another key': [() => sign(suite, 'candidate', candidate.subject, { key: other }), 'TOKEN_SIGNATURE'],
    'a key nobody knows': [() => sign(suite, 'candidate', candidate.subject, { key: other, kid: 'mallory' }), 'TOKEN_KEY_UNKNOWN'],
    'the public key as an HMAC secret': [() => sign(suite, 'candidate', candidate.subject, { key: publicKeyBytes(suite), alg: 'HS256' }), 'TOKEN_SIGNATURE'],
    'expired': [() => sign(suite, 'candidate', candidate.subject, { claims: { iat: past - 60, exp: past } }), 'TOKEN_EXPIRED'],
    'not yet valid': [() => sign(suite, 'candidate', candidate.subject, { claims: { nbf: past + 3600 } }), 'TOKEN_NOT_YET_VALID'],
    'of another suite': [() => sign(suite, 'candidate', candidate.subject, { claims: { iss: 'elsewhere' } }), 'TOKEN_ISSUER'],
    'for another audience': [() => sign(suite, 'candidate', candidate.subject, { claims: { aud: 'elsewhere' } }), 'TOKEN_AUDIENCE'],
    'a role its key may not vouch for': [() => sign(suite, 'service', 'scoring'), 'TOKEN_ROLE'],
    'garbage': [() => 'x'.repeat(100), 'TOKEN_MALFORMED'],
  };
  for (const [name, [make, reason]] of Object.entries(tokens)) {
    it(name, async () => {
      const token = await make();
      const { sessionId, epoch } = candidate.session;
      await refused(call(suite.http, `${delivery}/SubmitSession`, { sessionId, epoch, seen: [] }, token), { status: 401, code: 'unauthenticated', reason });
      const line = await suite.logged('gateway', (entry) => entry.audit && entry.reason === reason && entry.method.endsWith('/SubmitSession'), `an audit line of ${reason}`);
      if (token) assert.ok(!JSON.stringify(line).includes(token), 'no token in the log');
      assert.deepEqual(await held(candidate), untouched);
    });
  }

  it('a role that may not call the method', async () => {
    const author = await sign(suite, 'author', 'ann');
    await refused(call(suite.http, `${delivery}/GetSession`, { sessionId: candidate.session.sessionId }, author), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
    await refused(call(suite.http, 'invigil.itembank.v1.ItemService/ListItems', { bankId: 'clf-c02' }, candidate.token), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
    await refused(call(suite.http, 'invigil.scoring.v1.ScoringService/ExplainScore', { sessionId: candidate.session.sessionId }, candidate.token), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
  });
});

describe('a request that is none', () => {
  let candidate, untouched;
  before(async () => {
    candidate = await sitting();
    untouched = await held(candidate);
  });
  const malformed = { status: 400, code: 'invalid_argument', reason: 'REQUEST_MALFORMED' };
  const bodies = {
    'malformed JSON': () => `{"sessionId": "${candidate.session.sessionId}", `,
    'JSON that is no object': () => '[1, 2]',
    'an unknown field': () => ({ sessionId: candidate.session.sessionId, epoch: 1, isKey: true }),
    'a value of the wrong type': () => ({ sessionId: candidate.session.sessionId, epoch: 'one' }),
    'a number that does not fit': () => ({ sessionId: candidate.session.sessionId, epoch: -1 }),
    'very deep JSON': () => `{"responses":${'['.repeat(20_000)}`,
  };
  for (const [name, body] of Object.entries(bodies)) {
    it(name, async () => {
      await refused(candidate.delivery('SaveResponses', body()), malformed);
      assert.deepEqual(await held(candidate), untouched);
    });
  }

  it('a body of 5 MB', async () => {
    const error = await refused(candidate.delivery('SaveResponses', `{"sessionId": "${'x'.repeat(5 << 20)}"}`), { status: 413, code: 'resource_exhausted', reason: 'REQUEST_TOO_LARGE' });
    assert.equal(error.details.metadata.limit_bytes, '65536');
    assert.deepEqual(await held(candidate), untouched);
  });

  it('an unknown method and an internal one look the same', async () => {
    const answers = [];
    for (const method of ['invigil.session.v1.DeliveryService/Nothing', 'invigil.itembank.v1.KeyService/GetScoringKey', 'invigil.itembank.v1.FormService/IssueForm', 'invigil.scoring.v1.ScoringService/ScoreSession', 'no/such/path']) {
      const error = await refused(call(suite.http, method, {}, candidate.token), { status: 404, code: 'unimplemented', reason: 'METHOD_UNKNOWN' });
      answers.push(JSON.stringify(error.body));
    }
    assert.equal(new Set(answers).size, 1);
  });

  it('GET, and a content type that is none of ours', async () => {
    const get = await fetch(`${suite.http}/${delivery}/GetSession`);
    assert.equal(get.status, 405);
    assert.equal(get.headers.get('allow'), 'POST');
    const { status, headers } = await post(suite.http, `${delivery}/GetSession`, '<xml/>', { 'content-type': 'text/xml', authorization: `Bearer ${candidate.token}` });
    assert.equal(status, 415);
    assert.match(headers.get('accept-post'), /application\/json/);
  });

  it('headers that are too large', async () => {
    const { status } = await post(suite.http, `${delivery}/GetSession`, '{}', { 'content-type': 'application/json', 'x-padding': 'x'.repeat(12_000) });
    assert.equal(status, 431);
  });

  it('a time limit that can\'t be kept or read', async () => {
    const wrong = candidate.delivery('GetSession', { sessionId: candidate.session.sessionId }, candidate.token, { headers: { 'connect-timeout-ms': 'soon' } });
    await refused(wrong, { status: 400, code: 'invalid_argument', reason: 'TIMEOUT_INVALID' });
  });
});
