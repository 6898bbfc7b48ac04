// A client of the gRPC doors that opens streams and takes them back at once, by the ten thousand
// (CVE-2023-44487), while candidates save. gRPC 1.51 knows no defence of its own: the ports are private,
// and what is asked here is that such a client costs the others time, and nothing else.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import http2 from 'node:http2';
import { after, before, describe, it } from 'node:test';
import { percentile, total, Writer } from '../harness/history.mjs';
import { Record } from '../harness/record.mjs';
import { openClient, StreamWriter } from '../harness/streams.mjs';
import { Suite, until } from '../harness/suite.mjs';

const streams = 10_000;
// What `common/rpc/server.h` lets one connection have open at once.
const maxStreams = 10_000;

let suite;
before(async () => {
  suite = await Suite.start();
  suite.record = new Record();
});
after(() => suite?.stop());

const memoryMb = (name) => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${suite.children[name].process.pid}/status`, 'utf8'))[1]) / 1024;

const connect = (address) =>
  new Promise((resolve, reject) => {
    const session = http2.connect(`http://${address}`);
    session.on('error', () => {}); // the server may well hang up on it
    session.once('remoteSettings', () => resolve(session));
    session.once('close', () => reject(new Error('closed before it began')));
  });

/** Opens `count` streams on one connection, each taken back as soon as its call is sent; gives the settings. */
async function rapidReset(address, path, count) {
  const session = await connect(address);
  const settings = session.remoteSettings;
  let open = 0;
  for (let sent = 0; sent < count && !session.destroyed; ++sent) {
    const request = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc', te: 'trailers' });
    ++open;
    request.on('error', () => {});
    request.on('close', () => --open);
    request.write(Buffer.from([0, 0, 0, 0, 0]));
    request.close(http2.constants.NGHTTP2_CANCEL);
    // A turn of the loop, so that the frames leave and the writers have theirs.
    if (sent % 50 === 49) await new Promise((resolve) => setImmediate(resolve));
  }
  await until(() => open === 0 || session.destroyed, 'all are taken back', 30_000);
  session.destroy();
  return settings;
}

for (const door of ['gateway', 'session']) {
  describe(`ten thousand streams that are taken back at once, at the port of ${door}`, () => {
    it('cost candidates nothing but time', async () => {
      const writers = (await Writer.all(suite, 6)).map((writer) => writer.run());
      const client = openClient(suite);
      const devices = (await Promise.all(Array.from({ length: 3 }, () => StreamWriter.start(suite, client)))).map((writer) => writer.run());
      const everyone = [...writers, ...devices];
      const more = (count, what) => {
        const from = total(everyone);
        return until(() => total(everyone) > from + count, what, 30_000);
      };
      await more(100, 'saves go on');
      for (const writer of writers) writer.latencies.length = 0;
      for (const method of ['SaveResponses', 'Deliver']) {
        const settings = await rapidReset(`127.0.0.1:${suite.ports[door]}`, `/invigil.session.v1.DeliveryService/${method}`, streams / 2);
        assert.equal(settings.maxConcurrentStreams, maxStreams);
      }
      await more(100, 'saves go on after it');
      // As much as waits at once; the allocator keeps it and the next burst uses it again.
      const memory = memoryMb(door);
      await Promise.all(everyone.map((writer) => writer.stop()));
      client.close();
      // A device that waits for three seconds asks again: on a machine that is busy besides, one may.
      const asked = writers.reduce((sum, { latencies }) => sum + latencies.length, 0);
      const failed = writers.reduce((sum, { errors = 0 }) => sum + errors, 0);
      assert.ok(failed <= asked / 50, `${failed} of ${asked} saves had no answer: ${writers.find(({ lastError }) => lastError)?.lastError.message}`);
      assert.deepEqual(devices.map(({ breaks, broken }) => [breaks, broken]), devices.map(() => [0, undefined]), 'no stream broke');
      const p99 = percentile(writers.flatMap(({ latencies }) => latencies), 0.99);
      assert.ok(p99 < 3000, `p99 of a save was ${p99} ms`);
      assert.ok(memory < 1000, `${door} uses ${memory} MB`);
      for (const name of ['gateway', 'session']) assert.ok(suite.children[name].running, `${name} never stopped`);
      if (process.env.INVIGIL_MEASURE) console.log(JSON.stringify({ door, p50: percentile(writers.flatMap(({ latencies }) => latencies), 0.5), p99, memory }));
      for (const writer of everyone) {
        await writer.check();
        writer.judge((await writer.submit()).receipt);
      }
      suite.record.assertKept();
    });
  });
}
