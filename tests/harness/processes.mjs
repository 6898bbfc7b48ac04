// Child processes and ports for the system tests.
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A port that is free now on loopback. */
export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Asks `condition` until it gives something truthy and returns that; throws with `what` after `ms`. */
export async function until(condition, what, ms = 30_000) {
  const end = Date.now() + ms;
  let last;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`timed out after ${ms} ms: ${what}${last ? ` (${last.message})` : ''}`);
    await delay(20);
  }
}

/** One child process with its output in a file; killed with the test. */
export class Child {
  constructor(name, command, args, logPath, env = {}) {
    Object.assign(this, { name, logPath });
    const log = createWriteStream(logPath, { flags: 'a' });
    this.process = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.process.stdout.pipe(log, { end: false });
    this.process.stderr.pipe(log, { end: false });
    this.exited = new Promise((resolve) => {
      this.process.on('exit', (code, signal) => {
        this.exit = { code, signal };
        resolve(this.exit);
      });
      this.process.on('error', (error) => {
        this.exit = { error };
        resolve(this.exit);
      });
    });
    process.on('exit', () => this.process.kill('SIGKILL'));
  }

  get running() {
    return this.exit === undefined;
  }

  /** Sends a signal and, unless it is one that stops or continues, waits for the end. */
  async kill(signal = 'SIGKILL') {
    if (!this.running) return this.exit;
    this.process.kill(signal);
    if (signal === 'SIGSTOP' || signal === 'SIGCONT') return undefined;
    return this.exited;
  }

  /** Waits for `ready`, failing early with the process's last words when it dies. */
  async ready(ready, ms = 30_000) {
    await until(async () => {
      if (!this.running) throw new Error('died');
      return ready();
    }, `${this.name} is not ready`, ms).catch((error) => {
      const words = existsSync(this.logPath) ? readFileSync(this.logPath, 'utf8').split('\n').slice(-15).join('\n') : '';
      throw new Error(`${error.message}; exit ${JSON.stringify(this.exit)}\n${words}`);
    });
  }
}
