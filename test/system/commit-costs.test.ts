// What a commit costs, in figures that are the same on every machine and under any load: bytes
// allocated, and system calls. No times. Each is held against the last record; who makes it cheaper
// writes down the new one. (What V8 compiles into what is told of `append` alone: into which of the
// functions of this path, it decides anew in each program.)
//
//   application: durable() ── commit-demand ── durable-waiters ─ ─ ─ ─ ─ settle
//   writer:                    request → write → sync → look → announcement
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { regionFolder } from '../support/adapters.js';
import { runSound, Script } from '../support/child-script.js';
import { cannotTrace, Strace } from '../support/strace.js';

const NODE_LINE = Number(process.versions.node.split('.')[0]);

interface Bytes {
  /** A call of `durable()` that has to wait, up to its return. */
  readonly call: number;
  /** From there until its promise is resolved. */
  readonly settling: number;
  /** A commit of one event on the writer's thread, without what the calls of Node take. */
  readonly writer: number;
}

/** The record, by line of Node: what its compiler does without differs from one to the next. */
const RECORD: Readonly<Record<number, Bytes>> = {
  20: { call: 475, settling: 105, writer: 1515 },
  22: { call: 475, settling: 106, writer: 1493 },
  24: { call: 458, settling: 145, writer: 1495 },
  26: { call: 451, settling: 147, writer: 1709 },
};
/**
 * So far apart lie the figures of many runs, whatever the load: `durable()` is compiled whole
 * early, while of what settles a waiter, and of the writer, a piece more or less may be. What would
 * be added is more: a number in a box has 16 bytes, a closure 64, a promise in a chain with what
 * belongs to it some 150, the status of a file on the writer's thread 700.
 */
const TOLERANCE: Bytes = { call: 12, settling: 44, writer: 90 };

/**
 * Nothing is collected within a window, so what the heap has grown by is what was allocated; V8
 * compiles on the one thread that there is, at the same call each time.
 */
const COUNTABLE = [
  '--expose-gc',
  '--single-threaded',
  '--min-semi-space-size=64',
  '--max-semi-space-size=64',
];

const USED = `
import { getHeapStatistics } from 'node:v8';
const used = () => getHeapStatistics().used_heap_size;
`;

const CALLS = 2000;
/** Each call is for an event of its own, behind all that was asked for before. */
const APPLICATION = `${USED}
const wal = await Wal.open(directory, options);
const payload = new Uint8Array(40);
const bytes = { call: Infinity, settling: Infinity };
async function window() {
  gc();
  const before = used();
  let last;
  for (let call = 0; call < ${CALLS}; call++) last = wal.durable(wal.append(payload));
  const called = used();
  await last;
  const settled = used();
  bytes.call = Math.min(bytes.call, (called - before) / ${CALLS});
  bytes.settling = Math.min(bytes.settling, (settled - called) / ${CALLS});
}
for (let at = 0; at < 60; at++) await window();
tell('bytes ' + JSON.stringify(bytes));
await wal.close();
`;

const at = (path: string): string => new URL(`../../${path}`, import.meta.url).href;
const COMMITS = 500;
/**
 * The writer's own object, with a disk that does nothing once the log is open, and a clock whose
 * numbers need no box: no look falls due by time.
 */
const WRITER = `${USED}
import { SteppedLog, TickingClock } from '${at('test/support/stepped-log.js')}';
import { nodeStorage } from '${at('src/storage/node-storage.js')}';
class SmallClock extends TickingClock { #now = 1; nowNs() { return ++this.#now; } }
let isQuiet = false;
const seen = new Map();
const once = (key, look) => {
  if (!isQuiet) return look();
  if (!seen.has(key)) seen.set(key, look());
  return seen.get(key);
};
const storage = {
  ...nodeStorage,
  write: (fd, parts, at) => { if (!isQuiet) nodeStorage.write(fd, parts, at); },
  sync: (fd) => { if (!isQuiet) nodeStorage.sync(fd); },
  statusOf: (fd) => once(fd, () => nodeStorage.statusOf(fd)),
  statusAt: (path) => once(path, () => nodeStorage.statusAt(path)),
};
const log = new SteppedLog({ storage, clock: new SmallClock() }, directory, options);
// What is measured fits into one segment: there is nobody who prepares the next.
while (log.signals.get('activePages') < options.segmentBytes / 4096) {
  for (let event = 0; event < 20; event++) log.append(50_000);
  log.commit();
}
isQuiet = true;
const { writer } = log.opened;
const payload = new Uint8Array(40);
let fewest = Infinity;
for (let window = 0; window < 30; window++) {
  gc();
  const before = used();
  for (let commit = 0; commit < ${COMMITS}; commit++) {
    const id = log.producer.append(payload, 40, 0, 5, 6);
    log.signals.requestDurable(id);
    while (writer.durableEventId < id) writer.step();
  }
  fewest = Math.min(fewest, (used() - before) / ${COMMITS});
}
tell('bytes ' + JSON.stringify({ writer: fewest }));
`;

const MANUAL = { sync: { mode: 'manual' }, timestamps: 'coarse', appendSampling: 0 };

/** Once in some hundred programs V8 inlines one function less, and each call has 64 bytes more. */
const PROGRAMS = 3;

