// A week in an hour: a log that is capped at 20 segments, written over and over, killed again and
// again, and backed up. Prints what it took.
import assert from 'node:assert/strict';
import { KIB, MIB } from '../../src/units.js';
import { WeekRounds } from './week.js';
import type { WeekPlan } from './week-plan.js';

const SEGMENT_BYTES = MIB;
const CAP_SEGMENTS = 20;
const EVENTS = 200_000;
/** How far a log may outgrow its cap: by a quarter, or four segments if that is more. */
const WALL_SEGMENTS = Math.max(CAP_SEGMENTS / 4, 4);
/** Beside the log: four prepared segments, and the copy of the one that is compressed. */
const BESIDE_SEGMENTS = 5;
/** What a kill leaves in the ring is written behind it in any case: up to two more are begun. */
const RING_SEGMENTS = 2;
/** The files of consumers, LOCK and wal.meta. */
const SMALL_FILES_BYTES = 128 * KIB;
/** As docs/RETENTION.md has it; the consumers hold less than the cap. */
const LARGEST_BYTES =
  (CAP_SEGMENTS + WALL_SEGMENTS + BESIDE_SEGMENTS + RING_SEGMENTS) * SEGMENT_BYTES +
  SMALL_FILES_BYTES;

export const WEEK: WeekPlan = {
  options: {
    segmentBytes: SEGMENT_BYTES,
    ringBytes: SEGMENT_BYTES,
    retention: { bytes: CAP_SEGMENTS * SEGMENT_BYTES },
    compression: 'lz4',
    hotSegments: 4,
    sharedMemory: 'required',
  },
  batch: 500,
  promptEvents: 500,
  slowEvents: 20_000,
  mortalEvents: 100_000,
  mortalLagBytes: 10 * SEGMENT_BYTES,
};

export async function soakWeek(rounds: number, seed: number): Promise<void> {
  const hooks: (() => void)[] = [];
  const week = new WeekRounds({ after: (hook) => hooks.push(hook) }, WEEK, seed);
  const startMs = performance.now();
  try {
    for (let round = 1; round <= rounds; round++) {
      await week.round(EVENTS);
      const { largestBytes } = week.result;
      assert.ok(largestBytes < LARGEST_BYTES, `the folder had ${largestBytes} bytes`);
      const minutes = (performance.now() - startMs) / 60_000;
      if (round % 10 === 0 || round === rounds) {
        console.log(JSON.stringify({ minutes: Number(minutes.toFixed(1)), ...week.result }));
      }
    }
  } finally {
    for (const hook of hooks) hook();
  }
}
