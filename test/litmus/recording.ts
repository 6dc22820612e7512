// The recording side of the litmus tests of telemetry: as fast as it can, until it is told to stop.
import type { Clock } from '../../src/clock/clock.js';
import { recordDuration } from '../../src/metrics/duration64.js';
import { CLOCK_STEP, DROPPED } from '../../src/metrics/elapsed.js';
import { MetricMemory } from '../../src/metrics/metric-memory.js';
import { recordOperation } from '../../src/metrics/operation64.js';
import {
  type GetNextSegmentOutcome,
  SegmentPreparer,
  SegmentPreparerLayout,
  SegmentPreparerUpdater,
} from '../../src/telemetry/recorder/worker/segment-preparer-metrics.js';
import { elapsedOf, MOST_CALLS, outcomeOf, PERIOD, queuedAt } from './recorded-values.js';

/**
 * `updater`: the public call, with a clock that costs nothing. `timed-updater`: with one that costs
 * what the real one does. The others record on a line of their own.
 */
export type Recording = 'updater' | 'timed-updater' | 'duration' | 'operation';
export const RECORDINGS: readonly Recording[] = [
  'updater',
  'timed-updater',
  'duration',
  'operation',
];

/** Words of the region's control section. */
export const STOP = 0;
export const CALLS = 32;

const NOW_NS = 2 ** 50;
/** Both tell the same time, so that values are exact; the second looks at the real clock first. */
const still: Clock = { nowNs: () => NOW_NS };
let lastMs = 0;
const ticking: Clock = {
  nowNs: () => {
    lastMs = performance.now();
    return NOW_NS;
  },
};

const OUTCOMES: readonly GetNextSegmentOutcome[] = ['ready', 'waited', 'failed'];
const DURATION = SegmentPreparerLayout.offset.prepareCreate / Uint32Array.BYTES_PER_ELEMENT;
const OPERATION = SegmentPreparerLayout.offset.prepareSegment / Uint32Array.BYTES_PER_ELEMENT;

type Call = (period: number, place: number) => void;

function updaterCall(words: Uint32Array, byteOffset: number, clock: Clock): Call {
  const metrics = new SegmentPreparer(MetricMemory.inRegion(words, byteOffset));
  const updater = new SegmentPreparerUpdater(metrics, clock);
  return (period, place) => {
    const elapsed = elapsedOf(period, place);
    const startNs =
      elapsed === DROPPED ? Number.NaN : elapsed === CLOCK_STEP ? NOW_NS + 1 : NOW_NS - elapsed;
    updater.onGetNextSegment(startNs, OUTCOMES[outcomeOf(place)], queuedAt(period));
  };
}

/** One call of what is recorded; `place` and `period` say its number. */
export function callOf(recording: Recording, words: Uint32Array, byteOffset: number): Call {
  const start = byteOffset / Uint32Array.BYTES_PER_ELEMENT;
  switch (recording) {
    case 'updater':
      return updaterCall(words, byteOffset, still);
    case 'timed-updater':
      return updaterCall(words, byteOffset, ticking);
    case 'duration':
      return (period, place) => recordDuration(words, start + DURATION, elapsedOf(period, place));
    case 'operation':
      return (period, place) => {
        const ok = outcomeOf(place) !== 0;
        recordOperation(words, start + OPERATION, elapsedOf(period, place), ok);
      };
  }
}

/**
 * Records into the struct at byte `byteOffset` of `words` until told to stop, or until the sums
 * would no longer be exact.
 */
export function record(
  recording: Recording,
  words: Uint32Array,
  byteOffset: number,
  control: Int32Array,
): void {
  const call = callOf(recording, words, byteOffset);
  const periods = Math.floor(MOST_CALLS / PERIOD);
  for (let period = 0; period < periods && Atomics.load(control, STOP) === 0; period++) {
    for (let place = 0; place < PERIOD; place++) call(period, place);
    Atomics.store(control, CALLS, (period + 1) * PERIOD);
  }
  if (lastMs < 0) throw new Error('the clock of this process begins at 0');
}
