#!/usr/bin/env node
// Proves these tests by deliberate bugs: each is put into a scratch copy of what is committed, the
// programs it touches are built, and the tests named must fail. Takes about half an hour; not part of
// tests/run.
//   node tests/fault/mutants.mjs [--work DIR] [--only NAME,NAME] [--trust] [--list]
// --work keeps the scratch copy and its build for the next time; --trust does not run the tests without
// a mutant first. Ends with the list of survivors.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const engine = 'services/session/engine';
const domain = 'services/session/domain';

// edits: [file, text that stands there once, what it becomes]. killers: 'FILE' or 'FILE: test name' of
// tests/fault, or 'unit NAME' for a C++ test; the first that fails is enough.
const mutants = {
  'ack-before-commit': {
    edits: [
      [`${engine}/transactor.cc`, 'absl::Status status = log_.Begin();', 'static bool open = false;\n  if (std::exchange(open, false)) (void)log_.Commit();\n  absl::Status status = log_.Begin();'],
      [`${engine}/transactor.cc`, 'if (status.ok()) status = log_.Commit();', 'open = status.ok();'],
    ],
    killers: ['kill: six times', 'crash: death between the commit'],
  },
  'failed-commit-is-acknowledged': {
    edits: [[`${engine}/transactor.cc`, 'if (status.ok()) status = log_.Commit();', 'if (status.ok()) (void)log_.Commit();']],
    killers: ['disk: a full disk'],
  },
  'commit-without-sync': {
    edits: [['common/sql/sqlite.cc', 'PRAGMA synchronous=FULL', 'PRAGMA synchronous=NORMAL']],
    killers: ['disk: a failed sync'],
  },
  'goes-on-after-failed-sync': {
    edits: [['common/sql/sqlite.cc', 'std::_Exit(1);', '(void)0;']],
    killers: ['disk: a failed sync'],
  },
  'restart-trusts-the-log': {
    edits: [['common/sql/sqlite.cc', '(void)sqlite3_wal_checkpoint_v2(raw, nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);', '']],
    killers: ['disk: a failed sync'],
  },
  'no-epoch-check': {
    edits: [[`${domain}/refusals.cc`, 'if (epoch == state.epoch) return absl::OkStatus();', 'if (epoch <= state.epoch) return absl::OkStatus();']],
    killers: ['saves: of a device that was left'],
  },
  'lost-outbox-row': {
    edits: [['services/session/store/sqlite_event_log.cc', 'return insert_outbox_.Run();', 'insert_outbox_.Reset();\n      return absl::OkStatus();']],
    killers: ['hand_off: before the submit', 'crash: of a submit'],
  },
  'seals-late': {
    edits: [[`${domain}/clock.h`, 'return due && now >= *due;', 'return due && now >= *due + Millis(60);']],
    killers: ['saves: that race the deadline'],
  },
  'seals-early': {
    edits: [
      [`${domain}/clock.h`, 'return due && now >= *due;', 'return due && now + Millis(500) >= *due;'],
      [`${domain}/decide.cc`, 'due && due->at <= decision.at;', 'due && due->at <= decision.at + Millis(500);'],
    ],
    killers: ['saves: that race the deadline'],
  },
  'expires-whenever-asked': {
    edits: [[`${domain}/judge_staff.cc`, 'return state_.live() ? TimeLeftRefusal(state_) : absl::OkStatus();', 'if (state_.state == SessionState::kActive) Happen(Sealed{SessionState::kExpired, *DueTime(state_), {}, {}});\n  return absl::OkStatus();']],
    killers: ['unit session_decide_test', 'unit session_model_test'],
  },
  'clock-starts-twice': {
    edits: [
      [`${domain}/judge_candidate.cc`, 'if (state_.started_at) return absl::OkStatus();  // the clock starts once', ''],
      [`${domain}/transitions.cc`, '{S::kActive, T::kStore, S::kActive},', '{S::kActive, T::kStore, S::kActive},\n    {S::kActive, T::kStart, S::kActive},'],
    ],
    killers: ['replicas: sixty-four starts', 'crash: of a start', 'unit session_decide_test'],
  },
  'sequence-off-by-one': {
    edits: [[`${domain}/responses.cc`, 'if (sent.sequence > held.sequence) {', 'if (sent.sequence >= held.sequence) {']],
    killers: ['saves: under one sequence'],
  },
  'last-writer-wins': {
    edits: [[`${domain}/responses.cc`, 'if (sent.sequence > held.sequence) {', 'if (sent.sequence != held.sequence) {']],
    killers: ['saves: that come twice'],
  },
  'no-submit-barrier': {
    edits: [[`${domain}/responses.cc`, 'if (missing.empty()) return absl::OkStatus();', 'if (missing.empty() || !missing.empty()) return absl::OkStatus();']],
    killers: ['saves: that are on their way'],
  },
  'stale-replica': {
    edits: [[`${engine}/transactor.cc`, 'if (!state || cached.generation != log_.Generation()) {', 'if (!state) {']],
    killers: ['replicas: see at once', 'unit engine_race_test'],
  },
  'index-is-not-rebuilt': {
    edits: [['services/session/timers/sweeper.cc', 'if (result.ok() && (result->rebuild || result->stale)) shared->on_rebuild(i);', '']],
    killers: ['redis: is flushed', 'unit timers_test'],
  },
  'stale-generation-is-trusted': {
    edits: [['services/session/timers/deadline_index.cc', 'result.stale =', 'result.stale = false &&']],
    killers: ['sentinel: lacks the last sessions', 'redis: comes back with what its file has', 'unit timers_failover_test'],
  },
  'loss-of-the-index-is-not-seen': {
    edits: [['services/session/timers/deadline_index.cc', "if not g then return 'REBUILD' end", "if not g then g = 'ready:' end"]],
    killers: ['redis: is flushed', 'redis: comes back empty'],
  },
  'scan-needs-redis': {
    edits: [['services/session/timers/decisions.h', 'if (!may_expire || (healthy', 'if (!healthy || !may_expire || (healthy']],
    killers: ['redis: stays away'],
  },
  'full-redis-keeps-timers': {
    edits: [['services/session/timers/deadline_index.cc', '#!lua flags=allow-oom\n-- KEYS: z, g ', '-- KEYS: z, g ']],
    killers: ['redis: is full'],
  },
  'full-redis-calls-nobody': {
    edits: [['common/redis/loop.cc', 'metrics_->out_of_memory.Add();', '']],
    killers: ['redis: is full'],
  },
  'stopped-redis-is-not-seen': {
    edits: [['common/redis/connection.cc', '>= options_.watchdog) Drop', '>= Seconds(600)) Drop']],
    killers: ['redis: stops answering for ten seconds'],
  },
  'replica-is-taken-for-master': {
    edits: [['common/redis/connection.cc', 'reply.elements[0].text != "master"', 'reply.elements[0].text.empty()']],
    killers: ['unit redis_sentinel_test'],
  },
  'wrong-clock-judges': {
    edits: [['services/session/main.cc', '(*guard)->CloseWhile(clock_trusted);', '']],
    killers: ['clock: ahead when it starts. it says'],
  },
  'wrong-clock-is-believed': {
    edits: [['services/session/timers/clock_guard.h', 'size(from_wall) <= kWallAgreement', 'size(from_wall) >= Duration(0)']],
    killers: ['clock: ahead when it starts. it says'],
  },
  'seals-twice': {
    edits: [
      [`${domain}/judge_candidate.cc`, 'if (state_.sealed()) return CheckEpoch(state_, submit.epoch);', 'if (state_.sealed()) {\n    Happen(Sealed{SessionState::kSubmitted, decision_.at, {}, {}});\n    return absl::OkStatus();\n  }'],
      [`${domain}/transitions.cc`, '{S::kSubmitted, T::kScore, S::kScored},', '{S::kSubmitted, T::kScore, S::kScored},\n    {S::kSubmitted, T::kSubmit, S::kSubmitted},\n    {S::kExpired, T::kSubmit, S::kSubmitted},\n    {S::kReleased, T::kSubmit, S::kSubmitted},'],
    ],
    killers: ['crash: of a submit', 'crash: submit, expiry'],
  },
  'owner-is-not-checked': {
    edits: [[`${domain}/decide.cc`, 'return NotYoursRefusal();', '(void)&NotYoursRefusal;']],
    killers: ["saves: can be neither read"],
  },
  'reads-share-the-lane-of-saves': {
    edits: [[`${engine}/session_engine.cc`, 'impl_->Submit(Lane::kRead, ', 'impl_->Submit(Lane::kSave, ']],
    killers: ['overload: of a disk'],
  },
  'gateway-does-not-try-again': {
    edits: [['services/gateway/forward/calls.cc', 'if (attempt_ == 0 && method_->retryable', 'if (attempt_ == 1 && method_->retryable']],
    killers: ['network: breaks all the time', 'replicas: no save of anybody fails'],
  },
};

