// How fast a log is read back, every checksum verified, from the page cache.
import { join } from 'node:path';
import { openCursor, replay, Wal } from '../src/index.js';
import { logSizes, scaled, withFolder } from './harness/folder.js';
import { benchmark } from './harness/run.js';
import { median } from './harness/statistics.js';
import type { Way } from './harness/turns.js';

const EVENTS = scaled(5_000_000);
const UNSYNCED = { sync: { mode: 'manual' }, timestamps: 'coarse' } as const;
const PAYLOAD = new Uint8Array(40).fill(0x5a);
const CURSOR = 'cursor';
const REUSING = 'iterator, one object for all (reuse)';
const SEPARATE = 'iterator, an object an event (default)';

/** The sum of the payloads' first bytes: what was read has been looked at. */
function byCursor(directory: string): number {
  const cursor = openCursor(directory);
  let sum = 0;
  while (cursor.next()) sum += cursor.block[cursor.payloadOffset] ?? 0;
  cursor.close();
  return sum;
}

function byIterator(directory: string, reuse: boolean): number {
  let sum = 0;
  for (const event of replay(directory, { reuse })) sum += event.payload[0] ?? 0;
  return sum;
}

await benchmark('replay', (run) =>
  withFolder(async (folder) => {
    const directory = join(folder, 'log');
    const wal = await Wal.open(directory, { ...logSizes, ...UNSYNCED });
    for (let count = 0; count < EVENTS; count++) wal.append(PAYLOAD);
    await wal.close();
    const way = (name: string, read: (directory: string) => number): Way => ({
      name,
      run() {
        const startMs = performance.now();
        const sum = read(directory);
        const elapsedMs = performance.now() - startMs;
        if (sum !== EVENTS * 0x5a) throw new Error(`${name} read something else`);
        run.hash.add(sum);
        return { values: { rate: (EVENTS / elapsedMs) * 1e3 } };
      },
    });
    const ways = [
      way(CURSOR, byCursor),
      way(REUSING, (path) => byIterator(path, true)),
      way(SEPARATE, (path) => byIterator(path, false)),
    ];
    const title = `${EVENTS} events of 40 bytes`;
    const rows = await run.compare(title, [{ name: 'rate', unit: '/s' }], ways, CURSOR);
    run.goal('cursor', median(rows.get(CURSOR)?.values['rate'] ?? []));
    run.goal('iterator', median(rows.get(SEPARATE)?.values['rate'] ?? []));
  }),
);
