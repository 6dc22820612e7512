// What a hundred logs of one process cost together that have nothing to do.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Wal, type WalOptions } from '../src/index.js';
import { scale, scaled, withFolder } from './harness/folder.js';
import { canTimeThreads, sumOf, threadsOf, threadTimes, usedNs } from './harness/processor-time.js';
import { benchmark, type Run } from './harness/run.js';
import type { Sample, Way } from './harness/turns.js';

const LOGS = scaled(100);
/** So many are opened at the same time. */
const OPENED_TOGETHER = 10;
/** A hundred times the defaults is 14 GB of zeros before anything is idle. */
const SMALL: WalOptions = { segmentBytes: 2 ** 20, ringBytes: 2 ** 18 };
const MEASURED_MS = 5_000 * scale;
const SETTLING_MS = 4_000 * Math.min(1, scale);
const PAYLOAD = new Uint8Array(40);
const COLUMNS = [
  { name: 'memory', unit: 'MB' },
  { name: 'threads', unit: '' },
  { name: 'processor', unit: '%' },
] as const;

const megabytes = (): number => process.memoryUsage().rss / 1e6;

async function openAll(folder: string): Promise<Wal[]> {
  const logs: Wal[] = [];
  while (logs.length < LOGS) {
    const count = Math.min(OPENED_TOGETHER, LOGS - logs.length);
    const paths = Array.from({ length: count }, (_, at) => join(folder, `log-${logs.length + at}`));
    logs.push(...(await Promise.all(paths.map((path) => Wal.open(path, SMALL)))));
  }
  return logs;
}

async function many(folder: string): Promise<Sample> {
  const [memoryBefore, threadsBefore] = [megabytes(), threadsOf().length];
  const logs = await openAll(folder);
  await Promise.all(logs.map((wal) => wal.durable(wal.append(PAYLOAD))));
  await delay(SETTLING_MS);
  const memory = megabytes() - memoryBefore;
  const threads = threadsOf().length - threadsBefore;
  const startMs = performance.now();
  const startTimes = threadTimes();
  await delay(MEASURED_MS);
  const elapsedNs = (performance.now() - startMs) * 1e6;
  const usedByAll = sumOf(usedNs(startTimes, threadTimes(), () => 'all'));
  await Promise.all(logs.map((wal) => wal.close()));
  return { values: { memory, threads, processor: (100 * usedByAll) / elapsedNs } };
}

async function measure(run: Run): Promise<void> {
  const ways: Way[] = [{ name: 'all together', run: () => withFolder(many) }];
  const title = `${LOGS} idle logs (segments of 1 MiB, rings of 256 KiB)`;
  const rows = await run.compare(title, COLUMNS, ways);
  // Later rounds find the threads' memory already there.
  const [first] = rows.values();
  for (const { name } of COLUMNS) run.goal(name, first?.values[name]?.[0] ?? Number.NaN);
}

await benchmark('idle-many', async (run) => {
  if (canTimeThreads) await measure(run);
  else run.note('the time of a single thread is known on Linux only');
});
