// What these tests rest on is tested first: the proxy breaks what it is told to, the judge condemns
// what it should and nothing else, the preloaded library fails and kills where it says.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Chaos, randomOf } from '../harness/chaos.mjs';
import { DiskFault } from '../harness/disk_fault.mjs';
import { until } from '../harness/processes.mjs';
import { Record } from '../harness/record.mjs';

describe('the chaos proxy', () => {
  let echo, proxy;
  before(async () => {
    echo = net.createServer({ allowHalfOpen: true }, (socket) => socket.on('error', () => {}).pipe(socket));
    await new Promise((resolve) => echo.listen(0, '127.0.0.1', resolve));
    proxy = await Chaos.listen(echo.address().port, { seed: 3 });
  });
  after(async () => {
    await proxy.stop();
    echo.close();
  });

  /** A connection through the proxy, with what came back and how it ended. */
  async function open() {
    const socket = net.connect({ port: proxy.port, host: '127.0.0.1' });
    const seen = { socket, got: Buffer.alloc(0), end: undefined };
    socket.on('data', (chunk) => (seen.got = Buffer.concat([seen.got, chunk])));
    socket.on('end', () => (seen.end ??= 'closed'));
    socket.on('error', ({ code }) => (seen.end = code));
    await until(() => !socket.connecting, 'connects', 5000);
    return seen;
  }
  const told = (seen, text) => until(() => seen.got.toString() === text, `"${text}" comes back`, 5000);
  const pass = (ms) => {
    const end = performance.now() + ms;
    return until(() => performance.now() >= end, 'time passes', ms + 5000);
  };

  it('changes nothing when it is told nothing, whatever the size', async () => {
    proxy.set({});
    const seen = await open();
    const bytes = Buffer.alloc(5 << 20, 'some bytes ');
    seen.socket.end(bytes);
    await until(() => seen.end === 'closed', 'the end comes back', 10_000);
    assert.ok(seen.got.equals(bytes), `${seen.got.length} of ${bytes.length} bytes`);
  });

  it('delays, and keeps the order', async () => {
    proxy.set({ delay: [60, 120] });
    const seen = await open();
    const began = performance.now();
    for (const part of ['a', 'b', 'c', 'd']) seen.socket.write(part);
    await told(seen, 'abcd');
    assert.ok(performance.now() - began >= 120, 'both ways took their time');
    seen.socket.destroy();
  });

  it('throttles', async () => {
    proxy.set({ throttle: 100_000 });
    const seen = await open();
    const began = performance.now();
    seen.socket.end(Buffer.alloc(20_000));
    await until(() => seen.end === 'closed', 'all comes back', 10_000);
    assert.equal(seen.got.length, 20_000);
    const took = performance.now() - began;
    assert.ok(took >= 200, `20 kB at 100 kB/s took ${took} ms`);
  });

  it('throws away one way and goes on with the other', async () => {
    proxy.set({ drop: 'down' });
    const seen = await open();
    const dropped = proxy.dropped;
    seen.socket.write('unheard');
    await until(() => proxy.dropped === dropped + 7, 'the answer is dropped', 5000);
    assert.equal(seen.got.length, 0);
    proxy.set({});
    seen.socket.write('heard');
    await told(seen, 'heard');
    seen.socket.destroy();
  });

  it('stands half open: carries nothing, closes nothing, and goes on when it is told to', async () => {
    proxy.set({});
    const [seen, leaving] = [await open(), await open()];
    for (const one of [seen, leaving]) one.socket.write('1');
    await told(seen, '1');
    await told(leaving, '1');
    proxy.set({ halfOpen: true });
    const carried = proxy.carried;
    seen.socket.write('2');
    leaving.socket.destroy();
    await pass(100);
    assert.deepEqual([proxy.carried, seen.end, seen.got.toString()], [carried, undefined, '1']);
    proxy.set({});
    await told(seen, '12');
    seen.socket.end();
    await until(() => seen.end === 'closed', 'closes in order', 5000);
    await until(() => proxy.living.size === 0, 'the proxy lets go of both', 5000);
  });

  it('half open for those that are there spares those to come', async () => {
    proxy.set({});
    const old = await open();
    old.socket.write('1');
    await told(old, '1');
    proxy.set({ halfOpen: true }, { onlyThere: true });
    const young = await open();
    young.socket.write('young');
    old.socket.write('2');
    await told(young, 'young');
    assert.equal(old.got.toString(), '1');
    proxy.set({});
    await told(old, '12');
    for (const { socket } of [old, young]) socket.destroy();
  });

  it('resets after so many bytes, refuses, and closes twice', async () => {
    proxy.set({ resetAfter: 10 });
    const cut = await open();
    cut.socket.write('12345678');
    // After data Node tells of a reset as of an end.
    await until(() => cut.end, 'an end', 5000);
    assert.deepEqual([proxy.resets, cut.got.length <= 2], [1, true], 'eight bytes up leave two down');
    proxy.set({ refuse: true });
    const refused = await open().catch(() => ({ end: 'ECONNRESET' }));
    await until(() => refused.end === 'ECONNRESET', 'refused', 5000);
    proxy.set({ closeTwice: true });
    const twice = await open();
    twice.socket.end('bye');
    await until(() => twice.end, 'an end', 5000);
    assert.ok(['', 'bye'].includes(twice.got.toString()));
  });

  it('does the same for the same seed, and goes by its script', async () => {
    const draw = (seed) => Array.from({ length: 5 }, randomOf(seed));
    assert.deepEqual(draw(7), draw(7));
    assert.notDeepEqual(draw(7), draw(8));
    assert.ok(draw(9).every((number) => number >= 0 && number < 1));
    proxy.set({});
    const first = proxy.accepted;
    proxy.script = ({ index }) => index === first && { refuse: true };
    const refused = await open().catch(() => ({ end: 'ECONNRESET' }));
    await until(() => refused.end === 'ECONNRESET', 'the first is refused', 5000);
    const second = await open();
    second.socket.write('well');
    await told(second, 'well');
    second.socket.destroy();
    proxy.script = undefined;
  });
});

