// What it costs that a log is watched all day: the recorder of stalls, a dashboard with a page
// open, and a Prometheus that scrapes each second; while the log is busy, and at rest.
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Wal, type WalOptions } from '../src/index.js';
import { paced } from './append/paced.js';
import { logSizes, scale, scaled, withFolder } from './harness/folder.js';
import { canTimeThreads, sumOf, threadTimes, usedNs } from './harness/processor-time.js';
import { benchmark } from './harness/run.js';
import { median } from './harness/statistics.js';
import { ratioOf, type Sample, type Way } from './harness/turns.js';
import { Observers } from './observation/observers.js';

const EVENTS = scaled(1_000_000);
const WARM_UP = scaled(200_000);
const RATE = 1_000_000;
const MEASURED_MS = 10_000 * scale;
/**
 * The log has its spare segment, of the last event there is nothing any more in what the dashboard
 * says of the last seconds, and V8 has collected what the start of its process has left.
 */
const SETTLING_MS = 25_000 * Math.min(1, scale);
const PAYLOAD = new Uint8Array(40);

interface Watching {
  readonly name: string;
  readonly options: WalOptions;
  /** Whether a dashboard and a server of metrics run, and whether somebody asks them. */
  readonly looks: 'none' | 'served' | 'asked';
}

const NOBODY: Watching = {
  name: 'nobody: stallThresholdMs 0',
  options: { stallThresholdMs: 0 },
  looks: 'none',
};
const RECORDER: Watching = { name: 'recorder of stalls', options: {}, looks: 'none' };
const SERVED: Watching = {
  name: 'recorder, dashboard, metrics; nobody asks',
  options: {},
  looks: 'served',
};
const ALL: Watching = {
  name: 'recorder, dashboard, a scrape each second',
  options: {},
  looks: 'asked',
};
const WHILE_BUSY = [NOBODY, RECORDER, ALL];
const AT_REST = [NOBODY, RECORDER, SERVED, ALL];

let logs = 0;

async function watched(
  folder: string,
  { options, looks }: Watching,
  body: (wal: Wal, observers: Observers | undefined) => Promise<Sample>,
): Promise<Sample> {
  const directory = join(folder, `log-${++logs}`);
  // Shared memory is required, because those that look are other processes.
  const wal = await Wal.open(directory, { ...logSizes, sharedMemory: 'required', ...options });
  await wal.durable(wal.append(PAYLOAD));
  const observers =
    looks === 'none' ? undefined : await Observers.start(directory, looks === 'asked');
  try {
    return await body(wal, observers);
  } finally {
    await observers?.stop();
    await wal.close();
  }
}

async function busy(wal: Wal): Promise<Sample> {
  await paced(wal, WARM_UP, RATE);
  const { service } = await paced(wal, EVENTS, RATE);
  const values = { p50: service.percentileNs(50), p99: service.percentileNs(99) };
  return { values, latencies: service };
}

/** Per cent of a core. */
async function atRest(_: Wal, observers: Observers | undefined): Promise<Sample> {
  await delay(SETTLING_MS);
  const startMs = performance.now();
  const before = [threadTimes(), ...(observers?.times() ?? [])];
  await delay(MEASURED_MS);
  const after = [threadTimes(), ...(observers?.times() ?? [])];
  const elapsedNs = (performance.now() - startMs) * 1e6;
  const [log = 0, dashboard = 0, metrics = 0] = after.map((times, at) => {
    const ns = sumOf(usedNs(before[at] ?? new Map(), times, () => 'all'));
    return (100 * ns) / elapsedNs;
  });
  return { values: { whole: log + dashboard + metrics, log, dashboard, metrics } };
}

await benchmark('observation-cost', (run) =>
  withFolder(async (folder) => {
    const busyWays = WHILE_BUSY.map(
      (watching): Way => ({
        name: watching.name,
        run: () => watched(folder, watching, busy),
      }),
    );
    const columns = ['p50', 'p99'].map((name) => ({ name, unit: 'ns' as const }));
    const title = `${RATE} appends a second, service time`;
    const rows = await run.compare(title, columns, busyWays, NOBODY.name);
    const base = rows.get(NOBODY.name);
    run.goal('recorder', ratioOf(rows.get(RECORDER.name), base, 'p99'));
    run.goal('all', ratioOf(rows.get(ALL.name), base, 'p99'));
    if (!canTimeThreads) {
      run.note('the time of a single process is known on Linux only');
      return;
    }
    const restWays = AT_REST.map(
      (watching): Way => ({
        name: watching.name,
        run: () => watched(folder, watching, atRest),
      }),
    );
    const parts = ['whole', 'log', 'dashboard', 'metrics'];
    const shares = parts.map((name) => ({ name, unit: '%' as const }));
    const rest = await run.compare('of a core, at rest', shares, restWays, NOBODY.name);
    const whole = (name: string): number => median(rest.get(name)?.values['whole'] ?? []);
    run.goal('rest', whole(ALL.name) - whole(NOBODY.name));
  }),
);