/** What differs from the record in one program's figures. */
function differences(found: Partial<Bytes>, record: Bytes): string[] {
  return (Object.entries(found) as [keyof Bytes, number][])
    .filter(([name, bytes]) => !(Math.abs(bytes - record[name]) <= TOLERANCE[name]))
    .map(([name, bytes]) => `${name}: ${bytes} bytes, where ${record[name]} is recorded`);
}

/** The figures that a script tells, against those of the record. */
async function assertAsRecorded(t: TestContext, script: string, options: object): Promise<void> {
  const record = RECORD[NODE_LINE];
  const seen: string[][] = [];
  for (let program = 1; program <= PROGRAMS; program++) {
    const directory = join(regionFolder(t), 'log');
    const lines = await runSound(script, directory, options, { nodeOptions: COUNTABLE });
    const told = lines.find((line) => line.startsWith('bytes '))?.slice('bytes '.length) ?? '{}';
    t.diagnostic(`bytes on Node ${process.versions.node}: ${told}`);
    if (record === undefined) {
      t.skip(`Node ${NODE_LINE} has no record yet; it is ${told}`);
      return;
    }
    const differing = differences(JSON.parse(told), record);
    if (differing.length === 0) return;
    seen.push(differing);
  }
  assert.fail(`Node ${NODE_LINE}: ${seen.join('; ')}; if that is meant, record it`);
}

test('a call of durable(), and its resolution, allocate as much as is recorded', async (t) => {
  await assertAsRecorded(t, APPLICATION, { ...MANUAL, segmentBytes: 64 << 20, ringBytes: 4 << 20 });
});

test('a commit on the thread of the writer allocates as much as is recorded', async (t) => {
  await assertAsRecorded(t, WRITER, { segmentBytes: 16 << 20 });
});

const ONE_BY_ONE = `
const wal = await Wal.open(directory, options);
const payload = new Uint8Array(40);
const commits = async (count) => {
  for (let at = 0; at < count; at++) await wal.durable(wal.append(payload));
};
await commits(300);
tell('warm');
await told();
await commits(300);
tell('done');
await told();
await wal.close();
`;

const CALL = /^(\d+) +(\w+)\((.*)$/;
/** Memory, and the condition variables of the runtime: as many as the machine's load brings. */
const OF_THE_RUNTIME = /^(futex|brk|mmap|mremap|munmap|madvise|mprotect|getpid|gettid|sched_\w+)$/;
/** How the writer's thread announces a commit to the application's event loop. */
const ANNOUNCEMENT = /^\d+, "\\1\\0\\0\\0\\0\\0\\0\\0", 8/;

interface TracedCall {
  readonly thread: string;
  readonly name: string;
}

function tracedCalls(lines: readonly string[]): TracedCall[] {
  return lines.flatMap((line) => {
    const [, thread = '', name = '', args = ''] = CALL.exec(line) ?? [];
    if (name === '' || OF_THE_RUNTIME.test(name)) return [];
    return [{ thread, name: name === 'write' && ANNOUNCEMENT.test(args) ? 'announce' : name }];
  });
}

/** The calls of one commit each, up to its announcement. */
function callsByCommit(names: readonly string[]): string[] {
  const commits: string[] = [];
  let current: string[] = [];
  for (const name of names) {
    current.push(name);
    if (name !== 'announce') continue;
    if (current.includes('fdatasync')) commits.push(current.join(' '));
    current = [];
  }
  return commits;
}

/** The look at the links of the file comes at most once a millisecond. */
const COMMIT = /^(statx |fstat )?pwrite64 fdatasync (statx|lstat|newfstatat) announce$/;

test('a commit is one write, one sync and one look, and the application does none', {
  skip: cannotTrace,
}, async (t) => {
  // On a disk: where a sync takes no time, what is asked for by the interval comes in between.
  const directory = mkdtempSync(join(tmpdir(), 'flashstrike-commit-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  const given = { segmentBytes: 4 << 20, sync: { mode: 'manual' } };
  const script = Script.start(t, ONE_BY_ONE, join(directory, 'log'), given);
  await script.tells('warm');
  const pid = script.child.pid ?? 0;
  const strace = await Strace.attach(t, pid, { args: [] });
  script.tell();
  await script.tells('done');
  await strace.detach();
  script.tell();
  const { code, stderr } = await script.ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });

  const calls = tracedCalls(strace.calls);
  const writer = calls.find(({ name }) => name === 'fdatasync')?.thread;
  const ofThread = (wanted: string | undefined): string[] =>
    calls.filter(({ thread }) => thread === wanted).map(({ name }) => name);
  const commits = callsByCommit(ofThread(writer));
  const asMeant = commits.filter((commit) => COMMIT.test(commit));
  t.diagnostic(`${asMeant.length} of ${commits.length} commits are ${asMeant[0]}`);
  assert.ok(commits.length >= 250, `${commits.length} commits were seen`);
  // On a crowded machine a look or a watermark falls due in between now and then.
  assert.ok(asMeant.length >= commits.length * 0.75, `a commit is ${commits[0]}`);
  // A status with times makes the next write give the file new ones, which may cost a write more.
  const timed = strace.calls.filter(
    (call) =>
      call.startsWith(`${writer} `) && /statx\(.*STATX_(ALL|BASIC_STATS|MTIME|CTIME)/.test(call),
  );
  assert.deepEqual(timed, []);
  const ofFiles = ofThread(String(pid)).filter((name) => /sync|pwrite|stat|open/.test(name));
  assert.deepEqual(ofFiles, [], 'the application leaves the files to the writer');
});
