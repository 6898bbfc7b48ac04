// A whole suite of real processes in a temporary folder: Redis, item_bank, scoring, session, gateway.
import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Child, freePort, until } from './processes.mjs';
import { sign } from './tokens.mjs';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const bin = process.env.INVIGIL_BIN ?? path.join(root, 'build/release/bin');
export const shippedBanks = ['clf-c02', 'saa-c03', 'aif-c01'].map((name) => path.join(root, 'deploy/banks', name));

const programs = {
  item_bank: 'invigil-item-bank',
  scoring: 'invigil-scoring',
  session: 'invigil-session',
  gateway: 'invigil-gateway',
};
const keys = { platform: 'candidate,author,operator,proctor', session: 'candidate,service', scoring: 'service' };
// A call of each service that an operator or candidate may make and that changes nothing.
const probes = {
  item_bank: ['candidate', 'invigil.itembank.v1.ExamService/ListExams', {}],
  session: ['candidate', 'invigil.session.v1.DeliveryService/GetSession', { sessionId: '0'.repeat(32) }],
  scoring: ['operator', 'invigil.scoring.v1.ScoringService/GetScore', { sessionId: '0'.repeat(32) }],
};
const asJson = (text) => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** What every suite can be asked, whoever started it. `dir` has its cli.conf. */
class AnySuite {
  path(name) {
    return path.join(this.dir, name);
  }

