// A Redis with a replica, and three sentinels that watch them: real processes on free ports.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Child, freePort, until } from './processes.mjs';

const redisCli = (port, ...args) => execFileSync('redis-cli', ['-p', `${port}`, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
// The replica speaks to its master as this user, so that replication can be cut and nothing else.
const replication = ['--user', 'repl', 'on', '>x', '+psync', '+replconf', '+ping', '--masteruser', 'repl', '--masterauth', 'x'];

export class Sentinels {
  /** Everything in the folder `dir`; ready when it is: the sentinels know the replica and each other. */
  static async start(dir) {
    const group = new Sentinels(dir);
    for (const name of ['a', 'b', 's1', 's2', 's3']) group.ports[name] = await freePort();
    await group.startServer('a');
    await group.startServer('b', 'a');
    await until(() => redisCli(group.ports.a, 'WAIT', '1', '1000') === '1', 'the replica has everything');
    for (const name of ['s1', 's2', 's3']) await group.#startSentinel(name);
    await until(() => ['s1', 's2', 's3'].every((name) => {
      const told = redisCli(group.ports[name], 'SENTINEL', 'MASTER', 'exam').split('\n');
      const value = (field) => told[told.indexOf(field) + 1];
      return value('num-slaves') === '1' && value('num-other-sentinels') === '2';
    }), 'the sentinels know the replica and each other');
    return group;
  }

  constructor(dir) {
    Object.assign(this, { dir, ports: {}, children: {} });
  }

  /** For --redis. */
  get endpoint() {
    return `sentinel://${['s1', 's2', 's3'].map((name) => `127.0.0.1:${this.ports[name]}`).join(',')}/exam`;
  }

  /** Starts server 'a' or 'b' (again), empty, as a replica of `of` if given. */
  async startServer(name, of) {
    const dir = path.join(this.dir, name);
    mkdirSync(dir, { recursive: true });
    const args = ['--bind', '127.0.0.1', '--port', `${this.ports[name]}`, '--dir', dir, '--save', '', '--appendonly', 'no', '--maxmemory-policy', 'noeviction', '--repl-diskless-sync-delay', '0', '--replica-read-only', 'no', ...replication];
    if (of) args.push('--replicaof', '127.0.0.1', `${this.ports[of]}`);
    this.children[name] = new Child(name, 'redis-server', args, path.join(this.dir, `${name}.log`));
    await this.children[name].ready(() => this.cli(name, 'ping') === 'PONG');
  }

  async #startSentinel(name) {
    const conf = path.join(this.dir, `${name}.conf`);
    const lines = [`port ${this.ports[name]}`, 'bind 127.0.0.1', `dir ${this.dir}`, `sentinel monitor exam 127.0.0.1 ${this.ports.a} 2`, 'sentinel down-after-milliseconds exam 1000', 'sentinel failover-timeout exam 5000'];
    writeFileSync(conf, `${lines.join('\n')}\n`);
    this.children[name] = new Child(name, 'redis-server', [conf, '--sentinel'], path.join(this.dir, `${name}.log`));
    await this.children[name].ready(() => this.cli(name, 'ping') === 'PONG');
  }

  cli(name, ...args) {
    return redisCli(this.ports[name], ...args);
  }

  kill(name, signal) {
    return this.children[name].kill(signal);
  }

  /** What `from` gets from now on, its replica does not. */
  cut(from) {
    this.cli(from, 'ACL', 'SETUSER', 'repl', 'off');
    this.cli(from, 'CLIENT', 'KILL', 'TYPE', 'replica');
  }

  /** Waits until the sentinels call `name` the master. */
  promoted(name) {
    return until(() => ['s1', 's2', 's3'].every((sentinel) => this.cli(sentinel, 'SENTINEL', 'get-master-addr-by-name', 'exam').endsWith(`${this.ports[name]}`)), `${name} is promoted`, 60_000);
  }

  /** Waits until `name` replicates `from` and a sentinel could promote it. */
  follows(name, from) {
    return until(() => {
      const told = this.cli('s1', 'SENTINEL', 'REPLICAS', 'exam');
      return this.cli(from, 'WAIT', '1', '100') === '1' && told.includes(`127.0.0.1:${this.ports[name]}`) && /master-link-status\nok/.test(told);
    }, `${name} follows ${from}`, 60_000);
  }

  async stop() {
    await Promise.all(Object.values(this.children).map((child) => child.kill('SIGKILL')));
  }
}
