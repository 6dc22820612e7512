// How long the open of a cleanly closed log takes against its size, and to begin reading in its
// middle. 10 GiB are written only where `--only` names them: `--only iB` has all sizes.
//
// An open reads all of the last segment, whatever the size of the log. From 100 MiB on the last
// segment is half full, as it is on average: what differs then is the segments before it.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { openCursor, replay, Wal } from '../src/index.js';
import { logSizes, scale, scaled, withFolder } from './harness/folder.js';
import { benchmark } from './harness/run.js';
import { median } from './harness/statistics.js';
import { bytesText, sweep } from './harness/sweep.js';
import type { Sample } from './harness/turns.js';
import { openHere } from './open/times.js';

const MIB = 2 ** 20;
const [SMALL, LARGE] = [100 * MIB, 10 * 1024 * MIB];
const SIZES = scale < 1 ? [MIB, 2 * MIB] : [MIB, 10 * MIB, SMALL, 1024 * MIB];
const PAYLOAD = new Uint8Array(64_000).fill(0x5a);
const OPENS = scaled(10);
const SEGMENT_BYTES = logSizes.segmentBytes ?? 64 * MIB;

async function fill(directory: string, bytes: number): Promise<void> {
  const wal = await Wal.open(directory, {
    ...logSizes,
    sync: { mode: 'manual' },
    timestamps: 'coarse',
  });
  const append = (count: number): void => {
    for (let written = 0; written < count; written += PAYLOAD.length) wal.append(PAYLOAD);
  };
  if (scale >= 1 && bytes < SMALL) append(bytes);
  else {
    // A segment less, what is left of the one that stands there, and half of the next: `bytes` on
    // average.
    append(bytes - SEGMENT_BYTES);
    await wal.durable();
    for (const before = segmentsIn(directory); segmentsIn(directory) === before; ) {
      append(MIB);
      await wal.durable();
    }
    append(SEGMENT_BYTES / 2);
  }
  await wal.close();
}

const segmentsIn = (directory: string): number =>
  readdirSync(directory).filter((name) => name.endsWith('.wal')).length;

/** Milliseconds from nothing to the first event. */
function seek(directory: string, key: 'from' | 'fromTime', eventId: number): number {
  const [event] = replay(directory, { from: eventId, to: eventId, readAhead: false });
  const startMs = performance.now();
  const cursor = openCursor(
    directory,
    key === 'from' ? { from: eventId } : { fromTime: event?.timestampNs },
  );
  if (!cursor.next()) throw new Error('the event is there');
  const tookMs = performance.now() - startMs;
  cursor.close();
  return tookMs;
}

await benchmark('growth-log', (run) =>
  withFolder(async (folder) => {
    const isLargeWanted = scale >= 1 && run.options.only.length > 0;
    const sizes = isLargeWanted ? [...SIZES, LARGE] : SIZES;
    const directoryOf = (bytes: number): string => join(folder, String(bytes));
    for (const bytes of sizes.filter((each) => run.isWanted(bytesText(each)))) {
      run.say(`  writing ${bytesText(bytes)}`);
      await fill(directoryOf(bytes), bytes);
    }
    const reading = await sweep(run, {
      title:
        'open of a closed log by its size, the last segment half full from 100 MiB on, and to an ' +
        'event in its middle',
      label: 'bytes of the log',
      sizes,
      columns: ['open', 'from', 'fromTime'].map((name) => ({ name, unit: 'ms' })),
      nameOf: bytesText,
      async measure(bytes): Promise<Sample> {
        const openedMs: number[] = [];
        for (let count = 0; count < OPENS; count++) {
          openedMs.push(await openHere(directoryOf(bytes)));
        }
        const middle = Math.ceil(bytes / PAYLOAD.length / 2);
        const seeksMs = (key: 'from' | 'fromTime'): number =>
          median(openedMs.map(() => seek(directoryOf(bytes), key, middle)));
        const [from, fromTime] = [seeksMs('from'), seeksMs('fromTime')];
        return { values: { open: median(openedMs), from, fromTime } };
      },
    });
    run.goal('size', reading(LARGE, 'open') / reading(SMALL, 'open'));
  }),
);
