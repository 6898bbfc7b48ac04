// Connect JSON by plain HTTP, as curl would send it.

/** A refused call: HTTP status, Connect code, message and the details decoded. */
export class ConnectError extends Error {
  constructor(status, body) {
    super(`${body.code}: ${body.message}`);
    this.status = status;
    this.code = body.code;
    this.details = body.details ?? [];
    this.body = body;
  }

  /** ErrorInfo.reason, read from the detail's bytes: field 1 of the message. */
  get reason() {
    const info = this.details.find((detail) => detail.type === 'google.rpc.ErrorInfo');
    if (!info) return undefined;
    const bytes = Buffer.from(info.value, 'base64');
    return bytes[0] === 0x0a ? bytes.subarray(2, 2 + bytes[1]).toString() : undefined;
  }
}

/** Calls `service/method` with a JSON message; gives the answer or throws a ConnectError. */
export async function call(base, method, message, token, { headers = {}, signal } = {}) {
  const response = await fetch(`${base}/${method}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers },
    body: typeof message === 'string' ? message : JSON.stringify(message),
    signal,
  });
  const text = await response.text();
  let body;
  try {
    body = JSON.parse(text);
  } catch {
    throw new ConnectError(response.status, { code: 'not_json', message: text.slice(0, 200) });
  }
  if (!response.ok) throw new ConnectError(response.status, body);
  return body;
}

/** The candidate's side of one suite. */
export class Candidate {
  constructor(base, token) {
    Object.assign(this, { base, token, sequence: {} });
  }

  delivery(method, message, token = this.sessionToken ?? this.token, options) {
    return call(this.base, `invigil.session.v1.DeliveryService/${method}`, message, token, options);
  }

  async start(examId = 'CLF-C02', requestId = `r-${Math.random().toString(36).slice(2)}`, extra = {}) {
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

  save(responses, extra = {}) {
    return this.delivery('SaveResponses', { sessionId: this.session.sessionId, epoch: this.session.epoch, responses, ...extra });
  }

  get seen() {
    return Object.entries(this.sequence).map(([itemId, sequence]) => ({ itemId, sequence }));
  }

  submit(extra = {}) {
    return this.delivery('SubmitSession', { sessionId: this.session.sessionId, epoch: this.session.epoch, seen: this.seen, ...extra });
  }

  report() {
    return this.delivery('GetScoreReport', { sessionId: this.session.sessionId });
  }

  get() {
    return this.delivery('GetSession', { sessionId: this.session.sessionId });
  }
}