const options = process.argv.slice(2);
const valueOf = (name) => (options.includes(name) ? options[options.indexOf(name) + 1] : undefined);
const chosen = valueOf('--only')?.split(',') ?? Object.keys(mutants);
for (const name of chosen) if (!mutants[name]) throw new Error(`no mutant ${name}; --list shows all`);
if (options.includes('--list')) {
  for (const [name, { killers }] of Object.entries(mutants)) console.log(`${name.padEnd(30)} ${killers.join(' | ')}`);
  process.exit(0);
}

const work = path.resolve(valueOf('--work') ?? mkdtempSync(path.join(tmpdir(), 'invigil-mutants-')));
const tree = path.join(work, 'src');
const build = path.join(work, 'build');
process.on('exit', () => valueOf('--work') ?? rmSync(work, { recursive: true, force: true }));

/** Files below `dir`, but for links and what tests generate. */
function* filesIn(dir, prefix = '') {
  for (const entry of readdirSync(path.join(dir, prefix), { withFileTypes: true })) {
    const name = path.join(prefix, entry.name);
    if (entry.isDirectory() && name !== 'tests/gen') yield* filesIn(dir, name);
    else if (entry.isFile()) yield name;
  }
}

/** Makes `tree` what is committed, touching only what differs, so that little is built again. */
function renew() {
  const fresh = path.join(work, 'fresh');
  rmSync(fresh, { recursive: true, force: true });
  for (const dir of [fresh, tree]) mkdirSync(dir, { recursive: true });
  execFileSync('bash', ['-c', 'git -C "$0" archive HEAD | tar -x -C "$1"', root, fresh]);
  for (const name of filesIn(tree)) if (!existsSync(path.join(fresh, name))) rmSync(path.join(tree, name));
  for (const name of filesIn(fresh)) {
    const bytes = readFileSync(path.join(fresh, name));
    const target = path.join(tree, name);
    if (existsSync(target) && readFileSync(target).equals(bytes)) continue;
    mkdirSync(path.dirname(target), { recursive: true });
    writeFileSync(target, bytes, { mode: statSync(path.join(fresh, name)).mode });
  }
  rmSync(fresh, { recursive: true });
  if (!existsSync(path.join(tree, 'tests/node_modules'))) symlinkSync(path.join(root, 'tests/node_modules'), path.join(tree, 'tests/node_modules'));
}

