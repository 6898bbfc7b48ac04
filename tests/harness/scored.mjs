// What a score rests on, asked of the scoring service as the session service asks: the same session
// with the same responses gives the score that is there, with any other it is refused.
import assert from 'node:assert/strict';
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { call } from './connect.mjs';
import { protoRoot } from './protos.mjs';
import { sign } from './tokens.mjs';

const contract = grpc.loadPackageDefinition(loader.loadSync('invigil/scoring/v1/scoring.proto', { includeDirs: [protoRoot], longs: Number, enums: String, defaults: true }));

/** Asserts that `session` has one score and that it rests on exactly the responses of `receipt`. */
export async function assertScored(suite, sessionId, receipt) {
  const operator = await sign(suite, 'operator', 'harness');
  const score = (scoreVersion) => call(suite.http, 'invigil.scoring.v1.ScoringService/GetScore', { sessionId, scoreVersion }, operator);
  const { score: first } = await score(0);
  assert.equal(first.scoreVersion, 1);
  await assert.rejects(score(2), ({ reason }) => reason === 'SCORE_NOT_FOUND');
  const key = createPrivateKey(readFileSync(suite.path('session.pem')));
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${await sign(suite, 'service', 'session', { key, kid: 'session' })}`);
  const client = new contract.invigil.scoring.v1.ScoringService(`127.0.0.1:${suite.ports.scoring}`, grpc.credentials.createInsecure());
  const ask = (responses) => new Promise((resolve, reject) => client.ScoreSession({ sessionId, attemptVersion: 1, formId: first.formId, responses }, metadata, (error, answer) => (error ? reject(error) : resolve(answer.score))));
  try {
    const responses = receipt.filter(({ optionIds = [] }) => optionIds.length > 0).map(({ itemId, optionIds }) => ({ itemId, optionIds }));
    const again = await ask(responses);
    assert.deepEqual([again.scaledScore, again.scoreVersion], [first.scaledScore, 1], 'what was sealed is what was scored');
    // And a set that differs by one response would have been noticed.
    if (responses.length > 0) await assert.rejects(ask(responses.slice(1)), ({ details }) => /other responses|responses/.test(details));
    suite.record?.score({ session: sessionId, version: 1, responses: responses.map(({ itemId, optionIds }) => ({ item: itemId, value: optionIds.join() })) });
  } finally {
    client.close();
  }
}
