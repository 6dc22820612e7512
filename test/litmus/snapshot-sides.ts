// Who records and who reads in the litmus tests of telemetry, and over which memory.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { MetricMemory } from '../../src/metrics/metric-memory.js';
import { takeFrom } from '../../src/metrics/metrics-struct.js';
import { RegionSource } from '../../src/metrics/region-source.js';
import { MemorySource, type MetricSource } from '../../src/metrics/snapshot.js';
import { openRegionFile } from '../../src/region/region-file.js';
import type { SharedRegion } from '../../src/region/shared-region.js';
import { SegmentPreparer } from '../../src/telemetry/recorder/worker/segment-preparer-metrics.js';
import { controlOf, createLitmusRegion, telemetryOf } from './litmus-region.js';
import { type Recording, STOP } from './recording.js';
import type { RecordingData } from './recording-thread.js';
import { SnapshotCheck } from './snapshot-check.js';

export type Sides = 'threads, portable' | 'threads, mapped' | 'processes, pread';
export const SIDES: readonly Sides[] = ['threads, portable', 'threads, mapped', 'processes, pread'];

/** What stands between the memory and the reader: nothing, or what takes a protection away. */
export type Disguise = (source: MetricSource) => MetricSource;

export interface Snapshots {
  /** Snapshots that were taken. */
  readonly taken: number;
  /** Those that differ from the one before. */
  readonly distinct: number;
  /** Of what was recorded: calls that the last snapshot held. */
  readonly calls: number;
  readonly violations: number;
  readonly firstViolation: string | undefined;
  /** Snapshots with groups that could not be had whole, and were given up too soon. */
  readonly marked: number;
  /**
   * The same, after so long that the writer may have waited for a processor in the middle of a
   * change.
   */
  readonly stoodStill: number;
  /** Attempts at the recorded group for one snapshot, on average and at most. */
  readonly attempts: number;
  readonly attemptsMax: number;
  readonly elapsedMs: number;
}

/** Starts a writer; the returned function waits for its end. */
async function startWriter(
  region: SharedRegion,
  sides: Sides,
  recording: Recording,
): Promise<() => Promise<void>> {
  if (sides !== 'processes, pread') {
    const workerData: RecordingData = { handle: region.handle, recording };
    const worker = new Worker(new URL('./recording-thread.js', import.meta.url), {
      trackUnmanagedFds: false,
      execArgv: [],
      workerData,
    });
    const exit = once(worker, 'exit');
    await once(worker, 'message');
    return async () => assert.deepEqual(await exit, [0]);
  }
  const module = fileURLToPath(new URL('./recording-process.js', import.meta.url));
  const { byteOffset } = region.section('telemetry');
  const offsets = [String(byteOffset), String(region.section('control').byteOffset)];
  const args = [module, region.path ?? '', ...offsets, recording];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  await once(child.stdout, 'data');
  return async () => assert.equal((await exit)[0], 0);
}

/** Counts the attempts at the group that begins at word `at`. */
class CountingSource implements MetricSource {
  readonly #source: MetricSource;
  readonly #at: number;
  attempts = 0;

  constructor(source: MetricSource, at: number) {
    this.#source = source;
    this.#at = at;
  }

  load(at: number): number {
    return this.#source.load(at);
  }