// Scratch copies share what the compiler cache knows, wherever they are.
const env = { ...process.env, CCACHE_BASEDIR: tree, CCACHE_NOHASHDIR: '1', INVIGIL_BIN: path.join(build, 'bin') };

function make(targets) {
  const { status, stdout, stderr } = spawnSync('ninja', ['-C', build, ...targets], { env, encoding: 'utf8', maxBuffer: 64 << 20 });
  return status === 0 ? undefined : `${stdout}${stderr}`.split('\n').filter((line) => /error|FAILED/.test(line)).slice(0, 5).join('\n') || 'ninja failed';
}

const unitOf = (killer) => /^unit (.*)$/.exec(killer)?.[1];
const programs = ['invigil-session', 'invigil-gateway', 'invigil-item-bank', 'invigil-scoring', 'invigil'];

/** What a killer says: undefined when it passes, else why not. */
function run(killer) {
  const unit = unitOf(killer);
  const [file, name] = killer.split(': ');
  const [command, args] = unit
    ? [path.join(build, 'tests', unit), []]
    : ['node', ['--test', '--test-reporter=tap', ...(name ? [`--test-name-pattern=${name}`] : []), path.join(tree, `tests/fault/${file}.test.mjs`)]];
  const { status, stdout, signal } = spawnSync(command, args, { cwd: tree, env, encoding: 'utf8', timeout: 150_000, maxBuffer: 64 << 20 });
  if (!unit && !/^# pass [1-9]/m.test(stdout) && status === 0) return { wrong: `${killer} names no test` };
  if (status === 0) return undefined;
  const [, why] = (unit ? /Failure\n(.*)/ : /error: (?:\|-\n\s+|')?(.*)/).exec(stdout) ?? [undefined, signal ?? 'failed'];
  return { why: why.slice(0, 140) };
}

renew();
if (!existsSync(path.join(build, 'build.ninja'))) execFileSync('cmake', ['-S', tree, '-B', build, '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Release'], { stdio: 'ignore' });
const killers = [...new Set(chosen.flatMap((name) => mutants[name].killers))];
console.log('building what is committed');
const failed = make([...programs, ...killers.map(unitOf).filter(Boolean)]);
if (failed) throw new Error(`the committed tree does not build:\n${failed}`);
for (const killer of options.includes('--trust') ? [] : killers) {
  const outcome = run(killer);
  if (outcome) throw new Error(`${killer} fails without any mutant: ${outcome.wrong ?? outcome.why}`);
  console.log(`passes without a mutant: ${killer}`);
}

const survivors = [];
for (const name of chosen) {
  const { edits, killers: against } = mutants[name];
  const originals = new Map();
  let verdict;
  try {
    for (const [file, from, to] of edits) {
      const target = path.join(tree, file);
      const text = readFileSync(target, 'utf8');
      if (!originals.has(target)) originals.set(target, text);
      if (text.split(from).length !== 2) verdict = `does not fit any more: ${file} has "${from}" ${text.split(from).length - 1} times`;
      else writeFileSync(target, text.replace(from, () => to));
    }
    const units = against.map(unitOf).filter(Boolean);
    const broken = verdict ? undefined : make([...programs, ...units]);
    if (broken) verdict = `does not build:\n${broken}`;
    if (!verdict) {
      let killed;
      for (const killer of against) {
        const outcome = run(killer);
        if (outcome?.why) {
          killed = `${killer} (${outcome.why})`;
          break;
        }
      }
      if (killed) console.log(`killed    ${name}: by ${killed}`);
      else verdict = `no test noticed: ${against.join(', ')}`;
    }
  } finally {
    for (const [target, text] of originals) writeFileSync(target, text);
  }
  if (verdict) {
    console.log(`SURVIVED  ${name}: ${verdict}`);
    survivors.push(name);
  }
}
console.log(survivors.length === 0 ? `all ${chosen.length} mutants were killed` : `${survivors.length} of ${chosen.length} survived: ${survivors.join(', ')}`);
process.exit(survivors.length === 0 ? 0 : 1);
