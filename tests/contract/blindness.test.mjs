// R25: nothing a candidate receives tells which items count, which options are right, or where an
// item comes from. By the bytes on the wire, and by the shape of the messages.
import assert from 'node:assert/strict';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { getOption } from '@bufbuild/protobuf';
import { Candidate, call, newId } from '../harness/connect.mjs';
import { protoFiles, readContract } from '../harness/protos.mjs';
import { Suite } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

const sessionCount = 30;
const places = 65;

/** A TCP relay to the gateway's HTTP port that keeps every byte a client receives, connection by connection. */
async function tap(port) {
  const received = [];
  const server = net.createServer((client) => {
    const bytes = [];
    received.push(bytes);
    const upstream = net.connect(port, '127.0.0.1');
    client.pipe(upstream);
    upstream.on('data', (chunk) => bytes.push(chunk));
    upstream.pipe(client);
    for (const end of [client, upstream]) end.on('error', () => (client.destroy(), upstream.destroy()));
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { base: `http://127.0.0.1:${server.address().port}`, close: () => server.close(), text: () => received.map((bytes) => Buffer.concat(bytes).toString()).join('\n') };
}

/** Every item of the bank, as an operator sees it. */
async function readBank(suite) {
  const token = await sign(suite, 'operator', 'blindness');
  const items = [];
  let pageToken = '';
  do {
    const page = await call(suite.http, 'invigil.itembank.v1.ItemService/ListItems', { bankId: 'clf-c02', pageSize: 200, pageToken }, token);
    items.push(...page.items);
    pageToken = page.nextPageToken;
  } while (pageToken);
  return items;
}

/** A whole exam with everything that can be asked, some of it refused; gives the session as GetSession shows it. */
async function sit(suite, base, turn) {
  const subject = newId('blind');
  const candidate = new Candidate(base, await sign(suite, 'candidate', subject));
  await candidate.start();
  const { items, sessionId, epoch } = candidate.session;
  for (let from = 0; from < places; from += 13) await candidate.save(items.slice(from, from + 13).map((_, i) => candidate.write(from + i, candidate.pick(from + i, turn + i))));
  await candidate.save([candidate.write(0)]);
  await candidate.save([{ itemId: items[1].itemId, sequence: 1, optionIds: candidate.pick(1, turn + 3) }]); // stale
  for (const wrong of [{ itemId: items[1].itemId, sequence: 9, optionIds: ['A', 'B', 'C', 'D'] }, { itemId: 'nothing', sequence: 1, optionIds: ['A'] }]) await candidate.save([wrong]).catch((error) => error);
  await candidate.delivery('SubmitSession', { sessionId, epoch, seen: [{ itemId: items[4].itemId, sequence: 99 }] }).catch((error) => error);
  await candidate.delivery('SaveProgress', { sessionId, epoch, marks: [{ itemId: items[2].itemId, sequence: 1, flagged: true, shownMs: 900 }], shownItemId: items[2].itemId });
  await candidate.delivery('SendMessage', { sessionId, messageId: 'help', text: 'a pencil, please' });
  await candidate.delivery('TakeBreak', { sessionId, epoch, seenItemIds: [items[0].itemId] }).catch((error) => error);
  await candidate.delivery('EndBreak', { sessionId, epoch });
  await candidate.delivery('LeavePart', { sessionId, epoch, part: 0, seen: [{ itemId: items[4].itemId, sequence: 99 }] }).catch((error) => error);
  await candidate.delivery('GetResponseVector', { sessionId });
  const { session } = await candidate.get();
  await candidate.submit();
  await candidate.report();
  return session;
}

// Numbers below are distances from chance in standard deviations. Past 4.5 a run in 150,000 would fail
// by luck alone.
const unlikely = 4.5;
const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;
const variance = (values) => mean(values.map((value) => (value - mean(values)) ** 2));
/** Welch's t of two means. */
const apart = (a, b) => (mean(a) - mean(b)) / Math.sqrt(variance(a) / a.length + variance(b) / b.length);
/** A chi-square sum as a standard normal value (Wilson and Hilferty). */
const normal = (chi, freedom) => (Math.cbrt(chi / freedom) - (1 - 2 / (9 * freedom))) / Math.sqrt(2 / (9 * freedom));
const countBy = (values) => values.reduce((counts, value) => counts.set(value, (counts.get(value) ?? 0) + 1), new Map());
const chi = (counts, classes, expected) => classes.reduce((sum, name) => sum + ((counts.get(name) ?? 0) - expected(name)) ** 2 / expected(name), 0);
/** How far two samples of classes are from one distribution. */
function differ(a, b) {
  const [x, y] = [countBy(a), countBy(b)];
  const all = countBy([...a, ...b]);
  const classes = [...all.keys()];
  const share = (size) => (name) => (all.get(name) * size) / (a.length + b.length);
  return normal(chi(x, classes, share(a.length)) + chi(y, classes, share(b.length)), classes.length - 1);
}
/** How far a sample is from every class being alike. */
const uneven = (values, classes) => normal(chi(countBy(values), classes, () => values.length / classes.length), classes.length - 1);

describe('the bytes of thirty exams', () => {
  let suite, wire, bank, byStem, sessions, bytes;

  before(async () => {
    suite = await Suite.open();
    wire = await tap(new URL(suite.http).port);
    bank = await readBank(suite);
    byStem = new Map(bank.map((item) => [item.stem, item]));
    sessions = [];
    for (let i = 0; i < sessionCount; ++i) sessions.push(await sit(suite, wire.base, i));
    bytes = wire.text();
  });
  after(async () => {
    wire?.close();
    await suite?.stop();
  });

  const shown = () => sessions.flatMap((session) => session.items.map((item) => ({ ...item, bank: byStem.get(item.stem) })));
  const pretest = ({ bank: { status } }) => status === 'ITEM_STATUS_PRETEST';
  /** [unscored, scored] */
  const split = (items) => [items.filter(pretest), items.filter((item) => !pretest(item))];

  it('were recorded: the tap sees what it must', () => {
    assert.ok(bytes.length > sessionCount * 2 * 40_000, `${bytes.length} bytes`);
    for (const { sessionId, items } of sessions) assert.ok(bytes.includes(sessionId) && bytes.includes(items[64].itemId));
    assert.equal(byStem.size, bank.length, 'stems tell items apart');
    assert.ok(shown().every((item) => item.bank), 'each shown item is one of the bank');
    assert.ok(bank.every((item) => bytes.includes(JSON.stringify(item.stem)) || !shown().some(({ stem }) => stem === item.stem)));
  });

  it('hold no rationale, no bank id, no author\'s option order, no word for a key or a statistic', () => {
    for (const item of bank) {
      assert.ok(!bytes.includes(item.itemId), item.itemId);
      for (const { rationale } of item.options) assert.ok(!rationale || !bytes.includes(JSON.stringify(rationale).slice(1, -1)), rationale);
      for (const { url } of item.references) assert.ok(!bytes.includes(url), url);
    }
    for (const word of ['isKey', 'is_key', 'keyOption', 'pretest', 'operational', 'rationale', 'irt', 'slope', 'difficulty', 'asymptote', 'taskId', 'task_id', 'cognitive', 'formId', 'form_id', 'contentId', 'content_id', 'bankId', 'raw_score', 'rawScore', 'theta']) {
      // As a field's name, thus with its colon: one random item id in some thousands begins with "irt".
      assert.ok(!new RegExp(`"${word}\\w*"\\s*:`, 'i').test(bytes), word);
    }
  });

  it('name a domain in reports only', () => {
    const count = (pattern) => bytes.match(pattern)?.length ?? 0;
    const reports = count(/"scaled_?Score"\s*:/gi);
    // One for each session that asked, and one more where the answer to submit had it already.
    assert.ok(reports >= sessionCount && reports <= sessionCount * 2, `${reports} reports`);
    assert.equal(count(/"domain_?id"\s*:/gi), reports * 4, 'four domains in each report, and none elsewhere');
  });

  it('call the same item by another id in every session', () => {
    const ids = sessions.flatMap(({ items }) => items.map(({ itemId }) => itemId));
    assert.equal(new Set(ids).size, sessionCount * places);
    for (const id of ids) assert.match(id, /^[a-z0-9]{16}$/);
    // Ids of pretest and of scored items look alike: mean value of the first character within chance.
    const value = (id) => '0123456789abcdefghijklmnopqrstuvwxyz'.indexOf(id[0]);
    const [a, b] = split(shown()).map((part) => part.map(({ itemId }) => value(itemId)));
    assert.ok(Math.abs(apart(a, b)) < unlikely, `t = ${apart(a, b)}`);
  });

  it('show fifteen unscored items in every form, at places that tell nothing', () => {
    for (const { items } of sessions) assert.equal(items.filter(({ stem }) => byStem.get(stem).status === 'ITEM_STATUS_PRETEST').length, 15);
    const [unscored, scored] = split(shown());
    // Five places a class: 30 forms put 450 unscored items in 13 classes.
    const place = ({ position }) => Math.floor((position - 1) / 5);
    const z = differ(unscored.map(place), scored.map(place));
    assert.ok(z < unlikely, `places of unscored items differ from those of scored ones: z = ${z}`);
    assert.ok(Math.abs(apart(unscored.map(({ position }) => position), scored.map(({ position }) => position))) < unlikely);
    // Neighbours: were unscored items placed in runs or evenly apart, pairs of them side by side would
    // be more or fewer than chance gives, which is 64 * (15 * 14) / (65 * 64) a form.
    const pairs = sessions.map(({ items }) => items.filter((item, i) => i > 0 && [item, items[i - 1]].every(({ stem }) => byStem.get(stem).status === 'ITEM_STATUS_PRETEST')).length);
    const expected = (15 * 14) / 65;
    assert.ok(Math.abs(mean(pairs) - expected) < unlikely * Math.sqrt(variance(pairs) / pairs.length + 0.01), `${mean(pairs)} pairs a form, ${expected} by chance`);
  });

  it('show unscored items of the same kinds and sizes as the bank holds them', () => {
    // What of an item's look is the bank's own is not the form's to hide; the form must add nothing.
    const [unscored, scored] = split(shown());
    for (const [part, status] of [[unscored, 'ITEM_STATUS_PRETEST'], [scored, 'ITEM_STATUS_OPERATIONAL']]) {
      for (const item of part) {
        assert.equal(item.bank.status, status);
        assert.equal(item.options.length, item.bank.options.length);
        assert.equal(item.selectCount, item.bank.selectCount);
        assert.deepEqual(item.options.map(({ text }) => text).sort(), item.bank.options.map(({ text }) => text).sort());
        assert.deepEqual(Object.keys(item).sort(), ['bank', 'itemId', 'options', 'position', 'selectCount', 'stem']);
        assert.deepEqual(item.options.map(({ optionId }) => optionId), [...'ABCDEF'].slice(0, item.options.length));
      }
    }
    // Size classes of the payload, judged by whole items and not by showings, which repeat items.
    const size = ({ stem, options }) => stem.length + options.reduce((sum, { text }) => sum + text.length, 0);
    const [unscoredBank, scoredBank] = ['ITEM_STATUS_PRETEST', 'ITEM_STATUS_OPERATIONAL'].map((status) => bank.filter((item) => item.status === status));
    const sizes = (items) => items.map(size);
    assert.ok(Math.abs(apart(sizes(unscoredBank), sizes(scoredBank))) < unlikely, 'unscored items are as long as scored ones');
    const multiple = (items) => items.filter(({ selectCount }) => selectCount > 1).length / items.length;
    const spread = Math.sqrt((0.25 / unscoredBank.length) + (0.25 / scoredBank.length));
    assert.ok(Math.abs(multiple(unscoredBank) - multiple(scoredBank)) < unlikely * spread, 'as many of them have several answers');
  });

  it('show the right option at every place alike, also on unscored items', () => {
    const single = shown().filter(({ selectCount }) => selectCount === 1);
    const keyPlace = ({ options, bank: { options: authored } }) => options.findIndex(({ text }) => text === authored.find(({ isKey }) => isKey).text);
    const [unscored, scored] = split(single).map((part) => part.map(keyPlace));
    for (const part of [unscored, scored]) assert.ok(uneven(part, [0, 1, 2, 3]) < unlikely);
    assert.ok(differ(unscored, scored) < unlikely);
  });

  it('order scored items by nothing that tells their domain or difficulty', () => {
    // Rank correlation of place with domain and with difficulty, over forms; 0 by chance.
    for (const value of [({ domainId }) => Number(domainId), ({ irt }) => irt.difficulty]) {
      const scored = shown().filter((item) => !pretest(item));
      const x = scored.map(({ position }) => position);
      const y = scored.map((item) => value(item.bank));
      const r = mean(x.map((xi, i) => (xi - mean(x)) * (y[i] - mean(y)))) / Math.sqrt(variance(x) * variance(y));
      assert.ok(Math.abs(r) * Math.sqrt(x.length) < unlikely, `r = ${r}`);
    }
  });
});

describe('the shape of the messages', () => {
  const registry = readContract();
  const messageOf = (name) => registry.getMessage(name) ?? assert.fail(`no message ${name}`);
  const forbidden = /(^|_)(key|keys|is_key|pretest|operational|scored|irt|slope|difficulty|asymptote|rationale|domain|domains|task|cognitive_level|weight|weight_percent|bank_item_id)(_|$)/;
  // The result of a sealed session, which names its domains: no item can be reached from it.
  const reports = ['invigil.session.v1.GetScoreReportResponse'];

  /** Every message reachable from `roots`, with the path of fields that leads there. */
  function reachable(roots, stop = []) {
    const found = new Map();
    const walk = (message, path) => {
      if (found.has(message.typeName) || stop.includes(message.typeName)) return;
      found.set(message.typeName, { message, path });
      for (const field of message.fields) if (field.message) walk(field.message, `${path}.${field.name}`);
    };
    for (const root of roots) walk(root, root.typeName);
    return found;
  }
  const rootsOf = (service) => registry.getService(service).methods.flatMap(({ input, output }) => [input, output]);
  const faults = (messages) => [...messages.values()].flatMap(({ message, path }) => message.fields.filter(({ name }) => forbidden.test(name)).map(({ name }) => `${path}.${name}`));

  it('every service is known to this test', () => {
    const services = [...registry].filter(({ kind }) => kind === 'service').map(({ typeName }) => typeName);
    assert.deepEqual(services.sort(), ['invigil.itembank.v1.ExamService', 'invigil.itembank.v1.FormService', 'invigil.itembank.v1.ItemService', 'invigil.itembank.v1.KeyService', 'invigil.itembank.v1.StatisticsService', 'invigil.scoring.v1.LearnerService', 'invigil.scoring.v1.MeasurementService', 'invigil.scoring.v1.ReportService', 'invigil.scoring.v1.RescoringService', 'invigil.scoring.v1.ScoringService', 'invigil.session.v1.AuditService', 'invigil.session.v1.DeliveryService', 'invigil.session.v1.EventService', 'invigil.session.v1.PrivacyService', 'invigil.session.v1.ProctorService', 'invigil.session.v1.RegistrationService']);
    assert.ok(protoFiles.length >= 9);
  });

  it('the walk finds what it must: keys are reachable from the key service', () => {
    const found = faults(reachable(rootsOf('invigil.itembank.v1.KeyService')));
    for (const name of ['key_option_ids', 'operational', 'irt', 'domain_id']) assert.ok(found.some((path) => path.endsWith(`.${name}`)), `${name} in ${found}`);
  });

  it('no message of DeliveryService can carry a key, a pretest flag, a domain or a statistic', () => {
    const messages = reachable(rootsOf('invigil.session.v1.DeliveryService'), reports);
    for (const name of ['DisplayedItem', 'WatchSessionResponse', 'Part', 'Mark', 'SessionMessage', 'ResponseDigest', 'ClaimSessionRequest']) assert.ok(messages.has(`invigil.session.v1.${name}`), name);
    assert.deepEqual(faults(messages), []);
    for (const name of messages.keys()) assert.ok(!name.startsWith('invigil.itembank.') && !name.startsWith('invigil.scoring.'), name);
  });

  it('no message of ProctorService can either, and none carries an item or a result', () => {
    const messages = reachable(rootsOf('invigil.session.v1.ProctorService'));
    assert.ok(messages.has('invigil.session.v1.RosterEntry') && messages.has('invigil.session.v1.IncidentSession'));
    assert.deepEqual(faults(messages), []);
    for (const name of messages.keys()) assert.ok(!/\.(DisplayedItem|DisplayedOption|StoredResponse|GetScoreReportResponse|DomainResult)$/.test(name), name);
  });

  it('no message of EventService can either, and none carries an item, a response or a whole report', () => {
    const messages = reachable(rootsOf('invigil.session.v1.EventService'));
    assert.ok(messages.has('invigil.session.v1.SessionEvent') && messages.has('invigil.session.v1.SessionEventResult'));
    assert.deepEqual(faults(messages), []);
    for (const [name, { message }] of messages) {
      assert.match(name, /^(google\.protobuf\.|invigil\.session\.v1\.(\w*Event\w*|\w*Webhook\w*|\w*DeadLetter\w*)$)/);
      for (const field of message.fields) assert.ok(!/item|option|response|raw|theta|standard_error|cut_score/.test(field.name), `${name}.${field.name}`);
    }
  });

  it('the report reaches no item, option or response', () => {
    const messages = reachable(reports.map(messageOf));
    assert.deepEqual([...messages.keys()].sort(), ['google.protobuf.Timestamp', 'invigil.session.v1.DomainResult', 'invigil.session.v1.GetScoreReportResponse']);
    for (const { message } of messages.values()) for (const { name } of message.fields) assert.ok(!/item|option|response|raw|theta|key/.test(name), name);
  });

  it('no message of FormService can either', () => {
    const messages = reachable(rootsOf('invigil.itembank.v1.FormService'));
    assert.ok(messages.has('invigil.itembank.v1.FormItem') && messages.has('invigil.itembank.v1.ItemContent'));
    assert.deepEqual(faults(messages), []);
  });

  it('no message of LearnerService can carry a key, a pretest flag, a parameter or an id of the bank', () => {
    const messages = reachable(rootsOf('invigil.scoring.v1.LearnerService'));
    assert.ok(messages.has('invigil.scoring.v1.Miss') && messages.has('invigil.scoring.v1.Diagnostic'));
    const secret = /(^|_)(key|keys|is_key|pretest|operational|scored|irt|slope|difficulty|asymptote|rationale|missed|p_value|bank)(_|$)/;
    for (const [name, { message }] of messages) {
      assert.match(name, /^(google\.protobuf\.|invigil\.scoring\.v1\.)/);
      assert.ok(!/\.(Score|ConversionRow|ReportedItem|CalibratedItem)$/.test(name), name);
      for (const field of message.fields) assert.ok(!secret.test(field.name), `${name}.${field.name}`);
    }
  });

  it('what else a candidate may call carries no item', () => {
    const policy = registry.getExtension('invigil.common.v1.policy');
    assert.ok(policy);
    const candidate = 1; // ROLE_CANDIDATE
    const open = [...registry].filter(({ kind }) => kind === 'service').flatMap(({ methods }) => methods).filter((method) => getOption(method, policy).roles.includes(candidate));
    const names = open.map(({ parent, name }) => `${parent.typeName}/${name}`);
    const others = open.filter(({ parent }) => parent.typeName !== 'invigil.session.v1.DeliveryService');
    const learner = ['GetReadiness', 'GetStudyPlan', 'GetWhatIf', 'GetMisses', 'GetDiagnostic'].map((name) => `invigil.scoring.v1.LearnerService/${name}`);
    assert.deepEqual(others.map(({ parent, name }) => `${parent.typeName}/${name}`).sort(), ['invigil.itembank.v1.ExamService/ListExams', ...learner].sort(), names.join());
    const messages = reachable(others.flatMap(({ input, output }) => [input, output]));
    for (const name of messages.keys()) assert.ok(!/\.(Item|Option|Bank|IrtParameters|ItemContent|Standard)$/.test(name), name);
  });
});
