// Many logs of one process that are in use: as many that each commit one event after another,
// beside as many files that are synced through libuv; and one or two busy logs among idle ones.
import { mkdirSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Wal } from '../src/index.js';
import { scale, scaled, withFolder } from './harness/folder.js';
import { Latencies } from './harness/latencies.js';
import { closeLogs, openLogs } from './harness/many-logs.js';
import { canTimeThreads, sumOf, threadTimes, usedNs } from './harness/processor-time.js';
import { benchmark, type Run } from './harness/run.js';
import { ratioOf, type Sample, type Way } from './harness/turns.js';

const LOGS = scaled(64);
const IDLE_LOGS = scaled(99);
const LOOP_MS = 6_000 * scale;
/** Each thread compiles its code for itself: at half the rate for the first seconds. */
const WARM_UP_MS = 5_000 * scale;
const PAYLOAD = new Uint8Array(40).fill(0x5a);
const BURST = scaled(2_000);
const BURSTS = 30;

const LOOP = `Flashstrike, ${LOGS} logs`;
const HANDLES = `${LOGS} file handles, write + datasync`;
const ALONE = 'alone';
const AMONG = `among ${IDLE_LOGS} idle logs`;
const BESIDE = 'beside another busy log';

type Commit = () => Promise<unknown>;

/** Each commits one event after another until the time is over. */
async function commitInLoops(commits: readonly Commit[], ms: number): Promise<Latencies> {
  const latencies = new Latencies();
  const endMs = performance.now() + ms;
  const loop = async (commit: Commit): Promise<void> => {
    for (let startMs = performance.now(); startMs < endMs; startMs = performance.now()) {
      await commit();
      latencies.record((performance.now() - startMs) * 1e6);
    }
  };
  await Promise.all(commits.map(loop));
  return latencies;
}

async function measured(commits: readonly Commit[]): Promise<Sample> {
  await commitInLoops(commits, WARM_UP_MS);
  const [startMs, startTimes] = [performance.now(), threadTimes()];
  const latencies = await commitInLoops(commits, LOOP_MS);
  const count = latencies.count;
  const rate = count / ((performance.now() - startMs) / 1e3);
  const processor = sumOf(usedNs(startTimes, threadTimes(), () => 'all')) / 1e3 / count;
  return { values: { rate, ...(canTimeThreads && { processor }) }, latencies };
}

const commitOf =
  (wal: Wal): Commit =>
  () =>
    wal.durable(wal.append(PAYLOAD));

async function withLogs<T>(
  folder: string,
  count: number,
  body: (logs: readonly Wal[]) => Promise<T>,
): Promise<T> {
  const logs = await openLogs(folder, count);
  try {
    return await body(logs);
  } finally {
    await closeLogs(logs);
  }
}

function commitTo(handle: FileHandle): Commit {
  let offset = 0;
  return async () => {
    await handle.write(PAYLOAD, 0, PAYLOAD.length, offset);
    offset += PAYLOAD.length;
    await handle.datasync();
  };
}

async function fileHandles(folder: string): Promise<Sample> {
  const paths = Array.from({ length: LOGS }, (_, at) => join(folder, `file-${at}`));
  const handles = await Promise.all(paths.map((path) => open(path, 'w')));
  try {
    return await measured(handles.map(commitTo));
  } finally {
    await Promise.all(handles.map((handle) => handle.close()));
  }
}

const RATES = [
  { name: 'rate', unit: '/s' },
  { name: 'processor', unit: 'µs' },
] as const;

async function loops(run: Run): Promise<void> {
  const ways: Way[] = [
    {
      name: LOOP,
      run: () =>
        withFolder((folder) => withLogs(folder, LOGS, (logs) => measured(logs.map(commitOf)))),
    },
    { name: HANDLES, run: () => withFolder(fileHandles) },
  ];
  const title = `${LOGS} at once, each commits one event after another`;
  const rows = await run.compare(title, RATES, ways, HANDLES);
  const [ours, theirs] = [rows.get(LOOP), rows.get(HANDLES)];
  run.goal('rate', ratioOf(ours, theirs, 'rate'));
  run.goal('processor', ratioOf(ours, theirs, 'processor'));
}

/** Nanoseconds an append, in the fastest of some bursts. */
async function burstNs(wal: Wal): Promise<number> {
  let fastest = Number.POSITIVE_INFINITY;
  for (let burst = 0; burst < BURSTS; burst++) {
    const startMs = performance.now();
    for (let event = 0; event < BURST; event++) wal.append(PAYLOAD);
    fastest = Math.min(fastest, (performance.now() - startMs) * 1e6);
    await wal.durable();
  }
  return fastest / BURST;
}

async function busy(wal: Wal): Promise<Sample> {
  const append = await burstNs(wal);
  const { values, latencies } = await measured([commitOf(wal)]);
  return { values: { ...values, append }, ...(latencies !== undefined && { latencies }) };
}

/** The busy log is the last that was opened: it has its threads from where the others left some. */
function amongIdle(count: number): Promise<Sample> {
  return withFolder((folder) => {
    mkdirSync(join(folder, 'busy'));
    return withLogs(folder, count, () =>
      withLogs(join(folder, 'busy'), 1, ([wal]) => busy(wal as Wal)),
    );
  });
}

const beside = (): Promise<Sample> =>
  withFolder((folder) =>
    withLogs(folder, 2, async ([wal, other]) => {
      let isOver = false;
      const commitOther = commitOf(other as Wal);
      const loop = (async () => {
        while (!isOver) await commitOther();
      })();
      const sample = await busy(wal as Wal);
      isOver = true;
      await loop;
      return sample;
    }),
  );

async function neighbours(run: Run): Promise<void> {
  const ways: Way[] = [
    { name: ALONE, run: () => amongIdle(0) },
    { name: AMONG, run: () => amongIdle(IDLE_LOGS) },
    { name: BESIDE, run: beside },
  ];
  const columns = [...RATES, { name: 'append', unit: 'ns' }] as const;
  const rows = await run.compare('one busy log', columns, ways, ALONE);
  run.goal('among', ratioOf(rows.get(AMONG), rows.get(ALONE), 'rate'));
  run.goal('append', ratioOf(rows.get(AMONG), rows.get(ALONE), 'append'));
}

await benchmark('many-busy', async (run) => {
  await loops(run);
  await neighbours(run);
});
