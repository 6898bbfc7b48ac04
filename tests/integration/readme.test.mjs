// Every command of the README does what the README says: its ```sh blocks run in order, as they
// stand, against a suite of the test's own. (The two commands of a newcomer, deploy/up and tests/run,
// are not in such blocks: deploy.test.mjs runs the one, and the other runs this.)
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { bin, root, Suite } from '../harness/suite.mjs';

const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
const blocks = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, commands], i) => ({ commands, heading: readme.slice(0, readme.indexOf(commands)).match(/^#+ .*$/gm).at(-1), number: i + 1 }));
// What needs a terminal, or a machine to itself.
const leftOut = /^\s*(deploy\/(up|down)|tests\/run|\S*invigil take)\b/;
const outputs = new Map();

let suite, cwd;
before(async () => {
  suite = await Suite.start();
  // The checkout as it is seen from its root, without writing into it.
  cwd = mkdtempSync(path.join(tmpdir(), 'invigil-readme-'));
  for (const name of readdirSync(root)) symlinkSync(path.join(root, name), path.join(cwd, name));
});
after(async () => {
  if (cwd) rmSync(cwd, { recursive: true });
  await suite?.stop();
});

function sh(commands) {
  const { INVIGIL_HTTP, INVIGIL_GRPC, ...env } = process.env;
  const script = commands.split('\n').filter((line) => !leftOut.test(line)).join('\n').replaceAll('$PWD/build/release/bin', bin);
  return new Promise((resolve) => execFile('bash', ['-euo', 'pipefail', '-c', script], { cwd, env: { ...env, INVIGIL_DATA: suite.dir }, encoding: 'utf8' }, (error, stdout, stderr) => resolve({ status: error ? error.code : 0, stdout, stderr })));
}

describe('the README', () => {
  it('has commands to run', () => assert.ok(blocks.length >= 3, `${blocks.length} blocks`));

  for (const { commands, heading, number } of blocks) {
    it(`block ${number} under "${heading.replace(/^#+ /, '')}" runs`, async () => {
      const { status, stdout, stderr } = await sh(commands);
      assert.equal(status, 0, `${stdout}\n${stderr}`);
      outputs.set(heading, `${outputs.get(heading) ?? ''}${stdout}`);
    });
  }

  it('shows what it promises', () => {
    const output = (heading) => outputs.get(heading) ?? assert.fail(`no commands under ${heading}`);
    assert.match(output('## Take an exam'), /"ACK_STATUS_STORED"/);
    assert.match(output('## Take an exam'), /"scaledScore":\s*\d+/);
    assert.match(output('## Call it from another team\'s service'), /"examId":\s*"CLF-C02"/);
    assert.match(output('## Call it from another team\'s service'), /"kind":\s*"SESSION_EVENT_KIND_SCORED"/);
    assert.match(output('## Add a bank'), /0 created, 0 updated, \d+ unchanged/);
  });

  it('names only files and folders that are there', () => {
    const named = [...readme.matchAll(/`([\w./-]+\/[\w./-]*)`/g)].map(([, name]) => name).filter((name) => !/^(build|keys)\//.test(name));
    assert.ok(named.length >= 8, named.join());
    for (const name of named) assert.ok(existsSync(path.join(root, name)), `${name} is named in the README`);
  });

  it('cleans up after itself', () => {
    assert.deepEqual(readdirSync(cwd).filter((name) => !lstatSync(path.join(cwd, name)).isSymbolicLink()), []);
  });
});
