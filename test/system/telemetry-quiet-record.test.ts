// Recording allocates nothing: a million calls of each updater without a collection. Several windows
// are looked at, because the runtime collects what others left: what a call allocated would show in
// each of them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runSound } from '../support/child-script.js';

const TELEMETRY = new URL('../../src/telemetry.js', import.meta.url).href;
const isOlderThan24 = Number(process.versions.node.split('.')[0]) < 24;
const WINDOWS = 5;

const SCRIPT = `
import { PerformanceObserver } from 'node:perf_hooks';
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
const collections = [];
const observer = new PerformanceObserver((list) => collections.push(...list.getEntries()));
observer.observe({ entryTypes: ['gc'] });
for (let window = 0; window < ${WINDOWS}; window++) {
  const heapBytes = process.memoryUsage().heapUsed;
  const startMs = performance.now();
  run(1_000_000);
  const endMs = performance.now();
  const grownBytes = process.memoryUsage().heapUsed - heapBytes;
  // Collections are told in a later turn of the loop.
  await new Promise((resolve) => setTimeout(resolve, 20));
  const during = collections.filter(({ startTime }) => startTime >= startMs && startTime <= endMs);
  tell(JSON.stringify({ collections: during.length, grownBytes }));
}
`;

interface Window {
  readonly collections: number;
  readonly grownBytes: number;
}

for (const clock of ['still', 'monotonic']) {
  for (const way of ['onGetNextSegment', 'onCreate', 'onPrepareSegment', 'onSync']) {
    const skip =
      clock === 'monotonic' && isOlderThan24
        ? 'performance.now() itself allocates a number a call before Node 24'
        : false;
    test(`a million calls of ${way} allocate nothing (${clock} clock)`, { skip }, async (t) => {
      const lines = await runSound(SCRIPT, '.', { clock, way });
      const windows = lines.map((line): Window => JSON.parse(line));
      assert.equal(windows.length, WINDOWS);
      t.diagnostic(lines.join(' '));
      const quiet = windows.filter(({ collections }) => collections === 0);
      assert.ok(quiet.length > 0, 'each million of calls caused a collection');
      // Not one byte for ten calls; the observer itself takes a few hundred.
      assert.ok(Math.min(...quiet.map(({ grownBytes }) => Math.abs(grownBytes))) < 100_000);
    });
  }
}
