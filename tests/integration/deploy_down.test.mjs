// What deploy/down says of exams that it stops, and that --if-idle stops none. The suite is the test's
// own, dressed as one that deploy/up has started.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { call, newCandidate } from '../harness/connect.mjs';
import { root, Suite } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

const command = path.join(root, 'build/release/bin/invigil');
const names = ['redis', 'item_bank', 'scoring', 'session', 'gateway'];

let suite;
const dress = () => {
  mkdirSync(suite.path('run'), { recursive: true });
  for (const name of names) if (suite.children[name].running) writeFileSync(suite.path(`run/${name}.pid`), `${suite.children[name].process.pid}\n`);
  writeFileSync(suite.path('ports'), `http=${suite.ports.http}\n`);
};
const down = (...args) => new Promise((resolve) => execFile(path.join(root, 'deploy/down'), ['--data', suite.dir, ...args], { encoding: 'utf8' }, (error, stdout, stderr) => resolve({ status: error ? error.code : 0, stdout, stderr })));
const running = () => names.filter((name) => suite.children[name].running);

describe('deploy/down', { skip: existsSync(command) ? false : 'build/release is not built' }, () => {
  before(async () => {
    suite = await Suite.start();
    dress();
  });
  after(() => suite?.stop());

  let candidates;
  it('--if-idle stops nothing while sessions run, and says how many and until when', async () => {
    candidates = await Promise.all(Array.from({ length: 3 }, () => newCandidate(suite)));
    for (const candidate of candidates) {
      await candidate.start();
      await candidate.save([candidate.write(0, candidate.pick(0))]);
    }
    await call(suite.http, 'invigil.session.v1.ProctorService/PauseSession', { sessionId: candidates[2].session.sessionId, reason: 'a call' }, await sign(suite, 'proctor', 'petra'));
    const { status, stderr } = await down('--if-idle');
    assert.equal(status, 1);
    // Of ninety minutes hardly one has passed.
    assert.match(stderr, /^down: 2 sessions run, the last until \d\d:\d\d:\d\d \(in (90 min 0|8\d min \d+) s\); paused: 1: nothing was stopped\n$/);
    assert.deepEqual(running(), names);
  });

  it('--if-idle takes no answer for a no', async () => {
    await suite.kill('gateway');
    const { status, stderr } = await down('--if-idle');
    assert.equal(status, 1);
    assert.match(stderr, /^down: nobody can say whether sessions run, .*: nothing was stopped\n$/);
    assert.deepEqual(running(), names.slice(0, 4));
    await suite.startOne('gateway');
    dress();
  });

  it('warns, stops everything, and the sessions go on afterwards', async () => {
    const { status, stdout, stderr } = await down();
    assert.equal(status, 0, stderr);
    assert.match(stdout, /^WARNING: 2 sessions run, the last until .*; paused: 1\.\n/);
    for (const name of names) assert.ok(stdout.includes(`${name} stopped`), stdout);
    assert.deepEqual(running(), []);
    for (const name of names) await suite.startOne(name);
    dress();
    for (const candidate of candidates.slice(0, 2)) {
      const { session } = await candidate.get();
      assert.equal(session.responses.length, 1);
      await candidate.save([candidate.write(1, candidate.pick(1))]);
      await candidate.submit();
    }
    assert.equal((await candidates[2].get()).session.state, 'SESSION_STATE_PAUSED');
  });

  it('says nothing of exams when nobody sits one', async () => {
    await call(suite.http, 'invigil.session.v1.ProctorService/TerminateSession', { sessionId: candidates[2].session.sessionId, reason: 'the test ends' }, await sign(suite, 'proctor', 'petra'));
    const { status, stdout, stderr } = await down('--if-idle');
    assert.equal(status, 0, stderr);
    assert.doesNotMatch(stdout, /WARNING/);
    assert.deepEqual(running(), []);
  });
});
