// Each service started wrongly, as an operator will one night: it says in one sentence what is wrong and
// what to do, and ends at once with a status that is not 0.
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Child, freePort, until } from '../harness/processes.mjs';
import { bin } from '../harness/suite.mjs';

let dir, taken, busy;
const at = (name) => path.join(dir, name);
before(async () => {
  dir = mkdtempSync(path.join(tmpdir(), 'invigil-configuration-'));
  execFileSync(path.join(bin, 'invigil'), ['keys', 'create', '--name', 'any', '--roles', 'service,candidate', '--private', at('key.pem'), '--jwks', at('jwks.json')]);
  for (const name of ['item_bank', 'scoring', 'session']) mkdirSync(at(name));
  writeFileSync(at('file'), 'no folder');
  writeFileSync(at('broken.json'), '{"keys": [');
  writeFileSync(at('broken.pem'), 'no key', { mode: 0o400 });
  writeFileSync(at('open.pem'), 'no secret');
  chmodSync(at('open.pem'), 0o644);
  writeFileSync(at('wrong.conf'), 'lisen = 127.0.0.1:0\n');
  taken = net.createServer();
  await new Promise((resolve) => taken.listen(0, '127.0.0.1', resolve));
  busy = `127.0.0.1:${taken.address().port}`;
});
after(async () => {
  if (taken) await new Promise((resolve) => taken.close(resolve));
  if (dir) rmSync(dir, { recursive: true, force: true });
});

// Nobody listens there.
const nobody = '127.0.0.1:1';
const services = {
  'invigil-item-bank': () => ({ '--data': at('item_bank') }),
  'invigil-scoring': () => ({ '--data': at('scoring'), '--key': at('key.pem'), '--item-bank': nobody }),
  'invigil-session': () => ({ '--data': at('session'), '--key': at('key.pem'), '--item-bank': nobody, '--scoring': nobody, '--redis': nobody }),
  'invigil-gateway': () => ({ '--http-listen': '127.0.0.1:0', '--item-bank': nobody, '--session': nobody, '--scoring': nobody }),
};
const command = (program, changes) => Object.entries({ '--listen': '127.0.0.1:0', '--admin': '127.0.0.1:0', '--jwks': at('jwks.json'), ...services[program](), ...changes }).filter(([, value]) => value !== undefined).flat();

/** Starts it, which must fail within `limitMs` and say `sentence` last. */
async function fails(program, changes, sentence, { status = 1, limitMs = 10_000 } = {}) {
  const began = performance.now();
  const { code, signal, stderr } = await new Promise((resolve) => execFile(path.join(bin, program), command(program, changes), { encoding: 'utf8', timeout: 2 * limitMs, killSignal: 'SIGKILL' }, (error, _, text) => resolve({ code: error?.code ?? 0, signal: error?.signal ?? null, stderr: text })));
  const took = performance.now() - began;
  const spoken = stderr.trimEnd().split('\n').filter((line) => !line.startsWith('{'));
  const said = `${program} ${JSON.stringify(changes)}: ${stderr}`;
  assert.deepEqual({ code, signal }, { code: status, signal: null }, said);
  assert.ok(took < limitMs, `${said} after ${took} ms`);
  assert.match(spoken[0], sentence, said);
  assert.ok(spoken[0].startsWith(`${program}: `), said);
  // Where flags are wrong, the second line points to --help; nothing else is said.
  assert.deepEqual(spoken.slice(1), status === 2 ? [`Try "${program} --help".`] : [], said);
}

