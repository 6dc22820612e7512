// What an append costs, and how fast the kernel has the bytes, against the size of an event.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Wal } from '../src/index.js';
import { drained } from './append/burst.js';
import { logSizes, scale, scaled, withFolder } from './harness/folder.js';
import { benchmark } from './harness/run.js';
import { median } from './harness/statistics.js';
import { bytesText, sweep } from './harness/sweep.js';
import type { Sample } from './harness/turns.js';

/** The largest is the most that a log takes by default: 1 MiB less its headers. */
const LARGEST = 2 ** 20 - 88;
const SIZES =
  scale < 1 ? [8, 4096] : [8, 40, 128, 512, 2048, 8192, 32_768, 131_072, 524_288, LARGEST];
const RING_BYTES = 16 * 2 ** 20;
const SUSTAINED_BYTES = scaled(192 * 2 ** 20);
const MOST_EVENTS = scaled(1_500_000);
const BURSTS = 20;

let logs = 0;

async function ofSize(folder: string, bytes: number): Promise<Sample> {
  const payload = new Uint8Array(bytes).fill(0x5a);
  const directory = join(folder, `log-${++logs}`);
  const wal = await Wal.open(directory, {
    ...logSizes,
    sync: { mode: 'manual' },
    timestamps: 'coarse',
    ringBytes: RING_BYTES,
  });
  const burst = Math.max(2, Math.min(scaled(20_000), Math.floor(RING_BYTES / 4 / (bytes + 32))));
  const eachNs: number[] = [];
  for (let count = 0; count < BURSTS; count++) {
    const startMs = performance.now();
    for (let event = 0; event < burst; event++) wal.append(payload);
    eachNs.push(((performance.now() - startMs) * 1e6) / burst);
    await drained(wal);
  }
  const events = Math.max(1, Math.min(MOST_EVENTS, Math.round(SUSTAINED_BYTES / (bytes + 24))));
  const startMs = performance.now();
  for (let event = 0; event < events; event++) wal.append(payload);
  while (wal.writtenEventId < wal.lastEventId) await new Promise(setImmediate);
  const elapsedMs = performance.now() - startMs;
  await wal.close();
  rmSync(directory, { recursive: true });
  return {
    values: {
      append: median(eachNs),
      events: (events / elapsedMs) * 1e3,
      payload: (events * bytes) / 1e3 / elapsedMs,
    },
  };
}

await benchmark('growth-size', (run) =>
  withFolder(async (folder) => {
    await sweep(run, {
      title: 'appends by the size of an event',
      label: 'bytes of an event',
      sizes: SIZES,
      columns: [
        { name: 'append', unit: 'ns' },
        { name: 'events', unit: '/s' },
        { name: 'payload', unit: 'MB/s' },
      ],
      nameOf: bytesText,
      measure: (bytes) => ofSize(folder, bytes),
    });
  }),
);
