// What the staff do from the command line, on a suite of real processes: `invigil proctor` beside
// candidates who sit, and `invigil events` beside a receiver.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { newCandidate, newId } from '../harness/connect.mjs';
import { Receiver } from '../harness/receiver.mjs';
import { bin, Suite, until } from '../harness/suite.mjs';

const who = ['--as', 'petra', '--reason', 'the fire alarm'];
const seconds = (duration) => Number(duration.replace('s', ''));
const lines = (text) => text.split('\n').filter(Boolean).map((line) => JSON.parse(line));

let suite;
before(async () => {
  suite = await Suite.start({ args: { session: ['--webhook-allow-http', '--webhook-allow-private', '--webhook-tries', '2', '--webhook-backoff', '50ms', '--webhook-lease', '2s'] } });
});
after(() => suite?.stop());

const proctor = (...words) => suite.cliAsync('proctor', ...words);
const entry = async (...words) => JSON.parse(await proctor(...words, '--json'));

/** The command fails: with this exit code, and with this on its standard error. */
async function fails(words, code, text) {
  await assert.rejects(suite.cliAsync(...words), (error) => {
    assert.equal(error.code, code, error.stderr);
    assert.match(error.stderr, text);
    return true;
  });
}

async function sitting() {
  const candidate = await newCandidate(suite, 'watched');
  await candidate.start();
  return candidate;
}

/** A command that runs until it is ended; `lines` grows. */
function follow(...words) {
  const child = spawn(path.join(bin, 'invigil'), words, { env: { ...process.env, INVIGIL_DATA: suite.dir }, stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => child.kill('SIGKILL'));
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (more) => (text += more));
  return {
    get lines() {
      return text.split('\n').slice(0, -1);
    },
    end: () => new Promise((resolve) => child.on('exit', resolve).kill('SIGINT')),
  };
}

describe('one session', () => {
  it('is listed, paused, resumed, ended, reopened', async () => {
    const { subject, session: { sessionId } } = await sitting();
    const roster = await proctor('roster', '--candidate', subject);
    assert.match(roster, /session +candidate +exam +state/);
    assert.match(roster, new RegExp(`${sessionId}  ${subject}  CLF-C02  active`));

    const paused = await entry('pause', sessionId, ...who);
    assert.equal(paused.state, 'SESSION_STATE_PAUSED');
    assert.match(await proctor('roster', '--state', 'paused', '--exam', 'CLF-C02'), new RegExp(`${sessionId}.*paused`));
    assert.deepEqual(lines(await proctor('roster', '--candidate', subject, '--json')).map(({ problems }) => problems), [['ROSTER_PROBLEM_PAUSED']]);
    await fails(['proctor', 'resume', sessionId, ...who, '--deadline-version', String(paused.deadlineVersion + 5)], 1, /\(SESSION_CHANGED\)/);
    assert.match(await proctor('resume', sessionId, ...who), /active/);
    await entry('terminate', sessionId, ...who);
    const again = ['reopen', sessionId, ...who, '--by', '1m', '--request-id', 'back'];
    assert.equal((await entry(...again)).state, 'SESSION_STATE_ACTIVE');
    assert.equal((await entry(...again)).granted, '60s', 'repeated, it gives nothing twice');

    const timeline = suite.cli('audit', 'timeline', sessionId);
    for (const kind of ['paused', 'resumed', 'reopened']) assert.match(timeline, new RegExp(`${kind}.*the fire alarm.*\\[by petra\\]`));
  });

  it('gets and gives messages, reports, holds', async () => {
    const candidate = await sitting();
    const { sessionId } = candidate.session;
    const send = ['message', sessionId, '--text', 'The bell was a test.', '--as', 'petra', '--request-id', 'm-1'];
    assert.equal(await proctor(...send), '1 of 1 session has the message.\n');
    assert.equal(await proctor(...send), '1 of 1 session has the message.\n');
    assert.match(await proctor('show', sessionId), /petra \[m-1, not seen\]\n +The bell was a test\.\n/);
    await candidate.delivery('ConfirmMessage', { sessionId, messageId: 'm-1' });
    await candidate.delivery('SendMessage', { sessionId, messageId: 'help-1', text: 'My screen is black.' });
    assert.match(await proctor('roster', '--problems', '--candidate', candidate.subject), /help-asked/);
    assert.match(await proctor('show', sessionId), /m-1, seen\][^]*candidate \[help-1, not seen\]\n +My screen is black\./);
    await proctor('seen', sessionId, '--message', 'help-1', '--as', 'petra');
    assert.match(await proctor('show', sessionId), /help-1, seen\]/);

    const report = ['report', sessionId, '--category', 'power', '--as', 'petra', '--reason', 'the light went out', '--request-id', 'r-1'];
    await proctor(...report);
    await proctor(...report);
    assert.deepEqual(JSON.parse(await proctor('show', sessionId, '--json')).reportIds, ['r-1']);
    assert.equal((await entry('hold', sessionId, ...who)).scoreHeld, true);
    await candidate.submit();
    await until(async () => /scored.*score-held/.test(await proctor('roster', '--ended', '--candidate', candidate.subject)), 'it is scored and held');
    assert.equal((await entry('release', sessionId, ...who)).state, 'SESSION_STATE_RELEASED');
    await fails(['proctor', 'hold', sessionId, ...who], 1, /\(SCORE_RELEASED\)/);
    assert.equal((await entry('void', sessionId, ...who)).state, 'SESSION_STATE_VOIDED');
    assert.equal(await proctor('unscored'), 'Nothing waits for its score.\n');
    await fails(['proctor', 'retry', sessionId, ...who], 1, /\(NOT_UNSCORED\)/);
  });

  it('is watched as it changes', async () => {
    const { subject, session: { sessionId } } = await sitting();
    const watched = follow('proctor', 'watch', '--json');
    const states = () => watched.lines.map((line) => JSON.parse(line)).filter(({ candidateId }) => candidateId === subject).map(({ state }) => state);
    try {
      await until(() => states().length > 0, 'the first list comes');
      await proctor('pause', sessionId, ...who);
      await until(() => states().at(-1) === 'SESSION_STATE_PAUSED', 'the pause shows');
    } finally {
      await watched.end();
    }
    assert.match(await proctor('watch', '--once'), new RegExp(`${sessionId}.*paused`));
  });
});

