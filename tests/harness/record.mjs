// What clients saw, and whether it can be true of one system that keeps its promises. Every operation
// is kept with when it was sent and answered and how it ended: ok, refused, or unknown, which stays
// unknown for ever. `check()` gives every broken promise; the judge never excuses a lost
// acknowledgement and never accuses because of a lost answer.
//
// Times are milliseconds of one clock for all clients; the server's own times may differ from it by
// `tolerance`.

export class Record {
  constructor({ tolerance = 20 } = {}) {
    Object.assign(this, { tolerance, sessions: new Map(), writes: [] });
  }

  #of(session) {
    if (!this.sessions.has(session)) this.sessions.set(session, { writes: [], reads: [], starts: [], seals: [], scored: [], deadlines: [] });
    return this.sessions.get(session);
  }

  /**
   * One write: {client, session, item, sequence, value, sendTime, receiveTime, outcome}. `value`: the
   * options, joined; '' when cleared. Refused: by an answer that says that nothing was stored.
   */
  write(operation) {
    this.#of(operation.session).writes.push(operation);
  }

  /** What a read showed: responses [{item, sequence, value}], and whether the session was live. */
  read({ session, responses, sendTime, receiveTime, live }) {
    this.#of(session).reads.push({ responses, sendTime, receiveTime, live });
  }

  /** A session as a start or read showed it: whose it is and when its clock began. */
  start({ session, candidate, exam, startTime, sendTime, receiveTime }) {
    this.#of(session).starts.push({ candidate, exam, startTime, sendTime, receiveTime });
  }

  /** From `since` on (never when left out: always) the session ends at `at`. */
  deadline({ session, at, since = -Infinity }) {
    this.#of(session).deadlines.push({ at, since });
  }

  /** What a seal answered: when the session ended and what was sealed. */
  seal({ session, endTime, responses, sendTime, receiveTime }) {
    this.#of(session).seals.push({ endTime, responses, sendTime, receiveTime });
  }

  /** What was scored: the responses of one score version. */
  score({ session, version, responses }) {
    this.#of(session).scored.push({ version, responses });
  }

  /** [{rule, session, item?, text}], empty when all is well. */
  check() {
    const broken = [];
    for (const [session, seen] of this.sessions) {
      const accuse = (rule, text, item) => broken.push({ rule, session, ...(item === undefined ? {} : { item }), text });
      this.#checkWrites(seen, accuse);
      this.#checkTime(seen, accuse);
      this.#checkSeals(seen, accuse);
      for (const { responses, sendTime, receiveTime } of seen.reads) this.#judge(seen, responses, sendTime, receiveTime, accuse);
      // A seal shows all that was acknowledged before it was asked for.
      for (const { responses, sendTime, receiveTime } of seen.seals) this.#judge(seen, responses, sendTime, receiveTime, accuse);
    }
    this.#checkStarts(broken);
    return broken;
  }

  /** Throws with the first few broken promises. */
  assertKept() {
    const broken = this.check();
    if (broken.length > 0) throw new Error(`${broken.length} broken promises: ${broken.slice(0, 5).map(({ rule, session, text }) => `${rule} (${session}): ${text}`).join('; ')}`);
  }

  // One sequence of an item stands for one value.
  #checkWrites({ writes }, accuse) {
    const values = new Map();
    for (const { item, sequence, value, outcome } of writes) {
      if (outcome !== 'ok') continue;
      const key = `${item} ${sequence}`;
      if (values.has(key) && values.get(key) !== value) accuse('one-value', `${item}: two values were acknowledged under sequence ${sequence}`, item);
      values.set(key, value);
    }
  }

  // What was sent after the end is never acknowledged.
  #checkTime({ writes, deadlines, seals }, accuse) {
    for (const { item, sequence, sendTime, receiveTime, outcome } of writes) {
      if (outcome !== 'ok') continue;
      const known = deadlines.filter(({ since }) => since <= receiveTime);
      const last = Math.max(...known.map(({ at }) => at));
      if (known.length > 0 && sendTime > last + this.tolerance) accuse('deadline', `${item}: sequence ${sequence} was sent ${Math.round(sendTime - last)} ms after the deadline and acknowledged`, item);
      const sealed = seals.find((seal) => seal.receiveTime < sendTime);
      if (sealed) accuse('sealed', `${item}: sequence ${sequence} was acknowledged after the seal was answered`, item);
    }
  }

  // A session is sealed once, and for good; what was scored is what was sealed.
  #checkSeals({ seals, reads, scored }, accuse) {
    const [first] = seals;
    for (const seal of seals) {
      if (seal.endTime !== first.endTime) accuse('seal-once', `sealed at ${first.endTime} and at ${seal.endTime}`);
      if (keyOf(seal.responses) !== keyOf(first.responses)) accuse('seal-once', 'two seals show different responses');
    }
    const closed = Math.min(Infinity, ...seals.map(({ receiveTime }) => receiveTime), ...reads.filter(({ live }) => live === false).map(({ receiveTime }) => receiveTime));
    if (reads.some(({ live, sendTime }) => live === true && sendTime > closed)) accuse('reopened', 'seen running after it was seen sealed');
    const versions = new Map();
    for (const { version, responses } of scored) {
      if (first && keyOf(answered(responses)) !== keyOf(answered(first.responses))) accuse('scored-set', 'what was scored is not what was sealed');
      if (versions.has(version) && versions.get(version) !== keyOf(responses)) accuse('score-once', `score version ${version} rests on two sets of responses`);
      versions.set(version, keyOf(responses));
    }
  }

  // The state of each item is the highest write acknowledged before, or a later one that may have been
  // stored; and nothing is there that was not sent.
  #judge({ writes }, responses, sendTime, receiveTime, accuse) {
    const shown = new Map(responses.map((response) => [response.item, response]));
    const highest = new Map();
    for (const { item, sequence, outcome, receiveTime: acked } of writes) {
      if (outcome === 'ok' && acked <= sendTime && sequence > (highest.get(item) ?? 0)) highest.set(item, sequence);
    }
    for (const [item, sequence] of highest) {
      const got = shown.get(item);
      if (!got) accuse('lost', `${item}: sequence ${sequence} was acknowledged and is gone`, item);
      else if (got.sequence < sequence) accuse('lost', `${item}: ${got.sequence} is stored, ${sequence} was acknowledged`, item);
    }
    for (const { item, sequence, value } of responses) {
      const sent = writes.filter((write) => write.item === item && write.sequence === sequence && write.value === value && write.sendTime <= receiveTime);
      if (sent.length === 0) accuse('invented', `${item}: what is stored under ${sequence} was never sent`, item);
      else if (sent.every(({ outcome }) => outcome === 'refused')) accuse('refused-stored', `${item}: ${sequence} was refused and is stored`, item);
    }
  }

  // A clock starts once, and a candidate has one live session of an exam at a time.
  #checkStarts(broken) {
    const owners = new Map();
    for (const [session, { starts, seals }] of this.sessions) {
      const [first] = starts;
      for (const start of starts) {
        if (start.startTime !== first.startTime) broken.push({ rule: 'start-once', session, text: `the clock began at ${first.startTime} and at ${start.startTime}` });
        if (start.candidate !== first.candidate || start.exam !== first.exam) broken.push({ rule: 'owner', session, text: 'the session changed hands' });
      }
      if (!first) continue;
      const owner = `${first.candidate} ${first.exam}`;
      const end = seals.length > 0 ? seals[0].endTime : Infinity;
      for (const other of owners.get(owner) ?? []) {
        if (first.startTime < other.end && other.startTime < end) broken.push({ rule: 'one-live', session, text: `ran beside ${other.session} of the same candidate and exam` });
      }
      owners.set(owner, [...(owners.get(owner) ?? []), { session, startTime: first.startTime, end }]);
    }
  }
}

const keyOf = (responses) => JSON.stringify(responses.map(({ item, sequence, value }) => [item, sequence ?? null, value]).sort());
// Scoring is told what is answered, not by which write, and nothing of what was cleared.
const answered = (responses) => responses.filter(({ value }) => value !== '').map(({ item, value }) => ({ item, value }));

/** Responses as the contract has them, for the record. */
export const recorded = (responses) => responses.map(({ itemId, sequence, optionIds = [] }) => ({ item: itemId, sequence, value: optionIds.join() }));
