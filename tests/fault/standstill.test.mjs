// A replica of the session service stands still for thirty seconds (fault 4) in the middle of saves and
// of ending sessions whose time is up, on PostgreSQL, at whatever moment; then it goes on, with calls in
// its hands that are long too late. It must store none of them, end nothing twice and open nothing again.
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { publishShort } from '../harness/exams.mjs';
import { total, Writer } from '../harness/history.mjs';
import { Postgres } from '../harness/postgres.mjs';
import { Record, recorded } from '../harness/record.mjs';
import { assertScored } from '../harness/scored.mjs';
import { ask, openClient, StreamWriter } from '../harness/streams.mjs';
import { Suite, until } from '../harness/suite.mjs';

const seconds = 30;
let postgres, suite;
before(async () => {
  postgres = await Postgres.start();
  suite = await Suite.start({
    sessions: 2,
    args: { session: ['--drain-timeout', '1s'] },
    prepare: (made) => {
      made.store = postgres.url;
    },
  });
  suite.record = new Record();
  await publishShort(suite, 5);
  await publishShort(suite, 20);
});
after(async () => {
  await suite?.stop();
  await postgres?.stop();
});

const sealsOf = (sessionId, names = suite.sessions) => names.flatMap((name) => suite.logLines(name).filter(({ message, session }) => message === 'session sealed' && session === sessionId));
const deadline = ({ session }) => Date.parse(session.startTime) + Number(session.duration.replace('s', '')) * 1000;

describe('a replica that stands still for thirty seconds', () => {
  it('has stored nothing late and ended nothing twice when it goes on', async () => {
    const writers = (await Writer.all(suite, 6)).map((writer) => writer.run());
    const client = openClient(suite);
    const streams = (await Promise.all(Array.from({ length: 3 }, () => StreamWriter.start(suite, client)))).map((writer) => writer.run());
    // Some end while it falls still, some in the middle of it.
    const late = await Writer.all(suite, 6, 'CLF-20S');
    const ending = await Writer.all(suite, 24, 'CLF-5S');
    for (const sitter of [...late, ...ending]) await sitter.answer(0, 1);
    const held = openClient(suite, `127.0.0.1:${suite.ports.session}`);
    await ask(held, 'GetSession', { sessionId: late[0].sessionId }, late[0].candidate.sessionToken); // it has a connection
    await until(() => total(writers) > 60, 'saves go on');
    await until(() => ending.some(({ sessionId }) => sealsOf(sessionId).length > 0), 'the first sessions end', 15_000);

    await suite.kill('session', 'SIGSTOP');
    const began = performance.now();
    const left = writers.map(({ acked }) => acked);
    let calls;
    try {
      // Sent in time, but it will only be read when it is too late.
      calls = late.map(({ candidate }) => {
        const write = candidate.write(9, candidate.pick(9));
        const { sessionId, epoch } = candidate.session;
        const operation = { client: candidate.subject, session: sessionId, sendTime: Date.now(), ...recorded([write])[0] };
        const outcome = ask(held, 'SaveResponses', { sessionId, epoch, responses: [write] }, candidate.sessionToken).then(() => 'ok', ({ code, details }) => (code === 9 ? 'refused' : `${code}: ${details}`));
        return { candidate, write, operation, outcome };
      });
      assert.ok(late.every(({ candidate }) => deadline(candidate) > Date.now() + 1000), 'they are sent in time');
      await until(() => writers.every(({ acked }, i) => acked > left[i] + 5), 'everyone goes on at the other', 25_000);
      const moved = performance.now() - began;
      assert.ok(moved < 15_000, `candidates were elsewhere after ${moved} ms`);
      for (const sitter of ending) await until(() => sealsOf(sitter.sessionId).length > 0, 'what is due ends without it', 20_000);
      for (const sitter of late) await until(() => sealsOf(sitter.sessionId, ['session2']).length > 0, 'what falls due ends too', 30_000);
      await until(() => performance.now() > began + seconds * 1000, 'thirty seconds', (seconds + 5) * 1000);
    } finally {
      await suite.kill('session', 'SIGCONT');
    }

    for (const { candidate, write, operation, outcome } of calls) {
      const fate = await outcome;
      assert.equal(fate, 'refused', 'the call it held is answered, and was too late');
      suite.record.write({ ...operation, receiveTime: Date.now(), outcome: fate });
      const { session } = await candidate.get();
      assert.ok(!session.responses.some(({ itemId }) => itemId === write.itemId), 'and not stored');
    }
    held.close();
    await suite.healthy('session');
    const since = total(writers);
    await until(() => total(writers) > since + 100, 'saves go on when it is back');
    await Promise.all([...writers, ...streams].map((writer) => writer.stop()));
    client.close();
    for (const sitter of [...ending, ...late]) {
      await until(() => sitter.candidate.report(), 'the report', 15_000);
      const session = await sitter.check();
      assert.equal(Date.parse(session.endTime), deadline(sitter.candidate), 'it ended when its time was up');
      const { receipt } = await sitter.submit();
      await assertScored(suite, sitter.sessionId, receipt);
      assert.equal(sealsOf(sitter.sessionId).length, 1, 'sealed once');
    }
    for (const writer of [...writers, ...streams]) {
      await writer.check();
      writer.judge((await writer.submit()).receipt);
    }
    suite.record.assertKept();
    assert.equal(await postgres.sql('SELECT count(*) FROM (SELECT session_id FROM invigil_scoring.score GROUP BY session_id HAVING count(*) > 1) AS twice'), '0', 'scored once');
  });
});