describe('many', () => {
  it('get time at once, and a repeat gives nobody twice', async () => {
    const candidates = [await sitting(), await sitting(), await sitting()];
    const ids = candidates.map(({ session }) => session.sessionId);
    const id = newId('grant');
    assert.equal(await proctor('grant', ids[0], ids[1], ...who, '--by', '5m', '--request-id', id), '2 of 2 sessions have the time.\n');
    assert.match(await proctor('grant', '--everyone', ...who, '--by', '5m', '--request-id', id), /^(\d+) of \1 sessions have the time\.\n$/);
    assert.match(await proctor('grant', '--exam', 'CLF-C02', ...who, '--by', '5m', '--request-id', id), /have the time/);
    for (const candidate of candidates) assert.equal((await candidate.get()).session.granted, '300s');
    const results = lines(await proctor('grant', ids[0], ...who, '--take-back', '1m', '--json'));
    assert.deepEqual(results.map(({ granted, amount }) => [granted, amount]), [[true, '-60s']]);
    await candidates[1].submit();
    await assert.rejects(proctor('grant', ids[0], ids[1], ...who, '--by', '1m'), ({ code, stdout }) => {
      assert.equal(code, 1);
      assert.match(stdout, new RegExp(`^1 of 2 sessions has the time\\.\n[^]*${ids[1]}  SESSION_SEALED`));
      return true;
    });
    assert.match(await proctor('message', '--everyone', '--text', 'Five minutes more.', '--as', 'petra'), /^(\d+) of \1 sessions have the message\.\n$/);
    assert.equal(await proctor('grant', '--exam', 'NO-SUCH', ...who, '--by', '1m'), 'Nobody was sitting.\n');
  });

  it('are told what an outage cost them, and get exactly that back', async () => {
    const candidate = await sitting();
    const { sessionId } = candidate.session;
    await suite.kill('session');
    await suite.startOne('session');
    const before = await until(() => candidate.get(), 'the session is there again');
    const start = new Date(before.session.startTime).getTime();
    const window = ['--from', new Date(start).toISOString(), '--until', new Date(Math.max(Date.now() - 50, start + 10)).toISOString()];
    const lost = lines(await proctor('incident', ...window, '--json')).find((session) => session.sessionId === sessionId);
    assert.ok(seconds(lost.lost) > 0, lost.lost);
    assert.match(await proctor('incident', ...window), /sessions? lost [\d:.]+ together\.\n$/);
    assert.equal((await candidate.get()).session.granted, '0s', 'looking gives nothing');
    const results = () => proctor('incident', ...window, '--apply', ...who, '--json').then(lines);
    for (const given of [await results(), await results()]) {
      const { granted, amount } = given.find((result) => result.sessionId === sessionId);
      assert.deepEqual([granted, amount], [true, lost.lost]);
    }
    assert.equal((await candidate.get()).session.granted, lost.lost);
    await fails(['proctor', 'incident', ...window, '--apply'], 2, /--as and --reason/);
  });
});

