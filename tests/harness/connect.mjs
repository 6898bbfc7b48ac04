// Connect JSON by plain HTTP, as curl would send it.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { readDetails } from './details.mjs';
import { sign } from './tokens.mjs';

/** A refused call: HTTP status, Connect code, message and the details decoded. */
export class ConnectError extends Error {
  constructor(status, body) {
    super(`${body.code}: ${body.message}`);
    Object.assign(this, { status, body, code: body.code, text: body.message });
    const details = (body.details ?? []).map(({ type, value }) => ({ type, value: Buffer.from(value, 'base64') }));
    this.details = readDetails(details);
  }

  get reason() {
    return this.details.reason;
  }
}

/** Posts anything; gives status, headers and the body as it came. */
export async function post(base, method, body, headers = {}, signal) {
  const response = await fetch(`${base}/${method}`, { method: 'POST', headers, body, signal });
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Calls `service/method` with a JSON message (or the text given); gives the answer or throws a ConnectError. */
export async function call(base, method, message, token, { headers = {}, signal } = {}) {
  const authorization = token ? { authorization: `Bearer ${token}` } : {};
  const sent = typeof message === 'string' ? message : JSON.stringify(message);
  const { status, text } = await post(base, method, sent, { 'content-type': 'application/json', ...authorization, ...headers }, signal);
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ConnectError(status, { code: 'not_json', message: text.slice(0, 200) });
  }
  if (status !== 200) throw new ConnectError(status, body);
  return body;
}

/**
 * Asserts that a call is refused as `wanted` says: status, code, reason, and where given the paths of
 * the wrong fields and metadata. Gives the error.
 */
export async function refused(promise, wanted) {
  const error = await promise.then(
    (answer) => assert.fail(`was not refused: ${JSON.stringify(answer).slice(0, 300)}`),
    (caught) => caught,
  );
  if (!(error instanceof ConnectError)) throw error;
  const { status, code, reason, details } = error;
  assert.deepEqual({ status, code, reason }, { status: wanted.status, code: wanted.code, reason: wanted.reason }, error.message);
  assert.equal(details.domain, 'invigil');
  assert.ok(error.text.length > 10, 'the message says what to do');
  if (wanted.fields) assert.deepEqual(details.fields.map(({ field }) => field), wanted.fields);
  for (const { description } of details.fields) assert.ok(description, 'a wrong field says what is wrong');
  for (const [name, value] of Object.entries(wanted.metadata ?? {})) assert.equal(details.metadata[name], value);
  return error;
}

/** A name nobody used before, also not in a suite that runs for long. */
export const newId = (prefix) => `${prefix}-${randomBytes(6).toString('hex')}`;

/** The candidate's side of one suite. */
export class Candidate {
  constructor(base, token) {
    Object.assign(this, { base, token, sequence: {} });
  }

  delivery(method, message, token = this.sessionToken ?? this.token, options) {
    return call(this.base, `invigil.session.v1.DeliveryService/${method}`, message, token, options);
  }

  async start(examId = 'CLF-C02', requestId = newId('r'), extra = {}) {
    const answer = await this.delivery('StartSession', { examId, requestId, ...extra }, this.token);
    this.session = answer.session;
    this.sessionToken = answer.sessionToken;
    return answer;
  }

  /** A write to the item at `index` (0-based) with the next sequence. */
  write(index, optionIds) {
    const { itemId } = this.session.items[index];
    this.sequence[itemId] = (this.sequence[itemId] ?? 0) + 1;
    return { itemId, sequence: this.sequence[itemId], ...(optionIds ? { optionIds } : { cleared: true }) };
  }

  save(responses, extra = {}, options) {
    return this.delivery('SaveResponses', { sessionId: this.session.sessionId, epoch: this.session.epoch, responses, ...extra }, undefined, options);
  }

  get seen() {
    return Object.entries(this.sequence).map(([itemId, sequence]) => ({ itemId, sequence }));
  }

  submit(extra = {}) {
    return this.delivery('SubmitSession', { sessionId: this.session.sessionId, epoch: this.session.epoch, seen: this.seen, ...extra });
  }

  /** Asks `method` of this session in its epoch; takes up the session that comes back. */
  async #ask(method, message) {
    const answer = await this.delivery(method, { sessionId: this.session.sessionId, epoch: this.session.epoch, ...message });
    if (answer.session) this.session = { ...this.session, ...answer.session, items: answer.session.items.length > 0 ? answer.session.items : this.session.items };
    return answer.session ?? answer;
  }

  /** Leaves the part at `part`; accepts, if it is an agreement. */
  leave(part, extra = {}) {
    return this.#ask('LeavePart', { part, seen: this.seen, accept: true, ...extra });
  }

  takeBreak(breakNumber, extra = {}) {
    return this.#ask('TakeBreak', { breakNumber, seen: this.seen, ...extra });
  }

  endBreak(breakNumber) {
    return this.#ask('EndBreak', { breakNumber });
  }

  /** Reports marks, and the item at `shown` (0-based) as being on the screen. */
  progress(marks = [], shown, extra = {}) {
    return this.#ask('SaveProgress', { marks, ...(shown === undefined ? {} : { shownItemId: this.session.items[shown].itemId }), ...extra });
  }

  report() {
    return this.delivery('GetScoreReport', { sessionId: this.session.sessionId });
  }

  /** One option (or as many as the item wants) of the item at `index`; `turn` varies the choice. */
  pick(index, turn = 0) {
    const { options, selectCount } = this.session.items[index];
    return Array.from({ length: selectCount }, (_, i) => options[(turn + i) % options.length].optionId).sort();
  }

  get() {
    return this.delivery('GetSession', { sessionId: this.session.sessionId });
  }
}

/** A candidate nobody met before, with a token of their own. */
export async function newCandidate(suite, prefix = 'candidate') {
  const subject = newId(prefix);
  const candidate = new Candidate(suite.http, await sign(suite, 'candidate', subject));
  candidate.subject = subject;
  return candidate;
}
