// Stalls of real threads, each made by a fault of its own: what is recorded of them tells which it
// was, while the log runs, after a kill, and in the next opening.
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setPriority } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { diagnose } from '../../src/cli/diagnosis/diagnosis.js';
import { figuresOf } from '../../src/cli/diagnosis/figures.js';
import { takeLook } from '../../src/cli/diagnosis/look.js';
import { namedCause, whereItWent } from '../../src/cli/stalls/stall-words.js';
import { Wal } from '../../src/index.js';
import { PrometheusCollector } from '../../src/prometheus.js';
import { attachTelemetry, readStalls, type Stall, type StallCause } from '../../src/telemetry.js';
import { KIB, MIB } from '../../src/units.js';
import { cannotMap, mappedOptions, TINY } from '../support/adapters.js';
import { Script } from '../support/child-script.js';
import { eventually } from '../support/eventually.js';
import { temporaryFolder } from '../support/log-builder.js';
import { release, SLEEPS_IN_ITS_CODE } from '../support/sleeping-application.js';
import { cannotMount, SmallDisk } from '../support/small-disk.js';
import { cannotTrace, Strace } from '../support/strace.js';
import { flashstrike } from '../system/cli-process.js';

/** So long that nothing else on a busy machine is taken for it. */
const FAULT_MS = 2500;
const LONG_MS = 2000;

/** Strace arguments that make calls take so much longer. */
const delaying = (calls: string, ms: number, paths: readonly string[] = []): string[] => [
  ...paths.flatMap((path) => ['-P', path]),
  '-e',
  `trace=${calls}`,
  '-e',
  `inject=${calls}:delay_enter=${ms * 1000}`,
];

/** Commits without a pause; one that takes long while it is told to be so. */
const COMMITS = `
const wal = await Wal.open(directory, options);
await wal.durable(wal.append(Buffer.alloc(1000)));
tell('ready');
let ended = false;
told().then(() => { ended = true; });
while (!ended) {
  await wal.durable(wal.append(Buffer.alloc(1000)));
  await new Promise((resolve) => setTimeout(resolve, 5));
}
await wal.close();
`;

interface Faulty {
  readonly directory: string;
  readonly script: Script;
  readonly pid: number;
  /** What the dashboard has said of it so far, by kind; of a log in the folder itself. */
  readonly said: ReadonlyMap<string, string>;
}

async function start(
  context: TestContext,
  text: string,
  given: object = {},
  nodeOptions: readonly string[] = [],
  directory = temporaryFolder(context),
): Promise<Faulty> {
  const options = { ...mappedOptions(context), segmentBytes: 16 * MIB, ringBytes: MIB, ...given };
  const script = Script.start(context, text, directory, options, { nodeOptions });
  await script.tells('ready');
  const isLog = existsSync(join(directory, 'LOCK'));
  const said = isLog ? watchPage(context, directory) : new Map<string, string>();
  return { directory, script, pid: script.child.pid ?? 0, said };
}

/** The longest wait of a stall, in ms: several short ones may be one stall on a busy machine. */
const longestMs = ({ waits }: Stall): number =>
  Math.max(...Object.values(waits).map(({ longestUs }) => longestUs / 1000));

/**
 * What the dashboard says of a log while the test runs: each kind of trouble, as it said it last.
 * Whoever reads the output of the tests is told, too: docs/STALLS.md has it.
 */
function watchPage(context: TestContext, directory: string): ReadonlyMap<string, string> {
  const telemetry = attachTelemetry(directory);
  const first = takeLook(telemetry);
  const said = new Map<string, string>();
  const timer = setInterval(() => {
    telemetry.refresh();
    const look = takeLook(telemetry);
    for (const { kind, text } of diagnose(look, figuresOf(first, look))) said.set(kind, text);
  }, 250);
  context.after(() => {
    clearInterval(timer);
    telemetry.close();
    for (const [kind, text] of said) context.diagnostic(`page: ${kind}: ${text}`);
  });
  return said;
}

/** The first stall for which `is` holds. */
async function stallThat(
  context: TestContext,
  directory: string,
  is: (stall: Stall) => boolean,
): Promise<Stall> {
  const deadline = performance.now() + 300_000;
  let found: Stall | undefined;
  // Each look reads all of it: not without a pause, while others need the processor.
  while (found === undefined && performance.now() < deadline) {
    await sleep(100);
    found = readStalls(directory).find(is);
  }
  if (found === undefined) assert.fail('no such stall is recorded');
  context.diagnostic(`stalls: ${namedCause(found)}: ${whereItWent(found)}`);
  return found;
}

