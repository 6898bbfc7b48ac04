// deploy/up and deploy/down as a newcomer uses them, in data folders of their own and on free ports.
// They build and start build/release, so with INVIGIL_BIN elsewhere there is nothing to test.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { call, newCandidate } from '../harness/connect.mjs';
import { Child, freePort, until } from '../harness/processes.mjs';
import { bin, root } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

const release = path.join(root, 'build/release/bin');
const skip = path.resolve(bin) !== release ? 'INVIGIL_BIN is not build/release/bin' : !existsSync(path.join(release, 'invigil-gateway')) ? 'build/release is not built' : false;
const names = ['redis', 'item_bank', 'scoring', 'session', 'gateway'];

/** Runs one of the two; gives exit status and output. */
function run(script, ...args) {
  const { INVIGIL_DATA, INVIGIL_HTTP, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(path.join(root, 'deploy', script), args, { env, encoding: 'utf8' }, (error, stdout, stderr) => resolve({ status: error ? error.code : 0, stdout, stderr }));
  });
}

const alive = (pid) => existsSync(`/proc/${pid}`) && !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
const pids = (data) => Object.fromEntries(names.map((name) => path.join(data, 'run', `${name}.pid`)).filter(existsSync).map((file) => [path.basename(file, '.pid'), readFileSync(file, 'utf8').trim()]));
/** Processes that name a data folder in their command line, whoever started them. */
const using = (data) => readdirSync('/proc').filter((pid) => /^\d+$/.test(pid)).filter((pid) => {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').some((word) => word.startsWith(`${data}/`)) && alive(pid);
  } catch {
    return false; // ended meanwhile
  }
});

