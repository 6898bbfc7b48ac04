// Another team's webhook: keeps what is posted, and answers as a test says.
import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import http from 'node:http';
import https from 'node:https';
import { freePort } from './processes.mjs';

export class Receiver {
  /** `tls`: { key, cert } to be reached by https only. */
  static async start(tls) {
    const receiver = new Receiver();
    receiver.tls = tls;
    receiver.port = await freePort();
    await receiver.up();
    return receiver;
  }

  constructor() {
    Object.assign(this, { posts: [], tries: 0, answer: () => 200 });
  }

  get url() {
    return `${this.tls ? 'https' : 'http'}://127.0.0.1:${this.port}/invigil`;
  }

  /** Listens (again), on the same port. `answer(event)` gives a status, or a promise of one. */
  up() {
    const take = async (request, response) => {
      const chunks = [];
      for await (const chunk of request) chunks.push(chunk);
      const body = Buffer.concat(chunks).toString();
      const event = JSON.parse(body);
      ++this.tries;
      const status = await this.answer(event);
      if (status === 200) this.posts.push({ event, body, headers: request.headers });
      response.writeHead(status).end();
    };
    this.server = this.tls ? https.createServer(this.tls, take) : http.createServer(take);
    return new Promise((resolve) => this.server.listen(this.port, '127.0.0.1', resolve));
  }

  down() {
    this.server.closeAllConnections();
    return new Promise((resolve) => this.server.close(resolve));
  }

  /** The kinds of what came of a session, without repeats, in the order of the first arrivals. */
  kinds(sessionId) {
    const seen = new Map();
    for (const { event } of this.posts) if (event.sessionId === sessionId && !seen.has(event.eventId)) seen.set(event.eventId, kindOf(event));
    return [...seen.values()];
  }
}

export const kindOf = ({ kind }) => kind.replace('SESSION_EVENT_KIND_', '');

/** Asserts that each secret has signed a post, as a receiver would check it. */
export function assertSigned({ headers, body, event }, ...secrets) {
  assert.equal(headers['invigil-event-id'], event.eventId);
  assert.equal(headers['content-type'], 'application/json');
  const timestamp = headers['invigil-timestamp'];
  assert.ok(Math.abs(Date.now() / 1000 - Number(timestamp)) < 120, timestamp);
  const signatures = headers['invigil-signature'].split(',');
  assert.deepEqual(signatures, secrets.map((secret) => `v1=${createHmac('sha256', secret).update(`${timestamp}.${body}`).digest('hex')}`));
}
