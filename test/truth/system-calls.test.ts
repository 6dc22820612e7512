// What a log says of its calls, against strace: how many there were, how many bytes they wrote, how
// long they took, also where each is held back. One script, from the first call of its open to the
// last of its close, on real threads and files.
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { LOCK_FILE } from '../../src/segment/file-names.js';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { temporaryFolder } from '../support/log-builder.js';
import { cannotTrace } from '../support/strace.js';
import { OPENING_STEPS, type SeenSample, STEPS_OF, seenSamples, stepsOf } from './call-steps.js';
import { type TracedCall, traced } from './traced-calls.js';

const EVENT_BYTES = 1000;

/**
 * Commits, and a burst that rolls many times. The end is the same on every machine: a segment that
 * has just begun, a spare, and one event that only the close makes durable.
 */
const RUN = `
const wal = await Wal.open(directory, options);
const { segmentWriter, segmentPreparer } = wal.telemetry;
const payload = Buffer.alloc(${EVENT_BYTES}, 7);
for (let commit = 0; commit < 30; commit++) {
  for (let event = 0; event < 5; event++) wal.append(payload);
  await wal.durable();
}
for (let event = 0; event < 200; event++) wal.append(payload);
await wal.durable();
const { samples: segments } = segmentWriter.openNewSegment;
do {
  wal.append(payload);
  await wal.durable();
} while (segmentWriter.openNewSegment.samples === segments);
while (segmentPreparer.preparedSegments !== segmentWriter.openNewSegment.samples + 1) {
  await new Promise((resolve) => setTimeout(resolve, 5));
}
wal.append(payload);
await wal.close();
tell('events ' + wal.lastEventId);
tell('telemetry ' + JSON.stringify(wal.telemetry, (name, value) => name === 'cells' ? [] : value));
`;

/** Longer than a call takes; each another, so that none is taken for another. */
const DELAYS_US = {
  fdatasync: 20_000,
  pwrite64: 12_000,
  pwritev: 16_000,
  fsync: 9_000,
  rename: 7_000,
  renameat2: 11_000,
  fallocate: 14_000,
};

interface Told {
  /** Of a histogram. */
  readonly total: number;
  readonly samples: number;
  readonly totalNs: number;
  readonly maxNs: number;
}

type Telemetry = Readonly<Record<string, Readonly<Record<string, Told & number>>>>;

interface Run {
  readonly isClockSteady: boolean;
  readonly calls: readonly (readonly [step: string, call: TracedCall])[];
  readonly seen: ReadonlyMap<string, readonly SeenSample[]>;
  readonly events: number;
  readonly told: (metric: string) => Told & number;
}

async function run(t: TestContext, delays: Readonly<Record<string, number>> = {}): Promise<Run> {
  const directory = temporaryFolder(t);
  const sync = { mode: 'manual' } as const;
  const options = { ...mappedOptions(t), preparedSegments: 1, sync };
  const { threads, lines, isClockSteady } = await traced(RUN, directory, options, delays);
  if (!isClockSteady) t.diagnostic('the wall clock was stepped: no upper bounds');
  const textOf = (word: string): string =>
    lines.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? '';
  const telemetry = JSON.parse(textOf('telemetry')) as Telemetry;
  const calls = threads.flatMap((thread) => {
    const steps = stepsOf(directory, thread);
    return thread.calls.map((call, at) => [steps[at] ?? '', call] as const);
  });
  const told = (metric: string): Told & number => {
    const [struct = '', field = ''] = metric.split('.');
    const value = telemetry[struct]?.[field];
    assert.ok(value !== undefined, metric);
    return value;
  };
  const seen = seenSamples(directory, threads);
  return { isClockSteady, calls, seen, events: Number(textOf('events')), told };
}

/** Bytes that the calls of a step wrote. */
const bytesOf = ({ calls }: Run, step: string): number =>
  calls.filter(([each]) => each === step).reduce((sum, [, { bytes }]) => sum + bytes, 0);

/** Calls of the system with this name. */
const countOf = ({ calls }: Run, ...names: readonly string[]): number =>
  calls.filter(([, { name }]) => names.includes(name)).length;

const sum = (numbers: Iterable<number>): number => [...numbers].reduce((all, one) => all + one, 0);

/** Every call is one sample's: there are as many samples as strace saw, of each metric. */
function assertCounts(t: TestContext, traced: Run): void {
  const { calls, seen, told } = traced;
  const known = new Set([...OPENING_STEPS, ...Object.values(STEPS_OF).flat(2)]);
  assert.deepEqual(
    [...new Set(calls.map(([step]) => step))].filter((step) => !known.has(step)),
    [],
  );
  for (const [metric, samples] of seen) {
    t.diagnostic(`${metric}: ${samples.length} by strace, ${told(metric).samples} told`);
    assert.ok(samples.length > 0, `${metric} was seen`);
    assert.equal(told(metric).samples, samples.length, metric);
  }
}

