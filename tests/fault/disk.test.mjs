// The disk below the session service is full, slow or broken: what can't be kept is never acknowledged,
// and after a failed sync the process ends, because nothing the kernel says of the disk can be believed.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, rmSync, statSync, statfsSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { newCandidate, refused } from '../harness/connect.mjs';
import { DiskFault } from '../harness/disk_fault.mjs';
import { total, Writer } from '../harness/history.mjs';
import { Record } from '../harness/record.mjs';
import { Suite, until } from '../harness/suite.mjs';

const more = (writers, count, what) => {
  const from = total(writers);
  return until(() => total(writers) >= from + count, what, 20_000);
};

/** Ends the writers; everything acknowledged is there, and each can be submitted. */
async function finish(suite, writers) {
  await Promise.all(writers.map((writer) => writer.stop()));
  for (const writer of writers) {
    await writer.check();
    writer.judge((await writer.submit()).receipt);
  }
  suite.record.assertKept();
}

/** What SQLite says of a database file that nobody has open. */
function integrity(dir, file) {
  const source = `${dir}/integrity.cc`;
  writeFileSync(source, `#include <cstdio>
    #include <sqlite3.h>
    int main(int, char** args) {
      sqlite3* db = nullptr;
      sqlite3_open(args[1], &db);
      return sqlite3_exec(db, "PRAGMA integrity_check", [](void*, int, char** row, char**) { std::puts(row[0]); return 0; }, nullptr, nullptr);
    }`);
  execFileSync('g++', ['-o', `${dir}/integrity`, source, '-lsqlite3']);
  return execFileSync(`${dir}/integrity`, [file], { encoding: 'utf8' }).trim();
}

describe('a disk that fails', () => {
  let suite, fault;
  before(async () => {
    suite = await Suite.start({
      prepare: ({ dir, env }) => {
        fault = new DiskFault(dir, 'session.db');
        env.session = fault.env;
      },
    });
    suite.record = new Record();
  });
  after(() => suite?.stop());

  it('a failed sync ends the process before anything is acknowledged again; the restart rests on nothing doubtful', async () => {
    const writers = (await Writer.all(suite, 6)).map((writer) => writer.run());
    await more(writers, 100, 'saves go on');
    const answered = () => writers.reduce((sum, { latencies }) => sum + latencies.length, 0);
    fault.set('syncFails');
    const before = answered();
    assert.deepEqual(await suite.children.session.ends(), { code: 1, signal: null });
    // At most what was synced before and on its way back: a save waits for a sync, and none came.
    assert.ok(answered() - before <= writers.length, `${answered() - before} saves were acknowledged without a sync`);
    assert.equal(fault.seen.fired, 1, 'the first failed sync was the last');
    assert.match(suite.log('session'), /the disk failed to keep what was written/);
    await Promise.all(writers.map((writer) => writer.stop()));
    assert.ok(statSync(suite.path('session/session.db-wal')).size > 0);
    fault.clear();
    await suite.startOne('session');
    // What the kernel may wrongly believe to be on disk was in the log: it has been copied and synced.
    assert.equal(statSync(suite.path('session/session.db-wal')).size, 0);
    for (const writer of writers) writer.run();
    await more(writers, 100, 'saves go on after the restart');
    await finish(suite, writers);
  });

  it('a failed write is refused, harms nothing, and the next one that succeeds is acknowledged', async () => {
    const candidate = await newCandidate(suite);
    await candidate.start();
    fault.set('writeFails');
    const error = await refused(candidate.save([candidate.write(0, candidate.pick(0))]), { status: 503, code: 'unavailable', reason: 'STORE_IO' });
    assert.ok(error.details.retryMs > 0);
    await until(async () => !(await fetch(`http://127.0.0.1:${suite.ports.session_admin}/readyz`)).ok, 'is not ready', 10_000);
    fault.clear();
    const { acks } = await candidate.save([candidate.write(0, candidate.pick(0))]);
    assert.equal(acks[0].status, 'ACK_STATUS_STORED');
    assert.deepEqual((await candidate.get()).session.responses.map(({ sequence }) => sequence), [2]);
    await suite.ready('session');
  });

  it('a full disk: refused with a reason and a time to try again, and all goes on when there is room', async () => {
    const writers = (await Writer.all(suite, 6)).map((writer) => writer.run());
    await more(writers, 60, 'saves go on');
    fault.set('full');
    await until(() => writers.every(({ refused: times = 0 }) => times > 0), 'everyone is refused', 10_000);
    const acked = total(writers);
    const candidate = await newCandidate(suite);
    const { details } = await refused(candidate.start(), { status: 429, code: 'resource_exhausted', reason: 'STORE_FULL' });
    assert.ok(details.retryMs > 0);
    assert.equal(total(writers), acked, 'nothing is acknowledged');
    fault.clear();
    await more(writers, 60, 'saves go on when there is room');
    assert.deepEqual(writers.map(({ unknown }) => unknown), writers.map(() => 0), 'a refusal is not a doubt');
    await finish(suite, writers);
    await suite.kill('session', 'SIGKILL');
    assert.equal(integrity(suite.dir, suite.path('session/session.db')), 'ok');
    await suite.startOne('session');
  });
});

describe('a real disk of two megabytes', () => {
  let suite, mounted, why;
  before(async () => {
    suite = await Suite.start({
      prepare: (made) => {
        const dir = made.path('session');
        mkdirSync(dir);
        try {
          execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', dir], { stdio: 'pipe' });
          mounted = dir;
          process.once('exit', () => mounted && execFileSync('umount', ['-l', mounted]));
        } catch (error) {
          why = `tmpfs can't be mounted here: ${`${error.stderr}`.trim()}`;
          return;
        }
        // So that there is something to free.
        writeFileSync(`${dir}/ballast`, Buffer.alloc(400_000));
      },
    });
    suite.record = new Record();
  });
  after(async () => {
    await suite?.kill('session');
    if (mounted) execFileSync('umount', ['-l', mounted]);
    mounted = undefined;
    await suite?.stop();
  });

  it('is filled by saves: not one is acknowledged that was not kept, and all goes on when something is freed', async (t) => {
    if (!mounted) {
      t.skip(why);
      return;
    }
    const writers = (await Writer.all(suite, 8)).map((writer) => writer.run());
    await until(() => writers.some(({ refused: times = 0 }) => times > 3), 'the disk is full', 60_000);
    const { bavail, bsize } = statfsSync(mounted);
    assert.ok(bavail * bsize < 64 * 1024, `${bavail * bsize} bytes are left`);
    // A read that shares its batch with a write that fails is refused with it; alone it is answered.
    await Promise.all(writers.map((writer) => writer.stop()));
    for (const writer of writers) await writer.check();
    rmSync(`${mounted}/ballast`);
    for (const writer of writers) writer.run();
    await more(writers, 40, 'saves go on when something is freed');
    await Promise.all(writers.map((writer) => writer.stop()));
    await suite.kill('session', 'SIGKILL');
    assert.equal(integrity(suite.dir, `${mounted}/session.db`), 'ok');
    execFileSync('mount', ['-o', 'remount,size=32m', mounted]);
    await suite.startOne('session');
    await finish(suite, writers);
  });
});
