// The contract as a client nobody here wrote speaks it: @connectrpc/connect-node with code that
// protoc-gen-es generated, over Connect (JSON and binary), gRPC-Web and gRPC.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from '@connectrpc/connect-node';
import { newId } from '../harness/connect.mjs';
import { generate } from '../harness/protos.mjs';
import { Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

const load = generate();
const { AckStatus, DeliveryService, SessionState } = await load('invigil/session/v1/delivery_pb.js');
const { ExamService } = await load('invigil/itembank/v1/exam_pb.js');
const { BadRequestSchema, ErrorInfoSchema } = await load('google/rpc/error_details_pb.js');

let suite;
before(async () => (suite = await Suite.open()));
after(() => suite?.stop());

const bearer = (token) => ({ headers: { authorization: `Bearer ${token}` } });

async function failure(promise) {
  const error = await promise.then(() => assert.fail('the call was not refused'), (caught) => caught);
  assert.ok(error instanceof ConnectError, `${error}`);
  return error;
}

const transports = {
  'Connect, JSON': () => createConnectTransport({ baseUrl: suite.http, httpVersion: '1.1', useBinaryFormat: false }),
  'Connect, binary': () => createConnectTransport({ baseUrl: suite.http, httpVersion: '1.1', useBinaryFormat: true }),
  'gRPC-Web': () => createGrpcWebTransport({ baseUrl: suite.http, httpVersion: '1.1' }),
  'gRPC': () => createGrpcTransport({ baseUrl: `http://${suite.grpc}` }),
};

for (const [name, makeTransport] of Object.entries(transports)) {
  describe(name, () => {
    let client, exams, token;
    before(async () => {
      client = createClient(DeliveryService, makeTransport());
      exams = createClient(ExamService, makeTransport());
      token = await sign(suite, 'candidate', newId('client'));
    });

    const start = async (own = token) => {
      const { session, sessionToken } = await client.startSession({ examId: 'CLF-C02', requestId: newId('r') }, bearer(own));
      return { ...session, options: bearer(sessionToken) };
    };
    const write = ({ items }, place, sequence = 1) => ({ itemId: items[place].itemId, sequence, optionIds: items[place].options.slice(0, items[place].selectCount).map(({ optionId }) => optionId) });

    it('lists the exams a candidate may know of', async () => {
      const { exams: list } = await exams.listExams({}, bearer(token));
      const exam = list.find(({ examId }) => examId === 'CLF-C02');
      assert.equal(exam.available, true);
      assert.equal(exam.itemCount, 65);
      assert.equal(exam.duration.seconds, 5400n);
      const other = list.find(({ examId }) => examId === 'SAA-C03');
      assert.equal(other.available, false);
      assert.ok(other.unavailableReason);
    });

    it('sits an exam while watching it', async () => {
      const session = await start();
      const { sessionId, epoch, options } = session;
      assert.equal(session.items.length, 65);
      const updates = [];
      const watching = (async () => {
        for await (const update of client.watchSession({ sessionId }, options)) updates.push(update);
      })();
      const first = await until(() => updates[0], 'the first update arrives', 5000);
      assert.equal(first.state, SessionState.ACTIVE);
      assert.ok(first.remaining.seconds > 5300n && first.remaining.seconds <= 5400n);
      assert.equal(first.deadlineVersion, 1);

      const { acks } = await client.saveResponses({ sessionId, epoch, responses: [write(session, 0), write(session, 1)] }, options);
      assert.deepEqual(acks.map(({ status, sequence }) => [status, sequence]), [[AckStatus.STORED, 1], [AckStatus.STORED, 1]]);
      const seen = acks.map(({ itemId, sequence }) => ({ itemId, sequence }));
      const sealed = await client.submitSession({ sessionId, epoch, seen }, options);
      assert.equal(sealed.state, SessionState.RELEASED);
      assert.equal(sealed.receipt.length, 2);
      assert.equal(sealed.report.scaleMax, 1000);

      await watching; // the stream ends by itself once the report is released
      assert.equal(updates.at(-1).state, SessionState.RELEASED);
      assert.equal(updates.at(-1).remaining.seconds, 0n);
      assert.ok(updates.some(({ state }) => state === SessionState.SUBMITTED), 'the seal was announced');
    });

    it('decodes what was wrong from the details', async () => {
      const session = await start(await sign(suite, 'candidate', newId('wrong')));
      const responses = [write(session, 0), { itemId: 'nothing', sequence: 0, optionIds: ['A'] }];
      const error = await failure(client.saveResponses({ sessionId: session.sessionId, epoch: session.epoch, responses }, session.options));
      assert.equal(error.code, Code.InvalidArgument);
      const [info] = error.findDetails(ErrorInfoSchema);
      assert.equal(info.reason, 'RESPONSE_INVALID');
      assert.equal(info.domain, 'invigil');
      const [bad] = error.findDetails(BadRequestSchema);
      assert.deepEqual(bad.fieldViolations.map(({ field }) => field), ['responses[1].sequence', 'responses[1].item_id']);
      const { session: now } = await client.getSession({ sessionId: session.sessionId }, session.options);
      assert.deepEqual(now.responses, []);
    });

    it('ends a stream with an error and its details', async () => {
      const error = await failure((async () => {
        for await (const update of client.watchSession({ sessionId: 'f'.repeat(32) }, bearer(token))) assert.fail(`${update}`);
      })());
      assert.equal(error.code, Code.NotFound);
      assert.equal(error.findDetails(ErrorInfoSchema)[0].reason, 'SESSION_NOT_FOUND');
      const denied = await failure((async () => {
        for await (const update of client.watchSession({ sessionId: 'f'.repeat(32) })) assert.fail(`${update}`);
      })());
      assert.equal(denied.code, Code.Unauthenticated);
    });

    it('keeps a deadline on a stream that would last for hours', async () => {
      const { sessionId, options } = await start();
      const began = Date.now();
      let updates = 0;
      const error = await failure((async () => {
        for await (const _ of client.watchSession({ sessionId }, { ...options, timeoutMs: 400 })) ++updates;
      })());
      assert.equal(error.code, Code.DeadlineExceeded);
      assert.equal(updates, 1);
      assert.ok(Date.now() - began < 3000);
    });

    it('stops at once when the caller cancels, and the session goes on', async () => {
      const session = await start();
      const { sessionId, epoch, options } = session;
      const abort = new AbortController();
      const error = await failure((async () => {
        for await (const _ of client.watchSession({ sessionId }, { ...options, signal: abort.signal })) abort.abort();
      })());
      assert.equal(error.code, Code.Canceled);
      const { acks } = await client.saveResponses({ sessionId, epoch, responses: [write(session, 5)] }, options);
      assert.equal(acks[0].status, AckStatus.STORED);
    });
  });
}
