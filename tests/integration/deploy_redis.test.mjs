// deploy/up on a Redis that runs already, here behind a sentinel, instead of one of its own.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Sentinels } from '../harness/sentinels.mjs';
import { bin, root } from '../harness/suite.mjs';

const release = path.join(root, 'build/release/bin');
const skip = path.resolve(bin) !== release ? 'INVIGIL_BIN is not build/release/bin' : !existsSync(path.join(release, 'invigil-gateway')) ? 'build/release is not built' : false;

function run(script, ...args) {
  const { INVIGIL_DATA, INVIGIL_HTTP, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(path.join(root, 'deploy', script), args, { env, encoding: 'utf8' }, (error, stdout, stderr) => resolve({ status: error ? error.code : 0, stdout, stderr }));
  });
}

describe('deploy/up --redis', { skip }, () => {
  let dir, data, group;
  before(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'invigil-deploy-'));
    data = path.join(dir, 'data');
    mkdirSync(path.join(dir, 'group'));
    group = await Sentinels.start(path.join(dir, 'group'));
  });
  after(async () => {
    await run('down', '--data', data);
    await group?.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const up = (...more) => run('up', '--no-demo', '--data', data, ...more);
  const running = () => ['redis', 'session', 'gateway'].filter((name) => existsSync(path.join(data, 'run', `${name}.pid`)));

  it('a password in the address is refused before anything happens, and is not repeated', async () => {
    const { status, stdout, stderr } = await up('--redis', 'redis://:hush@127.0.0.1:1');
    assert.equal(status, 1);
    assert.match(stderr, /--redis-credentials/);
    assert.ok(!`${stdout}${stderr}`.includes('hush'));
    assert.ok(!existsSync(data));
  });

  it('sentinels that are not there are named with what they said, and nothing is left running', async () => {
    const { status, stderr } = await up('--redis', 'sentinel://127.0.0.1:1,127.0.0.1:2/exam');
    assert.equal(status, 1);
    assert.match(stderr, /no Redis at .*127\.0\.0\.1:1: cannot connect: .*127\.0\.0\.1:2: cannot connect: /);
    assert.deepEqual(running(), []);
    assert.equal(readFileSync(path.join(data, 'redis.chosen'), 'utf8'), 'own\n', 'what was never reached is not kept');
  });

  it('the master that sentinels name is used, now and when it is started again', async () => {
    const credentials = path.join(dir, 'credentials');
    writeFileSync(credentials, 'exam\nsecret\n', { mode: 0o600 });
    for (const name of ['a', 'b']) group.cli(name, 'ACL', 'SETUSER', 'exam', 'on', '>secret', '~*', '+@all');
    const first = await up('--redis', group.endpoint, '--redis-credentials', credentials);
    assert.equal(first.status, 0, first.stderr);
    assert.deepEqual(running(), ['session', 'gateway'], 'no Redis of its own');
    assert.match(group.cli('a', 'CLIENT', 'LIST'), /name=invigil-timers .*user=exam/);
    const other = await up('--redis', 'own');
    assert.equal(other.status, 1);
    assert.match(other.stderr, /deploy\/down it first/);
    await run('down', '--data', data);
    assert.equal((await up()).status, 0);
    assert.match(group.cli('a', 'CLIENT', 'LIST'), /name=invigil-timers .*user=exam/, 'what was chosen is kept');
    const log = readFileSync(path.join(data, 'log/session.log'), 'utf8');
    assert.ok(!log.includes('secret'));
  });
});
