// A whole suite of real processes in a temporary folder: Redis, item_bank, scoring, session, gateway.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Child, freePort, until } from './processes.mjs';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const bin = process.env.INVIGIL_BIN ?? path.join(root, 'build/release/bin');

const programs = {
  item_bank: 'invigil-item-bank',
  scoring: 'invigil-scoring',
  session: 'invigil-session',
  gateway: 'invigil-gateway',
};

export class Suite {
  /**
   * Starts everything and loads the shipped banks (or those of `banks`, folders).
   * `args`: extra flags by process name.
   */
  static async start({ banks, args = {} } = {}) {
    const suite = new Suite(args);
    try {
      await suite.#begin(banks ?? ['clf-c02', 'saa-c03', 'aif-c01'].map((name) => path.join(root, 'deploy/banks', name)));
    } catch (error) {
      await suite.stop();
      throw error;
    }
    return suite;
  }

  constructor(args) {
    this.args = args;
    this.dir = mkdtempSync(path.join(tmpdir(), 'invigil-suite-'));
    this.children = {};
    this.ports = {};
  }

  async #begin(banks) {
    for (const name of ['redis', 'item_bank', 'scoring', 'session', 'gateway', 'http']) this.ports[name] = await freePort();
    for (const name of Object.keys(programs)) this.ports[`${name}_admin`] = await freePort();
    for (const [name, roles] of [['platform', 'candidate,author,operator'], ['session', 'candidate,service'], ['scoring', 'service']]) {
      execFileSync(path.join(bin, 'invigil'), ['keys', 'create', '--name', name, '--roles', roles, '--private', this.path(`${name}.pem`), '--jwks', this.path('jwks.json')]);
    }
    writeFileSync(this.path('cli.conf'), `gateway = 127.0.0.1:${this.ports.gateway}\nkey = ${this.path('platform.pem')}\n`);
    await this.startOne('redis');
    await this.startOne('item_bank');
    await this.startOne('scoring');
    await this.startOne('session');
    await this.startOne('gateway');
    for (const bank of banks) this.cli('bank', 'import', bank);
  }

  path(name) {
    return path.join(this.dir, name);
  }

  /** Starts a process on its port (again); waits until it is ready unless `wait` is false. */
  async startOne(name, { wait = true } = {}) {
    const loopback = (port) => `127.0.0.1:${this.ports[port]}`;
    const data = this.path(name);
    mkdirSync(data, { recursive: true });
    let command;
    let args;
    if (name === 'redis') {
      command = 'redis-server';
      args = ['--bind', '127.0.0.1', '--port', `${this.ports.redis}`, '--dir', data, '--appendonly', 'yes', '--save', '', '--maxmemory-policy', 'noeviction'];
    } else {
      command = path.join(bin, programs[name]);
      args = ['--listen', loopback(name), '--admin', loopback(`${name}_admin`), '--jwks', this.path('jwks.json')];
      if (name !== 'gateway') args.push('--data', data);
      if (name === 'scoring' || name === 'session') args.push('--key', this.path(`${name}.pem`));
      if (name !== 'item_bank') args.push('--item-bank', loopback('item_bank'));
      if (name === 'session' || name === 'gateway') args.push('--scoring', loopback('scoring'));
      if (name === 'session') args.push('--redis', loopback('redis'));
      if (name === 'gateway') args.push('--session', loopback('session'), '--http-listen', loopback('http'));
    }
    args.push(...(this.args[name] ?? []));
    const child = new Child(name, command, args, this.path(`${name}.log`));
    this.children[name] = child;
    if (!wait) return child;
    if (name === 'redis') await child.ready(() => execFileSync('redis-cli', ['-p', `${this.ports.redis}`, 'ping'], { stdio: ['ignore', 'pipe', 'ignore'] }).toString().includes('PONG'));
    else await child.ready(async () => (await fetch(`http://${loopback(`${name}_admin`)}/readyz`)).ok);
    return child;
  }

  async kill(name, signal = 'SIGKILL') {
    return this.children[name].kill(signal);
  }

  /** Runs the command line against this suite; returns its standard output. */
  cli(...args) {
    return execFileSync(path.join(bin, 'invigil'), args, { env: { ...process.env, INVIGIL_DATA: this.dir }, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 64 << 20 });
  }

  token(role, subject, ...rest) {
    return this.cli('token', '--role', role, '--subject', subject, ...rest).trim();
  }

  redis(...args) {
    return execFileSync('redis-cli', ['-p', `${this.ports.redis}`, ...args], { encoding: 'utf8' }).trim();
  }

  /** The value of one Prometheus series of a process, 0 when absent. */
  async metric(name, series) {
    const text = await (await fetch(`http://127.0.0.1:${this.ports[`${name}_admin`]}/metrics`)).text();
    return text.split('\n').filter((line) => line.startsWith(series)).reduce((sum, line) => sum + Number(line.split(' ').pop()), 0);
  }

  log(name) {
    return existsSync(this.path(`${name}.log`)) ? readFileSync(this.path(`${name}.log`), 'utf8') : '';
  }

  get http() {
    return process.env.INVIGIL_HTTP ?? `http://127.0.0.1:${this.ports.http}`;
  }

  get grpc() {
    return `127.0.0.1:${this.ports.gateway}`;
  }

  async stop() {
    for (const name of ['gateway', 'session', 'scoring', 'item_bank', 'redis']) await this.children[name]?.kill('SIGKILL');
    if (!process.env.INVIGIL_KEEP) rmSync(this.dir, { recursive: true, force: true });
  }
}

export { until, freePort };
