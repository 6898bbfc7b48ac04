// Candidates who save without pause while something breaks, and the judge of what was kept: every
// acknowledged response is there, and nothing that was not sent (platform facts: the final answer of an
// item is the highest acknowledged write, or a later one whose fate is unknown).
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { ConnectError, newCandidate } from './connect.mjs';
import { recorded } from './record.mjs';

// Errors after which a write may or may not have been stored.
const unclear = new Set(['unavailable', 'deadline_exceeded', 'unknown', 'canceled', 'aborted', 'not_json']);

/** How long a device waits for an answer before it asks again. */
export const patienceMs = 3000;

/** Also keeps what it sees in `suite.record`, where there is one (record.mjs). */
export class Writer {
  static async start(suite, examId = 'CLF-C02') {
    const candidate = await newCandidate(suite, 'writer');
    const sendTime = Date.now();
    await candidate.start(examId);
    const writer = new Writer(candidate, suite);
    writer.noteStart(candidate.session, sendTime);
    return writer;
  }

  /** Some at once. */
  static all(suite, count, examId) {
    return Promise.all(Array.from({ length: count }, () => Writer.start(suite, examId)));
  }

  constructor(candidate, suite) {
    Object.assign(this, { candidate, suite, acked: 0, unknown: 0, latencies: [], history: new Map(), turn: 0 });
  }

  /** Saves until `stop`; one request at a time, as a device does. */
  run() {
    this.running = true;
    this.done = (async () => {
      let request;
      // A test that failed does not stop its writers; its suite ends, and they with it.
      while (this.running && !this.suite.stopped) {
        request = await this.#send(request ?? this.#next());
        // After an unclear end a device tries the same again, or the candidate has moved on.
        if (request) await delay(10);
        if (request && this.turn % 3 === 0) request = undefined;
      }
    })();
    return this;
  }

  /** Answers the items at `places`, once; gives what was sent when its fate is unknown. */
  answer(...places) {
    ++this.turn;
    return this.#send(places.map((place) => this.candidate.write(place, this.candidate.pick(place, this.turn))));
  }

  async stop() {
    this.running = false;
    await this.done;
  }

  get sessionId() {
    return this.candidate.session.sessionId;
  }

  noteStart({ examId, startTime, duration }, sendTime) {
    const { record } = this.suite;
    record?.start({ session: this.sessionId, candidate: this.candidate.subject, exam: examId, startTime: Date.parse(startTime), sendTime, receiveTime: Date.now() });
    record?.deadline({ session: this.sessionId, at: Date.parse(startTime) + Number(duration.replace('s', '')) * 1000 });
  }

  #next() {
    const { items } = this.candidate.session;
    const count = 1 + (this.turn % 3);
    const places = Array.from({ length: count }, (_, i) => (this.turn * 7 + i) % items.length);
    ++this.turn;
    return places.map((place) => this.candidate.write(place, this.turn % 11 === 0 ? undefined : this.candidate.pick(place, this.turn)));
  }

  /** Gives the request back when its fate is unknown. */
  async #send(request) {
    const sendTime = Date.now();
    const record = (fate) => {
      for (const { itemId, sequence, optionIds = [] } of request) this.#of(itemId).push({ sequence, options: optionIds.join(), fate });
      this.#keep(request, sendTime, fate === 'acked' ? 'ok' : fate);
    };
    const began = performance.now();
    this.waiting = began;
    try {
      const { acks } = await this.candidate.save(request, {}, { headers: { 'connect-timeout-ms': `${patienceMs}` } });
      this.latencies.push(performance.now() - began);
      for (const { status } of acks) assert.equal(status, 'ACK_STATUS_STORED', 'a single writer is never behind');
      record('acked');
      this.acked += request.length;
      return undefined;
    } catch (error) {
      // fetch throws a TypeError when the connection breaks.
      if (error instanceof ConnectError && error.code === 'resource_exhausted') {
        record('refused');
        this.refused = (this.refused ?? 0) + 1;
        return request;
      }
      if (!(error instanceof TypeError) && !unclear.has(error.code)) {
        this.running = false;
        throw error;
      }
      this.lastError = error;
      this.errors = (this.errors ?? 0) + 1;
      record('unknown');
      this.unknown += request.length;
      return request;
    }
  }

  #keep(request, sendTime, outcome) {
    for (const { item, sequence, value } of recorded(request)) {
      this.suite.record?.write({ client: this.candidate.subject, session: this.sessionId, item, sequence, value, sendTime, receiveTime: Date.now(), outcome });
    }
  }

  #of(itemId) {
    if (!this.history.has(itemId)) this.history.set(itemId, []);
    return this.history.get(itemId);
  }

  /** Asserts that `responses`, as the server gives them, is what the history allows. */
  judge(responses) {
    const stored = new Map(responses.map(({ itemId, ...response }) => [itemId, response]));
    for (const [itemId, writes] of this.history) {
      const acked = writes.filter(({ fate }) => fate === 'acked');
      const highest = acked.reduce((best, write) => (write.sequence > best.sequence ? write : best), { sequence: 0 });
      const got = stored.get(itemId);
      if (!got) {
        assert.equal(highest.sequence, 0, `the acknowledged response to ${itemId} is gone`);
        continue;
      }
      assert.ok(got.sequence >= highest.sequence, `${itemId}: ${got.sequence} is stored, ${highest.sequence} was acknowledged`);
      const sent = writes.find(({ sequence, options, fate }) => fate !== 'refused' && sequence === got.sequence && options === got.optionIds.join());
      assert.ok(sent, `${itemId}: what is stored under ${got.sequence} was never sent`);
    }
    for (const itemId of stored.keys()) assert.ok(this.history.has(itemId), `${itemId} was never answered`);
  }

  async check() {
    const sendTime = Date.now();
    const { session } = await this.candidate.get();
    this.judge(session.responses);
    this.noteStart(session, sendTime);
    this.suite.record?.read({ session: this.sessionId, responses: recorded(session.responses), sendTime, receiveTime: Date.now(), live: ['ACTIVE', 'PAUSED', 'ON_BREAK'].some((state) => session.state === `SESSION_STATE_${state}`) });
    return session;
  }

  /** Submits all that was sent, sending again what is missing; gives the answer. */
  async submit() {
    for (;;) {
      const sendTime = Date.now();
      try {
        const answer = await this.candidate.submit();
        this.suite.record?.seal({ session: this.sessionId, endTime: Date.parse(answer.endTime), responses: recorded(answer.receipt), sendTime, receiveTime: Date.now() });
        return answer;
      } catch (error) {
        if (error.reason !== 'RESPONSES_MISSING') throw error;
        const missing = error.details.metadata.item_ids.split(',').map((itemId) => this.#newest(itemId));
        await this.candidate.save(missing).finally(() => this.#keep(missing, sendTime, 'unknown'));
      }
    }
  }

  #newest(itemId) {
    const sequence = this.candidate.sequence[itemId];
    const { options } = this.history.get(itemId).find((write) => write.sequence === sequence);
    this.history.get(itemId).push({ sequence, options, fate: 'unknown' });
    return { itemId, sequence, ...(options ? { optionIds: options.split(',') } : { cleared: true }) };
  }
}

export const total = (writers) => writers.reduce((sum, { acked }) => sum + acked, 0);
export const percentile = (values, share) => [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))];
