// Redis behind sentinels: the master dies and what is promoted lacks the last writes, or everything.
// Two replicas of the session service; saves go on, and every session ends once, on its deadline.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { publishShort } from '../harness/exams.mjs';
import { Sentinels } from '../harness/sentinels.mjs';
import { endOnTime, savesGoOn, sitters } from '../harness/sitters.mjs';
import { Suite, until } from '../harness/suite.mjs';

let suite;
let group;
let examId;
before(async () => {
  suite = await Suite.start({
    sessions: 2,
    prepare: async (it) => {
      group = await Sentinels.start(it.dir);
      it.args.session = ['--redis', group.endpoint];
    },
  });
  examId = await publishShort(suite, 9);
});
after(async () => {
  await suite?.stop();
  await group?.stop();
});

const sum = async (series) => {
  let all = 0;
  for (const name of suite.sessions) all += await suite.metric(name, series);
  return all;
};
const changes = () => sum('invigil_redis_server_changes_total{client="timers"}');
const rebuilds = () => sum('invigil_timers_rebuild_total');

/** Kills `master`; waits until both replicas of the service use `next` and its index is whole. */
async function failOver(master, next) {
  const [changed, rebuilt] = [await changes(), await rebuilds()];
  await group.kill(master);
  await group.promoted(next);
  await until(async () => (await changes()) === changed + 2, 'both replicas use the promoted server', 10_000);
  await until(async () => (await rebuilds()) === rebuilt + 64, 'each shard of the index is loaded again, once', 10_000);
}

describe('Redis behind sentinels', () => {
  it('the master is killed and a replica is promoted that lacks the last sessions: all end once and on time', async () => {
    const known = await sitters(suite, examId);
    await group.follows('b', 'a');
    group.cut('a');
    const unknown = await sitters(suite, examId);
    await savesGoOn(suite, async (more) => {
      await failOver('a', 'b');
      await more(100, 'saves go on');
    });
    const scanned = await sum('invigil_timers_reconciled_total');
    await endOnTime(suite, [...known, ...unknown]);
    // On a slow machine the scan may be first now and then.
    const byScan = (await sum('invigil_timers_reconciled_total')) - scanned;
    assert.ok(byScan < unknown.length, `the repaired index ends them, not the scan (${byScan})`);
  });

  it('the old master comes back as a replica, the new one is killed and an empty one promoted', async () => {
    await group.startServer('a', 'b');
    await group.follows('a', 'b');
    const short = await sitters(suite, examId);
    group.cut('b');
    group.cli('a', 'FLUSHALL');
    await savesGoOn(suite, async (more) => {
      await failOver('b', 'a');
      await more(100, 'saves go on');
    });
    await endOnTime(suite, short);
  });

  it('without a master and without sentinels sessions start, are saved and end all the same', async () => {
    for (const name of ['s1', 's2', 's3', 'a']) await group.kill(name);
    await savesGoOn(suite, async (more) => {
      const short = await sitters(suite, examId, 4);
      await more(200, 'saves go on');
      await endOnTime(suite, short);
    });
    const line = await suite.logged('session', ({ message, why }) => message === 'redis connection lost' && why.includes('no sentinel names a master'), 'what the sentinels said');
    for (const name of ['s1', 's2', 's3']) assert.ok(line.why.includes(`127.0.0.1:${group.ports[name]}: cannot connect`), line.why);
  });
});
