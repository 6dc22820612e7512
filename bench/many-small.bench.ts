// A log a session, a tenant or a test: many small logs, one after the other, each opened, given
// twenty events, made durable and closed; beside SQLite with one file a log.
import { mkdirSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Wal } from '../src/index.js';
import { scaled, withFolder } from './harness/folder.js';
import { Latencies } from './harness/latencies.js';
import { benchmark } from './harness/run.js';
import { median } from './harness/statistics.js';
import type { Sample, Way } from './harness/turns.js';
import type { Peer } from './peers/peer.js';
import { SQLITES } from './peers/sqlite.js';

const LOGS = scaled(1000);
const EVENTS = 20;
const PAYLOADS = Array.from({ length: EVENTS }, () => new Uint8Array(40).fill(0x5a));
const OURS = 'Flashstrike';
const SQLITE = 'better-sqlite3 FULL';
const COLUMNS = [
  { name: 'p50', unit: 'ms' },
  { name: 'on disk', unit: 'KB' },
] as const;

async function ours(path: string): Promise<void> {
  const wal = await Wal.open(path);
  for (const payload of PAYLOADS) wal.append(payload);
  await wal.durable();
  await wal.close();
}

async function theirs(peer: Peer, path: string): Promise<void> {
  mkdirSync(path);
  const store = await peer.open(path);
  await store.recordAll(PAYLOADS);
  const count = await store.countAndClose();
  if (count !== EVENTS) throw new Error(`${path}: ${count} of ${EVENTS} events are there`);
}

function bytesOnDisk(path: string): number {
  const files = readdirSync(path).map((name) => statSync(join(path, name)).blocks * 512);
  return files.reduce((sum, bytes) => sum + bytes, 0);
}

async function oneAfterTheOther(
  folder: string,
  use: (path: string) => Promise<void>,
): Promise<Sample> {
  const latencies = new Latencies();
  const sizes: number[] = [];
  for (let log = 0; log < LOGS; log++) {
    const path = join(folder, `log-${log}`);
    const startMs = performance.now();
    await use(path);
    latencies.record((performance.now() - startMs) * 1e6);
    sizes.push(bytesOnDisk(path));
  }
  const values = { p50: latencies.percentileNs(50) / 1e6, 'on disk': median(sizes) / 1e3 };
  return { values, latencies };
}

const peerWay = (peer: Peer): Way => ({
  name: peer.name,
  missing: peer.missing,
  run: () => withFolder((folder) => oneAfterTheOther(folder, (path) => theirs(peer, path))),
});

await benchmark('many-small', async (run) => {
  const ways: Way[] = [
    { name: OURS, run: () => withFolder((folder) => oneAfterTheOther(folder, ours)) },
    ...SQLITES.filter(({ name }) => name === SQLITE).map(peerWay),
  ];
  const title = `${LOGS} logs of ${EVENTS} events, one after the other`;
  const rows = await run.compare(title, COLUMNS, ways, SQLITE);
  const values = rows.get(OURS)?.values;
  run.goal('round', median(values?.['p50'] ?? []));
  run.goal('disk', median(values?.['on disk'] ?? []));
});
