// The recording side of the litmus tests of telemetry: as fast as it can, until it is told to stop.
import type { Clock } from '../../src/clock/clock.js';
import { MetricMemory } from '../../src/metrics/metric-memory.js';
import {
  type GetNextSegmentOutcome,
  SegmentPreparationUpdater,
  SegmentPreparer,
  SegmentPreparerUpdater,
} from '../../src/telemetry/recorder/worker/segment-preparer-metrics.js';
import { elapsedOf, MOST_CALLS, outcomeOf, PERIOD, queuedAt } from './recorded-values.js';

/**
 * `updater`: the public call, with a clock that costs nothing. `timed-updater`: with one that costs
 * what the real one does. The others record on a line of their own, with the first clock.
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

type Call = (period: number, place: number) => void;

/** When the call began: in the future, or at no time at all, where its length is a code. */
const startOf = (period: number, place: number): number => NOW_NS - elapsedOf(period, place);

function updaterCall(metrics: SegmentPreparer, clock: Clock): Call {
  const updater = new SegmentPreparerUpdater(metrics, clock);
  return (period, place) => {
    const outcome = OUTCOMES[outcomeOf(place)];
    updater.onGetNextSegment(startOf(period, place), outcome, queuedAt(period));
  };
}

/** One call of what is recorded; `place` and `period` say its number. */
export function callOf(recording: Recording, words: Uint32Array, byteOffset: number): Call {
  const metrics = new SegmentPreparer(MetricMemory.inRegion(words, byteOffset));
  const preparation = new SegmentPreparationUpdater(metrics, still);
  switch (recording) {
    case 'updater':
      return updaterCall(metrics, still);
    case 'timed-updater':
      return updaterCall(metrics, ticking);
    case 'duration':
      return (period, place) => preparation.onCreate(startOf(period, place));
    case 'operation':
      return (period, place) =>
        preparation.onPrepareSegment(startOf(period, place), outcomeOf(place) !== 0);
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
