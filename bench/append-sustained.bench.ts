// Ten million appends without a pause, beside a flat function that nobody drains, and, where a
// checkout of it is given, beside the recorder of the C++ reference (--reference FOLDER).
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { sustained } from './append/sustained.js';
import { scaled, withFolder } from './harness/folder.js';
import { benchmark, type Run } from './harness/run.js';
import { ratioOf, type Way } from './harness/turns.js';
import { flatRing } from './limits/flat-append.js';
import { buildReference } from './reference/build.js';

const EVENTS = scaled(10_000_000);
const RING_BYTES = 16 * 2 ** 20;
const PAYLOAD = new Uint8Array(40).fill(0x5a);
const WITH_METRICS = 'the C++ reference, its metrics on';
const COARSE = 'append, coarse time';

function flat(): number {
  const ring = flatRing(RING_BYTES, true);
  const startMs = performance.now();
  for (let event = 0; event < EVENTS; event++) ring.append(PAYLOAD);
  return performance.now() - startMs;
}

function referenceWay(folder: string, checkout: string | undefined, hasMetrics: boolean): Way {
  const name = hasMetrics ? WITH_METRICS : 'the C++ reference, without metrics';
  if (checkout === undefined) {
    const missing = 'no checkout was given (--reference FOLDER)';
    return { name, missing, run: () => Promise.reject(new Error(missing)) };
  }
  const driver = buildReference(checkout, folder, hasMetrics);
  return {
    name,
    run() {
      const log = join(folder, 'reference-log');
      mkdirSync(log);
      const ns = driver.run(log, EVENTS);
      rmSync(log, { recursive: true });
      return { values: { append: ns } };
    },
  };
}

function ownWay(run: Run, folder: string, timestamps: 'coarse' | 'precise'): Way {
  return {
    name: timestamps === 'coarse' ? COARSE : 'append, precise time',
    async run() {
      const result = await sustained(folder, EVENTS, { sync: { mode: 'manual' }, timestamps });
      run.say(`  ${timestamps}: ${result.story}`);
      run.hash.add(result.lastEventId);
      return { values: { append: (result.appendedMs * 1e6) / EVENTS } };
    },
  };
}

await benchmark('append-sustained', (run) =>
  withFolder(async (folder) => {
    const { reference } = run.options;
    const ways: Way[] = [
      ownWay(run, folder, 'coarse'),
      ownWay(run, folder, 'precise'),
      {
        name: 'a flat function, same frame, nobody drains',
        run: () => ({ values: { append: (flat() * 1e6) / EVENTS } }),
      },
      referenceWay(folder, reference, true),
      referenceWay(folder, reference, false),
    ];
    const title = `${EVENTS} appends without a pause`;
    const rows = await run.compare(title, [{ name: 'append', unit: 'ns' }], ways, COARSE);
    run.goal('reference', ratioOf(rows.get(COARSE), rows.get(WITH_METRICS), 'append'));
  }),
);
