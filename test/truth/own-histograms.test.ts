// Waits of durable() and appends, measured by the script that makes them as well: its own times
// enclose those of the log, and of a wait it has another that the log's encloses. Percentiles keep
// that order, so they agree on a machine of any speed.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cannotMap, mappedOptions } from '../support/adapters.js';
import { runSound } from '../support/child-script.js';
import { temporaryFolder } from '../support/log-builder.js';

/** No cell of a histogram is wider than this part of its values. */
const CELL = 1 / 16;
/** Clocks tell doubles of a nanosecond's fraction. */
const ROUNDING_NS = 1;
const PERCENTILES = [50, 90, 99, 100];

interface Told {
  readonly count: number;
  readonly total: number;
  readonly minNs: number;
  readonly maxNs: number;
  /** In the order of `PERCENTILES`. */
  readonly percentiles: readonly number[];
}

const TELL = `
const figuresOf = (timed, histogram) => ({
  count: histogram.count,
  total: histogram.total,
  minNs: timed.minNs,
  maxNs: timed.maxNs,
  percentiles: ${JSON.stringify(PERCENTILES)}.map((percent) => histogram.percentile(percent)),
});
const now = () => process.hrtime.bigint();
// How long a promise took, from outside; and from when its call had returned until it was last
// seen pending. One that is settled is seen to be so in the same turn of the event loop.
const measured = async (call) => {
  let isOver = false;
  const before = now();
  const ended = call().then((result) => { isOver = true; return [result, now()]; });
  const begun = now();
  let lastSeen = begun;
  while (!isOver) {
    await new Promise(setImmediate);
    if (!isOver) lastSeen = now();
  }
  const [result, end] = await ended;
  return { result, outer: Number(end - before), inner: Number(lastSeen - begun) };
};
`;

/** The value that `percent` of all do not exceed: one that was measured. */
function percentileOf(values: readonly number[], percent: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? 0;
}

const sum = (values: readonly number[]): number => values.reduce((all, one) => all + one, 0);

/** The log's times are no longer than these, which enclose them. */
function assertWithin(told: Told, outerNs: readonly number[]): void {
  assert.equal(told.count, outerNs.length);
  assert.ok(told.total <= sum(outerNs) + ROUNDING_NS * outerNs.length);
  assert.ok(told.minNs <= Math.min(...outerNs) + ROUNDING_NS);
  assert.ok(told.maxNs <= Math.max(...outerNs) + ROUNDING_NS);
  for (const [index, percent] of PERCENTILES.entries()) {
    const shown = told.percentiles[index] ?? Number.NaN;
    const mostNs = (percentileOf(outerNs, percent) + ROUNDING_NS) * (1 + CELL);
    assert.ok(shown <= mostNs, `p${percent}: ${shown} ns told, at most ${mostNs} ns`);
  }
}

const WAITS = `${TELL}
const wal = await Wal.open(directory, options);
const outer = [];
const inner = [];
for (let wait = 0; wait < 100; wait++) {
  wal.append(Buffer.alloc(100));
  const took = await measured(() => wal.durable());
  outer.push(took.outer);
  inner.push(took.inner);
}
const { durableWait, durableWaitHistogram } = wal.telemetry.manager;
tell(JSON.stringify({ outer, inner, told: figuresOf(durableWait, durableWaitHistogram) }));
await wal.close();
`;

