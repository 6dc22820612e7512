// An append at a steady pace while group commit runs without pause, with telemetry on and off, and
// while other processes read it.
import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Wal, type WalOptions } from '../src/index.js';
import { type PacedLatencies, paced } from './append/paced.js';
import { logSizes, scale, scaled, withFolder } from './harness/folder.js';
import { PRINTED } from './harness/latencies.js';
import type { Row } from './harness/result.js';
import { benchmark } from './harness/run.js';
import { median } from './harness/statistics.js';
import { ratioOf, type Way } from './harness/turns.js';

const EVENTS = scaled(1_000_000);
const WARM_UP = scaled(200_000);
const RATE = 1_000_000;
const READERS = scale < 1 ? 1 : 8;
const READER = fileURLToPath(new URL('append/reader.js', import.meta.url));

const DEFAULT = 'telemetry on, 1 append in 64 timed (default)';
const COARSE = 'the same, coarse time';
const WITH_READERS = `default, ${READERS} processes read it 100 times a second`;

async function startReaders(directory: string, count: number): Promise<ChildProcess[]> {
  const readers = Array.from({ length: count }, () => fork(READER, [directory]));
  await Promise.all(
    readers.map(
      (reader) =>
        new Promise((resolve, reject) => {
          reader.once('message', resolve);
          reader.once('exit', (code) => reject(new Error(`a reader ended with ${code}`)));
        }),
    ),
  );
  return readers;
}

let logs = 0;

async function measure(
  folder: string,
  options: WalOptions,
  readers: number,
): Promise<PacedLatencies> {
  const directory = join(folder, `log-${++logs}`);
  // Shared memory is required, because the readers are other processes.
  const wal = await Wal.open(directory, {
    ...logSizes,
    sync: { mode: 'every-block' },
    sharedMemory: 'required',
    ...options,
  });
  await paced(wal, WARM_UP, RATE);
  const processes = await startReaders(directory, readers);
  const latencies = await paced(wal, EVENTS, RATE);
  for (const reader of processes) reader.kill();
  await wal.close();
  return latencies;
}

const COLUMNS = [50, 99, 99.9].map((percent) => ({ name: `p${percent}`, unit: 'ns' as const }));

await benchmark('append-paced', (run) =>
  withFolder(async (folder) => {
    const responses = new Map<string, Way>();
    const way = (name: string, options: WalOptions, readers = 0): Way => {
      let response: PacedLatencies['response'] | undefined;
      responses.set(name, {
        name,
        run: () => ({ values: {}, ...(response && { latencies: response }) }),
      });
      return {
        name,
        async run() {
          const both = await measure(folder, options, readers);
          if (response === undefined) response = both.response;
          else response.add(both.response);
          const values = Object.fromEntries(
            PRINTED.map((percent) => [`p${percent}`, both.service.percentileNs(percent)]),
          );
          return { values, latencies: both.service };
        },
      };
    };
    const ways = [
      way('telemetry of append off (appendSampling 0)', { appendSampling: 0 }),
      way(DEFAULT, {}),
      way(COARSE, { timestamps: 'coarse' }),
      way('telemetry on, every append timed', { appendSampling: 1 }),
      way(WITH_READERS, {}, READERS),
    ];
    const title = `${RATE} appends a second, service time`;
    const rows = await run.compare(title, COLUMNS, ways, DEFAULT);
    run.table({
      title: 'response time, from when it was due',
      columns: [],
      rows: [...responses.values()].map(({ name, run: kept }): Row => {
        const { latencies } = kept(0) as { latencies?: PacedLatencies['response'] };
        return { way: name, values: {}, ...(latencies && { latency: latencies.summary() }) };
      }),
    });
    const of = (name: string, column: string): number =>
      median(rows.get(name)?.values[column] ?? []);
    for (const { name } of COLUMNS) run.goal(name, of(DEFAULT, name));
    run.goal('readers', ratioOf(rows.get(WITH_READERS), rows.get(DEFAULT), 'p99'));
  }),
);
