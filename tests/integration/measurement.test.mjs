// The measurement chain over real processes: shipped bank, forms, simulated candidates, calibration, promotion,
// equating, score and report.
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { call, newCandidate, newId, refused } from '../harness/connect.mjs';
import { protoRoot } from '../harness/protos.mjs';
import { Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

const sessions = 1500;
const files = ['itembank/v1/form', 'itembank/v1/key', 'scoring/v1/scoring', 'scoring/v1/measurement'].map((name) => `invigil/${name}.proto`);
const contract = grpc.loadPackageDefinition(loader.loadSync(files, { includeDirs: [protoRoot], longs: Number, enums: String, defaults: true })).invigil;

/** Numbers in [0, 1) that are the same in every run. */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

describe('the measurement chain', () => {
  let suite, ann, bea, truth, clients;
  const ask = (method, message, token = ann) => call(suite.http, `invigil.scoring.v1.MeasurementService/${method}`, message, token);
  const itemOf = async (itemId, version = 0) => (await call(suite.http, 'invigil.itembank.v1.ItemService/GetItem', { itemId, version }, ann)).item;
  const calibrationAt = (calibrationId, state) => until(async () => ((now) => (assert.notEqual(now.state, 'MEASUREMENT_STATE_FAILED', now.problem), now.state === `MEASUREMENT_STATE_${state}` && now))((await ask('GetCalibration', { calibrationId })).calibration), state, 60_000);

  /** A service of the suite, called as another one calls it. */
  async function client(Service, name, as) {
    const key = createPrivateKey(readFileSync(suite.path(`${as}.pem`)));
    const metadata = new grpc.Metadata();
    metadata.set('authorization', `Bearer ${await sign(suite, 'service', as, { key, kid: as })}`);
    const stub = new Service(`127.0.0.1:${suite.ports[name]}`, grpc.credentials.createInsecure());
    clients.push(stub);
    return (method, request) => new Promise((resolve, reject) => stub[method](request, metadata, { deadline: Date.now() + 30_000 }, (error, answer) => (error ? reject(error) : resolve(answer))));
  }

  /** Issues forms, answers them as the truth and an ability say, and scores them. */
  async function sit(count, prefix) {
    const [forms, keys, scores] = [await client(contract.itembank.v1.FormService, 'item_bank', 'session'), await client(contract.itembank.v1.KeyService, 'item_bank', 'scoring'), await client(contract.scoring.v1.ScoringService, 'scoring', 'session')];
    const random = generator(20261124);
    const abilities = Array.from({ length: count }, () => 0.3 + normal(random));
    const chances = abilities.map(() => generator(Math.floor(random() * 2 ** 31)));
    const results = new Array(count);
    let next = 0;
    await Promise.all(
      Array.from({ length: 24 }, async () => {
        for (let s = next++; s < count; s = next++) {
          const sessionId = `${prefix}-${s}`;
          const { formId } = await forms('IssueForm', { examId: 'CLF-C02', sessionId, candidateId: `candidate-${s}` });
          const key = await keys('GetScoringKey', { formId });
          const responses = key.items.map(({ itemId, keyOptionIds, optionCount, bankItemId }) => {
            const { slope, difficulty, lowerAsymptote } = truth.get(bankItemId);
            const chance = lowerAsymptote + (1 - lowerAsymptote) / (1 + Math.exp(-slope * (abilities[s] - difficulty)));
            const letters = Array.from({ length: optionCount }, (_, i) => String.fromCharCode(65 + i));
            const wrong = letters.filter((letter) => !keyOptionIds.includes(letter)).concat(keyOptionIds).slice(0, keyOptionIds.length).sort();
            return { itemId, optionIds: chances[s]() < chance ? keyOptionIds : wrong };
          });
          results[s] = (await scores('ScoreSession', { sessionId, attemptVersion: 1, formId, responses })).score;
        }
      }),
    );
    return results;
  }

  before(async () => {
    clients = [];
    suite = await Suite.start();
    [ann, bea] = [await sign(suite, 'operator', newId('ann')), await sign(suite, 'operator', newId('bea'))];
    truth = new Map();
    const random = generator(7);
    for (let pageToken = ''; ; ) {
      const page = await call(suite.http, 'invigil.itembank.v1.ItemService/ListItems', { bankId: 'clf-c02', pageSize: 200, pageToken }, ann);
      for (const { itemId, status, irt } of page.items) {
        // Scored items behave as the bank says; what is true of the others nobody knows yet.
        truth.set(itemId, status === 'ITEM_STATUS_OPERATIONAL' ? { slope: irt.slope, difficulty: irt.difficulty, lowerAsymptote: irt.lowerAsymptote ?? 0 } : { slope: 0.8 + 0.6 * random(), difficulty: 2 * random() - 1, lowerAsymptote: 0 });
      }
      if (!page.nextPageToken) break;
      pageToken = page.nextPageToken;
    }
  });
  after(async () => {
    for (const stub of clients) stub.close();
    await suite?.stop();
  });

  let first, calibration, promoted;

  it('scores simulated candidates, provisionally', async () => {
    first = await sit(sessions, 'simulated');
    assert.ok(first.every(({ provisional, equatingId }) => provisional && equatingId === ''));
  });

  it('calibrates pretest items, whoever is killed, and can be watched', async () => {
    const request = { requestId: newId('calibrate'), settings: { scope: { examId: 'CLF-C02' } }, reason: 'the first season' };
    const { calibration: begun } = await ask('StartCalibration', request);
    await suite.restart('scoring');
    assert.equal((await ask('StartCalibration', request)).calibration.calibrationId, begun.calibrationId);
    const stub = new contract.scoring.v1.MeasurementService(`127.0.0.1:${suite.ports.scoring}`, grpc.credentials.createInsecure());
    clients.push(stub);
    const metadata = new grpc.Metadata();
    metadata.set('authorization', `Bearer ${bea}`);
    const told = [];
    await new Promise((resolve, reject) => {
      const stream = stub.WatchCalibration({ calibrationId: begun.calibrationId }, metadata, { deadline: Date.now() + 60_000 });
      stream.on('data', (message) => told.push(message.calibration)).on('end', resolve).on('error', reject);
    });
    assert.equal(told.at(-1).state, 'MEASUREMENT_STATE_PROPOSED', told.at(-1).problem);
    calibration = await calibrationAt(begun.calibrationId, 'PROPOSED');
    const { result } = calibration;
    assert.equal(Number(result.dataset.sessions), sessions);
    assert.equal(result.converged, true);
    assert.ok(Math.abs(result.abilityMean - 0.3) < 0.25 && Math.abs(result.abilitySd - 1) < 0.25, `${result.abilityMean} ${result.abilitySd}`);
    const estimated = result.items.filter(({ fixed }) => !fixed);
    assert.ok(estimated.length > 30 && estimated.every(({ pretest }) => pretest));
    const rms = Math.sqrt(estimated.reduce((sum, { itemId, difficulty = 0 }) => sum + (difficulty - truth.get(itemId).difficulty) ** 2, 0) / estimated.length);
    assert.ok(rms < 0.3, `difficulties come back within ${rms}`);
    // The same data and settings again: the same result, to the last bit.
    const again = await ask('StartCalibration', { requestId: newId('again'), settings: calibration.settings, reason: 'does it replay?' });
    assert.equal((await calibrationAt(again.calibration.calibrationId, 'PROPOSED')).result.digest, result.digest);
  });

  it('takes a second person to accept, and writes new versions of the statistics', async () => {
    const { calibrationId, result } = calibration;
    const accept = { calibrationId, resultDigest: result.digest, reason: 'looked through' };
    await refused(ask('AcceptCalibration', accept), { status: 403, code: 'permission_denied', reason: 'APPROVER_IS_AUTHOR' });
    await refused(ask('AcceptCalibration', accept, await sign(suite, 'author', 'anton')), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
    await ask('AcceptCalibration', accept, bea);
    const done = await calibrationAt(calibrationId, 'ACCEPTED');
    assert.deepEqual(done.acts.map(({ act }) => act), ['started', 'proposed', 'accepted', 'applied']);
    assert.equal(done.actsIntact, true);
    const { itemId, difficulty, difficultyError, answers } = done.result.items.find(({ accepted }) => accepted);
    const item = await itemOf(itemId);
    assert.deepEqual([item.version, item.irt.calibrationId, item.irt.difficulty, item.irt.difficultyError, item.irt.sampleSize], [2, calibrationId, difficulty, difficultyError, answers]);
    assert.equal((await itemOf(itemId, 1)).irt?.calibrationId ?? '', '');
  });

  it('promotes what has proven itself, for later forms only', async () => {
    const { calibrationId } = calibration;
    const all = calibration.result.items.filter(({ pretest }) => pretest).map(({ itemId }) => itemId);
    const { promotion: looked } = await ask('PromoteItems', { calibrationId, validateOnly: true }, bea);
    const good = looked.items.filter((verdict) => verdict.good).map(({ itemId }) => itemId);
    assert.ok(good.length > 5 && good.length < all.length, `${good.length} of ${all.length}`);
    const bad = looked.items.find((verdict) => !verdict.good);
    assert.ok(bad.problems.length > 0);
    await refused(ask('PromoteItems', { requestId: newId('promote'), calibrationId, itemIds: [good[0], bad.itemId], reason: 'both' }, bea), { status: 400, code: 'failed_precondition', reason: 'ITEMS_NOT_PROMOTABLE' });
    promoted = good.slice(0, 10); // enough pretest items stay for forms
    const { promotion } = await ask('PromoteItems', { requestId: newId('promote'), calibrationId, itemIds: promoted, reason: 'they separate well' }, bea);
    await until(async () => (await ask('GetPromotion', { promotionId: promotion.promotionId })).promotion.state === 'MEASUREMENT_STATE_ACCEPTED', 'the promotion is written', 15_000);
    for (const itemId of promoted) {
      const { status, promoted: isPromoted } = await itemOf(itemId);
      assert.deepEqual([status, isPromoted], ['ITEM_STATUS_OPERATIONAL', true]);
    }
    // Whoever was scored before keeps their score; the item was unscored on their form and stays so.
    const { score } = await call(suite.http, 'invigil.scoring.v1.ScoringService/GetScore', { sessionId: first[0].sessionId }, ann);
    assert.deepEqual([score.scaledScore, score.provisional], [first[0].scaledScore, true]);
    const { scores } = await call(suite.http, 'invigil.scoring.v1.RescoringService/ReplayScore', { sessionId: first[0].sessionId }, ann);
    assert.ok(scores.every(({ identical }) => identical));
  });

  it('equates the family of forms, and scores made from then on are no longer provisional', async () => {
    const { equating: begun } = await ask('StartEquating', { requestId: newId('equate'), settings: { scope: { examId: 'CLF-C02' }, model: 'CALIBRATION_MODEL_THREE_PARAMETER', priorLogitGMean: -1.4, priorLogitGSd: 0.5 }, reason: 'forms of the season' });
    const get = async () => (await ask('GetEquating', { equatingId: begun.equatingId })).equating;
    const made = await until(async () => ((now) => (assert.notEqual(now.state, 'MEASUREMENT_STATE_FAILED', now.problem), now.state === 'MEASUREMENT_STATE_PROPOSED' && now))(await get()), 'the equating is proposed', 90_000);
    assert.equal(made.result.method, 'EQUATING_METHOD_IRT_TRUE_SCORE');
    assert.equal(made.result.table.length, 51);
    assert.ok(made.result.standardErrorAtCut > 0 && made.result.standardErrorAtCut < 0.5);
    assert.ok(promoted.every((id) => made.result.anchors.some(({ itemId }) => itemId === id)), 'promoted items belong to the family');
    const accept = { equatingId: begun.equatingId, resultDigest: made.result.digest, reason: 'no drift' };
    await refused(ask('AcceptEquating', accept), { status: 403, code: 'permission_denied', reason: 'APPROVER_IS_AUTHOR' });
    await ask('AcceptEquating', accept, bea);

    const covered = new Set(made.result.anchors.filter((anchor) => anchor.covered).map(({ itemId }) => itemId));
    const keys = await client(contract.itembank.v1.KeyService, 'item_bank', 'scoring');
    let accepted = 0, shown = 0;
    for (const { provisional, equatingId, formId } of await sit(40, 'later')) {
      const scored = (await keys('GetScoringKey', { formId })).items.filter(({ operational }) => operational);
      assert.equal(provisional, !scored.every(({ bankItemId }) => covered.has(bankItemId)), 'as its items are covered');
      assert.equal(equatingId, provisional ? '' : begun.equatingId);
      accepted += provisional ? 0 : 1;
      shown += scored.filter(({ bankItemId }) => promoted.includes(bankItemId)).length;
    }
    assert.ok(accepted > 0, `${covered.size} of ${made.result.anchors.length} items are covered`);
    assert.ok(shown > 0, 'promoted items are scored now');
  });

  it('reports to a candidate who sits now', async () => {
    const candidate = await newCandidate(suite, 'measured');
    await candidate.start();
    await candidate.save(candidate.session.items.map((_, i) => candidate.write(i, candidate.pick(i))));
    await candidate.submit();
    const report = await until(() => candidate.report(), 'the report', 15_000);
    const { score } = await call(suite.http, 'invigil.scoring.v1.ScoringService/GetScore', { sessionId: candidate.session.sessionId }, ann);
    assert.equal(report.scaledScore, score.scaledScore);
    assert.doesNotMatch(JSON.stringify(report), /calibration|equating|promoted/i, 'candidates see nothing of the chain');
    for (const method of ['StartCalibration', 'GetCalibration', 'PromoteItems', 'GetEquating', 'PutStandardSetting']) await refused(ask(method, {}, candidate.token), { status: 403, code: 'permission_denied', reason: 'ROLE_MISSING' });
  });
});
