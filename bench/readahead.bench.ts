// What a thread that reads ahead wins, of a log as it is and compressed; what it takes to begin in
// the middle, and to go from one segment that was read ahead to the next.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openCursor, replay, Wal, type WalOptions } from '../src/index.js';
import { inspectLog } from '../src/verification/inspect.js';
import { logSizes, scaled, withFolder } from './harness/folder.js';
import { benchmark } from './harness/run.js';
import { median } from './harness/statistics.js';
import type { Way } from './harness/turns.js';

/** 640 MB on disk; with FLASHSTRIKE_BENCH_SCALE=16 10 GB. */
const EVENTS = scaled(10_000_000);
const UNSYNCED = { sync: { mode: 'manual' }, timestamps: 'coarse' } as const;
const PACKED = { compression: 'lz4', hotSegments: 0 } as const;
const COMPRESSED_WITHIN_MS = 600_000;
/** Longer than it takes to fill all that is read ahead. */
const AHEAD_MS = 10;
const ALONE = 'cursor, alone';
const AHEAD = 'cursor, reading ahead';

/** Numbers that repeat as those of orders do: they become a third when they are compressed. */
async function record(directory: string, options: WalOptions): Promise<string> {
  const wal = await Wal.open(directory, { ...logSizes, ...UNSYNCED, ...options });
  const payload = new Uint8Array(40);
  const words = new Uint32Array(payload.buffer);
  for (let event = 0, state = 1; event < EVENTS; event++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    words[0] = event;
    words[1] = state % 100_000;
    words[2] = state >> 8;
    wal.append(payload);
  }
  await wal.durable();
  const deadlineMs = performance.now() + COMPRESSED_WITHIN_MS;
  const isPlain = (name: string): boolean => name.endsWith('.wal');
  while (options.compression === 'lz4' && readdirSync(directory).filter(isPlain).length > 1) {
    if (performance.now() > deadlineMs) throw new Error('the log is not compressed in time');
    await delay(50);
  }
  await wal.close();
  return directory;
}

function byCursor(directory: string, readAhead: boolean): number {
  const cursor = openCursor(directory, { readAhead });
  let count = 0;
  while (cursor.next()) count += cursor.payloadBytes;
  cursor.close();
  return count;
}

function byIterator(directory: string, readAhead: boolean): number {
  let count = 0;
  for (const { payload } of replay(directory, { readAhead })) count += payload.length;
  return count;
}

/** Microseconds from the last event of a segment to the first of the next one, that is prepared. */
async function handOvers(directory: string): Promise<number[]> {
  const firsts = inspectLog(directory).segments.map(({ firstEventId }) => firstEventId);
  const cursor = openCursor(directory, { readAhead: true });
  const taken: number[] = [];
  for (const first of firsts) {
    if (first === undefined || first === 1) continue;
    while (cursor.eventId < first - 1 && cursor.next());
    await delay(AHEAD_MS);
    const startMs = performance.now();
    if (!cursor.next()) break;
    taken.push((performance.now() - startMs) * 1e3);
  }
  cursor.close();
  return taken;
}

function beginIn(directory: string, key: 'from' | 'fromTime', part: number): number {
  const eventId = Math.max(1, Math.round(EVENTS * part));
  const [at] = replay(directory, { from: eventId, to: eventId });
  const startMs = performance.now();
  const cursor = openCursor(
    directory,
    key === 'from' ? { from: eventId } : { fromTime: at?.timestampNs },
  );
  if (!cursor.next()) throw new Error('the event is there');
  const tookMs = performance.now() - startMs;
  cursor.close();
  return tookMs;
}

await benchmark('readahead', (run) =>
  withFolder(async (folder) => {
    const way = (name: string, directory: string, ahead: boolean, read = byCursor): Way => ({
      name,
      run() {
        const startMs = performance.now();
        const bytes = read(directory, ahead);
        const elapsedMs = performance.now() - startMs;
        if (bytes !== EVENTS * 40) throw new Error(`${name} read something else`);
        run.hash.add(bytes);
        return { values: { rate: (EVENTS / elapsedMs) * 1e3 } };
      },
    });
    const logs = { raw: {}, compressed: PACKED } as const;
    for (const [kind, options] of Object.entries(logs)) {
      const directory = await record(join(folder, kind), options);
      const ways = [
        way(ALONE, directory, false),
        way(AHEAD, directory, true),
        way('iterator, alone', directory, false, byIterator),
        way('iterator, reading ahead', directory, true, byIterator),
      ];
      const title = `${EVENTS} events of 40 bytes, ${kind}`;
      const rows = await run.compare(title, [{ name: 'rate', unit: '/s' }], ways, ALONE);
      const rateOf = (name: string): number => median(rows.get(name)?.values['rate'] ?? []);
      run.goal(`${kind}Cursor`, rateOf(AHEAD) / rateOf(ALONE));
      const seeks: Way[] = (['from', 'fromTime'] as const).flatMap((key) =>
        [0.5, 0.999].map((part) => ({
          name: `${key}, event ${Math.round(EVENTS * part)}`,
          run: () => ({ values: { ms: beginIn(directory, key, part) } }),
        })),
      );
      await run.compare(`to the first event, ${kind}`, [{ name: 'ms', unit: 'ms' }], seeks);
      if (kind === 'raw') run.goal('handOver', median(await handOvers(directory)));
    }
  }),
);