describe('the judge', () => {
  const write = (item, sequence, value, outcome, more = {}) => ({ client: 'c', session: 's', item, sequence, value, sendTime: 10 * sequence, receiveTime: 10 * sequence + 5, outcome, ...more });
  const shown = (item, sequence, value) => ({ item, sequence, value });
  const rules = (fill, options) => {
    const record = new Record(options);
    fill(record);
    return record.check().map(({ rule }) => rule);
  };
  const readBack = (writes, responses, at = 1000) => rules((record) => {
    writes.forEach((one) => record.write(one));
    record.read({ session: 's', responses, sendTime: at, receiveTime: at + 5 });
  });
  const three = [write('a', 1, 'A', 'ok'), write('a', 2, 'B', 'ok'), write('a', 3, 'C', 'unknown')];

  it('accepts the highest acknowledged write, a later unknown one, and a read that began before', () => {
    assert.deepEqual(readBack(three, [shown('a', 2, 'B')]), []);
    assert.deepEqual(readBack(three, [shown('a', 3, 'C')]), []);
    assert.deepEqual(readBack(three, [shown('a', 1, 'A')], 24), []);
    assert.deepEqual(readBack([write('a', 1, 'A', 'unknown')], []), []);
    assert.deepEqual(readBack([write('a', 1, 'A', 'refused'), write('a', 1, 'A', 'unknown')], [shown('a', 1, 'A')]), []);
  });

  it('finds what is lost, old, changed, invented, or stored though refused', () => {
    assert.deepEqual(readBack(three, []), ['lost']);
    assert.deepEqual(readBack(three, [shown('a', 1, 'A')]), ['lost']);
    assert.deepEqual(readBack(three, [shown('a', 2, 'C')]), ['invented']);
    assert.deepEqual(readBack(three, [shown('a', 4, 'D')]), ['invented']);
    assert.deepEqual(readBack(three, [shown('a', 2, 'B'), shown('b', 1, 'A')]), ['invented']);
    assert.deepEqual(readBack([write('a', 1, 'A', 'refused')], [shown('a', 1, 'A')]), ['refused-stored']);
    // A write shown by an answer that came before it was sent.
    assert.deepEqual(readBack([write('a', 9, 'A', 'ok')], [shown('a', 9, 'A')], 20), ['invented']);
    assert.deepEqual(readBack([write('a', 1, 'A', 'ok'), write('a', 1, 'B', 'ok')], [shown('a', 1, 'B')]), ['one-value']);
  });

  it('finds an acknowledgement of what was sent after the deadline, or after the seal', () => {
    const late = (sendTime, deadlines, outcome = 'ok') => rules((record) => {
      deadlines.forEach((one) => record.deadline({ session: 's', ...one }));
      record.write(write('a', 1, 'A', outcome, { sendTime, receiveTime: sendTime + 5 }));
    }, { tolerance: 20 });
    assert.deepEqual(late(100, [{ at: 100 }]), []);
    assert.deepEqual(late(119, [{ at: 100 }]), []);
    assert.deepEqual(late(121, [{ at: 100 }]), ['deadline']);
    assert.deepEqual(late(121, [{ at: 100 }], 'refused'), []);
    assert.deepEqual(late(121, [{ at: 100 }], 'unknown'), []);
    // A grant moves it, for what comes after the grant.
    assert.deepEqual(late(150, [{ at: 100 }, { at: 200, since: 90 }]), []);
    assert.deepEqual(late(150, [{ at: 100 }, { at: 200, since: 180 }]), ['deadline']);
    const seal = { session: 's', endTime: 50, responses: [], sendTime: 50, receiveTime: 60 };
    assert.deepEqual(rules((record) => {
      record.seal(seal);
      record.write(write('a', 1, 'A', 'ok', { sendTime: 61, receiveTime: 65 }));
    }), ['sealed']);
  });

  it('finds a second seal, a session that reopens, and a score of something else', () => {
    const responses = [shown('a', 1, 'A'), shown('b', 2, '')];
    const seal = { session: 's', endTime: 50, responses, sendTime: 50, receiveTime: 60 };
    const writes = (record) => [write('a', 1, 'A', 'ok'), write('b', 2, '', 'ok')].forEach((one) => record.write(one));
    const sealed = (...fills) => rules((record) => {
      writes(record);
      record.seal(seal);
      fills.forEach((fill) => fill(record));
    });
    assert.deepEqual(sealed((record) => record.seal(seal)), []);
    assert.deepEqual(sealed((record) => record.seal({ ...seal, endTime: 51 })), ['seal-once']);
    assert.deepEqual(sealed((record) => record.seal({ ...seal, responses: responses.slice(0, 1) })), ['seal-once', 'lost']);
    assert.deepEqual(sealed((record) => record.read({ session: 's', responses, sendTime: 61, receiveTime: 65, live: true })), ['reopened']);
    assert.deepEqual(sealed((record) => record.read({ session: 's', responses, sendTime: 59, receiveTime: 65, live: true })), []);
    const score = (version, ...scored) => (record) => record.score({ session: 's', version, responses: scored });
    assert.deepEqual(sealed(score(1, { item: 'a', value: 'A' })), []);
    assert.deepEqual(sealed(score(1, { item: 'a', value: 'B' })), ['scored-set']);
    assert.deepEqual(sealed(score(1)), ['scored-set']);
    assert.deepEqual(rules((record) => {
      score(1, { item: 'a', value: 'A' })(record);
      score(1, { item: 'a', value: 'B' })(record);
    }), ['score-once']);
  });

  it('finds a clock that started twice and two live sessions of one candidate', () => {
    const start = (session, startTime, more = {}) => ({ session, candidate: 'c', exam: 'E', startTime, sendTime: 0, receiveTime: 1, ...more });
    const started = (...starts) => rules((record) => starts.forEach((one) => record.start(one)));
    assert.deepEqual(started(start('s', 5), start('s', 5)), []);
    assert.deepEqual(started(start('s', 5), start('s', 6)), ['start-once']);
    assert.deepEqual(started(start('s', 5), start('t', 6)), ['one-live']);
    assert.deepEqual(started(start('s', 5), start('t', 6, { exam: 'F' })), []);
    assert.deepEqual(started(start('s', 5), start('t', 6, { candidate: 'd' })), []);
    assert.deepEqual(started(start('s', 5), start('s', 5, { candidate: 'd' })), ['owner']);
    assert.deepEqual(rules((record) => {
      record.start(start('s', 5));
      record.seal({ session: 's', endTime: 6, responses: [], sendTime: 6, receiveTime: 6 });
      record.start(start('t', 6));
    }), [], 'one after the other');
  });

  it('throws what it found', () => {
    const record = new Record();
    record.write(write('a', 1, 'A', 'ok'));
    record.assertKept();
    record.read({ session: 's', responses: [], sendTime: 100, receiveTime: 101 });
    assert.throws(() => record.assertKept(), /1 broken promises: lost \(s\): a: sequence 1 was acknowledged and is gone/);
  });
});

