// How long a durable state machine takes to open, from a snapshot and from all events, against how
// many there are. 50 million are recorded only where `--only` names them: `--only M` has all sizes.
import { join } from 'node:path';
import { type MachineOptions, openMachine } from '../src/index.js';
import { logSizes, scale, withFolder } from './harness/folder.js';
import { benchmark } from './harness/run.js';
import { sweep } from './harness/sweep.js';
import type { Sample } from './harness/turns.js';

const LARGE = 50_000_000;
const SIZES = scale < 1 ? [1000, 10_000] : [1_000_000, 10_000_000];
/** A counter: as little as an event can be, and an `apply` that costs next to nothing. */
const PAYLOAD = new Uint8Array(8);

interface Sum {
  events: number;
}

const options: MachineOptions<Sum, number> = {
  initial: () => ({ events: 0 }),
  apply: (state) => ++state.events,
  snapshot: (state) => JSON.stringify(state),
  restore: (content) => JSON.parse(content.text()) as Sum,
  snapshots: { everyEvents: 0 },
  wal: logSizes,
};
/** A machine that does not understand the snapshot, and applies all events again. */
const REPLAYING = { ...options, version: 2 };

const millions = (events: number): string => `${events / 1e6} M`;

async function record(directory: string, events: number): Promise<void> {
  const machine = await openMachine(directory, options);
  for (let event = 0; event < events; event++) machine.applyNow(PAYLOAD);
  await machine.close({ snapshot: true });
}

async function openMs(directory: string, how: typeof options, events: number): Promise<number> {
  const startMs = performance.now();
  const machine = await openMachine(directory, how);
  const tookMs = performance.now() - startMs;
  if (machine.state.events !== events) throw new Error('the machine has all events');
  await machine.close();
  return tookMs;
}

await benchmark('growth-machine', (run) =>
  withFolder(async (folder) => {
    const isLargeWanted = scale >= 1 && run.options.only.length > 0;
    const sizes = isLargeWanted ? [...SIZES, LARGE] : SIZES;
    const directoryOf = (events: number): string => join(folder, String(events));
    for (const events of sizes.filter((each) => run.isWanted(millions(each)))) {
      run.say(`  recording ${millions(events)} events`);
      await record(directoryOf(events), events);
    }
    await sweep(run, {
      title: 'openMachine by the number of events',
      label: 'events',
      sizes,
      columns: ['snapshot', 'events'].map((name) => ({ name, unit: 'ms' })),
      nameOf: millions,
      async measure(events): Promise<Sample> {
        const snapshot = await openMs(directoryOf(events), options, events);
        return {
          values: { snapshot, events: await openMs(directoryOf(events), REPLAYING, events) },
        };
      },
    });
  }),
);
