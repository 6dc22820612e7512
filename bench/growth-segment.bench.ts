// How fast the kernel has all events, and how long appends stall, against the size of a segment.

import { sustained } from './append/sustained.js';
import { scale, scaled, withFolder } from './harness/folder.js';
import { benchmark } from './harness/run.js';
import { bytesText, sweep } from './harness/sweep.js';

const MIB = 2 ** 20;
const SIZES = scale < 1 ? [MIB, 4 * MIB] : [MIB, 4 * MIB, 16 * MIB, 64 * MIB, 256 * MIB];
const EVENTS = scaled(4_000_000);

await benchmark('growth-segment', (run) =>
  withFolder(async (folder) => {
    await sweep(run, {
      title: `${EVENTS} events by the size of a segment`,
      label: 'bytes of a segment',
      sizes: SIZES,
      columns: [
        { name: 'events', unit: '/s' },
        { name: 'stalled', unit: 'ms' },
      ],
      nameOf: bytesText,
      async measure(segmentBytes) {
        const options = { segmentBytes, timestamps: 'coarse' } as const;
        const { writtenMs, stalledMs } = await sustained(folder, EVENTS, options);
        return { values: { events: (EVENTS / writtenMs) * 1e3, stalled: stalledMs } };
      },
    });
  }),
);
