// A thousand promises that one sync keeps: what each waiter costs above one durable() for all.
import { join } from 'node:path';
import { Wal } from '../src/index.js';
import { logSizes, scaled, withFolder } from './harness/folder.js';
import { benchmark } from './harness/run.js';
import { median } from './harness/statistics.js';
import type { Sample, Way } from './harness/turns.js';

const WAITERS = 1000;
const BATCHES = scaled(200);
const PAYLOAD = new Uint8Array(40).fill(0x5a);
const EACH = `durable(id) of each of ${WAITERS} events`;
const ONE = `one durable() for ${WAITERS} events`;

async function each(wal: Wal): Promise<void> {
  const promises = new Array<Promise<number>>(WAITERS);
  for (let event = 0; event < WAITERS; event++) {
    promises[event] = wal.durable(wal.append(PAYLOAD));
  }
  await Promise.all(promises);
}

async function one(wal: Wal): Promise<void> {
  for (let event = 0; event < WAITERS; event++) wal.append(PAYLOAD);
  await wal.durable();
}

async function batches(wal: Wal, batch: (wal: Wal) => Promise<void>): Promise<Sample> {
  const batchUs: number[] = [];
  for (let count = 0; count < BATCHES; count++) {
    const startMs = performance.now();
    await batch(wal);
    batchUs.push((performance.now() - startMs) * 1e3);
  }
  const middle = median(batchUs);
  return { values: { batch: middle, 'an event': middle / WAITERS } };
}

const COLUMNS = [
  { name: 'batch', unit: 'µs' },
  { name: 'an event', unit: 'µs' },
] as const;

await benchmark('durable-many', (run) =>
  withFolder(async (folder) => {
    const wal = await Wal.open(join(folder, 'log'), logSizes);
    const ways: Way[] = [
      { name: ONE, run: () => batches(wal, one) },
      { name: EACH, run: () => batches(wal, each) },
    ];
    const rows = await run.compare('batches', COLUMNS, ways, ONE);
    const single = rows.get(ONE)?.values['an event'] ?? [];
    const many = rows.get(EACH)?.values['an event'] ?? [];
    run.goal('waiter', median(many.map((us, round) => us - (single[round] ?? Number.NaN))));
    run.hash.add(wal.lastEventId);
    await wal.close();
  }),
);
