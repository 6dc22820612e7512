// What a log costs that has nothing to do, by thread, beside a thread that only sleeps and wakes as
// often; and what a small closed log takes on disk.
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { Wal } from '../src/index.js';
import { logSizes, scale, withFolder } from './harness/folder.js';
import { threadsOfLog } from './harness/log-threads.js';
import { canTimeThreads, threadsOf, threadTimes, usedNs } from './harness/processor-time.js';
import { benchmark, type Run } from './harness/run.js';
import { median } from './harness/statistics.js';
import type { Sample, Way } from './harness/turns.js';

const MEASURED_MS = 5_000 * scale;
/** The log has its spare segment and has not seen an event for longer than a second. */
const SETTLING_MS = 4_000 * Math.min(1, scale);
/** How often the writer of an idle log looks at its ring, by default. */
const LOOK_MS = 20;
const PAYLOAD = new Uint8Array(40);
const SMALL_LOG_EVENTS = 20;
const BARE = `
const { workerData } = require('node:worker_threads');
for (;;) Atomics.wait(new Int32Array(workerData), 0, 0, ${LOOK_MS});
`;
const ONE = 'one log';
const COLUMNS = ['whole', 'writer', 'preparer', 'housekeeping', 'bare'] as const;

let folders = 0;

/** Per cent of a core, by thread. */
async function one(folder: string): Promise<Sample> {
  const { log, threads } = await threadsOfLog(() =>
    Wal.open(join(folder, `idle-${++folders}`), { segmentBytes: 2 ** 20 }),
  );
  const before = new Set(threadsOf());
  const bare = new Worker(BARE, { eval: true, workerData: new SharedArrayBuffer(4) });
  await log.durable(log.append(PAYLOAD));
  await delay(SETTLING_MS);
  const bareThreads = threadsOf().filter((thread) => !before.has(thread));
  const roles = new Map([...threads, ...bareThreads.map((thread) => [thread, 'bare'] as const)]);
  const startMs = performance.now();
  const startTimes = threadTimes();
  await delay(MEASURED_MS);
  const used = usedNs(startTimes, threadTimes(), (thread) => roles.get(thread) ?? 'runtime');
  const elapsedNs = (performance.now() - startMs) * 1e6;
  await bare.terminate();
  await log.close();
  const percent = (role: string): number => (100 * (used.get(role) ?? 0)) / elapsedNs;
  const [writer, preparer, housekeeping] = ['writer', 'preparer', 'housekeeping'].map(percent);
  const whole = (writer ?? 0) + (preparer ?? 0) + (housekeeping ?? 0);
  return {
    values: { whole, writer, preparer, housekeeping, bare: percent('bare') } as Sample['values'],
  };
}

async function smallLog(run: Run, folder: string): Promise<void> {
  const directory = join(folder, 'small');
  const wal = await Wal.open(directory, logSizes);
  for (let event = 0; event < SMALL_LOG_EVENTS; event++) wal.append(PAYLOAD);
  await wal.close();
  const blocks = readdirSync(directory).map((name) => statSync(join(directory, name)).blocks);
  run.goal('smallLog', (blocks.reduce((sum, count) => sum + count, 0) * 512) / 1e3);
}

await benchmark('idle', (run) =>
  withFolder(async (folder) => {
    if (canTimeThreads) {
      const ways: Way[] = [{ name: ONE, run: () => one(folder) }];
      const columns = COLUMNS.map((name) => ({ name, unit: '%' as const }));
      const rows = await run.compare('of a core, without events', columns, ways);
      run.goal('idle', median(rows.get(ONE)?.values['whole'] ?? []));
    } else {
      run.note('the time of a single thread is known on Linux only');
    }
    await smallLog(run, folder);
  }),
);
