// What the life of a segment behind its last event costs: appends while finished segments are
// compressed and removed beside them, and what compression makes of real data.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { Wal, type WalOptions } from '../src/index.js';
import { paced } from './append/paced.js';
import { scale, scaled, withFolder } from './harness/folder.js';
import { benchmark, type Run } from './harness/run.js';
import { ratioOf, type Sample, type Way } from './harness/turns.js';

const MIB = 2 ** 20;
const DATA = fileURLToPath(new URL('../../../shared/data/', import.meta.url));
/** So small that maintenance has something to do all the time. */
const SIZES: WalOptions = { segmentBytes: 4 * MIB, ringBytes: scale < 1 ? MIB : 16 * MIB };
const MAINTAINED: WalOptions = {
  compression: 'lz4',
  hotSegments: 1,
  retention: { bytes: 32 * MIB },
};
const BACKUPS = 'backed up again and again';
const WITHOUT = 'nothing is compressed or removed';
const WITH = 'lz4, one hot segment, 32 MiB kept';
const RATE = 200_000;
const WARM_UP = scaled(200_000);
const PACED_EVENTS = scaled(1_000_000);
const SUSTAINED_EVENTS = scaled(2_000_000);
const PAYLOAD = new Uint8Array(40).fill(0x5a);
/** Of each file: its lines again and again, further apart than LZ4 looks back. */
const CONTENT_BYTES = Math.max(MIB, scaled(48 * MIB));
const COMPRESSION_LIMIT_MS = 120_000;

let logs = 0;

async function withLog(
  folder: string,
  options: WalOptions,
  body: (wal: Wal, directory: string) => Promise<Sample>,
): Promise<Sample> {
  const directory = join(folder, `log-${++logs}`);
  const wal = await Wal.open(directory, { ...SIZES, ...options });
  try {
    return await body(wal, directory);
  } finally {
    await wal.close();
    rmSync(directory, { recursive: true });
  }
}

/** One backup after the other, each of what is new, until `end` is called. */
function backups(wal: Wal, target: string): { end(): Promise<void> } {
  let isEnding = false;
  const run = async (): Promise<void> => {
    while (!isEnding) await wal.backup(target);
  };
  const running = run();
  return {
    async end() {
      isEnding = true;
      await running;
      rmSync(target, { recursive: true });
    },
  };
}

const appends = (
  name: string,
  folder: string,
  options: WalOptions,
  beside?: (wal: Wal, directory: string) => { end(): Promise<void> },
): Way => ({
  name,
  run: () =>
    withLog(folder, options, async (wal, directory) => {
      const other = beside?.(wal, directory);
      await paced(wal, WARM_UP, RATE);
      const { service } = await paced(wal, PACED_EVENTS, RATE);
      const startMs = performance.now();
      for (let event = 0; event < SUSTAINED_EVENTS; event++) wal.append(PAYLOAD);
      await wal.durable();
      const events = (SUSTAINED_EVENTS * 1e3) / (performance.now() - startMs);
      await other?.end();
      const { maintenanceCompression, maintenanceRetention } = wal.telemetry.segmentMaintainer;
      const values = {
        p99: service.percentileNs(99),
        events,
        compressed: maintenanceCompression.successes,
        removed: maintenanceRetention.successes,
      };
      return { values, latencies: service };
    }),
});

async function besides(run: Run, folder: string): Promise<void> {
  const columns = [
    { name: 'p99', unit: 'ns' },
    { name: 'events', unit: '/s' },
    { name: 'compressed', unit: '' },
    { name: 'removed', unit: '' },
  ] as const;
  const ways = [
    appends(WITHOUT, folder, {}),
    appends(WITH, folder, MAINTAINED),
    appends(BACKUPS, folder, {}, (wal, directory) => backups(wal, `${directory}-backup`)),
  ];
  const title = `append at ${RATE} a second (p99), then ${SUSTAINED_EVENTS} without a pause`;
  const rows = await run.compare(title, columns, ways, WITHOUT);
  run.goal('p99', ratioOf(rows.get(WITH), rows.get(WITHOUT), 'p99'));
  run.goal('backup', ratioOf(rows.get(BACKUPS), rows.get(WITHOUT), 'p99'));
  run.goal('events', ratioOf(rows.get(WITH), rows.get(WITHOUT), 'events'));
}

/** All but the segment that is written to. */
async function allCompressed(directory: string): Promise<void> {
  const endMs = performance.now() + COMPRESSION_LIMIT_MS;
  while (readdirSync(directory).filter((name) => name.endsWith('.wal')).length > 1) {
    if (performance.now() > endMs) throw new Error(`${directory} is not compressed in time`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

const compression = (name: string, folder: string): Way => ({
  name,
  run: () =>
    withLog(folder, { compression: 'lz4', hotSegments: 0 }, async (wal, directory) => {
      const text = gunzipSync(readFileSync(join(DATA, name))).toString('latin1');
      const lines = text.split('\n').map((line) => Buffer.from(line, 'latin1'));
      for (let bytes = 0, at = 0; bytes < CONTENT_BYTES; at++) {
        const line = lines[at % lines.length] ?? PAYLOAD;
        wal.append(line);
        bytes += line.length;
      }
      await wal.durable();
      await allCompressed(directory);
      const { maintenanceCompression, compressedContentBytes, compressedFileBytes } =
        wal.telemetry.segmentMaintainer;
      const seconds = maintenanceCompression.totalNs / 1e9;
      return {
        values: {
          ratio: compressedContentBytes / compressedFileBytes,
          rate: compressedContentBytes / 1e6 / seconds,
        },
      };
    }),
});

async function compressions(run: Run, folder: string): Promise<void> {
  const files = existsSync(DATA) ? readdirSync(DATA).filter((name) => name.endsWith('.gz')) : [];
  const missing = `there are no data files in ${DATA}`;
  const none: Way = {
    name: 'the data files',
    missing,
    run: () => Promise.reject(new Error(missing)),
  };
  const columns = [
    { name: 'ratio', unit: '' },
    { name: 'rate', unit: 'MB/s' },
  ] as const;
  const ways = files.length === 0 ? [none] : files.map((name) => compression(name, folder));
  await run.compare('compression, each line an event; its rests included', columns, ways);
}

await benchmark('maintenance', (run) =>
  withFolder(async (folder) => {
    await besides(run, folder);
    await compressions(run, folder);
  }),
);
