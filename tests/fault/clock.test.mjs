// The system clock of one of two session replicas is two hours wrong. Whichever way, no deadline is
// judged by it: the replica refuses to serve until somebody sets it right, or, when its clock jumps
// while it runs, goes by the suite's clock as before. Either way somebody is called.
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { readStatusDetails } from '../harness/details.mjs';
import { publishShort } from '../harness/exams.mjs';
import { protoRoot } from '../harness/protos.mjs';
import { endOnTime, savesGoOn, sitters } from '../harness/sitters.mjs';
import { Suite, until } from '../harness/suite.mjs';

const library = ['x86_64', 'aarch64'].map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`).find(existsSync);
/** The environment of a process whose wall clock is `offset` off; its monotonic clock is as it should be. */
const faked = (more) => ({ LD_PRELOAD: library, FAKETIME_DONT_FAKE_MONOTONIC: '1', DONT_FAKE_MONOTONIC: '1', ...more });
const hours = (sign) => `${sign}7200s`;
const twoHoursMs = 7_200_000;

let suite;
let examId;
before(async () => {
  assert.ok(library, 'the package faketime is installed');
  suite = await Suite.start({ sessions: 2 });
  examId = await publishShort(suite, 6);
});
after(() => suite?.stop());

const metric = (name, series) => suite.metric(name, series);
const readyz = async (name) => {
  const answer = await fetch(`http://127.0.0.1:${suite.ports[`${name}_admin`]}/readyz`);
  return { ok: answer.ok, text: await answer.text() };
};
const inGateway = (name) => metric('gateway', `invigil_gateway_replica_healthy{replica="127.0.0.1:${suite.ports[name]}",service="session"}`);

/** Asks one replica itself, past the gateway. */
async function direct(name, candidate) {
  const { DeliveryService } = grpc.loadPackageDefinition(loader.loadSync('invigil/session/v1/delivery.proto', { includeDirs: [protoRoot], longs: Number, enums: String, defaults: true, oneofs: true })).invigil.session.v1;
  const client = new DeliveryService(`127.0.0.1:${suite.ports[name]}`, grpc.credentials.createInsecure());
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${candidate.sessionToken}`);
  try {
    return await new Promise((resolve, reject) => client.GetSession({ sessionId: candidate.session.sessionId }, metadata, { deadline: Date.now() + 5000 }, (error, answer) => (error ? reject(error) : resolve(answer))));
  } finally {
    client.close();
  }
}

/** Starts session2 again, in the environment given. */
async function again(env, { wait = true } = {}) {
  await suite.kill('session2');
  suite.env.session2 = env;
  await suite.startOne('session2', { wait });
}

describe('the system clock of one replica is two hours', () => {
  for (const [what, offset] of [['ahead', hours('+')], ['behind', hours('-')]]) {
    it(`${what} when it starts: it says that it is not ready, judges nothing, and the other does all`, async () => {
      await again(faked({ FAKETIME: offset }), { wait: false });
      await until(async () => (await metric('session2', 'invigil_clock_skewed')) === 1, 'the metric to alert on');
      await until(async () => (await inGateway('session2')) === 0, 'the gateway leaves it', 10_000);
      const short = await sitters(suite, examId, 6);
      const { ok, text } = await readyz('session2');
      assert.ok(!ok && text.includes('clock'), text);
      assert.equal(await metric('session2', 'invigil_clock_trusted'), 0);
      const shown = await metric('session2', 'invigil_clock_offset_seconds');
      assert.ok(Math.abs(Math.abs(shown) - 7200) < 5, `${shown} s`);
      await suite.logged('session2', ({ level, message }) => level === 'error' && message.startsWith('clocks disagree'), 'that clocks disagree');

      // A call that comes to it all the same: two hours ahead would be the end of the session.
      const error = await direct('session2', short[0]).then(() => assert.fail('it judged by a wrong clock'), (caught) => caught);
      const { reason, retryMs } = readStatusDetails(error.metadata.get('grpc-status-details-bin')[0]);
      assert.deepEqual([error.code, reason], [grpc.status.UNAVAILABLE, 'CLOCK_NOT_TRUSTED']);
      assert.ok(retryMs > 0);
      assert.equal((await short[0].get()).session.state, 'SESSION_STATE_ACTIVE');

      await savesGoOn(suite, (more) => more(150, 'saves go on'));
      await endOnTime(suite, short);
      assert.equal(await metric('session2', 'invigil_timers_expired_total'), 0, 'it ended nothing');
    });
  }

  it('ahead when it starts, and is set right: it serves again', async () => {
    const file = suite.path('faketime');
    writeFileSync(file, hours('+'));
    await again(faked({ FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1' }), { wait: false });
    await until(async () => !(await readyz('session2')).ok, 'it is not ready');
    await until(async () => (await metric('session2', 'invigil_clock_skewed')) === 1, 'the metric to alert on');
    writeFileSync(file, '+0s');
    await until(async () => (await readyz('session2')).ok, 'it is ready', 10_000);
    assert.equal(await metric('session2', 'invigil_clock_skewed'), 0);
    await until(async () => (await inGateway('session2')) === 1, 'the gateway sends calls again', 10_000);
  });

  for (const [what, offset, ahead] of [['ahead', hours('+'), twoHoursMs], ['behind', hours('-'), -twoHoursMs]]) {
    it(`${what} all of a sudden while it runs: both agree on every deadline, and somebody is called`, async () => {
      const file = suite.path('faketime');
      writeFileSync(file, '+0s');
      await again(faked({ FAKETIME_TIMESTAMP_FILE: file, FAKETIME_NO_CACHE: '1' }));
      const short = await sitters(suite, examId, 6);
      writeFileSync(file, offset);
      await until(async () => (await metric('session2', 'invigil_clock_skewed')) === 1, 'the metric to alert on', 10_000);
      assert.ok((await readyz('session2')).ok, 'its decisions are right');
      for (const candidate of short) {
        const remaining = [];
        for (const name of suite.sessions) {
          const { session } = await direct(name, candidate);
          assert.equal(session.state, 'SESSION_STATE_ACTIVE');
          remaining.push(Number(session.remaining.seconds) + session.remaining.nanos / 1e9);
        }
        assert.ok(Math.abs(remaining[0] - remaining[1]) < 1, `${remaining} s left`);
      }
      // From here on the one with the wrong clock is alone.
      await suite.kill('session');
      try {
        await savesGoOn(suite, (more) => more(100, 'saves go on'));
        await endOnTime(suite, short, 5000, { session2: ahead });
      } finally {
        await suite.startOne('session');
      }
    });
  }
});