describe('the disk that fails', () => {
  let dir, fault, program;
  before(() => {
    dir = mkdtempSync(path.join(tmpdir(), 'invigil-disk-'));
    fault = new DiskFault(dir, 'some.db');
    // Writes forty bytes three times with a sync after each, and says what came of it.
    const source = path.join(dir, 'writes.cc');
    writeFileSync(source, `#include <cerrno>
      #include <cstdio>
      #include <fcntl.h>
      #include <unistd.h>
      int main(int, char** args) {
        const int fd = open(args[1], O_RDWR | O_CREAT, 0600);
        for (int i = 0; i < 3; ++i) {
          const bool wrote = pwrite64(fd, "0123456789012345678901234567890123456789", 40, 40 * i) == 40;
          const int write_error = wrote ? 0 : errno;
          const bool synced = fdatasync(fd) == 0;
          std::printf("%d %d\\n", write_error, synced ? 0 : errno);
          std::fflush(stdout);
        }
      }`);
    program = path.join(dir, 'writes');
    execFileSync('g++', ['-D_GNU_SOURCE', '-o', program, source]);
  });
  after(() => rmSync(dir, { recursive: true }));

  let turn = 0;
  /** { lines, signal, size } of a run. */
  const run = (action, argument, suffix = '-wal') => {
    fault.set(action, argument);
    const file = path.join(dir, `${turn++}-some.db${suffix}`);
    const { stdout, signal } = spawnSync(program, [file], { env: { ...process.env, ...fault.env }, encoding: 'utf8' });
    return { lines: stdout.trim().split('\n').filter(Boolean), signal, size: statSync(file).size };
  };

  it('does nothing unless told to, and nothing to other files', () => {
    assert.deepEqual(run('none').lines, ['0 0', '0 0', '0 0']);
    fault.set('full');
    const file = path.join(dir, 'other');
    const { stdout } = spawnSync(program, [file], { env: { ...process.env, ...fault.env }, encoding: 'utf8' });
    assert.equal(stdout, '0 0\n0 0\n0 0\n');
    assert.equal(readFileSync(file, 'utf8'), '0123456789'.repeat(12));
  });

  it('fails syncs and writes with the errno of a broken and of a full disk', () => {
    assert.deepEqual(run('syncFails').lines, ['0 5', '0 5', '0 5']);
    assert.equal(fault.seen.fired, 3);
    assert.deepEqual(run('full').lines, ['28 0', '28 0', '28 0']);
    assert.deepEqual(run('writeFails', 1, '').lines, ['5 0', '5 0', '5 0']);
  });

  it('kills before the write and after the sync that it counts to', () => {
    assert.deepEqual(run('killBeforeWrite', 2), { lines: ['0 0'], signal: 'SIGKILL', size: 40 });
    assert.deepEqual(run('killAfterSync', 2), { lines: ['0 0'], signal: 'SIGKILL', size: 80 });
    assert.deepEqual(run('killAfterSync', 1, '').lines.length, 3, 'only the log counts');
  });

  it('slows syncs down', () => {
    const began = performance.now();
    assert.deepEqual(run('slowSync', 40).lines, ['0 0', '0 0', '0 0']);
    assert.ok(performance.now() - began >= 120);
  });
});
