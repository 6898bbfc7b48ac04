// The backup commands of deploy/README.md, as they stand there, run while candidates save; and the drill:
// everything is lost, the backup is put back, and exams go on from it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'node:test';
import { promisify } from 'node:util';
import { total, Writer } from '../harness/history.mjs';
import { Postgres } from '../harness/postgres.mjs';
import { root, Suite, until } from '../harness/suite.mjs';

const readme = readFileSync(path.join(root, 'deploy/README.md'), 'utf8');
const section = readme.slice(readme.indexOf('\n## Backups\n'), readme.indexOf('\n## With a Redis'));
const [onPostgres, onSqlite, ...others] = [...section.matchAll(/(?:^ {4}.*\n)+/gm)].map(([block]) => block);
const sh = (script, cwd, env = {}) => promisify(execFile)('bash', ['-euo', 'pipefail', '-c', script], { cwd, env: { ...process.env, ...env } });
const services = ['gateway', 'session', 'scoring', 'item_bank'];

/** Candidates save all the while, one has submitted before; `backup` runs; gives what it must hold. */
async function duringExams(suite, backup) {
  const [sealed] = await Writer.all(suite, 1);
  await sealed.answer(0, 1, 2);
  const { receipt } = await sealed.submit();
  await until(() => sealed.candidate.report(), 'the report', 15_000);
  const writers = (await Writer.all(suite, 4)).map((writer) => writer.run());
  const more = (count) => {
    const from = total(writers);
    return until(() => total(writers) > from + count, 'saves go on', 20_000);
  };
  await more(40);
  const held = await Promise.all(writers.map(async ({ candidate }) => (await candidate.get()).session));
  await backup();
  await more(40);
  await Promise.all(writers.map((writer) => writer.stop()));
  assert.deepEqual(writers.map(({ unknown, lastError }) => [unknown, lastError?.message]), writers.map(() => [0, undefined]), 'a backup disturbs nobody');
  return { sealed, receipt, writers, held };
}

/** On the suite that came back: what was sealed is, what ran runs on, with at least what it had before the backup. */
async function goesOn({ sealed, receipt, writers, held }) {
  const again = await sealed.submit();
  assert.deepEqual(again.receipt, receipt);
  await until(() => sealed.candidate.report(), 'the report is there', 15_000);
  for (const [i, { candidate }] of writers.entries()) {
    const { session } = await candidate.get();
    assert.equal(session.state, 'SESSION_STATE_ACTIVE');
    assert.equal(session.startTime, held[i].startTime, 'no time is given back');
    const now = new Map(session.responses.map((response) => [response.itemId, response.sequence]));
    for (const { itemId, sequence } of held[i].responses) assert.ok((now.get(itemId) ?? 0) >= sequence, 'what was acknowledged before the backup is in it');
    await candidate.save([candidate.write(3, candidate.pick(3))]);
    candidate.sequence = Object.fromEntries((await candidate.get()).session.responses.map((response) => [response.itemId, response.sequence]));
    await candidate.submit();
    await until(() => candidate.report(), 'it is scored', 15_000);
  }
}

describe('the backup commands of deploy/README.md', () => {
  it('are two', () => {
    assert.deepEqual(others, []);
    assert.match(onPostgres, /pg_dump/);
    assert.match(onSqlite, /sqlite3/);
  });

  it('copy SQLite files while exams run, and everything comes back from them', async () => {
    const suite = await Suite.start();
    try {
      // As deploy/up has it.
      mkdirSync(suite.path('keys'));
      for (const name of ['jwks.json', 'platform.pem', 'session.pem', 'scoring.pem']) cpSync(suite.path(name), suite.path(`keys/${name}`));
      const backup = suite.path('backup');
      const kept = await duringExams(suite, () => sh(onSqlite.replaceAll('.data/', `${suite.dir}/`).replaceAll('BACKUP', backup), suite.dir));
      for (const name of [...services, 'redis']) await suite.kill(name);
      for (const name of ['session', 'scoring', 'item_bank', 'redis']) rmSync(suite.path(name), { recursive: true });
      for (const name of ['session', 'scoring', 'item_bank']) cpSync(path.join(backup, name), suite.path(name), { recursive: true });
      for (const name of ['redis', 'item_bank', 'scoring', 'session', 'gateway']) await suite.startOne(name);
      await goesOn(kept);
    } finally {
      await suite.stop();
    }
  });

  it('dump PostgreSQL while exams run, and another database takes its place', async () => {
    const postgres = await Postgres.start();
    let suite;
    try {
      suite = await Suite.start({
        prepare: (made) => {
          made.store = postgres.url;
        },
      });
      const restored = postgres.url.replace(/\/postgres$/, '/restored');
      const commands = onPostgres.replaceAll('postgresql://USER@HOST:PORT/DATABASE', postgres.url).replaceAll('postgresql://USER@HOST:PORT/EMPTY-DATABASE', restored);
      await postgres.sql('CREATE DATABASE restored');
      const kept = await duringExams(suite, () => sh(commands, suite.dir, { PATH: `${postgres.bin}:${process.env.PATH}` }));
      for (const name of [...services, 'redis']) await suite.kill(name);
      rmSync(suite.path('redis'), { recursive: true });
      suite.store = restored;
      for (const name of ['redis', 'item_bank', 'scoring', 'session', 'gateway']) await suite.startOne(name);
      await goesOn(kept);
    } finally {
      await suite?.stop();
      await postgres.stop();
    }
  });
});
