// The item bank is away: who sits an exam does not notice; who wants to start is told to come back,
// and no clock has run.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { call, newCandidate, newId, refused } from '../harness/connect.mjs';
import { Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

let suite;
before(async () => (suite = await Suite.start()));
after(() => suite?.stop());

describe('the item bank is away', () => {
  it('running sessions are read, saved and submitted, also by a session service that has forgotten them', async () => {
    const candidate = await newCandidate(suite);
    const { session } = await candidate.start();
    await candidate.save([candidate.write(0, candidate.pick(0))]);
    await suite.kill('item_bank');
    await suite.restart('session'); // its memory is empty now
    const { session: read } = await candidate.get();
    assert.deepEqual(read.items, session.items);
    await candidate.save([candidate.write(1, candidate.pick(1))]);
    const again = await candidate.start();
    assert.equal(again.session.sessionId, session.sessionId, 'a candidate who comes back finds the session');
    const { state, receipt } = await candidate.submit();
    assert.equal(receipt.length, 2);
    assert.equal(state, 'SESSION_STATE_SUBMITTED', 'the key comes from the item bank');
    await suite.startOne('item_bank');
    await until(() => candidate.report(), 'the report arrives', 20_000);
  });

  it('a start answers UNAVAILABLE with a time to try again, and then gets its full time', async () => {
    const candidate = await newCandidate(suite);
    const requestId = newId('r');
    await suite.kill('item_bank');
    const { details } = await refused(candidate.start('CLF-C02', requestId), { status: 503, code: 'unavailable', reason: 'ITEM_BANK_UNAVAILABLE' });
    assert.ok(details.retryMs > 0);
    await suite.startOne('item_bank');
    const began = Date.now();
    const { session } = await until(() => candidate.start('CLF-C02', requestId), 'the start succeeds', 10_000);
    assert.equal(session.state, 'SESSION_STATE_ACTIVE');
    assert.ok(Date.parse(session.startTime) >= began - 1000, 'the clock began with the form');
    assert.ok(Number(session.remaining.replace('s', '')) > 5395);
    assert.equal(session.items.length, 65);
  });

  it('what an author asks is refused with a reason by the gateway', async () => {
    const operator = await sign(suite, 'operator', 'fault');
    await suite.kill('item_bank');
    await refused(call(suite.http, 'invigil.itembank.v1.ItemService/ListItems', { bankId: 'clf-c02' }, operator), { status: 503, code: 'unavailable', reason: 'BACKEND_UNAVAILABLE', metadata: { service: 'item-bank' } });
    await suite.startOne('item_bank');
    await until(() => call(suite.http, 'invigil.itembank.v1.ItemService/ListItems', { bankId: 'clf-c02' }, operator), 'the item bank is found again', 10_000);
  });
});

describe('the item bank is killed in the middle of an import', () => {
  it('all of it is stored or nothing', async () => {
    const operator = await sign(suite, 'operator', 'fault');
    const list = () => call(suite.http, 'invigil.itembank.v1.ItemService/ListItems', { bankId: 'drill' }, operator).catch((error) => (error.reason === 'BANK_NOT_FOUND' ? { totalSize: 0 } : Promise.reject(error)));
    const options = (i) => ['a', 'b', 'c', 'd'].map((optionId) => ({ optionId, text: `${optionId} of ${i}`, isKey: optionId === 'a', rationale: 'Because it is so.' }));
    const items = Array.from({ length: 2000 }, (_, i) => ({ itemId: `drill-${i}`, domainId: '1', taskId: '1.1', type: 'ITEM_TYPE_SINGLE_CHOICE', selectCount: 1, cognitiveLevel: 'COGNITIVE_LEVEL_REMEMBER', stem: `Which option belongs to question ${i}?`, options: options(i), status: 'ITEM_STATUS_DRAFT', references: [{ title: 'A page', url: 'https://example.org/' }] }));
    const bank = { bankId: 'drill', title: 'Drill', examId: 'CLF-C02', items };
    const requestId = newId('import');
    const importing = () => call(suite.http, 'invigil.itembank.v1.ItemService/ImportBank', { bank, requestId }, operator);
    const first = importing().then(() => 'stored', () => 'unknown');
    await suite.kill('item_bank');
    const outcome = await first;
    await suite.startOne('item_bank');
    const { totalSize } = await until(list, 'the item bank answers', 10_000);
    assert.ok(totalSize === 0 || totalSize === 2000, `${totalSize} items of a broken import`);
    if (outcome === 'stored') assert.equal(totalSize, 2000);
    // The same request again, as a client does that does not know.
    await importing();
    assert.equal((await list()).totalSize, 2000);
  });
});
