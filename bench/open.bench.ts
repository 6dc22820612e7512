// How long Wal.open takes: of a new log and of one that was closed, in a fresh process and in one
// in which a log is open already.
import { join } from 'node:path';
import { Wal } from '../src/index.js';
import { logSizes, scaled, withFolder } from './harness/folder.js';
import { benchmark } from './harness/run.js';
import { median } from './harness/statistics.js';
import type { Way } from './harness/turns.js';
import { openFresh, openHere } from './open/times.js';

const OPENS = scaled(4);
const NEW_FRESH = 'a new log, a fresh process';
const NEW_BESIDE = 'a new log, another is open';
const OLD_FRESH = 'a closed log, a fresh process';
const OLD_BESIDE = 'a closed log, another is open';
const GOALS = [
  [NEW_FRESH, 'newFresh'],
  [NEW_BESIDE, 'newBeside'],
  [OLD_FRESH, 'oldFresh'],
  [OLD_BESIDE, 'oldBeside'],
] as const;

await benchmark('open', (run) =>
  withFolder(async (folder) => {
    const other = await Wal.open(join(folder, 'other'), logSizes);
    const closed = join(folder, 'closed');
    await openHere(closed);
    let logs = 0;
    const fresh = (): string => join(folder, `new-${++logs}`);
    const way = (name: string, open: () => Promise<number>): Way => ({
      name,
      async run() {
        const openedMs: number[] = [];
        for (let count = 0; count < OPENS; count++) openedMs.push(await open());
        return { values: { open: median(openedMs) } };
      },
    });
    const ways = [
      way(NEW_FRESH, () => openFresh(fresh())),
      way(NEW_BESIDE, () => openHere(fresh())),
      way(OLD_FRESH, () => openFresh(closed)),
      way(OLD_BESIDE, () => openHere(closed)),
    ];
    const rows = await run.compare('Wal.open', [{ name: 'open', unit: 'ms' }], ways);
    for (const [name, goal] of GOALS) run.goal(goal, median(rows.get(name)?.values['open'] ?? []));
    await other.close();
  }),
);
