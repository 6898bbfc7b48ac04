// Two replicas behind the gateway, one of them killed every few seconds while candidates start, save
// over HTTP and over streams, and submit: nothing acknowledged is lost, and no candidate meets more than
// one retryable error a kill.
// INVIGIL_STORM_SECONDS says for how long.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { newCandidate, newId } from '../harness/connect.mjs';
import { percentile, total, Writer } from '../harness/history.mjs';
import { Record } from '../harness/record.mjs';
import { assertScored } from '../harness/scored.mjs';
import { openClient, StreamWriter } from '../harness/streams.mjs';
import { Suite, until } from '../harness/suite.mjs';

const seconds = Number(process.env.INVIGIL_STORM_SECONDS ?? 60);
const everyMs = 3000;

let suite, client;
before(async () => {
  suite = await Suite.start({ sessions: 2 });
  suite.record = new Record();
  client = openClient(suite);
});
after(() => {
  client?.close();
  return suite?.stop();
});

/** Whole exams, one after the other: start, a few saves, submit. Each step may fail once a kill. */
class Sitter {
  constructor() {
    Object.assign(this, { errors: 0, exams: 0, running: true });
    this.done = this.#run();
  }

  async #run() {
    while (this.running) {
      const candidate = await newCandidate(suite, 'sitter');
      const requestId = newId('r');
      await this.#again(() => candidate.start('CLF-C02', requestId));
      const { startTime } = candidate.session;
      for (let i = 0; i < 5; ++i) {
        const responses = [candidate.write(i, candidate.pick(i))];
        await this.#again(() => candidate.save(responses));
      }
      const { receipt } = await this.#again(() => candidate.submit());
      assert.equal(receipt.length, 5);
      const { session } = await this.#again(() => candidate.start('CLF-C02', requestId));
      assert.deepEqual([session.sessionId, session.startTime], [candidate.session.sessionId, startTime]);
      ++this.exams;
    }
  }

  /** As a client does: again, when the answer says that this may help. */
  async #again(ask) {
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (error.code !== 'unavailable') throw error;
        ++this.errors;
        this.lastError = error;
      }
    }
  }
}

describe(`a replica dies every ${everyMs / 1000} seconds for ${seconds} seconds`, () => {
  it('no acknowledged response is lost and nobody meets more than one error a kill', async (t) => {
    const writers = (await Writer.all(suite, 10)).map((writer) => writer.run());
    const streams = (await Promise.all(Array.from({ length: 4 }, () => StreamWriter.start(suite, client)))).map((writer) => writer.run());
    const sitters = Array.from({ length: 2 }, () => new Sitter());
    const errorsOf = () => [...writers, ...streams, ...sitters].map(({ errors = 0, breaks = 0 }) => errors + breaks);
    const pass = async (ms) => {
      const end = performance.now() + ms;
      await until(() => performance.now() >= end, 'time passes', ms + 10_000);
    };
    await pass(500);
    const end = performance.now() + 1000 * seconds;
    let kills = 0;
    let worst = 0;
    let errors = 0;
    for (; performance.now() < end; ++kills) {
      const victim = suite.sessions[kills % 2];
      const before = errorsOf();
      const began = performance.now();
      await suite.kill(victim);
      await suite.startOne(victim); // until the gateway sends it calls again
      await pass(Math.max(0, everyMs - (performance.now() - began)));
      const met = errorsOf().map((count, i) => count - before[i]);
      errors += met.reduce((sum, count) => sum + count);
      worst = Math.max(worst, ...met);
      assert.ok(Math.max(...met) <= 1, `after kill ${kills} of ${victim} candidates met ${met} errors: ${[...writers, ...streams, ...sitters].map(({ lastError }) => lastError?.message)}`);
    }
    for (const sitter of sitters) sitter.running = false;
    await Promise.all([...sitters.map(({ done }) => done), ...[...writers, ...streams].map((writer) => writer.stop())]);
    for (const { broken } of streams) assert.equal(broken, undefined);
    const latencies = writers.flatMap((writer) => writer.latencies);
    t.diagnostic(`${kills} kills, ${total(writers)} responses acknowledged over HTTP and ${total(streams)} over streams, ${sitters.reduce((sum, { exams }) => sum + exams, 0)} whole exams; ${errors} errors, at most ${worst} a candidate and kill; save p50 ${percentile(latencies, 0.5).toFixed(1)} ms, p99 ${percentile(latencies, 0.99).toFixed(1)} ms, longest ${Math.max(...latencies).toFixed(0)} ms`);
    for (const writer of [...writers, ...streams]) {
      await writer.check();
      const { receipt } = await writer.submit();
      writer.judge(receipt);
      await until(() => writer.candidate.report(), 'the report', 10_000);
      await assertScored(suite, writer.sessionId, receipt);
    }
    suite.record.assertKept();
  });
});
