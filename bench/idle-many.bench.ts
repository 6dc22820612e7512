// What a hundred logs of one process cost together that have nothing to do.
import { mkdirSync, readdirSync, readlinkSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Wal } from '../src/index.js';
import { scale, scaled, withFolder } from './harness/folder.js';
import { closeLogs, openLogs } from './harness/many-logs.js';
import { canTimeThreads, sumOf, threadsOf, threadTimes, usedNs } from './harness/processor-time.js';
import { benchmark, type Run } from './harness/run.js';
import type { Sample, Way } from './harness/turns.js';

const CREW = 3;
const LOGS = Math.max(scaled(100), CREW + 1);
const MEASURED_MS = 5_000 * scale;
const SETTLING_MS = 4_000 * Math.min(1, scale);
const DESCRIPTORS = '/proc/self/fd';
const PAYLOAD = new Uint8Array(40);
const COLUMNS = [
  { name: 'memory', unit: 'MB' },
  { name: 'threads', unit: '' },
  { name: 'descriptors', unit: '' },
  { name: 'shared', unit: 'MB' },
  { name: 'processor', unit: '%' },
] as const;

const megabytes = (): number => process.memoryUsage().rss / 1e6;

/** What this process has open, by descriptor: what each refers to. */
function openFiles(): Map<string, string> {
  const files = new Map<string, string>();
  for (const fd of readdirSync(DESCRIPTORS)) {
    try {
      files.set(fd, readlinkSync(join(DESCRIPTORS, fd)));
    } catch {
      // The one that the folder was read with.
    }
  }
  return files;
}

/** Of the regions that this process has open, in MB. */
function sharedMemory(): number {
  const regions = [...openFiles()].filter(([, path]) => path.startsWith('/dev/shm/'));
  const inodes = new Map(
    regions.map(([fd]) => {
      const { ino, blocks } = statSync(join(DESCRIPTORS, fd));
      return [ino, blocks * 512];
    }),
  );
  return [...inodes.values()].reduce((sum, bytes) => sum + bytes, 0) / 1e6;
}

/** How many of them are files of logs: what threads and the runtime have open is no log's. */
function logFiles(folder: string): number {
  const places = [realpathSync(folder), '/dev/shm/flashstrike-'];
  const isOfLog = (path: string): boolean => places.some((place) => path.startsWith(place));
  return [...openFiles().values()].filter(isOfLog).length;
}

const commit = (wal: Wal): Promise<number> => wal.durable(wal.append(PAYLOAD));

async function many(folder: string): Promise<Sample> {
  const threadsBefore = threadsOf().length;
  const [crew, others] = [join(folder, 'crew'), join(folder, 'others')] as const;
  for (const path of [crew, others]) mkdirSync(path);
  const one = await Wal.open(join(folder, 'one'));
  await commit(one);
  const memoryOfOne = megabytes();
  const first = [one, ...(await openLogs(crew, CREW))];
  const [sharedByFirst, filesOfFirst] = [sharedMemory(), logFiles(folder)];
  const logs = [...first, ...(await openLogs(others, LOGS - CREW))];
  await Promise.all(logs.map(commit));
  await delay(SETTLING_MS);
  const memory = megabytes() - memoryOfOne;
  const threads = threadsOf().length - threadsBefore;
  const descriptors = (logFiles(folder) - filesOfFirst) / (LOGS - CREW);
  const shared = (sharedMemory() - sharedByFirst) / (LOGS - CREW);
  const startMs = performance.now();
  const startTimes = threadTimes();
  await delay(MEASURED_MS);
  const elapsedNs = (performance.now() - startMs) * 1e6;
  const usedByAll = sumOf(usedNs(startTimes, threadTimes(), () => 'all'));
  await closeLogs(logs);
  const processor = (100 * usedByAll) / elapsedNs;
  return { values: { memory, threads, descriptors, shared, processor } };
}

async function measure(run: Run): Promise<void> {
  const ways: Way[] = [{ name: 'all together', run: () => withFolder(many) }];
  const title = `${LOGS} idle logs (descriptors and shared memory: of one)`;
  const rows = await run.compare(title, COLUMNS, ways);
  // Later rounds find the threads' memory already there.
  const [first] = rows.values();
  for (const { name } of COLUMNS) run.goal(name, first?.values[name]?.[0] ?? Number.NaN);
}

await benchmark('idle-many', async (run) => {
  if (canTimeThreads) await measure(run);
  else run.note('the time of a single thread is known on Linux only');
});
