// Recording allocates nothing: a million calls of each updater without a collection.
import { test } from 'node:test';
import {
  allocationWindows,
  assertAllocatesNothing,
  BOXED_TIME,
  isOlderThan24,
} from '../support/allocation-windows.js';
import { runSound } from '../support/child-script.js';

const TELEMETRY = new URL('../../src/telemetry.js', import.meta.url).href;

const WINDOWS = 5;

const SCRIPT = `
const { recorder, monotonicClock } = await import('${TELEMETRY}');
const clocks = { still: { nowNs: () => 1e15 }, monotonic: monotonicClock };
const clock = clocks[options.clock];
const metrics = new recorder.SegmentPreparer();
const taker = new recorder.SegmentPreparerUpdater(metrics, clock);
const maker = new recorder.SegmentPreparationUpdater(metrics, clock);
const outcomes = ['ready', 'waited', 'failed'];
// Small numbers, large ones, clock steps and what is no number.
// Not an array of doubles: to hand one of those on would allocate already.
const starts = [1e15, 1e15 - 5, 1e15 - 3e9, 1e15 - 2 ** 40, 1e15 + 1, NaN, 1e15 - 0.25, undefined];
const ways = {
  onGetNextSegment(count) {
    for (let at = 0; at < count; at++) {
      taker.onGetNextSegment(starts[at & 7], outcomes[at % 3], at & 3);
    }
  },
  onCreate(count) { for (let at = 0; at < count; at++) maker.onCreate(starts[at & 7]); },
  onPrepareSegment(count) {
    for (let at = 0; at < count; at++) maker.onPrepareSegment(starts[at & 7], (at & 1) === 0);
  },
  onSync(count) { for (let at = 0; at < count; at++) maker.onSync(starts[at & 7], 2 ** 21); },
};
const run = ways[options.way];
for (let window = 0; window < 8; window++) run(200_000);
${allocationWindows(WINDOWS)}`;

for (const clock of ['still', 'monotonic']) {
  for (const way of ['onGetNextSegment', 'onCreate', 'onPrepareSegment', 'onSync']) {
    const skip = clock === 'monotonic' && isOlderThan24 ? BOXED_TIME : false;
    test(`a million calls of ${way} allocate nothing (${clock} clock)`, { skip }, async (t) => {
      const lines = await runSound(SCRIPT, '.', { clock, way });
      assertAllocatesNothing(t, lines, WINDOWS);
    });
  }
}
