// What it costs to record one duration, beside the bare stores that keep it coherent and beside
// what others take to record one value; two threads on neighbouring lines against one shared line;
// and a complete snapshot.
import { createHistogram } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import { alignedOffset } from '../src/memory/libc.js';
import { addCounter } from '../src/metrics/counter64.js';
import { recordInterval } from '../src/metrics/duration64.js';
import { newInterval } from '../src/metrics/journal.js';
import { beginChange, endChange } from '../src/metrics/sequence.js';
import { monotonicClock, recorder } from '../src/telemetry.js';
import { CACHE_LINE_BYTES } from '../src/units.js';
import { scaled } from './harness/folder.js';
import type { Row } from './harness/result.js';
import { benchmark, type Run } from './harness/run.js';
import { median } from './harness/statistics.js';

const CALLS = scaled(5_000_000);
/** A window is so short that most of them are not interrupted. */
const WINDOW_CALLS = 20_000;
const WINDOWS = Math.max(1, Math.round(CALLS / WINDOW_CALLS));
const LINE_WORDS = CACHE_LINE_BYTES / Uint32Array.BYTES_PER_ELEMENT;

/** Values of all sizes, so that no branch is always the same. */
const VALUES = Float64Array.from({ length: 1024 }, (_, at) => Math.floor(2 ** ((at * 7) % 31)));

const measured: Row[] = [];

/** Nanoseconds of one call, in the fastest of so many windows. */
function time(name: string, run: (count: number) => void, windows = WINDOWS): number {
  run(WINDOW_CALLS);
  const eachNs: number[] = [];
  for (let window = 0; window < windows; window++) {
    const startMs = performance.now();
    run(WINDOW_CALLS);
    eachNs.push(((performance.now() - startMs) / WINDOW_CALLS) * 1e6);
  }
  const fastest = Math.min(...eachNs);
  measured.push({ way: name, values: { fastest: [fastest], median: [median(eachNs)] } });
  return fastest;
}

/** Words of `count` cache lines, the first of them at the beginning. */
function cacheLines(count: number): Uint32Array {
  const buffer = new SharedArrayBuffer((count + 1) * CACHE_LINE_BYTES);
  return new Uint32Array(buffer, alignedOffset(buffer, CACHE_LINE_BYTES), count * LINE_WORDS);
}

const words = cacheLines(4);

/** The eight words that a record changes, between the two counters, and nothing computed. */
function bareStores(count: number): void {
  for (let call = 0; call < count; call++) {
    beginChange(words, 0);
    words[2] = call;
    words[3] = 0;
    words[4] = call;
    words[5] = 0;
    words[6] = call;
    words[7] = 0;
    words[8] = call;
    words[9] = 0;
    endChange(words, 0);
  }
}

function own(run: Run): void {
  const bare = time('bare stores that keep a duration64 coherent', bareStores);
  const interval = newInterval();
  const record = time('duration64 record, from start and end', (count) => {
    for (let call = 0; call < count; call++) {
      interval[1] = VALUES[call & 1023] as number;
      recordInterval(words, LINE_WORDS, interval);
    }
  });
  run.goal('record', record - bare);
  let lastNs = 0;
  const look = time('monotonicClock.nowNs() alone', (count) => {
    for (let call = 0; call < count; call++) lastNs = monotonicClock.nowNs();
  });
  const metrics = new recorder.SegmentPreparer();
  const maker = new recorder.SegmentPreparationUpdater(metrics);
  const onLine = time('updater call on a line, monotonicClock', (count) => {
    for (let call = 0; call < count; call++) {
      maker.onCreate(lastNs - (VALUES[call & 1023] as number));
    }
  });
  run.goal('updater', (onLine - record) / look);
  const taker = new recorder.SegmentPreparerUpdater(metrics);
  time('journalled updater call, monotonicClock', (count) => {
    for (let call = 0; call < count; call++) taker.onGetNextSegment(lastNs);
  });
  const copy = new recorder.SegmentPreparer();
  const copyNs = time(
    'a copyTo of SegmentPreparer, a hundredth of it',
    (count) => {
      for (let call = 0; call < count; call += 100) metrics.copyTo(copy);
    },
    Math.max(1, Math.round(WINDOWS / 10)),
  );
  run.note(`a whole snapshot takes ${(copyNs / 10).toFixed(1)} µs`);
}

type Record = (value: number) => void;

/** What others record with; a package that is not installed is said and left out. */
const OTHERS: Readonly<{ [name: string]: () => Promise<Record> }> = {
  'perf_hooks createHistogram().record': async () => {
    const histogram = createHistogram();
    return (value) => histogram.record(value);
  },
  'hdr-histogram-js recordValue': async () => {
    const { build } = await import('hdr-histogram-js');
    const histogram = build();
    return (value) => histogram.recordValue(value);
  },
  'prom-client Histogram.observe': async () => {
    const { Histogram } = await import('prom-client');
    const histogram = new Histogram({ name: 'a', help: 'a', registers: [] });
    return (value) => histogram.observe(value);
  },
  'prom-client Summary.observe': async () => {
    const { Summary } = await import('prom-client');
    const summary = new Summary({ name: 'b', help: 'b', registers: [] });
    return (value) => summary.observe(value);
  },
  'OpenTelemetry histogram.record': async () => {
    const { MeterProvider } = await import('@opentelemetry/sdk-metrics');
    const histogram = new MeterProvider().getMeter('bench').createHistogram('a');
    return (value) => histogram.record(value);
  },
};

async function others(): Promise<void> {
  for (const [name, make] of Object.entries(OTHERS)) {
    let record: Record;
    try {
      record = await make();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
      measured.push({ way: name, skipped: 'the package is not installed', values: {} });
      continue;
    }
    const run = (count: number): void => {
      for (let call = 0; call < count; call++) record(1 + (VALUES[call & 1023] as number));
    };
    time(name, run, Math.max(1, Math.round(WINDOWS / 10)));
  }
}

/** The other thread adds to the counter at word 48 or 32 until it is told to stop. */
const OTHER_THREAD = `
const { workerData, parentPort } = require('node:worker_threads');
const { words, at } = workerData;
parentPort.postMessage('ready');
while (Atomics.load(words, 0) === 0) {
  for (let call = 0; call < 1000; call++) words[at] = words[at] + 1;
}
`;

async function besideAnother(name: string, at: number): Promise<void> {
  const shared = cacheLines(4);
  const workerData = { words: shared, at };
  const worker = new Worker(OTHER_THREAD, { eval: true, execArgv: [], workerData });
  const ended = new Promise((resolve) => worker.once('exit', resolve));
  await new Promise((resolve) => worker.once('message', resolve));
  time(name, (count) => {
    for (let call = 0; call < count; call++) addCounter(shared, 2 * LINE_WORDS, 1);
  });
  Atomics.store(shared, 0, 1);
  await ended;
}

const COLUMNS = ['fastest', 'median'].map((name) => ({ name, unit: 'ns' as const }));

await benchmark('telemetry', async (run) => {
  own(run);
  await others();
  await besideAnother('a counter while a thread records on the next line', 3 * LINE_WORDS + 2);
  await besideAnother('a counter while a thread records on the same line', 2 * LINE_WORDS + 8);
  run.table({ title: `windows of ${WINDOW_CALLS} calls`, columns: COLUMNS, rows: measured });
  run.hash.add(words[8] ?? 0);
});