for (const program of Object.keys(services)) {
  const data = program !== 'invigil-gateway';
  const signs = program === 'invigil-scoring' || program === 'invigil-session';
  describe(program, () => {
    it('flags: unknown, missing, without a value, twice the store, a file of them that is not there or wrong', async () => {
      await fails(program, { '--lisen': 'x' }, /--lisen is unknown; did you mean --listen\?/, { status: 2 });
      await fails(program, { '--jwks': undefined }, /--jwks/, { status: 2 });
      await fails(program, { '--drain-timeout': 'soon' }, /--drain-timeout.*soon/, { status: 2 });
      await fails(program, { '--log-level': 'loud' }, /--log-level: "loud" is not a level/);
      await fails(program, { '--config': at('none.conf') }, /can(not|'t) read .*none\.conf/, { status: 2 });
      await fails(program, { '--config': at('wrong.conf') }, /lisen.*did you mean.*listen/, { status: 2 });
    });

    it('addresses: no address, a port that is none, a port that is taken', async () => {
      for (const flag of program === 'invigil-gateway' ? ['--listen', '--admin', '--http-listen'] : ['--listen', '--admin']) {
        await fails(program, { [flag]: 'nonsense' }, /"nonsense" has no port; write HOST:PORT/);
        await fails(program, { [flag]: '127.0.0.1:99999' }, /"127\.0\.0\.1:99999" has a port that is not 0 to 65535/);
        await fails(program, { [flag]: busy }, new RegExp(`can(not|'t) listen on ${busy.replaceAll('.', '\\.')}.*choose another`));
      }
      for (const flag of ['--item-bank', '--session', '--scoring'].filter((name) => name in services[program]())) await fails(program, { [flag]: 'nonsense' }, /"nonsense" is not HOST:PORT/);
    });

    it('keys: a file that is not there or holds none; a private key that everyone may read, or that is none', async () => {
      await fails(program, { '--jwks': at('none.json') }, /none\.json can't be used: No such file/);
      await fails(program, { '--jwks': at('broken.json') }, /broken\.json/);
      if (!signs) return;
      await fails(program, { '--key': at('none.pem') }, /none\.pem can't be used: No such file/);
      await fails(program, { '--key': at('open.pem') }, /open\.pem can't be used: everyone may read it; chmod 0400 it/);
      await fails(program, { '--key': at('broken.pem') }, /broken\.pem/);
    });

    it('certificates that are not there', async () => {
      await fails(program, { '--tls-cert': at('none.crt'), '--tls-key': at('none.key'), '--tls-ca': at('none.crt') }, /--tls-cert: can't read .*none\.crt/);
    });

    if (!data) return;
    it('stores: none, two, a folder that is a file or can not be written to, a server that is not there or of another kind', async () => {
      await fails(program, { '--data': undefined }, /where shall data be kept\? Give --data DIR/);
      await fails(program, { '--store': 'postgresql://a@127.0.0.1:1/b' }, /--data and --store both/);
      await fails(program, { '--data': at('file') }, /check that its folder exists and is writable/);
      await fails(program, { '--data': '/proc' }, /check that its folder exists and is writable/);
      if (program !== 'invigil-item-bank') await fails(program, { '--data': at('none') }, /check that its folder exists and is writable/);
      await fails(program, { '--data': undefined, '--store': `postgresql://invigil@${nobody}/exams` }, /can't reach the database 127\.0\.0\.1:1\/exams: .*check that the server runs/);
      await fails(program, { '--data': undefined, '--store': 'mysql://invigil@127.0.0.1/exams' }, /--store: mysql:\/\/ is no store that is known here; give postgresql:\/\//);
    });

    it('a database that another program keeps locked', async () => {
      const file = path.join(at(program.slice(8).replace('-', '_')), `${program.slice(8).replace('-', '_')}.db`);
      const holder = spawn('sqlite3', [file], { stdio: ['pipe', 'pipe', 'ignore'] });
      try {
        holder.stdin.write('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; CREATE TABLE IF NOT EXISTS held(x); SELECT \'held\';\n');
        await new Promise((resolve) => holder.stdout.on('data', (text) => `${text}`.includes('held') && resolve()));
        await fails(program, {}, /is locked|another (program|process)/, { limitMs: 30_000 });
      } finally {
        holder.kill('SIGKILL');
        await new Promise((resolve) => (holder.exitCode ?? holder.signalCode) !== null ? resolve() : holder.on('exit', resolve));
        rmSync(file, { force: true });
        rmSync(`${file}-journal`, { force: true });
      }
    });
  });
}

describe('Redis', () => {
  it('that is no address, or whose credentials are not there, is refused', async () => {
    await fails('invigil-session', { '--redis': '127.0.0.1:99999' }, /127\.0\.0\.1:99999/);
    await fails('invigil-session', { '--redis': 'sentinel://127.0.0.1:1' }, /sentinel:\/\//);
  });

  it('that is not there is told in the log and by /readyz, and waited for', async () => {
    const admin = await freePort();
    const child = new Child('session', path.join(bin, 'invigil-session'), command('invigil-session', { '--admin': `127.0.0.1:${admin}` }), at('session.log'));
    try {
      const ready = await until(() => fetch(`http://127.0.0.1:${admin}/readyz`), 'it answers', 10_000);
      assert.equal(ready.status, 503);
      assert.match(await ready.text(), /Redis/);
    } finally {
      await child.kill();
    }
  });
});