  copy(at: number, count: number, target: Uint32Array, targetAt: number): void {
    if (at === this.#at) this.attempts++;
    this.#source.copy(at, count, target, targetAt);
  }
}

const FIELD_OF: Readonly<Record<Recording, string>> = {
  updater: 'getNextSegment',
  'timed-updater': 'getNextSegment',
  duration: 'prepareCreate',
  operation: 'prepareSegment',
};

/** How one snapshot is taken into `copy`, and how many attempts it took where that is known. */
interface Reader {
  take(copy: SegmentPreparer): number;
  close(): void;
}

function countingReader(recording: Recording, source: MetricSource, close: () => void): Reader {
  const group = SegmentPreparer.definition.groups.find(({ name }) => name === FIELD_OF[recording]);
  const counting = new CountingSource(source, group?.at ?? Number.NaN);
  return {
    take(copy) {
      counting.attempts = 0;
      takeFrom(copy, counting, true);
      return counting.attempts;
    },
    close,
  };
}

/** The public copyTo every other time, and the same copying with its attempts counted. */
function memoryReader(recording: Recording, region: SharedRegion): Reader {
  const { words, byteOffset } = telemetryOf(region);
  const live = new SegmentPreparer(MetricMemory.inRegion(words, byteOffset));
  const source = new MemorySource(words, byteOffset / Uint32Array.BYTES_PER_ELEMENT);
  const counting = countingReader(recording, source, () => undefined);
  let turn = 0;
  return {
    take(copy) {
      if (turn++ % 2 === 0) return counting.take(copy);
      live.copyTo(copy);
      return 0;
    },
    close: counting.close,
  };
}

function readerOf(
  region: SharedRegion,
  sides: Sides,
  recording: Recording,
  disguise: Disguise | undefined,
): Reader {
  if (sides === 'processes, pread') {
    const file = openRegionFile(region.path ?? '');
    if (file.status !== 'match') throw new Error(`the region is ${file.status}: ${file.reason}`);
    const source = new RegionSource(file, 0);
    return countingReader(recording, disguise?.(source) ?? source, () => file.close());
  }
  if (disguise === undefined) return memoryReader(recording, region);
  const { words, byteOffset } = telemetryOf(region);
  const source = new MemorySource(words, byteOffset / Uint32Array.BYTES_PER_ELEMENT);
  return countingReader(recording, disguise(source), () => undefined);
}

/** Takes `count` snapshots, or until `isEnough`, while a writer records as fast as it can. */
export async function takeSnapshots(
  sides: Sides,
  recording: Recording,
  count: number,
  {
    disguise,
    isEnough = () => false,
  }: { disguise?: Disguise; isEnough?: (violations: number) => boolean } = {},
): Promise<Snapshots> {
  const region = createLitmusRegion(sides === 'threads, portable' ? 'portable' : 'mapped');
  try {
    const reader = readerOf(region, sides, recording, disguise);
    const ended = await startWriter(region, sides, recording);
    try {
      return readAll(reader, recording, count, isEnough);
    } finally {
      Atomics.store(controlOf(region), STOP, 1);
      reader.close();
      await ended();
    }
  } finally {
    region.release({ remove: true });
  }
}

/** Fewer different snapshots than these show nothing: they are waited for, for a minute or more. */
export const DISTINCT_MIN = 10;
const NAP_MS = 1;
const NAPS_MAX = 60_000;
/** A writer that stands still for less is waited for. */
const STILL_MS = 500;
const sleeper = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

function readAll(
  reader: Reader,
  recording: Recording,
  count: number,
  isEnough: (violations: number) => boolean,
): Snapshots {
  const copy = new SegmentPreparer();
  const check = new SnapshotCheck(copy, recording);
  const found = { distinct: 0, violations: 0, marked: 0, stoodStill: 0 };
  let firstViolation: string | undefined;
  let attempts = 0;
  let counted = 0;
  let attemptsMax = 0;
  let taken = 0;
  const startMs = performance.now();
  while (!isEnough(found.violations)) {
    if (taken >= count) {
      // The writer may not have had a processor yet.
      if (found.distinct >= DISTINCT_MIN || taken >= count + NAPS_MAX) break;
      Atomics.wait(sleeper, 0, 0, NAP_MS);
    }
    taken++;
    const begunMs = performance.now();
    const took = reader.take(copy);
    attempts += took;
    if (took > 0) counted++;
    attemptsMax = Math.max(attemptsMax, took);
    if (copy.incompleteGroups.length > 0) {
      if (performance.now() - begunMs < STILL_MS) found.marked++;
      else found.stoodStill++;
      continue;
    }
    const before = check.calls;
    const violation = check.violation();
    if (violation !== undefined) found.violations++;
    firstViolation ??= violation;
    if (check.calls !== before) found.distinct++;
  }
  return {
    ...found,
    taken,
    calls: check.calls,
    firstViolation,
    attempts: attempts / Math.max(1, counted),
    attemptsMax,
    elapsedMs: performance.now() - startMs,
  };
}

export const report = (sides: Sides, recording: Recording, found: Snapshots): string =>
  `${recording} (${sides}): ${found.taken} snapshots of ${found.calls} calls, ` +
  `${found.distinct} distinct, ${found.violations} violations, ` +
  `${found.marked} marked, ${found.stoodStill} of a writer that stood still; ` +
  `attempts ${found.attempts.toFixed(2)} on average, ${found.attemptsMax} at most; ` +
  `${((found.elapsedMs * 1e3) / found.taken).toFixed(1)} µs each`;
