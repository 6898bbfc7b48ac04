// More than the suite can do, and clients that waste its connections: memory stays bounded, what is
// taken is answered in time, what is not taken is told so at once, and saves go before reads.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { after, before, describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { DiskFault } from '../harness/disk_fault.mjs';
import { percentile, total, Writer } from '../harness/history.mjs';
import { Record } from '../harness/record.mjs';
import { Suite, until } from '../harness/suite.mjs';

let suite, fault;
before(async () => {
  suite = await Suite.start({
    args: { session: ['--queue', '140'], gateway: ['--http-header-timeout', '1500ms', '--http-connections-per-ip', '4000'] },
    prepare: ({ dir, env }) => {
      fault = new DiskFault(dir, 'session.db');
      env.session = fault.env;
    },
  });
  suite.record = new Record();
});
after(() => suite?.stop());

const residentMb = (name) => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${suite.children[name].process.pid}/status`, 'utf8'))[1]) / 1024;

/** `count` callers that ask without pause until `stop`; a refusal makes them wait a little. */
class Load {
  constructor(count, ask) {
    Object.assign(this, { latencies: [], refused: 0, failed: [], running: true });
    this.done = Promise.all(Array.from({ length: count }, (_, i) => this.#run(i, ask)));
  }

  async #run(i, ask) {
    for (let turn = 0; this.running; ++turn) {
      const began = performance.now();
      try {
        await ask(i, turn);
        this.latencies.push(performance.now() - began);
      } catch (error) {
        if (error.code === 'resource_exhausted') {
          ++this.refused;
          assert.ok(error.details.retryMs > 0, 'says when to come back');
        } else this.failed.push(error);
        await delay(100);
      }
    }
  }

  stop() {
    this.running = false;
    return this.done;
  }
}

describe('overload', () => {
  it('of a disk that takes a fifth of what is asked: bounded memory, saves before reads, refusals that say when to come back', async (t) => {
    const writers = await Writer.all(suite, 60);
    const base = { session: residentMb('session'), gateway: residentMb('gateway') };
    const save = async (i) => {
      const unsure = await writers[i % 60].answer((i / 60) | 0, 7 + ((i / 60) | 0));
      if (unsure) throw writers[i % 60].lastError ?? Object.assign(new Error('refused'), { code: 'resource_exhausted', details: { retryMs: 1 } });
    };
    // How many saves a second this machine asks for decides how slow the disk must be: a commit takes
    // 120 of them.
    const warm = new Load(60, save);
    const began = performance.now();
    await until(() => performance.now() > began + 1000, 'a second', 5000);
    await warm.stop();
    const asked = (warm.latencies.length * 1000) / (performance.now() - began);
    const syncMs = Math.round(Math.min(600, Math.max(200, (120 * 1000) / (asked / 5))));
    fault.set('slowSync', syncMs);
    // 420 saves and 140 reads at once, where 140 of a kind may wait and 128 are being written.
    const saves = new Load(420, save);
    const reads = new Load(140, (i) => writers[i % 60].candidate.get());
    const peak = { session: 0, gateway: 0 };
    const end = performance.now() + Math.max(5000, 8 * syncMs);
    await until(() => {
      for (const name of Object.keys(peak)) peak[name] = Math.max(peak[name], residentMb(name));
      return performance.now() > end;
    }, 'the load', 30_000);
    await Promise.all([saves.stop(), reads.stop()]);
    fault.clear();
    const refused = await suite.metric('session', 'invigil_rpc_total', (line) => line.includes('RESOURCE_EXHAUSTED'));
    const p = (load, share) => percentile(load.latencies, share);
    t.diagnostic(`${asked.toFixed(0)} saves a second asked, a sync takes ${syncMs} ms; saves: ${saves.latencies.length} taken, p50 ${p(saves, 0.5).toFixed(0)} ms, p99 ${p(saves, 0.99).toFixed(0)} ms; reads: ${reads.latencies.length} taken, p50 ${p(reads, 0.5).toFixed(0)} ms; ${refused} refused; resident MB ${JSON.stringify({ base, peak })}`);
    // A device waits three seconds; hardly any save that was taken comes later than that.
    const failed = [...saves.failed, ...reads.failed];
    assert.deepEqual(failed.map(({ code }) => code).filter((code) => code !== 'deadline_exceeded'), []);
    assert.ok(failed.length <= saves.latencies.length / 50, `${failed.length} answers came late`);
    assert.ok(refused > 20, `${refused} calls were refused`);
    // Whatever waits is written by the third commit.
    assert.ok(p(saves, 0.99) < 4 * syncMs + 3000, `a save that was taken took ${p(saves, 0.99)} ms`);
    assert.ok(1.5 * p(saves, 0.5) < p(reads, 0.5), 'saves go before reads');
    assert.ok(reads.latencies.length > 0, 'reads are not starved');
    for (const name of Object.keys(peak)) assert.ok(peak[name] - base[name] < 200, `${name} grew by ${peak[name] - base[name]} MB`);
    for (const writer of writers.slice(0, 10)) await writer.check();
    suite.record.assertKept();
  });

  it('of connections that never finish their request: they are closed, and candidates do not notice', async (t) => {
    const writers = (await Writer.all(suite, 8)).map((writer) => writer.run());
    const base = residentMb('gateway');
    let opened = 0;
    let closed = 0;
    let attack = true;
    const idle = Array.from({ length: 400 }, async () => {
      while (attack) {
        const socket = net.connect(suite.ports.http, '127.0.0.1');
        const gone = new Promise((resolve) => socket.on('close', resolve).on('error', () => {}));
        socket.on('connect', () => {
          ++opened;
          socket.write('POST /invigil.session.v1.DeliveryService/GetSession HTTP/1.1\r\nHost: x\r\nX-Slow: ');
        });
        socket.resume();
        const drip = setInterval(() => socket.writable && socket.write('a'), 300);
        await gone;
        clearInterval(drip);
        ++closed;
      }
    });
    const from = total(writers);
    const end = performance.now() + 5000;
    let peak = 0;
    await until(() => {
      peak = Math.max(peak, residentMb('gateway'));
      return performance.now() > end;
    }, 'five seconds', 10_000);
    attack = false;
    await Promise.all([...idle, ...writers.map((writer) => writer.stop())]);
    const latencies = writers.flatMap((writer) => writer.latencies);
    t.diagnostic(`${opened} slow connections, ${closed} closed; ${total(writers) - from} responses acknowledged meanwhile, p99 ${percentile(latencies, 0.99).toFixed(0)} ms; gateway ${base.toFixed(0)} -> ${peak.toFixed(0)} MB`);
    assert.ok(closed > 800, `${closed} were closed: each within two seconds or so`);
    assert.deepEqual(writers.map(({ errors }) => errors), writers.map(() => undefined));
    assert.ok(percentile(latencies, 0.99) < 1000);
    assert.ok(peak - base < 100, `the gateway grew by ${peak - base} MB`);
    for (const writer of writers) {
      await writer.check();
      writer.judge((await writer.submit()).receipt);
    }
  });
});
