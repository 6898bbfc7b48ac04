// Child processes and ports for the system tests.
import { spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

const handedOut = new Set();

function isFree(port) {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.on('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}

/**
 * A port that is free now on loopback. Below the range the kernel gives to outgoing connections, so
 * that nothing takes it while the process that owns it is down for a test.
 */
export async function freePort() {
  for (let i = 0; i < 1000; ++i) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (handedOut.has(port) || !(await isFree(port))) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error('no free port between 20000 and 32000');
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

// Whatever a test leaves behind ends with it, also when the runner ends the test.
const living = new Set();
process.on('exit', () => living.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));

/** One child process with its output in a file; killed with the test. */
export class Child {
  constructor(name, command, args, logPath, env = {}) {
    Object.assign(this, { name, logPath });
    // Straight into the file: nothing of it is lost when the child is killed.
    const log = openSync(logPath, 'a');
    this.process = spawn(command, args, { stdio: ['ignore', log, log], env: { ...process.env, ...env } });
    closeSync(log);
    living.add(this.process);
    this.exited = new Promise((resolve) => {
      const end = (exit) => {
        living.delete(this.process);
        this.exit = exit;
        resolve(exit);
      };
      this.process.on('exit', (code, signal) => end({ code, signal }));
      this.process.on('error', (error) => end({ error: error.message }));
    });
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

  /** Waits for it to end by itself; gives how. */
  async ends(ms = 30_000) {
    await until(() => !this.running, `${this.name} ends`, ms);
    return this.exit;
  }

  /** Waits for `ready`, failing early with the process's last words when it dies. */
  async ready(ready, ms = 30_000) {
    let died = false;
    await until(async () => {
      died = !this.running;
      return died || ready();
    }, `${this.name} is not ready`, ms).catch((error) => this.#fail(error.message));
    if (died) this.#fail(`${this.name} died before it was ready`);
  }

  #fail(message) {
    const words = existsSync(this.logPath) ? readFileSync(this.logPath, 'utf8').split('\n').slice(-15).join('\n') : '';
    throw new Error(`${message}; exit ${JSON.stringify(this.exit)}\n${words}`);
  }
}
