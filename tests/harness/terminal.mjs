// A person at a terminal: a program in a pseudo-terminal of its own (util-linux' script), what it has
// on the screen, and keys.
import { spawn } from 'node:child_process';
import { until } from './processes.mjs';

const rows = 24;
const columns = 80;

export class Terminal {
  /** Starts the program with its arguments; `env` beside this process's own. */
  constructor(program, args, env = {}) {
    const quoted = [program, ...args].map((word) => `'${word}'`).join(' ');
    this.child = spawn('script', ['-qfec', `stty rows ${rows} cols ${columns}; exec ${quoted}`, '/dev/null'], { env: { ...process.env, TERM: 'xterm', ...env }, stdio: ['pipe', 'pipe', 'inherit'] });
    process.on('exit', () => this.child.kill('SIGKILL'));
    this.lines = Array.from({ length: rows }, () => '');
    this.output = ''; // all that was written outside the full screen
    this.pending = '';
    this.child.stdout.setEncoding('utf8').on('data', (text) => this.#write(text));
    this.exited = new Promise((resolve) => this.child.on('exit', (code) => resolve((this.exitCode = code ?? -1))));
  }

  /** Takes what a row is set to: the screen writes rows whole, each behind its place. */
  #write(text) {
    this.output += text;
    const pieces = (this.pending + text).split(/\x1b\[(\d+);1H/);
    // The last piece may go on with the next bytes.
    this.pending = pieces.length > 1 ? `\x1b[${pieces.at(-2)};1H${pieces.at(-1)}` : pieces[0].slice(-16);
    for (let i = 1; i < pieces.length; i += 2) this.lines[Number(pieces[i]) - 1] = pieces[i + 1].replace(/\x1b\[[0-9;?]*[A-Za-z]/g, '').trimEnd();
  }

  get screen() {
    return this.lines.join('\n');
  }

  type(keys) {
    this.child.stdin.write(keys);
  }

  /** Waits until the screen has the text; gives the screen. */
  async sees(wanted, ms = 15_000) {
    const found = () => (wanted instanceof RegExp ? wanted.test(this.screen) : this.screen.includes(wanted));
    await until(found, `the screen shows ${wanted}`, ms).catch((error) => {
      throw new Error(`${error.message}\n${this.screen}\n${this.exitCode ?? ''}`);
    });
    return this.screen;
  }

  /** Waits until the program has written the text, on whichever screen. */
  says(wanted, ms = 15_000) {
    return until(() => this.output.includes(wanted), `the program says ${wanted}`, ms);
  }

  /** Waits for its end; gives the exit code. */
  async ends(ms = 15_000) {
    await until(() => this.exitCode !== undefined, 'the program ends', ms);
    return this.exitCode;
  }

  kill() {
    this.child.kill('SIGKILL');
  }
}
