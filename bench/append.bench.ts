// What an append costs while the ring has room, beside a flat function that writes the same frame
// into a ring of the same size; and whether it allocates.
import { join } from 'node:path';
import { PerformanceObserver } from 'node:perf_hooks';
import { defineEvent, defineJsonEvent, Wal, type WalOptions } from '../src/index.js';
import { type Bursts, drained, timeBursts } from './append/burst.js';
import { logSizes, scaled, withFolder } from './harness/folder.js';
import { clockReadingNs } from './harness/machine.js';
import type { Column } from './harness/result.js';
import { benchmark, type Run } from './harness/run.js';
import { median } from './harness/statistics.js';
import { ratioOf, type Sample, type Way } from './harness/turns.js';
import { flatRing } from './limits/flat-append.js';

const RING_BYTES = 16 * 2 ** 20;
const PAYLOAD = new Uint8Array(40).fill(0x5a);
const BATCH = Array.from({ length: 10 }, () => PAYLOAD);
const BURSTS: Bursts = { bursts: scaled(120), events: 20 * scaled(1000) };
const ALLOCATION_EVENTS = scaled(1_000_000);

const FLAT = 'a flat function, payload by set, atomic publication';
const TYPED = 'a flat function, typed in place, atomic publication';
const IN_PLACE = 'begin, six fields, commit, coarse time';
/** The fields that the typed flat function stores. */
const Order = defineEvent(
  'order',
  {
    orderId: 'safeU64',
    price: 'f64',
    timeNs: 'f64',
    quantity: 'u32',
    direction: 'i32',
    account: 'f64',
  },
  { version: 1 },
);
const JsonOrder = defineJsonEvent('json_order', { version: 1 });
const COARSE = 'append, coarse time';
const PRECISE = 'append, precise time';
const COLUMNS: readonly Column[] = [
  { name: 'fastest', unit: 'ns' },
  { name: 'median', unit: 'ns' },
];

/** Nobody empties its ring: there is nothing to wait for. */
function flat(isAtomic: boolean, isTyped: boolean): Promise<Sample> {
  const ring = flatRing(RING_BYTES, isAtomic);
  const append = isTyped
    ? (event: number) => void ring.appendOrder(event, event * 0.5, event & 1023, event & 1, event)
    : () => void ring.append(PAYLOAD);
  return timeBursts(BURSTS, append, () => undefined);
}

async function ours(folder: string, timestamps: 'coarse' | 'precise'): Promise<Sample> {
  const wal = await opened(folder, { timestamps });
  const sample = await timeBursts(
    BURSTS,
    () => void wal.append(PAYLOAD),
    () => drained(wal),
  );
  await wal.close();
  return sample;
}

/** Typed events: the flat function's 40 bytes, field by field, as an object, and as JSON. */
async function typed(
  folder: string,
  appenderOf: (wal: Wal) => (event: number) => void,
): Promise<Sample> {
  const wal = await opened(folder, { timestamps: 'coarse' });
  const sample = await timeBursts(BURSTS, appenderOf(wal), () => drained(wal));
  await wal.close();
  return sample;
}

const inPlace = (wal: Wal) => (event: number) => {
  const order = wal.begin(Order);
  order.orderId = event;
  order.price = event * 0.5;
  order.timeNs = event;
  order.quantity = event & 1023;
  order.direction = event & 1;
  order.account = 0;
  order.commit();
};

const orderOf = (event: number) => ({
  orderId: event,
  price: event * 0.5,
  timeNs: event,
  quantity: event & 1023,
  direction: event & 1,
  account: 0,
});

async function batches(folder: string): Promise<Sample> {
  const wal = await opened(folder, { timestamps: 'coarse' });
  const { values } = await timeBursts(
    { ...BURSTS, events: BURSTS.events / BATCH.length },
    () => void wal.appendBatch(BATCH),
    () => drained(wal),
  );
  await wal.close();
  const each = (column: string): number => (values[column] ?? Number.NaN) / BATCH.length;
  return { values: { fastest: each('fastest'), median: each('median') } };
}

let logs = 0;
const opened = (folder: string, options: WalOptions): Promise<Wal> =>
  Wal.open(join(folder, `log-${++logs}`), {
    ...logSizes,
    sync: { mode: 'manual' },
    ringBytes: RING_BYTES,
    ...options,
  });

/** Collections of garbage, and bytes that a million appends leave on the heap. */
async function allocation(run: Run, folder: string): Promise<void> {
  const wal = await opened(folder, { timestamps: 'coarse', ringBytes: 4 * RING_BYTES });
  let collections = 0;
  const observer = new PerformanceObserver((list) => {
    collections += list.getEntries().length;
  });
  for (let event = 0; event < ALLOCATION_EVENTS; event++) wal.append(PAYLOAD);
  await drained(wal);
  globalThis.gc?.();
  await new Promise((resolve) => setImmediate(resolve));
  observer.observe({ entryTypes: ['gc'] });
  const before = process.memoryUsage().heapUsed;
  for (let event = 0; event < ALLOCATION_EVENTS; event++) wal.append(PAYLOAD);
  const grown = process.memoryUsage().heapUsed - before;
  await new Promise((resolve) => setImmediate(resolve));
  observer.disconnect();
  run.note(
    `${ALLOCATION_EVENTS} appends with coarse time: ${collections} collections, ` +
      `${(grown / 1e3).toFixed(0)} KB more on the heap`,
  );
  run.goal('collections', collections);
  run.hash.add(wal.lastEventId);
  await wal.close();
}

await benchmark('append', (run) =>
  withFolder(async (folder) => {
    const ways: Way[] = [
      { name: FLAT, run: () => flat(true, false) },
      { name: 'a flat function, payload by set, plain publication', run: () => flat(false, false) },
      { name: TYPED, run: () => flat(true, true) },
      { name: IN_PLACE, run: () => typed(folder, inPlace) },
      {
        name: 'appendEvent of an object, coarse time',
        run: () => typed(folder, (wal) => (event) => void wal.appendEvent(Order, orderOf(event))),
      },
      {
        name: 'appendEvent of JSON, coarse time',
        run: () =>
          typed(folder, (wal) => (event) => void wal.appendEvent(JsonOrder, orderOf(event))),
      },
      {
        name: 'append of JSON.stringify, coarse time',
        run: () =>
          typed(
            folder,
            (wal) => (event) => void wal.append(Buffer.from(JSON.stringify(orderOf(event)))),
          ),
      },
      { name: COARSE, run: () => ours(folder, 'coarse') },
      { name: PRECISE, run: () => ours(folder, 'precise') },
      { name: 'appendBatch of ten, coarse time, an event', run: () => batches(folder) },
    ];
    const title = `bursts of ${BURSTS.events} events of 40 bytes`;
    const rows = await run.compare(title, COLUMNS, ways, FLAT);
    run.goal('coarse', ratioOf(rows.get(COARSE), rows.get(FLAT), 'fastest'));
    const fastest = (name: string): number => median(rows.get(name)?.values['fastest'] ?? []);
    run.goal('typed', ratioOf(rows.get(IN_PLACE), rows.get(TYPED), 'fastest'));
    const clockNs = clockReadingNs();
    run.note(`a clock reading: ${clockNs.toFixed(0)} ns`);
    run.goal('precise', fastest(PRECISE) / (fastest(FLAT) + clockNs));
    await allocation(run, folder);
  }),
);
