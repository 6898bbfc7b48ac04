// Redis dies, forgets everything, or stops answering in the middle of an exam: saves go on, every
// acknowledged response stays, and sessions still end on their deadline.
import assert from 'node:assert/strict';
import { readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { call, newCandidate, newId } from '../harness/connect.mjs';
import { percentile, total, Writer } from '../harness/history.mjs';
import { root, Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

let suite;
before(async () => {
  suite = await Suite.start();
  const exam = JSON.parse(readFileSync(path.join(root, 'deploy/banks/clf-c02/exam.json'), 'utf8'));
  const operator = await sign(suite, 'operator', 'fault');
  for (const seconds of [4, 6]) await call(suite.http, 'invigil.itembank.v1.ExamService/PublishExam', { exam: { ...exam, examId: `CLF-${seconds}S`, duration: `${seconds}s` }, requestId: newId('publish') }, operator);
});
after(() => suite?.stop());

/** When a session's process says that it sealed it, and by how much that was past its deadline. */
async function sealedLate({ session }) {
  const line = await until(() => suite.logLines('session').find(({ message, session: id }) => message === 'session sealed' && id === session.sessionId), 'the session seals itself', 20_000);
  assert.equal(line.state, 'EXPIRED');
  return Date.parse(line.time) - (Date.parse(session.startTime) + Number(session.duration.replace('s', '')) * 1000);
}

/** Sessions of `seconds` that nobody touches again once they have one response. */
async function sitters(seconds, count = 10) {
  const candidates = await Promise.all(Array.from({ length: count }, () => newCandidate(suite)));
  for (const candidate of candidates) {
    await candidate.start(`CLF-${seconds}S`);
    await candidate.save([candidate.write(0, candidate.pick(0))]);
  }
  return candidates;
}

async function endOnTime(candidates, limitMs) {
  for (const candidate of candidates) {
    const late = await sealedLate(candidate);
    assert.ok(late >= -5 && late < limitMs, `${late} ms late`);
    const { session } = await candidate.get();
    assert.equal(Date.parse(session.endTime) - Date.parse(session.startTime), Number(session.duration.replace('s', '')) * 1000);
    assert.equal(session.responses.length, 1);
  }
}

/** Runs `fault` while candidates save; every save is answered in time and nothing acknowledged is lost. */
async function savesGoOn(fault) {
  const writers = (await Writer.all(suite, 6)).map((writer) => writer.run());
  const more = (count, what) => {
    const from = total(writers);
    return until(() => total(writers) > from + count, what, 15_000);
  };
  await more(100, 'saves begin');
  for (const writer of writers) writer.latencies.length = 0;
  await fault(more);
  await Promise.all(writers.map((writer) => writer.stop()));
  const latencies = writers.flatMap((writer) => writer.latencies);
  assert.deepEqual(writers.map(({ unknown }) => unknown), writers.map(() => 0), 'no save failed');
  assert.ok(percentile(latencies, 0.99) < 1000, `p99 of a save was ${percentile(latencies, 0.99)} ms`);
  for (const writer of writers) {
    await writer.check();
    writer.judge((await writer.submit()).receipt);
  }
}

describe('Redis', () => {
  it('is killed and comes back empty: saves go on and sessions end on time', async () => {
    const short = await sitters(6);
    await savesGoOn(async (more) => {
      await suite.kill('redis');
      await more(300, 'saves go on without Redis');
      rmSync(suite.path('redis'), { recursive: true, force: true });
      await suite.startOne('redis');
      await more(300, 'saves go on with an empty Redis');
    });
    await endOnTime(short, 5000);
  });

  it('stays away: sessions end all the same', async () => {
    const short = await sitters(4);
    await suite.kill('redis');
    try {
      await endOnTime(short, 5000);
      // A session can start and end without Redis, too.
      await endOnTime(await sitters(4, 3), 5000);
    } finally {
      await suite.startOne('redis');
    }
    await suite.ready('session');
  });

  it('is flushed: the index is built again and nothing is late', async () => {
    const short = await sitters(6);
    const { length } = suite.logLines('session').filter(({ message }) => message === 'deadline index rebuilt');
    await savesGoOn(async (more) => {
      suite.redis('FLUSHALL');
      await until(() => suite.logLines('session').filter(({ message }) => message === 'deadline index rebuilt').length > length, 'the index is built again', 10_000);
      await more(200, 'saves go on');
    });
    await endOnTime(short, 5000);
  });

  it('stops answering for five seconds: saves are as fast as ever and sessions end on time', async () => {
    const short = await sitters(4);
    await savesGoOn(async (more) => {
      const end = Date.now() + 5000;
      await suite.kill('redis', 'SIGSTOP');
      try {
        await until(() => Date.now() > end, 'five seconds', 6000);
        await more(300, 'saves go on beside a Redis that does not answer');
      } finally {
        await suite.kill('redis', 'SIGCONT');
      }
      await more(100, 'saves go on afterwards');
    });
    await endOnTime(short, 5000);
  });

  it('dies together with the session service: after both are back all is there and ends on time', async () => {
    const short = await sitters(6);
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
    await endOnTime(short, 5000);
  });
});
