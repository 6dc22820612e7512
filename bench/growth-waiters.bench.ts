// What a durable event costs against how many wait for the same sync.
import { join } from 'node:path';
import { Wal } from '../src/index.js';
import { logSizes, scale, scaled, withFolder } from './harness/folder.js';
import { benchmark } from './harness/run.js';
import { median } from './harness/statistics.js';
import { sweep } from './harness/sweep.js';
import type { Sample } from './harness/turns.js';

const WAITERS = scale < 1 ? [1, 100] : [1, 10, 100, 1_000, 10_000, 100_000];
const EVENTS = scaled(200_000);
const FEWEST_BATCHES = 3;
const MOST_BATCHES = scaled(500);
const PAYLOAD = new Uint8Array(40).fill(0x5a);

async function withWaiters(wal: Wal, waiters: number): Promise<Sample> {
  const wanted = Math.round(EVENTS / waiters);
  const batches = Math.max(FEWEST_BATCHES, Math.min(MOST_BATCHES, wanted));
  const batchUs: number[] = [];
  const promises = new Array<Promise<number>>(waiters);
  for (let batch = 0; batch < batches; batch++) {
    const startMs = performance.now();
    for (let event = 0; event < waiters; event++) {
      promises[event] = wal.durable(wal.append(PAYLOAD));
    }
    await Promise.all(promises);
    batchUs.push((performance.now() - startMs) * 1e3);
  }
  const middle = median(batchUs);
  return { values: { batch: middle, 'an event': middle / waiters } };
}

await benchmark('growth-waiters', (run) =>
  withFolder(async (folder) => {
    const wal = await Wal.open(join(folder, 'log'), logSizes);
    await sweep(run, {
      title: 'durable() by the number of waiters',
      label: 'waiters for one batch',
      sizes: WAITERS,
      columns: [
        { name: 'batch', unit: 'µs' },
        { name: 'an event', unit: 'µs' },
      ],
      nameOf: (waiters) => `${waiters.toLocaleString('en-US')} waiters`,
      measure: (waiters) => withWaiters(wal, waiters),
    });
    run.hash.add(wal.lastEventId);
    await wal.close();
  }),
);