  get #cliOptions() {
    return { env: { ...process.env, INVIGIL_DATA: this.dir }, encoding: 'utf8', maxBuffer: 64 << 20 };
  }

  /** Runs the command line against this suite; returns its standard output. Blocks this process. */
  cli(...args) {
    return execFileSync(path.join(bin, 'invigil'), args, { ...this.#cliOptions, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  /** The same without blocking: for while candidates are at work in this process. */
  async cliAsync(...args) {
    return (await promisify(execFile)(path.join(bin, 'invigil'), args, this.#cliOptions)).stdout;
  }

  token(role, subject, ...rest) {
    return this.cli('token', '--role', role, '--subject', subject, ...rest).trim();
  }

  log(name) {
    return existsSync(this.logPath(name)) ? readFileSync(this.logPath(name), 'utf8') : '';
  }

  /** The JSON lines a process has logged so far. */
  logLines(name) {
    return this.log(name).split('\n').map(asJson).filter(Boolean);
  }

  /** Waits for a line of a process's log that `matches`. */
  logged(name, matches, what) {
    return until(() => this.logLines(name).find(matches), `${name} logs ${what}`, 10_000);
  }
}

/** A suite that runs already: INVIGIL_HTTP names its address and INVIGIL_DATA its data folder. */
class RunningSuite extends AnySuite {
  constructor(http, dir) {
    super();
    Object.assign(this, { http, dir, external: true });
  }

  get grpc() {
    return /^gateway = (.*)$/m.exec(readFileSync(this.path('cli.conf'), 'utf8'))[1];
  }

  get keyPath() {
    return /^key = (.*)$/m.exec(readFileSync(this.path('cli.conf'), 'utf8'))[1];
  }

  logPath(name) {
    return this.path(`log/${name}.log`);
  }

  async stop() {}
}

export class Suite extends AnySuite {
  /** The running suite that INVIGIL_HTTP and INVIGIL_DATA name, or else a new one. */
  static async open(options) {
    const { INVIGIL_HTTP: http, INVIGIL_DATA: data } = process.env;
    if (!http) return Suite.start(options);
    if (!data) throw new Error('INVIGIL_HTTP needs INVIGIL_DATA too: the data folder of that suite');
    return new RunningSuite(http, data);
  }

  /**
   * Starts everything and loads the shipped banks (or those of `banks`, folders).
   * `args`: extra flags by process name. `sessions`: replicas of the session service on one data
   * folder; they are called session, session2 and so on. `prepare`: gets the suite before anything
   * runs, with its folder and ports: it may put variables into `suite.env.NAME` and, for what a
   * process must reach by a detour, a port into `suite.detours['FROM>TO']`, and postgresql://...
   * into `suite.store`.
   */
  static async start({ banks = shippedBanks, args = {}, sessions = 1, prepare } = {}) {
    const suite = new Suite(args, sessions);
    try {
      await suite.#begin(banks, prepare);
    } catch (error) {
      await suite.stop();
      throw error;
    }
    return suite;
  }

  constructor(args, sessions) {
    super();
    this.args = args;
    this.sessions = Array.from({ length: sessions }, (_, i) => (i === 0 ? 'session' : `session${i + 1}`));
    this.dir = mkdtempSync(path.join(tmpdir(), 'invigil-suite-'));
    this.children = {};
    this.ports = {};
    this.env = {};
    this.detours = {};
  }

  async #begin(banks, prepare) {
    const services = ['item_bank', 'scoring', ...this.sessions, 'gateway'];
    for (const name of ['redis', 'http', ...services]) this.ports[name] = await freePort();
    for (const name of services) this.ports[`${name}_admin`] = await freePort();
    for (const [name, roles] of Object.entries(keys)) {
      execFileSync(path.join(bin, 'invigil'), ['keys', 'create', '--name', name, '--roles', roles, '--private', this.path(`${name}.pem`), '--jwks', this.path('jwks.json')]);
    }
    writeFileSync(this.path('cli.conf'), `gateway = ${this.grpc}\nkey = ${this.keyPath}\n`);
    writeFileSync(this.path('env'), `INVIGIL_HTTP=${this.http}\nINVIGIL_GRPC=${this.grpc}\n`);
    await prepare?.(this);
    await this.startOne('redis');
    for (const name of services) await this.startOne(name);
    for (const bank of banks) this.cli('bank', 'import', bank);
    // A detour through this process stands still while it waits for an import, and a replica behind
    // it is left for as long: a test that begins then finds everybody at the other one.
    if (this.sessions.length > 1) for (const name of this.sessions) await this.healthy(name);
  }

  /** Starts a process on its port (again); waits until it is ready unless `wait` is false. */
  async startOne(name, { wait = true } = {}) {
    const loopback = (to) => `127.0.0.1:${this.detours[`${name}>${to}`] ?? this.ports[to]}`;
    const service = this.sessions.includes(name) ? 'session' : name;
    const data = this.path(service);
    mkdirSync(data, { recursive: true });
    let command;
    let args;
    if (name === 'redis') {
      command = 'redis-server';
      args = ['--bind', '127.0.0.1', '--port', `${this.ports.redis}`, '--dir', data, '--appendonly', 'yes', '--save', '', '--maxmemory-policy', 'noeviction'];
    } else {
      command = path.join(bin, programs[service]);
      args = ['--listen', loopback(name), '--admin', loopback(`${name}_admin`), '--jwks', this.path('jwks.json'), '--instance', name];
      if (service !== 'gateway') args.push(...(this.store ? ['--store', this.store] : ['--data', data]));
      if (service === 'scoring' || service === 'session') args.push('--key', this.path(`${service}.pem`));
      if (service !== 'item_bank') args.push('--item-bank', loopback('item_bank'));
      if (service === 'session' || service === 'gateway') args.push('--scoring', loopback('scoring'));
      if (service === 'session') args.push('--redis', loopback('redis'));
      if (service === 'gateway') args.push('--session', this.sessions.map(loopback).join(','), '--http-listen', loopback('http'));
    }
    args.push(...(this.args[service] ?? []));
    const child = new Child(name, command, args, this.logPath(name), this.env[name]);
    this.children[name] = child;
    if (wait) await this.ready(name);
    if (wait && probes[service] && this.children.gateway?.running) await this.#reached(service);
    if (wait && service === 'session' && this.sessions.length > 1 && this.children.gateway?.running) await this.healthy(name);
    return child;
  }

  /** Waits until a process is ready to serve. */
  async ready(name) {
    const check = name === 'redis' ? () => this.redis('ping') === 'PONG' : async () => (await fetch(`http://127.0.0.1:${this.ports[`${name}_admin`]}/readyz`)).ok;
    await this.children[name].ready(check);
  }

  /** Waits until the gateway, which tries a service that was away again only now and then, reaches it. */
  async #reached(service) {
    const [role, method, message] = probes[service];
    const authorization = `Bearer ${await sign(this, role, 'harness')}`;
    await until(async () => {
      const { status } = await fetch(`${this.http}/${method}`, { method: 'POST', headers: { 'content-type': 'application/json', authorization }, body: JSON.stringify(message) });
      return status !== 503;
    }, `the gateway reaches ${service}`, 10_000);
  }

  /** Waits until the gateway sends calls to this replica of the session service. */
  async healthy(name) {
    const replica = `127.0.0.1:${this.detours[`gateway>${name}`] ?? this.ports[name]}`;
    await until(async () => (await this.metric('gateway', `invigil_gateway_replica_healthy{replica="${replica}",service="session"}`)) === 1, `the gateway sends calls to ${name}`, 10_000);
  }

  async kill(name, signal = 'SIGKILL') {
    return this.children[name].kill(signal);
  }

  /** Kills a process and starts it again on the same port and data. */
  async restart(name, signal = 'SIGKILL') {
    await this.kill(name, signal);
    return this.startOne(name);
  }

  redis(...args) {
    return execFileSync('redis-cli', ['-p', `${this.ports.redis}`, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  }

  /** The sum of the Prometheus series of a process that begin with `series` and that `matches`, 0 when absent. */
  async metric(name, series, matches = () => true) {
    const text = await (await fetch(`http://127.0.0.1:${this.ports[`${name}_admin`]}/metrics`)).text();
    return text.split('\n').filter((line) => line.startsWith(series) && matches(line)).reduce((sum, line) => sum + Number(line.split(' ').pop()), 0);
  }

  logPath(name) {
    return this.path(`${name}.log`);
  }

  get http() {
    return `http://127.0.0.1:${this.ports.http}`;
  }

  get grpc() {
    return `127.0.0.1:${this.ports.gateway}`;
  }

  get keyPath() {
    return this.path('platform.pem');
  }

  async stop() {
    this.stopped = true;
    for (const name of ['gateway', ...this.sessions, 'scoring', 'item_bank', 'redis']) await this.children[name]?.kill('SIGKILL');
    if (!process.env.INVIGIL_KEEP) rmSync(this.dir, { recursive: true, force: true });
  }
}

export { until, freePort };
