// How long the open of a cleanly closed log takes against its size, and to begin reading in its
// middle. 10 GiB are written only where `--only` names them: `--only iB` has all sizes.
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

async function fill(directory: string, bytes: number): Promise<void> {
  const wal = await Wal.open(directory, {
    ...logSizes,
    sync: { mode: 'manual' },
    timestamps: 'coarse',
  });
  for (let written = 0; written < bytes; written += PAYLOAD.length) wal.append(PAYLOAD);
  await wal.close();
}

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
      title: 'open of a closed log by its size, and to an event in its middle',
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