/** No metric tells less time than its calls took, or more than passed from call to call. */
function assertTimes(t: TestContext, { seen, told, isClockSteady }: Run): void {
  for (const [metric, samples] of seen) {
    const { totalNs, maxNs } = told(metric);
    const leastNs = sum(samples.map((each) => each.leastNs));
    const mostNs = sum(samples.map((each) => each.mostNs));
    const shown = [leastNs, totalNs, mostNs].map((ns) => `${(ns / 1e6).toFixed(3)} ms`);
    t.diagnostic(`${metric}: calls ${shown[0]}, told ${shown[1]}, from call to call ${shown[2]}`);
    // The clock tells doubles: they differ from what it read by less than a microsecond.
    const roundingNs = 1000 * samples.length;
    assert.ok(totalNs >= leastNs - roundingNs, `${metric}: ${shown.join(', ')}`);
    assert.ok(maxNs >= Math.max(...samples.map((each) => each.leastNs)) - 1000, metric);
    if (!isClockSteady) continue;
    assert.ok(totalNs <= mostNs + roundingNs, `${metric}: ${shown.join(', ')}`);
    assert.ok(maxNs <= Math.max(...samples.map((each) => each.mostNs)) + 1000, metric);
  }
}

const skip = cannotTrace || cannotMap;

test('every call on the files of a log is in one metric, and no metric has more', {
  skip,
}, async (t) => {
  const traced = await run(t);
  const { calls, seen, told, events } = traced;
  assertCounts(t, traced);
  const samplesOf = (...metrics: readonly string[]): number =>
    sum(metrics.map((metric) => told(metric).samples));
  const ofOpening = (step: string): number => calls.filter(([each]) => each === step).length;
  const writesOfLock = calls.filter(
    ([, { name, file }]) => file === LOCK_FILE && name.startsWith('pwrite'),
  ).length;
  assert.equal(
    countOf(traced, 'fdatasync') - ofOpening('sync of lock'),
    samplesOf(
      'segmentWriter.sync',
      'segmentWriter.rotateSync',
      'segmentWriter.openNewSegment',
      'manager.persistCurrentSegment',
      'segmentPreparer.prepareSync',
      'metaStore.maintenanceMetaFlush',
    ),
  );
  assert.equal(
    countOf(traced, 'fsync') - ofOpening('sync of folder'),
    samplesOf('segmentWriter.openNewSegment', 'metaStore.maintenanceMetaFlush'),
  );
  assert.equal(countOf(traced, 'renameat2'), samplesOf('segmentWriter.openNewSegment'));
  assert.equal(countOf(traced, 'rename'), samplesOf('metaStore.maintenanceMetaFlush'));
  assert.equal(
    countOf(traced, 'pwrite64', 'pwritev') - writesOfLock,
    samplesOf(
      'segmentWriter.writeBlock',
      'segmentWriter.writeWatermark',
      'segmentWriter.rotateSeal',
      'segmentWriter.openNewSegment',
      'segmentPreparer.prepareZero',
      'metaStore.maintenanceMetaFlush',
    ),
  );
  assert.equal(countOf(traced, 'fallocate'), samplesOf('segmentPreparer.prepareAllocate'));
  assert.equal(told('segmentWriter.blockBytes'), bytesOf(traced, 'events'));
  assert.equal(told('segmentPreparer.zeroedBytes'), bytesOf(traced, 'zeros'));
  assert.equal(told('segmentWriter.blockEvents'), events);
  assert.equal(told('segmentWriter.groupCommitHistogram').total, events);
  assert.equal(told('manager.appendedEvents'), events);
  // Each file that was made was queued, and all but the spare became segments.
  t.diagnostic(
    `fdatasync ${countOf(traced, 'fdatasync')}, fsync ${countOf(traced, 'fsync')}, ` +
      `pwrite ${countOf(traced, 'pwrite64', 'pwritev')}, rename ${countOf(traced, 'renameat2')}; ` +
      `bytes of blocks ${bytesOf(traced, 'events')}, of zeros ${bytesOf(traced, 'zeros')}`,
  );
  const made = seen.get('segmentPreparer.prepareCreate')?.length ?? 0;
  assert.equal(told('segmentPreparer.preparedSegments'), made);
  assert.equal(told('segmentPreparer.prepareSegment').samples, made);
  assert.equal(countOf(traced, 'renameat2') + 1, made);
  assert.equal(told('segmentPreparer.getNextSegment').samples, countOf(traced, 'renameat2'));
  assert.equal(told('manager.persistenceHotSegments'), countOf(traced, 'renameat2'));
});

test(
  'what is timed is no shorter than its calls, and no longer than from call to call',
  {
    skip,
  },
  async (t) => assertTimes(t, await run(t)),
);

test('calls that are held back, each by its own time: it is in their own metrics alone', {
  skip,
}, async (t) => {
  const traced = await run(t, DELAYS_US);
  const { calls, seen } = traced;
  for (const [step, { name, isDelayed }] of calls) {
    assert.equal(isDelayed, Object.hasOwn(DELAYS_US, name), step);
  }
  for (const [metric, samples] of seen) {
    // To make a file is the one call that is not held back: each script opens a thousand.
    const isHeld = metric !== 'segmentPreparer.prepareCreate';
    const areHeld = samples.map((sample) => sample.calls.some((each) => each.isDelayed));
    assert.ok(
      areHeld.every((each) => each === isHeld),
      metric,
    );
  }
  assertCounts(t, traced);
  // The time of a call is between those of no other metric.
  assertTimes(t, traced);
});
