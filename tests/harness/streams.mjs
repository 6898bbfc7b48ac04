// A device that saves over one Deliver stream through the gateway's gRPC door, opening a new one when
// it breaks and sending again what was not answered; and a watcher of WatchSession.
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import { setTimeout as delay } from 'node:timers/promises';
import { Writer } from './history.mjs';
import { protoRoot } from './protos.mjs';
import { recorded } from './record.mjs';

const contract = grpc.loadPackageDefinition(loader.loadSync('invigil/session/v1/delivery.proto', { includeDirs: [protoRoot], longs: Number, enums: String, defaults: true, oneofs: true }));

/** A client of the gateway, or of the address given. */
export const openClient = (suite, address = suite.grpc) => new contract.invigil.session.v1.DeliveryService(address, grpc.credentials.createInsecure());

function bearer(token) {
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  return metadata;
}

/** Asks `client` a unary call; gives the answer, or throws gRPC's error. */
export const ask = (client, method, message, token) => new Promise((resolve, reject) => client[method](message, bearer(token), (error, answer) => (error ? reject(error) : resolve(answer))));

/** As Writer, over Deliver: `breaks` counts streams that ended without being told to. */
export class StreamWriter extends Writer {
  static async start(suite, client, examId) {
    const { candidate } = await Writer.start(suite, examId);
    return Object.assign(new StreamWriter(candidate, suite), { client, breaks: 0, row: 0, worstRow: 0, updates: [] });
  }

  run() {
    this.running = true;
    this.done = (async () => {
      const pending = new Map(); // saves that were sent and not answered, oldest first
      while (this.running && !this.suite.stopped) {
        const error = await this.#sit(pending);
        if (!error) continue;
        if (!this.running) break;
        ++this.breaks;
        this.worstRow = Math.max(this.worstRow, ++this.row);
        this.lastError = error;
        if (![grpc.status.UNAVAILABLE, grpc.status.CANCELLED, grpc.status.INTERNAL, grpc.status.UNKNOWN].includes(error.code)) throw error;
        await delay(10);
      }
      for (const { write, sendTime } of pending.values()) this.#keep(write, sendTime, 'unknown');
    })();
    return this;
  }

  /** Saves over one stream until it breaks or there is no more to do. */
  #sit(pending) {
    const { session, sessionToken } = this.candidate;
    return new Promise((resolve) => {
      const stream = this.client.Deliver(bearer(sessionToken));
      const send = (save) => {
        save.sendTime ??= Date.now();
        stream.write({ save: { saveId: save.id, responses: [save.write] } });
      };
      const next = () => {
        const place = (++this.turn * 7) % session.items.length;
        const save = { id: this.turn, write: this.candidate.write(place, this.turn % 11 === 0 ? undefined : this.candidate.pick(place, this.turn)) };
        pending.set(save.id, save);
        send(save);
      };
      stream.on('data', ({ update, saved, refused }) => {
        if (update) {
          this.updates.push(update);
          if (this.updates.length > 1 && this.epochOf(update) < this.epochOf(this.updates.at(-2))) this.wentBack = true;
          return;
        }
        const answer = saved ?? refused;
        const save = pending.get(answer.saveId);
        pending.delete(answer.saveId);
        this.row = 0;
        if (refused && refused.code !== grpc.status.RESOURCE_EXHAUSTED && refused.code !== grpc.status.UNAVAILABLE) {
          this.broken = refused;
          this.running = false;
        }
        this.#keep(save.write, save.sendTime, saved ? 'ok' : 'unknown');
        if (saved) ++this.acked;
        if (this.running && !this.suite.stopped) next();
        else if (pending.size === 0) stream.end();
      });
      let code;
      stream.on('error', (error) => (code = error));
      stream.on('end', () => {});
      stream.on('status', (status) => resolve(status.code === grpc.status.OK ? undefined : (code ?? status)));
      stream.write({ sessionId: session.sessionId, open: { epoch: session.epoch } });
      // What was not answered is sent again, as it was; then go on, eight at a time.
      for (const save of pending.values()) send(save);
      for (let i = pending.size; i < 8; ++i) next();
    });
  }

  epochOf({ epoch, deadlineVersion }) {
    return epoch * 1e6 + deadlineVersion;
  }

  #keep(write, sendTime, outcome) {
    const [{ item, sequence, value }] = recorded([write]);
    if (!this.history.has(item)) this.history.set(item, []);
    this.history.get(item).push({ sequence, options: value, fate: outcome === 'ok' ? 'acked' : outcome });
    this.suite.record?.write({ client: this.candidate.subject, session: this.sessionId, item, sequence, value, sendTime, receiveTime: Date.now(), outcome });
  }
}

/** Watches a session, again whenever the stream breaks; `updates` has what came. */
export class Watcher {
  constructor(client, candidate) {
    Object.assign(this, { client, candidate, updates: [], breaks: 0, stopped: false });
    this.#open();
  }

  #open() {
    const { session, sessionToken } = this.candidate;
    this.stream = this.client.WatchSession({ sessionId: session.sessionId }, bearer(sessionToken));
    this.stream.on('data', (update) => this.updates.push({ ...update, at: Date.now() }));
    this.stream.on('error', () => {});
    this.stream.on('status', ({ code }) => {
      this.ended = code === grpc.status.OK;
      if (this.stopped || this.ended) return;
      ++this.breaks;
      setTimeout(() => this.stopped || this.#open(), 10);
    });
  }

  stop() {
    this.stopped = true;
    this.stream.cancel();
  }
}
