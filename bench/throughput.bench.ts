// Until the kernel has all events, beside the two rates that bound it: writev of 256 KiB blocks of
// the same bytes, and append into a ring that has room; and beside one fs.writeSync an event.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { Wal, type WalOptions } from '../src/index.js';
import { drained } from './append/burst.js';
import { sustained } from './append/sustained.js';
import { logSizes, scaled, withFolder } from './harness/folder.js';
import type { Row } from './harness/result.js';
import { benchmark, type Run } from './harness/run.js';
import { median } from './harness/statistics.js';
import { ratioOf, type Sample, type Way } from './harness/turns.js';
import { writeEvents, writevBlocks } from './limits/plain-writes.js';

const EVENTS = scaled(20_000_000);
/** So many of them by fs.writeSync, which would take half a minute for all. */
const WRITE_SYNC_EVENTS = scaled(400_000);
const ROOM_EVENTS = scaled(5_000_000);
const ROOM_RING_BYTES = 64 * 2 ** 20;
const FRAME_BYTES = 64;
const BLOCK_BYTES = 256 * 1024;
const PAYLOAD = new Uint8Array(40).fill(0x5a);

const WRITEV = 'writev of 256 KiB blocks';
const ROOM = 'append, ring has room, coarse time';
const WRITE_SYNC = 'fs.writeSync of each event';
const COARSE = 'until the kernel has all, coarse time';
const MANUAL: WalOptions = { sync: { mode: 'manual' } };

const perSecond = (events: number, elapsedMs: number): Sample => ({
  values: { rate: (events / elapsedMs) * 1e3 },
});

/** Bursts of half a ring, drained in between, off the clock. */
async function intoRoom(folder: string): Promise<Sample> {
  const directory = join(folder, 'room');
  const options = {
    ...logSizes,
    ...MANUAL,
    timestamps: 'coarse',
    ringBytes: ROOM_RING_BYTES,
  } as const;
  const wal = await Wal.open(directory, options);
  const burst = Math.min(ROOM_EVENTS, ROOM_RING_BYTES / 2 / FRAME_BYTES);
  let elapsedMs = 0;
  for (let done = 0; done < ROOM_EVENTS; done += burst) {
    const startMs = performance.now();
    for (let event = 0; event < burst; event++) wal.append(PAYLOAD);
    elapsedMs += performance.now() - startMs;
    await drained(wal);
  }
  const events = wal.lastEventId;
  await wal.close();
  rmSync(directory, { recursive: true });
  return perSecond(events, elapsedMs);
}

async function untilWritten(run: Run, folder: string, options: WalOptions): Promise<Sample> {
  const { writtenMs, lastEventId, story } = await sustained(folder, EVENTS, options);
  run.say(`  ${options.timestamps ?? ''}: ${story}`);
  run.hash.add(lastEventId);
  return perSecond(EVENTS, writtenMs);
}

/** Of each round, to the slower of the two bounds in that round. */
function toSlowerBound(rows: ReadonlyMap<string, Row>): number {
  const of = (name: string): readonly number[] => rows.get(name)?.values['rate'] ?? [];
  const [writev, room] = [of(WRITEV), of(ROOM)];
  return median(
    of(COARSE).map((rate, round) => rate / Math.min(writev[round] ?? NaN, room[round] ?? NaN)),
  );
}

await benchmark('throughput', (run) =>
  withFolder(async (folder) => {
    const bytes = EVENTS * FRAME_BYTES;
    const ways: Way[] = [
      {
        name: WRITEV,
        run: () => perSecond(EVENTS, writevBlocks(folder, bytes, BLOCK_BYTES)),
      },
      { name: ROOM, run: () => intoRoom(folder) },
      {
        name: WRITE_SYNC,
        run: () =>
          perSecond(WRITE_SYNC_EVENTS, writeEvents(folder, WRITE_SYNC_EVENTS, PAYLOAD.length)),
      },
      {
        name: COARSE,
        run: () => untilWritten(run, folder, { ...MANUAL, timestamps: 'coarse' }),
      },
      {
        name: 'until the kernel has all, precise time',
        run: () => untilWritten(run, folder, { ...MANUAL, timestamps: 'precise' }),
      },
      {
        name: 'the same, default sync (every 10 ms)',
        run: () => untilWritten(run, folder, { timestamps: 'precise' }),
      },
    ];
    const title = `${EVENTS} events of 40 bytes`;
    const rows = await run.compare(title, [{ name: 'rate', unit: '/s' }], ways, WRITEV);
    run.goal('bound', toSlowerBound(rows));
    run.goal('writeSync', ratioOf(rows.get(COARSE), rows.get(WRITE_SYNC), 'rate'));
  }),
);
