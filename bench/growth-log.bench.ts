// How long the open of a cleanly closed log takes against its size.
import { join } from 'node:path';
import { Wal } from '../src/index.js';
import { logSizes, scale, scaled, withFolder } from './harness/folder.js';
import { benchmark } from './harness/run.js';
import { median } from './harness/statistics.js';
import { bytesText, sweep } from './harness/sweep.js';
import type { Sample } from './harness/turns.js';
import { openHere } from './open/times.js';

const MIB = 2 ** 20;
const [SMALL, LARGE] = [100 * MIB, 10 * 1024 * MIB];
const SIZES = scale < 1 ? [MIB, 2 * MIB] : [MIB, 10 * MIB, SMALL, 1024 * MIB, LARGE];
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

await benchmark('growth-log', (run) =>
  withFolder(async (folder) => {
    const directoryOf = (bytes: number): string => join(folder, String(bytes));
    for (const bytes of SIZES.filter((each) => run.isWanted(bytesText(each)))) {
      run.say(`  writing ${bytesText(bytes)}`);
      await fill(directoryOf(bytes), bytes);
    }
    const reading = await sweep(run, {
      title: 'open of a closed log by its size',
      label: 'bytes of the log',
      sizes: SIZES,
      columns: [{ name: 'open', unit: 'ms' }],
      nameOf: bytesText,
      async measure(bytes): Promise<Sample> {
        const openedMs: number[] = [];
        for (let count = 0; count < OPENS; count++) {
          openedMs.push(await openHere(directoryOf(bytes)));
        }
        return { values: { open: median(openedMs) } };
      },
    });
    run.goal('size', reading(LARGE, 'open') / reading(SMALL, 'open'));
  }),
);
