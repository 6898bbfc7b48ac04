// deploy/up --store: the whole suite on a PostgreSQL server, and what it says when there is none to use.
// It builds and starts build/release, so with INVIGIL_BIN elsewhere there is nothing to test.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { newCandidate } from '../harness/connect.mjs';
import { Postgres } from '../harness/postgres.mjs';
import { freePort } from '../harness/processes.mjs';
import { bin, root } from '../harness/suite.mjs';

const release = path.join(root, 'build/release/bin');
const skip = path.resolve(bin) !== release ? 'INVIGIL_BIN is not build/release/bin' : !existsSync(path.join(release, 'invigil-gateway')) ? 'build/release is not built' : false;

/** Runs one of the two; gives exit status and output. */
function run(script, ...args) {
  const { INVIGIL_DATA, INVIGIL_HTTP, ...env } = process.env;
  return new Promise((resolve) => {
    execFile(path.join(root, 'deploy', script), args, { env, encoding: 'utf8' }, (error, stdout, stderr) => resolve({ status: error ? error.code : 0, stdout, stderr }));
  });
}

describe('deploy/up --store', { skip }, () => {
  let dir, data, http, postgres;
  const folders = [];
  const newFolder = (name) => {
    folders.push(path.join(dir, name));
    return folders.at(-1);
  };
  const up = (folder, ...more) => run('up', '--no-demo', '--data', folder, ...more);
  const place = () => ({ http: `http://127.0.0.1:${http}`, keyPath: path.join(data, 'keys/platform.pem') });
  let candidate;

  before(async () => {
    dir = mkdtempSync(path.join(tmpdir(), 'invigil-deploy-store-'));
    data = newFolder('data');
    http = await freePort();
    postgres = await Postgres.start();
    await postgres.sql('CREATE DATABASE exams');
    await postgres.sql('CREATE ROLE poor LOGIN');
  });
  after(async () => {
    for (const folder of folders) await run('down', '--data', folder);
    await postgres?.stop();
    rmSync(dir, { recursive: true, force: true });
  });
  const store = () => postgres.url.replace(/[^/]*$/, 'exams');
  const ofItsOwn = async (name) => {
    await postgres.sql(`CREATE DATABASE ${name}`);
    return postgres.url.replace(/[^/]*$/, name);
  };

  it('keeps every database there and none in the folder', async () => {
    const { status, stdout, stderr } = await up(data, '--http-port', `${http}`, '--store', store());
    assert.equal(status, 0, stderr);
    assert.ok(stdout.includes(store()), stdout);
    for (const service of ['item_bank', 'scoring', 'session']) assert.deepEqual(readdirSync(path.join(data, service)), []);
    candidate = await newCandidate(place());
    const { session } = await candidate.start();
    assert.equal(session.items.length, 65);
    await candidate.save([candidate.write(0, candidate.pick(0))]);
  });

  it('finds everything again, without being told the store twice', async () => {
    assert.equal((await run('down', '--data', data)).status, 0);
    const { status, stderr } = await up(data);
    assert.equal(status, 0, stderr);
    const { session } = await candidate.get();
    assert.deepEqual(session.responses.map(({ sequence }) => sequence), [1]);
  });

  it('refuses another store, and one for a folder that has files', async () => {
    const other = await up(data, '--store', postgres.url);
    assert.notEqual(other.status, 0);
    assert.match(other.stderr, /keeps its databases at postgresql:.*exams.*another folder/);
    const folder = newFolder('files');
    mkdirSync(path.join(folder, 'item_bank'), { recursive: true });
    writeFileSync(path.join(folder, 'item_bank/item_bank.db'), '');
    const files = await up(folder, '--store', store());
    assert.notEqual(files.status, 0);
    assert.match(files.stderr, /SQLite files, which are not moved/);
  });

  it('says what is missing, and leaves nothing running', async () => {
    const free = await freePort();
    for (const [url, words] of [
      [`postgresql://invigil@127.0.0.1:${free}/exams`, new RegExp(`127.0.0.1:${free}/exams.*check that the server runs`)],
      [postgres.url.replace(/[^/]*$/, 'nosuch'), /database "nosuch" does not exist/],
      [store().replace('invigil@', 'nobody@'), /role "nobody" does not exist/],
      [postgres.url.replace('invigil@', 'poor@'), /can't make the tables.*needs CREATE on the database/],
    ]) {
      const folder = newFolder(`wrong${folders.length}`);
      const { status, stderr } = await up(folder, '--store', url);
      assert.notEqual(status, 0);
      assert.match(stderr, words);
      const pids = path.join(folder, 'run');
      assert.deepEqual(existsSync(pids) ? readdirSync(pids).filter((name) => name.endsWith('.pid')) : [], []);
      assert.ok(!existsSync(path.join(folder, 'store')));
      // Not empty on SQLite, as if nobody had asked for anything else.
      const plain = await up(folder);
      assert.notEqual(plain.status, 0);
      assert.match(plain.stderr, /was to keep its databases at postgresql:.*say --store again/);
      assert.ok(plain.stderr.includes(url), plain.stderr);
    }
    const mended = folders.at(-1);
    const { status, stderr } = await up(mended, '--store', await ofItsOwn('mended'));
    assert.equal(status, 0, stderr);
    assert.equal((await run('down', '--data', mended)).status, 0);
    assert.equal((await up(mended)).status, 0, 'and now it is kept');
  });

  it('refuses a password, or what is no URL, before anything happens, and repeats none', async () => {
    for (const [url, words] of [
      [store().replace('invigil@', 'invigil:secret@'), /password in the URL.*passfile/],
      [store().replace('invigil@', 'invigil:sec/re?t@secret@'), /password in the URL.*passfile/],
      [`${store()}?password=secret`, /password in the URL.*passfile/],
      [`${store()}?connect_timeout=2&sslpassword=secret`, /password in the URL.*passfile/],
      ['/srv/exams.secret', /--store takes the URL of a PostgreSQL database/],
    ]) {
      for (const args of [['--store', url], [`--store=${url}`], [`--stoer=${url}`]]) {
        const folder = newFolder(`refused${folders.length}`);
        const { status, stdout, stderr } = await up(folder, ...args);
        assert.notEqual(status, 0);
        assert.match(stderr, args[0].startsWith('--stoer') ? /unknown argument --stoer;/ : words);
        assert.doesNotMatch(`${stdout}${stderr}`, /secret/);
        assert.ok(!existsSync(folder));
      }
    }
  });
});