/** The first stall with a wait that took so long, once it is over. */
const longStall = (context: TestContext, directory: string, leastMs = LONG_MS): Promise<Stall> =>
  stallThat(context, directory, (stall) => longestMs(stall) >= leastMs && stall.end === 'over');

/** One that is not over, once its wait has taken so long; the fault need not go on for longer. */
const lastingStall = (context: TestContext, directory: string, leastMs = LONG_MS): Promise<Stall> =>
  stallThat(context, directory, (stall) => longestMs(stall) >= leastMs && stall.end === 'lasts');

async function endsWell({ script }: Faulty): Promise<void> {
  script.tell();
  const { code, stderr } = await script.ended;
  assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
}

function assertCause(stall: Stall, cause: StallCause): void {
  assert.equal(stall.cause, cause, JSON.stringify(stall));
}

describe('a stall is recorded with its cause', { skip: cannotMap, timeout: 900_000 }, () => {
  test('a sync that takes long', { skip: cannotTrace }, async (t) => {
    const log = await start(t, COMMITS);
    const paths = [join(log.directory, '0000000001.wal')];
    const strace = await Strace.attach(t, log.pid, {
      args: delaying('fdatasync', FAULT_MS, paths),
    });
    await lastingStall(t, log.directory);
    await strace.detach();
    const stall = await longStall(t, log.directory);
    assertCause(stall, 'sync');
    assert.ok(stall.waits.durable !== undefined && stall.intervals.length > 5);
    // As the log's own counters, and the command line, tell it.
    const telemetry = attachTelemetry(log.directory);
    t.after(() => telemetry.close());
    await eventually('it is counted', () => {
      telemetry.refresh();
      const collector = new PrometheusCollector();
      telemetry.collect('log', collector);
      return /^log_stalls_total\{.*cause="sync".*\} [1-9]/m.test(collector.toString());
    });
    const { code, stdout } = await flashstrike(['stalls', log.directory, '--since', '1h']);
    assert.equal(code, 0);
    assert.match(String(stdout), /^began +took +waited +cause +went to$/m);
    assert.match(String(stdout), /^\d{4}-.* durable +sync +sync \d.* s \(\d+ %\)/m);
    assert.match(String(stdout), /^sync: The disk is slow/m);
    await endsWell(log);
  });

  test('a write that takes long', { skip: cannotTrace }, async (t) => {
    const log = await start(t, COMMITS);
    const paths = [join(log.directory, '0000000001.wal')];
    const args = delaying('pwritev,pwrite64,writev,write', FAULT_MS, paths);
    const strace = await Strace.attach(t, log.pid, { args });
    await lastingStall(t, log.directory);
    await strace.detach();
    const stall = await longStall(t, log.directory);
    assertCause(stall, 'write');
    await endsWell(log);
  });

  test('a segment that is not ready: the preparer is held back', {
    skip: cannotTrace,
  }, async (t) => {
    const log = await start(t, COMMITS, TINY);
    const args = delaying('fallocate', FAULT_MS);
    const strace = await Strace.attach(t, log.pid, { args });
    await lastingStall(t, log.directory, 1000);
    await strace.detach();
    const stall = await longStall(t, log.directory, 1000);
    assertCause(stall, 'preparer');
    assert.ok(stall.waits.segment !== undefined);
    await endsWell(log);
  });

  test('a ring that is too small for its load', { skip: cannotTrace }, async (t) => {
    const text = `
const wal = await Wal.open(directory, options);
await wal.durable(wal.append(Buffer.alloc(1000)));
tell('ready');
await told();
// Blocks of one event each; the last one needs the room of eight.
while (wal.tryAppend(Buffer.alloc(140_000)) !== undefined);
wal.append(Buffer.alloc(1_000_000));
tell('appended');
await told();
await wal.close();
`;
    const sync = { mode: 'every-block' };
    const sizes = { ringBytes: 16 * MIB, segmentBytes: 64 * MIB };
    const log = await start(t, text, { ...sizes, sync, stallTimeoutMs: 2 ** 31 - 1 });
    const strace = await Strace.attach(t, log.pid, { args: delaying('fdatasync', 500) });
    log.script.tell();
    await log.script.tells('appended');
    await strace.detach();
    const stall = await longStall(t, log.directory, 1000);
    assertCause(stall, 'ring');
    assert.ok(stall.waits.append !== undefined && stall.syncs >= 4);
    await endsWell(log);
  });

  test('no processor: others have it', { skip: cannotStarve() }, async (t) => {
    const log = await start(t, COMMITS);
    const pinned = spawn('taskset', ['-a', '-c', '-p', '0', String(log.pid)], { stdio: 'ignore' });
    assert.equal((await once(pinned, 'close'))[0], 0);
    for (const thread of readdirSync(`/proc/${log.pid}/task`)) setPriority(Number(thread), 19);
    // Until it was that: others may have the disk as well.
    for (let found = false; !found; ) {
      const others = starve(t);
      const { startMs } = await lastingStall(t, log.directory, 300);
      for (const other of others) other.kill('SIGKILL');
      // One that is over: of one that lasts the last wait for a processor is not counted yet.
      const { cause, sharesUs } = await stallThat(t, log.directory, (stall) => {
        return stall.end === 'over' && stall.startMs + stall.durationMs > startMs;
      });
      found = cause === 'scheduler' && (sharesUs.scheduler ?? 0) >= 50e3;
    }
    await endsWell(log);
  });

  test('a collection of a large heap', async (t) => {
    const text = `
const wal = await Wal.open(directory, options);
await wal.durable(wal.append(Buffer.alloc(1000)));
const heap = Array.from({ length: 500_000 }, (_, at) => ({ at, more: [at] }));
tell('ready');
await told();
const pending = wal.durable(wal.append(Buffer.alloc(1000)));
const until = performance.now() + ${FAULT_MS};
while (performance.now() < until) gc();
await pending;
await told();
await wal.close();
tell('heap ' + heap.length);
`;
    const log = await start(t, text, {}, ['--expose-gc']);
    log.script.tell();
    const stall = await longStall(t, log.directory);
    assertCause(stall, 'collector');
    await endsWell(log);
  });

  test("the application's own code, which does not return to its event loop", async (t) => {
    const log = await start(t, SLEEPS_IN_ITS_CODE);
    log.script.tell();
    await eventually('the page names it', () => log.said.has('event-loop-blocked'));
    assert.match(log.said.get('event-loop-blocked') ?? '', /^the application's event loop is blo/);
    await sleep(FAULT_MS);
    release(t, log.directory);
    assertCause(await longStall(t, log.directory), 'application');
    await endsWell(log);
  });

  test('a full disk', { skip: cannotMount }, async (t) => {
    // Until it is told that there is space again; a segment that was being made may find some.
    const text = `
const wal = await Wal.open(directory, options);
await wal.durable(wal.append(Buffer.alloc(100)));
tell('ready');
await told();
let isFree = false;
void told().then(() => { isFree = true; });
while (!isFree) {
  try {
    for (;;) wal.append(Buffer.alloc(1000));
  } catch (error) {
    if (error.code !== 'ERR_FLASHSTRIKE_NO_SPACE') throw error;
  }
  await wal.durable();
}
tell('durable');
await told();
await wal.close();
`;
    const disk = new SmallDisk(t, 2 * MIB);
    const log = await start(t, text, TINY, [], join(disk.folder, 'log'));
    disk.fill();
    log.script.tell();
    assertCause(await lastingStall(t, log.directory), 'space');
    await eventually('the page names it', () => log.said.has('no-space'));
    assert.match(log.said.get('no-space') ?? '', /^the disk, or its quota, is full/);
    log.script.tell();
    disk.free();
    await log.script.tells('durable');
    assertCause(await longStall(t, log.directory), 'space');
    const { stdout } = await flashstrike(['stalls', log.directory]);
    assert.match(String(stdout), /^space: Free some space/m);
    await endsWell(log);
  });

  test('a process that is stopped', async (t) => {
    const log = await start(t, COMMITS.replace('setTimeout(resolve, 5)', 'setImmediate(resolve)'));
    const { child } = log.script;
    const hasStopped = ({ sharesUs }: Stall): boolean =>
      (sharesUs.stopped ?? 0) >= 0.6 * FAULT_MS * 1000;
    // Most of the time somebody waits, but not always.
    for (let found = false; !found; ) {
      child.kill('SIGSTOP');
      await sleep(FAULT_MS);
      child.kill('SIGCONT');
      await sleep(2000);
      found = readStalls(log.directory).some((stall) => stall.end === 'over' && hasStopped(stall));
    }
    const stall = await stallThat(t, log.directory, hasStopped);
    // On a busy machine, waits for a processor may follow without a pause, and be part of it.
    if (stall.durationMs < 1.5 * FAULT_MS) assertCause(stall, 'stopped');
    await endsWell(log);
  });

  test('a neighbour on the same thread, whose disk hangs', { skip: cannotTrace }, async (t) => {
    const writers = 3;
    const text = `
const logs = [];
for (let index = 0; index <= ${writers}; index++) {
  const wal = await Wal.open(directory + '/' + index, options);
  await wal.durable(wal.append(Buffer.alloc(1000)));
  logs.push(wal);
}
tell('ready');
await told();
const last = logs.pop();
const stuck = logs.map((wal) => wal.durable(wal.append(Buffer.alloc(1000))));
await told();
await Promise.all([...stuck, last.durable(last.append(Buffer.alloc(1000)))]);
tell('durable');
await told();
for (const wal of [...logs, last]) await wal.close();
`;
    const log = await start(t, text, { sync: { mode: 'manual' } });
    const paths = Array.from({ length: writers }, (_, index) =>
      join(log.directory, String(index), '0000000001.wal'),
    );
    const strace = await Strace.attach(t, log.pid, {
      args: delaying('fdatasync', FAULT_MS, paths),
    });
    watchPage(t, join(log.directory, String(writers)));
    log.script.tell();
    await eventually('all writers are in a sync', () => {
      return strace.calls.filter((call) => call.includes('fdatasync(')).length >= writers;
    });
    log.script.tell();
    await log.script.tells('durable');
    await strace.detach();
    const last = join(log.directory, String(writers));
    assertCause(await longStall(t, last, 1000), 'neighbour');
    assertCause(await longStall(t, join(log.directory, '0')), 'sync');
    await endsWell(log);
  });
});

/** Processes that have the first processor. */
function starve(context: TestContext): readonly ChildProcess[] {
  const others = Array.from({ length: 2 }, () =>
    spawn('taskset', ['-c', '0', process.execPath, '-e', 'for (;;);'], { stdio: 'ignore' }),
  );
  context.after(() => {
    for (const other of others) other.kill('SIGKILL');
  });
  return others;
}

function cannotStarve(): string | false {
  if (!existsSync('/proc/self/schedstat')) return 'the system tells no times of scheduling';
  const { error, status } = spawnSync('taskset', ['-c', '0', 'true']);
  if (error !== undefined) return `there is no taskset: ${error.message}`;
  return status === 0 ? false : 'this process may not use the first processor';
}

describe('after a kill', { skip: cannotMap || cannotTrace, timeout: 900_000 }, () => {
  test('a stall that was not over is told, also by the next opening', async (t) => {
    const log = await start(t, COMMITS);
    const paths = [join(log.directory, '0000000001.wal')];
    const args = delaying('fdatasync', 300_000, paths);
    const strace = await Strace.attach(t, log.pid, { args });
    await eventually('it lasts', () => {
      return readStalls(log.directory).some(({ end, durationMs }) => {
        return end === 'lasts' && durationMs > 1000;
      });
    });
    const killed = log.script.kill();
    await strace.abandon();
    await killed;
    const [stall, ...others] = readStalls(log.directory).filter(({ end }) => end !== 'over');
    assert.deepEqual(others, []);
    assert.deepEqual([stall?.end, stall?.cause], ['killed', 'sync']);
    // Its last sign of life was before that look.
    assert.ok((stall?.durationMs ?? 0) > 500, JSON.stringify(stall));
    const { stdout } = await flashstrike(['stalls', log.directory]);
    assert.match(String(stdout), /s, until it was killed +durable +sync /);
    const file = join(temporaryFolder(t), 'report.json');
    const reporting = ['report', log.directory, '--json', '--skip-verify', '--output', file];
    assert.equal((await flashstrike(reporting)).code, 0);
    const { stalls: reported } = JSON.parse(readFileSync(file, 'utf8'));
    const { startMs, intervals, ...rest } = stall ?? assert.fail();
    const last = reported.stalls.at(-1);
    assert.deepEqual(last, { began: new Date(startMs).toISOString(), ...rest });
    const numbersOf = (all: readonly { number: number }[]) => all.map(({ number }) => number);
    for (const number of numbersOf(intervals)) {
      assert.ok(numbersOf(reported.intervals).includes(number), `interval ${number}`);
    }
    const options = { sharedMemoryDirectory: regionsOf(log), ringBytes: 64 * KIB };
    await using wal = await Wal.open(log.directory, options);
    const again = readStalls(log.directory).filter(({ end }) => end === 'killed');
    assert.deepEqual(again, [stall]);
    assert.equal(wal.state, 'open');
  });
});

/** Where the process had its regions. */
function regionsOf({ script }: Faulty): string {
  const given: { sharedMemoryDirectory: string } = JSON.parse(script.child.spawnargs.at(-1) ?? '');
  return given.sharedMemoryDirectory;
}
