// A PostgreSQL server of the test's own, as common/testing/postgres_server.h has it for C++: Debian's
// programs, a free port of loopback, a folder that goes with it, fsync on. A root's tests run it as the user
// `postgres`, since the server refuses root.
import { execFile, execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Child, freePort } from './processes.mjs';

function programs() {
  const base = '/usr/lib/postgresql';
  const versions = existsSync(base) ? readdirSync(base).filter((version) => existsSync(`${base}/${version}/bin/initdb`)) : [];
  if (versions.length === 0) throw new Error("PostgreSQL is missing: install Debian's package postgresql");
  return `${base}/${versions.sort((a, b) => b - a)[0]}/bin`;
}

const asRoot = process.getuid() === 0;
/** A command as the user that PostgreSQL may run as; it ends when this process does. */
const command = (program, args) => (asRoot ? ['setpriv', ['--reuid', 'postgres', '--regid', 'postgres', '--init-groups', '--pdeathsig', 'QUIT', '--', program, ...args]] : [program, args]);
const id = (what) => Number(execFileSync('id', [what, 'postgres'], { encoding: 'utf8' }));

export class Postgres {
  static async start() {
    const server = new Postgres();
    try {
      execFileSync(...command(server.program('initdb'), ['-D', server.data, '-U', 'invigil', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync', '--no-instructions']), { stdio: ['ignore', 'ignore', 'pipe'] });
      server.port = await freePort();
      await server.begin();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  constructor() {
    this.bin = programs();
    this.dir = mkdtempSync(path.join(tmpdir(), 'invigil-postgres-'));
    if (asRoot) chownSync(this.dir, id('-u'), id('-g'));
    this.data = path.join(this.dir, 'data');
  }

  program(name) {
    return path.join(this.bin, name);
  }

  /** As every service's --store takes it. */
  get url() {
    return `postgresql://invigil@127.0.0.1:${this.port}/postgres`;
  }

  get logPath() {
    return path.join(this.dir, 'log');
  }

  log() {
    return readFileSync(this.logPath, 'utf8');
  }

  async begin() {
    this.child = new Child('postgres', ...command(this.program('postgres'), ['-D', this.data, '-k', this.dir, '-p', `${this.port}`, '-c', 'listen_addresses=127.0.0.1', '-c', 'recovery_init_sync_method=syncfs']), this.logPath);
    await this.child.ready(async () => (await this.sql('SELECT 1')) === '1');
  }

  /** Immediate shutdown: everybody stops at once, and nothing is written that was not. */
  async cut() {
    await this.child.kill('SIGQUIT');
  }

  /** Keeps what is committed now; while it copies, the server is away. */
  async keep() {
    await this.cut();
    this.#copy(this.data, `${this.data}-kept`);
    await this.begin();
  }

  /** Comes back as it was kept: what was committed since never happened. */
  async lose() {
    await this.cut();
    this.#copy(`${this.data}-kept`, this.data);
    await this.begin();
  }

  #copy(from, to) {
    rmSync(to, { recursive: true, force: true });
    execFileSync('cp', ['-a', from, to]);
  }

  /** Runs a script; gives its rows as psql prints them, bare. */
  async sql(script) {
    return (await promisify(execFile)(this.program('psql'), ['-XAtq', '-v', 'ON_ERROR_STOP=1', '-h', '127.0.0.1', '-p', `${this.port}`, '-U', 'invigil', '-d', 'postgres', '-c', script])).stdout.trim();
  }

  async stop() {
    await this.child?.kill('SIGQUIT');
    if (!process.env.INVIGIL_KEEP) rmSync(this.dir, { recursive: true, force: true });
  }
}
