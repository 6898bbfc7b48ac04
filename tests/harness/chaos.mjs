// A TCP proxy that breaks what passes through it: between the gateway and a service, a service and
// Redis, a candidate and the gateway. It knows nothing of what it carries.
//
//   const proxy = await Chaos.listen(suite.ports.session, { seed: 7 });
//   proxy.set({ delay: [5, 50] });                            all connections, now and to come
//   proxy.script = ({ index }) => index < 2 && { resetAfter: 500 };  new ones, one by one
//   proxy.set({ halfOpen: true }); ... proxy.set({});         and well again
//
// A plan, every part of it optional:
//   delay       milliseconds, or [least, most]: every chunk arrives so much later, in order
//   throttle    bytes a second, each way
//   drop        'up' (to the target), 'down' or 'both': what comes that way is thrown away
//   halfOpen    nothing is read, carried or closed any more; peers see silence
//   refuse      a new connection is reset at once
//   resetAfter  bytes, or [least, most]: after so many (both ways together) both ends get a reset
//   closeTwice  an end that was closed in order gets a reset on top
import net from 'node:net';

/** Numbers in [0, 1) that the seed decides (mulberry32). */
export function randomOf(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// Bytes that may wait in the proxy in each direction before its source is no longer read.
const mostWaiting = 1 << 20;

/** One direction: chunks in order, each no earlier than it is due. */
class Way {
  constructor(connection, name, from, to) {
    Object.assign(this, { connection, name, from, to, queue: [], waiting: 0, due: 0, timer: undefined, ended: false });
    from.on('data', (chunk) => this.#take(chunk));
    from.on('end', () => {
      this.ended = true;
      this.flush();
    });
    to.on('drain', () => this.flush());
  }

  get #silent() {
    return this.connection.plan.drop === this.name || this.connection.plan.drop === 'both';
  }

  #take(chunk) {
    const { connection } = this;
    const { delay = 0, throttle } = connection.plan;
    if (this.#silent) {
      connection.proxy.dropped += chunk.length;
      return;
    }
    // What is paced is paced from the end of what goes before.
    const now = performance.now();
    this.due = Math.max(this.due, now + connection.proxy.between(delay));
    if (throttle) this.due += (chunk.length * 1000) / throttle;
    this.queue.push({ chunk, due: this.due });
    this.waiting += chunk.length;
    if (this.waiting > mostWaiting) this.from.pause();
    this.flush();
  }

  /** Passes on what is due, unless the connection stands still. */
  flush() {
    const { connection, to } = this;
    clearTimeout(this.timer);
    if (connection.plan.halfOpen || to.destroyed) return;
    const now = performance.now();
    while (this.queue.length > 0 && this.queue[0].due <= now && !to.writableNeedDrain) {
      const { chunk } = this.queue.shift();
      this.waiting -= chunk.length;
      if (!connection.carry(this, chunk)) return;
    }
    if (this.waiting <= mostWaiting) this.from.resume();
    if (this.queue.length > 0) {
      if (!to.writableNeedDrain) this.timer = setTimeout(() => this.flush(), Math.max(1, this.queue[0].due - now));
    } else if (this.ended && !to.writableEnded) {
      to.end();
      if (connection.plan.closeTwice) to.once('finish', () => to.resetAndDestroy());
    }
  }
}

class Connection {
  constructor(proxy, index, near) {
    Object.assign(this, { proxy, index, near, carried: 0, chosen: undefined });
    this.far = net.connect({ host: proxy.target.host, port: proxy.target.port, allowHalfOpen: true });
    for (const socket of [near, this.far]) {
      socket.setNoDelay(true);
      socket.on('error', () => {}); // 'close' follows
    }
    this.up = new Way(this, 'up', near, this.far);
    this.down = new Way(this, 'down', this.far, near);
    near.on('close', () => this.#closed(this.far));
    this.far.on('close', () => this.#closed(near));
    this.set(proxy.script?.({ index, random: proxy.random }) || undefined);
  }

  get plan() {
    return this.chosen ?? this.proxy.plan;
  }

  /** A plan of this connection's own; undefined: the proxy's. */
  set(plan) {
    this.chosen = plan;
    this.renewed();
  }

  renewed() {
    const { plan } = this;
    this.limit = plan.resetAfter === undefined ? Infinity : this.carried + this.proxy.between(plan.resetAfter);
    if (plan.refuse && this.carried === 0) {
      this.reset();
    } else if (plan.halfOpen) {
      this.near.pause();
      this.far.pause();
    } else {
      for (const way of [this.up, this.down]) {
        way.from.resume();
        way.flush();
      }
      // What closed behind the silence shows now.
      if (this.near.destroyed) this.#closed(this.far);
      if (this.far.destroyed) this.#closed(this.near);
    }
  }

  /** Passes a chunk on, or as much of it as there may be; false when that was the end. */
  carry(way, chunk) {
    const left = this.limit - this.carried;
    const part = chunk.length < left ? chunk : chunk.subarray(0, left);
    this.carried += part.length;
    this.proxy.carried += part.length;
    way.to.write(part);
    if (this.carried < this.limit) return true;
    ++this.proxy.resets;
    this.reset();
    return false;
  }

  reset() {
    this.near.resetAndDestroy();
    this.far.resetAndDestroy();
  }

  #closed(other) {
    // The other end must not learn of it while the connection is half open.
    if (this.plan.halfOpen) return;
    this.proxy.living.delete(this);
    if (other.destroyed) return;
    // In order when the end came in order, and what was on its way still arrives.
    const way = other === this.far ? this.up : this.down;
    if (way.ended) way.flush();
    else other.resetAndDestroy();
  }
}

export class Chaos {
  /** In front of `target`: a port of loopback, or {host, port}. */
  static async listen(target, { seed = 1, script, plan = {}, port = 0 } = {}) {
    const proxy = new Chaos();
    proxy.target = typeof target === 'number' ? { host: '127.0.0.1', port: target } : target;
    Object.assign(proxy, { script, plan, random: randomOf(seed), living: new Set(), accepted: 0, carried: 0, dropped: 0, resets: 0 });
    proxy.server = net.createServer({ allowHalfOpen: true }, (near) => proxy.living.add(new Connection(proxy, proxy.accepted++, near)));
    await new Promise((resolve, reject) => proxy.server.once('error', reject).listen(port, '127.0.0.1', resolve));
    proxy.port = proxy.server.address().port;
    return proxy;
  }

  get address() {
    return `127.0.0.1:${this.port}`;
  }

  /** A plan for every connection, there and to come; `onlyThere` spares those to come. */
  set(plan, { onlyThere = false } = {}) {
    if (!onlyThere) this.plan = plan;
    for (const connection of this.living) connection.set(onlyThere ? plan : undefined);
  }

  resetAll() {
    for (const connection of this.living) connection.reset();
  }

  /** A number, or one between two. */
  between(range) {
    return Array.isArray(range) ? range[0] + Math.floor(this.random() * (range[1] - range[0] + 1)) : range;
  }

  async stop() {
    for (const connection of this.living) {
      connection.near.destroy();
      connection.far.destroy();
    }
    await new Promise((resolve) => this.server.close(resolve));
  }
}