describe('deploy/up and deploy/down', { skip }, () => {
  let dir, data, http, grpc, first;
  const folders = [];
  const newFolder = (name) => {
    const folder = path.join(dir, name);
    folders.push(folder);
    return folder;
  };

  before(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'invigil-deploy-'));
    data = newFolder('data');
    [http, grpc] = [await freePort(), await freePort()];
  });
  after(async () => {
    for (const folder of folders) await run('down', '--data', folder);
    rmSync(dir, { recursive: true, force: true });
  });

  const up = (...more) => run('up', '--no-demo', '--data', data, '--http-port', `${http}`, '--grpc-port', `${grpc}`, ...more);

  it('up starts everything on the ports asked for and says what to try next', async () => {
    const { status, stdout, stderr } = await up();
    assert.equal(status, 0, stderr);
    for (const words of [`http://127.0.0.1:${http}`, `127.0.0.1:${grpc}`, 'Invigil runs', 'invigil take --exam CLF-C02', `deploy/down --data ${data}`]) assert.ok(stdout.includes(words), `${words} in\n${stdout}`);
    assert.ok(!stdout.includes('One simulated candidate'));
    first = pids(data);
    assert.deepEqual(Object.keys(first).sort(), [...names].sort());
    for (const pid of Object.values(first)) assert.ok(alive(pid));
    const candidate = await newCandidate({ http: `http://127.0.0.1:${http}`, keyPath: path.join(data, 'keys/platform.pem') });
    const { session } = await candidate.start();
    assert.equal(session.items.length, 65);
  });

  it('up again takes seconds and changes nothing that is there', async () => {
    const suite = { keyPath: path.join(data, 'keys/platform.pem') };
    const operator = await sign(suite, 'operator', 'deploy');
    const state = async () => ({
      pids: pids(data),
      ports: readFileSync(path.join(data, 'ports'), 'utf8'),
      keys: readFileSync(path.join(data, 'keys/jwks.json'), 'utf8'),
      exam: await call(`http://127.0.0.1:${http}`, 'invigil.itembank.v1.ExamService/GetExam', { examId: 'CLF-C02' }, operator),
      items: await call(`http://127.0.0.1:${http}`, 'invigil.itembank.v1.ItemService/ListItems', { bankId: 'clf-c02', pageSize: 200 }, operator),
    });
    const before = await state();
    const began = Date.now();
    const { status, stderr } = await up();
    assert.equal(status, 0, stderr);
    assert.ok(Date.now() - began < 20_000, `took ${Date.now() - began} ms`);
    assert.deepEqual(await state(), before);
    assert.equal(before.exam.exam.version, 1);
    assert.ok(before.items.items.every(({ version }) => version === 1));
  });

  it('up brings the key of an older folder up to date, and running services take it', async () => {
    const file = path.join(data, 'keys/jwks.json');
    const rolesOf = () => JSON.parse(readFileSync(file, 'utf8')).keys.find(({ kid }) => kid === 'platform').invigil_roles;
    const jwks = JSON.parse(readFileSync(file, 'utf8'));
    for (const key of jwks.keys) key.invigil_roles = key.invigil_roles.filter((role) => role !== 'proctor');
    writeFileSync(file, `${JSON.stringify(jwks, null, 1)}\n`);
    const { status, stderr } = await up();
    assert.equal(status, 0, stderr);
    assert.deepEqual(rolesOf(), ['candidate', 'author', 'operator', 'proctor']);
    assert.deepEqual(JSON.parse(readFileSync(file, 'utf8')).keys.filter(({ kid }) => kid !== 'platform'), jwks.keys.filter(({ kid }) => kid !== 'platform'), 'no other key gains by it');
    const proctor = await sign({ keyPath: path.join(data, 'keys/platform.pem') }, 'proctor', 'petra');
    await until(async () => (await call(`http://127.0.0.1:${http}`, 'invigil.session.v1.ProctorService/ListRoster', {}, proctor).catch(() => undefined)) !== undefined, 'a proctor is let in', 20_000);
    const after = readFileSync(file, 'utf8');
    assert.equal((await up()).status, 0);
    assert.equal(readFileSync(file, 'utf8'), after, 'once');
  });

  it('up starts only what died', async () => {
    process.kill(Number(first.scoring), 'SIGKILL');
    await until(() => !alive(first.scoring), 'scoring dies');
    const { status, stderr } = await up();
    assert.equal(status, 0, stderr);
    const { scoring, ...others } = pids(data);
    assert.notEqual(scoring, first.scoring);
    assert.deepEqual({ ...others, scoring: first.scoring }, first);
    first = pids(data);
  });

  it('with the demo a simulated candidate sits the exam, once', async () => {
    const args = ['--data', data];
    const { status, stdout, stderr } = await run('up', ...args);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /One simulated candidate sits CLF-C02/);
    assert.match(stdout, /practice/i);
    assert.match(stdout, /Cloud Concepts/);
    assert.doesNotMatch((await run('up', ...args)).stdout, /One simulated candidate/);
  });

  it('up on another port while it runs is refused, and nothing changes', async () => {
    const { status, stderr } = await run('up', '--no-demo', '--data', data, '--http-port', `${await freePort()}`);
    assert.notEqual(status, 0);
    assert.match(stderr, /deploy\/down it first/);
    assert.deepEqual(pids(data), first);
  });

  /** Asserts one clear sentence, a status, and that nothing was left behind. */
  async function refusesCleanly(folder, { status, stderr }, words) {
    assert.notEqual(status, 0);
    const said = stderr.trim().split('\n').filter((line) => line.startsWith('up: '));
    assert.equal(said.length, 1, stderr);
    assert.match(said[0], words);
    await until(() => using(folder).length === 0, `nothing runs in ${folder}`, 10_000);
    assert.deepEqual(pids(folder), {});
  }

  it('a busy port is one clear sentence, and nothing is left running', async () => {
    const busy = net.createServer();
    await new Promise((resolve) => busy.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = busy.address();
      const folder = newFolder('busy');
      await refusesCleanly(folder, await run('up', '--no-demo', '--data', folder, '--http-port', `${port}`), new RegExp(`port ${port}.*taken`));
      // A port that was kept from an earlier run and is another program's by now.
      mkdirSync(folder, { recursive: true });
      writeFileSync(path.join(folder, 'ports'), `session=${port}\n`);
      await refusesCleanly(folder, await run('up', '--no-demo', '--data', folder), new RegExp(`port ${port} \\(session\\).*taken`));
    } finally {
      busy.close();
    }
  });

  it('a Redis that can\'t start is one clear sentence, and nothing is left running', async () => {
    const folder = newFolder('redis');
    const aof = path.join(folder, 'redis/appendonlydir');
    mkdirSync(aof, { recursive: true });
    writeFileSync(path.join(aof, 'appendonly.aof.manifest'), 'this is no manifest\n');
    await refusesCleanly(folder, await run('up', '--no-demo', '--data', folder), /redis did not start/);
  });

  it('wrong arguments are refused before anything happens', async () => {
    for (const [args, words] of [[['--http-port', '99999'], /not a port/], [['--http-port'], /needs a value/], [['--nonsense'], /unknown argument/], [['--http-port', '9000', '--grpc-port', '9000'], /must differ/]]) {
      const folder = newFolder('wrong');
      const { status, stderr } = await run('up', '--no-demo', '--data', folder, ...args);
      assert.notEqual(status, 0);
      assert.match(stderr, words);
      assert.ok(!existsSync(folder));
    }
  });

  it('down stops exactly what up started, and may be repeated', async () => {
    // A stranger of the same name, and a pid file whose number is a stranger's by now.
    const stranger = new Child('stranger', 'redis-server', ['--port', `${await freePort()}`, '--save', '', '--dir', dir], path.join(dir, 'stranger.log'));
    process.kill(Number(first.gateway), 'SIGKILL');
    await until(() => !alive(first.gateway), 'the gateway dies');
    writeFileSync(path.join(data, 'run/gateway.pid'), `${stranger.process.pid}\n`);
    const { status, stdout, stderr } = await run('down', '--data', data);
    assert.equal(status, 0, stderr);
    for (const name of ['session', 'scoring', 'item_bank', 'redis']) assert.ok(stdout.includes(`${name} stopped`), stdout);
    assert.ok(!stdout.includes('killed'));
    assert.deepEqual(pids(data), {});
    assert.deepEqual(using(data), []);
    assert.ok(stranger.running);
    assert.ok(existsSync(path.join(data, 'session/session.db')), 'data stays');
    assert.equal((await run('down', '--data', data)).status, 0);
    assert.equal((await run('down', '--data', path.join(dir, 'never'))).status, 0);
    await stranger.kill();
  });

  it('up after down finds everything again', async () => {
    const { status, stderr } = await up();
    assert.equal(status, 0, stderr);
    const candidate = await newCandidate({ http: `http://127.0.0.1:${http}`, keyPath: path.join(data, 'keys/platform.pem') });
    await candidate.start();
    const { status: down } = await run('down', '--data', data);
    assert.equal(down, 0);
  });
});
