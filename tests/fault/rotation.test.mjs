// Signing keys change under a suite that runs: a new key is added and takes over, tokens of the old one
// hold until it is taken out, and from then on are refused; candidates save all the while.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { call, Candidate, newCandidate, newId, refused } from '../harness/connect.mjs';
import { total, Writer } from '../harness/history.mjs';
import { bin, Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

let suite;
before(async () => {
  suite = await Suite.start({ sessions: 2, args: { session: ['--drain-timeout', '1s'] } });
});
after(() => suite?.stop());

/** Adds a key to the public ones; gives how tokens are signed by it. */
function addKey(name, roles) {
  execFileSync(path.join(bin, 'invigil'), ['keys', 'create', '--name', name, '--roles', roles, '--private', suite.path(`${name}.pem`), '--jwks', suite.path('jwks.json')]);
  return { kid: name, key: createPrivateKey(readFileSync(suite.path(`${name}.pem`))) };
}

/** Takes a key out of the public ones, as an operator would: written aside, then in its place. */
function removeKey(name) {
  const { keys } = JSON.parse(readFileSync(suite.path('jwks.json'), 'utf8'));
  assert.ok(keys.some(({ kid }) => kid === name));
  writeFileSync(suite.path('jwks.new'), JSON.stringify({ keys: keys.filter(({ kid }) => kid !== name) }));
  renameSync(suite.path('jwks.new'), suite.path('jwks.json'));
}

const exams = (token) => call(suite.http, 'invigil.itembank.v1.ExamService/ListExams', {}, token);
const gone = { status: 401, code: 'unauthenticated', reason: 'TOKEN_KEY_UNKNOWN' };

/** Runs `work` while candidates save; no save of theirs fails. */
async function underLoad(writers, work) {
  const more = (count, what) => {
    const from = total(writers);
    return until(() => total(writers) > from + count, what, 20_000);
  };
  for (const writer of writers) writer.run();
  await more(50, 'saves go on');
  await work(more);
  await more(50, 'saves go on at the end');
  await Promise.all(writers.map((writer) => writer.stop()));
  assert.deepEqual(writers.map(({ unknown, lastError }) => [unknown, lastError?.message]), writers.map(() => [0, undefined]), 'no save failed');
}

describe('signing keys are rotated', () => {
  it("the platform's: the new one is let in, the old one too until it is taken out, and running sessions do not notice", async () => {
    const writers = await Writer.all(suite, 6);
    const old = await sign(suite, 'candidate', newId('old'));
    await exams(old); // every process that keeps tokens it has verified knows it
    await underLoad(writers, async (more) => {
      const next = addKey('platform2', 'candidate,author,operator,proctor');
      const fresh = await sign(suite, 'candidate', newId('fresh'), next);
      await until(() => exams(fresh).catch((error) => assert.equal(error.reason, 'TOKEN_KEY_UNKNOWN')), 'the new key is let in', 20_000);
      await exams(old);
      const candidate = new Candidate(suite.http, fresh);
      await candidate.start();
      await candidate.save([candidate.write(0, candidate.pick(0))]);
      // A role that the new key does not vouch for stays out.
      await refused(exams(await sign(suite, 'service', 'nobody', next)), { status: 401, code: 'unauthenticated', reason: 'TOKEN_ROLE' });
      await more(50, 'saves go on');

      removeKey('platform');
      await until(() => exams(old).then(() => false, (error) => error.reason === gone.reason), 'the old key is refused', 20_000);
      // Each process looks at the file at most once a second.
      const late = await newCandidate(suite);
      await until(() => late.start().then(() => false, (error) => error.reason === gone.reason), 'by everyone', 20_000);
      // Its own session's token is another key's.
      await candidate.save([candidate.write(1, candidate.pick(1))]);
      await candidate.submit();
      await until(() => candidate.report(), 'the report', 15_000);
    });
    for (const writer of writers) {
      await writer.check();
      writer.judge((await writer.submit()).receipt);
    }
  });

  it("the session service's own, one replica after the other: tokens of running sessions hold until the old key is taken out, and scoring takes the new ones", async () => {
    const platform = { kid: 'platform2', key: createPrivateKey(readFileSync(suite.path('platform2.pem'))) };
    const begin = async () => {
      const candidate = new Candidate(suite.http, await sign(suite, 'candidate', newId('sitter'), platform));
      candidate.subject = newId('writer');
      await candidate.start();
      return new Writer(candidate, suite);
    };
    const writers = await Promise.all(Array.from({ length: 6 }, begin));
    await underLoad(writers, async (more) => {
      addKey('session-next', 'candidate,service');
      // Both replicas know the public key before either signs with it.
      await more(50, 'saves go on');
      suite.args.session = [...suite.args.session, '--key', suite.path('session-next.pem')];
      for (const name of suite.sessions) {
        await suite.restart(name, 'SIGTERM');
        await suite.healthy(name);
      }
      await more(50, 'saves go on with the tokens they had');
      const fresh = await begin();
      await fresh.answer(0, 1);
      await fresh.submit();
      const report = await until(() => fresh.candidate.report(), 'scoring takes what the new key has signed', 15_000);
      assert.equal(report.scoreVersion, 1);
    });
    removeKey('session');
    const [{ candidate }] = writers;
    await until(() => candidate.get().then(() => false, (error) => error.reason === gone.reason), 'tokens of the old key are refused', 20_000);
    // Whoever holds one asks for another, and goes on where they were.
    for (const writer of writers) {
      await writer.candidate.start('CLF-C02', newId('again'));
      await writer.check();
      writer.judge((await writer.submit()).receipt);
    }
  });
});
