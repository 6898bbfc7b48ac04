// The contract as teams speak it: @grpc/grpc-js on the gateway's gRPC port, with the protos as they
// are shipped.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { newId } from '../harness/connect.mjs';
import { readStatusDetails } from '../harness/details.mjs';
import { protoRoot } from '../harness/protos.mjs';
import { Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

const contract = grpc.loadPackageDefinition(loader.loadSync('invigil/session/v1/delivery.proto', { includeDirs: [protoRoot], longs: Number, enums: String, defaults: true, oneofs: true }));

let suite, client, token;
before(async () => {
  suite = await Suite.open();
  client = new contract.invigil.session.v1.DeliveryService(suite.grpc, grpc.credentials.createInsecure());
  token = await sign(suite, 'candidate', newId('team'));
});
after(() => {
  client?.close();
  return suite?.stop();
});

function metadata(bearer, more = {}) {
  const out = new grpc.Metadata();
  if (bearer) out.set('authorization', `Bearer ${bearer}`);
  for (const [name, value] of Object.entries(more)) out.set(name, value);
  return out;
}

/** A unary call as a promise of the answer. */
const ask = (method, message, bearer, { headers, ...options } = {}) =>
  new Promise((resolve, reject) => client[method](message, metadata(bearer, headers), options, (error, answer) => (error ? reject(error) : resolve(answer))));

async function failure(promise) {
  const error = await promise.then(() => assert.fail('the call was not refused'), (caught) => caught);
  const [bytes] = error.metadata?.get('grpc-status-details-bin') ?? [];
  return { code: error.code, message: error.details, ...(bytes ? readStatusDetails(bytes) : {}) };
}

async function start(own = token, options = {}) {
  const { session, sessionToken } = await ask('StartSession', { examId: 'CLF-C02', requestId: newId('r') }, own, options);
  return { ...session, sessionToken };
}

const write = ({ items }, place, sequence = 1, from = 0) => ({ itemId: items[place].itemId, sequence, optionIds: items[place].options.slice(from, from + items[place].selectCount).map(({ optionId }) => optionId) });

/** A stream with what came of it: messages, and in the end the status. */
function follow(stream) {
  const seen = { messages: [], status: undefined };
  stream.on('data', (message) => seen.messages.push(message));
  stream.on('status', (status) => (seen.status = status));
  stream.on('error', () => {}); // the status says it
  return seen;
}

describe('unary', () => {
  it('sits an exam', async () => {
    const session = await start(await sign(suite, 'candidate', newId('whole')));
    assert.equal(session.state, 'SESSION_STATE_ACTIVE');
    assert.equal(session.items.length, 65);
    const { sessionId, epoch, sessionToken } = session;
    const responses = session.items.map((_, place) => write(session, place));
    const { acks } = await ask('SaveResponses', { sessionId, epoch, responses }, sessionToken);
    assert.ok(acks.every(({ status }) => status === 'ACK_STATUS_STORED'));
    const sealed = await ask('SubmitSession', { sessionId, epoch, seen: acks }, sessionToken);
    assert.equal(sealed.state, 'SESSION_STATE_RELEASED');
    assert.deepEqual(sealed.receipt.map(({ itemId, optionIds }) => [itemId, optionIds]), responses.map(({ itemId, optionIds }) => [itemId, optionIds]));
    assert.deepEqual(await ask('GetScoreReport', { sessionId }, sessionToken), sealed.report);
  });

  it('carries code, message and details of an error', async () => {
    const unknown = await failure(ask('GetSession', { sessionId: 'f'.repeat(32) }, token));
    assert.deepEqual([unknown.code, unknown.reason, unknown.domain], [grpc.status.NOT_FOUND, 'SESSION_NOT_FOUND', 'invigil']);
    const session = await start();
    const wrong = await failure(ask('SaveResponses', { sessionId: session.sessionId, epoch: session.epoch, responses: [{ itemId: 'x', sequence: 1, optionIds: ['A'] }] }, session.sessionToken));
    assert.equal(wrong.code, grpc.status.INVALID_ARGUMENT);
    assert.equal(wrong.reason, 'RESPONSE_INVALID');
    assert.deepEqual(wrong.fields.map(({ field }) => field), ['responses[0].item_id']);
    const missing = await failure(ask('SubmitSession', { sessionId: session.sessionId, epoch: session.epoch, seen: [{ itemId: session.items[3].itemId, sequence: 2 }] }, session.sessionToken));
    assert.equal(missing.code, grpc.status.FAILED_PRECONDITION);
    assert.deepEqual([missing.reason, missing.metadata.item_ids], ['RESPONSES_MISSING', session.items[3].itemId]);
  });

  it('refuses who has no token, an unknown method and an internal one', async () => {
    const denied = await failure(ask('GetSession', { sessionId: 'f'.repeat(32) }));
    assert.deepEqual([denied.code, denied.reason], [grpc.status.UNAUTHENTICATED, 'TOKEN_MISSING']);
    for (const path of ['/invigil.itembank.v1.KeyService/GetScoringKey', '/invigil.session.v1.DeliveryService/Nothing']) {
      const bytes = (value) => value;
      const call = new Promise((resolve, reject) => client.makeUnaryRequest(path, bytes, bytes, Buffer.alloc(0), metadata(token), (error, answer) => (error ? reject(error) : resolve(answer))));
      const { code, reason } = await failure(call);
      assert.deepEqual([code, reason], [grpc.status.UNIMPLEMENTED, 'METHOD_UNKNOWN'], path);
    }
  });

  it('refuses 5 MB and bytes that are no message', async () => {
    const session = await start();
    const large = await failure(ask('GetSession', { sessionId: 'x'.repeat(5 << 20) }, session.sessionToken));
    assert.equal(large.code, grpc.status.RESOURCE_EXHAUSTED);
    const bytes = (value) => value;
    const call = new Promise((resolve, reject) => client.makeUnaryRequest('/invigil.session.v1.DeliveryService/GetSession', bytes, bytes, Buffer.from('ffffffff', 'hex'), metadata(token), (error, answer) => (error ? reject(error) : resolve(answer))));
    const { code, reason } = await failure(call);
    assert.deepEqual([code, reason], [grpc.status.INVALID_ARGUMENT, 'REQUEST_MALFORMED']);
  });

  it('keeps the deadline of the call', async () => {
    const session = await start();
    const { code } = await failure(ask('GetSession', { sessionId: session.sessionId }, session.sessionToken, { deadline: Date.now() - 1 }));
    assert.equal(code, grpc.status.DEADLINE_EXCEEDED);
    const stream = client.watchSession({ sessionId: session.sessionId }, metadata(session.sessionToken), { deadline: Date.now() + 500 });
    const seen = follow(stream);
    await until(() => seen.status, 'the stream ends at its deadline', 5000);
    assert.equal(seen.status.code, grpc.status.DEADLINE_EXCEEDED);
    assert.equal(seen.messages.length, 1);
  });
});

describe('WatchSession', () => {
  it('tells time and state until the report is there', async () => {
    const session = await start(await sign(suite, 'candidate', newId('watch')));
    const seen = follow(client.watchSession({ sessionId: session.sessionId }, metadata(session.sessionToken)));
    await until(() => seen.messages[0], 'the first update', 5000);
    assert.equal(seen.messages[0].state, 'SESSION_STATE_ACTIVE');
    await ask('SubmitSession', { sessionId: session.sessionId, epoch: session.epoch }, session.sessionToken);
    await until(() => seen.status, 'the stream ends', 5000);
    assert.equal(seen.status.code, grpc.status.OK);
    const last = seen.messages.at(-1);
    assert.deepEqual([last.state, last.remaining.seconds, last.remaining.nanos], ['SESSION_STATE_RELEASED', 0, 0]);
  });

  it('comes at least every five seconds', async () => {
    const session = await start();
    const stream = client.watchSession({ sessionId: session.sessionId }, metadata(session.sessionToken));
    const seen = follow(stream);
    await until(() => seen.messages.length >= 2, 'a second update though nothing happened', 7000);
    const [first, second] = seen.messages.map(({ remaining }) => remaining.seconds + remaining.nanos / 1e9);
    assert.ok(first - second > 3 && first - second < 6, `${first} then ${second}`);
    stream.cancel();
    await until(() => seen.status, 'the cancelled stream ends', 5000);
    assert.equal(seen.status.code, grpc.status.CANCELLED);
  });
});

describe('Deliver', () => {
  /** A device on one stream. */
  async function device(session, bearer = session.sessionToken) {
    const stream = client.deliver(metadata(bearer));
    const seen = follow(stream);
    const replies = () => seen.messages.filter(({ kind }) => kind !== 'update');
    const updates = () => seen.messages.filter(({ kind }) => kind === 'update').map(({ update }) => update);
    stream.write({ sessionId: session.sessionId, open: { epoch: session.epoch } });
    return { stream, seen, replies, updates, save: (saveId, ...responses) => stream.write({ save: { saveId, responses } }) };
  }
  const opened = async (session) => {
    const one = await device(session);
    await until(() => one.updates()[0], 'the stream opens', 5000);
    return one;
  };

  it('acknowledges a burst of saves in the order sent', async () => {
    const session = await start(await sign(suite, 'candidate', newId('burst')));
    const { stream, seen, replies, updates, save } = await opened(session);
    assert.equal(updates()[0].state, 'SESSION_STATE_ACTIVE');
    for (let i = 0; i < 300; ++i) save(1000 + i, write(session, i % 65, 1 + Math.floor(i / 65)));
    await until(() => replies().length === 300, 'every save is answered', 20_000);
    replies().forEach(({ kind, saved }, i) => {
      assert.equal(kind, 'saved');
      assert.equal(saved.saveId, 1000 + i);
      const [{ itemId, sequence, status }] = saved.acks;
      assert.deepEqual([itemId, sequence, status], [session.items[i % 65].itemId, 1 + Math.floor(i / 65), 'ACK_STATUS_STORED']);
    });
    stream.end();
    await until(() => seen.status, 'the stream ends after the client does', 5000);
    assert.equal(seen.status.code, grpc.status.OK);
    const { session: stored } = await ask('GetSession', { sessionId: session.sessionId }, session.sessionToken);
    stored.responses.forEach(({ sequence }, place) => assert.equal(sequence, 1 + Math.floor((299 - place) / 65)));
  });

  it('refuses one save and goes on', async () => {
    const session = await start(await sign(suite, 'candidate', newId('refuse')));
    const { stream, replies, save } = await opened(session);
    save(1, { itemId: 'nothing', sequence: 1, optionIds: ['A'] });
    save(2, write(session, 0));
    save(3, write(session, 0, 1, 1));
    await until(() => replies().length === 3, 'three replies', 5000);
    const [first, second, third] = replies();
    assert.deepEqual([first.kind, first.refused.saveId, first.refused.code, first.refused.reason], ['refused', 1, grpc.status.INVALID_ARGUMENT, 'RESPONSE_INVALID']);
    assert.deepEqual([second.kind, second.saved.acks[0].status], ['saved', 'ACK_STATUS_STORED']);
    assert.deepEqual([third.kind, third.saved.acks[0].status, third.saved.acks[0].stored.sequence], ['saved', 'ACK_STATUS_STALE', 1]);
    stream.end();
  });

  it('tells the old device of a take-over and takes nothing from it any more', async () => {
    const own = await sign(suite, 'candidate', newId('two'));
    const session = await start(own);
    const old = await opened(session);
    const { session: taken } = await ask('StartSession', { examId: 'CLF-C02', requestId: newId('r'), takeOver: true }, own);
    assert.equal(taken.epoch, 2);
    await until(() => old.updates().at(-1).epoch === 2, 'the push of the take-over', 5000);
    old.save(1, write(session, 0));
    await until(() => old.replies()[0], 'the refusal', 5000);
    assert.deepEqual([old.replies()[0].kind, old.replies()[0].refused.reason], ['refused', 'EPOCH_STALE']);
    const young = await opened({ ...session, epoch: 2 });
    young.save(1, write(session, 0));
    await until(() => young.replies()[0]?.saved, 'the new device writes', 5000);
    old.stream.cancel();
    young.stream.cancel();
  });

  it('tells of the seal and refuses later saves with their reason', async () => {
    const session = await start(await sign(suite, 'candidate', newId('seal')));
    const { stream, updates, replies, save } = await opened(session);
    await ask('SubmitSession', { sessionId: session.sessionId, epoch: session.epoch }, session.sessionToken);
    await until(() => updates().some(({ state }) => state === 'SESSION_STATE_RELEASED'), 'the push of the result', 5000);
    save(9, write(session, 0));
    await until(() => replies()[0], 'the refusal', 5000);
    assert.deepEqual([replies()[0].refused.code, replies()[0].refused.reason], [grpc.status.FAILED_PRECONDITION, 'SESSION_SEALED']);
    stream.cancel();
  });

  it('ends with a reason when it is not opened rightly or is not the caller\'s', async () => {
    const session = await start();
    const stranger = await sign(suite, 'candidate', newId('stranger'));
    const ended = async ({ seen }) => {
      const { code, metadata: trailers } = await until(() => seen.status, 'the stream ends', 5000);
      return [code, readStatusDetails(trailers.get('grpc-status-details-bin')[0]).reason];
    };
    const unopened = client.deliver(metadata(session.sessionToken));
    const seen = follow(unopened);
    unopened.write({ sessionId: session.sessionId, save: { saveId: 1, responses: [write(session, 0)] } });
    assert.deepEqual(await ended({ seen }), [grpc.status.INVALID_ARGUMENT, 'STREAM_PROTOCOL']);
    assert.deepEqual(await ended(await device(session, stranger)), [grpc.status.PERMISSION_DENIED, 'SESSION_NOT_YOURS']);
    assert.deepEqual(await ended(await device({ ...session, sessionId: 'f'.repeat(32) }, stranger)), [grpc.status.NOT_FOUND, 'SESSION_NOT_FOUND']);
    const { session: stored } = await ask('GetSession', { sessionId: session.sessionId }, session.sessionToken);
    assert.deepEqual(stored.responses, []);
  });
});

describe('a trace', () => {
  it('is one from the caller through session to scoring', async () => {
    const traceId = randomBytes(16).toString('hex');
    const options = { headers: { traceparent: `00-${traceId}-${randomBytes(8).toString('hex')}-01` } };
    const session = await start(await sign(suite, 'candidate', newId('trace')), options);
    await ask('SubmitSession', { sessionId: session.sessionId, epoch: session.epoch }, session.sessionToken, options);
    const ours = ({ trace_id }) => trace_id === traceId;
    await suite.logged('session', (line) => ours(line) && line.message === 'session started' && line.session === session.sessionId, 'the start under the caller\'s trace');
    await suite.logged('session', (line) => ours(line) && line.message === 'session sealed', 'the seal under the caller\'s trace');
    await suite.logged('scoring', (line) => ours(line) && line.message === 'session scored' && line.session_id === session.sessionId, 'the score under the caller\'s trace');
    const refusedTrace = randomBytes(16).toString('hex');
    await failure(ask('GetSession', { sessionId: session.sessionId }, undefined, { headers: { traceparent: `00-${refusedTrace}-${randomBytes(8).toString('hex')}-01` } }));
    await suite.logged('gateway', (line) => line.audit && line.trace_id === refusedTrace, 'a refusal under its trace');
  });
});