test('waits of durable(): count, p50, p99 and maximum are between two measurements of its caller', {
  skip: cannotMap,
}, async (t) => {
  const options = { ...mappedOptions(t), sync: { mode: 'manual' } };
  const [line = ''] = await runSound(WAITS, temporaryFolder(t), options);
  const { outer, inner, told } = JSON.parse(line) as {
    readonly outer: readonly number[];
    readonly inner: readonly number[];
    readonly told: Told;
  };
  const measured = [inner, outer].map((each) => PERCENTILES.map((p) => percentileOf(each, p)));
  t.diagnostic(`waited ${measured[0]} to ${measured[1]} ns, told ${told.percentiles}`);
  assertWithin(told, outer);
  assert.ok(told.total >= sum(inner) - ROUNDING_NS * inner.length);
  assert.ok(told.maxNs >= Math.max(...inner) - ROUNDING_NS);
  for (const [index, percent] of PERCENTILES.entries()) {
    const shown = told.percentiles[index] ?? Number.NaN;
    const leastNs = percentileOf(inner, percent) - ROUNDING_NS;
    assert.ok(shown >= leastNs, `p${percent}: ${shown} ns told, at least ${leastNs} ns`);
  }
});

const OPENS = `${TELL}
for (let open = 0; open < 3; open++) {
  const { result: wal, outer, inner } = await measured(() => Wal.open(directory, options));
  const { opening } = wal.telemetry;
  tell(JSON.stringify({ outer, inner, told: opening.open.totalNs, samples: opening.open.samples }));
  wal.append(Buffer.alloc(100));
  await wal.close();
}
`;

test('an open: its time is between two measurements of its caller', {
  skip: cannotMap,
}, async (t) => {
  const lines = await runSound(OPENS, temporaryFolder(t), mappedOptions(t));
  assert.equal(lines.length, 3);
  for (const line of lines) {
    t.diagnostic(line);
    const { outer, inner, told, samples } = JSON.parse(line) as Record<string, number>;
    assert.equal(samples, 1);
    // Phases are whole nanoseconds.
    assert.ok((told ?? 0) <= (outer ?? 0) + 2 * ROUNDING_NS);
    assert.ok((told ?? 0) >= (inner ?? Number.NaN) - 2 * ROUNDING_NS);
  }
});

/** Long calls, so that what their measurement costs is little of them. */
const PAYLOAD_BYTES = 128 * 1024;
/**
 * So much of the caller's median is the call: the rest is the caller's looks at its clock and the
 * note that the log takes, which a cold process needs a few microseconds for.
 */
const SHARE = 1 / 2;

const APPENDS = `${TELL}
const wal = await Wal.open(directory, options);
const payload = Buffer.alloc(${PAYLOAD_BYTES}, 1);
const outer = [];
for (let call = 0; call < 120; call++) {
  const before = now();
  wal.append(payload);
  outer.push(Number(now() - before));
}
const { appendEvent, appendEventHistogram, appendedEvents, appendSampling } = wal.telemetry.manager;
const figures = figuresOf(appendEvent, appendEventHistogram);
tell(JSON.stringify({ outer, told: figures, appendedEvents, appendSampling }));
await wal.close();
`;

test('appends, each of them timed: count, p50, p99 and maximum are what their caller measured', {
  skip: cannotMap,
}, async (t) => {
  const sizes = { segmentBytes: 4 * 2 ** 20, ringBytes: 16 * 2 ** 20 };
  const options = { ...mappedOptions(t), ...sizes, appendSampling: 1 };
  const [line = ''] = await runSound(APPENDS, temporaryFolder(t), options);
  const { outer, told, appendedEvents, appendSampling } = JSON.parse(line) as {
    readonly outer: readonly number[];
    readonly told: Told;
    readonly appendedEvents: number;
    readonly appendSampling: number;
  };
  const measured = PERCENTILES.map((percent) => percentileOf(outer, percent));
  t.diagnostic(`took ${measured} ns, told ${told.percentiles}`);
  assert.deepEqual([appendSampling, appendedEvents], [1, outer.length]);
  assertWithin(told, outer);
  // From below at the median alone: who is interrupted between two clocks measures that as well,
  // and for less than half of the calls.
  const [median = 0] = told.percentiles;
  const leastNs = percentileOf(outer, 50) * SHARE;
  assert.ok(median >= leastNs, `p50: ${median} ns told, at least ${leastNs} ns`);
});
