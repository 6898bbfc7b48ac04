// The whole suite on PostgreSQL, with two replicas of the session service: the server is cut off during
// saves (fault 12), and transactions fail that can't be serialised (fault 13).
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { call } from '../harness/connect.mjs';
import { total, Writer } from '../harness/history.mjs';
import { Postgres } from '../harness/postgres.mjs';
import { Suite, until } from '../harness/suite.mjs';
import { sign } from '../harness/tokens.mjs';

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
});
after(async () => {
  await suite?.stop();
  await postgres?.stop();
});

const more = (writers, count, what) => {
  const from = total(writers);
  return until(() => total(writers) >= from + count, what, 30_000);
};

/** Everything acknowledged is there and is what is scored, once. */
async function settle(writers) {
  await Promise.all(writers.map((writer) => writer.stop()));
  for (const writer of writers) {
    await writer.check();
    writer.judge((await writer.submit()).receipt);
    const report = await until(() => writer.candidate.report(), 'the report', 20_000);
    assert.equal(report.scoreVersion, 1);
  }
}

describe('on PostgreSQL', () => {
  it('both replicas do work, each service in a schema of its own', async () => {
    const writers = (await Writer.all(suite, 8)).map((writer) => writer.run());
    await more(writers, 300, 'saves go on');
    for (const name of suite.sessions) assert.ok((await suite.metric(name, 'invigil_rpc_total')) > 0, `${name} serves calls`);
    await settle(writers);
    assert.deepEqual(writers.map(({ unknown }) => unknown), writers.map(() => 0));
    const schemas = await postgres.sql("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'invigil%' ORDER BY 1");
    assert.deepEqual(schemas.split('\n'), ['invigil_events', 'invigil_item_bank', 'invigil_measurement', 'invigil_registration', 'invigil_scoring', 'invigil_session']);
    assert.equal(await postgres.sql('SELECT count(*) FROM invigil_session.outbox'), '0');
  });

  it('a server that is cut off during saves again and again loses nothing that was acknowledged', async () => {
    const writers = (await Writer.all(suite, 8)).map((writer) => writer.run());
    for (let round = 0; round < 4; ++round) {
      await more(writers, 60 + 37 * round, 'saves go on');
      await postgres.cut();
      await postgres.begin();
    }
    const left = writers.map(({ acked }) => acked);
    await until(() => writers.every(({ acked }, i) => acked > left[i]), 'everyone goes on after the last cut', 20_000);
    assert.ok(writers.some(({ unknown }) => unknown > 0), 'some saves were under way');
    await settle(writers);
    for (const name of [...suite.sessions, 'scoring', 'item_bank']) assert.ok(suite.children[name].running, `${name} never stopped`);
  });

  it('transactions that cannot be serialised are decided again', async () => {
    await postgres.sql("ALTER DATABASE postgres SET default_transaction_isolation = 'serializable'; SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'");
    // Another writer touches the rows that starts, seals and policies change, and leaves them alone in between.
    const operator = await sign(suite, 'operator', 'olga');
    const putPolicy = () => call(suite.http, 'invigil.session.v1.RegistrationService/PutExamPolicy', { policy: { examId: 'CLF-C02' } }, operator);
    await until(() => putPolicy().catch(() => undefined), 'the service has its connections again', 20_000);
    let competing = true;
    const competitor = (async () => {
      while (competing) await postgres.sql('BEGIN ISOLATION LEVEL READ COMMITTED; UPDATE invigil_session.sessions SET last_seq = last_seq; UPDATE invigil_registration.policies SET updated_us = updated_us; SELECT pg_sleep(0.03); COMMIT; SELECT pg_sleep(0.03)');
    })();
    try {
      await until(async () => {
        const writers = (await Writer.all(suite, 4)).map((writer) => writer.run());
        await more(writers, 20, 'saves go on');
        await settle(writers);
        for (let i = 0; i < 5; ++i) await putPolicy();
        return /ERROR: +could not serialize access due to concurrent update/.test(postgres.log());
      }, 'a transaction can not be serialised', 40_000);
    } finally {
      competing = false;
      await competitor;
    }
    // Sessions are kept to what they need, whatever the server prefers: their transactions only wait.
    assert.doesNotMatch(postgres.log(), /ERROR: +could not serialize[^\n]*\n[^\n]*STATEMENT: +(UPDATE sessions|INSERT INTO (events|outbox|journal))/);
    assert.equal(await postgres.sql('SELECT count(*) FROM (SELECT session_id FROM invigil_scoring.score GROUP BY session_id HAVING count(*) > 1) AS twice'), '0');
    assert.equal(await postgres.sql('SELECT count(*) FROM (SELECT session_id FROM invigil_session.events GROUP BY session_id HAVING count(*) <> max(seq)) AS gaps'), '0');
  });
});