describe('words that make no sense', () => {
  it('do nothing, and say what is wrong', async () => {
    await fails(['proctor', 'pause', 'x', '--as', 'petra'], 2, /--reason TEXT is required/);
    await fails(['proctor', 'pause', ...who], 2, /name the session/);
    await fails(['proctor', 'pause', 'x', ...who], 1, /\(SESSION_ID_INVALID\)/);
    await fails(['proctor', 'pause', '0'.repeat(32), ...who], 1, /\(SESSION_NOT_FOUND\)/);
    await fails(['proctor', 'grant', ...who, '--by', '1m'], 2, /sessions, or --exam, or --everyone/);
    await fails(['proctor', 'grant', 'x', '--everyone', ...who, '--by', '1m'], 2, /one of them/);
    await fails(['proctor', 'grant', 'x', ...who], 2, /--by or --take-back/);
    await fails(['proctor', 'roster', '--state', 'asleep'], 2, /no state "asleep"/);
    await fails(['events', 'tail', '--kind', 'nonsense', '--no-follow'], 2, /no event "nonsense"/);
    await fails(['events', 'webhook', 'replay', 'w'], 2, /--cursor, --event or --dead-letters/);
  });
});

describe('events', () => {
  it('are shown as they happen, and from a cursor', async () => {
    const tail = follow('events', 'tail', '--json', '--all');
    const kinds = (sessionId) => tail.lines.map((line) => JSON.parse(line)).filter((event) => event.sessionId === sessionId).map(({ kind }) => kind.slice('SESSION_EVENT_KIND_'.length));
    const candidate = await sitting();
    const { sessionId } = candidate.session;
    try {
      await until(() => kinds(sessionId).length === 1, 'the start shows');
      await candidate.submit();
      await until(() => kinds(sessionId).length >= 4, 'the end and the result show');
      assert.deepEqual(kinds(sessionId), ['STARTED', 'SUBMITTED', 'SCORED', 'RELEASED']);
    } finally {
      await tail.end();
    }
    const [started] = tail.lines.map((line) => JSON.parse(line)).filter((event) => event.sessionId === sessionId);
    const rest = (await suite.cliAsync('events', 'tail', '--no-follow', '--cursor', started.cursor, '--kind', 'scored,submitted')).split('\n').filter((line) => line.includes(sessionId));
    assert.equal(rest.length, 2);
    assert.match(rest[1], /^\d+  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d  scored .*  result 1: \d+ (pass|fail)$/);
    await fails(['events', 'tail', '--no-follow', '--cursor', '999999999'], 1, /\(CURSOR_AHEAD\)/);
  });

  it('are posted to an address, given up, and replayed', async () => {
    const receiver = await Receiver.start();
    try {
      const create = ['events', 'webhook', 'create', '--url', receiver.url, '--kind', 'started', '--request-id', newId('hook'), '--json'];
      const { webhook: { webhookId }, secret } = JSON.parse(await suite.cliAsync(...create));
      assert.ok(secret.length >= 32);
      assert.equal(JSON.parse(await suite.cliAsync(...create)).webhook.webhookId, webhookId, 'repeated, it makes no other');
      receiver.answer = () => 500;
      const { session: { sessionId } } = await sitting();
      const letters = () => suite.cliAsync('events', 'webhook', 'dead-letters', webhookId);
      await until(async () => (await letters()).includes(sessionId), 'it is given up');
      assert.match(await suite.cliAsync('events', 'webhook', 'list'), new RegExp(`${webhookId} .*started  ${receiver.url} .*HTTP 500`));
      receiver.answer = () => 200;
      await suite.cliAsync('events', 'webhook', 'replay', webhookId, '--dead-letters');
      await until(() => receiver.kinds(sessionId).length === 1, 'it arrives');
      assert.match(await suite.cliAsync('events', 'webhook', 'rotate', webhookId), /Secret: \S{32,}\n/);
      await until(async () => (await letters()) === 'no dead letter\n', 'nothing is given up any more');
      await suite.cliAsync('events', 'webhook', 'delete', webhookId);
      await fails(['events', 'webhook', 'dead-letters', webhookId], 1, /\(WEBHOOK_NOT_FOUND\)/);
    } finally {
      await receiver.down();
    }
  });
});
