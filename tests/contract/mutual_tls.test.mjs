// Mutual TLS between the processes: the suite works over it, and whoever has no certificate, one of
// another authority or one that has expired is refused at the handshake, and the log says so.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { newCandidate } from '../harness/connect.mjs';
import { protoRoot } from '../harness/protos.mjs';
import { Suite, until } from '../harness/suite.mjs';

const { invigil } = grpc.loadPackageDefinition(loader.loadSync('invigil/session/v1/delivery.proto', { includeDirs: [protoRoot], longs: Number, enums: String, defaults: false, oneofs: true }));

const openssl = (...args) => execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** An authority of its own in the suite's folder. */
function authority(suite, name) {
  const at = suite.path(name);
  openssl('req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`, '-keyout', `${at}.key`, '-out', `${at}.crt`);
  return at;
}

/** A certificate for 127.0.0.1 that `ca` signed; `days` may be in the past. */
function certificate(suite, ca, name, days = 2) {
  const at = suite.path(name);
  openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', `${at}.key`, '-out', `${at}.csr`);
  writeFileSync(`${at}.ext`, 'subjectAltName=IP:127.0.0.1\n');
  openssl('x509', '-req', '-in', `${at}.csr`, '-CA', `${ca}.crt`, '-CAkey', `${ca}.key`, '-days', `${days}`, '-extfile', `${at}.ext`, '-out', `${at}.crt`);
  return at;
}

const flags = (at, ca) => ['--tls-cert', `${at}.crt`, '--tls-key', `${at}.key`, '--tls-ca', `${ca}.crt`];
const files = (at) => [readFileSync(`${at}.key`), readFileSync(`${at}.crt`)];

let suite, ours, theirs;
const mine = {};
before(async () => {
  // The bank comes in by the command line, which speaks plain text; then everybody gets certificates.
  suite = await Suite.start();
  ours = authority(suite, 'our-ca');
  theirs = authority(suite, 'their-ca');
  for (const name of ['gateway', 'session', 'scoring', 'item_bank']) {
    mine[name] = certificate(suite, ours, `${name}-tls`);
    await suite.kill(name, 'SIGTERM');
    suite.args[name] = [...(suite.args[name] ?? []), ...flags(mine[name], ours)];
  }
  for (const name of ['item_bank', 'scoring', 'session', 'gateway']) await suite.startOne(name);
});
after(() => suite?.stop());

/** Asks the session service's own port; gives gRPC's status code: 16 is an answer, for no token is given. */
async function knock(credentials) {
  const client = new invigil.session.v1.DeliveryService(`127.0.0.1:${suite.ports.session}`, credentials);
  try {
    return await new Promise((resolve) => client.GetSession({ sessionId: '0'.repeat(32) }, { deadline: Date.now() + 10_000 }, (error) => resolve(error?.code)));
  } finally {
    client.close();
  }
}

const refusals = (name) => suite.logLines(name).filter(({ message }) => /^a TLS handshake was refused/.test(message));
/** Asserts that whoever knocks so is refused, and that a new line of the service's log gives the reason. */
async function refusedAs(credentials, why) {
  const known = refusals('session').length;
  assert.equal(await knock(credentials), grpc.status.UNAVAILABLE);
  await until(() => refusals('session').slice(known).some((line) => why.test(line.why)), `the log says ${why}`, 10_000).catch((error) => assert.fail(`${error.message}: ${JSON.stringify(refusals('session').slice(known))}`));
}

describe('mutual TLS', () => {
  it('an exam is sat over it, from the start to the report', async () => {
    const candidate = await newCandidate(suite);
    await candidate.start();
    await candidate.save([candidate.write(0, candidate.pick(0)), candidate.write(1, candidate.pick(1))]);
    await candidate.submit();
    const report = await until(() => candidate.report(), 'the report', 20_000);
    assert.equal(report.scoreVersion, 1);
    for (const name of ['item_bank', 'scoring', 'session', 'gateway']) assert.equal(suite.logLines(name).filter(({ message }) => message === 'serving').at(-1).tls, true, `${name} serves over TLS`);
  });

  it('a certificate that our authority signed is let in', async () => {
    assert.equal(await knock(grpc.credentials.createSsl(readFileSync(`${ours}.crt`), ...files(certificate(suite, ours, 'friend')))), grpc.status.UNAUTHENTICATED);
  });

  it('no certificate is refused', () => refusedAs(grpc.credentials.createSsl(readFileSync(`${ours}.crt`)), /did not return a certificate/));

  it("another authority's certificate is refused", () => refusedAs(grpc.credentials.createSsl(readFileSync(`${ours}.crt`), ...files(certificate(suite, theirs, 'stranger'))), /certificate verify failed|unknown ca/i));

  it('an expired certificate is refused', () => refusedAs(grpc.credentials.createSsl(readFileSync(`${ours}.crt`), ...files(certificate(suite, ours, 'late', -1))), /certificate verify failed|expired/i));

  it('plain text is refused', () => refusedAs(grpc.credentials.createInsecure(), /wrong version number|http request/i));

  it('a gateway leaves a service whose certificate another authority signed, says why, and comes back when it is right', async () => {
    const impostor = certificate(suite, theirs, 'impostor');
    const right = suite.args.scoring;
    const known = refusals('gateway').length;
    suite.args.scoring = [...right.slice(0, -6), ...flags(impostor, ours)];
    await suite.kill('scoring', 'SIGTERM');
    await suite.startOne('scoring', { wait: false });
    await suite.ready('scoring');
    const replica = `invigil_gateway_replica_healthy{replica="127.0.0.1:${suite.ports.scoring}",service="scoring"}`;
    await until(async () => (await suite.metric('gateway', replica)) === 0 && refusals('gateway').length > known, 'the gateway leaves it and says so', 20_000);
    assert.match(refusals('gateway').at(-1).why, /certificate verify failed/i);
    suite.args.scoring = right;
    await suite.restart('scoring', 'SIGTERM');
    await until(async () => (await suite.metric('gateway', replica)) === 1, 'the gateway sends calls to it again', 20_000);
  });

  it('a process without files of its own does not listen beyond this machine, and half of them are not enough', async () => {
    for (const [args, why] of [
      [['--listen', '0.0.0.0:0'], /refusing to listen on 0\.0\.0\.0:0 without TLS/],
      [['--tls-cert', `${mine.scoring}.crt`], /--tls-key: can't read/],
      [[...flags(mine.scoring, ours).slice(0, 4), '--tls-ca', suite.path('nobody.crt')], /--tls-ca: can't read .*nobody\.crt/],
    ]) {
      const right = suite.args.item_bank;
      suite.args.item_bank = args;
      try {
        await suite.kill('item_bank', 'SIGTERM');
        const child = await suite.startOne('item_bank', { wait: false });
        assert.notEqual((await child.ends(10_000)).code, 0);
        assert.match(suite.log('item_bank').trimEnd().split('\n').at(-1), why);
      } finally {
        suite.args.item_bank = right;
      }
    }
  });
});
