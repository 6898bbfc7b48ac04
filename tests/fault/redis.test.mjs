// Redis dies, forgets everything, is full, or stops answering in the middle of an exam: saves go on,
// every acknowledged response stays, and sessions still end on their deadline.
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { total, Writer } from '../harness/history.mjs';
import { publishShort } from '../harness/exams.mjs';
import { endOnTime, savesGoOn, sitters } from '../harness/sitters.mjs';
import { Suite, until } from '../harness/suite.mjs';

let suite;
const exams = {};
before(async () => {
  suite = await Suite.start();
  for (const seconds of [4, 6, 9]) exams[seconds] = await publishShort(suite, seconds);
});
after(() => suite?.stop());

const sit = (seconds, count) => sitters(suite, exams[seconds], count);
const metric = (series) => suite.metric('session', series);
/** Waits until every shard of the index was loaded in this run of this server. */
const whole = () =>
  until(() => {
    const run = /run_id:(\w+)/.exec(suite.redis('INFO', 'server'))[1];
    return suite.redis('EVAL', "local n = 0 for _, k in ipairs(redis.call('KEYS', 'g:*')) do if redis.call('GET', k) == ARGV[1] then n = n + 1 end end return n", '0', `ready:${run}`) === '64';
  }, 'the index is whole', 10_000);
const indexed = () => Number(suite.redis('EVAL', "local n = 0 for _, k in ipairs(redis.call('KEYS', 'z:*')) do n = n + redis.call('ZCARD', k) end return n", '0'));

describe('Redis', () => {
  it('is killed and comes back empty: saves go on and sessions end on time', async () => {
    const short = await sit(6);
    await savesGoOn(suite, async (more) => {
      await suite.kill('redis');
      await more(300, 'saves go on without Redis');
      rmSync(suite.path('redis'), { recursive: true, force: true });
      await suite.startOne('redis');
      await more(300, 'saves go on with an empty Redis');
      await whole();
    });
    await endOnTime(suite, short);
  });

  it('is killed and comes back with what its file has: the index is loaded again all the same', async () => {
    const short = await sit(4);
    await whole();
    await suite.restart('redis');
    await whole();
    assert.ok(indexed() >= short.length);
    await endOnTime(suite, short);
  });

  it('stays away: sessions end all the same', async () => {
    const short = await sit(4);
    await suite.kill('redis');
    try {
      await endOnTime(suite, short);
      // A session can start and end without Redis, too.
      await endOnTime(suite, await sit(4, 3));
    } finally {
      await suite.startOne('redis');
    }
    await suite.ready('session');
  });

  it('is flushed: the index is built again and nothing is late', async () => {
    const short = await sit(4);
    await whole();
    const rebuilt = await metric('invigil_timers_rebuild_total');
    await savesGoOn(suite, async (more) => {
      suite.redis('FLUSHALL');
      await whole();
      await until(async () => (await metric('invigil_timers_rebuild_total')) === rebuilt + 64, 'each shard once', 5000);
      assert.ok(indexed() >= short.length, 'with the sessions that run');
      await more(200, 'saves go on');
    });
    await endOnTime(suite, short);
  });

  it('stops answering for ten seconds: saves are as fast as ever and sessions end on time', async () => {
    const [short, long] = [await sit(4), await sit(9)];
    const unknown = await metric('invigil_redis_unknown_total{client="timers"}');
    await savesGoOn(suite, async (more) => {
      const end = Date.now() + 10_000;
      await suite.kill('redis', 'SIGSTOP');
      try {
        // Every thread goes on: starts, saves, reads, and the ends of those that are due.
        const started = await sit(4, 3);
        await more(300, 'saves go on beside a Redis that does not answer');
        await endOnTime(suite, [...short, ...started]);
        assert.equal(await metric('invigil_redis_connected{client="timers"}'), 0, 'and it is known');
        assert.ok((await metric('invigil_redis_unknown_total{client="timers"}')) > unknown, 'what it got and did not answer is unknown');
        await until(() => Date.now() > end, 'ten seconds', 12_000);
      } finally {
        await suite.kill('redis', 'SIGCONT');
      }
      await more(100, 'saves go on afterwards');
    });
    await endOnTime(suite, long);
    await until(async () => (await metric('invigil_redis_connected{client="timers"}')) === 1, 'Redis is used again', 10_000);
  });

  it('is full: timers drain, saves go on, sessions that start end on time, and somebody is called', async () => {
    const short = await sit(6);
    await whole();
    const full = 'invigil_redis_out_of_memory_total{client="timers"}';
    const [before, scanned] = [await metric(full), await metric('invigil_timers_reconciled_total')];
    suite.redis('CONFIG', 'SET', 'maxmemory', '1');
    let late;
    try {
      await savesGoOn(suite, (more) => more(200, 'saves go on'));
      assert.ok((await metric(full)) > before, 'the counter to alert on');
      assert.ok((await metric('invigil_timers_schedule_failures_total')) > 0);
      await suite.logged('session', ({ level, message }) => level === 'error' && message.includes('maxmemory'), 'that Redis is full');
      late = await sit(4, 3);
      await endOnTime(suite, short);
      const byScan = (await metric('invigil_timers_reconciled_total')) - scanned;
      assert.ok(byScan < short.length, `timers that Redis holds are claimed although it is full (${byScan} left to the scan)`);
      await endOnTime(suite, late);
    } finally {
      suite.redis('CONFIG', 'SET', 'maxmemory', '0');
    }
    const after = await metric(full);
    await endOnTime(suite, await sit(4, 3));
    assert.equal(await metric(full), after, 'with memory again nothing is refused');
  });

  it('dies together with the session service: after both are back all is there and ends on time', async () => {
    const short = await sit(6);
    const writers = (await Writer.all(suite, 4)).map((writer) => writer.run());
    await until(() => total(writers) > 100, 'saves begin');
    await Promise.all([suite.kill('redis'), suite.kill('session')]);
    rmSync(suite.path('redis'), { recursive: true, force: true });
    await suite.startOne('session', { wait: false });
    await suite.startOne('redis');
    await suite.ready('session');
    const from = total(writers);
    await until(() => total(writers) > from + 100, 'saves go on');
    await Promise.all(writers.map((writer) => writer.stop()));
    for (const writer of writers) await writer.check();
    await endOnTime(suite, short);
  });
});
